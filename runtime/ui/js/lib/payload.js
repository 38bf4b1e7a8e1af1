// Payloads as the API shows them: JSON, text or base64, perhaps cut.

import { preview } from "./json.js";
import { bytes } from "./text.js";

/**
 * @typedef {{bytes: number, json?: any, text?: string, base64?: string, is_cut?: boolean}} Payload
 * @typedef {{code: number, message: string, metadata?: Record<string, string>}} Failure
 * @typedef {{result: "empty"} | {result: "value", value: Payload} | {result: "failure", failure: Failure}
 *   | {result: "names", names: string[], names_total: number}} Result
 */

/** @param {Payload} payload */
export function payloadPreview(payload) {
  if (payload.json !== undefined) return preview(payload.json);
  if (payload.text !== undefined) return preview(payload.text);
  return payload.bytes === 0 ? "" : `${bytes(payload.bytes)} of bytes`;
}

/** @param {Result} result */
export function resultPreview(result) {
  if (result.result === "value") return payloadPreview(result.value);
  if (result.result === "failure") return result.failure.message;
  if (result.result === "names") return preview(result.names);
  return "";
}
