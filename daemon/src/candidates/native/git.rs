//! Names out of a git repository: which ones a generator asks for, how git is asked, and what its output means.
//!
//! git runs as `trust` lets it. What hashes files of the working tree would run the repository's filters, so these are
//! asked for by their names first and switched off one by one.

use std::collections::BTreeSet;
use std::path::Path;

use protocol::Kind;
use specs::model::{FnRef, Generator, Script};

use super::{Question, row};
use crate::candidates::Draft;
use crate::slow::Generated;

/// Most names that git is asked for, the newest.
const MAX_NAMES: usize = 2_000;

/// Most filters that are switched off: a repository with more is not asked for its files.
const MAX_FILTERS: usize = 64;

/// The priority that the corpus gives to branches.
const BRANCH: f64 = 75.0;

/// Checking out or merging the branch one is on is rarely meant.
const CURRENT: f64 = 50.0;

/// The priority of changed files, and of those that are staged already.
const CHANGED: f64 = 100.0;
const STAGED: f64 = 50.0;

/// Names of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Git {
    names: GitNames,
    /// Where git is told to go, by `-C`.
    dirs: Vec<String>,
}

/// Names that a git repository has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum GitNames {
    /// Local branches.
    Branches,
    /// Local branches, and those of the remotes: as branches that checking out makes when `short`.
    AllBranches { short: bool },
    /// Branches of the remotes, without the remote's name.
    RemoteBranches,
    /// Tags.
    Tags,
    /// Remotes.
    Remotes,
    /// Commits of this branch.
    Commits,
    /// Commits of all branches.
    Revisions,
    /// Stashes.
    Stashes,
    /// Files that are staged.
    Staged,
    /// Files by their state.
    Files(Files, Vec<String>),
}

/// Which files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Files {
    /// All that differ from the last commit, and those that are not known to git.
    Changed,
    /// Those known to git that differ from what is staged, or are staged.
    Tracked,
    /// Those that are staged.
    Index,
}

/// The modules of the corpus that have the functions of git's spec.
const MODULES: &[&str] = &["git", "hub", "gh", "pre-commit", "turbo", "vsce", "pnpm", "git-cliff"];

/// The names that a generator asks for.
pub(super) fn wanted(generated: &Generated) -> Option<Git> {
    let generator = &generated.generator;
    let function = generator.post_process.as_ref().or(generator.custom.as_ref())?;
    if !MODULES.contains(&function.module.as_str()) {
        return None;
    }
    let names = match &generator.script {
        Some(Script::Argv(argv)) => of_argv(argv, &generated.words)?,
        Some(Script::Function(function)) => of_script(function, &generated.words)?,
        None => of_custom(generator, &generated.words)?,
        Some(Script::Command { .. }) => return None,
    };
    let dirs = if generated.command == "git" { directories(&generated.words)? } else { Vec::new() };
    Some(Git { names, dirs })
}

/// What the program of a generator is asked for.
fn of_argv(argv: &[String], words: &[String]) -> Option<GitNames> {
    let (program, rest) = argv.split_first()?;
    if program != "git" {
        return None;
    }
    let rest: Vec<&str> =
        rest.iter().map(String::as_str).filter(|word| *word != "--no-optional-locks").collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    match rest[..] {
        ["branch", "--no-color"] | ["branch", "--no-color", _] => Some(GitNames::Branches),
        ["branch", "-a", ..] => {
            let branches = has(&["checkout", "switch"]) || !has(&["git", "hub"]);
            Some(GitNames::AllBranches { short: branches })
        }
        ["branch", "-r", ..] => Some(GitNames::RemoteBranches),
        ["tag", "--list", ..] => Some(GitNames::Tags),
        ["remote"] | ["remote", "-v"] => Some(GitNames::Remotes),
        ["log", "--oneline"] => Some(GitNames::Commits),
        ["rev-list", "--all", "--oneline", ..] => Some(GitNames::Revisions),
        ["stash", "list"] => Some(GitNames::Stashes),
        ["diff", "--cached", "--name-only"] => Some(GitNames::Staged),
        ["status", "--short"] => Some(GitNames::Files(Files::Changed, words.to_vec())),
        _ => None,
    }
}

/// The one generator of git's spec whose program a function decides: changed files for `git diff`.
fn of_script(function: &FnRef, words: &[String]) -> Option<GitNames> {
    if !matches!(function.module.as_str(), "git" | "hub") || !words.iter().any(|word| word == "diff") {
        return None;
    }
    let is_staged = words.iter().any(|word| matches!(word.as_str(), "--staged" | "--cached"));
    let files = if is_staged { Files::Index } else { Files::Tracked };
    Some(GitNames::Files(files, words.to_vec()))
}

/// The branches that can be deleted are found by a function alone.
fn of_custom(generator: &Generator, words: &[String]) -> Option<GitNames> {
    let is_git =
        generator.custom.as_ref().is_some_and(|function| matches!(function.module.as_str(), "git" | "hub"));
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    if !is_git || generator.native_paths.is_some() || !has(&["branch"]) {
        return None;
    }
    // Branches of remotes are deleted with their remote's name.
    Some(if has(&["-r", "--remotes"]) { GitNames::AllBranches { short: false } } else { GitNames::Branches })
}

/// Where git is told to go before its verb. `None` when it is told of another repository in another way.
fn directories(words: &[String]) -> Option<Vec<String>> {
    let mut dirs = Vec::new();
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-C" => dirs.push(words.next()?.clone()),
            "-c" => drop(words.next()),
            word if word.starts_with("--git-dir") || word.starts_with("--work-tree") => return None,
            word if word.starts_with('-') => {}
            _ => break,
        }
    }
    Some(dirs)
}

/// What to ask git first: the names of its settings, of which some are filters that it would run.
pub(super) fn filters_question(git: &Git, cwd: &Path) -> Option<Question> {
    let hashes = matches!(git.names, GitNames::Files(..));
    hashes.then(|| git.question(&["config", "--null", "--name-only", "--list"], cwd))
}

/// Settings that switch off the filters in an answer to [`filters_question`]. `None` when it cannot be done.
pub(super) fn no_filters(output: &[u8]) -> Option<Vec<String>> {
    let mut names = BTreeSet::new();
    for key in output.split(|&byte| byte == 0).filter(|key| !key.is_empty()) {
        let key = std::str::from_utf8(key).ok()?;
        if let Some((name, _)) = key.strip_prefix("filter.").and_then(|filter| filter.rsplit_once('.')) {
            names.insert(name);
        }
    }
    // A name with `=` would end the setting, and the filter would still run.
    let hostile = names.iter().any(|name| name.contains('=') || name.contains(char::is_control));
    if hostile || names.len() > MAX_FILTERS {
        return None;
    }
    let off = |name: &str| {
        let of = |key: &str, value: &str| ["-c".to_owned(), format!("filter.{name}.{key}={value}")];
        [of("clean", ""), of("smudge", ""), of("process", ""), of("required", "false")].concat()
    };
    Some(names.into_iter().flat_map(off).collect())
}

impl Git {
    fn question(&self, words: &[&str], cwd: &Path) -> Question {
        let dirs = self.dirs.iter().flat_map(|dir| ["-C", dir.as_str()]);
        let argv =
            std::iter::once("git").chain(dirs).chain(words.iter().copied()).map(str::to_owned).collect();
        Question { argv, env: Vec::new(), cwd: cwd.to_owned() }
    }
}

/// What to run for these names, with these settings.
pub(super) fn question(git: &Git, settings: Vec<String>, cwd: &Path) -> Question {
    let count = format!("--count={MAX_NAMES}");
    let most = format!("--max-count={MAX_NAMES}");
    let refs = ["for-each-ref", "--format=%(HEAD)%(refname)", "--sort=-creatordate", &count];
    let words = match &git.names {
        GitNames::Branches => [&refs[..], &["refs/heads"]].concat(),
        GitNames::AllBranches { .. } => [&refs[..], &["refs/heads", "refs/remotes"]].concat(),
        GitNames::RemoteBranches => [&refs[..], &["refs/remotes"]].concat(),
        GitNames::Tags => [&refs[..], &["refs/tags"]].concat(),
        GitNames::Remotes => vec!["remote"],
        GitNames::Commits => vec!["log", "--no-color", "--no-decorate", "--format=%h %s", &most],
        GitNames::Revisions => vec!["log", "--all", "--no-color", "--no-decorate", "--format=%h %s", &most],
        GitNames::Stashes => vec!["stash", "list", "--no-color", "--format=%gd %gs", &most],
        GitNames::Staged => vec!["diff", "--cached", "--name-only", "--relative", "-z"],
        GitNames::Files(..) => {
            let plain = [
                "status.relativePaths=true",
                "core.quotePath=true",
                "diff.renames=false",
                "status.renames=false",
            ];
            plain.into_iter().flat_map(|setting| ["-c", setting]).chain(["status", "--short"]).collect()
        }
    };
    let mut question = git.question(&words, cwd);
    let verb = 1 + git.dirs.len() * 2;
    question.argv.splice(verb..verb, settings);
    question
}

/// The rows in the output of [`question`].
pub(super) fn drafts(git: &Git, output: &[u8]) -> Vec<Draft> {
    let rows: Vec<Draft> = match &git.names {
        GitNames::Staged => staged(output),
        GitNames::Files(which, words) => files(*which, words, output),
        _ => lines(output).filter_map(|line| line_of(&git.names, line)).collect(),
    };
    let mut seen = BTreeSet::new();
    // A name with a dash in front would be read as an option.
    let rows = rows.into_iter().filter(|row| !row.names[0].is_empty() && !row.names[0].starts_with('-'));
    rows.filter(|row| seen.insert(row.names[0].clone())).collect()
}

fn lines(output: &[u8]) -> impl Iterator<Item = &str> {
    output.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok())
}

/// The row of one line.
fn line_of(names: &GitNames, line: &str) -> Option<Draft> {
    match names {
        GitNames::Remotes => Some(row(line, "Remote")),
        GitNames::Commits | GitNames::Revisions | GitNames::Stashes => {
            let (name, said) = line.split_once(' ')?;
            Some(row(name, said))
        }
        GitNames::AllBranches { short } => reference(line, *short),
        GitNames::RemoteBranches => reference(line, true),
        _ => reference(line, false),
    }
}

/// The row of one line of `for-each-ref`; branches of remotes without the remote's name when `short`.
fn reference(line: &str, short: bool) -> Option<Draft> {
    let is_current = line.starts_with('*');
    let name = line.get(1..)?;
    if let Some(branch) = name.strip_prefix("refs/heads/") {
        return Some(match is_current {
            true => branch_row(branch, "current branch", CURRENT),
            false => branch_row(branch, "branch", BRANCH),
        });
    }
    if let Some(branch) = name.strip_prefix("refs/remotes/") {
        let (_, rest) = branch.split_once('/')?;
        // What a remote's HEAD points to is listed by its own name.
        let shown = if short { rest } else { branch };
        return (rest != "HEAD").then(|| branch_row(shown, "remote branch", BRANCH));
    }
    Some(branch_row(name.strip_prefix("refs/tags/")?, "tag", BRANCH))
}

fn branch_row(name: &str, description: &str, priority: f64) -> Draft {
    Draft { priority: Some(priority), ..row(name, description) }
}

fn staged(output: &[u8]) -> Vec<Draft> {
    let files = output.split(|&byte| byte == 0).filter_map(|file| std::str::from_utf8(file).ok());
    let row = |file: &str| Draft { kind: Kind::File, ..row(file, "Staged file") };
    files.filter(|file| !file.is_empty()).map(row).collect()
}

/// The files in what `status --short` prints, without those that the line names already.
fn files(which: Files, words: &[String], output: &[u8]) -> Vec<Draft> {
    let all = lines(output).filter_map(entry).filter(|entry| entry.is(which));
    let entries: Vec<Entry> =
        all.filter(|entry| !words.iter().any(|word| entry.is_named(word))).take(MAX_NAMES).collect();
    let folders = if which == Files::Changed { wildcards(&entries) } else { Vec::new() };
    folders.into_iter().chain(entries.into_iter().map(Entry::row)).collect()
}

/// A line of `status --short`.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    /// The state of what is staged.
    index: char,
    /// The state of the file.
    tree: char,
    file: String,
}

fn entry(line: &str) -> Option<Entry> {
    let mut chars = line.chars();
    let (index, tree) = (chars.next()?, chars.next()?);
    let file = chars.as_str().strip_prefix(' ')?;
    (index != '#' && index != '!').then(|| Some(Entry { index, tree, file: unquoted(file)? }))?
}

impl Entry {
    fn is(&self, which: Files) -> bool {
        let known = self.index != '?';
        match which {
            Files::Changed => true,
            Files::Tracked => known,
            Files::Index => known && self.index != ' ',
        }
    }

    /// Whether a word of the line stands for this file: its name, or the beginning or the end of it behind a `*`.
    fn is_named(&self, word: &str) -> bool {
        let begins =
            word.strip_suffix('*').is_some_and(|start| !start.is_empty() && self.file.starts_with(start));
        let ends = word.strip_prefix('*').is_some_and(|end| !end.is_empty() && self.file.ends_with(end));
        word == self.file || begins || ends
    }

    fn row(self) -> Draft {
        let is_staged = matches!(self.index, 'M' | 'A');
        let said = match (self.index, self.tree) {
            ('?', _) => "Untracked file",
            (_, 'D') => "Deleted file",
            ('A', ' ') | ('M', ' ') | ('D', ' ') => "Staged file",
            ('U', _) | (_, 'U') => "Unmerged file",
            _ => "Changed file",
        };
        let kind = if self.file.ends_with('/') { Kind::Folder } else { Kind::File };
        Draft { kind, priority: Some(if is_staged { STAGED } else { CHANGED }), ..row(&self.file, said) }
    }
}

/// Patterns for folders with several changed files.
fn wildcards(entries: &[Entry]) -> Vec<Draft> {
    let folder = |entry: &Entry| entry.file.rfind('/').map(|at| entry.file[..=at].to_owned());
    let folders: Vec<String> = entries.iter().filter_map(folder).collect();
    let mut seen = BTreeSet::new();
    let several = |name: &&String| folders.iter().filter(|other| other == name).count() > 1;
    let names = folders.iter().filter(|name| seen.insert((*name).clone())).filter(several);
    names.map(|name| row(&format!("{name}*"), "Wildcard")).collect()
}

/// A path as git prints it: in quotes, with escapes, when it has anything unusual in it. `None` when it is not UTF-8.
fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Some(text.to_owned());
    };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            first @ b'0'..=b'3' => {
                let digits = [first, rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(names: GitNames) -> Git {
        Git { names, dirs: Vec::new() }
    }

    fn rows(names: GitNames, output: &str) -> Vec<(String, String)> {
        let drafts = drafts(&git(names), output.as_bytes());
        drafts.into_iter().map(|draft| (draft.names[0].clone(), draft.description.unwrap())).collect()
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(name, said)| (name.to_owned(), said.to_owned())).to_vec()
    }

    #[test]
    fn references_are_named_as_git_takes_them() {
        let output = " refs/heads/feature/x\n*refs/heads/main\n refs/remotes/origin/main\n \
                      refs/remotes/origin/far\n refs/remotes/origin/HEAD\n refs/tags/v1\n";
        let expected = pairs([
            ("feature/x", "branch"),
            ("main", "current branch"),
            ("origin/main", "remote branch"),
            ("origin/far", "remote branch"),
            ("v1", "tag"),
        ]);
        assert_eq!(rows(GitNames::AllBranches { short: false }, output), expected);
        let short = rows(GitNames::AllBranches { short: true }, output);
        assert_eq!(
            short.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(),
            ["feature/x", "main", "far", "v1"]
        );
    }

    #[test]
    fn lines_are_names_and_what_is_said_of_them() {
        assert_eq!(rows(GitNames::Remotes, "origin\n"), pairs([("origin", "Remote")]));
        assert_eq!(rows(GitNames::Commits, "abc1234 First: a b\n\n"), pairs([("abc1234", "First: a b")]));
        let stashes = rows(GitNames::Stashes, "stash@{0} WIP on main: abc x\n");
        assert_eq!(stashes, pairs([("stash@{0}", "WIP on main: abc x")]));
    }

    #[test]
    fn files_are_told_by_their_state() {
        let output = " M src/a.rs\nM  src/b.rs\n?? new\n?? dir/\n D gone\n M \"\\303\\251 \\\"x\\\"\\n\"\n M \"\\377\"\n M -x\n";
        let all = rows(GitNames::Files(Files::Changed, vec!["git".into(), "new".into()]), output);
        let expected = pairs([
            ("src/*", "Wildcard"),
            ("src/a.rs", "Changed file"),
            ("src/b.rs", "Staged file"),
            ("dir/", "Untracked file"),
            ("gone", "Deleted file"),
            ("é \"x\"\n", "Changed file"),
        ]);
        assert_eq!(all, expected);
        let names = |which| {
            rows(GitNames::Files(which, Vec::new()), output).into_iter().map(|row| row.0).collect::<Vec<_>>()
        };
        assert_eq!(names(Files::Tracked), ["src/a.rs", "src/b.rs", "gone", "é \"x\"\n"]);
        assert_eq!(names(Files::Index), ["src/b.rs"]);
        assert_eq!(rows(GitNames::Staged, "a b\0-x\0"), pairs([("a b", "Staged file")]));
    }

    #[test]
    fn rubbish_is_nothing() {
        assert!(
            rows(GitNames::Branches, "x\n\n*\né\n refs/other/x\n refs/tags/-x\n refs/heads/\n").is_empty()
        );
        assert!(drafts(&git(GitNames::Tags), b"\xff\xff\n").is_empty());
        assert!(
            rows(GitNames::Files(Files::Changed, Vec::new()), "## main\n!! x\nM\n\u{e9}\n M\n").is_empty()
        );
    }

    #[test]
    fn filters_are_switched_off_by_name() {
        let output = b"filter.lfs.clean\0filter.lfs.process\0filter.a.b C.smudge\0filter.clean\0core.bare\0";
        let settings = no_filters(output).unwrap();
        assert_eq!(settings.len(), 2 * 4 * 2);
        for setting in ["filter.lfs.clean=", "filter.lfs.required=false", "filter.a.b C.process="] {
            assert!(settings.iter().any(|word| word == setting), "{setting}");
        }
        assert_eq!(no_filters(b""), Some(Vec::new()));
        for hostile in [&b"filter.a=b.clean\0"[..], b"filter.a\nb.clean\0", b"filter.\xff.clean\0"] {
            assert_eq!(no_filters(hostile), None, "{hostile:?}");
        }
    }

    #[test]
    fn git_goes_where_the_line_says() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (line, expected) in [
            ("git checkout", Some(vec![])),
            ("git -C a -C ../b --no-pager checkout -C c", Some(vec!["a", "../b"])),
            ("git -c x=y checkout", Some(vec![])),
            ("git --git-dir=x checkout", None),
        ] {
            let expected = expected.map(|dirs| dirs.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(directories(&words(line)), expected, "{line}");
        }
        let git = Git { names: GitNames::Tags, dirs: vec!["a".into()] };
        let argv = question(&git, vec!["-c".into(), "x=y".into()], Path::new("/r")).argv;
        assert_eq!(argv[..6], ["git", "-C", "a", "-c", "x=y", "for-each-ref"].map(str::to_owned));
    }
}
