//! The pipeline on a small library of specs, in a world of a few files: a line goes in, rows and their edits come out.

use protocol::Kind;
use specs::model::{LoadSpec, Opt, Repeatable, Script, Subcommand, Suggestion};

use super::*;
use crate::candidates::Insert;

/// Specs in memory.
struct Library(HashMap<&'static str, Arc<Spec>>);

impl Specs for Library {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.0.get(name).cloned()
    }

    fn commands(&self) -> Vec<String> {
        self.0.keys().map(|name| name.to_string()).collect()
    }

    fn description(&self, name: &str) -> Option<String> {
        (name == "git").then(|| "of the spec".into())
    }
}

/// A few folders, one earlier line.
struct Here;

impl World for Here {
    fn paths(&self, dir: &Path, folders_only: bool, hidden: bool) -> Vec<Draft> {
        let names: &[&str] = match dir.to_str().map(|dir| dir.trim_end_matches('/')) {
            Some("/home/me") => &["My Documents/", "main.rs", "notes.txt", ".profile"],
            Some("/home/me/My Documents") => &["a file.txt"],
            Some("/project") => &["src/", "-n"],
            Some("/project/src") => &["lib.rs"],
            _ => &[],
        };
        let kept = names
            .iter()
            .filter(|name| (!folders_only || name.ends_with('/')) && hidden == name.starts_with('.'));
        let row = |name: &&str| Draft {
            names: vec![name.to_string()],
            insert: Insert::PathEntry,
            kind: if name.ends_with('/') { Kind::Folder } else { Kind::File },
            source: "path".into(),
            space: true,
            ..Draft::default()
        };
        kept.map(row).collect()
    }

    fn executables(&self, dir: &Path, hidden: bool) -> Vec<Draft> {
        let program = Draft { names: vec!["build.sh".into()], ..Draft::default() };
        let folders = self.paths(dir, true, hidden).into_iter();
        folders.chain(dir.starts_with("/project/src").then_some(program)).collect()
    }

    fn commands(&self, _: &Context) -> Vec<Draft> {
        vec![command("getopts")]
    }

    fn programs(&self, _: &Context) -> Arc<Vec<Draft>> {
        Arc::new(["gist", "git", "grep", "sudo", "srm"].map(command).into())
    }

    fn descriptions(&self, _: &Context, programs: &[&str]) -> Vec<Option<String>> {
        programs.iter().map(|program| (*program == "grep").then(|| "Finds lines".into())).collect()
    }

    fn home(&self, user: &str) -> Option<PathBuf> {
        (user == "me").then(|| "/home/me".into())
    }
}

fn command(name: &str) -> Draft {
    Draft { names: vec![name.into()], kind: Kind::Command, space: true, ..Draft::default() }
}

impl History for Here {
    fn continuation(&self, line: &str, _: &Context) -> Option<String> {
        "git commit --amend".strip_prefix(line).filter(|rest| !rest.is_empty()).map(String::from)
    }
}

impl Usage for Here {
    fn boosts(&self, _: &[String], _: &str) -> HashMap<String, f64> {
        [("clone".to_owned(), 10.0)].into()
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn sub(names: &[&str]) -> Subcommand {
    Subcommand { names: strings(names), ..Subcommand::default() }
}

fn opt(names: &[&str]) -> Opt {
    Opt { names: strings(names), ..Opt::default() }
}

fn arg(name: &str) -> Arg {
    Arg { name: Some(name.into()), ..Arg::default() }
}

fn git() -> Subcommand {
    let template = |template| Arg { templates: vec![template], ..arg("path") };
    let value = |name: &str| Suggestion { names: strings(&[name]), ..Suggestion::default() };
    let when = Arg { suggestions: vec![value("always"), value("never")], ..arg("when") };
    let branch =
        Generator { script: Some(Script::Argv(strings(&["git", "branch", "-a"]))), ..Generator::default() };
    let checkout = Subcommand {
        args: vec![Arg { generators: vec![branch], ..arg("branch") }],
        options: vec![opt(&["-b"]), opt(&["-f", "--force"]), Opt { dangerous: true, ..opt(&["--hard"]) }],
        ..sub(&["checkout", "co"])
    };
    let commit = Subcommand {
        options: vec![
            opt(&["-a", "--all"]),
            Opt { args: vec![arg("message")], ..opt(&["-m", "--message"]) },
            Opt { repeatable: Repeatable::Times(2), ..opt(&["-v"]) },
        ],
        ..sub(&["commit"])
    };
    Subcommand {
        subcommands: vec![
            checkout,
            commit,
            sub(&["clone"]),
            Subcommand { args: vec![template(Template::Filepaths)], ..sub(&["add"]) },
            Subcommand { args: vec![template(Template::Folders)], ..sub(&["worktree"]) },
            Subcommand { load_spec: Some(LoadSpec::Module("git/lfs".into())), ..sub(&["lfs"]) },
        ],
        options: vec![
            Opt { args: vec![when], ..opt(&["--color"]) },
            Opt { persistent: true, ..opt(&["--quiet"]) },
        ],
        ..sub(&["git"])
    }
}

fn library() -> Library {
    let wrapper = Arg { is_command: true, ..arg("command") };
    let user = Opt { args: vec![arg("user")], ..opt(&["-u"]) };
    let sudo = Subcommand { args: vec![wrapper], options: vec![user], ..sub(&["sudo"]) };
    let lfs = Subcommand { subcommands: vec![sub(&["pull"])], ..sub(&["lfs"]) };
    let spec = |root| Arc::new(Spec { root, versions: None });
    Library(HashMap::from([("git", spec(git())), ("sudo", spec(sudo)), ("git/lfs", spec(lfs))]))
}

fn context(shell: Shell) -> Context {
    Context {
        shell,
        cwd: "/project".into(),
        env: BTreeMap::from([("HOME".into(), "/home/me".into()), ("HOST".into(), "h".into())]),
        aliases: BTreeMap::from([("g".into(), "git".into())]),
        ..Context::default()
    }
}

/// A question in the world of these tests, of which nothing was fetched yet.
fn question<'a>(context: &'a Context, request: &'a Request, settings: &'a Settings) -> Question<'a> {
    Question { context, request, history: &Here, usage: &Here, world: &Here, ready: &NothingYet, settings }
}

fn progress(marked: &str) -> Progress {
    progress_with(marked, &Settings::default())
}

fn progress_with(marked: &str, settings: &Settings) -> Progress {
    let cursor = marked.find('^').expect("a cursor") as u32;
    let request = Request { generation: 7, line: marked.replacen('^', "", 1), cursor, ..Request::default() };
    let context = context(Shell::Bash);
    let question = question(&context, &request, settings);
    Engine::new(Arc::new(library())).complete(&question)
}

/// The names of the rows at the `^`.
fn names(marked: &str) -> String {
    let rows = progress(marked).answer.candidates;
    rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_spec_says_how_rows_are_matched_or_the_user_does() {
    let level = |name: &str, strategy| Arg {
        suggestions: ["debug", "info"]
            .map(|name| Suggestion { names: strings(&[name]), ..Suggestion::default() })
            .into(),
        filter_strategy: strategy,
        ..arg(name)
    };
    let sub = |name: &str, strategy| Subcommand { args: vec![level("level", strategy)], ..sub(&[name]) };
    let (prefix, fuzzy) = (Some(FilterStrategy::Prefix), Some(FilterStrategy::Fuzzy));
    let root = Subcommand {
        subcommands: vec![sub("prefix", prefix), sub("fuzzy", fuzzy), sub("unsaid", None)],
        ..Subcommand::default()
    };
    let library = Library(HashMap::from([("log", Arc::new(Spec { root, versions: None }))]));
    let engine = Engine::new(Arc::new(library));
    for (line, fuzzy_search, expected) in [
        ("log prefix dg", true, ""),
        ("log fuzzy dg", false, "debug"),
        ("log unsaid dg", false, ""),
        ("log unsaid dg", true, "debug"),
    ] {
        let request = Request { line: line.into(), cursor: line.len() as u32, ..Request::default() };
        let (context, settings) = (context(Shell::Bash), Settings { fuzzy_search, ..Settings::default() });
        let question = question(&context, &request, &settings);
        let rows = engine.complete(&question).answer.candidates;
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.join(" "), expected, "{line}, fuzzy {fuzzy_search}");
    }
}

#[test]
fn every_place_has_its_rows() {
    for (line, expected) in [
        ("git che^", "checkout"),
        ("git c^", "clone checkout commit"),
        ("git commit -^", "--quiet -a -m -v"),
        ("git commit -a -^", "--quiet -m -v"),
        ("git commit -v -^", "--quiet -a -m -v"),
        ("git commit -v -v -^", "--quiet -a -m"),
        ("git commit -a^", "-a -am -av"),
        ("git --color=^", "always never"),
        ("git --color n^", "never"),
        ("git --color=a^x commit", "always"),
        ("git --no-such-thing co^", "co commit"),
        ("git --no-such-thing=1 checkout surplus words -^", "--quiet --hard -b -f"),
        ("git ch^ --force", "checkout"),
        ("git che^ckout x", "checkout"),
        ("/usr/bin/git che^", "checkout"),
        ("sudo -u root git che^", "checkout"),
        ("sudo A=1 git che^", "checkout"),
        ("sudo -E git che^", "checkout"),
        ("sudo g^", "git gist grep"),
        ("sudo src/^", "build.sh"),
        ("g che^", "checkout"),
        ("git lfs ^", "pull"),
        ("git é che^", "checkout"),
        ("git add s^", "src/"),
        ("git add ^", "src/ -n --quiet"),
        ("git worktree ^", "src/ --quiet"),
        ("git add ~/m^", "main.rs My Documents/"),
        ("git add ~me/n^", "notes.txt"),
        ("git add $HOME/n^", "notes.txt"),
        ("git add '$HOME/n^", ""),
        ("git add $(pwd)/n^", ""),
        ("git add ~/My\\ Documents/^", "a file.txt"),
        ("git add ~/.p^", ".profile"),
        ("echo x > s^", "src/"),
        ("FOO=src/^", "lib.rs"),
        ("FOO=~/x:src/^", "lib.rs"),
        ("FOO=(a src/^", "lib.rs"),
        ("for f in src/^", "lib.rs"),
        ("[[ -f src/^", "lib.rs"),
        ("case src/^", ""),
        ("case $HO^", "HOME HOST"),
        ("unknown s^", "src/"),
        ("src/^", "build.sh"),
        ("~/^", "My Documents/"),
        ("..^", ""),
        ("gi^", "git gist"),
        ("g^", "git getopts gist grep"),
        ("^", ""),
        ("git add $HO^", "HOME HOST"),
        ("git add \"${HOM^", "HOME"),
        ("# git ^", ""),
        ("if true; then git che^", "checkout"),
    ] {
        let expected = expected.to_string();
        assert_eq!(names(line), expected, "{line}");
    }
}

#[test]
fn commands_say_what_they_are() {
    let rows = progress("g^").answer.candidates;
    let said: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.description.as_deref())).collect();
    let expected =
        [("git", Some("of the spec")), ("getopts", None), ("gist", None), ("grep", Some("Finds lines"))];
    assert_eq!(said, expected);
}

#[test]
fn folders_may_stand_in_place_of_a_command_but_in_bash() {
    for (shell, expected) in [(Shell::Bash, "srm"), (Shell::Zsh, "srm src/"), (Shell::Fish, "srm src/")] {
        let request = Request { line: "s".into(), cursor: 1, ..Request::default() };
        let (context, settings) = (context(shell), Settings::default());
        let question = question(&context, &request, &settings);
        let rows = Engine::new(Arc::new(library())).complete(&question).answer.candidates;
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.join(" ").replace("sudo ", ""), expected, "{shell:?}");
    }
}

#[test]
fn settings_are_obeyed() {
    let none = Settings::default();
    let fuzzy = Settings { fuzzy_search: true, ..none.clone() };
    let unsorted = Settings { sort_by_usage: false, ..none.clone() };
    let verbose = Settings { prefer_verbose: true, ..none.clone() };
    let disabled = Settings { disabled_for: vec!["git".into()], ..none.clone() };
    let typed = Settings { suggest_current_token: true, ..none.clone() };
    let quiet = Settings { first_token_completion: false, ..none.clone() };
    for (settings, line, expected) in [
        (&none, "git cmt^", ""),
        (&fuzzy, "git cmt^", "commit"),
        (&fuzzy, "gt^", "git getopts gist"),
        (&fuzzy, "git add $OME^", "HOME"),
        (&none, "git c^", "clone checkout commit"),
        (&unsorted, "git c^", "checkout clone commit"),
        (&verbose, "git commit -^", "--quiet --all --message -v"),
        (&disabled, "git c^", ""),
        (&disabled, "/usr/bin/git c^", ""),
        (&disabled, "sudo git c^", ""),
        (&disabled, "g c^", ""),
        (&disabled, "gi^", "git gist"),
        (&disabled, "sudo g^", "git gist grep"),
        (&none, "git add s^", "src/"),
        (&typed, "git add s^", "src/ s"),
        (&quiet, "gi^", ""),
        (&quiet, "src/^", "build.sh"),
        (&quiet, "git c^", "clone checkout commit"),
    ] {
        let rows = progress_with(line, settings).answer.candidates;
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.join(" "), expected, "{line}");
    }
    let ghost = progress_with("gr^", &quiet).answer.ghost;
    assert_eq!(ghost.map(|ghost| ghost.text).as_deref(), Some("ep "));
    let tight = Settings { insert_space: false, ..none };
    for (line, expected) in
        [("git clo^", "clone"), ("git commit -^", "--quiet"), ("git add ~/no^", "notes.txt")]
    {
        let rows = progress_with(line, &tight).answer.candidates;
        assert_eq!(rows.first().map(|row| row.edit.text.as_str()), Some(expected), "{line}");
    }
}

#[test]
fn nothing_is_fetched_for_a_command_that_is_disabled() {
    let disabled = Settings { disabled_for: vec!["git".into()], ..Settings::default() };
    let line = "git checkout ^";
    assert!(!progress(line).slow.is_empty());
    let progress = progress_with(line, &disabled);
    assert!(progress.slow.is_empty() && !progress.answer.pending && progress.answer.argument.is_none());
}

#[test]
fn rows_carry_their_edits() {
    for (line, expected) in [
        ("git che^", "git checkout "),
        ("git commit -a^", "git commit -a"),
        ("git --color=al^", "git --color=always "),
        ("git add \"My^", "git add \"My"),
        ("git add ~/My^", "git add ~/My\\ Documents/"),
        ("git add \"$HOME/My Documents/a^", "git add \"$HOME/My Documents/a file.txt\" "),
        ("git add -^", "git add ./-n "),
        ("echo ${HOM^", "echo ${HOME}"),
    ] {
        let answer = progress(line).answer;
        let before = line.replace('^', "");
        let accepted = answer.candidates.iter().find(|row| row.name != "--quiet");
        let after = accepted.and_then(|row| row.edit.apply(&before)).unwrap_or(before);
        assert_eq!(after, expected, "{line}");
    }
}

#[test]
fn the_answer_says_what_it_is_about() {
    let answer = progress("git co ma^").answer;
    assert_eq!((answer.generation, answer.command.join(" ").as_str()), (7, "git checkout"));
    assert_eq!(answer.token, Token { start: 7, end: 9, text: "ma".into() });
    assert_eq!(answer.argument.map(|argument| argument.name).as_deref(), Some("branch"));
    let attached = progress("git --color=al^").answer;
    assert_eq!((attached.query.as_str(), attached.token.start), ("al", 4));
}

/// The same rows for every generator.
struct Branches;

impl Ready for Branches {
    fn ready(&self, slow: &Slow) -> Option<Found> {
        let Slow::Rows(_) = slow else { return None };
        let branch = |name: &str| Draft { names: strings(&[name]), space: true, ..Draft::default() };
        let drafts = Arc::new(["main", "topic"].map(branch).into());
        Some(Found::Rows(Rows { drafts, ..Rows::default() }))
    }
}

#[test]
fn generators_are_asked_for_and_joined() {
    let first = progress("git checkout ma^");
    assert!(first.answer.pending);
    let [Slow::Rows(generated)] = first.slow.as_slice() else { panic!("{:?}", first.slow) };
    assert_eq!((generated.words.join(" ").as_str(), generated.token.as_str()), ("git checkout", ""));
    let request = Request { line: "git checkout ma".into(), cursor: 15, ..Request::default() };
    let (context, settings) = (context(Shell::Bash), Settings::default());
    let question = Question { ready: &Branches, ..question(&context, &request, &settings) };
    let answer = Engine::new(Arc::new(library())).complete(&question).answer;
    assert_eq!(answer.candidates.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["main"]);
    assert_eq!(answer.ghost.map(|ghost| ghost.text).as_deref(), Some("in "));
    assert!(!answer.pending);
}

#[test]
fn ghost_text_only_adds_at_the_end_of_the_line() {
    let ghost = |line: &str| progress(line).answer.ghost.map(|ghost| (ghost.text, ghost.source));
    assert_eq!(ghost("git com^"), Some(("mit --amend".into(), "history".into())));
    assert_eq!(ghost("git che^"), Some(("ckout ".into(), "spec:git".into())));
    assert_eq!(ghost("git checkout --ha^"), None);
    assert_eq!(ghost("git che^ x"), None);
    assert_eq!(ghost("git ^"), Some(("commit --amend".into(), "history".into())));
    assert_eq!(ghost("^"), None);
}

#[test]
fn bounds_hold() {
    let long = format!("git {}^", "a".repeat(MAX_LINE));
    assert_eq!(progress(&long).answer.candidates, []);
    let request = Request { line: "é".into(), cursor: 1, ..Request::default() };
    let (context, settings) = (context(Shell::Bash), Settings::default());
    let question = question(&context, &request, &settings);
    let engine = Engine::new(Arc::new(library()));
    assert_eq!(engine.complete(&question).answer.candidates, []);
    assert_eq!(engine.parse(&context, &request, &NothingYet).commands, []);
    let limited = Request { line: "git ".into(), cursor: 4, limit: 2, ..Request::default() };
    assert_eq!(engine.complete(&Question { request: &limited, ..question }).answer.candidates.len(), 2);
}

#[test]
fn what_was_understood_is_told() {
    let request = Request { line: "A=1 git commit -a >x -".into(), cursor: 22, ..Request::default() };
    let parsed = Engine::new(Arc::new(library())).parse(&context(Shell::Bash), &request, &NothingYet);
    let command = &parsed.commands[parsed.current as usize];
    assert_eq!(command.assignments, ["A=1"]);
    assert_eq!(command.redirects, [">x"]);
    assert_eq!(command.words.last().map(|word| (word.start, word.end)), Some((21, 22)));
    assert_eq!(parsed.passed_options, ["-a"]);
    assert!(parsed.expects.options && parsed.expects.argument.is_none());
}
