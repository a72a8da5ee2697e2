// A frame to draw, move and clear over a picture: by mouse, finger or keyboard.

import { h } from "./dom.js";
import { t } from "./text.js";

const LEAST = 0.04;
const STEP = 0.02;
const CORNERS = [[0, 1], [2, 1], [2, 3], [0, 3]]; // which of left, top, right and bottom each handle moves

/** A frame within `area`; `changed` gets `[left, top, right, bottom]` as shares of it once it rests, or null. */
export function frameOver(area, changed) {
  let box = null;
  let grip = null; // what a pointer holds: where it began, the box then, and which sides move
  let rest = null;
  const element = h("div", { class: "frame", tabindex: "0", role: "application", "aria-label": t("frame.keys"), hidden: true }, CORNERS.map((_, corner) => h("i", { "data-corner": String(corner) })));
  area.append(element);

  function place(wanted) {
    box = wanted;
    element.hidden = box === null;
    if (box) Object.assign(element.style, { left: `${100 * box[0]}%`, top: `${100 * box[1]}%`, width: `${100 * (box[2] - box[0])}%`, height: `${100 * (box[3] - box[1])}%` });
  }

  function settled(wait = 0) {
    clearTimeout(rest);
    rest = setTimeout(() => {
      rest = null;
      changed(told());
    }, wait);
  }

  const told = () => box && box.map((side) => Math.round(side * 10000) / 10000);

  function clear() {
    place(null);
    settled();
  }

  function at(event) {
    const bounds = area.getBoundingClientRect();
    return [within((event.clientX - bounds.left) / bounds.width), within((event.clientY - bounds.top) / bounds.height)];
  }

  area.addEventListener("pointerdown", (event) => {
    if (box === null || event.button > 0 || event.target.closest("button")) return;
    event.preventDefault();
    area.setPointerCapture(event.pointerId);
    const [x, y] = at(event);
    const corner = event.target.dataset.corner;
    if (corner !== undefined) grip = { from: [x, y], box, sides: CORNERS[corner] };
    else if (event.target === element) grip = { from: [x, y], box, sides: null };
    else grip = { from: [x, y], box: [x, y, x, y], sides: [2, 3] };
    element.focus({ preventScroll: true });
  });
  area.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const [x, y] = at(event);
    const [across, down] = [x - grip.from[0], y - grip.from[1]];
    place(grip.sides ? resized(grip.box, grip.sides, across, down) : moved(grip.box, across, down));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    area.addEventListener(end, () => {
      if (!grip) return;
      grip = null;
      place(atLeast(box));
      settled();
    });
  }
  element.addEventListener("keydown", (event) => {
    const [across, down] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key] ?? [0, 0];
    if (across || down) {
      event.preventDefault();
      place(event.shiftKey ? atLeast(resized(box, [2, 3], across, down)) : moved(box, across, down));
      settled(400);
    } else if (["Escape", "Delete", "Backspace"].includes(event.key)) {
      event.preventDefault();
      clear();
    }
  });
  return {
    /** Put a frame in the middle, for whoever draws by keyboard; others draw over it. */
    start() {
      place([0.2, 0.2, 0.8, 0.8]);
      element.focus({ preventScroll: true });
      settled();
    },
    clear,

    /** The box as it is now, whether or not it rests. */
    now: told,

    /** Show a box, or none; not while somebody is drawing one. */
    show(wanted) {
      if (!grip && rest === null) place(wanted);
    },
  };
}

const within = (share) => Math.min(1, Math.max(0, share));

function moved([left, top, right, bottom], across, down) {
  const x = Math.min(1 - right, Math.max(-left, across));
  const y = Math.min(1 - bottom, Math.max(-top, down));
  return [left + x, top + y, right + x, bottom + y];
}

function resized(box, [side, edge], across, down) {
  const made = [...box];
  made[side] = within(made[side] + across);
  made[edge] = within(made[edge] + down);
  return [Math.min(made[0], made[2]), Math.min(made[1], made[3]), Math.max(made[0], made[2]), Math.max(made[1], made[3])];
}

/** A tap, or too small a frame, is one around where it was. */
function atLeast([left, top, right, bottom]) {
  const x = Math.min(left, 1 - LEAST);
  const y = Math.min(top, 1 - LEAST);
  return [x, y, Math.max(right, x + LEAST), Math.max(bottom, y + LEAST)];
}
