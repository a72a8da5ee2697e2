// What the camera sees.

import { h, toast } from "./dom.js";
import { t } from "./text.js";

/** Whether the browser lets a page look through the camera; over the network that needs HTTPS. */
export const hasCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** A running video and what ends it, or null if there is none; people are told why. */
export async function openCamera() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
  } catch (error) {
    toast(t("camera.refused", { reason: error.message }), "bad");
    return null;
  }
  const video = h("video", { autoplay: true, playsinline: true, muted: true, "aria-label": t("camera.sees") });
  video.srcObject = stream;
  return { video, stop: () => stream.getTracks().forEach((track) => track.stop()) };
}
