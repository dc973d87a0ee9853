//! Rows that the spec spells out: subcommands, options, values.
//!
//! A place goes in, drafts come out in the order in which equally good rows are shown: subcommands by name, values as
//! the spec has them, then what generators yield (which is not decided here), additional rows and options by name.

use std::collections::HashMap;

use specs::model::{Arg, Opt, Repeatable, Subcommand, Suggestion, SuggestionKind, Template};

use super::{Draft, Insert};
use crate::parse::place::{Expected, Place};
use crate::rank::collate;
use protocol::Kind;

/// The priority of an option that another one, already given, depends on.
const NEEDED: f64 = 75.0;

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

fn subcommands(node: &Subcommand) -> Vec<Draft> {
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
        insert: insert(sub.insert_value.as_deref()),
        kind: Kind::Subcommand,
        description: sub.description.clone(),
        hint: hint(&sub.args),
        icon: sub.icon.clone(),
        priority: sub.priority,
        dangerous: sub.dangerous,
        hidden: sub.hidden,
        space: mandatory.unwrap_or(below),
        ..Draft::default()
    }
}

fn values(expected: &Expected, parent: Option<&Subcommand>) -> Vec<Draft> {
    let arg = expected.arg;
    let mut rows: Vec<Draft> =
        arg.suggestions.iter().map(|suggestion| value(suggestion, arg.dangerous)).collect();
    let templates =
        arg.templates.iter().chain(arg.generators.iter().flat_map(|generator| &generator.templates));
    if let Some(parent) = parent
        && templates.clone().any(|template| *template == Template::Help)
    {
        rows.extend(subcommands(parent));
    }
    rows
}

fn value(suggestion: &Suggestion, dangerous: bool) -> Draft {
    let is_value = !matches!(suggestion.kind, Some(SuggestionKind::Subcommand | SuggestionKind::Option));
    let inserted = suggestion.insert_value.as_deref().unwrap_or_else(|| first(&suggestion.names));
    Draft {
        names: suggestion.names.clone(),
        display: suggestion.display_name.clone(),
        insert: insert(suggestion.insert_value.as_deref()),
        kind: suggestion.kind.map_or(Kind::Arg, kind),
        description: suggestion.description.clone(),
        icon: suggestion.icon.clone(),
        priority: suggestion.priority,
        dangerous: dangerous || suggestion.dangerous,
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
    let mut rows: Vec<Draft> = node.additional_suggestions.iter().map(|row| value(row, false)).collect();
    rows.sort_by(|a, b| collate(first(&a.names), first(&b.names)));
    rows
}

/// The options that may still be given.
fn options(place: &Place) -> Vec<Draft> {
    let mut found: Vec<&Opt> = available(place);
    found.sort_by(|a, b| collate(first(&a.names), first(&b.names)));
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
    let given = place.passed.iter().any(|passed| std::ptr::eq(*passed, option));
    let named = |passed: &&Opt| passed.depends_on.iter().any(|name| option.names.contains(name));
    !given && place.passed.iter().any(named)
}

fn option_draft(option: &Opt, place: &Place) -> Draft {
    let insert = match (&option.insert_value, &option.requires_separator) {
        (Some(value), _) => Insert::Verbatim(value.clone()),
        (None, Some(separator)) => Insert::NameThen(separator.clone()),
        (None, None) => Insert::Name,
    };
    Draft {
        names: option.names.clone(),
        display: option.display_name.clone(),
        insert,
        kind: Kind::Option,
        description: option.description.clone(),
        hint: hint(&option.args),
        icon: option.icon.clone(),
        priority: if needed(option, place) { Some(NEEDED) } else { option.priority },
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

fn insert(value: Option<&str>) -> Insert {
    value.map_or(Insert::Name, |value| Insert::Verbatim(value.to_string()))
}

/// Argument hints: `<file> [dest…]`.
fn hint(args: &[Arg]) -> String {
    let hints = args.iter().map(|arg| {
        let name = arg.name.as_deref().unwrap_or("arg");
        let more = if arg.variadic { "…" } else { "" };
        if arg.optional { format!("[{name}{more}]") } else { format!("<{name}{more}>") }
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
