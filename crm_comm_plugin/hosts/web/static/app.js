// What runs on every page: local times, lists, editors, menus. No inline script, no eval.
import "./local.js";
import { listen as listenToLists } from "./viewer.js";
import { listen as listenToEditors } from "./editor.js";
import { listen as listenToCampaigns } from "./campaigns.js";
import { toast } from "./talk.js";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const known = document.cookie.split("; ").find((part) => part.startsWith("crm_comm_zone="));
if (known?.split("=")[1] !== encodeURIComponent(zone)) {
  document.cookie = `crm_comm_zone=${encodeURIComponent(zone)}; path=/; SameSite=Strict; max-age=31536000`;
  if (!known && navigator.cookieEnabled && document.documentElement.dataset.zone !== zone) location.reload();
}

// Back and forward work from htmx's first timer on. Whoever was faster has the new address over the old page: load it.
setTimeout(() => {
  const [asked] = performance.getEntriesByType("navigation");
  if (asked && asked.name.split("#")[0] !== location.href.split("#")[0]) location.reload();
});

listenToLists();
listenToEditors();
listenToCampaigns();

// Menus close on Escape and when something else is clicked.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.target.closest("li a")) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (menu && event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("htmx:response:error", async (event) => {
  const raw = event.detail.ctx.response?.raw;
  const words = raw?.status === 401 ? "This link has expired. Open the new link." : "This did not work. Load the page again.";
  toast((await readMessage(raw)) || words, { level: "bad" });
});
document.addEventListener("htmx:error", () => toast("The server does not answer. Is it still running?", { level: "bad" }));

async function readMessage(raw) {
  try {
    return JSON.parse(await raw.clone().text()).message;
  } catch {
    return "";
  }
}
