//! A spec that says everything the model can say, as a value and as the source that it is compiled from.
//!
//! The literals name every field, so a field that is added to the model does not compile until it is here too.

use specs::archive::{Archive, encode};
use specs::compile::{Compiled, Corpus, compile};
use specs::model::{
    Alias, Arg, Cache, Deprecated, FilterStrategy, FnRef, Generator, LoadSpec, NativePaths, Opt,
    ParserDirectives, PathFilter, QueryTerm, Repeatable, Script, Spec, Subcommand, Suggestion,
    SuggestionKind, Template, Trigger,
};

/// The source of [`everything`], as module `all`.
pub(crate) const EVERYTHING: &str = include_str!("everything.js");

/// An archive of these modules, compiled, written and read again.
pub(crate) fn archive(modules: &[(&str, &str)]) -> Archive {
    let Compiled { info, modules } = compile(&corpus(modules), 2).unwrap();
    Archive::from_bytes(encode(&info, modules).unwrap()).unwrap()
}

/// A corpus of these modules.
pub(crate) fn corpus(modules: &[(&str, &str)]) -> Corpus {
    Corpus::new("fixture 1.0.0", modules.iter().copied())
}

/// A function of module `all`; the path is written with dots.
fn place(path: &str) -> FnRef {
    FnRef { module: "all".into(), path: path.split('.').map(str::to_owned).collect() }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A spec in which everything is said, but for the choice of versions.
pub(crate) fn everything() -> Spec {
    Spec {
        root: Subcommand {
            names: texts(&["all", "everything"]),
            description: text("All of it on one line"),
            display_name: text("All"),
            insert_value: text("all {cursor}"),
            icon: text("fig://icon?type=box"),
            priority: Some(0.0),
            hidden: true,
            dangerous: true,
            deprecated: Some(Deprecated { description: text("Use none"), insert_value: text("none") }),
            subcommands: vec![
                Subcommand {
                    names: texts(&["first"]),
                    load_spec: Some(LoadSpec::Module("all/first".into())),
                    ..Subcommand::default()
                },
                Subcommand {
                    names: texts(&["second"]),
                    deprecated: Some(Deprecated::default()),
                    requires_subcommand: Some(false),
                    filter_strategy: Some(FilterStrategy::Prefix),
                    ..Subcommand::default()
                },
            ],
            options: options(),
            args: args(),
            additional_suggestions: vec![
                Suggestion { names: texts(&["plain"]), ..Suggestion::default() },
                suggestion(),
            ],
            load_spec: Some(LoadSpec::Function(place("loadSpec"))),
            generate_spec: Some(place("generateSpec")),
            parser: ParserDirectives {
                flags_are_posix_noncompliant: true,
                options_must_precede_arguments: true,
                option_arg_separators: texts(&[":", "="]),
            },
            requires_subcommand: Some(true),
            filter_strategy: Some(FilterStrategy::Fuzzy),
        },
        versions: None,
    }
}

fn options() -> Vec<Opt> {
    let repeated = |name: &str, repeatable| Opt { names: texts(&[name]), repeatable, ..Opt::default() };
    vec![
        Opt {
            names: texts(&["-o", "--option"]),
            description: text("An option"),
            display_name: text("--option=…"),
            insert_value: text("--option="),
            icon: text("⚙"),
            priority: Some(76.5),
            hidden: true,
            dangerous: true,
            deprecated: Some(Deprecated::default()),
            args: vec![Arg { name: text("value"), ..Arg::default() }],
            required: true,
            persistent: true,
            repeatable: Repeatable::Times(3),
            requires_separator: text(":"),
            exclusive_on: texts(&["--other"]),
            depends_on: texts(&["--always"]),
        },
        repeated("--always", Repeatable::Always),
        repeated("--other", Repeatable::Never),
        Opt { names: texts(&["--equals"]), requires_separator: text("="), ..Opt::default() },
        Opt { names: texts(&["--separator"]), requires_separator: text("="), ..Opt::default() },
    ]
}

fn args() -> Vec<Arg> {
    let loaded = Subcommand {
        names: texts(&["inner"]),
        options: vec![Opt { names: texts(&["-i"]), ..Opt::default() }],
        ..Subcommand::default()
    };
    vec![
        Arg {
            name: text("target"),
            description: text("What to do it to"),
            optional: true,
            variadic: true,
            options_can_break_variadic: Some(false),
            suggestions: vec![suggestion()],
            templates: vec![Template::Filepaths, Template::Folders, Template::History, Template::Help],
            generators: generators(),
            default: text("8100"),
            is_command: true,
            is_script: true,
            is_module: text("python/"),
            dangerous: true,
            suggest_current_token: true,
            debounce: Some(200),
            filter_strategy: Some(FilterStrategy::Fuzzy),
            load_spec: Some(LoadSpec::Inline(Box::new(loaded))),
            alias: Some(Alias::Function(place("args.0.parserDirectives.alias"))),
        },
        Arg { name: text("rest"), alias: Some(Alias::Words("ls -l".into())), ..Arg::default() },
    ]
}

fn suggestion() -> Suggestion {
    Suggestion {
        names: texts(&["row", "line"]),
        display_name: text("Row"),
        insert_value: text("row "),
        description: text("A row"),
        icon: text("🦀"),
        kind: Some(SuggestionKind::Special),
        priority: Some(100.0),
        hidden: true,
        dangerous: true,
        deprecated: Some(Deprecated::default()),
    }
}

fn generators() -> Vec<Generator> {
    let at = |path: &str| place(&format!("args.0.generators.{path}"));
    vec![
        Generator {
            script: Some(Script::Command {
                argv: texts(&["ls", "-l"]),
                env: vec![("LC_ALL".into(), "C".into())],
            }),
            custom: None,
            templates: vec![Template::Folders],
            filter_template: Some(at("0.filterTemplateSuggestions")),
            post_process: Some(at("0.postProcess")),
            split_on: text("\n"),
            trigger: Some(Trigger::Function(at("0.trigger"))),
            query_term: Some(QueryTerm::Function(at("0.getQueryTerm"))),
            timeout: Some(15_000),
            cache: Some(Cache { max_age: true, ttl: Some(30_000), by_directory: true, key: text("rows") }),
            native_paths: None,
            native_filter: PathFilter::default(),
        },
        Generator {
            script: Some(Script::Argv(texts(&["git", "branch"]))),
            trigger: Some(Trigger::String("/".into())),
            query_term: Some(QueryTerm::After("/".into())),
            cache: Some(Cache { max_age: false, ttl: None, by_directory: false, key: None }),
            ..Generator::default()
        },
        Generator { script: Some(Script::Function(at("2.script"))), ..Generator::default() },
        Generator {
            custom: Some(at("3.custom")),
            native_paths: Some(NativePaths::Files),
            native_filter: PathFilter {
                extensions: texts(&["tar.gz", "yml"]),
                names: texts(&["Makefile"]),
                folders_too: false,
            },
            ..Generator::default()
        },
        Generator {
            custom: Some(at("4.custom")),
            native_paths: Some(NativePaths::Folders),
            ..Generator::default()
        },
    ]
}
