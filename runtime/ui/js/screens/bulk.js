// One action on many invocations: counted first, asked about, then done in parts.

import { h } from "../lib/dom.js";
import { invocations } from "../lib/resources.js";
import { capital, count, plural } from "../lib/text.js";
import { button, errorNotice, invocationLink } from "../parts/basics.js";
import { open, toast } from "../parts/overlay.js";

/** @type {{action: string, verb: string, past: string, icon: Parameters<typeof import("../parts/icons.js").icon>[0], isDanger?: boolean, says: string, code?: string}[]} */
export const BULK_ACTIONS = [
  {
    action: "resume",
    verb: "Resume",
    past: "resumed",
    icon: "play",
    says: "They are replayed up to where they were, and go on from there.",
    code: "keep",
  },
  {
    action: "pause",
    verb: "Pause",
    past: "paused",
    icon: "pause",
    says: "They stop where they are until somebody resumes them.",
  },
  {
    action: "cancel",
    verb: "Cancel",
    past: "cancelled",
    icon: "cancel",
    isDanger: true,
    says: "Each handler is told and may undo what it did; what it called is cancelled, too.",
  },
  {
    action: "kill",
    verb: "Kill",
    past: "killed",
    icon: "kill",
    isDanger: true,
    says: "They end here and now. Nothing is undone: effects they had stay.",
  },
  {
    action: "restart-as-new",
    verb: "Restart as new",
    past: "restarted",
    icon: "restart",
    says: "Each is called again with the same input, as a new invocation.",
    code: "latest",
  },
  {
    action: "purge",
    verb: "Purge",
    past: "purged",
    icon: "trash",
    isDanger: true,
    says: "Completed ones are forgotten: their journals, answers and idempotency keys.",
  },
];

const PART_MAX = 1000;
const FAILURES_SHOWN = 8;

/**
 * Asks about an action on the given ids, or on all that match a filter.
 *
 * @param {string} name @param {{invocation_ids?: string[], filter?: Record<string, string>}} what @param {number | undefined} guess
 * @param {() => void} done
 */
export function askBulk(name, what, guess, done) {
  const action = BULK_ACTIONS.find(({ action }) => action === name) ?? BULK_ACTIONS[0];
  const state = {
    matched: /** @type {number | null} */ (null),
    more: false,
    error: null,
    isBusy: false,
    succeeded: 0,
    failed: [],
    isDone: false,
    code: action.code,
  };
  const dialog = open({
    title: `${action.verb} ${what.filter ? "all that match" : plural(guess ?? 0, "invocation")}`,
    view: (dialog) => view(action, what, state, dialog.redraw),
    foot: (dialog) => [
      button({ onclick: dialog.close }, state.isDone ? "Close" : "Not now"),
      state.isDone
        ? null
        : button(
            {
              kind: `primary ${action.isDanger ? "danger" : ""}`,
              disabled: state.isBusy || !state.matched,
              onclick: run,
            },
            state.matched === null
              ? action.verb
              : `${action.verb} ${count(state.matched)}${state.more ? "+" : ""}`,
          ),
    ],
  });

  async function guarded(work) {
    try {
      await work();
    } catch (error) {
      state.error = error;
    }
    state.isBusy = false;
    dialog.redraw();
  }

  guarded(async () => {
    const counted = await whole(name, what, true);
    state.matched = counted.matched;
    state.more = counted.is_truncated;
  });

  function run() {
    Object.assign(state, { isBusy: true, error: null });
    dialog.redraw();
    return guarded(async () => {
      for (const part of parts(what)) await runPart(part);
      state.isDone = true;
      toast(
        `${capital(action.past)}: ${plural(state.succeeded, "invocation")}${state.failed.length ? `, ${count(state.failed.length)} refused` : ""}`,
        { isBad: state.failed.length > 0 },
      );
      if (!state.failed.length) dialog.close();
      done();
    });
  }

  /** The server does at most so many at once, and says whether more are left. */
  async function runPart(part) {
    for (let before; ;) {
      const filter = part.filter && { ...part.filter, before };
      const answer = await invocations.bulk(name, {
        ...part,
        filter,
        deployment: state.code,
        dry_run: false,
      });
      state.succeeded += answer.succeeded.length;
      state.failed.push(...answer.failed);
      dialog.redraw();
      before = answer.next_before;
      if (!answer.is_truncated || !before) return;
    }
  }
}

function parts(what) {
  if (!what.invocation_ids) return [what];
  const cut = [];
  for (let at = 0; at < what.invocation_ids.length; at += PART_MAX)
    cut.push({ invocation_ids: what.invocation_ids.slice(at, at + PART_MAX) });
  return cut;
}

async function whole(name, what, isDry) {
  let matched = 0;
  let isTruncated = false;
  for (const part of parts(what)) {
    const answer = await invocations.bulk(name, { ...part, dry_run: isDry });
    matched += answer.matched;
    isTruncated ||= answer.is_truncated;
  }
  return { matched, is_truncated: isTruncated };
}

/** Whether they go on with the code they began with: what was repaired since is on the newest. */
function codeChoice(action, state, redraw) {
  if (!action.code || state.isDone) return null;
  const choice = (value, text) =>
    h(
      "label",
      { class: "choice", key: value },
      h("input", {
        type: "radio",
        name: "code",
        checked: state.code === value,
        disabled: state.isBusy,
        onchange: () => ((state.code = value), redraw()),
      }),
      text,
    );
  return h(
    "fieldset",
    { class: "choices" },
    h("legend", { class: "small muted" }, "On which code"),
    choice("keep", "the code each of them began with"),
    choice("latest", "the newest deployment of its service"),
  );
}

function view(action, what, state, redraw) {
  const filter = Object.entries(what.filter ?? {});
  return [
    h("p", {}, action.says),
    what.filter
      ? h(
          "div",
          { class: "row wrap" },
          filter.length
            ? filter.map(([name, value]) => h("span", { class: "tag", key: name }, `${name}: ${value}`))
            : h("span", { class: "tag warm" }, "no filter: all it can be done to"),
        )
      : null,
    state.error ? errorNotice(state.error) : null,
    state.matched === null && !state.error ? h("p", { class: "muted" }, "Counting …") : null,
    state.matched === 0 ? h("p", { class: "muted" }, "None of them can take this now.") : null,
    codeChoice(action, state, redraw),
    state.isBusy || state.isDone
      ? h("p", { role: "status" }, `${plural(state.succeeded, "invocation")} ${action.past}.`)
      : null,
    state.failed.length
      ? h(
          "ul",
          { class: "stack small" },
          state.failed
            .slice(0, FAILURES_SHOWN)
            .map((failed) =>
              h(
                "li",
                { class: "row", key: failed.invocation_id },
                invocationLink(failed.invocation_id),
                h("span", { class: "cut", title: failed.message }, failed.message),
              ),
            ),
          state.failed.length > FAILURES_SHOWN
            ? h("li", { class: "faint" }, `and ${count(state.failed.length - FAILURES_SHOWN)} more`)
            : null,
        )
      : null,
  ];
}
