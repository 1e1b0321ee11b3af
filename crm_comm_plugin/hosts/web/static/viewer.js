// Lists: selection, keyboard, and the toolbar's actions.
import { lines } from "./outcome.js";
import { ask, refreshList, run, toast } from "./talk.js";

const chosen = new Set();

const viewer = () => document.querySelector(".viewer");
const rows = () => [...document.querySelectorAll("#list tbody tr[data-id]")];
const rowOf = (id) => rows().find((row) => row.dataset.id === id);

export function listen() {
  document.addEventListener("click", clicked);
  document.addEventListener("dblclick", (event) => open(event.target.closest("#list tbody tr")));
  document.addEventListener("change", changed);
  document.addEventListener("keydown", pressed);
  document.addEventListener("htmx:after:swap", show);
  choose(rows().filter((row) => row.querySelector("[data-pick]").checked).map((row) => row.dataset.id));
}

export function choose(ids) {
  chosen.clear();
  for (const id of ids) chosen.add(id);
  show();
}

function show() {
  if (!viewer()) return;
  const present = new Set(rows().map((row) => row.dataset.id));
  for (const id of chosen) if (!present.has(id)) chosen.delete(id);
  for (const row of rows()) {
    const picked = chosen.has(row.dataset.id);
    row.classList.toggle("picked", picked);
    row.querySelector("[data-pick]").checked = picked;
  }
  const all = document.querySelector("[data-pick-all]");
  if (all) {
    all.checked = chosen.size > 0 && chosen.size === present.size;
    all.indeterminate = chosen.size > 0 && chosen.size < present.size;
  }
  for (const button of document.querySelectorAll(".toolbar [data-needs]")) {
    const needs = button.dataset.needs;
    button.disabled = needs === "one" ? chosen.size !== 1 : needs === "many" ? chosen.size === 0 : false;
  }
}

function clicked(event) {
  const action = event.target.closest(".toolbar [data-action], .toolbar [data-open]");
  if (action) return act(action);
  const row = event.target.closest("#list tbody tr[data-id]");
  if (row && !event.target.closest("a, input, button, label")) {
    const id = row.dataset.id;
    choose(chosen.size === 1 && chosen.has(id) ? [] : [id]);
    row.querySelector("[data-pick]").focus({ preventScroll: true });
  }
}

function changed(event) {
  if (event.target.matches("[data-pick-all]")) choose(event.target.checked ? rows().map((row) => row.dataset.id) : []);
  if (event.target.matches("[data-pick]")) {
    const id = event.target.closest("tr").dataset.id;
    if (event.target.checked) chosen.add(id);
    else chosen.delete(id);
    show();
  }
}

function pressed(event) {
  if (document.querySelector("dialog[open]") || !viewer()) return;
  const field = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (field) return;
  if (event.key === "/" && !event.ctrlKey) return focusSearch(event);
  const inside = event.target.closest("#list, main") || event.target === document.body;
  if (!inside) return;
  if (event.key === "Delete") return act(document.querySelector('.toolbar [data-kind="delete"]'));
  if (event.key === "ArrowDown" || event.key === "ArrowUp") return step(event);
  if (event.key === "Enter" && !event.target.closest("a, button, summary")) {
    event.preventDefault();
    open(event.target.closest("tr") || rowOf([...chosen][0]));
  }
}

function focusSearch(event) {
  const search = document.querySelector(".search input[type=search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
}

function step(event) {
  const all = rows();
  if (!all.length) return;
  event.preventDefault();
  const at = all.indexOf(event.target.closest("tr") || rowOf([...chosen][0]));
  const next = Math.min(Math.max(at + (event.key === "ArrowDown" ? 1 : -1), 0), all.length - 1);
  choose([all[next].dataset.id]);
  all[next].querySelector("[data-pick]").focus();
}

function open(row) {
  row?.querySelector("a.name")?.click();
}

async function act(button) {
  if (!button || button.disabled || !viewer()) return;
  const ids = [...chosen];
  if (button.dataset.open) return location.assign(button.dataset.open + encodeURIComponent(ids[0]));
  if (button.dataset.kind === "edit") return open(rowOf(ids[0]));
  if (button.dataset.needs !== "none" && !ids.length) return;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  const action = button.dataset.action;
  const result = await run({ action, ids, editor: "", values: {} }, button.classList.contains("danger"));
  button.removeAttribute("aria-busy");
  if (result) await told(result);
  show();
}

// Shows what an action answered: errors as a question that can only be closed, the rest as a short message.
export async function told(result) {
  if (!result.ok) {
    await ask({ title: "This did not work", text: lines(allWords(result)), yes: "Close", no: "" });
  } else {
    const undo = result.undo ? () => takeBack(result.undo) : null;
    toast(result.message || (undo ? "Done." : ""), { level: result.level, undo });
  }
  await refreshList();
  if (result.id) choose([result.id]);
}

// A list has no fields to write errors at. What the message says already is not said twice.
function allWords({ message = "", errors = {} }) {
  const flat = message.replace(/\s+/g, " ");
  const further = Object.values(errors).flat().filter((text) => !flat.includes(text.replace(/\s+/g, " ")));
  return [message, ...further].filter(Boolean).join("\n");
}

async function takeBack(token) {
  const result = await run({ action: "undo", ids: [token], editor: "", values: {}, asked: true });
  if (result) await told(result);
}
