//! What a session sees of files and programs, within a time that a key can wait.
//!
//! A directory may be on a dead mount and a user may be on a dead name server, so each look happens on a thread of its
//! own. [`Here`] waits a moment for it; what comes later is taken into a second answer, for which [`Here::settle`]
//! waits. Looks for the same thing are shared, and their number is bounded.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::unistd::User;
use protocol::Context;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::candidates::Draft;
use crate::candidates::command::{self, Descriptions, Programs};
use crate::candidates::path::{Folder, Folders};
use crate::engine::World;
use crate::history::{Histories, Source};
use crate::lock::lock;
use crate::spec_cache::SpecCache;

/// How long the first answer waits for all looks together: nobody sees the difference, and most take a tenth of it.
const PATIENCE: Duration = Duration::from_millis(20);

/// Most looks at a time. Those that hang on a dead mount stay; beyond this many nothing more is looked at.
pub const MAX_LOOKS: usize = 32;

/// Most looks at what programs are at a time: each key may want others, and nobody waits for them.
const MAX_DESCRIBING: usize = 2;

/// Most programs that are described at a time: more rows are not looked at before the next key.
const MAX_DESCRIBED: usize = 200;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Look {
    /// The entries of a directory.
    Folder(PathBuf),
    /// The folders and programs of a directory.
    Executables(PathBuf),
    /// The programs of a `PATH`.
    Programs(String),
    /// What some programs of a `PATH` are, which is kept in [`Looks::descriptions`].
    Descriptions {
        /// The `PATH`.
        path: String,
        /// The programs.
        programs: Vec<String>,
    },
    /// The home of a user.
    Home(String),
    /// What is new in a history file, which is taken in by [`Histories`].
    History(Source),
}

/// What was seen.
#[derive(Clone, Debug)]
pub enum Seen {
    /// The entries.
    Folder(Arc<Folder>),
    /// A row each, in the order of their names.
    Programs(Arc<Vec<Draft>>),
    /// They are kept.
    Descriptions,
    /// The directory, if there is such a user.
    Home(Option<PathBuf>),
    /// It is taken in.
    History,
}

/// A look under way; yields once.
pub type Seeing = watch::Receiver<Option<Seen>>;

/// The looks of all sessions.
#[derive(Debug, Default)]
pub struct Looks {
    running: Mutex<HashMap<Look, (Instant, Seeing)>>,
    programs: Programs,
    folders: Folders,
    /// What programs are.
    pub descriptions: Descriptions,
    /// Earlier lines.
    pub histories: Histories,
}

impl Looks {
    /// Looks that find out of these specs what programs are.
    pub fn new(corpus: Arc<SpecCache>) -> Looks {
        Looks { descriptions: Descriptions::new(corpus), ..Looks::default() }
    }

    /// Looks, or joins who is looking already, and since when. `None` when too many looks hang.
    pub fn start(self: &Arc<Looks>, look: Look) -> Option<(Instant, Seeing)> {
        let mut running = lock(&self.running);
        if let Some(known) = running.get(&look) {
            return Some(known.clone());
        }
        let describes = |look: &Look| matches!(look, Look::Descriptions { .. });
        if describes(&look) && running.keys().filter(|look| describes(look)).count() >= MAX_DESCRIBING {
            return None;
        }
        if running.len() >= MAX_LOOKS {
            tracing::warn!("too many looks at files hang");
            return None;
        }
        let (seen, seeing) = watch::channel(None);
        let begun = (Instant::now(), seeing);
        running.insert(look.clone(), begun.clone());
        let looks = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            // Declared first, so that a panic too removes the look.
            let running = Running { looks, look };
            seen.send_replace(Some(running.looks.take(&running.look)));
        });
        Some(begun)
    }

    fn take(&self, look: &Look) -> Seen {
        match look {
            Look::Folder(dir) => Seen::Folder(self.folders.of(dir)),
            Look::Executables(dir) => Seen::Folder(Arc::new(Folder::read_executables(dir))),
            Look::Descriptions { path, programs } => {
                self.descriptions.look_up(path, programs);
                Seen::Descriptions
            }
            Look::Programs(path) => Seen::Programs(self.programs.of(path)),
            Look::Home(user) => Seen::Home(User::from_name(user).ok().flatten().map(|user| user.dir)),
            Look::History(source) => {
                self.histories.refresh(source);
                Seen::History
            }
        }
    }
}

/// Strikes a look off the list when it is over.
struct Running {
    looks: Arc<Looks>,
    look: Look,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.looks.running).remove(&self.look);
    }
}

/// The world for one request. Lives on a thread that may wait, not on one of the runtime's own.
#[derive(Debug)]
pub struct Here {
    looks: Arc<Looks>,
    runtime: Handle,
    /// Until when the first answer waits.
    deadline: Instant,
    known: RefCell<HashMap<Look, Seen>>,
    late: RefCell<HashMap<Look, Seeing>>,
}

impl Here {
    /// The world as it can be seen from now on.
    pub fn new(looks: Arc<Looks>, runtime: Handle) -> Here {
        let deadline = Instant::now() + PATIENCE;
        Here { looks, runtime, deadline, known: RefCell::default(), late: RefCell::default() }
    }

    /// Waits for a look that is under way.
    pub fn expect(&self, look: Look, seeing: Seeing) {
        self.late.borrow_mut().insert(look, seeing);
    }

    /// Whether anything is still being looked at.
    pub fn is_late(&self) -> bool {
        !self.late.borrow().is_empty()
    }

    /// Waits for what is still being looked at, so that the next answer has it. Can be given up at any time.
    pub async fn settle(&mut self) {
        while let Some(look) = self.late.get_mut().keys().next().cloned() {
            let Some(seeing) = self.late.get_mut().get_mut(&look) else { return };
            // An error means that the look came to nothing.
            let seen = seeing.wait_for(Option::is_some).await.ok().and_then(|seen| seen.clone());
            self.late.get_mut().remove(&look);
            self.known.get_mut().extend(seen.map(|seen| (look, seen)));
        }
    }

    /// What a look shows, if it does so in time.
    fn see(&self, look: Look) -> Option<Seen> {
        if let Some(seen) = self.known.borrow().get(&look) {
            return Some(seen.clone());
        }
        if self.late.borrow().contains_key(&look) {
            return None;
        }
        let (begun, mut seeing) = self.looks.start(look.clone())?;
        match self.wait(begun, &mut seeing) {
            Some(seen) => {
                self.known.borrow_mut().insert(look, seen.clone());
                Some(seen)
            }
            None => {
                self.late.borrow_mut().insert(look, seeing);
                None
            }
        }
    }

    /// Looks at what can come later: the first answer does not wait for it.
    fn see_later(&self, look: Look) {
        let known = self.known.borrow().contains_key(&look) || self.late.borrow().contains_key(&look);
        if let Some((_, seeing)) = self.looks.start(look.clone()).filter(|_| !known) {
            self.late.borrow_mut().insert(look, seeing);
        }
    }

    /// Waits until the deadline, but not for a look that is overdue already: while it hangs, each key would be slow.
    fn wait(&self, begun: Instant, seeing: &mut Seeing) -> Option<Seen> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left = if begun.elapsed() > PATIENCE { Duration::ZERO } else { left };
        let seen = self.runtime.block_on(async { timeout(left, seeing.wait_for(Option::is_some)).await });
        seen.ok()?.ok()?.clone()
    }
}

impl World for Here {
    fn paths(&self, dir: &Path, folders_only: bool, hidden: bool) -> Vec<Draft> {
        self.paths_like(dir, folders_only, hidden, "")
    }

    fn paths_like(&self, dir: &Path, folders_only: bool, hidden: bool, typed: &str) -> Vec<Draft> {
        if !dir.is_absolute() {
            return Vec::new();
        }
        match self.see(Look::Folder(dir.to_owned())) {
            Some(Seen::Folder(folder)) => folder.drafts(folders_only, hidden, typed),
            _ => Vec::new(),
        }
    }

    fn executables(&self, dir: &Path, hidden: bool) -> Vec<Draft> {
        if !dir.is_absolute() {
            return Vec::new();
        }
        match self.see(Look::Executables(dir.to_owned())) {
            Some(Seen::Folder(folder)) => folder.drafts(false, hidden, ""),
            _ => Vec::new(),
        }
    }

    fn commands(&self, context: &Context) -> Vec<Draft> {
        command::drafts(context)
    }

    fn programs(&self, context: &Context) -> Arc<Vec<Draft>> {
        let path = context.env.get("PATH").cloned().unwrap_or_default();
        match self.see(Look::Programs(path)) {
            Some(Seen::Programs(programs)) => programs,
            _ => Arc::default(),
        }
    }

    fn descriptions(&self, context: &Context, programs: &[&str]) -> Vec<Option<String>> {
        let known: Vec<_> = programs.iter().map(|program| self.looks.descriptions.known(program)).collect();
        let unknown = programs.iter().zip(&known).filter(|(_, known)| known.is_none());
        let unknown: Vec<String> =
            unknown.map(|(program, _)| (*program).to_owned()).take(MAX_DESCRIBED).collect();
        if !unknown.is_empty() {
            let path = context.env.get("PATH").cloned().unwrap_or_default();
            self.see_later(Look::Descriptions { path, programs: unknown });
        }
        known.into_iter().map(Option::flatten).collect()
    }

    fn home(&self, user: &str) -> Option<PathBuf> {
        match self.see(Look::Home(user.to_owned())) {
            Some(Seen::Home(home)) => home,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};

    fn here(looks: &Arc<Looks>) -> Here {
        Here::new(Arc::clone(looks), Handle::current())
    }

    fn names(drafts: &[Draft]) -> Vec<String> {
        drafts.iter().map(|draft| draft.names[0].clone()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn files_programs_and_homes_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let mut here = here(&Arc::default());
        // The first look may be late on a busy machine; the second has what the first one began.
        for _ in 0..2 {
            let at = dir.path().to_owned();
            let look = move || {
                let rows = here.paths(&at, false, false);
                let none = here.paths(Path::new("x"), false, false);
                (rows, here.home("root"), none, here)
            };
            let (rows, home, none, back) = tokio::task::spawn_blocking(look).await.unwrap();
            here = back;
            if here.is_late() {
                here.settle().await;
                continue;
            }
            assert_eq!(names(&rows), ["file", "../"]);
            assert!(home.is_some());
            assert!(none.is_empty());
            return;
        }
        panic!("nothing was seen");
    }

    /// Opening a pipe for writing hangs until someone reads: a stand-in for a dead mount.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_look_that_hangs_is_late_and_comes_later() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let looks: Arc<Looks> = Arc::default();
        let look = Look::Folder(dir.path().to_owned());
        let (seen, seeing) = watch::channel(None);
        lock(&looks.running).insert(look.clone(), (Instant::now(), seeing));
        let writer = fifo.clone();
        tokio::task::spawn_blocking(move || {
            drop(OpenOptions::new().write(true).open(writer));
            seen.send_replace(Some(Seen::Folder(Arc::default())));
        });
        let at = dir.path().to_owned();
        let first = here(&looks);
        let begin = Instant::now();
        let (rows, mut first) =
            tokio::task::spawn_blocking(move || (first.paths(&at, false, false), first)).await.unwrap();
        assert!(rows.is_empty() && first.is_late());
        assert!(begin.elapsed() >= PATIENCE, "it waited a moment");
        let reader = tokio::task::spawn_blocking(move || OpenOptions::new().read(true).open(fifo));
        first.settle().await;
        assert!(!first.is_late());
        reader.await.unwrap().unwrap();
        assert!(first.known.borrow().contains_key(&look));
    }

    #[tokio::test]
    async fn looks_that_hang_are_bounded() {
        let looks: Arc<Looks> = Arc::default();
        let (_seen, seeing) = watch::channel(None);
        for at in 0..MAX_LOOKS {
            let look = Look::Home(at.to_string());
            lock(&looks.running).insert(look, (Instant::now(), seeing.clone()));
        }
        assert!(looks.start(Look::Home("one more".into())).is_none());
        assert!(looks.start(Look::Home("0".into())).is_some());
    }
}
