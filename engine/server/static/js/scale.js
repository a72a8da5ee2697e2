// A small scale: where a score stands against its threshold.

import { h, three } from "./dom.js";

/** `score` and `threshold`, in [0, 1]; the part of the scale that is accepted is tinted. */
export function scale(score, threshold, { similarity = null, strangerRate = null } = {}) {
  const at = (value) => `${100 * value}%`;
  const text = score === null ? `threshold ${three(threshold)}` : `score ${three(score)}, threshold ${three(threshold)}`;
  const track = h(
    "div",
    { class: "track", role: "img", "aria-label": text },
    h("i", { class: "pass", style: { left: at(threshold) } }),
    h("i", { class: "limit", style: { left: at(threshold) } }),
    score === null ? null : h("i", { class: score >= threshold ? "mark" : "mark below", style: { left: at(score) } }),
  );
  const key = (name, value) => h("span", {}, `${name} `, h("b", {}, value));
  const scored = () => [key("strangers this high", inWords(strangerRate)), key("similarity", three(similarity)), key("score", three(score)), key("threshold", three(threshold))];
  const keys = score === null ? [key("threshold", three(threshold))] : scored();
  return h("div", { class: "scale" }, track, h("div", { class: "keys" }, keys));
}

/** A stranger rate for people, as the command line words it: "4 in 10", "1 in 140". */
export function inWords(rate) {
  if (rate === null || rate === undefined) return "–";
  if (rate >= 0.15) return `${Math.round(10 * rate)} in 10`;
  if (rate < 1e-4) return "under 1 in 10,000";
  const digits = rate > 0.01 ? 1 : 10 ** (Math.floor(Math.log10(1 / rate)) - 1);
  return `1 in ${(Math.round(1 / rate / digits) * digits).toLocaleString("en")}`;
}
