// One event stream for all tabs of a browser: a browser opens six connections to a host over HTTP/1, and a stream of each
// tab's own would leave none for pages and forms. Of the tabs that are looked at one leads: it holds the stream and passes
// on what it hears. Who leads is decided by a Web Lock where the context is secure, else among the tabs by
// BroadcastChannel; where there is neither, every tab just looks now and then.
const name = "volary-stream";
const address = "/events";
const tick = 2000; // ms between two signs of life of the leader
const lineSilence = 13000; // the server gives a sign every 5 s: this long without one, and the line is cut
const leaderSilence = 8000;
const lookEvery = 5000;
const remembered = 10000; // of what was heard, for tabs that are just being opened

const clock = () => performance.now();
const random = (from, to) => from + Math.random() * (to - from);

// joinStream tells on.change(what), on.place(place) and on.state({follows, why, since}) of the one stream until the function
// that it returns is called. what.at is when the server heard of it, in ms by its clock, and nothing where that is unknown. why
// is "away" (the server says that its database is), "cut" or "ended"; since is a Date's number.
export function joinStream(on) {
  if (!window.BroadcastChannel) {
    const looking = setInterval(() => on.change({}), lookEvery);
    return () => clearInterval(looking);
  }
  return new Member(on).join();
}

class Member {
  constructor(on) {
    this.on = on;
    this.id = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.ended = new AbortController();
    this.state = { follows: false, why: "cut", since: Date.now() };
    this.place = null;
    this.recent = []; // the leader's: [when, what]
    this.heardAt = clock();
  }

  join() {
    this.channel = new BroadcastChannel(name);
    this.channel.addEventListener("message", (event) => this.hear(event.data));
    this.ticking = setInterval(() => this.look(), tick);
    this.post({ kind: "hello" });
    if (navigator.locks) this.queue();
    else this.waiting = setTimeout(() => this.lead(), random(300, 700));
    return () => this.leave();
  }

  leave() {
    this.ended.abort();
    clearInterval(this.ticking);
    clearTimeout(this.waiting);
    if (this.leading) this.post({ kind: "bye" });
    this.resign();
    this.channel.close();
  }

  post(message) {
    this.channel.postMessage({ ...message, from: this.id });
  }

  // queue waits for the lock, which is free again whatever becomes of the tab that has it. One that lives and says nothing
  // (a debugger holds it) loses it.
  queue(steal = false) {
    const how = steal ? { steal } : { signal: this.ended.signal };
    const held = () => {
      if (this.ended.signal.aborted) return undefined;
      this.lead();
      return new Promise((release) => (this.release = release));
    };
    navigator.locks.request(name, how, held).catch(() => {
      this.resign();
      if (!this.ended.signal.aborted) this.queue();
    });
  }

  lead() {
    clearTimeout(this.waiting);
    if (this.leading || this.ended.signal.aborted) return;
    this.leading = new AbortController();
    this.recent = [];
    this.tell();
    this.hold(this.leading.signal);
  }

  resign() {
    this.leading?.abort();
    this.leading = null;
    this.release?.();
    this.release = null;
  }

  // look is the tick of every tab: the leader shows that it lives, the others look whether it does.
  look() {
    if (this.leading) return this.tell();
    const silent = clock() - this.heardAt;
    if (silent < leaderSilence) return undefined;
    this.show({ follows: false, why: "cut", since: this.state.follows ? Date.now() - silent : this.state.since });
    if (!navigator.locks) return this.lead();
    if (silent > 2 * leaderSilence && !this.stole) {
      this.stole = true;
      this.queue(true);
    }
    return undefined;
  }

  tell(more) {
    this.post({ kind: "state", state: this.state, place: this.place, ...more });
  }

  hear(message) {
    if (message.kind === "hello") {
      const since = clock() - remembered;
      if (this.leading) this.tell({ to: message.from, recent: this.recent.filter(([at]) => at > since).map(([, what]) => what) });
      return;
    }
    if (message.kind === "bye") {
      this.heardAt = clock();
      clearTimeout(this.waiting);
      if (!navigator.locks) this.waiting = setTimeout(() => this.lead(), random(50, 300));
      return;
    }
    if (this.leading) {
      // Without a lock two may lead for a moment: the greater name goes.
      if (this.id < message.from) return this.tell();
      this.resign();
    }
    clearTimeout(this.waiting);
    this.heardAt = clock();
    this.stole = false;
    if (message.kind === "change") return this.on.change(message.what);
    if (message.kind !== "state") return;
    if (message.to === this.id) for (const what of message.recent) this.on.change(what);
    this.show(message.state);
    this.move(message.place);
  }

  // hold keeps the stream open, and opens it again, until the tab leads no longer.
  async hold(signal) {
    for (let wait = 1000; !signal.aborted; wait = Math.min(2 * wait, 5000)) {
      const why = await this.read(signal, () => (wait = 500)).catch(() => "cut");
      if (signal.aborted) return;
      const since = this.state.follows ? Date.now() : this.state.since;
      this.become({ follows: false, why, since: this.aliveAt ? Math.min(since, this.aliveAt) : since });
      await new Promise((resume) => setTimeout(resume, random(0.5, 1.5) * (why === "ended" ? 5000 : wait)));
    }
  }

  // read returns why the stream is over.
  async read(signal, opened) {
    const line = new AbortController();
    const end = () => line.abort();
    signal.addEventListener("abort", end);
    let silence = setTimeout(end, lineSilence);
    try {
      const answer = await fetch(address, { headers: { Accept: "text/event-stream" }, cache: "no-store", signal: line.signal });
      if (answer.status === 401) return "ended";
      if (!answer.ok) return answer.status === 503 ? "away" : "cut";
      opened();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) return this.over ? "ended" : "cut";
        clearTimeout(silence);
        silence = setTimeout(end, lineSilence);
        if (this.state.follows) this.aliveAt = Date.now();
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) this.take(event);
      }
    } finally {
      clearTimeout(silence);
      signal.removeEventListener("abort", end);
      line.abort();
    }
  }

  take(event) {
    const field = (key) => event.match(new RegExp(`^${key}: (.*)$`, "m"))?.[1];
    const kind = field("event");
    this.over = kind === "ended";
    if (kind === "place") {
      this.place = JSON.parse(field("data"));
      this.become({ follows: true });
      this.move(this.place);
    }
    if (kind === "back") this.become({ follows: true });
    if (kind === "away") this.become({ follows: false, why: "away", since: this.aliveAt || Date.now() });
    if (kind !== "change") return;
    const what = { ...JSON.parse(field("data")), at: Number(field("id")) || 0 };
    this.recent = [...this.recent.slice(-99), [clock(), what]];
    this.post({ kind: "change", what });
    this.on.change(what);
  }

  become(state) {
    if (state.follows) this.aliveAt = Date.now();
    this.show(state);
    this.tell();
  }

  show(state) {
    this.state = state;
    this.on.state(state);
  }

  move(place) {
    this.place = place;
    if (place) this.on.place(place);
  }
}
