//! What may stand as the first word of a command: aliases, functions, the shell's own words, and the programs of the
//! `PATH`; and what a program is, in one line.
//!
//! The programs of a `PATH` are kept until one of its directories changes, what they are for good. Looking may be slow,
//! so whoever asks waits elsewhere.

use std::collections::HashMap;
use std::fs::{DirEntry, read_dir};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use protocol::{Context, Kind};

use super::man::ManPages;
use super::{Draft, Insert, words};
use crate::lock::lock;
use crate::spec_cache::SpecCache;

pub use super::words::is_own;

/// Most directories of a `PATH` that are looked into.
const MAX_DIRS: usize = 128;

/// Most programs of one `PATH`: a full desktop has about 4,000.
const MAX_PROGRAMS: usize = 20_000;

/// Most different `PATH`s that are kept; sessions mostly share one.
const MAX_PATHS: usize = 4;

/// A file that becomes executable does not change its directory, so what was found is not believed for longer.
const MAX_AGE: Duration = Duration::from_secs(30);

/// How long it is believed what programs are.
const MAX_DESCRIBED_AGE: Duration = Duration::from_secs(60 * 60);

/// The programs of the `PATH`s in use.
#[derive(Debug, Default)]
pub struct Programs {
    /// The one used last comes last.
    known: Mutex<Vec<Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    path: String,
    /// When each directory changed last.
    changed: Vec<Option<SystemTime>>,
    found: Instant,
    drafts: Arc<Vec<Draft>>,
}

impl Programs {
    /// The programs of a `PATH`, in the order of their names. Directories that are not absolute are left out.
    pub fn of(&self, path: &str) -> Arc<Vec<Draft>> {
        let dirs = directories(path);
        let changed: Vec<_> =
            dirs.iter().map(|dir| dir.metadata().and_then(|found| found.modified()).ok()).collect();
        if let Some(known) = self.known(path, &changed) {
            return known;
        }
        let found = Instant::now();
        let drafts = Arc::new(search(&dirs).iter().map(|name| draft(name)).collect());
        self.keep(Known { path: path.to_owned(), changed, found, drafts: Arc::clone(&drafts) });
        drafts
    }

    fn known(&self, path: &str, changed: &[Option<SystemTime>]) -> Option<Arc<Vec<Draft>>> {
        let known = lock(&self.known);
        let known = known.iter().find(|known| known.path == path)?;
        (known.changed == changed && known.found.elapsed() < MAX_AGE).then(|| Arc::clone(&known.drafts))
    }

    fn keep(&self, new: Known) {
        let mut known = lock(&self.known);
        known.retain(|old| old.path != new.path);
        known.push(new);
        if known.len() > MAX_PATHS {
            known.remove(0);
        }
    }
}

/// What programs are, in one line each.
#[derive(Debug, Default)]
pub struct Descriptions {
    /// The specs that say so first.
    corpus: Option<Arc<SpecCache>>,
    pages: ManPages,
    known: Mutex<Described>,
}

/// What was looked up lately.
#[derive(Debug, Default)]
struct Described {
    /// For the programs of this `PATH`.
    path: String,
    since: Option<Instant>,
    /// `None` when nothing says what a program is.
    by_name: HashMap<String, Option<String>>,
}

impl Descriptions {
    /// Out of these specs, else out of man pages.
    pub fn new(corpus: Arc<SpecCache>) -> Descriptions {
        Descriptions { corpus: Some(corpus), ..Descriptions::default() }
    }

    /// What is known of a program already: that nothing is, too.
    pub fn known(&self, program: &str) -> Option<Option<String>> {
        lock(&self.known).by_name.get(program).cloned()
    }

    /// Looks up what programs of a `PATH` are. Takes a tenth of a millisecond each.
    pub fn look_up(&self, path: &str, programs: &[String]) {
        lock(&self.known).start(path);
        for program in programs {
            let spec = self.corpus.as_ref().and_then(|corpus| corpus.description(program));
            let found = spec.or_else(|| self.pages.description(path, program));
            lock(&self.known).by_name.insert(program.clone(), found);
        }
    }
}

impl Described {
    /// Forgets what was looked up for another `PATH` or long ago: programs and specs are replaced now and then.
    fn start(&mut self, path: &str) {
        let fresh = self.since.is_some_and(|since| since.elapsed() < MAX_DESCRIBED_AGE);
        if !fresh || self.path != path || self.by_name.len() >= MAX_PROGRAMS {
            *self = Described { path: path.to_owned(), since: Some(Instant::now()), by_name: HashMap::new() };
        }
    }
}

/// The file that a program name stands for.
pub fn find_program(name: &str, path: &str) -> Option<PathBuf> {
    directories(path).into_iter().map(|dir| dir.join(name)).find(|file| is_program(file))
}

/// The names of all programs of a `PATH`, in order. Slow: nothing is kept.
pub fn programs(path: &str) -> Vec<String> {
    search(&directories(path))
}

/// The directories of a `PATH`. A relative one would mean other programs in each directory, among them those of a
/// repository that someone else wrote.
fn directories(path: &str) -> Vec<PathBuf> {
    path.split(':').map(PathBuf::from).filter(|dir| dir.is_absolute()).take(MAX_DIRS).collect()
}

fn search(dirs: &[PathBuf]) -> Vec<String> {
    let entries = dirs.iter().filter_map(|dir| read_dir(dir).ok()).flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| program_name(&entry)).take(MAX_PROGRAMS).collect();
    names.sort();
    names.dedup();
    names
}

fn program_name(entry: &DirEntry) -> Option<String> {
    let name = entry.file_name().into_string().ok()?;
    is_program(&entry.path()).then_some(name)
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The rows of a session's own: aliases, abbreviations, functions, the shell's own words. Of one name the first one counts, and all of
/// them before a program.
pub fn drafts(context: &Context) -> Vec<Draft> {
    let shell = context.shell;
    let aliases = context.aliases.iter().chain(&context.global_aliases).map(|(name, text)| Draft {
        description: Some(text.clone()),
        kind: Kind::Alias,
        source: "alias".to_owned(),
        ..draft(name)
    });
    // fish replaces them while they are typed: what is put in whole has to be what they stand for.
    let plain = context.abbreviations.iter().filter(|(_, text)| !text.contains(char::is_control));
    let abbreviations = plain.map(|(name, text)| Draft {
        insert: Insert::Verbatim(text.clone()),
        description: Some(text.clone()),
        kind: Kind::Alias,
        source: "abbreviation".to_owned(),
        ..draft(name)
    });
    let functions = context.functions.iter().map(|name| Draft {
        // The convention for functions that are not for people.
        hidden: name.starts_with('_'),
        // Builtins are among them.
        description: words::description(shell, name).map(str::to_owned),
        source: "shell".to_owned(),
        ..draft(name)
    });
    let words = words::words(shell).map(|(name, description)| Draft {
        description: Some(description.to_owned()),
        source: "shell".to_owned(),
        ..draft(name)
    });
    aliases.chain(abbreviations).chain(functions).chain(words).collect()
}

fn draft(name: &str) -> Draft {
    Draft {
        names: vec![name.to_owned()],
        insert: Insert::Name,
        kind: Kind::Command,
        source: "command".to_owned(),
        space: true,
        ..Draft::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    use specs::archive::{Info, Module, Packed, write};
    use specs::model::{Spec, Subcommand};

    fn program(dir: &Path, name: &str, mode: u32) {
        fs::write(dir.join(name), "").unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn programs_are_executable_files_of_absolute_directories() {
        let dir = tempfile::tempdir().unwrap();
        program(dir.path(), "runs", 0o755);
        program(dir.path(), "text", 0o644);
        fs::create_dir(dir.path().join("folder")).unwrap();
        symlink("runs", dir.path().join("link")).unwrap();
        let path = format!("relative:{}:/nonexistent::.", dir.path().display());
        assert_eq!(names(&Programs::default().of(&path)), ["link", "runs"]);
        assert_eq!(find_program("runs", &path), Some(dir.path().join("runs")));
        assert_eq!(find_program("text", &path), None);
    }

    #[test]
    fn what_is_known_is_kept_until_a_directory_changes() {
        let dir = tempfile::tempdir().unwrap();
        program(dir.path(), "one", 0o755);
        let path = dir.path().to_str().unwrap();
        let programs = Programs::default();
        let first = programs.of(path);
        assert!(Arc::ptr_eq(&first, &programs.of(path)));
        let before = dir.path().metadata().unwrap().modified().unwrap();
        program(dir.path(), "two", 0o755);
        // The clock of the file system may not have ticked since.
        fs::File::open(dir.path()).unwrap().set_modified(before + Duration::from_secs(1)).unwrap();
        assert_eq!(names(&programs.of(path)), ["one", "two"]);
    }

    fn names(drafts: &[Draft]) -> Vec<&str> {
        drafts.iter().map(|draft| draft.names[0].as_str()).collect()
    }

    #[test]
    fn a_session_has_rows_of_its_own() {
        let context = Context {
            aliases: [("ls".to_owned(), "ls --color".to_owned())].into(),
            functions: vec!["deploy".to_owned(), "_helper".to_owned(), "cd".to_owned()],
            abbreviations: [("gco", "git checkout"), ("bad", "a\nb")]
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
            ..Context::default()
        };
        let drafts = drafts(&context);
        assert!(drafts.iter().all(|draft| draft.names[0] != "bad"));
        let of = |name: &str| drafts.iter().find(|draft| draft.names[0] == name).unwrap();
        assert_eq!((of("ls").kind, of("ls").description.as_deref()), (Kind::Alias, Some("ls --color")));
        assert_eq!((of("cd").source.as_str(), of("cd").description.is_some()), ("shell", true));
        assert_eq!((of("deploy").source.as_str(), of("deploy").description.as_deref()), ("shell", None));
        assert_eq!(of("gco").insert, Insert::Verbatim("git checkout".to_owned()));
        assert!(of("while").description.is_some());
        assert!(of("_helper").hidden && !of("deploy").hidden);
    }

    #[test]
    fn specs_say_what_a_program_is_before_its_page_does() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("specs.qa");
        let spec = |name: &str, description: Option<&str>| {
            let description = description.map(str::to_owned);
            let root = Subcommand { names: vec![name.into()], description, ..Subcommand::default() };
            let spec = Some(Packed::spec(&Spec { root, versions: None }).unwrap());
            Module { name: name.into(), spec, script: None }
        };
        write(&archive, &Info::default(), vec![spec("git", Some("of the spec")), spec("cat", None)]).unwrap();
        let man = dir.path().join("share/man/man1");
        fs::create_dir_all(&man).unwrap();
        for name in ["git", "cat", "sed"] {
            fs::write(man.join(format!("{name}.1")), format!(".SH NAME\n{name} \\- page of {name}\n"))
                .unwrap();
        }
        let descriptions = Descriptions::new(Arc::new(SpecCache::new(vec![archive])));
        let path = dir.path().join("bin");
        let programs = ["git", "cat", "sed", "q-none"].map(str::to_owned);
        assert_eq!(descriptions.known("git"), None);
        descriptions.look_up(path.to_str().unwrap(), &programs);
        let found = programs.map(|program| descriptions.known(&program).unwrap());
        let expected = [Some("of the spec"), Some("page of cat"), Some("page of sed"), None];
        assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
    }
}
