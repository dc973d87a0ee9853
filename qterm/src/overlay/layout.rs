//! Where the dropdown goes: below the cursor if the rows there are blank, else above, else smaller, else nowhere.
//!
//! Only rows that can be restored exactly are taken, and never the last column: what ends there decides whether a row
//! goes on in the next.

use super::{Canvas, cells};

/// Fewest rows worth showing when more are wanted.
const LEAST_ROWS: usize = 3;

/// Columns kept free at the right. Two, because restoring a wide character at the edge takes one more than was covered.
const FREE_COLS: usize = 2;

/// What the dropdown would like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// Its first column.
    pub(super) left: usize,
    /// Its columns.
    pub(super) width: usize,
    /// Its rows.
    pub(super) rows: usize,
}

/// On which side of the line that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Under the row of the cursor.
    Below,
    /// Over the row in which the line begins.
    Above,
}

/// Where the dropdown is: a rectangle of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its first row, 0-based.
    pub top: usize,
    /// Its first column, 0-based.
    pub left: usize,
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub width: usize,
    /// On which side it is.
    pub side: Side,
}

/// The place for a wish, if there is one. A dropdown that is open stays on its side as long as it fits there.
pub(super) fn place(canvas: &impl Canvas, wish: Wish, open: Option<Side>) -> Option<Place> {
    let (_, cols) = canvas.size();
    let left = wish.left.min(cols.checked_sub(wish.width + FREE_COLS)?);
    let below = room_below(canvas);
    let above = room_above(canvas, left, wish.rows);
    let side = side(wish.rows, below, above, open);
    let rows = wish.rows.min(if side == Side::Below { below } else { above });
    if rows == 0 || rows < LEAST_ROWS.min(wish.rows) {
        return None;
    }
    let top = match side {
        Side::Below => canvas.cursor().row + 1,
        Side::Above => line_top(canvas) - rows,
    };
    Some(Place { top, left, rows, width: wish.width, side })
}

fn side(wanted: usize, below: usize, above: usize, open: Option<Side>) -> Side {
    match open {
        Some(Side::Above) if above >= wanted => Side::Above,
        _ if below >= wanted || below >= above => Side::Below,
        _ => Side::Above,
    }
}

/// Blank rows right under the cursor.
fn room_below(canvas: &impl Canvas) -> usize {
    let (rows, _) = canvas.size();
    let first = canvas.cursor().row + 1;
    (first..rows).take_while(|&row| cells::is_free_row(canvas, row)).count()
}

/// Rows over the line that can be restored, at most as many as are wanted.
fn room_above(canvas: &impl Canvas, left: usize, wanted: usize) -> usize {
    let top = line_top(canvas);
    (0..top).rev().take(wanted).take_while(|&row| cells::is_restorable(canvas, row, left)).count()
}

/// The row in which the text of the cursor's row begins.
fn line_top(canvas: &impl Canvas) -> usize {
    let mut top = canvas.cursor().row;
    while top > 0 && canvas.wrapped(top - 1) {
        top -= 1;
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Screen;

    fn screen(bytes: &str) -> Screen {
        let mut screen = Screen::new(10, 40);
        screen.place(0, 0);
        screen.feed(bytes.as_bytes());
        screen
    }

    fn wish(left: usize, rows: usize) -> Wish {
        Wish { left, width: 16, rows }
    }

    fn placed(bytes: &str, rows: usize) -> Option<(Side, usize, usize)> {
        place(&screen(bytes), wish(4, rows), None).map(|place| (place.side, place.top, place.rows))
    }

    #[test]
    fn below_when_it_fits_there_else_above_else_smaller_else_nowhere() {
        for (bytes, rows, expected) in [
            ("$ git ", 9, Some((Side::Below, 1, 9))),
            ("$ git ", 10, Some((Side::Below, 1, 9))),
            ("\x1b[10;1H$ git ", 5, Some((Side::Above, 4, 5))),
            ("\x1b[6;1H$ git ", 5, Some((Side::Above, 0, 5))),
            ("\x1b[6;1H$ git ", 4, Some((Side::Below, 6, 4))),
            ("$ git \x1b[4;1Htext\x1b[1;7H", 5, None),
            ("$ git \x1b[5;1Htext\x1b[1;7H", 5, Some((Side::Below, 1, 3))),
            ("$ git \x1b[3;1Htext\x1b[1;7H", 1, Some((Side::Below, 1, 1))),
            ("$ git \x1b[2;1Htext\x1b[1;7H", 1, None),
        ] {
            assert_eq!(placed(bytes, rows), expected, "{bytes:?} {rows}");
        }
    }

    #[test]
    fn above_means_over_the_whole_line() {
        let line = format!("\x1b[9;1H$ {}", "x".repeat(60));
        assert_eq!(placed(&line, 5), Some((Side::Above, 3, 5)));
    }

    #[test]
    fn near_the_right_edge_it_moves_to_the_left() {
        for (left, expected) in [(4, 4), (22, 22), (23, 22), (39, 22)] {
            let place = place(&screen("$ "), wish(left, 4), None).unwrap();
            assert_eq!(place.left, expected);
        }
    }

    #[test]
    fn an_open_dropdown_stays_on_its_side() {
        let screen = screen("\x1b[6;1H$ git ");
        let side = |rows, open| place(&screen, wish(4, rows), open).unwrap().side;
        assert_eq!(side(3, None), Side::Below);
        assert_eq!(side(3, Some(Side::Above)), Side::Above);
    }

    #[test]
    fn rows_of_which_nothing_is_known_are_left_alone() {
        let mut screen = Screen::new(10, 40);
        screen.place(9, 0);
        screen.feed(b"$ git ");
        assert_eq!(place(&screen, wish(4, 5), None), None);
        screen.feed(b"\r\n\r\n\r\n\r\n$ git ");
        assert_eq!(place(&screen, wish(4, 5), None).map(|place| (place.top, place.rows)), Some((5, 4)));
    }
}
