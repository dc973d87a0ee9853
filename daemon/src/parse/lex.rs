//! A line to commands and words, with the cursor in mind.
//!
//! The whole line is read, behind the cursor too, so that the end of the word at the cursor is known. Substitutions,
//! subshells and groups nest; the innermost command around the cursor is the current one. Every byte of an unquoted
//! word remembers where it stands in the line, inside which quotes, and whether it is literal: an edit can replace a
//! part of a word and keep the rest as it was typed. Anything that is not a line of the shell is read as well as it
//! goes; nothing is an error, and nesting deeper than a bound is read as plain text.

use protocol::Shell;

use super::dialect::{Dialect, Keyword};

/// How deep substitutions and subshells are followed; each level is a few stack frames.
const MAX_DEPTH: usize = 40;

/// How far the name of an assignment is looked for, in bytes; keeps long lines from being read again for every word.
const MAX_NAME: usize = 512;

/// Quotes around a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quote {
    /// None.
    #[default]
    None,
    /// `'…'`.
    Single,
    /// `"…"`.
    Double,
    /// `$'…'`.
    Ansi,
}

/// One byte of a word's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where the character that it belongs to begins in the line.
    pub at: usize,
    /// The quotes around it.
    pub quote: Quote,
    /// Not literal: part of an expansion, a glob, a substitution.
    pub live: bool,
}

/// The cursor in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Where it stands in the line.
    pub at: usize,
    /// How many bytes of the text stand before it.
    pub text: usize,
    /// The quotes that are open at it.
    pub quote: Quote,
}

/// A word of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Unquoted; expansions as they were typed.
    pub text: String,
    /// One per byte of `text`.
    pub marks: Vec<Mark>,
    /// Where it starts in the line.
    pub start: usize,
    /// Where it ends in the line.
    pub end: usize,
    /// Its quotes and substitutions are closed.
    pub closed: bool,
    /// The cursor, when it is in this word or at its end.
    pub cut: Option<Cut>,
}

impl Word {
    /// An empty word at the cursor.
    fn empty(at: usize) -> Word {
        Word { start: at, end: at, closed: true, cut: Some(Cut { at, ..Cut::default() }), ..Word::default() }
    }

    /// The text before the cursor, or all of it.
    pub fn before(&self) -> &str {
        let cut = self.cut.map_or(self.text.len(), |cut| cut.text);
        self.text.get(..cut).unwrap_or(&self.text)
    }

    /// Typed without quotes, escapes or expansions.
    pub fn is_plain(&self) -> bool {
        self.end - self.start == self.text.len() && self.marks.iter().all(|mark| !mark.live)
    }

    fn push(&mut self, c: char, mark: Mark) {
        self.text.push(c);
        self.marks.extend(std::iter::repeat_n(mark, c.len_utf8()));
    }
}

/// A redirection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirect {
    /// Where it starts, descriptor included.
    pub start: usize,
    /// Where its target ends.
    pub end: usize,
    /// The file; for a here-document its delimiter.
    pub target: Word,
    /// The target names a file, not a descriptor, a delimiter or a text.
    pub file: bool,
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Where it may begin: behind the separator.
    pub start: usize,
    /// Its words; for the current command that of the cursor is the last.
    pub words: Vec<Word>,
    /// Assignments before it, and their values.
    pub assignments: Vec<Word>,
    /// Its redirections.
    pub redirects: Vec<Redirect>,
}

/// What the cursor stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spot {
    /// Nothing that can be completed: a comment, a here-document, behind a group.
    #[default]
    Nothing,
    /// The last word of the current command.
    Word,
    /// The target of this redirection of the current command.
    Redirect(usize),
    /// The value of this assignment of the current command.
    Assignment(usize),
}

/// A line of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// In the order in which they begin.
    pub commands: Vec<Command>,
    /// The one that the cursor is in.
    pub current: Option<usize>,
    /// Where in it.
    pub spot: Spot,
}

impl Line {
    /// The command at the cursor.
    pub fn command(&self) -> Option<&Command> {
        self.commands.get(self.current?)
    }
}

/// Splits `text`, with the cursor at the byte `cursor`.
pub fn lex(text: &str, cursor: usize, shell: Shell) -> Line {
    let mut lexer = Lexer { text, cursor, dialect: Dialect(shell), ..Lexer::default() };
    lexer.list(Close::End);
    lexer.finish()
}

/// Whether the raw text `word` is an assignment, and if so where its value begins.
pub fn assignment(word: &str) -> Option<usize> {
    let word = word.get(..MAX_NAME).unwrap_or(word);
    let name = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    if name == 0 || word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut at = name;
    if word[at..].starts_with('[') {
        at += word[at..].find(']')? + 1;
    }
    if word[at..].starts_with('+') {
        at += 1;
    }
    word[at..].starts_with('=').then_some(at + 1)
}

/// What ends a list of commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Close {
    #[default]
    End,
    Paren,
    Backtick,
}

/// Why a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Separator,
    Closed,
}

/// A command that is being read.
#[derive(Default)]
struct Reading {
    command: Command,
    /// It is a group, a subshell or the end of one: no words follow.
    compound: bool,
    /// Inside `[[ … ]]`.
    test: bool,
}

#[derive(Default)]
struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    cursor: usize,
    dialect: Dialect,
    depth: usize,
    /// Finished commands, inner ones before the outer.
    commands: Vec<Command>,
    current: Option<(usize, Spot)>,
    /// The cursor is in a comment or here-document.
    nothing: bool,
    /// Delimiters of here-documents whose bodies begin at the next newline.
    heredocs: Vec<String>,
}

impl Lexer<'_> {
    fn finish(mut self) -> Line {
        let (current, spot) = match self.current {
            Some((current, spot)) if !self.nothing => (Some(current), spot),
            _ => (None, Spot::Nothing),
        };
        let mut order: Vec<usize> = (0..self.commands.len()).collect();
        order.sort_by_key(|&at| self.commands[at].start);
        let current = current.and_then(|current| order.iter().position(|&at| at == current));
        let commands = order.iter().map(|&at| std::mem::take(&mut self.commands[at])).collect();
        Line { commands, current, spot }
    }

    fn rest(&self) -> &str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    fn at(&self, prefix: &str) -> bool {
        self.rest().starts_with(prefix)
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    /// Steps over `prefix` if it is next.
    fn eat(&mut self, prefix: &str) -> bool {
        let there = self.at(prefix);
        if there {
            self.pos += prefix.len();
        }
        there
    }

    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.pos += 1,
                Some('\\') if self.at("\\\n") => self.pos += 2,
                _ => return,
            }
        }
    }

    /// Commands up to `close`, which is consumed.
    fn list(&mut self, close: Close) {
        while self.command(close) == Stop::Separator {}
        if close != Close::End && self.pos < self.text.len() {
            self.pos += 1;
        }
    }

    fn command(&mut self, close: Close) -> Stop {
        let mut reading =
            Reading { command: Command { start: self.pos, ..Command::default() }, ..Reading::default() };
        loop {
            self.blanks();
            let end = self.pos;
            if let Some(stop) = self.separator(close, &reading) {
                self.close_command(reading, end);
                return stop;
            }
            self.item(close, &mut reading);
        }
    }

    /// Steps over what ends a command, if it is next.
    fn separator(&mut self, close: Close, reading: &Reading) -> Option<Stop> {
        let Some(c) = self.peek() else { return Some(Stop::Closed) };
        match c {
            ')' if close == Close::Paren => return Some(Stop::Closed),
            '`' if close == Close::Backtick => return Some(Stop::Closed),
            ')' | '&' | '|' if reading.test => return None,
            '&' if self.at("&>") && !self.at("&>(") => return None,
            '#' => self.comment(),
            '\n' => self.newline(),
            ';' => {
                while self.eat(";") {}
                let _ = self.eat("&") || self.eat("|");
            }
            '&' => {
                let _ = self.eat("&&") || self.eat("&|") || self.eat("&!") || self.eat("&");
            }
            '|' => {
                let _ = self.eat("||") || self.eat("|&") || self.eat("|");
            }
            ')' => self.pos += 1,
            _ => return None,
        }
        Some(Stop::Separator)
    }

    fn comment(&mut self) {
        let start = self.pos;
        self.pos += self.rest().find('\n').unwrap_or(self.rest().len());
        self.nothing |= start < self.cursor && self.cursor <= self.pos;
    }

    /// A newline, and the here-documents that begin behind it.
    fn newline(&mut self) {
        self.pos += 1;
        for delimiter in std::mem::take(&mut self.heredocs) {
            let start = self.pos;
            self.heredoc(&delimiter);
            self.nothing |= start <= self.cursor && (self.cursor < self.pos || self.pos == self.text.len());
        }
    }

    fn heredoc(&mut self, delimiter: &str) {
        while self.pos < self.text.len() {
            let line = self.rest().split('\n').next().unwrap_or_default();
            let (length, found) = (line.len(), line.trim_start_matches('\t') == delimiter);
            self.pos = (self.pos + length + 1).min(self.text.len());
            if found {
                return;
            }
        }
    }

    /// One word, redirection or nested list of a command.
    fn item(&mut self, close: Close, reading: &mut Reading) {
        let first = reading.command.words.is_empty();
        if let Some(length) = self.redirect_length() {
            return self.redirect(close, length, reading);
        }
        if self.at("(") && !self.dialect.is_fish() && !reading.test {
            return self.paren(close, first, reading);
        }
        if first && !reading.compound && assignment(self.rest()).is_some_and(|at| self.is_one_word(at)) {
            let word = self.assignment_word(close);
            return reading.command.assignments.push(word);
        }
        let word = self.word(close);
        if word.start == self.pos {
            // A character that cannot start a word, such as the `)` of a test: step over it.
            self.bump();
            return;
        }
        self.add_word(close, word, reading);
    }

    /// Whether the first `length` bytes that follow stand in one word; an index may contain anything.
    fn is_one_word(&self, length: usize) -> bool {
        !self.rest()[..length].contains(char::is_whitespace)
    }

    fn add_word(&mut self, close: Close, word: Word, reading: &mut Reading) {
        let raw = self.text.get(word.start..word.end).unwrap_or_default();
        let typing = word.start <= self.cursor && self.cursor <= word.end;
        let words = &mut reading.command.words;
        if words.is_empty() && !typing && reading.command.assignments.is_empty() {
            match self.dialect.keyword(raw) {
                Some(Keyword::Opens) => {
                    reading.command.start = self.pos;
                    return;
                }
                Some(Keyword::Closes) => {
                    reading.compound = true;
                    return;
                }
                Some(Keyword::Function) => return self.function(close, reading),
                None => reading.test = raw == "[[" && !self.dialect.is_fish(),
            }
        }
        if raw == "]]" {
            reading.test = false;
        }
        reading.command.words.push(word);
    }

    /// The name of a function behind `function`; what follows is in the place of a command.
    fn function(&mut self, close: Close, reading: &mut Reading) {
        self.blanks();
        self.word(close);
        self.blanks();
        let _ = self.eat("()");
        reading.command.start = self.pos;
    }

    /// A `(` where a word could begin: a subshell, arithmetic, the `()` of a function, or a glob.
    fn paren(&mut self, close: Close, first: bool, reading: &mut Reading) {
        if !first && self.at("()") {
            self.pos += 2;
            reading.command = Command { start: self.pos, ..Command::default() };
            return;
        }
        if !first {
            let word = self.word(close);
            reading.command.words.push(word);
            return;
        }
        if self.at("((") {
            self.balanced();
        } else {
            self.pos += 1;
            self.nested(Close::Paren);
        }
        reading.compound = true;
    }

    /// A list inside something, unless that is too deep.
    fn nested(&mut self, close: Close) {
        if self.depth >= MAX_DEPTH {
            self.pos = self.text.len();
            return;
        }
        self.depth += 1;
        self.list(close);
        self.depth -= 1;
    }

    /// Steps over `( … )` with all that is in it.
    fn balanced(&mut self) {
        let mut open = 0usize;
        while let Some(c) = self.bump() {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return;
            }
        }
    }

    fn close_command(&mut self, reading: Reading, end: usize) {
        let mut command = reading.command;
        let here = self.current.is_none() && command.start <= self.cursor && self.cursor <= end;
        if !here {
            if !command.words.is_empty() || !command.assignments.is_empty() || !command.redirects.is_empty() {
                self.commands.push(command);
            }
            return;
        }
        let spot = focus(&mut command, self.cursor, reading.compound);
        self.current = Some((self.commands.len(), spot));
        self.commands.push(command);
    }

    /// How many bytes a redirection's descriptor and operator take, if one is next.
    fn redirect_length(&self) -> Option<usize> {
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let descriptor = if digits == 0 { named_descriptor(rest) } else { digits };
        let operator = &rest[descriptor..];
        if descriptor == 0 && (operator.starts_with("<(") || operator.starts_with(">(")) {
            return None;
        }
        const OPERATORS: [&str; 15] =
            ["<<<", "<<-", "<<", "<>", "<&", "<", "&>>", "&>", ">>|", ">>", ">|", ">&", ">!", ">?", ">"];
        let fish_only = |op: &str| op == ">?" && !self.dialect.is_fish();
        let zsh_only = |op: &str| op == ">!" && self.dialect.0 != Shell::Zsh;
        let found =
            OPERATORS.iter().find(|op| operator.starts_with(**op) && !fish_only(op) && !zsh_only(op))?;
        Some(descriptor + found.len())
    }

    fn redirect(&mut self, close: Close, length: usize, reading: &mut Reading) {
        let start = self.pos;
        self.pos += length;
        let operator = self.text[start..self.pos].trim_start_matches(|c: char| c.is_ascii_digit());
        let heredoc = matches!(operator, "<<" | "<<-");
        let duplicate =
            operator.ends_with('&') && self.peek().is_some_and(|c| c.is_ascii_digit() || c == '-');
        let file = !heredoc && !duplicate && operator != "<<<";
        let after = self.pos;
        self.blanks();
        let target =
            if after <= self.cursor && self.cursor < self.pos.max(after + 1) && self.cursor <= self.pos {
                self.target_at_cursor(close)
            } else {
                self.word(close)
            };
        if heredoc && !target.text.is_empty() {
            self.heredocs.push(target.text.clone());
        }
        reading.command.redirects.push(Redirect { start, end: target.end.max(after), target, file });
    }

    /// The target when the cursor stands between operator and target: the word there if it begins at the cursor's
    /// place, else an empty one.
    fn target_at_cursor(&mut self, close: Close) -> Word {
        if self.pos != self.cursor {
            return Word::empty(self.cursor);
        }
        let word = self.word(close);
        if word.text.is_empty() && word.start == word.end { Word::empty(self.cursor) } else { word }
    }

    fn assignment_word(&mut self, close: Close) -> Word {
        let value = self.pos + assignment(self.rest()).unwrap_or(0);
        let mut word = Word { start: self.pos, closed: true, ..Word::default() };
        while self.pos < value {
            self.note(&mut word, Quote::None);
            self.literal(&mut word, Quote::None);
        }
        if self.at("(") && !self.dialect.is_fish() {
            self.array(&mut word);
        }
        self.word_into(close, word)
    }

    /// The `( … )` of an array, whose words are not looked at; substitutions in it are.
    fn array(&mut self, word: &mut Word) {
        self.live(word, Quote::None);
        while let Some(c) = self.peek() {
            self.note(word, Quote::None);
            match c {
                ')' => return self.live(word, Quote::None),
                ' ' | '\t' | '\n' => self.live(word, Quote::None),
                _ => {
                    let before = self.pos;
                    *word = self.word_into(Close::Paren, std::mem::take(word));
                    if self.pos == before {
                        self.live(word, Quote::None);
                    }
                }
            }
        }
        word.closed = false;
    }

    fn word(&mut self, close: Close) -> Word {
        let word = Word { start: self.pos, closed: true, ..Word::default() };
        self.word_into(close, word)
    }

    /// Reads on until the word ends.
    fn word_into(&mut self, close: Close, mut word: Word) -> Word {
        loop {
            self.note(&mut word, Quote::None);
            let Some(c) = self.peek() else { break };
            if self.ends_word(c, close, &word) {
                break;
            }
            self.unquoted(c, &mut word);
        }
        word.end = self.pos;
        word
    }

    fn ends_word(&self, c: char, close: Close, word: &Word) -> bool {
        let next = self.peek_second();
        match c {
            ' ' | '\t' | '\r' | '\n' | ';' | '|' | ')' => true,
            '&' if self.dialect.is_fish() && self.pos > word.start => {
                next.is_none_or(|c| " \t\r\n;|&>)".contains(c))
            }
            '&' => true,
            '<' | '>' => next != Some('(') || self.dialect.is_fish(),
            '`' => close == Close::Backtick,
            // `name()` defines a function; other parentheses are globs.
            '(' => !self.dialect.is_fish() && next == Some(')') && self.pos > word.start,
            _ => false,
        }
    }

    /// Remembers the cursor once it is reached.
    fn note(&self, word: &mut Word, quote: Quote) {
        if word.cut.is_none() && self.cursor >= word.start && self.pos >= self.cursor {
            word.cut = Some(Cut { at: self.cursor, text: word.text.len(), quote });
        }
    }

    fn literal(&mut self, word: &mut Word, quote: Quote) {
        self.take(word, quote, false);
    }

    fn live(&mut self, word: &mut Word, quote: Quote) {
        self.take(word, quote, true);
    }

    fn take(&mut self, word: &mut Word, quote: Quote, live: bool) {
        let at = self.pos;
        if let Some(c) = self.bump() {
            word.push(c, Mark { at, quote, live });
        }
    }

    /// Everything from `start` to here, as it was typed, as an expansion.
    fn raw(&self, start: usize, word: &mut Word, quote: Quote) {
        for (at, c) in self.text[start..self.pos].char_indices() {
            word.push(c, Mark { at: start + at, quote, live: true });
        }
    }

    fn unquoted(&mut self, c: char, word: &mut Word) {
        let fish = self.dialect.is_fish();
        match c {
            '\\' => self.escape(word),
            '\'' => self.single(word),
            '"' => self.double(word),
            '$' => self.dollar(word, Quote::None),
            '`' if !fish => self.substitution(word, Quote::None, 1, Close::Backtick),
            '(' if fish => self.substitution(word, Quote::None, 1, Close::Paren),
            '<' | '>' => self.substitution(word, Quote::None, 2, Close::Paren),
            '=' if self.dialect.0 == Shell::Zsh && self.pos == word.start && self.at("=(") => {
                self.substitution(word, Quote::None, 2, Close::Paren);
            }
            '(' => self.glob_group(word),
            '~' if self.pos == word.start || word.text.ends_with('=') && assignment(&word.text).is_some() => {
                self.live(word, Quote::None);
            }
            '*' | '?' | '[' | ']' | '{' | '}' => self.live(word, Quote::None),
            _ => self.literal(word, Quote::None),
        }
    }

    fn glob_group(&mut self, word: &mut Word) {
        let start = self.pos;
        self.balanced();
        self.raw(start, word, Quote::None);
    }

    /// A backslash outside quotes.
    fn escape(&mut self, word: &mut Word) {
        let at = self.pos;
        self.pos += 1;
        match self.peek() {
            None => word.closed = false,
            Some('\n') => self.pos += 1,
            Some(_) if self.dialect.is_fish() => self.control(word, at, Quote::None),
            Some(c) => {
                self.pos += c.len_utf8();
                word.push(c, Mark { at, quote: Quote::None, live: false });
            }
        }
    }

    /// What follows a backslash in `$'…'`, and in fish outside quotes; the backslash is already consumed.
    fn control(&mut self, word: &mut Word, at: usize, quote: Quote) {
        let Some(c) = self.bump() else { return };
        let mark = Mark { at, quote, live: false };
        // An escape that means nothing keeps its backslash in bash.
        if self.dialect.0 == Shell::Bash && !"\\'\"?abeEfnrtvxuUcX01234567".contains(c) {
            word.push('\\', mark);
        }
        let decoded = match c {
            'x' | 'X' | '0'..='7' => {
                self.pos -= 1;
                self.byte_escapes()
            }
            'u' => self.number(16, 4).and_then(char::from_u32),
            'U' => self.number(16, 8).and_then(char::from_u32),
            'c' => self.bump().and_then(|c| char::from_u32(c as u32 & 0x1f)),
            _ => Dialect::control_escape(c).or(Some(c)),
        };
        word.push(decoded.unwrap_or(char::REPLACEMENT_CHARACTER), mark);
    }

    /// A character spelled as the bytes of its UTF-8, `\303\251` or `\xc3\xa9`; the first backslash is consumed.
    fn byte_escapes(&mut self) -> Option<char> {
        let mut bytes = vec![self.byte()?];
        while bytes.len() < 4 {
            if let Ok(text) = std::str::from_utf8(&bytes) {
                return text.chars().next();
            }
            let start = self.pos;
            let more = if self.eat("\\") { self.byte().filter(|byte| *byte >= 0x80) } else { None };
            let Some(byte) = more else {
                self.pos = start;
                return None;
            };
            bytes.push(byte);
        }
        std::str::from_utf8(&bytes).ok()?.chars().next()
    }

    /// One byte behind a backslash, in octal or hexadecimal.
    fn byte(&mut self) -> Option<u8> {
        let value = if self.eat("x") || self.eat("X") { self.number(16, 2) } else { self.number(8, 3) };
        u8::try_from(value?).ok()
    }

    fn number(&mut self, radix: u32, most: usize) -> Option<u32> {
        let digits = self.rest().chars().take(most).take_while(|c| c.is_digit(radix)).count();
        let value = u32::from_str_radix(&self.rest()[..digits], radix).ok();
        self.pos += digits;
        value
    }

    fn single(&mut self, word: &mut Word) {
        self.pos += 1;
        loop {
            self.note(word, Quote::Single);
            let at = self.pos;
            match self.peek() {
                None => return word.closed = false,
                Some('\'') => return self.pos += 1,
                Some('\\') if self.dialect.is_fish() && matches!(self.peek_second(), Some('\'' | '\\')) => {
                    self.pos += 1;
                    let c = self.bump().unwrap_or('\\');
                    word.push(c, Mark { at, quote: Quote::Single, live: false });
                }
                Some(_) => self.literal(word, Quote::Single),
            }
        }
    }

    fn double(&mut self, word: &mut Word) {
        self.pos += 1;
        loop {
            self.note(word, Quote::Double);
            match self.peek() {
                None => return word.closed = false,
                Some('"') => return self.pos += 1,
                Some('\\') => self.double_escape(word),
                Some('$') => self.dollar(word, Quote::Double),
                Some('`') if !self.dialect.is_fish() => {
                    self.substitution(word, Quote::Double, 1, Close::Backtick);
                }
                Some(_) => self.literal(word, Quote::Double),
            }
        }
    }

    fn double_escape(&mut self, word: &mut Word) {
        let at = self.pos;
        match self.peek_second() {
            Some('\n') => self.pos += 2,
            Some(c) if matches!(c, '"' | '\\' | '$') || c == '`' && !self.dialect.is_fish() => {
                self.pos += 2;
                word.push(c, Mark { at, quote: Quote::Double, live: false });
            }
            _ => self.literal(word, Quote::Double),
        }
    }

    fn ansi(&mut self, word: &mut Word) {
        self.pos += 2;
        loop {
            self.note(word, Quote::Ansi);
            let at = self.pos;
            match self.peek() {
                None => return word.closed = false,
                Some('\'') => return self.pos += 1,
                Some('\\') => {
                    self.pos += 1;
                    self.control(word, at, Quote::Ansi);
                }
                Some(_) => self.literal(word, Quote::Ansi),
            }
        }
    }

    /// A `$`: an expansion, or itself.
    fn dollar(&mut self, word: &mut Word, quote: Quote) {
        let fish = self.dialect.is_fish();
        if self.at("$'") && quote == Quote::None && !fish {
            return self.ansi(word);
        }
        if self.at("$\"") && quote == Quote::None && self.dialect.0 == Shell::Bash {
            self.pos += 1;
            return self.double(word);
        }
        if self.at("$((") && !fish {
            return self.arithmetic(word, quote);
        }
        if self.at("$(") {
            return self.substitution(word, quote, 2, Close::Paren);
        }
        if self.at("${") && !fish {
            return self.parameter(word, quote);
        }
        let start = self.pos;
        self.pos += 1;
        self.pos += self.variable_length();
        self.raw(start, word, quote);
    }

    fn variable_length(&self) -> usize {
        let rest = self.rest();
        let name = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if name > 0 {
            return name;
        }
        usize::from(rest.starts_with(['?', '$', '!', '#', '@', '*', '-']))
    }

    fn arithmetic(&mut self, word: &mut Word, quote: Quote) {
        let start = self.pos;
        self.pos += 1;
        self.balanced();
        word.closed &= self.text[..self.pos].ends_with("))");
        self.raw(start, word, quote);
    }

    /// `${…}`; substitutions inside are followed.
    fn parameter(&mut self, word: &mut Word, quote: Quote) {
        let start = self.pos;
        self.pos += 2;
        let mut inner = Word { start, closed: true, ..Word::default() };
        loop {
            match self.peek() {
                None => {
                    word.closed = false;
                    break;
                }
                Some('}') => {
                    self.pos += 1;
                    break;
                }
                Some('\\') => {
                    self.bump();
                    self.bump();
                }
                Some('\'') if quote == Quote::None => self.single(&mut inner),
                Some('"') => self.double(&mut inner),
                Some('$') => self.dollar_inside(&mut inner),
                Some('`') => self.substitution(&mut inner, quote, 1, Close::Backtick),
                Some(_) => {
                    self.bump();
                }
            }
        }
        self.raw(start, word, quote);
    }

    /// A `$` inside `${…}`, where nesting counts.
    fn dollar_inside(&mut self, inner: &mut Word) {
        if self.depth >= MAX_DEPTH {
            self.pos = self.text.len();
            return;
        }
        self.depth += 1;
        self.dollar(inner, Quote::None);
        self.depth -= 1;
    }

    /// A list of commands inside a word, behind `opener` bytes.
    fn substitution(&mut self, word: &mut Word, quote: Quote, opener: usize, close: Close) {
        let start = self.pos;
        self.pos += opener;
        self.nested(close);
        let closer = if close == Close::Backtick { '`' } else { ')' };
        word.closed &= self.pos > start + opener && self.text[..self.pos].ends_with(closer);
        self.raw(start, word, quote);
    }
}

/// The length of `{name}` in front of a redirection operator, or 0.
fn named_descriptor(rest: &str) -> usize {
    let Some(inside) = rest.strip_prefix('{') else { return 0 };
    let name = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let after = &inside[name..];
    if name > 0 && (after.starts_with("}<") || after.starts_with("}>")) { name + 2 } else { 0 }
}

/// Cuts the current command off at the cursor, so that its last word is that of the cursor.
fn focus(command: &mut Command, cursor: usize, compound: bool) -> Spot {
    let inside = |word: &Word| word.start <= cursor && cursor <= word.end;
    if let Some(at) =
        command.redirects.iter().position(|redirect| inside(&redirect.target) && redirect.start < cursor)
    {
        command.words.retain(|word| word.start < cursor);
        return if command.redirects[at].file { Spot::Redirect(at) } else { Spot::Nothing };
    }
    let typing = |word: &Word| word.start < cursor && cursor <= word.end;
    if let Some(at) = command.assignments.iter().position(typing) {
        command.words.clear();
        return Spot::Assignment(at);
    }
    if compound {
        return Spot::Nothing;
    }
    if let Some(at) = command.words.iter().position(typing) {
        command.words.truncate(at + 1);
        return Spot::Word;
    }
    command.words.retain(|word| word.start < cursor);
    command.words.push(Word::empty(cursor));
    Spot::Word
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words at the `^`, joined by `·`, the word of the cursor cut there by `^`; `-` when there is nothing.
    fn words(marked: &str, shell: Shell) -> String {
        let cursor = marked.find('^').expect("a cursor");
        let line = lex(&marked.replacen('^', "", 1), cursor, shell);
        let Some(command) = line.command() else { return "-".into() };
        let with_cut = |word: &Word| {
            let mut text = word.text.clone();
            text.insert(word.cut.map_or(0, |cut| cut.text), '^');
            text
        };
        match line.spot {
            Spot::Nothing => "-".into(),
            Spot::Redirect(at) => format!("> {}", with_cut(&command.redirects[at].target)),
            Spot::Assignment(at) => format!("= {}", with_cut(&command.assignments[at])),
            Spot::Word => {
                let (last, before) = command.words.split_last().expect("a word at the cursor");
                let before = before.iter().map(|word| word.text.clone());
                before.chain([with_cut(last)]).collect::<Vec<_>>().join("·")
            }
        }
    }

    fn check(shell: Shell, rows: &[(&str, &str)]) {
        for (line, expected) in rows {
            assert_eq!(words(line, shell), *expected, "{line:?} in {shell:?}");
        }
    }

    #[test]
    fn the_command_at_the_cursor_is_found() {
        let rows = [
            ("git ch^", "git·ch^"),
            ("git ^", "git·^"),
            ("^", "^"),
            ("a; b c^", "b·c^"),
            ("a;^", "^"),
            ("a && b ^", "b·^"),
            ("a || b | c |& d e^", "d·e^"),
            ("a & b^", "b^"),
            ("a\nb c^", "b·c^"),
            ("a^ | b", "a^"),
            ("a ^| b", "a·^"),
            ("a |^ b", "^"),
            ("echo $(git ch^)", "git·ch^"),
            ("echo $(git ch)^", "echo·$(git ch)^"),
            ("echo \"x $(git ch^", "git·ch^"),
            ("echo `git ch^`", "git·ch^"),
            ("(cd x; ls ^)", "ls·^"),
            ("{ git ch^", "git·ch^"),
            ("diff <(sort a^", "sort·a^"),
            ("echo ${x:-$(git ch^)}", "git·ch^"),
            ("(a) ^", "-"),
            ("echo # git ^", "-"),
            ("echo a#b^", "echo·a#b^"),
            ("cat <<E\ngit ^\nE\n", "-"),
            ("cat <<E\nx\nE\ngit ^", "git·^"),
            ("echo $((1 + 2)) ^", "echo·$((1 + 2))·^"),
            ("[[ a && b^", "[[·a·b^"),
            ("[[ a ]] && git ch^", "git·ch^"),
        ];
        for shell in [Shell::Bash, Shell::Zsh] {
            check(shell, &rows);
        }
    }

    #[test]
    fn keywords_are_not_commands() {
        check(
            Shell::Bash,
            &[
                ("if git ch^", "git·ch^"),
                ("if true; then git ch^", "git·ch^"),
                ("while ! git ch^", "git·ch^"),
                ("for x in a b; do git ch^", "git·ch^"),
                ("case x in a) git ch^", "git·ch^"),
                ("f() { git ch^", "git·ch^"),
                ("function f { git ch^", "git·ch^"),
                ("then^", "then^"),
                ("if a; then b; fi ^", "-"),
                ("time git ch^", "time·git·ch^"),
            ],
        );
    }

    #[test]
    fn assignments_and_redirections_are_not_words() {
        check(
            Shell::Bash,
            &[
                ("A=1 B+=2 git ch^", "git·ch^"),
                ("A[1]=x git ^", "git·^"),
                ("A=(x y) git ^", "git·^"),
                ("A=^", "= A=^"),
                ("PATH=~/b^", "= PATH=~/b^"),
                ("A=$(git ch^", "git·ch^"),
                ("git A=1^", "git·A=1^"),
                ("ls >fi^", "> fi^"),
                ("ls > ^", "> ^"),
                ("ls 2>&1 ^", "ls·^"),
                ("ls 2>/dev/null -^", "ls·-^"),
                ("ls &>x -^", "ls·-^"),
                ("<in sort -^", "sort·-^"),
                ("{fd}>x ls ^", "ls·^"),
                ("cat <<<te^", "-"),
                ("a >x | b ^", "b·^"),
            ],
        );
    }

    #[test]
    fn words_are_unquoted_and_cut_at_the_cursor() {
        check(
            Shell::Bash,
            &[
                ("ls My\\ D^", "ls·My D^"),
                ("ls \"My D^", "ls·My D^"),
                ("ls \"My D^oc\" x", "ls·My D^oc"),
                ("ls 'a\\b^", "ls·a\\b^"),
                ("ls $'a\\tb^", "ls·a\tb^"),
                ("ls $'\\303\\251^", "ls·é^"),
                ("ls a\"b\"'c'^", "ls·abc^"),
                ("git che^ckout x", "git·che^ckout"),
                ("git ^--amend", "git·^"),
                ("ls \\^", "ls·^"),
                ("ls {a,b}/*^", "ls·{a,b}/*^"),
            ],
        );
    }

    #[test]
    fn fish_has_its_own_syntax() {
        check(
            Shell::Fish,
            &[
                ("echo (git ch^)", "git·ch^"),
                ("echo $(git ch^)", "git·ch^"),
                ("echo \"$(git ch^", "git·ch^"),
                ("a; and git ch^", "git·ch^"),
                ("not git ch^", "git·ch^"),
                ("begin; git ch^", "git·ch^"),
                ("if true; git ch^", "git·ch^"),
                ("A=1 git ch^", "git·ch^"),
                ("echo `git ch^", "echo·`git·ch^"),
                ("echo 'it\\'s^", "echo·it's^"),
                ("echo a\\nb^", "echo·a\nb^"),
                ("echo a&b^", "echo·a&b^"),
                ("a &^", "^"),
                ("echo {a^", "echo·{a^"),
            ],
        );
    }

    #[test]
    fn anything_is_read_without_a_panic() {
        let deep = "$(".repeat(5000);
        for text in [
            "\"$(`",
            "${",
            "$((",
            "a=(",
            "((",
            ")",
            "<<",
            ">",
            "&>",
            "$'\\",
            "[[ (",
            "f()",
            "\\",
            "é\"",
            deep.as_str(),
        ] {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                for cursor in (0..=text.len().min(8)).filter(|at| text.is_char_boundary(*at)) {
                    lex(text, cursor, shell);
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_has_its_cursor_in_its_spans(text in "[ a-c$(){}`'\"\\\\<>|&;#=~é\n]{0,40}", at in 0usize..40) {
            let cursor = text.char_indices().map(|(at, _)| at).nth(at).unwrap_or(text.len());
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                let line = lex(&text, cursor, shell);
                for word in line.commands.iter().flat_map(|command| &command.words) {
                    proptest::prop_assert!(word.start <= word.end && word.end <= text.len());
                    proptest::prop_assert_eq!(word.text.len(), word.marks.len());
                    proptest::prop_assert!(word.marks.iter().all(|mark| text.is_char_boundary(mark.at)));
                }
                if let (Some(command), Spot::Word) = (line.command(), line.spot) {
                    let last = command.words.last().expect("the word of the cursor");
                    proptest::prop_assert!(last.start <= cursor && cursor <= last.end && last.cut.is_some());
                }
            }
        }
    }
}
