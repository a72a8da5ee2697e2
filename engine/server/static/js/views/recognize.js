// Recognise: pictures in, a name or "unknown" out, and where; then confirm or correct.

import { attempt, button, h, icon, toast } from "../dom.js";
import { send } from "../api.js";
import { answerOf } from "../answer.js";
import { intake } from "../intake.js";
import { liveCamera } from "../live.js";
import { boxOf, forget, history, remember, replace, strip } from "../session.js";
import { shrunk } from "../shrink.js";
import { t } from "../text.js";
import { viewer } from "../viewer.js";

const AT_ONCE = 3;

export function recognizeView({ gallery, may, onLeave }) {
  let chosen = null;
  let left = false;
  let busy = 0;
  const queue = [];
  const answer = h("section", { class: "card answer", "aria-live": "polite", "aria-label": t("answer.title") }, waiting(gallery));
  const picture = viewer({ framed, everything });
  const past = strip(choose, drop);
  const taking = intake(take, { caption: t("intake.caption"), choose: t("intake.choose"), camera: liveCamera, multiple: true, onLeave });
  const page = h("div", { class: "recognize" }, h("section", { class: "card", "aria-label": t("picture.title") }, picture.element, taking), answer, past.element);
  onLeave(() => (left = true));
  if (history().length) choose(history()[0]);

  function take(files) {
    const entries = [...files].reverse().map(remember).reverse();
    queue.push(...entries);
    choose(entries[0]);
    if (matchMedia("(max-width: 46rem)").matches) page.scrollIntoView({ block: "start", behavior: "smooth" });
    work();
  }

  function work() {
    while (busy < AT_ONCE && queue.length) {
      busy += 1;
      recognize(queue.shift()).finally(() => {
        busy -= 1;
        work();
      });
    }
  }

  /** Ask about an entry, or the part of it in its frame. */
  async function recognize(entry, turn = (entry.turn = (entry.turn ?? 0) + 1)) {
    const mine = () => entry.turn === turn;
    try {
      if (!entry.small) {
        replace(entry, await shrunk(entry.file));
        entry.small = true;
        if (entry === chosen) choose(entry);
      }
      const fields = [["images", entry.file], ["candidates", "5"], ...boxOf(entry)];
      const { results } = await send("v1/recognize", fields, (share) => {
        entry.progress = share;
        if (share === 1 && mine()) entry.state = "looking";
        changed(entry);
      });
      if (!mine()) return;
      entry.decision = results[0];
      entry.state = "done";
      if (!entry.box) entry.whole = results[0];
    } catch (error) {
      if (!mine()) return;
      entry.state = "failed";
      entry.error = error;
    }
    changed(entry);
  }

  function framed(box) {
    const entry = chosen;
    entry.box = box;
    entry.said = [];
    if (box === null && entry.whole) {
      entry.turn += 1;
      entry.decision = entry.whole;
      entry.state = "done";
      changed(entry);
      return;
    }
    entry.state = "looking";
    changed(entry);
    recognize(entry);
  }

  function everything(button) {
    return attempt(async () => {
      const entry = chosen;
      const { results } = await send("v1/locate", [["images", entry.file]]);
      entry.findings = results[0].findings;
      if (!entry.findings.length) toast(t("find.nothing"));
      changed(entry);
    }, button);
  }

  /** Look closer at one of the things found. */
  function closer(index) {
    const { left: x, top: y, right, bottom } = sharesOf(chosen.findings[index], picture.size());
    picture.show(chosen.url, [x, y, right, bottom]);
    framed([x, y, right, bottom]);
  }

  function choose(entry) {
    chosen = entry;
    changed(entry);
  }

  function drop(entry) {
    forget(entry);
    if (entry === chosen) chosen = history()[0] ?? null;
    changed(chosen);
  }

  function changed(entry) {
    if (left) return;
    past.render(chosen);
    if (entry !== chosen) return;
    page.classList.toggle("answered", chosen !== null);
    if (!chosen) {
      picture.element.hidden = true;
      answer.replaceChildren(waiting(gallery));
      return;
    }
    picture.show(chosen.url, chosen.box);
    const { findings, decision } = chosen;
    if (findings) picture.outline(findings, { choose: closer });
    else picture.outline(decision?.location ? [{ ...decision, corners: decision.location.corners }] : [], { region: decision?.region ?? null });
    answer.classList.toggle("busy", ["waiting", "looking"].includes(chosen.state));
    const inside = answer.contains(document.activeElement);
    answer.replaceChildren(...shown(chosen));
    if (inside) answer.querySelector("button")?.focus({ preventScroll: true });
  }

  function shown(entry) {
    if (entry.state === "failed") return failed(entry);
    if (entry.state !== "done") {
      const bar = h("progress", { max: 1, value: entry.progress, "aria-label": t("history.sending") });
      bar.hidden = entry.state !== "waiting";
      return [h("p", { class: "soft" }, t(entry.state === "waiting" ? "answer.sending" : "answer.looking")), bar];
    }
    return answerOf(entry, { may, changed: () => changed(entry), again: () => recognize(entry) });
  }

  /** What went wrong; what may go better next time can be tried again. */
  function failed(entry) {
    const again = () => {
      Object.assign(entry, { state: "waiting", progress: 0, error: null });
      changed(entry);
      recognize(entry);
    };
    const passing = [0, 401, 429].includes(entry.error.status) || entry.error.status >= 500;
    return [h("div", { class: "notice bad", role: "alert" }, entry.error.message), passing ? h("div", { class: "row" }, button(t("error.again"), again, "primary")) : null].filter(Boolean);
  }

  return [h("h1", { class: "unseen" }, t("tab.recognize")), page];
}

function sharesOf(finding, [width, height]) {
  const [left, top, right, bottom] = finding.box;
  const share = (value, whole) => Math.min(1, Math.max(0, value / whole));
  return { left: share(left, width), top: share(top, height), right: share(right, width), bottom: share(bottom, height) };
}

function waiting(gallery) {
  const empty = gallery.classes === 0;
  return h(
    "div",
    { class: "empty" },
    icon("recognize"),
    h("h2", {}, t(empty ? "start.empty" : "start.title")),
    h("p", {}, empty ? t("start.first") : t("start.among", { n: gallery.classes })),
    empty ? h("a", { class: "button", href: "#/enroll" }, t("tab.enroll")) : null,
  );
}
