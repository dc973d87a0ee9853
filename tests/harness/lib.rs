//! What the end-to-end tests and the bench stand on: built programs, real shells, a real PTY, a terminal model of its own.
//!
//! A [`Home`] is a throwaway user; [`Home::launch`] starts one of the [`Shell`]s in it on a [`Terminal`]; a test sends
//! keys and waits for what the [`Screen`] shows. Nothing waits for time to pass: every wait names a condition, has a
//! limit, and shows the terminal when the condition did not come true. Linux only: processes are found through `/proc`.

mod home;
mod keys;
mod model;
mod overlay;
mod processes;
mod programs;
mod prompt;
mod screen;
mod shell;
mod terminal;

pub use home::{Home, Launch};
pub use model::{Model, Size};
pub use overlay::{Menu, MenuRow, ghost, has_styled_cells, menu, menu_cells};
pub use processes::{Process, daemon_of, processes_of};
pub use programs::Programs;
pub use screen::{Cell, Picture, Screen, Style};
pub use shell::Shell;
pub use terminal::{PATIENCE, Terminal};
