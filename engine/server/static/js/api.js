// Calls the service. Errors carry the service's own words.

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
export const post = (path, body = {}) => call("POST", path, body);
export const put = (path, body) => call("PUT", path, body);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path) => call("DELETE", path);

/** POST a multipart form of `[name, value, file name]` entries. */
export function send(path, entries) {
  const form = new FormData();
  for (const [name, value, fileName] of entries) {
    if (value instanceof Blob) form.append(name, value, fileName || value.name || "picture");
    else form.append(name, value);
  }
  return call("POST", path, form);
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

async function call(method, path, body) {
  const headers = {};
  if (csrf && method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, credentials: "same-origin" });
  } catch {
    throw new ApiError(0, "The service can't be reached. Check the connection and try again.");
  }
  if (answer.status === 204) return null;
  const data = await answer.json().catch(() => ({}));
  if (answer.ok) return data;
  const needsLogin = answer.status === 401 && path !== "v1/session";
  if (needsLogin) onLogin();
  throw new ApiError(answer.status, data.detail || `The service answered ${answer.status}.`, needsLogin);
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
