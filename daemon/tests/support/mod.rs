//! What tests on the real specs share: the archive, and a world in which nothing exists.

// Every test program takes what it needs of it.
#![allow(dead_code)]

pub(crate) mod home;
mod nothing;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use daemon::engine::{Engine, Question, Specs};
use daemon::settings::Settings;
use daemon::slow::Ready;
use protocol::{Answer, Context, Request};
use specs::archive::Archive;
use specs::model::Spec;

pub(crate) use nothing::Nothing;

/// How many specs are kept decoded: those along one line and the neighbours, not a whole corpus for every thread.
const KEPT: usize = 24;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the archive of the last build is, or the one that `Q_ARCHIVE` names.
pub(crate) fn archive_path() -> PathBuf {
    std::env::var_os("Q_ARCHIVE").map_or_else(|| root().join("target/q/specs.qa"), PathBuf::from)
}

/// That archive.
pub(crate) fn archive() -> Arc<Archive> {
    let archive = Archive::open(&archive_path()).unwrap_or_else(|error| {
        panic!("{error}\nThe spec archive is needed: run `cargo specc build --out target/q/specs.qa` first.")
    });
    Arc::new(archive)
}

/// The archive, the specs used last kept decoded.
pub(crate) struct Library {
    archive: Arc<Archive>,
    kept: Mutex<Vec<(String, Option<Arc<Spec>>)>>,
    /// A module that is read when the command of this name is typed.
    alias: Option<(&'static str, String)>,
}

impl Library {
    /// All modules under their own names.
    pub(crate) fn new(archive: Arc<Archive>) -> Library {
        Library { archive, kept: Mutex::default(), alias: None }
    }

    /// The same, with one module more under the name `typed`.
    pub(crate) fn with_alias(archive: Arc<Archive>, typed: &'static str, module: &str) -> Library {
        Library { alias: Some((typed, module.to_owned())), ..Library::new(archive) }
    }
}

impl Specs for Library {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        let module = match &self.alias {
            Some((typed, module)) if *typed == name => module,
            _ => name,
        };
        let mut kept = self.kept.lock().expect("no test panics with the lock held");
        if let Some(at) = kept.iter().position(|(known, _)| known == module) {
            let found = kept.remove(at);
            kept.push(found.clone());
            return found.1;
        }
        let spec = self.archive.spec(module).expect("an intact archive").map(Arc::new);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((module.to_owned(), spec.clone()));
        spec
    }

    fn commands(&self) -> Vec<String> {
        self.archive.commands().map(str::to_owned).collect()
    }
}

/// The answer to a line with the cursor at its end, where nothing but specs is there.
pub(crate) fn complete(engine: &Engine, context: &Context, line: &str, ready: &dyn Ready) -> Answer {
    let request =
        Request { generation: 1, line: line.into(), cursor: line.len() as u32, ..Request::default() };
    let question = Question {
        context,
        request: &request,
        history: &Nothing,
        usage: &Nothing,
        world: &Nothing,
        ready,
        settings: &Settings::default(),
    };
    engine.complete(&question).answer
}
