// Where the links between parts of a long list lead, when a part may end before it has its length.

/**
 * @param {number} from where this part begins @param {number} length how many items it has
 * @param {number} total of the whole list @param {number} most that one part has
 * @returns {{previous: number, next: number, last: number}} where these parts begin
 */
export function starts(from, length, total, most) {
  const to = from + length;
  const whole = Math.floor((total - 1) / most) * most;
  const isCut = length < most && to < total;
  // The last part says nothing of those before it, except where it begins.
  const isAfterCut = isCut || from % most !== 0;
  const last = isCut ? Math.max(whole, total - length) : to === total ? from : whole;
  return {
    previous: Math.max(0, from - ((isAfterCut && length) || most)),
    next: to < total ? to : from,
    last: length > 0 ? last : whole,
  };
}
