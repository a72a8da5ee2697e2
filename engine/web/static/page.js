import { open } from "./onelook.js";

const status = document.getElementById("status");
const answers = document.getElementById("answers");
const input = document.getElementById("picture");

function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function inWords(rate) {
  if (rate >= 0.5) return "most strangers would score as high";
  return `1 in ${Math.round(1 / rate).toLocaleString("en")} strangers would score as high`;
}

function candidate(onelook, { place, label, similarity }) {
  const picture = onelook.described.pictures[place];
  const row = element("li", {});
  if (picture) row.append(element("img", { src: `pictures/${picture}`, alt: "", width: 56, height: 56 }));
  row.append(element("span", { className: "label" }, label), element("span", {}, similarity.toFixed(3)));
  return row;
}

// The picture, and on it the region that a closer look decided by.
function picture(blob, region) {
  const url = URL.createObjectURL(blob);
  const shown = element("img", { src: url, alt: "The picture" });
  const outline = element("div", { className: "region", hidden: true });
  shown.onload = () => {
    URL.revokeObjectURL(url);
    if (region === null) return;
    const [left, top, right, bottom] = region;
    const { naturalWidth: width, naturalHeight: height } = shown;
    outline.style.inset = [top / height, 1 - right / width, 1 - bottom / height, left / width]
      .map((share) => `${100 * share}%`).join(" ");
    outline.hidden = false;
  };
  return element("div", { className: "query" }, shown, outline);
}

function card(onelook, blob, decision) {
  const facts = Object.entries(decision.known ? decision.candidates[0].attributes : {});
  return element("article", { className: decision.known ? "known" : "unknown" },
    picture(blob, decision.region),
    element("h2", {}, decision.label ?? "Unknown"),
    ...(decision.ambiguous ? [element("p", {}, "It can't be told apart from the next one.")] : []),
    ...facts.map(([name, value]) => element("p", {}, `${name}: ${value}`)),
    ...(decision.region ? [element("p", { className: "closer" }, "The dashed part was looked at closer, and the answer goes by it.")] : []),
    element("p", { className: "rate" }, inWords(decision.strangerRate)),
    element("details", {},
      element("summary", {}, "Nearest"),
      element("ol", {}, ...decision.candidates.map((each) => candidate(onelook, each))),
      element("p", {}, `Score ${decision.score.toFixed(3)}, threshold ${decision.threshold.toFixed(3)}`)),
  );
}

async function start() {
  const onelook = await open();
  window.onelook = onelook;
  const { classes, closer, left_out: leftOut, runtime, made_with: made } = onelook.described;
  status.textContent = `${classes.length.toLocaleString("en")} things can be recognised here, without a network.`;
  document.getElementById("about").textContent = [
    "Pictures stay on this device.",
    `Decides by the likeness of whole pictures${closer === null ? "" : " and, where that doesn't settle it, of their middle"}${leftOut.length ? `: ${leftOut.join("; ")}, so answers may differ from the gallery's own` : ""}.`,
    `Made with ${made}; runs on ${runtime}.`,
  ].join(" ");
  input.disabled = false;
  input.addEventListener("change", async () => {
    for (const file of input.files) {
      status.textContent = "Looking …";
      try {
        answers.prepend(card(onelook, file, await onelook.recognise(file)));
        status.textContent = "";
      } catch {
        status.textContent = `${file.name} can't be read as a picture.`;
      }
    }
    input.value = "";
  });
}

start().catch((error) => { status.textContent = `This page can't work here: ${error.message}`; });
if ("serviceWorker" in navigator) navigator.serviceWorker.register("worker.js").catch(() => {});
