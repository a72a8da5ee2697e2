// The camera, answering while it moves: a large steady name, a sound when it changes.

import { button, h, icon } from "./dom.js";
import { send } from "./api.js";
import { written } from "./attributes.js";
import { openCamera } from "./camera.js";
import { frameOf } from "./shrink.js";
import { steady } from "./steady.js";
import { t } from "./text.js";

const LONGEST = 640;
const PAUSE = 150;
const AFTER_AN_ERROR = 2000;

/** Shows the camera in `stage` and answers until it is closed; `take` gets a picture to keep. What ends it, or null. */
export async function liveCamera(stage, take, done) {
  const opened = await openCamera();
  if (!opened) return null;
  const name = h("p", { class: "now unknown", role: "status" }, t("live.looking"));
  const facts = h("p", { class: "facts" });
  const trouble = h("p", { class: "trouble", hidden: true });
  const sound = h("button", { type: "button", class: "quiet", "aria-pressed": "true", "aria-label": t("live.sound"), onclick: () => hush() }, icon("sound"));
  const keep = button(t("live.keep"), async () => {
    const taken = await frameOf(opened.video);
    done();
    if (taken) take([taken]);
  }, "primary");
  stage.replaceChildren(
    h("div", { class: "live" }, opened.video, h("div", { class: "said" }, name, facts, trouble), h("div", { class: "row thumb" }, button(t("live.close"), done, ""), keep, sound)),
  );
  const verdict = steady();
  let going = true;
  let shown = null;
  const known = new Map(); // the attributes of labels that came by
  const beeper = new AudioContext(); // made at the tap that opened the camera: later some browsers keep it silent

  function hush() {
    const on = sound.getAttribute("aria-pressed") !== "true";
    sound.setAttribute("aria-pressed", String(on));
  }

  function beep() {
    if (sound.getAttribute("aria-pressed") !== "true") return;
    const [tone, volume] = [beeper.createOscillator(), beeper.createGain()];
    tone.frequency.value = 880;
    volume.gain.setValueAtTime(0.15, beeper.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, beeper.currentTime + 0.18);
    tone.connect(volume).connect(beeper.destination);
    tone.start();
    tone.stop(beeper.currentTime + 0.2);
  }

  function say(label) {
    if (label === shown && name.dataset.said) return;
    if (label !== null && label !== shown) beep();
    shown = label;
    name.dataset.said = "yes";
    name.textContent = label ?? t("answer.unknown");
    facts.textContent = Object.entries(known.get(label) ?? {}).map(([one, value]) => `${one} ${written(value)}`).join(" · ");
    name.classList.toggle("unknown", label === null);
  }

  async function look() {
    const frame = opened.video.videoWidth ? await frameOf(opened.video, LONGEST) : null;
    if (!frame) return PAUSE;
    try {
      const { results } = await send("v1/recognize", [["images", frame], ["candidates", "1"], ["keep", "false"]]);
      const [{ label, attributes }] = results;
      known.set(label, attributes);
      if (going) say(verdict(label, performance.now()));
      trouble.hidden = true;
      return PAUSE;
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
      return AFTER_AN_ERROR;
    }
  }

  async function run() {
    while (going) {
      const pause = document.hidden ? AFTER_AN_ERROR : await look();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  run();
  return () => {
    going = false;
    opened.stop();
    beeper.close();
  };
}
