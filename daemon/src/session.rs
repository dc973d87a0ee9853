//! One session: what it told of itself, and what it asks.
//!
//! A question takes with it all that it needs to be answered elsewhere (see [`crate::ask`]) while the session goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use protocol::{
    Accepted, CheckSpec, Context, Failed, FromDaemon, ListSpecs, Ran, Request, ShowSpec, SpecProblems,
    Status, TrustFolder,
};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::ask::{Ask, MAX_WAIT, stumbled};
use crate::cache::{Cache, variables};
use crate::catalogue;
use crate::engine::{Engine, Specs};
use crate::fetch::Site;
use crate::history::Source;
use crate::parse::place::Trees;
use crate::run::Runner;
use crate::script::{Modules, Scripts};
use crate::settings::SettingsFile;
use crate::sources::Sources;
use crate::spec_cache::SpecCache;
use crate::store::Store;
use crate::trusted;
use crate::usage::Clock;
use crate::user_specs::{self, Compile, Library, View};
use crate::world::{Look, Looks, Seeing};

/// Where a daemon finds what it needs.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Where the spec archive may be, best first.
    pub archives: Vec<PathBuf>,
    /// Folders of the user's own specs, best first.
    pub specs: Vec<PathBuf>,
    /// The program that runs the functions of specs: the daemon's own.
    pub worker: PathBuf,
}

/// What all sessions share.
#[derive(Debug)]
pub struct Shared {
    corpus: Arc<SpecCache>,
    library: Library,
    pub(crate) looks: Arc<Looks>,
    store: Arc<Store>,
    settings: SettingsFile,
    scripts: Arc<Scripts>,
    trees: Arc<Trees>,
    cache: Arc<Cache>,
    runner: Runner,
}

impl Shared {
    /// A daemon's state.
    pub fn new(places: Places, store: Store, settings: SettingsFile) -> Arc<Shared> {
        let corpus = Arc::new(SpecCache::new(places.archives));
        let modules = Arc::new(user_specs::Sources::new(Arc::clone(&corpus)));
        let scripts = Arc::new(Scripts::new(places.worker, Arc::clone(&modules) as Arc<dyn Modules>));
        let compile = compile_with(Arc::clone(&scripts));
        let library = Library::new(modules, Arc::clone(&corpus), places.specs, compile);
        let looks = Arc::new(Looks::new(Arc::clone(&corpus)));
        let (trees, cache, runner) = Default::default();
        let store = Arc::new(store);
        Arc::new(Shared { corpus, library, looks, store, settings, scripts, trees, cache, runner })
    }

    /// The specs that a question sees, one that names this folder or, if it is empty, none.
    fn view(&self, spec_dir: &str) -> Result<Arc<View>, String> {
        self.library.view((!spec_dir.is_empty()).then(|| Path::new(spec_dir)))
    }

    /// What outlives the daemon: what was accepted, and which directories are trusted.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What the user set.
    pub fn settings(&self) -> &SettingsFile {
        &self.settings
    }

    /// What the daemon is.
    pub fn status(&self) -> Status {
        self.settings.look();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            commands: u32::try_from(self.corpus.len()).unwrap_or(u32::MAX),
            archive_error: self.corpus.error(),
            store_error: self.store.error(),
            settings_error: self.settings.error(),
        }
    }
}

/// One connection's view of the world.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    context: Arc<Context>,
    /// Of its variables, see [`variables`].
    variables: u64,
    runner: Runner,
    sources: Arc<Sources>,
    /// The reading of the history file that was begun last.
    history: Option<(Look, Seeing)>,
    /// At most one request of a session is being computed, so that a flood of them does not pile up.
    turn: Arc<Semaphore>,
}

impl Session {
    /// A session that has not yet told anything.
    pub fn new(shared: Arc<Shared>) -> Session {
        Session {
            runner: shared.runner.for_session(),
            shared,
            context: Arc::default(),
            variables: 0,
            sources: Arc::default(),
            history: None,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// The session looks like this from now on.
    pub fn set_context(&mut self, mut context: Context) {
        if !context.cwd.starts_with('/') {
            context.cwd.clear();
        }
        // The first word of a line needs these; looking takes longer than a key can wait.
        if let Some(path) = context.env.get("PATH") {
            self.shared.looks.start(Look::Programs(path.clone()));
        }
        self.variables = variables(&context);
        self.context = Arc::new(context);
        self.sources.clear();
        self.read_history();
    }

    /// A command line was run: whatever programs said before may no longer hold.
    pub fn ran(&mut self, ran: &Ran) {
        self.shared.looks.histories.ran(self.context.shell, ran);
        self.sources.clear();
        self.read_history();
    }

    /// A row was accepted.
    pub fn accepted(&self, accepted: Accepted) {
        let store = &self.shared.store;
        let kept =
            store.choices().accept(&accepted, &self.context.cwd, Clock::now(&self.shared.settings.last()));
        if let Some(choice) = kept {
            store.keep(choice);
        }
    }

    /// What the daemon is.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// The specs that there are.
    pub fn list_specs(&self, question: ListSpecs) -> impl Future<Output = FromDaemon> + use<> {
        let view = self.shared.view(&question.spec_dir);
        look_into(view, question.wait, |view| Ok(FromDaemon::SpecList(catalogue::list(view))))
    }

    /// What a spec says.
    pub fn show_spec(&self, question: ShowSpec) -> impl Future<Output = FromDaemon> + use<> {
        let view = self.shared.view(&question.spec_dir);
        let ShowSpec { wait, command, depth, .. } = question;
        look_into(view, wait, move |view| {
            Ok(FromDaemon::SpecTree(Box::new(catalogue::show(view, &command, depth)?)))
        })
    }

    /// What is wrong with a spec.
    pub fn check_spec(&self, question: CheckSpec) -> impl Future<Output = FromDaemon> + use<> {
        let checking = self.shared.library.check(&question.name, question.text);
        async move { FromDaemon::SpecProblems(SpecProblems { problems: checking.await }) }
    }

    /// Trusts a folder, or no longer. What was refused before is asked for again.
    pub fn trust(&self, wanted: TrustFolder) -> impl Future<Output = FromDaemon> + use<> {
        let (store, sources) = (Arc::clone(&self.shared.store), Arc::clone(&self.sources));
        async move {
            let change = move || trusted::change(&store, &wanted);
            let changed = spawn_blocking(change).await.unwrap_or_else(|_| Err("it went wrong".to_owned()));
            sources.clear();
            match changed {
                Ok(answer) => FromDaemon::Trust(answer),
                Err(message) => FromDaemon::Failed(Failed { generation: 0, message }),
            }
        }
    }

    /// The folders that are trusted.
    pub fn trusted(&self) -> FromDaemon {
        FromDaemon::TrustedFolders(trusted::list(&self.shared.store))
    }

    /// A question as the session is now.
    pub fn ask(&self, request: Request) -> Ask {
        let view = self.shared.view(&request.spec_dir);
        let site = view.as_ref().map(|view| Arc::new(self.site(Arc::clone(view)))).map_err(String::clone);
        let history = self.history.clone().filter(|(_, seeing)| seeing.borrow().is_none());
        let (shared, sources) = (Arc::clone(&self.shared), Arc::clone(&self.sources));
        Ask::new(shared, site, sources, history, Arc::clone(&self.turn), request)
    }

    /// Where the needs of a question are fetched that sees these specs.
    fn site(&self, view: Arc<View>) -> Site {
        let shared = &self.shared;
        let (settings, store) = (shared.settings.last(), Arc::clone(&shared.store));
        let runner = self.runner.clone().allowing(settings.network, Arc::new(move |dir| store.trusts(dir)));
        Site {
            scripts: Arc::clone(&shared.scripts),
            cache: Arc::clone(&shared.cache),
            looks: Arc::clone(&shared.looks),
            engine: Engine::new(Arc::clone(&view) as Arc<dyn Specs>).with_trees(Arc::clone(&shared.trees)),
            view,
            runner,
            context: Arc::clone(&self.context),
            settings,
            variables: self.variables,
        }
    }

    fn read_history(&mut self) {
        if !self.shared.settings.last().load_history {
            return;
        }
        let Some(source) = Source::of(&self.context) else { return };
        let look = Look::History(source);
        self.history = self.shared.looks.start(look.clone()).map(|(_, seeing)| (look, seeing));
    }
}

/// Looks into specs, on a thread that may take its time, and again when some of them were late and are there.
async fn look_into(
    view: Result<Arc<View>, String>,
    wait: u32,
    look: impl Fn(&View) -> Result<FromDaemon, String> + Send + Sync + 'static,
) -> FromDaemon {
    let looked = async {
        let view = view?;
        let wait = Duration::from_millis(wait.into()).min(MAX_WAIT);
        // When time is up, the specs that are there count.
        let _ = timeout(wait, view.settle_all()).await;
        let look = Arc::new(look);
        loop {
            let (seen, again) = (Arc::clone(&view), Arc::clone(&look));
            let found = spawn_blocking(move || again(&seen)).await.map_err(|_| stumbled())?;
            // A spec that is compiled when it is asked for is on its way now.
            if !view.is_late() || timeout(wait, view.settle()).await.is_err() {
                return found;
            }
        }
    };
    looked.await.unwrap_or_else(|message| FromDaemon::Failed(Failed { generation: 0, message }))
}

/// Compiles specs of the user in the script worker.
fn compile_with(scripts: Arc<Scripts>) -> Compile {
    Arc::new(move |name, source| {
        let scripts = Arc::clone(&scripts);
        Box::pin(async move {
            let checked = scripts.check(&name, &source).await.map_err(|error| error.to_string());
            // The library has the source for as long as the spec is in use.
            scripts.forget(&name);
            checked
        })
    })
}
