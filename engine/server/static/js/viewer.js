// A picture with what was found outlined on it, and a frame to draw over it.

import { button, h } from "./dom.js";
import { frameOver } from "./frame.js";
import { t } from "./text.js";

/** Shows a picture; `framed` gets a frame's box as shares once it rests, or null; `everything`, if given, is asked to look for more. */
export function viewer({ framed = () => {}, everything = null, alt = t("picture.yours") }) {
  const image = h("img", { alt });
  const lines = h("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
  const tags = h("div", { class: "names" });
  const area = h("div", { class: "area" }, image, lines, tags);
  const closer = h("p", { class: "soft small", hidden: true }, t("picture.closer"));
  const unseen = h("p", { class: "soft small", hidden: true }, t("picture.unseen"));
  const frame = frameOver(area, (box) => {
    draw.hidden = box !== null;
    clear.hidden = box === null;
    area.classList.toggle("framing", box !== null);
    framed(box);
  });
  const draw = button(t("frame.draw"), () => frame.start());
  const clear = button(t("frame.clear"), () => {
    frame.clear();
    draw.hidden = false;
    draw.focus();
  });
  const find = everything && button(t("find.all"), () => everything(find));
  const row = h("div", { class: "row" }, draw, clear, find);
  const element = h("div", { class: "viewer", hidden: true }, area, closer, unseen, row);
  let outlined = { things: [], region: null, choose: null };
  let cantBeShown = null; // the address of a picture that the browser can't show

  function showing() {
    const can = image.src !== cantBeShown;
    area.hidden = row.hidden = !can;
    unseen.hidden = can;
  }

  function redraw() {
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    if (!width) return;
    const { things, region, choose } = outlined;
    lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const looked = region && [[region[0], region[1]], [region[2], region[1]], [region[2], region[3]], [region[0], region[3]]];
    lines.replaceChildren(...(looked ? [polygon(looked, "under"), polygon(looked, "region")] : []), ...things.map((thing) => polygon(thing.corners, thing.known ? "known" : "")));
    tags.replaceChildren(...things.map((thing, index) => {
      const [x, y] = thing.corners.reduce((best, corner) => (corner[1] < best[1] ? corner : best));
      const style = { left: `${100 * Math.min(0.75, Math.max(0, x / width))}%`, top: `${100 * Math.min(0.92, Math.max(0, y / height))}%` };
      const attributes = { class: thing.known ? "tag known" : "tag", style };
      const text = thing.label ?? t("answer.unknown");
      return choose ? h("button", { type: "button", ...attributes, onclick: () => choose(index) }, text) : h("span", attributes, text);
    }));
  }

  image.addEventListener("load", redraw);
  image.addEventListener("error", () => {
    cantBeShown = image.src;
    showing();
  });
  return {
    element,

    /** Show a picture by its address, with a frame's box or none. */
    show(url, box) {
      if (image.src !== url) image.src = url;
      showing();
      frame.show(box);
      draw.hidden = box !== null;
      clear.hidden = box === null;
      area.classList.toggle("framing", box !== null);
      element.hidden = false;
    },

    /** The frame's box as it is now, or null. */
    box: frame.now,

    /** The picture's width and height in pixels. */
    size() {
      return [image.naturalWidth, image.naturalHeight];
    },

    /** Outline `{corners, label, known}`, corners in pixels of the picture; `choose` gets one's index. `region`: what was looked at closer. */
    outline(things, { region = null, choose = null } = {}) {
      outlined = { things, region, choose };
      closer.hidden = region === null || area.hidden;
      redraw();
    },
  };
}

const polygon = (corners, name) => h("polygon", { class: name, points: corners.map((corner) => corner.join(",")).join(" ") });
