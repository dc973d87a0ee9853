//! Lines split into words as the reference splits them.

use protocol::Shell;

use crate::support::{cases, strings, text};

#[test]
fn words_are_split_alike() {
    for case in cases("shell_parser.jsonl").into_iter().filter(|case| case["mark"].is_null()) {
        for (field, suffix) in [("words", ""), ("words_after_space", " ")] {
            let line = format!("{}{suffix}", text(&case, "input"));
            // Without a command at the end there is an empty first word for us, and nothing recorded.
            let Some(wanted) = case[field].as_array().map(|_| strings(&case[field])) else { continue };
            let cursor = line.len();
            let lexed = daemon::parse::lex::lex(&line, cursor, Shell::Bash);
            let words: Vec<String> = lexed
                .command()
                .into_iter()
                .flat_map(|command| &command.words)
                .map(|word| word.text.clone())
                .collect();
            let nothing = wanted == [""] && words.is_empty();
            assert!(
                nothing || words == wanted,
                "{} {line:?}: {words:?} instead of {wanted:?}",
                text(&case, "id")
            );
        }
    }
}
