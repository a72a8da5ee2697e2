// Narrows a list to classes with certain attributes.

import { h } from "./dom.js";
import { t } from "./text.js";

/** A choice of attribute and value, and what is chosen as buttons that take it away; `changed` gets `[{name, value}]`. */
export function filters(attributes, chosen, changed) {
  if (!attributes.length) return null;
  const name = h("select", { "aria-label": t("filter.attribute"), onchange: () => offer() }, h("option", { value: "" }, t("filter.title")), attributes.map((one) => h("option", { value: one.name }, one.name)));
  const value = h("select", { "aria-label": t("filter.value"), hidden: true, onchange: () => add() });
  const chips = h("span", { class: "row" });

  function offer() {
    const found = attributes.find((one) => one.name === name.value);
    value.hidden = !found;
    value.replaceChildren(h("option", { value: "" }, t("filter.choose")), ...(found?.values ?? []).map((one) => h("option", { value: one.value }, `${one.value} (${one.classes})`)));
    if (found) value.focus();
  }

  function add() {
    chosen = [...chosen.filter((one) => one.name !== name.value), { name: name.value, value: value.value }];
    name.value = "";
    value.hidden = true;
    name.focus();
    render();
    changed(chosen);
  }

  function render() {
    chips.replaceChildren(...chosen.map((one) => h("button", { type: "button", class: "chip", "aria-label": t("filter.drop", one), onclick: () => {
      chosen = chosen.filter((other) => other !== one);
      render();
      name.focus();
      changed(chosen);
    } }, `${one.name}: ${one.value} ×`)));
  }

  render();
  return h("span", { class: "row filters" }, name, value, chips);
}
