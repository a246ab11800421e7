// Sending one file to one upload by tus: in pieces that pass, over cuts and gateways that fail, and never to another upload
// than the one it was given: what the tus client does on a 502 is to begin a new one, so it is not told where.
import * as tus from "../vendor/tus-js-client/tus.min.js";
import { size } from "./measure.js";

const waits = [1, 2, 4, 8, 15, 30]; // seconds between questions; the last one again and again
const mostWaits = 40; // some 18 minutes
const shortAnswer = 8000; // ms: a piece that took less is followed by a larger one
const lookPiece = 64 << 10; // of a file's begin: the server refuses what its first 40 KiB tell
const firstPiece = 8 << 20;
const largestPiece = 256 << 20;
const smallestPiece = 64 << 10;
const passing = ["busy", "database_away", "internal", "throttled", "too_slow", "client_gone"]; // refusals of ours that may be none a moment later
const kept = "volary-upload-piece"; // in the tab: what a proxy let pass

// Refused ends a sending. code is a refusal of ours, "proxy" or "" ; status 0 where there was no answer.
export class Refused extends Error {
  constructor(code, status, text) {
    super(text);
    this.code = code;
    this.status = status;
    this.text = text;
  }
}

// Pieces is how much is sent by one request: more as long as it goes quickly, and never again what was too large for something on
// the way.
class Pieces {
  #lost = new Map(); // how often a piece of a size was

  constructor() {
    const passed = Number(sessionStorage.getItem(kept));
    this.most = passed || largestPiece;
    this.now = Math.min(firstPiece, this.most);
  }

  // tooLarge halves what was sent from an offset, and tells whether that is possible. Where it is not, it is the operator's to mend, and forgotten.
  tooLarge(offset) {
    if (this.at(offset) <= smallestPiece) {
      sessionStorage.removeItem(kept);
      return false;
    }
    this.now = this.most = Math.max(smallestPiece, Math.floor(this.now / 2));
    sessionStorage.setItem(kept, String(this.most));
    return true;
  }

  // stood is for a piece of which nothing arrived from an offset on: something on the way may keep it until it is whole. After the second of a
  // size there are no more of it: some proxies cut the line where others say 413. That the smallest is lost says nothing of larger ones.
  stood(offset) {
    if (this.at(offset) <= smallestPiece) return;
    const times = (this.#lost.get(this.now) ?? 0) + 1;
    this.#lost.set(this.now, times);
    if (times > 1) this.most = Math.max(smallestPiece, Math.floor(this.now / 2));
    this.now = Math.max(smallestPiece, Math.floor(this.now / 2));
  }

  // at is the piece that is sent from an offset on.
  at(offset) {
    return offset < lookPiece ? Math.min(lookPiece, this.now) : this.now;
  }

  arrived(from, took) {
    if (from >= lookPiece && took < shortAnswer) this.now = Math.min(this.now * 2, this.most);
  }
}

// Sending goes on until it is done, stopped or refused. o: headers() of each request; proof(offset), the digest of the first
// bytes, for the server where another sender brought them; say(text), progress(sent, total).
export class Sending {
  #file;
  #url;
  #o;
  #pieces = new Pieces();
  #tus = null;
  #stopped = false;
  #wake = () => {}; // ends a wait
  #end = () => {}; // ends an attempt
  #offset = -1; // as the server said last
  #prove = false; // what is there came from another sender
  #unproven = -1; // the offset at which a proof was refused
  #mine = false; // the server took this sender's bytes in this run
  had = null; // the answer that an image came of this file before: nothing had to be sent

  constructor(file, url, o) {
    this.#file = file;
    this.#url = url;
    this.#o = o;
  }

  // run tells whether all was sent; false where it was stopped. It throws Refused.
  async run() {
    this.#stopped = this.#mine = false;
    this.#unproven = -1;
    let tries = 0;
    let failedAt = -1; // where a piece was lost
    while (!this.#stopped) {
      const before = this.#offset;
      const failure = await this.#attempt(() => {
        if (this.#offset === failedAt) this.#pieces.stood(failedAt);
        failedAt = -1;
      });
      if (this.#stopped) return false;
      if (!failure) return true;
      if (failure instanceof Refused) throw failure;
      if (this.#offset > before) tries = 0;
      switch (judge(failure)) {
        case "smaller":
          if (!this.#pieces.tooLarge(this.#offset)) throw new Refused("proxy", 413, tooSmall);
          this.#o.say(this.note);
          break;
        case "prove": // more may have come between the proof and the bytes; at one place it is refused once
          if (this.#unproven === this.#offset) throw new Refused("another_file", 409, "");
          this.#unproven = this.#offset;
          break;
        case "asked":
          failedAt = failure.sending ? this.#offset : failedAt;
          if (++tries > mostWaits) throw new Refused("", failure.status, stays(failure.status));
          await this.#wait(failure.status, waits[Math.min(tries, waits.length) - 1]);
          break;
        default:
          throw new Refused(failure.code, failure.status, failure.text);
      }
    }
    return false;
  }

  stop() {
    this.#stopped = true;
    this.#tus?.abort();
    this.#end(null);
    this.#wake();
  }

  // again ends a wait.
  again() {
    this.#wake();
  }

  // note is what is to be known while it goes on.
  get note() {
    const most = this.#pieces.most;
    return most < largestPiece ? `In pieces of ${size(most)}: a proxy on the way takes no larger ones.` : "";
  }

  // #attempt asks where to go on and sends until the end or the first failure, which it gives.
  #attempt(asked) {
    return new Promise((ended) => {
      let begun = 0;
      this.#end = ended;
      this.#tus = new tus.Upload(this.#file, {
        uploadUrl: this.#url,
        retryDelays: null,
        storeFingerprintForResuming: false,
        chunkSize: this.#pieces.at(this.#offset),
        headers: this.#o.headers(),
        onBeforeRequest: async (request) => {
          if (request.getMethod() === "PATCH" && this.#prove) {
            try {
              request.setHeader("Volary-Received", await this.#digest());
            } catch (error) {
              ended(error instanceof Refused ? error : new Refused("", 0, unreadable));
              throw error;
            }
          }
          begun = performance.now();
        },
        onAfterResponse: (request, response) => {
          const offset = Number(response.getHeader("Upload-Offset") ?? "-1");
          if (offset < 0 || response.getStatus() >= 300) return;
          const from = this.#offset;
          this.#offset = offset;
          if (request.getMethod() === "HEAD") {
            this.#prove = Boolean(response.getHeader("Volary-Prove"));
            this.#mine ||= offset > 0 && !this.#prove;
            if (response.getHeader("Volary-Image")) this.had = response;
            asked();
          } else {
            this.#prove = false;
            this.#mine = true;
            this.#pieces.arrived(from, performance.now() - begun);
          }
          this.#tus.options.chunkSize = this.#pieces.at(offset);
        },
        onProgress: (sent, total) => this.#o.progress(sent, total),
        onSuccess: () => ended(null),
        onError: (error) => ended(described(error)),
      });
      this.#tus.start();
    });
  }

  // #digest shows that this file begins with what is there. Two that send the same in turn would go on for ever: who was
  // overtaken stops.
  async #digest() {
    if (this.#mine) throw new Refused("taken", 409, taken);
    return this.#o.proof(this.#offset);
  }

  #wait(status, seconds) {
    this.#o.say(`${cause(status)} Asking again in ${seconds} s; what arrived is kept.`);
    return new Promise((woken) => {
      const timer = setTimeout(woken, seconds * 1000);
      this.#wake = () => {
        clearTimeout(timer);
        woken();
      };
    });
  }
}

// described is what is known of a request that failed. A gateway's page is none of our sentences.
function described(error) {
  if (!error.originalRequest) return new Refused("", 0, unreadable);
  const response = error.originalResponse;
  const body = (response?.getBody() ?? "").trim();
  return {
    status: response?.getStatus() ?? 0,
    code: response?.getHeader("Volary-Refusal") ?? "",
    tus: Boolean(response?.getHeader("Tus-Resumable")),
    sending: error.originalRequest?.getMethod() === "PATCH",
    text: body && body.length < 500 && !body.startsWith("<") && !body.startsWith("{") ? body : "",
  };
}

function judge(failure) {
  const { status, code, tus, sending } = failure;
  if (code === "unproven") return "prove";
  if (code === "interrupted" || code === "offset") return "asked"; // by a question that came late, or a cut that the server learned of late
  if (code && !passing.includes(code)) return "refused";
  if (status === 413 && sending && !tus) return "smaller";
  if (status === 401 || status === 403 || status === 507 || (tus && (status === 404 || status === 410))) return "refused";
  // A gateway's 404 is a portal that is not there now; 409 and 423: the server learned of a cut after it had answered.
  if (status === 0 || status === 404 || status === 408 || status === 409 || status === 423 || status === 425 || status === 429 || status >= 500) return "asked";
  return "refused";
}

function cause(status) {
  if (status === 0) return "The connection is cut.";
  if (status === 400 || status === 409 || status === 423) return "Another request still sends this upload.";
  return `The server does not answer now (${status}).`;
}

function stays(status) {
  return `${cause(status)} Press Resume when it is back; nothing that arrived is lost.`;
}

const unreadable = "The file cannot be read any more: it was changed, moved or taken away. Choose it again.";
const taken = "Somebody else goes on with this upload: another tab, or a colleague. Press Resume to send it from here again.";
const tooSmall =
  `A proxy before Volary refuses even ${size(smallestPiece)} at a time (413). Its operator has to raise what it takes ` +
  `(nginx: client_max_body_size). What arrived is kept: press Resume then.`;

// ask is a question that is asked again until there is an answer of ours, or it is stopped; it throws Refused.
export async function ask(address, options, say) {
  for (let tries = 1; ; tries++) {
    let status = 0;
    try {
      const response = await fetch(address, { ...options, redirect: "manual" });
      const code = response.headers.get("Volary-Refusal") ?? "";
      if (response.ok) return response;
      if (response.type === "opaqueredirect") throw new Refused("", 401, ""); // to the sign-in
      status = response.status;
      const again = (code !== "internal" && passing.includes(code)) || (!code && (status === 404 || status === 408 || status === 429 || status >= 500));
      if (!again) throw new Refused(code, status, code || status === 413 ? (await response.text()).trim() : "");
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    if (tries > mostWaits) throw new Refused("", status, stays(status));
    const seconds = waits[Math.min(tries, waits.length) - 1];
    say(`${cause(status)} Asking again in ${seconds} s.`);
    await new Promise((woken) => setTimeout(woken, seconds * 1000));
  }
}
