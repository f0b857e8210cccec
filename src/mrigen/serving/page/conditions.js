// Controls for what samples can be asked for. "Open" is not told: the network decides.

import { byId, element } from "./elements.js";

const STEPS = 100; // of a slider, at most

/** Controls of one model's conditions. */
export class Conditions {
  /** @param {() => void} changed called when the user has changed a value */
  constructor(changed) {
    this.changed = changed;
    this.controls = new Map();
  }

  /** Show the controls of `entries`, set to `values`. */
  show(entries, values) {
    this.controls = new Map(
      entries.map((entry) => [
        entry.name,
        entry.choices.length ? choice(entry, this.changed) : slider(entry, this.changed),
      ]),
    );
    for (const [name, control] of this.controls) control.set(values[name]);
    const fields = [...this.controls.values()].map(({ field }) => field);
    byId("condition-fields").replaceChildren(...fields);
    byId("conditions").hidden = entries.length === 0;
  }

  /** Set the control of one condition aside, whose value is not asked for. */
  setAside(name) {
    for (const [own, { field }] of this.controls) field.inert = own === name;
  }

  /** The values that are told. */
  get values() {
    const told = [...this.controls].map(([name, control]) => [name, control.get()]);
    return Object.fromEntries(told.filter(([, value]) => value !== undefined));
  }
}

/** A value in words, such as "60 years". */
export function inWords({ unit }, value) {
  return `${value}${unit ? ` ${unit}` : ""}`;
}

/** A name as people write it: "position_mm" with the unit "mm" is "position". */
export function titleOfCondition({ name, unit }) {
  const stem = unit && name.endsWith(`_${unit}`) ? name.slice(0, -unit.length - 1) : name;
  return stem.replaceAll("_", " ");
}

function choice(entry, changed) {
  const id = `condition-${entry.name}`;
  const select = element("select", { id, onchange: changed });
  select.append(
    element("option", { value: "", textContent: "open" }),
    ...entry.choices.map((one) => element("option", { value: one, textContent: one })),
  );
  const label = element("label", { htmlFor: id, textContent: titleOfCondition(entry) });
  return {
    field: element("div", { className: "field" }, label, select),
    get: () => select.value || undefined,
    set: (value) => {
      select.value = entry.choices.includes(value) ? value : "";
    },
  };
}

function slider(entry, changed) {
  const id = `condition-${entry.name}`;
  const range = element("input", { id, type: "range", ...scaleOf(entry) });
  const open = element("input", { type: "checkbox", id: `${id}-open` });
  const shown = element("output", { htmlFor: id });
  const title = titleOfCondition(entry);
  const tell = () => {
    const words = inWords(entry, range.value);
    shown.textContent = open.checked ? "" : words;
    range.setAttribute("aria-valuetext", open.checked ? "open" : words);
    range.classList.toggle("open", open.checked);
  };
  range.oninput = () => {
    open.checked = false;
    tell();
  };
  open.oninput = tell;
  range.onchange = open.onchange = changed;
  const label = element("label", { htmlFor: id }, `${title} `, shown);
  const openLabel = element("label", { className: "check" }, open, "open");
  open.setAttribute("aria-label", `${title} open`);
  return {
    field: element("div", { className: "field slider" }, label, openLabel, range),
    get: () => (open.checked ? undefined : Number(range.value)),
    set: (value) => {
      open.checked = value === undefined || !Number.isFinite(Number(value));
      const middle = (Number(range.min) + Number(range.max)) / 2;
      range.value = open.checked ? middle : value;
      tell();
    },
  };
}

// Round numbers within the range: steps of 1, 2 or 5 times a power of ten.
export function scaleOf({ minimum, maximum }) {
  const rough = (maximum - minimum) / STEPS;
  if (!(rough > 0)) return { min: minimum, max: maximum, step: "any" };
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const fixed = (value) => (value * step).toFixed(digits);
  return {
    min: fixed(Math.ceil(minimum / step - 1e-9)),
    max: fixed(Math.floor(maximum / step + 1e-9)),
    step: step.toFixed(digits),
  };
}
