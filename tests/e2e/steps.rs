//! Steps that many tests share.

use harness::{Home, Screen, Shell, Terminal, ghost, menu};

/// A user with Q, and a shell of this kind at its first prompt.
pub(crate) fn start(shell: Shell) -> (Home, Terminal) {
    let home = Home::with_q(shell);
    let terminal = home.shell(shell);
    (home, terminal)
}

/// Types a line and waits for a menu that has a row called `name`.
#[track_caller]
pub(crate) fn open_menu(terminal: &Terminal, line: &str, name: &str) -> Screen {
    terminal.type_line(line);
    wait_for_row(terminal, name)
}

/// Waits for a menu that has a row called `name`.
#[track_caller]
pub(crate) fn wait_for_row(terminal: &Terminal, name: &str) -> Screen {
    terminal.wait_until(&format!("a menu with {name:?}"), |screen| menu(screen).has(name))
}

/// Waits for a menu in which the row called `name` is selected.
#[track_caller]
pub(crate) fn wait_for_selected(terminal: &Terminal, name: &str) -> Screen {
    terminal.wait_until(&format!("{name:?} selected in the menu"), |screen| menu(screen).selects(name))
}

/// Waits until no menu is drawn.
#[track_caller]
pub(crate) fn wait_for_no_menu(terminal: &Terminal) -> Screen {
    terminal.wait_until("no menu", |screen| menu(screen).is_closed())
}

/// Waits until everything typed so far has had its effect, then demands that no menu is drawn.
#[track_caller]
pub(crate) fn demand_no_menu(terminal: &Terminal) -> Screen {
    let screen = terminal.settle();
    assert!(menu(&screen).is_closed(), "a menu is drawn\n{}", screen.dump());
    screen
}

/// Whether Q has drawn anything: a menu or ghost text.
pub(crate) fn is_drawn(screen: &Screen) -> bool {
    !menu(screen).is_closed() || !ghost(screen).is_empty()
}

/// Demands that nothing of Q was drawn since `mark`, not even for a moment.
#[track_caller]
pub(crate) fn demand_nothing_drawn_since(terminal: &Terminal, mark: usize) {
    terminal.settle();
    if let Some(screen) = terminal.ever(mark, is_drawn) {
        panic!("something was drawn:\n{}", screen.dump());
    }
}

/// Plays the same scene for a user without Q and for one with it; both must end with the same picture of the terminal,
/// cell by cell, and keep it. `scene` is told whether Q is there, to wait for what only Q shows.
#[track_caller]
pub(crate) fn demand_same_picture(shell: Shell, scene: impl Fn(&Home, &Terminal, bool)) {
    let bare = Home::bare();
    let reference = bare.shell(shell);
    scene(&bare, &reference, false);
    let expected = reference.settle().picture();

    let (home, terminal) = start(shell);
    scene(&home, &terminal, true);
    terminal.wait_for_picture("the picture of a shell without Q", &expected);
    let kept = terminal.settle().picture();
    assert_eq!(kept.differences(&expected), "", "the picture did not stay\n{}", terminal.report());
}
