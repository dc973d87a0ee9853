//! What may be run while someone types.
//!
//! A program that obeys files of the directory that it runs in (`make`, `npm`, `cargo`) runs only below a directory that
//! the user trusts; one that reaches for the network only when the settings allow it. Decided from the words and
//! variables alone. What may run is changed on its way, so that nobody can run it without: git with everything switched
//! off that a repository's configuration could make it run, and a `PATH` without what the directory put there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod folders;
mod git;
mod programs;
mod script;
mod variables;

pub use folders::{Concern, Offer, SOURCE, Unfit, look, row};

/// A program, as a generator asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its name and its arguments.
    pub argv: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// All variables that it has: the session's, and those that the generator sets.
    pub env: BTreeMap<String, String>,
}

/// What the user allows where a program would run: in [`Program::cwd`], not where the session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The directory is below a trusted one.
    pub trusted: bool,
    /// `autocomplete.network`.
    pub network: bool,
}

/// Why a program may not run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// It would if the directory were trusted: worth asking for.
    #[error("{} could run what this folder says, and the folder is not trusted", .0.program)]
    NotTrusted(Untrusted),
    /// It would with `autocomplete.network`.
    #[error("it uses the network, and autocomplete.network is off")]
    Network,
    /// It never does, whatever the user allows.
    #[error("it does not only look")]
    Never,
}

/// What lacks trust.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Untrusted {
    /// The program that could do what the directory says; in a script that may be another than the first.
    pub program: String,
    /// The folder that could be trusted, when somebody has looked and it can.
    pub offer: Option<Offer>,
}

/// What a program needs to be allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Needs {
    /// A trusted directory, for this program.
    trust: Option<String>,
    /// The network.
    network: bool,
}

impl Needs {
    /// Nothing: it only looks.
    fn nothing() -> Needs {
        Needs::default()
    }

    /// The network, but it does not obey the directory.
    fn network() -> Needs {
        Needs { network: true, ..Needs::default() }
    }

    /// A trusted directory.
    fn trust(name: &str) -> Needs {
        Needs { trust: Some(name.to_owned()), network: false }
    }

    /// What two programs of a script need.
    fn and(self, other: Needs) -> Needs {
        Needs { trust: self.trust.or(other.trust), network: self.network || other.network }
    }
}

/// A word of a command, as far as it is known before it runs.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    text: &'a str,
    /// Something that is not known may become an option of the program: an unquoted variable, a glob.
    open: bool,
}

/// The program as it may run, with what the directory could make it do switched off.
///
/// # Errors
/// When it may not.
pub fn admit(program: Program, allowed: Allowed) -> Result<Program, Refusal> {
    let words: Vec<Word> = program.argv.iter().map(|text| Word { text, open: false }).collect();
    let needs = programs::needs(&words, &program.env)?;
    if needs.network && !allowed.network {
        return Err(Refusal::Network);
    }
    if let Some(name) = needs.trust {
        if !allowed.trusted {
            return Err(Refusal::NotTrusted(Untrusted { program: name, offer: None }));
        }
        if leaves(&program) {
            return Err(Refusal::Never);
        }
    }
    Ok(harmless(program, allowed))
}

/// A program that is ours to run, not a spec's: it is not judged, but what the directory could make it do is switched
/// off all the same.
pub fn harmless(program: Program, allowed: Allowed) -> Program {
    let Program { argv, cwd, env } = program;
    let mut env = variables::harmless(env, &cwd, allowed);
    if git::is_git(&argv) {
        // What it complains is read.
        env.insert("LC_ALL".to_owned(), "C".to_owned());
    }
    Program { argv: git::harmless(argv), cwd, env }
}

/// Whether a program is told of another directory than the one it runs in, which may not be trusted: `make -C ../other`
/// is being typed, not said.
fn leaves(program: &Program) -> bool {
    let words = program.argv.iter().skip(1).flat_map(|argument| argument.split_whitespace());
    words.flat_map(paths).any(|path| {
        let up = path.split(['/', ';', '&', '|', ')']).any(|part| part.ends_with(".."));
        let home = path.starts_with('~');
        // `/` alone is what a script compares with.
        let names = path != "/dev/null" && path.contains(char::is_alphanumeric);
        up || home || (path.starts_with('/') && names && !Path::new(path).starts_with(&program.cwd))
    })
}

/// What in an argument may be a path: all of it, what follows `=`, what follows a letter with a dash.
fn paths(argument: &str) -> impl Iterator<Item = &str> {
    let attached = argument.strip_prefix('-').and_then(|rest| rest.get(1..));
    let value = argument.split_once('=').map(|(_, value)| value);
    [Some(argument), attached, value].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(argv: &[&str]) -> Program {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        Program { argv, cwd: "/home/u/repo".into(), ..Program::default() }
    }

    fn verdict(argv: &[&str], trusted: bool, network: bool) -> Result<(), Refusal> {
        admit(program(argv), Allowed { trusted, network }).map(drop)
    }

    #[test]
    fn what_obeys_the_directory_needs_its_trust() {
        for argv in [
            &["make", "-qp"][..],
            &["npm", "prefix"],
            &["cargo", "metadata", "--no-deps"],
            &["rustc", "--print", "target-list"],
            &["php", "artisan", "list"],
            &["bin/console", "list"],
            &["./gradlew", "tasks"],
            &["node_modules/.bin/ng"],
            &["vendor/bin/phpunit", "--list-tests"],
            &["rake", "--tasks"],
            &["go", "tool"],
            &["nobody-knows-it"],
            &["/home/u/repo/git", "branch"],
            &["./git", "branch"],
        ] {
            assert!(matches!(verdict(argv, false, true), Err(Refusal::NotTrusted(_))), "{argv:?}");
            assert_eq!(verdict(argv, true, false), Ok(()), "{argv:?}");
        }
    }

    #[test]
    fn what_uses_the_network_needs_the_setting() {
        for argv in [
            &["aws", "s3", "ls"][..],
            &["curl", "-sfL", "-H", "accept: x", "https://example.org"],
            &["systemctl", "-H", "far", "list-units"],
            &["kubectl", "get", "pods"],
            &["docker", "search", "x"],
            &["gh", "pr", "list"],
        ] {
            assert_eq!(verdict(argv, true, false), Err(Refusal::Network), "{argv:?}");
            assert_eq!(verdict(argv, false, true), Ok(()), "{argv:?}");
        }
        for both in
            [&["terraform", "state", "list"][..], &["curl", "-so", "x", "https://x"], &["yt-dlp", "-F", "x"]]
        {
            assert_eq!(verdict(both, false, false), Err(Refusal::Network), "{both:?}");
            assert!(matches!(verdict(both, false, true), Err(Refusal::NotTrusted(_))), "{both:?}");
            assert_eq!(verdict(both, true, true), Ok(()), "{both:?}");
        }
    }

    #[test]
    fn what_only_looks_may() {
        for argv in [
            &["ls", "-1ApL"][..],
            &["cat", "package.json"],
            &["git", "branch", "-a"],
            &["tmux", "lsp"],
            &["systemctl", "list-units", "-o", "json"],
            &["/usr/bin/id"],
        ] {
            assert_eq!(verdict(argv, false, false), Ok(()), "{argv:?}");
        }
    }

    #[test]
    fn a_trusted_directory_is_not_its_neighbour() {
        for argv in [
            &["make", "-C", "../other"][..],
            &["make", "-C.."],
            &["make", "--directory=/tmp/x"],
            &["make", "-C/tmp/x"],
            &["cargo", "metadata", "--manifest-path", "/home/u/repository/Cargo.toml"],
            &["bash", "-c", "cd ..; make -qp"],
            &["make", "-C", "~/other"],
        ] {
            assert_eq!(verdict(argv, true, true), Err(Refusal::Never), "{argv:?}");
        }
        for argv in [&["make", "-C", "sub"][..], &["make", "-C", "/home/u/repo/sub"]] {
            assert_eq!(verdict(argv, true, true), Ok(()), "{argv:?}");
        }
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(verdict(&[], true, true), Err(Refusal::Never));
        assert_eq!(verdict(&[""], true, true), Err(Refusal::Never));
    }
}
