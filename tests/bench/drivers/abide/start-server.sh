#!/bin/bash
# start-server.sh DIR: starts the server on DIR/data, in the background; writes DIR/server.pid.
. "$(dirname "$0")/env.sh"; mkdir -p "$1"
ABIDE_LOG=${ABIDE_LOG:-warn} setsid nohup nice -n "${BENCH_NICE:-0}" "$ABIDE_SERVER" up --data "$1/data" \
  --ingress 127.0.0.1:8080 --admin 127.0.0.1:9070 $ABIDE_BENCH_ARGS > "$1/server.log" 2>&1 < /dev/null &
echo $! > "$1/server.pid"
