// One picture of the sheet, large.

import { addressOf } from "./address.js";
import { drawSamples } from "./api.js";
import { save } from "./downloads.js";
import { byId, element } from "./elements.js";
import { copyOf } from "./sheet.js";
import { titleOfOne } from "./strip.js";
import { Work } from "./work.js";

export class Enlarged {
  /** @param {(index: number) => void} closed called with the picture shown last */
  constructor(closed) {
    this.dialog = byId("enlarged");
    this.work = new Work(byId("enlarged-work"));
    byId("previous").onclick = () => this.#move(-1);
    byId("next").onclick = () => this.#move(1);
    byId("close").onclick = () => this.dialog.close();
    byId("enlarged-download").onclick = () => this.#download();
    this.dialog.onkeydown = (event) => this.#press(event);
    this.dialog.onclick = (event) => {
      if (event.target === this.dialog) this.dialog.close(); // beside the picture
    };
    this.dialog.onclose = () => {
      this.work.stop();
      closed(this.index);
    };
  }

  /** Show picture `index` of `pictures`, each drawn as its one of `ones` says, over `over`. */
  open(pictures, index, { ones, over }) {
    Object.assign(this, { pictures, ones, over });
    this.#show(index);
    this.dialog.showModal();
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  #show(index) {
    this.index = index;
    const one = this.ones[index];
    const title = titleOfOne(one, this.over);
    const large = copyOf(this.pictures[index]);
    large.setAttribute("role", "img");
    large.setAttribute("aria-label", `Sample with ${title}`);
    byId("enlarged-picture").replaceChildren(large);
    byId("enlarged-title").textContent = title[0].toUpperCase() + title.slice(1);
    const origin = `${one.model} version ${one.version}${one.quick ? ", quick" : ""}`;
    const place = `Synthetic, ${index + 1} of ${this.pictures.length}, ${origin}. `;
    const link = element("a", { href: addressOf(one), textContent: "Link to this picture" });
    byId("enlarged-words").replaceChildren(place, link);
    const focused = document.activeElement;
    byId("previous").disabled = index === 0;
    byId("next").disabled = index === this.pictures.length - 1;
    if (focused.disabled) byId("close").focus(); // what has no focus hears no arrows
  }

  #move(step) {
    const index = this.index + step;
    if (index < 0 || index >= this.pictures.length) return;
    this.work.stop();
    this.#show(index);
  }

  #press(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#move(step);
  }

  #download() {
    const one = this.ones[this.index];
    this.work.run("Fetching the picture.", async (options) => {
      save(await drawSamples(one, "png", options), `${one.model}-${one.version}-${one.seed}`, "png");
    });
  }
}
