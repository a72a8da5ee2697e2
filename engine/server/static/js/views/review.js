// Review: queries called unknown, by likeness; name them once, enroll them together.

import { attempt, button, count, h, icon, loadable, three, toast } from "../dom.js";
import { get, post, remove } from "../api.js";
import { confirm, labelInput } from "../dialog.js";

const SHOWN = 24;
const CARDS = 48;

export async function reviewView({ may, refresh }) {
  if (!may("enroll")) {
    return [h("h1", {}, "Review"), h("p", { class: "notice" }, "This token only recognises. Reviewing needs one with the scope “enroll”.")];
  }
  const found = await get("v1/review");
  const eraseAll = async () => {
    if (await confirm("Erase every kept query?", "Their pictures are gone for good.", "Erase all", { bad: true })) await attempt(async () => {
      const { forgotten } = await remove("v1/review");
      toast(`${count(forgotten, "query", "queries")} erased.`);
      refresh();
    });
  };
  const head = h(
    "div",
    { class: "head" },
    h("h1", {}, "Review"),
    found.total && may("admin") ? button("Erase all", eraseAll, "bad") : null,
    h("p", {}, found.keep_unknown ? `Pictures that were called unknown: ${found.total} of at most ${found.keep_unknown} are kept.` : "Pictures that were called unknown are not kept."),
  );
  if (!found.total) return [head, nothing(found)];
  const [many, single] = [found.clusters.filter((cluster) => cluster.length > 1), found.clusters.filter((cluster) => cluster.length === 1)];
  return [head, cards(many, "list", refresh), cards(single, "singles", refresh)];
}

/** The first clusters as cards, and the others as they are asked for. */
function cards(clusters, kind, refresh) {
  const list = h("div", { class: kind });
  const more = button("", () => add());
  const add = () => {
    const next = clusters.splice(0, CARDS).map((cluster) => clusterCard(cluster, refresh));
    list.append(...next);
    next[0]?.querySelector("input[type=text]").focus({ preventScroll: true });
    more.textContent = clusters.length > CARDS ? `Show ${CARDS} more of ${clusters.length}` : `Show ${clusters.length} more`;
    more.hidden = !clusters.length;
  };
  add();
  return list.childElementCount ? [list, h("div", { class: "row" }, more)] : [];
}

function nothing(found) {
  const text = found.keep_unknown
    ? "Nothing waits for a name. What is called unknown from now on appears here."
    : "To collect them here, start the service with --keep-unknown and how many to keep at most. They stay on this machine and can be erased at any time.";
  return h("div", { class: "card empty" }, icon("review"), h("p", {}, text));
}

function clusterCard(cluster, refresh) {
  const boxes = cluster.slice(0, SHOWN).map((query, number) => {
    const box = h("input", { type: "checkbox", value: query.id, "aria-label": `Picture ${number + 1}` });
    box.checked = true;
    return [box, h("label", {}, loadable(`v1/review/${query.id}/picture?size=thumbnail`, ""), box)];
  });
  const more = cluster.slice(SHOWN).map((query) => query.id);
  const ids = () => [...boxes.filter(([box]) => box.checked).map(([box]) => Number(box.value)), ...more];
  const label = labelInput("What is it?");
  const submit = h("button", { type: "submit", class: "primary" }, cluster.length > 1 ? "Enroll together" : "Enroll");
  const nearest = cluster.find((query) => query.nearest);
  const erase = button("Erase", () => attempt(async () => {
    await post("v1/review/forget", { query_ids: ids() });
    refresh();
  }, erase), "quiet");
  return h(
    "form",
    {
      class: "card cluster",
      onsubmit: (event) => {
        event.preventDefault();
        attempt(async () => {
          const done = await post("v1/review/enroll", { label: label.element.value, query_ids: ids() });
          toast(`${count(done.enrolled, "picture")} enrolled as ${done.label}.`);
          done.rejects.forEach((reject) => toast(reject.reason, "bad"));
          refresh();
        }, submit);
      },
    },
    h(
      "div",
      { class: "row" },
      h("h2", {}, count(cluster.length, "picture")),
      nearest ? h("span", { class: "badge push" }, `nearest: ${nearest.nearest}, ${three(nearest.similarity)}`) : null,
    ),
    h("div", { class: "strip" }, boxes.map(([, tile]) => tile)),
    more.length ? h("p", { class: "small soft" }, `and ${more.length} more like them`) : null,
    h("div", { class: "row" }, label.field),
    h("div", { class: "row" }, submit, erase),
  );
}
