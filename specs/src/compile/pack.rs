//! Compiles a corpus and packs what comes out.
//!
//! Each module is loaded (`module`), its values are counted (`totals`) and read as a spec (`fig`), and every function
//! that the spec refers to is looked up in the source that will be stored (`check`). Modules are independent of each
//! other, so they are spread over threads; the result does not depend on how many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{fmt, io, thread};

use super::corpus::Corpus;
use super::module::Loader;
use super::versions::{self, Rung};
use super::{check, fig, totals};
use crate::archive::{self, Info, Module, Packed, Totals, is_command};
use crate::model::{FnRef, Spec};

/// The stack of a compiling thread: QuickJS may take half a megabyte of it, unoptimised walks another.
const STACK: usize = 8 << 20;

/// Why a corpus does not compile.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The corpus cannot be read.
    #[error("{what}: {source}")]
    Io {
        /// What was being read.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// The corpus is not what it should be.
    #[error("{0}")]
    Corpus(String),
    /// A module does not evaluate.
    #[error("module {module}: {what}")]
    Script {
        /// The module.
        module: String,
        /// What QuickJS says.
        what: String,
    },
    /// A spec refers to a function that its module does not have.
    #[error("module {module}: nothing callable at {path}")]
    Unresolved {
        /// The module.
        module: String,
        /// The path that leads nowhere.
        path: String,
    },
    /// A spec cannot be packed.
    #[error(transparent)]
    Archive(#[from] archive::Error),
}

impl Error {
    pub(super) fn script(module: &str, what: impl fmt::Display) -> Error {
        Error::Script { module: module.to_owned(), what: what.to_string() }
    }
}

/// A compiled corpus.
#[derive(Debug)]
pub struct Compiled {
    /// Where it comes from, and its totals.
    pub info: Info,
    /// Its modules, ready for [`archive::write()`].
    pub modules: Vec<Module>,
}

/// Compiles a corpus on so many threads.
///
/// # Errors
/// When any module does not evaluate, or a function of it cannot be found again.
pub fn compile(corpus: &Corpus, threads: usize) -> Result<Compiled, Error> {
    let groups = corpus.groups();
    let units = spread(&groups, threads.max(1), |loader, group| unit(loader, group.names[0], group.source))?;
    let named = || {
        groups.iter().zip(&units).flat_map(|(group, unit)| group.names.iter().map(move |name| (*name, unit)))
    };
    let rungs: BTreeMap<&str, &[Rung]> = named().map(|(name, unit)| (name, unit.rungs.as_slice())).collect();
    let mut totals = Totals::default();
    let mut modules = Vec::new();
    for (name, unit) in named() {
        totals::add(&mut totals, &unit.totals);
        totals.commands += u64::from(is_command(name));
        let spec = match &unit.version_command {
            Some(command) => Some(Packed::spec(&versions::choice(name, command, &rungs))?),
            None => unit.spec.clone(),
        };
        modules.push(Module { name: name.to_owned(), spec, script: unit.script.clone() });
    }
    modules.extend(units.into_iter().flat_map(|unit| unit.folded));
    Ok(Compiled { info: Info { corpus: corpus.label().to_owned(), totals }, modules })
}

/// What becomes of one module.
#[derive(Debug)]
struct Unit {
    totals: Totals,
    spec: Option<Packed>,
    script: Option<Packed>,
    /// The versions of its tree that differ from it, as modules of their own.
    folded: Vec<Module>,
    /// Which of them, or the module itself, serves which version.
    rungs: Vec<Rung>,
    /// It is no tree but a choice of versions, made by asking this function.
    version_command: Option<FnRef>,
}

/// Compiles one module.
fn unit(loader: &Loader, name: &str, source: &str) -> Result<Unit, Error> {
    let loaded = loader.load(name, source)?;
    let command = name.rsplit('/').next().unwrap_or(name);
    let tree = loaded.has_tree().then(|| fig::spec(&loaded.default, command));
    let folded: Vec<(String, Spec)> =
        loaded.folded.iter().map(|(version, raw)| (version.clone(), fig::spec(raw, command))).collect();
    let version_command = loaded.version_command.clone().filter(|_| tree.is_none());

    let trees = tree.iter().chain(folded.iter().map(|(_, spec)| spec));
    let references = check::references(trees, &version_command);
    check::prove(loader, name, source, &references)?;
    let script = (!references.is_empty()).then(|| Packed::script(source)).transpose()?;

    let mut totals = totals::count(&loaded);
    totals.modules = 1;
    totals.specs = u64::from(tree.is_some() || version_command.is_some());
    totals.scripts = u64::from(script.is_some());
    let ladder = versions::ladder(name, tree.as_ref(), folded);
    let pack =
        |(name, spec): (String, Spec)| Ok(Module { name, spec: Some(Packed::spec(&spec)?), script: None });
    Ok(Unit {
        totals,
        spec: tree.as_ref().map(Packed::spec).transpose()?,
        script,
        folded: ladder.specs.into_iter().map(pack).collect::<Result<_, Error>>()?,
        rungs: ladder.rungs,
        version_command,
    })
}

/// Does `work` on every item, on several threads that each have a loader; the results keep the items' order.
fn spread<I: Sync, T: Send>(
    items: &[I],
    threads: usize,
    work: impl Fn(&Loader, &I) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<T, Error>)>> = Mutex::new(Vec::new());
    let finish = |place, result| done.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
    let run = || match Loader::new() {
        Ok(loader) => {
            while let Some((place, item)) = take(items, &next) {
                finish(place, work(&loader, item));
            }
        }
        Err(error) => finish(0, Err(error)),
    };
    thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).map(|_| ());
        (0..threads).try_for_each(spawn)
    })
    .map_err(|source| Error::Io { what: "a compiling thread".into(), source })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The next item that nobody has taken.
fn take<'i, I>(items: &'i [I], next: &AtomicUsize) -> Option<(usize, &'i I)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    Some((place, items.get(place)?))
}
