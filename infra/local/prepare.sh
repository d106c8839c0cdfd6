#!/usr/bin/env bash
# Checks this machine, installs the pinned tools into .tools/ and builds the workspace. Installing waits for the network
# and building for the processor, so both run at once. Installing can be cut short at any point.
#
#   infra/local/prepare.sh [tools] [watch] [build | tests]
#
#   tools   the emulator and the AWS command line          build   every program
#   watch   cargo-lambda, for `make up WATCH=1`            tests   every program and every test
set -euo pipefail
cd "$(dirname "$0")/../.."

LOG=target/local/install.log

say() { printf '%-9s %s\n' "$1" "$2"; }

# Installs the named lists one after the other. Nothing of it is printed: cargo's progress has the terminal meanwhile.
install() {
    local name
    for name in "$@"; do
        python3 infra/local/install_tools.py "infra/local/requirements$name.txt" ".tools/installed$name.sha256"
    done
}

installing=
stop_installing() {
    if [ -n "$installing" ]; then kill -TERM -- "-$installing" 2>/dev/null || true; fi
}
trap 'stop_installing; exit 130' INT TERM HUP
trap 'stop_installing' EXIT

lists=() build=()
for word in "$@"; do
    case "$word" in
        tools) lists+=("") ;;
        watch) lists+=("-watch") ;;
        build) build=(cargo build --workspace --bins) ;;
        tests) build=(cargo build --workspace --all-targets) ;;
        *) printf 'prepare.sh knows tools, watch, build and tests, not %s\n' "$word" >&2; exit 2 ;;
    esac
done

infra/local/prerequisites.sh
if [ ${#lists[@]} -gt 0 ]; then
    mkdir -p target/local
    say install "pinned tools into .tools/ (about a minute the first time)"
    # A process group of its own, so that all of it can be stopped.
    set -m
    install "${lists[@]}" > "$LOG" 2>&1 < /dev/null &
    installing=$!
    set +m
fi
if [ ${#build[@]} -gt 0 ]; then
    say build "${build[*]} (some minutes the first time)"
    "${build[@]}"
fi
if [ -n "$installing" ]; then
    if wait "$installing"; then
        installing=
        say install "done"
    else
        installing=
        printf 'The tools could not be installed:\n' >&2
        tail -n 5 "$LOG" >&2
        printf 'Check the network and run the same command again: it goes on where it stopped.\n' >&2
        exit 1
    fi
fi
