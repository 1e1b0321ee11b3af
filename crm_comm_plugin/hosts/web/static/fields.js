// The fields of an editor: their values as typed, when they are shown or required, and what is said about them.
import { Combobox } from "./combobox.js";
import { linked } from "./talk.js";

// A value in the words of conditions (contract, rule 1).
function words(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "true" : "false";
  return String(value).trim();
}

export function holds(conditions, values) {
  return Object.entries(conditions).every(([name, wanted]) => {
    const text = words(values[name]);
    return wanted.map(words).includes(text) || (wanted.includes("*") && text !== "");
  });
}

export class Fields {
  constructor(form) {
    this.form = form;
    this.all = new Map();
    for (const element of form.querySelectorAll("[data-field]")) this.all.set(element.dataset.field, element);
    this.touched = new Set();
    this.suggested = new Map();
    this.cleared = new Set();
    this.replaced = new Set();
    this.start = JSON.stringify(this.values());
    this.boxes = [...form.querySelectorAll(".combobox")].map((box) => new Combobox(box));
    for (const name of this.stored()) this.listenToSecret(name);
    for (const button of form.querySelectorAll("[data-show]")) button.addEventListener("click", () => reveal(button));
  }

  // Takes what is typed into fields with a list and not chosen yet; answers errors for what is not in the list.
  async untaken() {
    const errors = {};
    for (const box of this.boxes) if (!(await box.settled())) errors[box.hidden.name] = ["Choose one that is in the list."];
    return Object.keys(errors).length ? errors : null;
  }

  stored() {
    return [...this.all].filter(([, element]) => element.querySelector("[data-stored]")).map(([name]) => name);
  }

  listenToSecret(name) {
    const element = this.all.get(name);
    element.querySelector("[data-replace]").addEventListener("click", () => this.replace(name, true));
    element.querySelector("[data-remove]")?.addEventListener("click", () => {
      this.cleared.add(name);
      element.querySelector("[data-stored]").hidden = true;
      element.querySelector(".secret").hidden = false;
      this.form.dispatchEvent(new CustomEvent("removed", { detail: name }));
    });
  }

  replace(name, focus) {
    const element = this.all.get(name);
    const stored = element.querySelector("[data-stored]");
    if (!stored || stored.hidden) return;
    this.replaced.add(name);
    stored.hidden = true;
    element.querySelector(".secret").hidden = false;
    if (focus) this.control(name).focus();
  }

  control(name) {
    return this.form.querySelector(`#f-${CSS.escape(name)}`);
  }

  value(name) {
    const element = this.all.get(name);
    const inputs = [...element.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    if (element.dataset.widget === "checkbox") return inputs[0].checked;
    if (element.dataset.widget === "segmented") return inputs.find((input) => input.checked)?.value ?? "";
    if (this.cleared.has(name) && inputs[0].value === "") return null;
    return inputs[0].value;
  }

  values() {
    const found = {};
    for (const name of this.all.keys()) found[name] = this.value(name);
    for (const input of this.form.querySelectorAll("[data-field-hidden]")) found[input.name] = input.value;
    return found;
  }

  // What to ask advice with after a change: not what an earlier change of the same field had suggested.
  valuesFor(changed) {
    const found = this.values();
    for (const [name, from] of this.suggested) if (changed && from === changed && !this.touched.has(name)) delete found[name];
    return found;
  }

  get dirty() {
    return JSON.stringify(this.values()) !== this.start;
  }

  settled() {
    this.start = JSON.stringify(this.values());
  }

  // Puts in what the plugin suggests, never over what somebody typed. changed: what the suggestion follows from.
  suggest(values, changed = "") {
    const wasClean = !this.dirty;
    for (const [name, value] of Object.entries(values)) {
      const element = this.all.get(name);
      if (!element || this.touched.has(name) || "secret" in element.dataset) continue;
      this.put(name, value);
      this.suggested.set(name, changed);
    }
    if (wasClean && !this.touched.size) this.settled();
  }

  put(name, value) {
    const element = this.all.get(name);
    const inputs = element.querySelectorAll(`[name="${CSS.escape(name)}"]`);
    if (element.dataset.widget === "checkbox") inputs[0].checked = value === true || words(value) === "true";
    else if (element.dataset.widget === "segmented") for (const input of inputs) input.checked = input.value === words(value);
    else if (inputs[0].value !== words(value)) {
      inputs[0].value = words(value);
      inputs[0].dispatchEvent(new CustomEvent("put", { bubbles: true }));
    }
  }

  // Shows and hides by `when`; a condition on a hidden field sees it empty. Marks what must be filled in.
  arrange() {
    const values = this.values();
    const hidden = new Set();
    for (let round = 0; round <= this.all.size; round++) {
      const seen = { ...values };
      for (const name of hidden) delete seen[name];
      const before = hidden.size;
      for (const [name, element] of this.all) {
        const shown = holds(JSON.parse(element.dataset.when), seen);
        if (shown) hidden.delete(name);
        else hidden.add(name);
      }
      if (hidden.size === before) break;
    }
    for (const name of hidden) delete values[name];
    for (const button of this.form.querySelectorAll("[data-run]")) button.hidden = !holds(JSON.parse(button.dataset.when), values);
    for (const [name, element] of this.all) {
      element.hidden = hidden.has(name);
      const wanted = JSON.parse(element.dataset.requiredWhen);
      const must = "required" in element.dataset || (Object.keys(wanted).length > 0 && holds(wanted, values));
      const star = element.querySelector(".star");
      if (star) star.hidden = !must;
      this.control(name)?.setAttribute("aria-required", String(must));
    }
  }

  // Errors and hints of a Result. Which errors: all of them, or those of fields that were typed in. An action that has
  // nothing to hint at leaves the advice of the last check where it is.
  say(result, which, hinting = true) {
    for (const [name, element] of this.all) {
      const errors = result.errors?.[name] ?? [];
      const shown = errors.length > 0 && which(name);
      element.querySelector(".error").textContent = shown ? errors.join(" ") : "";
      if (hinting) element.querySelector(".hint").replaceChildren(...linked((result.hints?.[name] ?? []).join("\n")));
      element.classList.toggle("wrong", shown);
      const control = this.control(name);
      if (shown) control?.setAttribute("aria-invalid", "true");
      else control?.removeAttribute("aria-invalid");
      if (shown) this.replace(name, false);
    }
  }

  focusFirst(names) {
    for (const [name, element] of this.all) {
      if (names.includes(name) && !element.hidden) return this.focus(name);
    }
    return false;
  }

  focus(name) {
    const element = this.all.get(name);
    if (!element || element.hidden) return false;
    const inner = element.querySelector("input:checked, input:not([type=hidden]):not([hidden]), select, textarea");
    const stored = element.querySelector("[data-stored]:not([hidden]) [data-replace]");
    (stored ?? inner)?.focus();
    return true;
  }
}

function reveal(button) {
  const input = button.parentElement.querySelector("input");
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.textContent = shown ? "Show" : "Hide";
  button.setAttribute("aria-pressed", String(!shown));
}
