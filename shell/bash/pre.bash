# shellcheck shell=bash
# Q at the top of bash's rc file: start.
#
# Becomes `qterm`, which starts this shell again on a terminal of its own; or, in that second shell, takes the secret
# that qterm left on file descriptor 9. Silent, and without effect where Q cannot work. Old versions of bash have to
# parse this file too, and it may be evaluated, so that nothing here returns out of the rc file.

# Whether this is a shell that somebody types into, and that Q can work with.
_q_wanted() {
    case $- in *i*) ;; *) return 1 ;; esac
    [ -t 0 ] && [ -t 1 ] || return 1
    [ -z "${Q_DISABLE-}${PROCESS_LAUNCHED_BY_Q-}${BASH_EXECUTION_STRING-}" ] || return 1
    [ -z "${INSIDE_EMACS-}${VSCODE_RESOLVING_ENVIRONMENT-}" ] || return 1
    [ "${TERM_PROGRAM-}" != WarpTerminal ] || return 1
    case ${TERM-} in '' | dumb) return 1 ;; esac
    ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404))
}

# Reads the secret, the path of the edit file and the version of the vocabulary. They are in the pipe since before this
# shell was started; the time limit is for a descriptor 9 that is somebody else's.
_q_take() {
    { local - secret='' edit='' version=''; set +aeux; } 2>/dev/null
    {
        IFS= builtin read -r -t 1 secret && IFS= builtin read -r -t 1 edit && IFS= builtin read -r -t 1 version
    } 2>/dev/null <&9
    exec 9<&-
    [[ $version == 1 && ${#secret} -eq 32 && $secret != *[!0-9a-f]* && $edit == /* ]] || return 0
    _q_secret=$secret _q_edit=$edit _q_pid=$$
    # A variable that came in from the environment would go out to it again.
    builtin export -n _q_secret _q_edit _q_pid
}

# Becomes qterm. A shell whose `exec` fails lives on.
_q_launch() {
    local qterm=@QTERM@ shell=${BASH-} fail=-s
    [[ -f $qterm && -x $qterm && $shell == /* && -x $shell ]] || return 0
    shopt -q execfail || fail=-u
    shopt -s execfail
    if shopt -q login_shell; then
        builtin exec "$qterm" --shell "$shell" --login --argv0 "$0"
    else
        builtin exec "$qterm" --shell "$shell" --argv0 "$0"
    fi
    shopt "$fail" execfail
}

# Decides between the two, or for neither.
_q_start() {
    local child=${Q_CHILD_TTY-}
    unset -v Q_CHILD_TTY
    [ "${_q_pid-}" != "$$" ] && _q_wanted || return 0
    if [ -n "$child" ] && [ /dev/stdin -ef "$child" ]; then
        _q_take
    else
        _q_launch
    fi
    return 0
}

_q_start
unset -f _q_start _q_wanted _q_take _q_launch
