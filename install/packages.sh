# shellcheck shell=bash
# Sourced by install/try.sh and tests/run.sh: programs that are needed, installed where we may, named where we may not.

# Ends the script with a message.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Whether a program can be run.
has() {
    command -v "$1" >/dev/null 2>&1
}

# Installs the Debian packages of missing programs, given as program=package, as root; others are told what to install.
need() {
    local pair missing=()
    for pair; do has "${pair%%=*}" || missing+=("${pair#*=}"); done
    ((${#missing[@]})) || return 0
    if [[ $(id -u) != 0 ]] || ! has apt-get; then
        fail "missing: install ${missing[*]} (on Debian: sudo apt-get install ${missing[*]}), then run this again"
    fi
    printf 'Installing %s.\n' "${missing[*]}" >&2
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"; } >&2 ||
        fail "apt-get could not install ${missing[*]}; install them, then run this again"
}

# Finds the Rust toolchain, also where rustup puts it. It is not ours to install.
need_rust() {
    has cargo || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    has cargo || fail 'the Rust toolchain is missing: install it as https://rustup.rs says, then run this again'
}
