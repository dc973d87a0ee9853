//! Lines with known answers (see `cases/README.md`) against the engine and the real archive.
//!
//! `Q_CASES` names another folder of cases; `Q_ARCHIVE` another archive than `target/q/specs.qa`.

#[path = "cases/answered.rs"]
mod answered;
#[path = "cases/everyday.rs"]
mod everyday;
#[path = "cases/ranking.rs"]
mod ranking;
#[path = "cases/recorded.rs"]
mod recorded;
#[path = "cases/small.rs"]
mod small;
#[path = "cases/split.rs"]
mod split;
#[path = "cases/support.rs"]
mod support;
