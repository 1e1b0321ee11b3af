// What an editor's action answered: words, steps with ticks, details; and what to do about a conflict.
import { make, post, refreshList, toast } from "./talk.js";

const STEP = /^\s*([✓✔✗✘×])\s*(.*)$/u;
const GOOD = "✓✔";

export function showResult(place, result) {
  place.replaceChildren();
  if (!result) return;
  const general = result.errors?.[""] ?? [];
  const text = [result.message, ...general.filter((line) => !result.message?.includes(line))].filter(Boolean).join("\n");
  const details = result.hints?.[""] ?? [];
  if (!text && !details.length) return;
  place.append(make("div", { className: `note ${levelOf(result)}` }, ...lines(text), ...more(details)));
  place.scrollIntoView({ block: "nearest" });
}

function levelOf(result) {
  if (["ok", "warn", "bad"].includes(result.level)) return result.level;
  return result.ok ? "info" : "bad";
}

// Lines that begin with a tick or a cross are steps of a test.
export function lines(text) {
  const parts = [];
  let steps = null;
  for (const line of text.split("\n")) {
    const step = STEP.exec(line);
    if (!step) {
      if (steps && /^\s+\S/.test(line)) steps.lastElementChild.lastElementChild.append(make("br"), line.trim());
      else {
        steps = null;
        parts.push(make("p", { textContent: line }));
      }
      continue;
    }
    if (!steps) parts.push((steps = make("ul", { className: "steps" })));
    const good = GOOD.includes(step[1]);
    const mark = make("span", { className: "mark", "aria-hidden": "true", textContent: good ? "✓" : "✗" });
    steps.append(make("li", { className: good ? "good" : "wrong" }, mark, make("span", { className: "sr", textContent: good ? "Done: " : "Failed: " }), make("span", { className: "what", textContent: step[2] })));
  }
  return parts;
}

function more(details) {
  if (!details.length) return [];
  return [make("details", {}, make("summary", { textContent: "Details" }), make("p", { textContent: details.join("\n") }))];
}

// Somebody else saved in between: compare, reload or overwrite. Somebody deleted it: bring it back, or keep this as a new one.
export function showConflict(editor, result) {
  showResult(editor.outcome, { ...result, level: "warn" });
  const note = editor.outcome.firstElementChild;
  const button = (text, action, className = "quiet") => {
    const made = make("button", { type: "button", className, textContent: text });
    made.addEventListener("click", action);
    return made;
  };
  const ways = result.gone
    ? [button("Restore", () => restore(editor)), button("Save as New", () => saveAsNew(editor))]
    : [button("Compare", () => showDifference(editor, note)), button("Reload", () => reload(editor)),
      button("Overwrite", () => editor.save("*"), "danger")];
  note.append(make("div", { className: "actions" }, ...ways));
  editor.outcome.scrollIntoView({ block: "nearest" });
  ways[0].focus();
}

// Secrets are to be entered again: those that were stored belong to the other one.
function saveAsNew(editor) {
  editor.id = editor.version = "";
  for (const name of editor.fields.stored()) editor.fields.replace(name);
  return editor.save();
}

// What is typed stays: the next save tells what differs.
async function restore(editor) {
  const data = { action: "restore", ids: [editor.id], editor: "", values: {}, asked: true };
  const result = await post("/api/run", data);
  showResult(editor.outcome, result);
  if (result.ok) await refreshList();
}

function reload(editor) {
  editor.fields.settled();
  location.assign(`/edit/${encodeURIComponent(editor.editor)}/${encodeURIComponent(editor.id)}`);
}

async function showDifference(editor, note) {
  const { record, message } = await post("/api/record", { editor: editor.editor, id: editor.id });
  note.querySelector("table")?.remove();
  if (!record) return toast(message, { level: "bad" });
  const typed = editor.fields.values();
  const body = make("tbody");
  for (const [name, element] of editor.fields.all) {
    if ("secret" in element.dataset || element.hidden) continue;
    const [mine, theirs] = [shown(typed[name], element), shown(record.values[name], element)];
    if (mine === theirs) continue;
    body.append(make("tr", {}, make("th", { scope: "row", textContent: element.dataset.label }), make("td", { textContent: theirs || "(empty)" }), make("td", { textContent: mine || "(empty)" })));
  }
  if (!body.children.length) body.append(make("tr", {}, make("td", { colSpan: 3, textContent: "Nothing that can be seen differs." })));
  const head = make("tr", {}, ...["Field", "Stored now", "Yours"].map((text) => make("th", { scope: "col", textContent: text })));
  note.append(make("table", {}, make("thead", {}, head), body));
  note.querySelector("table").scrollIntoView({ block: "nearest" });
}

// As the form shows it: a choice by its label.
function shown(value, element) {
  const choice = [...element.querySelectorAll("option, [type=radio]")].find((one) => one.value === String(value ?? ""));
  if (choice) return (choice.nextElementSibling && choice.type === "radio" ? choice.nextElementSibling : choice).textContent;
  if (value === true) return "yes";
  if (value === false) return "no";
  return value === null || value === undefined ? "" : String(value);
}
