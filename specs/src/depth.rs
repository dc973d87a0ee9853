//! A bound on how deep a tree may nest.
//!
//! A decoder of a recursive type recurses as deep as its input says, and a blob of a few megabytes can say "deeper
//! than any stack". [`Level`] counts the levels of the thread that decodes and refuses one too many; dropping it
//! leaves the level again, on errors too.

use std::cell::Cell;

/// How deep subcommands may nest: the deepest tree of the corpus has 7 levels, and 32 fit in the smallest stack that
/// a thread of ours has (2 MB) even without optimisation.
pub(crate) const MAX_DEPTH: u32 = 32;

thread_local! {
    /// The levels that the running decoder of this thread is in. It cannot be an argument: `Deserialize` has none.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One level of a tree that is being decoded.
pub(crate) struct Level(());

impl Level {
    /// Goes one level down, unless that is too deep.
    pub(crate) fn enter() -> Option<Level> {
        DEPTH.with(|depth| {
            if depth.get() >= MAX_DEPTH {
                return None;
            }
            depth.set(depth.get() + 1);
            Some(Level(()))
        })
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_level_is_refused_and_leaving_makes_room() {
        let mut levels: Vec<Level> = (0..MAX_DEPTH).filter_map(|_| Level::enter()).collect();
        assert_eq!(levels.len(), MAX_DEPTH as usize);
        assert!(Level::enter().is_none());
        levels.pop();
        assert!(Level::enter().is_some());
    }
}
