//! Lines of our own, and what a person expects there: see the top of `everyday.txt`.

use std::collections::BTreeMap;

use protocol::{Answer, Context, Kind, Parsed, Request};

use crate::support::{Desk, Few, engine, read};

/// What is known of a line.
struct Seen {
    answer: Answer,
    parsed: Parsed,
}

impl Seen {
    fn offers(&self, name: &str) -> bool {
        self.answer
            .candidates
            .iter()
            .any(|row| row.names.iter().any(|known| known == name) || row.name == name)
    }

    fn offers_kind(&self, kinds: &[Kind]) -> bool {
        self.answer.candidates.iter().any(|row| kinds.contains(&row.kind))
    }

    /// Whether one word of the right side holds.
    fn holds(&self, check: &str) -> bool {
        if let Some(check) = check.strip_prefix('!').filter(|check| !check.is_empty()) {
            return !self.holds(check);
        }
        let expects = &self.parsed.expects;
        match check {
            "{paths}" => self.offers_kind(&[Kind::File, Kind::Folder]),
            "{folders}" => self.offers_kind(&[Kind::Folder]) && !self.offers_kind(&[Kind::File]),
            "{commands}" => self.offers_kind(&[Kind::Command]),
            "{nothing}" => self.answer.candidates.is_empty(),
            "{subcommands}" => expects.subcommands,
            "{options}" => expects.options,
            "{argument}" => expects.argument.is_some(),
            _ => self.holds_value(check),
        }
    }

    fn holds_value(&self, check: &str) -> bool {
        let argument = self.parsed.expects.argument.as_ref();
        let name = argument.and_then(|argument| argument.name.as_deref()).unwrap_or_default();
        match check.split_once(':') {
            Some(("argument", wanted)) => name.replace(' ', "_") == wanted,
            Some(("of", wanted)) => argument.is_some_and(|argument| argument.of == wanted),
            Some(("query", wanted)) => self.answer.query == wanted,
            Some(("first", wanted)) => self.answer.candidates.first().is_some_and(|row| row.name == wanted),
            Some(("passed", wanted)) => self.parsed.passed_options.join(",") == wanted,
            Some(("command", wanted)) => self.answer.command.join(",") == wanted,
            _ => self.offers(check),
        }
    }
}

fn see(desk: &Desk, marked: &str) -> Seen {
    let cursor = marked.find('^').unwrap_or_else(|| panic!("no cursor in {marked:?}"));
    let line = marked.replacen('^', "", 1);
    let request = Request { generation: 1, line, cursor: cursor as u32, ..Request::default() };
    Seen { answer: desk.complete(&request), parsed: desk.parse(&request) }
}

#[test]
fn everyday_lines_are_completed() {
    let engine = engine();
    let mut context = Context {
        cwd: "/home/user/project".into(),
        env: BTreeMap::from([("HOME".into(), "/home/user".into())]),
        ..Context::default()
    };
    let mut wrong = Vec::new();
    let mut lines = 0;
    for line in read("everyday.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((name, value)) = line.strip_prefix("alias ").and_then(|alias| alias.split_once('=')) {
            context.aliases.insert(name.into(), value.into());
            continue;
        }
        let (marked, checks) = line.rsplit_once("->").unwrap_or_else(|| panic!("no -> in {line:?}"));
        let desk = Desk { world: &Few, ..Desk::bare(&engine, &context) };
        let seen = see(&desk, marked.strip_suffix(' ').unwrap_or(marked));
        lines += 1;
        assert!(!checks.trim().is_empty(), "{line:?} checks nothing");
        let failed: Vec<&str> = checks.split_whitespace().filter(|check| !seen.holds(check)).collect();
        if !failed.is_empty() {
            let rows: Vec<&str> =
                seen.answer.candidates.iter().map(|row| row.name.as_str()).take(12).collect();
            wrong.push(format!("{marked}: {failed:?}, but {rows:?} and {:?}", seen.parsed.expects));
        }
    }
    assert!(lines >= 150, "{lines} lines");
    assert!(wrong.is_empty(), "{} of {lines} lines:\n{wrong:#?}", wrong.len());
}
