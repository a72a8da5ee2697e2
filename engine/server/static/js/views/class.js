// One class: its examples, its threshold, what is near to it; rename, merge, remove, add a picture.

import { attempt, button, count, h, loadable, three, thumbnail, toast } from "../dom.js";
import { get, patch, post, remove, send } from "../api.js";
import { ask, confirm } from "../dialog.js";
import { scale } from "../scale.js";

export async function classView({ id, may, refresh }) {
  const found = await get(`v1/classes/${encodeURIComponent(id)}`);
  return [
    h(
      "div",
      { class: "head" },
      h("div", {}, h("a", { href: "#/catalog", class: "small" }, "← Catalog"), h("h1", {}, found.label)),
      actions(found, may, refresh),
    ),
    ...warnings(found),
    examples(found, may, refresh),
    h("div", { class: "columns" }, threshold(found, may, refresh), neighbours(found)),
    strangers(found),
  ];
}

function actions(found, may, refresh) {
  const row = h("div", { class: "row" });
  const file = h("input", { type: "file", accept: "image/*", class: "unseen", onchange: () => add() });
  const add = () => attempt(async () => {
    const done = await send(`v1/classes/${found.id}/examples`, [["image", file.files[0]]]);
    toast(done.status === "unchanged" ? "That very picture is enrolled already." : "Picture added.");
    refresh();
  }, row);
  const rename = async () => {
    const label = await ask("Rename", "New label", "Rename", { value: found.label });
    if (label && label !== found.label) await attempt(async () => {
      await patch(`v1/classes/${found.id}`, { label });
      toast(`Renamed to ${label}.`);
      refresh();
    }, row);
  };
  const merge = async () => {
    const label = await ask("Merge into another class", "The class that stays", "Merge", { classes: true, text: `Its examples move there, and ${found.label} is gone.` });
    if (label) await attempt(async () => {
      const [other] = (await get(`v1/classes?label=${encodeURIComponent(label)}`)).classes;
      await post(`v1/classes/${other.id}/merge`, { class_ids: [found.id] });
      toast(`Merged into ${other.label}.`);
      location.hash = `#/catalog/${other.id}`;
    }, row);
  };
  const drop = async () => {
    if (await confirm(`Remove ${found.label}?`, `Its ${count(found.examples.length, "example")} and their pictures are erased. There is no way back.`, "Remove", { bad: true })) await attempt(async () => {
      await remove(`v1/classes/${found.id}`);
      toast(`${found.label} is removed.`);
      location.hash = "#/catalog";
    }, row);
  };
  if (may("enroll")) row.append(h("label", { class: "button primary" }, file, "Add a picture"), button("Rename", rename));
  if (may("admin")) row.append(button("Merge", merge), button("Remove", drop, "bad"));
  return row;
}

function warnings(found) {
  const close = found.neighbours.filter((other) => other.confusable);
  if (!close.length) return [];
  return [h("p", { class: "notice warn" }, `Easily confused with ${close.map((other) => other.label).join(", ")}: more examples of each, or a merge, would help.`)];
}

function examples(found, may, refresh) {
  const drop = async (example) => {
    if (await confirm("Remove this example?", "Its picture is erased; the class stays.", "Remove", { bad: true })) await attempt(async () => {
      await remove(`v1/examples/${example.id}`);
      refresh();
    });
  };
  return h(
    "section",
    { class: "card" },
    h("h2", {}, count(found.examples.length, "example")),
    h(
      "ul",
      { class: "examples" },
      found.examples.map((example, number) => h(
        "li",
        {},
        thumbnail(example.has_picture ? example.id : null, `Example ${number + 1} of ${found.label}`),
        h("span", { class: "small soft" }, `${example.width} × ${example.height}`),
        example.warnings.map((text) => h("span", { class: "badge warn" }, text)),
        may("admin") ? h("button", { type: "button", class: "quiet", onclick: () => drop(example), "aria-label": `Remove example ${number + 1}` }, "Remove") : null,
      )),
    ),
  );
}

function threshold(found, may, refresh) {
  const pinned = found.pinned_threshold !== null;
  const pin = async () => {
    const text = await ask("Pin the threshold", "Least score", "Pin", { value: found.threshold === null ? "" : three(found.threshold), text: "Scores are those that Recognise shows. A pinned threshold no longer follows the calibration." });
    const value = Number(text?.replace("−", "-").replace(",", "."));
    if (text && Number.isFinite(value)) await attempt(async () => {
      await patch(`v1/classes/${found.id}`, { pinned_threshold: value });
      refresh();
    });
    else if (text) toast("Expected a number such as 0.75.", "bad");
  };
  const free = () => attempt(async () => {
    await patch(`v1/classes/${found.id}`, { pinned_threshold: null });
    refresh();
  });
  return h(
    "section",
    { class: "card" },
    h("div", { class: "row" }, h("h2", {}, "Threshold"), h("span", { class: "badge push" }, pinned ? "pinned by hand" : "from the calibration")),
    found.threshold === null ? h("p", { class: "soft" }, "It has no example yet.") : scale(null, found.threshold),
    may("enroll") ? h("div", { class: "row" }, button(pinned ? "Change the pin" : "Pin it by hand", pin), pinned ? button("Let it be computed", free, "quiet") : null) : null,
  );
}

function neighbours(found) {
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Nearest classes"),
    found.neighbours.length
      ? h(
          "ul",
          { class: "near" },
          found.neighbours.map((other) => h(
            "li",
            {},
            h("a", { href: `#/catalog/${other.class_id}` }, thumbnail(other.example_id), h("span", {}, other.label), h("span", { class: `badge ${other.confusable ? "warn" : ""} figures` }, three(other.similarity))),
          )),
        )
      : h("p", { class: "soft" }, "There is no other class."),
  );
}

function strangers(found) {
  if (!found.strangers.length) return h("div", { hidden: true });
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Unknown queries near it"),
    h("ul", { class: "near" }, found.strangers.map((query) => h("li", {}, h("a", { href: "#/review" }, loadable(`v1/review/${query}/picture?size=thumbnail`, "A query called unknown"))))),
  );
}
