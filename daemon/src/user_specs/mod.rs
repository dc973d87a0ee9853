//! The specs of the user's own over those of the archive.
//!
//! A [`Library`] has the folders of the user and those that questions name, a [`View`] is what one question sees of them:
//! the best folder that describes a command, else the archive. A view answers at once. What is still being looked at or
//! compiled comes later, and the view knows that, so that the question can be asked again. JavaScript is never evaluated
//! here; the [`Compile`] that does it is handed in.

mod folder;
mod place;
mod scan;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::SpecProblem;
use specs::compile::is_json;
use specs::model::Spec;
use tokio::task::spawn_blocking;

use crate::ask::stumbled;
use crate::engine::Specs;
use crate::lock::lock;
use crate::script::{Checked, Problem};
use crate::spec_cache::SpecCache;
use folder::Folder;
use place::Script;
pub use scan::MAX_FILE;
pub use sources::Sources;

/// How long a question waits for a look at the folders that began with it: most take a tenth of it, and there is one in
/// many keys.
const PATIENCE: Duration = Duration::from_millis(2);

/// Most folders that questions named and that are remembered; each may hold a thread when it hangs.
const MAX_NAMED: usize = 4;

/// Most threads that folders which hang may hold: one for a look and one for a file, of the user's two folders and of
/// those that questions named.
pub const MAX_HANGS: usize = 2 * (2 + MAX_NAMED);

/// The spec that a text stands for and what is wrong with it, or why that cannot be told.
pub type Compiling = Pin<Box<dyn Future<Output = Result<Checked, String>> + Send>>;

/// Compiles a text in the Fig format, JavaScript or JSON, under the name that its functions are called by.
pub type Compile = Arc<dyn Fn(String, String) -> Compiling + Send + Sync>;

/// A file of the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnSpec {
    /// What it describes by its name: `git`, `aws/s3`.
    pub module: String,
    /// The names that the spec gives itself; none while it was not compiled.
    pub names: Vec<String>,
    /// Where it is.
    pub path: PathBuf,
    /// Why the file as it is now is not used.
    pub error: Option<String>,
}

/// All specs that there are.
pub struct Library {
    corpus: Arc<SpecCache>,
    sources: Arc<Sources>,
    compile: Compile,
    /// The user's, best first.
    folders: Vec<Arc<Folder>>,
    /// Those that questions named; the one used last comes last.
    named: Mutex<Vec<Arc<Folder>>>,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Library").field("corpus", &self.corpus).finish_non_exhaustive()
    }
}

impl Library {
    /// The specs in these folders, best first, over those of an archive.
    pub fn new(
        sources: Arc<Sources>,
        corpus: Arc<SpecCache>,
        folders: Vec<PathBuf>,
        compile: Compile,
    ) -> Library {
        let folder = |path| Folder::new(path, Arc::clone(&compile), Arc::clone(&sources));
        let folders = folders.into_iter().map(folder).collect();
        Library { corpus, sources, compile, folders, named: Mutex::default() }
    }

    /// What a question sees, one that names this folder or none.
    ///
    /// # Errors
    /// When the folder is not named by an absolute path, or too many others hang.
    pub fn view(&self, named: Option<&Path>) -> Result<Arc<View>, String> {
        let named = named.map(|path| self.named(path)).transpose()?;
        let folders: Vec<_> = named.into_iter().chain(self.folders.iter().cloned()).collect();
        folders.iter().for_each(Folder::look);
        Ok(Arc::new(View { corpus: Arc::clone(&self.corpus), folders, late: Mutex::default() }))
    }

    /// What is wrong with the text of a spec, in a file of this name.
    pub fn check(&self, name: &str, text: String) -> impl Future<Output = Vec<SpecProblem>> + use<> {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let compiling = (self.compile)(self.sources.name(stem), text.clone());
        async move {
            let checked = compiling.await.map(|checked| checked.problems);
            let problems = checked.unwrap_or_else(|what| vec![Problem { what, ..Problem::default() }]);
            let placed = spawn_blocking(move || placed(problems, &text)).await;
            placed.unwrap_or_else(|_| vec![SpecProblem { message: stumbled(), ..SpecProblem::default() }])
        }
    }

    fn named(&self, path: &Path) -> Result<Arc<Folder>, String> {
        if !path.is_absolute() {
            return Err("the folder of specs must be named by an absolute path".to_owned());
        }
        let mut named = lock(&self.named);
        let folder = match named.iter().position(|folder| folder.path == path) {
            Some(at) => named.remove(at),
            None => Folder::new(path.to_owned(), Arc::clone(&self.compile), Arc::clone(&self.sources)),
        };
        if named.len() >= MAX_NAMED {
            let free = named.iter().position(|folder| folder.is_free());
            named.remove(free.ok_or("too many folders of specs do not answer")?);
        }
        named.push(Arc::clone(&folder));
        Ok(folder)
    }
}

/// Problems with their places in the text, in its order.
fn placed(problems: Vec<Problem>, text: &str) -> Vec<SpecProblem> {
    let script = (!is_json(text)).then(|| Script::new(text));
    let told = |problem: Problem| {
        let place = match (problem.line, &script) {
            (0, Some(script)) => script.place(&problem.path),
            (line, _) => (line, problem.column),
        };
        SpecProblem {
            line: place.0,
            column: place.1,
            path: problem.path,
            message: problem.what,
            warning: problem.warning,
        }
    };
    let mut told: Vec<SpecProblem> = problems.into_iter().map(told).collect();
    told.sort_by_key(|problem| (problem.line, problem.column));
    told
}

/// What one question sees.
pub struct View {
    corpus: Arc<SpecCache>,
    folders: Vec<Arc<Folder>>,
    /// Folders that had no final answer.
    late: Mutex<Vec<Arc<Folder>>>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

impl View {
    /// Waits a moment for looks that are under way, so that a file that was just saved counts.
    pub async fn looked(&self) {
        for folder in &self.folders {
            folder.looked(PATIENCE).await;
        }
    }

    /// Whether a spec that was asked for may be another one in a moment.
    pub fn is_late(&self) -> bool {
        !lock(&self.late).is_empty()
    }

    /// Waits for what was late. Can be given up at any time.
    pub async fn settle(&self) {
        while let Some(folder) = self.next_late() {
            folder.settled().await;
            lock(&self.late).retain(|late| !Arc::ptr_eq(late, &folder));
        }
    }

    fn next_late(&self) -> Option<Arc<Folder>> {
        lock(&self.late).first().cloned()
    }

    /// Waits until no folder has anything under way. Can be given up at any time.
    pub async fn settle_all(&self) {
        for folder in &self.folders {
            folder.settled().await;
        }
    }

    /// The spec of a module or a command as far as it is there: nothing is begun for it, and nothing is kept of it.
    pub fn peek(&self, name: &str) -> Option<Arc<Spec>> {
        let own = self.folders.iter().find_map(|folder| folder.peek(name));
        own.or_else(|| self.corpus.peek(name).map(Arc::new))
    }

    /// The commands of the archive.
    pub fn archived(&self) -> Vec<String> {
        self.corpus.commands()
    }

    /// The files of the user, those that hold first; of two of one name the first one holds.
    pub fn own(&self) -> Vec<OwnSpec> {
        self.folders.iter().flat_map(|folder| folder.list()).collect()
    }

    /// The file of the user that a module or a command is described by, if it has ever compiled.
    pub fn file(&self, name: &str) -> Option<OwnSpec> {
        self.folders.iter().find_map(|folder| folder.file(name))
    }

    fn is_late_at(&self, folder: &Arc<Folder>) {
        let mut late = lock(&self.late);
        if !late.iter().any(|known| Arc::ptr_eq(known, folder)) {
            late.push(Arc::clone(folder));
        }
    }
}

impl Specs for View {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.script(name).or_else(|| self.corpus.spec(name))
    }

    fn script(&self, name: &str) -> Option<Arc<Spec>> {
        for folder in &self.folders {
            let answer = folder.find(name);
            if answer.late {
                self.is_late_at(folder);
            }
            if answer.spec.is_some() {
                return answer.spec;
            }
        }
        None
    }

    fn commands(&self) -> Vec<String> {
        let own = self.folders.iter().flat_map(|folder| folder.commands());
        let all: BTreeSet<String> = own.chain(self.corpus.commands()).collect();
        all.into_iter().collect()
    }

    fn description(&self, name: &str) -> Option<String> {
        let own = self.folders.iter().filter(|folder| folder.has(name)).find_map(|folder| folder.peek(name));
        own.and_then(|spec| spec.root.description.clone())
    }

    fn describes(&self, name: &str) -> bool {
        self.folders.iter().any(|folder| folder.has(name)) || self.corpus.describes(name)
    }
}
