// An element with data-live (whose changes it shows; with data-kind and data-id of what) and data-refresh (its page) is asked
// for again when the server says that something changed. Events carry no content: the page is the truth, and what it says is laid over the element.
import htmx from "../vendor/htmx/htmx.esm.js";
import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";
import { answered, knows } from "./answer.js";
import { comforts } from "./comforts.js";
import { joinStream } from "./stream.js";

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
        beforeNodeMorphed: (shown, fresh) => !typed(shown) && !slip(shown, fresh),
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

// slip tells whether a node is the id by which a form is taken once: a form that is on its way stays the one that it is.
function slip(shown, fresh) {
  const own = (node) => node.name === "slip" && node.form?.getAttribute("action");
  return Boolean(own(shown)) && own(shown) === own(fresh);
}

// follow keeps the page's live part true, and says since when it is not. Hidden pages follow nothing: they look again once
// they are looked at.
export function follow() {
  const first = document.querySelector("[data-live]");
  const note = document.querySelector("[data-live-note]");
  const offer = document.querySelector("[data-live-offer]");
  if (!first || !note || !offer || !window.AbortController) return;
  new Follower(first.id, note, offer).begin();
}

const words = {
  away: "the portal's database does not answer. The page follows again by itself.",
  cut: "there is no connection to the portal. The page follows again by itself.",
  ended: "you are signed out.",
  failed: "the portal did not answer the last time. The page asks again by itself.",
};

class Follower {
  constructor(id, note, offer) {
    this.id = id;
    this.note = note;
    this.offer = offer;
    this.mine = document.body.dataset.place;
    this.state = { follows: true };
    this.moved = null; // where the session works by now
  }

  begin() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start(true)));
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => event.persisted && this.start(true)); // Back shows the page as it was left
    document.addEventListener("htmx:beforeSwap", (event) => this.own(event));
    document.addEventListener("htmx:afterRequest", (event) => event.detail.elt?.id === this.id && this.answered(event.detail));
    this.start(false);
  }

  start(again) {
    if (this.leave || document.hidden) return;
    this.leave = joinStream({
      change: (what) => this.concerned(what) && !(answered && knows(what.at)) && this.soon(0, what.kind ? what.at : 0),
      state: (state) => this.become(state),
      place: (place) => this.settle(place),
    });
    if (again) this.soon();
  }

  stop() {
    this.leave?.();
    this.leave = null;
    clearTimeout(this.timer);
    this.timer = 0;
  }

  concerned(what) {
    const { live, kind, id } = document.getElementById(this.id).dataset;
    return !what.kind || (what.of === live && (!kind || kind.split(" ").includes(what.kind)) && (!id || !what.id || what.id === id));
  }

  // become takes what the stream says of itself. What happened while nothing was followed is unknown.
  become(state) {
    const before = this.state;
    this.state = state;
    if (state.follows && !before.follows && this.since) this.soon(Math.random() * 1000);
    // A tab that was just opened is told within a second that it is followed: until then nothing is said.
    if (!state.follows) setTimeout(() => this.say(), 1000);
  }

  settle(place) {
    const here = !this.mine || [`org:${place.org}`, `provider:${place.provider}`, place.platform && "platform"].includes(this.mine);
    const before = this.moved;
    this.moved = here ? null : place;
    if (before && here) this.soon();
    this.say();
  }

  // soon has the page look again; a page that answers a form says instead that there is something to see.
  soon(after = 0, at = 0) {
    if (this.moved) return;
    if (answered) return this.show(at);
    this.timer ||= setTimeout(() => this.refresh(), settle + after);
  }

  refresh() {
    this.timer = 0;
    const at = document.getElementById(this.id);
    if (!this.leave || this.moved) return;
    htmx.ajax("GET", at.dataset.refresh, { source: at, target: at, swap: "overlay", select: "#" + this.id }).catch(() => {});
  }

  // show offers what changed: at is when, and 0 where nobody knows whether anything did. It is said once.
  show(at) {
    if (this.state.follows) this.since = 0;
    this.say();
    if (this.certain || (this.offered && !at)) return;
    this.offered = true;
    this.certain = Boolean(at);
    const words = at ? ["This page changed at ", clock(at)] : ["This page may have changed since ", clock(document.body.dataset.begun)];
    this.offer.replaceChildren(...words, ". What is below answers what you sent. ", link(answered, "Show it as it is now"));
  }

  // own lets nothing in that is another place's: the session may have changed to it while we asked.
  own(event) {
    const place = event.detail.xhr.getResponseHeader("Volary-Place");
    if (event.detail.target?.id === this.id && this.mine && place && place !== this.mine) event.detail.shouldSwap = false;
  }

  answered(detail) {
    this.failed = !detail.successful && Boolean(this.leave);
    if (this.failed) this.soon(4000 + Math.random() * 2000);
    if (detail.successful && this.state.follows && !this.moved) this.since = 0;
    this.say();
  }

  // say keeps the words until what was missed is here.
  say() {
    if (!this.leave) return;
    const why = this.why();
    if (why) this.since ||= this.state.since || Date.now();
    this.note.hidden = !this.since;
    if (!why) return;
    this.note.replaceChildren("Not updated since ", clock(this.since), ": ", ...why);
  }

  why() {
    if (this.moved) {
      const to = this.moved.name ? `for ${this.moved.name}` : "elsewhere";
      return [`you work ${to} now, by another tab. `, link("/", "Go there"), ", or change back and this page goes on."];
    }
    if (!this.state.follows) {
      const said = [words[this.state.why]];
      if (this.state.why === "ended") said.push(" ", link("/sign-in?next=" + encodeURIComponent(location.pathname + location.search), "Sign in"));
      return said;
    }
    return this.failed ? [words.failed] : null;
  }
}

const seconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function clock(ms) {
  const at = document.createElement("time");
  const moment = new Date(Number(ms));
  at.dateTime = moment.toISOString();
  at.textContent = seconds.format(moment);
  return at;
}

function link(to, text) {
  const a = document.createElement("a");
  a.href = to;
  a.textContent = text;
  return a;
}
