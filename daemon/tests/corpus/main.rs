//! Types every spec of the corpus: each subcommand, each option, each position of an argument, in each shell.
//!
//! Every module is reached as a user reaches it, down from a command through `loadSpec`, each version of a versioned
//! one; modules that no command leads to are typed under a made-up name. What must be offered at the end of each line is
//! known to whoever wrote it (`declared`, `lines`); the row that the line is about is accepted, and what the shell would
//! read is read back (`shell`). Lists longer than an answer are compared as far as they go.
//!
//! `Q_CORPUS=whole` types all lines of all options instead of a sample; `Q_CORPUS=git` only those of one command.
//! The times that are printed are of a build for tests, and of the processor, so that what else the machine does is not
//! in them; the measurement proper is `tests/bench.sh engine`.

#[path = "../support/mod.rs"]
mod support;

mod declared;
mod lines;
mod shell;
mod tally;
mod units;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use daemon::engine::Engine;
use protocol::{Context, Shell};
use specs::archive::Archive;
use specs::model::Subcommand;

use declared::Scope;
use lines::{Share, type_all};
use support::{Library, archive};
use tally::{Tally, judge};
use units::{Installed, ORPHAN, Unit, units};

/// How many lines there must be.
const LINES: usize = 100_000;

/// Of the items of modules below a command (services of aws, az and gcloud, most of the corpus) one in so many is typed.
const SERVICES: u64 = 48;

/// Of the items of a command itself one in so many is typed.
const COMMANDS: u64 = 5;

/// Which lines are typed.
fn share(unit: &Unit, asked: &str) -> Option<Share> {
    match asked {
        "whole" => Some(Share::Whole),
        "" => Some(Share::OneIn(if unit.words.len() > 1 { SERVICES } else { COMMANDS })),
        command => (unit.words[0] == command).then_some(Share::Whole),
    }
}

/// What the three shells are told apart by.
fn contexts() -> HashMap<Shell, Context> {
    let context = |shell| Context { shell, cwd: "/home/user/project".into(), ..Context::default() };
    [Shell::Bash, Shell::Zsh, Shell::Fish].map(|shell| (shell, context(shell))).into()
}

/// Types the lines of one module.
fn type_unit(archive: &Arc<Archive>, unit: &Unit, share: Share, tally: &mut Tally) {
    let library = Library::with_alias(Arc::clone(archive), ORPHAN, &unit.module);
    let engine = Engine::new(Arc::new(library));
    let spec = archive.spec(&unit.module).expect("an intact archive").expect("a module with a tree");
    let ready = Installed(unit.version.clone());
    let contexts = contexts();
    let mut sink = |asked: lines::Asked| judge(&engine, &contexts, &ready, &asked, tally);
    walk(&Scope::root(&spec.root, unit.words.clone()), share, &mut sink);
}

/// Types the lines of a scope and of those below it that are in the same module.
fn walk(scope: &Scope, share: Share, sink: &mut dyn FnMut(lines::Asked)) {
    type_all(scope, share, sink);
    for sub in &scope.node.subcommands {
        let Some(name) = scope.leading(sub).next() else { continue };
        match &sub.load_spec {
            Some(specs::model::LoadSpec::Module(_)) => {}
            Some(specs::model::LoadSpec::Inline(root)) => walk(&inline(scope, root, name), share, sink),
            _ => walk(&scope.below(sub, name), share, sink),
        }
    }
}

/// A tree that stands in place of a subcommand.
fn inline<'a>(scope: &Scope<'a>, root: &'a Subcommand, name: &str) -> Scope<'a> {
    Scope::root(root, scope.words.iter().cloned().chain([name.to_owned()]).collect())
}

#[test]
fn every_row_is_offered_where_its_spec_declares_it() {
    let archive = archive();
    let asked = std::env::var("Q_CORPUS").unwrap_or_default();
    let units = units(&archive);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut tally = Tally::default();
        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(share) = share(unit, &asked) {
                type_unit(&archive, unit, share, &mut tally);
            }
        }
        tally
    };
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let tally = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let tallies =
            running.into_iter().map(|thread| thread.join().expect("panics are caught line by line"));
        tallies.fold(Tally::default(), Tally::and)
    });
    let commands = units.iter().filter(|unit| unit.words.len() == 1).count();
    println!("{} modules, {commands} of them typed as commands\n{tally}", units.len());
    let (failed, lines) = (tally.failed, tally.lines());
    assert!(failed == 0, "{failed} of {lines} lines:\n{}", tally.told());
    assert!(!asked.is_empty() || tally.lines() >= LINES, "only {} lines", tally.lines());
}
