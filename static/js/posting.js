// A form that was sent is not sent again until its answer comes: its button is busy, and a second click does nothing. Who goes back to it
// has the form that was sent, not another one. The server does each form once whatever a browser sends; this says so at once.
const patience = 10000; // ms: whoever stops the page's loading can send again

export function posting() {
  goneBack();
  let sent = new WeakMap(); // forms, by when they were sent
  document.addEventListener("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (event.defaultPrevented || (button?.getAttribute("formmethod") ?? form.method).toLowerCase() !== "post") return undefined;
    if (performance.now() - sent.get(form) < patience) return event.preventDefault();
    sent.set(form, performance.now());
    remember(button?.name === "slip" ? button : form.querySelector("input[name=slip]"));
    // Disabled, it would not be among the fields that are sent.
    button?.setAttribute("aria-busy", "true");
    setTimeout(() => button?.removeAttribute("aria-busy"), patience);
    return undefined;
  });
  // Back may show the page as it was left.
  addEventListener("pageshow", () => {
    sent = new WeakMap();
    for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
  });
}

const where = (slip) => slip.getAttribute("formaction") ?? slip.form.getAttribute("action");

// remember keeps a slip in the page's place in the browser's history.
function remember(slip) {
  if (slip) history.replaceState({ ...history.state, slip: { to: where(slip), value: slip.value } }, "");
}

// goneBack gives a form that was sent from here its slip again. Who loads the page anew has a new form.
function goneBack() {
  const sent = history.state?.slip;
  if (!sent || performance.getEntriesByType("navigation")[0]?.type !== "back_forward") return;
  for (const slip of document.querySelectorAll("form [name=slip]")) {
    if (where(slip) === sent.to) slip.value = sent.value;
  }
}
