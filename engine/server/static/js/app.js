// The frame: pages by address, light and dark, logging in.

import { button, h, icon, toast } from "./dom.js";
import { get, logIn, remove, session, whenLoginIsNeeded } from "./api.js";
import { recognizeView } from "./views/recognize.js";
import { catalogView } from "./views/catalog.js";
import { classView } from "./views/class.js";
import { enrollView } from "./views/enroll.js";
import { reviewView } from "./views/review.js";
import { qualityView } from "./views/quality.js";
import { loginView } from "./views/login.js";
import { forgetAll } from "./session.js";
import { LANGUAGES, language, loadWords, speak, t } from "./text.js";

const PAGES = { recognize: recognizeView, catalog: catalogView, enroll: enrollView, review: reviewView, quality: qualityView };
const SCOPES = ["recognize", "enroll", "admin"];

const main = document.getElementById("main");
let leave = () => {};
let turn = 0;
let shown = null; // the address whose view stands there

async function show() {
  const mine = ++turn;
  leave();
  leave = () => {};
  const [name, id] = location.hash.replace(/^#\//, "").split("/");
  const page = Object.hasOwn(PAGES, name) ? name : "recognize";
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.dataset.page === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = page === "catalog" && id ? classView : PAGES[page];
  document.title = `${t(`tab.${page}`)} · Onelook`;
  main.setAttribute("aria-busy", "true");
  try {
    const who = await session();
    if (mine !== turn) return;
    document.getElementById("logout").hidden = !(who.login && who.scope);
    if (who.login && !who.scope) return showLogin();
    const gallery = await get("v1/gallery");
    if (mine !== turn) return;
    const may = (scope) => SCOPES.indexOf(gallery.scope) >= SCOPES.indexOf(scope) && (scope === "recognize" || !gallery.read_only);
    const cleanUps = [];
    const top = shown === location.hash ? scrollY : 0;
    const context = { gallery, may, id, from: shown, top, onLeave: (work) => cleanUps.push(work), refresh: show };
    const content = await view(context);
    if (mine !== turn) return cleanUps.forEach((work) => work());
    leave = () => cleanUps.forEach((work) => work());
    put(...[content].flat(Infinity));
    shown = location.hash;
    main.dispatchEvent(new Event("shown"));
    window.scrollTo(0, context.top);
  } catch (error) {
    if (mine !== turn || error.silent) return;
    put(h("div", { class: "card empty" }, h("h1", {}, t("error.title")), h("p", {}, error.message), h("div", { class: "row" }, button(t("error.again"), show, "primary"), h("a", { class: "button", href: "#/recognize" }, t("error.back")))));
  } finally {
    if (mine === turn) main.removeAttribute("aria-busy");
  }
}

/** Put content in the place of what was there; whoever was in there with the keyboard stays in. */
function put(...content) {
  const inside = shown !== null || main.contains(document.activeElement);
  main.replaceChildren(...content);
  if (inside && document.activeElement === document.body) main.focus({ preventScroll: true });
}

function showLogin() {
  turn += 1; // what is on its way would take its place
  leave();
  leave = () => {};
  main.removeAttribute("aria-busy");
  put(
    loginView(async (token) => {
      await logIn(token);
      show();
    }),
  );
}

function setUpTheme() {
  const root = document.documentElement;
  const saved = localStorage.getItem("theme");
  if (saved) root.dataset.theme = saved;
  const toggle = document.getElementById("theme");
  toggle.append(icon("moon"));
  toggle.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  });
}

function setUpLanguage() {
  const [other] = Object.keys(LANGUAGES).filter((one) => one !== language);
  const toggle = document.getElementById("language");
  toggle.append(other.toUpperCase());
  toggle.lang = other;
  toggle.setAttribute("aria-label", `${other.toUpperCase()}: ${LANGUAGES[other]}`);
  toggle.addEventListener("click", () => speak(other));
  toggle.hidden = false;
}

async function start() {
  setUpTheme();
  try {
    await loadWords();
  } catch (error) {
    document.getElementById("loading").textContent = error.message;
    return;
  }
  setUpLanguage();
  document.getElementById("tabs").append(
    ...Object.keys(PAGES).map((key) => h("a", { href: `#/${key}`, "data-page": key }, icon(key), h("span", {}, t(`tab.${key}`)))),
  );
  show();
}

document.getElementById("logout").addEventListener("click", async () => {
  forgetAll();
  await remove("v1/session").catch((error) => toast(error.message, "bad"));
  show();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
whenLoginIsNeeded(showLogin);
for (const kind of ["dragover", "drop"]) {
  window.addEventListener(kind, (event) => event.preventDefault()); // else a near miss leaves the page
}
window.addEventListener("hashchange", () => {
  show();
  main.focus({ preventScroll: true });
});
start();
