// Sizes, durations and a smoothed speed, in the words of web/ui/format.go.
const units = ["B", "KiB", "MiB", "GiB", "TiB"];

export function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

export function duration(seconds) {
  if (!isFinite(seconds)) return "–";
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// Speed averages over the last seconds, so that the time left does not flicker.
export class Speed {
  #samples = [];

  // at takes the bytes sent by a time in ms and gives bytes per second, 0 until it knows.
  at(now, sent) {
    this.#samples.push([now, sent]);
    while (this.#samples.length > 2 && now - this.#samples[0][0] > 6000) this.#samples.shift();
    const [then, before] = this.#samples[0];
    return now - then < 400 ? 0 : ((sent - before) / (now - then)) * 1000;
  }
}
