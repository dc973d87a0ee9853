//! The JavaScript of modules: the archive's, and the user's own before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::Modules;
use super::message::Module;
use crate::lock::lock;

/// Sources that are kept; the oldest goes first, and its module is then what it was before.
const MAX_OWN: usize = 256;

/// Where the worker's modules come from.
pub(super) struct Sources {
    modules: Arc<dyn Modules>,
    own: Mutex<Own>,
}

/// Sources that replace those of modules.
#[derive(Default)]
struct Own {
    /// The version of the last one. No two are alike, so that no world of an older one is taken for it.
    version: u64,
    sources: HashMap<String, (u64, Arc<str>)>,
}

impl Sources {
    /// The modules of an archive.
    pub(super) fn new(modules: Arc<dyn Modules>) -> Sources {
        Sources { modules, own: Mutex::default() }
    }

    /// A module as it is now.
    pub(super) fn module(&self, name: &str) -> Module {
        let version = lock(&self.own).sources.get(name).map_or(0, |(version, _)| *version);
        Module { name: name.to_owned(), version }
    }

    /// The source of a module, unless it has changed since it was asked for. Reads files.
    pub(super) fn source(&self, module: &Module) -> Option<String> {
        let own = lock(&self.own).sources.get(&module.name).cloned();
        match own {
            Some((version, source)) => (version == module.version).then(|| source.to_string()),
            None if module.version == 0 => self.modules.source(&module.name),
            None => None,
        }
    }

    /// Replaces the source of a module.
    pub(super) fn replace(&self, name: &str, source: Arc<str>) {
        let mut own = lock(&self.own);
        own.version += 1;
        let version = own.version;
        own.sources.insert(name.to_owned(), (version, source));
        while own.sources.len() > MAX_OWN {
            let oldest = own.sources.iter().min_by_key(|(_, (version, _))| *version);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
            own.sources.remove(&name);
        }
    }

    /// Gives a module back the source that it had.
    pub(super) fn forget(&self, name: &str) {
        lock(&self.own).sources.remove(name);
    }
}
