// One seed drawn again and again, with another value of one condition each time.

import { inWords, scaleOf, titleOfCondition } from "./conditions.js";
import { byId, element } from "./elements.js";

const VALUES = 6; // of a number: as many requests as a browser has under way at once

/** The choice of what one seed is drawn over, if anything. */
export class Strip {
  /** @param {() => void} changed called when the user has chosen */
  constructor(changed) {
    this.select = byId("over");
    this.select.onchange = changed;
  }

  /** Offer the conditions of `entries`, with `name` chosen if it is one of them. */
  show(entries, name) {
    this.entries = entries;
    this.select.replaceChildren(
      element("option", { value: "", textContent: "nothing: another seed each" }),
      ...entries.map((one) =>
        element("option", { value: one.name, textContent: titleOfCondition(one) }),
      ),
    );
    this.select.value = entries.some((one) => one.name === name) ? name : "";
    byId("over-field").hidden = entries.length === 0;
  }

  /** The name of the condition; undefined for none. */
  get name() {
    return this.select.value || undefined;
  }

  get entry() {
    return this.entries.find((one) => one.name === this.name);
  }
}

/** What is asked for, picture by picture: of one seed over `entry`, or else of `count` seeds. */
export function oneByOne({ over, ...wanted }, count, entry) {
  if (!entry) {
    const seeds = Array.from({ length: count }, (_, index) => wanted.seed + BigInt(index));
    return seeds.map((seed) => ({ ...wanted, seed, count: 1 }));
  }
  return valuesOf(entry).map((value) => {
    const conditions = { ...wanted.conditions, [over]: value };
    return { ...wanted, count: 1, conditions };
  });
}

/** A picture in words: its seed, and its value where one seed is drawn over `entry`. */
export function titleOfOne({ seed, conditions }, entry) {
  if (!entry) return `seed ${seed}`;
  return `seed ${seed}, ${titleOfCondition(entry)} ${valueIn(conditions, entry)}`;
}

/** Its value in words, such as "60 years". */
export function valueIn(conditions, entry) {
  return inWords(entry, conditions[entry.name]);
}

function valuesOf(entry) {
  if (entry.choices.length) return entry.choices;
  const { min, max, step } = scaleOf(entry);
  const [first, last] = [Number(min), Number(max)];
  if (step === "any") return [first];
  const steps = (last - first) / Number(step);
  const digits = step.split(".")[1]?.length ?? 0;
  const places = Array.from({ length: VALUES }, (_, index) => (index * steps) / (VALUES - 1));
  const values = places.map((place) => first + Math.round(place) * Number(step));
  return [...new Set(values.map((value) => Number(value.toFixed(digits))))];
}
