//! Reads an archive: maps the file, checks header and index, decodes a spec when it is asked for.
//!
//! Every number of the file is checked before it is used; a damaged file is an error, never a panic and never an
//! allocation beyond the limits of the format.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use serde::Deserialize;
use zstd::bulk::Decompressor;
use zstd::stream::read::Decoder;

use super::{Blob, Entry, Error, FORMAT, HEADER_LEN, Index, Info, MAGIC, MAX_BLOB, MAX_INDEX, is_command};
use crate::model::Spec;

/// An open archive. Cheap to share between threads; nothing is kept of what it decodes.
pub struct Archive {
    bytes: Box<dyn AsRef<[u8]> + Send + Sync>,
    info: Info,
    entries: Vec<Entry>,
    blobs: Vec<Place>,
}

/// How much of a tree is unpacked for its description: names and description come first.
const MAX_HEAD: usize = 4 << 10;

/// How the encoding of a [`Spec`] begins: with the first fields of its [`crate::model::Subcommand`].
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "names")]
    _names: Vec<String>,
    description: Option<String>,
}

/// Where a blob is.
struct Place {
    range: Range<usize>,
    raw: usize,
}

impl Archive {
    /// Opens an archive. The specs in it are not touched.
    ///
    /// # Errors
    /// When the file cannot be read, is something else, is of another version, or is damaged.
    pub fn open(path: &Path) -> Result<Archive, Error> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // SAFETY: the mapping is read-only, and archives are replaced by renaming, never written in place (see the
        // module's documentation), so the bytes do not change under it.
        let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
        Archive::from_bytes(map)
    }

    /// Opens an archive that is in memory.
    ///
    /// # Errors
    /// When it is something else, is of another version, or is damaged.
    pub fn from_bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Archive, Error> {
        let (index, blobs_start) = read_index(bytes.as_ref())?;
        let blobs = places(&index.blobs, blobs_start, bytes.as_ref().len())?;
        check_entries(&index.entries, blobs.len())?;
        Ok(Archive { bytes: Box::new(bytes), info: index.info, entries: index.entries, blobs })
    }

    /// How many modules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no module.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names of all modules, in order.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The names of the commands, in order: modules without a slash, but for that of an `@scope/`. The shell's own
    /// words (`if`, `for`) are among them.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.modules().filter(|name| is_command(name))
    }

    /// Whether there is a module of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The tree of a module, such as `git` or `aws/ec2`. None when there is no such module or it has no tree.
    ///
    /// # Errors
    /// When its bytes are damaged.
    pub fn spec(&self, name: &str) -> Result<Option<Spec>, Error> {
        let Some(blob) = self.entry(name).and_then(|entry| entry.spec) else { return Ok(None) };
        let raw = self.unpack(name, blob)?;
        let (spec, rest) = postcard::take_from_bytes(&raw).map_err(|error| damaged(name, error))?;
        if !rest.is_empty() {
            return Err(damaged(name, "bytes are left over"));
        }
        Ok(Some(spec))
    }

    /// The one line of help of a module's tree, of which no more than the beginning is unpacked. None when there is no
    /// such module or it has none.
    ///
    /// # Errors
    /// When its bytes are damaged.
    pub fn description(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(blob) = self.entry(name).and_then(|entry| entry.spec) else { return Ok(None) };
        let (stored, _) = self.stored(name, blob)?;
        let mut begin = Vec::with_capacity(MAX_HEAD);
        let unpack =
            |begin: &mut Vec<u8>| Decoder::with_buffer(stored)?.take(MAX_HEAD as u64).read_to_end(begin);
        unpack(&mut begin).map_err(|error| damaged(name, error))?;
        let (head, _): (Head, _) = postcard::take_from_bytes(&begin).map_err(|error| damaged(name, error))?;
        Ok(head.description)
    }

    /// The JavaScript of a module whose functions specs refer to. None when there is no such module or function.
    ///
    /// # Errors
    /// When its bytes are damaged.
    pub fn script(&self, module: &str) -> Result<Option<String>, Error> {
        let Some(blob) = self.entry(module).and_then(|entry| entry.script) else { return Ok(None) };
        let raw = self.unpack(module, blob)?;
        String::from_utf8(raw).map(Some).map_err(|error| damaged(module, error))
    }

    /// Where the specs come from, and how much of everything there is.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        let place = self.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
        self.entries.get(place)
    }

    fn unpack(&self, name: &str, blob: u32) -> Result<Vec<u8>, Error> {
        let (stored, raw) = self.stored(name, blob)?;
        unpack(stored, raw).map_err(|error| damaged(name, error))
    }

    /// The bytes of a blob, and how many they are when they are unpacked.
    fn stored(&self, name: &str, blob: u32) -> Result<(&[u8], usize), Error> {
        let place = self.blobs.get(blob as usize).ok_or_else(|| damaged(name, "it is nowhere"))?;
        let stored = (*self.bytes).as_ref().get(place.range.clone());
        let stored = stored.ok_or_else(|| damaged(name, "it lies outside of the file"))?;
        Ok((stored, place.raw))
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Archive").field("info", &self.info).finish_non_exhaustive()
    }
}

/// The header's numbers.
struct Header {
    index_stored: usize,
    index_raw: usize,
}

fn damaged(name: &str, what: impl fmt::Display) -> Error {
    Error::Damaged(format!("{name}: {what}"))
}

/// Reads and checks the header. Each of its fields is checked by what it describes, so it needs no checksum.
fn read_header(bytes: &[u8]) -> Result<Header, Error> {
    let found = bytes.len() as u64;
    let shared = MAGIC.len().min(bytes.len());
    if bytes[..shared] != MAGIC[..shared] || bytes.is_empty() {
        return Err(Error::Foreign);
    }
    let format = number(bytes, 8).ok_or(Error::Length { expected: HEADER_LEN as u64, found })?;
    if format != FORMAT {
        return Err(Error::Version { found: format });
    }
    let header = (|| {
        let low = u64::from(number(bytes, 20)?);
        let high = u64::from(number(bytes, 24)?);
        Some((number(bytes, 12)? as usize, number(bytes, 16)? as usize, high << 32 | low))
    })();
    let (index_stored, index_raw, expected) =
        header.ok_or(Error::Length { expected: HEADER_LEN as u64, found })?;
    if expected != found {
        return Err(Error::Length { expected, found });
    }
    Ok(Header { index_stored, index_raw })
}

/// The little-endian number at an offset.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// The index, and where the blobs begin.
fn read_index(bytes: &[u8]) -> Result<(Index, usize), Error> {
    let header = read_header(bytes)?;
    if header.index_raw > MAX_INDEX {
        return Err(damaged("index", "it is too long"));
    }
    let blobs_start = HEADER_LEN.saturating_add(header.index_stored);
    let stored = bytes.get(HEADER_LEN..blobs_start).ok_or_else(|| damaged("index", "it is cut off"))?;
    let raw = unpack(stored, header.index_raw).map_err(|error| damaged("index", error))?;
    let (index, rest) = postcard::take_from_bytes(&raw).map_err(|error| damaged("index", error))?;
    if !rest.is_empty() {
        return Err(damaged("index", "bytes are left over"));
    }
    Ok((index, blobs_start))
}

/// Where each blob is; together they fill the file.
fn places(blobs: &[Blob], start: usize, end: usize) -> Result<Vec<Place>, Error> {
    let mut places = Vec::with_capacity(blobs.len());
    let mut at = start;
    for blob in blobs {
        let range = at..at.saturating_add(blob.stored as usize);
        let raw = blob.raw as usize;
        if raw > MAX_BLOB || range.end > end {
            return Err(damaged("index", "a length is impossible"));
        }
        at = range.end;
        places.push(Place { range, raw });
    }
    if at != end {
        return Err(damaged("index", "the lengths do not add up"));
    }
    Ok(places)
}

/// Names must be in order for the search, and blobs must exist.
fn check_entries(entries: &[Entry], blobs: usize) -> Result<(), Error> {
    if !entries.is_sorted_by(|one, next| one.name < next.name) {
        return Err(damaged("index", "names are out of order"));
    }
    let exists = |blob: Option<u32>| blob.is_none_or(|blob| (blob as usize) < blobs);
    if !entries.iter().all(|entry| exists(entry.spec) && exists(entry.script)) {
        return Err(damaged("index", "a blob is missing"));
    }
    Ok(())
}

/// Unpacks one frame that says how long it is; the caller has checked that length against a limit.
fn unpack(stored: &[u8], raw: usize) -> Result<Vec<u8>, String> {
    let unpacked = Decompressor::new()
        .and_then(|mut decompressor| decompressor.decompress(stored, raw))
        .map_err(|error| error.to_string())?;
    if unpacked.len() != raw {
        return Err(format!("{} bytes instead of {raw}", unpacked.len()));
    }
    Ok(unpacked)
}
