//! Where rows come from: one source a file, each takes a snapshot of what it needs and gives back drafts.
//!
//! A [`Draft`] says what a row is; `rank` decides whether it matches and where it stands, `edit` what accepting it does
//! to the line. Sources never quote, never sort by anything but their own natural order, and never wait: what needs a
//! program run is the business of a later answer.

use protocol::Kind;

pub mod command;
pub mod generated;
mod man;
pub mod native;
pub mod path;
pub mod spec;
pub mod variable;
mod words;

/// A row before it is matched, ranked and given its edit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Its names, unquoted, at least one; the best match of them is inserted.
    pub names: Vec<String>,
    /// What is shown in place of the names.
    pub display: Option<String>,
    /// What is inserted.
    pub insert: Insert,
    /// What it is.
    pub kind: Kind,
    /// One line of help.
    pub description: Option<String>,
    /// Argument hints after the name: `<file>`, `[file]`, `…`.
    pub hint: String,
    /// An emoji of the spec.
    pub icon: Option<String>,
    /// 0 to 100; `None` is 50.
    pub priority: Option<f64>,
    /// Where it comes from: `spec:git`, `path`, `history`.
    pub source: String,
    /// Destroys something.
    pub dangerous: bool,
    /// Offered only when its exact name is typed.
    pub hidden: bool,
    /// A space follows it when it is inserted at the end of a word.
    pub space: bool,
}

/// What a row inserts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Insert {
    /// The name that matched, quoted as a word of the shell.
    #[default]
    Name,
    /// The name that matched, quoted, in place of what follows the last `/` of the word; a folder ends in `/` and takes
    /// no space.
    PathEntry,
    /// The name that matched, quoted, then this text as it is, and the cursor: `=` of an option that needs its value
    /// attached.
    NameThen(String),
    /// This text as it is, unquoted; `{cursor}` marks where the cursor goes.
    Verbatim(String),
    /// This text in place of the name, quoted as a word of the shell.
    Quoted(String),
}
