//! The names of shells on the command line.

use clap::ValueEnum;
use protocol::Shell;

/// A shell that Q works in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellName {
    /// GNU bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

impl From<ShellName> for Shell {
    fn from(name: ShellName) -> Shell {
        match name {
            ShellName::Bash => Shell::Bash,
            ShellName::Zsh => Shell::Zsh,
            ShellName::Fish => Shell::Fish,
        }
    }
}

/// The shell that the environment names as the user's, if Q works in it.
pub(crate) fn of_user() -> Option<Shell> {
    std::env::var("SHELL").ok().as_deref().and_then(Shell::of_program)
}
