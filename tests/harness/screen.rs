//! What a terminal shows at one moment, and pictures of it that can be compared cell by cell.

use std::fmt::Write as _;

/// How a cell looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Colour of the text.
    pub foreground: vt100::Color,
    /// Colour behind it.
    pub background: vt100::Color,
    /// Bold, dim, italic, underlined, inverse.
    pub marks: [bool; 5],
}

impl Style {
    /// Whether this is anything but the terminal's own look.
    pub fn is_styled(&self) -> bool {
        *self != Style::default()
    }

    /// Whether the cell stands out as an area: a background of its own, or inverse.
    pub fn is_filled(&self) -> bool {
        self.background != vt100::Color::Default || self.is_inverse()
    }

    /// Whether foreground and background are exchanged.
    pub fn is_inverse(&self) -> bool {
        self.marks[4]
    }
}

/// One cell: what it shows and how. An empty cell shows a blank; the second half of a wide character shows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// One grapheme.
    pub text: String,
    /// Its look.
    pub style: Style,
}

/// The terminal at one moment.
#[derive(Clone)]
pub struct Screen {
    inner: vt100::Screen,
}

impl Screen {
    /// The model's screen, copied.
    pub fn of(inner: &vt100::Screen) -> Screen {
        Screen { inner: inner.clone() }
    }

    /// Rows and columns.
    pub fn size(&self) -> (u16, u16) {
        let (rows, columns) = self.inner.size();
        (rows.get(), columns.get())
    }

    /// Row and column of the cursor, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.inner.cursor_position()
    }

    /// Whether a full-screen program has the alternate screen.
    pub fn is_alternate(&self) -> bool {
        self.inner.alternate_screen()
    }

    /// Whether pasted text is asked to be bracketed.
    pub fn brackets_paste(&self) -> bool {
        self.inner.bracketed_paste()
    }

    /// The cell at a place; a blank one outside the screen.
    pub fn cell(&self, row: u16, column: u16) -> Cell {
        self.inner.cell(row, column).map_or_else(blank, cell_of)
    }

    /// The cells of a row.
    pub fn cells(&self, row: u16) -> Vec<Cell> {
        (0..self.size().1).map(|column| self.cell(row, column)).collect()
    }

    /// The text of a row without the blanks at its end.
    pub fn row(&self, row: u16) -> String {
        text_of(&self.cells(row)).trim_end().to_owned()
    }

    /// The text of the row that the cursor is in, without the blanks at its end.
    pub fn cursor_row(&self) -> String {
        self.row(self.cursor().0)
    }

    /// The text of the cursor's row up to the cursor.
    pub fn before_cursor(&self) -> String {
        let (row, column) = self.cursor();
        text_of(&self.cells(row)[..usize::from(column)])
    }

    /// The line after the prompt, up to the cursor; `None` when the cursor's row does not begin with a prompt.
    pub fn typed(&self) -> Option<String> {
        self.before_cursor().strip_prefix(crate::shell::PROMPT).map(str::to_owned)
    }

    /// Whether the cursor stands behind a prompt with nothing typed.
    pub fn is_at_prompt(&self) -> bool {
        self.before_cursor() == crate::shell::PROMPT
    }

    /// All rows as text.
    pub fn text(&self) -> String {
        (0..self.size().0).map(|row| self.row(row) + "\n").collect()
    }

    /// Whether any row contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        self.find(text).is_some()
    }

    /// The row of the first line that contains `text`.
    pub fn find(&self, text: &str) -> Option<u16> {
        (0..self.size().0).find(|row| self.row(*row).contains(text))
    }

    /// Whether a row is exactly `text`.
    pub fn has_row(&self, text: &str) -> bool {
        (0..self.size().0).any(|row| self.row(row) == text)
    }

    /// Everything that a user can see or that changes what comes next, for comparison.
    pub fn picture(&self) -> Picture {
        Picture {
            rows: (0..self.size().0).map(|row| self.cells(row)).collect(),
            cursor: self.cursor(),
            modes: self.inner.input_mode_formatted() + &self.inner.attributes_formatted(),
            hidden: self.inner.hide_cursor(),
            scrolled_off: self.scrolled_off(),
        }
    }

    /// Rows that have left the screen at the top, oldest first.
    fn scrolled_off(&self) -> Vec<String> {
        let mut inner = self.inner.clone();
        let columns = self.size().1;
        (1..=inner.scrollback_len())
            .rev()
            .map(|back| {
                inner.set_scrollback(back);
                let cells: Vec<Cell> =
                    (0..columns).map(|column| inner.cell(0, column).map_or_else(blank, cell_of)).collect();
                text_of(&cells).trim_end().to_owned()
            })
            .collect()
    }

    /// The screen for a person to read: a frame, the cursor as `▮`, and a second line under each row that has colours.
    pub fn dump(&self) -> String {
        let (rows, columns) = self.size();
        let edge = format!("+{}+\n", "-".repeat(usize::from(columns)));
        let body: String = (0..rows).map(|row| self.dump_row(row)).collect();
        let (row, column) = self.cursor();
        format!(
            "{edge}{body}{edge}cursor: row {row}, column {column}, alternate screen: {}\n",
            self.is_alternate()
        )
    }

    /// One row of the dump.
    fn dump_row(&self, row: u16) -> String {
        let cells = self.cells(row);
        let (cursor_row, cursor_column) = self.cursor();
        let mut text = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let here = cursor_row == row && usize::from(cursor_column) == column;
            text.push_str(if here && cell.text == " " { "▮" } else { &cell.text });
        }
        let mut out = format!("|{text}|\n");
        if cells.iter().any(|cell| cell.style.is_styled()) {
            let marks: String = cells.iter().map(|cell| style_mark(&cell.style)).collect();
            let _ = writeln!(out, ":{marks}:");
        }
        out
    }
}

/// A blank cell.
fn blank() -> Cell {
    Cell { text: " ".to_owned(), style: Style::default() }
}

/// A cell of the model.
fn cell_of(cell: &vt100::Cell) -> Cell {
    let text = match cell.contents() {
        "" if cell.is_wide_continuation() => "",
        "" => " ",
        text => text,
    };
    let marks = [cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse()];
    let style = Style { foreground: cell.fgcolor(), background: cell.bgcolor(), marks };
    Cell { text: text.to_owned(), style }
}

/// The text of cells, joined.
pub(crate) fn text_of(cells: &[Cell]) -> String {
    cells.iter().map(|cell| cell.text.as_str()).collect()
}

/// One character for how a cell looks.
fn style_mark(style: &Style) -> char {
    match style {
        style if style.is_inverse() => 'i',
        style if style.background != vt100::Color::Default && style.marks[0] => 'B',
        style if style.background != vt100::Color::Default => 'b',
        style if style.marks[1] => 'd',
        style if style.is_styled() => 'f',
        _ => ' ',
    }
}

/// Everything on a terminal that two runs must agree in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    rows: Vec<Vec<Cell>>,
    cursor: (u16, u16),
    modes: String,
    hidden: bool,
    scrolled_off: Vec<String>,
}

impl Picture {
    /// What differs between this picture and the expected one, for a person to read; empty when they are equal.
    pub fn differences(&self, expected: &Picture) -> String {
        let mut out = String::new();
        for (number, (row, wanted)) in self.rows.iter().zip(&expected.rows).enumerate() {
            row_difference(&mut out, number, row, wanted);
        }
        let mut differ = |what: &str, is: String, wanted: String| {
            if is != wanted {
                let _ = writeln!(out, "{what}: {is}, expected {wanted}");
            }
        };
        differ("rows", self.rows.len().to_string(), expected.rows.len().to_string());
        differ("cursor", format!("{:?}", self.cursor), format!("{:?}", expected.cursor));
        differ("cursor hidden", self.hidden.to_string(), expected.hidden.to_string());
        differ("modes", format!("{:?}", self.modes), format!("{:?}", expected.modes));
        differ("scrolled off", format!("{:#?}", self.scrolled_off), format!("{:#?}", expected.scrolled_off));
        out
    }
}

/// Says where two rows differ first, in text or in look.
fn row_difference(out: &mut String, number: usize, row: &[Cell], wanted: &[Cell]) {
    let Some(column) = row.iter().zip(wanted).position(|(cell, wanted)| cell != wanted) else { return };
    let _ = writeln!(out, "row {number}, from column {column}:");
    let _ = writeln!(out, "  is       {:?}, {:?}", text_of(row).trim_end(), row[column].style);
    let _ = writeln!(out, "  expected {:?}, {:?}", text_of(wanted).trim_end(), wanted[column].style);
}
