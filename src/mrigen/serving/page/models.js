// The view that lists the served models with their cards.

import { addressOf } from "./address.js";
import { inWords, titleOfCondition } from "./conditions.js";
import { byId, element } from "./elements.js";
import { costOfQuick, findEntry } from "./served.js";

const TASKS = { sample: "draws samples", restore: "restores", anomaly: "maps anomalies" };

export class ModelsView {
  constructor(entries) {
    this.section = byId("models");
    this.entries = entries;
    this.section.querySelector(".empty").hidden = entries.length > 0;
    this.articles = new Map(entries.map((entry) => [entry, articleOf(entry)]));
    byId("cards").replaceChildren(...this.articles.values());
  }

  /** Show the card of the model that the address asks for. */
  show(address) {
    const entry = address.model && findEntry(this.entries, address);
    if (!entry) return;
    const article = this.articles.get(entry);
    article.querySelector("details").open = true;
    article.querySelector("h2").focus();
    article.scrollIntoView();
  }
}

function articleOf(entry) {
  const { name, version, aliases } = entry;
  const title = element("h2", { tabIndex: -1 }, `${name}, version ${version}`);
  for (const alias of aliases) {
    title.append(" ", element("span", { className: "badge", textContent: alias }));
  }
  const links = element("p", { className: "buttons" });
  if (entry.tasks.includes("sample")) {
    const href = addressOf({ model: name, version });
    links.append(element("a", { className: "button", href, textContent: "Draw samples" }));
  }
  if (entry.tasks.includes("restore")) {
    const href = addressOf({ view: "restore", model: name, version });
    links.append(element("a", { className: "button", href, textContent: "Restore a slice" }));
  }
  const facts = table(`Facts of ${name}`, [["", factsOf(entry)]]);
  const summary = element("summary", { textContent: "Card: data, code and licence" });
  const card = element("details", {}, summary, table(`Card of ${name}`, groupsOf(entry.card)));
  return element("article", {}, title, facts, links, card);
}

function factsOf(entry) {
  const size = `${entry.image_size} × ${entry.image_size} pixels`;
  const conditions = entry.conditions.map((one) => [titleOfCondition(one), rangeOf(one)]);
  return [
    ["does", entry.tasks.map((task) => TASKS[task] ?? task).join(", ")],
    ["images", size],
    ["parameters", entry.parameters.toLocaleString("en")],
    ["device", entry.device],
    ["digest", entry.digest],
    ...(entry.quick ? [["quick mode", costOfQuick(entry)]] : []),
    ...conditions,
  ];
}

function rangeOf({ choices, minimum, maximum, unit }) {
  if (choices.length) return `${choices.join(" or ")}, or open`;
  return `${minimum} to ${inWords({ unit }, maximum)}, or open`;
}

/** A card's nested values as groups of rows, [[heading, [[name, text], ...]], ...]. */
function groupsOf(values, heading = "") {
  const entries = Object.entries(values);
  const nested = entries.filter(([, value]) => isNested(value));
  const rows = entries
    .filter(([, value]) => !isNested(value))
    .map(([name, value]) => [name.replaceAll("_", " "), inText(value)]);
  const deeper = nested.flatMap(([name, value]) => {
    const words = name.replaceAll("_", " ");
    return groupsOf(value, heading ? `${heading} › ${words}` : words);
  });
  return rows.length ? [[heading, rows], ...deeper] : deeper;
}

function isNested(value) {
  if (value === null || typeof value !== "object") return false;
  return Array.isArray(value) ? value.some(isNested) : Object.keys(value).length > 0;
}

function inText(value) {
  if (Array.isArray(value)) return value.map(inText).join(", ") || "none";
  if (value === null || typeof value === "object") return "none";
  return { true: "yes", false: "no" }[String(value)] ?? String(value);
}

function table(caption, groups) {
  const bodies = groups.map(([heading, rows]) => {
    const body = element("tbody");
    if (heading) {
      const cell = element("th", { scope: "rowgroup", colSpan: 2, textContent: heading });
      body.append(element("tr", {}, cell));
    }
    for (const [name, text] of rows) {
      const key = element("th", { scope: "row", textContent: name });
      body.append(element("tr", {}, key, element("td", { textContent: text })));
    }
    return body;
  });
  return element("table", {}, element("caption", { textContent: caption }), ...bodies);
}
