// One file by tus: progress, speed, time left, pause and resume. A cut line is asked again by itself; a reload asks for the same
// file again and goes on where it was, with the bytes that are there shown to be those of the file.
import { block, fingerprint, hex, name, Sums } from "./fingerprint.js";
import { duration, size, Speed } from "./measure.js";
import { ask, Refused, Sending } from "./sending.js";

const root = document.querySelector("[data-upload]");
if (root) {
  root.hidden = false;
  page(root);
}

function page(root) {
  const part = (name) => root.querySelector(name);
  const input = part("input[type=file]");
  const bar = part("progress");
  const endpoint = root.dataset.upload;
  let chosen = null; // {file, print, sums, sender, address, row}: the file, and the upload it is sent to
  let sending = null;
  let running = false;
  let goOn = () => {}; // what a question that is answered goes on with
  let speed = new Speed();

  input.addEventListener("change", () => input.files[0] && attempt(() => choose(input.files[0])));
  part("[data-pause]").addEventListener("click", pause);
  part("[data-resume]").addEventListener("click", () => attempt(chosen.address ? begun : () => choose(chosen.file)));
  part("[data-cancel]").addEventListener("click", discard);
  part("[data-as-new]").addEventListener("click", () => attempt(create));
  part("[data-anew]").addEventListener("click", () => attempt(create));
  part("[data-instead]").addEventListener("click", () => attempt(instead));
  for (const button of root.querySelectorAll("[data-leave]")) button.addEventListener("click", () => location.reload());
  part("[data-elsewhere] form").addEventListener("submit", back);
  addEventListener("online", () => sending?.again());
  addEventListener("beforeunload", (event) => running && event.preventDefault());
  for (const kind of ["dragenter", "dragover"]) root.addEventListener(kind, over);
  for (const kind of ["dragleave", "drop"]) root.addEventListener(kind, () => root.classList.remove("upload-over"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    if (running) return;
    const file = event.dataTransfer.files[0];
    if (file) attempt(() => choose(file));
    else fail("No file was dropped here. Drop the file that holds the disk, or choose it.");
  });

  function over(event) {
    event.preventDefault();
    root.classList.add("upload-over");
  }

  // attempt does a step, and shows why it ended where it did.
  async function attempt(step) {
    goOn = step;
    running = true;
    fail("");
    question(null);
    buttons();
    try {
      await step();
    } catch (error) {
      await ended(error);
    } finally {
      running = false;
      buttons();
    }
  }

  async function choose(file) {
    const most = Number(root.dataset.max);
    if (file.size === 0) return fail(`${file.name} is empty: it has 0 bytes. Look whether its download or its export came to an end, and choose the file that holds the disk.`);
    if (most && file.size > most) {
      return fail(`${file.name} has ${size(file.size)}; at most ${size(most)} can be uploaded. Compress it: qemu-img convert -c -O qcow2 FILE disk.qcow2.`);
    }
    chosen = { file, sums: new Sums(file) };
    show(file);
    say("Looking at the file…");
    try {
      chosen.print = await fingerprint(file);
    } catch {
      throw new Refused("", 0, `${file.name} cannot be read. See that it is still there and that you may open it, and choose it again.`);
    }
    const rows = await unfinished();
    const same = rows.filter((r) => r.print === chosen.print).sort((a, b) => b.offset - a.offset)[0];
    const like = rows.find((r) => r.size === file.size && r.name === file.name.normalize("NFC"));
    if (same || like?.print === "") return go(same || like, name());
    if (like) return twin(like, "");
    return create();
  }

  // unfinished asks anew what was begun: by now a colleague may have. It is the organization's of this page or nobody's.
  async function unfinished() {
    const answer = await ask(location.href, { headers: { Accept: "text/html" } }, say);
    if (root.dataset.place && answer.headers.get("Volary-Place") !== root.dataset.place) throw new Refused("other_organization", 409, "");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return Array.from(page.querySelectorAll("[data-upload-id]"), (row) => ({
      id: row.dataset.uploadId,
      name: row.dataset.uploadName,
      size: Number(row.dataset.uploadSize),
      offset: Number(row.dataset.uploadOffset),
      person: row.dataset.uploadPerson,
      print: row.dataset.uploadFingerprint,
      begun: row.querySelector("time")?.textContent ?? "",
    }));
  }

  const headers = () => ({
    "Volary-Place": root.dataset.place,
    "Volary-Fingerprint": chosen.print,
    "Volary-Sender": chosen.sender,
    ...(digest() && { "Volary-Digest": digest().replace(/[^\x20-\x7e]/g, "?") }),
  });

  // digest is the SHA-256 that was typed. What is none the server refuses.
  const digest = () => part("[name=digest]").value.trim();
  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

  // create begins an upload. Asked twice, because an answer was lost, the server gives the same one.
  async function create() {
    chosen.sender = chosen.sender && !chosen.address ? chosen.sender : name();
    chosen.address = "";
    const answer = await ask(endpoint, {
      method: "POST",
      headers: {
        ...headers(),
        "Tus-Resumable": "1.0.0",
        "Upload-Length": String(chosen.file.size),
        "Upload-Metadata": `filename ${base64(chosen.file.name)}`,
      },
    }, say);
    const id = answer.headers.get("Location").split("/").pop();
    if (answer.headers.get("Volary-Image")) return had((name) => answer.headers.get(name));
    return go({ id, name: chosen.file.name, size: chosen.file.size, offset: 0, person: "", print: chosen.print, begun: "" }, chosen.sender);
  }

  // had leads to the image that came of this file before.
  function had(said) {
    const link = part("[data-had-image]");
    link.href = `${root.dataset.images}/${encodeURIComponent(said("Volary-Image"))}`;
    link.firstElementChild.textContent = decodeURIComponent(said("Volary-Image-Name"));
    pick();
    question("[data-had]");
  }

  // pick has a file chosen again; what else was typed stays.
  function pick() {
    chosen = null;
    input.value = "";
    part(".upload-pick").hidden = false;
    part(".upload-run").hidden = true;
  }

  function go(row, sender) {
    chosen.sender = sender;
    chosen.row = row;
    chosen.address = endpoint + row.id;
    return begun();
  }

  async function begun() {
    goOn = begun;
    say("");
    speed = new Speed();
    sending = new Sending(chosen.file, chosen.address, { headers, proof, say, progress });
    if (!(await sending.run())) return;
    if (sending.had) {
      await remove(chosen.row.id); // what had arrived is of no use
      return had((name) => sending.had.getHeader(name));
    }
    running = false;
    say("Uploaded. The verdict comes next.");
    location.assign(`${root.dataset.done}/${encodeURIComponent(chosen.row.id)}`);
  }

  // proof compares the file with what is there, block by block, and gives the digest of both.
  async function proof(offset) {
    for (let at = 0; at * block < offset; ) {
      const answer = await (await ask(`${chosen.address}/sums?from=${at}`, { headers: headers() }, say)).json();
      if (answer.sums.length === 0) break; // less is there than was said: the server will say so
      for (const sum of answer.sums) {
        const end = Math.min((at + 1) * block, answer.received);
        if (end > offset) break;
        if (hex(await chosen.sums.of(at, end)) !== sum) throw new Refused("another_file", 409, "");
        at++;
        say(`Comparing the file with what is there: ${size(Math.min(at * block, offset))} of ${size(offset)}.`);
      }
      if (answer.received > offset && (at + 1) * block > offset) break; // more came meanwhile
    }
    const digest = await chosen.sums.digest(offset);
    say("Going on where it was.");
    return digest;
  }

  // ended shows why a step ended, with what can be done.
  async function ended(error) {
    const refused = error instanceof Refused ? error : new Refused("", 0, "The page does not know what to do. Load it again and choose the same file.");
    if (!(error instanceof Refused)) console.error(error);
    const { code, status } = refused;
    if (code === "other_organization" || ((status === 401 || status === 403) && (await movedAway()))) return question("[data-elsewhere]");
    if (code === "invalid" && digest()) part("[data-digest]").open = true; // what was typed stands there
    if (code === "another_file") return twin(chosen.row, refused.text);
    if (chosen?.address && (code === "not_found" || status === 404 || status === 410)) return question("[data-gone]");
    if (code === "format") pick(); // this file is not sent on
    fail(sentence(refused));
  }

  // movedAway tells whether the session works for another place than the page's.
  async function movedAway() {
    try {
      const answer = await fetch(location.href, { redirect: "manual" });
      const place = answer.headers.get("Volary-Place");
      return Boolean(root.dataset.place) && answer.type !== "opaqueredirect" && answer.status < 500 && place !== root.dataset.place;
    } catch {
      return false;
    }
  }

  function twin(row, told) {
    chosen.row = row;
    part("[data-ask-told]").hidden = !told;
    part("[data-ask-words]").hidden = Boolean(told);
    part("[data-ask-told]").textContent = told;
    if (!told) {
      part("[data-ask-name]").textContent = row.name;
      part("[data-ask-here]").textContent = `${size(row.offset)} of ${size(row.size)}`;
      part("[data-ask-person]").textContent = row.person || "you";
      part("[data-ask-begun]").textContent = row.begun || "a moment ago";
    }
    question("[data-ask]");
  }

  // instead discards the other upload first.
  async function instead() {
    await remove(chosen.row.id);
    chosen.address = chosen.sender = "";
    goOn = create;
    return create();
  }

  async function remove(id) {
    try {
      await ask(endpoint + id, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", "Volary-Place": root.dataset.place } }, say);
    } catch (error) {
      if (error.status !== 404 && error.status !== 410) throw error; // it is gone already
    }
  }

  // back works for the page's organization again and goes on with what was refused.
  async function back(event) {
    event.preventDefault();
    const next = goOn;
    const form = event.target;
    try {
      const body = new URLSearchParams(new FormData(form, event.submitter));
      await fetch(form.action, { method: "POST", body, redirect: "manual" });
    } catch {
      return fail("The connection is cut. Press the button again when it is back.");
    }
    attempt(next);
  }

  function pause() {
    sending?.stop();
    say("Paused. What was sent is kept.");
  }

  async function discard() {
    sending?.stop();
    running = false;
    await attempt(async () => {
      if (chosen.address) await remove(chosen.row.id);
      running = false;
      location.reload();
    });
  }

  function progress(sent, total) {
    const rate = speed.at(performance.now(), sent);
    bar.value = (sent / total) * 100;
    part("[data-sent]").textContent = `${size(sent)} of ${size(total)}`;
    part("[data-speed]").textContent = rate > 0 ? `${size(rate)}/s` : "–";
    part("[data-left]").textContent = rate > 0 ? duration((total - sent) / rate) : "–";
    if (running) say(sent === total ? "All sent. The server is taking it over…" : (sending?.note ?? ""));
  }

  function show(file) {
    part(".upload-pick").hidden = true;
    part(".upload-run").hidden = false;
    part("[data-name]").textContent = file.name;
    part("[data-size]").textContent = `, ${size(file.size)}`;
  }

  // question shows one question, or none, and the person there.
  function question(which) {
    for (const one of root.querySelectorAll(".upload-question")) one.hidden = true;
    const shown = which && part(which);
    if (!shown) return;
    say("");
    shown.hidden = false;
    shown.focus();
  }

  function buttons() {
    const asked = Boolean(root.querySelector(".upload-question:not([hidden])"));
    part("[data-pause]").hidden = !running;
    part("[data-resume]").hidden = running || asked;
    part("[data-cancel]").hidden = asked;
  }

  function say(text) {
    const status = part("[data-status]");
    if (status.textContent !== text) status.textContent = text;
  }

  function fail(text) {
    const error = part("[data-error]");
    error.replaceChildren(...passages(text));
    error.hidden = !text;
    if (text) say("");
  }
}

// passages are a sentence with what stands between its backticks as it is to be typed. Where they are no pairs, a name has one.
function passages(text) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return [text];
  return parts.map((part, n) => {
    if (n % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
}

// sentence says what went wrong and what to do. A refusal of ours is a plain text, shown as it is.
function sentence({ code, status, text }) {
  if (code && code !== "signed_out" && text) return text;
  switch (status) {
    case 401:
    case 403:
      return "You are signed out or may not upload here. " + ((code !== "signed_out" && text) || "Sign in again and choose the same file.");
    case 507:
      return text || "The server's disk is full. Tell its operator; what was sent is kept.";
    default:
      return text || `The server refused the upload (status ${status}). What was sent is kept.`;
  }
}
