// What the address bar keeps, so that a link shows the same pictures.

const OWN = ["view", "model", "version", "seed", "count", "quick", "over"];

/** What the address asks for; what it leaves out is undefined, a condition left out is open. */
export function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const word = (name) => words.get(name) ?? undefined;
  return {
    view: word("view") ?? "draw",
    model: word("model"),
    version: whole(word("version")),
    seed: /^\d{1,19}$/.test(word("seed") ?? "") ? BigInt(word("seed")) : undefined,
    count: whole(word("count")),
    quick: word("quick") === "true" || undefined,
    over: word("over"),
    conditions: Object.fromEntries([...words].filter(([name]) => !OWN.includes(name))),
  };
}

/** The address of a choice. */
export function addressOf({ view, conditions, ...rest }) {
  const words = new URLSearchParams();
  if (view && view !== "draw") words.set("view", view);
  for (const [name, value] of Object.entries({ ...rest, ...conditions })) {
    if (value !== undefined) words.set(name, value);
  }
  return `#${words}`;
}

/** Keep a choice; going back leads to the one before. */
export function keepAddress(choice, { replace = false } = {}) {
  const address = addressOf(choice);
  if (address === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
}

function whole(word) {
  return /^\d{1,9}$/.test(word ?? "") ? Number(word) : undefined;
}
