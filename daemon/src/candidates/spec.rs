//! Rows that the spec spells out: subcommands, options, values.
//!
//! A place goes in, drafts come out in the order in which equally good rows are shown: subcommands by name, values as
//! the spec has them, then what generators yield (which is not decided here), additional rows and options by name, those that must
//! be given before the others.

use std::collections::HashMap;

use specs::model::{Arg, Deprecated, Opt, Repeatable, Subcommand, Suggestion, SuggestionKind, Template};

use super::{Draft, Insert};
use crate::parse::place::{Expected, Place};
use crate::rank::collate;
use protocol::Kind;

/// The priority of an option that another one, already given, depends on.
const NEEDED: f64 = 75.0;

/// The priority of what is deprecated: below everything else.
const DEPRECATED: f64 = 0.0;

/// Marks of rows, in front of their descriptions.
const REQUIRED: &str = "required";
const DEFAULT: &str = "default";

/// The longest default that is shown beside the name of an argument, in bytes; a hint is a few words.
const MAX_DEFAULT: usize = 24;

/// What ends a value that goes on in the same word.
const OPEN_ENDS: [char; 5] = ['/', '=', ':', '@', ','];

/// The rows of a place, in the order of their groups.
#[derive(Debug, Default)]
pub struct Rows {
    /// Subcommands.
    pub subcommands: Vec<Draft>,
    /// Values of the argument at the cursor.
    pub values: Vec<Draft>,
    /// Rows that the spec adds.
    pub additional: Vec<Draft>,
    /// Options.
    pub options: Vec<Draft>,
}

/// The rows of a place; `word` is what is typed of the last word.
pub fn drafts(place: &Place, word: &str) -> Rows {
    let source = format!("spec:{}", place.command.first().map_or("", String::as_str));
    let mut rows = Rows::default();
    if let Some(expected) = &place.expected {
        rows.values = values(expected, place.parent);
    }
    let of_option = place.expected.is_some_and(|expected| expected.option.is_some());
    match &place.cluster {
        Some(cluster) => rows.options = cluster_options(place, cluster.last, cluster.open, word),
        None => {
            if place.subcommands {
                rows.subcommands = subcommands(place.node);
            }
            if place.options {
                rows.options = options(place);
            }
            if place.from == 0 && (place.options || place.subcommands || !of_option) {
                rows.additional = additional(place.node);
            }
        }
    }
    let all = [&mut rows.subcommands, &mut rows.values, &mut rows.additional, &mut rows.options];
    all.into_iter().flatten().for_each(|draft| draft.source.clone_from(&source));
    rows
}

/// The subcommands of a node.
pub(crate) fn subcommands(node: &Subcommand) -> Vec<Draft> {
    let mut found: Vec<&Subcommand> = last_of_each(&node.subcommands, |sub| &sub.names);
    found.sort_by(|a, b| collate(first(&a.names), first(&b.names)));
    found.into_iter().map(subcommand).collect()
}

fn subcommand(sub: &Subcommand) -> Draft {
    let mandatory = sub.args.first().map(|arg| !arg.optional).filter(|mandatory| *mandatory);
    let below = sub.requires_subcommand.unwrap_or(!sub.subcommands.is_empty() || sub.load_spec.is_some());
    Draft {
        names: sub.names.clone(),
        display: sub.display_name.clone(),
        insert: insert(sub.insert_value.as_deref(), sub.deprecated.as_ref()),
        kind: Kind::Subcommand,
        description: described(sub.description.as_deref(), sub.deprecated.as_ref(), &[]),
        hint: hint(&sub.args),
        icon: sub.icon.clone(),
        priority: priority(sub.priority, sub.deprecated.as_ref()),
        dangerous: sub.dangerous,
        hidden: sub.hidden,
        space: mandatory.unwrap_or(below),
        ..Draft::default()
    }
}

fn values(expected: &Expected, parent: Option<&Subcommand>) -> Vec<Draft> {
    let arg = expected.arg;
    let mut rows: Vec<Draft> =
        arg.suggestions.iter().map(|suggestion| value(suggestion, Some(arg))).collect();
    // What a function filters is not offered as it is.
    let unfiltered = arg.generators.iter().filter(|generator| generator.filter_template.is_none());
    let templates = arg.templates.iter().chain(unfiltered.flat_map(|generator| &generator.templates));
    if let Some(parent) = parent
        && templates.clone().any(|template| *template == Template::Help)
    {
        rows.extend(subcommands(parent));
    }
    rows
}

/// A row that a spec spells out, one of the values of an argument if there is one.
fn value(suggestion: &Suggestion, arg: Option<&Arg>) -> Draft {
    let default = arg.and_then(|arg| arg.default.as_ref()).filter(|name| suggestion.names.contains(name));
    let marks: &[&str] = if default.is_some() { &[DEFAULT] } else { &[] };
    let is_value = !matches!(suggestion.kind, Some(SuggestionKind::Subcommand | SuggestionKind::Option));
    let inserted = suggestion.insert_value.as_deref().unwrap_or_else(|| first(&suggestion.names));
    Draft {
        names: suggestion.names.clone(),
        display: suggestion.display_name.clone(),
        insert: insert(suggestion.insert_value.as_deref(), suggestion.deprecated.as_ref()),
        kind: suggestion.kind.map_or(Kind::Arg, kind),
        description: described(suggestion.description.as_deref(), suggestion.deprecated.as_ref(), marks),
        icon: suggestion.icon.clone(),
        priority: priority(suggestion.priority, suggestion.deprecated.as_ref()),
        dangerous: suggestion.dangerous || arg.is_some_and(|arg| arg.dangerous),
        hidden: suggestion.hidden,
        space: is_value && !inserted.ends_with(OPEN_ENDS),
        ..Draft::default()
    }
}

fn kind(kind: SuggestionKind) -> Kind {
    match kind {
        SuggestionKind::Arg => Kind::Arg,
        SuggestionKind::Subcommand => Kind::Subcommand,
        SuggestionKind::Option => Kind::Option,
        SuggestionKind::File => Kind::File,
        SuggestionKind::Folder => Kind::Folder,
        SuggestionKind::Special => Kind::Special,
    }
}

fn additional(node: &Subcommand) -> Vec<Draft> {
    let mut rows: Vec<Draft> = node.additional_suggestions.iter().map(|row| value(row, None)).collect();
    rows.sort_by(|a, b| collate(first(&a.names), first(&b.names)));
    rows
}

/// The options that may still be given.
fn options(place: &Place) -> Vec<Draft> {
    let mut found: Vec<&Opt> = available(place);
    let missing = |option: &Opt| option.required && !given(option, place);
    found.sort_by(|a, b| missing(b).cmp(&missing(a)).then_with(|| collate(first(&a.names), first(&b.names))));
    found.into_iter().map(|option| option_draft(option, place)).collect()
}

fn available<'a>(place: &Place<'a>) -> Vec<&'a Opt> {
    let own = last_of_each(&place.node.options, |option| &option.names);
    let mut all = own;
    let inherited = place.inherited.iter().rev().copied();
    for option in inherited {
        let known = all.iter().any(|other| other.names.iter().any(|name| option.names.contains(name)));
        if !known {
            all.push(option);
        }
    }
    all.retain(|option| !exhausted(option, place) && !excluded(option, place));
    all
}

fn exhausted(option: &Opt, place: &Place) -> bool {
    let times = place.passed.iter().filter(|passed| std::ptr::eq(**passed, option)).count();
    match option.repeatable {
        Repeatable::Unsaid | Repeatable::Never => times >= 1,
        Repeatable::Always => false,
        Repeatable::Times(most) => times >= most as usize,
    }
}

/// Whether an option that was given cannot stand beside this one.
fn excluded(option: &Opt, place: &Place) -> bool {
    place.passed.iter().any(|passed| {
        let forbids = passed.exclusive_on.iter().any(|name| option.names.contains(name));
        let is_forbidden = option.exclusive_on.iter().any(|name| passed.names.contains(name));
        !std::ptr::eq(*passed, option) && (forbids || is_forbidden)
    })
}

/// Whether an option that was given depends on this one, which was not.
fn needed(option: &Opt, place: &Place) -> bool {
    let named = |passed: &&Opt| passed.depends_on.iter().any(|name| option.names.contains(name));
    !given(option, place) && place.passed.iter().any(named)
}

fn given(option: &Opt, place: &Place) -> bool {
    place.passed.iter().any(|passed| std::ptr::eq(*passed, option))
}

fn option_draft(option: &Opt, place: &Place) -> Draft {
    let insert = match (
        insert(option.insert_value.as_deref(), option.deprecated.as_ref()),
        &option.requires_separator,
    ) {
        (Insert::Name, Some(separator)) => Insert::NameThen(separator.clone()),
        (insert, _) => insert,
    };
    let marks: &[&str] = if option.required && !given(option, place) { &[REQUIRED] } else { &[] };
    let usual = priority(option.priority, option.deprecated.as_ref());
    Draft {
        names: option.names.clone(),
        display: option.display_name.clone(),
        insert,
        kind: Kind::Option,
        description: described(option.description.as_deref(), option.deprecated.as_ref(), marks),
        hint: hint(&option.args),
        icon: option.icon.clone(),
        priority: if needed(option, place) { Some(NEEDED) } else { usual },
        dangerous: option.dangerous,
        hidden: option.hidden,
        space: option.args.first().is_some_and(|arg| !arg.optional),
        ..Draft::default()
    }
}

/// The option of the last letter, and those that may follow it behind the same dash.
fn cluster_options(place: &Place, last: &Opt, open: bool, word: &str) -> Vec<Draft> {
    let mut rows = Vec::new();
    if !exhausted(last, place) && !excluded(last, place) {
        rows.push(Draft { names: vec![word.to_string()], hidden: false, ..option_draft(last, place) });
    }
    if open {
        let more = options(place).into_iter();
        rows.extend(more.filter_map(|draft| appended(draft, word, last)));
    }
    rows
}

/// A row for one more letter of the cluster `word`.
fn appended(draft: Draft, word: &str, last: &Opt) -> Option<Draft> {
    if draft.names == last.names {
        return None;
    }
    let letters = draft.names.iter().filter_map(|name| letter(name));
    let names: Vec<String> = letters.map(|letter| format!("{word}{letter}")).collect();
    let insert = if matches!(draft.insert, Insert::Verbatim(_)) { Insert::Name } else { draft.insert };
    if names.is_empty() { None } else { Some(Draft { names, insert, display: None, ..draft }) }
}

/// The letter of a short option.
fn letter(name: &str) -> Option<char> {
    let mut rest = name.strip_prefix('-')?.chars();
    let letter = rest.next().filter(|letter| *letter != '-')?;
    if rest.next().is_none() { Some(letter) } else { None }
}

fn first(names: &[String]) -> &str {
    names.first().map_or("", String::as_str)
}

/// What a row inserts: what the spec says, which for a deprecated one may be what replaces it.
fn insert(value: Option<&str>, deprecated: Option<&Deprecated>) -> Insert {
    let instead = deprecated.and_then(|deprecated| deprecated.insert_value.as_deref());
    instead.or(value).map_or(Insert::Name, |value| Insert::Verbatim(value.to_string()))
}

fn priority(usual: Option<f64>, deprecated: Option<&Deprecated>) -> Option<f64> {
    if deprecated.is_some() { Some(DEPRECATED) } else { usual }
}

/// The help of a row, behind what else is to be known of it.
fn described(text: Option<&str>, deprecated: Option<&Deprecated>, marks: &[&str]) -> Option<String> {
    let why = |deprecated: &Deprecated| match &deprecated.description {
        Some(why) => format!("deprecated: {why}"),
        None => "deprecated".to_string(),
    };
    let marks = deprecated.map(why).into_iter().chain(marks.iter().map(|mark| mark.to_string()));
    let parts: Vec<String> = marks.map(|mark| format!("[{mark}]")).chain(text.map(String::from)).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Argument hints: `<file>`, `[dest…]`, `[port=8080]`.
fn hint(args: &[Arg]) -> String {
    let hints = args.iter().map(|arg| {
        let name = arg.name.as_deref().unwrap_or("arg");
        let more = if arg.variadic { "…" } else { "" };
        let default = arg.default.as_deref().filter(|default| default.len() <= MAX_DEFAULT);
        let default = default.map(|default| format!("={default}")).unwrap_or_default();
        if arg.optional { format!("[{name}{more}{default}]") } else { format!("<{name}{more}{default}>") }
    });
    hints.collect::<Vec<_>>().join(" ")
}

/// The items that still hold a name when each name belongs to the last item that has it, in their order.
fn last_of_each<T>(items: &[T], names: impl Fn(&T) -> &[String]) -> Vec<&T> {
    let mut owners: HashMap<&str, usize> = HashMap::new();
    let named = items
        .iter()
        .enumerate()
        .flat_map(|(at, item)| names(item).iter().map(move |name| (name.as_str(), at)));
    owners.extend(named);
    let holds = |at: usize, item: &T| names(item).iter().any(|name| owners.get(name.as_str()) == Some(&at));
    items.iter().enumerate().filter(|(at, item)| holds(*at, item)).map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opt(names: &str) -> Opt {
        Opt { names: names.split('|').map(String::from).collect(), ..Opt::default() }
    }

    fn arg(name: &str) -> Arg {
        Arg { name: Some(name.into()), ..Arg::default() }
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn place<'a>(node: &'a Subcommand, passed: &[&str]) -> Place<'a> {
        let passed =
            passed.iter().filter_map(|name| node.options.iter().find(|option| option.names[0] == *name));
        Place {
            node,
            parent: None,
            inherited: Vec::new(),
            passed: passed.collect(),
            command: vec!["tool".into()],
            words: Vec::new(),
            subcommands: true,
            options: true,
            expected: None,
            wraps: false,
            elsewhere: false,
            from: 0,
            cluster: None,
        }
    }

    fn option_names(node: &Subcommand, passed: &[&str]) -> String {
        let rows = drafts(&place(node, passed), "").options;
        rows.iter().map(|row| row.names[0].as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_are_offered_as_long_as_they_may_be_given() {
        let node = Subcommand {
            options: vec![
                opt("--once"),
                Opt { repeatable: Repeatable::Never, ..opt("--never") },
                Opt { repeatable: Repeatable::Always, ..opt("--always") },
                Opt { repeatable: Repeatable::Times(2), ..opt("--twice") },
                Opt { exclusive_on: list(&["--once"]), ..opt("--other") },
            ],
            ..Subcommand::default()
        };
        for (passed, expected) in [
            (vec![], "--always --never --once --other --twice"),
            (vec!["--once"], "--always --never --twice"),
            (vec!["--other"], "--always --never --twice"),
            (vec!["--never", "--always"], "--always --once --other --twice"),
            (vec!["--twice"], "--always --never --once --other --twice"),
            (vec!["--twice", "--twice"], "--always --never --once --other"),
        ] {
            assert_eq!(option_names(&node, &passed), expected, "{passed:?}");
        }
    }

    #[test]
    fn what_must_be_given_comes_first_and_what_is_deprecated_last() {
        let node = Subcommand {
            options: vec![
                opt("--a"),
                Opt { required: true, description: Some("Which one.".into()), ..opt("--name") },
                Opt { deprecated: Some(Deprecated::default()), priority: Some(90.0), ..opt("--old") },
                Opt { depends_on: list(&["--a"]), ..opt("--z") },
            ],
            ..Subcommand::default()
        };
        assert_eq!(option_names(&node, &[]), "--name --a --old --z");
        assert_eq!(option_names(&node, &["--name"]), "--a --old --z");
        let rows = drafts(&place(&node, &["--z"]), "").options;
        let of = |name: &str| rows.iter().find(|row| row.names[0] == name).expect("a row");
        assert_eq!(of("--name").description.as_deref(), Some("[required] Which one."));
        assert_eq!(
            (of("--old").priority, of("--old").description.as_deref()),
            (Some(DEPRECATED), Some("[deprecated]"))
        );
        assert_eq!(of("--a").priority, Some(NEEDED));
    }

    #[test]
    fn what_replaces_a_deprecated_row_is_inserted() {
        let instead = |with: &str| {
            Some(Deprecated { description: Some("use move".into()), insert_value: Some(with.into()) })
        };
        let node = Subcommand {
            subcommands: vec![
                Subcommand { names: list(&["share"]), deprecated: instead("move"), ..Subcommand::default() },
                Subcommand {
                    names: list(&["sync"]),
                    insert_value: Some("sync {cursor}".into()),
                    ..Subcommand::default()
                },
            ],
            ..Subcommand::default()
        };
        let rows = drafts(&place(&node, &[]), "").subcommands;
        let texts: Vec<_> = rows.iter().map(|row| (row.insert.clone(), row.description.as_deref())).collect();
        let verbatim = |text: &str| Insert::Verbatim(text.into());
        assert_eq!(
            texts,
            [(verbatim("move"), Some("[deprecated: use move]")), (verbatim("sync {cursor}"), None)]
        );
    }

    #[test]
    fn hints_and_rows_tell_the_default() {
        let default = |name: &str, default: &str| Arg { default: Some(default.into()), ..arg(name) };
        let long = "x".repeat(MAX_DEFAULT + 1);
        for (args, expected) in [
            (vec![arg("file")], "<file>"),
            (vec![Arg { optional: true, variadic: true, ..arg("dest") }], "[dest…]"),
            (vec![Arg { optional: true, ..default("port", "8100") }, arg("host")], "[port=8100] <host>"),
            (vec![default("text", &long)], "<text>"),
            (vec![Arg::default()], "<arg>"),
        ] {
            assert_eq!(hint(&args), expected);
        }
        let row = |name: &str| Suggestion { names: list(&[name]), ..Suggestion::default() };
        let when = Arg { suggestions: vec![row("auto"), row("never")], ..default("when", "auto") };
        let values = values(&Expected { arg: &when, index: 0, option: None }, None);
        let told: Vec<_> = values.iter().map(|row| row.description.as_deref()).collect();
        assert_eq!(told, [Some("[default]"), None]);
    }
}
