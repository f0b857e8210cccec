// The start: which models there are, and which view the address asks for.

import { readAddress } from "./address.js";
import { listModels } from "./api.js";
import { DrawView } from "./draw.js";
import { byId, element } from "./elements.js";
import { watchKey } from "./keys.js";
import { ModelsView } from "./models.js";
import { RestoreView } from "./restore.js";
import { Work } from "./work.js";

const TITLES = { draw: "Draw", restore: "Restore", models: "Models" };
const start = new Work(byId("start"));
let views = null;

byId("skip").onclick = (event) => {
  event.preventDefault(); // the address is for the choice
  byId("main").focus();
};
watchKey();
load();

async function load() {
  const loaded = await start.run("Asking for the models.", async (options) => {
    const entries = await listModels(options.signal, options.onWait);
    views = {
      draw: new DrawView(entries),
      restore: new RestoreView(entries),
      models: new ModelsView(entries),
    };
  });
  if (loaded) {
    addEventListener("popstate", show);
    show();
  } else {
    offerAgain();
  }
}

function offerAgain() {
  const again = element("button", { type: "button", textContent: "Try again" });
  again.onclick = () => {
    again.remove();
    load();
  };
  byId("start").append(again);
}

function show() {
  const address = readAddress();
  const chosen = Object.hasOwn(views, address.view) ? address.view : "draw";
  for (const [name, view] of Object.entries(views)) view.section.hidden = name !== chosen;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === chosen) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[chosen]} · mrigen`;
  views[chosen].show(address);
}
