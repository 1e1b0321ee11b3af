// A text with suggestions from the server: the stored value is in a hidden input, its label is what people see.
import { make } from "./talk.js";

const WAIT = 150;

export class Combobox {
  constructor(element) {
    this.element = element;
    this.source = element.dataset.source;
    this.input = element.querySelector("[role=combobox]");
    this.hidden = element.querySelector("[type=hidden]");
    this.list = element.querySelector("[role=listbox]");
    this.asked = 0;
    this.at = -1;
    this.label = "";
    this.current = false;
    this.input.addEventListener("input", () => this.later());
    this.input.addEventListener("click", () => this.search(""));
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    this.input.addEventListener("blur", () => this.leave());
    this.hidden.addEventListener("put", () => this.name());
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.take(event.target.closest("[role=option]")));
    this.name();
  }

  async fetch(query) {
    const turn = ++this.asked;
    const found = await this.ask(query);
    return turn === this.asked ? found : null;
  }

  async ask(query) {
    const response = await fetch(`/api/options?source=${encodeURIComponent(this.source)}&q=${encodeURIComponent(query)}`).catch(() => null);
    const found = response?.ok ? await response.json().catch(() => []) : [];
    this.none = response ? "Nothing found" : "The server does not answer";
    return found;
  }

  // The label of the stored value. It may come when somebody types already.
  async name() {
    const [value, shown] = [this.hidden.value, this.input.value];
    const found = value ? await this.ask(`=${value}`) : [];
    if (value !== this.hidden.value) return;
    this.label = found[0]?.label ?? value;
    if (this.input.value === shown) this.input.value = this.label;
  }

  later() {
    this.current = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(this.input.value.trim()), WAIT);
  }

  async search(query) {
    if (query.startsWith("=")) query = query.slice(1);
    const found = await this.fetch(query);
    if (!found || document.activeElement !== this.input) return;
    this.options = found;
    this.list.replaceChildren(...found.map((option, index) => this.line(option, index)));
    if (!found.length) this.list.append(make("li", { className: "none", textContent: this.none }));
    this.current = true;
    this.at = query && found.length ? 0 : found.findIndex((option) => option.value === this.hidden.value);
    this.show(true);
  }

  line(option, index) {
    const line = make("li", { role: "option", id: `${this.list.id}-${index}`, textContent: option.label, title: option.hint || "" });
    line.dataset.value = option.value;
    return line;
  }

  show(open) {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    const lines = this.list.querySelectorAll("[role=option]");
    lines.forEach((line, index) => line.setAttribute("aria-selected", String(index === this.at)));
    const current = open ? lines[this.at] : null;
    if (current) {
      this.input.setAttribute("aria-activedescendant", current.id);
      current.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  pressed(event) {
    const open = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return void this.search("");
      this.current = true;
      const count = this.list.querySelectorAll("[role=option]").length;
      if (count) this.at = (this.at + (event.key === "ArrowDown" ? 1 : -1) + count) % count;
      this.show(true);
    } else if (event.key === "Enter" && !(open && this.current) && this.untaken) {
      event.preventDefault();
      this.leave();
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      this.take(this.list.querySelectorAll("[role=option]")[this.at]);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      this.leave();
    }
  }

  take(line) {
    if (!line) return;
    clearTimeout(this.timer);
    this.asked++;
    this.label = this.input.value = line.textContent;
    this.show(false);
    if (this.hidden.value === line.dataset.value) return;
    this.hidden.value = line.dataset.value;
    this.hidden.dispatchEvent(new Event("change", { bubbles: true }));
  }

  get untaken() {
    return this.input.value.trim() !== this.label;
  }

  // For whoever reads the value: takes what is typed and not taken yet; false when it names nothing.
  async settled() {
    if (this.untaken) await this.leave(false);
    return !this.untaken;
  }

  // Leaving takes what was typed when it names something; an emptied text empties the value. Of two, the last counts.
  async leave(restore = true) {
    clearTimeout(this.timer);
    const typed = this.input.value.trim();
    const line = this.list.hidden || !this.current ? null : this.list.querySelectorAll("[role=option]")[this.at];
    this.show(false);
    if (typed === "" && this.label) {
      this.asked++;
      this.hidden.value = this.label = "";
      this.hidden.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (typed && typed !== this.label) {
      const found = line ? [] : await this.fetch(typed);
      if (!found) return;
      if (line || found.length) this.take(line ?? this.line(found[0], 0));
      else if (restore) this.input.value = this.label;
    } else this.input.value = this.label;
  }
}
