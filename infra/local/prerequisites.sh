#!/bin/sh
# Names what this machine lacks for `make up` and `make test`, and how to get it. It runs before anything is built, so
# it needs a POSIX shell and nothing else. With --verbose it also names what is there.
set -u

RUST_MINIMUM=1.94.1
PYTHON_MINIMUM=3.10

missing=0

there() {
    [ "${verbose:-}" = yes ] && printf 'ok       %s\n' "$1"
    return 0
}

lacks() {
    printf 'missing  %s: %s\n' "$1" "$2" >&2
    missing=1
}

# The package manager's own words for one of its packages, by the name that Debian and Fedora give it.
package() {
    if command -v apt-get >/dev/null 2>&1; then printf 'apt-get install %s' "$1"
    elif command -v dnf >/dev/null 2>&1; then printf 'dnf install %s' "$2"
    elif command -v brew >/dev/null 2>&1; then printf 'brew install %s' "$2"
    else printf 'install %s with your package manager' "$1"
    fi
}

# Whether version $1 is at least version $2; both are numbers with dots.
at_least() {
    awk -v have="$1" -v want="$2" 'BEGIN {
        split(have, h, "."); split(want, w, ".");
        for (i = 1; i <= 3; i++) { if (h[i] + 0 > w[i] + 0) exit 0; if (h[i] + 0 < w[i] + 0) exit 1 }
        exit 0
    }'
}

[ "${1:-}" = --verbose ] && verbose=yes

if ! command -v cargo >/dev/null 2>&1 || ! command -v rustc >/dev/null 2>&1; then
    lacks "Rust" "install it with rustup, as rust-lang.org/tools/install shows"
else
    rust=$(rustc --version | awk '{ print $2 }')
    if at_least "$rust" "$RUST_MINIMUM"; then there "Rust $rust"
    else lacks "Rust $RUST_MINIMUM or newer" "this is $rust; run \`rustup update stable\`"
    fi
fi

if command -v cc >/dev/null 2>&1; then there "C compiler"
else lacks "a C compiler" "$(package 'gcc libc6-dev' gcc)"
fi

for tool in make curl; do
    if command -v "$tool" >/dev/null 2>&1; then there "$tool"
    else lacks "$tool" "$(package "$tool" "$tool")"
    fi
done

certificates=no
for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    [ -n "$bundle" ] && [ -f "$bundle" ] && certificates=yes
done
if [ "$certificates" = yes ]; then there "root certificates"
else lacks "root certificates" "$(package ca-certificates ca-certificates)"
fi

if ! command -v python3 >/dev/null 2>&1; then
    lacks "Python $PYTHON_MINIMUM or newer" "$(package 'python3 python3-venv' python3)"
else
    python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! at_least "$python" "$PYTHON_MINIMUM"; then
        lacks "Python $PYTHON_MINIMUM or newer" "this is $python; $(package 'python3 python3-venv' python3)"
    # Debian ships `venv` without what it needs to install pip, so both are asked for.
    elif ! python3 -c 'import venv, ensurepip' >/dev/null 2>&1; then
        lacks "Python's venv" "$(package python3-venv python3)"
    else
        there "Python $python with venv"
    fi
fi

exit "$missing"
