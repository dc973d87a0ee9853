//! What is wrong with a spec that somebody wrote.
//!
//! [`fig`](super::fig) takes what it understands and leaves out the rest in silence, as the corpus needs it. Here each
//! thing that it would leave out is named, with its place: the line in JSON, the way through the properties in
//! JavaScript. Nothing is stricter than the format: what the corpus does and works is no problem.

use std::borrow::Cow;
use std::collections::HashSet;

use rquickjs::Value;
use serde::{Deserialize, Serialize};

use super::json::{self, Place, Position};
use super::raw::Raw;
use super::walk::{Bounds, Taken, take};
use super::{fig, text};
use crate::model::{FnRef, Spec};

/// Problems that are listed; who has more has a text of another kind.
const MAX_PROBLEMS: usize = 100;

/// Longest foreign text in a message, in characters.
const MAX_QUOTE: usize = 40;

/// Something that is wrong with a spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// From 1; 0 when it is nowhere in particular.
    pub line: u32,
    /// From 1, in characters; 0 when it is nowhere in particular.
    pub column: u32,
    /// The way through the properties, such as `subcommands[3].options[0].name`; empty for the spec itself.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// It does no harm, but is surely not meant so.
    pub warning: bool,
}

/// A spec, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// What is left of it; `None` when nothing is.
    pub spec: Option<Spec>,
    /// In the order of the text.
    pub problems: Vec<Problem>,
}

/// Whether a text is a spec in JSON: no JavaScript module begins with a brace.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('{')
}

/// Reads a spec in JSON. `fallback` is its name should it have none.
#[must_use]
pub fn check_json(text: &str, fallback: &str) -> Checked {
    match json::read(text) {
        Ok((raw, place)) => check(&raw, Some(&place), fallback),
        Err(fault) => {
            let Position { line, column } = fault.at;
            let problem = Problem { line, column, what: fault.what, ..Problem::default() };
            Checked { spec: None, problems: vec![problem] }
        }
    }
}

/// Reads a spec that is a value of JavaScript at a place. `fallback` is its name should it have none.
///
/// # Errors
/// When a getter throws, or the values are out of bounds.
pub fn check_value(
    value: &Value<'_>,
    at: &FnRef,
    fallback: &str,
    bounds: Bounds,
) -> rquickjs::Result<Taken<Checked>> {
    take(value, at, bounds, |raw| check(raw, None, fallback))
}

/// A module's source as a module of today: specs of old, which export nothing, are what they call `completionSpec` or
/// assign to `module.exports`.
#[must_use]
pub fn as_module(source: &str) -> Cow<'_, str> {
    let old = source.contains("completionSpec") || source.contains("module.exports");
    if !old || exports(source) { Cow::Borrowed(source) } else { Cow::Owned(format!("{source}{OLD_EXPORT}")) }
}

/// Declared functions are there before the first line runs, so no line moves.
const OLD_EXPORT: &str = "
function module() {}
function exports() {}
export default module.exports?.default ?? module.exports ?? exports.default ??
    (typeof completionSpec === 'undefined' ? undefined : completionSpec);";

/// What may follow `export`.
const EXPORTED: &[&str] = &["default", "{", "*", "const ", "let ", "var ", "function", "class ", "async "];

/// Whether a source has a statement that exports.
fn exports(source: &str) -> bool {
    source.match_indices("export").any(|(at, word)| {
        let before = source[..at].trim_end_matches([' ', '\t']).chars().next_back();
        let after = source[at + word.len()..].trim_start();
        before.is_none_or(|before| "\n;}/".contains(before))
            && EXPORTED.iter().any(|next| after.starts_with(next))
    })
}

fn check(raw: &Raw, place: Option<&Place>, fallback: &str) -> Checked {
    let mut checker = Checker::default();
    match raw {
        Raw::Object(_) => checker.node(&SUBCOMMAND, At { raw, place }),
        Raw::Function(_) => checker.error(At { raw, place }, "a spec must be an object here, not a function"),
        _ => checker.error(At { raw, place }, "a spec must be an object"),
    }
    let spec = raw.is_object().then(|| fig::spec(raw, fallback));
    Checked { spec, problems: checker.problems }
}

/// A value, and where it is in the text.
#[derive(Clone, Copy)]
struct At<'r> {
    raw: &'r Raw,
    place: Option<&'r Place>,
}

/// What a property must be.
type Rule = fn(&mut Checker, At<'_>);

/// A kind of object.
struct Kind {
    /// What it is called.
    name: &'static str,
    /// Whether it must have a name.
    named: bool,
    /// The properties that mean something.
    properties: &'static [(&'static str, Rule)],
    /// Those that other hosts of the format read.
    foreign: &'static [&'static str],
}

const SUBCOMMAND: Kind = Kind {
    name: "a subcommand",
    named: true,
    properties: &[
        ("name", Checker::names),
        ("description", Checker::text),
        ("displayName", Checker::text),
        ("insertValue", Checker::text),
        ("icon", Checker::icon),
        ("priority", Checker::priority),
        ("hidden", Checker::flag),
        ("isDangerous", Checker::flag),
        ("deprecated", Checker::deprecated),
        ("subcommands", |checker, at| checker.nodes(&SUBCOMMAND, at)),
        ("options", |checker, at| checker.nodes(&OPTION, at)),
        ("args", |checker, at| checker.nodes(&ARG, at)),
        ("additionalSuggestions", Checker::suggestions),
        ("loadSpec", Checker::load_spec),
        ("generateSpec", Checker::function),
        ("parserDirectives", |checker, at| checker.node(&DIRECTIVES, at)),
        ("requiresSubcommand", Checker::flag),
        ("filterStrategy", Checker::filter_strategy),
    ],
    foreign: &["generateSpecCacheKey", "cache", "type", "previewComponent", "_internal"],
};

const DIRECTIVES: Kind = Kind {
    name: "parserDirectives",
    named: false,
    properties: &[
        ("flagsArePosixNoncompliant", Checker::flag),
        ("optionsMustPrecedeArguments", Checker::flag),
        ("optionArgSeparators", Checker::texts),
        ("alias", Checker::text_or_function),
    ],
    foreign: &[],
};

const OPTION: Kind = Kind {
    name: "an option",
    named: true,
    properties: &[
        ("name", Checker::names),
        ("description", Checker::text),
        ("displayName", Checker::text),
        ("insertValue", Checker::text),
        ("icon", Checker::icon),
        ("priority", Checker::priority),
        ("hidden", Checker::flag),
        ("isDangerous", Checker::flag),
        ("deprecated", Checker::deprecated),
        ("args", |checker, at| checker.nodes(&ARG, at)),
        ("isRequired", Checker::flag),
        ("isPersistent", Checker::flag),
        ("isRepeatable", Checker::repeatable),
        ("requiresSeparator", Checker::separator),
        ("requiresEquals", Checker::flag),
        ("exclusiveOn", Checker::texts),
        ("dependsOn", Checker::texts),
    ],
    foreign: &["type", "previewComponent", "_internal"],
};

const ARG: Kind = Kind {
    name: "an argument",
    named: false,
    properties: &[
        ("name", Checker::text),
        ("description", Checker::text),
        ("isOptional", Checker::flag),
        ("isVariadic", Checker::flag),
        ("optionsCanBreakVariadicArg", Checker::flag),
        ("suggestions", Checker::suggestions),
        ("template", Checker::template),
        ("generators", |checker, at| checker.nodes(&GENERATOR, at)),
        ("default", Checker::text_or_number),
        ("isCommand", Checker::flag),
        ("isScript", Checker::flag),
        ("isModule", Checker::text),
        ("isDangerous", Checker::flag),
        ("suggestCurrentToken", Checker::flag),
        ("debounce", Checker::flag),
        ("filterStrategy", Checker::filter_strategy),
        ("loadSpec", Checker::load_spec),
        ("parserDirectives", |checker, at| checker.node(&DIRECTIVES, at)),
    ],
    foreign: &[],
};

const SUGGESTION: Kind = Kind {
    name: "a suggestion",
    named: true,
    properties: &[
        ("name", Checker::names),
        ("description", Checker::text),
        ("displayName", Checker::text),
        ("insertValue", Checker::text),
        ("icon", Checker::icon),
        ("priority", Checker::priority),
        ("hidden", Checker::flag),
        ("isDangerous", Checker::flag),
        ("deprecated", Checker::deprecated),
        ("type", Checker::suggestion_type),
    ],
    foreign: &["replaceValue", "previewComponent", "context", "_internal"],
};

const GENERATOR: Kind = Kind {
    name: "a generator",
    named: false,
    properties: &[
        ("script", Checker::script),
        ("custom", Checker::function),
        ("template", Checker::template),
        ("filterTemplateSuggestions", Checker::function),
        ("postProcess", Checker::function),
        ("splitOn", Checker::text),
        ("trigger", Checker::text_or_function),
        ("getQueryTerm", Checker::text_or_function),
        ("scriptTimeout", Checker::number),
        ("cache", |checker, at| checker.node(&CACHE, at)),
    ],
    foreign: &["filterTerm"],
};

const CACHE: Kind = Kind {
    name: "a cache",
    named: false,
    properties: &[
        ("strategy", |checker, at| checker.one_of(&["max-age", "stale-while-revalidate"], at)),
        ("ttl", Checker::number),
        ("cacheByDirectory", Checker::flag),
        ("cacheKey", Checker::text),
    ],
    foreign: &[],
};

const COMMAND: Kind = Kind {
    name: "a script",
    named: false,
    properties: &[("command", Checker::text), ("args", Checker::texts), ("env", Checker::variables)],
    foreign: &["cwd", "timeout"],
};

const DEPRECATED: Kind = Kind {
    name: "deprecated",
    named: false,
    properties: &[("description", Checker::text), ("insertValue", Checker::text)],
    foreign: &[],
};

/// What a template can be.
const TEMPLATES: &[&str] = &["filepaths", "folders", "history", "help"];

/// What a suggestion can stand for.
const SUGGESTION_TYPES: &[&str] = &[
    "arg",
    "argument",
    "subcommand",
    "option",
    "file",
    "folder",
    "shortcut",
    "special",
    "mixin",
    "auto-execute",
];

/// A step on the way to a value.
enum Step {
    Property(String),
    Element(usize),
}

/// Collects problems on a walk through a spec.
#[derive(Default)]
struct Checker {
    path: Vec<Step>,
    problems: Vec<Problem>,
}

impl Checker {
    fn error(&mut self, at: At<'_>, what: &str) {
        self.problem(at, what.to_owned(), false);
    }

    fn warn(&mut self, at: At<'_>, what: &str) {
        self.problem(at, what.to_owned(), true);
    }

    fn problem(&mut self, at: At<'_>, what: String, warning: bool) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let Position { line, column } = at.place.map(|place| place.at).unwrap_or_default();
        self.problems.push(Problem { line, column, path: self.way(), what, warning });
    }

    /// The way to where the walk is.
    fn way(&self) -> String {
        let mut way = String::new();
        for step in &self.path {
            match step {
                Step::Element(place) => way.push_str(&format!("[{place}]")),
                Step::Property(name) if way.is_empty() => way.push_str(&quote(name)),
                Step::Property(name) => way.push_str(&format!(".{}", quote(name))),
            }
        }
        way
    }

    fn below(&mut self, step: Step, at: At<'_>, rule: impl FnOnce(&mut Checker, At<'_>)) {
        self.path.push(step);
        rule(self, at);
        self.path.pop();
    }

    /// Looks at each element of a list; anything else is a list of one.
    fn each(&mut self, at: At<'_>, mut rule: impl FnMut(&mut Checker, At<'_>)) {
        let Raw::List(items) = at.raw else { return rule(self, at) };
        for (number, raw) in items.iter().enumerate() {
            let place = at.place.and_then(|place| place.inside.get(number));
            self.below(Step::Element(number), At { raw, place }, &mut rule);
        }
    }

    /// One object or a list of them.
    fn nodes(&mut self, kind: &'static Kind, at: At<'_>) {
        let mut seen = HashSet::new();
        self.each(at, |checker, at| {
            checker.node(kind, at);
            if kind.named {
                checker.said_before(&mut seen, at);
            }
        });
    }

    /// Whether another of the same list has a name of this one.
    fn said_before(&mut self, seen: &mut HashSet<String>, at: At<'_>) {
        let names = at.raw.get("name").map(Raw::list).unwrap_or_default();
        let texts =
            names.iter().filter_map(|name| if let Raw::Text(name) = name { Some(name) } else { None });
        let mut own = HashSet::new();
        for name in texts.filter(|name| own.insert(name.as_str())) {
            if !seen.insert(name.clone()) {
                self.problem(at, format!("the name {} is taken by one before it", quote(name)), true);
            }
        }
    }

    /// An object of a kind.
    fn node(&mut self, kind: &Kind, at: At<'_>) {
        let Raw::Object(properties) = at.raw else {
            return self.error(at, &format!("{} must be an object", kind.name));
        };
        if kind.named && at.raw.get("name").is_none() {
            self.error(at, &format!("{} must have a name", kind.name));
        }
        let mut said = HashSet::new();
        for (number, (name, raw)) in properties.iter().enumerate() {
            let place = at.place.and_then(|place| place.inside.get(number));
            let twice = !said.insert(name);
            self.below(Step::Property(name.clone()), At { raw, place }, |checker, at| {
                checker.property(kind, name, twice, at);
            });
        }
    }

    fn property(&mut self, kind: &Kind, name: &str, twice: bool, at: At<'_>) {
        if twice {
            return self.error(at, "it is said twice");
        }
        match kind.properties.iter().find(|(known, _)| *known == name) {
            // What is nothing counts as absent.
            Some(_) if *at.raw == Raw::Nothing => {}
            Some((_, rule)) => rule(self, at),
            None if kind.foreign.contains(&name) => {}
            None => self.unknown(kind, name, at),
        }
    }

    fn unknown(&mut self, kind: &Kind, name: &str, at: At<'_>) {
        let known = kind.properties.iter().map(|(known, _)| *known);
        let meant = nearest(name, known).map(|known| format!("; is {known} meant?")).unwrap_or_default();
        self.problem(at, format!("{} has no property {}{meant}", kind.name, quote(name)), true);
    }

    fn names(&mut self, at: At<'_>) {
        if matches!(at.raw, Raw::List(names) if names.is_empty()) {
            return self.error(at, "there must be a name");
        }
        self.each(at, |checker, at| match at.raw {
            Raw::Text(name) if name.is_empty() => checker.error(at, "a name must not be empty"),
            Raw::Text(name) if text::names([name.as_str()]).is_empty() => {
                checker.error(at, "a name must not have control characters, which nobody can type");
            }
            Raw::Text(_) => {}
            _ => checker.error(at, "a name must be a string"),
        });
    }

    fn text(&mut self, at: At<'_>) {
        if !matches!(at.raw, Raw::Text(_)) {
            self.error(at, "it must be a string");
        }
    }

    fn texts(&mut self, at: At<'_>) {
        self.each(at, Checker::text);
    }

    fn flag(&mut self, at: At<'_>) {
        if !matches!(at.raw, Raw::Bool(_)) {
            self.error(at, "it must be true or false");
        }
    }

    fn number(&mut self, at: At<'_>) {
        match at.raw.number() {
            Some(number) if number >= 0.0 => {}
            _ => self.error(at, "it must be a number, 0 or more"),
        }
    }

    fn function(&mut self, at: At<'_>) {
        match at.place {
            _ if at.raw.function().is_some() => {}
            Some(_) => self.error(at, "it must be a function, which JSON cannot have"),
            None => self.error(at, "it must be a function"),
        }
    }

    fn text_or_function(&mut self, at: At<'_>) {
        if at.raw.function().is_none() && !matches!(at.raw, Raw::Text(_)) {
            self.error(at, "it must be a string or a function");
        }
    }

    fn text_or_number(&mut self, at: At<'_>) {
        if !matches!(at.raw, Raw::Text(_) | Raw::Number(_)) {
            self.error(at, "it must be a string");
        }
    }

    fn one_of(&mut self, known: &[&str], at: At<'_>) {
        let Raw::Text(text) = at.raw else { return self.text(at) };
        if known.contains(&text.as_str()) {
            return;
        }
        let meant = match nearest(text, known.iter().copied()) {
            Some(meant) => format!("is {meant} meant?"),
            None => format!("there are {}", known.join(", ")),
        };
        self.problem(at, format!("{} is none that is known; {meant}", quote(text)), false);
    }

    fn template(&mut self, at: At<'_>) {
        self.each(at, |checker, at| checker.one_of(TEMPLATES, at));
    }

    fn suggestion_type(&mut self, at: At<'_>) {
        self.one_of(SUGGESTION_TYPES, at);
    }

    fn filter_strategy(&mut self, at: At<'_>) {
        self.one_of(&["prefix", "fuzzy", "default"], at);
    }

    fn priority(&mut self, at: At<'_>) {
        match at.raw.number() {
            Some(priority) if !(0.0..=100.0).contains(&priority) => {
                self.warn(at, "a priority is between 0 and 100");
            }
            Some(_) => {}
            None => self.error(at, "it must be a number between 0 and 100"),
        }
    }

    fn icon(&mut self, at: At<'_>) {
        match at.raw {
            Raw::Text(icon) if icon.starts_with("http") && !text::is_icon(icon) => {
                self.warn(at, "icons are not fetched from the network");
            }
            _ => self.text(at),
        }
    }

    fn deprecated(&mut self, at: At<'_>) {
        match at.raw {
            Raw::Bool(_) => {}
            Raw::Object(_) => self.node(&DEPRECATED, at),
            _ => self.error(at, "it must be true, false or an object"),
        }
    }

    fn repeatable(&mut self, at: At<'_>) {
        match at.raw {
            Raw::Bool(_) => {}
            Raw::Number(times) if *times >= 1.0 => {}
            _ => self.error(at, "it must be true, false or a number from 1"),
        }
    }

    fn separator(&mut self, at: At<'_>) {
        if !matches!(at.raw, Raw::Bool(_) | Raw::Text(_)) {
            self.error(at, "it must be true, false or a string");
        }
    }

    fn suggestions(&mut self, at: At<'_>) {
        self.each(at, |checker, at| match at.raw {
            Raw::Text(_) => checker.names(at),
            Raw::Object(_) => checker.node(&SUGGESTION, at),
            _ => checker.error(at, "a suggestion must be a string or an object"),
        });
    }

    fn load_spec(&mut self, at: At<'_>) {
        match at.raw {
            Raw::Text(_) | Raw::Function(_) => {}
            // Its name is that of the command which it is loaded for.
            Raw::Object(_) => self.node(&Kind { named: false, ..SUBCOMMAND }, at),
            _ => self.error(at, "it must be a string, an object or a function"),
        }
    }

    fn script(&mut self, at: At<'_>) {
        match at.raw {
            Raw::List(words) if words.is_empty() => self.error(at, "it must begin with a program"),
            Raw::List(_) => self.texts(at),
            Raw::Function(_) => {}
            Raw::Object(_) => {
                self.node(&COMMAND, at);
                if at.raw.get("command").is_none() {
                    self.error(at, "it must have a command");
                }
            }
            Raw::Text(_) => self.warn(at, "a string is run by sh; a list of words needs no quoting"),
            _ => self.error(at, "it must be a list of strings, an object or a function"),
        }
    }

    fn variables(&mut self, at: At<'_>) {
        let Raw::Object(variables) = at.raw else { return self.error(at, "it must be an object") };
        if variables.iter().any(|(_, value)| *value != Raw::Nothing && value.text().is_none()) {
            self.error(at, "variables must be strings");
        }
    }
}

/// A foreign text in a message: short, and harmless on a terminal.
fn quote(text: &str) -> String {
    let mut quoted: String =
        text.chars().take(MAX_QUOTE).map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    if text.chars().nth(MAX_QUOTE).is_some() {
        quoted.push('…');
    }
    quoted
}

/// The known name that was most likely meant: the one with the fewest mistakes, if those are few.
fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > MAX_QUOTE {
        return None;
    }
    let most = 1 + name.len() / 4;
    let measured = known.map(|known| (distance(&name.to_lowercase(), &known.to_lowercase()), known));
    measured.filter(|(distance, _)| *distance <= most).min().map(|(_, known)| known)
}

/// How many letters are to be put in, left out or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (at, wanted) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *wanted);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The problems of a spec in JSON, one a line.
    fn problems(text: &str) -> Vec<String> {
        let line = |problem: &Problem| {
            let kind = if problem.warning { "warning" } else { "error" };
            format!("{}:{} {kind} {}: {}", problem.line, problem.column, problem.path, problem.what)
        };
        check_json(text, "x").problems.iter().map(line).collect()
    }

    /// The only problem of a spec with this property, without its place.
    fn problem(property: &str) -> String {
        let found = problems(&format!("{{ \"name\": \"x\", {property} }}"));
        assert_eq!(found.len(), 1, "{property}: {found:?}");
        let (_, problem) = found[0].split_once(' ').unwrap();
        problem.to_owned()
    }

    #[test]
    fn problems_are_found_where_they_are() {
        let text = r#"{
    "name": "x",
    "optoins": [],
    "subcommands": [
        { "name": "a" },
        { "options": [{ "name": 1, "isRequired": "yes" }] }
    ]
}"#;
        assert_eq!(
            problems(text),
            [
                "3:5 warning optoins: a subcommand has no property optoins; is options meant?",
                "6:9 error subcommands[1]: a subcommand must have a name",
                "6:25 error subcommands[1].options[0].name: a name must be a string",
                "6:36 error subcommands[1].options[0].isRequired: it must be true or false",
            ]
        );
        assert_eq!(problems("{ \"name\": \"x\" "), ["1:15 error : expected ',' or '}', found the end"]);
        assert_eq!(check_json("{", "x").spec, None);
    }

    #[test]
    fn what_is_left_of_a_spec_is_used() {
        let checked = check_json(r#"{ "options": [{ "name": 1 }, { "name": "-a" }] }"#, "x");
        let root = checked.spec.unwrap().root;
        assert_eq!((root.names, root.options.len()), (vec!["x".to_owned()], 1));
        assert_eq!(checked.problems.len(), 2);
    }

    #[test]
    fn each_rule_is_kept() {
        for (property, expected) in [
            (r#""name": "y""#, "error name: it is said twice"),
            (r#""description": 1"#, "error description: it must be a string"),
            (
                r#""icon": "https://example.org/x.png""#,
                "warning icon: icons are not fetched from the network",
            ),
            (r#""priority": 101"#, "warning priority: a priority is between 0 and 100"),
            (r#""priority": "1""#, "error priority: it must be a number between 0 and 100"),
            (r#""hidden": "true""#, "error hidden: it must be true or false"),
            (r#""deprecated": "since 2""#, "error deprecated: it must be true, false or an object"),
            (
                r#""deprecated": { "reason": "" }"#,
                "warning deprecated.reason: deprecated has no property reason",
            ),
            (r#""subcommands": ["a"]"#, "error subcommands[0]: a subcommand must be an object"),
            (r#""subcommands": [{ "name": "" }]"#, "error subcommands[0].name: a name must not be empty"),
            (r#""subcommands": [{ "name": [] }]"#, "error subcommands[0].name: there must be a name"),
            (
                r#""subcommands": [{ "name": "\u0007" }]"#,
                "error subcommands[0].name: a name must not have control characters, which nobody can type",
            ),
            (
                r#""subcommands": [{ "name": ["a", "b"] }, { "name": "b" }]"#,
                "warning subcommands[1]: the name b is taken by one before it",
            ),
            (
                r#""options": [{ "name": "-a" }, { "name": "-a" }]"#,
                "warning options[1]: the name -a is taken by one before it",
            ),
            (
                r#""options": { "name": "-a", "isRepeatable": 0 }"#,
                "error options.isRepeatable: it must be true, false or a number from 1",
            ),
            (
                r#""options": { "name": "-a", "requiresSeparator": 1 }"#,
                "error options.requiresSeparator: it must be true, false or a string",
            ),
            (
                r#""options": { "name": "-a", "exclusiveOn": [1] }"#,
                "error options.exclusiveOn[0]: it must be a string",
            ),
            (
                r#""options": { "name": "-a", "arg": {} }"#,
                "warning options.arg: an option has no property arg; is args meant?",
            ),
            (
                r#""args": [{ "template": "files" }]"#,
                "error args[0].template: files is none that is known; there are filepaths, folders, history, help",
            ),
            (
                r#""args": { "suggestions": [1] }"#,
                "error args.suggestions[0]: a suggestion must be a string or an object",
            ),
            (
                r#""args": { "suggestions": [{ "name": "a", "type": "flag" }] }"#,
                "error args.suggestions[0].type: flag is none that is known; there are arg, argument, subcommand, option, file, folder, shortcut, special, mixin, auto-execute",
            ),
            (
                r#""args": { "suggestions": [{ "name": "a", "descripton": "" }] }"#,
                "warning args.suggestions[0].descripton: a suggestion has no property descripton; is description meant?",
            ),
            (r#""args": { "default": true }"#, "error args.default: it must be a string"),
            (
                r#""args": { "filterStrategy": "fuzy" }"#,
                "error args.filterStrategy: fuzy is none that is known; is fuzzy meant?",
            ),
            (
                r#""args": { "generators": { "script": [] } }"#,
                "error args.generators.script: it must begin with a program",
            ),
            (
                r#""args": { "generators": { "script": "ls | head" } }"#,
                "warning args.generators.script: a string is run by sh; a list of words needs no quoting",
            ),
            (
                r#""args": { "generators": { "script": { "args": ["a"] } } }"#,
                "error args.generators.script: it must have a command",
            ),
            (
                r#""args": { "generators": { "script": { "command": "a", "env": { "A": [] } } } }"#,
                "error args.generators.script.env: variables must be strings",
            ),
            (
                r#""args": { "generators": { "custom": "async () => []" } }"#,
                "error args.generators.custom: it must be a function, which JSON cannot have",
            ),
            (
                r#""args": { "generators": { "scriptTimeout": -1 } }"#,
                "error args.generators.scriptTimeout: it must be a number, 0 or more",
            ),
            (
                r#""args": { "generators": { "trigger": { "on": "change" } } }"#,
                "error args.generators.trigger: it must be a string or a function",
            ),
            (
                r#""args": { "generators": { "cache": { "strategy": "maxage" } } }"#,
                "error args.generators.cache.strategy: maxage is none that is known; is max-age meant?",
            ),
            (r#""loadSpec": 1"#, "error loadSpec: it must be a string, an object or a function"),
            (r#""loadSpec": { "options": 1 }"#, "error loadSpec.options: an option must be an object"),
            (
                r#""parserDirectives": { "flagsArePosixNonCompliant": true }"#,
                "warning parserDirectives.flagsArePosixNonCompliant: parserDirectives has no property \
                 flagsArePosixNonCompliant; is flagsArePosixNoncompliant meant?",
            ),
            ("\"\\u001b[31m\": 1", "warning ?[31m: a subcommand has no property ?[31m"),
        ] {
            assert_eq!(problem(property), expected);
        }
    }

    #[test]
    fn what_the_format_has_is_no_problem() {
        for property in [
            r#""description": null"#,
            r#""args": { "generators": { "script": ["a"], "splitOn": "\n", "cache": { "ttl": 1 } } }"#,
            r#""args": [{ "name": "a", "suggestions": ["a", { "name": ["b", "c"] }], "template": ["folders", "help"] }]"#,
            r#""options": { "name": ["-a", "--all"], "isRepeatable": 2, "requiresSeparator": ":" }"#,
            r#""loadSpec": { "subcommands": [] }"#,
            r#""args": { "suggestions": [{ "name": "a", "previewComponent": "x" }] }"#,
        ] {
            assert_eq!(problems(&format!("{{ \"name\": \"x\", {property} }}")), [""; 0], "{property}");
        }
    }

    #[test]
    fn problems_are_bounded() {
        let many = format!("{{ \"name\": \"x\", \"options\": [{}1] }}", "1,".repeat(1000));
        assert_eq!(problems(&many).len(), MAX_PROBLEMS);
    }

    #[test]
    fn modules_of_old_are_told_from_those_of_today() {
        for (source, old) in [
            ("var completionSpec = {}", true),
            ("module.exports = {}", true),
            ("const completionSpec = {};export default completionSpec", false),
            ("var a={},completionSpec=a;export{completionSpec as default};", false),
            ("export const completionSpec = {}", false),
            ("var completionSpec = { description: 'to export default settings' }", true),
            ("var completionSpec = {};\n  export default completionSpec", false),
            ("export default {}", false),
        ] {
            assert_eq!(as_module(source) != source, old, "{source}");
        }
    }
}
