//! The continuation drawn after the cursor.
//!
//! From an earlier line if one goes on from what is typed, else from the first row that only adds to the line. There is
//! none with the cursor inside the line, and none out of rows before something of the word is typed.

use protocol::{Candidate, Ghost};

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
    rows.iter().filter(|row| !row.dangerous).find_map(|row| continuation(line, row))
}

/// What accepting the row would add, if it only adds to something: after `cd ~/` nothing says that it is the first folder.
fn continuation(line: &str, row: &Candidate) -> Option<Ghost> {
    if row.edit.start == row.edit.end {
        return None;
    }
    let changed = row.edit.apply(line)?;
    let text = changed.strip_prefix(line)?;
    let at_end = row.edit.cursor as usize == changed.len();
    let says_something = !text.trim().is_empty() && is_drawable(text);
    (at_end && says_something).then(|| Ghost { text: text.to_string(), source: row.source.clone() })
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
        let rows = [row("clean ", true), row("stash ", false), row("clone ", false)];
        let text = |earlier: Option<&str>, query: &str, cursor| {
            ghost("git cl", cursor, earlier.map(String::from), query, &rows).map(|ghost| ghost.text)
        };
        assert_eq!(text(Some("ean -n"), "cl", 6).as_deref(), Some("ean -n"));
        assert_eq!(text(None, "cl", 6).as_deref(), Some("one "));
        assert_eq!(text(None, "cl", 5), None);
        assert_eq!(text(None, "", 6), None);
        assert_eq!(text(Some("ean\u{1b}[2J"), "", 6), None);
    }
}
