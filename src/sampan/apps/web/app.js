// Puts the page together from its parts.

import { models } from "./api.js";
import { setUpAppearance } from "./appearance.js";
import { Chat } from "./chat.js";
import { Composer } from "./composer.js";
import { path } from "./conversation.js";
import { copy } from "./copy.js";
import { Desk } from "./desk.js";
import { el, placeIcons, setText } from "./dom.js";
import { readFile, saveFile } from "./files.js";
import { language, say, words } from "./i18n.js";
import { SettingsDialog } from "./settings.js";
import { listenForKeys, shortcutsDialog } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { apiKey, conversations, loadConversation, onOtherTab } from "./store.js";
import { toast } from "./toasts.js";
import { EXAMPLES } from "./words.js";

const $ = (id) => document.getElementById(id);
const isNarrow = matchMedia("(max-width: 800px)");

placeIcons(document);

const settings = new SettingsDialog(takeKey);
const help = shortcutsDialog();
const desk = new Desk({ shown, changed, listed, full: () => toast("full"), ended });
const actions = {
  retry: (node) => desk.retry(node),
  edit,
  turn: (node, step) => desk.turn(node, step),
  enterKey: () => settings.open(true),
  answerNow,
};
const chat = new Chat({ messages: $("messages"), scroller: $("scroller"), latest: $("latest") }, actions, (node) => desk.answeringOf(node));
const composer = new Composer({ form: $("composer"), field: $("question"), sendButton: $("send"), stopButton: $("stop") }, { send: (text) => desk.send(text), stop: () => desk.stop() });
const sidebar = new Sidebar(
  { list: $("list"), usage: $("usage") },
  { open, rename: (id, title) => desk.rename(id, title), exportOne: (id) => saveFile([loadConversation(id)]), remove },
);

// ---- what the desk tells --------------------------------------------------------------------------------------------

function shown(conversation) {
  const isEmpty = !path(conversation).length;
  $("welcome").hidden = !isEmpty;
  setText($("title"), conversation.title);
  document.title = conversation.title ? `${conversation.title} · Sampan` : "Sampan";
  if (desk.answering?.node.state === "waiting") chat.follow.isFollowing = true;
  chat.show(conversation);
  composer.setBusy(desk.answering !== null);
  announce(desk.answering?.node);
}

function changed(node) {
  chat.changed(node);
  announce(node);
}

function listed() {
  sidebar.show(desk.current.id, (id) => desk.isBusy(id));
}

/** Tells a screen reader how an answer ended, and what it says if it is short enough to be listened to. */
function ended(node) {
  const key = { done: "answered", stopped: "stopped" }[node.state] ?? `error_${node.error.kind}`;
  setText($("said"), `${words(key)} ${node.state === "done" ? node.content.slice(0, 600) : ""}`);
  if (node.state === "failed") findModel(); // the server may have come back with another one
}

/** Tells a screen reader that an answer is on its way, and how far it is. */
function announce(node) {
  if (["waiting", "thinking", "answering"].includes(node?.state)) setText($("said"), words(node.state));
}

// ---- what the user does ---------------------------------------------------------------------------------------------

function edit(node, text) {
  desk.edit(node, text);
  if (!isNarrow.matches) composer.focus();
}

function begin() {
  desk.begin();
  if (isNarrow.matches) showSidebar(false);
  composer.focus();
}

function open(id) {
  desk.open(id);
  if (isNarrow.matches) showSidebar(false);
}

function remove(id) {
  const conversation = desk.remove(id);
  if (conversation) toast("deleted", {}, ["undo", () => (desk.save(conversation), desk.open(id))]);
}

async function answerNow() {
  const { answering } = desk;
  if (answering?.node.state !== "thinking" || answering.isAskedToAnswer) return;
  if (!(await answering.answerNow())) toast("answerNowFailed");
}

function showSidebar(isOpen = document.documentElement.dataset.sidebar === "closed") {
  document.documentElement.dataset.sidebar = isOpen ? "open" : "closed";
  $("menu").setAttribute("aria-expanded", String(isOpen));
  $("sidebar").inert = !isOpen;
  $("frame").inert = isOpen && isNarrow.matches;
  if (isOpen && isNarrow.matches) $("new").focus();
}

async function importFile() {
  const [file] = $("file").files;
  $("file").value = "";
  if (!file) return;
  const found = await readFile(file);
  if (!found.length) toast("importFailed");
  else if (found.every((conversation) => desk.save(conversation))) toast("imported", { count: found.length });
}

function showExamples() {
  const buttons = EXAMPLES[language()].map((text) => el("button", { type: "button", on: { click: () => desk.send(text) } }, text));
  $("examples").replaceChildren(...buttons.map((button) => el("li", {}, button)));
}

/** Asks the server for its model's name; without an answer the page says so and tries again when the user does. */
async function findModel() {
  try {
    [desk.model] = await models(apiKey());
    delete $("model").dataset.say;
    setText($("model"), desk.model);
  } catch (error) {
    say($("model"), error.kind.startsWith("key") ? `error_${error.kind}` : "noModel");
  }
}

/** With another key, what was refused for want of one is asked again. */
function takeKey() {
  findModel();
  const last = chat.lastAnswer()?.node;
  if (last?.error?.kind.startsWith("key")) desk.retry(last);
}

$("new").addEventListener("click", begin);
$("menu").addEventListener("click", () => showSidebar());
$("scrim").addEventListener("click", () => showSidebar(false));
$("settings-button").addEventListener("click", () => settings.open());
$("help").addEventListener("click", () => help.showModal());
$("export").addEventListener("click", () => saveFile(conversations().map(({ id }) => loadConversation(id)).filter(Boolean)));
$("import").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", importFile);
$("question").addEventListener("keydown", (event) => {
  if (event.key === "ArrowUp" && composer.isEmpty && !desk.answering) {
    event.preventDefault();
    chat.lastQuestion()?.edit();
  }
});
listenForKeys({
  stop: () => (desk.answering ? desk.stop() : isNarrow.matches && showSidebar(false)),
  new: begin,
  answer: answerNow,
  retry: () => chat.lastAnswer() && desk.retry(chat.lastAnswer().node),
  thought: () => chat.lastAnswer()?.thought.fold(),
  copy: async () => toast((await copy(chat.lastAnswer()?.node.content ?? "")) ? "copied" : "copyFailed"),
  sidebar: () => showSidebar(),
  settings: () => settings.open(),
  help: () => help.showModal(),
});
isNarrow.addEventListener("change", () => showSidebar(!isNarrow.matches));
addEventListener("pagehide", () => desk.saveAll());
onOtherTab(listed);

setUpAppearance({ themeButton: $("theme"), languageButton: $("language") }, () => {
  showExamples();
  listed();
});
showSidebar(!isNarrow.matches);
desk.begin();
findModel();
if (!isNarrow.matches) composer.focus();
