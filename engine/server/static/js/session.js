// The pictures shown since the page was opened, and what was answered; kept in this page only.

import { h, icon } from "./dom.js";
import { t } from "./text.js";

const MOST = 60;
const entries = [];

/** What was shown, newest first. */
export const history = () => entries;

/** A picture that was just shown: `state` goes from `waiting` over `looking` to `done` or `failed`. */
export function remember(file) {
  const entry = { file, name: file.name, url: URL.createObjectURL(file), state: "waiting", progress: 0, box: null, decision: null, whole: null, findings: null, error: null, said: [] };
  entries.unshift(entry);
  while (entries.length > MOST) forget(entries.at(-1));
  return entry;
}

/** Another file in the place of an entry's, such as a smaller copy. */
export function replace(entry, file) {
  if (file === entry.file) return;
  URL.revokeObjectURL(entry.url);
  entry.file = file;
  entry.url = URL.createObjectURL(file);
}

export function forget(entry) {
  const index = entries.indexOf(entry);
  if (index < 0) return;
  entries.splice(index, 1);
  URL.revokeObjectURL(entry.url);
}

/** Forget all, as when somebody logs out. */
export function forgetAll() {
  while (entries.length) forget(entries[0]);
}

/** The field that tells the service which part of an entry's picture is meant. */
export const boxOf = (entry) => (entry.box ? [["box", entry.box.join(",")]] : []);

/** A strip of them; `choose` and `drop` get the entry. */
export function strip(choose, drop) {
  const list = h("ul", { class: "history" });
  const element = h("section", { class: "card", "aria-label": t("history.title"), hidden: true }, h("div", { class: "row" }, h("h2", {}, t("history.title")), h("span", { class: "small soft" }, t("history.kept"))), list);
  const tiles = new Map();

  function tileOf(entry) {
    if (tiles.has(entry)) return tiles.get(entry);
    const image = h("img", { class: "picture", alt: "" });
    image.addEventListener("error", () => (image.hidden = true));
    const name = h("span", { class: "name" });
    const bar = h("progress", { max: 1, "aria-label": t("history.sending") });
    const open = h("button", { type: "button", class: "tile", onclick: () => choose(entry) }, image, name, bar);
    const close = h("button", { type: "button", class: "quiet close", onclick: () => drop(entry) }, icon("close"));
    const tile = { element: h("li", {}, open, close), image, name, bar, open, close };
    tiles.set(entry, tile);
    return tile;
  }

  return {
    element,
    render(chosen) {
      element.hidden = entries.length < 2;
      for (const [entry, tile] of tiles) {
        if (entries.includes(entry)) continue;
        tile.element.remove();
        tiles.delete(entry);
      }
      entries.forEach((entry, index) => {
        const { element: item, image, name, bar, open, close } = tileOf(entry);
        if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
        if (image.src !== entry.url) image.src = entry.url;
        const text = inShort(entry);
        name.textContent = text;
        name.className = `name ${entry.state === "done" && !entry.decision.known ? "unknown" : ""}`;
        bar.hidden = entry.state !== "waiting";
        bar.value = entry.progress;
        open.setAttribute("aria-current", String(entry === chosen));
        close.setAttribute("aria-label", t("history.forget", { name: text }));
      });
    },
  };
}

function inShort({ state, decision }) {
  if (state === "done") return decision.label ?? t("answer.unknown");
  return t(`history.${state}`);
}
