// The view that restores a slice or a volume, and shows where it looks unusual.

import { keepAddress } from "./address.js";
import { sendFile } from "./api.js";
import { save } from "./downloads.js";
import { byId } from "./elements.js";
import { ModelChoice, notServed } from "./served.js";
import { cutSheet } from "./sheet.js";
import { Work } from "./work.js";

const PARTS = ["input", "restored", "anomaly"];
const VOLUME = /\.nii(\.gz)?$/i;
// What lies on the left of a slice of a volume, as scanners mark it.
const SIDES = { axial: "R", coronal: "R", sagittal: "A" };
const NAMES = { R: "R is the patient's right.", A: "A is the front of the head." };

export class RestoreView {
  constructor(entries) {
    this.section = byId("restore");
    this.form = byId("restore-form");
    this.entries = entries.filter((entry) => entry.tasks.includes("restore"));
    this.section.querySelector(".empty").hidden = this.entries.length > 0;
    this.section.querySelector(".bench").hidden = this.entries.length === 0;
    if (!this.entries.length) return;
    this.work = new Work(byId("restore-work"));
    this.downloading = new Work(byId("restore-download-work"));
    this.model = new ModelChoice("restore", this.entries);
    this.#listen();
  }

  /** Show what the address asks for; a file stays, whatever the address. */
  show(address) {
    if (!this.entries.length) return;
    const wanted = address.model === undefined && this.asked ? this.asked : address;
    this.form.plane.value = wanted.plane ?? address.conditions.plane ?? "axial";
    if (!this.model.choose(wanted)) this.work.fail(notServed(wanted));
    else this.#restore({ replace: true });
  }

  #listen() {
    const drop = byId("drop");
    byId("choose").onclick = () => {
      byId("file").value = ""; // the same file may have changed
      byId("file").click();
    };
    byId("file").onchange = (event) => this.#take(event.target.files);
    this.form.onsubmit = (event) => event.preventDefault();
    this.form.model.onchange = () => {
      this.model.tellFacts();
      this.#restore();
    };
    this.form.plane.onchange = () => this.#restore();
    // A file dropped beside the frame would otherwise open in place of the page.
    addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      drop.classList.toggle("over", !this.section.hidden);
    });
    addEventListener("dragleave", () => drop.classList.remove("over"));
    addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      drop.classList.remove("over");
      this.#take(event.dataTransfer.files);
    });
    addEventListener("paste", (event) => this.#take(event.clipboardData.files));
    byId("slice").oninput = (event) => this.#turnTo(Number(event.target.value) - 1);
    byId("restore-downloads").onclick = (event) => {
      const value = event.target.closest("button[value]")?.value;
      if (value) this.#download(...value.split("/"));
    };
  }

  #take(files) {
    if (this.section.hidden || !files.length) return;
    [this.file] = files;
    const volume = VOLUME.test(this.file.name);
    byId("plane-field").hidden = !volume;
    // What is no volume lies nowhere in a scanner.
    for (const button of document.querySelectorAll("#restore-downloads [value$=nifti]")) {
      button.disabled = !volume;
    }
    byId("drop-words").textContent = this.file.name;
    byId("choose").textContent = "Choose another file";
    byId("restore-downloads").hidden = false;
    this.#restore();
  }

  get #asked() {
    const { name, version, image_size: size } = this.model.entry;
    return { model: name, version, plane: this.form.plane.value, file: this.file, size };
  }

  async #restore({ replace = false } = {}) {
    const asked = this.#asked;
    const { model, version, plane, file } = asked;
    const shown = plane === "axial" ? undefined : plane;
    keepAddress({ view: "restore", model, version, plane: shown }, { replace });
    const same = Object.keys(asked).every((name) => asked[name] === this.shown?.[name]);
    if (!file || same) return;
    Object.assign(this, { asked, shown: null });
    byId("restored").hidden = true;
    await this.work.run(`Restoring ${file.name}.`, async (options) => {
      const ask = (task, query) => sendFile(task, asked, { format: "png", ...query }, options);
      const input = await ask("restore", { show: "input" });
      const restored = await ask("restore");
      const anomaly = await ask("anomaly");
      const slices = await Promise.all([input, restored, anomaly].map((one) => cut(one, asked)));
      if (options.signal.aborted) return;
      this.shown = asked;
      this.#lay(slices, sideOf(input.headers));
      byId("restore-words").textContent = inWords(input.headers, anomaly.headers, asked);
      return `Restored ${file.name}.`;
    });
  }

  #lay(slices, side) {
    this.slices = slices;
    for (const part of PARTS) byId(`picture-${part}`).dataset.side = side;
    const count = slices[0].length;
    const middle = Math.ceil(count / 2);
    byId("slice-field").hidden = count === 1;
    byId("slice").max = count;
    byId("slice").value = middle;
    this.#turnTo(middle - 1);
    byId("restored").hidden = false;
  }

  #turnTo(index) {
    const words = `${index + 1} of ${this.slices[0].length}`;
    byId("slice-number").textContent = words;
    byId("slice").setAttribute("aria-valuetext", words);
    for (const [at, part] of PARTS.entries()) {
      const picture = this.slices[at][index];
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `${part}, slice ${words}`);
      byId(`picture-${part}`).replaceChildren(picture);
    }
  }

  #download(task, format) {
    const asked = this.#asked;
    const stem = `${asked.model}-${asked.version}-${task}`;
    this.downloading.run("Fetching the file.", async (options) => {
      save(await sendFile(task, asked, { format }, options), stem, format);
      return "Saved.";
    });
  }
}

const cut = ({ blob, headers }, { size }) =>
  cutSheet(blob, Number(headers.get("Mrigen-Count") ?? 1), size);

// Of a mere picture nobody knows it.
const sideOf = (headers) => SIDES[headers.get("Mrigen-Plane")] ?? "";

function inWords(input, anomaly, { size }) {
  const [, bright] = (anomaly.get("Mrigen-Scale") ?? "").split(" ");
  const map = `Anomaly map: how far the input is from the restored one, brightest from ${bright}.`;
  const resized = input.get("Mrigen-Resized")?.replace("x", " × ");
  const to = `${size} × ${size}`;
  const fitted = resized && `What was sent has ${resized} pixels and was brought to ${to}.`;
  return [NAMES[sideOf(input)], map, fitted].filter(Boolean).join(" ");
}
