//! The map.
//!
//! `server` accepts (`seat` sees to it that there is one daemon), `clients` speaks with one connection, `session` takes
//! its questions through `engine`, which answers. Inside the engine a line goes through
//! `parse` (text to words to what is expected at the cursor), `candidates` (drafts of rows, one source a file), `rank`
//! (which match and in what order), `edit` (what accepting does to the line) and `ghost` (the continuation). `parse`,
//! `rank`, `edit` and `ghost` know no source and touch nothing outside their arguments.

pub mod candidates;
pub mod clients;
pub mod edit;
pub mod engine;
pub mod ghost;
pub mod history;
mod lock;
pub mod parse;
pub mod rank;
pub mod run;
pub mod script;
mod seat;
pub mod server;
pub mod session;
pub mod settings;
pub mod slow;
pub mod spec_cache;
pub mod trust;
pub mod usage;
pub mod world;
