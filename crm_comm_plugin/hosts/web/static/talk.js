// Talking to the server and to the person: posts, questions, short messages with an undo.
const UNDO_SECONDS = 10;

// Answers the server's JSON; trouble on the way becomes an answer that says so.
export async function post(path, data, signal) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(data),
      signal,
    });
    const answer = await response.json().catch(() => null);
    if (answer) return answer;
    return { ok: false, level: "bad", message: response.status === 401 ? "This link has expired. Open the new link." : "This did not work. Try again." };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { ok: false, level: "bad", message: "The server does not answer. Is it still running?" };
  }
}

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "role") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A text whose https addresses are links, shown by the name of their site.
export function linked(text) {
  return text.split(/(https:\/\/[^\s]+[^\s.,;:!?)])/).map((part, index) => {
    if (index % 2 === 0 || !URL.canParse(part)) return part;
    return make("a", { href: part, target: "_blank", rel: "noopener noreferrer", textContent: new URL(part).host });
  });
}

// A question with Yes and No in its own dialog; answers true or false. text: words, or what is drawn already. no "": news
// that can only be closed.
export function ask({ title, text, yes = "Yes", no = "No" }, danger = false) {
  return new Promise((resolve) => {
    const said = [text].flat();
    const dialog = make("dialog", { className: "question", role: "alertdialog" },
      make("form", { method: "dialog" },
        make("header", {}, make("h2", { id: "question-title", textContent: title })),
        make("div", { className: "body", id: "question-text" }, ...said),
        make("footer", {}, make("div", { className: "ending" },
          ...(no ? [make("button", { value: "no", className: "quiet", textContent: no, type: "submit" })] : []),
          make("button", { value: "yes", className: danger ? "danger" : "primary", textContent: yes, type: "submit" })))));
    dialog.setAttribute("aria-labelledby", "question-title");
    dialog.setAttribute("aria-describedby", "question-text");
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("button").focus();
  });
}

// A short message. With `undo`, a button for ten seconds.
export function toast(message, { level = "", undo = null } = {}) {
  if (!message) return;
  // What fails every second is said once.
  const told = [...holder().querySelectorAll(".toast.bad p")].some((one) => one.textContent === message);
  if (level === "bad" && told) return;
  const line = make("div", { className: `toast ${level}` }, make("p", { textContent: message }));
  const seconds = undo ? UNDO_SECONDS : level === "bad" ? 9 : 5;
  const timer = setTimeout(() => line.remove(), seconds * 1000);
  if (undo) {
    const button = make("button", { type: "button", className: "small", textContent: "Undo" });
    button.addEventListener("click", () => {
      clearTimeout(timer);
      line.remove();
      undo();
    });
    line.append(button);
  }
  holder().append(line);
}

// What lies outside of an open dialog can be neither seen nor pressed, so messages go into it.
function holder() {
  const dialogs = document.querySelectorAll("dialog[open]");
  const top = dialogs[dialogs.length - 1];
  if (!top) return document.getElementById("toasts");
  let place = top.querySelector(".dialog-toasts");
  if (!place) {
    place = make("div", { className: "dialog-toasts", role: "status", "aria-live": "polite", id: "" });
    top.append(place);
  }
  return place;
}

// Loads the list again as it is now.
export async function refreshList() {
  if (!document.getElementById("list")) return;
  await window.htmx.ajax("GET", listAddress(), { source: "#list", target: "#list", swap: "innerMorph" });
}

// Where the list is that is looked at: its search, order and page, or the search that is on its way.
export function listAddress() {
  const at = document.querySelector("#list [data-at]").dataset.at;
  const form = document.querySelector("form.search");
  const searched = new URL(at, location.href).searchParams.get("q") ?? "";
  if (!form || form.q.value === searched) return at;
  return `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
}

// Runs an action: asks first where there is something to ask; answers the Result, or null when the answer was no, or
// when nobody waits for it any more.
export async function run(data, danger = false, awaited = () => true) {
  let result = await post("/api/run", data);
  if (result.confirm) {
    if (!awaited() || !(await ask(result.confirm, danger))) return null;
    result = await post("/api/run", { ...data, asked: true, confirmed: result.confirm.token });
  }
  return result;
}

// Opens a page that a Result names: in a new tab, with a link where the browser blocks that.
export function openPage(url, tab) {
  const safe = /^https:\/\/|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]/.test(url);
  if (!safe) return null;
  if (tab && !tab.closed) {
    tab.opener = null;
    tab.location.replace(url);
    return null;
  }
  return make("a", { href: url, target: "_blank", rel: "noopener noreferrer", textContent: "Open the page" });
}
