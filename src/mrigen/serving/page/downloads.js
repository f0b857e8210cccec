// Handing an answer to the user as a file.

import { element } from "./elements.js";

const ENDINGS = { png: "png", zip: "zip", npz: "npz", nifti: "nii" };

/** Save an answer under the name the server gave it, or `stem` with the ending of `format`. */
export function save({ blob, headers }, stem, format) {
  const given = /filename="([\w.-]+)"/.exec(headers.get("Content-Disposition") ?? "");
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: given?.[1] ?? `${stem}.${ENDINGS[format]}` }).click();
  // The browser has opened the file by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
