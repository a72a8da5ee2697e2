// Quality: what the thresholds rest on, the target against what was measured, the evaluation.

import { attempt, button, h, icon, toast } from "../dom.js";
import { get, post, put } from "../api.js";
import { ask } from "../dialog.js";
import { advice } from "../advice.js";
import { detCurve, histogram, reachedChart } from "../charts.js";
import { chosen } from "../folder.js";
import { jobCard, upload } from "../jobs.js";
import { decimals, number, percent, t, typedNumber } from "../text.js";

export async function qualityView(context) {
  const quality = await get("v1/quality");
  const jobs = h("div", { class: "list" });
  return [
    h("div", { class: "head" }, h("h1", {}, t("tab.quality")), h("p", {}, t("quality.intro"))),
    advice(context),
    calibration(quality, context, jobs),
    jobs,
    evaluation(quality, context, jobs),
    queries(quality.queries),
    feedback(quality),
  ];
}

function calibration(quality, { may, refresh, onLeave }, jobs) {
  const row = h("div", { class: "row" });
  const setTarget = async () => {
    const text = await ask(t("target.title"), t("target.share"), t("target.set"), { value: String(+(100 * quality.target_fpir).toFixed(3)), text: t("target.text") });
    if (!text) return;
    const value = typedNumber(text) / 100;
    await attempt(async () => {
      await put("v1/quality/target", { target_fpir: value });
      refresh();
    }, row);
  };
  const run = () => attempt(async () => {
    jobs.prepend(jobCard(await post("v1/jobs/calibration"), { onLeave, may, onDone: (job) => job.state === "done" && (toast(t("quality.calibrated")), refresh()) }));
  }, row);
  if (may("admin")) row.append(button(t("quality.calibrate"), run), button(t("target.change"), setTarget));
  const figures = [
    figure(percent(quality.target_fpir), t("quality.target")),
    figure(percent(quality.measured_fpir), t("quality.measured")),
    figure(number(quality.strangers), t("quality.strangers")),
    figure(number(quality.classes_now), t(quality.classes_then === quality.classes_now ? "quality.classes" : "quality.classes_then", { then: quality.classes_then })),
  ];
  return h(
    "section",
    { class: "card" },
    h("div", { class: "row" }, h("h2", {}, t("quality.calibration")), h("span", { class: "badge push" }, quality.method)),
    h(
      "div",
      { class: "side" },
      h("div", { class: "tiles two" }, figures),
      quality.strangers
        ? h(
            "div",
            {},
            h("h3", {}, t("quality.near")),
            histogram(t("quality.near_chart"), t("quality.normalised"), quality.stranger_scores, null, quality.level),
            h("div", { class: "legend" }, h("span", {}, t("quality.of_strangers")), h("span", { class: "level" }, t("quality.from", { level: decimals(quality.level, 2) }))),
          )
        : h("p", { class: "soft" }, t("quality.unmeasured")),
    ),
    row,
  );
}

function evaluation(quality, { may, refresh, onLeave }, jobs) {
  const input = h("input", { type: "file", webkitdirectory: true, multiple: true, class: "unseen", onchange: () => begin(chosen(input)) });
  const archive = h("input", { type: "file", accept: ".zip,.tar,.gz,.tgz", class: "unseen", onchange: () => begin(chosen(archive)) });
  const row = h("div", { class: "row" });
  const begin = (files) => files.length && attempt(async () => {
    const job = await upload("evaluation", files, {}, () => {});
    jobs.prepend(jobCard(job, { onLeave, may, onDone: (over) => over.state === "done" && refresh() }));
  }, row);
  if (may("enroll")) row.append(h("label", { class: "button" }, input, t("quality.folder")), h("label", { class: "button quiet" }, archive, t("quality.archive")));
  const nothing = () => h("div", { class: "empty" }, icon("quality"), h("p", {}, t("quality.evaluate")));
  return h("section", { class: "card" }, h("h2", {}, t("quality.evaluation")), quality.evaluation ? measured(quality.evaluation) : nothing(), row);
}

function measured(result) {
  const { figures } = result;
  const value = (name) => figures[name].value ?? null;
  const missed = value("tpir_reached") === null ? null : 1 - value("tpir_reached");
  const kept = Object.entries(result.reached).filter(([, one]) => one.value !== null).map(([target, one]) => ({ target: Number(target), ...one }));
  const shown = [
    h(
      "div",
      { class: "tiles" },
      figure(percent(value("tpir_reached")), t("quality.named_right", { n: result.known }), figures.tpir_reached),
      figure(percent(value("fpir_reached")), t("quality.named", { n: result.strangers, target: percent(result.target_fpir) }), figures.fpir_reached),
      figure(percent(value("top_1")), t("quality.top"), figures.top_1),
    ),
    h("p", { class: "small soft" }, t("quality.strangers_are", { what: result.strangers_are })),
    result.warnings.map((text) => h("p", { class: "notice warn small" }, text)),
    h("div", { class: "side" }, charts(result, value("fpir_reached"), missed, kept)),
  ];
  return shown;
}

function charts(result, fpir, missed, kept) {
  const block = (title, chart, ...legend) => h("div", {}, h("h3", {}, title), chart, h("div", { class: "legend" }, legend));
  const key = (text, name = "") => h("span", { class: name }, text);
  const scores = histogram(t("quality.scores_chart"), t("quality.from_zero"), result.stranger_scores, result.known_scores, 0);
  const found = [block(t("quality.scores"), scores, key(t("quality.of_strangers")), key(t("quality.known"), "second"), key(t("why.threshold"), "level"))];
  if (result.det.length) {
    const curve = detCurve(result.det, result.strangers, { fpir, fnir: missed }, result.target_fpir);
    found.push(block(t("chart.det"), curve, key(t("quality.every"), "second"), key(t("quality.today"), "dot"), key(t("chart.target"), "level")));
  }
  if (kept.length > 1) {
    found.push(block(t("quality.reached"), reachedChart(kept), key(t("quality.interval"), "dot"), key(t("quality.promised"), "promise")));
  }
  return found;
}

function queries(drift) {
  if (!drift) return h("div", { hidden: true });
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("quality.queries")),
    drift.alarm ? h("p", { class: "notice warn" }, t("quality.queries_left")) : null,
    h("div", { class: "tiles" }, figure(number(drift.queries), t("quality.queries_different")), figure(decimals(drift.distance, 2), t("quality.queries_distance", { chance: decimals(drift.by_chance, 2) })), drift.moved === null ? null : figure(decimals(drift.moved, 2), t("quality.queries_moved"))),
    h("p", { class: "small soft" }, t("quality.queries_text")),
  );
}

function feedback(quality) {
  const { right, misnamed, missed, strangers_named: named } = quality.feedback;
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("quality.said")),
    h("div", { class: "tiles" }, figure(number(right), t("quality.right")), figure(number(misnamed), t("quality.misnamed")), figure(number(missed), t("quality.missed")), figure(number(named), t("quality.strangers_named"))),
    h("p", { class: "small soft" }, t("quality.said_where")),
  );
}

function figure(value, text, { low = null, high = null, refused = null } = {}) {
  const range = low === null ? refused : t("quality.range", { low: percent(low), high: percent(high) });
  return h("div", { class: "figure" }, h("b", {}, value), h("span", { class: "small soft" }, text), range ? h("span", { class: "small soft figures" }, range) : null);
}
