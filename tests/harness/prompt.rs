//! What a user does at a prompt: type a line, run it.

use crate::{screen::Screen, terminal::Terminal};

impl Terminal {
    /// Types `text` behind the prompt and waits until the shell has echoed it.
    #[track_caller]
    pub fn type_line(&self, text: &str) -> Screen {
        self.send(text.as_bytes());
        self.wait_for_line(text)
    }

    /// Types `text` key by key, each after the echo of the one before, as a person does.
    #[track_caller]
    pub fn type_slowly(&self, text: &str) -> Screen {
        let before = self.screen().typed().expect("a prompt");
        for (at, key) in text.char_indices() {
            self.send(key.to_string().as_bytes());
            self.wait_for_line(&format!("{before}{}{key}", &text[..at]));
        }
        self.screen()
    }

    /// Waits until the line behind the prompt, up to the cursor, is `text`.
    #[track_caller]
    pub fn wait_for_line(&self, text: &str) -> Screen {
        self.wait_until(&format!("the line {text:?}"), |screen| screen.typed().as_deref() == Some(text))
    }

    /// Runs a command line and waits for the next prompt. The line must fit the terminal's width.
    #[track_caller]
    pub fn run(&self, line: &str) -> Screen {
        self.type_line(line);
        self.keys("<Enter>");
        self.wait_until(&format!("a prompt after {line:?}"), |screen| screen.is_at_prompt())
    }
}
