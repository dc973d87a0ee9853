//! A file with lines and what they must offer.
//!
//! ```text
//! # a comment
//! tool che^ -> checkout cherry-pick     these are offered, among others
//! tool che^ => checkout cherry-pick     exactly these, in this order
//! tool ^ -> add !secret                 this one is not offered
//! tool done ^ =>                        nothing is
//! tool say ^ -> "two words"             a name with a space, as a JSON string
//! ```
//!
//! The last `^` before the last arrow is the cursor; without one the cursor is at the end of what is typed.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context as _, bail};

use super::Case;

/// Largest file that is read.
const MAX_FILE: u64 = 4 << 20;

/// The lines of a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Case>> {
    let name = path.display();
    let file = File::open(path).with_context(|| name.to_string())?;
    let mut text = String::new();
    let length = file.take(MAX_FILE + 1).read_to_string(&mut text).with_context(|| name.to_string())?;
    if length as u64 > MAX_FILE {
        bail!("{name}: it is larger than {} MB", MAX_FILE >> 20);
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !is_empty(line));
    lines.map(|(at, line)| case(line).with_context(|| format!("{name}:{}", at + 1))).collect()
}

fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// A line of the file.
pub(super) fn case(text: &str) -> anyhow::Result<Case> {
    let (typed, exact, names) =
        split(text).context("write the line, `->` or `=>`, and the names it must offer")?;
    let (line, cursor) = match typed.rsplit_once('^') {
        Some((before, after)) => (format!("{before}{}", after.trim_end()), before.len()),
        None => (typed.trim_end().to_owned(), typed.trim_end().len()),
    };
    let mut case = Case { line, cursor, exact, ..Case::default() };
    for (unwanted, name) in words(names)? {
        match unwanted {
            true => case.unwanted.push(name),
            false => case.wanted.push(vec![name]),
        }
    }
    Ok(case)
}

/// The line as it is typed, whether the names are all that it may offer, and the names.
fn split(text: &str) -> Option<(&str, bool, &str)> {
    let arrow = |arrow: &str| text.rfind(arrow).map(|at| (at, arrow == " =>"));
    let (at, exact) = arrow(" ->").max(arrow(" =>"))?;
    let rest = &text[at + 3..];
    (rest.is_empty() || rest.starts_with(' ')).then_some((&text[..at], exact, rest))
}

/// Names, each with whether it stands behind a `!`.
fn words(mut text: &str) -> anyhow::Result<Vec<(bool, String)>> {
    let mut words = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Ok(words);
        }
        let unwanted = text.starts_with('!') && text.len() > 1;
        text = &text[usize::from(unwanted)..];
        let (word, rest) = word(text)?;
        words.push((unwanted, word));
        text = rest;
    }
}

/// The first name, and what is behind it.
fn word(text: &str) -> anyhow::Result<(String, &str)> {
    if !text.starts_with('"') {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        return Ok((word.to_owned(), rest));
    }
    let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let word = strings.next().context("a name is missing")?.context("a name in quotes is a JSON string")?;
    Ok((word, &text[strings.byte_offset()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_is_typed_and_what_is_offered() {
        let wanted = |names: &[&str]| names.iter().map(|name| vec![(*name).to_owned()]).collect::<Vec<_>>();
        let case = |text| case(text).unwrap();
        let found = case("git ch^ckout x -> a \"b c\" !d");
        assert_eq!((found.line.as_str(), found.cursor), ("git chckout x", 6));
        assert_eq!((found.wanted, found.unwanted), (wanted(&["a", "b c"]), vec!["d".to_owned()]));
        let found = case("git  => x");
        assert_eq!((found.line.as_str(), found.cursor, found.exact), ("git", 3, true));
        let found = case("git ^ =>");
        assert_eq!((found.line.as_str(), found.cursor, found.exact), ("git ", 4, true));
        assert_eq!(found.wanted, wanted(&[]));
        let found = case("a -> b ^ -> \"->\" !");
        assert_eq!((found.line.as_str(), found.wanted), ("a -> b ", wanted(&["->", "!"])));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["git ^", "git ^ ->x", "git ^ -> \"open"] {
            assert!(case(text).is_err(), "{text}");
        }
    }
}
