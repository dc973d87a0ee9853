//! The lines that are typed for one command or subcommand, each with what the spec declares for its end.

use std::hash::{DefaultHasher, Hash, Hasher};

use protocol::Shell;
use specs::model::{Arg, Opt, Subcommand};

use crate::declared::{Place, Row, Scope};
use crate::shell::{opened, quoted};

/// A value that no spec knows.
const VALUE: &str = "zz9";

/// Words that are syntax at the beginning of a line, in one shell or another; in quotes they are names of commands.
const SYNTAX: [&str; 25] = [
    "if",
    "then",
    "elif",
    "else",
    "while",
    "until",
    "do",
    "!",
    "{",
    "}",
    "fi",
    "done",
    "esac",
    "coproc",
    "function",
    "case",
    "for",
    "select",
    "end",
    "begin",
    "and",
    "or",
    "not",
    "noglob",
    "nocorrect",
];

/// How many of the lines are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// All.
    Whole,
    /// What may stand behind each command; of all other lines one in so many.
    OneIn(u64),
}

impl Share {
    fn has(self, item: impl Hash) -> bool {
        let Share::OneIn(many) = self else { return true };
        let mut hasher = DefaultHasher::new();
        item.hash(&mut hasher);
        hasher.finish().is_multiple_of(many)
    }
}

/// A line and what belongs at its end.
pub(crate) struct Asked<'l, 'a> {
    /// What kind of place it is.
    pub(crate) class: &'static str,
    pub(crate) shell: Shell,
    /// The line; the cursor is at its end.
    pub(crate) line: String,
    /// Where in the line its last word begins.
    pub(crate) last: usize,
    /// What rows are matched with.
    pub(crate) query: &'l str,
    /// What the last word has before that.
    pub(crate) before: &'l str,
    /// Letters in order are enough to match.
    pub(crate) fuzzy: bool,
    /// What is typed is a row too.
    pub(crate) current: bool,
    pub(crate) rows: &'l [Row<'a>],
    /// Rows of which it does not matter whether they are there.
    pub(crate) any: &'l [Row<'a>],
    /// The row to accept, in `rows`.
    pub(crate) target: Option<usize>,
}

/// How the word at the cursor reads where options may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As the beginning of anything.
    Plain,
    /// As one short option, behind which others may follow.
    Letter,
    /// In a way that the format leaves open, or as an option with its value.
    Other,
}

/// Types the lines of one scope.
pub(crate) struct Typist<'a, 's> {
    scope: &'s Scope<'a>,
    share: Share,
    count: usize,
    sink: &'s mut dyn FnMut(Asked),
}

/// Types all lines of a scope into `sink`.
pub(crate) fn type_all(scope: &Scope, share: Share, sink: &mut dyn FnMut(Asked)) {
    let mut typist = Typist { scope, share, count: scope.words.len(), sink };
    let fresh = Place::fresh(scope);
    let rows = fresh.rows();
    typist.lists("command", &[], &fresh);
    typist.lists("end of options", &["--"], &Place::after_end(scope));
    typist.subcommands(&fresh, &rows);
    typist.values("argument", &[], &fresh);
    typist.arguments();
    for option in scope.options() {
        typist.option(option, &fresh, &rows);
    }
    typist.letters(&fresh);
}

impl<'a, 's> Typist<'a, 's> {
    /// Types a line: the words of the scope, `more` finished words, and a last word that is matched from behind `before`.
    fn ask(&mut self, class: &'static str, more: &[&str], word: Word, of: Of<'_, 'a>) {
        let shell = [Shell::Bash, Shell::Zsh, Shell::Fish][self.count % 3];
        self.count += 1;
        let mut line = String::new();
        let words = self.scope.words.iter().map(String::as_str).chain(more.iter().copied());
        for (at, word) in words.enumerate() {
            let syntax = at == 0 && SYNTAX.contains(&word);
            line += &if syntax { format!("'{word}'") } else { quoted(word, shell) };
            line.push(' ');
        }
        let last = line.len();
        let text = [word.before, word.query].concat();
        line += &match text.is_empty() {
            true => String::new(),
            false if self.count.is_multiple_of(2) && quoted(&text, shell) != text => opened(&text, shell),
            false => quoted(&text, shell),
        };
        let (Word { before, query }, Of { fuzzy, current, rows, any, target }) = (word, of);
        (self.sink)(Asked { class, shell, line, last, query, before, fuzzy, current, rows, any, target });
    }

    /// The whole list of a place, and all that begins with dashes.
    fn lists(&mut self, class: &'static str, more: &[&str], place: &Place<'_, 'a>) {
        let whole = more.is_empty() && class == "command";
        let typed =
            |query: &&str| whole && query.is_empty() || self.share.has((&self.scope.words, more, query));
        let queries: Vec<&str> = ["", "-", "--"].into_iter().filter(typed).collect();
        let rows = if queries.is_empty() { Vec::new() } else { place.rows() };
        for query in queries {
            self.ask(class, more, Word::plain(query), Of::rows(place, &rows));
        }
    }

    /// The beginning of a name, and all of it.
    fn names(
        &mut self,
        class: &'static str,
        more: &[&str],
        place: &Place<'_, 'a>,
        at: usize,
        rows: &[Row<'a>],
    ) {
        let row = &rows[at];
        let (Some(name), false) = (row.names.first().cloned(), row.names.iter().any(|name| name.is_empty()))
        else {
            return;
        };
        let of = Of { target: Some(at), ..Of::rows(place, rows) };
        let beginning = beginning(&name);
        if !row.hidden && beginning.len() < name.len() && self.form(place, beginning) == Form::Plain {
            self.ask(class, more, Word::plain(beginning), of);
        }
        for name in row.names.iter().filter(|name| !name.is_empty()) {
            if self.form(place, name) == Form::Plain {
                self.ask(class, more, Word::plain(name), of);
            }
        }
    }

    fn subcommands(&mut self, fresh: &Place<'_, 'a>, rows: &[Row<'a>]) {
        for sub in &self.scope.node.subcommands {
            let names: Vec<&str> = self.scope.leading(sub).collect();
            if names.is_empty() || !self.share.has((&self.scope.words, &sub.names)) {
                continue;
            }
            let Some(at) = place_of(&sub.names, rows) else { continue };
            self.names("subcommand", &[], fresh, at, rows);
            // The scope of the subcommand itself is typed under its first name.
            for name in names.iter().skip(1).filter(|_| sub.load_spec.is_none()) {
                self.alias(sub, name);
            }
        }
    }

    /// Behind another name of a subcommand the same may stand.
    fn alias(&mut self, sub: &'a Subcommand, name: &str) {
        let below = self.scope.below(sub, name);
        let share = self.share;
        let mut typist = Typist { scope: &below, share, count: self.count, sink: self.sink };
        typist.lists("alias", &[], &Place::fresh(&below));
    }

    /// The static values of a place.
    fn values(&mut self, class: &'static str, more: &[&str], place: &Place<'_, 'a>) {
        let Some(arg) = place.arg else { return };
        let has = |names: &[String]| self.share.has((&self.scope.words, more, names));
        let kept: Vec<_> = arg.suggestions.iter().filter(|suggestion| has(&suggestion.names)).collect();
        let rows = if kept.is_empty() { Vec::new() } else { place.rows() };
        for suggestion in kept {
            if let Some(at) = place_of(&suggestion.names, &rows) {
                self.names(class, more, place, at, &rows);
            }
        }
    }

    /// Every position behind the first, as far as what stands before it is only a value.
    fn arguments(&mut self) {
        let args = &self.scope.node.args;
        let mut more = Vec::new();
        for (at, arg) in args.iter().enumerate() {
            if leads_on(arg) {
                return;
            }
            more.push(VALUE);
            let place = Place::after_values(self.scope, at + 1);
            self.lists("argument", &more, &place);
            self.values("argument", &more, &place);
        }
    }

    fn option(&mut self, option: &'a Opt, fresh: &Place<'_, 'a>, rows: &[Row<'a>]) {
        if !self.share.has((&self.scope.words, &option.names)) {
            return;
        }
        let names: Vec<&str> = self.scope.meaning(option).collect();
        if let Some(at) = place_of(&option.names, rows) {
            self.names("option", &[], fresh, at, rows);
        }
        for name in &names {
            match self.form(fresh, name) {
                Form::Plain => self.attached(option, name),
                Form::Letter => self.letter(option, name, fresh),
                Form::Other => continue,
            }
            // Specs that want a separator mean the long name; whether a letter takes the next word they do not say.
            if option.requires_separator.is_none() || self.form(fresh, name) == Form::Plain {
                self.behind(option, name);
            }
        }
    }

    /// Behind an option, and behind its values.
    fn behind(&mut self, option: &'a Opt, name: &str) {
        // Whatever a spec says of it, `--` ends the options; and what is a subcommand too is read as one.
        if name == "--" || self.scope.has_subcommand(name) {
            return;
        }
        let mut more = vec![name];
        let takes = option.requires_separator.is_none();
        for values in 0..=if takes { option.args.len() } else { 0 } {
            let place = Place::after_option(self.scope, option, values);
            self.lists("behind an option", &more, &place);
            if place.of_option {
                self.values("value of an option", &more, &place);
            }
            // An optional value is not told from one of the command.
            let only = place.of_option && !place.subcommands;
            match option.args.get(values).filter(|arg| only && !leads_on(arg)) {
                Some(_) => more.push(VALUE),
                None => return,
            }
        }
    }

    /// `--option=`, and values behind it.
    fn attached(&mut self, option: &'a Opt, name: &str) {
        let common = self.scope.rules.separators();
        let separator = option.requires_separator.as_deref().unwrap_or(common[0]);
        let word = [name, separator].concat();
        let unclear = common.iter().any(|separator| name.contains(separator));
        // `-o=v` is the value `=v` of a short option.
        let long = name.chars().count() > 2 || self.scope.rules.whole_flags;
        let own = option.requires_separator.is_some();
        if option.args.is_empty() || unclear || !(long || own) || self.scope.option(&word).is_some() {
            return;
        }
        let place = Place::attached(self.scope, option);
        let rows = place.rows();
        let rows: Vec<Row> = rows.into_iter().filter(|row| row.surely).collect();
        self.ask("attached value", &[], Word { before: &word, query: "" }, Of::rows(&place, &rows));
        for (at, row) in rows.iter().enumerate() {
            let Some(name) = row.names.first().filter(|name| !name.is_empty()) else { continue };
            if row.hidden || !self.share.has((&self.scope.words, &option.names, name)) {
                continue;
            }
            let of = Of { target: Some(at), ..Of::rows(&place, &rows) };
            self.ask("attached value", &[], Word { before: &word, query: beginning(name) }, of);
        }
    }

    /// `-x` at the cursor: the option itself, its values, and the letters that may follow.
    fn letter(&mut self, option: &'a Opt, name: &str, fresh: &Place<'_, 'a>) {
        let place = Place { subcommands: false, options: false, ..fresh.clone() };
        let mut rows = self.more_letters(&[option], name, fresh);
        let own = Row { names: vec![name.to_owned()].into(), hidden: false, ..Row::option(option, true) };
        rows.push(own);
        let target = Some(rows.len() - 1);
        // Its values go behind it, and long options with one dash begin with it.
        let any: Vec<Row> = Place::attached(self.scope, option)
            .rows()
            .into_iter()
            .chain(
                fresh.rows().into_iter().filter(|row| row.names.iter().any(|other| other.starts_with(name))),
            )
            .chain(fresh.arg.iter().flat_map(|_| fresh.rows()).filter(|row| !row.surely))
            .collect();
        let of = Of { any: &any, target, ..Of::rows(&place, &rows) };
        self.ask("letter", &[], Word::plain(name), of);
    }

    /// Rows for one letter more.
    fn more_letters(&self, given: &[&'a Opt], word: &str, fresh: &Place<'_, 'a>) -> Vec<Row<'a>> {
        let passed = given.split_last().map_or(&[][..], |(_, before)| before).to_vec();
        let last = given.last().copied();
        let takes_value = last.and_then(|option| option.args.first()).is_some_and(|arg| !arg.optional);
        if takes_value {
            return Vec::new();
        }
        let free = Place { passed, ..fresh.clone() }.free_options();
        let longer = |row: Row<'a>| {
            let same = last.is_some_and(|last| std::ptr::eq(row.names.as_ref(), last.names.as_slice()));
            let letters = row.names.iter().filter(|_| !same).filter_map(|name| letter(name));
            let names: Vec<String> = letters.map(|letter| format!("{word}{letter}")).collect();
            // What a spec inserts for an option that stands alone makes no sense behind another.
            let row = Row { names: names.into(), display: None, verbatim: None, ..row };
            (!row.names.is_empty()).then_some(row)
        };
        free.into_iter().filter_map(longer).collect()
    }

    /// Two letters behind one dash.
    fn letters(&mut self, fresh: &Place<'_, 'a>) {
        if self.scope.rules.whole_flags {
            return;
        }
        let flags: Vec<(&Opt, char)> =
            self.scope.options().into_iter().filter_map(|option| self.flag(option)).collect();
        let [(first, a), (second, b), ..] = flags.as_slice() else { return };
        let place = Place { passed: vec![first], ..fresh.clone() };
        if place.free_options().iter().all(|row| !std::ptr::eq(row.names.as_ref(), second.names.as_slice())) {
            return;
        }
        let word = format!("-{a}{b}");
        let mut rows = self.more_letters(&[first, second], &word, fresh);
        let own = Row { names: vec![word.clone()].into(), hidden: false, ..Row::option(second, true) };
        rows.push(own);
        let silent = Place { subcommands: false, options: false, ..fresh.clone() };
        let (rest, target) = (fresh.rows(), Some(rows.len() - 1));
        let of = Of { any: &rest, target, ..Of::rows(&silent, &rows) };
        self.ask("letters", &[], Word::plain(&word), of);
        let place = Place { passed: vec![first, second], ..fresh.clone() };
        self.lists("behind letters", &[&word], &place);
    }

    /// The letter of an option without values, unless a subcommand is called so.
    fn flag(&self, option: &'a Opt) -> Option<(&'a Opt, char)> {
        let mut names = self.scope.meaning(option).filter(|name| !self.scope.has_subcommand(name));
        let letter = names.find_map(letter)?;
        option.args.is_empty().then_some((option, letter))
    }

    fn form(&self, place: &Place<'_, '_>, word: &str) -> Form {
        if !place.options || !word.starts_with('-') || matches!(word, "-" | "--") {
            return Form::Plain;
        }
        let scope = self.scope;
        let long = word.starts_with("--") || scope.rules.whole_flags;
        let common = scope.rules.separators().into_iter().filter(|_| long);
        let mut ends = scope.own_separators.iter().copied().chain(common);
        let values =
            ends.any(|end| word.match_indices(end).any(|(at, _)| scope.option(&word[..at]).is_some()));
        let known = scope.option(word).is_some();
        if word.starts_with("--") || scope.rules.whole_flags {
            return if known || !values { Form::Plain } else { Form::Other };
        }
        let first: String = word.chars().take(2).collect();
        match (scope.option(&first).is_some(), first == word) {
            (true, true) => Form::Letter,
            (true, false) => Form::Other,
            (false, _) if known || !values => Form::Plain,
            (false, _) => Form::Other,
        }
    }
}

/// A word at the cursor.
#[derive(Clone, Copy)]
struct Word<'w> {
    before: &'w str,
    query: &'w str,
}

impl<'w> Word<'w> {
    fn plain(query: &'w str) -> Word<'w> {
        Word { before: "", query }
    }
}

/// What belongs to a line.
#[derive(Clone, Copy)]
struct Of<'l, 'a> {
    fuzzy: bool,
    current: bool,
    rows: &'l [Row<'a>],
    any: &'l [Row<'a>],
    target: Option<usize>,
}

impl<'l, 'a> Of<'l, 'a> {
    fn rows(place: &Place<'_, 'a>, rows: &'l [Row<'a>]) -> Of<'l, 'a> {
        Of {
            fuzzy: place.fuzzy(),
            current: place.arg.is_some_and(|arg| arg.suggest_current_token),
            rows,
            any: &[],
            target: None,
        }
    }
}

/// Where the row with these names of a spec is.
fn place_of(names: &[String], rows: &[Row]) -> Option<usize> {
    rows.iter().position(|row| std::ptr::eq(row.names.as_ref(), names))
}

/// Whether what follows a value is described elsewhere.
fn leads_on(arg: &Arg) -> bool {
    arg.is_command
        || arg.is_script
        || arg.is_module.is_some()
        || arg.load_spec.is_some()
        || arg.alias.is_some()
}

/// The first half of a name, with a letter behind its dashes.
fn beginning(name: &str) -> &str {
    let dashes = name.chars().take_while(|c| *c == '-').count().min(2);
    let half = name.chars().count().div_ceil(2).max(dashes + 1);
    name.char_indices().nth(half).map_or(name, |(at, _)| &name[..at])
}

/// The letter of a short option.
fn letter(name: &str) -> Option<char> {
    let mut rest = name.strip_prefix('-')?.chars();
    let letter = rest.next().filter(|letter| *letter != '-')?;
    rest.next().is_none().then_some(letter)
}
