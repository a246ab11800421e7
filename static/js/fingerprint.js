// What a file is, by its bytes: the fingerprint and the sums of handlers/uploads, whose doc.go says them byte by byte.
import { sha256 as ownSHA256 } from "../vendor/noble-hashes/sha2.js";

export const block = 4 << 20;
const sampledWhole = 4 << 20;
const sampledEnd = 1 << 20;
const samplePieces = 30;
const samplePiece = 64 << 10;

// sha256 is the browser's own where the page came by HTTPS; over plain HTTP browsers keep it from pages.
async function sha256(bytes) {
  if (globalThis.crypto?.subtle) return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return ownSHA256(bytes);
}

export const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

const read = async (file, from, to) => new Uint8Array(await file.slice(from, to).arrayBuffer());

// fingerprint reads at most 4 MiB.
export async function fingerprint(file) {
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(file.size));
  const parts = [size];
  if (file.size <= sampledWhole) {
    parts.push(await read(file, 0, file.size));
  } else {
    parts.push(await read(file, 0, sampledEnd));
    const step = Math.floor(file.size / (samplePieces + 1));
    for (let i = 1; i <= samplePieces; i++) parts.push(await read(file, i * step, i * step + samplePiece));
    parts.push(await read(file, file.size - sampledEnd, file.size));
  }
  return "s1-" + hex(await sha256(joined(parts)));
}

// Sums are those of a file's blocks, remembered: a proof that is asked for again costs only what came since.
export class Sums {
  #file;
  #whole = [];

  constructor(file) {
    this.#file = file;
  }

  // of is the sum of the block of that number, as far as the first `end` bytes of the file go.
  async of(number, end) {
    const from = number * block;
    const to = Math.min(from + block, end);
    if (this.#whole[number]) return this.#whole[number];
    const sum = await sha256(await read(this.#file, from, to));
    if (to - from === block) this.#whole[number] = sum;
    return sum;
  }

  // digest is the one of the first `end` bytes.
  async digest(end) {
    const sums = [];
    for (let i = 0; i * block < end; i++) sums.push(await this.of(i, end));
    return hex(await sha256(joined(sums)));
  }
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

// name is a random one of a file in this page.
export const name = () => hex(crypto.getRandomValues(new Uint8Array(16)));
