// The served models: finding one, and choosing one from a list.

import { addressOf } from "./address.js";
import { byId, element } from "./elements.js";

/** The entry of a name and a version, or of the version served first. */
export function findEntry(entries, { model, version }) {
  const named = entries.filter((entry) => model === undefined || entry.name === model);
  return named.find((entry) => version === undefined || entry.version === version);
}

/** "vae 3 (champion)" */
function titleOf({ name, version, aliases }) {
  return `${name} ${version}${aliases.length ? ` (${aliases.join(", ")})` : ""}`;
}

/** A select element over entries with a line of facts beneath; `prefix` names its elements. */
export class ModelChoice {
  constructor(prefix, entries) {
    this.entries = entries;
    this.prefix = prefix;
    this.select = byId(`${prefix}-model`);
    this.select.replaceChildren(
      ...entries.map((entry, index) =>
        element("option", { value: String(index), textContent: titleOf(entry) }),
      ),
    );
  }

  get entry() {
    return this.entries[Number(this.select.value)];
  }

  /** Choose what the address asks for; whether it is served. */
  choose(wanted) {
    const entry = findEntry(this.entries, wanted);
    this.select.value = String(Math.max(0, this.entries.indexOf(entry)));
    this.tellFacts();
    return entry !== undefined;
  }

  tellFacts() {
    const { name, version, image_size: size, parameters } = this.entry;
    const numbers = `${size} × ${size} pixels, ${parameters.toLocaleString("en")} parameters.`;
    byId(`${this.prefix}-facts`).textContent = numbers;
    byId(`${this.prefix}-about`).href = addressOf({ view: "models", model: name, version });
  }
}

/** What a model's quick mode does to quality, as far as it is known. */
export function costOfQuick({ quick_frechet_ratio: ratio }) {
  if (ratio === null) return "what it costs in quality was not measured";
  return `${ratio.toFixed(2)} times the usual Fréchet distance from real slices`;
}

/** What to say of a link to a model that is not served. */
export function notServed({ model, version }) {
  const which = version === undefined ? `Model '${model}'` : `Model '${model}' version ${version}`;
  return `${which} is not served here: choose another one.`;
}
