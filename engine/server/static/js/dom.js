// Builds elements. Text only ever becomes text: nothing here parses markup.

import { t } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "circle", "rect", "line", "text", "g", "title", "polyline", "polygon", "image"]);

/** An element with attributes (`on…` are listeners, `class` and `hidden` as in HTML) and children. */
export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const ICONS = {
  recognize: "M4 8V5.5A1.5 1.5 0 0 1 5.5 4H8M16 4h2.5A1.5 1.5 0 0 1 20 5.5V8M20 16v2.5a1.5 1.5 0 0 1-1.5 1.5H16M8 20H5.5A1.5 1.5 0 0 1 4 18.5V16M15.5 12a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0",
  catalog: "M4 4h6.5v6.5H4zM13.5 4H20v6.5h-6.5zM4 13.5h6.5V20H4zM13.5 13.5H20V20h-6.5z",
  enroll: "M12 4v16M4 12h16",
  review: "M9.3 9a2.8 2.8 0 1 1 4.2 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0",
  quality: "M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6",
  image: "M4 6.5A1.5 1.5 0 0 1 5.5 5h13A1.5 1.5 0 0 1 20 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15.5 9.2v.1",
  camera: "M4 8.5A1.5 1.5 0 0 1 5.5 7h2L9 4.8h6L16.5 7h2A1.5 1.5 0 0 1 20 8.5v9a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5zM15.5 13a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0",
  frame: "M7 3v14h14M3 7h14v14",
  sound: "M5 9.5v5h3l4 3.5v-12L8 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a7.5 7.5 0 0 1 0 11",
  close: "M6 6l12 12M18 6L6 18",
  moon: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5",
};

/** A line drawing for decoration. */
export function icon(name, className = "") {
  return h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: className }, h("path", { d: ICONS[name] }));
}

/** A button. */
export function button(text, onclick, className = "") {
  return h("button", { type: "button", class: className, onclick }, text);
}

/** A label's text, which may break after the signs that file names have in the place of blanks. */
export function breakable(label) {
  return label.split(/(?<=[_./-])/).flatMap((part, at) => (at ? [h("wbr"), part] : [part]));
}

/** The picture of an example, small, or a note that none is kept. */
export function thumbnail(exampleId, alt = "") {
  return exampleId ? loadable(`v1/examples/${exampleId}/picture?size=thumbnail`, alt) : missing();
}

/** A picture of the service's that may be gone. */
export function loadable(src, alt) {
  const image = h("img", { class: "picture", src, alt, loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(missing()), { once: true });
  return image;
}

function missing() {
  return h("div", { class: "picture none" }, t("picture.none"));
}

/** Say something for a moment; with `action`, a button `[text, work]` stands beside it. */
export function toast(text, className = "", action = null) {
  const element = h("div", { class: `toast ${className}` }, h("span", {}, text));
  const gone = setTimeout(() => element.remove(), className || action ? 9000 : 4500);
  const close = () => {
    clearTimeout(gone);
    element.remove();
  };
  element.addEventListener("click", close); // what stands in the way goes
  if (action) element.append(button(action[0], () => (close(), action[1]()), "quiet"));
  document.getElementById("toasts").append(element);
  return close;
}

/** Run something that may fail; say so if it does. */
export async function attempt(work, element = null) {
  if (element?.classList.contains("busy")) return undefined; // clicked twice
  element?.classList.add("busy");
  if (element && "disabled" in element) element.disabled = true;
  try {
    return await work();
  } catch (error) {
    if (!error.silent) toast(error.message, "bad");
    return undefined;
  } finally {
    element?.classList.remove("busy");
    if (element && "disabled" in element) element.disabled = false;
  }
}
