//! Variables of the session: `$HO`, `${HO`.
//!
//! Only what is exported is known. Values are not shown: they may be secrets.

use std::collections::BTreeMap;

use protocol::Kind;

use super::{Draft, Insert};
use crate::parse::lex::Word;

/// A variable that is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Where its name begins in the text of the word.
    pub from: usize,
    /// It is written `${…}`.
    pub braces: bool,
}

/// The variable that ends at the cursor, if one is being typed there.
pub fn spot(word: &Word) -> Option<Spot> {
    let before = word.before();
    let dollar = before.rfind('$')?;
    let live = word.marks.get(dollar..before.len())?.iter().all(|mark| mark.live);
    let name = &before[dollar + 1..];
    let braces = name.starts_with('{');
    let name = name.strip_prefix('{').unwrap_or(name);
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let typed = braces || !name.is_empty();
    (live && plain && typed).then_some(Spot { from: before.len() - name.len(), braces })
}

/// A row per variable.
pub fn drafts(spot: Spot, env: &BTreeMap<String, String>) -> Vec<Draft> {
    let close = if spot.braces { "}" } else { "" };
    let row = |name: &String| Draft {
        names: vec![name.clone()],
        insert: Insert::Verbatim(format!("{name}{close}")),
        kind: Kind::Variable,
        source: "variable".into(),
        ..Draft::default()
    };
    env.keys().map(row).collect()
}

#[cfg(test)]
mod tests {
    use protocol::Shell;

    use super::*;
    use crate::parse::lex::lex;

    #[test]
    fn only_a_live_name_at_the_cursor_counts() {
        for (line, expected) in [
            ("echo $HO", Some((1, false))),
            ("echo ${HO", Some((2, true))),
            ("echo \"a$HO", Some((2, false))),
            ("echo '$HO", None),
            ("echo \\$HO", None),
            ("echo $HOME/x", None),
            ("echo $", None),
            ("echo ${", Some((2, true))),
        ] {
            let lexed = lex(line, line.len(), Shell::Bash);
            let word = lexed.command().and_then(|command| command.words.last()).expect("a word");
            assert_eq!(spot(word).map(|spot| (spot.from, spot.braces)), expected, "{line}");
        }
    }
}
