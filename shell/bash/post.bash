# shellcheck shell=bash
# Q at the bottom of bash's rc file: say, prompt, line, edit, hooks.
#
# Reports to qterm in the marks of shell/README.md, and applies its edits. Does nothing in a shell that took no secret,
# nor under ble.sh, which replaces the line editor. Every function that may be called from outside first turns off the
# options that would make it fail or write the secret into a trace; `local -` puts them back.

if [ "${_q_pid-}" = "$$" ] && [ -z "${BLE_VERSION-}" ]; then
    # Under `set -a` even the functions would be exported.
    _q_flags=$-
    set +a

    # Longest line that is reported, in characters, and most names in a list: more would slow the prompt down.
    _q_longest_line=8192
    _q_most_names=2000

    # What is being edited, as PS0 and PS2 set it: 0 nothing of ours, 1 a command line, 2 a continuation line.
    _q_state=0
    _q_none=()

    # The marks in PS1, PS2 and PS0. The secret is expanded when they are drawn: PS1 may be exported, or shown.
    # shellcheck disable=SC2016 # Expanded by the prompt.
    _q_begin='\[\e]6977;${_q_secret-};B\a\]'
    # shellcheck disable=SC2016
    _q_continue='\[\e]6977;${_q_secret-};E\a${_q_none[_q_state=2]-}\]'
    # shellcheck disable=SC2016
    _q_run='\e]6977;${_q_secret-};C\a${_q_none[_q_state=0]-}'

    # --- say ---

    # Writes marks, already made, to the terminal.
    _q_say() {
        builtin printf %s "$1" 2>/dev/null >/dev/tty
    }

    # Adds to `marks` what changed in the world: a name and its value.
    # shellcheck disable=SC2154 # _q_secret is set by pre.bash.
    _q_world() {
        [[ ${_q_known[$1]-} != "$2" ]] || return 0
        _q_known[$1]=$2
        local mark
        builtin printf -v mark '\e]6977;%s;W;%s;q:%q\a' "$_q_secret" "$1" "$2"
        marks+=$mark
    }

    # Adds the aliases to `marks` if their names or values changed.
    _q_world_aliases() {
        local IFS=$'\037' name list=()
        local -i count=0
        [[ ${_q_aliases-} != "${BASH_ALIASES[*]-}$IFS${#BASH_ALIASES[@]}" ]] || return 0
        _q_aliases=${BASH_ALIASES[*]-}$IFS${#BASH_ALIASES[@]}
        for name in "${!BASH_ALIASES[@]}"; do
            ((count++ < _q_most_names)) || break
            list+=("$name=${BASH_ALIASES[$name]}")
        done
        _q_world aliases "${list[*]-}"
    }

    # Adds the names of the functions to `marks`, without those that begin with `_`. Only a subshell can list them, so
    # this is done once, after the rc file.
    _q_world_functions() {
        [[ -z ${_q_listed-} ]] || return 0
        _q_listed=1
        local IFS=$'\n' name list=()
        for name in $(builtin compgen -A function -X '_*'); do
            ((${#list[@]} < _q_most_names)) || break
            list+=("$name")
        done
        IFS=$'\037'
        _q_world functions "${list[*]-}"
    }

    # --- prompt ---

    # Keeps the status for _q_prompt where PROMPT_COMMAND is one string, and passes it on.
    _q_first() {
        _q_status=$?
        case $- in *e*) return 0 ;; esac
        return "$_q_status"
    }

    # The last of the prompt's commands: tells that a prompt comes, and marks where it will end.
    _q_prompt() {
        { local - status=$?; set +aefux; } 2>/dev/null
        local marks=''
        status=${_q_status-$status}
        [[ ${PROMPT_COMMAND[*]} != *__bp_interactive_mode ]] || status=${__bp_last_ret_value-$status}
        _q_state=1
        builtin printf -v marks '\e]6977;%s;D;%d\a' "$_q_secret" "$status"
        _q_world cwd "$PWD"
        _q_world path "${PATH-}"
        _q_world histfile "${HISTFILE-}"
        if [[ -o vi ]]; then _q_world keys vi; else _q_world keys emacs; fi
        _q_world_aliases
        _q_world_functions
        _q_say "$marks"
        _q_mark_prompts
        _q_hook
        return 0
    }

    # Puts the marks into the prompts, which themes like to rewrite; takes them out where they would be printed as they
    # are (no promptvars) or end up in a file (the prompts go to standard error).
    _q_mark_prompts() {
        if ! shopt -q promptvars || ! [ -t 2 ]; then
            PS0=${PS0//"$_q_run"/} PS1=${PS1//"$_q_begin"/} PS2=${PS2//"$_q_continue"/}
            return 0
        fi
        [[ ${PS1-} == *"$_q_begin" ]] || PS1=${PS1//"$_q_begin"/}$_q_begin
        [[ ${PS2-} == *"$_q_continue"* ]] || PS2=$_q_continue${PS2-}
        [[ ${PS0-} == *"$_q_run"* ]] || PS0=$_q_run${PS0-}
    }

    # --- line ---

    # Puts the first $1 bytes of $2 into `head`.
    _q_head() {
        local LC_ALL=C
        head=${2:0:$1}
    }

    # Puts the number of bytes of $1 into `bytes`.
    _q_bytes() {
        local LC_ALL=C
        bytes=${#1}
    }

    # Reports the line. Before bash 5 its cursor counted bytes.
    _q_line() {
        local names=(other main cont) line=${READLINE_LINE-} cursor=${READLINE_POINT-0} head='' mark
        local state=${names[_q_state]}
        if ((BASH_VERSINFO[0] < 5)); then
            _q_head "$cursor" "$line"
            cursor=${#head}
        fi
        ((${#line} <= _q_longest_line)) || state=other cursor=0 line=''
        builtin printf -v mark '\e]6977;%s;L;%s;%d;q:%q\a' "$_q_secret" "$state" "$cursor" "$line"
        _q_say "$mark"
    }

    # The report key.
    _q_report() {
        { local -; set +aefux; } 2>/dev/null
        _q_line
        _q_hook
        return 0
    }

    # --- edit ---

    # The apply key: changes the line if it is what was expected, then reports it.
    _q_apply() {
        { local -; set +aefux; } 2>/dev/null
        local cursor='' old='' new='' bytes
        if _q_read && [[ ${READLINE_LINE-} == "$old" ]]; then
            if ((BASH_VERSINFO[0] < 5)); then
                _q_bytes "${new:0:cursor}"
                cursor=$bytes
            fi
            READLINE_LINE=$new READLINE_POINT=$cursor
        fi
        _q_line
        return 0
    }

    # Reads the edit file into `cursor`, `old` and `new`.
    # shellcheck disable=SC2154 # _q_edit is set by pre.bash.
    _q_read() {
        {
            IFS= builtin read -r -d '' cursor && IFS= builtin read -r -d '' old && IFS= builtin read -r -d '' new
        } 2>/dev/null <"$_q_edit" || return 1
        [[ -n $cursor && ${#cursor} -lt 9 && $cursor != *[!0-9]* ]] || return 1
        cursor=$((10#$cursor))
    }

    # --- hooks ---

    # Keeps _q_prompt the last of the prompt's commands; only the end of bash-preexec, which takes what runs after it
    # for a command of the user's, comes later.
    _q_hook() {
        local bp=__bp_interactive_mode command commands=() last
        for command in "${PROMPT_COMMAND[@]}"; do
            command=${command//_q_first$'\n'/}
            command=${command//_q_prompt[$'\n;']/}
            command=${command%_q_prompt}
            [[ -z $command ]] || commands+=("$command")
        done
        last=$((${#commands[@]} - 1))
        if ((last >= 0)) && [[ ${commands[last]} == *"$bp" ]]; then
            commands[last]=${commands[last]%"$bp"}$'_q_prompt\n'$bp
        elif ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
            commands+=(_q_prompt)
        else
            commands=(_q_first$'\n'"${commands[0]-:}"$'\n_q_prompt')
        fi
        [[ ${commands[*]} == "${PROMPT_COMMAND[*]}" ]] || _q_set_commands
    }

    # Sets PROMPT_COMMAND to `commands`: an array only where bash runs all of one. A child cannot run it.
    _q_set_commands() {
        if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
            PROMPT_COMMAND=("${commands[@]}")
        else
            # shellcheck disable=SC2178 # It is a string in these versions.
            PROMPT_COMMAND=${commands[0]}
        fi
        builtin export -n PROMPT_COMMAND
    }

    # Binds the two keys. The argument keeps `$_` what it was. A simple command: in the middle of a line that goes on,
    # bash would not understand another.
    _q_bind() {
        local keymap
        for keymap in emacs vi-insert vi-command; do
            # shellcheck disable=SC2016 # Expanded when the key is pressed.
            builtin bind -m "$keymap" -x '"\e[24;8~": _q_report "$_"'
            # shellcheck disable=SC2016
            builtin bind -m "$keymap" -x '"\e[23;8~": _q_apply "$_"'
        done
    } 2>/dev/null

    # Sets everything up, once; variables that the user made read-only are left alone.
    _q_setup() {
        { local -; set +aefux; } 2>/dev/null
        [[ -o emacs || -o vi ]] || return 0
        [[ ${PROMPT_COMMAND@a}${PS0@a}${PS1@a}${PS2@a} != *r* ]] || return 0
        declare -gA _q_known
        unset -v _q_status
        _q_bind
        _q_hook
        [[ -z ${_q_hooked-} ]] || return 0
        _q_hooked=1
        local mark
        builtin printf -v mark '\e]6977;%s;H;bash;%s;%d\a' "$_q_secret" "$BASH_VERSION" "$$"
        _q_say "$mark"
    }

    _q_setup
    case $_q_flags in *a*) set -a ;; esac
    unset -v _q_flags
fi
