//! The ghost text: how much of it fits after the cursor.
//!
//! It stays on the row of the cursor, covers only blank cells and never the last column: from there the cursor could
//! not be brought back exactly.

use super::{Canvas, Style, cells, text};

/// The part of the text that can be shown. Of several lines the first, with a mark that there is more.
pub(super) fn clip(ghost: &str, canvas: &impl Canvas, style: &Style) -> Option<String> {
    let room = room(canvas);
    let (first, more) = match ghost.split_once('\n') {
        Some((first, _)) => (first, true),
        None => (ghost, false),
    };
    let mut glyphs = text::glyphs(first, style.is_ascii());
    if more {
        glyphs.push(text::mark(style.ellipsis()));
    }
    let shown: String = text::clip(glyphs, room).into_iter().map(|glyph| glyph.text).collect();
    (!shown.is_empty()).then_some(shown)
}

/// Columns for it: up to the last one, and one less than up to what stands there.
fn room(canvas: &impl Canvas) -> usize {
    let (_, cols) = canvas.size();
    let cursor = canvas.cursor();
    if cursor.pending_wrap || !canvas.row_known(cursor.row) {
        return 0;
    }
    let taken = (cursor.col..cols).find(|&col| !cells::is_blank(canvas.cell(cursor.row, col)));
    let free = taken.map_or(cols, |col| col.max(1) - 1);
    free.min(cols - 1).saturating_sub(cursor.col)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Screen;

    fn clipped(bytes: &str, ghost: &str) -> Option<String> {
        let mut screen = Screen::new(5, 20);
        screen.place(0, 0);
        screen.feed(bytes.as_bytes());
        clip(
            ghost,
            &screen,
            &Style::from_env(|name| (name != "NO_COLOR").then(|| "xterm-256color.UTF-8".into())),
        )
    }

    #[test]
    fn it_ends_before_the_last_column_and_before_other_text() {
        for (bytes, ghost, shown) in [
            ("$ git ch", "eckout", Some("eckout")),
            ("$ git ch", "eckout --force", Some("eckout --fo")),
            ("$ git ch\x1b[1;18Hab\x1b[1;9H", "eckout --force", Some("eckout -")),
            ("$ git ch\x1b[1;10Hx\x1b[1;9H", "eckout", None),
            ("12345678901234567890", "x", None),
            ("1234567890123456789", "x", None),
            ("$ ", "for i in a\ndo x", Some("for i in a…")),
            ("$ git ch", "a\u{1b}b", Some("a^[b")),
            ("$ git chxxxxx", "日本語日本語", Some("日本語")),
            ("$ git ch\x1b[44m\x1b[K", "eckout", None),
        ] {
            assert_eq!(clipped(bytes, ghost).as_deref(), shown, "{bytes:?}");
        }
    }
}
