//! The compiler: Fig-format modules become the checked model.
//!
//! Values of JavaScript are taken out of QuickJS (`walk`) and read as what the format means by them (`fig`): that is
//! the feature `fig`, with which the daemon reads what functions return and what users write (`json`, `validate`). The
//! feature `compile` adds the corpus: its modules are evaluated, checked, and packed for the archive (`pack`).

#[cfg(feature = "compile")]
mod check;
#[cfg(feature = "compile")]
mod corpus;
#[cfg(feature = "compile")]
mod evaluate;
mod fig;
mod json;
#[cfg(feature = "compile")]
mod module;
#[cfg(feature = "compile")]
mod pack;
mod raw;
mod text;
#[cfg(feature = "compile")]
mod totals;
mod validate;
#[cfg(feature = "compile")]
mod versions;
mod walk;

#[cfg(feature = "compile")]
pub use corpus::{Corpus, INTEGRITY, PACKAGE};
#[cfg(feature = "compile")]
pub use pack::{Compiled, Error, compile};
pub use validate::{Checked, Problem, as_module, check_json, check_value, is_json};
pub use walk::{Bounds, Found, TOO_MUCH, Taken, follow, follow_from, take_load, take_tree};
