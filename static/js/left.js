// An element with data-left holds how many seconds of something were left when the answer was made; with data-soon and
// data-last below which it is warned of. It is counted down by the time since the answer came, not by the browser's clock,
// which may be wrong. A later answer, laid over the page, begins anew.
const begun = new WeakMap();

export function countDown() {
  tick();
  setInterval(tick, 1000);
}

function tick() {
  for (const shown of document.querySelectorAll("[data-left]")) show(shown);
}

function show(shown) {
  const { left: given, soon, last } = shown.dataset;
  let from = begun.get(shown);
  if (from?.given !== given) begun.set(shown, (from = { given, at: Date.now() }));
  const left = Number(given) - Math.floor((Date.now() - from.at) / 1000);
  write(shown.querySelector("[data-left-words]"), words(left));
  const very = left > 0 && left <= Number(last);
  reveal(shown.querySelector("[data-left-last]"), very);
  reveal(shown.querySelector("[data-left-soon]"), left > 0 && !very && left <= Number(soon));
}

function write(at, text) {
  if (at && at.textContent !== text) at.textContent = text;
}

function reveal(at, is) {
  if (at && at.hidden === is) at.hidden = !is;
}

// words are those of ui.Left.
function words(s) {
  if (s <= 0) return "over";
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 24 * 3600) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}
