//! Names with more than their share of what shells and terminals care about.

use proptest::prelude::*;

/// Characters that mean something to a shell, or that a terminal obeys or hides.
const SPECIAL: &str = " \t\n\r'\"\\$`!~=#*?[]{}()<>|&;^%,:@-+./_é日\u{1b}\u{7f}\u{85}\u{9b}\u{a0}\u{200b}\u{202e}\
    \u{2028}\u{3000}\u{feff}\u{e000}\u{f600}\u{f8ff}\u{fdd0}\u{ffff}\u{1f600}\u{e0041}";

/// Whole names that were trouble somewhere.
const KNOWN: &[&str] = &[
    "",
    "-rf",
    "--",
    "-",
    "~",
    "~root",
    "~/x",
    "a~",
    "a:~",
    "a=~",
    "=ls",
    "=",
    "#x",
    "x#",
    "a b",
    "!",
    "!!",
    "!x",
    "x!",
    "^x^y",
    "%1",
    "%self",
    "%",
    "$(touch x)",
    "`touch x`",
    "${x}",
    "$x",
    "$",
    "a;touch x",
    "a\nb",
    "\n",
    "{a,b}",
    "[a]",
    "a&",
    "&&",
    "|",
    "(x)",
    "<1-2>",
    "'",
    "''",
    "\"",
    "\\",
    "\\\\",
    "\\n",
    "if",
    "{",
    "}",
    "[[",
    "a=b",
    "a=(b)",
    ">x",
    "2>x",
    "1",
    "*",
    "?",
    "\u{1b}[31m",
    "\u{202e}x",
    "x\u{e0041}",
    "A=~/x:~/y",
];

/// A name.
pub(crate) fn name() -> impl Strategy<Value = String> {
    let special = prop::sample::select(SPECIAL.chars().collect::<Vec<_>>());
    let any_char = any::<char>().prop_filter("no name has a NUL", |c| *c != '\0');
    let c = prop_oneof![4 => special, 3 => prop::char::range('a', 'e'), 1 => any_char];
    let random = prop::collection::vec(c, 0..12).prop_map(|chars| chars.into_iter().collect::<String>());
    prop_oneof![8 => random, 2 => prop::sample::select(KNOWN).prop_map(String::from)]
}

/// The name, and where typing stopped in it.
pub(crate) fn split(name: String) -> impl Strategy<Value = (String, usize)> {
    let places: Vec<usize> = name.char_indices().map(|(at, _)| at).chain([name.len()]).collect();
    (Just(name), prop::sample::select(places))
}
