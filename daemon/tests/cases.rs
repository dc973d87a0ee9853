//! Replays lines with known answers (see `cases/README.md`) against the engine and the real archive.
//!
//! Rows are compared tier by tier: which rows, in which order of tiers. `Q_CASES` names another folder of cases;
//! `Q_ARCHIVE` another archive than `target/q/specs.qa`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use daemon::candidates::Draft;
use daemon::engine::{Engine, History, Question, Specs, Usage, World};
use daemon::rank::{Group, rank};
use daemon::settings::Settings;
use daemon::slow::NothingYet;
use protocol::{Answer, Candidate, Context, Kind, Parsed, Request, Shell};
use serde_json::Value;
use specs::archive::Archive;
use specs::model::{Arg, LoadSpec, Opt, ParserDirectives, Spec, Subcommand};

/// The archive, every spec decoded once.
struct Library {
    archive: Archive,
    decoded: Mutex<HashMap<String, Option<Arc<Spec>>>>,
}

impl Specs for Library {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        let mut decoded = self.decoded.lock().expect("no test panics with the lock held");
        let read = || self.archive.spec(name).expect("an intact archive").map(Arc::new);
        decoded.entry(name.to_string()).or_insert_with(read).clone()
    }

    fn commands(&self) -> Vec<String> {
        Vec::new()
    }
}

/// No files, no history, no usage: the answers were recorded without.
struct Nothing;

impl World for Nothing {
    fn paths(&self, _: &Path, _: bool, _: bool) -> Vec<Draft> {
        Vec::new()
    }

    fn commands(&self, _: &Context) -> Vec<Draft> {
        Vec::new()
    }

    fn home(&self, _: &str) -> Option<PathBuf> {
        None
    }
}

impl History for Nothing {
    fn continuation(&self, _: &str, _: &Context) -> Option<String> {
        None
    }
}

impl Usage for Nothing {
    fn boost(&self, _: &[String], _: &str, _: &str) -> f64 {
        0.0
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn engine() -> Engine {
    let path = std::env::var_os("Q_ARCHIVE").map_or_else(|| root().join("target/q/specs.qa"), PathBuf::from);
    let archive = Archive::open(&path).unwrap_or_else(|error| {
        panic!(
            "{error}\nThe cases need the spec archive: run `cargo specc build --out target/q/specs.qa` first."
        )
    });
    Engine::new(Arc::new(Library { archive, decoded: Mutex::default() }))
}

fn cases(file: &str) -> Vec<Value> {
    let dir = std::env::var_os("Q_CASES").map_or_else(|| root().join("daemon/tests/cases"), PathBuf::from);
    let path = dir.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_default()
}

/// The line of a case and where its cursor is; the cases count in UTF-16.
fn request(case: &Value) -> Request {
    let line = text(case, "buffer").to_string();
    let units = case["cursor"].as_u64().map_or(usize::MAX, |units| units as usize);
    let mut left = units;
    let before = line.chars().take_while(|c| {
        let fits = left >= c.len_utf16();
        left = left.saturating_sub(c.len_utf16());
        fits
    });
    let cursor = before.map(char::len_utf8).sum::<usize>() as u32;
    Request { generation: 1, line, cursor, ..Request::default() }
}

fn context(case: &Value) -> Context {
    let aliases = case["aliases"].as_object().into_iter().flatten();
    Context {
        cwd: "/home/user/project".into(),
        env: BTreeMap::from([("HOME".into(), "/home/user".into())]),
        aliases: aliases
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into()))
            .collect(),
        ..Context::default()
    }
}

fn complete(engine: &Engine, context: &Context, request: &Request) -> Answer {
    let question = Question {
        context,
        request,
        history: &Nothing,
        usage: &Nothing,
        world: &Nothing,
        ready: &NothingYet,
        settings: &Settings::default(),
    };
    engine.complete(&question).answer
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(String::from)).collect()
}

/// What differs in the rows, if anything.
fn rows_differ(case: &Value, answer: &Answer) -> Option<String> {
    // The names of sibling subcommands come from a generator, and those did not run.
    if strings(&case["arg"]["templates"]).iter().any(|template| template == "help") {
        return None;
    }
    let mine: Vec<&str> = answer.candidates.iter().map(|row| row.name.as_str()).collect();
    let wanted: Vec<&str> =
        case["names"].as_array()?.iter().map(|row| row[1].as_str().unwrap_or_default()).collect();
    let total = case["total"].as_u64()? as usize;
    // Beyond 50 rows the recorded lists have equal rows twice.
    let count_agrees = mine.len() == total || total > 50 && mine.len() <= total && mine.len() >= wanted.len();
    if !count_agrees {
        return Some(format!("{} rows instead of {total}: {mine:?} instead of {wanted:?}", mine.len()));
    }
    let tiers: Vec<usize> = match case["tiers"].as_array() {
        Some(tiers) => tiers.iter().filter_map(|tier| tier.as_u64().map(|tier| tier as usize)).collect(),
        None => vec![wanted.len()],
    };
    let mut at = 0;
    for tier in tiers {
        let end = (at + tier).min(wanted.len());
        let cut_off = end == wanted.len() && total > wanted.len();
        let mut tier: Vec<&str> = wanted[at..end].to_vec();
        let mut rows: Vec<&str> =
            mine[at.min(mine.len())..if cut_off { mine.len() } else { end.min(mine.len()) }].to_vec();
        tier.sort_unstable();
        rows.sort_unstable();
        let agrees = if cut_off { tier.iter().all(|name| rows.contains(name)) } else { tier == rows };
        if !agrees {
            return Some(format!("rows {at}..{end} are {rows:?} instead of {tier:?}"));
        }
        at = end;
    }
    None
}

/// What differs in what accepting the rows does, if anything: the text that a spec inserts, and the space behind it.
fn edits_differ(case: &Value, answer: &Answer) -> Option<String> {
    let spaces = text(case, "space");
    let rows = case["names"].as_array()?;
    // Inside a line the space may be there already.
    let at_end = case["cursor"].is_null();
    rows.iter().zip(spaces.chars()).find_map(|(row, space)| edit_differs(row, space == '1', at_end, answer))
}

fn edit_differs(row: &Value, space: bool, at_end: bool, answer: &Answer) -> Option<String> {
    let name = row[1].as_str().unwrap_or_default();
    let rows = || answer.candidates.iter().filter(|mine| mine.name == name);
    // Where the recorded insertion is only the quoted name, how it is quoted is the shell's business.
    let verbatim = row[2]["insert"].as_str().filter(|wanted| wanted.trim_matches('\'') != name);
    if let Some(wanted) = verbatim {
        let agrees = rows().any(|mine| inserts(mine, wanted));
        return (!agrees).then(|| format!("{name} does not insert {wanted:?}"));
    }
    let lacks = space && rows().all(|mine| !mine.edit.text.ends_with(' ') && mine.kind != Kind::Arg);
    (lacks && at_end && rows().count() > 0 && row[2].is_null()).then(|| format!("{name} inserts no space"))
}

/// Whether a row inserts this text, with the cursor where `{cursor}` is.
fn inserts(mine: &Candidate, wanted: &str) -> bool {
    let cursor = (mine.edit.cursor - mine.edit.start) as usize;
    let at = wanted.find("{cursor}");
    let wanted: String = wanted.replace("{cursor}", "").chars().filter(|c| !c.is_control()).collect();
    mine.edit.text.trim_end() == wanted.trim_end() && at.is_none_or(|at| at == cursor)
}

/// What differs in what was understood, if anything.
fn parse_differs(case: &Value, parsed: &Parsed) -> Option<String> {
    let command = parsed.commands.get(parsed.current as usize);
    let words: Vec<String> =
        command.into_iter().flat_map(|command| &command.words).map(|word| word.text.clone()).collect();
    let tokens = strings(&case["tokens"]);
    if words != tokens {
        return Some(format!("words {words:?} instead of {tokens:?}"));
    }
    if parsed.query != text(case, "searchTerm") {
        return Some(format!("query {:?} instead of {:?}", parsed.query, text(case, "searchTerm")));
    }
    let passed = strings(&case["passed"]);
    if parsed.passed_options != passed {
        return Some(format!("passed {:?} instead of {passed:?}", parsed.passed_options));
    }
    let expects = &case["expects"];
    let mine = (parsed.expects.subcommands, parsed.expects.options);
    let wanted = (expects["subcommands"] == true, expects["options"] == true);
    if mine != wanted {
        return Some(format!("expects subcommands, options {mine:?} instead of {wanted:?}"));
    }
    let describe = |of: &str, name: Option<&str>, index: u64, variadic: bool, optional: bool| {
        format!("{of} {name:?} {index} variadic {variadic} optional {optional}")
    };
    let mine = parsed.expects.argument.as_ref().map(|argument| {
        describe(
            &argument.of,
            argument.name.as_deref(),
            argument.index.into(),
            argument.variadic,
            argument.optional,
        )
    });
    let wanted = case["arg"].as_object().map(|arg| {
        let says = |field: &str| arg[field] == true;
        let index = arg["index"].as_u64().unwrap_or(0);
        describe(
            arg["of"].as_str().unwrap_or(""),
            arg["name"].as_str(),
            index,
            says("variadic"),
            says("optional"),
        )
    });
    (mine != wanted).then(|| format!("argument {mine:?} instead of {wanted:?}"))
}

/// Classes whose answers are right by the rules of the format.
const TRUSTED: [&str; 28] = [
    "subcmd_empty",
    "subcmd_prefix",
    "subcmd_exact",
    "case_fold",
    "opt_dash",
    "opt_prefix",
    "opt_after_flag",
    "opt_exclusive",
    "opt_depends",
    "opt_repeatable",
    "optarg_space",
    "optarg_equals",
    "opt_posix_noncompliant",
    "opt_persistent",
    "arg_static",
    "arg_first",
    "arg_second",
    "args_then_options",
    "end_of_options",
    "load_spec",
    "load_spec_big",
    "wrapper",
    "shell_ops",
    "subshell",
    "hidden_exact",
    "priority_sort",
    "insert_display",
    "hand",
];

/// Where the recorded answer is wrong or a choice that is not ours, by case, with the reason.
const EXCEPTIONS: [(&str, &str); 9] = [
    ("opt_dash-027", FUZZY),
    ("hand-207", FUZZY),
    ("opt_after_flag-090", EXCLUSIVE),
    ("opt_depends-051", EXCLUSIVE),
    ("hidden_exact-121", DANGEROUS),
    ("priority_sort-008", DANGEROUS),
    ("hand-320", UNKNOWN_OPTION),
    ("hand-337", UNKNOWN_OPTION),
    ("hand-496", "a path in the place of a command is completed as a path"),
];

const FUZZY: &str = "rows that match letter by letter are ordered by another matcher";
const EXCLUSIVE: &str = "exclusion is mutual: an option that excludes a given one is not offered either";
const DANGEROUS: &str = "a dangerous row is never the first";
const UNKNOWN_OPTION: &str = "an option that the spec does not know is an option, not a value";

fn replay(file: &str) -> (String, Vec<String>) {
    let engine = engine();
    let mut tally: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    for case in cases(file) {
        if case["ok"] != true || !case["dev"].is_null() {
            continue;
        }
        let (request, context) = (request(&case), context(&case));
        let answer = complete(&engine, &context, &request);
        let parsed = engine.parse(&context, &request, &NothingYet);
        let found = parse_differs(&case, &parsed)
            .or_else(|| rows_differ(&case, &answer))
            .or_else(|| edits_differ(&case, &answer));
        let class = text(&case, "class");
        let (all, good) = tally.entry(class.to_string()).or_default();
        *all += 1;
        *good += usize::from(found.is_none());
        let excepted = EXCEPTIONS.iter().any(|(id, _)| *id == text(&case, "id"));
        if let Some(found) = found.filter(|_| !excepted) {
            let gate = if TRUSTED.contains(&class) { "A" } else { "-" };
            failures.push(format!("{gate} {} {:?}: {found}", text(&case, "id"), text(&case, "buffer")));
        }
    }
    let lines = tally.iter().map(|(class, (all, good))| format!("{class}: {good} of {all}\n"));
    (lines.collect(), failures)
}

#[test]
fn recorded_lines_are_answered_alike() {
    let mut gated = Vec::new();
    for file in ["corpus.jsonl", "hand.jsonl"] {
        let (tally, failures) = replay(file);
        println!("{tally}{}", failures.join("\n"));
        gated.extend(failures.into_iter().filter(|failure| failure.starts_with('A')));
    }
    assert!(gated.is_empty(), "{} lines differ:\n{gated:#?}", gated.len());
}

#[test]
fn exceptions_are_still_exceptions() {
    let engine = engine();
    for case in ["corpus.jsonl", "hand.jsonl"].into_iter().flat_map(cases) {
        let Some((id, why)) = EXCEPTIONS.iter().find(|(id, _)| *id == text(&case, "id")) else { continue };
        let (request, context) = (request(&case), context(&case));
        let parsed = parse_differs(&case, &engine.parse(&context, &request, &NothingYet));
        let differs = parsed.or_else(|| rows_differ(&case, &complete(&engine, &context, &request)));
        assert!(differs.is_some(), "{id} is answered alike: it needs no exception ({why})");
    }
}

#[test]
fn words_are_split_alike() {
    for case in cases("shell_parser.jsonl").into_iter().filter(|case| case["mark"].is_null()) {
        for (field, suffix) in [("words", ""), ("words_after_space", " ")] {
            let line = format!("{}{suffix}", text(&case, "input"));
            // Without a command at the end there is an empty first word for us, and nothing recorded.
            let Some(wanted) = case[field].as_array().map(|_| strings(&case[field])) else { continue };
            let cursor = line.len();
            let lexed = daemon::parse::lex::lex(&line, cursor, Shell::Bash);
            let words: Vec<String> = lexed
                .command()
                .into_iter()
                .flat_map(|command| &command.words)
                .map(|word| word.text.clone())
                .collect();
            let nothing = wanted == [""] && words.is_empty();
            assert!(
                nothing || words == wanted,
                "{} {line:?}: {words:?} instead of {wanted:?}",
                text(&case, "id")
            );
        }
    }
}

#[test]
fn rows_are_ordered_alike() {
    for case in
        cases("filter_rank.jsonl").into_iter().filter(|case| case["op"] == "rank" && case["mark"].is_null())
    {
        let drafts: Vec<Draft> = case["suggestions"].as_array().into_iter().flatten().map(draft).collect();
        let query = text(&case, "query").to_string();
        let fuzzy = case["settings"]["fuzzySearch"] == true;
        let rows = rank(vec![Group { query, from: 0, drafts }], fuzzy, 0, |_| 0.0);
        let mut mine: Vec<&str> = rows.iter().map(|row| row.draft.names[0].as_str()).collect();
        let mut wanted = strings(&case["expected"]);
        if fuzzy {
            // Another matcher: the same rows in an order of its own.
            mine.sort_unstable();
            wanted.sort_unstable();
        }
        assert_eq!(mine, wanted, "{}", text(&case, "id"));
    }
}

fn draft(suggestion: &Value) -> Draft {
    Draft {
        names: names(&suggestion["name"]),
        priority: suggestion["priority"].as_f64(),
        hidden: suggestion["hidden"] == true,
        ..Draft::default()
    }
}

/// A name or a list of names.
fn names(value: &Value) -> Vec<String> {
    value.as_str().map_or_else(|| strings(value), |name| vec![name.to_string()])
}

/// Specs as plain JSON of the Fig format, as far as `parse_arguments.specs.json` goes.
struct Plain(HashMap<String, Arc<Spec>>);

impl Specs for Plain {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.0.get(name).cloned()
    }

    fn commands(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

fn items<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    match value {
        Value::Array(items) => items.iter().map(read).collect(),
        Value::Null => Vec::new(),
        one => vec![read(one)],
    }
}

fn subcommand(value: &Value) -> Subcommand {
    let directives = &value["parserDirectives"];
    Subcommand {
        names: names(&value["name"]),
        subcommands: items(&value["subcommands"], subcommand),
        options: items(&value["options"], option),
        args: items(&value["args"], arg),
        load_spec: value["loadSpec"].as_str().map(|module| LoadSpec::Module(module.into())),
        parser: ParserDirectives {
            flags_are_posix_noncompliant: directives["flagsArePosixNoncompliant"] == true,
            options_must_precede_arguments: directives["optionsMustPrecedeArguments"] == true,
            option_arg_separators: names(&directives["optionArgSeparators"]),
        },
        ..Subcommand::default()
    }
}

fn option(value: &Value) -> Opt {
    let equals = (value["requiresEquals"] == true).then(|| "=".to_string());
    Opt {
        names: names(&value["name"]),
        args: items(&value["args"], arg),
        persistent: value["isPersistent"] == true,
        requires_separator: value["requiresSeparator"].as_str().map(String::from).or(equals),
        ..Opt::default()
    }
}

fn arg(value: &Value) -> Arg {
    Arg {
        name: value["name"].as_str().map(String::from),
        optional: value["isOptional"] == true,
        variadic: value["isVariadic"] == true,
        is_command: value["isCommand"] == true,
        is_module: value["isModule"].as_str().map(String::from),
        options_can_break_variadic: value["optionsCanBreakVariadicArg"].as_bool(),
        ..Arg::default()
    }
}

#[test]
fn a_small_spec_is_walked_alike() {
    let specs = std::fs::read_to_string(root().join("daemon/tests/cases/parse_arguments.specs.json"))
        .expect("the specs");
    let specs: Value = serde_json::from_str(&specs).expect("JSON");
    let spec = |value: &Value| Arc::new(Spec { root: subcommand(value), versions: None });
    let specs =
        specs.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), spec(value))).collect();
    let engine = Engine::new(Arc::new(Plain(specs)));
    for case in cases("parse_arguments.jsonl").into_iter().filter(|case| case["mark"].is_null()) {
        let (request, expected) = (request(&case), &case["expected"]);
        if expected["node"] == "firstTokenSpec" {
            continue;
        }
        let parsed = engine.parse(&Context::default(), &request, &NothingYet);
        let mine = parsed.expects.argument.and_then(|argument| argument.name);
        let found = (parsed.expects.subcommands, parsed.expects.options, mine, parsed.query);
        let name = expected["arg"].as_str().map(String::from);
        let wanted = (
            expected["subcommands"] == true,
            expected["options"] == true,
            name,
            text(expected, "searchTerm").into(),
        );
        assert_eq!(found, wanted, "{} {:?}", text(&case, "id"), request.line);
    }
}
