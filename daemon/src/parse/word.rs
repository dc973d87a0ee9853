//! Reads one word: quotes, escapes, expansions, globs, and the substitutions in it.

use super::dialect::{Dialect, numeric_glob};
use super::lex::{Cut, Mark, Quote, Word, assignment};
use super::reader::{Close, MAX_DEPTH, Reader};

impl Reader<'_> {
    /// The word that is next; empty when what is next begins none.
    pub(super) fn word(&mut self) -> Word {
        let word = Word { start: self.pos, closed: true, ..Word::default() };
        self.word_into(word, self.dialect.is_zsh())
    }

    /// An assignment whose value begins behind the next `value` bytes.
    pub(super) fn assignment_word(&mut self, value: usize) -> Word {
        let value = self.pos + value;
        let mut word = Word { start: self.pos, closed: true, ..Word::default() };
        while self.pos < value {
            self.note(&mut word, Quote::None);
            self.literal(&mut word, Quote::None);
        }
        if self.at("(") && !self.dialect.is_fish() {
            self.array(&mut word);
        }
        self.word_into(word, false)
    }

    /// The `( … )` of an array, whose words are no command.
    fn array(&mut self, word: &mut Word) {
        let start = self.pos;
        self.pos += 1;
        word.closed = self.elements();
        self.pos += usize::from(word.closed);
        self.raw(start, word, Quote::None);
    }

    /// Reads on until the word ends; `ends_groups`: a `}` at its end is not part of it.
    fn word_into(&mut self, mut word: Word, ends_groups: bool) -> Word {
        let mut braces = 0usize;
        loop {
            self.note(&mut word, Quote::None);
            let Some(c) = self.peek() else { break };
            let closes = ends_groups && c == '}' && braces == 0 && self.is_last(&word);
            if closes || self.ends_word(c, &word) {
                break;
            }
            match c {
                '{' => braces += 1,
                '}' => braces = braces.saturating_sub(1),
                _ => {}
            }
            self.unquoted(c, &mut word);
        }
        word.end = self.pos;
        word
    }

    /// Whether the character that is next is the last of a word that has more.
    fn is_last(&mut self, word: &Word) -> bool {
        if self.pos == word.start {
            return false;
        }
        let here = self.pos;
        self.bump();
        let last = self.peek().is_none_or(|c| self.ends_word(c, word));
        self.pos = here;
        last
    }

    fn ends_word(&self, c: char, word: &Word) -> bool {
        let fish = self.dialect.is_fish();
        match c {
            '\n' | ';' => true,
            '`' => self.inside.close == Close::Backtick,
            _ if self.dialect.is_blank(c) => true,
            '|' | '<' | '>' | '&' | ')' if self.inside.pattern => false,
            '|' | ')' => true,
            '&' if fish && self.pos > word.start => {
                self.peek_second().is_none_or(|c| self.dialect.is_blank(c) || "\n;|&>)".contains(c))
            }
            '&' => true,
            '<' if self.dialect.is_zsh() && numeric_glob(&self.rest()[1..]).is_some() => false,
            '<' | '>' => !self.is_process(),
            // `name()` defines a function; other parentheses are globs.
            '(' => !fish && self.peek_second() == Some(')') && self.pos > word.start,
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
        if word.cut.is_none() && word.start <= self.cursor && self.cursor < self.pos {
            let before = self.cursor.saturating_sub(start);
            word.cut = Some(Cut { at: self.cursor, text: word.text.len() + before, quote });
        }
        for (at, c) in self.source.text()[start..self.pos].char_indices() {
            word.push(c, Mark { at: start + at, quote, live: true });
        }
    }

    fn unquoted(&mut self, c: char, word: &mut Word) {
        let (fish, begins) = (self.dialect.is_fish(), self.pos == word.start);
        match c {
            '\\' => self.escape(word),
            '\'' => self.single(word),
            '"' => self.double(word),
            '$' => self.dollar(word, Quote::None),
            '`' if !fish => self.substitution(word, Quote::None, 1, Close::Backtick),
            '(' if fish => self.substitution(word, Quote::None, 1, Close::Paren),
            '{' if fish => self.glob_group(word, '{', '}'),
            '[' if fish && !begins => self.glob_group(word, '[', ']'),
            '<' | '>' if self.is_process() => self.substitution(word, Quote::None, 2, Close::Paren),
            '<' if self.dialect.is_zsh() => self.numeric_glob(word),
            '=' if self.dialect.is_zsh() && begins && self.at("=(") => {
                self.substitution(word, Quote::None, 2, Close::Paren);
            }
            '=' if self.dialect.is_zsh() && begins => self.live(word, Quote::None),
            '(' => self.glob_group(word, '(', ')'),
            '~' if begins || self.begins_value(word) => self.live(word, Quote::None),
            '!' if self.is_history() => self.live(word, Quote::None),
            '*' | '?' | '[' | ']' | '{' | '}' => self.live(word, Quote::None),
            _ => self.literal(word, Quote::None),
        }
    }

    /// Whether what is next begins the value of an assignment, or a part of it that a `:` separates.
    fn begins_value(&self, word: &Word) -> bool {
        word.text.ends_with(['=', ':']) && assignment(&word.text).is_some()
    }

    /// Whether the `!` that is next is expanded from history before the line is read.
    fn is_history(&self) -> bool {
        let next = self.peek_second();
        !self.dialect.is_fish() && next.is_some_and(|c| !c.is_whitespace() && !"=(\"';&|<>)".contains(c))
    }

    fn numeric_glob(&mut self, word: &mut Word) {
        let start = self.pos;
        self.pos += 1 + numeric_glob(&self.rest()[1..]).unwrap_or(0);
        self.raw(start, word, Quote::None);
    }

    fn glob_group(&mut self, word: &mut Word, open: char, close: char) {
        let start = self.pos;
        self.pos += open.len_utf8();
        word.closed &= self.group(Some(open), close, Quote::None);
        self.raw(start, word, Quote::None);
    }

    /// Steps over everything up to the `close` that belongs to what was just opened; what `open` opens in it has one of
    /// its own. Substitutions in it are followed. Whether it is closed.
    pub(super) fn group(&mut self, open: Option<char>, close: char, quote: Quote) -> bool {
        let mut depth = 1usize;
        // Never the word of the cursor: only what it is made of is read.
        let mut inner = Word { start: usize::MAX, ..Word::default() };
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.pos += 1;
                    self.bump();
                }
                '\'' if quote == Quote::None => self.single(&mut inner),
                '"' => self.double(&mut inner),
                '$' => self.dollar(&mut inner, quote),
                '`' if self.inside.close == Close::Backtick => return false,
                '`' if !self.dialect.is_fish() => self.substitution(&mut inner, quote, 1, Close::Backtick),
                '(' if self.dialect.is_fish() => self.substitution(&mut inner, quote, 1, Close::Paren),
                _ => {
                    self.pos += c.len_utf8();
                    depth += usize::from(Some(c) == open);
                    depth -= usize::from(c == close);
                    if depth == 0 {
                        return true;
                    }
                }
            }
            inner.text.clear();
            inner.marks.clear();
        }
        false
    }

    /// Reads something that may have the like of itself inside, unless that is too deep.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> bool) -> bool {
        if self.depth >= MAX_DEPTH {
            self.pos = self.end();
            return false;
        }
        self.depth += 1;
        let closed = read(self);
        self.depth -= 1;
        closed
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
        if self.dialect.is_bash() && !"\\'\"?abeEfnrtvxuUc01234567".contains(c) {
            word.push('\\', mark);
        }
        let decoded = match c {
            'x' | 'X' | '0'..='7' if c != 'X' || self.dialect.is_fish() => {
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
                // The end of the substitution that the quotes are in, whether they are closed or not.
                Some('`') if self.inside.close == Close::Backtick => return word.closed = false,
                Some('`') if !self.dialect.is_fish() => {
                    self.substitution(word, Quote::Double, 1, Close::Backtick);
                }
                Some('!') if self.is_history() => self.live(word, Quote::Double),
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
    pub(super) fn dollar(&mut self, word: &mut Word, quote: Quote) {
        let fish = self.dialect.is_fish();
        if self.at("$'") && quote == Quote::None && !fish {
            return self.ansi(word);
        }
        if self.at("$\"") && quote == Quote::None && self.dialect.is_bash() {
            self.pos += 1;
            return self.double(word);
        }
        let start = self.pos;
        if self.at("$(") {
            self.pos += 1;
            if fish || !self.is_arithmetic() {
                self.pos = start;
                return self.substitution(word, quote, 2, Close::Paren);
            }
            self.pos += 1;
            let closed = self.deeper(|reader| reader.group(Some('('), ')', Quote::Double));
            word.closed &= closed && self.source.text()[..self.pos].ends_with("))");
        } else if self.at("${") && !fish {
            self.pos += 2;
            word.closed &= self.deeper(|reader| reader.group(None, '}', quote));
        } else if self.at("$[") && !fish {
            self.pos += 2;
            word.closed &= self.deeper(|reader| reader.group(Some('['), ']', Quote::Double));
        } else {
            self.pos += 1;
            self.pos += self.variable_length();
        }
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

    /// A list of commands inside a word, behind `opener` bytes.
    pub(super) fn substitution(&mut self, word: &mut Word, quote: Quote, opener: usize, close: Close) {
        let start = self.pos;
        self.pos += opener;
        word.closed &= self.apart(close);
        self.raw(start, word, quote);
    }
}
