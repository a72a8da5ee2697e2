// Catalog: every class as a thumbnail; only those in sight are in the document.

import { attempt, count, h, icon, thumbnail } from "../dom.js";
import { get } from "../api.js";

const PAGE = 300;
const LEAST_TILE = 116;
const NAME_HEIGHT = 54;
const OVERSCAN = 3;

let left = { search: "", top: 0, count: 0 }; // where the catalog stood when a class was opened

export async function catalogView(context) {
  const { gallery, onLeave, from } = context;
  if (!from?.startsWith("#/catalog")) left = { search: "", top: 0, count: 0 };
  const back = left;
  const state = { classes: [], next: null, search: back.search, total: gallery.classes, loading: false, turn: 0 };
  const total = h("span", { class: "soft", role: "status" });
  const search = h("input", { type: "search", placeholder: "Search the labels", "aria-label": "Search the labels", value: back.search });
  const grid = h("div", { class: "grid", role: "list", "aria-label": "Classes" });
  const empty = h("div", { class: "empty", hidden: true });
  const tiles = new Map();

  async function load(reset = false) {
    if (state.loading && !reset) return;
    if (!reset && state.next === null) return;
    const mine = reset ? ++state.turn : state.turn;
    state.loading = true;
    const query = new URLSearchParams({ limit: PAGE });
    if (state.search) query.set("search", state.search);
    if (!reset) query.set("after", state.next);
    const page = await attempt(() => get(`v1/classes?${query}`));
    if (mine !== state.turn) return;
    state.loading = false;
    if (!page) return; // scrolling on tries again
    state.classes = reset ? page.classes : [...state.classes, ...page.classes];
    state.next = page.next;
    if (reset) clear();
    if (page.next === null) state.total = state.classes.length;
    else state.total = state.search ? state.classes.length : Math.max(gallery.classes, state.classes.length);
    render();
  }

  function clear() {
    tiles.forEach((tile) => tile.remove());
    tiles.clear();
  }

  function render() {
    const width = grid.clientWidth || 1;
    const columns = Math.max(2, Math.floor(width / (width < 600 ? LEAST_TILE : 1.15 * LEAST_TILE)));
    const side = width / columns;
    const height = side + NAME_HEIGHT;
    grid.style.height = `${Math.ceil(state.total / columns) * height}px`;
    total.textContent = state.search && state.next !== null ? `${state.classes.length}+ classes` : count(state.total, "class", "classes");
    empty.hidden = state.classes.length > 0;
    empty.replaceChildren(icon("catalog"), h("p", {}, state.search ? "No label contains that." : "Nothing is enrolled yet."), state.search ? "" : h("a", { class: "button primary", href: "#/enroll" }, "Enroll"));
    const top = -grid.getBoundingClientRect().top;
    const first = Math.max(0, (Math.floor(top / height) - OVERSCAN) * columns);
    const last = Math.min(state.classes.length, (Math.ceil((top + innerHeight) / height) + OVERSCAN) * columns);
    for (const [index, tile] of tiles) {
      if (index < first || index >= last) {
        if (tile.contains(document.activeElement)) continue;
        tile.remove();
        tiles.delete(index);
      }
    }
    for (let index = first; index < last; index += 1) {
      const tile = tiles.get(index) ?? add(index);
      tile.style.width = `${side}px`;
      tile.style.transform = `translate(${(index % columns) * side}px, ${Math.floor(index / columns) * height}px)`;
    }
    if (last > state.classes.length - PAGE / 2) load();
  }

  function add(index) {
    const entry = state.classes[index];
    const link = h(
      "a",
      { class: "tile", href: `#/catalog/${entry.id}`, title: entry.label },
      thumbnail(entry.example_id),
      entry.examples > 1 ? h("span", { class: "count badge", "aria-label": `${entry.examples} examples` }, String(entry.examples)) : null,
      h("span", { class: "name" }, entry.label),
    );
    const tile = h("div", { role: "listitem", "aria-setsize": state.total, "aria-posinset": index + 1 }, link);
    Object.assign(tile.style, { position: "absolute", top: 0, left: 0 });
    link.style.position = "relative";
    tiles.set(index, tile);
    const after = [...tiles.keys()].filter((key) => key > index).sort((a, b) => a - b)[0];
    grid.insertBefore(tile, after === undefined ? null : tiles.get(after));
    return tile;
  }

  let wait;
  search.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => {
      state.search = search.value.trim();
      load(true);
    }, 150);
  });
  let frame = 0;
  const soon = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(render);
  };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  document.getElementById("main").addEventListener("shown", render, { once: true }); // at once: only then there is room to scroll
  onLeave(() => {
    left = { search: state.search, top: scrollY, count: state.classes.length };
    removeEventListener("scroll", soon);
    removeEventListener("resize", soon);
    cancelAnimationFrame(frame);
    state.turn += 1;
  });
  await load(true);
  while (state.next !== null && state.classes.length < back.count) await load();
  context.top = back.top;
  return [
    h("div", { class: "head" }, h("h1", {}, "Catalog"), total, h("div", { class: "search push" }, search)),
    grid,
    empty,
  ];
}
