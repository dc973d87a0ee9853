//! What is shown over the terminal: the dropdown and the ghost text.
//!
//! An answer and the place of the cursor come in, bytes for the terminal go out. `dropdown` and `ghost` say what is to be
//! shown, `layout` where, `text` makes strings safe to show, `style` knows the terminal's colours, and `paint` is the
//! only one that writes: by difference to what it painted before. Nothing here does I/O, scrolls, or saves the cursor.

mod cells;
mod dropdown;
mod ghost;
mod layout;
mod paint;
mod style;
mod text;

use alacritty_terminal::term::cell::Cell;
use protocol::Answer;

pub use dropdown::Line;
pub use layout::{Place, Side};
pub use paint::{Painted, erase_ghost, hide, hide_for_resize, may_return, show, show_ghost};
pub use style::Style;

/// Narrowest terminal on which anything is shown, in columns: below it nothing useful fits beside the prompt.
const MIN_COLS: usize = 20;

/// Lowest terminal on which anything is shown, in rows: below it the dropdown would hide what it is about.
const MIN_ROWS: usize = 5;

/// What must be known of the terminal: the model that only the child's bytes feed.
pub trait Canvas {
    /// Rows and columns.
    fn size(&self) -> (usize, usize);
    /// Where the cursor is.
    fn cursor(&self) -> Cursor;
    /// A cell, 0-based.
    fn cell(&self, row: usize, col: usize) -> &Cell;
    /// The template of what is printed next: colours, attributes, link.
    fn pen(&self) -> &Cell;
    /// Whether a row goes on in the next one because the text was too long for it.
    fn wrapped(&self, row: usize) -> bool;
    /// Whether what a row holds is known, so that it can be painted over and restored.
    fn row_known(&self, row: usize) -> bool;
}

/// The cursor of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// 0-based.
    pub row: usize,
    /// 0-based.
    pub col: usize,
    /// The last column has been printed and the next character goes to the next row.
    pub pending_wrap: bool,
    /// It is shown.
    pub visible: bool,
}

/// What the session wants to be seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Want<'a> {
    /// The rows to choose from, and the selected one.
    pub menu: Option<(&'a Answer, Option<usize>)>,
    /// The text after the cursor.
    pub ghost: Option<&'a str>,
    /// The column in which the word being completed starts.
    pub column: usize,
}

/// What is to be seen, laid out for the terminal as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The dropdown, if it is to be shown and there is room for it.
    pub menu: Option<Menu>,
    /// The ghost text, safe to print and clipped to its room.
    pub ghost: Option<String>,
}

/// A dropdown that has its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Where it is.
    pub place: Place,
    /// Its rows from top to bottom, each as wide as the place.
    pub lines: Vec<Line>,
    /// The candidate in the first row.
    pub first: usize,
    /// How many candidates are visible at a time.
    pub page: usize,
}

/// Lays out what is wanted. What is painted now decides only what shall stay where it is: the side of the cursor and the
/// part of the list that is visible.
pub fn frame(want: &Want, canvas: &impl Canvas, painted: &Painted, style: &Style) -> Frame {
    if !may_show(canvas) {
        return Frame::default();
    }
    let menu =
        want.menu.and_then(|(answer, selected)| menu(answer, selected, want.column, canvas, painted, style));
    let ghost = want.ghost.and_then(|text| ghost::clip(text, canvas, style));
    Frame { menu, ghost }
}

/// Whether anything may be shown on a terminal of this size with the cursor where it is.
fn may_show(canvas: &impl Canvas) -> bool {
    let (rows, cols) = canvas.size();
    cols >= MIN_COLS && rows >= MIN_ROWS && may_return(canvas)
}

fn menu(
    answer: &Answer,
    selected: Option<usize>,
    column: usize,
    canvas: &impl Canvas,
    painted: &Painted,
    style: &Style,
) -> Option<Menu> {
    let shape = dropdown::measure(answer, canvas.size().1, style)?;
    let wish = layout::Wish {
        left: column.saturating_sub(dropdown::NAME_COLUMN),
        width: shape.width,
        rows: shape.rows(),
    };
    let place = layout::place(canvas, wish, painted.side())?;
    let shape = shape.fit(place.rows);
    let window = dropdown::window(shape.list, answer.candidates.len(), selected, painted.first());
    let lines = dropdown::lines(answer, selected, window.clone(), &shape, style);
    Some(Menu { place, lines, first: window.start, page: window.len() })
}
