//! What accepting a row does to the line.
//!
//! The word at the cursor is replaced up to its end, or a part of it: the value behind `--option=`, the name behind the
//! last `/`. What stays of the word stays as it was typed, and what is put in is quoted for the quotes that are open
//! where it begins, so that the shell reads the name that was shown.

use protocol::{Edit, Shell};

use crate::candidates::{Draft, Insert};
use crate::parse::lex::{Quote, Word};
use crate::parse::quote;

/// Marks where the cursor goes in what a spec inserts.
const CURSOR: &str = "{cursor}";

/// The word that is replaced, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The whole line.
    pub line: &'a str,
    /// Whose quotes it has.
    pub shell: Shell,
    /// The word at the cursor.
    pub word: &'a Word,
    /// A space may follow what is put in.
    pub spaces: bool,
}

/// The edit that puts in this draft, under its name `name`, from the byte `from` of the word's text.
pub fn edit(target: Target, draft: &Draft, name: &str, from: usize) -> Edit {
    let place = target.place(from);
    let space = draft.space && target.spaces;
    match &draft.insert {
        Insert::Name => target.named(place, name, space),
        Insert::Quoted(text) => target.named(place, text, space),
        Insert::PathEntry => target.path_entry(place, name, from, space),
        Insert::NameThen(after) => target.verbatim(place, &(target.quoted(place, name) + after), false),
        Insert::Verbatim(text) => target.verbatim(place, text, space),
    }
}

/// A part of the line that is replaced.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    end: usize,
    /// The quotes around it.
    quote: Quote,
    /// The opening quote stays in the line, before `start`.
    opened: bool,
}

impl Target<'_> {
    /// What is replaced from this byte of the text on.
    fn place(&self, from: usize) -> Place {
        let Word { start, end, cut, .. } = *self.word;
        let cut = cut.unwrap_or_default();
        if from == 0 {
            return Place { start, end, quote: cut.quote, opened: false };
        }
        let (at, quote) = match self.word.marks.get(from) {
            Some(mark) if from < cut.text => (mark.at, mark.quote),
            _ => (cut.at, cut.quote),
        };
        Place { start: at.min(end), end, quote, opened: quote != Quote::None }
    }

    /// The name in the quotes of the place, closed.
    fn quoted(&self, place: Place, name: &str) -> String {
        [self.unclosed(place, name), quote::close(place.quote).to_string()].concat()
    }

    /// The name in the quotes of the place, so that one can go on.
    fn unclosed(&self, place: Place, name: &str) -> String {
        let opening = if place.opened { "" } else { quote::open(place.quote) };
        let first = place.start == self.word.start;
        if name.is_empty() && place.quote == Quote::None && first {
            return "''".into();
        }
        [opening, &quote::inside(name, self.shell, place.quote, first)].concat()
    }

    fn named(&self, place: Place, name: &str, space: bool) -> Edit {
        self.spaced(place, self.quoted(place, name), space)
    }

    /// Puts in the text, and a space behind it unless there is one already, which is then stepped over.
    fn spaced(&self, place: Place, mut text: String, space: bool) -> Edit {
        let after = &self.line[place.end..];
        let mut cursor = place.start + text.len();
        if space && after.starts_with([' ', '\t']) {
            cursor += 1;
        } else if space || self.touches(place) {
            text.push(' ');
            cursor += usize::from(space);
        }
        change(place.start, place.end, text, cursor)
    }

    /// A word begins right behind the place, which would become one with what is put in.
    fn touches(&self, place: Place) -> bool {
        let empty = self.word.start == self.word.end;
        let next = self.line[place.end..].chars().next();
        empty && next.is_some_and(|next| !next.is_whitespace() && !";|&)`".contains(next))
    }

    fn path_entry(&self, place: Place, name: &str, from: usize, space: bool) -> Edit {
        let name = if from == 0 && name.starts_with('-') { ["./", name].concat() } else { name.to_string() };
        let place = self.up_to_slash(place);
        let slash_follows = self.line[place.end..].starts_with('/') && place.end < self.word.end;
        let Some(folder) = name.strip_suffix('/') else {
            return if slash_follows {
                let text = self.unclosed(place, &name);
                let cursor = place.start + text.len();
                change(place.start, place.end, text, cursor)
            } else {
                self.named(place, &name, space)
            };
        };
        let text = self.unclosed(place, if slash_follows { folder } else { &name });
        let cursor = place.start + text.len() + usize::from(slash_follows);
        change(place.start, place.end, text, cursor)
    }

    /// Stops at the next `/` behind the cursor: what follows belongs to another folder.
    fn up_to_slash(&self, place: Place) -> Place {
        let cut = self.word.cut.unwrap_or_default().text;
        let slash = self.word.text.get(cut..).and_then(|tail| tail.find('/')).map(|at| cut + at);
        match slash.and_then(|at| self.word.marks.get(at)) {
            Some(mark) if mark.quote == place.quote => Place { end: mark.at, opened: place.opened, ..place },
            _ => place,
        }
    }

    /// Text of a spec, put in as it is.
    fn verbatim(&self, place: Place, text: &str, space: bool) -> Edit {
        let text: String = text.chars().filter(|c| !quote::is_hazard(*c)).collect();
        let Some((before, after)) = text.split_once(CURSOR) else {
            return self.spaced(place, text, space);
        };
        let cursor = place.start + before.len();
        let text = [before, &after.replace(CURSOR, "")].concat();
        change(place.start, place.end, text, cursor)
    }
}

fn change(start: usize, end: usize, text: String, cursor: usize) -> Edit {
    Edit { start: start as u32, end: end as u32, text, cursor: cursor as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::lex::lex;

    /// Accepts a draft at the `^` of a line; the result has a `^` too.
    fn accept(marked: &str, draft: &Draft, from: usize, shell: Shell) -> String {
        let cursor = marked.find('^').expect("a cursor");
        let line = marked.replacen('^', "", 1);
        let lexed = lex(&line, cursor, shell);
        let word = lexed.command().and_then(|command| command.words.last()).expect("a word");
        let edit = edit(Target { line: &line, shell, word, spaces: true }, draft, &draft.names[0], from);
        let mut changed = edit.apply(&line).expect("an edit that fits");
        changed.insert(edit.cursor as usize, '^');
        changed
    }

    fn row(name: &str, insert: Insert, space: bool) -> Draft {
        Draft { names: vec![name.into()], insert, space, ..Draft::default() }
    }

    #[test]
    fn names_take_the_place_of_the_word() {
        for (line, name, space, expected) in [
            ("git che^", "checkout", true, "git checkout ^"),
            ("git che^", "checkout", false, "git checkout^"),
            ("git che^ foo", "checkout", true, "git checkout ^foo"),
            ("git che^ckout foo", "cherry-pick", true, "git cherry-pick ^foo"),
            ("git ^--amend", "commit", true, "git commit ^--amend"),
            ("git ^--amend", "commit", false, "git commit^ --amend"),
            ("x=$(git che^)", "checkout", true, "x=$(git checkout ^)"),
            ("git checkout \"ma^", "main", true, "git checkout \"main\" ^"),
            ("git checkout \"ma^\"", "main", true, "git checkout \"main\" ^"),
            ("git checkout 'ma^", "it's", true, "git checkout 'it'\\''s' ^"),
            ("git checkout ^", "a b", true, "git checkout a\\ b ^"),
            ("git checkout \\m^", "main", true, "git checkout main ^"),
        ] {
            assert_eq!(accept(line, &row(name, Insert::Name, space), 0, Shell::Bash), expected, "{line}");
        }
    }

    #[test]
    fn attached_values_keep_their_option() {
        for (line, from, expected) in [
            ("ls --color=au^", 8, "ls --color=auto ^"),
            ("ls --color=^", 8, "ls --color=auto ^"),
            ("ls --color=\"au^", 8, "ls --color=\"auto\" ^"),
            ("ls --color=\"^", 8, "ls --color=\"auto\" ^"),
            ("ls --color=^\"au\" -l", 8, "ls --color=auto ^-l"),
            ("ls --color=au^x -l", 8, "ls --color=auto ^-l"),
            ("ls '--color=au^", 8, "ls '--color=auto' ^"),
        ] {
            assert_eq!(accept(line, &row("auto", Insert::Name, true), from, Shell::Bash), expected, "{line}");
        }
    }

    #[test]
    fn paths_keep_what_stands_before_the_last_slash() {
        for (line, from, name, expected) in [
            ("ls My^", 0, "My Documents/", "ls My\\ Documents/^"),
            ("ls \"My D^", 0, "My Documents/", "ls \"My Documents/^"),
            ("ls \"My F^", 0, "My File.txt", "ls \"My File.txt\" ^"),
            ("ls \"My Documents/fo^", 13, "foo bar", "ls \"My Documents/foo bar\" ^"),
            ("ls My\\ Documents/fo^", 13, "foo bar", "ls My\\ Documents/foo\\ bar ^"),
            ("ls \"$HOME\"/fo^", 6, "foo", "ls \"$HOME\"/foo ^"),
            ("ls 'a b/'^", 4, "c", "ls 'a b/'c ^"),
            ("ls Do^c/foo", 0, "Documents/", "ls Documents/^foo"),
            ("ls ^", 0, "-rf", "ls ./-rf ^"),
            ("ls ^", 0, "~x", "ls \\~x ^"),
            ("ls ^", 0, "a\nb", "ls a$'\\n'b ^"),
        ] {
            assert_eq!(
                accept(line, &row(name, Insert::PathEntry, true), from, Shell::Bash),
                expected,
                "{line}"
            );
        }
    }

    #[test]
    fn specs_say_where_the_cursor_goes() {
        let cases = [
            (Insert::Verbatim("commit -m '{cursor}'".into()), false, "git commit -m '^'"),
            (Insert::Verbatim("commit\n".into()), true, "git commit ^"),
            (Insert::NameThen("=".into()), false, "git --out=^"),
        ];
        for (insert, space, expected) in cases {
            assert_eq!(accept("git x^", &row("--out", insert, space), 0, Shell::Bash), expected);
        }
    }
}
