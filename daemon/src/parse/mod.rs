//! Text and cursor to words, words to what may stand at the cursor.
//!
//! `lex` splits a line into commands and words by the rules of `dialect`, `aliases` puts in what the first word stands
//! for, `place` walks the spec along the words. `quote` is the way back: a name to a word that the shell reads as that
//! name. Nothing here evaluates what was typed or touches anything outside its arguments.

pub mod aliases;
pub mod dialect;
pub mod lex;
pub mod place;
pub mod quote;
