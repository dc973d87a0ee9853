//! What the tests of this folder share: the real archive, worlds with few things in them, and the files of cases.

#[path = "../support/nothing.rs"]
mod nothing;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use daemon::candidates::{Draft, Insert};
use daemon::engine::{Engine, Question, Specs, World};
use daemon::settings::Settings;
use daemon::slow::{NothingYet, Ready};
use protocol::{Answer, Context, Kind, Parsed, Request};
use serde_json::Value;
use specs::archive::Archive;
use specs::model::Spec;

pub(crate) use nothing::Nothing;

/// The archive, every spec decoded once.
struct Library {
    archive: Archive,
    decoded: Mutex<HashMap<String, Option<Arc<Spec>>>>,
}

impl Specs for Library {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        let mut decoded = self.decoded.lock().expect("no test panics with the lock held");
        let read = || self.archive.spec(name).expect("an intact archive").map(Arc::new);
        decoded.entry(name.to_string()).or_insert_with(read).clone()
    }

    fn commands(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The same three entries in every folder, and a few programs.
pub(crate) struct Few;

impl World for Few {
    fn paths(&self, _: &Path, folders_only: bool, hidden: bool) -> Vec<Draft> {
        let entries = [("here/", Kind::Folder), ("here.txt", Kind::File), (".here", Kind::File)];
        let kept = entries.into_iter().filter(|(name, kind)| {
            name.starts_with('.') == hidden && (!folders_only || *kind == Kind::Folder)
        });
        let row = |(name, kind): (&str, Kind)| Draft {
            names: vec![name.into()],
            insert: Insert::PathEntry,
            kind,
            space: true,
            ..Draft::default()
        };
        kept.map(row).collect()
    }

    fn commands(&self, _: &Context) -> Vec<Draft> {
        Vec::new()
    }

    fn programs(&self, _: &Context) -> Arc<Vec<Draft>> {
        let row = |name: &str| Draft { names: vec![name.into()], kind: Kind::Command, ..Draft::default() };
        Arc::new(["git", "grep", "make", "sudo"].map(row).into())
    }

    fn home(&self, _: &str) -> Option<PathBuf> {
        None
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The engine over the archive of `Q_ARCHIVE`, else of `target/q/specs.qa`.
pub(crate) fn engine() -> Engine {
    let path = std::env::var_os("Q_ARCHIVE").map_or_else(|| root().join("target/q/specs.qa"), PathBuf::from);
    let archive = Archive::open(&path).unwrap_or_else(|error| {
        panic!(
            "{error}\nThe cases need the spec archive: run `cargo specc build --out target/q/specs.qa` first."
        )
    });
    Engine::new(Arc::new(Library { archive, decoded: Mutex::default() }))
}

/// A file of this folder, or of the one in `Q_CASES`.
pub(crate) fn read(file: &str) -> String {
    let dir = std::env::var_os("Q_CASES").map_or_else(|| root().join("daemon/tests/cases"), PathBuf::from);
    let path = dir.join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn cases(file: &str) -> Vec<Value> {
    read(file).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

pub(crate) fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_default()
}

pub(crate) fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(String::from)).collect()
}

/// A name or a list of names, as the Fig format has them.
pub(crate) fn names(value: &Value) -> Vec<String> {
    value.as_str().map_or_else(|| strings(value), |name| vec![name.to_string()])
}

/// The line of a case and where its cursor is; the cases count in UTF-16.
pub(crate) fn request(case: &Value) -> Request {
    let line = text(case, "buffer").to_string();
    let units = case["cursor"].as_u64().map_or(usize::MAX, |units| units as usize);
    let mut left = units;
    let before = line.chars().take_while(|c| {
        let fits = left >= c.len_utf16();
        left = left.saturating_sub(c.len_utf16());
        fits
    });
    let cursor = before.map(char::len_utf8).sum::<usize>() as u32;
    Request { generation: 1, line, cursor, ..Request::default() }
}

/// A line with its cursor at its end.
pub(crate) fn typed(line: &str) -> Request {
    Request { generation: 1, line: line.to_string(), cursor: line.len() as u32, ..Request::default() }
}

pub(crate) fn context(case: &Value) -> Context {
    let aliases = case["aliases"].as_object().into_iter().flatten();
    Context {
        cwd: "/home/user/project".into(),
        env: BTreeMap::from([("HOME".into(), "/home/user".into())]),
        aliases: aliases
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into()))
            .collect(),
        ..Context::default()
    }
}

/// An engine in a world.
pub(crate) struct Desk<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) context: &'a Context,
    pub(crate) world: &'a dyn World,
    pub(crate) ready: &'a dyn Ready,
}

impl<'a> Desk<'a> {
    /// Where the answers were recorded.
    pub(crate) fn bare(engine: &'a Engine, context: &'a Context) -> Desk<'a> {
        Desk { engine, context, world: &Nothing, ready: &NothingYet }
    }

    pub(crate) fn complete(&self, request: &Request) -> Answer {
        let question = Question {
            context: self.context,
            request,
            history: &Nothing,
            usage: &Nothing,
            world: self.world,
            ready: self.ready,
            settings: &Settings::default(),
        };
        self.engine.complete(&question).answer
    }

    pub(crate) fn parse(&self, request: &Request) -> Parsed {
        self.engine.parse(self.context, request, self.ready)
    }
}
