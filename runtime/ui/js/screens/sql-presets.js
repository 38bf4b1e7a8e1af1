// Questions one often has.

export const PRESETS = [
  {
    name: "How many, by status",
    query:
      "SELECT status, count(*) AS invocations\nFROM sys_invocation\nGROUP BY status\nORDER BY invocations DESC",
  },
  {
    name: "What runs, by handler",
    query:
      "SELECT target_service_name, target_handler_name, status, count(*) AS invocations\nFROM sys_invocation\nWHERE status <> 'completed'\nGROUP BY 1, 2, 3\nORDER BY invocations DESC",
  },
  {
    name: "Oldest that are not completed",
    query:
      "SELECT id, target, status, created_at\nFROM sys_invocation\nWHERE status <> 'completed'\nORDER BY created_at\nLIMIT 50",
  },
  {
    name: "Queues by key",
    query:
      "SELECT service_name, service_key, count(*) AS waiting\nFROM sys_inbox\nGROUP BY 1, 2\nORDER BY waiting DESC\nLIMIT 50",
  },
  {
    name: "What is tried again",
    query:
      "SELECT id, target, retry_count, next_retry_at, last_failure\nFROM sys_invocation\nWHERE status = 'backing-off'\nORDER BY retry_count DESC\nLIMIT 50",
  },
  {
    name: "What failed",
    query:
      "SELECT id, target, completed_at, completion_failure\nFROM sys_invocation\nWHERE completion_result = 'failure'\nORDER BY completed_at DESC\nLIMIT 50",
  },
  {
    name: "What runs, by deployment",
    query:
      "SELECT pinned_deployment_id, count(*) AS invocations\nFROM sys_invocation\nWHERE status <> 'completed'\nGROUP BY 1\nORDER BY invocations DESC",
  },
  {
    name: "State of objects",
    query: "SELECT service_name, service_key, key, value_utf8\nFROM state\nLIMIT 100",
  },
  {
    name: "Tables and columns",
    query:
      'SELECT m.name AS "table", c.name AS "column", c.type\nFROM sqlite_master m, pragma_table_info(m.name) c\nORDER BY 1, c.cid',
  },
];
