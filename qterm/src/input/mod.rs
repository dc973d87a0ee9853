//! What the user presses: bytes to keys, keys to actions. The raw bytes stay with each key, so that a key which is not
//! ours reaches the shell exactly as it came.

mod decode;
mod keymap;

pub use decode::{Decoder, Input, Key};
pub use keymap::{Action, GhostAction, MenuAction, ghost_action, menu_action};
