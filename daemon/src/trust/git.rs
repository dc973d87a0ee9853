//! git, with everything switched off that a repository's configuration could make it run.
//!
//! Only verbs that look are let through; a verb that is not git's own may be an alias, which runs what the repository
//! says. What hashes files of the working tree runs its filters, which cannot be switched off without knowing their
//! names: that needs trust, and is done natively otherwise.

use super::programs::is_option;
use super::{Needs, Refusal, Word};

/// Settings that are put in front of every verb. An empty `core.fsmonitor` is off in every version of git; the signature
/// programs run when a log is configured to show signatures, or tags to be sorted by them.
pub(crate) const SETTINGS: &[(&str, &str)] = &[
    ("core.fsmonitor", ""),
    ("core.hooksPath", "/dev/null"),
    ("core.sshCommand", "false"),
    ("core.gitProxy", ""),
    ("core.askPass", "false"),
    ("core.alternateRefsCommand", "false"),
    ("core.virtualFilesystem", ""),
    ("credential.helper", ""),
    ("protocol.allow", "never"),
    ("safe.bareRepository", "explicit"),
    ("log.showSignature", "false"),
    ("gpg.program", "false"),
    ("gpg.openpgp.program", "false"),
    ("gpg.x509.program", "false"),
    ("gpg.ssh.program", "false"),
    ("diff.submodule", "short"),
    ("diff.ignoreSubmodules", "all"),
    ("status.submoduleSummary", "false"),
    ("submodule.recurse", "false"),
    ("column.ui", "never"),
    ("color.ui", "false"),
    ("color.branch", "false"),
    ("color.diff", "false"),
    ("color.status", "false"),
];

/// Variables for git, whoever calls it: it does not ask, page, lock, or fetch objects of a partial clone.
pub(crate) const ENV: &[(&str, &str)] = &[
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_SSH_COMMAND", "false"),
    ("GIT_ASKPASS", "false"),
    ("GIT_EDITOR", "false"),
    ("GIT_PAGER", "cat"),
    ("PAGER", "cat"),
];

/// Verbs that only look and hash no file, with any options but these.
const LOOK: &[(&str, &[&str])] = &[
    ("cat-file", &["--textconv", "--filters"]),
    ("check-ignore", &[]),
    ("describe", &["--dirty", "--broken"]),
    ("diff-tree", WRITES),
    ("for-each-ref", &[]),
    ("log", WRITES),
    ("ls-files", &["-m", "--modified", "-d", "--deleted", "--eol"]),
    ("ls-tree", &[]),
    ("merge-base", &[]),
    ("name-rev", &[]),
    ("rev-list", WRITES),
    ("rev-parse", &[]),
    ("shortlog", WRITES),
    ("show", WRITES),
    ("show-ref", &[]),
    ("var", &[]),
    ("version", &[]),
];

/// Options of the family of `log` that write or run something.
const WRITES: &[&str] = &["--output", "--ext-diff", "--textconv", "--show-signature"];

/// Verbs that only look when they begin with one of these words; alone when there is an empty one.
const LOOK_IF: &[(&str, &[&str])] = &[
    ("config", &["--get", "--get-all", "--get-regexp", "--list", "-l", "get", "list"]),
    ("diff", &["--cached", "--staged"]),
    ("help", &["-a", "--all", "-g", "--guides", "-c", "--config"]),
    ("notes", &["list", ""]),
    ("reflog", &["show", "list", ""]),
    ("remote", &["-v", "--verbose", "get-url", ""]),
    ("stash", &["list"]),
    ("worktree", &["list"]),
];

/// Verbs that list when they are given nothing but these options, and make something otherwise. Behind one of the
/// second ones, a name is a pattern.
const LISTS: &[(&str, &[&str], &[&str])] = &[
    (
        "branch",
        &[
            "-a",
            "--all",
            "-r",
            "--remotes",
            "-v",
            "-vv",
            "--verbose",
            "--no-color",
            "--color",
            "--no-column",
            "--column",
            "--sort",
            "--format",
            "--show-current",
            "-i",
            "--ignore-case",
            "--abbrev",
        ],
        &["-l", "--list", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at"],
    ),
    (
        "tag",
        &["--no-color", "--color", "--no-column", "--column", "--sort", "--format", "-i", "--ignore-case"],
        &["-l", "--list", "-n", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at"],
    ),
];

/// Verbs that look with trust: they hash files, or run git in submodules.
const TRUSTED: &[&str] =
    &["blame", "describe", "diff", "diff-files", "diff-index", "grep", "ls-files", "status", "submodule"];

/// git's own verbs that change something.
const CHANGE: &str = "add am apply archive bisect branch checkout cherry-pick clean clone commit config fetch fetch-pack \
    filter-branch gc init ls-remote maintenance merge mv notes prune pull push rebase reflog remote repack replace reset \
    restore revert rm send-email send-pack stash switch symbolic-ref tag update-index update-ref worktree";

/// Verbs that show differences: they take options that keep them from running what a repository says.
const DIFFS: &[&str] = &["diff", "diff-tree", "log", "show"];

/// What git with these words needs.
pub(super) fn needs(words: &[Word]) -> Result<Needs, Refusal> {
    if words.iter().any(|word| word.open) {
        return Ok(Needs::trust("git"));
    }
    let words: Vec<&str> = words.iter().map(|word| word.text).collect();
    if let [only] = words[..]
        && (only == "--version" || only == "--exec-path" || only.starts_with("--list-cmds="))
    {
        return Ok(Needs::nothing());
    }
    let Some((_, verb, rest)) = split(&words).filter(|(options, ..)| !options.contains(&"-c")) else {
        return Err(Refusal::Never);
    };
    if only_looks(verb, rest) {
        return Ok(Needs::nothing());
    }
    let writes = rest.iter().any(|word| WRITES.iter().any(|option| is_option(word, option)));
    match CHANGE.split_whitespace().any(|known| known == verb) || writes {
        true => Err(Refusal::Never),
        false if TRUSTED.contains(&verb) || !is_own(verb) => Ok(Needs::trust("git")),
        false => Err(Refusal::Never),
    }
}

/// Whether a verb is one of git's own that we know.
fn is_own(verb: &str) -> bool {
    LOOK.iter().any(|(known, _)| *known == verb) || LOOK_IF.iter().any(|(known, _)| *known == verb)
}

fn only_looks(verb: &str, rest: &[&str]) -> bool {
    let has = |words: &[&str]| rest.iter().any(|word| words.iter().any(|option| is_option(word, option)));
    let looks = LOOK.iter().any(|(known, not)| *known == verb && !has(not));
    let first = rest.first().copied().unwrap_or_default();
    let looks_if =
        LOOK_IF.iter().any(|(known, firsts)| *known == verb && firsts.contains(&first) && !has(WRITES));
    looks
        || looks_if
        || LISTS.iter().any(|(known, plain, lists)| *known == verb && only_lists(rest, plain, lists))
}

/// Whether there are only options that list, or also names behind one that takes a pattern.
fn only_lists(rest: &[&str], plain: &[&str], lists: &[&str]) -> bool {
    let is = |word: &str, options: &[&str]| {
        options.iter().any(|option| *option == word.split('=').next().unwrap_or(word))
    };
    let lists_names = rest.iter().any(|word| is(word, lists));
    rest.iter().all(|word| is(word, plain) || is(word, lists) || (lists_names && !word.starts_with('-')))
}

/// Options of git itself, the verb, and what follows it. `None` for an option of git that is not known to be harmless;
/// `-c` is, when it comes from us.
fn split<'w, 't>(words: &'w [&'t str]) -> Option<(&'w [&'t str], &'t str, &'w [&'t str])> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += match *word {
            "--no-optional-locks" | "--no-pager" | "--literal-pathspecs" | "--no-replace-objects" => 1,
            "-C" | "-c" => 2,
            verb if !verb.starts_with('-') => return Some((&words[..at], verb, &words[at + 1..])),
            _ => return None,
        };
    }
    None
}

/// Whether a program is git.
pub(super) fn is_git(argv: &[String]) -> bool {
    argv.first().is_some_and(|program| program.rsplit('/').next() == Some("git"))
}

/// The words of a command with everything switched off, when it is git.
pub(super) fn harmless(argv: Vec<String>) -> Vec<String> {
    if !is_git(&argv) {
        return argv;
    }
    let program = argv.first().map_or("", String::as_str);
    let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
    let Some((options, verb, rest)) = split(&words) else { return argv };
    let settings = SETTINGS.iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
    let mut out = vec![program.to_owned(), "--no-pager".to_owned(), "--no-optional-locks".to_owned()];
    out.extend(settings);
    out.extend(options.iter().chain([&verb]).map(|&word| word.to_owned()));
    if DIFFS.contains(&verb) {
        out.extend(["--no-ext-diff", "--no-textconv"].map(str::to_owned));
    }
    if matches!(verb, "status" | "diff") {
        out.push("--ignore-submodules=all".to_owned());
    }
    out.extend(rest.iter().map(|&word| word.to_owned()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Needs, Refusal> {
        let words: Vec<Word> = line.split_whitespace().map(|text| Word { text, open: false }).collect();
        needs(&words)
    }

    #[test]
    fn what_the_corpus_asks_only_looks() {
        for line in [
            "--no-optional-locks branch -a --no-color --sort=-committerdate",
            "--no-optional-locks branch -r --no-color --sort=-committerdate",
            "--no-optional-locks config --get-regexp ^alias.",
            "--no-optional-locks diff --cached --name-only",
            "--no-optional-locks log --oneline",
            "--no-optional-locks remote -v",
            "--no-optional-locks stash list",
            "--no-optional-locks tag --list --sort=-committerdate",
            "branch --no-color",
            "branch --list feature/*",
            "config --get alias.x",
            "diff --staged",
            "help -a",
            "log --pretty=format:%s --abbrev-commit --max-count=20",
            "rev-list --all --oneline",
            "remote",
            "-C /x branch",
            "--version",
        ] {
            assert_eq!(of(line), Ok(Needs::nothing()), "{line}");
        }
    }

    #[test]
    fn what_hashes_files_or_may_be_an_alias_needs_trust() {
        for line in [
            "status --short",
            "diff",
            "diff main",
            "ls-files -m",
            "ls-files -om",
            "describe --dirty",
            "lfs ls-files",
            "st",
        ] {
            assert_eq!(of(line), Ok(Needs::trust("git")), "{line}");
        }
    }

    #[test]
    fn what_changes_something_never_runs() {
        for line in [
            "branch topic",
            "branch -D topic",
            "tag v1",
            "tag -d v1",
            "config core.pager x",
            "remote add x y",
            "remote show origin",
            "stash",
            "stash pop",
            "fetch",
            "push",
            "ls-remote",
            "log --output=x",
            "diff --cached --output=x",
            "diff --output=x",
            "log --ext-diff -p",
            "-c alias.x=!y x",
            "--git-dir=x branch",
            "--exec-path=x branch",
            "-p log",
            "-C",
            "",
            "--no-optional-locks -r --no-color",
            "help branch",
        ] {
            assert_eq!(of(line), Err(Refusal::Never), "{line}");
        }
    }

    #[test]
    fn everything_is_switched_off() {
        let argv = ["git", "-C", "x", "--no-optional-locks", "diff", "--cached"].map(str::to_owned).to_vec();
        let argv = harmless(argv);
        let verb = argv.iter().position(|word| word == "diff").unwrap();
        for setting in ["core.fsmonitor=", "core.hooksPath=/dev/null", "safe.bareRepository=explicit"] {
            let at = argv.iter().position(|word| word == setting).unwrap();
            assert!(at < verb && argv[at - 1] == "-c", "{setting}");
        }
        let rest = ["diff", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--cached"];
        assert_eq!(argv[verb..], rest.map(str::to_owned));
        assert!(argv[..verb].ends_with(&["-C", "x", "--no-optional-locks"].map(str::to_owned)));
        let other = vec!["ls".to_owned(), "git".to_owned()];
        assert_eq!(harmless(other.clone()), other);
    }
}
