//! What an answer needs and cannot have at once: a program must run, or a function of a spec.
//!
//! The engine and the walk along a spec ask [`Ready`] for it. What is not there yet is noted, fetched by the session,
//! and found when the question is asked again. Everything here is a value that can be compared, so that the same need
//! of the next key finds what an earlier one fetched.

use std::sync::Arc;

use protocol::Kind;
use specs::model::{FnRef, Generator, LoadSpec, Subcommand, Template};

use crate::candidates::Draft;
use crate::trust::Refusal;

/// Something to fetch. The session's directory and variables are not part of it: when they change, all is fetched anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Slow {
    /// The rows of a generator; yields [`Found::Rows`].
    Rows(Box<Generated>),
    /// What a `filterTemplateSuggestions` function makes of the rows of templates; yields [`Found::Rows`].
    Filter(Box<Listed>),
    /// What was given for an argument in earlier lines; yields [`Found::Rows`].
    Earlier(Box<Argument>),
    /// The tree of a `generateSpec` function; yields [`Found::Tree`].
    Tree(Call),
    /// Where a `loadSpec` function says that the tree is; yields [`Found::Load`].
    Load(Call),
    /// What a value stands for, by a `parserDirectives.alias` function; yields [`Found::Words`].
    Alias(Call),
    /// The version of the installed tool, by the `getVersionCommand` of a spec with versions; yields [`Found::Version`].
    Version(Call),
}

/// A call of a function of a spec.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The function.
    pub function: FnRef,
    /// The words from the command on, unquoted, without the one at the cursor.
    pub words: Vec<String>,
    /// The word that it is asked about; empty when there is none.
    pub token: String,
}

/// A generator, and all of the line that its rows depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Generated {
    /// The command whose spec has the generator; keeps apart what specs name alike.
    pub command: String,
    /// The generator.
    pub generator: Generator,
    /// The words from the command on, unquoted, without the one at the cursor.
    pub words: Vec<String>,
    /// The word at the cursor up to the cursor, unquoted, as far as the generator may look at it: all of it when a
    /// function decides or the argument is debounced, up to the last separator when that is what triggers it, nothing
    /// otherwise.
    pub token: String,
    /// Rows of a dangerous argument.
    pub dangerous: bool,
    /// Wait so long for a pause in typing first; milliseconds.
    pub debounce: Option<u32>,
}

/// Rows that are known, and the function that chooses among them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    /// The command whose spec has the function.
    pub command: String,
    /// The function.
    pub function: FnRef,
    /// Names, what they are, and the template that lists them.
    pub rows: Vec<(String, Kind, Template)>,
}

/// An argument of a command, wherever it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Argument {
    /// Canonical names from the command down.
    pub command: Vec<String>,
    /// The first name of the option that it belongs to, else it is the command's.
    pub option: Option<String>,
    /// Its place in the list of arguments.
    pub index: usize,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Rows of a generator.
    Rows(Rows),
    /// A tree; `None` when the function yielded none.
    Tree(Option<Arc<Subcommand>>),
    /// Where a tree is; `None` when the function yielded nothing.
    Load(Option<Arc<LoadSpec>>),
    /// Words in place of a value; `None` when the function yielded none.
    Words(Option<String>),
    /// A version such as `2.53.0`; `None` when it cannot be known.
    Version(Option<String>),
    /// Nothing, because it would run what may not run here.
    Refused(Refusal),
}

/// The rows of a generator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The rows in their order.
    pub drafts: Arc<Vec<Draft>>,
    /// Which part of the word they are matched with, when a function decided it: the end of the token.
    pub query: Option<String>,
    /// An earlier answer, shown until the new one is there.
    pub stale: bool,
}

/// What has been fetched so far.
pub trait Ready {
    /// What was found, if it is there.
    fn ready(&self, slow: &Slow) -> Option<Found>;
}

/// Nothing is there yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingYet;

impl Ready for NothingYet {
    fn ready(&self, _: &Slow) -> Option<Found> {
        None
    }
}
