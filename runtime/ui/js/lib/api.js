// One request to the admin API: the token, the errors, and whether the server is there.

import { session } from "./store.js";

const TOKEN = "abide.token";

/** What the server said instead of an answer. */
export class ApiError extends Error {
  /** @param {number} status @param {{code?: string, message?: string, hint?: string, details?: any}} body */
  constructor(status, body) {
    super(body.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = body.code ?? `http_${status}`;
    this.hint = body.hint;
    this.details = body.details;
  }

  /** The server does not know the path: it is older than this page, or was built without that part. */
  get isMissing() {
    return this.code === "unknown_path" || this.code === "method_not_allowed" || this.status === 501;
  }

  get isUnreachable() {
    return this.code === "unreachable";
  }
}

/** What everybody wants to know of the connection. */
export const connection = {
  isUp: true,
  needsToken: false,
  /** Called when one of them changes. */
  changed: () => {},
};

/** @param {string} token */
export function signIn(token) {
  session.set(TOKEN, token);
  set({ needsToken: false });
}

export function signOut() {
  session.set(TOKEN, null);
  set({ needsToken: true });
}

export function isSignedIn() {
  return session.get(TOKEN) !== null;
}

/** @param {Partial<typeof connection>} state */
function set(state) {
  const isChange = Object.entries(state).some(([name, value]) => connection[name] !== value);
  Object.assign(connection, state);
  if (isChange) connection.changed();
}

/**
 * Asks the server. Answers with the parsed JSON, or with nothing for an empty answer.
 *
 * @param {string} method @param {string} path
 * @param {{query?: Record<string, any>, json?: any, body?: BodyInit, type?: string, signal?: AbortSignal}} [what]
 */
export async function ask(method, path, what = {}) {
  const headers = {};
  const token = session.get(TOKEN);
  if (token !== null) headers.authorization = `Bearer ${token}`;
  let body = what.body;
  if (what.json !== undefined) body = JSON.stringify(what.json);
  if (body !== undefined) headers["content-type"] = what.type ?? "application/json";
  const response = await reach(path + queryText(what.query), { method, headers, body, signal: what.signal });
  const text = await response.text();
  if (response.ok) return text === "" ? null : parse(text, response.status);
  const error = new ApiError(response.status, text === "" ? {} : errorBody(text));
  if (response.status === 401) set({ needsToken: true });
  throw error;
}

/** @param {string} url @param {RequestInit} init */
async function reach(url, init) {
  try {
    const response = await fetch(url, { ...init, cache: "no-store", credentials: "omit", redirect: "error" });
    set({ isUp: true });
    return response;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    set({ isUp: false });
    throw new ApiError(0, {
      code: "unreachable",
      message: "the server cannot be reached",
      hint: "is `abide up` still running?",
    });
  }
}

/** @param {string} text @param {number} status */
function parse(text, status) {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(status, { code: "bad_answer", message: "the answer of the server is not JSON" });
  }
}

/** @param {string} text */
function errorBody(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 400) };
  }
}

/** @param {Record<string, any>} [query] */
export function queryText(query = {}) {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values
      .filter((value) => value !== undefined && value !== null && value !== "")
      .map((value) => [name, String(value)]);
  });
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}
