// One invocation: what it is, what it waits for, what it did, and what a person may do.

import { h } from "../lib/dom.js";
import { lines } from "../lib/journal.js";
import { invocations } from "../lib/resources.js";
import { go, path } from "../lib/route.js";
import { shortId } from "../lib/text.js";
import { empty, errorNotice, loading as loadingView, tabs, targetView } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { resultBox } from "../parts/json-view.js";
import { failureList } from "../parts/journal-view.js";
import { statusBadge } from "../parts/status.js";
import { actionsOf } from "./invocation-actions.js";
import { children } from "./invocation-children.js";
import { factsCard } from "./invocation-facts.js";
import { ITEMS_PER_PAGE, journalView } from "./invocation-journal.js";
import { logsView } from "./invocation-logs.js";
import { troubleView } from "./invocation-trouble.js";
import { curlLine, waitingChain, waitingView } from "./invocation-waiting.js";

const LIVE_MS = 1_000;
/** One that has ended changes no more, but may be purged. */
const AT_REST_MS = 5_000;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function invocationScreen(context) {
  const id = context.at.segments[1];
  /** @type {{invocation: any, journal: any, chain: any[] | null, error: any, mark: string, checkedAt: number, menuIsOpen: boolean}} */
  const state = {
    invocation: null,
    journal: null,
    chain: null,
    error: null,
    mark: "",
    checkedAt: 0,
    menuIsOpen: false,
  };
  const called = children(context);
  const journal = journalView(context, { children: called });
  const logs = logsView(context, id);
  const tab = () => context.at.params.tab ?? "journal";

  const loading = context.every(LIVE_MS, load, (error) => {
    state.error = error;
    if (error.status === 404) state.invocation = null;
  });

  async function load() {
    const isAtRest = state.invocation?.status === "completed" && called.areAtRest();
    if (isAtRest && Date.now() - state.checkedAt < AT_REST_MS) return;
    const invocation = await invocations.get(id, context.signal);
    await loadJournal(invocation);
    const chain = await waitingChain(invocation, context.signal);
    Object.assign(state, { invocation, chain, error: null, checkedAt: Date.now() });
    await called.refresh();
  }

  /** The journal only when it has grown: the record says how long it is. */
  async function loadJournal(invocation) {
    const from = Number(context.at.params.from ?? 0) || 0;
    const { journal_entries, journal_outcomes, status } = invocation;
    const mark = [journal_entries, journal_outcomes, status, from].join();
    if (mark === state.mark) return;
    state.journal = await invocations.journal(id, { from, limit: ITEMS_PER_PAGE }, context.signal);
    state.mark = mark;
  }

  function changed() {
    Object.assign(state, { mark: "", checkedAt: 0 });
    return loading.now();
  }

  const how = {
    changed,
    signal: context.signal,
    steps: () => (state.journal ? lines(state.journal, state.invocation) : []),
  };
  const actions = () => actionsOf(state.invocation, how);
  const choose = (wanted) => {
    const params = { ...context.at.params, tab: wanted === "journal" ? null : wanted };
    context.go(path(context.at.segments, params), { replace: true });
  };

  context.keys([
    {
      key: "Backspace",
      shown: "⌫",
      says: "back",
      run: () => (history.length > 1 ? history.back() : go(path(["invocations"]))),
    },
    {
      key: "e",
      says: "open or close every step",
      run: () => state.journal && journal.toggleAll(state.journal, state.invocation),
    },
  ]);

  function content() {
    const { invocation } = state;
    if (tab() === "logs") return logs.view();
    if (tab() === "failures") return failuresCard(invocation);
    if (!state.journal) return h("section", { class: "card" }, loadingView());
    return state.journal.is_purged ? purgedCard(state.journal) : journal.view(state.journal, invocation);
  }

  return {
    title: () => (state.invocation ? `${state.invocation.target} ${state.invocation.status}` : shortId(id)),
    moved() {
      changed();
      logs.moved();
    },
    view() {
      const { invocation, error } = state;
      if (!invocation)
        return [h("div", { class: "page-head" }, back(), h("h1", {}, shortId(id))), absent(error)];
      const curl = (awakeable) => curlLine(context.server.ingress, awakeable);
      return [
        h(
          "div",
          { class: "page-head" },
          back(),
          h("h1", { class: "target-title" }, targetView(invocation)),
          statusBadge(invocation),
          h("div", { class: "actions" }, actions().view(state, context.redraw)),
        ),
        error ? errorNotice(error) : null,
        troubleView(invocation, { changed, chain: state.chain }),
        waitingView(invocation, invocation.deadlock?.length ? [] : state.chain, curl),
        factsCard(invocation),
        tabs(
          [
            ["journal", "Journal"],
            ["logs", "Logs", logs.count()],
            ["failures", "Failed attempts", invocation.last_failures.length || undefined],
          ],
          tab(),
          choose,
        ),
        content(),
      ];
    },
  };
}

function back() {
  const name = "Back to the list";
  return h(
    "a",
    { class: "button plain icon", href: path(["invocations"]), "aria-label": name, title: name },
    icon("back"),
  );
}

function absent(error) {
  if (!error) return loadingView();
  if (error.status !== 404) return errorNotice(error);
  return h(
    "section",
    { class: "card" },
    empty("invocations", "There is no such invocation. It may have been purged."),
  );
}

function failuresCard(invocation) {
  const failures = invocation.last_failures;
  const content = failures.length ? failureList(failures) : empty("check", "No attempt has failed.");
  return h("section", { class: "card card-body", "aria-label": "Failed attempts" }, content);
}

function purgedCard(journal) {
  return h(
    "section",
    { class: "card card-body stack", "aria-label": "Journal" },
    empty("info", "Its journal is no longer kept; this is its answer."),
    journal.answer ? resultBox(journal.answer) : null,
  );
}
