// A node's console: xterm.js over a WebSocket. Each connection needs a ticket of its own, good for one use.
import { Terminal } from "../vendor/xterm/xterm.mjs";
import { FitAddon } from "../vendor/xterm-addon-fit/addon-fit.mjs";
import { allowStyles } from "./styles.js";

const delays = [500, 1000, 2000, 4000, 8000]; // ms between attempts

const root = document.querySelector("[data-console]");
if (root) {
  root.hidden = false;
  allowStyles();
  open(root);
}

function open(root) {
  const status = root.querySelector("[data-status]");
  const again = root.querySelector("[data-reconnect]");
  const colours = getComputedStyle(document.documentElement);
  const xterm = new Terminal({
    cursorBlink: true,
    scrollback: 5000,
    fontSize: 13,
    fontFamily: colours.getPropertyValue("--mono"),
    theme: {
      background: colours.getPropertyValue("--term-ground").trim(),
      foreground: colours.getPropertyValue("--term-ink").trim(),
    },
    screenReaderMode: matchMedia("(prefers-reduced-motion: reduce)").matches,
  });
  const fit = new FitAddon();
  xterm.loadAddon(fit);
  xterm.open(root.querySelector("[data-screen]"));
  fit.fit();
  new ResizeObserver(() => fit.fit()).observe(root);
  // Tab belongs to the guest, so there has to be another way out. And tools that send keys for a person may send the
  // press of a key whose stroke was taken already: once is enough.
  let stroke = null;
  xterm.attachCustomKeyEventHandler((event) => {
    if (event.type === "keypress" && stroke?.defaultPrevented) return false;
    if (event.type === "keydown") stroke = event;
    if (!event.ctrlKey || event.key !== "]") return true;
    if (event.type === "keydown") root.querySelector("[data-leave]").focus();
    return false;
  });

  let socket = null;
  let attempt = 0;
  const bytes = new TextEncoder();
  const send = (data) => socket?.readyState === WebSocket.OPEN && socket.send(data);
  xterm.onData((text) => send(bytes.encode(text)));
  xterm.onBinary((text) => send(Uint8Array.from(text, (c) => c.charCodeAt(0))));

  again.addEventListener("click", () => {
    attempt = 0;
    connect();
  });
  connect();

  async function connect() {
    again.hidden = true;
    root.querySelector("[data-no-upgrade]").hidden = true;
    status.textContent = "Connecting…";
    let ticket;
    try {
      ticket = await askTicket(root.dataset.console);
    } catch (error) {
      if (error.final) return end(error.message);
      return retry(error.message);
    }
    const address = new URL(root.dataset.console + "/ws", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("ticket", ticket);
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => {
      opened = true;
      attempt = 0;
      status.textContent = "Connected";
      root.dataset.connected = "";
      xterm.focus();
    };
    socket.onmessage = (event) => {
      xterm.write(typeof event.data === "string" ? event.data : new Uint8Array(event.data));
    };
    socket.onclose = async (event) => {
      delete root.dataset.connected;
      const refused = opened ? null : await askWhy(root.dataset.console + "/ws" + address.search);
      if (refused) {
        root.querySelector("[data-no-upgrade]").hidden = false;
        return end(refused);
      }
      // The server names an end that trying again would not change: another viewer, or a node that stopped.
      if (event.code === 1000 || event.code === 1008 || event.code >= 4000) return end(event.reason || "The line was closed.");
      retry(event.reason || "The line was cut");
    };
  }

  function retry(why) {
    if (attempt >= delays.length) return end(why + ".");
    status.textContent = `${why}. Trying again…`;
    setTimeout(connect, delays[attempt++]);
  }

  function end(why) {
    status.textContent = why;
    again.hidden = false;
  }
}

// askWhy asks by an ordinary request why a socket did not open, which a browser does not tell of a socket: the words, where the
// proxy in front takes away the headers that ask for one; nothing where it is worth another try.
async function askWhy(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "text/plain" }, cache: "no-store" });
    return answer.status === 426 ? "The proxy in front of Volary does not let consoles through." : null;
  } catch {
    return null;
  }
}

async function askTicket(path) {
  const answer = await fetch(path + "/ticket", { method: "POST", headers: { Accept: "application/json" } });
  if (answer.ok) return (await answer.json()).ticket;
  const error = new Error(answer.status === 401 ? "You are signed out. Sign in again" : `The console was refused (status ${answer.status})`);
  error.final = answer.status < 500;
  throw error;
}
