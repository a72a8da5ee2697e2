// A small scale: where a score stands against its threshold.

import { h, three } from "./dom.js";

/** `score` and `threshold` in [-1, 1]; the part of the scale that is accepted is tinted. */
export function scale(score, threshold, { similarity = null } = {}) {
  const least = Math.min(0, score ?? 0, threshold) - (Math.min(score ?? 0, threshold) < 0 ? 0.05 : 0);
  const most = Math.max(1, score ?? 1);
  const x = (value) => 2 + (296 * (value - least)) / (most - least);
  const parts = [
    h("rect", { class: "track", x: 2, y: 18, width: 296, height: 10, rx: 5 }),
    h("rect", { class: "pass", x: x(threshold), y: 18.5, width: Math.max(0, 298 - x(threshold)), height: 9, rx: 4.5 }),
    h("line", { class: "limit", x1: x(threshold), x2: x(threshold), y1: 13, y2: 33 }),
    h("text", { x: Math.min(270, Math.max(30, x(threshold))), y: 46, "text-anchor": "middle" }, `threshold ${three(threshold)}`),
  ];
  if (score !== null) parts.push(h("circle", { class: score >= threshold ? "mark" : "mark below", cx: x(score), cy: 23, r: 7.5 }));
  const description = score === null ? `threshold ${three(threshold)}` : `score ${three(score)}, threshold ${three(threshold)}`;
  const keys = score === null ? null : h("div", { class: "keys" }, h("span", {}, "score ", h("b", {}, three(score))), h("span", {}, "similarity ", h("b", {}, three(similarity))));
  return h("div", { class: "scale" }, h("svg", { viewBox: "0 0 300 50", preserveAspectRatio: "xMinYMid meet", role: "img", "aria-label": description }, parts), keys);
}
