// The API key: asked for when the server wants one, kept in this tab alone.

import { byId } from "./elements.js";

const NAME = "mrigen-key";
const shelf = tabStorage();
let key = shelf?.getItem(NAME) ?? null;
let asking = null;

/** The header that carries the key, if there is one. */
export const keyHeader = () => (key ? { Authorization: `Bearer ${key}` } : {});

/** Ask for a key, once for all requests that wait for it; whether one was given. */
export function askForKey(sentence, usedHeader) {
  if (usedHeader !== keyHeader().Authorization) return Promise.resolve(true); // given meanwhile
  asking ??= showForm(sentence).finally(() => {
    asking = null;
  });
  return asking;
}

/** Show the button that forgets the key while there is one. */
export function watchKey() {
  byId("forget").hidden = !key;
  byId("forget").onclick = () => {
    remember(null);
    location.reload(); // what was loaded with the key goes, too
  };
}

function showForm(sentence) {
  const dialog = byId("key-dialog");
  const field = byId("key");
  byId("key-words").textContent = sentence;
  field.value = "";
  dialog.returnValue = "cancel";
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      const given = dialog.returnValue === "use" && field.value.trim();
      if (given) remember(given);
      field.value = "";
      resolve(Boolean(given));
    };
  });
}

function remember(value) {
  key = value;
  if (value) shelf?.setItem(NAME, value);
  else shelf?.removeItem(NAME);
  byId("forget").hidden = !value;
}

// A browser that blocks storage throws; the key then lasts as long as the page.
function tabStorage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
