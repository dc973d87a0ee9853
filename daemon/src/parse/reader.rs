//! Reads lists of commands: separators, keywords, redirections, here-documents, and where the cursor is among them.
//!
//! Compound commands are not built up as trees. A keyword says what the next words are; what has to be known of those
//! around is that a `case` goes on with patterns, and in zsh that a `}` may end a group. So a line that is not finished
//! yet is read like one that is.

use protocol::Shell;

use super::aliases::{Aliases, Typed};
use super::dialect::{Dialect, Keyword, Operator, Role, Target};
use super::lex::{Command, Line, Quote, Redirect, Spot, Word, assignment};
use super::source::Source;

/// How deep substitutions and subshells are followed; each level is a few stack frames, and a copy of its text.
pub(super) const MAX_DEPTH: usize = 16;

/// How many unfinished compound commands of one list are remembered.
const MAX_BLOCKS: usize = 64;

/// What ends a list of commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Close {
    #[default]
    End,
    Paren,
    Backtick,
}

/// What is around a word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inside {
    /// What ends the list of commands.
    pub(super) close: Close,
    /// It is between `[[` and `]]`.
    pub(super) test: bool,
    /// It is a regular expression or pattern of a test, where parentheses and bars are text.
    pub(super) pattern: bool,
}

/// Why a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Separator,
    Closed,
}

/// A list of commands that is being read.
#[derive(Debug, Default)]
struct List {
    blocks: Vec<Block>,
}

/// A compound command that is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// `{ …`.
    Brace,
    /// `case x in …`; patterns are next, or commands.
    Case { patterns: bool },
}

impl List {
    fn in_patterns(&self) -> bool {
        self.blocks.last() == Some(&Block::Case { patterns: true })
    }

    fn open(&mut self, block: Block) {
        if self.blocks.len() < MAX_BLOCKS {
            self.blocks.push(block);
        }
    }

    /// Says whether the innermost `case` goes on with patterns; blocks inside it that nobody closed are over.
    fn set_patterns(&mut self, patterns: bool) {
        if let Some(at) = self.innermost(|block| matches!(block, Block::Case { .. })) {
            self.blocks.truncate(at);
            self.blocks.push(Block::Case { patterns });
        }
    }

    /// Ends the innermost group; in zsh a `case` may be one.
    fn end_brace(&mut self, dialect: Dialect) {
        if let Some(at) = self.innermost(|block| dialect.is_zsh() || *block == Block::Brace) {
            self.blocks.truncate(at);
        }
    }

    /// Ends the innermost `case`, and what nobody closed in it.
    fn end_case(&mut self) {
        if let Some(at) = self.innermost(|block| matches!(block, Block::Case { .. })) {
            self.blocks.truncate(at);
        }
    }

    fn innermost(&self, wanted: impl Fn(&Block) -> bool) -> Option<usize> {
        self.blocks.iter().rposition(wanted)
    }
}

/// A command that is being read.
#[derive(Default)]
struct Reading {
    command: Command,
    role: Role,
    /// Its first word is `time`, or that behind `coproc`: before a compound command it is no command but a prefix or a
    /// name.
    prefix: bool,
    /// Where a compound command ended: no words follow.
    done: Option<usize>,
}

impl Reading {
    fn at(start: usize) -> Reading {
        Reading { command: Command { start, ..Command::default() }, ..Reading::default() }
    }

    /// The next word is the first of a command.
    fn wants_command(&self) -> bool {
        (self.command.words.is_empty() || self.may_turn()) && self.done.is_none()
    }

    /// The one word so far is something else if a compound command follows.
    fn may_turn(&self) -> bool {
        self.prefix && self.command.words.len() == 1
    }

    /// A compound command or an assignment follows: forgets what only stands before it.
    fn turn(&mut self) {
        if self.may_turn() {
            self.command.words.clear();
        }
    }

    /// The next word may be a keyword; in zsh behind redirections, too.
    fn wants_keyword(&self, dialect: Dialect) -> bool {
        let redirected = !self.command.redirects.is_empty() && !dialect.is_zsh();
        self.wants_command() && self.command.assignments.is_empty() && !redirected
    }

    /// An `in` was read: words follow.
    fn has_in(&self) -> bool {
        self.command.words.iter().any(|word| word.text == "in")
    }

    /// The next word is the `in` of `for` or `case`, or what stands there without one.
    fn wants_in(&self) -> bool {
        matches!(self.role, Role::Loop | Role::Case) && self.command.words.len() == 2
    }
}

/// A here-document whose body begins at the next newline.
#[derive(Debug)]
struct HereDocument {
    delimiter: String,
    /// Tabs before its lines do not count.
    tabs: bool,
    /// Its delimiter was quoted: nothing in it is expanded.
    quoted: bool,
}

/// Reads a line.
#[derive(Debug, Default)]
pub(super) struct Reader<'a> {
    pub(super) source: Source<'a>,
    pub(super) pos: usize,
    pub(super) cursor: usize,
    pub(super) dialect: Dialect,
    pub(super) depth: usize,
    pub(super) inside: Inside,
    aliases: Aliases<'a>,
    /// An alias before this word passes expansion on to it.
    passed_on: bool,
    /// Finished commands, inner ones before the outer.
    commands: Vec<Command>,
    current: Option<(usize, Spot)>,
    /// The cursor is in a comment or here-document, or between two commands.
    nothing: bool,
    heredocs: Vec<HereDocument>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, cursor: usize, shell: Shell, aliases: Aliases<'a>) -> Reader<'a> {
        Reader { source: Source::new(text), cursor, dialect: Dialect(shell), aliases, ..Reader::default() }
    }

    /// Reads all of it.
    pub(super) fn read(mut self) -> Line {
        self.list();
        let mut order: Vec<usize> = (0..self.commands.len()).collect();
        order.sort_by_key(|&at| self.commands[at].start);
        let current = self.current.and_then(|(current, _)| order.iter().position(|&at| at == current));
        let commands = order.iter().map(|&at| std::mem::take(&mut self.commands[at])).collect();
        let spot = self.current.map_or(Spot::Nothing, |(_, spot)| spot);
        self.as_typed(Line { commands, current, spot })
    }

    /// The line with everything where it stands in what was typed.
    fn as_typed(&self, mut line: Line) -> Line {
        if self.source.is_typed() {
            return line;
        }
        // A word that an alias began cannot be replaced without the alias.
        if line.word().is_some_and(|word| self.source.is_put_in(word.start)) {
            line.spot = Spot::Nothing;
        }
        for command in &mut line.commands {
            command.start = self.source.typed_start(command.start);
            let redirects = command.redirects.iter_mut();
            let targets = redirects.map(|redirect| {
                redirect.start = self.source.typed_start(redirect.start);
                redirect.end = self.source.typed_end(redirect.end);
                &mut redirect.target
            });
            let words = command.words.iter_mut().chain(&mut command.assignments);
            words.chain(targets).for_each(|word| self.word_as_typed(word));
        }
        line
    }

    fn word_as_typed(&self, word: &mut Word) {
        word.start = self.source.typed_start(word.start);
        word.end = self.source.typed_end(word.end);
        word.marks.iter_mut().for_each(|mark| mark.at = self.source.typed_start(mark.at));
        if let Some(cut) = &mut word.cut {
            cut.at = self.source.typed_end(cut.at);
        }
    }

    pub(super) fn rest(&self) -> &str {
        &self.source.text()[self.pos..]
    }

    pub(super) fn end(&self) -> usize {
        self.source.text().len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    pub(super) fn at(&self, prefix: &str) -> bool {
        self.rest().starts_with(prefix)
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    /// Steps over `prefix` if it is next.
    pub(super) fn eat(&mut self, prefix: &str) -> bool {
        let there = self.at(prefix);
        if there {
            self.pos += prefix.len();
        }
        there
    }

    /// Steps over blanks; between `[[` and `]]` a newline is one. In fish a line that goes on with the next one does so
    /// over comments.
    fn blanks(&mut self) {
        let mut goes_on = false;
        loop {
            match self.peek() {
                Some(c) if self.dialect.is_blank(c) => self.pos += c.len_utf8(),
                Some('\\') if self.at("\\\n") => {
                    self.pos += 2;
                    goes_on = self.dialect.is_fish();
                }
                Some('\n') if self.inside.test => self.pos += 1,
                Some('#') if goes_on => {
                    self.comment();
                    self.eat("\n");
                }
                _ => return,
            }
        }
    }

    // Lists.

    /// A list of commands inside something, up to what closes it, unless that is too deep; whether it was closed.
    fn nested(&mut self, close: Close) -> bool {
        let start = self.pos;
        let mut closed = false;
        if self.depth >= MAX_DEPTH {
            self.pos = self.end();
        } else {
            let around = std::mem::replace(&mut self.inside, Inside { close, ..Inside::default() });
            self.depth += 1;
            closed = self.list();
            self.depth -= 1;
            self.inside = around;
        }
        self.leave_cursor(start, self.pos);
        self.pos += usize::from(closed);
        closed
    }

    /// The list of a substitution, which has here-documents of its own.
    pub(super) fn apart(&mut self, close: Close) -> bool {
        let outer = std::mem::take(&mut self.heredocs);
        let closed = self.nested(close);
        self.heredocs = outer;
        closed
    }

    /// If the cursor is in `start..=end`, where no command took it, it is in nothing.
    fn leave_cursor(&mut self, start: usize, end: usize) {
        self.nothing |= start <= self.cursor && self.cursor <= end && self.current.is_none();
    }

    /// Commands up to what closes the list, which is left, or to the end. Whether it is closed.
    fn list(&mut self) -> bool {
        let mut list = List::default();
        loop {
            if list.in_patterns() {
                self.patterns(&mut list);
            }
            if self.command(&mut list) == Stop::Closed {
                return self.pos < self.end();
            }
        }
    }

    fn command(&mut self, list: &mut List) -> Stop {
        let mut reading = Reading::at(self.pos);
        loop {
            self.blanks();
            let end = self.pos;
            if let Some(stop) = self.separator(list) {
                self.close_command(reading, end);
                return stop;
            }
            self.item(list, &mut reading);
            if list.in_patterns() {
                self.close_command(reading, self.pos);
                return Stop::Separator;
            }
        }
    }

    /// Steps over what ends a command, if it is next.
    fn separator(&mut self, list: &mut List) -> Option<Stop> {
        let Some(c) = self.peek() else { return Some(Stop::Closed) };
        if self.closes_backtick() {
            return Some(Stop::Closed);
        }
        if self.inside.test && c != '#' && c != ';' {
            return None;
        }
        let pipe = self.dialect.pipe(self.rest());
        match c {
            ')' if self.inside.close == Close::Paren => return Some(Stop::Closed),
            // What closes a list that was not opened.
            ')' => self.pos += 1,
            '#' => self.comment(),
            '\n' => self.newline(),
            ';' => self.semicolons(list),
            _ if self.eat("&&") || self.eat("||") => {}
            _ if pipe > 0 => self.pos += pipe,
            '&' if !self.at("&>") => {
                self.pos += 1;
                let _ = self.dialect.is_zsh() && (self.eat("|") || self.eat("!"));
            }
            _ => return None,
        }
        Some(Stop::Separator)
    }

    /// Whether the end of a substitution in backticks is next.
    fn closes_backtick(&self) -> bool {
        self.inside.close == Close::Backtick && self.at("`")
    }

    /// One `;`, or those that end an item of `case`: `;;`, `;&`, `;;&`, `;|`.
    fn semicolons(&mut self, list: &mut List) {
        self.pos += 1;
        if self.dialect.is_fish() {
            return;
        }
        let double = self.eat(";");
        if self.eat("&") || self.eat("|") || double {
            list.set_patterns(true);
        }
    }

    fn comment(&mut self) {
        let start = self.pos;
        self.pos += self.rest().find('\n').unwrap_or(self.rest().len());
        self.leave_cursor(start + 1, self.pos);
    }

    /// A newline, and the here-documents that begin behind it.
    fn newline(&mut self) {
        self.pos += 1;
        self.leave_aliases();
        self.passed_on = false;
        for document in std::mem::take(&mut self.heredocs) {
            let start = self.pos;
            let end = self.heredoc(&document);
            self.leave_cursor(start, end);
        }
    }

    /// Steps over the body of a here-document and its delimiter; where the cursor is still in it.
    fn heredoc(&mut self, document: &HereDocument) -> usize {
        loop {
            let line = self.rest().split('\n').next().unwrap_or_default();
            let content = if document.tabs { line.trim_start_matches('\t') } else { line };
            let (length, found) = (line.len(), content == document.delimiter);
            if document.quoted || found {
                self.pos += length;
            } else {
                self.expansions_of_line();
            }
            let end = self.pos;
            if !self.eat("\n") || found {
                return end;
            }
        }
    }

    /// Steps over a line of text in which only expansions mean something; substitutions may end on another line.
    fn expansions_of_line(&mut self) {
        // Never the word of the cursor.
        let mut scratch = Word { start: usize::MAX, ..Word::default() };
        while let Some(c) = self.peek() {
            match c {
                '\n' => return,
                '\\' => {
                    self.pos += 1;
                    self.bump();
                }
                '$' => self.dollar(&mut scratch, Quote::Double),
                '`' => self.substitution(&mut scratch, Quote::Double, 1, Close::Backtick),
                _ => self.pos += c.len_utf8(),
            }
            scratch.text.clear();
            scratch.marks.clear();
        }
    }

    /// The patterns of an item of `case`, up to the `)` behind them.
    fn patterns(&mut self, list: &mut List) {
        list.set_patterns(false);
        let start = self.pos;
        self.between_items();
        let word = self.next_word();
        let zsh = self.dialect.is_zsh();
        let ends =
            word == "esac" || zsh && word.ends_with('}') && matches!(word.trim_end_matches('}'), "" | "esac");
        if ends && self.cursor != self.pos + word.len() {
            return;
        }
        self.eat("(");
        let mut command = Command { start, ..Command::default() };
        let end = loop {
            self.blanks();
            let at = self.pos;
            match self.peek() {
                None | Some('\n' | ';') => break at,
                _ if self.closes_backtick() => break at,
                Some(')') => {
                    self.pos += 1;
                    break at;
                }
                Some('|') => self.pos += 1,
                Some(_) => self.push_or_skip(&mut command.words),
            }
        };
        self.close_values(command, end, Spot::Text);
    }

    fn between_items(&mut self) {
        loop {
            self.blanks();
            match self.peek() {
                Some('\n') => self.newline(),
                Some('#') => self.comment(),
                Some(';') => self.pos += 1,
                _ => return,
            }
        }
    }

    /// Reads a word; steps over a character that cannot begin one.
    fn push_or_skip(&mut self, words: &mut Vec<Word>) {
        let word = self.word();
        if word.start == self.pos {
            self.bump();
        } else {
            words.push(word);
        }
    }

    /// Words that are no command, up to `)`, which is left; newlines are blanks. Whether it is there.
    pub(super) fn elements(&mut self) -> bool {
        let mut command = Command { start: self.pos, ..Command::default() };
        let closed = loop {
            self.blanks();
            match self.peek() {
                None => break false,
                _ if self.closes_backtick() => break false,
                Some(')') => break true,
                Some('\n') => self.pos += 1,
                Some('#') => self.comment(),
                Some(_) => self.push_or_skip(&mut command.words),
            }
        };
        self.close_values(command, self.pos, Spot::Path);
        closed
    }

    /// Keeps words that are no command if the cursor is among them.
    fn close_values(&mut self, mut command: Command, end: usize, spot: Spot) {
        if self.is_here(command.start, end) {
            cut_words(&mut command, self.cursor);
            self.current = Some((self.commands.len(), spot));
            self.commands.push(command);
        }
    }

    // Commands.

    /// One word, redirection or nested list of a command.
    fn item(&mut self, list: &mut List, reading: &mut Reading) {
        self.leave_aliases();
        if self.inside.test {
            return self.test_item(list, reading);
        }
        if let Some(operator) = self.dialect.redirection(self.rest()) {
            return self.redirect(operator, reading);
        }
        if self.at("(") && !self.dialect.is_fish() {
            return self.paren(reading);
        }
        if self.at("{") && reading.wants_keyword(self.dialect) && self.is_brace() {
            self.pos += 1;
            list.open(Block::Brace);
            reading.turn();
            reading.command.start = self.pos;
            return;
        }
        let value = assignment(self.rest()).filter(|length| self.is_one_word(*length));
        if let Some(value) = value.filter(|_| reading.wants_command() && self.is_assignment(reading)) {
            let word = self.assignment_word(value);
            reading.turn();
            return reading.command.assignments.push(word);
        }
        let word = match value.filter(|length| self.rest()[*length..].starts_with('(')) {
            Some(value) if !self.dialect.is_fish() => self.assignment_word(value),
            _ => self.word(),
        };
        if word.start == self.pos {
            // A character that cannot start a word: step over it.
            self.bump();
            return;
        }
        self.add_word(list, word, reading);
    }

    /// A word of `[[ … ]]`, or an operator, which is stepped over.
    fn test_item(&mut self, list: &mut List, reading: &mut Reading) {
        if let Some('(' | ')' | '&' | '|' | '<' | '>') = self.peek().filter(|_| !self.is_process()) {
            self.pos += 1;
            return;
        }
        let word = self.word();
        if word.start == self.pos {
            self.bump();
            return;
        }
        let is_match = matches!(word.text.as_str(), "=~" | "==" | "=" | "!=");
        self.add_word(list, word, reading);
        if is_match && self.inside.test {
            self.blanks();
            self.inside.pattern = true;
            let operand = self.word();
            self.inside.pattern = false;
            if operand.start != operand.end {
                self.add_word(list, operand, reading);
            }
        }
    }

    /// Whether a `<(` or `>(` is next.
    pub(super) fn is_process(&self) -> bool {
        !self.dialect.is_fish() && (self.at("<(") || self.at(">("))
    }

    /// Whether the `{` that is next opens a group: in zsh always, else when something separates it from what follows.
    fn is_brace(&self) -> bool {
        self.dialect.is_zsh() || self.peek_second().is_some_and(|c| c == '\n' || self.dialect.is_blank(c))
    }

    /// Whether what looks like an assignment is one here: in fish only a name.
    fn is_assignment(&self, reading: &Reading) -> bool {
        let name = self.rest().split('=').next().unwrap_or_default();
        reading.role == Role::Simple && (!self.dialect.is_fish() || !name.ends_with(['+', ']']))
    }

    /// Whether the first `length` bytes that follow stand in one word; an index may contain anything.
    fn is_one_word(&self, length: usize) -> bool {
        !self.rest()[..length].contains(char::is_whitespace)
    }

    fn add_word(&mut self, list: &mut List, word: Word, reading: &mut Reading) {
        if self.expand(&word, reading) {
            return;
        }
        self.pass(&word);
        let raw = &self.source.text()[word.start..word.end];
        // A word that is being typed is not yet a keyword.
        let typing = word.start <= self.cursor && self.cursor <= word.end;
        if reading.role == Role::Test && raw == "]]" {
            self.inside.test = false;
            reading.done = Some(word.start + 1);
            return reading.command.words.push(word);
        }
        if let Some(keyword) = self.keyword_in(raw, list, reading).filter(|_| !typing) {
            reading.turn();
            self.next(reading, word.start);
            return self.keyword(keyword, list, word, reading);
        }
        if reading.done.is_some() {
            return;
        }
        let opens_items = reading.role == Role::Case && reading.wants_in() && !typing;
        reading.command.words.push(word);
        if opens_items {
            list.open(Block::Case { patterns: true });
        }
        if reading.role == Role::Repeat && reading.command.words.len() == 2 {
            self.next(reading, self.pos);
        }
    }

    /// What the raw word means as a keyword, if it may be one here.
    fn keyword_in(&self, raw: &str, list: &List, reading: &Reading) -> Option<Keyword> {
        let zsh = self.dialect.is_zsh();
        if reading.wants_keyword(self.dialect) {
            return self.dialect.keyword(raw);
        }
        if reading.done.is_some() {
            let always = zsh && raw == "always";
            return if always { Some(Keyword::Opens) } else { self.dialect.keyword(raw) };
        }
        let keyword = match raw {
            "{" => Keyword::Brace,
            "}" => Keyword::EndBrace,
            "do" => Keyword::Opens,
            _ => return None,
        };
        let here = match (reading.role, keyword) {
            (Role::Function, Keyword::Brace) => true,
            (Role::Loop, Keyword::Brace | Keyword::Opens) => reading.wants_in(),
            (_, Keyword::EndBrace) => zsh && !list.blocks.is_empty(),
            _ => false,
        };
        here.then_some(keyword)
    }

    /// Ends the command that is being read at `end`, and begins another here.
    fn next(&mut self, reading: &mut Reading, end: usize) {
        let ended = std::mem::replace(reading, Reading::at(self.pos));
        self.close_command(ended, end);
    }

    fn keyword(&mut self, keyword: Keyword, list: &mut List, word: Word, reading: &mut Reading) {
        reading.command.start = self.pos;
        match keyword {
            Keyword::Opens => {}
            Keyword::Brace => list.open(Block::Brace),
            Keyword::Closes => reading.done = Some(self.pos),
            Keyword::EndBrace => {
                list.end_brace(self.dialect);
                reading.done = Some(self.pos);
            }
            Keyword::EndCase => {
                list.end_case();
                reading.done = Some(self.pos);
            }
            Keyword::Coproc => reading.prefix = true,
            Keyword::Time => {
                reading.command.start = word.start;
                reading.prefix = true;
                reading.command.words.push(word);
            }
            Keyword::Head(role) => {
                reading.command.start = word.start;
                reading.role = role;
                self.inside.test = role == Role::Test;
                reading.command.words.push(word);
            }
        }
    }

    /// The raw text up to the next character that may end a word.
    fn next_word(&self) -> &str {
        let rest = self.rest();
        let end = rest.find(|c: char| c == '\n' || ";|&()<>".contains(c) || self.dialect.is_blank(c));
        &rest[..end.unwrap_or(rest.len())]
    }

    /// A `(` where a word could begin: a subshell, arithmetic, the `()` of a function, words of `for`, or a glob.
    fn paren(&mut self, reading: &mut Reading) {
        let start = self.pos;
        if reading.role == Role::Loop && reading.command.words.len() == 1 {
            self.parens();
            reading.done = Some(start + 1);
            return;
        }
        if reading.role == Role::Loop && self.dialect.is_zsh() && !reading.has_in() {
            self.pos += 1;
            self.elements();
            self.eat(")");
            return self.next(reading, start);
        }
        if self.eat_empty_parens() {
            *reading = Reading::at(self.pos);
            return;
        }
        if !reading.wants_command() {
            let word = self.word();
            if reading.done.is_none() {
                reading.command.words.push(word);
            }
            return;
        }
        reading.turn();
        if self.is_arithmetic() {
            self.parens();
        } else {
            self.pos += 1;
            self.nested(Close::Paren);
        }
        reading.done = Some(self.pos);
    }

    /// Steps over `()`, with blanks in it.
    fn eat_empty_parens(&mut self) -> bool {
        let inside = self.rest()[1..].trim_start_matches([' ', '\t']);
        let empty = inside.starts_with(')');
        if empty {
            self.pos = self.end() - inside.len() + 1;
        }
        empty
    }

    /// Whether the `(` that is next begins `((…))`; zsh does not look at quotes for that. One that is not closed yet is
    /// taken for it; one whose inner parenthesis is closed apart from the outer is a subshell in a subshell.
    pub(super) fn is_arithmetic(&self) -> bool {
        if !self.at("((") {
            return false;
        }
        let (mut open, mut quote) = (0usize, None);
        let mut bytes = self.rest().bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match (byte, quote) {
                (b'\\', None | Some(b'"')) => drop(bytes.next()),
                (_, Some(closing)) => quote = quote.filter(|_| byte != closing),
                (b'\'' | b'"', None) if self.dialect.is_bash() => quote = Some(byte),
                (b'(', None) => open += 1,
                (b')', None) if open == 2 => return self.rest()[at..].starts_with("))"),
                (b')', None) => open -= 1,
                _ => {}
            }
        }
        true
    }

    /// Steps over `( … )`; substitutions in it are followed.
    fn parens(&mut self) {
        self.pos += 1;
        let start = self.pos;
        let closed = self.group(Some('('), ')', Quote::Double);
        self.leave_cursor(start, self.pos - usize::from(closed));
    }

    fn close_command(&mut self, reading: Reading, end: usize) {
        self.inside.test = false;
        let mut command = reading.command;
        if !self.is_here(command.start, end) {
            if !command.words.is_empty() || !command.assignments.is_empty() || !command.redirects.is_empty() {
                self.commands.push(command);
            }
            return;
        }
        let spot = focus(&mut command, self.cursor, reading.role, reading.done);
        self.current = Some((self.commands.len(), spot));
        self.commands.push(command);
    }

    /// Whether the cursor is in `start..=end` and nothing inside took it.
    fn is_here(&self, start: usize, end: usize) -> bool {
        self.current.is_none() && !self.nothing && start <= self.cursor && self.cursor <= end
    }

    // Aliases.

    /// Puts what the word stands for into the text, to be read next; whether it stands for anything.
    fn expand(&mut self, word: &Word, reading: &Reading) -> bool {
        if word.end >= self.cursor {
            return false;
        }
        let typed = Typed {
            raw: &self.source.text()[word.start..word.end],
            text: &word.text,
            plain: word.is_plain(),
            first: reading.wants_command() && reading.role == Role::Simple,
            behind: self.passed_on,
        };
        let Some(value) = self.aliases.value(typed).filter(|value| !self.source.is_active(value.name)) else {
            return false;
        };
        let Some(grown) = self.source.put(word.start, word.end, value) else { return false };
        self.cursor = self.cursor.saturating_add_signed(grown);
        self.pos = word.start;
        true
    }

    /// Leaves the aliases whose values were read to their ends. When several end here, in bash the outermost decides
    /// whether expansion is passed on.
    fn leave_aliases(&mut self) {
        let passes_on = self.source.leave(self.pos);
        let Some(outermost) = passes_on.last() else { return };
        self.passed_on =
            if self.dialect.is_bash() { *outermost } else { self.passed_on || passes_on.contains(&true) };
    }

    /// What an alias passed on has come to this word, and goes no further; in bash a quoted word does not count.
    fn pass(&mut self, word: &Word) {
        let quoted = self.source.text()[word.start..word.end].contains(['\'', '"', '\\']);
        self.passed_on &= self.dialect.is_bash() && quoted;
    }

    // Redirections.

    fn redirect(&mut self, operator: Operator, reading: &mut Reading) {
        let start = self.pos;
        self.pos += operator.length;
        let after = self.pos;
        self.blanks();
        let between = after <= self.cursor && self.cursor <= self.pos;
        let target = if between { self.target_at_cursor() } else { self.word() };
        self.pass(&target);
        let file = match operator.target {
            Target::File => true,
            Target::Descriptor { or_file } => or_file && !is_descriptor(&target.text),
            Target::Text | Target::Delimiter { .. } => false,
        };
        if let Target::Delimiter { tabs } = operator.target
            && target.start < target.end
        {
            let raw = &self.source.text()[target.start..target.end];
            let quoted = raw.contains(['\'', '"', '\\']);
            self.heredocs.push(HereDocument { delimiter: target.text.clone(), tabs, quoted });
        }
        reading.command.redirects.push(Redirect { start, end: target.end.max(after), target, file });
    }

    /// The target when the cursor stands between operator and target: the word there if it begins at the cursor's
    /// place, else an empty one.
    fn target_at_cursor(&mut self) -> Word {
        if self.pos != self.cursor {
            return Word::empty(self.cursor);
        }
        let word = self.word();
        if word.start == word.end { Word::empty(self.cursor) } else { word }
    }
}

/// Whether the target of `>&` is a descriptor, or not yet anything.
fn is_descriptor(text: &str) -> bool {
    let number = text.strip_suffix('-').unwrap_or(text);
    text == "p" || number.bytes().all(|byte| byte.is_ascii_digit()) || text.starts_with('$')
}

/// Cuts the current command off at the cursor, so that its last word is that of the cursor.
fn focus(command: &mut Command, cursor: usize, role: Role, done: Option<usize>) -> Spot {
    let inside = |word: &Word| word.start <= cursor && cursor <= word.end;
    if let Some(at) =
        command.redirects.iter().position(|redirect| redirect.start < cursor && inside(&redirect.target))
    {
        command.words.retain(|word| word.start < cursor);
        return if command.redirects[at].file { Spot::Redirect(at) } else { Spot::Nothing };
    }
    let operator = |redirect: &Redirect| redirect.start < cursor && cursor < redirect.target.start;
    if command.redirects.iter().any(operator) {
        return Spot::Nothing;
    }
    let typing = |word: &Word| word.start < cursor && cursor <= word.end;
    if let Some(at) = command.assignments.iter().position(typing) {
        command.words.clear();
        let word = &command.assignments[at];
        let value = assignment(&word.text).unwrap_or(0);
        return if word.before().len() < value { Spot::Nothing } else { Spot::Assignment(at) };
    }
    if done.is_some_and(|done| done <= cursor) {
        return Spot::Nothing;
    }
    cut_words(command, cursor);
    spot_of(role, command.words.len())
}

/// What the last of so many words of a command is.
fn spot_of(role: Role, words: usize) -> Spot {
    match (role, words) {
        (Role::Simple, _) => Spot::Word,
        (Role::Test, _) | (Role::Loop, 4..) => Spot::Path,
        (Role::Values, _) | (Role::Case, 2) => Spot::Text,
        _ => Spot::Nothing,
    }
}

/// Drops the words behind the cursor, and adds an empty one if it is in none.
fn cut_words(command: &mut Command, cursor: usize) {
    command.words.retain(|word| word.start < cursor);
    if command.words.last().is_none_or(|word| word.end < cursor) {
        command.words.push(Word::empty(cursor));
    }
}
