//! The model of a terminal: bytes in, a screen and the answers of a terminal out.

use std::num::NonZeroU16;

use portable_pty::PtySize;

use crate::screen::Screen;

/// Rows that the model keeps after they left the screen.
const SCROLLBACK: usize = 200;

/// Rows and columns of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

impl Default for Size {
    fn default() -> Size {
        Size { rows: 24, columns: 80 }
    }
}

impl Size {
    /// As the kernel is told.
    pub fn on_pty(self) -> PtySize {
        PtySize { rows: self.rows, cols: self.columns, pixel_width: 0, pixel_height: 0 }
    }

    fn in_model(self) -> (NonZeroU16, NonZeroU16) {
        let positive = |count| NonZeroU16::new(count).expect("a terminal has rows and columns");
        (positive(self.rows), positive(self.columns))
    }
}

/// A terminal without a program.
pub struct Model {
    parser: vt100::Parser<Answers>,
}

impl Model {
    /// An empty terminal.
    pub fn new(size: Size) -> Model {
        let (rows, columns) = size.in_model();
        Model { parser: vt100::Parser::new_with_callbacks(rows, columns, SCROLLBACK, Answers::default()) }
    }

    /// Shows output; what the terminal answers to the questions in it.
    pub fn feed(&mut self, output: &[u8]) -> Vec<u8> {
        self.parser.process(output);
        std::mem::take(&mut self.parser.callbacks_mut().bytes)
    }

    /// Changes the size.
    pub fn resize(&mut self, size: Size) {
        let (rows, columns) = size.in_model();
        self.parser.set_size(rows, columns);
    }

    /// What is shown now.
    pub fn screen(&self) -> Screen {
        Screen::of(self.parser.screen())
    }

    /// Whether cursor keys are to be sent as `ESC O`.
    pub fn sends_application_keys(&self) -> bool {
        self.parser.screen().application_cursor()
    }
}

/// What a terminal answers to the questions in its output.
#[derive(Default)]
struct Answers {
    bytes: Vec<u8>,
}

impl vt100::Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        second: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        let number = params.first().and_then(|param| param.first()).copied().unwrap_or(0);
        let answer = match (first, second, last, number) {
            (None, None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                format!("\x1b[{};{}R", row + 1, column.min(screen.size().1.get() - 1) + 1)
            }
            (None, None, 'n', 5) => "\x1b[0n".to_owned(),
            (None, None, 'c', 0) => "\x1b[?62;22c".to_owned(),
            (Some(b'>'), None, 'c', 0) => "\x1b[>1;10;0c".to_owned(),
            (Some(b'?'), Some(b'$'), 'p', mode) => format!("\x1b[?{mode};0$y"),
            _ => return,
        };
        self.bytes.extend_from_slice(answer.as_bytes());
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, params: &[&[u8]]) {
        let answer: &[u8] = match params {
            [b"10", b"?"] => b"\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\",
            [b"11", b"?"] => b"\x1b]11;rgb:1010/1010/1010\x1b\\",
            _ => return,
        };
        self.bytes.extend_from_slice(answer);
    }
}
