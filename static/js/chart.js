// One bar of a chart is in the order of the page; the arrow keys, Home and End go to the others.
const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

export function charts() {
  document.addEventListener("keydown", (event) => {
    const column = event.target.closest?.(".chart-column");
    if (!column || !(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...column.parentNode.querySelectorAll(".chart-column")];
    const to = all[Math.min(Math.max(all.indexOf(column) + steps[event.key], 0), all.length - 1)];
    event.preventDefault();
    column.setAttribute("tabindex", "-1");
    to.setAttribute("tabindex", "0");
    to.focus();
  });
}
