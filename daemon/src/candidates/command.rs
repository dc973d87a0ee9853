//! What may stand as the first word of a command: aliases, functions, the shell's own words, and the programs of the
//! `PATH`.
//!
//! The programs of a `PATH` are kept until one of its directories changes. Looking may be slow, so whoever asks waits
//! elsewhere.

use std::collections::HashSet;
use std::fs::{DirEntry, read_dir};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use protocol::{Context, Kind, Shell};

use super::{Draft, Insert};
use crate::lock::lock;

/// Most directories of a `PATH` that are looked into.
const MAX_DIRS: usize = 128;

/// Most programs of one `PATH`: a full desktop has about 4,000.
const MAX_PROGRAMS: usize = 20_000;

/// Most different `PATH`s that are kept; sessions mostly share one.
const MAX_PATHS: usize = 4;

/// A file that becomes executable does not change its directory, so what was found is not believed for longer.
const MAX_AGE: Duration = Duration::from_secs(30);

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
    names: Arc<Vec<String>>,
}

impl Programs {
    /// The names of the programs of a `PATH`, in order. Directories that are not absolute are left out.
    pub fn of(&self, path: &str) -> Arc<Vec<String>> {
        let dirs = directories(path);
        let changed: Vec<_> =
            dirs.iter().map(|dir| dir.metadata().and_then(|found| found.modified()).ok()).collect();
        if let Some(known) = self.known(path, &changed) {
            return known;
        }
        let found = Instant::now();
        let names = Arc::new(search(&dirs));
        self.keep(Known { path: path.to_owned(), changed, found, names: Arc::clone(&names) });
        names
    }

    fn known(&self, path: &str, changed: &[Option<SystemTime>]) -> Option<Arc<Vec<String>>> {
        let known = lock(&self.known);
        let known = known.iter().find(|known| known.path == path)?;
        (known.changed == changed && known.found.elapsed() < MAX_AGE).then(|| Arc::clone(&known.names))
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

/// The file that a program name stands for.
pub fn find_program(name: &str, path: &str) -> Option<PathBuf> {
    directories(path).into_iter().map(|dir| dir.join(name)).find(|file| is_program(file))
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

/// The rows: aliases, functions, the shell's own words, programs; of one name only the first.
pub fn drafts(context: &Context, programs: &[String]) -> Vec<Draft> {
    let mut seen = HashSet::new();
    let aliases = context.aliases.iter().map(|(name, text)| Draft {
        description: Some(text.clone()),
        kind: Kind::Alias,
        source: "alias".to_owned(),
        ..draft(name)
    });
    let functions = context.functions.iter().map(|name| Draft {
        // The convention for functions that are not for people.
        hidden: name.starts_with('_'),
        source: "shell".to_owned(),
        ..draft(name)
    });
    let words = own_words(context.shell).map(|name| Draft { source: "shell".to_owned(), ..draft(name) });
    let programs = programs.iter().map(|name| draft(name));
    let all = aliases.chain(functions).chain(words).chain(programs);
    all.filter(|draft| seen.insert(draft.names[0].clone())).collect()
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

/// The builtins and keywords of a shell.
fn own_words(shell: Shell) -> impl Iterator<Item = &'static str> {
    let words = match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
    };
    words.split_whitespace()
}

/// bash 5.2, without `.`, `:`, `[` and brackets, which nobody completes.
const BASH: &str = "alias bg bind break builtin caller case cd command compgen complete compopt continue coproc declare \
    dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help \
    history if in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set \
    shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until wait while";

/// zsh 5.9, likewise.
const ZSH: &str = "alias autoload bg bindkey break builtin bye case cd chdir command compadd continue coproc declare dirs \
    disable disown do done echo echotc echoti elif else emulate enable end esac eval exec exit export false fc fg fi \
    float for foreach function functions getln getopts hash history if integer jobs kill let limit local log logout \
    nocorrect noglob popd print printf private pushd pushln pwd r read readonly rehash repeat return sched select set \
    setopt shift source stat suspend test then time times trap true ttyctl type typeset ulimit umask unalias unfunction \
    unhash unlimit unset unsetopt until vared wait whence where which while zcompile zformat zle zmodload zparseopts \
    zprof zpty zregexparse zsocket zstyle ztcp";

/// fish 3.7, likewise.
const FISH: &str = "abbr and argparse begin bg bind block break breakpoint builtin case cd command commandline complete \
    contains continue count disown echo else emit end eval exec exit false fg fish_config fish_key_reader for function \
    functions funced funcsave history if isatty jobs math not or path popd printf prompt_pwd psub pushd pwd random read \
    realpath return set set_color source status string suspend switch test time true type ulimit umask vared wait while";

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

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
        assert_eq!(*Programs::default().of(&path), ["link", "runs"]);
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
        assert_eq!(*programs.of(path), ["one", "two"]);
    }

    #[test]
    fn the_first_of_a_name_counts() {
        let context = Context {
            aliases: [("ls".to_owned(), "ls --color".to_owned())].into(),
            functions: vec!["ls".to_owned(), "_helper".to_owned(), "cd".to_owned()],
            ..Context::default()
        };
        let drafts = drafts(&context, &["cargo".to_owned(), "cd".to_owned(), "ls".to_owned()]);
        let of = |name: &str| {
            let found: Vec<&Draft> = drafts.iter().filter(|draft| draft.names[0] == name).collect();
            assert_eq!(found.len(), 1, "{name}");
            found[0].clone()
        };
        assert_eq!((of("ls").kind, of("ls").description.as_deref()), (Kind::Alias, Some("ls --color")));
        assert_eq!(of("cd").source, "shell");
        assert_eq!(of("cargo").source, "command");
        assert_eq!(of("while").source, "shell");
        assert!(of("_helper").hidden && !of("cargo").hidden);
    }
}
