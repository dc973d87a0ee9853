//! The child's output, split into what the terminal gets, what the model gets, and our own marks.
//!
//! Bytes come in as they are read, in any pieces. Marks of `shell/README.md` that carry this shell's secret are taken
//! out; every other byte goes to the terminal unchanged and in order. Long payloads (images, clipboards) go to the
//! terminal but not to the model, which has no bound of its own. Also knows whether the stream stands between escape
//! sequences, the only place where something may be drawn. Does no I/O.

use std::ops::Range;

use memchr::memmem::Finder;
use protocol::Shell;

/// Longest mark, in bytes: a hundred thousand characters of aliases are more than any shell has. Longer ones are dropped.
const MAX_MARK: usize = 512 << 10;

/// Longest string sequence (OSC, DCS, APC, PM, SOS) that the model is fed, in bytes; titles and links are shorter.
const MAX_MODEL_STRING: usize = 8 << 10;

/// A DCS or APC of at least this many bytes is taken for an image, which moves the cursor in ways the model misses.
const MIN_IMAGE: usize = 256;

/// Longest CSI whose parameters are looked at.
const MAX_CSI: usize = 32;

/// What a shell reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `H`: the hooks of this shell are set up.
    Hello {
        /// Which shell.
        shell: Shell,
        /// Its own version.
        version: String,
    },
    /// `W`: something of the session's world changed.
    World {
        /// `cwd`, `path`, `histfile`, `functions`, `keys`, `aliases` or another list of names that stand for something.
        name: String,
        /// The new value.
        text: String,
    },
    /// `D`: a prompt is about to be drawn; the last command line ended with this status.
    Done(i32),
    /// `B`: the line starts at the cursor.
    Begin,
    /// `L`: the line, exactly.
    Line {
        /// What is being edited.
        state: LineState,
        /// In characters.
        cursor: usize,
        /// The whole line.
        text: String,
    },
    /// `E`: nothing is being edited any more.
    End,
    /// `C`: a command line starts to run.
    Run,
}

/// What is being edited, as the shell says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineState {
    /// A command line.
    #[default]
    Main,
    /// A continuation line.
    Continuation,
    /// A history search.
    Search,
    /// A command line in vi's command mode.
    ViCommand,
    /// Something else that uses the line editor.
    Other,
}

/// One step of the output, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// For the terminal and for the model.
    Both(&'a [u8]),
    /// For the terminal only.
    TerminalOnly(&'a [u8]),
    /// For the model only: ends a string sequence that it does not get to see the end of.
    CancelModel,
    /// Something was shown whose size the model cannot know.
    Image,
    /// A mark, taken out.
    Mark(Mark),
}

/// Where the stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// After ESC, with its intermediates.
    Escape,
    /// In a control sequence.
    Csi,
    /// In an OSC, DCS, APC, PM or SOS; the byte that opened it.
    Text(u8),
    /// After ESC inside one.
    TextEscape(u8),
}

/// Splits the output; see the module.
#[derive(Debug)]
pub struct Tap {
    prefix: Vec<u8>,
    finder: Finder<'static>,
    /// How many bytes of the prefix of a mark have been seen and are held back.
    matched: usize,
    /// The body of a mark being collected.
    body: Option<Vec<u8>>,
    state: State,
    /// Length of the string sequence so far.
    text: usize,
    /// Parameters of the control sequence so far.
    csi: Vec<u8>,
    /// Continuation bytes of a UTF-8 character still to come.
    utf8: u8,
    /// The scroll region that was set, as its first and last row from 1; 0 where none was named.
    margins: (usize, usize),
}

impl Tap {
    /// A tap for marks with this secret. An empty secret takes nothing out.
    pub fn new(secret: &str) -> Tap {
        let prefix = if secret.is_empty() { Vec::new() } else { format!("\x1b]6977;{secret};").into_bytes() };
        Tap {
            finder: Finder::new(&prefix).into_owned(),
            prefix,
            matched: 0,
            body: None,
            state: State::Ground,
            text: 0,
            csi: Vec::new(),
            utf8: 0,
            margins: (0, 0),
        }
    }

    /// Whether the stream stands between sequences and characters, with nothing held back.
    pub fn at_ground(&self) -> bool {
        self.state == State::Ground && self.utf8 == 0 && self.matched == 0 && self.body.is_none()
    }

    /// Whether a scroll region smaller than a screen of so many rows is set: then rows outside it cannot be drawn on
    /// safely. Programs that end set one of the whole screen.
    pub fn has_margins(&self, rows: usize) -> bool {
        let (first, last) = self.margins;
        first > 1 || (last != 0 && last < rows)
    }

    /// The terminal has another size: it has no scroll region any more.
    pub fn reset_margins(&mut self) {
        self.margins = (0, 0);
    }

    /// Takes what was read and calls `sink` with each piece.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(Piece)) {
        let mut at = 0;
        while at < bytes.len() {
            if self.body.is_some() {
                at += self.collect(&bytes[at..], &mut sink);
            } else if self.matched > 0 {
                at += self.match_prefix(&bytes[at..], &mut sink);
            } else {
                let opening = self.find_opening(&bytes[at..]);
                let end = opening.map_or(bytes.len(), |offset| at + offset);
                self.emit(&bytes[at..end], &mut sink);
                self.matched = usize::from(opening.is_some());
                at = end + self.matched;
            }
        }
    }

    /// Gives back what is held, when the child has ended in the middle of what might have become a mark.
    pub fn finish(&mut self, mut sink: impl FnMut(Piece)) {
        let held = std::mem::take(&mut self.matched);
        if held > 0 {
            sink(Piece::TerminalOnly(&self.prefix[..held]));
        }
    }

    /// Whether bytes that come next can go to the terminal as they are: nothing is held back, and no mark starts in them.
    pub fn passes(&self, bytes: &[u8]) -> bool {
        self.matched == 0 && self.body.is_none() && self.find_opening(bytes).is_none()
    }

    /// Goes past text with nothing in it but colours, without looking at each of them.
    pub fn skip_plain(&mut self, bytes: &[u8]) {
        let last_line = memchr::memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
        self.push(&bytes[last_line..], |_| {});
    }

    /// Where a mark starts, or may start at the end of what is there.
    fn find_opening(&self, bytes: &[u8]) -> Option<usize> {
        if self.prefix.is_empty() {
            return None;
        }
        let whole = self.finder.find(bytes);
        whole.or_else(|| {
            let tail = bytes.len().saturating_sub(self.prefix.len() - 1);
            memchr::memchr_iter(0x1b, &bytes[tail..])
                .map(|at| tail + at)
                .find(|&at| self.prefix.starts_with(&bytes[at..]))
        })
    }

    /// Holds bytes back while they spell the prefix of a mark; lets them go when they stop to.
    fn match_prefix(&mut self, bytes: &[u8], sink: &mut impl FnMut(Piece)) -> usize {
        let expected = &self.prefix[self.matched..];
        let equal = expected.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        self.matched += equal;
        if self.matched == self.prefix.len() {
            self.matched = 0;
            self.body = Some(Vec::new());
        } else if equal < bytes.len() {
            let held = self.prefix[..std::mem::take(&mut self.matched)].to_vec();
            self.emit(&held, sink);
        }
        equal
    }

    /// Collects the body of a mark up to its BEL.
    fn collect(&mut self, bytes: &[u8], sink: &mut impl FnMut(Piece)) -> usize {
        let end = memchr::memchr(0x07, bytes);
        let taken = &bytes[..end.unwrap_or(bytes.len())];
        let body = self.body.get_or_insert_with(Vec::new);
        if body.len() + taken.len() <= MAX_MARK {
            body.extend_from_slice(taken);
        } else {
            body.clear();
        }
        if end.is_none() {
            return bytes.len();
        }
        let body = self.body.take().unwrap_or_default();
        if let Some(mark) = parse(&body) {
            sink(Piece::Mark(mark));
        }
        taken.len() + 1
    }

    /// Sends bytes on and follows the state of the stream through them.
    fn emit(&mut self, bytes: &[u8], sink: &mut impl FnMut(Piece)) {
        let (mut sent, mut at) = (0, 0);
        while at < bytes.len() {
            match self.state {
                State::Ground => at += self.ground(&bytes[at..]),
                State::Text(kind) | State::TextEscape(kind) => {
                    let string = self.string(&bytes[at..]);
                    at += string.length;
                    if string.excess > 0 {
                        self.pass_excess(bytes, sent..at, string, sink);
                        sent = at;
                    }
                    if string.ended && self.text >= MIN_IMAGE && matches!(kind, b'P' | b'_') {
                        sink(Piece::Image);
                    }
                }
                State::Escape | State::Csi => at += self.sequence(&bytes[at..]),
            }
        }
        if sent < at {
            sink(Piece::Both(&bytes[sent..at]));
        }
    }

    /// Sends `range`, the end of which the model must not see.
    fn pass_excess(&self, bytes: &[u8], range: Range<usize>, string: Text, sink: &mut impl FnMut(Piece)) {
        let shared = range.end - string.excess;
        if range.start < shared {
            sink(Piece::Both(&bytes[range.start..shared]));
        }
        if self.text - string.length <= MAX_MODEL_STRING {
            sink(Piece::CancelModel);
        }
        sink(Piece::TerminalOnly(&bytes[shared..range.end]));
    }

    /// Plain text up to and with the next ESC; follows UTF-8 to its end.
    fn ground(&mut self, bytes: &[u8]) -> usize {
        let escape = memchr::memchr(0x1b, bytes);
        let end = escape.unwrap_or(bytes.len());
        self.utf8 = missing_continuation(&bytes[..end], self.utf8);
        if escape.is_none() {
            return end;
        }
        self.utf8 = 0;
        self.state = State::Escape;
        end + 1
    }

    /// The rest of an escape or control sequence.
    fn sequence(&mut self, bytes: &[u8]) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            let before = self.state;
            self.state = next_state(before, byte);
            match (before, self.state) {
                (State::Escape, State::Csi) => self.csi.clear(),
                (State::Csi, State::Csi) if self.csi.len() < MAX_CSI => self.csi.push(byte),
                (State::Csi, State::Ground) => self.note_csi(byte),
                (State::Escape, State::Ground) if byte == b'c' => self.reset_margins(),
                _ => {}
            }
            if let State::Text(_) = self.state {
                self.text = 0;
                return at + 1;
            }
            if self.state == State::Ground {
                return at + 1;
            }
        }
        bytes.len()
    }

    /// Remembers whether a scroll region is in force: `CSI top ; bottom r`, undone by `CSI r` and `CSI ! p`.
    fn note_csi(&mut self, last: u8) {
        match (last, self.csi.as_slice()) {
            (b'r', [b'?', ..]) => {}
            (b'r', parameters) => {
                let mut rows = parameters.split(|&byte| byte == b';').map(number);
                self.margins = (rows.next().unwrap_or(0), rows.next().unwrap_or(0));
            }
            (b'p', [b'!']) => self.reset_margins(),
            _ => {}
        }
    }

    /// The rest of a string sequence, or as much of it as is there.
    fn string(&mut self, bytes: &[u8]) -> Text {
        let mut length = 0;
        for &byte in bytes {
            self.state = next_state(self.state, byte);
            length += 1;
            if !matches!(self.state, State::Text(_) | State::TextEscape(_)) {
                break;
            }
        }
        let room = MAX_MODEL_STRING.saturating_sub(self.text);
        self.text += length;
        let ended = !matches!(self.state, State::Text(_) | State::TextEscape(_));
        Text { length, excess: length.saturating_sub(room), ended }
    }
}

/// A stretch of a string sequence.
#[derive(Clone, Copy)]
struct Text {
    /// Its bytes.
    length: usize,
    /// How many of them, at its end, are too many for the model.
    excess: usize,
    /// The sequence ends with it.
    ended: bool,
}

/// A decimal parameter; 0 when there is none.
fn number(digits: &[u8]) -> usize {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The state after `byte`, as a terminal follows it.
fn next_state(state: State, byte: u8) -> State {
    match (state, byte) {
        (State::Ground, 0x1b) => State::Escape,
        (State::Ground, _) => State::Ground,
        (_, 0x18 | 0x1a) => State::Ground,
        (State::Escape, b'[') => State::Csi,
        (State::Escape, b']' | b'P' | b'_' | b'^' | b'X') => State::Text(byte),
        (State::Escape, 0x20..=0x2f | 0x1b) => State::Escape,
        (State::Escape, 0..=0x1f) => State::Escape,
        (State::Escape, _) => State::Ground,
        (State::Csi, 0x1b) => State::Escape,
        (State::Csi, 0x40..=0x7e) => State::Ground,
        (State::Csi, _) => State::Csi,
        (State::Text(kind), 0x1b) => State::TextEscape(kind),
        (State::Text(b']'), 0x07) => State::Ground,
        (State::Text(kind), _) => State::Text(kind),
        (State::TextEscape(_), b'\\') => State::Ground,
        (State::TextEscape(_), b'[') => State::Csi,
        (State::TextEscape(_), b']' | b'P' | b'_' | b'^' | b'X') => State::Text(byte),
        (State::TextEscape(kind), 0x1b) => State::TextEscape(kind),
        (State::TextEscape(_), _) => State::Ground,
    }
}

/// How many continuation bytes are still to come after `text`, when `missing` were before it.
fn missing_continuation(text: &[u8], missing: u8) -> u8 {
    let tail = &text[text.len().saturating_sub(3)..];
    let lead = tail.iter().rposition(|byte| byte & 0xc0 != 0x80);
    let Some(lead) = lead else { return missing.saturating_sub(text.len().min(4) as u8) };
    let needs = match tail[lead] {
        0xc2..=0xdf => 1,
        0xe0..=0xef => 2,
        0xf0..=0xf4 => 3,
        _ => 0,
    };
    (needs as usize).saturating_sub(tail.len() - lead - 1) as u8
}

/// A mark from its body; `None` when it is none that this version knows.
fn parse(body: &[u8]) -> Option<Mark> {
    let body = String::from_utf8_lossy(body);
    let (kind, rest) = body.split_once(';').unwrap_or((&body, ""));
    match kind {
        "H" => {
            let mut fields = rest.splitn(3, ';');
            let shell = Shell::of_program(fields.next()?)?;
            Some(Mark::Hello { shell, version: fields.next().unwrap_or_default().to_owned() })
        }
        "W" => {
            let (name, text) = rest.split_once(';')?;
            Some(Mark::World { name: name.to_owned(), text: decode_text(text)? })
        }
        "D" => Some(Mark::Done(rest.trim().parse().unwrap_or(0))),
        "B" => Some(Mark::Begin),
        "L" => {
            let mut fields = rest.splitn(3, ';');
            let state = line_state(fields.next()?);
            let cursor = fields.next()?.trim().parse().ok()?;
            Some(Mark::Line { state, cursor, text: decode_text(fields.next()?)? })
        }
        "E" => Some(Mark::End),
        "C" => Some(Mark::Run),
        _ => None,
    }
}

fn line_state(name: &str) -> LineState {
    match name {
        "main" => LineState::Main,
        "cont" => LineState::Continuation,
        "search" => LineState::Search,
        "vicmd" => LineState::ViCommand,
        _ => LineState::Other,
    }
}

/// The text of a field: `q:` and a shell-quoted word, or `u:` and percent-encoding.
fn decode_text(field: &str) -> Option<String> {
    let bytes = match field.split_at_checked(2)? {
        ("q:", word) => unquote(word.as_bytes()),
        ("u:", word) => percent_decode(word.as_bytes()),
        _ => return None,
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn percent_decode(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut at = 0;
    while let Some(&byte) = word.get(at) {
        let code = word.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(code) if byte == b'%' => {
                out.push(code);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// A word as `printf %q` of bash or `${(qqqq)…}` of zsh quote it, unquoted.
fn unquote(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after.first()) {
            (b'$', Some(b'\'')) => ansi_quoted(&after[1..], &mut out),
            (b'\'', _) => single_quoted(after, &mut out),
            (b'\\', Some(&next)) => {
                out.push(next);
                &after[1..]
            }
            _ => {
                out.push(byte);
                after
            }
        };
    }
    out
}

fn single_quoted<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let end = memchr::memchr(b'\'', rest).unwrap_or(rest.len());
    out.extend_from_slice(&rest[..end]);
    rest.get(end + 1..).unwrap_or_default()
}

fn ansi_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'\'' => return after,
            b'\\' => rest = ansi_escape(after, out),
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    rest
}

fn ansi_escape<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((&byte, after)) = rest.split_first() else { return rest };
    let plain = match byte {
        b'a' => 0x07,
        b'b' => 0x08,
        b'e' | b'E' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'0'..=b'7' => return numeric(rest, 8, 3, out),
        b'x' => return numeric(after, 16, 2, out),
        b'u' => return unicode(after, 4, out),
        b'U' => return unicode(after, 8, out),
        other => other,
    };
    out.push(plain);
    after
}

fn digits(rest: &[u8], radix: u32, most: usize) -> (u32, usize) {
    let digits = rest.iter().take(most).map_while(|&byte| (byte as char).to_digit(radix));
    digits.fold((0, 0), |(value, count), digit| (value.wrapping_mul(radix) + digit, count + 1))
}

fn numeric<'a>(rest: &'a [u8], radix: u32, most: usize, out: &mut Vec<u8>) -> &'a [u8] {
    let (value, count) = digits(rest, radix, most);
    out.push(value as u8);
    &rest[count..]
}

fn unicode<'a>(rest: &'a [u8], most: usize, out: &mut Vec<u8>) -> &'a [u8] {
    let (value, count) = digits(rest, 16, most);
    let character = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    &rest[count..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// What the terminal gets, what the model gets, the marks, and whether an image was seen.
    fn run(tap: &mut Tap, chunks: &[&[u8]]) -> (Vec<u8>, Vec<u8>, Vec<Mark>, bool) {
        let (mut terminal, mut model, mut marks, mut image) = (vec![], vec![], vec![], false);
        for chunk in chunks {
            tap.push(chunk, |piece| match piece {
                Piece::Both(bytes) => {
                    terminal.extend_from_slice(bytes);
                    model.extend_from_slice(bytes);
                }
                Piece::TerminalOnly(bytes) => terminal.extend_from_slice(bytes),
                Piece::CancelModel => model.push(0x18),
                Piece::Image => image = true,
                Piece::Mark(mark) => marks.push(mark),
            });
        }
        (terminal, model, marks, image)
    }

    fn mark(body: &str) -> String {
        format!("\x1b]6977;{SECRET};{body}\x07")
    }

    #[test]
    fn a_mark_is_taken_out_at_every_split() {
        let stream = format!("a\x1b[1mé{}b\x1b]0;t\x07{}", mark("L;main;3;q:$'git\\nx'"), mark("B"));
        let line = Mark::Line { state: LineState::Main, cursor: 3, text: "git\nx".into() };
        for split in 0..=stream.len() {
            let bytes = stream.as_bytes();
            let (terminal, model, marks, _) = run(&mut Tap::new(SECRET), &[&bytes[..split], &bytes[split..]]);
            assert_eq!(String::from_utf8(terminal).unwrap(), "a\x1b[1méb\x1b]0;t\x07", "split at {split}");
            assert_eq!(String::from_utf8(model).unwrap(), "a\x1b[1méb\x1b]0;t\x07");
            assert_eq!(marks, [line.clone(), Mark::Begin]);
        }
    }

    #[test]
    fn a_forged_mark_passes_through_untouched() {
        let forged = "\x1b]6977;ffffffffffffffffffffffffffffffff;C\x07";
        let (terminal, _, marks, _) = run(&mut Tap::new(SECRET), &[forged.as_bytes()]);
        assert_eq!(terminal, forged.as_bytes());
        assert!(marks.is_empty());
    }

    #[test]
    fn an_endless_string_reaches_the_terminal_but_not_the_model() {
        let mut stream = b"\x1bP".to_vec();
        stream.resize(100_000, b'q');
        stream.extend_from_slice(b"\x1b\\after");
        let (terminal, model, _, image) =
            run(&mut Tap::new(SECRET), &stream.chunks(4096).collect::<Vec<_>>());
        assert_eq!(terminal, stream);
        assert!(model.len() < MAX_MODEL_STRING + 16, "{}", model.len());
        assert!(model.ends_with(b"\x18after"));
        assert!(image);
    }

    #[test]
    fn a_mark_without_end_is_bounded() {
        let mut tap = Tap::new(SECRET);
        let start = format!("\x1b]6977;{SECRET};W;aliases;q:");
        run(&mut tap, &[start.as_bytes()]);
        for _ in 0..64 {
            run(&mut tap, &[&[b'x'; 65536]]);
        }
        assert!(tap.body.as_ref().unwrap().len() <= MAX_MARK);
    }

    #[test]
    fn ground_is_only_between_sequences_and_characters() {
        for (bytes, ground) in [
            ("a", true),
            ("\x1b", false),
            ("\x1b[1", false),
            ("\x1b[1m", true),
            ("\x1b]0;x", false),
            ("\x1b]0;x\x1b", false),
            ("\x1b]0;x\x1b\\", true),
            ("\x1b(", false),
            ("\x1b(B", true),
            ("\x1bPabc", false),
            ("\x1bPabc\x18", true),
        ] {
            let mut tap = Tap::new(SECRET);
            run(&mut tap, &[bytes.as_bytes()]);
            assert_eq!(tap.at_ground(), ground, "{bytes:?}");
        }
        let mut tap = Tap::new(SECRET);
        run(&mut tap, &[&[0xe2, 0x96]]);
        assert!(!tap.at_ground());
        run(&mut tap, &[&[0xb8]]);
        assert!(tap.at_ground());
    }

    #[test]
    fn margins_are_noticed() {
        let mut tap = Tap::new("");
        for (bytes, margins) in [
            ("\x1b[2;5r", true),
            ("\x1b[r", false),
            ("\x1b[3;9r", true),
            ("\x1b[?7r", true),
            ("\x1bc", false),
            ("\x1b[1;24r", false),
            ("\x1b[1;23r", true),
            ("\x1b[;r", false),
            ("\x1b[5r", true),
            ("\x1b[!p", false),
        ] {
            run(&mut tap, &[bytes.as_bytes()]);
            assert_eq!(tap.has_margins(24), margins, "{bytes:?}");
        }
    }

    #[test]
    fn quoted_text_is_read_back() {
        for (field, text) in [
            ("q:git", "git"),
            ("q:a\\ b", "a b"),
            ("q:''", ""),
            ("q:$'a\\033\\n\\'é'", "a\x1b\n'é"),
            ("q:$'\\303\\251'", "é"),
            ("q:$'\\u00e9\\x41'", "éA"),
            ("u:a%20b%0Ac;d", "a b\nc;d"),
            ("u:", ""),
        ] {
            assert_eq!(decode_text(field).as_deref(), Some(text), "{field}");
        }
        assert_eq!(decode_text("x:y"), None);
    }

    #[test]
    fn every_kind_of_mark_is_read() {
        for (body, expected) in [
            ("H;zsh;5.9;42", Mark::Hello { shell: Shell::Zsh, version: "5.9".into() }),
            ("W;cwd;q:/a\\;b", Mark::World { name: "cwd".into(), text: "/a;b".into() }),
            ("D;130", Mark::Done(130)),
            ("B", Mark::Begin),
            ("E", Mark::End),
            ("C", Mark::Run),
            ("L;vicmd;0;u:", Mark::Line { state: LineState::ViCommand, cursor: 0, text: String::new() }),
        ] {
            assert_eq!(parse(body.as_bytes()), Some(expected), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_or_added(stream in proptest::collection::vec(
            prop_oneof![Just(0x1bu8), Just(b']'), Just(b'6'), Just(0x07), Just(b'['), Just(b'P'), any::<u8>()], 0..300),
            size in 1usize..40)
        {
            let mut tap = Tap::new(SECRET);
            let (mut terminal, _, marks, _) = run(&mut tap, &stream.chunks(size).collect::<Vec<_>>());
            tap.finish(|piece| if let Piece::TerminalOnly(bytes) = piece { terminal.extend_from_slice(bytes) });
            prop_assert!(marks.is_empty());
            prop_assert_eq!(terminal, stream);
        }
    }
}
