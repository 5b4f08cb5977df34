// The list of conversations: open, rename, export, delete.

import { el, icon } from "./dom.js";
import { name, say, words } from "./i18n.js";
import { conversations, LIMIT, usedRoom } from "./store.js";

export class Sidebar {
  constructor({ list, usage }, actions) {
    Object.assign(this, { list, usage, actions, isRenaming: false });
  }

  /** Shows what the browser keeps. `isBusy` tells of a conversation by its id whether an answer is on its way. */
  show(currentId, isBusy) {
    if (this.isRenaming) return; // do not take the field away from who types in it
    const items = conversations().map(({ id, title }) => ({ id, title, isCurrent: id === currentId, isBusy: isBusy(id) }));
    this.#showItems(items);
    const used = usedRoom();
    this.usage.hidden = used < LIMIT / 2;
    say(this.usage, "usage", { used: (used / 1e6).toFixed(1), limit: (LIMIT / 1e6).toFixed(0) });
  }

  /** Builds the list anew only where it differs, and leaves the keyboard where it was. */
  #showItems(items) {
    const shown = JSON.stringify(items);
    if (shown === this.shown) return;
    this.shown = shown;
    const focused = document.activeElement.closest("#list li")?.dataset.id;
    this.list.replaceChildren(el("ul", {}, ...items.map((item) => this.#item(item))));
    if (focused) this.list.querySelector(`[data-id="${CSS.escape(focused)}"] .open`)?.focus();
  }

  #item({ id, title, isCurrent, isBusy }) {
    const label = title ? el("span", {}, title) : say(el("span"), "untitled");
    const open = el("button", { type: "button", class: "open", "aria-current": isCurrent ? "true" : null }, label);
    open.addEventListener("click", () => this.actions.open(id));
    const tool = (iconName, key, run) => name(el("button", { type: "button", class: "quiet", on: { click: run } }, icon(iconName)), key);
    const item = el(
      "li",
      { class: isBusy ? "busy" : null, data: { id } },
      open,
      el(
        "span",
        { class: "item-tools" },
        tool("edit", "rename", () => this.#rename(item, id, title)),
        tool("export", "exportOne", () => this.actions.exportOne(id)),
        tool("trash", "delete", () => this.actions.remove(id)),
      ),
    );
    return item;
  }

  #rename(item, id, title) {
    const field = el("input", { type: "text", "aria-label": words("rename"), maxlength: 200 });
    field.value = title;
    this.isRenaming = true;
    const done = (isKept) => {
      if (!this.isRenaming) return;
      this.isRenaming = false;
      this.shown = ""; // the field has to go, whatever was typed
      this.actions.rename(id, isKept && field.value.trim() ? field.value.trim() : title);
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter") done(true);
      if (event.key === "Escape") {
        event.stopPropagation();
        done(false);
      }
    });
    field.addEventListener("blur", () => done(true));
    item.replaceChildren(field);
    field.select();
  }
}
