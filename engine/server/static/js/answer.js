// An answer in words: one honest one first, what can be said about it, and the figures behind it.

import { attempt, button, h, thumbnail, toast } from "./dom.js";
import { get, remove, send } from "./api.js";
import { attributesOf } from "./attributes.js";
import { ask } from "./dialog.js";
import { boxOf } from "./session.js";
import { rateInWords, t, three } from "./text.js";
import { why } from "./why.js";

/** The parts of an answer about an entry; `changed` shows it anew, `again` asks the service again. */
export function answerOf(entry, { may, changed, again }) {
  const { decision } = entry;
  const [first, second] = decision.candidates;
  const badge = h("span", { class: `badge ${decision.known ? "good" : "warn"}` }, t(decision.known ? "answer.recognised" : "answer.unknown_badge"));
  const parts = [
    h(
      "div",
      { class: `verdict ${decision.known ? "" : "unknown"}` },
      first ? h("a", { class: "match", href: `#/catalog/${first.class_id}` }, thumbnail(first.text ? null : first.example_id, first.text ?? t("answer.enrolled_picture", { label: first.label }))) : null,
      h("div", {}, badge, h("h2", {}, decision.label ?? t("answer.unknown")), h("p", { class: "soft" }, inWords(decision, first))),
    ),
  ];
  if (decision.known) parts.push(attributesOf(decision.attributes));
  if (decision.text) parts.push(h("p", { class: "soft" }, t("answer.by_text", { text: decision.text })));
  parts.push(...(decision.refused ?? []).map(({ label }) => h("p", { class: "notice" }, t("answer.refused", { label }))));
  if (decision.known && decision.ambiguous) parts.push(h("p", { class: "notice warn" }, t("answer.ambiguous", { label: second?.label ?? t("answer.another") })));
  if (may("enroll") && decision.reason !== "empty_gallery") parts.push(teaching(entry, { may, changed, again }));
  else if (may("enroll")) parts.push(h("div", { class: "row actions" }, enrolling(entry, { may, changed, again })));
  if (first) parts.push(why(entry));
  return parts.filter(Boolean);
}

function inWords(decision, first) {
  if (!first) return t(decision.reason === "refused" ? "answer.none_left" : "answer.empty");
  const rate = decision.stranger_rate;
  const values = { label: first.label, rate: rateInWords(rate) };
  if (rate === null || rate === undefined) return decision.known ? t("answer.accepted") : t("answer.not_near", values);
  return t(decision.known ? "answer.known" : "answer.nearest", values);
}

/** What people can say about the answer, and what each teaches. */
function teaching(entry, tools) {
  const { decision, file } = entry;
  const list = h("ul", { class: "actions" });
  const tell = (label, text) => attempt(async () => {
    const said = await send("v1/feedback", [["image", file], ...(label === null ? [] : [["label", label]]), ...boxOf(entry)]);
    entry.said.push({ text, undo: () => remove(`v1/feedback/${said.id}`) });
    tools.changed();
  }, list);
  const correct = async () => {
    const label = await ask(t("teach.else_ask"), t("teach.else_label"), t("teach.else_do"), { classes: true, text: t("teach.else_text") });
    if (label) await tell(label, t("teach.else_said", { label }));
  };
  const reject = () => attempt(async () => {
    const [{ class_id, label }] = decision.candidates;
    const path = `v1/classes/${class_id}/counterexamples`;
    const said = await send(path, [["image", file], ...boxOf(entry)]);
    entry.said.push({ text: t("teach.not_said", { label }), undo: () => remove(`${path}/${said.id}`), learned: true });
    tools.changed();
    await tools.again();
  }, list);
  const choice = (text, teaches, work, className = "") => h("li", {}, button(text, work, className), h("span", { class: "small soft" }, teaches));
  const saidSomething = entry.said.some((one) => !one.enrolled && !one.learned);
  if (!saidSomething) {
    if (decision.known) list.append(choice(t("teach.right"), t("teach.right_does"), () => tell(decision.label, t("teach.right_said")), "primary"));
    list.append(
      decision.known ? choice(t("teach.not"), t("teach.not_does"), reject) : choice(t("teach.none"), t("teach.none_does"), () => tell(null, t("teach.none_said"))),
      choice(t("teach.else"), t("teach.else_does"), correct),
    );
  }
  const enroll = h("li", {}, enrolling(entry, tools), h("span", { class: "small soft" }, t("teach.enroll_does")));
  if (decision.known) list.append(enroll);
  else list.prepend(enroll);
  return h("div", { class: "teaching" }, entry.said.map((one) => notice(entry, one, tools)), list);
}

function notice(entry, one, { changed, again, may }) {
  const undo = button(t("undo"), () => attempt(async () => {
    await one.undo();
    entry.said.splice(entry.said.indexOf(one), 1);
    toast(t("undone"));
    if (one.enrolled || one.learned) await again();
    else changed();
  }, undo), "quiet");
  return h("p", { class: "notice good row" }, h("span", {}, one.text), one.undo && (!one.enrolled || may("admin")) ? undo : null);
}

function enrolling(entry, { changed, again }) {
  const enroll = button(t("teach.enroll"), async () => {
    const label = await ask(t("teach.enroll_ask"), t("enroll.what"), t("enroll.do"), { classes: true, text: entry.box ? t("teach.enroll_frame") : null });
    if (!label) return;
    await attempt(async () => {
      const done = await send("v1/classes", [["label", label], ["image", entry.file], ...boxOf(entry)]);
      if (done.status === "unchanged") toast(t("enroll.unchanged", { label: done.label }));
      else entry.said.push({ text: t("enroll.done", { label: done.label }), undo: () => unenroll(done), enrolled: true });
      done.near_duplicates.forEach((pair) => toast(t("enroll.close", { label: pair.other, similarity: three(pair.similarity) }), "bad"));
      changed();
      await again();
    }, enroll);
  }, entry.decision.known ? "quiet" : "primary");
  return enroll;
}

/** Take back what enrolling did: the picture, or the class if it has no other. */
async function unenroll(done) {
  const { examples } = await get(`v1/classes/${done.class_id}`);
  await remove(examples.length > 1 ? `v1/examples/${done.example_id}` : `v1/classes/${done.class_id}`);
}
