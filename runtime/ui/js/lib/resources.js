// Every path of the admin API that this page uses, each as a function.

import { ask } from "./api.js";

const part = encodeURIComponent;

export const health = () => ask("GET", "/health");
export const version = () => ask("GET", "/version");
/** The description of this API, to see what this server knows. */
export const openapi = () => ask("GET", "/openapi");
export const config = (signal) => ask("GET", "/config", { signal });

export const invocations = {
  /** @param {Record<string, any>} query @param {AbortSignal} [signal] */
  list: (query, signal) => ask("GET", "/invocations", { query, signal }),
  summary: (query, signal) => ask("GET", "/invocations/summary", { query, signal }),
  get: (id, signal) => ask("GET", `/invocations/${part(id)}`, { signal }),
  journal: (id, query, signal) => ask("GET", `/invocations/${part(id)}/journal`, { query, signal }),
  children: (id, query, signal) => ask("GET", `/invocations/${part(id)}/children`, { query, signal }),
  logs: (id, query, signal) => ask("GET", `/invocations/${part(id)}/logs`, { query, signal }),
  /** @param {string} id @param {string} action @param {Record<string, any>} [query] */
  act: (id, action, query) => ask("PATCH", `/invocations/${part(id)}/${action}`, { query }),
  /** @param {string} action @param {any} json */
  bulk: (action, json) => ask("POST", `/invocations/bulk/${action}`, { json }),
  signal: (id, name, json) => ask("POST", `/invocations/${part(id)}/signals/${part(name)}`, { json }),
};

export const services = {
  list: (signal) => ask("GET", "/services", { signal }),
  get: (name, signal) => ask("GET", `/services/${part(name)}`, { signal }),
  change: (name, json) => ask("PATCH", `/services/${part(name)}`, { json }),
  /** Calls a handler, or sends to it, as the ingress would. */
  invoke: (name, json, signal) => ask("POST", `/services/${part(name)}/invoke`, { json, signal }),
};

export const objects = {
  list: (service, query, signal) => ask("GET", `/services/${part(service)}/objects`, { query, signal }),
  state: (service, key, signal) => ask("GET", `/services/${part(service)}/state`, { query: { key }, signal }),
  replace: (service, json) => ask("POST", `/services/${part(service)}/state`, { json }),
  inbox: (service, key, signal) => ask("GET", `/services/${part(service)}/inbox`, { query: { key }, signal }),
  promises: (service, key, signal) =>
    ask("GET", `/services/${part(service)}/promises`, { query: { key }, signal }),
};

export const awakeables = {
  list: (query, signal) => ask("GET", "/awakeables", { query, signal }),
};

export const deployments = {
  list: (signal) => ask("GET", "/deployments", { signal }),
  get: (id, signal) => ask("GET", `/deployments/${part(id)}`, { signal }),
  change: (id, json) => ask("PATCH", `/deployments/${part(id)}`, { json }),
  /** @param {Blob} file @param {Record<string, any>} query @param {AbortSignal} [signal] */
  upload: (file, query, signal) =>
    ask("POST", "/deployments", { query, body: file, type: "application/wasm", signal }),
  check: (id) => ask("POST", `/deployments/${part(id)}/check`),
  promote: (id, query) => ask("POST", `/deployments/${part(id)}/promote`, { query }),
  migrate: (id) => ask("POST", `/deployments/${part(id)}/migrate`),
  remove: (id, query) => ask("DELETE", `/deployments/${part(id)}`, { query }),
};

export const sql = (query, signal) => ask("POST", "/query", { json: { query }, signal });
