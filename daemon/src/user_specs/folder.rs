//! One folder of specs: its files as they were seen last, and what was compiled of them.
//!
//! Nobody waits for the folder here. It is looked at on a thread of its own when someone asks and the last look is a
//! while ago; what is new is compiled by one task, what was asked for first. Until that is done the version before holds,
//! and when it fails that stays so. A folder that hangs, as one on a dead mount does, is asked once and not again.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use specs::archive::is_command;
use specs::model::Spec;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::scan::{self, Found};
use super::sources::Sources;
use super::{Compile, OwnSpec};
use crate::lock::lock;
use crate::script::Problem;
use crate::spec_cache;

/// How often a folder is looked at, when it is asked: sooner than an editor's window is changed for a terminal's.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A look or a file that takes longer is not waited for: it hangs.
const OVERDUE: Duration = Duration::from_secs(2);

/// How long compiling one file may take: what the script worker allows, and its start.
const COMPILE_TIME: Duration = Duration::from_secs(10);

/// When a file that failed is tried again although it has not changed: the worker may have been at fault.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A folder with at most so many files is compiled as a whole, so that commands are known by all names that their specs
/// give them. The files of a larger one, the build of a whole corpus, are compiled when a command of their name is asked
/// for.
pub(super) const MAX_EAGER: usize = 200;

/// Most memory for the compiled specs of a folder with their sources, by estimate; those used longest ago make room.
const MAX_BYTES: usize = 16 << 20;

/// A folder of specs.
pub(super) struct Folder {
    /// Where it is.
    pub(super) path: PathBuf,
    compile: Compile,
    sources: Arc<Sources>,
    state: Mutex<State>,
    /// Told whenever a look or a file is done.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// When the last look began.
    looked: Option<Instant>,
    looking: bool,
    /// At least one look is done.
    known: bool,
    /// When the file that is being compiled was begun.
    reading: Option<Instant>,
    files: BTreeMap<String, File>,
    /// The module that a command stands for that has another name than its file.
    names: HashMap<String, String>,
    /// Counts questions, so that the file that was asked for last can be told.
    clock: u64,
}

/// One file, and what became of it.
struct File {
    found: Found,
    stage: Stage,
    /// The last version that compiled.
    good: Option<Good>,
    /// The names that its spec gave itself last.
    names: Vec<String>,
    /// Why the file as it is now is not used.
    error: Option<String>,
    /// When it was asked for last, by the clock of the folder.
    used: u64,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody needs it.
    Unread,
    /// It is to be compiled.
    Waiting,
    /// It was, then.
    Done(Instant),
}

/// A version that compiled.
struct Good {
    spec: Arc<Spec>,
    /// The name under which its functions are called.
    script: String,
    bytes: usize,
}

/// What a folder has for a name.
#[derive(Default)]
pub(super) struct Answer {
    /// The spec, maybe of an earlier version.
    pub(super) spec: Option<Arc<Spec>>,
    /// A newer answer is on its way.
    pub(super) late: bool,
}

impl Folder {
    /// A folder that was not looked at yet.
    pub(super) fn new(path: PathBuf, compile: Compile, sources: Arc<Sources>) -> Arc<Folder> {
        let changed = watch::channel(()).0;
        Arc::new(Folder { path, compile, sources, state: Mutex::default(), changed })
    }

    /// Sees to it that the folder is looked at if the last time is a while ago.
    pub(super) fn look(self: &Arc<Folder>) {
        let mut state = lock(&self.state);
        let recent = state.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY);
        if state.looking || recent {
            return;
        }
        (state.looking, state.looked) = (true, Some(Instant::now()));
        let looking = Looking(Arc::clone(self));
        spawn_blocking(move || {
            match scan::scan(&looking.0.path) {
                Ok(found) => looking.0.take_in(found),
                // What was seen before holds until the folder can be looked at again.
                Err(error) => tracing::warn!(%error, "a folder of specs cannot be looked at"),
            }
        });
    }

    /// Waits until the look that is under way is done, but not longer than this after it began.
    pub(super) async fn looked(&self, patience: Duration) {
        let mut changed = self.changed.subscribe();
        let Some(begun) = lock(&self.state).look_under_way() else { return };
        let looked = changed.wait_for(|()| lock(&self.state).look_under_way().is_none());
        // When it takes longer, whatever it finds comes later.
        let _ = timeout(patience.saturating_sub(begun.elapsed()), looked).await;
    }

    /// Waits until nothing is under way any more.
    pub(super) async fn settled(&self) {
        let mut changed = self.changed.subscribe();
        // The sender is ours and lives as long as we do.
        let _ = changed.wait_for(|()| !lock(&self.state).is_unsettled()).await;
    }

    /// The spec of a module or a command.
    pub(super) fn find(self: &Arc<Folder>, name: &str) -> Answer {
        let mut state = lock(&self.state);
        let Some(module) = state.module(name) else {
            return Answer { spec: None, late: state.is_unsettled() };
        };
        state.clock += 1;
        let now = state.clock;
        let Some(file) = state.files.get_mut(&module) else { return Answer::default() };
        file.used = now;
        if file.wants_reading() {
            file.stage = Stage::Waiting;
        }
        let spec = file.good.as_ref().map(|good| Arc::clone(&good.spec));
        let late = file.stage == Stage::Waiting;
        self.read(&mut state);
        Answer { spec, late: late && state.is_unsettled() }
    }

    /// The spec of a module or a command, if it is there.
    pub(super) fn peek(&self, name: &str) -> Option<Arc<Spec>> {
        let state = lock(&self.state);
        let module = state.module(name)?;
        let good = state.files.get(&module)?.good.as_ref()?;
        Some(Arc::clone(&good.spec))
    }

    /// Whether there is a spec for a module or a command.
    pub(super) fn has(&self, name: &str) -> bool {
        lock(&self.state).module(name).is_some()
    }

    /// Lets it be looked at again now.
    #[cfg(test)]
    pub(super) fn expire(&self) {
        lock(&self.state).looked = None;
    }

    /// Hangs, as a folder on a dead mount does, since so long.
    #[cfg(test)]
    pub(super) fn hang(&self, since: Duration) {
        let mut state = lock(&self.state);
        (state.looking, state.looked) = (true, Instant::now().checked_sub(since));
    }

    /// Whether nothing is under way in it.
    pub(super) fn is_free(&self) -> bool {
        let state = lock(&self.state);
        !state.looking && state.reading.is_none()
    }

    /// The commands that it describes.
    pub(super) fn commands(&self) -> Vec<String> {
        let state = lock(&self.state);
        let files = state.files.keys().filter(|name| is_command(name));
        files.chain(state.names.keys()).cloned().collect()
    }

    /// Its files.
    pub(super) fn list(&self) -> Vec<OwnSpec> {
        let state = lock(&self.state);
        state.files.iter().map(|(module, file)| own(module, file)).collect()
    }

    /// The file that a module or a command is described by, if it has ever compiled.
    pub(super) fn file(&self, name: &str) -> Option<OwnSpec> {
        let state = lock(&self.state);
        let module = state.module(name)?;
        let file = state.files.get(&module).filter(|file| file.good.is_some())?;
        Some(own(&module, file))
    }

    /// Takes in what a look has found.
    fn take_in(self: &Arc<Folder>, found: BTreeMap<String, Found>) {
        let mut state = lock(&self.state);
        state.known = true;
        let eager = found.len() <= MAX_EAGER;
        let gone: Vec<String> =
            state.files.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
        for file in gone.iter().filter_map(|module| state.files.remove(module)) {
            self.forget(file.good);
        }
        for (module, found) in found {
            match state.files.get_mut(&module) {
                Some(file) => file.is_now(found),
                None => drop(state.files.insert(module, File::new(found, eager))),
            }
        }
        state.rename();
        self.read(&mut state);
    }

    /// Sees to it that files which are to be compiled will be.
    fn read(self: &Arc<Folder>, state: &mut MutexGuard<State>) {
        if state.reading.is_some() || !state.is_waiting() {
            return;
        }
        state.reading = Some(Instant::now());
        tokio::spawn(Reading { folder: Arc::clone(self), done: false }.run());
    }

    /// The next file to be compiled, the one that was asked for last.
    fn next(&self) -> Option<(String, Found)> {
        let mut state = lock(&self.state);
        let waiting = state.files.iter().filter(|(_, file)| file.stage == Stage::Waiting);
        let next = waiting.max_by_key(|(_, file)| file.used);
        let next = next.map(|(module, file)| (module.clone(), file.found.clone()));
        // Decided under the same lock as the end, so that no file is left waiting for nobody.
        state.reading = next.is_some().then(Instant::now);
        next
    }

    async fn compile(&self, module: &str, path: &Path) -> Result<Good, String> {
        let path = path.to_owned();
        let text = spawn_blocking(move || scan::read(&path)).await.map_err(|error| error.to_string())?;
        let text = text.map_err(|error| error.to_string())?;
        let script = self.sources.name(module);
        let compiled = timeout(COMPILE_TIME, (self.compile)(script.clone(), text.clone())).await;
        let checked = compiled.map_err(|_| "it takes too long".to_owned())??;
        let spec = checked.spec.ok_or_else(|| fault(&checked.problems))?;
        let bytes = spec_cache::bytes(&spec) + text.len();
        self.sources.add(script.clone(), text);
        Ok(Good { spec: Arc::new(spec), script, bytes })
    }

    /// Keeps what became of a file, unless it has changed or gone meanwhile.
    fn keep(&self, module: &str, found: &Found, compiled: Result<Good, String>) {
        let mut state = lock(&self.state);
        match state.files.get_mut(module).filter(|file| file.found == *found) {
            Some(file) => {
                file.stage = Stage::Done(Instant::now());
                match compiled {
                    Ok(good) => self.forget(file.replace(good)),
                    Err(error) => file.fails(error),
                }
                state.rename();
                self.make_room(&mut state, module);
            }
            None => self.forget(compiled.ok()),
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Drops the compiled specs that were used longest ago; their names stay known.
    fn make_room(&self, state: &mut State, kept: &str) {
        while state.bytes() > MAX_BYTES {
            let others =
                state.files.iter_mut().filter(|(module, file)| *module != kept && file.good.is_some());
            let Some((_, file)) = others.min_by_key(|(_, file)| file.used) else { return };
            self.forget(file.good.take());
            file.stage = Stage::Unread;
        }
    }

    /// The functions of this version are not called any more.
    fn forget(&self, good: Option<Good>) {
        if let Some(good) = good {
            self.sources.remove(&good.script);
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let files = std::mem::take(&mut lock(&self.state).files);
        for (_, file) in files {
            self.forget(file.good);
        }
    }
}

impl State {
    /// The module that a name stands for.
    fn module(&self, name: &str) -> Option<String> {
        if self.files.contains_key(name) { Some(name.to_owned()) } else { self.names.get(name).cloned() }
    }

    /// Collects the names that specs give themselves. Names of files come first, then those of the file that comes first.
    fn rename(&mut self) {
        self.names.clear();
        for (module, file) in self.files.iter().filter(|(module, _)| is_command(module)) {
            for name in file.names.iter().filter(|name| !self.files.contains_key(*name)) {
                self.names.entry(name.clone()).or_insert_with(|| module.clone());
            }
        }
    }

    fn bytes(&self) -> usize {
        self.files.values().filter_map(|file| file.good.as_ref()).map(|good| good.bytes).sum()
    }

    fn is_waiting(&self) -> bool {
        self.files.values().any(|file| file.stage == Stage::Waiting)
    }

    /// When the look began that is under way.
    fn look_under_way(&self) -> Option<Instant> {
        self.looked.filter(|_| self.looking)
    }

    /// Something is under way that does not hang, and what it yields may change an answer.
    fn is_unsettled(&self) -> bool {
        let first_look = self.look_under_way().filter(|begun| !self.known && begun.elapsed() < OVERDUE);
        let hangs = self.reading.is_some_and(|begun| begun.elapsed() > COMPILE_TIME + OVERDUE);
        first_look.is_some() || (self.is_waiting() && !hangs)
    }
}

impl File {
    fn new(found: Found, eager: bool) -> File {
        let stage = if eager { Stage::Waiting } else { Stage::Unread };
        File { found, stage, good: None, names: Vec::new(), error: None, used: 0 }
    }

    /// The file looks like this now.
    fn is_now(&mut self, found: Found) {
        if self.found == found {
            return;
        }
        self.found = found;
        // What nobody has needed so far need not be compiled now.
        if self.stage != Stage::Unread {
            self.stage = Stage::Waiting;
        }
    }

    fn wants_reading(&self) -> bool {
        match self.stage {
            Stage::Unread => true,
            Stage::Waiting => false,
            Stage::Done(when) => self.error.is_some() && when.elapsed() > RETRY_AFTER,
        }
    }

    /// Takes a new version, and gives back the old one.
    fn replace(&mut self, good: Good) -> Option<Good> {
        self.names.clone_from(&good.spec.root.names);
        self.error = None;
        self.good.replace(good)
    }

    fn fails(&mut self, error: String) {
        tracing::warn!(path = %self.found.path.display(), error, "a spec of the user cannot be used");
        self.error = Some(error);
    }
}

fn own(module: &str, file: &File) -> OwnSpec {
    OwnSpec {
        module: module.to_owned(),
        names: file.names.clone(),
        path: file.found.path.clone(),
        error: file.error.clone(),
    }
}

/// The first thing that is wrong, in one line.
fn fault(problems: &[Problem]) -> String {
    match problems.iter().find(|problem| !problem.warning) {
        Some(Problem { line: 0, what, .. }) => what.clone(),
        Some(Problem { line, column, what, .. }) => format!("line {line}, column {column}: {what}"),
        None => "it is no spec".to_owned(),
    }
}

/// A look under way; ended when dropped, by a panic too.
struct Looking(Arc<Folder>);

impl Drop for Looking {
    fn drop(&mut self) {
        lock(&self.0.state).looking = false;
        self.0.changed.send_replace(());
    }
}

/// The compiling under way.
struct Reading {
    folder: Arc<Folder>,
    /// It has ended by itself, and another may have begun since.
    done: bool,
}

impl Reading {
    /// Compiles file after file until none is left.
    async fn run(mut self) {
        while let Some((module, found)) = self.folder.next() {
            let compiled = self.folder.compile(&module, &found.path).await;
            self.folder.keep(&module, &found, compiled);
        }
        self.done = true;
    }
}

impl Drop for Reading {
    /// Ends it after a panic, or with the runtime.
    fn drop(&mut self) {
        if !self.done {
            lock(&self.folder.state).reading = None;
            self.folder.changed.send_replace(());
        }
    }
}
