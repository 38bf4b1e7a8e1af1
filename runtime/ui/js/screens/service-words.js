// The words for kinds of services and handlers.

import { typeWords } from "../lib/schema.js";

const KINDS = { Service: "service", VirtualObject: "virtual object", Workflow: "workflow" };

/** @param {string} ty */
export function kindName(ty) {
  return KINDS[ty] ?? ty;
}

/** @param {import("../lib/types.js").Service} service */
export function isKeyed(service) {
  return service.ty !== "Service";
}

/** How a handler runs, said in a few words. @param {string | undefined} ty */
export function modeWords(ty) {
  if (ty === "Exclusive") return "one at a time per key";
  if (ty === "Shared") return "beside others";
  if (ty === "Workflow") return "once per key";
  return "";
}

/** What a handler takes or returns, in words: its type, or else its content type. @param {any} schema @param {string} described */
export function typeOf(schema, described) {
  if (described === "none") return "";
  if (schema && typeof schema === "object") {
    const words = typeWords(schema, schema);
    if (words !== "anything" && words !== "object") return words;
  }
  return described.replace(/^JSON '(.*)'$/, "$1").replace(/^application\/json$/, "JSON");
}
