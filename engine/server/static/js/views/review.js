// Review: queries called unknown, by likeness; name them once, enroll them together. One key does it.

import { attempt, button, h, icon, loadable, toast } from "../dom.js";
import { get, post, remove } from "../api.js";
import { confirm, labelInput } from "../dialog.js";
import { isGoing, later } from "../later.js";
import { t, three } from "../text.js";

const SHOWN = 24;
const CARDS = 48;

export async function reviewView({ may, refresh, onLeave }) {
  if (!may("enroll")) {
    return [h("h1", {}, t("tab.review")), h("p", { class: "notice" }, t("review.not_allowed"))];
  }
  const found = await get("v1/review");
  const clusters = found.clusters.map((cluster) => cluster.filter((query) => !isGoing(keyOf(query.id)))).filter((cluster) => cluster.length);
  const eraseAll = async () => {
    if (await confirm(t("review.erase_title"), t("review.erase_text"), t("review.erase_all"), { bad: true })) await attempt(async () => {
      const { forgotten } = await remove("v1/review");
      toast(t("review.erased", { n: forgotten }));
      refresh();
    });
  };
  const head = h(
    "div",
    { class: "head" },
    h("h1", {}, t("tab.review")),
    clusters.length && may("admin") ? button(t("review.erase_all"), eraseAll, "bad") : null,
    h("p", {}, found.keep_unknown ? t("review.kept", { n: found.total, most: found.keep_unknown }) : t("review.not_kept")),
  );
  if (!clusters.length) return [head, nothing(found)];
  const keys = h("p", { class: "small soft keys" }, ["J", "K", "Y", "N", "E"].map((key) => [h("kbd", {}, key), ` ${t(`review.key_${key.toLowerCase()}`)} `]));
  const [many, single] = [clusters.filter((cluster) => cluster.length > 1), clusters.filter((cluster) => cluster.length === 1)];
  const content = h("div", { class: "columns one" }, cards(many, "list", refresh), cards(single, "singles", refresh));
  const press = (event) => pressed(event, content);
  document.addEventListener("keydown", press);
  onLeave(() => document.removeEventListener("keydown", press));
  return [head, keys, content];
}

const keyOf = (queryId) => `query ${queryId}`;

/** One key for the card that has the keyboard, or moves it: vim's letters, as mail programs have them. */
function pressed(event, content) {
  if (event.target.matches("input[type=text], select, textarea") || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog")) return;
  const all = [...content.querySelectorAll(".cluster")];
  const at = all.indexOf(document.activeElement?.closest(".cluster"));
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") focusOn(all[Math.min(all.length - 1, Math.max(0, at + (key === "j" ? 1 : -1)))]);
  else if (at < 0) return;
  else if (key === "y") all[at].querySelector(".confirm")?.click();
  else if (key === "n") all[at].querySelector(".reject").click();
  else if (key === "e") all[at].querySelector("input[type=text]").focus();
  else return;
  event.preventDefault();
}

function focusOn(card) {
  card?.focus();
  card?.scrollIntoView({ block: "nearest" });
}

/** The first clusters as cards, and the others as they are asked for. */
function cards(clusters, kind, refresh) {
  const list = h("div", { class: kind });
  const more = button("", () => add());
  const add = () => {
    const next = clusters.splice(0, CARDS).map((cluster) => clusterCard(cluster, refresh));
    list.append(...next);
    next[0]?.querySelector("input[type=text]").focus({ preventScroll: true });
    more.textContent = clusters.length > CARDS ? t("review.more_of", { more: CARDS, n: clusters.length }) : t("review.more", { n: clusters.length });
    more.hidden = !clusters.length;
  };
  add();
  return list.childElementCount ? [list, h("div", { class: "row" }, more)] : [];
}

function nothing(found) {
  return h("div", { class: "card empty" }, icon("review"), h("p", {}, t(found.keep_unknown ? "review.nothing" : "review.how")));
}

function clusterCard(cluster, refresh) {
  const boxes = cluster.slice(0, SHOWN).map((query, index) => {
    const box = h("input", { type: "checkbox", value: query.id, "aria-label": t("review.picture", { index: index + 1 }) });
    box.checked = true;
    return [box, h("label", {}, loadable(`v1/review/${query.id}/picture?size=thumbnail`, ""), box)];
  });
  const more = cluster.slice(SHOWN).map((query) => query.id);
  const ids = () => [...boxes.filter(([box]) => box.checked).map(([box]) => Number(box.value)), ...more];
  const label = labelInput(t("enroll.what"));
  const submit = h("button", { type: "submit", class: "primary" }, t(cluster.length > 1 ? "review.enroll_together" : "enroll.do"));
  const nearest = cluster.find((query) => query.nearest);

  /** Take the card away and go on with the next. */
  function done() {
    const others = [...document.querySelectorAll(".cluster")];
    const next = others[others.indexOf(card) + 1] ?? others[others.indexOf(card) - 1];
    card.remove();
    if (next) focusOn(next);
    else refresh();
  }

  const enroll = (name, element) => attempt(async () => {
    const told = await post("v1/review/enroll", { label: name, query_ids: ids() });
    toast(t("review.enrolled", { n: told.enrolled, label: told.label }));
    told.rejects.forEach((reject) => toast(reject.reason, "bad"));
    if (ids().length === cluster.length && !told.rejects.length) done();
    else refresh();
  }, element);
  const confirmIt = nearest ? button(t("review.is", { label: nearest.nearest }), () => enroll(nearest.nearest, confirmIt), "confirm") : null;
  const erase = button(t("review.erase"), () => {
    const chosen = ids();
    later(t("review.erased", { n: chosen.length }), chosen.map(keyOf), (options) => post("v1/review/forget", { query_ids: chosen }, options), refresh);
    if (chosen.length === cluster.length) done();
    else refresh();
  }, "quiet reject");
  const card = h(
    "form",
    {
      class: "card cluster",
      tabindex: "-1",
      "aria-label": t("review.pictures", { n: cluster.length }),
      onsubmit: (event) => {
        event.preventDefault();
        enroll(label.element.value, submit);
      },
    },
    h(
      "div",
      { class: "row" },
      h("h2", {}, t("review.pictures", { n: cluster.length })),
      nearest ? h("span", { class: "badge push" }, t("review.nearest", { label: nearest.nearest, similarity: three(nearest.similarity) })) : null,
    ),
    h("div", { class: "strip" }, boxes.map(([, tile]) => tile)),
    more.length ? h("p", { class: "small soft" }, t("review.and_more", { n: more.length })) : null,
    h("div", { class: "row" }, label.field),
    h("div", { class: "row" }, submit, confirmIt, erase),
  );
  return card;
}
