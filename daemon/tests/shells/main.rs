//! The real shells as judges: what we quote they read back, and where they see words and commands we see the same.
//!
//! One process of each shell reads many scripts. A command `w` in it reports its arguments, so that a script tells by
//! running which words the shell's own parser found. Needs bash, zsh and fish.

mod judge;
mod lines;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use daemon::parse::aliases::Aliases;
use daemon::parse::lex::{Line, Quote, Word, lex, lex_aliased};
use daemon::parse::quote;
use judge::{Judge, Manner};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};
use protocol::{Context, Shell};

/// How many scripts a property is tried with: about two seconds for each shell.
const CASES: u32 = 400;

/// Runs a property with its judge, with the same scripts each time. A failure is shrunk a little: each step is a question
/// to a shell.
fn check<S: Strategy>(
    shell: Shell,
    manner: Manner,
    strategy: S,
    property: impl Fn(&mut Judge, S::Value) -> TestCaseResult,
) {
    let judge = std::cell::RefCell::new(Judge::new(shell, manner));
    let config = Config {
        cases: CASES,
        max_shrink_iters: 400,
        max_shrink_time: 30_000,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    if let Err(failure) = runner.run(&strategy, |value| property(&mut judge.borrow_mut(), value)) {
        panic!("{shell:?}: {failure}");
    }
}

fn styles(shell: Shell) -> &'static [Quote] {
    match shell {
        Shell::Fish => &[Quote::None, Quote::Single, Quote::Double],
        _ => &[Quote::None, Quote::Single, Quote::Double, Quote::Ansi],
    }
}

/// Names in every way of quoting, whole and typed up to somewhere, with the names that they must be.
fn quoted(shell: Shell, names: &[(String, usize)]) -> Vec<(String, &str)> {
    let mut words = Vec::new();
    for (name, split) in names {
        let (typed, rest) = name.split_at(*split);
        for style in styles(shell) {
            words.push((quote::word(name, shell, *style), name.as_str()));
            let typed = quote::inside(typed, shell, *style, true);
            let rest = quote::inside(rest, shell, *style, typed.is_empty());
            if !name.is_empty() {
                words.push(([quote::open(*style), &typed, &rest, quote::close(*style)].concat(), name));
            }
        }
    }
    words
}

/// What is quoted is one word with the same text, for us and for the shell, which expands history as it does when a
/// person types.
fn names_are_read_back(shell: Shell) {
    let names = prop::collection::vec(names::name().prop_flat_map(names::split), 1..8);
    check(shell, Manner::Typed, names, |judge, names| {
        let words = quoted(shell, &names);
        for (word, name) in &words {
            let line = format!("w {word}");
            let lexed = lex(&line, line.len(), shell);
            let found = lexed.command().map(|command| command.words.as_slice()).unwrap_or_default();
            prop_assert_eq!(found.len(), 2, "{}", line);
            prop_assert!(found[1].closed, "{}", line);
            prop_assert_eq!(&found[1].text, name, "{}", line);
        }
        let script: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
        let calls = judge.ask(&format!("w {}", script.join(" ")))?;
        let expected: Vec<String> = words.iter().map(|(_, name)| name.to_string()).collect();
        prop_assert_eq!(calls, vec![[vec!["w".to_string()], expected].concat()], "{:?}", script);
        Ok(())
    });
}

#[test]
fn names_are_read_back_by_bash() {
    names_are_read_back(Shell::Bash);
}

#[test]
fn names_are_read_back_by_zsh() {
    names_are_read_back(Shell::Zsh);
}

#[test]
fn names_are_read_back_by_fish() {
    names_are_read_back(Shell::Fish);
}

/// The commands of a line whose first word is one of `names`, with their words.
fn calls(line: &Line, names: &[&str]) -> BTreeSet<Vec<String>> {
    let texts = |words: &[Word]| words.iter().map(|word| word.text.clone()).collect::<Vec<String>>();
    // We take `time` for a command that has another one as its argument.
    let words = line.commands.iter().map(|command| match command.words.split_first() {
        Some((first, rest)) if first.text == "time" => texts(rest),
        _ => texts(&command.words),
    });
    words.filter(|words| words.first().is_some_and(|first| names.contains(&first.as_str()))).collect()
}

/// The commands that a shell runs are those that we find in the line, wherever the cursor is.
fn lines_are_read_alike(shell: Shell) {
    check(shell, Manner::Evaluated, lines::line(shell), |judge, text| {
        prop_assume!(judge.accepts(&text)?);
        let theirs: BTreeSet<Vec<String>> = judge.ask(&format!("{text}\n"))?.into_iter().collect();
        // The cursor is where no word is being typed.
        let text = format!("{text}\n#");
        let ours = calls(&lex(&text, text.len(), shell), &["w"]);
        prop_assert_eq!(ours, theirs, "{}", text);
        Ok(())
    });
}

#[test]
fn lines_are_read_as_by_bash() {
    lines_are_read_alike(Shell::Bash);
}

#[test]
fn lines_are_read_as_by_zsh() {
    lines_are_read_alike(Shell::Zsh);
}

#[test]
fn lines_are_read_as_by_fish() {
    lines_are_read_alike(Shell::Fish);
}

/// With the cursor anywhere in a line, the current command is the part of a command that the shell would run.
fn cursors_are_in_commands(shell: Shell) {
    check(
        shell,
        Manner::Evaluated,
        (lines::line(shell), any::<prop::sample::Index>()),
        |judge, (text, at)| {
            prop_assume!(judge.accepts(&text)?);
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let cursor = at.get(&places);
            let theirs: BTreeSet<Vec<String>> = judge.ask(&format!("{text}\n"))?.into_iter().collect();
            let line = lex(&text, *cursor, shell);
            let Some(words) = line.command().map(|command| &command.words).filter(|words| words.len() > 2)
            else {
                return Ok(());
            };
            // All but the last are finished.
            let before: Vec<&str> = words[..words.len() - 1].iter().map(|word| word.text.as_str()).collect();
            let begins = |call: &Vec<String>| before.iter().zip(call).all(|(word, arg)| word == arg);
            if before[0] == "w" {
                prop_assert!(theirs.iter().any(begins), "{:?} at {} of {:?}", before, cursor, text);
            }
            Ok(())
        },
    );
}

#[test]
fn cursors_are_in_commands_of_bash() {
    cursors_are_in_commands(Shell::Bash);
}

#[test]
fn cursors_are_in_commands_of_zsh() {
    cursors_are_in_commands(Shell::Zsh);
}

#[test]
fn cursors_are_in_commands_of_fish() {
    cursors_are_in_commands(Shell::Fish);
}

/// What a shell runs for a line with aliases is what we find in it.
fn aliases_are_expanded_alike(shell: Shell) {
    check(shell, Manner::Evaluated, lines::aliased(shell), |judge, aliased| {
        judge.ask(&aliased.definitions())?;
        let valid = judge.accepts(&aliased.line)?;
        let theirs: BTreeSet<Vec<String>> = judge.ask(&format!("{}\n", aliased.line))?.into_iter().collect();
        judge.ask(lines::forget_aliases(shell))?;
        prop_assume!(valid);
        let pairs = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<BTreeMap<_, _>>();
        let context = Context {
            shell,
            aliases: pairs(&aliased.aliases),
            global_aliases: pairs(&aliased.global),
            suffix_aliases: pairs(&aliased.suffix),
            ..Context::default()
        };
        // What stands before the cursor is expanded: all of it.
        let text = format!("{}\n#", aliased.line);
        let line = lex_aliased(&text, text.len(), shell, Aliases::of(&context));
        prop_assert_eq!(calls(&line, &["w", "a", "b", "c"]), theirs, "{:?}", aliased);
        Ok(())
    });
}

#[test]
fn aliases_are_expanded_as_by_bash() {
    aliases_are_expanded_alike(Shell::Bash);
}

#[test]
fn aliases_are_expanded_as_by_zsh() {
    aliases_are_expanded_alike(Shell::Zsh);
}
