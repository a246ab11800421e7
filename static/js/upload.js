// One file by tus: progress, speed, time left, pause and resume. A cut line is retried by itself; a reload asks for
// the same file again and goes on where it was.
import * as tus from "../vendor/tus-js-client/tus.min.js";
import { duration, size, Speed } from "./measure.js";

const retryDelays = [0, 1000, 2000, 4000, 8000, 15000, 30000, 30000, 60000];

const root = document.querySelector("[data-upload]");
if (root) {
  root.hidden = false;
  page(root);
}

function page(root) {
  const part = (name) => root.querySelector(name);
  const input = part("input[type=file]");
  const bar = part("progress");
  let upload = null;
  let file = null;
  let image = "";
  let running = false;
  let speed = new Speed();

  input.addEventListener("change", () => input.files[0] && choose(input.files[0]));
  part("[data-pause]").addEventListener("click", pause);
  part("[data-resume]").addEventListener("click", resume);
  part("[data-cancel]").addEventListener("click", discard);
  addEventListener("online", () => upload && !running && part("[data-error]").hidden === false && resume());
  addEventListener("beforeunload", (event) => running && event.preventDefault());
  for (const kind of ["dragenter", "dragover"]) root.addEventListener(kind, over);
  for (const kind of ["dragleave", "drop"]) root.addEventListener(kind, () => root.classList.remove("upload-over"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!running && event.dataTransfer.files[0]) choose(event.dataTransfer.files[0]);
  });

  function over(event) {
    event.preventDefault();
    root.classList.add("upload-over");
  }

  async function choose(chosen) {
    fail("");
    const most = Number(root.dataset.max);
    if (chosen.size === 0) return fail(`${chosen.name} is empty.`);
    if (most && chosen.size > most) {
      return fail(`${chosen.name} has ${size(chosen.size)}; at most ${size(most)} can be uploaded. Compress it: qemu-img convert -c -O qcow2.`);
    }
    file = chosen;
    upload = prepare(file);
    const known = await resumable(upload, file);
    if (known) say(`Going on where it was.`);
    show(file);
    start();
  }

  function prepare(file) {
    return new tus.Upload(file, {
      endpoint: root.dataset.upload,
      retryDelays,
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name },
      onProgress: progress,
      onSuccess: done,
      onError: (error) => {
        running = false;
        buttons();
        fail(sentence(error));
      },
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        const again = status === 0 || status >= 500 || status === 409 || status === 423;
        if (again && status !== 507) say("The connection is cut. Trying again…");
        speed = new Speed();
        return again && status !== 507;
      },
      onAfterResponse: (_, response) => {
        image = response.getHeader("Volary-Image") || image;
      },
    });
  }

  // resumable looks for a begun upload of this file: first in this browser, then in the server's list on the page.
  async function resumable(upload, file) {
    const here = await upload.findPreviousUploads();
    if (here.length > 0) {
      upload.resumeFromPreviousUpload(here[0]);
      return true;
    }
    for (const row of document.querySelectorAll("[data-upload-id]")) {
      if (row.dataset.uploadName === file.name && Number(row.dataset.uploadSize) === file.size) {
        upload.url = root.dataset.upload + row.dataset.uploadId;
        return true;
      }
    }
    return false;
  }

  function start() {
    running = true;
    fail("");
    speed = new Speed();
    buttons();
    upload.start();
  }

  function pause() {
    running = false;
    upload.abort();
    buttons();
    say("Paused. What was sent is kept.");
  }

  function resume() {
    say("");
    start();
  }

  async function discard() {
    running = false;
    try {
      await upload.abort(true);
    } catch {
      // It is gone already, or will expire.
    }
    location.reload();
  }

  function progress(sent, total) {
    const rate = speed.at(performance.now(), sent);
    bar.value = (sent / total) * 100;
    part("[data-sent]").textContent = `${size(sent)} of ${size(total)}`;
    part("[data-speed]").textContent = rate > 0 ? `${size(rate)}/s` : "–";
    part("[data-left]").textContent = rate > 0 ? duration((total - sent) / rate) : "–";
    if (running) say(sent === total ? "All sent. The server is taking it over…" : "");
  }

  function done() {
    running = false;
    say("Uploaded. The verdict comes next.");
    location.assign(image ? `${root.dataset.done}/${encodeURIComponent(image)}` : root.dataset.done);
  }

  function show(file) {
    part(".upload-pick").hidden = true;
    part(".upload-run").hidden = false;
    part("[data-name]").textContent = `${file.name}, ${size(file.size)}`;
  }

  function buttons() {
    part("[data-pause]").hidden = !running;
    part("[data-resume]").hidden = running;
  }

  function say(text) {
    const status = part("[data-status]");
    if (status.textContent !== text) status.textContent = text;
  }

  function fail(text) {
    const error = part("[data-error]");
    error.textContent = text;
    error.hidden = !text;
    if (text) say("");
  }
}

// sentence says what went wrong and what to do. A refusal of ours is a plain text, shown as it is.
function sentence(error) {
  const status = error.originalResponse?.getStatus() ?? 0;
  const body = (error.originalResponse?.getBody() ?? "").trim();
  const ours = body && body.length < 500 && !body.startsWith("<") && !body.startsWith("{") ? " " + body : "";
  switch (status) {
    case 0:
      return "The connection is cut and stays so. Press Resume when it is back; nothing that was sent is lost.";
    case 401:
    case 403:
      return "You are signed out or may not upload here." + (ours || " Sign in again and choose the same file.");
    case 404:
    case 410:
      return "The server does not have this upload any more. Discard it and choose the file again.";
    case 413:
      return "The file is larger than is taken here." + ours;
    case 423:
      return "Another page is sending the same upload. Close it and press Resume.";
    case 507:
      return "The server's disk is full." + (ours || " Tell its operator; what was sent is kept.");
    default:
      return `The server refused the upload (status ${status}).` + ours;
  }
}
