#!/usr/bin/env bash
# The whole test suite: format, lints, documentation, tests.
# Installs what the tests need where it may, and says exactly what is missing where it may not.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
updated=

# there COMMAND [FOLDERS]: the command is in PATH, or in one of these folders (a pattern).
there() { command -v "$1" >/dev/null || { [ -n "${2:-}" ] && compgen -G "$2/$1" >/dev/null; }; }

# need COMMAND PACKAGE [FOLDERS]: the command is there, or is installed from the Debian package where we are root.
need() {
    there "$1" "${3:-}" && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $2, which has $1" >&2
        [ -n "$updated" ] || apt-get update -qq >/dev/null || true
        updated=yes
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$2" >/dev/null 2>&1 || true
    fi
    there "$1" "${3:-}" || missing+=("$1 (Debian package $2)")
}

command -v cargo >/dev/null || missing+=("cargo (Rust 1.90 or later, by rustup)")
need cc gcc
need c++ g++
need python3 python3
need chromium chromium
need unshare util-linux
need ip iproute2
need chromedriver chromium-driver
# Debian keeps the programs of the server out of PATH.
need initdb postgresql '/usr/lib/postgresql/*/bin'
need haproxy haproxy /usr/sbin
need bwrap bubblewrap

# The independent readers of our interval logs, messages, certificates, metrics and interface, in a folder of their own.
venv=$PWD/target/test-python
packages=(hdrhistogram==0.10.8 cwt==3.3.0 base45==0.4.4 zxing-cpp==3.1.1 pillow==13.0.0 pypdfium2==5.3.0
    schemathesis==4.32.5 prometheus-client==0.26.0 hl7apy==1.3.5 fhir.resources==8.3.0)
modules='hdrh, cwt, base45, zxingcpp, PIL, pypdfium2, schemathesis, prometheus_client, hl7apy, fhir.resources'
if command -v python3 >/dev/null && ! "$venv/bin/python" -c "import $modules" 2>/dev/null; then
    python3 -m venv "$venv" >/dev/null 2>&1 || missing+=("python3's venv module (Debian package python3-venv)")
    "$venv/bin/python" -m pip install --quiet "${packages[@]}" \
        || missing+=("the Python packages ${packages[*]} in $venv")
fi

# Judges whether pages are accessible: axe-core, in a Python package that carries it (without the browser it would bring along).
axe=axe-playwright-python==0.1.8
if [ -x "$venv/bin/python" ] && ! "$venv/bin/python" -c 'import importlib.util as u; assert u.find_spec("axe_playwright_python")' 2>/dev/null; then
    "$venv/bin/python" -m pip install --quiet --no-deps "$axe" || missing+=("the Python package $axe in $venv")
fi

if [ ${#missing[@]} -gt 0 ]; then
    printf 'the tests need, and this machine does not have:\n' >&2
    printf '  - %s\n' "${missing[@]}" >&2
    exit 1
fi
export PEAKDAY_TEST_PYTHON=$venv/bin/python
# The same property cases every time; set another seed (a whole number) to look for new ones.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}

cargo fmt --all --check
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
cargo test --workspace --doc --locked --quiet
# Some seconds of coverage-guided fuzzing for each parser of what strangers send.
bash benches/fuzz.sh 3
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked --status-level retry
else
    cargo test --workspace --lib --bins --tests --locked
fi
