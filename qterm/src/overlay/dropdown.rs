//! The rows of the dropdown, as text with roles: candidates, the hint of an argument, the description.
//!
//! Knows nothing of where they are drawn. Columns are the same for all candidates of an answer, whichever are visible,
//! so that nothing jumps while the selection moves.

use std::ops::Range;

use protocol::{Answer, ArgumentHint, Candidate};

use super::{
    style::{Role, Style},
    text::{self, Glyph},
};

/// Most rows, the description included: more is slower to read than to type on.
const MAX_ROWS: usize = 10;

/// Most rows of description.
const MAX_FOOTER: usize = 2;

/// Fewest candidates visible beside a description: with fewer the description gives way.
const MIN_LIST: usize = 3;

/// Widest dropdown, in columns.
const MAX_WIDTH: usize = 60;

/// Widest dropdown in tenths of the terminal: a terminal that is made narrower step by step must not wrap it.
const MAX_WIDTH_TENTHS: usize = 7;

/// Narrowest dropdown, in columns: short lists still look like one.
const MIN_WIDTH: usize = 12;

/// The width that descriptions may ask for, in columns.
const FOOTER_WIDTH: usize = 46;

/// Candidates whose width is looked at: enough for every list that a user scrolls through.
const MEASURED: usize = 200;

/// The column of the names in a row: an edge, the icon and a blank come before.
pub(super) const NAME_COLUMN: usize = 3;

/// How large the dropdown wants to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Its columns.
    pub(super) width: usize,
    /// Rows of candidates, or one for a hint.
    pub(super) list: usize,
    /// Rows of description.
    footer: usize,
}

impl Shape {
    /// All rows.
    pub(super) fn rows(&self) -> usize {
        self.list + self.footer
    }

    /// The shape in fewer rows. The description gives way before the list does.
    pub(super) fn fit(&self, rows: usize) -> Shape {
        let least = MIN_LIST.min(self.list);
        let footer = self.footer.min(rows.saturating_sub(least));
        Shape { width: self.width, list: self.list.min(rows - footer), footer }
    }
}

/// A row: pieces of text with what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// It is the selected one.
    pub(super) selected: bool,
    /// From left to right.
    pub(super) pieces: Vec<(Role, Glyph)>,
}

impl Line {
    fn new(selected: bool) -> Line {
        Line { selected, pieces: Vec::new() }
    }

    fn push(&mut self, role: Role, glyphs: impl IntoIterator<Item = Glyph>) {
        self.pieces.extend(glyphs.into_iter().map(|glyph| (role, glyph)));
    }

    fn mark(&mut self, role: Role, c: char) {
        self.push(role, [text::mark(c)]);
    }

    /// Its columns.
    pub(super) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, glyph)| glyph.width).sum()
    }

    /// Blanks up to a column.
    fn pad(&mut self, role: Role, to: usize) {
        for _ in self.width()..to {
            self.mark(role, ' ');
        }
    }

    /// Its text, for tests and logs.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, glyph)| glyph.text.as_str()).collect()
    }
}

/// The shape for an answer on a terminal of so many columns; `None` when there is nothing to show.
pub(super) fn measure(answer: &Answer, cols: usize, style: &Style) -> Option<Shape> {
    let list = answer.candidates.len().max(usize::from(hint_name(answer).is_some()));
    if list == 0 {
        return None;
    }
    let max = MAX_WIDTH.min(cols * MAX_WIDTH_TENTHS / 10);
    let names = answer.candidates.iter().take(MEASURED).map(|row| row_width(row, style));
    let hint = hint_name(answer).map_or(0, |name| NAME_COLUMN + glyph_width(&name, style) + 1);
    let description = descriptions(answer).map(|text| glyph_width(text, style) + 2).max().unwrap_or(0);
    let wanted = names.max().unwrap_or(hint).max(description.min(FOOTER_WIDTH));
    let width = wanted.clamp(MIN_WIDTH.min(max), max);
    let footer = if description == 0 { 0 } else { description.div_ceil(width).min(MAX_FOOTER) };
    Some(Shape { width, list: list.min(MAX_ROWS - footer), footer })
}

/// Which candidates are visible. The window moves only as far as the selected row needs.
pub(super) fn window(page: usize, total: usize, selected: Option<usize>, first: usize) -> Range<usize> {
    let page = page.min(total);
    let Some(selected) = selected.filter(|&row| row < total) else { return 0..page };
    let first = first.clamp((selected + 1).saturating_sub(page), selected).min(total - page);
    first..first + page
}

/// The rows, each as wide as the shape.
pub(super) fn lines(
    answer: &Answer,
    selected: Option<usize>,
    window: Range<usize>,
    shape: &Shape,
    style: &Style,
) -> Vec<Line> {
    let thumb = thumb(&window, answer.candidates.len());
    let rows =
        window.clone().zip(&answer.candidates[window.clone()]).enumerate().map(|(at, (index, candidate))| {
            let mut line = candidate_line(candidate, selected == Some(index), shape.width - 1, style);
            close(&mut line, thumb.contains(&at), style);
            line
        });
    let mut lines: Vec<Line> = rows.collect();
    if let (true, Some(name)) = (lines.is_empty(), hint_name(answer)) {
        lines.push(hint_line(&name, shape.width, style));
    }
    lines.extend(footer(answer, selected, shape, style));
    lines
}

/// A candidate without its right edge.
fn candidate_line(candidate: &Candidate, selected: bool, width: usize, style: &Style) -> Line {
    let mut line = Line::new(selected);
    line.mark(Role::Body, if selected { style.marker() } else { style.edge() });
    match candidate.dangerous {
        true => line.mark(Role::Danger, '!'),
        false => line.mark(Role::Hint, style.icon(candidate.kind)),
    }
    line.mark(Role::Body, ' ');
    let name = text::glyphs(display(candidate), style.is_ascii());
    for glyph in text::cut_middle(name, width - NAME_COLUMN, style.ellipsis()) {
        let role = if is_match(&glyph, &candidate.matches) { Role::Match } else { Role::Body };
        line.push(role, [glyph]);
    }
    let room = width - line.width();
    if !candidate.hint.is_empty() && room > 2 {
        line.mark(Role::Hint, ' ');
        let hint = text::glyphs(&candidate.hint, style.is_ascii());
        line.push(Role::Hint, text::cut_end(hint, room - 1, style.ellipsis()));
    }
    line.pad(Role::Body, width);
    line
}

/// What the argument is called, when there is nothing to choose from.
fn hint_line(name: &str, width: usize, style: &Style) -> Line {
    let mut line = Line::new(false);
    line.mark(Role::Body, style.edge());
    line.mark(Role::Hint, '=');
    line.mark(Role::Body, ' ');
    let name = text::glyphs(name, style.is_ascii());
    line.push(Role::Hint, text::cut_middle(name, width - NAME_COLUMN - 1, style.ellipsis()));
    line.pad(Role::Body, width - 1);
    close(&mut line, false, style);
    line
}

/// The right edge.
fn close(line: &mut Line, thumb: bool, style: &Style) {
    match thumb {
        true => line.mark(Role::Thumb, style.thumb()),
        false => line.mark(Role::Body, style.edge()),
    }
}

/// The description of the selected row, or of the first.
fn footer(answer: &Answer, selected: Option<usize>, shape: &Shape, style: &Style) -> Vec<Line> {
    let text = match answer.candidates.get(selected.unwrap_or(0)) {
        Some(candidate) => candidate.description.as_deref(),
        None => answer.argument.as_ref().and_then(|argument| argument.description.as_deref()),
    };
    let (text, room) = (text.unwrap_or_default(), shape.width - 2);
    let mut texts = text::wrap(text, room, shape.footer, style.is_ascii(), style.ellipsis()).into_iter();
    (0..shape.footer)
        .map(|_| {
            let mut line = Line::new(false);
            line.mark(Role::Footer, style.edge());
            line.push(Role::Footer, texts.next().unwrap_or_default());
            line.pad(Role::Footer, shape.width - 1);
            line.mark(Role::Footer, style.edge());
            line
        })
        .collect()
}

/// The rows of the window in which the edge is thick: where in the list they are. Empty when all are visible.
fn thumb(window: &Range<usize>, total: usize) -> Range<usize> {
    let page = window.len();
    if page >= total {
        return 0..0;
    }
    let size = (page * page / total).max(1);
    let top = window.start * (page - size) / (total - page);
    top..top + size
}

/// The texts that the footer may have to show.
fn descriptions(answer: &Answer) -> impl Iterator<Item = &str> {
    let argument = answer.argument.as_ref().filter(|_| answer.candidates.is_empty());
    let hint = argument.and_then(|argument| argument.description.as_deref());
    let rows = answer.candidates.iter().take(MEASURED).filter_map(|row| row.description.as_deref());
    rows.chain(hint).filter(|text| !text.trim().is_empty())
}

fn row_width(candidate: &Candidate, style: &Style) -> usize {
    let hint = glyph_width(&candidate.hint, style);
    let hint = if hint == 0 { 0 } else { hint + 1 };
    NAME_COLUMN + glyph_width(display(candidate), style) + hint + 1
}

fn glyph_width(text: &str, style: &Style) -> usize {
    text::width(text, style.is_ascii())
}

fn display(candidate: &Candidate) -> &str {
    if candidate.display.is_empty() { &candidate.name } else { &candidate.display }
}

fn is_match(glyph: &Glyph, matches: &[(u32, u32)]) -> bool {
    let bytes = &glyph.bytes;
    matches.iter().any(|&(start, end)| bytes.start < end as usize && (start as usize) < bytes.end)
}

/// The name of the argument as hints are written: `<branch>`, `[branch]`, `<file>…`.
fn hint_name(answer: &Answer) -> Option<String> {
    let ArgumentHint { name, optional, variadic, .. } = answer.argument.as_ref()?;
    if name.is_empty() {
        return None;
    }
    let more = if *variadic { "..." } else { "" };
    Some(if *optional { format!("[{name}]{more}") } else { format!("<{name}>{more}") })
}

#[cfg(test)]
mod tests {
    use protocol::Kind;

    use super::*;

    fn style() -> Style {
        Style::from_env(|name| match name {
            "TERM" => Some("xterm-256color".into()),
            "LANG" => Some("C.UTF-8".into()),
            _ => None,
        })
    }

    fn candidate(name: &str, description: &str) -> Candidate {
        let description = (!description.is_empty()).then(|| description.to_owned());
        Candidate { display: name.into(), kind: Kind::Subcommand, description, ..Candidate::default() }
    }

    fn answer(names: &[&str]) -> Answer {
        Answer { candidates: names.iter().map(|name| candidate(name, "")).collect(), ..Answer::default() }
    }

    fn draw(answer: &Answer, selected: Option<usize>, cols: usize) -> Vec<String> {
        let style = style();
        let shape = measure(answer, cols, &style).unwrap();
        let window = window(shape.list, answer.candidates.len(), selected, 0);
        lines(answer, selected, window, &shape, &style).iter().map(Line::text).collect()
    }

    #[test]
    fn a_list_is_aligned_and_marked() {
        let mut answer = answer(&["checkout", "clean"]);
        answer.candidates[0].hint = "[branch]".into();
        answer.candidates[1].dangerous = true;
        assert_eq!(draw(&answer, None, 80), [" ▸ checkout [branch] ", " ! clean             "]);
        assert_eq!(draw(&answer, Some(1), 80)[1], ">! clean             ");
    }

    #[test]
    fn the_description_is_that_of_the_selected_row_and_keeps_its_room() {
        let mut answer = answer(&["a", "b"]);
        answer.candidates[0].description = Some("one".into());
        answer.candidates[1].description = Some("the second of two rows".into());
        assert_eq!(draw(&answer, None, 80)[2].trim(), "one");
        assert_eq!(draw(&answer, Some(1), 80)[2].trim(), "the second of two rows");
        assert_eq!(draw(&answer, None, 80).len(), draw(&answer, Some(1), 80).len());
    }

    #[test]
    fn every_row_is_as_wide_as_the_shape_on_every_terminal() {
        let long = "日本語".repeat(20);
        let mut answer = answer(&["x", &long, "a\u{202e}b\nc"]);
        answer.candidates[0].hint = "<file>…".repeat(9);
        answer.candidates[1].description = Some(long.clone());
        for cols in 20..200 {
            let shape = measure(&answer, cols, &style()).unwrap();
            assert!(shape.width <= cols * 7 / 10 && shape.width <= MAX_WIDTH);
            for line in lines(&answer, Some(1), 0..3, &shape, &style()) {
                assert_eq!(line.width(), shape.width, "{:?} on {cols}", line.text());
            }
        }
    }

    #[test]
    fn the_window_moves_only_when_it_must() {
        for (page, total, selected, first, seen) in [
            (3, 9, None, 5, 0..3),
            (3, 9, Some(2), 0, 0..3),
            (3, 9, Some(3), 0, 1..4),
            (3, 9, Some(2), 1, 1..4),
            (3, 9, Some(0), 1, 0..3),
            (3, 9, Some(8), 0, 6..9),
            (3, 2, Some(1), 7, 0..2),
            (3, 0, None, 0, 0..0),
            (3, 0, Some(4), 2, 0..0),
            (3, 9, Some(9), 2, 0..3),
        ] {
            assert_eq!(window(page, total, selected, first), seen, "{selected:?} from {first}");
        }
    }

    #[test]
    fn the_thumb_goes_from_top_to_bottom() {
        assert_eq!(thumb(&(0..5), 5), 0..0);
        assert_eq!(thumb(&(0..5), 50), 0..1);
        assert_eq!(thumb(&(45..50), 50), 4..5);
    }

    #[test]
    fn matched_characters_have_their_role() {
        let mut answer = answer(&["checkout"]);
        answer.candidates[0].matches = vec![(0, 3)];
        let shape = measure(&answer, 80, &style()).unwrap();
        let line = lines(&answer, None, 0..1, &shape, &style()).remove(0);
        let matched: String =
            line.pieces.iter().filter(|(role, _)| *role == Role::Match).map(|(_, g)| &*g.text).collect();
        assert_eq!(matched, "che");
    }

    #[test]
    fn an_argument_without_candidates_is_hinted() {
        let argument = ArgumentHint {
            name: "branch".into(),
            description: Some("to switch to".into()),
            ..Default::default()
        };
        let mut answer = Answer { argument: Some(argument), ..Answer::default() };
        assert_eq!(draw(&answer, None, 80), [" = <branch>   ", " to switch to "]);
        answer.argument = None;
        assert_eq!(measure(&answer, 80, &style()), None);
    }

    #[test]
    fn little_room_costs_the_description_first() {
        let shape = Shape { width: 20, list: 8, footer: 2 };
        assert_eq!((shape.fit(6).list, shape.fit(6).footer), (4, 2));
        assert_eq!((shape.fit(4).list, shape.fit(4).footer), (3, 1));
        assert_eq!((shape.fit(3).list, shape.fit(3).footer), (3, 0));
    }
}
