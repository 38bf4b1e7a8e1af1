// A list of which only the rows in view exist, so that its length costs nothing.

import { h } from "../lib/dom.js";

const SPARE_ROWS = 8;

/** @param {() => void} redraw */
export function virtualList(redraw) {
  const state = { top: 0, height: 600, row: 40 };
  /** @type {HTMLElement | null} */
  let element = null;

  function measure() {
    if (!element) return;
    const row = parseFloat(getComputedStyle(element).getPropertyValue("--row")) || 40;
    if (element.clientHeight === state.height && row === state.row) return;
    Object.assign(state, { height: element.clientHeight, row });
    redraw();
  }

  function mounted(el) {
    element = el;
    measure();
    el.scrollTop = state.top;
    const observer = new ResizeObserver(measure);
    observer.observe(el);
    return () => observer.disconnect();
  }

  function onscroll(event) {
    state.top = event.currentTarget.scrollTop;
    redraw();
  }

  /** First and last row in view, without the spare ones. @param {number} total */
  function range(total) {
    const first = Math.min(total, Math.floor(state.top / state.row));
    return [first, Math.min(total, Math.ceil((state.top + state.height) / state.row))];
  }

  return {
    range,
    isAtTop: () => state.top < state.row,
    scrollTop: () => state.top,
    /** @param {number} top */
    scrollTo(top) {
      state.top = top;
      if (element) element.scrollTop = top;
    },
    /** Scrolls as little as needed. @param {number} index */
    reveal(index) {
      const from = index * state.row;
      if (from < state.top) this.scrollTo(from);
      else if (from + state.row > state.top + state.height) this.scrollTo(from + state.row - state.height);
    },
    /**
     * @param {{total: number, label: string, row: (index: number, place: Record<string, any>) => any, empty: any}} what
     */
    view({ total, label, row, empty }) {
      const [first, last] = range(total);
      const rows = [];
      for (
        let index = Math.max(0, first - SPARE_ROWS);
        index < Math.min(total, last + SPARE_ROWS);
        index += 1
      ) {
        rows.push(
          row(index, {
            role: "row",
            "aria-rowindex": index + 1,
            style: { transform: `translateY(${index * state.row}px)` },
          }),
        );
      }
      const inner = h(
        "div",
        { class: "vlist-inner", role: "presentation", style: { height: `${total * state.row}px` } },
        rows,
      );
      return h(
        "div",
        {
          class: "vlist",
          role: "grid",
          "aria-label": label,
          "aria-rowcount": total,
          tabindex: 0,
          mounted,
          onscroll,
        },
        total === 0 ? empty : inner,
      );
    },
  };
}
