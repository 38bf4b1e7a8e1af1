// One invocation as a row of the list.

import { h } from "../lib/dom.js";
import { shortId } from "../lib/text.js";
import { duration } from "../lib/time.js";
import { targetView, time } from "../parts/basics.js";
import { gist, statusBadge, tookMs } from "../parts/status.js";

/** @param {{params: Record<string, string>, change: (change: any) => void, rows: any[], picked: Set<string>, redraw: () => void}} list */
export function headRow({ params, change, rows, picked, redraw }) {
  const [sort, order] = [params.sort ?? "created_at", params.order ?? "desc"];
  const sorting = (name, title, cls, what) => {
    const isBy = sort === name;
    const turn = () =>
      change({ sort: name === "created_at" ? null : name, order: isBy && order === "desc" ? "asc" : null });
    const says = isBy ? (order === "desc" ? "descending" : "ascending") : "none";
    return h(
      "span",
      { class: cls, role: "columnheader", "aria-sort": says },
      h(
        "button",
        { onclick: turn, title: `Sort by ${what}` },
        title,
        isBy ? h("span", {}, order === "desc" ? "↓" : "↑") : null,
      ),
    );
  };
  const isAll = rows.length > 0 && picked.size >= rows.length;
  const pickAll = () => {
    if (isAll) picked.clear();
    else for (const { id } of rows) picked.add(id);
    redraw();
  };
  return h(
    "div",
    { class: "grid-row grid-head" },
    h("input", {
      type: "checkbox",
      class: "check",
      "aria-label": "Select all that are loaded",
      checked: isAll,
      indeterminate: picked.size > 0 && !isAll,
      onchange: pickAll,
    }),
    h("span", {}, "Status"),
    h("span", {}, "Target"),
    sorting("modified_at", "What goes on", "what", "the last change"),
    sorting("created_at", "Created", "col-created", "creation"),
    h("span", { class: "col-duration" }, "Duration"),
    h("span", { class: "col-id" }, "Id"),
  );
}

/** @param {{invocation: any, place: Record<string, any>, isAt: boolean, isPicked: boolean, isGone: boolean, isStuck: boolean, pick: (id: string) => void, open: (id: string) => void}} what */
export function row({ invocation, place, isAt, isPicked, isGone, isStuck, pick, open }) {
  const { id, status } = invocation;
  const said = gist(invocation);
  // Among those that are stuck, one that only waits does so in a circle.
  const isInCircle = isStuck && (status === "suspended" || status === "pending");
  const { text, tone } = isInCircle ? { text: `in a deadlock: ${said.text}`, tone: "warm" } : said;
  const onclick = (event) => {
    if (event.target.closest("input, .copy, a")) return;
    if (event.shiftKey || event.metaKey || event.ctrlKey) pick(id);
    else open(id);
  };
  return h(
    "div",
    {
      ...place,
      key: id,
      class: `vrow grid-row ${isAt ? "at" : ""} ${isPicked ? "picked" : ""} ${isGone ? "gone" : ""}`,
      "aria-selected": String(isPicked),
      onclick,
      "data-id": id,
    },
    h("input", {
      type: "checkbox",
      class: "check col-pick",
      "aria-label": `Select ${invocation.target}`,
      checked: isPicked,
      onchange: () => pick(id),
    }),
    h("span", { class: "col-status", role: "gridcell" }, statusBadge(invocation)),
    h("span", { class: "col-target row", role: "gridcell" }, targetView(invocation)),
    h("span", { class: `what cut ${tone}`, role: "gridcell", title: text }, text),
    h("span", { class: "col-created", role: "gridcell" }, time(invocation.created_at)),
    h(
      "span",
      { class: "col-duration number small muted", role: "gridcell" },
      invocation.running_at ? duration(tookMs(invocation)) : "–",
    ),
    h("span", { class: "col-id id", role: "gridcell", title: id }, shortId(id)),
  );
}
