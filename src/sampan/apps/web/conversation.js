// A conversation as plain data: a tree of messages, because an edited message or a retried answer is a new branch
// beside the old one. `children` and `chosen` are keyed by the parent's id, "" for the beginning.

const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36).padStart(2, "0")).join("");

export function createConversation() {
  return { id: newId(), title: "", updated: Date.now(), nodes: {}, children: {}, chosen: {} };
}

/** Adds a message behind `parent` and chooses it. */
export function add(conversation, parent, fields) {
  const node = { id: newId(), parent: parent?.id ?? "", ...fields };
  conversation.nodes[node.id] = node;
  (conversation.children[node.parent] ??= []).push(node.id);
  conversation.chosen[node.parent] = node.id;
  conversation.updated = Date.now();
  return node;
}

/** Takes away a message that nothing follows. */
export function removeLeaf(conversation, node) {
  const children = conversation.children[node.parent].filter((id) => id !== node.id);
  delete conversation.nodes[node.id];
  conversation.children[node.parent] = children;
  if (children.length) conversation.chosen[node.parent] = children.at(-1);
  else delete conversation.chosen[node.parent];
}

/** The messages of the chosen branches, first to last. */
export function path(conversation) {
  const nodes = [];
  for (let id = conversation.chosen[""]; id; id = conversation.chosen[id]) nodes.push(conversation.nodes[id]);
  return nodes;
}

/** The versions of a message, itself among them. */
export function versions(conversation, node) {
  return conversation.children[node.parent];
}

/** Shows the version that lies `step` beside this one. */
export function turn(conversation, node, step) {
  const ids = versions(conversation, node);
  conversation.chosen[node.parent] = ids[ids.indexOf(node.id) + step] ?? node.id;
}

/** What the server gets to read before it answers as `node`: no thoughts, and no answers without words. */
export function messagesBefore(conversation, node, system) {
  const messages = [];
  for (let at = conversation.nodes[node.parent]; at; at = conversation.nodes[at.parent]) {
    if (at.content) messages.push({ role: at.role, content: at.content });
  }
  if (system) messages.push({ role: "system", content: system });
  return messages.reverse();
}

/** What a conversation is called before anyone names it. */
export function titleFrom(text) {
  const line = text.trim().split("\n", 1)[0];
  return line.length > 60 ? `${Array.from(line).slice(0, 58).join("")}…` : line;
}

/** A conversation read from a file, rebuilt from what is known to be right; null where it makes no sense. */
export function checked(data) {
  if (typeof data?.title !== "string" || typeof data.nodes !== "object" || data.nodes === null) return null;
  const conversation = { ...createConversation(), title: data.title.slice(0, 200) };
  if (Number.isFinite(data.updated)) conversation.updated = data.updated;
  const ids = new Map([["", null]]); // old id -> new node
  const followers = new Map(); // old id -> old nodes
  for (const node of Object.values(data.nodes).filter(isMessage)) {
    if (!followers.has(node.parent)) followers.set(node.parent, []);
    followers.get(node.parent).push(node);
  }
  for (const [old, parent] of ids) {
    for (const node of followers.get(old) ?? []) {
      if (!ids.has(node.id)) ids.set(node.id, add(conversation, parent, messageFields(node)));
    }
  }
  for (const [old, chosen] of Object.entries(data.chosen ?? {})) {
    const [parent, child] = [ids.get(old), ids.get(chosen)];
    if (child && child.parent === (parent?.id ?? "")) conversation.chosen[child.parent] = child.id;
  }
  return conversation;
}

const isMessage = (node) =>
  ["user", "assistant"].includes(node?.role) && [node.id, node.parent, node.content].every((text) => typeof text === "string");

function messageFields(node) {
  const { role, content } = node;
  if (role === "user") return { role, content };
  const thought = typeof node.thought === "string" ? node.thought : "";
  const seconds = Number.isFinite(node.thoughtSeconds) ? node.thoughtSeconds : null;
  return { role, content, thought, thoughtSeconds: seconds, state: "done" };
}
