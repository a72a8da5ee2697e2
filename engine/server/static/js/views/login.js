// Asks for a token, which becomes a cookie that no script can read.

import { attempt, h } from "../dom.js";
import { t } from "../text.js";

export function loginView(logIn) {
  const input = h("input", { type: "password", id: "token", required: true, autocomplete: "current-password", maxlength: 200 });
  const submit = h("button", { type: "submit", class: "primary" }, t("login.do"));
  const form = h(
    "form",
    {
      class: "card login",
      onsubmit: (event) => {
        event.preventDefault();
        attempt(() => logIn(input.value), submit);
      },
    },
    h("h1", {}, t("login.do")),
    h("p", { class: "soft" }, t("login.text")),
    h("label", { class: "field" }, h("span", {}, t("login.token")), input),
    h("div", { class: "row" }, submit),
  );
  return form;
}
