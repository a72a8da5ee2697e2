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

const PAGES = [
  ["recognize", "Recognise", recognizeView],
  ["catalog", "Catalog", catalogView],
  ["enroll", "Enroll", enrollView],
  ["review", "Review", reviewView],
  ["quality", "Quality", qualityView],
];
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
  const page = PAGES.find(([key]) => key === name) ?? PAGES[0];
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.dataset.page === page[0]) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = page[0] === "catalog" && id ? classView : page[2];
  document.title = `${page[1]} · Onelook`;
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
    put(h("div", { class: "card empty" }, h("h1", {}, "That didn’t work"), h("p", {}, error.message), h("div", { class: "row" }, button("Try again", show, "primary"), h("a", { class: "button", href: "#/recognize" }, "Back to the start"))));
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

document.getElementById("tabs").append(
  ...PAGES.map(([key, title]) => h("a", { href: `#/${key}`, "data-page": key }, icon(key), h("span", {}, title))),
);
document.getElementById("logout").addEventListener("click", async () => {
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
setUpTheme();
show();
