//! Which keys are ours, and what they do.
//!
//! Two small tables, tried in order: keys that a dropdown takes, then keys that a ghost text takes. A key in neither, or
//! whose action does not apply, is the shell's.

use super::Key;

/// What a key does to an open dropdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MenuAction {
    /// Selects the next row; enters the list when nothing is selected.
    Next,
    /// Selects the row before; leaves the list from the first.
    Previous,
    /// Selects a page further down.
    NextPage,
    /// Selects a page further up.
    PreviousPage,
    /// Inserts what is common to all rows, or a row.
    Complete,
    /// Inserts the selected row.
    Insert,
    /// Hides the list until the next word.
    Hide,
}

/// What a key does to a ghost text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GhostAction {
    /// Takes all of it.
    Accept,
    /// Takes its next word.
    AcceptWord,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To the dropdown.
    Menu(MenuAction),
    /// To the ghost text.
    Ghost(GhostAction),
}

/// The dropdown's action for a key. What needs a selected row is the shell's without one: Up, Enter, paging.
pub fn menu_action(key: Key, selected: bool) -> Option<MenuAction> {
    match (key, selected) {
        (Key::Down, _) => Some(MenuAction::Next),
        (Key::Tab, _) => Some(MenuAction::Complete),
        (Key::Escape, _) => Some(MenuAction::Hide),
        (Key::Up | Key::BackTab, true) => Some(MenuAction::Previous),
        (Key::PageDown, true) => Some(MenuAction::NextPage),
        (Key::PageUp, true) => Some(MenuAction::PreviousPage),
        (Key::Enter, true) => Some(MenuAction::Insert),
        _ => None,
    }
}

/// The ghost text's action for a key.
pub fn ghost_action(key: Key) -> Option<GhostAction> {
    match key {
        Key::Right | Key::End | Key::Ctrl(b'f') | Key::Ctrl(b'e') => Some(GhostAction::Accept),
        Key::WordRight | Key::Alt(b'f') => Some(GhostAction::AcceptWord),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_selection_the_shell_keeps_its_keys() {
        for key in
            [Key::Up, Key::Enter, Key::PageUp, Key::Ctrl(b'r'), Key::Ctrl(b'c'), Key::Ctrl(b'd'), Key::Text]
        {
            assert_eq!(menu_action(key, false), None, "{key:?}");
        }
        assert_eq!(menu_action(Key::Enter, true), Some(MenuAction::Insert));
    }

    #[test]
    fn interrupts_are_always_the_shells() {
        for key in [Key::Ctrl(b'c'), Key::Ctrl(b'd')] {
            assert_eq!((menu_action(key, true), ghost_action(key)), (None, None));
        }
    }
}
