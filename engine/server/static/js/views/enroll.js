// Enroll: one picture or a text, or a folder or an archive as a job.

import { attempt, h, icon, toast } from "../dom.js";
import { get, send } from "../api.js";
import { labelInput } from "../dialog.js";
import { chosen, dropped } from "../folder.js";
import { intake } from "../intake.js";
import { boxOf } from "../session.js";
import { shrunk } from "../shrink.js";
import { t, three } from "../text.js";
import { jobCard, upload } from "../jobs.js";
import { viewer } from "../viewer.js";

export async function enrollView({ gallery, may, onLeave }) {
  if (!may("enroll")) {
    return [h("h1", {}, t("tab.enroll")), h("p", { class: "notice" }, t("enroll.not_allowed"))];
  }
  const { jobs } = await get("v1/jobs?limit=5");
  const list = h("div", { class: "list", role: "group", "aria-label": t("enroll.jobs") });
  const show = (job) => list.prepend(jobCard(job, { onLeave, may, onDone: () => {} }));
  [...jobs].reverse().filter((job) => job.kind === "enrolment").forEach(show);
  return [
    h("div", { class: "head" }, h("h1", {}, t("tab.enroll")), h("p", {}, t("enroll.intro"))),
    h("div", { class: "columns" }, one(gallery, onLeave), many(show)),
    list,
  ];
}

function one(gallery, onLeave) {
  let file = null;
  let url = null;
  const preview = viewer({ alt: t("enroll.picture") });
  const label = labelInput(t("enroll.what"));
  const text = gallery.knows_texts ? h("input", { type: "text", maxlength: 1000, autocomplete: "off" }) : null;
  const submit = h("button", { type: "submit", class: "primary" }, t("enroll.do"));
  const result = h("div", { "aria-live": "polite" });
  const taken = async ([picked]) => {
    const given = await shrunk(picked);
    file = given;
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(given);
    preview.show(url, null);
    form.classList.add("answered");
    if (!label.element.value) label.element.value = given.name === "camera.jpg" ? "" : given.name.replace(/\.[^.]*$/, "").replace(/[_-]+/g, " ");
    label.element.focus();
  };
  const form = h(
    "form",
    {
      class: "card",
      onsubmit: (event) => {
        event.preventDefault();
        const said = text?.value.trim();
        if (!file && !said) return toast(t(text ? "enroll.choose_or_write" : "enroll.choose_first"), "bad");
        attempt(async () => {
          const enroll = async (shown, unchanged) => enrolled(await send("v1/classes", [["label", label.element.value], ...shown]), unchanged);
          const notices = file ? await enroll([["image", file], ...boxOf({ box: preview.box() })], "enroll.unchanged") : [];
          if (said) notices.push(...(await enroll([["text", said]], "enroll.unchanged_text")));
          result.replaceChildren(...notices);
          label.element.value = "";
          if (text) text.value = "";
          file = null;
          preview.element.hidden = true;
          form.classList.remove("answered");
        }, submit);
      },
    },
    h("h2", {}, t("enroll.one")),
    intake(taken, { caption: t("intake.caption_one"), choose: t("intake.choose_one"), onLeave }),
    preview.element,
    text ? h("label", { class: "field" }, h("span", {}, t("enroll.text")), text) : null,
    label.field,
    h("div", { class: "row" }, submit),
    result,
  );
  return form;
}

function enrolled(done, unchanged) {
  const text = t(done.status === "unchanged" ? unchanged : "enroll.done", { label: done.label });
  return [
    h("p", { class: "notice good" }, text, " ", h("a", { href: `#/catalog/${done.class_id}` }, t("enroll.show"))),
    ...done.warnings.map((warning) => h("p", { class: "notice warn" }, warning)),
    ...done.near_duplicates.map((pair) => h("p", { class: "notice warn" }, t("enroll.close", { label: pair.other, similarity: three(pair.similarity) }))),
  ];
}

function many(show) {
  const folder = h("input", { type: "file", webkitdirectory: true, multiple: true, class: "unseen", id: "folder", onchange: () => begin(chosen(folder), folder) });
  const files = h("input", { type: "file", multiple: true, accept: "image/*,.zip,.tar,.gz,.tgz,.bz2,.xz", class: "unseen", id: "files", onchange: () => begin(chosen(files), files) });
  const allow = h("input", { type: "checkbox", id: "allow" });
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": t("enroll.upload") });
  const note = h("p", { class: "soft small", role: "status" });
  const zone = h(
    "div",
    { class: "drop" },
    icon("catalog", "big"),
    h("p", { class: "hint soft" }, t("enroll.drop")),
    h("div", { class: "row" }, h("label", { class: "button primary" }, folder, t("enroll.folder")), h("label", { class: "button" }, files, t("enroll.files"))),
  );

  async function begin(found, input = null) {
    if (!found.length) return;
    if (zone.classList.contains("busy")) return toast(t("enroll.one_upload"), "bad");
    bar.hidden = false;
    const job = await attempt(() => upload("enrolment", found, { allow_duplicates: String(allow.checked) }, (done, total) => {
      bar.value = done / total;
      note.textContent = t("enroll.uploaded", { done, n: total });
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
    h("h2", {}, t("enroll.many")),
    zone,
    bar,
    note,
    h("p", { class: "small soft" }, t("enroll.naming")),
    h("label", { class: "row small" }, allow, t("enroll.allow")),
  );
}
