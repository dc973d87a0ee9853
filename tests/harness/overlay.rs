//! What Q has drawn, told from a screen alone: in a throwaway home the shells draw nothing in colour.
//!
//! The menu is an area with a background of its own, above or below the line; the ghost text is the styled text without
//! a background that follows the cursor.

use crate::screen::{Cell, Screen, Style, text_of};

/// A row of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuRow {
    /// Its row on the screen.
    pub row: u16,
    /// Its first column on the screen.
    pub column: u16,
    /// Its text, blanks at both ends removed.
    pub text: String,
    /// The look of its blank cells or, without any, of its first.
    pub style: Style,
    /// How many cells it covers.
    pub width: u16,
}

/// The menu on a screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menu {
    /// Its rows from top to bottom, descriptions and hints included.
    pub rows: Vec<MenuRow>,
}

impl Menu {
    /// Whether nothing is drawn.
    pub fn is_closed(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a row has `name` as one of its words.
    pub fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The place of the first row that has `name` as one of its words or, if it has blanks, as its text.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.rows.iter().position(|row| has_word(&row.text, name))
    }

    /// The text of the selected row: the one in reverse video.
    pub fn selected(&self) -> Option<&str> {
        self.rows.iter().find(|row| row.style.is_inverse()).map(|row| row.text.as_str())
    }

    /// Whether the row called `name` is selected.
    pub fn selects(&self, name: &str) -> bool {
        self.selected().is_some_and(|text| has_word(text, name))
    }
}

/// Whether `name` stands in `text` between blanks or at its ends; a comma may follow, then another name.
fn has_word(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        let after =
            text[at + name.len()..].chars().next().is_none_or(|next| next.is_whitespace() || next == ',');
        before && after
    })
}

/// The menu on `screen`; closed when there is none.
pub fn menu(screen: &Screen) -> Menu {
    Menu { rows: (0..screen.size().0).filter_map(|row| menu_row(screen, row)).collect() }
}

/// Every cell of the menu with its place and its look: two menus are alike when these are.
pub fn menu_cells(screen: &Screen) -> Vec<(u16, u16, Cell)> {
    let places = (0..screen.size().0).flat_map(|row| (0..screen.size().1).map(move |column| (row, column)));
    places
        .map(|(row, column)| (row, column, screen.cell(row, column)))
        .filter(|(_, _, cell)| cell.style.is_filled())
        .collect()
}

/// The part of a row that has a background.
fn menu_row(screen: &Screen, row: u16) -> Option<MenuRow> {
    let cells = screen.cells(row);
    let first = cells.iter().position(|cell| cell.style.is_filled())?;
    let last = cells.iter().rposition(|cell| cell.style.is_filled())?;
    let area = &cells[first..=last];
    Some(MenuRow {
        row,
        column: first as u16,
        text: text_of(area).trim().to_owned(),
        style: look(area),
        width: area.len() as u16,
    })
}

/// The look of a row as a whole: that of its first blank cell or, without any, of its first cell.
fn look(area: &[Cell]) -> Style {
    area.iter().find(|cell| cell.text == " ").unwrap_or(&area[0]).style
}

/// The ghost text on `screen`: from the cursor on, as far as cells have a look of their own but no background.
pub fn ghost(screen: &Screen) -> String {
    let (row, column) = screen.cursor();
    let cells = screen.cells(row);
    let is_ghost = |cell: &&Cell| cell.style.is_styled() && !cell.style.is_filled();
    cells[usize::from(column)..].iter().take_while(is_ghost).map(|cell| cell.text.as_str()).collect()
}

/// Whether anything on `screen` has a look of its own.
pub fn has_styled_cells(screen: &Screen) -> bool {
    (0..screen.size().0).any(|row| screen.cells(row).iter().any(|cell| cell.style.is_styled()))
}
