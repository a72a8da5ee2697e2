// A small scale: where a score stands against its threshold.

import { h } from "./dom.js";
import { t, three } from "./text.js";

/** `score` (or null) and `threshold`, in [0, 1]; the part of the scale that is accepted is tinted. */
export function scale(score, threshold) {
  const at = (value) => `${100 * value}%`;
  const values = { score: three(score), threshold: three(threshold) };
  const track = h(
    "div",
    { class: "track", role: "img", "aria-label": t(score === null ? "scale.threshold" : "scale.both", values) },
    h("i", { class: "pass", style: { left: at(threshold) } }),
    h("i", { class: "limit", style: { left: at(threshold) } }),
    score === null ? null : h("i", { class: score >= threshold ? "mark" : "mark below", style: { left: at(score) } }),
  );
  return h("div", { class: "scale" }, track);
}
