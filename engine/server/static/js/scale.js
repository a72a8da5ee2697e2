// A small scale: where a score stands against its threshold.

import { h, three } from "./dom.js";

/** `score` and `threshold`, mostly in [0, 1]; the part of the scale that is accepted is tinted. */
export function scale(score, threshold, { similarity = null } = {}) {
  const least = Math.min(0, score ?? 0, threshold);
  const most = Math.max(1, score ?? 1, 1.05 * threshold);
  const at = (value) => `${(100 * (value - least)) / (most - least)}%`;
  const text = score === null ? `threshold ${three(threshold)}` : `score ${three(score)}, threshold ${three(threshold)}`;
  const track = h(
    "div",
    { class: "track", role: "img", "aria-label": text },
    h("i", { class: "pass", style: { left: at(threshold) } }),
    h("i", { class: "limit", style: { left: at(threshold) } }),
    score === null ? null : h("i", { class: score >= threshold ? "mark" : "mark below", style: { left: at(score) } }),
  );
  const key = (name, value) => h("span", {}, `${name} `, h("b", {}, three(value)));
  const keys = score === null ? [key("threshold", threshold)] : [key("score", score), key("threshold", threshold), key("similarity", similarity)];
  return h("div", { class: "scale" }, track, h("div", { class: "keys" }, keys));
}
