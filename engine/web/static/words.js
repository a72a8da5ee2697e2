// What people read, in their language, and numbers as they are written there.

const LANGUAGES = ["en", "de"];

export const language = navigator.languages.map((one) => one.split("-")[0]).find((one) => LANGUAGES.includes(one)) ?? "en";

const plurals = new Intl.PluralRules(language);
let words = {};

// Read the words, and put them where the page says which; before, nothing may be said.
export async function loadWords() {
  const answer = await fetch(`text/${language}.json`);
  if (!answer.ok) throw new Error(`text/${language}.json: ${answer.status}`);
  words = await answer.json();
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = t(each.dataset.text);
}

// The text of a key; `{name}` in it becomes a value, and `n` chooses between one and many.
export function t(key, values = {}) {
  const found = words[key];
  const text = typeof found === "string" ? found : found[plurals.select(values.n)] ?? found.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? values[name].toLocaleString(language) : values[name]));
}

// With three decimals.
export function three(value) {
  return value.toLocaleString(language, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
}

// A stranger rate for people: "nearly all", "4 in 10", "1 in 140".
export function rateInWords(rate) {
  if (rate >= 0.95) return t("rate.all");
  if (rate >= 0.15) return t("rate.of", { part: Math.round(10 * rate), whole: 10 });
  if (rate < 1e-4) return t("rate.under", { whole: 10000 });
  const digits = rate > 0.01 ? 1 : 10 ** (Math.floor(Math.log10(1 / rate)) - 1);
  return t("rate.of", { part: 1, whole: Math.round(1 / rate / digits) * digits });
}
