# Q at the top of zsh's rc file: start.
#
# Becomes `qterm`, which starts this shell again on a terminal of its own; or, in that second shell, takes the secret
# that qterm left on file descriptor 9. Silent, and without effect where Q cannot work. It may be evaluated, so that
# nothing here returns out of the rc file.

# Whether this is a shell that somebody types into, and that Q can work with.
_q_wanted() {
  emulate -L zsh +ax
  [[ -o interactive && -t 0 && -t 1 ]] || return 1
  [[ -z ${Q_DISABLE-}${PROCESS_LAUNCHED_BY_Q-}${ZSH_EXECUTION_STRING-} ]] || return 1
  [[ -z ${INSIDE_EMACS-}${VSCODE_RESOLVING_ENVIRONMENT-} ]] || return 1
  [[ ${TERM_PROGRAM-} != WarpTerminal && -n ${TERM-} && $TERM != dumb ]] || return 1
  local -a version=(${(s:.:)ZSH_VERSION})
  (( version[1] * 100 + ${version[2]%%[^0-9]*} >= 503 ))
}

# Reads the secret, the path of the edit file and the version of the vocabulary. They are in the pipe since before this
# shell was started; the time limit is for a descriptor 9 that is somebody else's.
_q_take() {
  emulate -L zsh +ax
  local secret edit version
  {
    IFS= builtin read -r -t 1 -u 9 secret && IFS= builtin read -r -t 1 -u 9 edit &&
      IFS= builtin read -r -t 1 -u 9 version
  } 2>/dev/null
  # qterm keeps the other end, and asks for the line through it. Closed in the programs that this shell starts.
  typeset -gi +x _q_ask
  zmodload zsh/system 2>/dev/null && sysopen -r -o cloexec -u _q_ask -- /dev/fd/9 2>/dev/null || version=
  { builtin exec 9<&- } 2>/dev/null
  [[ $version == 1 && $#secret -eq 32 && $secret != *[^0-9a-f]* && $edit == /* ]] || return 0
  # A variable that came in from the environment would go out to it again.
  typeset -g +x _q_secret=$secret _q_edit=$edit _q_pid=$$
}

# Becomes qterm. An `exec` that fails would take this shell with it, so that everything is looked at before.
_q_launch() {
  emulate -L zsh +ax
  local qterm=@QTERM@ shell=${:-/proc/$$/exe}
  shell=${shell:A}
  [[ $shell != /proc/* && -x $shell ]] || shell=${ZSH_ARGZERO#-}
  [[ $shell == */* ]] || shell=${commands[$shell]-}
  shell=${shell:a}
  [[ -f $qterm && -x $qterm && -f $shell && -x $shell ]] || return 0
  local -a login
  [[ -o login ]] && login=(--login)
  builtin exec $qterm --shell $shell $login --argv0 $ZSH_ARGZERO
}

# Decides between the two, or for neither.
_q_start() {
  emulate -L zsh +ax
  local child=${Q_CHILD_TTY-}
  unset Q_CHILD_TTY
  [[ ${_q_pid-} != $$ ]] && _q_wanted || return 0
  if [[ -n $child && /dev/fd/0 -ef $child ]]; then
    _q_take
  else
    _q_launch
  fi
  return 0
}

_q_start
unfunction _q_start _q_wanted _q_take _q_launch
