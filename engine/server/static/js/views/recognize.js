// Recognise: a picture in, a name or "unknown" out, with the evidence; then confirm or correct.

import { attempt, button, h, icon, thumbnail, three, toast } from "../dom.js";
import { send } from "../api.js";
import { ask } from "../dialog.js";
import { intake } from "../intake.js";
import { scale } from "../scale.js";

export function recognizeView({ gallery, may, onLeave }) {
  let shown = null;
  let turn = 0;
  const answer = h("section", { class: "card", "aria-live": "polite", "aria-label": "Answer" }, waiting(gallery));
  const page = h("div", { class: "recognize" }, h("section", { class: "card", "aria-label": "Picture" }, intake(recognize, { onLeave })), answer);

  async function recognize(file) {
    const mine = ++turn;
    if (shown) URL.revokeObjectURL(shown);
    shown = URL.createObjectURL(file);
    answer.replaceChildren(h("p", { class: "soft" }, "Looking …"));
    answer.classList.add("busy");
    try {
      const { results } = await send("v1/recognize", [["images", file], ["candidates", "5"]]);
      if (mine !== turn) return;
      answer.replaceChildren(...decided(results[0], file));
      page.classList.add("answered");
      if (matchMedia("(max-width: 46rem)").matches) answer.scrollIntoView({ block: "start", behavior: "smooth" });
    } catch (error) {
      if (mine === turn) answer.replaceChildren(h("div", { class: "notice bad", role: "alert" }, error.message));
    } finally {
      if (mine === turn) answer.classList.remove("busy");
    }
  }

  function decided(decision, file) {
    const [first, ...others] = decision.candidates;
    const name = decision.label ?? "Unknown";
    const parts = [
      h(
        "div",
        { class: `verdict ${decision.known ? "" : "unknown"}` },
        h("div", {}, h("h2", {}, name), h("p", { class: "soft" }, reason(decision, first))),
        h("span", { class: `badge ${decision.known ? "good" : "warn"}` }, decision.known ? "recognised" : "unknown"),
      ),
    ];
    if (first) {
      parts.push(
        h(
          "div",
          { class: "pair" },
          h("figure", {}, h("img", { class: "picture", src: shown, alt: "Your picture" }), h("figcaption", {}, "your picture")),
          h("figure", {}, thumbnail(first.example_id, `The enrolled picture of ${first.label}`), h("figcaption", {}, decision.known ? "enrolled" : `nearest: ${first.label}`)),
        ),
        scale(decision.score, decision.threshold, { similarity: decision.similarity, strangerRate: decision.stranger_rate }),
      );
    }
    if (decision.known && decision.ambiguous) parts.push(h("p", { class: "notice warn" }, `${others[0]?.label ?? "Another class"} is as near; the two can’t be told apart by this picture.`));
    parts.push(actions(decision, file));
    if (others.length) parts.push(h("h3", {}, "Runners-up"), runners(others));
    return parts;
  }

  function actions(decision, file) {
    const row = h("div", { class: "row actions" });
    let feedback = [];
    const say = (label) => attempt(async () => {
      const said = await send("v1/feedback", label === null ? [["image", file]] : [["image", file], ["label", label]]);
      toast(said.right ? "Noted: that was right." : `Noted: it is ${label ?? "none of the classes"}.`);
      feedback.forEach((one) => one.remove()); // said twice, it would count twice
      if (document.activeElement === document.body) row.querySelector("button")?.focus();
    }, row);
    const enrollNew = async () => {
      const label = await ask("Enroll this picture", "What is it?", "Enroll", { classes: true });
      if (!label) return;
      await attempt(async () => {
        const done = await send("v1/classes", [["label", label], ["image", file]]);
        toast(done.status === "unchanged" ? `${done.label} has this very picture already.` : `Enrolled as ${done.label}.`);
        done.near_duplicates.forEach((pair) => toast(`Hard to tell from ${pair.other}: similarity ${three(pair.similarity)}.`, "bad"));
        await recognize(file);
      }, row);
    };
    const correct = async () => {
      const label = await ask("What is it really?", "Class", "Note it", { classes: true });
      if (label) await say(label);
    };
    if (may("enroll")) {
      const right = decision.known ? [button("That’s right", () => say(decision.label), "primary")] : [];
      feedback = [...right, button("Something else", correct, decision.known ? "" : "quiet"), button("None of these", () => say(null), "quiet")];
      const enroll = button("Enroll as new", enrollNew, decision.known ? "quiet" : "primary");
      row.append(...(decision.known ? [...feedback, enroll] : [enroll, ...feedback]));
    }
    return row;
  }

  return [h("h1", { class: "unseen" }, "Recognise"), page];
}

function reason(decision, first) {
  if (decision.reason === "empty_gallery") return "Nothing is enrolled yet.";
  if (decision.known) return "accepted by this class’s own threshold";
  return `${first.label} is nearest, but not near enough`;
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
          thumbnail(candidate.example_id),
          h("span", { class: "name" }, candidate.label),
          h("span", { class: "meter", "aria-hidden": "true" }, h("i", { style: { width: `${100 * share}%` } })),
          h("span", { class: "value" }, three(candidate.similarity)),
        ),
      );
    }),
  );
}

function waiting(gallery) {
  const empty = gallery.classes === 0;
  return h(
    "div",
    { class: "empty" },
    icon("recognize"),
    h("h2", {}, empty ? "Nothing is enrolled yet" : "What is it?"),
    h("p", {}, empty ? "Show one picture of each thing first." : `Show a picture, and it is looked for among ${gallery.classes.toLocaleString("en")} classes.`),
    empty ? h("a", { class: "button", href: "#/enroll" }, "Enroll") : null,
  );
}
