// Histograms, the DET curve, and targets against what was reached, as SVG.

import { h } from "./dom.js";
import { decimals, percent, t } from "./text.js";

const WIDTH = innerWidth < 600 ? 340 : 560; // text keeps its size: a chart is as wide as it is drawn
const HEIGHT = 230;
const LEFT = 44;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 40;

/** Shares by score. `second` is drawn over `first`; `level` is a vertical line. */
export function histogram(label, axis, first, second = null, level = null) {
  const series = [first, second].filter((one) => one?.counts.length);
  const edges = series.flatMap((one) => [one.edges[0], one.edges.at(-1)]).concat(level ?? []);
  const x = linear(Math.min(...edges), Math.max(...edges), LEFT, WIDTH - RIGHT);
  const parts = [h("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM })];
  for (const one of series) {
    const y = linear(0, Math.max(...one.counts), HEIGHT - BOTTOM, TOP);
    one.counts.forEach((number, bin) => {
      if (!number) return;
      parts.push(h("rect", {
        class: one === second ? "column second" : "column",
        x: x(one.edges[bin]) + 0.5,
        y: y(number),
        width: Math.max(1, x(one.edges[bin + 1]) - x(one.edges[bin]) - 1),
        height: HEIGHT - BOTTOM - y(number),
        rx: 1.5,
      }));
    });
  }
  const [least, most] = [Math.min(...edges), Math.max(...edges)];
  for (let step = 0; step <= 4; step += 1) {
    const value = least + ((most - least) * step) / 4;
    parts.push(below(x(value), decimals(value, most - least < 1 ? 2 : 1), step === 0 ? "start" : step === 4 ? "end" : "middle"));
  }
  if (level !== null) parts.push(h("line", { class: "level", x1: x(level), x2: x(level), y1: TOP - 4, y2: HEIGHT - BOTTOM }));
  return chart(label, [...parts, caption(axis)]);
}

/** Known queries missed against strangers named, which are on a logarithmic scale. */
export function detCurve(points, strangers, now, target) {
  const least = Math.min(0.5, 1 / strangers);
  const x = logarithmic(least, 1, LEFT, WIDTH - RIGHT);
  const y = linear(0, 1, HEIGHT - BOTTOM, TOP);
  const at = (share) => x(Math.max(share, least));
  const curve = points.map((point) => `${at(point.fpir)},${y(point.fnir)}`).join(" ");
  return chart(t("chart.det"), [
    ...shareGrid(y),
    ...decades(least).map((tick) => below(x(tick), percent(tick))),
    h("line", { class: "level", x1: at(target), x2: at(target), y1: TOP, y2: HEIGHT - BOTTOM }),
    h("polyline", { class: "curve", points: curve }),
    now.fpir === null || now.fnir === null ? null : h("circle", { class: "now", cx: at(now.fpir), cy: y(now.fnir), r: 5 }),
    caption(t("chart.strangers_named")),
  ]);
}

/** What share of strangers was named under each target, with its interval; the promise dashed. */
export function reachedChart(rows) {
  const least = 0.002;
  const x = logarithmic(Math.min(...rows.map((row) => row.target)) / 1.5, 0.3, LEFT, WIDTH - RIGHT);
  const y = logarithmic(least, 1, HEIGHT - BOTTOM, TOP);
  const at = (share) => y(Math.max(share, least));
  const ends = [Math.min(...rows.map((row) => row.target)) / 1.5, 0.3];
  return chart(t("chart.reached"), [
    ...[0.01, 0.1, 1].flatMap((tick) => [gridLine(y(tick)), beside(y(tick), percent(tick))]),
    h("line", { class: "promise", x1: x(ends[0]), x2: x(ends[1]), y1: at(ends[0]), y2: at(ends[1]) }),
    ...rows.flatMap((row) => [
      below(x(row.target), percent(row.target)),
      h("line", { class: "span", x1: x(row.target), x2: x(row.target), y1: at(row.low), y2: at(row.high) }),
      h("circle", { class: "now", cx: x(row.target), cy: at(row.value), r: 5 }),
    ]),
    caption(t("chart.target")),
  ]);
}

function linear(from, to, start, end) {
  return (value) => start + ((end - start) * (value - from)) / (to - from || 1);
}

function logarithmic(from, to, start, end) {
  const scale = linear(Math.log(from), Math.log(to), start, end);
  return (value) => scale(Math.log(value));
}

function decades(least) {
  return [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1].filter((tick) => tick >= least);
}

function shareGrid(y) {
  return [0, 0.25, 0.5, 0.75, 1].flatMap((tick) => [gridLine(y(tick)), beside(y(tick), percent(tick))]);
}

const gridLine = (y) => h("line", { class: "grid-line", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y });
const beside = (y, text) => h("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, text);
const below = (x, text, anchor = x > WIDTH - 40 ? "end" : "middle") => h("text", { x, y: HEIGHT - BOTTOM + 16, "text-anchor": anchor }, text);
const caption = (text) => h("text", { class: "caption", x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, text);

function chart(label, parts) {
  return h("div", { class: "chart" }, h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, parts));
}
