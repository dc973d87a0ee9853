//! The JavaScript that functions of specs live in: of the archive's modules, and of the user's own as long as they are in
//! use.
//!
//! Every version of every file of the user is a module of its own, so that the functions of two files of one name, or of
//! two versions of one file, are never taken for each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::script::Modules;
use crate::spec_cache::SpecCache;

/// What the names of the user's modules begin with; no module of an archive is named so.
const OWN: &str = "own:";

/// The sources of all modules.
#[derive(Debug)]
pub struct Sources {
    corpus: Arc<SpecCache>,
    own: Mutex<Own>,
}

#[derive(Debug, Default)]
struct Own {
    /// How many names were given so far.
    count: u64,
    sources: HashMap<String, String>,
}

impl Sources {
    /// The sources of an archive, and as yet none of the user.
    pub fn new(corpus: Arc<SpecCache>) -> Sources {
        Sources { corpus, own: Mutex::default() }
    }

    /// A name for the module of a file, never used before.
    pub(super) fn name(&self, module: &str) -> String {
        let mut own = lock(&self.own);
        own.count += 1;
        // Behind the last slash is the name of a spec that gives itself none.
        format!("{OWN}{}/{module}", own.count)
    }

    /// Keeps the source of a spec of the user.
    pub(super) fn add(&self, module: String, source: String) {
        lock(&self.own).sources.insert(module, source);
    }

    /// Forgets a spec of the user.
    pub(super) fn remove(&self, module: &str) {
        lock(&self.own).sources.remove(module);
    }

    /// How many specs of the user are in use.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        lock(&self.own).sources.len()
    }
}

impl Modules for Sources {
    fn source(&self, module: &str) -> Option<String> {
        if module.starts_with(OWN) {
            return lock(&self.own).sources.get(module).cloned();
        }
        self.corpus.script(module)
    }
}
