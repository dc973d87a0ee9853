//! What a user sees, one behaviour a file, each in bash, zsh and fish: the built programs in real shells on a real PTY.
//!
//! The screen is that of the harness's terminal model, which is not the one that qterm uses. `steps` has what most tests
//! begin with; the rest reads on its own.

/// Makes a test in each shell of functions that take a [`harness::Shell`]: `name` becomes `name::bash` and so on.
macro_rules! in_each_shell {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn bash() { super::$name(harness::Shell::Bash) }
            #[test]
            fn zsh() { super::$name(harness::Shell::Zsh) }
            #[test]
            fn fish() { super::$name(harness::Shell::Fish) }
        })+
    };
}

mod aliases;
mod bare_shell;
mod by_hand;
mod daemon_lost;
mod disabled;
mod dropdown;
mod exit;
mod full_screen;
mod ghost_text;
mod hang;
mod hostile_names;
mod input;
mod integrations;
mod menu_keys;
mod not_interactive;
mod placement;
mod quoting;
mod residue;
mod resize;
mod right_rows;
mod same_shell;
mod secrets;
mod steps;
mod tmux_outside;
mod trust;
mod undo;
