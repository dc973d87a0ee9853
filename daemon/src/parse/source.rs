//! The text that is read: what was typed, with what aliases stand for in their place.
//!
//! As in a shell, an alias is replaced in the text and reading goes on at its first character, so that a value may have
//! pipes, quotes, keywords or further aliases. Where everything stands in what was typed is remembered.

use std::borrow::Cow;

use super::aliases::Value;

/// How many aliases one line may go through; real lines have a few.
const MAX_EXPANSIONS: usize = 64;

/// The longest value that is put in, in bytes.
const MAX_VALUE: usize = 4096;

/// The longest text that values are put into, in bytes: the longest line, and as much again.
const MAX_TEXT: usize = 128 << 10;

/// A line, as it is read.
#[derive(Debug, Default)]
pub(super) struct Source<'t> {
    text: Cow<'t, str>,
    /// Values that are not part of another, in order.
    spans: Vec<Span>,
    /// Aliases whose values are being read, inner ones last.
    active: Vec<Active>,
    expansions: usize,
}

/// A stretch of the text that was not typed.
#[derive(Debug)]
struct Span {
    start: usize,
    end: usize,
    /// Where the alias stands in what was typed.
    typed: (usize, usize),
}

/// An alias whose value is being read.
#[derive(Debug)]
struct Active {
    name: String,
    /// Where its value ends.
    end: usize,
    /// The value ends in a blank: the word behind it may be an alias, too.
    passes_on: bool,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Source<'t> {
        Source { text: Cow::Borrowed(text), ..Source::default() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the value of this alias is being read: it is not expanded inside itself.
    pub(super) fn is_active(&self, name: &str) -> bool {
        self.active.iter().any(|active| active.name == name)
    }

    /// Forgets the aliases whose values end before `at`, inner ones first. Of each, whether it passes expansion on to what
    /// stands there.
    pub(super) fn leave(&mut self, at: usize) -> Vec<bool> {
        let ended = std::iter::from_fn(|| self.active.pop_if(|active| active.end <= at));
        ended.map(|active| active.passes_on).collect()
    }

    /// Puts a value in the place of the alias that stands at `start..end`, or before it. By how many bytes the text grew,
    /// or shrank; `None` when nothing was put in, because there is too much already.
    pub(super) fn put(&mut self, start: usize, end: usize, value: Value) -> Option<isize> {
        let room = self.text.len() + value.text.len() <= MAX_TEXT && value.text.len() <= MAX_VALUE;
        if !room || self.expansions >= MAX_EXPANSIONS {
            return None;
        }
        self.expansions += 1;
        let replaced = if value.before { start } else { end };
        let blank = if value.before { " " } else { "" };
        let text = [value.text, blank].concat();
        let grown = text.len() as isize - (replaced - start) as isize;
        self.remember(start, replaced, grown);
        self.active.iter_mut().for_each(|active| active.end = active.end.saturating_add_signed(grown));
        self.active.push(Active {
            name: value.name.to_string(),
            end: end.saturating_add_signed(grown),
            passes_on: value.text.ends_with([' ', '\t']),
        });
        self.text.to_mut().replace_range(start..replaced, &text);
        Some(grown)
    }

    /// Remembers that `start..end` becomes longer by `grown`.
    fn remember(&mut self, start: usize, end: usize, grown: isize) {
        if let Some(outer) = self.spans.last_mut().filter(|outer| start < outer.end) {
            outer.end = outer.end.saturating_add_signed(grown);
            return;
        }
        let typed = (self.typed_start(start), self.typed_end(end));
        self.spans.push(Span { start, end: end.saturating_add_signed(grown), typed });
    }

    /// Whether anything was put in.
    pub(super) fn is_typed(&self) -> bool {
        self.spans.is_empty()
    }

    /// Whether the character at `at` was put in.
    pub(super) fn is_put_in(&self, at: usize) -> bool {
        self.span(at).is_some_and(|span| at < span.end)
    }

    /// Where what begins at `at` begins in what was typed.
    pub(super) fn typed_start(&self, at: usize) -> usize {
        self.typed(at, |span| span.typed.0)
    }

    /// Where what ends at `at` ends in what was typed.
    pub(super) fn typed_end(&self, at: usize) -> usize {
        self.typed(at, |span| span.typed.1)
    }

    fn typed(&self, at: usize, inside: impl Fn(&Span) -> usize) -> usize {
        match self.span(at) {
            Some(span) if at < span.end => inside(span),
            Some(span) => at - span.end + span.typed.1,
            None => at,
        }
    }

    /// The last stretch that begins at or before `at`.
    fn span(&self, at: usize) -> Option<&Span> {
        let after = self.spans.partition_point(|span| span.start <= at);
        self.spans.get(after.checked_sub(1)?)
    }
}
