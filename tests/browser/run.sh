#!/usr/bin/env bash
# The browser tests: installs what they need, starts a stack of its own and plays them.
#
# They are JavaScript on Node, since Persona's SDK is an npm package and Playwright drives Chromium from there. What is
# installed is pinned by package-lock.json. CHROMIUM names another browser than the one that is found.
set -euo pipefail
cd "$(dirname "$0")/../.."

NODE_MINIMUM=18

lacking() {
    local packages=()
    if ! command -v node >/dev/null; then packages+=(nodejs); fi
    if ! command -v npm >/dev/null; then packages+=(npm); fi
    if [ -z "$(browser)" ]; then packages+=(chromium fonts-liberation); fi
    printf '%s' "${packages[*]}"
}

browser() {
    local name
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        if [ -n "$name" ] && command -v "$name"; then return; fi
    done
}

missing=$(lacking)
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    printf 'install   %s\n' "$missing"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
    missing=$(lacking)
fi
if [ -n "$missing" ]; then
    printf 'missing   for the browser tests: %s; install them and run `make web-test` again\n' "$missing" >&2
    exit 1
fi
if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt "$NODE_MINIMUM" ]; then
    printf 'missing   Node %s or newer for the browser tests: this is %s\n' "$NODE_MINIMUM" "$(node --version)" >&2
    exit 1
fi

wanted=$(cksum < tests/browser/package-lock.json)
stamp=tests/browser/node_modules/.installed
if [ "$wanted" != "$(cat "$stamp" 2>/dev/null)" ]; then
    printf 'install   npm packages into tests/browser/node_modules/\n'
    (cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund --silent)
    printf '%s\n' "$wanted" > "$stamp"
fi

CHROMIUM=$(browser)
export CHROMIUM
exec target/debug/dialgate run -- node --test tests/browser/verification.test.mjs
