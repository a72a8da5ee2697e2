// Brings files to a job and shows how it goes.

import { attempt, button, h, thumbnail, toast } from "./dom.js";
import { follow, get, ofPicture, post, remove, send } from "./api.js";
import { shrunk } from "./shrink.js";
import { number, percent, t, three } from "./text.js";

const FILES_AT_ONCE = 100;
const BYTES_AT_ONCE = 24 * 2 ** 20;

/** Upload `[file, path]` pairs in pieces, pictures made small; the job that works on them. */
export async function upload(kind, files, fields, onProgress) {
  let job = null;
  try {
    return await bring();
  } catch (error) {
    if (job) await post(`v1/jobs/${job.id}/cancel`).catch(() => {}); // nobody will bring the rest
    throw error;
  }

  async function bring() {
    let coming = packed(0);
    for (let start = 0; start < files.length; ) {
      const { piece, end } = await coming;
      if (end < files.length) {
        coming = packed(end); // while this one is sent
        coming.catch(() => {}); // told when it is its turn
      }
      job = job
        ? await send(`v1/jobs/${job.id}/files`, piece)
        : await send(`v1/jobs/${kind}`, [...Object.entries(fields), ["hold", "true"], ...piece]);
      onProgress(end, files.length);
      start = end;
    }
    return post(`v1/jobs/${job.id}/start`);
  }

  /** The next piece from `start` on, and where the one after it begins. */
  async function packed(start) {
    const piece = [];
    let bytes = 0;
    let end = start;
    while (end < files.length && piece.length < FILES_AT_ONCE) {
      const [file, path] = files[end];
      const small = await shrunk(file);
      if (bytes && bytes + small.size >= BYTES_AT_ONCE) break;
      bytes += small.size;
      piece.push(["files", small, path]);
      end += 1;
    }
    return { piece, end };
  }
}

/** A card that follows a job. */
export function jobCard(job, { onLeave, may, onDone = () => {} }) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("job.progress") });
  const title = h("h2", {});
  const badge = h("span", { class: "badge push" });
  const counts = h("div", { class: "counts" });
  const close = h("div", {});
  const rejects = h("div", {});
  const error = h("p", { class: "notice bad", hidden: true });
  const outlook = h("div", {});
  const stop = button(t("job.stop"), () => attempt(() => post(`v1/jobs/${job.id}/cancel`), stop), "quiet");
  const settled = new Set();
  const card = h("section", { class: "card job", "aria-label": t("job.name", { id: String(job.id) }) }, h("div", { class: "row" }, title, badge, stop), bar, counts, error, outlook, close, rejects);
  let over = null;
  let shownPairs = -1;
  let shownRejects = -1;

  function render(now) {
    const final = ["done", "failed", "cancelled"].includes(now.state);
    title.textContent = t(`job.${now.kind}`, { id: String(now.id) });
    badge.textContent = t(now.cancelling && !final ? "job.stopping" : `job.${now.state}`);
    badge.className = `badge push ${now.state === "done" ? "good" : now.state === "failed" ? "bad" : now.state === "cancelled" ? "warn" : ""}`;
    stop.hidden = final;
    bar.max = Math.max(1, now.total);
    bar.value = final && now.state === "done" ? bar.max : now.done;
    bar.hidden = final && now.state !== "done";
    error.hidden = !now.error;
    error.textContent = now.error ?? "";
    const report = now.report;
    const figure = (value, text) => h("span", {}, h("b", {}, number(value)), text);
    if (now.kind === "enrolment") {
      counts.replaceChildren(figure(report.added, t("job.added")), figure(report.unchanged, t("job.unchanged")), figure(report.rejected, t("job.rejected")), now.total > now.done ? figure(now.total - now.done, t("job.to_go")) : "");
    }
    if (final && report.outlook) outlook.replaceChildren(...expected(report.outlook));
    if (report.near_duplicates.length !== shownPairs) {
      shownPairs = report.near_duplicates.length;
      close.replaceChildren(...pairs(report.near_duplicates, may, settled));
    }
    if (report.rejects.length !== shownRejects) {
      shownRejects = report.rejects.length;
      rejects.replaceChildren(...rejected(report));
    }
    if (final && over === null) {
      over = true;
      onDone(now);
    }
  }

  render(job);
  if (!["done", "failed", "cancelled"].includes(job.state)) onLeave(follow(job.id, render));
  return card;
}

/** What to expect of the gallery now, and the service's warnings about it. */
function expected({ expected_tpir: share, warnings }) {
  return [h("p", {}, t("advice.expected", { share: percent(share) })), ...warnings.map((text) => h("p", { class: "notice warn small" }, text))];
}

function rejected(report) {
  if (!report.rejects.length) return [];
  const rows = report.rejects.map((reject) => h("li", {}, h("b", {}, ofPicture(reject.source)), " ", h("span", { class: "soft" }, reject.reason)));
  return [h("details", { open: report.rejects.length <= 20 }, h("summary", {}, t("job.rejects", { n: report.rejected })), h("ul", { class: "list rejects scroll", tabindex: "0", "aria-label": t("job.rejects_list") }, rows))];
}

function pairs(duplicates, may, settled) {
  if (!duplicates.length) return [];
  return [
    h("h3", {}, t("job.pairs")),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t("job.pairs_list") }, duplicates.map((pair) => pairRow(pair, may, settled))),
  ];
}

function pairRow(pair, may, settled) {
  const key = `${pair.label}\n${pair.other}`;
  const actions = h("div", { class: "row" });
  const settle = (text) => {
    settled.add(key);
    actions.replaceChildren(h("span", { class: "badge good" }, text));
  };
  const idOf = async (label) => (await get(`v1/classes?label=${encodeURIComponent(label)}`)).classes[0].id;
  if (settled.has(key)) settle(t("job.settled"));
  else {
    actions.append(button(t("job.keep_both"), () => settle(t("job.kept")), "quiet"));
    if (may("admin")) {
      actions.append(
        button(t("job.merge", { label: pair.other }), () => attempt(async () => {
          await post(`v1/classes/${await idOf(pair.other)}/merge`, { class_ids: [await idOf(pair.label)] });
          settle(t("job.merged"));
        }, actions)),
        button(t("job.remove", { label: pair.label }), () => attempt(async () => {
          await remove(`v1/classes/${await idOf(pair.label)}`);
          settle(t("job.removed"));
          toast(t("class.removed", { label: pair.label }));
        }, actions), "quiet"),
      );
    }
  }
  return h(
    "div",
    { class: "duplicate" },
    thumbnail(pair.example_id, pair.label),
    thumbnail(pair.other_example_id, pair.other),
    h("div", {}, h("p", {}, h("b", {}, pair.label), " · ", h("b", {}, pair.other), h("span", { class: "soft figures" }, ` · ${t("why.similarity")} ${three(pair.similarity)}`)), actions),
  );
}
