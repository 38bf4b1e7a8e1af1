// The shapes of the admin API that this page reads; GET /openapi has all of them.

/**
 * @typedef {"scheduled" | "pending" | "running" | "suspended" | "backing-off" | "paused" | "completed"} Status
 *
 * @typedef {{op?: number, since: string, kind: string, name?: string, until?: string, id?: string, object?: string,
 *   invocation_id?: string, target?: string, status?: Status, ahead?: number,
 *   holder?: {invocation_id: string, target?: string, status?: Status}}} Waiting
 *
 * @typedef {{attempt: number, at: string, message: string, op?: number}} AttemptFailure
 *
 * @typedef {{op: number, recorded?: string | null, asked?: string | null, backtrace?: string | null}} Mismatch
 *
 * @typedef {{
 *   id: string, target: string, service: string, key?: string, handler: string, service_ty?: string, handler_ty?: string,
 *   status: Status, completion_result?: "success" | "failure", completion_failure?: string,
 *   invoked_by: string, invoked_by_id?: string, idempotency_key?: string, restarted_from?: any, call_depth: number, trace_id?: string,
 *   created_at: string, modified_at: string, scheduled_at?: string, running_at?: string, cancelled_at?: string,
 *   completed_at?: string, completion_retention?: string, journal_retention?: string, kept_until?: string,
 *   deployment_id?: string, attempts: number, retry_count: number, next_retry_at?: string,
 *   journal_entries: number, journal_outcomes: number, last_failures: AttemptFailure[],
 *   retrying_runs?: {op: number, failures: number, first_failed_at: string, next_retry_at: string}[],
 *   pause_reason?: {kind: string, message: string, mismatch?: Mismatch},
 *   waiting_for?: Waiting[], waiting_for_total?: number, deadlock?: string[]
 * }} Invocation
 *
 * @typedef {import("./payload.js").Payload} Payload
 * @typedef {import("./payload.js").Result} Result
 *
 * @typedef {{index: number, op?: number, kind: string, name?: string, at: string, item: "entry" | "outcome",
 *   summary?: string, is_settled?: boolean, duration_ms?: number, delay_ms?: number, target?: string,
 *   invocation_id?: string, input?: Payload, headers?: {name: string, value: string}[], idempotency_key?: string,
 *   awakeable_id?: string, value?: any, completion?: Result, result?: string, failure?: any, names?: string[],
 *   names_total?: number}} Item
 *
 * @typedef {{invocation_id: string, input?: {headers: {name: string, value: string}[], body: Payload},
 *   is_purged?: boolean, items: Item[], items_total: number, answer?: Result}} Journal
 *
 * @typedef {{name: string, ty?: string, documentation?: string, public: boolean, input_description: string,
 *   output_description: string, input_json_schema?: any, output_json_schema?: any, idempotency_retention?: string,
 *   workflow_completion_retention?: string, journal_retention?: string, retry_policy: Record<string, any>}} Handler
 *
 * @typedef {{name: string, ty: string, documentation?: string, handlers: Handler[], deployment_id: string,
 *   revision: number, public: boolean, idempotency_retention?: string, workflow_completion_retention?: string,
 *   journal_retention?: string}} Service
 *
 * @typedef {{kind: string, service: string, handler: string, op?: number, recorded?: string, asked?: string,
 *   message?: string, backtrace?: string, live: number, finished: number, examples: string[]}} Group
 *
 * @typedef {{deployment_id: string, live_checked: number, finished_checked: number, is_complete: boolean,
 *   took_ms: number, groups: Group[]}} Report
 *
 * @typedef {{id: string, created_at: string, size_bytes: number, sdk_version: string, status?: string,
 *   invocations_live?: number, services: any[], check?: Report,
 *   settings?: {env: Record<string, string | null>, allowed_hosts: string[]}}} Deployment
 */

export {};
