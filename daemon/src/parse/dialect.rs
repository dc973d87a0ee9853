//! Where the shells differ: words that are syntax, redirections, blanks, and what ends a word.
//!
//! One small type over [`Shell`], so that the lexer asks a question by its name instead of comparing shells.

use protocol::Shell;

/// The syntax of one shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect(pub Shell);

/// What a word in the place of a command does to what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// A command follows: `then`, `!`, `do`.
    Opens,
    /// A group of commands follows: `{`.
    Brace,
    /// A compound command ends; only redirections follow: `done`, `fi`, `end`.
    Closes,
    /// A group ends: `}`.
    EndBrace,
    /// A `case` ends: `esac`.
    EndCase,
    /// A command follows, which may be a compound one: `time`. Before any other command it is a command itself.
    Time,
    /// A command follows, or a name and a compound command: `coproc`.
    Coproc,
    /// Words follow that are no command.
    Head(Role),
}

/// What the words of a command are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// A command and its arguments.
    #[default]
    Simple,
    /// `for x in …`, `select`, `foreach`.
    Loop,
    /// `case x in`; the patterns follow.
    Case,
    /// `[[ … ]]`.
    Test,
    /// `function` and names.
    Function,
    /// `repeat` and a number.
    Repeat,
    /// `switch` of fish with a value, `case` of fish with patterns.
    Values,
}

/// A redirection operator, descriptor included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Its length in bytes.
    pub length: usize,
    /// What follows it.
    pub target: Target,
}

/// What follows a redirection operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    File,
    /// A descriptor; in bash and zsh a file if it is none (`>&file`).
    Descriptor {
        /// A file may come, too.
        or_file: bool,
    },
    /// The text of a here-string.
    Text,
    /// The delimiter of a here-document.
    Delimiter {
        /// Tabs before its lines are dropped: `<<-`.
        tabs: bool,
    },
}

/// Longest first among those that begin alike.
const BASH_OPERATORS: &[&str] = &["<<<", "<<-", "<<", "<>", "<&", "<", "&>>", "&>", ">>", ">|", ">&", ">"];
const ZSH_OPERATORS: &[&str] = &[
    "<<<", "<<-", "<<", "<>", "<&", "<", "&>>|", "&>>!", "&>>", "&>|", "&>!", "&>", ">>&|", ">>&!", ">>&",
    ">>|", ">>!", ">>", ">&|", ">&!", ">&", ">|", ">!", ">",
];
const FISH_OPERATORS: &[&str] =
    &["<&", "<?", "<", "&>>?", "&>>", "&>?", "&>", ">>&", ">>?", ">>", ">&", ">?", ">"];

impl Dialect {
    /// Whether this is fish, whose substitutions, escapes and keywords are its own.
    pub fn is_fish(self) -> bool {
        self.0 == Shell::Fish
    }

    /// Whether this is zsh, whose globs take parentheses and whose groups need no blanks.
    pub fn is_zsh(self) -> bool {
        self.0 == Shell::Zsh
    }

    /// Whether this is bash.
    pub fn is_bash(self) -> bool {
        self.0 == Shell::Bash
    }

    /// What this raw word means in the place of a command.
    pub fn keyword(self, word: &str) -> Option<Keyword> {
        if self.is_fish() { fish_keyword(word) } else { self.posix_keyword(word) }
    }

    fn posix_keyword(self, word: &str) -> Option<Keyword> {
        Some(match word {
            "if" | "then" | "elif" | "else" | "while" | "until" | "do" | "!" => Keyword::Opens,
            "{" => Keyword::Brace,
            "}" => Keyword::EndBrace,
            "fi" | "done" => Keyword::Closes,
            "esac" => Keyword::EndCase,
            "time" => Keyword::Time,
            "coproc" => Keyword::Coproc,
            "for" | "select" => Keyword::Head(Role::Loop),
            "case" => Keyword::Head(Role::Case),
            "[[" => Keyword::Head(Role::Test),
            "function" => Keyword::Head(Role::Function),
            "noglob" | "nocorrect" if self.is_zsh() => Keyword::Opens,
            "foreach" if self.is_zsh() => Keyword::Head(Role::Loop),
            "repeat" if self.is_zsh() => Keyword::Head(Role::Repeat),
            "end" if self.is_zsh() => Keyword::Closes,
            _ => return None,
        })
    }

    /// The redirection operator that the text begins with, at the start of a word.
    pub fn redirection(self, text: &str) -> Option<Operator> {
        let descriptor = self.descriptor(text);
        let rest = &text[descriptor..];
        let operators = match self.0 {
            Shell::Bash => BASH_OPERATORS,
            Shell::Zsh => ZSH_OPERATORS,
            Shell::Fish => FISH_OPERATORS,
        };
        let operator = operators.iter().find(|operator| rest.starts_with(**operator))?;
        let after = &rest[operator.len()..];
        if self.is_something_else(operator, after) || descriptor > 0 && operator.starts_with('&') {
            return None;
        }
        let target = match operator.trim_end_matches(['|', '!', '?']) {
            "<<<" => Target::Text,
            "<<" => Target::Delimiter { tabs: false },
            "<<-" => Target::Delimiter { tabs: true },
            "<&" => Target::Descriptor { or_file: false },
            ">&" | ">>&" => Target::Descriptor { or_file: !self.is_fish() && descriptor == 0 },
            _ => Target::File,
        };
        Some(Operator { length: descriptor + operator.len(), target })
    }

    /// What looks like a redirection is a substitution of a process, a numeric glob of zsh, or a pipe of fish.
    fn is_something_else(self, operator: &str, after: &str) -> bool {
        match operator {
            "<" | ">" if after.starts_with('(') => !self.is_fish(),
            "<" if self.is_zsh() => numeric_glob(after).is_some(),
            ">" => self.is_fish() && after.starts_with('|'),
            _ => false,
        }
    }

    /// The length of the descriptor that a redirection at the start of `text` has.
    fn descriptor(self, text: &str) -> usize {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        match self.0 {
            // A longer number is a word of its own.
            Shell::Zsh if digits > 1 => 0,
            Shell::Bash | Shell::Zsh if digits == 0 => named_descriptor(text),
            _ => digits,
        }
    }

    /// The length of the pipe that the text begins with, at the start of a word; 0 when there is none.
    pub fn pipe(self, text: &str) -> usize {
        let digits = if self.is_fish() { text.bytes().take_while(u8::is_ascii_digit).count() } else { 0 };
        let rest = &text[digits..];
        match rest.as_bytes() {
            [b'>', b'|', ..] if self.is_fish() => digits + 2,
            [b'&', b'|', ..] if self.is_fish() && digits == 0 => 2,
            [b'|', b'&', ..] if !self.is_fish() => 2,
            [b'|', ..] if digits == 0 => 1,
            _ => 0,
        }
    }

    /// Whether words end at this character and it means nothing else.
    pub fn is_blank(self, c: char) -> bool {
        match c {
            ' ' | '\t' => true,
            '\r' | '\u{b}' | '\u{c}' => self.is_fish(),
            // As `iswspace` of the C library, which leaves out those that do not break a line.
            '\u{1680}' | '\u{2000}'..='\u{2006}' | '\u{2008}'..='\u{200a}' | '\u{2028}' | '\u{2029}' => {
                self.is_fish()
            }
            '\u{205f}' | '\u{3000}' => self.is_fish(),
            _ => false,
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
    Some(match word {
        "and" | "or" | "not" | "!" | "if" | "else" | "while" | "begin" => Keyword::Opens,
        "{" => Keyword::Brace,
        "}" => Keyword::EndBrace,
        "end" => Keyword::Closes,
        "time" => Keyword::Time,
        "for" => Keyword::Head(Role::Loop),
        "switch" | "case" => Keyword::Head(Role::Values),
        _ => return None,
    })
}

/// The length of `{name}` in front of a redirection operator, or 0.
fn named_descriptor(text: &str) -> usize {
    let Some(inside) = text.strip_prefix('{') else { return 0 };
    let name = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let after = &inside[name..];
    if name > 0 && (after.starts_with("}<") || after.starts_with("}>")) { name + 2 } else { 0 }
}

/// The length of the rest of a numeric glob of zsh, `<1-10>`, behind its `<`.
pub fn numeric_glob(text: &str) -> Option<usize> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let from = digits(text);
    let rest = text[from..].strip_prefix('-')?;
    let to = digits(rest);
    rest[to..].starts_with('>').then_some(from + 1 + to + 1)
}
