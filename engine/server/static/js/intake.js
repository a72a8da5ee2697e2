// Takes one picture in: from a file, the phone's or the page's camera, a drop or the clipboard.

import { button, h, icon, toast } from "./dom.js";

/** A drop zone with its buttons; `take` gets a File. */
export function intake(take, { caption = "Drop a picture here, or paste one", onLeave, paste = true } = {}) {
  const file = h("input", { type: "file", accept: "image/*", class: "unseen", onchange: () => picked(file) });
  const shot = h("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen", onchange: () => picked(shot) });
  const stage = h("div", { class: "stage", hidden: true });
  const live = navigator.mediaDevices?.getUserMedia ? button("Use the camera", () => openCamera(), "") : h("label", { class: "button" }, shot, "Take a picture");
  const zone = h(
    "div",
    { class: "drop" },
    icon("image", "big"),
    h("p", { class: "hint soft" }, caption),
    h("div", { class: "row" }, h("label", { class: "button primary" }, file, "Choose a picture"), live),
  );
  let stop = () => {};

  function picked(input) {
    if (input.files[0]) take(input.files[0]);
    input.value = "";
  }

  async function openCamera() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
    } catch (error) {
      toast(`The camera can’t be used: ${error.message}. Choose a picture instead.`, "bad");
      return;
    }
    const video = h("video", { autoplay: true, playsinline: true, muted: true, "aria-label": "What the camera sees" });
    video.srcObject = stream;
    stop = () => {
      stream.getTracks().forEach((track) => track.stop());
      stage.hidden = true;
      zone.hidden = false;
      stop = () => {};
    };
    const trigger = button("Take the picture", async () => {
      const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob((blob) => blob && take(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92);
    }, "primary");
    stage.replaceChildren(video, h("div", { class: "row" }, trigger, button("Close the camera", () => stop(), "quiet")));
    stage.hidden = false;
    zone.hidden = true;
    trigger.focus();
  }

  function drop(event) {
    event.preventDefault();
    zone.classList.remove("over");
    const found = [...(event.dataTransfer?.files ?? [])].find((entry) => entry.type.startsWith("image/")) ?? event.dataTransfer?.files?.[0];
    if (found) take(found);
  }

  function pasted(event) {
    const found = [...(event.clipboardData?.files ?? [])].find((entry) => entry.type.startsWith("image/"));
    if (found) take(found);
  }

  for (const target of [zone, stage]) {
    target.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
    target.addEventListener("dragleave", () => zone.classList.remove("over"));
    target.addEventListener("drop", drop);
  }
  if (paste) document.addEventListener("paste", pasted);
  onLeave?.(() => {
    document.removeEventListener("paste", pasted);
    stop();
  });
  return h("div", {}, zone, stage);
}
