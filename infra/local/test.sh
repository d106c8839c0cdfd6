#!/usr/bin/env bash
# All that `make test` and the continuous integration check, cheapest first, and where the time went.
set -uo pipefail
cd "$(dirname "$0")/../.."

steps=() seconds=() results=()

# Runs one step by name; after a failure the rest is skipped.
step() {
    local name=$1 began=$SECONDS result=ok
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    "$@" || result=failed
    steps+=("$name") seconds+=($((SECONDS - began))) results+=("$result")
    [ "$result" = ok ] || finish 1
}

# Prints the table and ends.
finish() {
    local index
    printf '\n%-10s %8s  %s\n' step seconds result
    for index in "${!steps[@]}"; do
        printf '%-10s %8d  %s\n' "${steps[$index]}" "${seconds[$index]}" "${results[$index]}"
    done
    printf '%-10s %8d\n' total "$SECONDS"
    exit "$1"
}

step format cargo fmt --all --check
step prepare infra/local/prepare.sh tools tests
step clippy cargo clippy --workspace --all-targets -- -D warnings
step tests cargo test --workspace
step browser tests/browser/run.sh
finish 0
