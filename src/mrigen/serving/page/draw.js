// The view that draws samples.

import { keepAddress } from "./address.js";
import { drawSamples } from "./api.js";
import { Conditions } from "./conditions.js";
import { save } from "./downloads.js";
import { byId, element } from "./elements.js";
import { Enlarged } from "./enlarge.js";
import { ModelChoice, notServed } from "./served.js";
import { cutSheet } from "./sheet.js";
import { Work } from "./work.js";

const COUNT = 16;
const REST_MS = 300; // a slider moved by keys changes many times
const SEEDS = 1_000_000; // picked ones are short enough to be told to somebody

export class DrawView {
  constructor(entries) {
    this.section = byId("draw");
    this.form = byId("draw-form");
    this.sheet = byId("sheet");
    this.entries = entries.filter((entry) => entry.tasks.includes("sample"));
    this.section.querySelector(".empty").hidden = this.entries.length > 0;
    this.section.querySelector(".bench").hidden = this.entries.length === 0;
    if (!this.entries.length) return;
    this.work = new Work(byId("draw-work"));
    this.downloading = new Work(byId("download-work"));
    this.model = new ModelChoice("draw", this.entries);
    this.conditions = new Conditions(() => this.#drawSoon());
    this.enlarged = new Enlarged((index) => this.#focus(index));
    this.#listen();
  }

  /** Show what the address asks for. */
  show(address) {
    if (!this.entries.length) return;
    this.enlarged.close();
    const asksNothing = address.model === undefined && address.seed === undefined;
    const wanted = asksNothing && this.drawn ? this.drawn : address;
    const served = this.model.choose(wanted);
    this.form.seed.value = wanted.seed ?? anySeed();
    this.form.count.value = wanted.count ?? COUNT;
    this.conditions.show(this.model.entry.conditions, wanted.conditions);
    if (!served) this.work.fail(notServed(wanted));
    else if (wanted === this.drawn) keepAddress(wanted, { replace: true });
    else this.#draw({ replace: true });
  }

  #listen() {
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.#draw();
    };
    this.form.seed.onchange = this.form.count.onchange = () => this.#drawSoon();
    this.form.model.onchange = () => {
      this.model.tellFacts();
      this.conditions.show(this.model.entry.conditions, this.conditions.values);
      this.#drawSoon();
    };
    byId("another").onclick = () => {
      this.form.seed.value = anySeed();
      this.#draw();
    };
    this.sheet.onclick = (event) => this.#enlarge(event.target.closest("button"));
    this.sheet.onkeydown = (event) => this.#press(event);
    byId("draw-downloads").onclick = (event) => {
      const format = event.target.closest("button[value]")?.value;
      if (format) this.#download(format);
    };
  }

  get #wanted() {
    const { name, version } = this.model.entry;
    return {
      model: name,
      version,
      seed: BigInt(this.form.seed.value),
      count: Number(this.form.count.value),
      conditions: this.conditions.values,
    };
  }

  #drawSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.section.hidden) this.#draw(); // else another view has the address now
    }, REST_MS);
  }

  async #draw({ replace = false } = {}) {
    clearTimeout(this.timer);
    if (!this.form.reportValidity()) return;
    const wanted = this.#wanted;
    const { max_count: most, image_size: size } = this.model.entry;
    const shown = Math.min(wanted.count, most.png);
    keepAddress(wanted, { replace });
    this.sheet.setAttribute("aria-busy", "true");
    await this.work.run("Drawing.", async (options) => {
      const { blob } = await drawSamples({ ...wanted, count: shown }, "png", options);
      const pictures = await cutSheet(blob, shown, size);
      if (options.signal.aborted) return;
      this.#lay(pictures, wanted);
      return told(wanted, shown);
    });
    if (!this.work.controller) this.sheet.removeAttribute("aria-busy");
  }

  #lay(pictures, wanted) {
    Object.assign(this, { pictures, drawn: wanted });
    this.sheet.replaceChildren(
      ...pictures.map((canvas, index) => {
        const button = element("button", { type: "button", tabIndex: index ? -1 : 0 }, canvas);
        button.dataset.index = index;
        button.setAttribute("aria-label", `Sample with seed ${wanted.seed + BigInt(index)}`);
        return element("li", {}, button);
      }),
    );
    this.sheet.style.setProperty("--columns", Math.ceil(Math.sqrt(pictures.length)));
    byId("draw-downloads").hidden = false;
    const png = byId("draw-downloads").querySelector("[value=png]");
    png.disabled = pictures.length < wanted.count;
  }

  #enlarge(button) {
    if (button) this.enlarged.open(this.pictures, Number(button.dataset.index), this.drawn);
  }

  // One picture is reached by the tabulator, the others by the arrows.
  #press(event) {
    const at = Number(event.target.dataset.index);
    const last = this.pictures.length - 1;
    const columns = getComputedStyle(this.sheet).gridTemplateColumns.split(" ").length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const to = { Home: 0, End: last }[event.key] ?? at + steps[event.key];
    if (!(to >= 0 && to <= last) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#focus(to);
  }

  #focus(index) {
    const buttons = this.sheet.querySelectorAll("button");
    if (!buttons[index]) return;
    for (const button of buttons) button.tabIndex = -1;
    buttons[index].tabIndex = 0;
    buttons[index].focus();
  }

  #download(format) {
    const wanted = this.drawn;
    this.downloading.run("Fetching the file.", async (options) => {
      const answer = await drawSamples(wanted, format, options);
      save(answer, `${wanted.model}-${wanted.version}-${wanted.seed}`, format);
      return "Saved.";
    });
  }
}

const anySeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;

function told({ seed, count }, shown) {
  if (count === 1) return `One sample, seed ${seed}.`;
  const seeds = `seeds ${seed} to ${seed + BigInt(count - 1)}`;
  if (shown === count) return `${count} samples, ${seeds}.`;
  return `The first ${shown} of ${count} samples, ${seeds}. ZIP, NPZ and NIfTI have them all.`;
}
