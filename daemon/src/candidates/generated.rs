//! Rows that generators yield: what a function returned or a program printed, turned into drafts.
//!
//! All of it is hostile until checked: names may have any characters, values may be of any type. What is wrong in a row
//! costs that row, or that property of it, and nothing else.

use protocol::Kind;
use serde_json::{Map, Value};

use super::{Draft, Insert};

/// Most rows of one generator that are kept: nobody looks further, and all of them are ranked for each key.
pub const MAX_ROWS: usize = 5_000;

/// The longest name, in bytes: longer ones are neither read nor typed by people, and no file name is.
const MAX_NAME: usize = 1_024;

/// The longest description and the like, in bytes.
const MAX_TEXT: usize = 2_048;

/// What ends a value that goes on in the same word.
const OPEN_ENDS: [char; 5] = ['/', '=', ':', '@', ','];

/// Marks where the cursor goes in what a spec inserts.
const CURSOR: &str = "{cursor}";

/// The rows of a value that a function returned: an array of names and of objects, as the spec format has them.
pub fn of_value(value: &Value) -> Vec<Draft> {
    let Some(items) = value.as_array() else { return Vec::new() };
    items.iter().filter_map(of_item).take(MAX_ROWS).collect()
}

/// The rows of what a program printed, cut at each `separator`, or at each line without one.
pub fn of_output(output: &str, separator: Option<&str>) -> Vec<Draft> {
    let separator = separator.filter(|separator| !separator.is_empty()).unwrap_or("\n");
    let names = output.trim().split(separator).filter(|name| !name.is_empty());
    names.filter_map(plain).take(MAX_ROWS).collect()
}

fn of_item(item: &Value) -> Option<Draft> {
    match item {
        Value::String(name) => plain(name),
        Value::Object(properties) => of_object(properties),
        _ => None,
    }
}

/// A row that has a name and nothing else.
fn plain(name: &str) -> Option<Draft> {
    let names = vec![accepted(name)?];
    let space = !name.ends_with(OPEN_ENDS);
    Some(Draft { names, space, ..Draft::default() })
}

fn of_object(properties: &Map<String, Value>) -> Option<Draft> {
    let names = names(properties.get("name")?)?;
    let kind = properties.get("type").and_then(Value::as_str).map_or(Kind::Arg, kind);
    let insert = insert(&names, text(properties, "insertValue"));
    let inserted = match &insert {
        Insert::Verbatim(text) | Insert::Quoted(text) => text.as_str(),
        _ => names.first().map_or("", String::as_str),
    };
    let is_value = !matches!(kind, Kind::Subcommand | Kind::Option);
    let space = is_value && !inserted.ends_with(OPEN_ENDS) && !inserted.ends_with(char::is_whitespace);
    let is = |name: &str| properties.get(name).and_then(Value::as_bool).unwrap_or_default();
    Some(Draft {
        display: text(properties, "displayName").filter(|shown| !shown.is_empty()),
        description: text(properties, "description").filter(|text| !text.is_empty()),
        icon: text(properties, "icon"),
        priority: priority(properties.get("priority")),
        dangerous: is("isDangerous"),
        hidden: is("hidden"),
        names,
        insert,
        kind,
        space,
        ..Draft::default()
    })
}

/// The names of a row, if it has any.
fn names(value: &Value) -> Option<Vec<String>> {
    let names: Vec<String> = match value {
        Value::String(name) => accepted(name).into_iter().collect(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter_map(accepted).collect(),
        _ => Vec::new(),
    };
    (!names.is_empty()).then_some(names)
}

/// A name that can be a word: not empty, not without end, and nothing that no argument can have.
fn accepted(name: &str) -> Option<String> {
    let fits = !name.is_empty() && name.len() <= MAX_NAME && !name.contains('\0');
    fits.then(|| name.to_owned())
}

fn text(properties: &Map<String, Value>, name: &str) -> Option<String> {
    let text = properties.get(name)?.as_str()?;
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|&end| text.is_char_boundary(end))?;
    text.get(..end).map(str::to_owned)
}

/// What is put in. A spec may add words, quotes and a place for the cursor to a name; but as the name comes from
/// outside, what the shell would act on is put in as text.
fn insert(names: &[String], value: Option<String>) -> Insert {
    let says_more = |value: &String| !value.is_empty() && !names.iter().any(|name| means(value, name));
    let Some(value) = value.filter(says_more) else { return Insert::Name };
    match is_inert(&value.replace(CURSOR, "")) {
        true => Insert::Verbatim(value),
        false => Insert::Quoted(value.replace(CURSOR, "")),
    }
}

/// Whether a value is this name, quoted or escaped by the spec.
fn means(value: &str, name: &str) -> bool {
    let quoted =
        |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) == Some(name);
    value == name || quoted('\'') || quoted('"') || value.replace('\\', "") == name
}

/// Whether no shell does anything with the text but split it into words, whatever stands around it.
fn is_inert(text: &str) -> bool {
    let quotes = |quote: char| text.matches(quote).count();
    let balanced = quotes('\'').is_multiple_of(2) && quotes('"').is_multiple_of(2);
    balanced && !text.contains(|c: char| c.is_control() || "$`;|&<>()!*?[\\".contains(c))
}

/// A priority within the bounds of the format; what is no number is none.
fn priority(value: Option<&Value>) -> Option<f64> {
    let priority = value?.as_f64()?;
    priority.is_finite().then(|| priority.clamp(0.0, 100.0))
}

fn kind(name: &str) -> Kind {
    match name {
        "subcommand" => Kind::Subcommand,
        "option" => Kind::Option,
        "file" => Kind::File,
        "folder" => Kind::Folder,
        "special" | "shortcut" => Kind::Special,
        _ => Kind::Arg,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names_of(value: Value) -> String {
        of_value(&value).iter().map(|draft| draft.names.join("|")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rows_without_a_name_are_dropped_and_bad_properties_ignored() {
        for (value, expected) in [
            (json!([{"name": "a"}, "b", {"name": ["c", "d"]}]), "a b c|d"),
            (json!([null, false, 0, {}, [], {"name": ""}, {"name": null}, {"name": 3}, ""]), ""),
            (json!([{"name": ["", "x", null]}, {"name": []}]), "x"),
            (json!([{"name": "a", "priority": "x", "description": 3, "hidden": "no", "type": []}]), "a"),
            (json!([{"name": "a\u{0}b"}, "x".repeat(MAX_NAME + 1)]), ""),
            (json!("a"), ""),
            (json!(null), ""),
            (json!({"name": "a"}), ""),
        ] {
            assert_eq!(names_of(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn properties_arrive() {
        let value = json!([{
            "name": ["main", "m"], "displayName": "Main", "description": "a branch", "icon": "⎇", "type": "option",
            "priority": 0, "isDangerous": true, "hidden": true, "insertValue": "main {cursor}",
        }]);
        let expected = Draft {
            names: vec!["main".into(), "m".into()],
            display: Some("Main".into()),
            insert: Insert::Verbatim("main {cursor}".into()),
            kind: Kind::Option,
            description: Some("a branch".into()),
            icon: Some("⎇".into()),
            priority: Some(0.0),
            dangerous: true,
            hidden: true,
            ..Draft::default()
        };
        assert_eq!(of_value(&value), [expected]);
        for (priority, expected) in [(json!(1000), Some(100.0)), (json!(-1), Some(0.0)), (json!(false), None)]
        {
            assert_eq!(of_value(&json!([{"name": "x", "priority": priority}]))[0].priority, expected);
        }
    }

    #[test]
    fn what_comes_from_outside_is_never_more_than_text() {
        for (name, value, expected) in [
            ("a b", "a b", Insert::Name),
            ("a b", "a\\ b", Insert::Name),
            ("a b", "'a b'", Insert::Name),
            ("$(reboot)", "\"$(reboot)\"", Insert::Name),
            ("-rf *", "-rf * ", Insert::Quoted("-rf * ".into())),
            ("a", "a ", Insert::Verbatim("a ".into())),
            ("a", "--x=a", Insert::Verbatim("--x=a".into())),
            ("a", "'{cursor}'", Insert::Verbatim("'{cursor}'".into())),
            ("a", "\"a b\"", Insert::Verbatim("\"a b\"".into())),
            ("a", "it's", Insert::Quoted("it's".into())),
            ("a", "a;reboot", Insert::Quoted("a;reboot".into())),
            ("a", "$(reboot){cursor}", Insert::Quoted("$(reboot)".into())),
            ("a", "`reboot`", Insert::Quoted("`reboot`".into())),
            ("a", "a\nreboot\n", Insert::Quoted("a\nreboot\n".into())),
            ("a", "a > /etc/passwd", Insert::Quoted("a > /etc/passwd".into())),
            ("a", "!reboot", Insert::Quoted("!reboot".into())),
            ("a", "", Insert::Name),
        ] {
            let rows = of_value(&json!([{"name": name, "insertValue": value}]));
            assert_eq!(rows[0].insert, expected, "{value}");
        }
    }

    #[test]
    fn output_is_cut_into_rows() {
        for (output, separator, expected) in [
            ("a\nb\n", Some("\n"), "a b"),
            ("a,b,,c", Some(","), "a b c"),
            (" a \n b", None, "a | b"),
            ("", None, ""),
            ("\n\n", Some("\n"), ""),
            ("a", Some(""), "a"),
        ] {
            let rows = of_output(output, separator);
            let joined = match separator {
                None => rows.iter().map(|draft| draft.names[0].as_str()).collect::<Vec<_>>().join("|"),
                Some(_) => rows.iter().map(|draft| draft.names[0].as_str()).collect::<Vec<_>>().join(" "),
            };
            assert_eq!(joined, expected, "{output:?}");
        }
    }

    #[test]
    fn a_million_rows_are_cut() {
        assert_eq!(of_output(&"x\n".repeat(1_000_000), None).len(), MAX_ROWS);
        let many: Vec<String> = (0..MAX_ROWS * 2).map(|at| at.to_string()).collect();
        assert_eq!(of_value(&json!(many)).len(), MAX_ROWS);
    }

    #[test]
    fn a_value_that_goes_on_takes_no_space() {
        let spaces: Vec<bool> =
            of_value(&json!(["a", "dir/", {"name": "key="}, {"name": "x", "insertValue": "y "}]))
                .iter()
                .map(|draft| draft.space)
                .collect();
        assert_eq!(spaces, [true, false, false, false]);
    }
}
