//! The overlay against two terminals of different make: whatever was on the screen, after the dropdown and the ghost text
//! have come and gone it is the same as if they had never been there, and meanwhile nothing else has changed.

use std::num::NonZeroU16;

use alacritty_terminal::{
    event::VoidListener,
    grid::Dimensions,
    index::{Column, Line},
    term::{
        Config, Term,
        cell::{Cell, Flags},
    },
    vte::ansi::{Color, NamedColor, Processor},
};
use proptest::prelude::*;
use protocol::{Answer, Candidate, Kind};
use qterm::{
    overlay::{self, Canvas, Painted, Place, Style, Want},
    screen::Screen,
};

/// Rows of history that the terminals keep: enough to notice any scrolling.
const HISTORY: usize = 200;

/// Before erasing: one of the terminals keeps underlines and reverse video in erased cells, which real ones do not.
const ERASE_LOOK: &str = "\x1b[24;27m";

/// The size of a terminal.
#[derive(Clone, Copy, Debug)]
struct Size {
    rows: usize,
    cols: usize,
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

/// What can be seen of a terminal, and what would become of the next character.
#[derive(Clone, Debug, PartialEq, Eq)]
struct View {
    rows: Vec<Vec<String>>,
    wrapped: Vec<bool>,
    cursor: String,
    history: usize,
}

impl View {
    /// Fails with the first thing that differs.
    fn must_equal(&self, other: &View) -> Result<(), TestCaseError> {
        prop_assert_eq!(&self.cursor, &other.cursor);
        prop_assert_eq!(self.history, other.history);
        prop_assert_eq!(&self.wrapped, &other.wrapped);
        for (row, (cells, others)) in self.rows.iter().zip(&other.rows).enumerate() {
            for (col, (cell, other)) in cells.iter().zip(others).enumerate() {
                prop_assert_eq!(cell, other, "row {} column {}", row, col);
            }
        }
        Ok(())
    }
}

/// One of the two terminals.
enum Terminal {
    Grid(Box<(Term<VoidListener>, Processor)>),
    Vt100(Box<vt100::Parser>),
}

impl Terminal {
    fn grid(size: Size) -> Terminal {
        let config = Config { scrolling_history: HISTORY, ..Config::default() };
        Terminal::Grid(Box::new((Term::new(config, &size, VoidListener), Processor::new())))
    }

    fn vt100(size: Size) -> Terminal {
        let length = |length: usize| NonZeroU16::new(length as u16).expect("not empty");
        Terminal::Vt100(Box::new(vt100::Parser::new(length(size.rows), length(size.cols), HISTORY)))
    }

    fn write(&mut self, bytes: &[u8]) {
        match self {
            Terminal::Grid(grid) => {
                let (term, parser) = &mut **grid;
                parser.advance(term, bytes);
            }
            Terminal::Vt100(parser) => parser.process(bytes),
        }
    }

    fn view(&self) -> View {
        match self {
            Terminal::Grid(grid) => view_grid(&grid.0),
            Terminal::Vt100(parser) => view_vt100(parser.screen()),
        }
    }
}

fn view_grid(term: &Term<VoidListener>) -> View {
    let (rows, cols) = (term.screen_lines(), term.columns());
    let cell = |row: usize, col: usize| &term.grid()[Line(row as i32)][Column(col)];
    let wide = |row: usize, col: usize| cell(row, col).flags.contains(Flags::WIDE_CHAR);
    let spacer = |row: usize, col: usize| cell(row, col).flags.contains(Flags::WIDE_CHAR_SPACER);
    // Erasing half of a wide character leaves the other half in this grid, which then shows nothing.
    let is_torn = |row: usize, col: usize| {
        (wide(row, col) && (col + 1 == cols || !spacer(row, col + 1)))
            || (spacer(row, col) && (col == 0 || !wide(row, col - 1)))
    };
    let seen = |row: usize, col: usize| match is_torn(row, col) {
        true => look(&Cell {
            c: ' ',
            flags: cell(row, col).flags - Flags::WIDE_CHAR - Flags::WIDE_CHAR_SPACER,
            ..cell(row, col).clone()
        }),
        false => look(cell(row, col)),
    };
    let cursor = &term.grid().cursor;
    View {
        rows: (0..rows).map(|row| (0..cols).map(|col| seen(row, col)).collect()).collect(),
        wrapped: (0..rows).map(|row| cell(row, cols - 1).flags.contains(Flags::WRAPLINE)).collect(),
        cursor: format!(
            "{:?} {} {:?} {:?}",
            cursor.point,
            cursor.input_needs_wrap,
            cursor.template,
            term.mode()
        ),
        history: term.history_size(),
    }
}

/// What is seen of a cell: of a blank one little.
fn look(cell: &Cell) -> String {
    let visible = Flags::all() - Flags::BOLD_ITALIC - Flags::DIM - Flags::HIDDEN;
    let is_bare = cell.c == ' ' && cell.extra.is_none() && !cell.flags.intersects(visible);
    match is_bare && cell.bg == Color::Named(NamedColor::Background) {
        true => " ".into(),
        false => format!("{cell:?}"),
    }
}

fn view_vt100(screen: &vt100::Screen) -> View {
    let (rows, cols) = screen.size();
    let (rows, cols) = (rows.get(), cols.get());
    let look = |row: u16, col: u16| {
        let cell = screen.cell(row, col).expect("on the screen");
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let is_bare = text == " " && !cell.inverse() && !cell.underline() && !cell.is_wide_continuation();
        match is_bare {
            true => format!("{:?}", cell.bgcolor()),
            false => format!(
                "{text} {} {:?} {:?} {} {} {} {} {}",
                cell.is_wide(),
                cell.fgcolor(),
                cell.bgcolor(),
                cell.bold(),
                cell.dim(),
                cell.italic(),
                cell.underline(),
                cell.inverse()
            ),
        }
    };
    let mut with_history = screen.clone();
    with_history.set_scrollback(usize::MAX);
    View {
        rows: (0..rows).map(|row| (0..cols).map(|col| look(row, col)).collect()).collect(),
        wrapped: (0..rows).map(|row| screen.row_wrapped(row)).collect(),
        cursor: format!(
            "{:?} {:?} {}",
            screen.cursor_position(),
            screen.attributes_formatted(),
            screen.hide_cursor()
        ),
        history: with_history.scrollback(),
    }
}

/// A terminal with the overlay, the same without, and the model between.
struct Bench {
    size: Size,
    model: Screen,
    with: Terminal,
    without: Terminal,
    painted: Painted,
    style: Style,
    place: Option<Place>,
}

impl Bench {
    fn new(make: fn(Size) -> Terminal, size: Size, style: Style) -> Bench {
        let mut model = Screen::new(size.rows, size.cols);
        model.place(0, 0);
        Bench {
            size,
            model,
            with: make(size),
            without: make(size),
            painted: Painted::default(),
            style,
            place: None,
        }
    }

    /// The child prints; `prefix` is what makes way for it.
    fn child(&mut self, prefix: &[u8], bytes: &[u8]) {
        self.with.write(&[prefix, bytes].concat());
        self.without.write(bytes);
        self.model.feed(bytes);
    }

    fn show(&mut self, want: &Want) {
        let frame = overlay::frame(want, &self.model, &self.painted, &self.style);
        self.place = frame.menu.as_ref().map(|menu| menu.place);
        let bytes = overlay::show(&self.model, &frame, &mut self.painted, &self.style);
        self.with.write(&bytes);
    }

    fn hide(&mut self) {
        let bytes = overlay::hide(&self.model, &mut self.painted);
        self.with.write(&bytes);
        self.place = None;
    }

    /// Everything but the dropdown and the row of the cursor is as it would be, and so is the cursor.
    fn check_open(&self) -> Result<(), TestCaseError> {
        let (with, without) = (self.with.view(), self.without.view());
        prop_assert_eq!(&with.cursor, &without.cursor);
        prop_assert_eq!(with.history, without.history);
        let cursor = self.model.cursor();
        for row in 0..self.size.rows {
            for col in 0..self.size.cols {
                if self.is_ours(row, col)
                    || (row == cursor.row && col >= cursor.col && self.painted.has_ghost())
                {
                    continue;
                }
                prop_assert_eq!(&with.rows[row][col], &without.rows[row][col], "row {} column {}", row, col);
            }
        }
        Ok(())
    }

    /// Whether the model and the terminal without the overlay show the same text on the same backgrounds. Where they
    /// disagree about what the child printed, no overlay can know what to put back.
    fn model_agrees(&self) -> bool {
        let Terminal::Vt100(parser) = &self.without else { return true };
        let screen = parser.screen();
        (0..self.size.rows).all(|row| {
            (0..self.size.cols).all(|col| {
                let seen = screen.cell(row as u16, col as u16).expect("on the screen");
                let cell = self.model.cell(row, col);
                let text = seen.contents().chars().next().unwrap_or(' ');
                background(cell.bg) == seen.bgcolor() && cell.c == text
            })
        })
    }

    /// The dropdown, and one column beside it where a wide character may have been cut.
    fn is_ours(&self, row: usize, col: usize) -> bool {
        self.place.is_some_and(|place| {
            (place.top..place.top + place.rows).contains(&row)
                && (place.left.saturating_sub(1)..place.left + place.width + 1).contains(&col)
        })
    }

    /// Everything is as it would be, and stays so whatever is printed next.
    fn check_closed(&mut self) -> Result<(), TestCaseError> {
        prop_assert!(!self.painted.is_shown());
        self.with.view().must_equal(&self.without.view())?;
        self.child(b"", "Z\u{301}日q".as_bytes());
        self.with.view().must_equal(&self.without.view())?;
        self.child(b"", b"\r\n\n\nend");
        self.with.view().must_equal(&self.without.view())?;
        Ok(())
    }
}

fn background(color: Color) -> vt100::Color {
    match color {
        Color::Named(named) if (named as usize) < 16 => vt100::Color::Idx(named as u8),
        Color::Named(_) => vt100::Color::Default,
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Spec(rgb) => vt100::Color::Rgb(rgb.r, rgb.g, rgb.b),
    }
}

fn style(name: &str) -> Style {
    let (term, lang) = match name {
        "plain" => ("vt220", "C"),
        "few" => ("xterm", "C.UTF-8"),
        _ => ("xterm-256color", "C.UTF-8"),
    };
    Style::from_env(|variable| match variable {
        "TERM" => Some(term.into()),
        "LANG" => Some(lang.into()),
        _ => None,
    })
}

/// Something that a program prints. `strict` leaves out what the model and the second terminal disagree about, which no
/// overlay can heal: how much of the pen rows that scroll in take, and what erasing half of a wide character leaves.
fn output(size: Size, strict: bool) -> impl Strategy<Value = String> {
    let text =
        prop_oneof!["[a-z ]{1,30}", "[a-z]{20,90}", "[日本語한글a ]{1,40}", "(e\u{301}|日|x| ){1,20}",];
    let parameter = prop_oneof![
        Just("0"),
        // One of the terminals knows only one of bold and dim at a time.
        Just("22;1"),
        Just("22;2"),
        Just("3"),
        Just("4"),
        Just("7"),
        Just("27"),
        Just("31"),
        Just("97"),
        Just("44"),
        Just("49"),
        Just("38;5;200"),
        Just("48;5;17"),
        Just("38;2;1;2;3"),
        Just("48;2;9;8;7"),
        Just("39"),
    ];
    let look = parameter.prop_map(move |parameter| match parameter.starts_with(['4', '7']) {
        true if strict => {
            format!("\x1b[2;3H\x1b[{parameter}mpatch{ERASE_LOOK}\x1b[K\x1b[49m\x1b[{};1H", size.rows)
        }
        _ => format!("\x1b[{parameter}m"),
    });
    let place = (1..=size.rows, 1..=size.cols).prop_map(|(row, col)| format!("\x1b[{row};{col}H"));
    let erase =
        (1..=size.rows, 1..size.cols, prop_oneof![Just("K"), Just("1K"), Just("2K"), Just("J"), Just("5X")])
            .prop_map(|(row, col, what)| format!("\x1b[{row};{col}H{ERASE_LOOK}\x1b[{what}"));
    prop_oneof![4 => text, 3 => look, 3 => Just("\r\n".to_owned()), 1 => place, 1 => erase]
}

/// What a line editor prints on its row.
fn echo() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("x".to_owned()),
        Just("\x08".to_owned()),
        Just("\x08 \x08".to_owned()),
        Just(format!("{ERASE_LOOK}\x1b[K"))
    ]
}

/// A candidate: name, description, hint.
type Row = (String, Option<String>, String);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let name = prop_oneof!["[a-z-]{1,20}", "[a-z]{30,80}", "[日本語é⚠👍a]{1,30}"];
    proptest::collection::vec((name, proptest::option::of("[a-z ]{0,90}"), "(<file>)?"), 0..15)
}

fn answer(rows: &[Row]) -> Answer {
    let kinds = [Kind::Subcommand, Kind::History, Kind::Folder, Kind::Option];
    let row = |(index, (name, description, hint)): (usize, &Row)| Candidate {
        name: name.clone(),
        display: name.clone(),
        kind: kinds[index % kinds.len()],
        description: description.clone(),
        hint: hint.clone(),
        dangerous: index % 3 == 2,
        matches: vec![(0, 2)],
        ..Candidate::default()
    };
    Answer { candidates: rows.iter().enumerate().map(row).collect(), ..Answer::default() }
}

/// A step of the session.
#[derive(Clone, Debug)]
enum Step {
    Show { rows: Vec<Row>, selected: Option<usize>, ghost: Option<String>, column: usize },
    Move(usize),
    Ghost(String),
    Echo(String),
    Hide,
}

fn step() -> impl Strategy<Value = Step> {
    let ghost = prop_oneof!["[a-z ]{0,40}", "[日a]{1,10}"];
    let show = (rows(), proptest::option::of(0..15_usize), proptest::option::of(ghost.clone()), 0..80_usize);
    let show = show.prop_map(|(rows, selected, ghost, column)| Step::Show { rows, selected, ghost, column });
    prop_oneof![
        4 => show,
        3 => (0..15_usize).prop_map(Step::Move),
        2 => ghost.prop_map(Step::Ghost),
        2 => echo().prop_map(Step::Echo),
        1 => Just(Step::Hide),
    ]
}

/// A terminal, what was printed on it, how the line ends, and what happens then.
fn session(strict: bool) -> impl Strategy<Value = (Size, Vec<String>, String, Vec<Step>)> {
    (4..30_usize, 18..90_usize).prop_flat_map(move |(rows, cols)| {
        let size = Size { rows, cols };
        let fill = format!("\x1b[{}G日", cols - 1);
        let tail = prop_oneof![
            4 => Just("$ git ".to_owned()),
            1 => Just(format!("\x1b[0m\x1b[K$ {}", "l".repeat(cols - 2))),
            1 => Just(format!("{}\x1b[A", "m".repeat(cols + 3))),
            1 => Just(fill),
            1 => Just("$ a \x1b[7m".to_owned()),
            1 => Just("$ a \x1b[44mb\x1b[22;1m".to_owned()),
        ];
        let before = proptest::collection::vec(output(size, strict), 0..40);
        (Just(size), before, tail, proptest::collection::vec(step(), 1..8))
    })
}

fn run(
    make: fn(Size) -> Terminal,
    style: Style,
    case: &(Size, Vec<String>, String, Vec<Step>),
) -> Result<(), TestCaseError> {
    let (size, before, tail, steps) = case;
    let mut bench = Bench::new(make, *size, style);
    for bytes in before {
        bench.child(b"", bytes.as_bytes());
    }
    bench.child(b"", format!("\r\n{tail}").as_bytes());
    prop_assume!(bench.with.view() == bench.without.view() && bench.model_agrees());
    let mut last = Answer::default();
    for step in steps {
        match step {
            Step::Show { rows, selected, ghost, column } => {
                last = answer(rows);
                let selected = selected.filter(|&row| row < rows.len());
                bench.show(&Want { menu: Some((&last, selected)), ghost: ghost.as_deref(), column: *column });
            }
            Step::Move(row) => {
                let selected = Some(*row).filter(|&row| row < last.candidates.len());
                bench.show(&Want { menu: Some((&last, selected)), ghost: None, column: 4 });
            }
            Step::Ghost(text) => {
                let bytes = overlay::show_ghost(&bench.model, Some(text), &mut bench.painted, &bench.style);
                bench.with.write(&bytes);
            }
            Step::Echo(bytes) => {
                let cursor = bench.model.cursor();
                if cursor.pending_wrap || cursor.col + 2 >= size.cols || cursor.col == 0 {
                    continue;
                }
                let prefix = overlay::erase_ghost(&bench.model, &mut bench.painted);
                bench.child(&prefix, bytes.as_bytes());
                prop_assume!(bench.model_agrees());
            }
            Step::Hide => {
                bench.hide();
                bench.with.view().must_equal(&bench.without.view())?;
            }
        }
        bench.check_open()?;
    }
    bench.hide();
    bench.check_closed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_left_behind_on_a_grid(case in session(false), look in prop_oneof![Just("many"), Just("few"), Just("plain")]) {
        run(Terminal::grid, style(look), &case)?;
    }

    #[test]
    fn nothing_is_left_behind_on_a_vt100(case in session(true), look in prop_oneof![Just("many"), Just("plain")]) {
        run(Terminal::vt100, style(look), &case)?;
    }
}

fn answer_of(names: &[&str]) -> Answer {
    let row =
        |name: &&str| Candidate { display: name.to_string(), kind: Kind::Subcommand, ..Candidate::default() };
    Answer { candidates: names.iter().map(row).collect(), ..Answer::default() }
}

fn at_prompt(make: fn(Size) -> Terminal, bytes: &str) -> Bench {
    let mut bench = Bench::new(make, Size { rows: 12, cols: 50 }, style("many"));
    bench.child(b"", bytes.as_bytes());
    bench
}

fn text(terminal: &Terminal) -> Vec<String> {
    let Terminal::Vt100(parser) = terminal else { panic!("only one of them tells its text") };
    parser.screen().contents().lines().map(str::to_owned).collect()
}

#[test]
fn names_stand_under_the_word_and_the_ghost_after_it() {
    let mut bench = at_prompt(Terminal::vt100, "$ git che");
    let answer = answer_of(&["checkout", "cherry", "cherry-pick"]);
    bench.show(&Want { menu: Some((&answer, Some(1))), ghost: Some("ckout"), column: 6 });
    let seen = text(&bench.with);
    assert_eq!(seen[0], "$ git checkout");
    assert_eq!(seen[1].trim_end(), "    ▸ checkout");
    assert_eq!(seen[2].trim_end(), "   >▸ cherry");
    assert_eq!(seen[3].trim_end(), "    ▸ cherry-pick");
    assert!(bench.painted.has_menu() && bench.painted.has_ghost());
    assert_eq!(bench.painted.page(), 3);
}

#[test]
fn moving_the_selection_paints_two_rows_only() {
    let mut bench = at_prompt(Terminal::vt100, "$ git ");
    let answer = answer_of(&["add", "branch", "clean", "diff", "exec"]);
    let frame = |bench: &Bench, selected| {
        let want = Want { menu: Some((&answer, selected)), ghost: None, column: 6 };
        overlay::frame(&want, &bench.model, &bench.painted, &bench.style)
    };
    let bytes = |bench: &mut Bench, selected| {
        let frame = frame(bench, selected);
        String::from_utf8(overlay::show(&bench.model, &frame, &mut bench.painted, &bench.style)).unwrap()
    };
    assert!(bytes(&mut bench, Some(1)).contains("exec"));
    let moved = bytes(&mut bench, Some(2));
    assert!(moved.contains("branch") && moved.contains("clean"), "{moved:?}");
    assert!(!moved.contains("add") && !moved.contains("diff"), "{moved:?}");
    assert_eq!(bytes(&mut bench, Some(2)), "", "nothing new, nothing written");
}

#[test]
fn a_dropdown_below_goes_with_one_erase() {
    let mut bench = at_prompt(Terminal::vt100, "$ git ");
    bench.show(&Want { menu: Some((&answer_of(&["add", "branch"]), None)), ghost: None, column: 6 });
    let bytes = overlay::hide(&bench.model, &mut bench.painted);
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "\x1b[?2026h\x1b[?25l\x1b[2;1H\x1b[J\x1b[1;7H\x1b[?25h\x1b[?2026l"
    );
}

#[test]
fn a_hidden_cursor_stays_hidden_and_a_link_open() {
    let mut bench = at_prompt(Terminal::grid, "\x1b[?25l\x1b]8;id=a;http://x/\x1b\\$ git ");
    bench.show(&Want { menu: Some((&answer_of(&["add", "branch"]), None)), ghost: Some("x"), column: 6 });
    bench.check_open().unwrap();
    bench.hide();
    bench.check_closed().unwrap();
}

#[test]
fn links_and_underlines_under_the_dropdown_come_back() {
    let line = "\x1b]8;id=a;http://x/\x1b\\\x1b[4:3;58:5:9mlinked text that is long\x1b]8;;\x1b\\ \x1b[0;4:5;9mrest\x1b[0m\r\n";
    let mut bench = at_prompt(Terminal::grid, &format!("{}$ git ", line.repeat(11)));
    bench.show(&Want { menu: Some((&answer_of(&["add", "branch", "clean"]), None)), ghost: None, column: 6 });
    assert!(bench.place.is_some_and(|place| place.top == 8));
    bench.hide();
    bench.check_closed().unwrap();
}

#[test]
fn the_dropdown_is_gone_before_the_shell_hears_of_another_size() {
    let mut bench = at_prompt(Terminal::vt100, "$ git ");
    bench.show(&Want { menu: Some((&answer_of(&["add", "branch"]), None)), ghost: Some("add"), column: 6 });
    let bytes = overlay::hide_for_resize(&bench.model, &mut bench.painted);
    bench.with.write(&bytes);
    bench.check_closed().unwrap();
}

#[test]
fn small_terminals_show_nothing() {
    for (rows, cols) in [(4, 80), (24, 19)] {
        let mut bench = Bench::new(Terminal::grid, Size { rows, cols }, style("many"));
        bench.show(&Want { menu: Some((&answer_of(&["add"]), None)), ghost: Some("add"), column: 0 });
        let bytes = overlay::show_ghost(&bench.model, Some("add"), &mut bench.painted, &bench.style);
        assert!(!bench.painted.is_shown() && bytes.is_empty());
    }
}
