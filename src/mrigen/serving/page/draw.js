// The view that draws samples.

import { keepAddress } from "./address.js";
import { drawSamples } from "./api.js";
import { Conditions, titleOfCondition } from "./conditions.js";
import { save } from "./downloads.js";
import { byId, element } from "./elements.js";
import { Enlarged } from "./enlarge.js";
import { ModelChoice, costOfQuick, notServed } from "./served.js";
import { cutSheet } from "./sheet.js";
import { Strip, oneByOne, titleOfOne, valueIn } from "./strip.js";
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
    this.strip = new Strip(() => this.#drawSoon());
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
    this.#offer(wanted);
    if (!served) this.work.fail(notServed(wanted));
    else if (wanted === this.drawn) keepAddress(wanted, { replace: true });
    else this.#draw({ replace: true });
  }

  #listen() {
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.#draw();
    };
    for (const name of ["seed", "count", "quick"]) {
      this.form[name].onchange = () => this.#drawSoon();
    }
    this.form.model.onchange = () => {
      this.model.tellFacts();
      this.#offer(this.#wanted);
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

  /** Show what the chosen model can be asked for, set as `wanted` says. */
  #offer({ conditions, quick, over }) {
    const { entry } = this.model;
    this.conditions.show(entry.conditions, conditions);
    this.strip.show(entry.conditions, over);
    this.form.quick.checked = entry.quick && quick === true;
    byId("quick-field").hidden = !entry.quick;
    byId("quick-words").textContent = `Sooner: ${costOfQuick(entry)}.`;
  }

  get #wanted() {
    const { name, version } = this.model.entry;
    return {
      model: name,
      version,
      seed: BigInt(this.form.seed.value),
      count: Number(this.form.count.value),
      quick: (this.model.entry.quick && this.form.quick.checked) || undefined,
      over: this.strip.name,
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
    const over = this.strip.entry;
    const ones = oneByOne(wanted, shown, over);
    this.form.count.disabled = over !== undefined;
    this.conditions.setAside(wanted.over);
    keepAddress(wanted, { replace });
    this.sheet.setAttribute("aria-busy", "true");
    await this.work.run("Drawing.", async (options) => {
      const pictures = over
        ? await Promise.all(ones.map((one) => drawOne(one, size, options)))
        : await drawSheet({ ...wanted, count: shown }, size, options);
      if (options.signal.aborted) return;
      this.#lay(pictures, { wanted, ones, over });
      return over ? toldStrip(ones, over) : told(wanted, shown);
    });
    if (!this.work.controller) this.sheet.removeAttribute("aria-busy");
  }

  #lay(pictures, { wanted, ones, over }) {
    Object.assign(this, { pictures, drawn: wanted, ones, over });
    this.sheet.replaceChildren(
      ...pictures.map((canvas, index) => {
        const button = element("button", { type: "button", tabIndex: index ? -1 : 0 }, canvas);
        button.dataset.index = index;
        button.setAttribute("aria-label", `Sample with ${titleOfOne(ones[index], over)}`);
        if (!over) return element("li", {}, button);
        const textContent = valueIn(ones[index].conditions, over);
        return element("li", {}, button, element("span", { className: "small", textContent }));
      }),
    );
    const columns = over ? pictures.length : Math.ceil(Math.sqrt(pictures.length));
    this.sheet.style.setProperty("--columns", columns);
    byId("draw-downloads").hidden = over !== undefined; // they are files of their own
    const png = byId("draw-downloads").querySelector("[value=png]");
    png.disabled = pictures.length < wanted.count;
  }

  #enlarge(button) {
    if (button) this.enlarged.open(this.pictures, Number(button.dataset.index), this);
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

async function drawSheet(wanted, size, options) {
  const { blob } = await drawSamples(wanted, "png", options);
  return cutSheet(blob, wanted.count, size);
}

async function drawOne(one, size, { signal, onWait }) {
  return (await drawSheet(one, size, { signal, onWait }))[0];
}

function toldStrip(ones, over) {
  const values = ones.map(({ conditions }) => valueIn(conditions, over));
  return `One seed, ${ones[0].seed}, over ${titleOfCondition(over)}: ${values.join(", ")}.`;
}

function told({ seed, count }, shown) {
  if (count === 1) return `One sample, seed ${seed}.`;
  const seeds = `seeds ${seed} to ${seed + BigInt(count - 1)}`;
  if (shown === count) return `${count} samples, ${seeds}.`;
  return `The first ${shown} of ${count} samples, ${seeds}. ZIP, NPZ and NIfTI have them all.`;
}
