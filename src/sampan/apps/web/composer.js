// The field at the bottom: grows with its text, sends on Enter, stops an answer.

export class Composer {
  constructor({ form, field, sendButton, stopButton }, { send, stop }) {
    Object.assign(this, { form, field, sendButton, stopButton, send });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    stopButton.addEventListener("click", stop);
    field.addEventListener("input", () => this.#fit());
    field.addEventListener("keydown", (event) => {
      // While an input method composes, Enter picks a word. Safari tells so only by the old key code.
      const isComposing = event.isComposing || event.keyCode === 229;
      if (event.key === "Enter" && !event.shiftKey && !isComposing) {
        event.preventDefault();
        this.#submit();
      }
    });
    this.#fit();
  }

  get isEmpty() {
    return !this.field.value.trim();
  }

  focus() {
    this.field.focus();
  }

  /** Whether an answer is on its way: then there is nothing to send, but something to stop. */
  setBusy(isBusy) {
    const hadFocus = [this.sendButton, this.stopButton].includes(document.activeElement);
    this.isBusy = isBusy;
    this.sendButton.hidden = isBusy;
    this.stopButton.hidden = !isBusy;
    if (hadFocus) this.focus();
    this.#fit();
  }

  #submit() {
    if (this.isBusy || this.isEmpty) return;
    const text = this.field.value.trim();
    this.field.value = "";
    this.#fit();
    this.send(text);
  }

  #fit() {
    this.sendButton.disabled = this.isEmpty;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}
