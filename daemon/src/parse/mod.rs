//! Text and cursor to words, words to what may stand at the cursor.
//!
//! `lex` splits a line into commands and words: `reader` reads lists of commands by the rules of `dialect`, `word` one
//! word, and `source` is the text with what `aliases` stand for put in. `place` walks the spec along the words. `quote` is
//! the way back: a name to a word that the shell reads as that name. Nothing here evaluates what was typed or touches anything
//! outside its arguments.

pub mod aliases;
pub mod dialect;
pub mod lex;
pub mod place;
pub mod quote;
mod reader;
mod source;
mod word;
