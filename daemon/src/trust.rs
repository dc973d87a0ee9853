//! What may be run while someone types.
//!
//! A program that obeys files of the directory that it runs in (`make`, `npm`, `cargo`) runs only below a directory that
//! the user trusts; one that reaches for the network only when the settings allow it. Decided from the words alone.

use std::path::Path;

/// What a program may do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may run.
    Run,
    /// Only below a trusted directory.
    NotTrusted,
    /// Only with `autocomplete.network`.
    Network,
}

/// What the user allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// The directory is below a trusted one.
    pub trusted: bool,
    /// `autocomplete.network`.
    pub network: bool,
}

/// Whether a program may run in a directory, for a generator of the command `_command`.
pub fn judge(_command: &str, _argv: &[String], _cwd: &Path, _allowed: Allowed) -> Verdict {
    Verdict::Run
}
