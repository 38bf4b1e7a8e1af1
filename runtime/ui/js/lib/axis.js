// Time as a place between 0 and 1: as it passes, or so that short steps between long waits can be seen.

import { duration } from "./time.js";

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3,
  1800e3, 3600e3, 7200e3, 21600e3, 43200e3, 86400e3, 172800e3, 604800e3, 2592000e3, 7776000e3, 31536000e3,
];
const TICKS = 5;
/** The rest is for labels behind the bars, and for what is yet to come. */
const USED = 0.86;
/** Steps that would be narrower than this part of the whole cannot be told apart. */
const NARROW = 0.008;

/**
 * @typedef {{at: (ms: number) => number, ticks: {place: number, label: string}[], isEven: boolean}} Axis
 */

/**
 * Says whether time as it passes hides what happened: most steps would be too narrow to see.
 *
 * @param {number[]} points oldest first @param {number[]} lengths of the steps
 */
export function isUneven(points, lengths) {
  const span = points[points.length - 1] - points[0];
  const narrow = lengths.filter((length) => length > 0 && length / span < NARROW);
  return lengths.length > 1 && narrow.length >= lengths.length / 2;
}

/** @param {number[]} points oldest first @param {boolean} isEven @returns {Axis} */
export function axis(points, isEven) {
  const from = points[0] ?? 0;
  const to = Math.max(points[points.length - 1] ?? 1, from + 1);
  return isEven ? even(points, from, to) : linear(from, to);
}

/** @param {number} from @param {number} to @returns {Axis} */
function linear(from, to) {
  const span = to - from;
  const step = STEPS.find((step) => span / step <= TICKS + 1) ?? span;
  const ticks = [];
  for (let ms = step; ms < span * 0.985; ms += step)
    ticks.push({ place: (ms / span) * USED, label: `+${duration(ms)}` });
  return { at: (ms) => clamp((ms - from) / span) * USED, ticks, isEven: false };
}

/** Every stretch between two points gets a width by the logarithm of its length. @returns {Axis} */
function even(points, from, to) {
  const stops = [...new Set([from, ...points, to])].sort((a, b) => a - b);
  const places = [0];
  for (let index = 1; index < stops.length; index += 1)
    places.push(places[index - 1] + Math.log2(1.5 + stops[index] - stops[index - 1]));
  const whole = places[places.length - 1] || 1;
  const at = (ms) => {
    if (ms <= from) return 0;
    if (ms >= to) return USED;
    const after = upper(stops, ms);
    const part = (ms - stops[after - 1]) / (stops[after] - stops[after - 1]);
    return ((places[after - 1] + part * (places[after] - places[after - 1])) / whole) * USED;
  };
  const ticks = [];
  for (let index = 1; index < stops.length - 1; index += 1) {
    const place = places[index] / whole;
    const last = (ticks.at(-1)?.place ?? 0) / USED;
    if (place - last >= 1 / (TICKS + 1) && place < 0.94)
      ticks.push({ place: place * USED, label: `+${duration(stops[index] - from)}` });
  }
  return { at, ticks, isEven: true };
}

/** Index of the first stop after a point. @param {number[]} stops @param {number} ms */
function upper(stops, ms) {
  let [low, high] = [0, stops.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stops[middle] <= ms) low = middle + 1;
    else high = middle;
  }
  return Math.max(1, low);
}

function clamp(place) {
  return Math.max(0, Math.min(1, place));
}
