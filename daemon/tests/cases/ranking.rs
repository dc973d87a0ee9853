//! Rows matched and ordered as the reference matches and orders them.

use std::collections::HashMap;

use daemon::candidates::Draft;
use daemon::rank::{Group, How, Ranked, rank};
use serde_json::Value;

use crate::support::{cases, names, strings, text};

/// Kinds of rows of the file that are about something else, with what that is.
const OTHER: [(&str, &str); 6] = [
    ("common_prefix", "what Tab inserts is decided by the terminal"),
    ("fuzzy_single", "letters are matched by another matcher, with scores of its own"),
    ("is_template", "templates are values of an enum here"),
    ("static_args", "what a spec spells out is drafted in `candidates/spec.rs`, and tested with whole lines"),
    ("query_term", "needs a function, or a generator"),
    ("best_score", "scores are of another kind"),
];

/// The rows of a case, ordered.
fn ranked(case: &Value, suggestions: &[Value]) -> Vec<Ranked> {
    let drafts = suggestions.iter().map(draft).filter(|draft| !draft.names.is_empty());
    let drafts: Vec<Draft> = drafts.collect();
    let query = text(case, "query").to_string();
    let how =
        How { fuzzy: is_fuzzy(case), verbose: false, limit: 0, boosts: &HashMap::new(), prefer: &|_| None };
    rank(vec![Group { query, from: 0, drafts: drafts.into() }], how)
}

fn is_fuzzy(case: &Value) -> bool {
    case["settings"]["fuzzySearch"] == true
}

fn draft(suggestion: &Value) -> Draft {
    Draft {
        names: names(&suggestion["name"]),
        display: suggestion["displayName"].as_str().map(String::from),
        priority: suggestion["priority"].as_f64(),
        hidden: suggestion["hidden"] == true,
        ..Draft::default()
    }
}

fn suggestions(case: &Value) -> &[Value] {
    case["suggestions"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The first names of rows of the reference; the row that runs the line at once is none.
fn first_names(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().into_iter().flatten().filter(|row| row["type"] != "auto-execute");
    rows.map(|row| names(&row["name"]).swap_remove(0)).collect()
}

/// What the case wants, and what comes out.
fn compare(case: &Value) -> Option<(Vec<String>, Vec<String>)> {
    let rows = |suggestions: &[Value]| -> Vec<String> {
        ranked(case, suggestions).iter().map(|row| row.draft.names[0].clone()).collect()
    };
    let name = || -> Vec<String> {
        let matched = ranked(case, std::slice::from_ref(&case["suggestion"]));
        matched.iter().map(|row| row.draft.names[row.name].clone()).collect()
    };
    Some(match text(case, "op") {
        "rank" => (strings(&case["expected"]), rows(suggestions(case))),
        "filter" | "dedup" => (first_names(&case["expected"]), rows(suggestions(case))),
        "name_match" | "exact_name_match" => (names(&case["expected"]), name()),
        _ => return None,
    })
}

#[test]
fn rows_are_ordered_alike() {
    let mut compared = 0;
    for case in cases("filter_rank.jsonl").into_iter().filter(|case| case["mark"].is_null()) {
        let Some((mut wanted, mut mine)) = compare(&case) else {
            let op = text(&case, "op");
            assert!(OTHER.iter().any(|(other, _)| *other == op), "{op} is not compared");
            continue;
        };
        if is_fuzzy(&case) {
            // Another matcher: the same rows in an order of its own.
            mine.sort_unstable();
            wanted.sort_unstable();
        }
        assert_eq!(mine, wanted, "{}", text(&case, "id"));
        compared += 1;
    }
    assert!(compared >= 25, "{compared} rows");
}
