//! The continuation drawn after the cursor.
//!
//! From an earlier line if one goes on from what is typed, else from the best row, if that only adds to the line. There is
//! none with the cursor inside the line, and none out of rows before something of the word is typed. What destroys
//! something, and what is no part of a line, is never drawn.

use protocol::{Candidate, Ghost, Kind};

use crate::parse::quote;

/// The ghost text of a line.
pub fn ghost(
    line: &str,
    cursor: usize,
    earlier: Option<String>,
    query: &str,
    rows: &[Candidate],
) -> Option<Ghost> {
    if cursor != line.len() || line.trim().is_empty() {
        return None;
    }
    if let Some(text) = earlier.filter(|text| is_drawable(text)) {
        return Some(Ghost { text, source: "history".into() });
    }
    if query.is_empty() {
        return None;
    }
    let fit = rows.iter().filter(|row| !row.dangerous && row.kind != Kind::Special);
    // A row that is typed in full adds nothing; the next one may. One that would change what is typed says that the
    // best continuation is none: ghost text must not praise another row than the menu does.
    let mut additions = fit.map(|row| (row, addition(line, row)));
    let (row, text) =
        additions.find(|(_, text)| text.as_deref().is_none_or(|text| !text.trim().is_empty()))?;
    let text = text.filter(|text| is_drawable(text))?;
    Some(Ghost { text, source: row.source.clone() })
}

/// What accepting the row would add, if it only adds to something: after `cd ~/` nothing says that it is the first folder.
fn addition(line: &str, row: &Candidate) -> Option<String> {
    if row.edit.start == row.edit.end {
        return None;
    }
    let changed = row.edit.apply(line)?;
    let at_end = row.edit.cursor as usize == changed.len();
    changed.strip_prefix(line).filter(|_| at_end).map(str::to_owned)
}

/// Nothing in it would be obeyed by a terminal; newlines are drawn as lines.
fn is_drawable(text: &str) -> bool {
    !text.chars().any(|c| quote::is_hazard(c) && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use protocol::Edit;

    use super::*;

    fn row(text: &str, dangerous: bool) -> Candidate {
        let edit = Edit { start: 4, end: 6, text: text.into(), cursor: 4 + text.len() as u32 };
        Candidate { edit, dangerous, source: "spec:git".into(), ..Candidate::default() }
    }

    #[test]
    fn history_comes_first_then_the_first_harmless_row() {
        let rows = [row("clean ", true), row("clone ", false)];
        let text = |earlier: Option<&str>, query: &str, cursor| {
            ghost("git cl", cursor, earlier.map(String::from), query, &rows).map(|ghost| ghost.text)
        };
        assert_eq!(text(Some("ean -n"), "cl", 6).as_deref(), Some("ean -n"));
        assert_eq!(text(None, "cl", 6).as_deref(), Some("one "));
        assert_eq!(text(None, "cl", 5), None);
        assert_eq!(text(None, "", 6), None);
        assert_eq!(text(Some("ean\u{1b}[2J"), "", 6), None);
    }

    #[test]
    fn the_best_row_is_continued_or_none() {
        let special = |text: &str| Candidate { kind: Kind::Special, ..row(text, false) };
        let escape = || row("cl\u{1b}[2J", false);
        let inside = Candidate { edit: Edit { cursor: 5, ..row("clone ''", false).edit }, ..row("", false) };
        for (rows, expected) in [
            (vec![], None),
            (vec![row("clone ", false), row("clean ", false)], Some("one ")),
            (vec![row("CLONE ", false), row("clone ", false)], None),
            (vec![row("cl ", false), row("clone ", false)], Some("one ")),
            (vec![special("clone "), row("clean ", false)], Some("ean ")),
            (vec![special("clone ")], None),
            (vec![row("clean ", true)], None),
            (vec![escape(), row("clone ", false)], None),
            (vec![inside, row("clone ", false)], None),
        ] {
            let found = ghost("git cl", 6, None, "cl", &rows).map(|ghost| ghost.text);
            assert_eq!(found.as_deref(), expected, "{rows:?}");
        }
    }
}
