// The door: this server wants a token.

import { ask, signIn, signOut } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { button } from "../parts/basics.js";
import { mark } from "../parts/icons.js";

const state = { token: "", complaint: "", isBusy: false };

/** @param {{redraw: () => void, signedIn: () => void}} app */
export function loginView({ redraw, signedIn }) {
  const submit = async (event) => {
    event.preventDefault();
    if (!state.token.trim()) return;
    Object.assign(state, { isBusy: true, complaint: "" });
    signIn(state.token.trim());
    try {
      await ask("GET", "/version");
      Object.assign(state, { token: "", isBusy: false });
      signedIn();
    } catch (error) {
      Object.assign(state, {
        isBusy: false,
        complaint: error.status === 401 ? "The server does not know this token." : error.message,
      });
      signOut();
      redraw();
    }
  };
  return h(
    "main",
    { class: "login" },
    h(
      "form",
      { class: "card card-body", onsubmit: submit },
      h("div", { class: "brand login-brand" }, mark(), "Abide"),
      h("p", { class: "muted" }, "This server asks for a token. It is kept in this tab only."),
      h(
        "div",
        { class: "field" },
        h("label", { for: "token" }, "Token"),
        h("input", {
          id: "token",
          class: `input ${state.complaint ? "bad" : ""}`,
          type: "password",
          autocomplete: "current-password",
          value: state.token,
          oninput: (event) => (state.token = event.target.value),
          "aria-describedby": "token-help",
          mounted: (el) => el.focus(),
        }),
        state.complaint ? h("p", { class: "wrong", role: "alert" }, state.complaint) : null,
        h(
          "p",
          { class: "hint", id: "token-help" },
          "Whoever runs the server set it, or makes one with ",
          h("code", {}, "abide tokens create"),
          ".",
        ),
      ),
      button({ kind: "primary", type: "submit", disabled: state.isBusy }, "Sign in"),
    ),
  );
}
