#!/bin/sh
# Builds the server for a machine that is to run it for long: target/tuned/abide.
#
# It is built twice. The first one counts how often each of its branches is taken while the benchmark calls it; the second one is laid
# out by those counts. Both are of the profile `dist`. It takes about an hour of two processors.
#
# Needs cargo, and rustup for what merges the counts (component llvm-tools) and for the benchmark's guest (target wasm32-wasip2).
# The counts stay in target/tuned/merged.profdata: a function that has changed since is built without them. Remove the file to count
# anew.
set -eu

cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
tuned=$target/tuned
counts=$tuned/counts
profile=$tuned/merged.profdata

host=$(rustc --version --verbose | sed -n 's/^host: //p')
merge=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
if [ ! -x "$merge" ]; then
    rustup component add llvm-tools || {
        echo "tuned.sh: llvm-profdata is missing, and rustup cannot add llvm-tools; without it build with: cargo build --profile dist" >&2
        exit 1
    }
fi

# With a target named, build scripts and macros are built without these flags.
build() {
    RUSTFLAGS="${RUSTFLAGS:-} $1" cargo build --profile dist --locked --package abide --target "$host" --target-dir "$tuned"
}

if [ ! -f "$profile" ]; then
    echo "tuned.sh: 1 of 3, a server that counts" >&2
    rm -rf "$counts"
    build "-Cprofile-generate=$counts"
    echo "tuned.sh: 2 of 3, the benchmark calls it" >&2
    bench() {
        cargo run --quiet --release --locked --package abide-bench -- --server "$tuned/$host/dist/abide" --data "$tuned" "$@"
    }
    bench --seconds 2 --concurrency 1,10,64
    bench soak --count 30000
    bench journal --entries 20000
    "$merge" merge --output "$profile" "$counts"
fi
echo "tuned.sh: 3 of 3, the server as it was counted" >&2
build "-Cprofile-use=$profile"
cp "$tuned/$host/dist/abide" "$tuned/abide"
echo "tuned.sh: $tuned/abide" >&2
