//! The one vocabulary of Q: every type that crosses a process, and nothing else.
//!
//! [`message`] has the types, [`frame`] turns them into bounded binary frames or JSON lines and back, [`paths`] says
//! where sockets and files are, [`settings`] what the user may set. No I/O beyond what [`paths`] must check, no async runtime.

pub mod frame;
pub mod message;
pub mod paths;
pub mod settings;

pub use message::*;
