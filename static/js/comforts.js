// Small things that a page does without: copy buttons, times in the reader's zone, focus on a refusal.
const minutes = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
const short = new Intl.DateTimeFormat("en-GB", minutes);
const exact = new Intl.DateTimeFormat("en-GB", { ...minutes, second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { ...minutes, weekday: "short" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const near = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const clockExact = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const nearExact = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

export function comforts(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) localTime(time);
  for (const button of root.querySelectorAll("button[data-copy][hidden]")) button.hidden = false;
  if (root !== document) return;
  // Asked of the page and not of each button: what comes into it later is a copy of what was answered, without its listeners.
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button);
  });
  for (const name of root.querySelectorAll("[data-zone]")) {
    name.textContent = zone.formatToParts(new Date()).find((p) => p.type === "timeZoneName").value;
  }
  root.querySelector("[data-focus]")?.focus();
  root.addEventListener("click", (event) => {
    for (const menu of root.querySelectorAll(".who[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  root.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && root.querySelector(".who[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

function localTime(time) {
  const at = new Date(time.dateTime);
  if (isNaN(at)) return;
  time.title ||= time.textContent;
  const format = time.hasAttribute("data-short") ? shortOf(time, at) : formatOf(time, at);
  const today = format === clock || format === clockExact ? todayOf(time) : "";
  time.textContent = today + format.format(at).replace("Sept", "Sep"); // as the server writes it
  time.dataset.local = "";
}

function formatOf(time, at) {
  const seconds = time.hasAttribute("data-seconds");
  if (time.hasAttribute("data-day")) return day;
  if (!time.hasAttribute("data-near")) return seconds ? exact : short;
  if (at.toDateString() === new Date().toDateString()) return seconds ? clockExact : clock;
  return seconds ? nearExact : near;
}

const dayOnly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

// todayOf says of a bare time in a row that it is of this day.
function todayOf(time) {
  return time.hasAttribute("data-short") ? "today " : "";
}

// shortOf is what a row has room for, as the server's ClockShort.
function shortOf(time, at) {
  const now = new Date();
  const seconds = time.hasAttribute("data-seconds");
  if (at.getFullYear() !== now.getFullYear()) return date;
  if (at.toDateString() === now.toDateString()) return seconds ? clockExact : clock;
  if (time.dataset.short === "day") return dayOnly;
  return seconds ? nearExact : near;
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    // Without a secure context the clipboard is closed: select the text for the reader's own keys.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}
