// What a person may do to an invocation, each with a question first.

import { h } from "../lib/dom.js";
import { deployments, invocations } from "../lib/resources.js";
import { go, path } from "../lib/route.js";
import { shortId } from "../lib/text.js";
import { relative, at } from "../lib/time.js";
import { button, notice } from "../parts/basics.js";
import { codeLine } from "../parts/code-line.js";
import { icon } from "../parts/icons.js";
import { confirm, menu, toast } from "../parts/overlay.js";

/**
 * @param {import("../lib/types.js").Invocation} invocation
 * @param {{changed: () => any, steps: () => any[], signal: AbortSignal}} how
 */
export function actionsOf(invocation, { changed, steps, signal }) {
  const { id, status } = invocation;
  const isCompleted = status === "completed";
  const ask = (action, title, body, verb, isDanger, past) =>
    confirm({
      title,
      body: h("p", {}, body),
      verb,
      isDanger,
      run: () => invocations.act(id, action),
      done: () => (toast(past), changed()),
    });

  const cancel = () =>
    ask(
      "cancel",
      "Cancel this invocation?",
      "Its handler is told at the next place where it waits, and may undo what it did. What it called is cancelled, too.",
      "Cancel it",
      true,
      "It is being cancelled",
    );
  const kill = () =>
    ask(
      "kill",
      "Kill this invocation?",
      "It ends here and now. Nothing is undone: effects it had stay. Cancelling is kinder.",
      "Kill it",
      true,
      "Killed",
    );
  const pause = () =>
    ask(
      "pause",
      "Pause this invocation?",
      "It stops where it is, until somebody resumes it. Nothing is lost.",
      "Pause it",
      false,
      "It pauses",
    );
  const purge = () =>
    confirm({
      title: "Forget this invocation?",
      body: h("p", {}, "Its journal, its answer and its idempotency key are removed for good."),
      verb: "Purge it",
      isDanger: true,
      run: () => invocations.act(id, "purge"),
      done: () => (toast("Purged"), go(path(["invocations"]))),
    });
  const purgeJournal = () =>
    ask(
      "purge-journal",
      "Forget its journal?",
      "What it did is removed; its answer and its idempotency key stay as long as they would.",
      "Purge the journal",
      true,
      "Its journal is purged",
    );
  const resume = () => askResume(invocation, changed, signal);
  const restart = () => askRestart(invocation, steps(), signal);

  const items = isCompleted
    ? [
        {
          label: "Restart as new …",
          icon: "restart",
          run: restart,
          isOff: invocation.service_ty === "Workflow" && invocation.handler_ty === "Workflow",
          why: "a workflow runs once per key",
        },
        null,
        { label: "Purge the journal …", icon: "trash", run: purgeJournal, isDanger: true },
        { label: "Purge …", icon: "trash", run: purge, isDanger: true },
      ]
    : [
        {
          label: status === "backing-off" ? "Try now …" : "Resume …",
          icon: "play",
          run: resume,
          isOff: status === "scheduled" || status === "pending",
        },
        { label: "Pause …", icon: "pause", run: pause, isOff: status === "paused" },
        null,
        { label: "Cancel …", icon: "cancel", run: cancel, isDanger: true },
        { label: "Kill …", icon: "kill", run: kill, isDanger: true },
      ];
  const primary = isCompleted
    ? null
    : status === "paused"
      ? button({ kind: "primary", onclick: resume }, icon("play"), "Resume …")
      : button({ kind: "danger", onclick: cancel }, icon("cancel"), "Cancel …");

  return {
    /** @param {{menuIsOpen: boolean}} state @param {() => void} redraw */
    view(state, redraw) {
      const toggle = (isOpen) => {
        state.menuIsOpen = isOpen;
        redraw();
      };
      return [
        primary,
        menu({ label: isCompleted ? "Actions" : "More", isOpen: state.menuIsOpen, toggle, items }),
      ];
    },
  };
}

/** Choices of a deployment, loaded when asked. */
function deploymentChoice(invocation, signal, keepText) {
  const state = { chosen: "keep", known: [] };
  const load = (dialog) =>
    deployments.list(signal).then(
      ({ deployments }) => {
        state.known = deployments.filter(({ services }) =>
          services.some((service) => (service.name ?? service) === invocation.service),
        );
        dialog.redraw();
      },
      () => {},
    );
  const option = (value, title, hint, dialog) =>
    h(
      "label",
      { class: "choice", key: value },
      h("input", {
        type: "radio",
        name: "deployment",
        checked: state.chosen === value,
        onchange: () => ((state.chosen = value), dialog.redraw()),
      }),
      h("span", {}, title, hint ? h("span", { class: "faint small" }, ` ${hint}`) : null),
    );
  return {
    state,
    view(dialog) {
      if (!state.isAsked) {
        state.isAsked = true;
        queueMicrotask(() => load(dialog));
      }
      return h(
        "fieldset",
        { class: "choices" },
        h("legend", { class: "small muted" }, "On which code"),
        option("keep", keepText, invocation.deployment_id ? shortId(invocation.deployment_id) : "", dialog),
        option("latest", "the newest deployment of its service", "", dialog),
        state.known
          .filter(({ id }) => id !== invocation.deployment_id)
          .map((one) => option(one.id, shortId(one.id), `uploaded ${relative(at(one.created_at))}`, dialog)),
      );
    },
  };
}

function askResume(invocation, changed, signal) {
  const choice = deploymentChoice(invocation, signal, "the code it began with");
  confirm({
    title: "Resume this invocation?",
    body: (dialog) => [
      h("p", {}, "It is replayed up to where it was, and goes on from there."),
      choice.view(dialog),
    ],
    verb: "Resume it",
    run: () =>
      invocations.act(invocation.id, "resume", {
        deployment: choice.state.chosen === "keep" ? undefined : choice.state.chosen,
      }),
    done: () => (toast("It goes on"), changed()),
  });
}

function askRestart(invocation, steps, signal) {
  const choice = deploymentChoice(invocation, signal, "the code it ran on");
  choice.state.chosen = "latest";
  const state = { from: "" };
  const step = (line) =>
    h("option", { key: line.op, value: String(line.op) }, `after step ${line.op}: ${textOf(line)}`);
  confirm({
    title: "Restart as a new invocation?",
    body: (dialog) => [
      h("p", {}, "The same input, a new id. This one stays as it is."),
      h(
        "div",
        { class: "field" },
        h("label", { for: "restart-from" }, "From where"),
        h(
          "select",
          {
            id: "restart-from",
            class: "select",
            value: state.from,
            onchange: (event) => ((state.from = event.target.value), dialog.redraw()),
          },
          h("option", { value: "" }, "the beginning"),
          steps.filter(({ entry }) => entry).map(step),
        ),
      ),
      state.from
        ? notice(
            "info",
            "ended",
            h(
              "p",
              { class: "small" },
              "Steps up to and including this one are taken over with their results; what follows is done anew.",
            ),
          )
        : null,
      choice.view(dialog),
    ],
    verb: "Restart it",
    run: () =>
      invocations.act(invocation.id, "restart-as-new", { from: state.from, deployment: choice.state.chosen }),
    done: (answer) => {
      toast("A new invocation runs", { href: path(["invocations", answer.new_invocation_id]) });
    },
  });
}

/** The text of a line of code. */
function textOf(line) {
  const text = (node) =>
    typeof node === "string"
      ? node
      : Array.isArray(node)
        ? node.map(text).join("")
        : !node
          ? ""
          : "text" in node
            ? node.text
            : text(node.children);
  return text(codeLine(line)).slice(0, 70);
}
