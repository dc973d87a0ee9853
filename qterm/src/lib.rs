//! Between the terminal and the shell.
//!
//! `event_loop` waits and dispatches; `session` decides, without I/O; `tty`, `pty` and `client` are the edges. Inside
//! the session: `marks` takes our messages out of the output, `screen` mirrors the terminal, `edit_buffer` is the line,
//! `input` knows keys, `overlay` lays out and paints, `insert` hands edits to the shell.

pub mod client;
pub mod edit_buffer;
pub mod event_loop;
pub mod input;
pub mod insert;
pub mod log;
pub mod marks;
pub mod overlay;
pub mod pty;
pub mod screen;
pub mod session;
mod skim;
pub mod tty;
pub mod world;
