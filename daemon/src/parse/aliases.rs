//! What the first word of a command stands for.
//!
//! As in a shell: only a word typed without quotes is an alias, none expands inside itself, and a value that ends in a
//! blank passes expansion on to the next word. The words of the value take the place of the alias in the line, so that
//! spans stay true to what was typed. Of a value with several commands the last one goes on.

use std::collections::BTreeMap;

use protocol::Shell;

use super::lex::{Command, Mark, Quote, Word, lex};

/// How many aliases one command may go through; a chain of real aliases has two or three.
const MAX_EXPANSIONS: usize = 16;

/// The longest value that is looked at, in bytes.
const MAX_VALUE: usize = 4096;

/// Puts in what aliases stand for. The last word is the one being typed and is left alone.
pub fn expand(command: &mut Command, aliases: &BTreeMap<String, String>, shell: Shell) {
    let mut seen: Vec<String> = Vec::new();
    let mut at = 0;
    while at + 1 < command.words.len() && seen.len() < MAX_EXPANSIONS {
        let word = &command.words[at];
        let value = match aliases.get(&word.text) {
            Some(value) if (!seen.is_empty() || word.is_plain()) && !seen.contains(&word.text) => value,
            _ => return,
        };
        if value.len() > MAX_VALUE {
            return;
        }
        seen.push(word.text.clone());
        let Some(words) = value_words(value, word, shell) else { return };
        let passes_on = value.ends_with([' ', '\t']);
        let next = at + if passes_on { words.len() } else { 0 };
        command.words.splice(at..=at, words);
        at = next;
    }
}

/// The words of the last command of an alias, standing where the alias stands.
fn value_words(value: &str, alias: &Word, shell: Shell) -> Option<Vec<Word>> {
    let mut line = lex(value, value.len(), shell);
    let current = line.current?;
    let mut inner = std::mem::take(&mut line.commands[current]);
    inner.words.pop_if(|word| word.text.is_empty() && word.start == word.end);
    Some(inner.words.into_iter().map(|word| moved(word, alias)).collect())
}

/// The word, standing where the alias stands.
fn moved(word: Word, alias: &Word) -> Word {
    let mark = Mark { at: alias.start, quote: Quote::None, live: false };
    let marks = word.marks.iter().map(|from| Mark { live: from.live, ..mark }).collect();
    Word { start: alias.start, end: alias.end, closed: true, cut: None, marks, ..word }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str, aliases: &[(&str, &str)]) -> Vec<String> {
        let lexed = lex(line, line.len(), Shell::Bash);
        let mut command = lexed.command().expect("a command").clone();
        let aliases = aliases.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        expand(&mut command, &aliases, Shell::Bash);
        command.words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn aliases_expand_as_in_a_shell() {
        let aliases = [
            ("g", "git"),
            ("gc", "g commit -m 'a b'"),
            ("ls", "ls --color"),
            ("a", "b"),
            ("b", "a"),
            ("sudo", "sudo "),
            ("up", "cd .. && ls"),
            ("e", "X=1 git"),
            ("empty", ""),
        ];
        for (line, expected) in [
            ("g ch", vec!["git", "ch"]),
            ("gc -", vec!["git", "commit", "-m", "a b", "-"]),
            ("ls ", vec!["ls", "--color", ""]),
            ("a ", vec!["a", ""]),
            ("sudo g ch", vec!["sudo", "git", "ch"]),
            ("up -", vec!["ls", "--color", "-"]),
            ("e ch", vec!["git", "ch"]),
            ("\\g ch", vec!["g", "ch"]),
            ("'g' ch", vec!["g", "ch"]),
            ("g", vec!["g"]),
            ("empty g ch", vec!["git", "ch"]),
        ] {
            assert_eq!(words(line, &aliases), expected, "{line}");
        }
    }
}
