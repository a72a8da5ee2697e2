import { open } from "./onelook.js";
import { loadWords, rateInWords, t, three } from "./words.js";

const status = document.getElementById("status");
const answers = document.getElementById("answers");
const input = document.getElementById("picture");

function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function inWords({ known, candidates, strangerRate }) {
  if (!candidates.length) return t("refused");
  const rate = rateInWords(strangerRate);
  return known ? t("known", { rate }) : t("unsure", { label: candidates[0].label, rate });
}

function candidate(onelook, { place, label, similarity }) {
  const picture = onelook.described.pictures[place];
  const row = element("li", {});
  if (picture) row.append(element("img", { src: `pictures/${picture}`, alt: "", width: 56, height: 56 }));
  row.append(element("span", { className: "label" }, label), element("span", {}, three(similarity)));
  return row;
}

// The picture, and on it the region that a closer look decided by.
function picture(blob, region) {
  const url = URL.createObjectURL(blob);
  const shown = element("img", { src: url, alt: t("picture") });
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
    element("h2", {}, decision.label ?? t("unknown")),
    ...(decision.known && decision.ambiguous ? [element("p", {}, t("ambiguous"))] : []),
    ...facts.map(([name, value]) => element("p", {}, `${name}: ${value}`)),
    ...(decision.region ? [element("p", { className: "closer" }, t("closer"))] : []),
    element("p", { className: "rate" }, inWords(decision)),
    element("details", {},
      element("summary", {}, t("nearest")),
      element("ol", {}, ...decision.candidates.map((each) => candidate(onelook, each))),
      element("p", {}, t("score", { score: three(decision.score), threshold: three(decision.threshold) })),
    ),
  );
}

async function start() {
  await loadWords();
  const onelook = await open().catch((error) => { throw new Error(t("unreachable", { reason: error.message })); });
  window.onelook = onelook;
  const { classes, closer, left_out: leftOut, runtime, made_with: made } = onelook.described;
  status.textContent = t("ready", { n: classes.length });
  document.getElementById("about").textContent = [
    t("about.stay"),
    t(closer === null ? "about.decides" : "about.decides_closer"),
    ...leftOut.map((what) => t(`about.left_out.${what}`)),
    t("about.made", { made, runtime }),
  ].join(" ");
  input.disabled = false;
  input.addEventListener("change", async () => {
    for (const file of input.files) {
      status.textContent = t("looking");
      try {
        answers.prepend(card(onelook, file, await onelook.recognise(file)));
        status.textContent = "";
      } catch {
        status.textContent = t("unread", { name: file.name });
      }
    }
    input.value = "";
  });
}

start().catch((error) => { status.textContent = error.message; });
if ("serviceWorker" in navigator) navigator.serviceWorker.register("worker.js").catch(() => {});
