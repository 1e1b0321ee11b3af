// Times and numbers as the person's locale and time zone write them.
const page = document.documentElement.dataset;
const locale = supported(page.locale);
const timeZone = page.zone || "UTC";

function supported(wanted) {
  try {
    return Intl.getCanonicalLocales(wanted)[0] || "en";
  } catch {
    return "en";
  }
}

export function number(value) {
  return new Intl.NumberFormat(locale).format(value);
}

// "09:14" today, "Tue 09:14" within a week, else with the date.
export function moment(at, now = new Date()) {
  const time = { hour: "2-digit", minute: "2-digit", timeZone };
  const away = Math.abs(at - now);
  if (dayOf(at) === dayOf(now)) return format(at, time);
  if (away < 6 * 86_400_000) return format(at, { weekday: "short", ...time });
  const year = away > 300 * 86_400_000 ? { year: "numeric" } : {};
  return format(at, { day: "numeric", month: "short", ...year, ...time });
}

export function relative(at, now = new Date()) {
  const seconds = Math.round((at - now) / 1000);
  const words = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
  const units = [["day", 86_400], ["hour", 3600], ["minute", 60]];
  if (Math.abs(seconds) > 30 * 86_400) return format(at, { dateStyle: "medium", timeZone });
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return words.format(Math.round(seconds / length), unit);
  }
  return words.format(0, "second");
}

function format(at, options) {
  return new Intl.DateTimeFormat(locale, options).format(at);
}

function dayOf(at) {
  return new Intl.DateTimeFormat("en", { dateStyle: "short", timeZone }).format(at);
}

class LocalTime extends HTMLElement {
  static observedAttributes = ["at"];
  connectedCallback() {
    this.show();
  }
  attributeChangedCallback() {
    if (this.isConnected) this.show();
  }
  show() {
    const at = new Date(this.getAttribute("at"));
    if (Number.isNaN(at.valueOf())) return;
    const form = this.getAttribute("form");
    if (form === "day") this.textContent = format(at, { day: "numeric", month: "short", timeZone: "UTC" });
    else this.textContent = form === "relative" ? relative(at) : moment(at);
    this.title = format(at, { dateStyle: "full", timeStyle: "medium", timeZone });
  }
}

class LocalNumber extends HTMLElement {
  static observedAttributes = ["value"];
  connectedCallback() {
    this.show();
  }
  attributeChangedCallback() {
    if (this.isConnected) this.show();
  }
  show() {
    const value = this.getAttribute("value");
    if (value !== "" && Number.isFinite(Number(value))) this.textContent = number(Number(value));
  }
}

// Drawings hold no HTML, so their days are written here.
for (const text of document.querySelectorAll("text[data-day]")) {
  text.textContent = format(new Date(`${text.dataset.day}T12:00:00Z`), { day: "numeric", month: "short", timeZone: "UTC" });
}

// A swap that keeps an element puts the server's plain text back into it.
document.addEventListener("htmx:after:swap", () => {
  for (const element of document.querySelectorAll("local-time, local-number")) element.show();
});

customElements.define("local-time", LocalTime);
customElements.define("local-number", LocalNumber);
