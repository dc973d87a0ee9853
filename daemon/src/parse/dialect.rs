//! Where the shells differ: words that are syntax, and how quotes read.
//!
//! One small type over [`Shell`], so that the lexer asks a question by its name instead of comparing shells.

use protocol::Shell;

/// The syntax of one shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect(pub Shell);

/// What a word in the place of a command does to what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// A command follows: `then`, `!`, `{`.
    Opens,
    /// A compound command ends; only redirections follow: `done`, `}`.
    Closes,
    /// A function's name follows, then its body.
    Function,
}

impl Dialect {
    /// Whether this is fish, whose substitutions, escapes and keywords are its own.
    pub fn is_fish(self) -> bool {
        self.0 == Shell::Fish
    }

    /// What this raw word means in the place of a command.
    pub fn keyword(self, word: &str) -> Option<Keyword> {
        if self.is_fish() { fish_keyword(word) } else { self.posix_keyword(word) }
    }

    fn posix_keyword(self, word: &str) -> Option<Keyword> {
        match word {
            "if" | "then" | "elif" | "else" | "while" | "until" | "do" | "!" | "{" | "coproc" => {
                Some(Keyword::Opens)
            }
            "noglob" | "nocorrect" if self.0 == Shell::Zsh => Some(Keyword::Opens),
            "fi" | "done" | "esac" | "}" => Some(Keyword::Closes),
            "function" => Some(Keyword::Function),
            _ => None,
        }
    }

    /// The character that a letter after a backslash stands for in `$'…'`, or in an unquoted word of fish.
    pub fn control_escape(letter: char) -> Option<char> {
        Some(match letter {
            'a' => '\x07',
            'b' => '\x08',
            'e' | 'E' => '\x1b',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            _ => return None,
        })
    }
}

fn fish_keyword(word: &str) -> Option<Keyword> {
    match word {
        "and" | "or" | "not" | "!" | "if" | "else" | "while" | "begin" => Some(Keyword::Opens),
        "end" => Some(Keyword::Closes),
        _ => None,
    }
}
