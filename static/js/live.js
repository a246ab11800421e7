// An element with data-live (an event stream) and data-refresh (its page) is asked for again when the server says
// that something changed. Events carry no content: the page is the truth, and what it says is laid over the element.
import htmx from "../vendor/htmx/htmx.esm.js";
import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";
import { comforts } from "./comforts.js";

const settle = 250; // ms: changes come in bursts, one for each node

// overlay is the way of putting an answer in place: what did not change stays where it is, with focus, selection and
// scrolling, and so does what the reader typed, chose or opened.
htmx.defineExtension("overlay", {
  isInlineSwap: (style) => style === "overlay",
  handleSwap: (style, target, fragment) => {
    if (style !== "overlay") return false;
    comforts(fragment); // first, so that it is compared as it will be shown
    return Idiomorph.morph(target, fragment.children, {
      ignoreActiveValue: true,
      callbacks: {
        beforeNodeMorphed: (shown) => !typed(shown),
        beforeAttributeUpdated: (name, shown) => !(name === "open" && shown.localName === "details"),
      },
    });
  },
});

// typed tells whether a field holds something other than what it came with.
function typed(field) {
  if (field.matches?.("input[type=checkbox], input[type=radio]")) return field.checked !== field.defaultChecked;
  if (field.matches?.("input:not([type=hidden]), textarea")) return field.value !== field.defaultValue;
  if (!field.matches?.("select")) return false;
  const came = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(came, 0);
}

export function follow() {
  const first = document.querySelector("[data-live]");
  if (!first || !window.EventSource) return;
  const id = first.id;
  let timer = 0;
  let missed = false;
  let cut = false;

  const refresh = () => {
    timer = 0;
    missed = document.hidden; // hidden pages wait until they are looked at
    if (missed) return;
    const at = document.getElementById(id);
    htmx.ajax("GET", at.dataset.refresh, { source: at, target: at, swap: "overlay", select: "#" + id }).catch(() => {});
  };
  const soon = () => {
    timer ||= setTimeout(refresh, settle);
  };

  const source = new EventSource(first.dataset.live);
  source.addEventListener("change", soon);
  source.addEventListener("message", soon);
  source.addEventListener("error", () => (cut = true));
  source.addEventListener("open", () => {
    if (cut) soon(); // what happened while the line was cut is unknown
    cut = false;
  });
  document.addEventListener("visibilitychange", () => missed && soon());
  addEventListener("pagehide", () => source.close());
}
