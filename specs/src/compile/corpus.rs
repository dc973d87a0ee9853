//! The corpus: the sources of all modules, from an npm tarball or from memory.
//!
//! Nothing of a tarball touches the disk, and what it says of itself is bounded before it is believed.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest, Sha512};

use super::pack::Error;

/// The npm package of the corpus, at the version that is compiled.
pub const PACKAGE: &str = "@withfig/autocomplete@2.692.3";

/// The integrity of its tarball in npm's notation; anything else is refused.
pub const INTEGRITY: &str =
    "sha512-zxN7K8W+qWGc2ejWksd92xwAyCZ0faHvnk3c7jUoWkkk5e5iQf3/4mOLheFvYLoUWR5a36571VJ1DdyxmAWJZA==";

/// The longest tarball that is read: the corpus has 8 MB.
const MAX_TARBALL: u64 = 64 << 20;

/// The most that is unpacked: the corpus has 77 MB.
const MAX_UNPACKED: u64 = 512 << 20;

/// The longest file that is unpacked: the corpus has one of 4 MB.
const MAX_FILE: u64 = 16 << 20;

/// The most files that are unpacked: the corpus has 1,500.
const MAX_FILES: usize = 20_000;

/// Where the package has its modules.
const MODULES: &str = "package/build/";

/// The list of modules.
const INDEX: &str = "package/build/index.json";

/// The package's description of itself.
const MANIFEST: &str = "package/package.json";

/// The sources of a corpus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    label: String,
    modules: BTreeMap<String, String>,
}

/// Modules of the same source, of which one is compiled for all.
#[derive(Debug)]
pub(super) struct Group<'c> {
    /// Their names in order, at least one.
    pub(super) names: Vec<&'c str>,
    /// The source.
    pub(super) source: &'c str,
}

impl Corpus {
    /// A corpus from memory: modules by name.
    pub fn new<N: Into<String>, S: Into<String>>(
        label: &str,
        modules: impl IntoIterator<Item = (N, S)>,
    ) -> Corpus {
        let modules = modules.into_iter().map(|(name, source)| (name.into(), source.into())).collect();
        Corpus { label: label.to_owned(), modules }
    }

    /// Reads an npm tarball whose integrity is the given one, such as [`INTEGRITY`].
    ///
    /// # Errors
    /// When it cannot be read, is another tarball, or is not laid out as the corpus is.
    pub fn from_tarball(path: &Path, integrity: &str) -> Result<Corpus, Error> {
        let bytes = read_tarball(path)?;
        let found = format!("sha512-{}", STANDARD.encode(Sha512::digest(&bytes)));
        if found != integrity {
            return Err(Error::Corpus(format!(
                "{} is not {PACKAGE}: its integrity is {found}",
                path.display()
            )));
        }
        Corpus::from_files(unpack(&bytes)?)
    }

    /// Where it comes from.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The modules by source, those with the most work first, so that no thread is left with a large one at the end.
    pub(super) fn groups(&self) -> Vec<Group<'_>> {
        let mut by_source: HashMap<&str, Vec<&str>> = HashMap::new();
        for (name, source) in &self.modules {
            by_source.entry(source).or_default().push(name);
        }
        let mut groups: Vec<Group<'_>> =
            by_source.into_iter().map(|(source, names)| Group { names, source }).collect();
        groups.sort_by(|one, other| {
            other.source.len().cmp(&one.source.len()).then_with(|| one.names.cmp(&other.names))
        });
        groups
    }

    /// Takes the modules that the index lists.
    fn from_files(mut files: HashMap<String, String>) -> Result<Corpus, Error> {
        let index: IndexFile = json(&files, INDEX)?;
        let manifest: Manifest = json(&files, MANIFEST)?;
        let mut modules = BTreeMap::new();
        for name in index.completions {
            let source = files
                .remove(&format!("{MODULES}{name}.js"))
                .or_else(|| files.remove(&format!("{MODULES}{name}/index.js")))
                .ok_or_else(|| {
                    Error::Corpus(format!("the corpus lists the module {name} and does not have it"))
                })?;
            modules.insert(name, source);
        }
        Ok(Corpus { label: format!("{} {}", manifest.name, manifest.version), modules })
    }
}

/// The part of `index.json` that is read.
#[derive(Deserialize)]
struct IndexFile {
    completions: Vec<String>,
}

/// The part of `package.json` that is read.
#[derive(Deserialize)]
struct Manifest {
    name: String,
    version: String,
}

fn json<T: for<'de> Deserialize<'de>>(files: &HashMap<String, String>, name: &str) -> Result<T, Error> {
    let text = files.get(name).ok_or_else(|| Error::Corpus(format!("the corpus has no {name}")))?;
    serde_json::from_str(text).map_err(|error| Error::Corpus(format!("{name} of the corpus: {error}")))
}

fn read_tarball(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Io { what: path.display().to_string(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_TARBALL).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

/// The text files of a gzipped tarball that can be part of a corpus, by path.
fn unpack(bytes: &[u8]) -> Result<HashMap<String, String>, Error> {
    let failed = |source: io::Error| Error::Io { what: "the tarball of the corpus".into(), source };
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(MAX_UNPACKED));
    let mut files = HashMap::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !entry.header().entry_type().is_file() || !is_source(&path) {
            continue;
        }
        if entry.size() > MAX_FILE || files.len() >= MAX_FILES {
            return Err(Error::Corpus(format!("the tarball is too large at {path}")));
        }
        let mut text = String::new();
        entry.read_to_string(&mut text).map_err(failed)?;
        files.insert(path, text);
    }
    Ok(files)
}

/// Whether a path of the tarball is read. Names of modules are made of such paths, so they are confined to plain steps.
fn is_source(path: &str) -> bool {
    let plain = path.split('/').all(|step| !step.is_empty() && step != "." && step != "..");
    let module = path.starts_with(MODULES) && path.ends_with(".js");
    plain && (module || path == INDEX || path == MANIFEST)
}
