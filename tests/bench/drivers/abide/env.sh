# Where the checkout of abide is: its binary and its benchmark component have to be built already.
ABIDE_REPO=${ABIDE_REPO:?set ABIDE_REPO to the checkout of abide}
ABIDE_SERVER=${ABIDE_SERVER:-$ABIDE_REPO/target/release/abide}
ABIDE_COMPONENT=${ABIDE_COMPONENT:-$ABIDE_REPO/target/guests/wasm32-wasip2/release/bench_guest.wasm}
