// What a shop should do next, by what people said and how near the classes are to each other.

import { attempt, breakable, h, thumbnail } from "./dom.js";
import { get } from "./api.js";
import { percent, t, three } from "./text.js";

/** A card that fills itself: comparing the classes takes a moment. */
export function advice({ gallery, onLeave }) {
  const list = h("div", { class: "advice" }, h("p", { class: "soft" }, t("advice.looking")));
  const card = h("section", { class: "card", "aria-labelledby": "advice" }, h("h2", { id: "advice" }, t("advice.title")), list);
  let left = false;
  onLeave(() => (left = true));
  attempt(async () => {
    const found = await get("v1/quality/advice");
    if (!left) list.replaceChildren(...steps(found, gallery));
  });
  return card;
}

function steps(found, gallery) {
  const shown = [];
  if (found.outgrown) shown.push(step(t("advice.outgrown"), t("advice.outgrown_text")));
  if (found.second_picture.length) shown.push(step(t("advice.second", { n: found.second_picture.length }), t("advice.second_text", { single: found.single }), h("ul", { class: "near" }, found.second_picture.map(needy))));
  if (found.confused.length) shown.push(step(t("advice.confused", { n: found.confused_pairs }), t("advice.confused_text"), h("ul", { class: "confused" }, found.confused.map(pair))));
  else if (found.looked_at) shown.push(step(t("advice.apart"), t("advice.apart_text", { n: found.looked_at })));
  if (found.expected_tpir !== null) shown.push(step(t("advice.expected", { share: percent(found.expected_tpir) }), t(found.expected_tpir < 0.7 ? "advice.expected_low" : "advice.expected_text")));
  if (gallery.classes > 1) shown.push(step(t("advice.adapt"), t("advice.adapt_text")));
  shown.push(step(t("advice.feedback", { n: found.feedback }), t("advice.feedback_text")));
  return shown;
}

function step(title, text, ...more) {
  return h("div", { class: "step" }, h("h3", {}, title), h("p", { class: "small soft" }, text), more);
}

function needy(one) {
  const said = one.missed + one.mistaken;
  const reason = said ? t("advice.said", { n: said }) : one.near ? t("advice.near", { label: one.near, similarity: three(one.similarity) }) : null;
  return h("li", {}, h("a", { href: `#/catalog/${one.class_id}` }, thumbnail(one.example_id), h("b", {}, breakable(one.label)), reason ? h("span", { class: "small soft" }, reason) : null));
}

function pair(one) {
  const side = (id, example, label) => h("a", { href: `#/catalog/${id}` }, thumbnail(example), h("span", {}, breakable(label)));
  return h("li", {}, side(one.class_id, one.example_id, one.label), side(one.other_id, one.other_example_id, one.other), h("span", { class: "badge warn figures" }, three(one.similarity)));
}
