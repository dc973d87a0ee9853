//! What the reference engine answers, line by line: the same words and expectations, the same rows in the same tiers.
//!
//! Every departure is named in [`EXCEPTIONS`] with its reason, and must still be one.

use std::collections::BTreeMap;

use protocol::{Answer, Candidate, Kind, Parsed};
use serde_json::Value;

use crate::support::{Desk, cases, context, engine, request, strings, text};

const FILES: [&str; 2] = ["corpus.jsonl", "hand.jsonl"];

/// Classes whose answers are right by the rules of the format.
const TRUSTED: [&str; 27] = [
    "arg_first",
    "arg_second",
    "arg_static",
    "case_fold",
    "end_of_options",
    "hand",
    "hidden_exact",
    "insert_display",
    "load_spec",
    "load_spec_big",
    "opt_after_flag",
    "opt_dash",
    "opt_depends",
    "opt_exclusive",
    "opt_persistent",
    "opt_posix_noncompliant",
    "opt_prefix",
    "opt_repeatable",
    "optarg_equals",
    "optarg_space",
    "priority_sort",
    "shell_ops",
    "subcmd_empty",
    "subcmd_exact",
    "subcmd_prefix",
    "subshell",
    "wrapper",
];

/// The reference takes a first word for an argument of a spec of its own; here it is what a shell can run.
const NOT_COMPARED: &str = "first_token";

/// Where the recorded answer is wrong or a choice that is not ours, by case, with the reason.
const EXCEPTIONS: [(&str, &str); 23] = [
    ("opt_dash-027", FUZZY),
    ("hand-207", FUZZY),
    ("env_prefix-020", FUZZY),
    ("opt_after_flag-090", EXCLUSIVE),
    ("opt_depends-051", EXCLUSIVE),
    ("hidden_exact-121", DANGEROUS),
    ("priority_sort-008", DANGEROUS),
    ("hand-211", UNKNOWN_OPTION),
    ("hand-320", UNKNOWN_OPTION),
    ("hand-337", UNKNOWN_OPTION),
    ("unknown_token-002", UNKNOWN_OPTION),
    ("unknown_token-004", UNKNOWN_OPTION),
    ("unknown_token-096", UNKNOWN_OPTION),
    ("unknown_token-125", UNKNOWN_OPTION),
    ("unknown_token-003", "an option with a value that it does not take is still that option"),
    ("unknown_token-038", "an option with a value that it does not take is still that option"),
    ("opt_multi_args-008", LATE_VALUE),
    ("opt_multi_args-100", LATE_VALUE),
    ("arg_variadic-060", "an option without a name cannot be inserted"),
    ("quotes_escapes-037", "`$'a\\tb'` has a tab in it, as the shell reads it"),
    ("alias-058", "an alias whose value is quoted is one word, as the shell reads it"),
    ("cursor_inside-002", "a first word is what a shell can run, not the argument of a spec of its own"),
    ("hand-496", "a path in the place of a command is completed as a path"),
];

const FUZZY: &str = "rows that match letter by letter are ordered by another matcher";
const EXCLUSIVE: &str = "exclusion is mutual: an option that excludes a given one is not offered either";
const DANGEROUS: &str = "a dangerous row is never the first";
const UNKNOWN_OPTION: &str = "an option that the spec does not know is an option, not a value";
const LATE_VALUE: &str = "an optional value that was left out does not come after a value of the command";

/// Rows that agree, in numbers.
#[derive(Default)]
struct Agreement {
    lines: usize,
    /// Lines whose best rows are the same.
    first_tier: usize,
    /// Lines that agree in everything.
    alike: usize,
    /// Recorded rows, and how many of them are offered.
    recorded: usize,
    offered: usize,
    /// All rows of the recorded lists, and how many more are offered.
    listed: usize,
    extra: usize,
}

fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

impl Agreement {
    fn add(&mut self, case: &Value, mine: &[&str], alike: bool) {
        let wanted = names(case);
        let total = case["total"].as_u64().unwrap_or(0) as usize;
        self.lines += 1;
        self.alike += usize::from(alike);
        self.first_tier += usize::from(tier_differs(case, mine, 0).is_none());
        self.recorded += wanted.len();
        self.offered += wanted.iter().filter(|name| mine.contains(name)).count();
        self.listed += total;
        self.extra += mine.len().saturating_sub(total);
    }

    fn say(&self, of: &str) -> String {
        format!(
            "{of}: {} lines, {:.2} % alike; {:.3} % of {} rows offered, {:.3} % more; first tier {:.2} %",
            self.lines,
            percent(self.alike, self.lines),
            percent(self.offered, self.recorded),
            self.recorded,
            percent(self.extra, self.listed),
            percent(self.first_tier, self.lines),
        )
    }
}

fn names(case: &Value) -> Vec<&str> {
    let rows = case["names"].as_array().into_iter().flatten();
    rows.map(|row| row[1].as_str().unwrap_or_default()).collect()
}

/// The names that are offered. The row for what is typed is not: the recorded lists have none.
fn offered(answer: &Answer) -> Vec<&str> {
    let rows = answer.candidates.iter().filter(|row| row.source != "typed");
    rows.map(|row| row.name.as_str()).collect()
}

/// The names of sibling subcommands come from a generator, and those did not run.
fn lists_siblings(case: &Value) -> bool {
    strings(&case["arg"]["templates"]).iter().any(|template| template == "help")
}

/// What differs in the rows, if anything.
fn rows_differ(case: &Value, answer: &Answer) -> Option<String> {
    if lists_siblings(case) {
        return None;
    }
    let (mine, wanted) = (offered(answer), names(case));
    let total = case["total"].as_u64()? as usize;
    // Beyond 50 rows the recorded lists have equal rows twice.
    let count_agrees = mine.len() == total || total > 50 && mine.len() <= total && mine.len() >= wanted.len();
    if !count_agrees {
        return Some(format!("{} rows instead of {total}: {mine:?} instead of {wanted:?}", mine.len()));
    }
    (0..tiers(case).len()).find_map(|tier| tier_differs(case, &mine, tier))
}

/// How many rows are equally good, from the best on, as far as rows are listed.
fn tiers(case: &Value) -> Vec<usize> {
    match case["tiers"].as_array() {
        Some(tiers) => tiers.iter().filter_map(|tier| tier.as_u64().map(|tier| tier as usize)).collect(),
        None => vec![names(case).len()],
    }
}

/// What differs in the rows of one tier, in whatever order.
fn tier_differs(case: &Value, mine: &[&str], tier: usize) -> Option<String> {
    let (wanted, tiers) = (names(case), tiers(case));
    let total = case["total"].as_u64().unwrap_or(0) as usize;
    let start: usize = tiers.iter().take(tier).sum();
    let end = (start + tiers.get(tier)?).min(wanted.len());
    // The list stops at 30 rows, the tier perhaps not.
    let cut_off = end == wanted.len() && total > wanted.len();
    let mut tier: Vec<&str> = wanted[start..end].to_vec();
    let until = if cut_off { mine.len() } else { end.min(mine.len()) };
    let mut rows: Vec<&str> = mine[start.min(until)..until].to_vec();
    tier.sort_unstable();
    rows.sort_unstable();
    let agrees = if cut_off { tier.iter().all(|name| rows.contains(name)) } else { tier == rows };
    (!agrees).then(|| format!("rows {start}..{end} are {rows:?} instead of {tier:?}"))
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
    argument_differs(case, parsed)
}

fn argument_differs(case: &Value, parsed: &Parsed) -> Option<String> {
    let mine = parsed.expects.argument.as_ref().map(|argument| {
        let flags = (argument.index as u64, argument.variadic, argument.optional);
        (argument.of.clone(), argument.name.clone(), flags)
    });
    let wanted = case["arg"].as_object().map(|arg| {
        let flags = (arg["index"].as_u64().unwrap_or(0), arg["variadic"] == true, arg["optional"] == true);
        (arg["of"].as_str().unwrap_or("").to_string(), arg["name"].as_str().map(String::from), flags)
    });
    (mine != wanted).then(|| format!("argument {mine:?} instead of {wanted:?}"))
}

/// The recorded lines that are compared: those that were answered and are free of known faults.
fn compared() -> Vec<Value> {
    let all = FILES.into_iter().flat_map(cases);
    all.filter(|case| case["ok"] == true && case["dev"].is_null() && case["class"] != NOT_COMPARED).collect()
}

#[test]
fn recorded_lines_are_answered_alike() {
    let engine = engine();
    let mut classes: BTreeMap<String, Agreement> = BTreeMap::new();
    let mut trusted = Agreement::default();
    let mut failures = Vec::new();
    for case in compared() {
        let (request, context) = (request(&case), context(&case));
        let desk = Desk::bare(&engine, &context);
        let answer = desk.complete(&request);
        let found = parse_differs(&case, &desk.parse(&request))
            .or_else(|| rows_differ(&case, &answer))
            .or_else(|| edits_differ(&case, &answer));
        let (class, mine) = (text(&case, "class"), offered(&answer));
        if !lists_siblings(&case) {
            classes.entry(class.to_string()).or_default().add(&case, &mine, found.is_none());
        }
        if TRUSTED.contains(&class) && !lists_siblings(&case) {
            trusted.add(&case, &mine, found.is_none());
        }
        let excepted = EXCEPTIONS.iter().any(|(id, _)| *id == text(&case, "id"));
        if let Some(found) = found.filter(|_| !excepted) {
            let found: String = found.chars().take(300).collect();
            failures.push(format!("{} {:?}: {found}", text(&case, "id"), text(&case, "buffer")));
        }
    }
    classes.iter().for_each(|(class, agreement)| println!("{}", agreement.say(class)));
    println!("{}", trusted.say("trusted classes"));
    assert!(failures.is_empty(), "{} lines differ:\n{failures:#?}", failures.len());
    assert!(percent(trusted.offered, trusted.recorded) >= 99.5, "{}", trusted.say("trusted classes"));
    assert!(percent(trusted.extra, trusted.listed) <= 0.5, "{}", trusted.say("trusted classes"));
    assert!(percent(trusted.first_tier, trusted.lines) >= 99.0, "{}", trusted.say("trusted classes"));
}

#[test]
fn exceptions_are_still_exceptions() {
    let engine = engine();
    let mut left: Vec<&str> = EXCEPTIONS.iter().map(|(id, _)| *id).collect();
    for case in compared() {
        let Some((id, why)) = EXCEPTIONS.iter().find(|(id, _)| *id == text(&case, "id")) else { continue };
        let (request, context) = (request(&case), context(&case));
        let desk = Desk::bare(&engine, &context);
        let parsed = parse_differs(&case, &desk.parse(&request));
        let differs = parsed.or_else(|| rows_differ(&case, &desk.complete(&request)));
        assert!(differs.is_some(), "{id} is answered alike: it needs no exception ({why})");
        left.retain(|left| left != id);
    }
    assert_eq!(left, [] as [&str; 0], "there are no such lines");
}
