#!/bin/bash
# register.sh DIR: uploads the component with the handlers that are called.
. "$(dirname "$0")/env.sh"
for _ in $(seq 100); do
  status=$(curl -sS -o /dev/null -w '%{http_code}' -X POST http://127.0.0.1:9070/deployments \
    -H 'content-type: application/wasm' --data-binary "@$ABIDE_COMPONENT")
  [ "$status" = 201 ] || [ "$status" = 200 ] && exit 0
  sleep 0.1
done
echo "the component was not accepted: $status"; exit 1
