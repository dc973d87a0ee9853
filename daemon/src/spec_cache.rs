//! Specs out of the archive, the ones used last kept decoded.
//!
//! The archive is opened when it is first needed and again when another file stands in its place. Without an archive
//! there are no specs, and [`SpecCache::error`] says why.

use std::fs::Metadata;
use std::mem::size_of;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use specs::archive::Archive;
use specs::model::{Arg, LoadSpec, Opt, Spec, Subcommand, Suggestion};

use crate::engine::Specs;
use crate::lock::lock;

/// Most specs that are kept decoded: more commands are rarely used in one hour.
const MAX_SPECS: usize = 32;

/// Most memory for decoded specs, by estimate: most specs take a few hundred kilobytes, and the daemon 40 MB in all.
const MAX_BYTES: usize = 16 << 20;

/// How often the file is looked at for a newer one, when specs are asked for.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// The archive and what was decoded of it.
#[derive(Debug)]
pub struct SpecCache {
    /// Where the archive may be, best first.
    places: Vec<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    archive: Option<Arc<Archive>>,
    opened: Option<Stamp>,
    checked: Option<Instant>,
    error: Option<String>,
    /// The one used last comes last.
    decoded: Vec<Decoded>,
}

/// Which file was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    inode: (u64, u64),
    changed: (i64, i64),
    length: u64,
}

impl Stamp {
    fn new(path: PathBuf, found: &Metadata) -> Stamp {
        let inode = (found.dev(), found.ino());
        Stamp { path, inode, changed: (found.mtime(), found.mtime_nsec()), length: found.len() }
    }
}

#[derive(Debug)]
struct Decoded {
    name: String,
    spec: Arc<Spec>,
    bytes: usize,
}

impl SpecCache {
    /// The specs of the first archive that is in one of these places.
    pub fn new(places: Vec<PathBuf>) -> SpecCache {
        SpecCache { places, state: Mutex::default() }
    }

    /// What is wrong with the archive, if anything.
    pub fn error(&self) -> Option<String> {
        self.archive();
        lock(&self.state).error.clone()
    }

    /// How many commands the archive describes; 0 without one.
    pub fn len(&self) -> usize {
        self.archive().map_or(0, |archive| archive.commands().count())
    }

    /// Whether no command is described.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A spec that is not kept: for who looks at many.
    pub fn peek(&self, name: &str) -> Option<Spec> {
        self.archive()?.spec(name).unwrap_or_else(|error| {
            tracing::warn!(%error, "a spec cannot be read");
            None
        })
    }

    /// The one line of help of a command. Nothing else of its spec is decoded, and nothing is kept.
    pub fn description(&self, name: &str) -> Option<String> {
        self.archive()?.description(name).unwrap_or_else(|error| {
            tracing::warn!(%error, "the description of a spec cannot be read");
            None
        })
    }

    /// The JavaScript of a module, if it has functions.
    pub fn script(&self, module: &str) -> Option<String> {
        self.archive()?.script(module).unwrap_or_else(|error| {
            tracing::warn!(%error, "the functions of a spec cannot be read");
            None
        })
    }

    /// The archive, after a look whether it is still the one in its place.
    fn archive(&self) -> Option<Arc<Archive>> {
        let mut state = lock(&self.state);
        if state.checked.is_none_or(|checked| checked.elapsed() >= CHECK_EVERY) {
            state.checked = Some(Instant::now());
            state.reopen(self.places.iter().find_map(|place| stamp(place)), &self.places);
        }
        state.archive.clone()
    }

    /// A spec that is already decoded.
    fn decoded(&self, name: &str) -> Option<Arc<Spec>> {
        let mut state = lock(&self.state);
        let place = state.decoded.iter().position(|decoded| decoded.name == name)?;
        let decoded = state.decoded.remove(place);
        let spec = Arc::clone(&decoded.spec);
        state.decoded.push(decoded);
        Some(spec)
    }
}

impl State {
    /// Opens the file that is there now, unless it is the one that is open. When there is none or it cannot be read,
    /// the one that is open is still good: it stays mapped when its file is gone.
    fn reopen(&mut self, found: Option<Stamp>, places: &[PathBuf]) {
        let Some(found) = found else {
            self.error = self.archive.is_none().then(|| missing(places));
            return;
        };
        if self.opened.as_ref() == Some(&found) {
            return;
        }
        match Archive::open(&found.path) {
            Ok(archive) => {
                self.archive = Some(Arc::new(archive));
                self.decoded.clear();
                self.error = None;
            }
            Err(error) => {
                tracing::warn!(%error, "the spec archive cannot be used");
                self.error = Some(error.to_string());
            }
        }
        self.opened = Some(found);
    }

    /// Keeps a spec; those used longest ago make room.
    fn keep(&mut self, name: &str, spec: &Arc<Spec>) {
        self.decoded.retain(|decoded| decoded.name != name);
        let bytes = bytes(spec);
        self.decoded.push(Decoded { name: name.to_owned(), spec: Arc::clone(spec), bytes });
        let mut total: usize = self.decoded.iter().map(|decoded| decoded.bytes).sum();
        while self.decoded.len() > 1 && (self.decoded.len() > MAX_SPECS || total > MAX_BYTES) {
            total -= self.decoded.remove(0).bytes;
        }
    }
}

impl Specs for SpecCache {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        let archive = self.archive()?;
        if let Some(spec) = self.decoded(name) {
            return Some(spec);
        }
        // Decoded without the lock: other sessions need not wait for it.
        let spec = archive.spec(name).unwrap_or_else(|error| {
            tracing::warn!(%error, "a spec cannot be read");
            None
        });
        let spec = Arc::new(spec?);
        lock(&self.state).keep(name, &spec);
        Some(spec)
    }

    fn commands(&self) -> Vec<String> {
        self.archive().map_or_else(Vec::new, |archive| archive.commands().map(str::to_owned).collect())
    }

    fn describes(&self, name: &str) -> bool {
        self.archive().is_some_and(|archive| archive.contains(name))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    Some(Stamp::new(path.to_owned(), &path.metadata().ok()?))
}

fn missing(places: &[PathBuf]) -> String {
    let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    format!("there is no spec archive at {}", places.join(" or "))
}

/// The memory that a tree takes, by estimate.
pub(crate) fn tree_bytes(tree: &Subcommand) -> usize {
    size_of::<Subcommand>() + tree.bytes()
}

/// The memory that a spec takes, by estimate.
pub(crate) fn bytes(spec: &Spec) -> usize {
    size_of::<Spec>() + spec.root.bytes()
}

/// The memory that a part of a spec takes outside of itself, by estimate: what it owns most of.
trait Owned {
    fn bytes(&self) -> usize;
}

impl<T: Owned> Owned for Vec<T> {
    fn bytes(&self) -> usize {
        self.capacity() * size_of::<T>() + self.iter().map(Owned::bytes).sum::<usize>()
    }
}

impl<T: Owned> Owned for Option<T> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, Owned::bytes)
    }
}

impl Owned for String {
    fn bytes(&self) -> usize {
        self.capacity()
    }
}

impl Owned for Subcommand {
    fn bytes(&self) -> usize {
        let inline = match &self.load_spec {
            Some(LoadSpec::Inline(inner)) => size_of::<Subcommand>() + inner.bytes(),
            _ => 0,
        };
        let rows = self.subcommands.bytes() + self.options.bytes() + self.args.bytes();
        self.names.bytes() + self.description.bytes() + self.additional_suggestions.bytes() + rows + inline
    }
}

impl Owned for Opt {
    fn bytes(&self) -> usize {
        self.names.bytes() + self.description.bytes() + self.args.bytes()
    }
}

impl Owned for Arg {
    fn bytes(&self) -> usize {
        self.name.bytes() + self.description.bytes() + self.suggestions.bytes()
    }
}

impl Owned for Suggestion {
    fn bytes(&self) -> usize {
        self.names.bytes() + self.description.bytes() + self.display_name.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use specs::archive::{Info, Module, Packed, write};
    use std::fs;

    fn spec(name: &str) -> Spec {
        let root = Subcommand { names: vec![name.to_owned()], ..Subcommand::default() };
        Spec { root, versions: None }
    }

    fn archive(path: &Path, names: &[String]) {
        let module = |name: &String| Module {
            name: name.clone(),
            spec: Some(Packed::spec(&spec(name)).unwrap()),
            script: None,
        };
        write(path, &Info::default(), names.iter().map(module).collect()).unwrap();
    }

    /// Lets the next question look at the file again.
    fn expire(cache: &SpecCache) {
        lock(&cache.state).checked = None;
    }

    fn names(prefix: &str, count: usize) -> Vec<String> {
        (0..count).map(|at| format!("{prefix}{at}")).collect()
    }

    #[test]
    fn specs_are_decoded_once_and_the_oldest_make_room() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("specs.qa");
        archive(&path, &names("c", MAX_SPECS + 8));
        let cache = SpecCache::new(vec![dir.path().join("none"), path]);
        let first = cache.spec("c0").unwrap();
        assert_eq!(first.root.names, ["c0"]);
        assert!(Arc::ptr_eq(&first, &cache.spec("c0").unwrap()));
        for name in names("c", MAX_SPECS + 8) {
            cache.spec(&name).unwrap();
        }
        assert_eq!(lock(&cache.state).decoded.len(), MAX_SPECS);
        assert!(!Arc::ptr_eq(&first, &cache.spec("c0").unwrap()));
        assert_eq!((cache.len(), cache.error()), (MAX_SPECS + 8, None));
        assert!(cache.spec("unknown").is_none());
    }

    #[test]
    fn another_file_in_its_place_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("specs.qa");
        let cache = SpecCache::new(vec![path.clone()]);
        assert!(cache.error().unwrap().contains("there is no spec archive"));
        archive(&path, &names("old", 1));
        expire(&cache);
        assert_eq!((cache.commands(), cache.error()), (names("old", 1), None));
        archive(&path, &names("new", 2));
        expire(&cache);
        assert_eq!(cache.commands(), names("new", 2));
        assert!(cache.spec("old0").is_none());
        fs::remove_file(&path).unwrap();
        expire(&cache);
        assert!(cache.spec("new1").is_some(), "a mapped archive outlives its name");
    }

    #[test]
    fn a_damaged_archive_is_reported_and_nothing_is_described() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("specs.qa");
        fs::write(&path, "rubbish").unwrap();
        let cache = SpecCache::new(vec![path]);
        assert!(cache.spec("git").is_none());
        assert!(cache.error().unwrap().contains("not a spec archive"));
        assert!(cache.is_empty());
    }

    #[test]
    fn large_specs_are_bounded_by_their_size() {
        let big = Subcommand { description: Some("x".repeat(MAX_BYTES / 2)), ..Subcommand::default() };
        let big = Arc::new(Spec { root: big, versions: None });
        let mut state = State::default();
        for name in ["a", "b", "c"] {
            state.keep(name, &big);
        }
        let kept: Vec<&str> = state.decoded.iter().map(|decoded| decoded.name.as_str()).collect();
        assert_eq!(kept, ["c"]);
    }
}
