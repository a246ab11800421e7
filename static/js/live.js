// An element with data-live (an event stream) and data-refresh (its page) is asked for again when the server says
// that something changed. Events carry no content: the page is the truth, and what it says replaces the element.
import htmx from "../vendor/htmx/htmx.esm.js";

const settle = 250; // ms: changes come in bursts, one for each node

export function follow() {
  const first = document.querySelector("[data-live]");
  if (!first || !window.EventSource) return;
  const id = first.id;
  let timer = 0;
  let missed = false;
  let cut = false;

  const element = () => document.getElementById(id);
  const editing = () => {
    const at = document.activeElement;
    return at && element()?.contains(at) && at.matches("input, select, textarea");
  };

  const refresh = () => {
    timer = 0;
    // What is being typed is worth more than what is new; hidden pages wait until they are looked at.
    if (document.hidden || editing()) {
      missed = true;
      return;
    }
    missed = false;
    const at = element();
    const open = [...at.querySelectorAll("details[open] > summary")].map((s) => s.textContent);
    htmx
      .ajax("GET", at.dataset.refresh, { source: at, target: at, swap: "outerHTML", select: "#" + id })
      .then(() => reopen(element(), open), () => {});
  };
  const soon = () => {
    timer ||= setTimeout(refresh, settle);
  };
  const catchUp = () => missed && soon();

  const source = new EventSource(first.dataset.live);
  source.addEventListener("change", soon);
  source.addEventListener("message", soon);
  source.addEventListener("error", () => (cut = true));
  source.addEventListener("open", () => {
    if (cut) soon(); // what happened while the line was cut is unknown
    cut = false;
  });
  document.addEventListener("visibilitychange", catchUp);
  document.addEventListener("focusout", () => setTimeout(catchUp));
  addEventListener("pagehide", () => source.close());
}

// reopen keeps open what the reader had opened.
function reopen(root, summaries) {
  for (const summary of root?.querySelectorAll("details > summary") ?? []) {
    if (summaries.includes(summary.textContent)) summary.parentElement.open = true;
  }
}
