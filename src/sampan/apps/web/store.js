// What the browser keeps: settings, perhaps a key, and conversations, each under a key of its own so that several tabs
// do not overwrite each other. Nothing is deleted unasked: when the room is used up, saving fails and says so.

export const LIMIT = 4_000_000; // characters; browsers allow about five million for an origin
const HEAD = "sampan.head."; // + id: title and time, enough for the list
const BODY = "sampan.body."; // + id: the whole conversation
const SETTINGS = "sampan.settings";
const KEY = "sampan.key";

let key = read(KEY) ?? ""; // in memory; stored only if the user wants that

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null; // damaged, or storage is forbidden
  }
}

function write(name, text) {
  try {
    localStorage.setItem(name, text);
    return true;
  } catch {
    return false;
  }
}

function sizeOf(name) {
  try {
    return localStorage.getItem(name)?.length ?? 0;
  } catch {
    return 0;
  }
}

function names() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

export const settings = read(SETTINGS) ?? {};

export function saveSettings(changes) {
  Object.assign(settings, changes);
  write(SETTINGS, JSON.stringify(settings));
}

export const apiKey = () => key;
export const isKeyKept = () => read(KEY) !== null;

export function setApiKey(value, isKept) {
  key = value;
  try {
    localStorage.removeItem(KEY);
  } catch {
    return;
  }
  if (isKept && value) write(KEY, JSON.stringify(value));
}

/** Heads of all conversations, the latest first: `{id, title, updated}`. */
export function conversations() {
  const heads = names().filter((name) => name.startsWith(HEAD)).map(read).filter((head) => head?.id);
  return heads.sort((a, b) => b.updated - a.updated);
}

export function loadConversation(id) {
  const conversation = read(BODY + id);
  return conversation?.nodes && conversation.children && conversation.chosen ? conversation : null;
}

/** Returns whether there was room for it. */
export function saveConversation(conversation) {
  const { id, title, updated } = conversation;
  const text = JSON.stringify(conversation);
  if (usedRoom() - sizeOf(BODY + id) + text.length > LIMIT) return false;
  return write(BODY + id, text) && write(HEAD + id, JSON.stringify({ id, title, updated }));
}

export function deleteConversation(id) {
  for (const name of [HEAD + id, BODY + id]) localStorage.removeItem(name);
}

/** Characters that conversations take. */
export function usedRoom() {
  return names().filter((name) => name.startsWith(BODY)).reduce((sum, name) => sum + sizeOf(name), 0);
}

/** Calls back when another tab has changed what is kept. */
export function onOtherTab(run) {
  addEventListener("storage", (event) => event.key?.startsWith(HEAD) && run());
}
