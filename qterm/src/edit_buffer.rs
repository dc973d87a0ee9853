//! The line, its cursor and its generation: the one type behind which it is hidden how each shell tells them.
//!
//! zsh reports by itself, fish when asked, bash is read off the screen and asked when in doubt. Every change is a new
//! generation, so that an answer to an older line can be told from one to this.

use crate::{marks::LineState, screen::Reading};

/// Longest line that is completed, in bytes; longer ones are left alone.
const MAX_LINE: usize = 64 << 10;

/// What is being edited, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EditBuffer {
    text: String,
    /// A byte offset in `text`.
    cursor: usize,
    generation: u64,
    state: LineState,
    known: bool,
}

impl EditBuffer {
    /// The line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor, a byte offset in the line.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Larger after each change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a command line is being edited and is known.
    pub fn is_command_line(&self) -> bool {
        self.known && self.state == LineState::Main && self.text.len() <= MAX_LINE
    }

    /// Whether the shell is in vi's command mode.
    pub fn is_vi_command(&self) -> bool {
        self.known && self.state == LineState::ViCommand
    }

    /// Whether the cursor is at the end of the line.
    pub fn at_end(&self) -> bool {
        self.cursor == self.text.len()
    }

    /// The shell's own word for it; `cursor` in characters. True when anything is new.
    pub fn report(&mut self, state: LineState, text: String, cursor: usize) -> bool {
        let cursor = text.char_indices().nth(cursor).map_or(text.len(), |(at, _)| at);
        self.change(state, text, cursor)
    }

    /// What the screen shows. True when anything is new.
    pub fn read(&mut self, reading: Reading) -> bool {
        self.change(LineState::Main, reading.text, reading.cursor)
    }

    /// The line is not known any more, or there is none. True when it was.
    pub fn lose(&mut self) -> bool {
        if !self.known {
            return false;
        }
        self.known = false;
        self.generation += 1;
        true
    }

    fn change(&mut self, state: LineState, text: String, cursor: usize) -> bool {
        if self.known && self.state == state && self.text == text && self.cursor == cursor {
            return false;
        }
        *self = EditBuffer { text, cursor, generation: self.generation + 1, state, known: true };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_is_a_new_generation() {
        let mut buffer = EditBuffer::default();
        assert!(buffer.report(LineState::Main, "é x".into(), 1));
        assert_eq!((buffer.cursor(), buffer.generation()), (2, 1));
        assert!(!buffer.report(LineState::Main, "é x".into(), 1));
        assert!(buffer.read(Reading { text: "é x".into(), cursor: 4, certain: true }));
        assert!(buffer.at_end() && buffer.is_command_line());
        assert!(buffer.lose() && !buffer.lose());
        assert!(!buffer.is_command_line());
    }

    #[test]
    fn a_cursor_past_the_end_is_the_end() {
        let mut buffer = EditBuffer::default();
        buffer.report(LineState::Main, "ab".into(), 9);
        assert!(buffer.at_end());
    }
}
