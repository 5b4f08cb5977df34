// Conversations as JSON files.

import { checked } from "./conversation.js";
import { el } from "./dom.js";

const FORMAT = "sampan-conversations";

/** Hands the user a file. */
export function saveFile(conversations) {
  const text = JSON.stringify({ format: FORMAT, version: 1, conversations }, null, 1);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  el("a", { href: url, download: `sampan-${new Date().toISOString().slice(0, 10)}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The conversations of a file; empty where there are none that make sense. */
export async function readFile(file) {
  try {
    const data = JSON.parse(await file.text());
    return data.format === FORMAT ? data.conversations.map(checked).filter(Boolean) : [];
  } catch {
    return [];
  }
}
