# Q at the bottom of zsh's rc file: say, prompt, line, edit, hooks.
#
# Reports to qterm in the marks of shell/README.md, and applies its edits. Does nothing in a shell that took no secret.
# Every function starts with `emulate`; its `+ax` keeps the secret out of a trace and the line out of the
# environment. Hooks of the user's that ours replace are called before that, under the user's options. Nothing here
# depends on options that count when a file is read.

if [[ ${_q_pid-} == $$ ]]; then
  # Longest line that is reported, in characters, and most names in a list: more would slow the line editor down.
  typeset -gi +x _q_longest_line=8192 _q_most_names=2000

  # --- say ---

  # Writes marks, given without secret and ends, to the terminal.
  _q_say() {
    emulate -L zsh +ax
    local mark marks
    for mark; do marks+=$'\e]6977;'$_q_secret';'$mark$'\a'; done
    builtin print -rn -u $_q_fd -- $marks
  }

  # Adds to `marks` what changed in the world: a name and its value.
  _q_world() {
    emulate -L zsh +ax
    [[ ${_q_known[$1]-} != "$2" ]] || return 0
    _q_known[$1]=$2
    marks+=("W;$1;q:${(qqqq)2}")
  }

  # Adds to `marks` what names stand for, if that changed: $1 says what they are; names and values follow.
  _q_world_pairs() {
    emulate -L zsh +ax
    local kind=$1 name value list=()
    shift
    [[ "$*" != "${_q_pairs[$kind]-}" ]] || return 0
    _q_pairs[$kind]="$*"
    for name value; do list+=("$name=$value"); done
    _q_world $kind "${(pj:\x1f:)list[1,_q_most_names]}"
  }

  # Adds the names of the functions to `marks`, without those that begin with `_`, if their number changed.
  _q_world_functions() {
    emulate -L zsh +ax
    local names=(${(k)functions})
    (( $#names != _q_function_count )) || return 0
    _q_function_count=$#names
    names=(${${(o)names:#_*}[1,_q_most_names]})
    _q_world functions "${(pj:\x1f:)names}"
  }

  # --- prompt ---

  # Tells that a prompt comes. Takes its hooks back when something replaced them so that they were not called.
  _q_precmd() {
    local -i code=$?
    emulate -L zsh +ax
    local -a marks=("D;$code")
    _q_world cwd "$PWD"
    _q_world path "${PATH-}"
    _q_world histfile "${HISTFILE-}"
    _q_world keys $_q_keys
    _q_world_pairs aliases "${(@kv)aliases}"
    _q_world_pairs global_aliases "${(@kv)galiases}"
    _q_world_pairs suffix_aliases "${(@kv)saliases}"
    _q_world_functions
    _q_say $marks
    (( _q_called )) || _q_hook
    _q_called=0 _q_searching=0
    return 0
  }

  # Tells that a command line starts to run.
  _q_preexec() {
    emulate -L zsh +ax
    _q_say C
  }

  # --- line ---

  # Reports the line, unless it is what was reported last. $1 is what happened, if more than a change.
  _q_report() {
    emulate -L zsh +ax
    case ${1-} in
      (init) _q_called=1 _q_searching=0 _q_reported= ;;
      (search) _q_searching=1 ;;
      (found) _q_searching=0; return 0 ;;
      (asked) _q_reported= ;;
    esac
    local state=main report
    case ${CONTEXT-}:${KEYMAP-} in
      (cont:*) state=cont ;;
      (vared:*|select:*) state=other ;;
      (*:vicmd|*:viopp|*:visual) state=vicmd ;;
    esac
    (( ! _q_searching )) || state=search
    # The line editor was called from within a widget, for a line of its own.
    (( ! ${ZLE_RECURSIVE-0} )) && [[ -z ${PREDISPLAY-} ]] || state=other
    if (( $#BUFFER > _q_longest_line )); then
      report="other;0;q:''"
    else
      report="$state;$CURSOR;q:${(qqqq)BUFFER}"
    fi
    [[ $report != $_q_reported ]] || return 0
    _q_reported=$report
    builtin print -rn -u $_q_fd -- $'\e]6977;'$_q_secret';L;'$report$'\a'
  }

  # The hooks of the line editor. `_q_depth` ends the circle that arises when the user's hook calls ours in turn.
  _q_line_init() {
    (( ! _q_depth )) || return 0
    local -i +x _q_depth=1
    ${_q_chained[zle-line-init]:-:} "$@"
    _q_report init
  }

  _q_line_finish() {
    (( ! _q_depth )) || return 0
    local -i +x _q_depth=1
    ${_q_chained[zle-line-finish]:-:} "$@"
    _q_say E
  }

  _q_isearch_update() {
    (( ! _q_depth )) || return 0
    local -i +x _q_depth=1
    ${_q_chained[zle-isearch-update]:-:} "$@"
    _q_report search
  }

  _q_isearch_exit() {
    (( ! _q_depth )) || return 0
    local -i +x _q_depth=1
    ${_q_chained[zle-isearch-exit]:-:} "$@"
    _q_report found
  }

  # qterm asks for the line, with a byte in its pipe that the line editor finds while it waits for a key: after it has
  # drawn what was typed, and whatever keys may be pending.
  _q_asked() {
    emulate -L zsh +ax
    local bytes
    # Keys come first: the byte stays in the pipe until they have had their effect.
    (( ! ${PENDING-0} )) || return 0
    # Without its other end there is nobody left to be told.
    sysread -i $_q_ask -s 512 bytes 2>/dev/null || { zle -F $_q_ask; return 0; }
    _q_report asked
  }

  # The report key.
  _q_report_key() {
    _q_report asked
  }

  # --- edit ---

  # The apply key: changes the line if it is what was expected, then reports it. A suggestion that zsh-autosuggestions
  # shows is of the old line.
  _q_apply_key() {
    emulate -L zsh +ax
    local -a edit
    _q_read
    if [[ $#edit -ge 3 && $#edit[1] -lt 9 && $edit[1] != *[^0-9]* && $BUFFER == "$edit[2]" ]]; then
      BUFFER=$edit[3] CURSOR=$edit[1]
      (( ! $+widgets[autosuggest-clear] )) || zle autosuggest-clear
      (( ! $+widgets[autosuggest-fetch] )) || zle autosuggest-fetch
    fi
    _q_report_key
  }

  # Reads the edit file into `edit`.
  _q_read() {
    emulate -L zsh +ax
    local part text
    [[ -r $_q_edit ]] || return 0
    while sysread -s 65536 part && (( $#text < 1 << 20 )); do text+=$part; done 2>/dev/null <$_q_edit
    edit=("${(@0)text}")
  }

  # --- hooks ---

  # Puts ours in the place of a hook of the line editor, or beside it where `add-zle-hook-widget` manages it.
  _q_hook() {
    emulate -L zsh +ax
    local hook ours
    for hook in line-init line-finish isearch-update isearch-exit; do
      ours=_q_${hook//-/_} hook=zle-$hook
      case ${widgets[$hook]-} in
        (user:$ours) continue ;;
        (user:azhw:*) zle -N $ours; add-zle-hook-widget $hook $ours; continue ;;
        (user:*) _q_chained[$hook]=${widgets[$hook]#user:} ;;
      esac
      zle -N $hook $ours
    done
  }

  # Binds the two keys.
  _q_bind() {
    emulate -L zsh +ax
    local keymap
    # The one subshell of this file: nothing else tells what `main` is linked to.
    typeset -g _q_keys=emacs
    [[ $(bindkey -lL main) == *viins* ]] && _q_keys=vi
    zle -N _q_asked
    zle -Fw $_q_ask _q_asked
    zle -N _q_report_key
    zle -N _q_apply_key
    for keymap in emacs viins vicmd; do
      bindkey -M $keymap '\e[24;8~' _q_report_key
      bindkey -M $keymap '\e[23;8~' _q_apply_key
    done
  }

  # Sets everything up, once. The terminal is opened anew, since standard output may be redirected.
  _q_setup() {
    emulate -L zsh +ax
    [[ -o zle && -z ${_q_hooked-} ]] || return 0
    zmodload zsh/system zsh/parameter zsh/zle zsh/zleparameter 2>/dev/null || return 0
    typeset -gi _q_fd
    sysopen -w -o cloexec -u _q_fd -- ${TTY:-/dev/tty} 2>/dev/null || return 0
    typeset -g _q_hooked=1
    # The last report; whether a history search is on, we are in a hook, one was called since the prompt.
    typeset -g _q_reported=
    typeset -gi _q_searching=0 _q_depth=0 _q_called=0
    # The user's hooks in whose place ours are; what is known of the world.
    typeset -gA _q_chained _q_known _q_pairs
    typeset -gi _q_function_count=-1
    typeset -ga precmd_functions preexec_functions
    precmd_functions=(_q_precmd $precmd_functions)
    preexec_functions=($preexec_functions _q_preexec)
    _q_bind
    _q_hook
    _q_say "H;zsh;$ZSH_VERSION;$$"
  }

  _q_setup
fi
