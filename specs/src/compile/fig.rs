//! The Fig format: what the values of a module mean as a spec.
//!
//! Pure data in, pure data out. A property of the wrong kind counts as absent and a node without a name is dropped, as
//! the hosts of this format do; the corpus has all of that. Properties that no host reads are ignored.

use super::raw::{Function, Raw};
use super::text;
use crate::model::{
    Alias, Arg, Cache, Deprecated, FilterStrategy, FnRef, Generator, LoadSpec, Opt, ParserDirectives,
    QueryTerm, Repeatable, Script, Spec, Subcommand, Suggestion, SuggestionKind, Template, Trigger,
};

/// What `debounce: true` means, in milliseconds; the format documents it so.
const DEBOUNCE: u32 = 200;

/// The separator of `requiresSeparator: true` and of `requiresEquals`.
const EQUALS: &str = "=";

/// The spec of a default export that is an object. `fallback` is the command's name should it have none of its own.
pub(super) fn spec(raw: &Raw, fallback: &str) -> Spec {
    let mut root = node(raw);
    if root.names.is_empty() {
        root.names.push(fallback.to_owned());
    }
    Spec { root, versions: None }
}

/// A subcommand; one without a name is none.
fn subcommand(raw: &Raw) -> Option<Subcommand> {
    let node = node(raw);
    (!node.names.is_empty()).then_some(node)
}

/// A subcommand, a root, or an inline spec, with whatever name it has.
pub(super) fn node(raw: &Raw) -> Subcommand {
    let parser = raw.get("parserDirectives");
    let row = Row::of(raw);
    Subcommand {
        names: row.names,
        description: row.description,
        display_name: row.display_name,
        insert_value: row.insert_value,
        icon: row.icon,
        priority: row.priority,
        hidden: row.hidden,
        dangerous: row.dangerous,
        deprecated: row.deprecated,
        subcommands: each(raw, "subcommands", subcommand),
        options: each(raw, "options", option),
        args: each(raw, "args", arg),
        additional_suggestions: each(raw, "additionalSuggestions", suggestion),
        load_spec: raw.get("loadSpec").and_then(load_spec),
        generate_spec: function(raw, "generateSpec"),
        parser: parser.map(directives).unwrap_or_default(),
        requires_subcommand: boolean(raw, "requiresSubcommand"),
        filter_strategy: filter_strategy(raw),
    }
}

fn directives(raw: &Raw) -> ParserDirectives {
    ParserDirectives {
        flags_are_posix_noncompliant: flag(raw, "flagsArePosixNoncompliant"),
        options_must_precede_arguments: flag(raw, "optionsMustPrecedeArguments"),
        option_arg_separators: strings(raw, "optionArgSeparators"),
    }
}

fn option(raw: &Raw) -> Option<Opt> {
    let row = Row::of(raw);
    if row.names.is_empty() {
        return None;
    }
    Some(Opt {
        names: row.names,
        description: row.description,
        display_name: row.display_name,
        insert_value: row.insert_value,
        icon: row.icon,
        priority: row.priority,
        hidden: row.hidden,
        dangerous: row.dangerous,
        deprecated: row.deprecated,
        args: each(raw, "args", arg),
        required: flag(raw, "isRequired"),
        persistent: flag(raw, "isPersistent"),
        repeatable: repeatable(raw),
        requires_separator: requires_separator(raw),
        exclusive_on: strings(raw, "exclusiveOn"),
        depends_on: strings(raw, "dependsOn"),
    })
}

fn repeatable(raw: &Raw) -> Repeatable {
    match raw.get("isRepeatable") {
        Some(Raw::Bool(true)) => Repeatable::Always,
        Some(Raw::Bool(false)) => Repeatable::Never,
        Some(Raw::Number(times)) if *times >= 1.0 => Repeatable::Times(whole(*times)),
        _ => Repeatable::Unsaid,
    }
}

fn requires_separator(raw: &Raw) -> Option<String> {
    match raw.get("requiresSeparator") {
        Some(Raw::Text(separator)) if !separator.is_empty() => Some(separator.clone()),
        Some(Raw::Bool(true)) => Some(EQUALS.to_owned()),
        _ => flag(raw, "requiresEquals").then(|| EQUALS.to_owned()),
    }
}

fn arg(raw: &Raw) -> Option<Arg> {
    if !raw.is_object() {
        return None;
    }
    Some(Arg {
        name: string(raw, "name").filter(|name| !name.is_empty()),
        description: description(raw),
        optional: flag(raw, "isOptional"),
        variadic: flag(raw, "isVariadic"),
        options_can_break_variadic: boolean(raw, "optionsCanBreakVariadicArg"),
        suggestions: each(raw, "suggestions", suggestion),
        templates: each(raw, "template", template),
        generators: each(raw, "generators", generator),
        default: raw.get("default").and_then(Raw::text),
        is_command: flag(raw, "isCommand"),
        is_script: flag(raw, "isScript"),
        is_module: string(raw, "isModule"),
        dangerous: flag(raw, "isDangerous"),
        suggest_current_token: flag(raw, "suggestCurrentToken"),
        debounce: flag(raw, "debounce").then_some(DEBOUNCE),
        filter_strategy: filter_strategy(raw),
        load_spec: raw.get("loadSpec").and_then(load_spec),
        alias: raw.get("parserDirectives").and_then(alias),
    })
}

fn alias(directives: &Raw) -> Option<Alias> {
    match directives.get("alias")? {
        Raw::Text(words) => Some(Alias::Words(words.clone())),
        Raw::Function(function) => Some(Alias::Function(function.place.clone())),
        _ => None,
    }
}

/// A plain string is a row of that name.
fn suggestion(raw: &Raw) -> Option<Suggestion> {
    let row = match raw {
        Raw::Text(name) => Row { names: text::names([name.as_str()]), ..Row::default() },
        _ => Row::of(raw),
    };
    if row.names.is_empty() {
        return None;
    }
    Some(Suggestion {
        names: row.names,
        display_name: row.display_name,
        insert_value: row.insert_value,
        description: row.description,
        icon: row.icon,
        kind: raw.get("type").and_then(kind),
        priority: row.priority,
        hidden: row.hidden,
        dangerous: row.dangerous,
        deprecated: row.deprecated,
    })
}

fn kind(raw: &Raw) -> Option<SuggestionKind> {
    let Raw::Text(kind) = raw else { return None };
    match kind.as_str() {
        "arg" | "argument" => Some(SuggestionKind::Arg),
        "subcommand" => Some(SuggestionKind::Subcommand),
        "option" => Some(SuggestionKind::Option),
        "file" => Some(SuggestionKind::File),
        "folder" => Some(SuggestionKind::Folder),
        "shortcut" | "special" => Some(SuggestionKind::Special),
        _ => None,
    }
}

fn template(raw: &Raw) -> Option<Template> {
    let Raw::Text(template) = raw else { return None };
    match template.as_str() {
        "filepaths" => Some(Template::Filepaths),
        "folders" => Some(Template::Folders),
        "history" => Some(Template::History),
        "help" => Some(Template::Help),
        _ => None,
    }
}

fn generator(raw: &Raw) -> Option<Generator> {
    if !raw.is_object() {
        return None;
    }
    let custom = raw.get("custom").and_then(Raw::function);
    let (native_paths, native_filter) = custom.and_then(|custom| custom.paths.clone()).unzip();
    Some(Generator {
        // Where there are both, hosts only run the function.
        script: if custom.is_none() { raw.get("script").and_then(script) } else { None },
        custom: custom.map(reference),
        templates: each(raw, "template", template),
        filter_template: function(raw, "filterTemplateSuggestions"),
        post_process: function(raw, "postProcess"),
        split_on: string(raw, "splitOn"),
        trigger: raw.get("trigger").and_then(trigger),
        query_term: raw.get("getQueryTerm").and_then(query_term),
        timeout: raw.get("scriptTimeout").and_then(Raw::number).map(whole),
        cache: raw.get("cache").and_then(cache),
        native_paths,
        native_filter: native_filter.unwrap_or_default(),
    })
}

fn script(raw: &Raw) -> Option<Script> {
    match raw {
        Raw::List(_) => Some(texts(raw)).filter(|argv| !argv.is_empty()).map(Script::Argv),
        // The form of old: a line for the shell.
        Raw::Text(line) => Some(Script::Argv(vec!["sh".into(), "-c".into(), line.clone()])),
        Raw::Function(function) => Some(Script::Function(reference(function))),
        Raw::Object(_) => command(raw),
        _ => None,
    }
}

fn command(raw: &Raw) -> Option<Script> {
    let mut argv = vec![string(raw, "command")?];
    argv.extend(strings(raw, "args"));
    let env = match raw.get("env") {
        Some(Raw::Object(variables)) => {
            variables.iter().filter_map(|(name, value)| Some((name.clone(), value.text()?))).collect()
        }
        _ => Vec::new(),
    };
    Some(Script::Command { argv, env })
}

fn trigger(raw: &Raw) -> Option<Trigger> {
    match raw {
        Raw::Text(text) => Some(Trigger::String(text.clone())),
        Raw::Function(function) => Some(Trigger::Function(reference(function))),
        _ => None,
    }
}

fn query_term(raw: &Raw) -> Option<QueryTerm> {
    match raw {
        Raw::Text(text) => Some(QueryTerm::After(text.clone())),
        Raw::Function(function) => Some(QueryTerm::Function(reference(function))),
        _ => None,
    }
}

fn cache(raw: &Raw) -> Option<Cache> {
    if !raw.is_object() {
        return None;
    }
    Some(Cache {
        max_age: string(raw, "strategy").is_some_and(|strategy| strategy == "max-age"),
        ttl: raw.get("ttl").and_then(Raw::number).map(|ttl| ttl.max(0.0) as u64),
        by_directory: flag(raw, "cacheByDirectory"),
        key: string(raw, "cacheKey"),
    })
}

fn load_spec(raw: &Raw) -> Option<LoadSpec> {
    match raw {
        Raw::Text(module) => Some(LoadSpec::Module(module.clone())),
        Raw::Function(function) => Some(LoadSpec::Function(reference(function))),
        Raw::Object(_) => Some(LoadSpec::Inline(Box::new(node(raw)))),
        _ => None,
    }
}

/// What a `loadSpec` function returned: what may stand in its place, or where a spec is (`{ type: "global", name }`,
/// `{ versionedSpecPath }`), or a list, of which the first that can be loaded counts. Files of the user's (`type:
/// "local"`) cannot: those are specs of the user's own, which are found by their names.
pub(super) fn loaded(raw: &Raw) -> Option<LoadSpec> {
    match raw {
        Raw::List(locations) => locations.iter().find_map(location),
        _ => location(raw),
    }
}

fn location(raw: &Raw) -> Option<LoadSpec> {
    let module = match string(raw, "type").as_deref() {
        Some("global") => string(raw, "name"),
        Some("local") => return None,
        _ => string(raw, "versionedSpecPath"),
    };
    let plain = || match raw {
        Raw::Text(_) | Raw::Object(_) => load_spec(raw),
        _ => None,
    };
    let found = module.map(LoadSpec::Module).or_else(plain);
    found.filter(|found| !matches!(found, LoadSpec::Module(module) if module.is_empty()))
}

/// What every kind of row has.
#[derive(Default)]
struct Row {
    names: Vec<String>,
    description: Option<String>,
    display_name: Option<String>,
    insert_value: Option<String>,
    icon: Option<String>,
    priority: Option<f64>,
    hidden: bool,
    dangerous: bool,
    deprecated: Option<Deprecated>,
}

impl Row {
    fn of(raw: &Raw) -> Row {
        Row {
            names: raw.get("name").map(names).unwrap_or_default(),
            description: description(raw),
            display_name: string(raw, "displayName")
                .map(|name| text::line(&name))
                .filter(|name| !name.is_empty()),
            insert_value: string(raw, "insertValue"),
            icon: string(raw, "icon").filter(|icon| text::is_icon(icon)),
            priority: raw.get("priority").and_then(Raw::number),
            hidden: flag(raw, "hidden"),
            dangerous: flag(raw, "isDangerous"),
            deprecated: raw.get("deprecated").and_then(deprecated),
        }
    }
}

fn names(raw: &Raw) -> Vec<String> {
    text::names(raw.list().iter().filter_map(|name| match name {
        Raw::Text(name) => Some(name.as_str()),
        _ => None,
    }))
}

fn description(raw: &Raw) -> Option<String> {
    string(raw, "description")
        .map(|description| text::description(&description))
        .filter(|line| !line.is_empty())
}

fn deprecated(raw: &Raw) -> Option<Deprecated> {
    match raw {
        Raw::Bool(true) => Some(Deprecated::default()),
        Raw::Object(_) => {
            Some(Deprecated { description: description(raw), insert_value: string(raw, "insertValue") })
        }
        _ => None,
    }
}

fn filter_strategy(raw: &Raw) -> Option<FilterStrategy> {
    match string(raw, "filterStrategy")?.as_str() {
        "prefix" => Some(FilterStrategy::Prefix),
        "fuzzy" => Some(FilterStrategy::Fuzzy),
        _ => None,
    }
}

/// The elements of a property that may be one or a list, those of them that mean something.
fn each<T>(raw: &Raw, key: &str, read: impl Fn(&Raw) -> Option<T>) -> Vec<T> {
    raw.get(key).map(Raw::list).unwrap_or_default().iter().filter_map(read).collect()
}

fn string(raw: &Raw, key: &str) -> Option<String> {
    match raw.get(key)? {
        Raw::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn strings(raw: &Raw, key: &str) -> Vec<String> {
    raw.get(key).map(texts).unwrap_or_default()
}

fn texts(raw: &Raw) -> Vec<String> {
    raw.list().iter().filter_map(Raw::text).collect()
}

fn flag(raw: &Raw, key: &str) -> bool {
    raw.get(key).is_some_and(Raw::is_true)
}

fn boolean(raw: &Raw, key: &str) -> Option<bool> {
    match raw.get(key)? {
        Raw::Bool(value) => Some(*value),
        _ => None,
    }
}

fn function(raw: &Raw, key: &str) -> Option<FnRef> {
    raw.get(key).and_then(Raw::function).map(reference)
}

fn reference(function: &Function) -> FnRef {
    function.place.clone()
}

/// A number as a count. The cast stops at the ends of the type.
fn whole(number: f64) -> u32 {
    number as u32
}
