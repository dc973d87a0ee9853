#!/usr/bin/env bash
# Runs everything that continuous integration runs, in order, and ends with a summary: ./tests/run.sh
#
# Every step is run even if one before it failed, except what needs a build that failed. The tests have a home
# directory of their own, which must be empty afterwards, and the user's dotfiles must be as they were.

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=install/packages.sh
. "$root/install/packages.sh"

# The version of cargo-deny that the configuration was written for.
deny_version=0.20.2

scratch=
summary=()
failures=0

# Runs a step and remembers how it ended.
step() {
    local name=$1 begun=$SECONDS ended=ok
    shift
    printf '\n== %s\n' "$name"
    "$@" || ended=FAILED
    [[ $ended == ok ]] || failures=$((failures + 1))
    summary+=("$(printf '%-6s %5d s  %s' "$ended" $((SECONDS - begun)) "$name")")
    [[ $ended == ok ]]
}

# --- what is needed ---

need_programs() {
    need cc=build-essential git=git zsh=zsh fish=fish tmux=tmux vim=vim less=less python3=python3 script=bsdutils shellcheck=shellcheck
    need_rust
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt || fail 'rustfmt is missing: rustup component add rustfmt'
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy || fail 'clippy is missing: rustup component add clippy'
}

# --- the steps ---

scripts_are_clean() {
    local script
    shellcheck --external-sources install/*.sh tests/*.sh .ci/run shell/bash/*.bash || return
    for script in shell/zsh/*.zsh; do zsh -n "$script" || return; done
    for script in shell/fish/*.fish; do fish --no-config -n "$script" || return; done
}

clippy() {
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
}

documentation() {
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features --locked --quiet
}

# The advisories need a database from the network, and change without a change of ours: they are not checked here.
dependencies() {
    local deny=cargo-deny
    if ! has cargo-deny; then
        deny=$root/target/tools/bin/cargo-deny
        [[ -x $deny ]] || cargo install --locked --root "$root/target/tools" "cargo-deny@$deny_version" || return
    fi
    "$deny" --all-features check bans licenses sources
}

unit_tests() {
    cargo test --workspace --exclude tests --locked --no-fail-fast 2>&1 | tee "$scratch/unit.log"
}

end_to_end_tests() {
    cargo test --package tests --locked --no-fail-fast 2>&1 | tee "$scratch/e2e.log"
}

# What README promises of its first command, as far as it can be seen without a terminal.
a_line_is_tried() {
    local rows
    rows=$(install/try.sh -- 'git che') || return
    printf '%s\n' "$rows"
    grep -q '^checkout' <<<"$rows"
}

home_was_left_alone() {
    local left
    left=$(find "$scratch/home" -mindepth 1)
    if [[ -n $left ]]; then
        printf 'Tests wrote to the home directory:\n%s\n' "$left"
        return 1
    fi
    list_dotfiles >"$scratch/after"
    diff "$scratch/before" "$scratch/after"
}

# --- the home directory ---

# The user's own dotfiles and what Q would keep, each with a checksum. Histories change by themselves.
list_dotfiles() {
    (
        cd -- "$user_home"
        find . -maxdepth 1 -name '.*' -type f ! -name '*history' ! -name '.Xauthority' ! -name '.lesshst' ! -name '.viminfo' -exec cksum {} +
        find .config/q .config/fish/conf.d .local/share/q .local/state/q .fig -type f -exec cksum {} + 2>/dev/null || true
    ) | sort
}

# Cargo and rustup go on using what they have; everything else finds an empty home.
enter_scratch() {
    scratch=$(mktemp -d /tmp/q-test.XXXXXX)
    trap 'rm -rf -- "$scratch"' EXIT
    user_home=$HOME
    list_dotfiles >"$scratch/before"
    export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
    # npm keeps a cache and a log where it is told to.
    export npm_config_cache=$root/target/q/npm npm_config_update_notifier=false
    mkdir -p "$scratch/home"
    export HOME=$scratch/home
    unset ZDOTDIR XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR
    unset Q_CONFIG_DIR Q_DATA_DIR Q_STATE_DIR Q_RUNTIME_DIR Q_ARCHIVE Q_BIN_DIR Q_DISABLE
    unset CARGO_TARGET_DIR CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR
}

# How many tests passed and failed, from the lines in which they say so.
count_tests() {
    cat "$scratch"/*.log 2>/dev/null | awk '
        /^test result:/ { passed += $4; failed += $6; ignored += $8 }
        /^test .* FAILED$/ { print "       " $2 }
        END { printf "%d tests passed, %d failed, %d ignored\n", passed, failed, ignored }'
}

main() {
    cd -- "$root"
    need_programs
    enter_scratch
    step 'formatting' cargo fmt --all --check || true
    step 'scripts' scripts_are_clean || true
    step 'dependencies' dependencies || true
    step 'clippy' clippy || true
    step 'documentation' documentation || true
    if step 'release build and archive' install/try.sh --build; then
        step 'try a line' a_line_is_tried || true
        step 'unit tests' unit_tests || true
        step 'end-to-end tests' end_to_end_tests || true
    fi
    step 'home left alone' home_was_left_alone || true
    printf '\n== summary\n'
    printf '%s\n' "${summary[@]}"
    count_tests
    ((failures == 0))
}

main "$@"
