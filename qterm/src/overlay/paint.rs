//! The only writer: turns what is to be seen into bytes, by difference to what is on the terminal now.
//!
//! Every frame is one synchronized update that starts anywhere and ends with the cursor, its pending wrap, the colours
//! and the link exactly as the model has them. The cursor is placed absolutely and never saved, nothing scrolls, and
//! what was covered is restored from the model. What each emulator does with these sequences has been measured; where
//! two ways look equal here, the other one failed on some terminal.

use std::{collections::BTreeMap, fmt::Write as _, ops::Range};

use alacritty_terminal::term::cell::{Cell, Hyperlink};
use unicode_width::UnicodeWidthStr;

use super::{Canvas, Cursor, Frame, Line, Menu, Side, Style, cells, ghost, may_show, style::Role};

/// The end of the id that the grid gives to links that have none.
const OWN_LINK_ID: &str = "_alacritty";

/// What is on the terminal and not in the model.
#[derive(Clone, Debug, Default)]
pub struct Painted {
    /// The rows of the dropdown.
    strips: BTreeMap<usize, Strip>,
    side: Option<Side>,
    first: usize,
    page: usize,
    ghost: Option<Ghost>,
}

/// A painted row of the dropdown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Strip {
    left: usize,
    width: usize,
    /// Its bytes, colours included.
    text: String,
}

impl Strip {
    fn columns(&self) -> Range<usize> {
        self.left..self.left + self.width
    }
}

/// The painted ghost text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ghost {
    row: usize,
    col: usize,
    text: String,
}

impl Ghost {
    fn width(&self) -> usize {
        self.text.width()
    }
}

impl Painted {
    /// Whether anything is painted.
    pub fn is_shown(&self) -> bool {
        self.has_menu() || self.has_ghost()
    }

    /// Whether the dropdown is painted.
    pub fn has_menu(&self) -> bool {
        !self.strips.is_empty()
    }

    /// Whether the ghost text is painted.
    pub fn has_ghost(&self) -> bool {
        self.ghost.is_some()
    }

    /// How many candidates are visible at a time, at least one.
    pub fn page(&self) -> usize {
        self.page.max(1)
    }

    /// The side on which the dropdown is open.
    pub(super) fn side(&self) -> Option<Side> {
        self.side
    }

    /// The candidate in the first row.
    pub(super) fn first(&self) -> usize {
        self.first
    }

    fn take_menu(&mut self, menu: Option<&Menu>) {
        self.side = menu.map(|menu| menu.place.side);
        self.first = menu.map_or(0, |menu| menu.first);
        self.page = menu.map_or(0, |menu| menu.page);
    }
}

/// Whether the cursor can be brought back to where it is: while it waits to wrap, the last character has to be printed
/// again, which is not exact when marks or joiners belong to it.
pub fn may_return(canvas: &impl Canvas) -> bool {
    let cursor = canvas.cursor();
    let last = canvas.cell(cursor.row, last_printed(canvas));
    !cursor.pending_wrap || last.zerowidth().is_none_or(<[char]>::is_empty)
}

/// Brings the terminal from what is painted to this frame.
pub fn show(canvas: &impl Canvas, frame: &Frame, painted: &mut Painted, style: &Style) -> Vec<u8> {
    let mut writer = Writer::new(canvas);
    let strips = frame.menu.as_ref().map(|menu| strips(menu, style)).unwrap_or_default();
    writer.replace_strips(&painted.strips, &strips);
    painted.ghost = writer.replace_ghost(painted.ghost.take(), frame.ghost.as_deref(), style);
    painted.strips = strips;
    painted.take_menu(frame.menu.as_ref());
    writer.finish()
}

/// Shows or removes only the ghost text; the dropdown stays as it is.
pub fn show_ghost(canvas: &impl Canvas, text: Option<&str>, painted: &mut Painted, style: &Style) -> Vec<u8> {
    let text = text.filter(|_| may_show(canvas)).and_then(|text| ghost::clip(text, canvas, style));
    let mut writer = Writer::new(canvas);
    painted.ghost = writer.replace_ghost(painted.ghost.take(), text.as_deref(), style);
    writer.finish()
}

/// Takes everything away.
pub fn hide(canvas: &impl Canvas, painted: &mut Painted) -> Vec<u8> {
    let old = std::mem::take(painted);
    let mut writer = Writer::new(canvas);
    writer.replace_strips(&old.strips, &BTreeMap::new());
    if let Some(ghost) = &old.ghost {
        writer.erase(ghost.row, ghost.col, ghost.width());
    }
    writer.finish()
}

/// Takes the ghost text away with as few bytes as possible, to be written before the next output of the shell.
pub fn erase_ghost(canvas: &impl Canvas, painted: &mut Painted) -> Vec<u8> {
    let Some(ghost) = painted.ghost.take() else { return Vec::new() };
    let cursor = canvas.cursor();
    let mut writer = Writer::new(canvas);
    if cursor.pending_wrap || (cursor.row, cursor.col) != (ghost.row, ghost.col) {
        writer.erase(ghost.row, ghost.col, ghost.width());
        return writer.finish();
    }
    writer.look("0");
    writer.erase_here(ghost.row, ghost.col, ghost.width());
    writer.restore_pen();
    writer.out.into_bytes()
}

/// Takes away what can be taken away once the terminal has another size but the shell does not know it yet: the rows may
/// have moved with the cursor, so only what is reached from the cursor itself is safe. What is above it stays.
pub fn hide_for_resize(canvas: &impl Canvas, painted: &mut Painted) -> Vec<u8> {
    let old = std::mem::take(painted);
    let cursor = canvas.cursor();
    let (rows, _) = canvas.size();
    if cursor.pending_wrap || !(cursor.row + 1..rows).all(|row| cells::is_free_row(canvas, row)) {
        return Vec::new();
    }
    let mut writer = Writer::new(canvas);
    writer.look("0");
    match (old.side, old.ghost) {
        // The shell prints its line anew after a resize, and with it what stands right of the cursor.
        (Some(Side::Below), _) => writer.out.push_str("\x1b[J"),
        (_, Some(ghost)) => writer.erase_here(ghost.row, ghost.col, ghost.width()),
        _ => return Vec::new(),
    }
    writer.restore_pen();
    writer.out.into_bytes()
}

/// The rows of a dropdown as bytes.
fn strips(menu: &Menu, style: &Style) -> BTreeMap<usize, Strip> {
    let (left, width) = (menu.place.left, menu.place.width);
    let strip = |line: &Line| Strip { left, width, text: line_bytes(line, left, style) };
    menu.lines.iter().enumerate().map(|(at, line)| (menu.place.top + at, strip(line))).collect()
}

/// A row as bytes. After text whose width is in doubt the column is set anew; the cells that such text may leave out are
/// filled before.
fn line_bytes(line: &Line, left: usize, style: &Style) -> String {
    let mut out = String::new();
    let mut look = "";
    let mut col = left;
    let mut doubtful = false;
    if line.pieces.iter().any(|(_, glyph)| !glyph.is_plain()) {
        look = style.sgr(Role::Body, line.selected);
        put(&mut out, format_args!("\x1b[{look}m{:width$}\x1b[{}G", "", left + 1, width = line.width()));
    }
    for (role, glyph) in &line.pieces {
        let wanted = style.sgr(*role, line.selected);
        if wanted != look {
            look = wanted;
            put(&mut out, format_args!("\x1b[{look}m"));
        }
        if doubtful && glyph.is_plain() {
            put(&mut out, format_args!("\x1b[{}G", col + 1));
        }
        doubtful = !glyph.is_plain();
        out.push_str(&glyph.text);
        col += glyph.width;
    }
    out
}

/// The column of the last character printed when the cursor waits to wrap.
fn last_printed(canvas: &impl Canvas) -> usize {
    let Cursor { row, col, .. } = canvas.cursor();
    if cells::is_second_half(canvas, row, col) { col - 1 } else { col }
}

/// The bytes of a frame, and what is in force at the terminal after them.
struct Writer<'a, C> {
    canvas: &'a C,
    out: String,
    /// The parameters of SGR.
    look: String,
    link: Option<Hyperlink>,
}

impl<'a, C: Canvas> Writer<'a, C> {
    fn new(canvas: &'a C) -> Writer<'a, C> {
        let pen = canvas.pen();
        Writer { canvas, out: String::new(), look: cells::sgr(pen), link: pen.hyperlink() }
    }

    /// The frame: hidden until it is complete, and back where it started. Empty when nothing was to be done.
    fn finish(mut self) -> Vec<u8> {
        if self.out.is_empty() {
            return Vec::new();
        }
        self.come_back();
        let (hide, show) = if self.canvas.cursor().visible { ("\x1b[?25l", "\x1b[?25h") } else { ("", "") };
        [b"\x1b[?2026h", hide.as_bytes(), self.out.as_bytes(), show.as_bytes(), b"\x1b[?2026l"].concat()
    }

    /// The cursor, its pending wrap and the pen as the model has them.
    fn come_back(&mut self) {
        let cursor = self.canvas.cursor();
        if cursor.pending_wrap {
            let col = last_printed(self.canvas);
            self.go(cursor.row, col);
            self.cell(cursor.row, col);
        } else {
            self.go(cursor.row, cursor.col);
        }
        self.restore_pen();
    }

    fn restore_pen(&mut self) {
        let pen = self.canvas.pen();
        self.look(&cells::sgr(pen));
        self.link(pen.hyperlink());
    }

    fn go(&mut self, row: usize, col: usize) {
        put(&mut self.out, format_args!("\x1b[{};{}H", row + 1, col + 1));
    }

    fn look(&mut self, sgr: &str) {
        if self.look != sgr {
            put(&mut self.out, format_args!("\x1b[{sgr}m"));
            self.look = sgr.to_owned();
        }
    }

    fn link(&mut self, link: Option<Hyperlink>) {
        if self.link == link {
            return;
        }
        match &link {
            None => self.out.push_str("\x1b]8;;\x1b\\"),
            Some(link) if link.id().ends_with(OWN_LINK_ID) => {
                put(&mut self.out, format_args!("\x1b]8;;{}\x1b\\", link.uri()));
            }
            Some(link) => put(&mut self.out, format_args!("\x1b]8;id={};{}\x1b\\", link.id(), link.uri())),
        }
        self.link = link;
    }

    /// Prints a cell as the model has it.
    fn cell(&mut self, row: usize, col: usize) {
        let cell = self.canvas.cell(row, col);
        self.look(&cells::sgr(cell));
        self.link(cell.hyperlink());
        self.out.push(cells::printable(self.canvas, row, col));
        self.out.extend(cell.zerowidth().unwrap_or_default());
    }

    /// Prints cells of a row as the model has them. After text whose width is in doubt the column is set anew.
    fn cells(&mut self, row: usize, columns: Range<usize>) {
        let mut doubtful = false;
        for col in columns {
            if cells::is_second_half(self.canvas, row, col) {
                continue;
            }
            let plain =
                self.canvas.cell(row, col).c.is_ascii() && self.canvas.cell(row, col).zerowidth().is_none();
            if doubtful && plain {
                put(&mut self.out, format_args!("\x1b[{}G", col + 1));
            }
            doubtful = !plain;
            self.cell(row, col);
        }
    }

    /// Goes from the painted rows of a dropdown to others: restores what they no longer cover, paints what is new.
    fn replace_strips(&mut self, old: &BTreeMap<usize, Strip>, new: &BTreeMap<usize, Strip>) {
        self.uncover(old, new);
        for (&row, strip) in new {
            let before = old.get(&row);
            if before == Some(strip) {
                continue;
            }
            if let Some(before) = before.filter(|before| !covers(strip, before)) {
                self.restore(row, before.columns());
            }
            self.link(None);
            self.go(row, strip.left);
            self.out.push_str(&strip.text);
            // The strip has set its own colours.
            self.look.clear();
        }
    }

    /// Restores the rows that are painted and shall not be. Blank rows down to the end of the screen are erased at once,
    /// which leaves them as if they had never been written.
    fn uncover(&mut self, old: &BTreeMap<usize, Strip>, new: &BTreeMap<usize, Strip>) {
        let (rows, _) = self.canvas.size();
        let is_free = |&row: &usize| cells::is_free_row(self.canvas, row) && !new.contains_key(&row);
        let tail = (0..rows).rev().take_while(is_free).last().unwrap_or(rows);
        let gone = old.iter().filter(|(row, _)| !new.contains_key(row));
        let mut erased = false;
        for (&row, strip) in gone {
            if row < tail {
                self.restore(row, strip.columns());
            } else if !std::mem::replace(&mut erased, true) {
                self.clear_below(row);
            }
        }
    }

    /// Erases a row and all below it.
    fn clear_below(&mut self, row: usize) {
        self.go(row, 0);
        self.look("0");
        self.link(None);
        self.out.push_str("\x1b[J");
    }

    /// Restores the columns of a row. Where a row stands for itself it is erased and printed as a whole: then cells that
    /// were never written are so again, and differences about widths heal. Elsewhere only what was covered is printed,
    /// because the last column, or the first of the next row, knows that the text goes on.
    fn restore(&mut self, row: usize, columns: Range<usize>) {
        let canvas = self.canvas;
        let (_, cols) = canvas.size();
        let last = canvas.cell(row, cols - 1);
        if cells::is_erased(last) && !canvas.wrapped(row) && !cells::is_continuation(canvas, row) {
            return self.reprint(row, last);
        }
        let left = columns.start - usize::from(cells::is_second_half(canvas, row, columns.start));
        let right = columns.end + usize::from(cells::is_second_half(canvas, row, columns.end));
        self.go(row, left);
        self.cells(row, left..right);
    }

    /// Erases a row to the background of its last cell and prints what else is in it.
    fn reprint(&mut self, row: usize, last: &Cell) {
        let canvas = self.canvas;
        let (_, cols) = canvas.size();
        self.go(row, 0);
        self.look(&cells::sgr(last));
        self.link(None);
        self.out.push_str("\x1b[2K");
        let is_fill = |&col: &usize| {
            let cell = canvas.cell(row, col);
            cells::is_erased(cell) && cell.bg == last.bg
        };
        let fill = (0..cols).rev().take_while(is_fill).count();
        self.cells(row, 0..cols - fill);
    }

    /// Goes from one ghost text to another.
    fn replace_ghost(&mut self, old: Option<Ghost>, text: Option<&str>, style: &Style) -> Option<Ghost> {
        let Cursor { row, col, .. } = self.canvas.cursor();
        let new = text.map(|text| Ghost { row, col, text: text.to_owned() });
        if old == new {
            return new;
        }
        if let Some(old) = old {
            self.erase(old.row, old.col, old.width());
        }
        if let Some(new) = &new {
            self.link(None);
            self.go(row, col);
            self.look(style.ghost());
            self.out.push_str(&new.text);
        }
        new
    }

    /// Erases cells that are blank in the model.
    fn erase(&mut self, row: usize, col: usize, width: usize) {
        self.go(row, col);
        self.look("0");
        self.erase_here(row, col, width);
    }

    /// The same when the cursor is there. To the end of the row if there is nothing else: then no written blanks stay.
    fn erase_here(&mut self, row: usize, col: usize, width: usize) {
        let canvas = self.canvas;
        let (_, cols) = canvas.size();
        let is_end = !canvas.wrapped(row) && (col..cols).all(|col| cells::is_blank(canvas.cell(row, col)));
        match is_end {
            true => self.out.push_str("\x1b[K"),
            false => put(&mut self.out, format_args!("\x1b[{width}X")),
        }
    }
}

/// Whether a new strip paints over all of the old one.
fn covers(new: &Strip, old: &Strip) -> bool {
    new.left <= old.left && old.left + old.width <= new.left + new.width
}

fn put(out: &mut String, text: std::fmt::Arguments) {
    out.write_fmt(text).expect("a String takes everything");
}
