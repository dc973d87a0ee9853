//! Specs that depend on the installed version of their tool.
//!
//! The corpus has base modules (`fig/2.0.0`) with diffs for later versions (`2.9.0`). A ladder of rungs says which
//! module serves from which version on; diffs that change something become modules of their own (`fig/2.0.0@2.9.0`).

use std::collections::BTreeMap;

use crate::model::{FnRef, Spec, Subcommand, Versions};

/// From which version on a module serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rung {
    version: String,
    module: String,
}

/// The rungs of one base module, and the specs that they need beside its own.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    /// Oldest version first.
    pub(super) rungs: Vec<Rung>,
    /// By module name.
    pub(super) specs: Vec<(String, Spec)>,
}

/// The ladder of a module, from its tree and the trees that its diffs make of it, oldest version first.
///
/// A tool older than the first diff gets all diffs: that is how the format's own library chooses.
pub(super) fn ladder(name: &str, tree: Option<&Spec>, folded: Vec<(String, Spec)>) -> Ladder {
    let (Some(tree), Some(base)) = (tree, base_version(name)) else { return Ladder::default() };
    let mut ladder = Ladder::default();
    let mut module = name.to_owned();
    for (version, spec) in folded {
        let before = ladder.specs.last().map_or(tree, |(_, before)| before);
        if spec != *before {
            module = format!("{name}@{version}");
            ladder.specs.push((module.clone(), spec));
        }
        ladder.rungs.push(Rung { version, module: module.clone() });
    }
    let first = ladder.rungs.first().map(|rung| numbers(&rung.version));
    if first.is_none_or(|first| first > numbers(base)) {
        ladder.rungs.insert(0, Rung { version: base.to_owned(), module });
    }
    ladder
}

/// The spec of a command that is a choice of versions. `rungs` has those of all modules.
pub(super) fn choice(name: &str, command: &FnRef, rungs: &BTreeMap<&str, &[Rung]>) -> Spec {
    let bases = rungs.iter().filter(|(module, _)| base_of(module) == Some(name));
    let mut modules: Vec<(String, String)> = bases
        .flat_map(|(_, rungs)| rungs.iter().map(|rung| (rung.version.clone(), rung.module.clone())))
        .collect();
    modules.sort_by_cached_key(|(version, _)| numbers(version));
    Spec {
        root: Subcommand { names: vec![name.to_owned()], ..Subcommand::default() },
        versions: Some(Versions { version_command: Some(command.clone()), modules }),
    }
}

/// The version that a module's name ends in: `2.53.0` for `az/2.53.0`.
fn base_version(module: &str) -> Option<&str> {
    let (_, version) = module.rsplit_once('/')?;
    let is_version =
        version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok());
    is_version.then_some(version)
}

/// The command of which a module is a base version: `az` for `az/2.53.0`.
fn base_of(module: &str) -> Option<&str> {
    let version = base_version(module)?;
    module.strip_suffix(version)?.strip_suffix('/')
}

/// A version as numbers that compare as versions do.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
