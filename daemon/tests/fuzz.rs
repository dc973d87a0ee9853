//! Random lines over the real specs, with random answers of everything that is fetched: whatever comes, the engine answers,
//! and what it answers holds together.
//!
//! Lines are put together of names that the specs have, syntax of the shells and hostile characters, so that they get far
//! into the specs more often than noise would.

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use daemon::candidates::{Draft, Insert};
use daemon::engine::{Engine, Progress, Question};
use daemon::settings::Settings;
use daemon::slow::{Found, Ready, Rows, Slow};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use protocol::{Answer, Candidate, Context, Request, Shell};
use specs::archive::Archive;
use specs::model::{LoadSpec, Opt, Subcommand};
use support::{Library, Nothing, archive};

/// How many lines are tried: some seconds.
const CASES: u32 = 8_000;

/// Commands whose names are put into lines: small and giant specs, wrappers, dynamic ones, odd syntax.
const COMMANDS: [&str; 32] = [
    "git", "npm", "docker", "kubectl", "cargo", "aws", "az", "gcloud", "tar", "find", "dd", "sudo", "xargs",
    "env", "time", "watch", "python", "php", "rails", "node", "npx", "make", "ssh", "ls", "cd", "chmod",
    "kill", "java", "go", "heroku", "fig", "tmux",
];

/// What stands between names.
const SYNTAX: &[&str] = &[
    " ",
    " ",
    " ",
    " ",
    "  ",
    "\t",
    "\n",
    "=",
    "--",
    " --",
    " -",
    "-",
    "'",
    "\"",
    "\\",
    "$(",
    ")",
    "`",
    "|",
    " | ",
    "&&",
    " && ",
    ";",
    "; ",
    "&",
    "(",
    "{",
    "}",
    "{a,b}",
    "<",
    ">",
    " > ",
    " 2>&1",
    "<<EOF\n",
    "<<<",
    "<(",
    "$",
    "${",
    "$HOME/",
    "~",
    "~/",
    "/",
    "./",
    "../",
    "*",
    "?",
    "[",
    "[[ ",
    "]]",
    "#",
    " # ",
    "!",
    "if ",
    "then ",
    "do ",
    "for x in ",
    "case ",
    "function ",
    "begin; ",
    "A=1 ",
    "A=(",
    "é",
    "日本",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{7f}",
    "\r",
    "👩\u{200d}👩",
    "\u{0}",
    ":",
    ",",
    "@",
    "+",
    "^",
    "%",
    "$'\\x",
    "\\\n",
];

/// The engine and the names of its specs; made once.
fn world() -> &'static (Engine, Vec<String>) {
    static WORLD: OnceLock<(Engine, Vec<String>)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let archive = archive();
        let mut names: Vec<String> = COMMANDS.map(String::from).into();
        COMMANDS.iter().for_each(|command| collect(&archive, command, &mut names));
        (Engine::new(Arc::new(Library::new(archive))), names)
    })
}

/// Some names out of a spec.
fn collect(archive: &Archive, command: &str, names: &mut Vec<String>) {
    let Some(spec) = archive.spec(command).expect("an intact archive") else { return };
    let mut nodes = vec![&spec.root];
    let mut left = 200;
    while let Some(node) = nodes.pop().filter(|_| left > 0) {
        left -= 1;
        let suggestions = node.args.iter().flat_map(|arg| &arg.suggestions).take(3);
        names.extend(node.names.iter().cloned());
        names.extend(node.options.iter().take(12).flat_map(|option| option.names.iter().cloned()));
        names.extend(suggestions.flat_map(|suggestion| suggestion.names.iter().cloned()));
        nodes.extend(node.subcommands.iter().take(40));
    }
}

/// A piece of a line.
fn piece() -> impl Strategy<Value = String> {
    let names = &world().1;
    prop_oneof![
        5 => select(names.as_slice()),
        3 => (select(names.as_slice()), any::<Index>()).prop_map(|(name, at)| cut(&name, at).to_owned()),
        6 => select(SYNTAX).prop_map(String::from),
        1 => "\\PC{0,3}",
        1 => any::<char>().prop_map(String::from),
    ]
}

/// A line that begins with a command more often than not.
fn line() -> impl Strategy<Value = String> {
    let first =
        prop_oneof![4 => select(&COMMANDS[..]).prop_map(|name| format!("{name} ")), 1 => Just(String::new())];
    (first, prop::collection::vec(piece(), 0..14)).prop_map(|(first, rest)| first + &rest.concat())
}

/// The beginning of a text.
fn cut(text: &str, at: Index) -> &str {
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    &text[..ends[at.index(ends.len())]]
}

/// Answers everything that is to be fetched, from the fuzz.
#[derive(Clone, Debug)]
struct Anything {
    text: String,
    kind: u8,
    stale: bool,
}

impl Ready for Anything {
    fn ready(&self, slow: &Slow) -> Option<Found> {
        let text = self.text.clone();
        let draft = |insert| Draft { names: vec![text.clone()], insert, space: true, ..Draft::default() };
        let tree = || Subcommand {
            names: vec![text.clone()],
            subcommands: vec![Subcommand { names: vec![text.clone(), "x".into()], ..Subcommand::default() }],
            options: vec![Opt { names: vec![text.clone(), "-x".into()], ..Opt::default() }],
            ..Subcommand::default()
        };
        let rows = || Rows {
            drafts: Arc::new(vec![
                draft(Insert::Name),
                draft(Insert::PathEntry),
                draft(Insert::Verbatim(text.clone())),
                draft(Insert::NameThen(text.clone())),
            ]),
            // Not always the end of the word, as it should be.
            query: (self.kind % 2 == 1).then(|| text.clone()),
            stale: self.stale,
        };
        if self.kind == 0 {
            return None;
        }
        Some(match slow {
            Slow::Tree(_) => Found::Tree((self.kind > 2).then(|| Arc::new(tree()))),
            Slow::Load(_) if self.kind > 3 => Found::Load(Some(Arc::new(LoadSpec::Inline(Box::new(tree()))))),
            Slow::Load(_) => {
                Found::Load(Some(Arc::new(LoadSpec::Module(COMMANDS[self.kind as usize].into()))))
            }
            Slow::Alias(_) => Found::Words((self.kind > 1).then(|| text.clone())),
            Slow::Version(_) => Found::Version(Some(text.clone())),
            _ => Found::Rows(rows()),
        })
    }
}

fn anything() -> impl Strategy<Value = Anything> {
    (piece(), 0..6_u8, any::<bool>()).prop_map(|(text, kind, stale)| Anything { text, kind, stale })
}

fn context() -> impl Strategy<Value = Context> {
    let shell = select(&[Shell::Bash, Shell::Zsh, Shell::Fish][..]);
    (shell, piece(), line(), piece()).prop_map(|(shell, name, value, global)| Context {
        shell,
        cwd: "/home/user/project".into(),
        env: BTreeMap::from([("HOME".into(), "/home/user".into()), ("X".into(), value.clone())]),
        aliases: BTreeMap::from([(name.clone(), value.clone()), ("git".into(), format!("git {global}"))]),
        global_aliases: BTreeMap::from([(global, value.clone())]),
        suffix_aliases: BTreeMap::from([("rs".into(), name.clone())]),
        abbreviations: BTreeMap::from([(name, value)]),
        ..Context::default()
    })
}

fn complete(context: &Context, request: &Request, ready: &Anything, settings: &Settings) -> Progress {
    let question =
        Question { context, request, history: &Nothing, usage: &Nothing, world: &Nothing, ready, settings };
    world().0.complete(&question)
}

/// Whether a range of bytes lies in a text, at borders of characters.
fn fits(text: &str, start: u32, end: u32) -> bool {
    text.get(start as usize..end as usize).is_some()
}

/// What is wrong with a row, if anything.
fn flaw(line: &str, row: &Candidate) -> Option<String> {
    let edit = &row.edit;
    let Some(edited) = edit.apply(line) else { return Some(format!("{edit:?} does not fit")) };
    if !edited.is_char_boundary(edit.cursor as usize) {
        return Some(format!("{edit:?} leaves the cursor outside of {edited:?}"));
    }
    if !row.names.contains(&row.name) {
        return Some(format!("{:?} is none of {:?}", row.name, row.names));
    }
    let shown = &row.display;
    let stray = row.matches.iter().find(|(start, end)| !fits(shown, *start, *end));
    stray.map(|range| format!("{range:?} of {shown:?} cannot match"))
}

/// What is wrong with an answer, if anything.
fn flaws(request: &Request, answer: &Answer) -> Option<String> {
    if answer.generation != request.generation {
        return Some("another generation".into());
    }
    if !fits(&request.line, answer.token.start, answer.token.end) {
        return Some(format!("{:?} is no part of the line", answer.token));
    }
    if request.limit > 0 && answer.candidates.len() > request.limit as usize + 1 {
        return Some(format!("{} rows instead of {}", answer.candidates.len(), request.limit));
    }
    answer.candidates.iter().find_map(|row| flaw(&request.line, row))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_typed_is_answered(
        line in line(),
        at in any::<Index>(),
        context in context(),
        ready in anything(),
        fuzzy in any::<bool>(),
        limit in select(&[0_u32, 0, 1, 7][..]),
    ) {
        let cursor = cut(&line, at).len() as u32;
        let settings = Settings { fuzzy_search: fuzzy, ..Settings::default() };
        let request = Request { generation: 3, line, cursor, limit, ..Request::default() };
        let progress = complete(&context, &request, &ready, &settings);
        let flaw = flaws(&request, &progress.answer);
        prop_assert!(flaw.is_none(), "{}", flaw.unwrap_or_default());
        prop_assert_eq!(progress.origins.len(), progress.answer.candidates.len());
        let again = complete(&context, &request, &ready, &settings);
        prop_assert!(again == progress, "another answer to the same question");
        world().0.parse(&context, &request, &ready);
    }

    #[test]
    fn a_cursor_anywhere_is_survived(line in line(), cursor in any::<u32>(), near in 0..64_u32, far in any::<bool>()) {
        let cursor = if far { cursor } else { near };
        let request = Request { generation: 3, line, cursor, ..Request::default() };
        let ready = Anything { text: String::new(), kind: 0, stale: false };
        let answer = complete(&Context::default(), &request, &ready, &Settings::default()).answer;
        let flaw = flaws(&request, &answer);
        prop_assert!(flaw.is_none(), "{}", flaw.unwrap_or_default());
    }
}
