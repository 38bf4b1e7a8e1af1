// Line icons, drawn here so that nothing is loaded.

import { h } from "../lib/dom.js";

const PATHS = {
  overview: "M3 11.5 12 4l9 7.5M5.5 9.8V20h13V9.8M10 20v-5.5h4V20",
  invocations: "M4 6.5h10M4 12h16M4 17.5h7M17.5 4.5l2.5 2-2.5 2",
  objects: "M12 3.2 20 7.6v8.8l-8 4.4-8-4.4V7.6zM4.2 7.8 12 12l7.8-4.2M12 12v8.6",
  services: "M4.5 5h15v5.5h-15zM4.5 13.5h15V19h-15zM8 7.8h.01M8 16.2h.01",
  deployments: "M12 15V4m0 0L7.8 8.2M12 4l4.2 4.2M4.5 15v4.5h15V15",
  sql: "M5 6.2c0-1.5 3.1-2.7 7-2.7s7 1.2 7 2.7-3.1 2.7-7 2.7-7-1.2-7-2.7zM5 6.2v11.6c0 1.5 3.1 2.7 7 2.7s7-1.2 7-2.7V6.2M5 12c0 1.5 3.1 2.7 7 2.7s7-1.2 7-2.7",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4",
  search: "M11 4.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM20 20l-4.3-4.3",
  copy: "M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4",
  check: "M5 12.8 9.6 17.4 19 7.2",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  sun: "M12 7.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  system: "M3.5 4.5h17v11.5h-17zM9 20h6M12 16v4",
  help: "M9 9.2a3 3 0 1 1 4.3 2.7c-.9.5-1.3 1-1.3 2.1M12 17.4h.01",
  leave: "M14 4.5H5.5v15H14M10 12h10.5m0 0L17 8.5m3.5 3.5L17 15.5",
  warning: "M12 4 21 19.5H3zM12 10v4.4M12 16.9h.01",
  info: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 11v5M12 8h.01",
  play: "M7.5 5v14l11-7z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  cancel: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM6 6l12 12",
  kill: "M6 6l12 12M18 6 6 18",
  restart: "M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4.5 4.5v4h4",
  trash: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.9 12.5h9.2L17.5 7",
  edit: "M4.5 19.5v-3.6L16 4.4l3.6 3.6L8.1 19.5z",
  plus: "M12 5v14M5 12h14",
  down: "m6.5 9.5 5.5 5.5 5.5-5.5",
  right: "m9.5 6.5 5.5 5.5-5.5 5.5",
  back: "M20 12H4.5m0 0L10 6.5M4.5 12l5.5 5.5",
  send: "M20.5 4 3.5 11l6.5 2.6L13 20z",
  refresh: "M19.5 12a7.5 7.5 0 1 1-2.4-5.5M19.5 4.5v4h-4",
  download: "M12 4v11m0 0-4.2-4.2M12 15l4.2-4.2M4.5 19.5h15",
  wait: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 7.5V12l3 2",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const weight = name === "more" ? 2.4 : 1.7;
  return h(
    "svg",
    {
      viewBox: "0 0 24 24",
      fill: "none",
      stroke: "currentColor",
      "stroke-width": weight,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
      "aria-hidden": "true",
    },
    h("path", { d: PATHS[name] }),
  );
}

export function mark() {
  return h(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    h("rect", { width: 32, height: 32, rx: 8, fill: "#1f6f66" }),
    h("path", {
      d: "M16 7a9 9 0 1 0 9 9",
      fill: "none",
      stroke: "#fff",
      "stroke-width": 3,
      "stroke-linecap": "round",
    }),
    h("circle", { cx: 22.4, cy: 9.6, r: 2.4, fill: "#ffd58a" }),
  );
}
