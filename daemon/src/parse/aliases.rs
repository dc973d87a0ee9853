//! What words of a line stand for.
//!
//! As in a shell: only a word typed without quotes is an alias, none expands inside itself, and a value that ends in a
//! blank passes expansion on to the next word. The word being typed is left alone, and what stands behind the cursor.
//! A global alias of zsh may be any word; a suffix alias names the program for files whose names end so. Abbreviations of
//! fish are like aliases here: the shell replaces them when the word is finished. Nothing is evaluated.

use std::collections::BTreeMap;

use protocol::{Context, Shell};

/// The aliases of a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aliases<'a>(Option<&'a Context>);

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    /// The name in the list of aliases: none is expanded inside itself.
    pub(super) name: &'a str,
    /// The text.
    pub(super) text: &'a str,
    /// It comes before the word instead of in its place.
    pub(super) before: bool,
}

/// A word as aliases look at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed<'a> {
    /// As it was typed.
    pub(super) raw: &'a str,
    /// Unquoted.
    pub(super) text: &'a str,
    /// Typed without quotes, escapes or expansions.
    pub(super) plain: bool,
    /// It stands in the place of a command.
    pub(super) first: bool,
    /// It stands behind an alias that passes expansion on.
    pub(super) behind: bool,
}

impl<'a> Aliases<'a> {
    /// Those of this session.
    pub fn of(context: &'a Context) -> Aliases<'a> {
        Aliases(Some(context))
    }

    /// What a word stands for, if anything.
    pub(super) fn value(&self, word: Typed) -> Option<Value<'a>> {
        let context = self.0?;
        let place = word.first || word.behind;
        self.abbreviation(context, word)
            .or_else(|| found(&context.aliases, word.text).filter(|_| place && is_name(context.shell, word)))
            .or_else(|| found(&context.global_aliases, word.text).filter(|_| word.plain))
            .or_else(|| suffix(&context.suffix_aliases, word.raw).filter(|_| word.first))
    }

    fn abbreviation(&self, context: &'a Context, word: Typed) -> Option<Value<'a>> {
        found(&context.abbreviations, word.text).filter(|_| word.first && word.plain)
    }
}

/// Whether a word may be the name of an alias. What fish calls so are functions, whose names may be quoted.
fn is_name(shell: Shell, word: Typed) -> bool {
    word.plain || shell == Shell::Fish
}

fn found<'a>(aliases: &'a BTreeMap<String, String>, name: &str) -> Option<Value<'a>> {
    aliases.get_key_value(name).map(|(name, text)| Value { name, text, before: false })
}

/// The program for files whose names end as this word does.
fn suffix<'a>(aliases: &'a BTreeMap<String, String>, word: &str) -> Option<Value<'a>> {
    let (stem, ending) = word.rsplit_once('.')?;
    let (name, text) = aliases.get_key_value(ending).filter(|_| !stem.is_empty() && !ending.is_empty())?;
    Some(Value { name, text, before: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::lex::{Spot, lex_aliased};

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// The words at the `^` with what aliases stand for put in; behind `|` where the last one stands; `-` when there is
    /// nothing.
    fn words(marked: &str, context: &Context) -> String {
        let cursor = marked.find('^').expect("a cursor");
        let line = lex_aliased(&marked.replacen('^', "", 1), cursor, context.shell, Aliases::of(context));
        let (Some(command), Some(word)) = (line.command(), line.word()) else { return "-".into() };
        let texts: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
        let kind = if line.spot == Spot::Word { "" } else { "> " };
        assert_eq!(word.cut.map(|cut| cut.at), Some(cursor), "{marked}");
        format!("{kind}{} | {}..{}", texts.join("·"), word.start, word.end)
    }

    fn check(context: &Context, rows: &[(&str, &str)]) {
        for (line, expected) in rows {
            assert_eq!(words(line, context), *expected, "{line} in {:?}", context.shell);
        }
    }

    #[test]
    fn aliases_expand_as_in_a_shell() {
        let aliases = map(&[
            ("g", "git"),
            ("gc", "g commit -m 'a b'"),
            ("ls", "ls --color"),
            ("a", "b"),
            ("b", "a"),
            ("sudo", "sudo "),
            ("both", "g "),
            ("up", "cd .. && ls"),
            ("gr", "ls | grep"),
            ("e", "X=1 git"),
            ("empty", ""),
            ("each", "for x in"),
            ("start", "if true; then"),
            ("say", "git commit -m \""),
            ("out", "cat >"),
            ("note", "ls # "),
            ("self", "command self"),
        ]);
        for shell in [Shell::Bash, Shell::Zsh] {
            let context = Context { shell, aliases: aliases.clone(), ..Context::default() };
            check(
                &context,
                &[
                    ("g ch^", "git·ch | 2..4"),
                    ("g^", "g | 0..1"),
                    ("g ^", "git· | 2..2"),
                    ("g ch^ --force", "git·ch | 2..4"),
                    ("gc -^", "git·commit·-m·a b·- | 3..4"),
                    ("ls ^", "ls·--color· | 3..3"),
                    ("a ^", "a· | 2..2"),
                    ("sudo g ch^", "sudo·git·ch | 7..9"),
                    ("sudo -u g ch^", "sudo·-u·g·ch | 10..12"),
                    ("both g ch^", "git·git·ch | 7..9"),
                    ("up -^", "ls·--color·- | 3..4"),
                    ("gr x^", "grep·x | 3..4"),
                    ("e ch^", "git·ch | 2..4"),
                    ("X=1 g ch^", "git·ch | 6..8"),
                    (">x g ch^", "git·ch | 5..7"),
                    ("\\g ch^", "g·ch | 3..5"),
                    ("'g' ch^", "g·ch | 4..6"),
                    ("$g ch^", "$g·ch | 3..5"),
                    ("x g ch^", "x·g·ch | 4..6"),
                    ("empty g ch^", "git·ch | 8..10"),
                    ("echo $(g ch^", "git·ch | 9..11"),
                    ("x | g ch^", "git·ch | 6..8"),
                    ("if g ch^", "git·ch | 5..7"),
                    ("time g ch^", "time·git·ch | 7..9"),
                    ("each a^", "> for·x·in·a | 5..6"),
                    ("start g ch^", "git·ch | 8..10"),
                    ("g a; g ch^", "git·ch | 7..9"),
                    ("for g in g ^", "> for·g·in·g· | 11..11"),
                    ("say hello^", "-"),
                    ("out fi^", "> cat | 4..6"),
                    ("note x^", "-"),
                    ("self x^", "command·self·x | 5..6"),
                    ("é; g ch^", "git·ch | 6..8"),
                ],
            );
        }
    }

    #[test]
    fn zsh_has_aliases_for_any_word_and_for_endings() {
        let context = Context {
            shell: Shell::Zsh,
            aliases: map(&[("v", "vim -p"), ("sudo", "sudo ")]),
            global_aliases: map(&[("G", "| grep -i"), ("L", "| less"), ("X", "a X b")]),
            suffix_aliases: map(&[("txt", "v"), ("c", "cc -o x")]),
            ..Context::default()
        };
        check(
            &context,
            &[
                ("ls G fo^", "grep·-i·fo | 5..7"),
                ("ls G fo L -^", "less·- | 10..11"),
                ("ls G^", "ls·G | 3..4"),
                ("ls 'G' x^", "ls·G·x | 7..8"),
                ("ls aG x^", "ls·aG·x | 6..7"),
                ("ls X x^", "ls·a·X·b·x | 5..6"),
                ("G x^", "grep·-i·x | 2..3"),
                ("a.txt -^", "vim·-p·a.txt·- | 6..7"),
                ("a.txt^", "a.txt | 0..5"),
                ("my\\ file.txt -^", "vim·-p·my file.txt·- | 13..14"),
                ("./b.c -^", "cc·-o·x·./b.c·- | 6..7"),
                (".txt -^", ".txt·- | 5..6"),
                ("ls a.txt -^", "ls·a.txt·- | 9..10"),
                ("sudo a.txt -^", "sudo·a.txt·- | 11..12"),
            ],
        );
    }

    #[test]
    fn fish_has_abbreviations_and_functions_that_wrap() {
        let context = Context {
            shell: Shell::Fish,
            aliases: map(&[("ll", "ls -l"), ("hub", "git")]),
            global_aliases: map(&[("L", "| less")]),
            abbreviations: map(&[("gco", "git checkout"), ("g", "git"), ("cs", "cd; and git")]),
            ..Context::default()
        };
        check(
            &context,
            &[
                ("gco ma^", "git·checkout·ma | 4..6"),
                ("gco^", "gco | 0..3"),
                ("'gco' ma^", "gco·ma | 6..8"),
                ("ll -^", "ls·-l·- | 3..4"),
                ("'hub' ch^", "git·ch | 6..8"),
                ("a; and g ch^", "git·ch | 9..11"),
                ("echo (g ch^", "git·ch | 8..10"),
                ("cs ch^", "git·ch | 3..5"),
                ("echo g ch^", "echo·g·ch | 7..9"),
                ("ls L -^", "less·- | 5..6"),
            ],
        );
    }

    /// Aliases that multiply: each stands for two of the next.
    #[test]
    fn what_aliases_stand_for_is_bounded() {
        let double = |at: usize| (format!("a{at}"), format!("a{} ; a{} ; ", at + 1, at + 1));
        let aliases: BTreeMap<String, String> = (0..60).map(double).collect();
        let long = [("long".to_string(), "x ".repeat(100_000))];
        let context = Context { aliases: aliases.into_iter().chain(long).collect(), ..Context::default() };
        for (line, words) in [("a0 x^", "a6·x | 3..4"), ("long x^", "long·x | 5..6")] {
            let found = self::words(line, &context);
            assert!(found.ends_with(&words[words.len() - 8..]), "{found}");
        }
        let line = "a0 a1 ; ".repeat(4000);
        let lexed = lex_aliased(&line, line.len(), Shell::Bash, Aliases::of(&context));
        assert_eq!(lexed.word().map(|word| (word.start, word.end)), Some((line.len(), line.len())));
    }

    proptest::proptest! {
        #[test]
        fn any_line_with_aliases_has_its_cursor(
            text in "([a-c ;|\"'$()=\n]|a |b |c ){0,30}",
            values in proptest::collection::vec("([a-c ;|\"'$(){}\n]|a |if |case ){0,12}", 6),
        ) {
            let name = |at: usize| ["a", "b", "c"][at % 3].to_string();
            let shells = [Shell::Bash, Shell::Zsh, Shell::Fish];
            for shell in shells {
                let context = Context {
                    shell,
                    aliases: (0..3).map(|at| (name(at), values[at].clone())).collect(),
                    global_aliases: (3..4).map(|at| (name(at), values[at].clone())).collect(),
                    abbreviations: (5..6).map(|at| (name(at), values[at].clone())).collect(),
                    ..Context::default()
                };
                for cursor in [0, text.len() / 2, text.len()] {
                    let line = lex_aliased(&text, cursor, shell, Aliases::of(&context));
                    for word in line.commands.iter().flat_map(|command| &command.words) {
                        proptest::prop_assert!(word.start <= word.end && word.end <= text.len());
                        proptest::prop_assert!(word.marks.iter().all(|mark| mark.at <= text.len()));
                    }
                    if let Some(word) = line.word() {
                        proptest::prop_assert!(word.start <= cursor && cursor <= word.end);
                        proptest::prop_assert_eq!(word.cut.map(|cut| cut.at), Some(cursor));
                    }
                }
            }
        }
    }
}
