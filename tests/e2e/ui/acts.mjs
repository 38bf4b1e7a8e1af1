// What a person does by hand, one thing after the other, in one browser: act on one invocation, read its logs, ask
// with SQL, go by keys, turn the lights off; and turn pages.

import { drive } from "./page.mjs";
import { keys } from "./keys.mjs";
import { logs } from "./logs.mjs";
import { pagers } from "./pagers.mjs";
import { pauses, restarts } from "./restarts.mjs";
import { sql } from "./sql.mjs";
import { steadiness } from "./steady.mjs";
import { themes } from "./themes.mjs";

await drive(async (page) => ({
  steady: await steadiness(page),
  restarts: await restarts(page),
  pauses: await pauses(page),
  pagers: await pagers(page),
  logs: await logs(page),
  sql: await sql(page),
  keys: await keys(page),
  themes: await themes(page),
}));
