// Points in time and durations, the way people say them.

/** @type {[string, number][]} */
const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];

/** Says how long something is: `12 ms`, `3.4 s`, `11m 12s`, `3d 4h`. @param {number} ms */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < 1) return ms === 0 ? "0 ms" : "<1 ms";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toString()} s`;
  return coarse(ms);
}

/** As `duration`, but without fractions: for what is counted while a person looks. @param {number} ms */
export function coarse(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000)) * 1000;
  if (seconds < 60_000) return `${seconds / 1000} s`;
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  const [unit, size] = UNITS[first];
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[1]) : 0;
  return `${Math.floor(seconds / size)}${unit}${rest ? ` ${rest}${next[0]}` : ""}`;
}

/** @param {string | null | undefined} text @returns {number} milliseconds, or NaN */
export function at(text) {
  return text ? Date.parse(text) : NaN;
}

/** Says where a point in time is from now: `12 s ago`, `in 3m`. @param {number} ms @param {number} [now] */
export function relative(ms, now = Date.now()) {
  if (Number.isNaN(ms)) return "–";
  const away = now - ms;
  if (Math.abs(away) < 1_000) return "now";
  return away > 0 ? `${short(away)} ago` : `in ${short(-away)}`;
}

/** One unit only: for columns. @param {number} ms */
export function short(ms) {
  const unit = UNITS.find(([, size]) => ms >= size) ?? UNITS[3];
  return `${Math.floor(ms / unit[1])}${unit[0] === "s" ? " s" : unit[0]}`;
}

const DAY = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  timeZoneName: "short",
});
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** @param {number} ms */
export function absolute(ms) {
  return Number.isNaN(ms) ? "" : DAY.format(ms);
}

/** @param {number} ms */
export function clock(ms) {
  return Number.isNaN(ms) ? "" : CLOCK.format(ms);
}
