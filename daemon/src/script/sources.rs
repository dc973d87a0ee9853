//! The JavaScript of modules: the archive's, and the user's own before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::Modules;
use super::message::Module;
use crate::lock::lock;

/// Where the worker's modules come from.
pub(super) struct Sources {
    modules: Arc<dyn Modules>,
    own: Mutex<HashMap<String, Own>>,
}

/// A module whose source has changed since the daemon began.
#[derive(Default)]
struct Own {
    version: u64,
    /// None when it is the archive's again.
    source: Option<Arc<str>>,
}

impl Sources {
    /// The modules of an archive.
    pub(super) fn new(modules: Arc<dyn Modules>) -> Sources {
        Sources { modules, own: Mutex::default() }
    }

    /// A module as it is now.
    pub(super) fn module(&self, name: &str) -> Module {
        let version = lock(&self.own).get(name).map_or(0, |own| own.version);
        Module { name: name.to_owned(), version }
    }

    /// The source of a module, unless it has changed since it was asked for. Reads files.
    pub(super) fn source(&self, module: &Module) -> Option<String> {
        let own = lock(&self.own).get(&module.name).map(|own| (own.version, own.source.clone()));
        let (version, source) = own.unwrap_or_default();
        if version != module.version {
            return None;
        }
        source.map(|source| source.to_string()).or_else(|| self.modules.source(&module.name))
    }

    /// Replaces the source of a module, or gives it back its own.
    pub(super) fn replace(&self, name: &str, source: Option<Arc<str>>) {
        let mut all = lock(&self.own);
        let own = all.entry(name.to_owned()).or_default();
        own.version += 1;
        own.source = source;
    }
}
