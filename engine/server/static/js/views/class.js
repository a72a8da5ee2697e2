// One class: its examples, its attributes and threshold, what is near to it; and what changes it.

import { attempt, breakable, button, h, loadable, thumbnail, toast } from "../dom.js";
import { get, patch, post, remove, send } from "../api.js";
import { attributesCard } from "../attributes.js";
import { ask, askPart, confirm } from "../dialog.js";
import { classKey, later } from "../later.js";
import { scale } from "../scale.js";
import { boxOf } from "../session.js";
import { shrunk } from "../shrink.js";
import { rateInWords, t, three, typedNumber } from "../text.js";

export async function classView({ id, may, refresh }) {
  const path = `v1/classes/${encodeURIComponent(id)}`;
  const [found, others] = await Promise.all([get(path), may("enroll") ? get(`${path}/counterexamples`) : { counterexamples: [] }]);
  return [
    h(
      "div",
      { class: "head" },
      h("div", {}, h("a", { href: "#/catalog", class: "small" }, `← ${t("tab.catalog")}`), h("h1", {}, found.label)),
      actions(found, may, refresh),
    ),
    ...warnings(found),
    examples(found, may, refresh),
    h("div", { class: "columns" }, threshold(found, may, refresh), attributesCard(found, may("enroll"), refresh)),
    counterexamples(found, others.counterexamples, refresh),
    neighbours(found),
    strangers(found),
  ];
}

function actions(found, may, refresh) {
  const row = h("div", { class: "row" });
  const file = h("input", { type: "file", accept: "image/*", class: "unseen", onchange: () => add() });
  const add = async () => {
    const picture = await shrunk(file.files[0]);
    file.value = "";
    const part = await askPart(t("class.add"), picture, t("enroll.do"));
    if (part) await attempt(async () => {
      const done = await send(`v1/classes/${found.id}/examples`, [["image", picture], ...boxOf(part)]);
      toast(t(done.status === "unchanged" ? "class.same_picture" : "class.added"));
      refresh();
    }, row);
  };
  const rename = async () => {
    const label = await ask(t("class.rename"), t("class.new_label"), t("class.rename"), { value: found.label });
    if (label && label !== found.label) await attempt(async () => {
      await patch(`v1/classes/${found.id}`, { label });
      toast(t("class.renamed", { label }));
      refresh();
    }, row);
  };
  const merge = async () => {
    const label = await ask(t("class.merge_title"), t("class.stays"), t("class.merge"), { classes: true, text: t("class.merge_text", { label: found.label }) });
    if (label) await attempt(async () => {
      const [other] = (await get(`v1/classes?label=${encodeURIComponent(label)}`)).classes;
      const work = (options) => post(`v1/classes/${other.id}/merge`, { class_ids: [found.id] }, options);
      later(t("class.merged", { label: found.label, other: other.label }), [classKey(found.id)], work, refresh);
      location.hash = "#/catalog";
    }, row);
  };
  const drop = () => {
    later(t("class.removed", { label: found.label }), [classKey(found.id)], (options) => remove(`v1/classes/${found.id}`, options), refresh);
    location.hash = "#/catalog";
  };
  if (may("enroll")) row.append(h("label", { class: "button primary" }, file, t("class.add")), button(t("class.rename"), rename));
  if (may("admin")) row.append(button(t("class.merge"), merge), button(t("remove"), drop, "bad"));
  return row;
}

function warnings(found) {
  const close = found.neighbours.filter((other) => other.confusable);
  if (!close.length) return [];
  return [h("p", { class: "notice warn" }, t("class.confused", { labels: close.map((other) => other.label).join(", ") }))];
}

function examples(found, may, refresh) {
  const drop = async (example) => {
    if (await confirm(t("class.drop_example"), t("class.drop_example_text"), t("remove"), { bad: true })) await attempt(async () => {
      await remove(`v1/examples/${example.id}`);
      refresh();
    });
  };
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("class.examples", { n: found.examples.length })),
    h(
      "ul",
      { class: "examples" },
      found.examples.map((example, index) => h(
        "li",
        {},
        thumbnail(example.has_picture ? example.id : null, t("class.example", { index: index + 1, label: found.label })),
        h("span", { class: "small soft" }, example.text ?? `${example.width} × ${example.height}`),
        example.warnings.map((text) => h("span", { class: "badge warn" }, text)),
        may("admin") ? h("button", { type: "button", class: "quiet", onclick: () => drop(example), "aria-label": t("class.remove_example", { index: index + 1 }) }, t("remove")) : null,
      )),
    ),
  );
}

function threshold(found, may, refresh) {
  const pinned = found.pinned_threshold !== null;
  const pin = async () => {
    const text = await ask(t("pin.title"), t("pin.least"), t("pin.do"), { value: found.threshold === null ? "" : three(found.threshold), text: t("pin.text") });
    if (!text) return;
    const value = typedNumber(text);
    if (!Number.isFinite(value)) return toast(t("pin.number"), "bad");
    await attempt(async () => {
      await patch(`v1/classes/${found.id}`, { pinned_threshold: value });
      refresh();
    });
  };
  const free = () => attempt(async () => {
    await patch(`v1/classes/${found.id}`, { pinned_threshold: null });
    refresh();
  });
  const rate = found.stranger_rate === null ? "" : t("threshold.rate", { rate: rateInWords(found.stranger_rate) });
  const shown = () => [rate ? h("p", {}, rate) : null, scale(null, found.threshold), h("p", { class: "small soft figures" }, t("threshold.text", { threshold: three(found.threshold) }))];
  return h(
    "section",
    { class: "card" },
    h("div", { class: "row" }, h("h2", {}, t("threshold.title")), h("span", { class: "badge push" }, t(pinned ? "threshold.pinned" : "threshold.computed"))),
    found.threshold === null ? h("p", { class: "soft" }, t("threshold.none")) : shown(),
    may("enroll") ? h("div", { class: "row" }, button(t(pinned ? "pin.change" : "pin.hand"), pin), pinned ? button(t("pin.free"), free, "quiet") : null) : null,
  );
}

function counterexamples(found, kept, refresh) {
  if (!kept.length) return h("div", { hidden: true });
  const path = `v1/classes/${found.id}/counterexamples`;
  const drop = (one) => attempt(async () => {
    await remove(`${path}/${one.id}`);
    refresh();
  });
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("class.not", { label: found.label })),
    h("p", { class: "small soft" }, t("class.not_text")),
    h(
      "ul",
      { class: "examples" },
      kept.map((one, index) => h(
        "li",
        {},
        one.has_picture ? loadable(`${path}/${one.id}/picture?size=thumbnail`, t("class.not_one", { index: index + 1, label: found.label })) : thumbnail(null, t("class.not_one", { index: index + 1, label: found.label })),
        h("span", { class: "small soft" }, `${one.width} × ${one.height}`),
        h("button", { type: "button", class: "quiet", onclick: () => drop(one), "aria-label": t("class.not_undo", { index: index + 1 }) }, t("undo")),
      )),
    ),
  );
}

function neighbours(found) {
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("class.nearest")),
    found.neighbours.length
      ? h(
          "ul",
          { class: "near" },
          found.neighbours.map((other) => h(
            "li",
            {},
            h("a", { href: `#/catalog/${other.class_id}` }, thumbnail(other.example_id), h("span", {}, breakable(other.label)), h("span", { class: `badge ${other.confusable ? "warn" : ""} figures` }, three(other.similarity))),
          )),
        )
      : h("p", { class: "soft" }, t("class.alone")),
  );
}

function strangers(found) {
  if (!found.strangers.length) return h("div", { hidden: true });
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("class.strangers")),
    h("ul", { class: "near" }, found.strangers.map((query) => h("li", {}, h("a", { href: "#/review" }, loadable(`v1/review/${query}/picture?size=thumbnail`, t("class.stranger")))))),
  );
}
