//! The JavaScript of modules: the archive's, and the user's own before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::Modules;
use super::message::Module;
use crate::lock::lock;

/// Sources that are kept; the oldest goes first, and its module is then what it was before.
const MAX_OWN: usize = 256;

/// Bytes of sources that are kept; the last one is kept whatever its size.
const MAX_OWN_BYTES: usize = 16 << 20;

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

impl Own {
    fn is_full(&self) -> bool {
        let bytes: usize = self.sources.values().map(|(_, source)| source.len()).sum();
        self.sources.len() > MAX_OWN || self.sources.len() > 1 && bytes > MAX_OWN_BYTES
    }
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
        while own.is_full() {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every module says its own name.
    struct Named;

    impl Modules for Named {
        fn source(&self, module: &str) -> Option<String> {
            Some(module.to_owned())
        }
    }

    fn now(sources: &Sources, name: &str) -> Option<String> {
        sources.source(&sources.module(name))
    }

    #[test]
    fn a_module_has_the_source_that_replaced_its_own() {
        let sources = Sources::new(Arc::new(Named));
        let first = sources.module("m");
        sources.replace("m", "new".into());
        let second = sources.module("m");
        assert_eq!((sources.source(&first), sources.source(&second)), (None, Some("new".into())));
        sources.forget("m");
        assert_eq!(now(&sources, "m").as_deref(), Some("m"));
        sources.replace("m", "newer".into());
        assert_ne!(sources.module("m"), second, "a version is never used again");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let sources = Sources::new(Arc::new(Named));
        for number in 0..=MAX_OWN {
            sources.replace(&number.to_string(), "new".into());
        }
        assert_eq!((now(&sources, "0").as_deref(), now(&sources, "1").as_deref()), (Some("0"), Some("new")));
        sources.replace("large", "x".repeat(MAX_OWN_BYTES + 1).into());
        assert_eq!(now(&sources, "large").map(|source| source.len()), Some(MAX_OWN_BYTES + 1));
        assert_eq!(now(&sources, "1").as_deref(), Some("1"));
    }
}
