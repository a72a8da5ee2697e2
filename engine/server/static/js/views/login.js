// Asks for a token, which becomes a cookie that no script can read.

import { attempt, h } from "../dom.js";

export function loginView(logIn) {
  const input = h("input", { type: "password", id: "token", required: true, autocomplete: "current-password", maxlength: 200 });
  const submit = h("button", { type: "submit", class: "primary" }, "Log in");
  const form = h(
    "form",
    {
      class: "card login",
      onsubmit: (event) => {
        event.preventDefault();
        attempt(() => logIn(input.value), submit);
      },
    },
    h("h1", {}, "Log in"),
    h("p", { class: "soft" }, "This gallery asks for a token. Whoever runs it makes one with “onelook token create”."),
    h("label", { class: "field" }, h("span", {}, "Token"), input),
    h("div", { class: "row" }, submit),
  );
  return form;
}
