// Calls the service. Errors carry the service's own words, which are English.

import { language, t } from "./text.js";

const TOLD = new Set([401, 403, 404, 413, 422, 429, 502, 503, 504]);

let csrf = null;
let onLogin = () => {};

/** Who is told that a token is needed. */
export function whenLoginIsNeeded(handler) {
  onLogin = handler;
}

export class ApiError extends Error {
  constructor(status, message, silent = false) {
    super(message);
    this.status = status;
    this.silent = silent;
  }
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}, options = {}) => call("POST", path, body, options);
export const put = (path, body) => call("PUT", path, body);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path, options = {}) => call("DELETE", path, undefined, options);

/** POST a multipart form of `[name, value, file name]` entries; `progress` hears what share is sent. */
export function send(path, entries, progress = () => {}) {
  const form = new FormData();
  for (const [name, value, fileName] of entries) {
    if (value instanceof Blob) form.append(name, value, fileName || value.name || "picture");
    else form.append(name, value);
  }
  const request = new XMLHttpRequest(); // fetch doesn't tell how far it is
  request.open("POST", path);
  request.responseType = "text";
  if (csrf) request.setRequestHeader("X-CSRF-Token", csrf);
  return new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(unreachable());
    request.onload = () => {
      try {
        resolve(answered(path, request.status, parsed(request.responseText)));
      } catch (error) {
        reject(error);
      }
    };
    request.send(form);
  });
}

/** Ask who we are, and keep what forged requests lack. */
export async function session() {
  const found = await get("v1/session");
  csrf = found.csrf;
  return found;
}

export async function logIn(token) {
  const found = await post("v1/session", { token });
  csrf = found.csrf;
  return found;
}

async function call(method, path, body, options = {}) {
  const headers = {};
  if (csrf && method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, credentials: "same-origin", ...options });
  } catch {
    throw unreachable();
  }
  return answered(path, answer.status, parsed(await answer.text()));
}

/** What an answer says, or its error. */
function answered(path, status, data) {
  if (status === 204) return null;
  if (status >= 200 && status < 300) return data;
  const needsLogin = status === 401 && path !== "v1/session";
  if (needsLogin) onLogin();
  throw new ApiError(status, inWords(status, data.detail), needsLogin);
}

/** What went wrong; a proxy before the service gives no `detail`. */
function inWords(status, said) {
  const detail = typeof said === "string" ? ofPicture(said) : "";
  if (detail && language === "en") return detail;
  const known = TOLD.has(status) ? t(`error.status_${status}`) : t("error.status", { status: String(status) });
  return detail ? `${known} (${detail})` : known;
}

/** What is said of an uploaded picture begins with its name, anything else with a capital. */
export function ofPicture(text) {
  const name = /^<upload (.*?)>/;
  if (name.test(text)) return text.replace(name, "$1");
  return text.replace(/^<bytes>: /, "").replace(/^./, (first) => first.toUpperCase());
}

const unreachable = () => new ApiError(0, t("error.unreachable"));

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Follow a job until it is over; the handler gets it whenever it has changed. */
export function follow(jobId, handler) {
  let source;
  let again;
  const open = () => {
    source = new EventSource(`v1/jobs/${jobId}/events`);
    source.onmessage = (event) => {
      const job = JSON.parse(event.data);
      handler(job);
      if (["done", "failed", "cancelled"].includes(job.state)) source.close();
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 3000); // refused for now
    };
  };
  open();
  return () => {
    clearTimeout(again);
    source.close();
  };
}
