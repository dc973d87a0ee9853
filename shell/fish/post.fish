# Q at the bottom of fish's configuration: say, prompt, line, edit, hooks.
#
# Reports to qterm in the marks of shell/README.md, and applies its edits. Does nothing in a shell that took no secret.
# A local `fish_trace` keeps the secret out of a trace.

if test "$_q_pid" = $fish_pid
    # Longest line that is reported, in characters, and most names in a list: more would slow the prompt down.
    set -gu _q_longest_line 8192
    set -gu _q_most_names 2000

    # --- say ---

    # Writes marks, given without secret and ends, to the terminal.
    function _q_say
        set -l fish_trace
        printf '\e]6977;'$_q_secret';%s\a' $argv >/dev/tty
    end

    # Prints a mark of what changed in the world: a name and its value, which is one list.
    function _q_world --argument-names name
        set -l fish_trace
        set -l known _q_known_$name
        test "$$known" != "$argv[2..-1]"; or return 0
        set -gu $known $argv[2..-1]
        set -l text (string join \x1f -- $argv[2..-1] | string escape --style=url)
        string join '' -- "W;$name;u:" (string join %0A -- $text)
    end

    # Prints the marks of the commands that stand for others, which in fish are functions that complete like them; of
    # abbreviations, unless a function or a pattern is behind one; and of the names of functions, without those that
    # begin with `_`.
    function _q_world_names
        set -l fish_trace
        set -l aliases
        set -l lines (complete | string match -r -- '^complete (?:--command )?[\w.+-]+ --wraps .*')
        for line in $lines[1..$_q_most_names]
            set -l words (string match -r -- '^complete (?:--command )?(\S+) --wraps (.*)$' $line)
            set -a aliases (string unescape -- $words[2])=(string unescape -- $words[3])
        end
        _q_world aliases $aliases
        set -l lines (abbr --show)
        set -l lines $lines[1..$_q_most_names]
        _q_world abbreviations (_q_pairs '^abbr -a (?:-U |-g )?-- (\S+) (.*)$' $lines)
        _q_world global_aliases (_q_pairs '^abbr -a --position anywhere -- (\S+) (.*)$' $lines)
        set -l functions (functions -n)
        _q_world functions $functions[1..$_q_most_names]
    end

    # Prints names and values, which this pattern finds in lines. Values of several rows are left out: what is printed
    # is a list of rows.
    function _q_pairs --argument-names pattern
        for line in $argv[2..-1]
            set -l words (string match -r -- $pattern $line); or continue
            set -l value (string unescape -- $words[3])
            test (count $value) = 1; and string join = -- (string unescape -- $words[2]) $value
        end
    end

    # Prints a mark of the file that history goes to.
    function _q_world_histfile
        set -l name fish
        set -q fish_history; and set name $fish_history
        set -l data ~/.local/share
        test -n "$XDG_DATA_HOME"; and set data $XDG_DATA_HOME
        test -n "$name"; and set name $data/fish/$name'_history'
        _q_world histfile $name
    end

    # Prints a mark of whose keys the line editor has.
    function _q_world_keys
        if string match -q '*vi*' -- "$fish_key_bindings"
            _q_world keys vi
        else
            _q_world keys emacs
        end
    end

    # --- prompt ---

    # Tells that a prompt comes, and what changed in the world. Wraps the prompt if a theme made a new one.
    function _q_on_prompt --on-event fish_prompt
        set -l code $status
        set -l fish_trace
        set -l marks "D;$code" (_q_world cwd $PWD) (_q_world path (string join : -- $PATH)) (_q_world_histfile) (_q_world_keys)
        if test "$_q_stale" = 1
            set -a marks (_q_world_names)
            _q_bind
        end
        _q_say $marks
        _q_wrap_prompt
        set -gu _q_stale 0
        set -gu _q_editing 1
    end

    # Tells that a command line starts to run. What defines names is looked at after it.
    function _q_on_preexec --on-event fish_preexec
        set -l fish_trace
        set -gu _q_editing 0
        string match -qr '\b(alias|abbr|functions?|source|funcsave|complete)\b|(^|\s)\.\s' -- "$argv"
        and set -gu _q_stale 1
        _q_say C
    end

    # Tells that the line was given up; a prompt follows without an event of its own.
    function _q_on_cancel --on-event fish_cancel
        set -l code $status
        set -l fish_trace
        _q_say E "D;$code"
    end

    # Makes the prompt end in a mark, unless it is ours already, as its description says. The last of its lines takes
    # the mark: a newline at the end of a prompt is not drawn, but one before the mark would be.
    function _q_wrap_prompt
        test (functions --details --verbose fish_prompt)[-1] = 'prompt with the mark of q'; and return
        functions -e _q_user_prompt
        functions -c fish_prompt _q_user_prompt 2>/dev/null; or return
        function fish_prompt --description 'prompt with the mark of q'
            set -l lines (_q_user_prompt $argv)
            set -l fish_trace
            set -q lines[1]; or set lines ''
            contains -- --final-rendering $argv
            or set lines[-1] $lines[-1](printf '\e]6977;%s;B\a' $_q_secret)
            string join \n -- $lines
        end
    end

    # --- line ---

    # Prints the line as it is compared and reported: on one row.
    function _q_text
        string join %0A -- (commandline -b | string escape --style=url)
    end

    # The report key. What a key binding prints goes to the terminal; opening it anew would cost as much again.
    function _q_report
        set -l fish_trace
        set -l state main
        set -l text (_q_text)
        set -l cursor (commandline -C)
        test "$fish_bind_mode" != insert; and string match -qr 'vi|hybrid' -- "$fish_key_bindings"; and set state vicmd
        commandline -P; and set state search
        test "$_q_editing" = 1; or set state other
        test (string length -- "$text") -gt $_q_longest_line; and set state other; and set cursor 0; and set text
        printf '\e]6977;%s;L;%s;%d;u:%s\a' $_q_secret $state $cursor "$text"
    end

    # --- edit ---

    # The apply key: changes the line if it is what was expected, then reports it.
    function _q_apply
        set -l fish_trace
        set -l edit
        test -r $_q_edit; and set edit (string split0 <$_q_edit)
        if test (count $edit) -ge 3; and string match -qr '^\d{1,8}$' -- $edit[1]
            and test (_q_text) = (string escape --style=url -- $edit[2])
            commandline -r -- $edit[3]
            commandline -C $edit[1]
        end
        _q_report
    end

    # --- hooks ---

    # Binds the two keys in every mode, again when the user changes the set of key bindings.
    function _q_bind --on-variable fish_key_bindings
        for mode in default insert visual replace replace_one
            bind -M $mode \e\[24\;8~ _q_report
            bind -M $mode \e\[23\;8~ _q_apply
            # From version 4 on keys have names.
            string match -q '3.*' -- $version; and continue
            bind -M $mode ctrl-alt-shift-f12 _q_report
            bind -M $mode ctrl-alt-shift-f11 _q_apply
        end 2>/dev/null
    end

    # Sets everything up, once; the user's own key bindings come after this, so that ours are set again at the first
    # prompt.
    function _q_setup
        set -q _q_hooked; and return
        set -gu _q_hooked 1
        set -gu _q_editing 0
        set -gu _q_stale 1
        _q_bind
        _q_say "H;fish;$version;$fish_pid"
    end

    _q_setup
end
true
