// The campaign form: only what the chosen account's channel needs; a rough size of a text while it is typed.
const GSM = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüàÆæßÉ";
const EXTENDED = "^{}\\[~]|€\f";

export function listen() {
  const form = document.querySelector("[data-campaign]");
  if (!form) return;
  const account = form.querySelector("[name=account]");
  const text = form.querySelector("[name=text]");
  const arrange = () => {
    const channel = account.selectedOptions[0]?.dataset.channel ?? "email";
    for (const part of form.querySelectorAll("[data-only]")) part.hidden = part.dataset.only === "sms" ? channel !== "sms" : channel === "sms";
    form.querySelector("[data-text-size]").textContent = sizeInWords(text.value);
  };
  account.addEventListener("change", arrange);
  text.addEventListener("input", arrange);
  form.addEventListener("submit", () => form.querySelector("[type=submit]").setAttribute("aria-busy", "true"));
  window.addEventListener("pageshow", () => form.querySelector("[type=submit]").removeAttribute("aria-busy"));
  arrange();
}

// Characters, parts and encoding of a text; the preview's numbers come from the plugin.
export function sizeInWords(text) {
  const forcing = [...text].find((letter) => !GSM.includes(letter) && !EXTENDED.includes(letter));
  const costs = forcing ? [...text].map((letter) => letter.length) : [...text].map((letter) => (EXTENDED.includes(letter) ? 2 : 1));
  const [single, joined] = forcing ? [70, 67] : [160, 153];
  const length = costs.reduce((sum, cost) => sum + cost, 0);
  const because = forcing ? `, because of “${forcing}”` : "";
  const parts = length <= single ? 1 : split(costs, joined);
  return `${length} long, ${parts} ${parts === 1 ? "part" : "parts"} (${forcing ? "Unicode" : "plain"}${because})`;
}

// Two-unit characters are not split between parts.
function split(costs, room) {
  let parts = 1;
  let used = 0;
  for (const cost of costs) {
    if (used + cost > room) {
      parts += 1;
      used = 0;
    }
    used += cost;
  }
  return parts;
}
