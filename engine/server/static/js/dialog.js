// Small questions, as modal dialogs.

import { button, h } from "./dom.js";
import { get } from "./api.js";
import { t } from "./text.js";
import { viewer } from "./viewer.js";

let lists = 0; // random ids would need HTTPS

/** Ask a question whose answer is yes or no. */
export function confirm(title, text, action, { bad = false } = {}) {
  return open(title, [h("p", { class: "soft" }, text)], action, bad, () => true);
}

/** Ask for a text; with `classes`, the labels of the catalog are suggested. */
export function ask(title, caption, action, { value = "", classes = false, type = "text", text = null } = {}) {
  const input = classes ? labelInput(caption, value) : plainInput(caption, value, type);
  const intro = text ? h("p", { class: "soft" }, text) : null;
  return open(title, [intro, input.field], action, false, () => input.element.value.trim() || null);
}

/** Ask for one of `[value, text]` pairs. */
export function choose(title, caption, action, pairs, text = null) {
  const select = h("select", {}, pairs.map(([value, shown]) => h("option", { value }, shown)));
  const field = h("label", { class: "field" }, h("span", {}, caption), select);
  return open(title, [text ? h("p", { class: "soft" }, text) : null, field], action, false, () => select.value);
}

/** Show a picture and ask for the part that counts: `{ box }`, null within it for the whole picture. */
export async function askPart(title, file, action) {
  const url = URL.createObjectURL(file);
  const preview = viewer({ alt: t("enroll.picture") });
  preview.show(url, null);
  try {
    return await open(title, [preview.element], action, false, () => ({ box: preview.box() }));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** A labelled input that suggests the labels of the catalog. */
export function labelInput(caption, value = "") {
  const list = h("datalist", { id: `labels-${(lists += 1)}` });
  const element = h("input", { type: "text", list: list.id, value, required: true, maxlength: 500, autocomplete: "off" });
  let asked = 0;
  element.addEventListener("input", async () => {
    const mine = ++asked;
    const page = await get(`v1/classes?limit=12&search=${encodeURIComponent(element.value)}`).catch(() => null);
    if (page && mine === asked) list.replaceChildren(...page.classes.map((c) => h("option", { value: c.label })));
  });
  return { element, field: h("label", { class: "field" }, h("span", {}, caption), element, list) };
}

function plainInput(caption, value, type) {
  const element = h("input", { type, value, required: true, maxlength: 500, autocomplete: "off" });
  return { element, field: h("label", { class: "field" }, h("span", {}, caption), element) };
}

function open(title, content, action, bad, result) {
  return new Promise((resolve) => {
    const close = (value) => {
      dialog.close();
      dialog.remove();
      resolve(value);
    };
    const form = h(
      "form",
      {
        method: "dialog",
        onsubmit: (event) => {
          event.preventDefault();
          close(result());
        },
      },
      h("h2", { id: "dialog-title" }, title),
      ...content.filter(Boolean),
      h(
        "div",
        { class: "row end" },
        button(t("cancel"), () => close(null), "quiet"),
        h("button", { type: "submit", class: bad ? "bad" : "primary" }, action),
      ),
    );
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("cancel", () => close(null));
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("input")?.select();
  });
}
