// Enroll: one picture, or a folder or an archive as a job.

import { attempt, button, count, h, icon, three, toast } from "../dom.js";
import { get, send } from "../api.js";
import { labelInput } from "../dialog.js";
import { chosen, dropped } from "../folder.js";
import { intake } from "../intake.js";
import { jobCard, upload } from "../jobs.js";

export async function enrollView({ may, onLeave }) {
  if (!may("enroll")) {
    return [h("h1", {}, "Enroll"), h("p", { class: "notice" }, "This token only recognises. Enrolling needs one with the scope “enroll”.")];
  }
  const { jobs } = await get("v1/jobs?limit=5");
  const list = h("div", { class: "list", role: "group", "aria-label": "Jobs" });
  const show = (job) => list.prepend(jobCard(job, { onLeave, may, onDone: () => {} }));
  [...jobs].reverse().filter((job) => job.kind === "enrolment").forEach(show);
  return [
    h("div", { class: "head" }, h("h1", {}, "Enroll"), h("p", {}, "One picture of each thing is enough. Several make it surer.")),
    h("div", { class: "columns" }, one(onLeave), many(show)),
    list,
  ];
}

function one(onLeave) {
  let file = null;
  const preview = h("img", { class: "picture", alt: "The picture to enroll", hidden: true });
  const label = labelInput("What is it?");
  const submit = h("button", { type: "submit", class: "primary" }, "Enroll");
  const result = h("div", { "aria-live": "polite" });
  const taken = (given) => {
    file = given;
    if (preview.src) URL.revokeObjectURL(preview.src);
    preview.src = URL.createObjectURL(given);
    preview.hidden = false;
    if (!label.element.value) label.element.value = given.name === "camera.jpg" ? "" : given.name.replace(/\.[^.]*$/, "").replace(/[_-]+/g, " ");
    label.element.focus();
  };
  const form = h(
    "form",
    {
      class: "card",
      onsubmit: (event) => {
        event.preventDefault();
        if (!file) return toast("Choose a picture first.", "bad");
        attempt(async () => {
          const done = await send("v1/classes", [["label", label.element.value], ["image", file]]);
          result.replaceChildren(...enrolled(done));
          label.element.value = "";
          file = null;
          preview.hidden = true;
        }, submit);
      },
    },
    h("h2", {}, "One picture"),
    intake(taken, { onLeave }),
    h("div", { class: "pair" }, preview),
    label.field,
    h("div", { class: "row" }, submit),
    result,
  );
  return form;
}

function enrolled(done) {
  const text = done.status === "unchanged" ? `${done.label} has this very picture already.` : `Enrolled as ${done.label}.`;
  return [
    h("p", { class: "notice good" }, text, " ", h("a", { href: `#/catalog/${done.class_id}` }, "Show it")),
    ...done.warnings.map((warning) => h("p", { class: "notice warn" }, warning)),
    ...done.near_duplicates.map((pair) => h("p", { class: "notice warn" }, `Hard to tell apart from ${pair.other}: similarity ${three(pair.similarity)}.`)),
  ];
}

function many(show) {
  const folder = h("input", { type: "file", webkitdirectory: true, multiple: true, class: "unseen", id: "folder", onchange: () => begin(chosen(folder), folder) });
  const files = h("input", { type: "file", multiple: true, accept: "image/*,.zip,.tar,.gz,.tgz,.bz2,.xz", class: "unseen", id: "files", onchange: () => begin(chosen(files), files) });
  const allow = h("input", { type: "checkbox", id: "allow" });
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Upload" });
  const note = h("p", { class: "soft small", role: "status" });
  const zone = h(
    "div",
    { class: "drop" },
    icon("catalog", "big"),
    h("p", { class: "hint soft" }, "Drop a folder, pictures or an archive here"),
    h("div", { class: "row" }, h("label", { class: "button primary" }, folder, "Choose a folder"), h("label", { class: "button" }, files, "Files or archive")),
  );

  async function begin(found, input = null) {
    if (!found.length) return;
    if (zone.classList.contains("busy")) return toast("One upload at a time: wait until this one is done.", "bad");
    bar.hidden = false;
    const job = await attempt(() => upload("enrolment", found, { allow_duplicates: String(allow.checked) }, (done, total) => {
      bar.value = done / total;
      note.textContent = `${done} of ${count(total, "file")} uploaded`;
    }), zone);
    bar.hidden = true;
    note.textContent = "";
    if (input) input.value = "";
    if (job) show(job);
  }

  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    begin(await dropped(event.dataTransfer));
  });
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Many pictures"),
    zone,
    bar,
    note,
    h("p", { class: "small soft" }, "“mug.jpg” becomes the class “mug”; everything in a folder “mug” inside it becomes examples of “mug”."),
    h("label", { class: "row small" }, allow, "Enroll the same picture under several classes"),
  );
}
