// Editors: a dialog with its own address, live advice, save and close, actions, conflicts.
import { Fields } from "./fields.js";
import { choose, told } from "./viewer.js";
import { ask, listAddress, make, openPage, post, refreshList, run, toast } from "./talk.js";
import { showConflict, showResult } from "./outcome.js";

const WAIT = 300;
const tabs = new BroadcastChannel("crm-comm");
let current = null;

export function listen() {
  document.addEventListener("htmx:after:swap", adopt);
  window.addEventListener("beforeunload", (event) => {
    if (current?.fields.dirty) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s" && current) {
      event.preventDefault();
      current.save();
    }
  });
  window.addEventListener("focus", () => current?.cameBack());
  tabs.addEventListener("message", ({ data }) => (current?.away ? current.cameBack(data) : refreshList()));
  const back = document.querySelector("[data-came-back]");
  if (back) tabs.postMessage({ ok: true, message: back.querySelector("h1").textContent, level: back.dataset.cameBack });
  adopt();
}

function adopt() {
  const dialog = document.querySelector("#dialogs > dialog.editor");
  if (dialog && dialog !== current?.dialog) current = new EditorDialog(dialog);
}

class EditorDialog {
  constructor(dialog) {
    this.dialog = dialog;
    this.form = dialog.querySelector("form");
    this.outcome = dialog.querySelector("[data-outcome]");
    this.fields = new Fields(this.form);
    this.editor = dialog.dataset.editor;
    this.id = dialog.dataset.id;
    this.version = dialog.dataset.version;
    this.tried = false;
    this.turn = 0;
    this.turns = new Map();
    this.timers = new Map();
    this.changes = 0;
    this.away = false;
    this.listen();
    this.fields.arrange();
    dialog.showModal();
    if (![...this.fields.all.keys()].some((name) => this.fields.focus(name))) dialog.querySelector("button").focus();
    this.check("", dialog.dataset.at === "problem");
  }

  listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.form.addEventListener("input", (event) => this.changed(event, WAIT));
    this.form.addEventListener("change", (event) => this.changed(event, 0));
    this.form.addEventListener("removed", (event) => this.typed(event.detail, 0));
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    this.dialog.addEventListener("close", () => this.closed());
    this.dialog.addEventListener("click", (event) => {
      if (event.target.closest("[data-close]")) this.leave();
      const action = event.target.closest("[data-run]");
      if (action) this.run(action);
    });
  }

  changed(event, wait) {
    const field = event.target.closest("[data-field]");
    if (field && !event.target.closest("[role=combobox]")) this.typed(field.dataset.field, wait);
  }

  typed(name, wait) {
    this.fields.touched.add(name);
    this.changes++;
    this.fields.arrange();
    if (!this.away && !this.outcome.querySelector("button")) showResult(this.outcome, null);
    const field = this.fields.all.get(name);
    if (!("live" in field.dataset)) return;
    clearTimeout(this.timers.get(name));
    this.timers.set(name, setTimeout(() => this.check(name), wait));
  }

  // Asks for advice. Of the answers about one field only the last counts; errors and hints are of the last of all.
  async check(changed, atProblem = false) {
    const turn = ++this.turn;
    const own = Symbol(changed);
    this.turns.set(changed, own);
    const result = await post("/api/check", { editor: this.editor, id: this.id, values: this.fields.valuesFor(changed), changed });
    if (current !== this || own !== this.turns.get(changed)) return;
    const before = JSON.stringify(this.fields.values());
    this.fields.suggest(result.values ?? {}, changed);
    this.fields.arrange();
    if (turn !== this.turn) {
      // What another field's later answer said does not know of this suggestion yet.
      if (JSON.stringify(this.fields.values()) !== before) this.check("");
      return;
    }
    this.fields.say(result, (name) => this.tried || this.fields.touched.has(name) || this.mustReplace(name));
    if (atProblem) this.focusProblem(result);
  }

  // Advice that is still to come is of no use any more.
  forgetAdvice() {
    this.turn++;
    this.turns.clear();
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  // A stored secret that must be typed again is said at once: nobody would touch that field by themselves.
  mustReplace(name) {
    return this.id !== "" && (this.fields.stored().includes(name) || this.fields.replaced.has(name)) && this.fields.touched.size > 0;
  }

  focusProblem(result) {
    const named = Object.keys(result.errors ?? {});
    const secrets = [...this.fields.all].filter(([, element]) => "secret" in element.dataset).map(([name]) => name);
    this.fields.focusFirst(named) || this.fields.focusFirst(secrets);
  }

  busy(on) {
    this.dialog.classList.toggle("busy", on);
    this.dialog.setAttribute("aria-busy", String(on));
    for (const button of this.dialog.querySelectorAll("footer button:not([data-close])")) button.disabled = on;
  }

  async save(version = this.version) {
    if (this.saving) return;
    this.saving = true;
    this.tried = true;
    this.forgetAdvice();
    this.busy(true);
    const errors = await this.fields.untaken();
    const result = errors
      ? { ok: false, level: "bad", message: "Nothing was saved yet.", errors }
      : await post("/api/save", { editor: this.editor, id: this.id, values: this.fields.values(), version });
    this.busy(false);
    this.saving = false;
    if (result.ok) return this.saved(result);
    if (current !== this) return told(result);
    this.fields.say(result, () => true, Object.keys(result.hints ?? {}).length > 0);
    if (result.conflict) return showConflict(this, result);
    showResult(this.outcome, { ...result, message: [result.message, ...(result.errors?.[""] ?? [])].filter(Boolean).join("\n") });
    if (!this.fields.focusFirst(Object.keys(result.errors ?? {}))) this.outcome.scrollIntoView({ block: "nearest" });
  }

  async saved(result) {
    const id = result.id || this.id;
    const credits = this.refreshing();
    this.fields.settled();
    this.close();
    await refreshList();
    choose([id].filter(Boolean));
    toast(result.message || "Saved.", { level: result.level, undo: null });
    // What a code is good for that was activated before there was an account; nobody waits for it.
    if (credits && (await post("/api/run", { action: "refresh_credits", ids: [id], editor: "", values: {}, asked: true })).ok) await refreshList();
  }

  // The button that reads credits, where the chosen gateway can tell and there is a code to ask with.
  refreshing() {
    const code = this.fields.all.get("access_code");
    const known = code && (this.fields.value("access_code") || code.querySelector("[data-stored]:not([hidden])"));
    return known ? this.form.querySelector("[data-run=refresh_credits]:not([hidden])") : null;
  }

  // An action of the editor works on what is typed. A tab is opened at once, or the browser would block it later.
  async run(button, pressed = true) {
    const action = button.dataset.run;
    this.forgetAdvice();
    this.busy(true);
    button.setAttribute("aria-busy", "true");
    showResult(this.outcome, null);
    await this.fields.untaken();
    const before = this.changes;
    const data = { action, ids: this.id ? [this.id] : [], editor: this.editor, values: this.fields.values() };
    const result = await run(data, false, () => current === this);
    button.removeAttribute("aria-busy");
    this.busy(false);
    if (pressed) button.focus();
    if (!result || current !== this) return;
    if (before !== this.changes && !result.refresh && !result.open_url && !Object.keys(result.values ?? {}).length) {
      return showResult(this.outcome, { level: "info", message: "You changed something meanwhile, so this answer counts no more. Try again." });
    }
    this.fields.suggest(result.values ?? {});
    this.fields.arrange();
    this.fields.say(result, () => true, Object.keys(result.hints ?? {}).length > 0);
    showResult(this.outcome, result);
    if (result.open_url) this.visit(result.open_url);
    if (result.refresh) await refreshList();
    if (result.close) this.close();
  }

  visit(url) {
    const link = openPage(url, window.open("about:blank", "_blank"));
    if (link) this.outcome.append(make("p", {}, link));
    this.away = true;
  }

  // From a page that an action opened: reads what was bought there; or the code of that page is to be entered now.
  async cameBack(told = null) {
    if (!this.away) return;
    this.away = false;
    const button = this.refreshing();
    if (button) return this.run(button, false);
    if (told) showResult(this.outcome, told);
    this.fields.focusFirst(["access_code"]);
    await refreshList();
  }

  // A browser closes on a repeated Escape whatever a page says, and a question with it: the dialog comes back and asks.
  closed() {
    if (current !== this) return;
    document.querySelector("dialog.question[open]")?.close();
    this.dialog.showModal();
    this.leave();
  }

  async leave() {
    if (this.fields.dirty) {
      const question = { title: "Leave without saving?", text: "What you typed will be lost.", yes: "Leave", no: "Stay" };
      if (!(await ask(question))) return;
    }
    this.close();
  }

  close() {
    if (current !== this) return;
    this.forgetAdvice();
    current = null;
    const row = document.querySelector(`#list tr[data-id="${CSS.escape(this.id)}"] a.name`);
    this.dialog.close();
    this.dialog.remove();
    if (location.pathname.startsWith("/edit/") || location.pathname.startsWith("/new/")) {
      history.pushState({ htmx: true }, "", listAddress());
    }
    (row ?? document.querySelector(".toolbar summary, .toolbar a, .toolbar button"))?.focus();
  }
}
