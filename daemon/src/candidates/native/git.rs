//! Names out of a git repository: how git is asked, and what its output means.
//!
//! No program is run here. Only git so far, and only questions that run nothing of the repository's: its hooks, file
//! system monitor, pager and remotes are switched off, and git's own `safe.directory` decides whose repositories it
//! reads at all.

use std::path::Path;

use protocol::Kind;

use specs::model::{Generator, Script};

use super::Question;
use crate::candidates::{Draft, Insert};
use crate::slow::Generated;

/// Most names that git is asked for, the newest.
const MAX_REFS: usize = 2_000;

/// The priority that the corpus gives to branches.
const BRANCH: f64 = 75.0;

/// Checking out or merging the branch one is on is rarely meant.
const CURRENT: f64 = 50.0;

/// What makes git answer without asking, paging, translating, locking, or reaching for anything outside of the
/// repository: objects of a partial clone are not fetched, and no protocol would be allowed to.
const GIT_ENV: &[(&str, &str)] = &[
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_PAGER", "cat"),
    ("LC_ALL", "C"),
];

/// Switches off what a repository's configuration could make git run.
const GIT: &[&str] = &[
    "git",
    "--no-pager",
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "diff.external=",
];

/// Names that a git repository has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GitNames {
    /// Local branches.
    Branches,
    /// Local branches, and those of the remotes.
    AllBranches,
    /// Tags.
    Tags,
    /// Remotes.
    Remotes,
}

/// The names that a generator of the git spec asks for.
pub(super) fn git_names(generated: &Generated) -> Option<GitNames> {
    if generated.command != "git" {
        return None;
    }
    let Some((verb, words)) = git_verb(&generated.generator) else {
        // Only the branches that can be deleted are found by a function alone.
        let branch =
            generated.generator.custom.is_some() && generated.words.iter().any(|word| word == "branch");
        return branch.then_some(GitNames::Branches);
    };
    match verb {
        "branch" if words.iter().any(|word| matches!(word.as_str(), "-a" | "--all" | "-r" | "--remotes")) => {
            Some(GitNames::AllBranches)
        }
        "branch" => Some(GitNames::Branches),
        "tag" => Some(GitNames::Tags),
        "remote" => Some(GitNames::Remotes),
        _ => None,
    }
}

/// What the program of a generator is told to do: `git --no-optional-locks branch -a` to `branch` and all words.
fn git_verb(generator: &Generator) -> Option<(&str, &[String])> {
    let argv = match generator.script.as_ref()? {
        Script::Argv(argv) | Script::Command { argv, .. } => argv,
        Script::Function(_) => return None,
    };
    let (program, rest) = argv.split_first()?;
    let verb = rest.iter().find(|word| !word.starts_with('-'))?;
    (program == "git").then_some((verb.as_str(), rest))
}

/// What to run for these names.
pub(super) fn question(what: GitNames, cwd: &Path) -> Question {
    let rest = match what {
        GitNames::Branches => for_each_ref(&["refs/heads"]),
        GitNames::AllBranches => for_each_ref(&["refs/heads", "refs/remotes"]),
        GitNames::Tags => for_each_ref(&["refs/tags"]),
        GitNames::Remotes => vec!["remote".to_owned()],
    };
    Question {
        argv: GIT.iter().map(|&word| word.to_owned()).chain(rest).collect(),
        env: GIT_ENV,
        cwd: cwd.to_owned(),
    }
}

/// The names, newest first, each with `*` in front when it is the current branch, else a space.
fn for_each_ref(under: &[&str]) -> Vec<String> {
    let count = format!("--count={MAX_REFS}");
    let options = ["for-each-ref", "--format=%(HEAD)%(refname)", "--sort=-creatordate", &count];
    options.iter().chain(under).map(|&word| word.to_owned()).collect()
}

/// The rows in the output of [`question`].
pub(super) fn drafts(what: GitNames, output: &[u8]) -> Vec<Draft> {
    let lines = output.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let drafts = lines.filter_map(|line| match what {
        GitNames::Remotes => Some(draft(line, "remote", BRANCH)),
        _ => reference(line),
    });
    // A name with a dash in front would be read as an option.
    drafts.filter(|draft| !draft.names[0].is_empty() && !draft.names[0].starts_with('-')).collect()
}

/// The row of one line of `for-each-ref`.
fn reference(line: &str) -> Option<Draft> {
    let is_current = line.starts_with('*');
    let name = line.get(1..)?;
    if let Some(branch) = name.strip_prefix("refs/heads/") {
        return Some(match is_current {
            true => draft(branch, "current branch", CURRENT),
            false => draft(branch, "branch", BRANCH),
        });
    }
    if let Some(branch) = name.strip_prefix("refs/remotes/") {
        // What a remote's HEAD points to is listed by its own name.
        return (!branch.ends_with("/HEAD")).then(|| draft(branch, "remote branch", BRANCH));
    }
    Some(draft(name.strip_prefix("refs/tags/")?, "tag", BRANCH))
}

fn draft(name: &str, description: &str, priority: f64) -> Draft {
    Draft {
        names: vec![name.to_owned()],
        insert: Insert::Name,
        kind: Kind::Arg,
        description: Some(description.to_owned()),
        priority: Some(priority),
        source: "generator:git".to_owned(),
        space: true,
        ..Draft::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(what: GitNames, output: &str) -> Vec<(String, String)> {
        let drafts = drafts(what, output.as_bytes());
        drafts.into_iter().map(|draft| (draft.names[0].clone(), draft.description.unwrap())).collect()
    }

    #[test]
    fn references_are_named_as_git_takes_them() {
        let output = " refs/heads/feature/x\n*refs/heads/main\n refs/remotes/origin/main\n \
                      refs/remotes/origin/HEAD\n refs/tags/v1\n";
        let expected = [
            ("feature/x", "branch"),
            ("main", "current branch"),
            ("origin/main", "remote branch"),
            ("v1", "tag"),
        ];
        let expected = expected.map(|(name, what)| (name.to_owned(), what.to_owned()));
        assert_eq!(rows(GitNames::AllBranches, output), expected);
    }

    #[test]
    fn remotes_are_plain_lines() {
        let expected = [("origin".to_owned(), "remote".to_owned())];
        assert_eq!(rows(GitNames::Remotes, "origin\n"), expected);
    }

    #[test]
    fn rubbish_is_nothing() {
        assert!(
            rows(GitNames::Branches, "x\n\n*\né\n refs/other/x\n refs/tags/-x\n refs/heads/\n").is_empty()
        );
        assert!(drafts(GitNames::Tags, b"\xff\xff\n").is_empty());
    }

    #[test]
    fn git_is_kept_from_running_anything() {
        let question = question(GitNames::Tags, Path::new("/r"));
        assert_eq!(question.argv.last().unwrap(), "refs/tags");
        for setting in ["core.fsmonitor=", "core.hooksPath=/dev/null"] {
            assert!(question.argv.iter().any(|word| word == setting), "{setting}");
        }
        assert!(question.env.contains(&("GIT_NO_LAZY_FETCH", "1")));
    }
}
