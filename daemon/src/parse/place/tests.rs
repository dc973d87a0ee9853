//! Lines over small specs, and the functions of specs played by the test.

use std::collections::HashMap;
use std::sync::Mutex;

use specs::model::{ParserDirectives, Repeatable, Suggestion, Versions};

use super::*;
use crate::parse::lex::lex;

/// Specs in memory, and one that the user wrote for a script.
#[derive(Default)]
struct Library {
    specs: HashMap<&'static str, Arc<Spec>>,
    scripts: HashMap<&'static str, Arc<Spec>>,
}

impl Specs for Library {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.specs.get(name).cloned()
    }

    fn commands(&self) -> Vec<String> {
        self.specs.keys().map(|name| name.to_string()).collect()
    }

    fn script(&self, name: &str) -> Option<Arc<Spec>> {
        self.scripts.get(name).cloned()
    }
}

/// What functions say, by the module they are in; what they were asked is kept.
#[derive(Default)]
struct Said {
    answers: HashMap<&'static str, Found>,
    asked: Mutex<Vec<Slow>>,
}

impl Ready for Said {
    fn ready(&self, slow: &Slow) -> Option<Found> {
        self.asked.lock().expect("no panic").push(slow.clone());
        let (Slow::Tree(call) | Slow::Load(call) | Slow::Alias(call) | Slow::Version(call)) = slow else {
            return None;
        };
        self.answers.get(call.function.module.as_str()).cloned()
    }
}

fn function(module: &str) -> FnRef {
    FnRef { module: module.into(), path: vec!["f".into()] }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn sub(name: &str) -> Subcommand {
    Subcommand { names: name.split('|').map(String::from).collect(), ..Subcommand::default() }
}

fn opt(names: &str) -> Opt {
    Opt { names: names.split('|').map(String::from).collect(), ..Opt::default() }
}

fn valued(names: &str, value: &str) -> Opt {
    Opt { args: vec![arg(value)], ..opt(names) }
}

fn arg(name: &str) -> Arg {
    Arg { name: Some(name.into()), ..Arg::default() }
}

fn wrapped() -> Arg {
    Arg { is_command: true, ..arg("command") }
}

fn spec(root: Subcommand) -> Arc<Spec> {
    Arc::new(Spec { root, versions: None })
}

fn git() -> Subcommand {
    Subcommand {
        subcommands: vec![
            Subcommand {
                args: vec![Arg { optional: true, ..arg("branch") }],
                options: vec![opt("-f|--force"), valued("-b", "new")],
                ..sub("checkout|co")
            },
            Subcommand {
                load_spec: Some(LoadSpec::Module("gone".into())),
                options: vec![opt("--own")],
                ..sub("stub")
            },
        ],
        options: vec![valued("-C", "path"), valued("--git-dir", "dir"), opt("--version")],
        args: vec![Arg { optional: true, alias: Some(Alias::Function(function("alias"))), ..arg("alias") }],
        ..sub("git")
    }
}

fn library() -> Library {
    let exec = Subcommand {
        args: vec![arg("container"), wrapped()],
        options: vec![opt("-i"), opt("-t")],
        ..sub("exec")
    };
    let run = Subcommand { args: vec![arg("image"), arg("command")], ..sub("run") };
    let python = Subcommand {
        args: vec![Arg { is_script: true, ..arg("script") }],
        options: vec![
            opt("-i"),
            Opt { args: vec![Arg { is_module: Some("python/".into()), ..arg("module") }], ..opt("-m") },
            Opt { args: vec![wrapped()], ..opt("-c") },
        ],
        ..sub("python")
    };
    let task = Subcommand {
        args: vec![Arg { alias: Some(Alias::Function(function("task"))), is_command: true, ..arg("task") }],
        ..sub("run-task")
    };
    let env = Subcommand {
        args: vec![Arg { optional: true, ..arg("name=value") }, Arg { optional: true, ..wrapped() }],
        options: vec![valued("-u", "name")],
        ..sub("env")
    };
    let ring = Subcommand {
        load_spec: Some(LoadSpec::Module("ring".into())),
        args: vec![arg("round")],
        ..sub("ring")
    };
    let tar = Subcommand {
        subcommands: vec![Subcommand {
            options: vec![opt("z|-z"), valued("f|-f|--file", "file")],
            args: vec![arg("member")],
            ..sub("x|-x|--extract")
        }],
        parser: ParserDirectives { flags_are_posix_noncompliant: true, ..ParserDirectives::default() },
        ..sub("tar")
    };
    let make = Subcommand {
        options: vec![Opt { args: vec![arg("jobs"), arg("target")], ..opt("-j") }, opt("-k")],
        args: vec![arg("goal")],
        ..sub("make")
    };
    let words =
        |name: &'static str, words: &str| Arg { alias: Some(Alias::Words(words.into())), ..arg(name) };
    let short =
        Subcommand { args: vec![words("short", "long x")], subcommands: vec![sub("long")], ..sub("short") };
    let endless = Subcommand { args: vec![words("again", "again")], ..sub("endless") };
    let loads = |function_of: &str| Some(LoadSpec::Function(function(function_of)));
    let create =
        Subcommand { args: vec![Arg { load_spec: loads("load"), ..arg("template") }], ..sub("create") };
    let plugin = Subcommand {
        subcommands: vec![Subcommand { load_spec: loads("load"), ..sub("more") }],
        ..sub("plugin")
    };
    let docker = Subcommand { subcommands: vec![exec, run], options: vec![opt("-l")], ..sub("docker") };
    let sudo = Subcommand { args: vec![wrapped()], options: vec![valued("-u", "user")], ..sub("sudo") };
    let rare =
        Subcommand { options: vec![Opt { repeatable: Repeatable::Times(2), ..opt("-v") }], ..sub("rare") };
    let roots = [
        ("git", git()),
        ("docker", docker),
        ("sudo", sudo),
        ("python", python),
        ("run-task", task),
        ("env", env),
        ("ring", ring),
        ("tar", tar),
        ("make", make),
        ("short", short),
        ("endless", endless),
        ("create", create),
        ("plugin", plugin),
        ("rare", rare),
        ("python/http", sub("http")),
        ("create-app", Subcommand { args: vec![arg("directory")], ..sub("create-app") }),
    ];
    let specs = roots.into_iter().map(|(name, root)| (name, spec(root))).collect();
    let own = Subcommand { args: vec![arg("stage")], ..sub("deploy.py") };
    Library { specs, scripts: HashMap::from([("deploy.py", spec(own))]) }
}

/// The place at the end of a line, in one line: its command, what may come, and how.
fn place_in(library: &Library, said: &Said, line: &str) -> String {
    let lexed = lex(line, line.len(), Shell::Bash);
    let words = &lexed.command().expect("a command").words;
    let mut places = Vec::new();
    let sources = Sources { specs: library, ready: said, trees: &Trees::default() };
    find(sources, words, &mut |place| places.push(shown(place)));
    assert!(places.len() <= 1, "{line}: {places:?}");
    places.pop().unwrap_or_else(|| "none".into())
}

fn shown(place: &Place) -> String {
    let mut out = place.command.join(" ");
    let mut add = |holds: bool, text: &str| {
        if holds {
            out.extend([" ", text])
        }
    };
    add(place.subcommands, "sub");
    add(place.options, "opt");
    add(place.wraps, "wraps");
    add(place.elsewhere, "elsewhere");
    if let Some(Expected { arg, option, .. }) = place.expected {
        let name = arg.name.as_deref().unwrap_or("paths");
        add(true, &if option.is_some() { format!("={name}") } else { format!("<{name}>") });
    }
    out
}

fn place(line: &str) -> String {
    place_in(&library(), &Said::default(), line)
}

#[test]
fn every_line_has_its_place() {
    for (line, expected) in [
        ("git ", "git sub opt <alias>"),
        ("git checkout ", "git checkout sub opt <branch>"),
        // An option of the whole tool behind a subcommand, with the value that it takes there.
        ("git checkout -C ", "git checkout =path"),
        ("git checkout --git-dir=", "git checkout =dir"),
        ("git checkout -C dir ", "git checkout sub opt <branch>"),
        // What the spec does not know is stepped over.
        ("git --new-option checkout ", "git checkout sub opt <branch>"),
        ("git --new-option value checkout ", "git checkout sub opt <branch>"),
        ("git -3 checkout ", "git checkout sub opt <branch>"),
        ("git checkout one two three -", "git checkout opt"),
        ("git checkout -- -f ", "git checkout"),
        // A tree that cannot be found leaves what the spec says of it.
        ("git stub -", "git stub sub opt"),
        ("ring ", "ring sub opt <round>"),
        // No name of JavaScript's own is a subcommand.
        ("git constructor ", "git opt"),
        ("git __proto__ ", "git opt"),
        // Of several values only the first is attached.
        ("make -j4 ", "make sub opt <goal>"),
        ("make -j 4 ", "make =target"),
        ("tar xzf ", "tar x =file"),
        ("tar -xzf a ", "tar x sub opt <member>"),
        ("tar xyz ", "tar sub opt"),
        ("git Ωx Ω ", "git opt"),
        ("git -Ω checkout -Ω=ß ", "git checkout sub opt <branch>"),
        ("rare -v -v -v ", "rare sub opt"),
        ("nosuch --out=", "nosuch sub opt <paths>"),
        ("./x one ", "x opt <paths>"),
        ("bin/console ", "php/bin-console sub opt <paths>"),
    ] {
        assert_eq!(place(line), expected, "{line}");
    }
}

#[test]
fn commands_inside_commands_have_their_own_places() {
    for (line, expected) in [
        ("sudo git checkout ", "git checkout sub opt <branch>"),
        ("sudo ", "sudo sub opt wraps <command>"),
        ("sudo A=1 B=2 git checkout ", "git checkout sub opt <branch>"),
        ("sudo A=1 ", "sudo sub opt wraps <command>"),
        ("sudo -E git checkout ", "git checkout sub opt <branch>"),
        ("sudo -p prompt git checkout ", "git checkout sub opt <branch>"),
        ("sudo --unknown value git checkout ", "git checkout sub opt <branch>"),
        ("sudo nosuch ", "nosuch sub opt <paths>"),
        ("sudo 'git log' ", "sudo opt"),
        ("env A=1 B=2 git checkout ", "git checkout sub opt <branch>"),
        ("env -u A git checkout ", "git checkout sub opt <branch>"),
        ("env git checkout ", "git checkout sub opt <branch>"),
        ("env ", "env sub opt wraps <name=value>"),
        ("env value ", "env opt wraps <command>"),
        ("nice -n 5 git checkout ", "git checkout sub opt <branch>"),
        ("timeout 5 git checkout ", "git checkout sub opt <branch>"),
        ("timeout -s ", "timeout =signal"),
        ("timeout ", "timeout sub opt <duration>"),
        ("python -m http ", "python http sub opt"),
        ("python -m nosuch ", "python nosuch sub opt <paths>"),
        ("python app.py ", "python app.py sub opt <paths>"),
        ("python ./deploy.py ", "python ./deploy.py sub opt <stage>"),
        ("python -c 'print(1)' ", "python sub opt <script>"),
        ("python -c A=1 ", "python sub opt <script>"),
        ("python -c git ", "git sub opt <alias>"),
    ] {
        assert_eq!(place(line), expected, "{line}");
    }
}

#[test]
fn what_runs_elsewhere_is_marked_and_asks_no_function() {
    for (line, expected) in [
        ("docker exec ", "docker exec sub opt <container>"),
        ("docker exec -it web ", "docker exec opt wraps elsewhere <command>"),
        ("docker exec web git checkout ", "git checkout sub opt elsewhere <branch>"),
        ("docker exec web nosuch ", "nosuch sub opt elsewhere <paths>"),
        ("docker exec web sudo ", "sudo sub opt wraps elsewhere <command>"),
        ("docker run image git checkout ", "git checkout sub opt elsewhere <branch>"),
        ("docker run image nosuch ", "docker run opt elsewhere"),
        ("docker -c other exec web ", "docker exec opt wraps elsewhere <command>"),
    ] {
        assert_eq!(place(line), expected, "{line}");
    }
    let said = Said::default();
    place_in(&library(), &said, "docker exec web git shortcut ");
    assert_eq!(said.asked.lock().expect("no panic").len(), 0);
    place_in(&library(), &said, "git shortcut ");
    assert_eq!(said.asked.lock().expect("no panic").len(), 1);
}

#[test]
fn values_stand_for_other_words() {
    let says = |module, words: &str| Said {
        answers: HashMap::from([(module, Found::Words(Some(words.to_string())))]),
        ..Said::default()
    };
    let (co, shell) = (says("alias", "checkout -f"), says("alias", "!sudo git checkout"));
    let build = says("task", "NODE_ENV=x true && git checkout");
    for (said, line, expected) in [
        (&co, "git shortcut ", "git checkout sub opt <branch>"),
        (&co, "git shortcut -b ", "git checkout =new"),
        (&shell, "git shortcut ", "git checkout sub opt <branch>"),
        (&build, "run-task build ", "git checkout sub opt <branch>"),
        (&build, "run-task build main ", "git checkout opt"),
    ] {
        assert_eq!(place_in(&library(), said, line), expected, "{line}");
    }
    assert_eq!(place("short s "), "short long sub opt");
    // Nothing is known yet, or the alias leads nowhere.
    assert_eq!(place("git shortcut "), "git opt");
    assert_eq!(place("run-task build "), "build sub opt <paths>");
    assert_eq!(place("endless again "), "endless opt");
    assert_eq!(place_in(&library(), &says("alias", "shortcut"), "git shortcut "), "git opt");
    assert_eq!(place_in(&library(), &says("alias", ""), "git shortcut "), "git opt");
}

#[test]
fn a_function_says_where_a_tree_is() {
    let load = |load| Said {
        answers: HashMap::from([("load", Found::Load(Some(Arc::new(load))))]),
        ..Said::default()
    };
    let module = load(LoadSpec::Module("create-app".into()));
    let inline =
        load(LoadSpec::Inline(Box::new(Subcommand { args: vec![arg("inner")], ..Subcommand::default() })));
    let again = load(LoadSpec::Function(function("load")));
    for (said, line, expected) in [
        (&module, "create app ", "create app sub opt <directory>"),
        (&inline, "create app ", "create app sub opt <inner>"),
        (&module, "plugin more ", "plugin more sub opt <directory>"),
        (&again, "plugin more ", "plugin more sub opt"),
        (&Said::default(), "plugin more ", "plugin more sub opt"),
        (&Said::default(), "create app ", "create opt"),
    ] {
        assert_eq!(place_in(&library(), said, line), expected, "{line}");
    }
    let said = Said::default();
    place_in(&library(), &said, "create app ");
    let call = Call { function: function("load"), words: strings(&["create"]), token: "app".into() };
    assert_eq!(*said.asked.lock().expect("no panic"), [Slow::Load(call)]);
}

#[test]
fn a_function_adds_to_a_tree_and_is_asked_once_for_all_words() {
    let mut library = library();
    let below = Subcommand { generate_spec: Some(function("below")), args: vec![arg("own")], ..sub("below") };
    let root = Subcommand {
        generate_spec: Some(function("tree")),
        subcommands: vec![below],
        args: vec![Arg { optional: true, ..arg("own") }],
        ..sub("tool")
    };
    library.specs.insert("tool", spec(root));
    library.specs.insert("mask", spec(Subcommand { generate_spec: Some(function("mask")), ..sub("mask") }));
    let tree = |node: Subcommand| Found::Tree(Some(Arc::new(node)));
    let more = Subcommand { subcommands: vec![sub("deploy")], args: vec![arg("theirs")], ..sub("null") };
    let deeper = Subcommand { options: vec![valued("--deep", "depth")], ..sub("below") };
    let said = Said {
        answers: HashMap::from([("tree", tree(more)), ("below", tree(deeper)), ("mask", Found::Tree(None))]),
        ..Said::default()
    };
    for (line, expected) in [
        ("tool ", "tool sub opt <own>"),
        ("tool deploy ", "tool deploy sub opt"),
        ("tool below --deep ", "tool below =depth"),
        ("sudo tool deploy ", "tool deploy sub opt"),
        ("mask --maskfile x ", "mask sub opt"),
    ] {
        assert_eq!(place_in(&library, &said, line), expected, "{line}");
    }
    assert_eq!(place_in(&library, &Said::default(), "tool deploy "), "tool opt");
    let asked = |line: &str| {
        let said = Said::default();
        place_in(&library, &said, line);
        said.asked.into_inner().expect("no panic")
    };
    let call = |module: &str, words: &[&str]| Call {
        function: function(module),
        words: strings(words),
        token: String::new(),
    };
    assert_eq!(asked("tool "), asked("tool one --two thr"));
    assert_eq!(asked("tool x"), [Slow::Tree(call("tree", &["tool"]))]);
    // This one looks at all words.
    assert_eq!(asked("mask --maskfile x y"), [Slow::Tree(call("mask", &["mask", "--maskfile", "x"]))]);
}

#[test]
fn the_installed_version_chooses_the_spec() {
    let mut library = library();
    let version = |name: &str| spec(Subcommand { args: vec![arg(name)], ..sub("az") });
    let versions = Versions {
        version_command: Some(function("version")),
        modules: vec![("1.0.0".into(), "az/1".into()), ("2.0.0".into(), "az/2".into())],
    };
    library.specs.insert("az", Arc::new(Spec { root: sub("az"), versions: Some(versions) }));
    library.specs.insert("az/1", version("old"));
    library.specs.insert("az/2", version("new"));
    for (installed, expected) in
        [(Some("1.5.0"), "old"), (Some("3.0.0"), "new"), (Some("0.1"), "new"), (None, "new")]
    {
        let answers = HashMap::from([("version", Found::Version(installed.map(String::from)))]);
        let place = place_in(&library, &Said { answers, ..Said::default() }, "az ");
        assert_eq!(place, format!("az sub opt <{expected}>"), "{installed:?}");
    }
    assert_eq!(place_in(&library, &Said::default(), "az "), "az sub opt <new>");
}

#[test]
fn endless_wrappers_end() {
    let many = "sudo ".repeat(500);
    assert_eq!(place(&format!("{many}git ")), "sudo opt <paths>");
    let mut library = library();
    let inner = Subcommand { generate_spec: Some(function("tree")), ..sub("again") };
    let tree = Found::Tree(Some(Arc::new(Subcommand { subcommands: vec![inner.clone()], ..sub("again") })));
    library.specs.insert("again", spec(inner));
    let said = Said { answers: HashMap::from([("tree", tree)]), ..Said::default() };
    assert!(place_in(&library, &said, &"again ".repeat(500)).starts_with("again again"));
}

#[test]
fn a_separator_is_not_part_of_a_known_value() {
    let mut library = library();
    let known = |names: &[&str]| Arg {
        suggestions: names
            .iter()
            .map(|name| Suggestion { names: strings(&[name]), ..Suggestion::default() })
            .collect(),
        ..arg("format")
    };
    let output = Opt { args: vec![known(&["json", "yaml"])], ..opt("-o") };
    let root = Subcommand { options: vec![output, valued("-m", "text")], ..sub("get") };
    library.specs.insert("get", spec(root));
    for (line, from) in [("get -o=j", 3), ("get -oj", 2), ("get -m=x", 2)] {
        let lexed = lex(line, line.len(), Shell::Bash);
        let words = &lexed.command().expect("a command").words;
        let sources = Sources { specs: &library, ready: &Said::default(), trees: &Trees::default() };
        let mut found = None;
        find(sources, words, &mut |place| found = Some(place.from));
        assert_eq!(found, Some(from), "{line}");
    }
}

#[test]
fn no_line_is_too_odd() {
    const WORDS: [&str; 32] = [
        "git",
        "sudo",
        "env",
        "docker",
        "exec",
        "run",
        "python",
        "-m",
        "-c",
        "-C",
        "--git-dir=",
        "--git-dir=ü",
        "-Ω",
        "Ω",
        "--",
        "-",
        "=",
        "--=",
        "A=1",
        "xzf",
        "-xzf",
        "-xΩ",
        "tar",
        "-j4",
        "make",
        "checkout",
        "-fb",
        "-fbΩ",
        "''",
        "~",
        "-1",
        "short",
    ];
    let library = library();
    let said = Said {
        answers: HashMap::from([("alias", Found::Words(Some("!sudo git -C x".into())))]),
        ..Said::default()
    };
    // A generator of numbers that are the same each time.
    let mut seed: u32 = 1;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    for _ in 0..4_000 {
        let words: Vec<&str> = (0..2 + next(7)).map(|_| WORDS[next(WORDS.len())]).collect();
        let line = words.join(" ");
        let cursor = if next(2) == 0 { line.clone() + " " } else { line };
        place_in(&library, &said, &format!("git {cursor}"));
        place_in(&library, &said, &format!("sudo {cursor}"));
    }
}
