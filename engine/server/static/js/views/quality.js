// Quality: what the thresholds rest on, the target against what was measured, the evaluation.

import { attempt, button, count, h, icon, percent, toast } from "../dom.js";
import { get, post, put } from "../api.js";
import { ask } from "../dialog.js";
import { detCurve, histogram, reachedChart } from "../charts.js";
import { chosen } from "../folder.js";
import { jobCard, upload } from "../jobs.js";

export async function qualityView(context) {
  const quality = await get("v1/quality");
  const jobs = h("div", { class: "list" });
  return [
    h("div", { class: "head" }, h("h1", {}, "Quality"), h("p", {}, "How sure the service has to be before it gives a name, and how often it was right.")),
    calibration(quality, context, jobs),
    jobs,
    evaluation(quality, context, jobs),
    feedback(quality),
  ];
}

function calibration(quality, { may, refresh, onLeave }, jobs) {
  const row = h("div", { class: "row" });
  const setTarget = async () => {
    const text = await ask("Strangers that may get a name", "Share in per cent", "Set", { value: String(+(100 * quality.target_fpir).toFixed(3)), text: "A smaller share means fewer false names, and more known things called unknown." });
    if (!text) return;
    const value = Number(text.replace(",", ".").replace("%", "")) / 100;
    await attempt(async () => {
      await put("v1/quality/target", { target_fpir: value });
      refresh();
    }, row);
  };
  const run = () => attempt(async () => {
    jobs.prepend(jobCard(await post("v1/jobs/calibration"), { onLeave, may, onDone: (job) => job.state === "done" && (toast("Calibrated."), refresh()) }));
  }, row);
  if (may("admin")) row.append(button("Calibrate now", run), button("Change the target", setTarget));
  const figures = [
    figure(percent(quality.target_fpir), "of strangers may get a name (target)"),
    figure(percent(quality.measured_fpir), "would, of the strangers it was measured on"),
    figure(quality.strangers.toLocaleString("en"), "strangers measured"),
    figure(quality.classes_now.toLocaleString("en"), quality.classes_then === quality.classes_now ? "classes" : `classes; ${quality.classes_then.toLocaleString("en")} when calibrated`),
  ];
  return h(
    "section",
    { class: "card" },
    h("div", { class: "row" }, h("h2", {}, "Calibration in force"), h("span", { class: "badge push" }, quality.method)),
    h(
      "div",
      { class: "side" },
      h("div", { class: "tiles two" }, figures),
      quality.strangers
        ? h(
            "div",
            {},
            h("h3", {}, "How near strangers came to a class"),
            histogram("Scores of strangers, with the level from which a query is accepted", "normalised score", quality.stranger_scores, null, quality.level),
            h("div", { class: "legend" }, h("span", {}, "strangers"), h("span", { class: "level" }, `accepted from ${quality.level.toFixed(2)} on`)),
          )
        : h("p", { class: "soft" }, "Nothing is measured yet: enroll some classes, then calibrate."),
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
  if (may("enroll")) row.append(h("label", { class: "button" }, input, "Choose a labelled folder"), h("label", { class: "button quiet" }, archive, "or an archive"));
  const nothing = () => h("div", { class: "empty" }, icon("quality"), h("p", {}, "Show labelled pictures that are not enrolled, in folders named like their classes. What has no class counts as a stranger."));
  return h("section", { class: "card" }, h("h2", {}, "Evaluation"), quality.evaluation ? measured(quality.evaluation) : nothing(), row);
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
      figure(percent(value("tpir_reached")), `of ${count(result.known, "known query", "known queries")} named right`, figures.tpir_reached),
      figure(percent(value("fpir_reached")), `of ${count(result.strangers, "stranger")} named; the target is ${percent(result.target_fpir)}`, figures.fpir_reached),
      figure(percent(value("top_1")), "have their own class nearest", figures.top_1),
    ),
    h("p", { class: "small soft" }, `Strangers are ${result.strangers_are}.`),
    result.warnings.map((text) => h("p", { class: "notice warn small" }, text)),
    h("div", { class: "side" }, charts(result, value("fpir_reached"), missed, kept)),
  ];
  return shown;
}

function charts(result, fpir, missed, kept) {
  const block = (title, chart, ...legend) => h("div", {}, h("h3", {}, title), chart, h("div", { class: "legend" }, legend));
  const key = (text, name = "") => h("span", { class: name }, text);
  const scores = histogram("Scores less thresholds, of strangers and of known queries", "named from 0 on", result.stranger_scores, result.known_scores, 0);
  const found = [block("Scores less thresholds", scores, key("strangers"), key("known", "second"), key("threshold", "level"))];
  if (result.det.length) {
    const curve = detCurve(result.det, result.strangers, { fpir, fnir: missed }, result.target_fpir);
    found.push(block("Known queries missed, against strangers named", curve, key("at every strictness", "second"), key("today", "dot"), key("target", "level")));
  }
  if (kept.length > 1) {
    found.push(block("Strangers named, against the target", reachedChart(kept), key("measured, with its 95 % interval", "dot"), key("as promised", "promise")));
  }
  return found;
}

function feedback(quality) {
  const { right, misnamed, missed, strangers_named: named } = quality.feedback;
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "What people said"),
    h("div", { class: "tiles" }, figure(String(right), "right"), figure(String(misnamed), "given a wrong name"), figure(String(missed), "known, but called unknown"), figure(String(named), "strangers given a name")),
    h("p", { class: "small soft" }, "Said on the Recognise page with “That’s right”, “Something else” and “None of these”. With enough of it, calibration counts it."),
  );
}

function figure(value, text, { low = null, high = null, refused = null } = {}) {
  const range = low === null ? refused : `${percent(low)} to ${percent(high)}`;
  return h("div", { class: "figure" }, h("b", {}, value), h("span", { class: "small soft" }, text), range ? h("span", { class: "small soft figures" }, range) : null);
}
