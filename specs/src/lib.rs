//! What a command line may contain.
//!
//! `compile` (features `fig` and `compile`) turns Fig-format JavaScript and JSON into the checked [`model`]; [`archive`]
//! writes the model to one file, maps it read-only and decodes one command at a time. Nothing here knows a terminal, a
//! shell or an async runtime.

pub mod archive;
#[cfg(feature = "fig")]
pub mod compile;
mod depth;
pub mod model;
