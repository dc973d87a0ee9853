# Q at the top of fish's configuration: start.
#
# Becomes `qterm`, which starts this shell again on a terminal of its own; or, in that second shell, takes the secret
# that qterm left on file descriptor 9. Silent, and without effect where Q cannot work. It may be sourced from a pipe,
# which is then the standard input of everything here: the shell's own is asked for by its number.

# Prints the terminal on the shell's standard input.
function _q_terminal
    set -l terminal (builtin realpath /proc/$fish_pid/fd/0 2>/dev/null)
    # There is no /proc on macOS.
    test -n "$terminal"; or set terminal (command tty <&1 2>/dev/null)
    test -c "$terminal"; and string match -q '/dev/*' -- $terminal; and echo $terminal
end

# Prints the words that this shell was started with, where the system tells.
function _q_words
    test -r /proc/$fish_pid/cmdline; and string split0 </proc/$fish_pid/cmdline
end

# Whether this is a shell that somebody types into, and that Q can work with.
function _q_wanted
    status is-interactive; and test -t 1; or return 1
    set -l words (_q_words)
    string match -qr -- '^(-[ilnPN]*c|--command(=|$))' $words[2..-1]; and return 1
    test -z "$Q_DISABLE$PROCESS_LAUNCHED_BY_Q$INSIDE_EMACS$VSCODE_RESOLVING_ENVIRONMENT"; or return 1
    test "$TERM_PROGRAM" != WarpTerminal -a -n "$TERM" -a "$TERM" != dumb; or return 1
    string match -qr '^(3\.([3-9]|\d\d)|[4-9]|\d\d)' -- $version
end

# Reads the secret, the path of the edit file and the version of the vocabulary, which are in the pipe since before this
# shell was started. fish cannot close the descriptor, but then the pipe is empty.
function _q_take
    set -l fish_trace
    test -r /dev/fd/9; or return
    read -l -L secret edit words </dev/fd/9
    test "$words" = 1; and string match -qr '^[0-9a-f]{32}$' -- $secret; and string match -q '/*' -- $edit; or return
    # A variable that came in from the environment would go out to it again.
    set -gu _q_secret $secret
    set -gu _q_edit $edit
    set -gu _q_pid $fish_pid
end

# Becomes qterm. An `exec` that fails would take this shell with it, so that everything is looked at before.
function _q_launch --argument-names terminal
    set -l qterm @QTERM@
    set -l shell (status fish-path)
    test -f "$qterm" -a -x "$qterm" -a -f "$shell" -a -x "$shell"; or return
    set -l login
    status is-login; and set login --login
    set -l words (_q_words) fish
    test -t 0; and exec $qterm --shell $shell $login --argv0 $words[1]
    exec $qterm --shell $shell $login --argv0 $words[1] <$terminal
end

# Decides between the two, or for neither.
function _q_start
    set -l child "$Q_CHILD_TTY"
    set -e Q_CHILD_TTY
    test "$_q_pid" != $fish_pid; and _q_wanted; or return
    set -l terminal (_q_terminal)
    test -n "$terminal"; or return
    if test "$terminal" = "$child"
        _q_take
    else
        _q_launch $terminal
    end
end

_q_start
functions -e _q_start _q_wanted _q_take _q_launch _q_terminal _q_words
true
