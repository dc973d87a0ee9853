#!/usr/bin/env bash
# Builds Q and opens your own shell with it, or prints the candidates for one line. Touches no dotfile: what Q keeps
# goes to a temporary folder, which is gone when you leave, together with the daemon. Only the build stays, in target/.
#
#   install/try.sh [--shell bash|zsh|fish]    a shell with Q; your own unless another one is named
#   install/try.sh -- LINE                    the candidates for a line
#   install/try.sh --build                    only the build

set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/target/release
archive=$root/target/q/specs.qa
# shellcheck source=install/packages.sh
. "$root/install/packages.sh"

# The throwaway folder, once it is there.
scratch=

usage() {
    printf 'error: %s\nusage: install/try.sh [--shell bash|zsh|fish] | -- LINE | --build\n' "$1" >&2
    exit 2
}

# --- build ---

# Whether a file is there and nothing that it is made of is newer. A folder counts as well: a file may have been removed.
is_current() {
    local made=$1
    shift
    [[ -e $made && -z $(find "$@" -newer "$made" -print -quit) ]]
}

programs_are_current() {
    local name sources=("$root"/{Cargo.toml,Cargo.lock,.cargo,shell,specs/{Cargo.toml,src},daemon,qterm,install/{Cargo.toml,src}})
    for name in q qd qterm; do [[ -x $bin/$name ]] || return 1; done
    is_current "$root/target/q/built" "${sources[@]}"
}

# A stamp of the time at which the build began, so that what is changed during it counts as newer.
build_programs() {
    need_rust
    need cc=build-essential
    mkdir -p "$root/target/q"
    touch "$root/target/q/begun"
    (cd "$root" && cargo build --release --locked -p daemon -p qterm -p install) || fail 'the build failed; see above'
    mv "$root/target/q/begun" "$root/target/q/built"
}

build_archive() {
    # It may be named from where the user is.
    if [[ -n ${Q_SPECS_TARBALL-} ]]; then
        Q_SPECS_TARBALL=$(realpath -- "$Q_SPECS_TARBALL")
        export Q_SPECS_TARBALL
    fi
    need_rust
    need cc=build-essential
    [[ -n ${Q_SPECS_TARBALL-} ]] || need npm=npm
    (cd "$root" && cargo specc build --out "$archive" --cache "$root/target/q/corpus" >&2) ||
        fail 'the completion specs could not be compiled; see above'
}

build() {
    # Another target directory of the user's would leave us with the wrong programs.
    unset CARGO_TARGET_DIR CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR
    programs_are_current || build_programs
    is_current "$archive" "$root"/specs/{Cargo.toml,src} || build_archive
}

# --- the throwaway folder ---

open_scratch() {
    # A socket's path has room for 107 bytes, so that this is not in a TMPDIR of any length.
    scratch=$(mktemp -d /tmp/q-try.XXXXXX)
    trap close_scratch EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    export Q_CONFIG_DIR=$scratch/config Q_DATA_DIR=$scratch/data Q_STATE_DIR=$scratch/state Q_RUNTIME_DIR=$scratch/run
    export Q_ARCHIVE=$archive
    unset Q_DISABLE
}

close_scratch() {
    trap '' HUP INT TERM
    Q_RUNTIME_DIR=$scratch/run "$bin/q" quit >/dev/null || true
    rm -rf -- "$scratch"
}

# --- one line ---

complete_line() {
    local rows status=0
    rows=$("$bin/q" complete -- "$1") || status=$?
    ((status == 0)) || return "$status"
    [[ -z $rows ]] || printf '%s\n' "$rows"
    printf '%s candidates for: %s\n' "$(grep -c . <<<"$rows" || true)" "$1" >&2
}

# --- a shell ---

# bash reads this instead of ~/.bashrc.
write_bash() {
    {
        "$bin/q" init bash pre
        # shellcheck disable=SC2016 # For the shell that reads it.
        printf '%s\n' 'if [ -f ~/.bashrc ]; then . ~/.bashrc; fi'
        "$bin/q" init bash post
    } >"$scratch/bashrc"
    arguments=(--rcfile "$scratch/bashrc" -i)
}

# zsh reads these instead of those in ZDOTDIR. Each puts the user's ZDOTDIR in place while the user's own file is read.
# $1 is the user's ZDOTDIR, quoted, or empty.
write_zsh() {
    mkdir "$scratch/zsh"
    {
        "$bin/q" init zsh pre
        cat <<END
unset ZDOTDIR
_q_try_user=$1
[[ -z \$_q_try_user ]] || export ZDOTDIR=\$_q_try_user
[[ ! -f \${ZDOTDIR-\$HOME}/.zshenv ]] || . "\${ZDOTDIR-\$HOME}/.zshenv"
_q_try_user=\${ZDOTDIR-}
ZDOTDIR='$scratch/zsh'
END
    } >"$scratch/zsh/.zshenv"
    {
        cat <<END
[[ \${HISTFILE-} != '$scratch/zsh/'* ]] || HISTFILE=\${_q_try_user:-\$HOME}/\${HISTFILE:t}
if [[ -n \$_q_try_user ]]; then ZDOTDIR=\$_q_try_user; else unset ZDOTDIR; fi
unset _q_try_user
[[ ! -f \${ZDOTDIR-\$HOME}/.zshrc ]] || . "\${ZDOTDIR-\$HOME}/.zshrc"
END
        "$bin/q" init zsh post
    } >"$scratch/zsh/.zshrc"
    export ZDOTDIR=$scratch/zsh
    arguments=(-i)
}

# fish reads this after its own files.
write_fish() {
    "$bin/q" init fish >"$scratch/init.fish"
    arguments=(-i -C "source $scratch/init.fish")
}

open_shell() {
    local program=$1 name=${1##*/} arguments=() status=0
    case $name in
        bash) write_bash ;;
        zsh) write_zsh "$(printf %q "${ZDOTDIR-}")" ;;
        fish) write_fish ;;
    esac
    printf 'This is your %s with Q on. Type "git che" and look; "exit" ends the trial.\n' "$name"
    "$bin/qterm" --shell "$program" --argv0 "$name" -- "${arguments[@]}" || status=$?
    return "$status"
}

# The shell that is asked for, else the user's own.
find_shell() {
    local program=${1:-${SHELL:-bash}}
    case ${program##*/} in
        bash | zsh | fish) ;;
        *) usage "Q works in bash, zsh and fish, not in ${program##*/}: name one with --shell" ;;
    esac
    type -P -- "$program" || fail "${program##*/} is not installed"
}

main() {
    local task=shell shell='' line=''
    while (($#)); do
        case $1 in
            --shell) (($# > 1)) || usage '--shell needs a name'; shell=$2; shift 2 ;;
            --) (($# == 2)) || usage 'after -- comes one line, in quotes'; task=line line=$2; shift 2 ;;
            --build) task=build; shift ;;
            -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; return 0 ;;
            *) usage "$1 is not understood" ;;
        esac
    done
    if [[ $task == shell ]]; then
        [[ -t 0 && -t 1 ]] || usage 'this is not a terminal; run it in one, or name a line'
        shell=$(find_shell "$shell") || exit
    fi
    build
    [[ $task != build ]] || return 0
    open_scratch
    case $task in
        line) complete_line "$line" ;;
        shell) open_shell "$shell" ;;
    esac
}

main "$@"
