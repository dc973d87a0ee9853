//! Folders, views and what they promise, with a compiler that these tests hold in their hands.

use std::fs;
use std::time::{Duration, Instant};

use specs::archive::{Info, Module, Packed, write};
use specs::model::Subcommand;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::*;
use crate::script::Modules;

/// Longer than a look and a compilation take on the busiest machine.
const LONG: Duration = Duration::from_secs(30);

fn spec(names: &str) -> Spec {
    let names = names.split_whitespace().map(str::to_owned).collect();
    Spec { root: Subcommand { names, ..Subcommand::default() }, versions: None }
}

/// A user's folder over an archive that has `git` and `cat`.
struct Home {
    dir: TempDir,
    library: Library,
    sources: Arc<Sources>,
    /// One for each file that may be compiled.
    permits: Arc<Semaphore>,
}

impl Home {
    fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("specs.qa");
        let module = |name: &str| Module {
            name: name.to_owned(),
            spec: Some(Packed::spec(&spec(name)).unwrap()),
            script: (name == "git").then(|| Packed::script("of the archive").unwrap()),
        };
        write(&archive, &Info::default(), ["cat", "git"].map(module).into()).unwrap();
        let corpus = Arc::new(SpecCache::new(vec![archive]));
        let sources = Arc::new(Sources::new(Arc::clone(&corpus)));
        let permits = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let folders = vec![dir.path().join("specs"), dir.path().join("build")];
        let library = Library::new(Arc::clone(&sources), corpus, folders, compile(Arc::clone(&permits)));
        Home { dir, library, sources, permits }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn view(&self) -> Arc<View> {
        self.library.view(None).unwrap()
    }

    /// The names of the spec that a name stands for when everything is there.
    async fn names(&self, name: &str) -> Vec<String> {
        let view = self.look_again().await;
        view.spec(name);
        tokio::time::timeout(LONG, view.settle()).await.unwrap();
        view.spec(name).map(|spec| spec.root.names.clone()).unwrap_or_default()
    }

    /// A view after a look at the folders, however short ago the last one was.
    async fn look_again(&self) -> Arc<View> {
        for folder in &self.library.folders {
            folder.looked(LONG).await;
            folder.expire();
        }
        let view = self.view();
        for folder in &view.folders {
            folder.looked(LONG).await;
        }
        view
    }
}

/// A text is the names of its spec, up to a semicolon; that of a broken one says so.
fn compile(permits: Arc<Semaphore>) -> Compile {
    Arc::new(move |_, text| {
        let permits = Arc::clone(&permits);
        Box::pin(async move {
            permits.acquire().await.map_err(|error| error.to_string())?.forget();
            let problem =
                Problem { what: "it is broken".to_owned(), line: 3, column: 7, ..Problem::default() };
            let text = text.split(';').next().unwrap_or_default();
            Ok(match text.contains("broken") {
                true => Checked { spec: None, problems: vec![problem] },
                false => Checked { spec: Some(spec(text)), problems: Vec::new() },
            })
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_specs_come_before_those_of_the_archive() {
    let home = Home::new();
    home.write("specs/git.js", "git mine");
    home.write("build/git.js", "git built");
    home.write("build/tool.js", "tool t");
    home.write("specs/aws/s3.json", "s3");
    assert_eq!(home.names("git").await, ["git", "mine"]);
    assert_eq!(home.names("mine").await, ["git", "mine"]);
    assert_eq!(home.names("tool").await, ["tool", "t"]);
    assert_eq!(home.names("t").await, ["tool", "t"]);
    assert_eq!(home.names("aws/s3").await, ["s3"]);
    assert_eq!(home.names("cat").await, ["cat"]);
    assert!(home.names("s3").await.is_empty(), "a module is no command");
    let view = home.view();
    assert_eq!(view.commands(), ["built", "cat", "git", "mine", "t", "tool"]);
    assert!(view.describes("mine") && view.describes("cat") && !view.describes("dog"));
    assert!(view.script("mine").is_some() && view.script("cat").is_none(), "scripts are the user's alone");
    assert_eq!(view.file("t").unwrap().path, home.dir.path().join("build/tool.js"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_before_holds_while_the_new_one_is_compiled_or_broken() {
    let home = Home::new();
    home.write("specs/git.js", "git one");
    assert_eq!(home.names("git").await, ["git", "one"]);
    home.permits.forget_permits(usize::MAX);
    home.write("specs/git.js", "git two two");
    let view = home.look_again().await;
    assert_eq!(view.spec("git").unwrap().root.names, ["git", "one"]);
    assert!(view.is_late(), "the new one is on its way");
    home.permits.add_permits(100);
    tokio::time::timeout(LONG, view.settle()).await.unwrap();
    assert_eq!(view.spec("git").unwrap().root.names, ["git", "two", "two"]);
    home.write("specs/git.js", "broken");
    assert_eq!(home.names("git").await, ["git", "two", "two"]);
    assert_eq!(home.view().own()[0].error.as_deref(), Some("line 3, column 7: it is broken"));
    home.write("specs/git.js", "git three");
    assert_eq!(home.names("git").await, ["git", "three"]);
    assert_eq!((home.view().own()[0].error.clone(), home.sources.count()), (None, 1));
    fs::remove_file(home.dir.path().join("specs/git.js")).unwrap();
    assert_eq!(home.names("git").await, ["git"], "that of the archive");
    assert_eq!(home.sources.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_never_compiled_leaves_that_of_the_archive() {
    let home = Home::new();
    home.write("specs/git.js", "broken");
    assert_eq!(home.names("git").await, ["git"]);
    assert_eq!(home.sources.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_may_name_a_folder_and_few_are_remembered() {
    let home = Home::new();
    home.write("specs/git.js", "git mine");
    let see = async |folder: &str| {
        let view = home.library.view(Some(&home.dir.path().join(folder))).unwrap();
        view.spec("git");
        tokio::time::timeout(LONG, view.settle()).await.unwrap();
        view.spec("git").unwrap().root.names.clone()
    };
    for at in 0..MAX_NAMED + 3 {
        home.write(&format!("f{at}/git.js"), &format!("git f{at}"));
        assert_eq!(see(&format!("f{at}")).await[1], format!("f{at}"));
    }
    assert!(lock(&home.library.named).len() <= MAX_NAMED);
    assert_eq!(see("none").await, ["git", "mine"]);
    assert_eq!(home.names("git").await, ["git", "mine"]);
    assert!(home.library.view(Some(Path::new("relative"))).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_compiler_that_hangs() {
    let home = Home::new();
    home.permits.forget_permits(usize::MAX);
    home.write("specs/git.js", "git mine");
    let view = home.look_again().await;
    let begin = Instant::now();
    assert_eq!(view.spec("git").unwrap().root.names, ["git"], "that of the archive, for now");
    assert!(view.is_late());
    assert!(tokio::time::timeout(Duration::from_millis(10), view.settle()).await.is_err());
    assert!(begin.elapsed() < LONG);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_folder_is_compiled_on_demand() {
    let home = Home::new();
    for at in 0..folder::MAX_EAGER + 1 {
        home.write(&format!("build/c{at}.js"), &format!("c{at} alias{at}"));
    }
    assert_eq!(home.names("c7").await, ["c7", "alias7"]);
    assert_eq!(home.sources.count(), 1);
    assert_eq!(home.names("alias7").await, ["c7", "alias7"]);
    assert!(home.names("alias8").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_files_and_of_the_archive_are_kept_apart() {
    let home = Home::new();
    home.write("specs/git.js", "git mine");
    home.names("git").await;
    assert_eq!(home.sources.source("git").as_deref(), Some("of the archive"));
    assert_eq!(home.sources.source("own:1/git").as_deref(), Some("git mine"));
    assert_eq!(home.sources.source("own:2/git"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_specs_used_longest_ago_make_room() {
    let home = Home::new();
    let padding = ";".repeat(3 << 20);
    for at in 0..8 {
        home.write(&format!("specs/c{at}.js"), &format!("c{at} alias{at}{padding}"));
    }
    for at in 0..8 {
        assert_eq!(home.names(&format!("c{at}")).await[1], format!("alias{at}"));
    }
    assert!(home.sources.count() < 8, "not all are kept");
    assert_eq!(home.names("alias0").await[0], "c0", "what made room is compiled again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_hangs_is_not_waited_for_and_not_asked_again() {
    let home = Home::new();
    home.write("specs/git.js", "git mine");
    for (since, late) in [(PATIENCE, true), (LONG, false)] {
        home.library.folders[0].hang(since);
        let view = home.view();
        // Would wait for ever: nobody ends this look.
        tokio::time::timeout(LONG, view.looked()).await.unwrap();
        assert_eq!(view.spec("git").unwrap().root.names, ["git"]);
        assert_eq!(view.is_late(), late, "what hangs for long is given up");
    }
    assert!(home.view().own().is_empty(), "nobody has looked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_hang_are_bounded() {
    let home = Home::new();
    let hang = |at: usize| {
        let path = home.dir.path().join(format!("f{at}"));
        home.library.named(&path).map(|folder| folder.hang(LONG))
    };
    for at in 0..MAX_NAMED {
        hang(at).unwrap();
    }
    assert_eq!(hang(MAX_NAMED).unwrap_err(), "too many folders of specs do not answer");
    assert!(home.library.view(None).is_ok());
}
