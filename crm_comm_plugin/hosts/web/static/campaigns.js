// The campaign form: only what the chosen account's channel needs; the size of a text while it is typed.
import { post } from "./talk.js";

const WAIT = 250;

export function listen() {
  const form = document.querySelector("[data-campaign]");
  if (!form) return;
  const account = form.querySelector("[name=account]");
  const text = form.querySelector("[name=text]");
  const recipients = form.querySelector("[name=recipients]");
  const size = new Size(form.querySelector("[data-text-size]"), () => [account.value, text.value]);
  const arrange = () => {
    const channel = account.selectedOptions[0]?.dataset.channel ?? "email";
    for (const part of form.querySelectorAll("[data-only]")) part.hidden = part.dataset.only === "sms" ? channel !== "sms" : channel === "sms";
    recipients.placeholder = channel === "sms" ? "phone,name\n07400 123456,Ann" : "email,name\nann@example.com,Ann";
    if (channel === "sms") size.ask();
  };
  account.addEventListener("change", arrange);
  text.addEventListener("input", arrange);
  form.addEventListener("submit", () => form.querySelector("[type=submit]").setAttribute("aria-busy", "true"));
  window.addEventListener("pageshow", () => form.querySelector("[type=submit]").removeAttribute("aria-busy"));
  arrange();
}

// How long a text is, in how many parts and in which encoding, as the plugin's preview says. The last answer counts.
class Size {
  constructor(place, typed) {
    this.place = place;
    this.typed = typed;
    this.turn = 0;
  }

  ask() {
    const turn = ++this.turn;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const [account, text] = this.typed();
      const size = await post("/api/size", { account, text });
      if (turn === this.turn) this.place.textContent = typeof size?.segments === "number" ? inWords(size) : "";
    }, WAIT);
  }
}

export function inWords(size) {
  const parts = `${size.length} long, ${size.segments} ${size.segments === 1 ? "part" : "parts"}, ${size.encoding}`;
  return size.forced_by ? `${parts} because of ${named(size.forced_by)}` : parts;
}

// Some characters cannot be seen, others look like plain ones: the number tells.
function named(character) {
  const number = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return `“${character}” (U+${number})`;
}
