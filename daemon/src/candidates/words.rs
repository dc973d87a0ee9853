//! The shells' own words: what may stand as the first word of a command without being a program, and what it does.
//!
//! `.`, `:`, `[` and brackets are left out: nobody completes them.

use protocol::Shell;

/// The builtins and keywords of a shell, each with what it does.
pub(super) fn words(shell: Shell) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mark = mark(shell);
    let ours = WORDS.iter().filter(move |(_, shells, _)| shells.contains(mark));
    ours.map(|&(name, _, description)| (name, description))
}

/// What a word of the shell does; `None` when it is none.
pub(super) fn description(shell: Shell, name: &str) -> Option<&'static str> {
    let at = WORDS.binary_search_by(|(word, _, _)| (*word).cmp(name)).ok()?;
    let (_, shells, description) = WORDS[at];
    shells.contains(mark(shell)).then_some(description)
}

/// Whether a word is one of the shell's own.
pub fn is_own(shell: Shell, name: &str) -> bool {
    description(shell, name).is_some()
}

fn mark(shell: Shell) -> char {
    match shell {
        Shell::Bash => 'b',
        Shell::Zsh => 'z',
        Shell::Fish => 'f',
    }
}

/// In the order of their names: the word, the first letters of the shells that have it (bash 5.2, zsh 5.9, fish 3.7),
/// and what it does.
const WORDS: [(&str, &str, &str); 150] = [
    ("abbr", "f", "Manage abbreviations"),
    ("alias", "bz", "Define or list aliases"),
    ("and", "f", "Run a command if the last one succeeded"),
    ("argparse", "f", "Parse the options of a script or function"),
    ("autoload", "z", "Mark functions to be loaded when first called"),
    ("begin", "f", "Begin a block of commands"),
    ("bg", "bzf", "Resume jobs in the background"),
    ("bind", "bf", "Bind keys to editing commands"),
    ("bindkey", "z", "Bind keys to editing commands"),
    ("block", "f", "Hold events back"),
    ("break", "bzf", "Leave a loop"),
    ("breakpoint", "f", "Start an interactive session inside a script"),
    ("builtin", "bzf", "Run a builtin of the shell by its name"),
    ("bye", "z", "Leave the shell"),
    ("caller", "b", "Show who called this function"),
    ("case", "bzf", "Run commands by the pattern that a word matches"),
    ("cd", "bzf", "Change the current directory"),
    ("chdir", "z", "Change the current directory"),
    ("command", "bzf", "Run a program, not a function or alias of its name"),
    ("commandline", "f", "Show or change the command line"),
    ("compadd", "z", "Add matches to a completion"),
    ("compgen", "b", "List possible completions"),
    ("complete", "bf", "Say how arguments are completed"),
    ("compopt", "b", "Change the options of a completion"),
    ("contains", "f", "Tell whether a word is in a list"),
    ("continue", "bzf", "Go on with the next turn of a loop"),
    ("coproc", "bz", "Run a command with a pipe to and from it"),
    ("count", "f", "Count the elements of a list"),
    ("declare", "bz", "Declare variables and their attributes"),
    ("dirs", "bz", "Show the stack of directories"),
    ("disable", "z", "Switch off builtins, functions or aliases"),
    ("disown", "bzf", "Forget jobs, so that they outlive the shell"),
    ("do", "bz", "Begin the body of a loop"),
    ("done", "bz", "End a loop"),
    ("echo", "bzf", "Write arguments to the output"),
    ("echotc", "z", "Write a termcap capability"),
    ("echoti", "z", "Write a terminfo capability"),
    ("elif", "bz", "Else, if another condition holds"),
    ("else", "bzf", "What to do when no condition holds"),
    ("emit", "f", "Raise an event"),
    ("emulate", "z", "Behave like another shell"),
    ("enable", "bz", "Switch builtins on or off"),
    ("end", "zf", "End a block of commands"),
    ("esac", "bz", "End a `case`"),
    ("eval", "bzf", "Run arguments as a command line"),
    ("exec", "bzf", "Replace the shell by a program"),
    ("exit", "bzf", "Leave the shell"),
    ("export", "bz", "Hand variables to the programs that are run"),
    ("false", "bzf", "Do nothing, and fail"),
    ("fc", "bz", "List, edit or run earlier commands again"),
    ("fg", "bzf", "Bring a job to the foreground"),
    ("fi", "bz", "End an `if`"),
    ("fish_config", "f", "Configure fish"),
    ("fish_key_reader", "f", "Show what keys send"),
    ("float", "z", "Declare floating-point variables"),
    ("for", "bzf", "Run commands for each word of a list"),
    ("foreach", "z", "Run commands for each word of a list"),
    ("funced", "f", "Edit a function"),
    ("funcsave", "f", "Save a function for later sessions"),
    ("function", "bzf", "Define a function"),
    ("functions", "zf", "List, show or change functions"),
    ("getln", "z", "Read a line from the editing buffer stack"),
    ("getopts", "bz", "Parse the options of a script"),
    ("hash", "bz", "Remember where programs are"),
    ("help", "b", "Explain builtins"),
    ("history", "bzf", "Show or change the history"),
    ("if", "bzf", "Run commands if a condition holds"),
    ("in", "b", "Begin the list of words of a loop"),
    ("integer", "z", "Declare integer variables"),
    ("isatty", "f", "Tell whether a descriptor is a terminal"),
    ("jobs", "bzf", "List jobs"),
    ("kill", "bz", "Send a signal to processes or jobs"),
    ("let", "bz", "Calculate"),
    ("limit", "z", "Set limits of resources"),
    ("local", "bz", "Declare variables of a function"),
    ("log", "z", "List the users who are watched and logged in"),
    ("logout", "bz", "Leave a login shell"),
    ("mapfile", "b", "Read lines into an array"),
    ("math", "f", "Calculate"),
    ("nocorrect", "z", "Run a command without correcting its spelling"),
    ("noglob", "z", "Run a command without expanding patterns"),
    ("not", "f", "Invert the status of a command"),
    ("or", "f", "Run a command if the last one failed"),
    ("path", "f", "Take paths apart, filter and sort them"),
    ("popd", "bzf", "Go back to the last directory of the stack"),
    ("print", "z", "Write arguments to the output"),
    ("printf", "bzf", "Write arguments in a format"),
    ("private", "z", "Declare variables that only this function sees"),
    ("prompt_pwd", "f", "Show the current directory as a prompt would"),
    ("psub", "f", "Hand the output of a command over as a file"),
    ("pushd", "bzf", "Change the directory and remember the last one"),
    ("pushln", "z", "Push lines on the editing buffer stack"),
    ("pwd", "bzf", "Show the current directory"),
    ("r", "z", "Run the last command again"),
    ("random", "f", "Show a random number or choice"),
    ("read", "bzf", "Read a line into variables"),
    ("readarray", "b", "Read lines into an array"),
    ("readonly", "bz", "Protect variables from being changed"),
    ("realpath", "f", "Show a path without links"),
    ("rehash", "z", "Look for the programs of the PATH again"),
    ("repeat", "z", "Run commands a number of times"),
    ("return", "bzf", "Leave a function"),
    ("sched", "z", "Run a command at a time"),
    ("select", "bz", "Let the user choose from a list"),
    ("set", "bzf", "Set or show options, arguments or variables"),
    ("set_color", "f", "Set the colour of the terminal"),
    ("setopt", "z", "Set options of the shell"),
    ("shift", "bz", "Drop the first arguments"),
    ("shopt", "b", "Set or show options of the shell"),
    ("source", "bzf", "Run the commands of a file in this shell"),
    ("stat", "z", "Show what is known of a file"),
    ("status", "f", "Show what the shell is doing"),
    ("string", "f", "Work with texts"),
    ("suspend", "bzf", "Suspend the shell"),
    ("switch", "f", "Run commands by the pattern that a word matches"),
    ("test", "bzf", "Evaluate a condition"),
    ("then", "bz", "What to do when a condition holds"),
    ("time", "bzf", "Measure how long a command takes"),
    ("times", "bz", "Show the time that the shell and its programs took"),
    ("trap", "bz", "Run commands when a signal comes"),
    ("true", "bzf", "Do nothing, and succeed"),
    ("ttyctl", "z", "Protect the settings of the terminal"),
    ("type", "bzf", "Show what a name stands for"),
    ("typeset", "bz", "Declare variables and their attributes"),
    ("ulimit", "bzf", "Set or show limits of resources"),
    ("umask", "bzf", "Set or show which permissions new files lack"),
    ("unalias", "bz", "Remove aliases"),
    ("unfunction", "z", "Remove functions"),
    ("unhash", "z", "Forget where programs are"),
    ("unlimit", "z", "Lift limits of resources"),
    ("unset", "bz", "Remove variables or functions"),
    ("unsetopt", "z", "Unset options of the shell"),
    ("until", "bz", "Run commands until a condition holds"),
    ("vared", "zf", "Edit the value of a variable"),
    ("wait", "bzf", "Wait for jobs to end"),
    ("whence", "z", "Show what a name stands for"),
    ("where", "z", "Show everything that a name stands for"),
    ("which", "z", "Show what a name stands for"),
    ("while", "bzf", "Run commands as long as a condition holds"),
    ("zcompile", "z", "Compile scripts and functions"),
    ("zformat", "z", "Format texts for completions"),
    ("zle", "z", "Run, define or list editing commands"),
    ("zmodload", "z", "Load modules of the shell"),
    ("zparseopts", "z", "Parse the options of a script or function"),
    ("zprof", "z", "Show where time was spent"),
    ("zpty", "z", "Run a command on a terminal of its own"),
    ("zregexparse", "z", "Parse with regular expressions for completions"),
    ("zsocket", "z", "Connect to Unix sockets"),
    ("zstyle", "z", "Set or show styles of completion"),
    ("ztcp", "z", "Connect to TCP sockets"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_their_shells_alone() {
        assert!(WORDS.is_sorted_by(|(one, ..), (next, ..)| one < next));
        for (word, shells) in [("cd", "bzf"), ("shopt", "b"), ("setopt", "z"), ("abbr", "f"), ("git", "")] {
            for (shell, mark) in [(Shell::Bash, 'b'), (Shell::Zsh, 'z'), (Shell::Fish, 'f')] {
                assert_eq!(is_own(shell, word), shells.contains(mark), "{word} {shell:?}");
                assert_eq!(words(shell).any(|(name, _)| name == word), shells.contains(mark), "{word}");
            }
        }
        assert_eq!(description(Shell::Zsh, "cd"), Some("Change the current directory"));
    }
}
