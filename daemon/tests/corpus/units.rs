//! Which modules there are, and what is typed to reach each of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use daemon::slow::{Found, Ready, Slow};
use specs::archive::Archive;
use specs::model::{LoadSpec, Subcommand};

/// The name under which a module is typed that no command leads to.
pub(crate) const ORPHAN: &str = "q-orphan";

/// A module and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// The words that lead to it.
    pub(crate) words: Vec<String>,
    pub(crate) module: String,
    /// The version that the installed tool must have.
    pub(crate) version: Option<String>,
}

/// Says which version is installed, and nothing else.
pub(crate) struct Installed(pub(crate) Option<String>);

impl Ready for Installed {
    fn ready(&self, slow: &Slow) -> Option<Found> {
        matches!(slow, Slow::Version(_)).then(|| Found::Version(self.0.clone()))
    }
}

/// All modules with a tree, each reached once, the commands first.
pub(crate) fn units(archive: &Arc<Archive>) -> Vec<Unit> {
    let root = |name: &str| Unit { words: vec![name.into()], module: name.into(), version: None };
    let mut found = Reached::default();
    archive.commands().map(root).for_each(|unit| found.add(unit));
    found.follow(archive);
    let orphans: Vec<String> =
        archive.modules().filter(|name| !found.known.contains(*name)).map(str::to_owned).collect();
    for module in orphans {
        found.add(Unit { words: vec![ORPHAN.into()], module, version: None });
        found.follow(archive);
    }
    found.units
}

#[derive(Default)]
struct Reached {
    known: BTreeSet<String>,
    waiting: VecDeque<Unit>,
    units: Vec<Unit>,
}

impl Reached {
    fn add(&mut self, unit: Unit) {
        if self.known.insert(unit.module.clone()) {
            self.waiting.push_back(unit);
        }
    }

    /// Follows what modules say of others, from the waiting ones on.
    fn follow(&mut self, archive: &Archive) {
        while let Some(unit) = self.waiting.pop_front() {
            let Some(spec) = archive.spec(&unit.module).expect("an intact archive") else { continue };
            for (version, module) in spec.versions.iter().flat_map(|versions| &versions.modules) {
                self.add(Unit { module: module.clone(), version: Some(version.clone()), ..unit.clone() });
            }
            match &spec.root.load_spec {
                Some(LoadSpec::Module(module)) => self.add(Unit { module: module.clone(), ..unit.clone() }),
                _ => self.below(&spec.root, &unit),
            }
            let stub = spec.versions.is_some() || spec.root.load_spec.is_some();
            self.units.extend((!stub).then_some(unit));
        }
    }

    fn below(&mut self, node: &Subcommand, unit: &Unit) {
        for sub in &node.subcommands {
            let words = unit.words.iter().cloned().chain(sub.names.first().cloned()).collect();
            let unit = Unit { words, ..unit.clone() };
            match &sub.load_spec {
                Some(LoadSpec::Module(module)) => self.add(Unit { module: module.clone(), ..unit }),
                Some(LoadSpec::Inline(root)) => self.below(root, &unit),
                _ => self.below(sub, &unit),
            }
        }
    }
}
