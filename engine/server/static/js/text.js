// Every word that people read, in their language, and numbers as they are written there.

export const LANGUAGES = { en: "English", de: "Deutsch" };

const chosen = localStorage.getItem("language");
const wanted = [chosen, ...navigator.languages].filter(Boolean).map((one) => one.split("-")[0].toLowerCase());

/** The language in force: the one chosen, else the browser's, else English. */
export const language = wanted.find((one) => one in LANGUAGES) ?? "en";

let words = {};
const plurals = new Intl.PluralRules(language);

/** Read the words; nothing may be shown before. */
export async function loadWords() {
  const answer = await fetch(`static/text/${language}.json`);
  if (!answer.ok) throw new Error(`static/text/${language}.json: ${answer.status}`);
  words = await answer.json();
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-name]")) element.setAttribute("aria-label", t(element.dataset.name));
}

/** Speak another language from now on; the page is loaded anew. */
export function speak(other) {
  localStorage.setItem("language", other);
  location.reload();
}

/** The text of a key; `{name}` in it becomes a value, and `n` chooses between one and many. */
export function t(key, values = {}) {
  const found = words[key] ?? key;
  const text = typeof found === "string" ? found : found[plurals.select(values.n)] ?? found.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value) : value;
  });
}

/** A whole number. */
export function number(value) {
  return value.toLocaleString(language);
}

/** A number with three decimals, or a dash. */
export function three(value) {
  return decimals(value, 3);
}

/** A number with so many decimals, or a dash. */
export function decimals(value, digits) {
  if (value === null || value === undefined) return "–";
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });
}

/** A share as a percentage, or a dash. */
export function percent(value) {
  if (value === null || value === undefined) return "–";
  if (value > 0 && value < 0.0005) return `< ${decimals(0.1, 1)} %`;
  return `${decimals(100 * value, value > 0 && value < 0.1 ? 1 : 0)} %`;
}

/** What somebody typed as a number, written with a comma or a point; NaN if it is none. */
export function typedNumber(text) {
  return Number(text.trim().replace("−", "-").replace("%", "").replace(",", "."));
}

/** A stranger rate for people: "nearly all", "4 in 10", "1 in 140". */
export function rateInWords(rate) {
  if (rate === null || rate === undefined) return "–";
  if (rate >= 0.95) return t("rate.all");
  if (rate >= 0.15) return t("rate.of", { part: Math.round(10 * rate), whole: 10 });
  if (rate < 1e-4) return t("rate.under", { whole: 10000 });
  const digits = rate > 0.01 ? 1 : 10 ** (Math.floor(Math.log10(1 / rate)) - 1);
  return t("rate.of", { part: 1, whole: Math.round(1 / rate / digits) * digits });
}
