//! The map.
//!
//! `server` accepts (`seat` sees to it that there is one daemon), `clients` speaks with one connection, `session` knows
//! where it is, and `ask` takes each of its questions through `engine`, which answers. What the engine cannot have at
//! once is `slow`: `sources` begins and ends the fetching, `fetch` does it with `script`, `run` and `cache`, and the
//! question is asked again. Inside the engine a line goes through
//! `parse` (text to words to what is expected at the cursor), `candidates` (drafts of rows, one source a file), `rank`
//! (which match and in what order), `edit` (what accepting does to the line) and `ghost` (the continuation). `parse`,
//! `rank`, `edit` and `ghost` know no source and touch nothing outside their arguments.

pub mod ask;
pub mod cache;
pub mod candidates;
pub mod catalogue;
pub mod clients;
pub mod edit;
pub mod engine;
pub mod fetch;
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
pub mod sources;
pub mod spec_cache;
pub mod store;
pub mod trust;
mod trusted;
pub mod usage;
pub mod user_specs;
pub mod world;
