// What a class is said to have: a price, a number, anything.

import { attempt, button, h } from "./dom.js";
import { patch } from "./api.js";
import { t } from "./text.js";

/** A list of attributes; nothing where there are none. */
export function attributesOf(attributes) {
  const entries = Object.entries(attributes ?? {});
  if (!entries.length) return null;
  return h("dl", { class: "attributes" }, entries.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, written(value)))));
}

/** A value as people write it: a list with commas, what is nested as JSON. */
export function written(value) {
  if (Array.isArray(value)) return value.map(written).join(", ");
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A card that shows a class's attributes and, for those who may, changes them. */
export function attributesCard(found, mayChange, refresh) {
  const entries = Object.entries(found.attributes);
  const card = h("section", { class: "card" });
  const show = () => card.replaceChildren(
    h("h2", {}, t("attributes.title")),
    attributesOf(found.attributes) ?? h("p", { class: "soft" }, t("attributes.none")),
    mayChange ? h("div", { class: "row" }, button(t(entries.length ? "attributes.change" : "attributes.add"), edit)) : "",
  );

  function edit() {
    const rows = h("div", { class: "list" });
    const add = (name = "", value = "") => {
      const row = h("div", { class: "row pairs" }, input(t("attributes.name"), name), input(t("attributes.value"), value));
      rows.append(row);
      return row;
    };
    entries.forEach(([name, value]) => add(name, typeof value === "string" ? value : JSON.stringify(value)));
    add();
    const submit = h("button", { type: "submit", class: "primary" }, t("save"));
    const form = h("form", { class: "reasons", onsubmit: (event) => {
      event.preventDefault();
      attempt(async () => {
        await patch(`v1/classes/${found.id}`, { attributes: typed(rows) });
        refresh();
      }, submit);
    } }, rows, h("div", { class: "row" }, submit, button(t("attributes.another"), () => add().querySelector("input").focus()), button(t("cancel"), show, "quiet")), h("p", { class: "small soft" }, t("attributes.text")));
    card.replaceChildren(h("h2", {}, t("attributes.title")), form);
    form.querySelector("input").focus();
  }

  /** What stands in the fields: numbers stay numbers and lists lists; a name that is emptied goes. */
  function typed(rows) {
    const before = new Map(entries);
    const pairs = [...rows.children].map((row) => [...row.querySelectorAll("input")].map((one) => one.value.trim()));
    return Object.fromEntries(pairs.filter(([name]) => name).map(([name, text]) => [name, typeof before.get(name) === "string" || !before.has(name) ? text : fromJson(text)]));
  }

  show();
  return card;
}

function input(name, value) {
  return h("input", { type: "text", value, "aria-label": name, placeholder: name, maxlength: 500, autocomplete: "off" });
}

function fromJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
