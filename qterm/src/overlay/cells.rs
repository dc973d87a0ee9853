//! Cells of the model: what they look like, whether they show anything, whether a row can be covered and restored.

use std::fmt::Write as _;

use alacritty_terminal::{
    term::cell::{Cell, Flags},
    vte::ansi::{Color, NamedColor, Rgb},
};

use super::Canvas;

/// What makes even a blank visible, or part of something larger.
const VISIBLE: Flags = Flags::INVERSE
    .union(Flags::ALL_UNDERLINES)
    .union(Flags::STRIKEOUT)
    .union(Flags::WIDE_CHAR)
    .union(Flags::WIDE_CHAR_SPACER)
    .union(Flags::LEADING_WIDE_CHAR_SPACER)
    .union(Flags::WRAPLINE);

/// A character that does not say what the terminal got.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a cell shows nothing on the default background.
pub(super) fn is_blank(cell: &Cell) -> bool {
    is_default_background(cell)
        && is_blank_char(cell.c)
        && !cell.flags.intersects(VISIBLE)
        && cell.zerowidth().is_none_or(<[char]>::is_empty)
        && cell.hyperlink().is_none()
}

/// Whether a cell can be what erasing leaves: a background, nothing else.
pub(super) fn is_erased(cell: &Cell) -> bool {
    let plain = Cell { bg: cell.bg, ..Cell::default() };
    is_blank_char(cell.c) && *cell == Cell { c: cell.c, ..plain }
}

/// Whether the background is the terminal's own.
fn is_default_background(cell: &Cell) -> bool {
    cell.bg == Color::Named(NamedColor::Background)
}

/// Whether a cell is the first half of a wide character that is whole.
pub(super) fn is_first_half(canvas: &impl Canvas, row: usize, col: usize) -> bool {
    let (_, cols) = canvas.size();
    is_wide(canvas.cell(row, col))
        && col + 1 < cols
        && canvas.cell(row, col + 1).flags.contains(Flags::WIDE_CHAR_SPACER)
}

/// Whether a cell is the second half of a wide character that is whole.
pub(super) fn is_second_half(canvas: &impl Canvas, row: usize, col: usize) -> bool {
    col > 0 && is_first_half(canvas, row, col - 1)
}

fn is_wide(cell: &Cell) -> bool {
    cell.flags.contains(Flags::WIDE_CHAR)
}

/// Whether every cell of a row is blank, and it is no part of a longer text.
pub(super) fn is_free_row(canvas: &impl Canvas, row: usize) -> bool {
    let (_, cols) = canvas.size();
    canvas.row_known(row)
        && (0..cols).all(|col| is_blank(canvas.cell(row, col)))
        && !is_continuation(canvas, row)
}

/// Whether a row continues the one before.
pub(super) fn is_continuation(canvas: &impl Canvas, row: usize) -> bool {
    row > 0 && canvas.wrapped(row - 1)
}

/// Whether a row can be restored after it was covered from a column on.
pub(super) fn is_restorable(canvas: &impl Canvas, row: usize, left: usize) -> bool {
    let (_, cols) = canvas.size();
    let is_known = canvas.row_known(row) && (0..cols).all(|col| canvas.cell(row, col).c != REPLACEMENT);
    // Overprinting a wide character at the start of a row can unmark the cell that it left free at the end of the last.
    let is_anchored = row > 0
        && canvas.cell(row - 1, cols - 1).flags.contains(Flags::LEADING_WIDE_CHAR_SPACER)
        && left <= 2;
    is_known && !is_anchored
}

/// The character to print for a cell. The grid keeps the tabs that it was sent, and halves of wide characters whose other
/// half was erased, of which terminals show nothing.
pub(super) fn printable(canvas: &impl Canvas, row: usize, col: usize) -> char {
    let cell = canvas.cell(row, col);
    let is_torn = is_wide(cell) && !is_first_half(canvas, row, col);
    if is_torn || cell.c.is_control() { ' ' } else { cell.c }
}

/// The parameters of SGR that make what is printed next look like a cell. They start from nothing.
pub(super) fn sgr(cell: &Cell) -> String {
    let mut parameters = String::from("0");
    for (flag, parameter) in [
        (Flags::BOLD, ";1"),
        (Flags::DIM, ";2"),
        (Flags::ITALIC, ";3"),
        (Flags::UNDERLINE, ";4"),
        (Flags::DOUBLE_UNDERLINE, ";4:2"),
        (Flags::UNDERCURL, ";4:3"),
        (Flags::DOTTED_UNDERLINE, ";4:4"),
        (Flags::DASHED_UNDERLINE, ";4:5"),
        (Flags::INVERSE, ";7"),
        (Flags::HIDDEN, ";8"),
        (Flags::STRIKEOUT, ";9"),
    ] {
        if cell.flags.contains(flag) {
            parameters.push_str(parameter);
        }
    }
    push_colour(&mut parameters, cell.fg, 30);
    push_colour(&mut parameters, cell.bg, 40);
    match cell.underline_color() {
        Some(Color::Indexed(index)) => push(&mut parameters, format_args!(";58:5:{index}")),
        Some(Color::Spec(Rgb { r, g, b })) => push(&mut parameters, format_args!(";58:2::{r}:{g}:{b}")),
        _ => {}
    }
    parameters
}

/// A colour of the foreground (base 30) or background (base 40). The default needs no parameter.
fn push_colour(parameters: &mut String, colour: Color, base: u16) {
    match colour {
        Color::Named(name) => match name as u16 {
            index @ 0..8 => push(parameters, format_args!(";{}", base + index)),
            index @ 8..16 => push(parameters, format_args!(";{}", base + 52 + index)),
            _ => {}
        },
        Color::Indexed(index) => push(parameters, format_args!(";{};5;{index}", base + 8)),
        Color::Spec(Rgb { r, g, b }) => push(parameters, format_args!(";{};2;{r};{g};{b}", base + 8)),
    }
}

fn push(parameters: &mut String, text: std::fmt::Arguments) {
    parameters.write_fmt(text).expect("a String takes everything");
}

fn is_blank_char(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Screen;

    #[test]
    fn every_look_is_read_back_as_itself() {
        for sequence in [
            "1",
            "2",
            "1;2;3",
            "4",
            "4:2",
            "4:3",
            "4:4",
            "4:5",
            "7;8;9",
            "31",
            "97",
            "42",
            "107",
            "38;5;7",
            "48;5;200",
            "38;2;1;2;3;48;2;4;5;6",
            "4:3;58:5:9",
            "4;58:2::1:2:3",
            "0",
        ] {
            let mut screen = Screen::new(5, 20);
            screen.feed(format!("\x1b[{sequence}m").as_bytes());
            let pen = screen.pen().clone();
            screen.feed(format!("\x1b[0;5;44m\x1b[{}m", sgr(&pen)).as_bytes());
            assert_eq!(*screen.pen(), pen, "{sequence} as {}", sgr(&pen));
        }
    }
}
