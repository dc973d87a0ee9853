//! Generators of the commonest specs, tried for real: the archive, the worker and the engine, in a project made for it,
//! with programs that print what was recorded of the real ones.
//!
//! `tried/lines.txt` has the lines and what must be offered behind them, `tried/programs.txt` what the programs print,
//! `tried/project.txt` the files of the project. Needs the archive, as the cases do, and git.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use daemon::session::{Places, Session, Shared};
use daemon::settings::SettingsFile;
use daemon::store::{Access, Store};
use protocol::{FromDaemon, Outcome, Request, Why};
use tokio::sync::mpsc;
use tokio::time::timeout;

#[path = "tried/project.rs"]
mod project;
mod support;

use project::Project;

/// No line waits longer than this; a loaded machine needs a fraction of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a request may take, in milliseconds.
const WAIT: u32 = 60_000;

/// How many commands are tried at least, so that a table that was lost is noticed.
const COMMANDS: usize = 100;

/// A line whose cursor is at its end, and the names that must be offered there.
struct Tried {
    line: String,
    rows: BTreeSet<String>,
}

/// The lines of the table: `line^ -> row | row`.
fn table() -> Vec<Tried> {
    let text = project::recorded("lines.txt");
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let tried = |line: &str| {
        let (line, rows) = line.split_once("^ -> ").unwrap_or_else(|| panic!("{line:?} is not of the table"));
        Tried { line: line.to_owned(), rows: rows.split(" | ").map(str::to_owned).collect() }
    };
    lines.map(tried).collect()
}

/// A session of a daemon on the real archive.
fn session(project: &Project) -> Session {
    let worker = env!("CARGO_BIN_EXE_qd").into();
    let places = Places { archives: vec![support::archive_path()], specs: Vec::new(), worker };
    let store = Store::open(project.home().join("store"), Access::Write);
    let settings = SettingsFile::new(project.home().join("settings.json"));
    settings.look_for(PATIENCE);
    let shared = Shared::new(places, store, settings);
    shared.store().trust(&project.folder()).unwrap();
    let mut session = Session::new(shared);
    session.set_context(project.context());
    session
}

/// The last answer for a line, and how its sources did.
async fn why(session: &Session, line: &str) -> Why {
    let (out, mut said) = mpsc::channel(1);
    let request = Request { line: line.into(), cursor: line.len() as u32, wait: WAIT, ..Request::default() };
    tokio::spawn(session.ask(request).why(out));
    match timeout(PATIENCE, said.recv()).await.expect("an answer in time") {
        Some(FromDaemon::Why(why)) => *why,
        other => panic!("no reasons: {other:?}"),
    }
}

/// What is offered on a line.
fn offered(why: &Why) -> BTreeSet<String> {
    why.answer.candidates.iter().map(|row| row.name.clone()).collect()
}

/// Why rows are missing: what is there instead, and how the sources did.
fn explain(tried: &Tried, why: &Why) -> String {
    let offered = offered(why);
    let missing: Vec<_> = tried.rows.difference(&offered).collect();
    let mut text = format!("{}^ lacks {missing:?} among {} rows:", tried.line, offered.len());
    let others = offered.iter().filter(|name| !name.starts_with('-'));
    others.take(14).for_each(|name| write!(text, " {name:?}").unwrap());
    for source in &why.sources {
        let runs: Vec<_> = source.runs.iter().map(|run| &run.argv).collect();
        write!(text, "\n    {} {:?} {runs:?}", source.source, source.outcome).unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn generators_of_the_commonest_specs_yield_what_is_there() {
    let _ = support::archive();
    let (project, nothing) = (Project::new(), Project::empty());
    let (session, bare) = (session(&project), session(&nothing));
    let (mut commands, mut sources, mut rows) = (BTreeSet::new(), 0, 0);
    let mut wrong = Vec::new();
    let table = table();
    for tried in &table {
        let said = why(&session, &tried.line).await;
        if !tried.rows.is_subset(&offered(&said)) {
            wrong.push(explain(tried, &said));
        }
        // Where there is nothing, none of it is offered: it comes from a generator, and not from the spec.
        let fixed = offered(&why(&bare, &tried.line).await);
        let fixed: Vec<_> = tried.rows.intersection(&fixed).collect();
        if !fixed.is_empty() {
            wrong.push(format!("{}^ has {fixed:?} in every directory", tried.line));
        }
        commands.extend(tried.line.split_whitespace().next());
        sources += said.sources.iter().filter(|source| matches!(source.outcome, Outcome::Rows(1..))).count();
        rows += tried.rows.len();
    }
    println!(
        "{} commands, {} lines, {sources} generators that yielded rows, {rows} rows",
        commands.len(),
        table.len()
    );
    let missed = project.missed();
    assert!(wrong.is_empty(), "{} lines:\n{}\nnot recorded:\n{missed}", wrong.len(), wrong.join("\n"));
    assert!(commands.len() >= COMMANDS, "only {} commands", commands.len());
}
