// Which address opens which screen.

import { deploymentScreen } from "./deployment.js";
import { deploymentsScreen } from "./deployments.js";
import { invocationScreen } from "./invocation.js";
import { invocationsScreen } from "./invocations.js";
import { objectScreen } from "./object.js";
import { objectsScreen } from "./objects.js";
import { overviewScreen } from "./overview.js";
import { serviceScreen } from "./service.js";
import { servicesScreen } from "./services.js";
import { settingsScreen } from "./settings.js";
import { sqlScreen } from "./sql.js";

/** A place with lists, and one for each of its things. */
function place(name, list, one) {
  return [
    {
      matches: ({ segments }) => segments[0] === name && segments.length === 1,
      identity: () => name,
      open: list,
    },
    ...(one
      ? [
          {
            matches: ({ segments }) => segments[0] === name && segments.length > 1,
            identity: ({ segments, params }) => [name, ...segments.slice(1), params.key ?? ""].join("/"),
            open: one,
          },
        ]
      : []),
  ];
}

/** The first one is where an unknown address leads. */
export const SCREENS = [
  { matches: ({ segments }) => segments.length === 0, identity: () => "overview", open: overviewScreen },
  ...place("invocations", invocationsScreen, invocationScreen),
  ...place("objects", objectsScreen, objectScreen),
  ...place("services", servicesScreen, serviceScreen),
  ...place("deployments", deploymentsScreen, deploymentScreen),
  ...place("sql", sqlScreen, null),
  ...place("settings", settingsScreen, null),
];
