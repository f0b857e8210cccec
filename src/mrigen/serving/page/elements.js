// Making elements. Text is always set as text, so nothing a server says becomes markup.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Make an element: its properties, then what is inside (elements or text). */
export function element(tag, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
}
