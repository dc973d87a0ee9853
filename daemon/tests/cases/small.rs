//! A small spec, walked as the reference walks it.

use std::collections::HashMap;
use std::sync::Arc;

use daemon::engine::{Engine, Specs};
use protocol::{Context, Expects};
use serde_json::Value;
use specs::model::{Arg, LoadSpec, Opt, ParserDirectives, Spec, Subcommand};

use crate::support::{Desk, cases, names, read, request, strings, text};

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

/// Why a row is not compared.
const DEPARTURES: [(&str, &str); 1] =
    [("pa-79", "a first word is what a shell can run, not the argument of a spec of its own")];

#[test]
fn a_small_spec_is_walked_alike() {
    let file: Value = serde_json::from_str(&read("parse_arguments.specs.json")).expect("JSON");
    let spec = |value: &Value| Arc::new(Spec { root: subcommand(value), versions: None });
    let all = file["specs"].as_object().expect("specs").iter();
    let engine = Engine::new(Arc::new(Plain(all.map(|(name, value)| (name.clone(), spec(value))).collect())));
    let context = Context::default();
    for case in cases("parse_arguments.jsonl") {
        let (id, request) = (text(&case, "id"), request(&case));
        let desk = Desk::bare(&engine, &context);
        let parsed = desk.parse(&request);
        let expected = &case["expected"];
        if let Some((_, why)) = DEPARTURES.iter().find(|(departing, _)| *departing == id) {
            assert_ne!(expected["node"], "cmd", "{id}: {why}");
            assert_eq!((parsed.expects, parsed.query.as_str()), (Expects::default(), "cmd"), "{id}: {why}");
            continue;
        }
        let mine = parsed.expects.argument.and_then(|argument| argument.name);
        let found = (parsed.expects.subcommands, parsed.expects.options, mine, parsed.query);
        let name = expected["arg"].as_str().map(String::from);
        let wanted = (
            expected["subcommands"] == true,
            expected["options"] == true,
            name,
            text(expected, "searchTerm").into(),
        );
        assert_eq!(found, wanted, "{id} {:?}", request.line);
        assert_eq!(parsed.passed_options, strings(&case["passed"]), "{id} {:?}", request.line);
        let rows = desk.complete(&request).candidates;
        let rows: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let wanted: Vec<&str> =
            case["names"].as_array().into_iter().flatten().filter_map(|row| row[1].as_str()).collect();
        assert_eq!(rows, wanted, "{id} {:?}", request.line);
    }
}
