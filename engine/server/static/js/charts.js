// Histograms and the DET curve, as SVG.

import { h, percent } from "./dom.js";

const WIDTH = 560;
const HEIGHT = 210;
const LEFT = 36;
const BOTTOM = 24;

/** Counts by score. `second` is drawn over `first`; `level` is a vertical line. */
export function histogram(label, first, second = null, level = null) {
  const series = [first, second].filter((one) => one?.counts.length);
  const edges = series.flatMap((one) => [one.edges[0], one.edges.at(-1)]).concat(level ?? []);
  const least = Math.min(...edges);
  const most = Math.max(...edges);
  const x = (value) => LEFT + ((WIDTH - LEFT - 8) * (value - least)) / (most - least || 1);
  const parts = [h("line", { class: "axis", x1: LEFT, x2: WIDTH - 8, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM })];
  for (const one of series) {
    const high = Math.max(...one.counts);
    one.counts.forEach((number, bin) => {
      const height = ((HEIGHT - BOTTOM - 12) * number) / (high || 1);
      parts.push(h("rect", {
        class: one === second ? "column second" : "column",
        x: x(one.edges[bin]) + 0.5,
        y: HEIGHT - BOTTOM - height,
        width: Math.max(1, x(one.edges[bin + 1]) - x(one.edges[bin]) - 1),
        height,
        rx: 1.5,
      }));
    });
  }
  for (let step = 0; step <= 4; step += 1) {
    const value = least + ((most - least) * step) / 4;
    parts.push(h("text", { x: x(value), y: HEIGHT - 6, "text-anchor": step === 0 ? "start" : step === 4 ? "end" : "middle" }, value.toFixed(1)));
  }
  if (level !== null) parts.push(h("line", { class: "level", x1: x(level), x2: x(level), y1: 6, y2: HEIGHT - BOTTOM }));
  return chart(label, parts);
}

/** Misses against false names, both axes as shares. */
export function detCurve(points, fpir, fnir) {
  const x = (value) => LEFT + 8 + (WIDTH - LEFT - 24) * value;
  const y = (value) => 10 + (HEIGHT - BOTTOM - 14) * (1 - value);
  const parts = [];
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(
      h("line", { class: "grid-line", x1: x(0), x2: x(1), y1: y(tick), y2: y(tick) }),
      h("text", { x: LEFT, y: y(tick) + 4, "text-anchor": "end" }, percent(tick)),
      h("text", { x: x(tick), y: HEIGHT - 4, "text-anchor": tick === 1 ? "end" : "middle" }, percent(tick)),
    );
  }
  parts.push(h("polyline", { class: "curve", points: points.map((point) => `${x(point.fpir)},${y(point.fnir)}`).join(" ") }));
  if (fpir !== null && fnir !== null) parts.push(h("circle", { class: "target", cx: x(fpir), cy: y(fnir), r: 5 }));
  return chart("Known queries missed, against strangers named", parts);
}

function chart(label, parts) {
  return h("div", { class: "chart" }, h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, parts));
}
