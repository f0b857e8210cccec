// Requests to the server this page came from.

import { askForKey, keyHeader } from "./keys.js";

/** Why there is no answer, in a sentence. */
export class Problem extends Error {}

/**
 * Ask the server, and read the answer whole.
 *
 * A server that is busy is asked once more when it said to; one that wants a key is asked again
 * with the key the user gives.
 *
 * @param {string} path
 * @param {{signal: AbortSignal, onWait?: (sentence: string) => void,
 *   onBytes?: (received: number, total: number | null) => void} & RequestInit} options
 * @returns {Promise<{blob: Blob, headers: Headers}>}
 */
export async function ask(path, { onWait, onBytes, headers, ...request }) {
  let waited = false;
  for (;;) {
    const held = keyHeader();
    const answer = await reach(path, { ...request, headers: { ...headers, ...held } });
    if (answer.ok) return { blob: await read(answer, onBytes), headers: answer.headers };
    const sentence = await sentenceOf(answer);
    const seconds = secondsToWait(answer);
    if (answer.status === 401) {
      if (!(await askForKey(sentence, held.Authorization))) throw new Problem(sentence);
    } else if (seconds !== null && !waited) {
      waited = true;
      onWait?.(`${sentence} Trying again in ${seconds} s.`);
      await pause(seconds, request.signal);
    } else {
      throw new Problem(sentence);
    }
  }
}

/** The entries of /v1/models. */
export async function listModels(signal, onWait) {
  const { blob } = await ask("/v1/models", { signal, onWait });
  return JSON.parse(await blob.text()).models;
}

/** Draw samples; `wanted` is as in address.js, its seed a BigInt. */
export function drawSamples(wanted, format, options) {
  const { model, version, seed, count, quick, conditions } = wanted;
  // A seed may be larger than the numbers of JavaScript, and JSON.stringify knows no BigInt.
  const rest = JSON.stringify({ version, count, quick, conditions, format }).slice(1);
  return ask(`/v1/models/${encodeURIComponent(model)}/samples`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: `{"seed":${seed},${rest}`,
    ...options,
  });
}

/** Send a file to be restored or searched for anomalies; `task` is "restore" or "anomaly". */
export function sendFile(task, { model, version, plane, file }, query, options) {
  const words = new URLSearchParams({ version, plane, ...query });
  return ask(`/v1/models/${encodeURIComponent(model)}/${task}?${words}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" }, // the server looks into the file
    body: file,
    ...options,
  });
}

async function reach(path, request) {
  try {
    return await fetch(path, { cache: "no-store", redirect: "error", ...request });
  } catch (error) {
    throw lost(error);
  }
}

async function read(answer, onBytes) {
  const total = Number(answer.headers.get("Content-Length")) || null;
  const pieces = [];
  let received = 0;
  try {
    for (const reader = answer.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      received += value.length;
      onBytes?.(received, total);
    }
  } catch (error) {
    throw lost(error);
  }
  return new Blob(pieces, { type: answer.headers.get("Content-Type") ?? "" });
}

function lost(error) {
  if (error.name === "AbortError") return error;
  return new Problem("The server cannot be reached: check the connection, then try again.");
}

async function sentenceOf(answer) {
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string") return detail[0].toUpperCase() + detail.slice(1);
  } catch {
    // A proxy in between answers with a page of its own.
  }
  return `The server answered with status ${answer.status}.`;
}

function secondsToWait(answer) {
  const header = answer.headers.get("Retry-After") ?? "";
  return [429, 503].includes(answer.status) && /^\d+$/.test(header) ? Number(header) : null;
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
