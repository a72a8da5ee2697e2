// Catalog: every class as a thumbnail; only those in sight are in the document.

import { attempt, breakable, button, h, icon, thumbnail, toast } from "../dom.js";
import { get, post } from "../api.js";
import { written } from "../attributes.js";
import { choose, confirm } from "../dialog.js";
import { filters } from "../filters.js";
import { classKey, isGoing, later } from "../later.js";
import { t } from "../text.js";

const PAGE = 300;
const LEAST_TILE = 116;
const NAME_HEIGHT = 54;
const OVERSCAN = 3;
const NOTHING = { search: "", filter: [], sort: "label", top: 0, count: 0 };
const SORTS = ["label", "newest", "fewest", "most"];

let left = NOTHING; // where the catalog stood when a class was opened

export async function catalogView(context) {
  const { gallery, may, onLeave, from } = context;
  if (!from?.startsWith("#/catalog")) left = NOTHING;
  const back = left;
  const state = { classes: [], next: null, search: back.search, filter: back.filter, sort: back.sort, alike: false, total: gallery.classes, loading: false, turn: 0 };
  const { attributes } = await get("v1/classes/attributes");
  const total = h("span", { class: "soft", role: "status" });
  const search = h("input", { type: "search", placeholder: t("catalog.search"), "aria-label": t("catalog.search"), value: back.search });
  const sort = sorting(attributes, state.sort, (value) => {
    state.sort = value;
    load(true);
  });
  const narrowing = filters(attributes, state.filter, (filter) => {
    state.filter = filter;
    load(true);
  });
  const grid = h("div", { class: "grid", role: "list", "aria-label": t("catalog.classes") });
  const empty = h("div", { class: "empty", hidden: true });
  const alike = h("p", { class: "notice", hidden: true }, t("catalog.alike"));
  const tiles = new Map();
  const refresh = () => (state.left ? context.refresh() : load(true));
  const selection = selecting(state, { may, changed: refresh, all: loadAll });

  async function load(reset = false) {
    if (state.loading && !reset) return;
    if (!reset && state.next === null) return;
    const mine = reset ? ++state.turn : state.turn;
    state.loading = true;
    const query = new URLSearchParams({ limit: PAGE });
    if (state.search) query.set("search", state.search);
    for (const one of state.filter) query.append("filter", JSON.stringify({ [one.name]: one.value }));
    if (SORTS.includes(state.sort)) query.set("sort", state.sort);
    else query.set("attribute", state.sort.slice(1));
    if (!reset) query.set("after", state.next);
    const page = await attempt(() => get(`v1/classes?${query}`));
    if (mine !== state.turn) return;
    state.loading = false;
    if (!page) return; // scrolling on tries again
    const found = page.classes.filter((entry) => !isGoing(classKey(entry.id)));
    state.classes = reset ? found : [...state.classes, ...found];
    state.next = page.next;
    state.alike = page.alike;
    if (reset) clear();
    const narrowed = state.search || state.filter.length;
    if (page.next === null || narrowed) state.total = state.classes.length;
    else state.total = Math.max(gallery.classes, state.classes.length);
    render();
  }

  async function loadAll() {
    while (state.next !== null) await load();
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
    const narrowed = state.search || state.filter.length;
    grid.style.height = `${Math.ceil(state.total / columns) * height}px`;
    total.textContent = narrowed && state.next !== null ? t("catalog.more", { n: state.classes.length }) : t("catalog.count", { n: state.total });
    alike.hidden = !(state.alike && state.classes.length);
    empty.hidden = state.classes.length > 0;
    empty.replaceChildren(icon("catalog"), h("p", {}, t(narrowed ? "catalog.nothing" : "start.empty")), narrowed ? "" : h("a", { class: "button primary", href: "#/enroll" }, t("tab.enroll")));
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
    const box = selection.box(entry);
    const link = h(
      "a",
      { class: "tile", href: `#/catalog/${entry.id}`, title: [entry.label, ...Object.entries(entry.attributes ?? {}).map(([name, value]) => `${name}: ${written(value)}`)].join("\n"), onclick: (event) => selection.take(event, box) },
      thumbnail(entry.example_id),
      entry.examples > 1 ? h("span", { class: "count badge", "aria-label": t("class.examples", { n: entry.examples }) }, String(entry.examples)) : null,
      h("span", { class: "name" }, breakable(entry.label)),
    );
    const tile = h("div", { role: "listitem", "aria-setsize": state.total, "aria-posinset": index + 1 }, link, box);
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
    left = { search: state.search, filter: state.filter, sort: state.sort, top: scrollY, count: state.classes.length };
    removeEventListener("scroll", soon);
    removeEventListener("resize", soon);
    cancelAnimationFrame(frame);
    state.turn += 1;
    state.left = true;
  });
  await load(true);
  while (state.next !== null && state.classes.length < back.count) await load();
  context.top = back.top;
  return [
    h("div", { class: "head" }, h("h1", {}, t("tab.catalog")), total, h("div", { class: "search push" }, search), selection.toggle),
    h("div", { class: "row tools-row" }, sort, narrowing),
    selection.bar,
    alike,
    grid,
    empty,
  ];
}

function sorting(attributes, chosen, changed) {
  const options = [...SORTS.map((key) => [key, t(`sort.${key}`)]), ...attributes.map(({ name }) => [`=${name}`, t("sort.attribute", { name })])];
  const select = h("select", { "aria-label": t("sort.title"), onchange: () => changed(select.value) }, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
  return select;
}

/** A cell of a CSV file; never what a spreadsheet would run. */
function cell(value) {
  const plain = written(value);
  const text = typeof value !== "number" && /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
  return `"${text.replaceAll('"', '""')}"`;
}

/** Choosing several classes, and what can be done with them. */
function selecting(state, { may, changed, all }) {
  const chosen = new Map();
  const toggle = h("button", { type: "button", "aria-pressed": "false", onclick: () => show(bar.hidden) }, t("select.start"));
  const told = h("b", { role: "status" });
  const merge = button(t("select.merge"), mergeThem);
  const drop = button(t("select.remove"), removeThem, "bad");
  const save = button(t("select.csv"), saveThem);
  const bar = h(
    "div",
    { class: "selection row", hidden: true, role: "group", "aria-label": t("select.title") },
    told,
    button(t("select.all"), (event) => attempt(chooseAll, event.currentTarget), "quiet"),
    button(t("select.none"), () => (chosen.clear(), tell()), "quiet"),
    h("span", { class: "push" }),
    save,
    may("admin") ? [merge, drop] : null,
  );

  function show(on) {
    bar.hidden = !on;
    toggle.setAttribute("aria-pressed", String(on));
    document.getElementById("main").classList.toggle("selecting", on);
    if (!on) chosen.clear();
    tell();
  }

  function tell() {
    told.textContent = t("select.count", { n: chosen.size });
    merge.disabled = chosen.size < 2;
    drop.disabled = save.disabled = !chosen.size;
    for (const box of document.querySelectorAll(".grid input[type=checkbox]")) box.checked = chosen.has(Number(box.value));
  }

  async function chooseAll() {
    await all();
    state.classes.forEach((entry) => chosen.set(entry.id, entry));
    tell();
  }

  async function mergeThem() {
    const entries = [...chosen.values()];
    const into = await choose(t("select.merge_title"), t("select.merge_into"), t("class.merge"), entries.map((entry) => [entry.id, entry.label]), t("select.merge_text"));
    if (into === null) return;
    const ids = entries.map((entry) => entry.id).filter((id) => id !== Number(into));
    later(t("select.merged", { n: entries.length, label: chosen.get(Number(into)).label }), ids.map(classKey), async (options) => {
      await post(`v1/classes/${into}/merge`, { class_ids: ids }, options);
      if (!options.keepalive) changed();
    }, changed);
    show(false);
    changed();
  }

  async function removeThem() {
    const entries = [...chosen.values()];
    if (entries.length > 1 && !(await confirm(t("select.remove_title", { n: entries.length }), t("select.remove_text"), t("remove"), { bad: true }))) return;
    const ids = entries.map((entry) => entry.id);
    later(ids.length === 1 ? t("class.removed", { label: entries[0].label }) : t("select.removed", { n: ids.length }), ids.map(classKey), (options) => post("v1/classes/remove", { class_ids: ids }, options), changed);
    show(false);
    changed();
  }

  function saveThem() {
    const names = [...new Set([...chosen.values()].flatMap((entry) => Object.keys(entry.attributes)))].sort();
    const rows = [["label", "examples", ...names], ...[...chosen.values()].map((entry) => [entry.label, entry.examples, ...names.map((name) => entry.attributes[name] ?? "")])];
    const text = rows.map((row) => row.map(cell).join(",")).join("\r\n");
    const url = URL.createObjectURL(new Blob([`\ufeff${text}\r\n`], { type: "text/csv" }));
    h("a", { href: url, download: "classes.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    toast(t("select.saved", { n: chosen.size }));
  }

  tell();
  return {
    toggle,
    bar,

    /** While classes are selected, a tile is the box on it. */
    take(event, box) {
      if (bar.hidden) return;
      event.preventDefault();
      box.click();
    },

    box(entry) {
      const box = h("input", { type: "checkbox", value: String(entry.id), "aria-label": t("select.one", { label: entry.label }), onchange: () => {
        if (box.checked) chosen.set(entry.id, entry);
        else chosen.delete(entry.id);
        tell();
      } });
      box.checked = chosen.has(entry.id);
      return box;
    },
  };
}
