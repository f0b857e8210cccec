// A picture of many images, taken apart again.

import { element } from "./elements.js";

const GAP = 2; // pixels between the images of a sheet

/**
 * Cut a sheet into its images, left to right and top to bottom.
 *
 * @param {Blob} png
 * @param {number} count how many images it holds
 * @param {number} size their height and width in pixels
 * @returns {Promise<HTMLCanvasElement[]>}
 */
export async function cutSheet(png, count, size) {
  const sheet = await createImageBitmap(png);
  const columns = Math.round((sheet.width + GAP) / (size + GAP));
  const images = Array.from({ length: count }, (_, index) => {
    const canvas = element("canvas", { width: size, height: size });
    const left = (index % columns) * (size + GAP);
    const top = Math.floor(index / columns) * (size + GAP);
    canvas.getContext("2d").drawImage(sheet, left, top, size, size, 0, 0, size, size);
    return canvas;
  });
  sheet.close();
  return images;
}

/** The same picture once more. */
export function copyOf(canvas) {
  const copy = element("canvas", { width: canvas.width, height: canvas.height });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}
