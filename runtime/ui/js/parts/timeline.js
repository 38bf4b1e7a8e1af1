// Bars on a common axis: when something began, how long it took, where it failed, when it is tried again.

import { h } from "../lib/dom.js";
import { absolute, at, duration } from "../lib/time.js";

const percent = (place) => `${(place * 100).toFixed(3)}%`;

/** The times along the top. @param {import("../lib/axis.js").Axis} axis */
export function axisHead(axis) {
  return h(
    "div",
    { class: "t-head", "aria-hidden": "true" },
    axis.ticks.map(({ place, label }) =>
      h("span", { key: label, class: "t-tick", style: { left: percent(place) } }, label),
    ),
  );
}

/** @param {import("../lib/axis.js").Axis} axis */
export function gridLines(axis) {
  return axis.ticks.map(({ place }, index) =>
    h("i", { key: `grid${index}`, class: "t-grid", style: { left: percent(place) } }),
  );
}

/**
 * @param {import("../lib/axis.js").Axis} axis
 * @param {{from: number, to: number, tone: string, isOpen?: boolean, isInstant?: boolean, isQuiet?: boolean, failures?: any[], label?: string}} bar
 */
export function bar(
  axis,
  { from, to, tone, isOpen = false, isInstant = false, isQuiet = false, failures = [], label },
) {
  const start = axis.at(from);
  const end = Math.max(start, axis.at(to));
  const says = label ?? (isInstant ? "" : duration(to - from));
  const title = `${absolute(from)}${isInstant ? "" : ` – ${isOpen ? "now" : absolute(to)}, ${duration(to - from)}`}`;
  return [
    h("span", {
      class: `t-bar tone-${tone} ${isOpen ? "open" : ""} ${isInstant ? "instant" : ""} ${isQuiet ? "quiet" : ""}`,
      title,
      style: { left: percent(start), width: `max(${isInstant ? "7px" : "3px"}, ${percent(end - start)})` },
    }),
    failures.map((failure, index) =>
      h("span", {
        key: `fail${index}`,
        class: "t-fail",
        title: `attempt ${failure.attempt} failed ${absolute(at(failure.at))}: ${failure.message}`,
        style: { left: percent(axis.at(at(failure.at))) },
      }),
    ),
    says ? h("span", { class: "t-label", style: { left: `calc(${percent(end)} + 7px)` } }, says) : null,
  ];
}
