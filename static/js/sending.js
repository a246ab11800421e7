// A form that was sent is not sent again until its answer comes: its button is busy, and a second click does nothing. The server does
// each form once whatever a browser sends; this only says so at once.
const patience = 10000; // ms: whoever stops the page's loading can send again

export function sending() {
  let sent = new WeakMap(); // forms, by when they were sent
  document.addEventListener("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (event.defaultPrevented || (button?.getAttribute("formmethod") ?? form.method).toLowerCase() !== "post") return;
    if (performance.now() - sent.get(form) < patience) return event.preventDefault();
    sent.set(form, performance.now());
    // Disabled, it would not be among the fields that are sent.
    button?.setAttribute("aria-busy", "true");
    setTimeout(() => button?.removeAttribute("aria-busy"), patience);
    return undefined;
  });
  // Back shows the page as it was left.
  addEventListener("pageshow", () => {
    sent = new WeakMap();
    for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
  });
}
