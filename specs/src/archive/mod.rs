//! The archive: all specs in one file, of which one command at a time is decoded.
//!
//! The file is a fixed header, a compressed index, and compressed blobs, back to back:
//!
//! ```text
//! magic 8 | format u32 | index length u32 | index raw length u32 | file length u64 | index | blob 0 | blob 1 | …
//! ```
//!
//! Integers are little-endian. Index and blobs are zstd frames that carry their own checksum; inside is postcard, or
//! JavaScript source. The index has the names in order, and for every blob its two lengths, so that offsets cannot
//! overlap or leave the file. Identical blobs are stored once. [`Archive`] reads it, [`write()`] writes it.
//!
//! Whoever replaces an archive renames a new file over it, as [`write()`] does: a mapped file that is cut short in
//! place takes its readers down.

mod read;
mod write;

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use read::Archive;
pub use write::{Module, Packed, encode, write};

/// The version of the format, which is that of the model too: it is raised whenever the encoding of either changes.
pub const FORMAT: u32 = 1;

/// The first bytes of every archive. The first one is not ASCII, so that nobody takes it for text.
const MAGIC: [u8; 8] = *b"\x89QSPECS\n";

/// Bytes before the index.
const HEADER_LEN: usize = 28;

/// The longest index that is read, unpacked: 1,500 names take 60 KB.
const MAX_INDEX: usize = 4 << 20;

/// The longest blob that is read, unpacked: the largest of the corpus is 3.7 MB.
const MAX_BLOB: usize = 16 << 20;

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is another kind of file.
    #[error("not a spec archive")]
    Foreign,
    /// It was written by another version of Q.
    #[error(
        "the spec archive has format {found}, this version reads {FORMAT}: build it again with `specc build`"
    )]
    Version {
        /// The format that the file says it has.
        found: u32,
    },
    /// It is shorter or longer than it says.
    #[error(
        "the spec archive is {found} bytes long instead of {expected}: build it again with `specc build`"
    )]
    Length {
        /// The length that the header says.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
    /// Its contents do not add up.
    #[error("the spec archive is damaged ({0}): build it again with `specc build`")]
    Damaged(String),
    /// A spec is too large to be stored, or nests deeper than a reader follows.
    #[error("{0} is too large or nests too deep for a spec archive")]
    TooLarge(String),
}

/// What an archive says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Where the specs come from, such as `@withfig/autocomplete 2.692.3`.
    pub corpus: String,
    /// What was counted in their sources.
    pub totals: Totals,
}

/// How much of everything the sources of an archive have.
///
/// Occurrences as the sources spell them, dropped bad data included, in the trees of the default exports and in the
/// specs that stand inline in them. An object that is used in two places counts twice. What version diffs and
/// suggestions have in them does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Modules of the corpus.
    pub modules: u64,
    /// Modules that have a tree or a choice of versions.
    pub specs: u64,
    /// Modules whose JavaScript is kept, because functions of theirs are referred to.
    pub scripts: u64,
    /// Commands: modules without a slash in their name, but for that of an `@scope/`.
    pub commands: u64,
    /// Commands and subcommands.
    pub subcommands: u64,
    /// Options.
    pub options: u64,
    /// Arguments of commands and options.
    pub args: u64,
    /// Suggestions, spelled as objects or as plain strings.
    pub suggestions: u64,
    /// Places where a generator stands.
    pub generators: u64,
    /// Subcommands of version diffs.
    pub diffs: u64,
    /// Places where a function stands, the functions that choose a version included.
    pub function_slots: u64,
    /// Distinct functions in those places.
    pub functions: u64,
}

/// The index as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    info: Info,
    /// In the order of their names, none twice.
    entries: Vec<Entry>,
    /// In the order of the file.
    blobs: Vec<Blob>,
}

/// One module.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    /// The blob of its tree.
    spec: Option<u32>,
    /// The blob of its JavaScript.
    script: Option<u32>,
}

/// One compressed run of bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Blob {
    /// Bytes in the file.
    stored: u32,
    /// Bytes when unpacked.
    raw: u32,
}

/// Whether a module is a command that can be typed: `git` and `@scope/name`, not `aws/s3`.
#[must_use]
pub fn is_command(module: &str) -> bool {
    match module.strip_prefix('@') {
        Some(scoped) => scoped.matches('/').count() == 1,
        None => !module.contains('/'),
    }
}
