//! What goes to standard output: plain text or JSON, never a mixture.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use clap::ValueEnum;
use nix::sys::signal::{SigHandler, Signal, signal};
use serde::Serialize;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Plain,
    /// One line of JSON
    Json,
    /// JSON with line breaks
    JsonPretty,
}

impl Format {
    /// Prints JSON, or plain text when that is asked for.
    pub(crate) fn print<T: Serialize>(
        self,
        value: &T,
        plain: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let mut text = match self {
            Format::Plain => return print(plain(value).as_bytes()),
            Format::Json => serde_json::to_string(value)?,
            Format::JsonPretty => serde_json::to_string_pretty(value)?,
        };
        text.push('\n');
        print(text.as_bytes())
    }
}

/// Writes to standard output. A reader that has gone away ends the program quietly, as it does other tools.
pub(crate) fn print(bytes: &[u8]) -> anyhow::Result<()> {
    // SAFETY: nothing of ours handles this signal; it gets back the meaning that it has outside of Rust. Only now: while
    // we talk to the daemon, a connection that it closes is an error to report.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

/// The text with everything that could act on a terminal, or mislead the eye, made visible.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            _ if acts(character) => drop(write!(shown, "\\u{{{:x}}}", character as u32)),
            _ => shown.push(character),
        }
    }
    shown
}

/// Control characters, line separators, and those that change the direction of text.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_gets_through() {
        assert_eq!(visible("a\u{1b}[31m\tb\n\u{9b}ü日\u{202e}"), "a\\u{1b}[31m\\tb\\n\\u{9b}ü日\\u{202e}");
    }
}
