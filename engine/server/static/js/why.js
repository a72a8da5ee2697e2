// Why it was answered so: the figures, what else was near, and how near other things come.

import { attempt, breakable, h, thumbnail } from "./dom.js";
import { send } from "./api.js";
import { histogram } from "./charts.js";
import { scale } from "./scale.js";
import { boxOf } from "./session.js";
import { percent, t, three } from "./text.js";

/** The figures behind an answer, shut until they are asked for. */
export function why(entry) {
  const { decision } = entry;
  const drawn = h("div", { class: "explained" });
  const details = h(
    "details",
    { class: "why", ontoggle: () => details.open && !drawn.childElementCount && attempt(explain, drawn) },
    h("summary", {}, t("why.title")),
    h(
      "div",
      { class: "reasons" },
      scale(decision.score, decision.threshold),
      figures(decision),
      drawn,
      decision.candidates.length > 1 ? [h("h3", {}, t("why.others")), runners(decision.candidates.slice(1))] : null,
    ),
  );

  async function explain() {
    drawn.replaceChildren(h("p", { class: "soft", role: "status" }, t("answer.looking")));
    try {
      const found = await send("v1/explain", [["image", entry.file], ...boxOf(entry)]);
      drawn.replaceChildren(...explained(found), ...(found.matches && !entry.box ? matched(found, entry) : []));
    } catch (error) {
      drawn.replaceChildren(); // asked again when it is opened again
      throw error;
    }
  }

  return details;
}

function figures(decision) {
  const rows = [
    [t("why.similarity"), three(decision.similarity)],
    [t("why.score"), three(decision.score)],
    [t("why.threshold"), three(decision.threshold)],
  ];
  if (decision.stranger_rate_interval) rows.unshift([t("why.rate"), `${percent(decision.stranger_rate)} (${decision.stranger_rate_interval.map(percent).join(" – ")})`]);
  if (decision.location) rows.push([t("why.inliers"), String(decision.location.inliers)], [t("why.share"), percent(decision.location.share)]);
  rows.push([t("why.rests"), decision.calibration]);
  return h("dl", { class: "attributes figures" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function explained({ decision, impostors, genuine }) {
  const [{ label }] = decision.candidates;
  const series = [impostors, genuine.counts.length ? genuine : null];
  return [
    h("h3", {}, t("why.chart", { label })),
    histogram(t("why.chart", { label }), t("why.axis", { label }), ...series, decision.similarity),
    h(
      "div",
      { class: "legend" },
      h("span", {}, t("why.impostors")),
      series[1] ? h("span", { class: "second" }, t("why.genuine")) : null,
      h("span", { class: "level" }, t("why.this")),
    ),
  ];
}

/** Both pictures, side by side in squares of a hundred, and lines between the points that match. */
function matched({ decision, matches }, entry) {
  const [first] = decision.candidates;
  const place = ([width, height], left) => {
    const scale = 100 / Math.max(width, height);
    return (x, y) => [left + 50 + (x - width / 2) * scale, 50 + (y - height / 2) * scale];
  };
  const [ours, theirs] = [place(matches.query_size, 0), place(matches.enrolled_size, 106)];
  const lines = matches.points.map(([x0, y0, x1, y1]) => {
    const [[ax, ay], [bx, by]] = [ours(x0, y0), theirs(x1, y1)];
    return [h("line", { x1: ax, y1: ay, x2: bx, y2: by }), h("circle", { cx: ax, cy: ay, r: 0.9 }), h("circle", { cx: bx, cy: by, r: 0.9 })];
  });
  const picture = (href, x) => h("image", { href, x, y: 0, width: 100, height: 100 });
  const title = t("why.matches", { label: first.label });
  return [
    h("h3", {}, title),
    h("svg", { class: "matches", viewBox: "0 0 206 100", role: "img", "aria-label": title }, picture(entry.url, 0), picture(`v1/examples/${first.example_id}/picture`, 106), lines),
    h("p", { class: "small soft" }, t("why.without", { score: three(matches.score_without) })),
  ];
}

function runners(candidates) {
  return h(
    "ul",
    { class: "runners" },
    candidates.map((candidate) => {
      const share = Math.max(0, Math.min(1, candidate.similarity));
      return h(
        "li",
        {},
        h(
          "a",
          { href: `#/catalog/${candidate.class_id}` },
          thumbnail(candidate.text ? null : candidate.example_id),
          h("span", { class: "name" }, breakable(candidate.label)),
          h("span", { class: "meter", "aria-hidden": "true" }, h("i", { style: { width: `${100 * share}%` } })),
          h("span", { class: "value" }, three(candidate.similarity)),
        ),
      );
    }),
  );
}
