// One thing at a time in one place of the page: how it goes, a button to stop, what went wrong.

import { Problem } from "./api.js";
import { byId } from "./elements.js";

export class Work {
  /** @param {HTMLElement} place an empty element where to tell */
  constructor(place) {
    place.append(byId("work-parts").content.cloneNode(true));
    const part = (selector) => place.querySelector(selector);
    this.status = part(".status");
    this.progress = part("progress");
    this.problem = part(".problem");
    this.stopButton = part(".stop");
    this.stopButton.onclick = () => this.stop("Stopped.");
    this.controller = null;
  }

  /**
   * Do something; what was under way here is stopped first.
   *
   * @param {string} sentence what is being done
   * @param {(options: object) => Promise<string | void>} job gets what `ask` takes; its answer
   *   is told at the end
   * @returns {Promise<boolean>} whether it was done
   */
  async run(sentence, job) {
    this.stop();
    const controller = new AbortController();
    this.controller = controller;
    this.#tell(sentence, true);
    try {
      const told = await job({
        signal: controller.signal,
        onWait: (words) => this.#tell(words, true),
        onBytes: (received, total) => this.#count(sentence, received, total),
      });
      if (this.controller === controller) this.#tell(told ?? "", false);
      return this.controller === controller;
    } catch (error) {
      if (error.name === "AbortError") return false;
      const known = error instanceof Problem;
      this.fail(known ? error.message : "The answer cannot be shown: reload the page.");
      if (!known) throw error; // a defect: the console has the rest
      return false;
    } finally {
      if (this.controller === controller) this.controller = null;
    }
  }

  /** Stop what is under way. */
  stop(sentence = "") {
    const running = this.controller;
    this.controller = null;
    running?.abort();
    this.#tell(sentence, false);
  }

  /** Say what went wrong. */
  fail(sentence) {
    this.#tell("", false);
    this.problem.textContent = sentence;
  }

  #tell(sentence, busy) {
    this.status.textContent = sentence;
    this.problem.textContent = "";
    this.progress.removeAttribute("value");
    const hadFocus = document.activeElement === this.stopButton;
    this.progress.hidden = this.stopButton.hidden = !busy;
    if (!busy && hadFocus) byId("main").focus();
  }

  #count(sentence, received, total) {
    if (total) {
      this.progress.max = total;
      this.progress.value = received;
    }
    if (received > 2 ** 20) {
      this.status.textContent = `${sentence} ${(received / 2 ** 20).toFixed(0)} MiB so far.`;
    }
  }
}
