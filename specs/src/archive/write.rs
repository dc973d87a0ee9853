//! Writes an archive: packs specs and scripts, stores equal ones once, replaces the file in one step.
//!
//! The same modules give the same bytes.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::{Blob, Entry, Error, FORMAT, HEADER_LEN, Index, Info, MAGIC, MAX_BLOB, MAX_INDEX};
use crate::model::Spec;

/// zstd's level: the best that needs no more memory to unpack. Packing happens once, on the packager's machine.
const LEVEL: i32 = 19;

/// One module to be written.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its name, such as `git` or `aws/ec2`.
    pub name: String,
    /// Its tree.
    pub spec: Option<Packed>,
    /// Its JavaScript, when it has functions that a spec refers to.
    pub script: Option<Packed>,
}

/// A compressed spec or script, ready to be written. Making it takes the time; writing does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Packed {
    bytes: Vec<u8>,
    raw: u32,
}

impl Packed {
    /// Packs a tree.
    ///
    /// # Errors
    /// When it is larger than an archive may hold, or could not be read again because it nests too deep.
    pub fn spec(spec: &Spec) -> Result<Packed, Error> {
        let too_large = || Error::TooLarge(spec.root.names.first().cloned().unwrap_or_default());
        let raw = postcard::to_stdvec(spec).map_err(|error| Error::Damaged(error.to_string()))?;
        postcard::from_bytes::<Spec>(&raw).map_err(|_| too_large())?;
        Packed::bytes(&raw, MAX_BLOB).ok_or_else(too_large)
    }

    /// Packs JavaScript.
    ///
    /// # Errors
    /// When it is larger than an archive may hold.
    pub fn script(source: &str) -> Result<Packed, Error> {
        Packed::bytes(source.as_bytes(), MAX_BLOB).ok_or_else(|| Error::TooLarge("a script".into()))
    }

    fn bytes(raw: &[u8], limit: usize) -> Option<Packed> {
        if raw.len() > limit {
            return None;
        }
        let mut compressor = Compressor::new(LEVEL).ok()?;
        compressor.set_parameter(CParameter::ChecksumFlag(true)).ok()?;
        Some(Packed { bytes: compressor.compress(raw).ok()?, raw: u32::try_from(raw.len()).ok()? })
    }
}

/// Writes an archive and returns its length in bytes.
///
/// The bytes go to a new file beside it, which is then renamed, so that a reader has the old archive or the new one.
///
/// # Errors
/// When the file cannot be written, or a module is too large.
pub fn write(path: &Path, info: &Info, modules: Vec<Module>) -> Result<u64, Error> {
    let bytes = encode(info, modules)?;
    replace(path, &bytes).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    Ok(bytes.len() as u64)
}

/// The bytes of an archive. Of two modules of the same name the last one counts.
///
/// # Errors
/// When there are more modules than an index may hold.
pub fn encode(info: &Info, modules: Vec<Module>) -> Result<Vec<u8>, Error> {
    let mut store = Store::default();
    let modules: BTreeMap<String, Module> =
        modules.into_iter().map(|module| (module.name.clone(), module)).collect();
    let entries = modules
        .into_values()
        .map(|module| Entry {
            name: module.name,
            spec: module.spec.map(|packed| store.add(packed)),
            script: module.script.map(|packed| store.add(packed)),
        })
        .collect();
    let index = Index { info: info.clone(), entries, blobs: store.blobs };
    let raw = postcard::to_stdvec(&index).map_err(|error| Error::Damaged(error.to_string()))?;
    let index = Packed::bytes(&raw, MAX_INDEX).ok_or_else(|| Error::TooLarge("the index".into()))?;
    Ok(assemble(&index, &store.bytes))
}

/// The blobs so far.
#[derive(Default)]
struct Store {
    bytes: Vec<u8>,
    blobs: Vec<Blob>,
    known: HashMap<Packed, u32>,
}

impl Store {
    /// The number of a blob, which is appended if it is new.
    fn add(&mut self, packed: Packed) -> u32 {
        if let Some(&number) = self.known.get(&packed) {
            return number;
        }
        // Neither cast cuts: lengths are bounded by `MAX_BLOB`, and the index could not hold so many blobs.
        let number = self.blobs.len() as u32;
        self.bytes.extend_from_slice(&packed.bytes);
        self.blobs.push(Blob { stored: packed.bytes.len() as u32, raw: packed.raw });
        self.known.insert(packed, number);
        number
    }
}

fn assemble(index: &Packed, blobs: &[u8]) -> Vec<u8> {
    let length = HEADER_LEN + index.bytes.len() + blobs.len();
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&(index.bytes.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&index.raw.to_le_bytes());
    bytes.extend_from_slice(&(length as u64).to_le_bytes());
    bytes.extend_from_slice(&index.bytes);
    bytes.extend_from_slice(blobs);
    bytes
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Readable by all, within the umask: an archive may be installed for every user.
    let mut file = tempfile::Builder::new()
        .prefix(".specs-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}
