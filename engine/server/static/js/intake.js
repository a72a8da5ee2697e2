// Takes pictures in: from files, the phone's or the page's camera, a drop or the clipboard.

import { button, h, icon } from "./dom.js";
import { hasCamera, openCamera } from "./camera.js";
import { frameOf } from "./shrink.js";
import { t } from "./text.js";

/** A drop zone with its buttons; `take` gets a list of Files. `camera(stage, done)` shows a camera of its own. */
export function intake(take, { caption, choose, camera = snapshots, multiple = false, onLeave }) {
  const file = h("input", { type: "file", accept: "image/*", multiple, class: "unseen", onchange: () => picked(file) });
  const shot = h("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen", onchange: () => picked(shot) });
  const stage = h("div", { class: "stage", hidden: true });
  const live = hasCamera() ? button(t("camera.use"), look) : h("label", { class: "button" }, shot, t("camera.shoot"));
  const zone = h(
    "div",
    { class: "drop" },
    icon("image", "big"),
    h("p", { class: "hint soft" }, caption),
    h("div", { class: "row" }, h("label", { class: "button primary" }, file, choose), live),
  );
  let stop = () => {};

  function picked(input) {
    given([...input.files]);
    input.value = "";
  }

  function given(files) {
    const pictures = files.filter((one) => one.type.startsWith("image/"));
    const found = pictures.length ? pictures : files.slice(0, 1);
    if (found.length) take(multiple ? found : found.slice(0, 1));
  }

  async function look() {
    const done = () => {
      stop();
      stop = () => {};
      stage.hidden = true;
      stage.replaceChildren();
      zone.hidden = false;
      live.focus();
    };
    const end = await camera(stage, take, done);
    if (!end) return;
    stop = end;
    stage.hidden = false;
    zone.hidden = true;
    stage.querySelector("button").focus();
  }

  for (const target of [zone, stage]) {
    target.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
    target.addEventListener("dragleave", () => zone.classList.remove("over"));
    target.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      given([...(event.dataTransfer?.files ?? [])]);
    });
  }
  const pasted = (event) => given([...(event.clipboardData?.files ?? [])].filter((one) => one.type.startsWith("image/")));
  document.addEventListener("paste", pasted);
  onLeave(() => {
    document.removeEventListener("paste", pasted);
    stop();
  });
  return h("div", { class: "intake" }, zone, stage);
}

/** A camera that takes one picture at a time; what ends it, or null. */
async function snapshots(stage, take, done) {
  const opened = await openCamera();
  if (!opened) return null;
  const trigger = button(t("camera.take"), async () => {
    const taken = await frameOf(opened.video);
    if (taken) take([taken]);
  }, "primary");
  stage.replaceChildren(opened.video, h("div", { class: "row" }, trigger, button(t("camera.close"), done, "quiet")));
  return opened.stop;
}
