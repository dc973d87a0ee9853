//! A mirror of the terminal's cells and cursor, fed with the child's bytes alone.
//!
//! What qterm draws never enters it, so that it says what the screen would be without qterm. Rows whose content is not
//! known (what was on the screen before qterm started, or after a resize) hold a marker character that scrolls and is
//! overwritten as the real content is. Also reads the line off the screen for shells that cannot report it. Never
//! answers a terminal query: the real terminal does that.

use std::time::Instant;

use alacritty_terminal::{
    event::{Event, EventListener},
    grid::Dimensions,
    index::{Column, Line, Point},
    term::{
        Config, Term, TermMode,
        cell::{Cell, Flags},
    },
    vte::ansi::Processor,
};

use crate::overlay::{Canvas, Cursor};

/// Stands in a cell whose content is not known. A private-use character of one column that no program prints.
const UNKNOWN: char = '\u{10fffd}';

/// Rows kept above the screen: enough to see how far a long line scrolls the prompt up. Small, for memory.
const HISTORY: usize = 200;

/// Smallest size of the model: the grid cannot hold a wide character in one column.
const MIN_SIZE: (usize, usize) = (1, 2);

/// Largest size of the model in each direction; a terminal that claims more gets nothing drawn beyond it.
const MAX_SIZE: (usize, usize) = (1_000, 2_000);

/// Swallows what the grid would answer.
#[derive(Clone, Copy, Debug)]
struct Silent;

impl EventListener for Silent {
    fn send_event(&self, _: Event) {}
}

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    rows: usize,
    cols: usize,
}

impl Size {
    fn new(rows: usize, cols: usize) -> Size {
        Size { rows: rows.clamp(MIN_SIZE.0, MAX_SIZE.0), cols: cols.clamp(MIN_SIZE.1, MAX_SIZE.1) }
    }
}

impl Dimensions for Size {
    fn total_lines(&self) -> usize {
        self.rows
    }

    fn screen_lines(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.cols
    }
}

/// Where the line starts.
#[derive(Clone, Debug)]
struct Anchor {
    /// Its row when it was marked; each row of history since moved it up by one.
    row: usize,
    col: usize,
    /// What stood left of it: when that changes, something else is shown than the prompt.
    left: String,
}

/// A line as read off the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The line.
    pub text: String,
    /// The cursor, a byte offset in it.
    pub cursor: usize,
    /// The screen leaves no doubt about it.
    pub certain: bool,
}

/// The mirror; see the module.
pub struct Screen {
    term: Term<Silent>,
    parser: Processor,
    anchor: Option<Anchor>,
    /// The row and column of the cursor are those of the real terminal.
    placed: bool,
}

impl Screen {
    /// A screen of which nothing is known, the place of the cursor neither.
    pub fn new(rows: usize, cols: usize) -> Screen {
        let config = Config { scrolling_history: HISTORY, kitty_keyboard: true, ..Config::default() };
        let term = Term::new(config, &Size::new(rows, cols), Silent);
        Screen { term, parser: Processor::new(), anchor: None, placed: false }
    }

    /// Takes bytes of the child.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.term, bytes);
    }

    /// When a synchronized update that the child has open must be given up, if there is one.
    pub fn sync_deadline(&self) -> Option<Instant> {
        self.parser.sync_timeout().sync_timeout()
    }

    /// Gives up the synchronized update that is open.
    pub fn end_sync(&mut self) {
        self.parser.stop_sync(&mut self.term);
    }

    /// Whether the place of the cursor is that of the real terminal.
    pub fn is_placed(&self) -> bool {
        self.placed
    }

    /// The place of the cursor, or the width of something shown, has become doubtful.
    pub fn doubt(&mut self) {
        self.placed = false;
    }

    /// The real terminal has its cursor here, 0-based. What stands above is unknown unless nothing has moved.
    pub fn place(&mut self, row: usize, col: usize) {
        let size = self.dimensions();
        let (row, col) = (row.min(size.rows - 1), col.min(size.cols - 1));
        let at = self.cursor_point();
        if at.0 != row {
            self.shift(row as i64 - at.0 as i64);
        }
        self.forget_rows(row);
        let cursor = &mut self.term.grid_mut().cursor;
        if cursor.point.column.0 != col && !(cursor.input_needs_wrap && col + 1 == size.cols) {
            cursor.input_needs_wrap = false;
        }
        cursor.point = Point::new(Line(row as i32), Column(col));
        self.placed = true;
    }

    /// Marks the rows above `row`'s own line as unknown.
    fn forget_rows(&mut self, row: usize) {
        let mut first = row;
        while first > 0 && (self.wrapped(first - 1) || self.anchor_row().is_some_and(|anchor| anchor < first))
        {
            first -= 1;
        }
        let cols = self.dimensions().cols;
        for above in 0..first {
            let cells = &mut self.term.grid_mut()[Line(above as i32)];
            for col in 0..cols {
                cells[Column(col)] = Cell { c: UNKNOWN, ..Cell::default() };
            }
        }
    }

    /// Moves everything down by `rows`, or up when negative, as the real terminal has done unseen.
    fn shift(&mut self, rows: i64) {
        let last = Line(self.dimensions().rows as i32);
        let region = Line(0)..last;
        let grid = self.term.grid_mut();
        if rows > 0 {
            grid.scroll_down::<alacritty_terminal::vte::ansi::Color>(&region, rows as usize);
        } else {
            grid.scroll_up::<alacritty_terminal::vte::ansi::Color>(&region, rows.unsigned_abs() as usize);
        }
        if let Some(anchor) = &mut self.anchor {
            anchor.row = (anchor.row as i64 + rows.max(0)).max(0) as usize;
        }
    }

    /// The terminal has another size. Its cursor may be anywhere until it is asked.
    pub fn resize(&mut self, rows: usize, cols: usize) {
        self.term.resize(Size::new(rows, cols));
        self.placed = false;
    }

    /// The line starts at the cursor.
    pub fn begin_line(&mut self) {
        self.term.grid_mut().clear_history();
        let (row, col) = self.cursor_point();
        self.anchor = Some(Anchor { row, col, left: self.row_text(row, 0, col) });
    }

    /// The line has no known start any more.
    pub fn end_line(&mut self) {
        self.anchor = None;
    }

    /// Whether the alternate screen is shown.
    pub fn is_alternate(&self) -> bool {
        self.term.mode().contains(TermMode::ALT_SCREEN)
    }

    /// Whether modes are in force in which drawing elsewhere and coming back is not exact.
    pub fn has_odd_modes(&self) -> bool {
        let mode = self.term.mode();
        mode.intersects(TermMode::ALT_SCREEN | TermMode::ORIGIN | TermMode::INSERT)
            || !mode.contains(TermMode::LINE_WRAP)
    }

    /// Whether the cursor's row holds characters whose width terminals disagree about.
    pub fn has_doubtful_row(&self) -> bool {
        let (row, col) = self.cursor_point();
        (0..col).any(|col| is_doubtful(self.cell(row, col)))
    }

    /// Reads the line between its start and the cursor, and what follows the cursor. `None` when something else than
    /// the prompt is shown.
    pub fn read_line(&self) -> Option<Reading> {
        let anchor = self.anchor.as_ref()?;
        let first = self.anchor_row()?;
        let cursor = self.term.grid().cursor.point;
        let needs_wrap = self.term.grid().cursor.input_needs_wrap;
        let (row, col) = (cursor.line.0.max(0) as usize, cursor.column.0 + usize::from(needs_wrap));
        if (row, col) < (first, anchor.col) || self.row_text(first, 0, anchor.col) != anchor.left {
            return None;
        }
        let mut text = String::new();
        for above in first..row {
            let start = if above == first { anchor.col } else { 0 };
            self.push_row(above, start, &mut text);
        }
        let start = if row == first { anchor.col } else { 0 };
        text.push_str(&self.row_text(row, start, col));
        let cursor = text.len();
        text.push_str(&self.text_after(row, col));
        let certain = self.is_certain(&text, first, anchor.col, row);
        Some(Reading { text, cursor, certain })
    }

    /// A whole row of the line with what joins it to the next: nothing when it is wrapped, else a newline.
    fn push_row(&self, row: usize, start: usize, text: &mut String) {
        let cols = self.dimensions().cols;
        if self.wrapped(row) {
            text.push_str(&self.row_text(row, start, cols));
        } else {
            text.push_str(self.row_text(row, start, cols).trim_end_matches(' '));
            text.push('\n');
        }
    }

    /// What follows the cursor: the rest of its row and the rows below that still hold something.
    fn text_after(&self, row: usize, col: usize) -> String {
        let size = self.dimensions();
        let mut after = String::new();
        for below in row..size.rows {
            let start = if below == row { col } else { 0 };
            self.push_row(below, start, &mut after);
            let next_is_blank =
                below + 1 >= size.rows || self.row_text(below + 1, 0, size.cols).trim().is_empty();
            if next_is_blank && !self.wrapped(below) {
                break;
            }
        }
        after.truncate(after.trim_end_matches(['\n', ' ']).len());
        after
    }

    /// Whether what was read can have come from one line only. Tabs, control characters, wide characters at the margin
    /// and horizontal scrolling leave several; several rows may be a line of that many, or what a background job wrote.
    fn is_certain(&self, text: &str, first: usize, start: usize, last: usize) -> bool {
        let cols = self.dimensions().cols;
        let control =
            text.as_bytes().windows(2).any(|pair| pair[0] == b'^' && (b'?'..=b'_').contains(&pair[1]));
        let wide_start = (first + 1..=last).any(|row| self.cell(row, 0).flags.contains(Flags::WIDE_CHAR));
        let edge = |row: usize, col: usize, c: char| self.cell(row, col).c == c;
        let scrolled = edge(last, cols - 1, '>') || edge(first, start.min(cols - 1), '<');
        let tab = (first..=last).any(|row| self.has_tab_gap(row, if row == first { start } else { 0 }));
        !(control || wide_start || scrolled || tab || text.contains('\n'))
    }

    /// Whether two or more blanks before other text end at a tab stop.
    fn has_tab_gap(&self, row: usize, start: usize) -> bool {
        let cols = self.dimensions().cols;
        let blank = |col: usize| col < cols && self.cell(row, col).c == ' ';
        (start + 2..cols).any(|col| col % 8 == 0 && !blank(col) && blank(col - 1) && blank(col - 2))
    }

    /// Columns `from..to` of a row as text; wide characters count once.
    fn row_text(&self, row: usize, from: usize, to: usize) -> String {
        let mut text = String::new();
        for col in from..to.min(self.dimensions().cols) {
            let cell = self.cell(row, col);
            if cell.flags.intersects(Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER) {
                continue;
            }
            text.push(cell.c);
            text.extend(cell.zerowidth().unwrap_or_default());
        }
        text
    }

    fn anchor_row(&self) -> Option<usize> {
        self.anchor.as_ref()?.row.checked_sub(self.term.history_size())
    }

    fn cursor_point(&self) -> (usize, usize) {
        let point = self.term.grid().cursor.point;
        (point.line.0.max(0) as usize, point.column.0)
    }

    fn dimensions(&self) -> Size {
        Size { rows: self.term.screen_lines(), cols: self.term.columns() }
    }
}

impl Canvas for Screen {
    fn size(&self) -> (usize, usize) {
        let size = self.dimensions();
        (size.rows, size.cols)
    }

    fn cursor(&self) -> Cursor {
        let (row, col) = self.cursor_point();
        let pending_wrap = self.term.grid().cursor.input_needs_wrap;
        let visible = self.term.mode().contains(TermMode::SHOW_CURSOR);
        Cursor { row, col, pending_wrap, visible }
    }

    fn cell(&self, row: usize, col: usize) -> &Cell {
        let size = self.dimensions();
        &self.term.grid()[Line(row.min(size.rows - 1) as i32)][Column(col.min(size.cols - 1))]
    }

    fn pen(&self) -> &Cell {
        &self.term.grid().cursor.template
    }

    fn wrapped(&self, row: usize) -> bool {
        self.cell(row, self.dimensions().cols - 1).flags.contains(Flags::WRAPLINE)
    }

    fn row_known(&self, row: usize) -> bool {
        (0..self.dimensions().cols).all(|col| self.cell(row, col).c != UNKNOWN)
    }
}

/// Characters whose width terminals disagree about: anything with a variation selector or a joiner, flags, modifiers.
fn is_doubtful(cell: &Cell) -> bool {
    let odd = |c: &char| matches!(c, '\u{fe0f}' | '\u{200d}' | '\u{20e3}' | '\u{ad}');
    matches!(cell.c, '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{ad}' | '\u{2630}')
        || cell.zerowidth().is_some_and(|extra| extra.iter().any(odd))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_prompt(rows: usize, cols: usize, before: &str, prompt: &str, line: &str) -> Screen {
        let mut screen = Screen::new(rows, cols);
        screen.place(0, 0);
        screen.feed(before.as_bytes());
        screen.feed(prompt.as_bytes());
        screen.begin_line();
        screen.feed(line.as_bytes());
        screen
    }

    fn reading(text: &str, cursor: usize) -> Option<Reading> {
        Some(Reading { text: text.into(), cursor, certain: true })
    }

    #[test]
    fn a_line_is_read_between_prompt_and_cursor() {
        assert_eq!(at_prompt(5, 40, "", "$ ", "git che").read_line(), reading("git che", 7));
        assert_eq!(at_prompt(5, 40, "", "$ ", "git che\x08\x08").read_line(), reading("git che", 5));
        assert_eq!(at_prompt(5, 40, "", "$ ", "ls ").read_line(), reading("ls ", 3));
        assert_eq!(at_prompt(5, 40, "", "$ ", "é日本").read_line(), reading("é日本", 8));
    }

    #[test]
    fn a_wrapped_line_is_one_line_even_when_it_scrolls() {
        let line = "echo abcdefghijklmnopqrstuvwxyz";
        assert_eq!(at_prompt(5, 20, "", "$ ", line).read_line(), reading(line, line.len()));
        assert_eq!(at_prompt(2, 20, "\r\n", "$ ", line).read_line(), reading(line, line.len()));
        assert_eq!(
            at_prompt(5, 20, "", "$ ", "a 3456789012345678").read_line(),
            reading("a 3456789012345678", 18)
        );
    }

    #[test]
    fn a_line_of_several_rows_has_newlines() {
        let screen = at_prompt(5, 20, "", "$ ", "for i in a\r\ndo echo");
        let uncertain = Reading { certain: false, ..reading("for i in a\ndo echo", 18).unwrap() };
        assert_eq!(screen.read_line(), Some(uncertain));
    }

    #[test]
    fn something_else_than_the_prompt_is_not_read() {
        let mut screen = at_prompt(5, 60, "", "$ ", "git");
        screen.feed(b"\r(reverse-i-search)`g': git");
        assert_eq!(screen.read_line(), None);
    }

    #[test]
    fn doubt_is_admitted() {
        for line in ["echo ^A", "a\tb", "echo >"] {
            let screen = at_prompt(5, 8 + line.len(), "", "$ ", line);
            let certain = screen.read_line().unwrap().certain;
            assert_eq!(certain, line == "echo >", "{line:?}");
        }
    }

    #[test]
    fn what_was_there_before_is_unknown_until_it_is_overwritten() {
        let mut screen = Screen::new(4, 10);
        screen.place(2, 0);
        assert_eq!([0, 1, 2, 3].map(|row| screen.row_known(row)), [false, false, true, true]);
        screen.feed(b"\r\n\r\n");
        assert_eq!([0, 1, 2, 3].map(|row| screen.row_known(row)), [false, true, true, true]);
        screen.feed(b"\x1b[2J");
        assert!(screen.row_known(0));
    }

    #[test]
    fn placing_moves_the_line_with_the_cursor() {
        let mut screen = at_prompt(6, 20, "\r\n\r\n", "$ ", "git");
        screen.place(4, 5);
        assert_eq!(screen.read_line(), reading("git", 3));
        screen.place(1, 5);
        assert_eq!(screen.read_line(), reading("git", 3));
    }
}
