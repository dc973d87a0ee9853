//! Bytes of the terminal to keys.
//!
//! Recognises the handful of keys that can mean something here, in the encodings of xterm, application mode, and the
//! kitty and modifyOtherKeys protocols; anything else is `Key::Other`. Follows bracketed paste, whose content is never
//! taken for keys. Takes out the one answer that qterm asks for, the cursor position, while it is expected. Keeps all
//! other bytes.

/// Longest control sequence that is waited for, in bytes. Mouse and keyboard reports are far shorter.
const MAX_SEQUENCE: usize = 64;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// A key, as far as anyone here cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Printable text, or a part of a character.
    Text,
    /// Deletes before the cursor: Backspace, Ctrl-H, Ctrl-W.
    Erase,
    /// Tab.
    Tab,
    /// Shift with Tab.
    BackTab,
    /// Enter, also that of the keypad.
    Enter,
    /// Escape, alone.
    Escape,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor right.
    Right,
    /// Cursor left.
    Left,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Ctrl or Alt with Right.
    WordRight,
    /// Ctrl with a letter, lower case.
    Ctrl(u8),
    /// Alt with a character.
    Alt(u8),
    /// Anything else: mouse, focus, function keys.
    Other,
}

/// One piece of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key and the bytes that it came as.
    Key(Key, Vec<u8>),
    /// Bytes of a bracketed paste, its marks included.
    Paste(Vec<u8>),
    /// The terminal said where its cursor is, 0-based: row and column.
    Position(usize, usize),
}

/// Turns bytes into input; keeps what is incomplete.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    /// How many of the pending bytes have been released already.
    released: usize,
    pasting: bool,
    /// How many cursor positions have been asked for and not been answered.
    positions: usize,
}

impl Decoder {
    /// A cursor position has been asked for: the next answer is ours.
    pub fn expect_position(&mut self) {
        self.positions += 1;
    }

    /// Whether an answer is still to come.
    pub fn expects_position(&self) -> bool {
        self.positions > 0
    }

    /// Whether bytes are kept because they may be the start of a longer key.
    pub fn is_partial(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether a paste is under way.
    pub fn is_pasting(&self) -> bool {
        self.pasting
    }

    /// Takes what was read, gives back what is complete. Bytes that were released before are not given again, and a key
    /// that begins with them is `Key::Other`: the shell has seen its start.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut inputs = Vec::new();
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            let Some(length) = self.step(rest, &mut inputs) else { break };
            rest = &rest[length..];
            self.forget_released(&mut inputs);
        }
        self.pending = rest.to_vec();
        inputs
    }

    /// The incomplete bytes that have not been given out, for the shell to have at once. They are still remembered, so
    /// that what follows is not mistaken for text.
    pub fn release(&mut self) -> Vec<u8> {
        let bytes = self.pending[self.released..].to_vec();
        self.released = self.pending.len();
        bytes
    }

    /// Nothing more came: what is kept is what it looks like, a lone Escape for example.
    pub fn flush(&mut self) -> Vec<Input> {
        let pending = self.pending.split_off(self.released);
        self.pending.clear();
        self.released = 0;
        match pending.as_slice() {
            [] => vec![],
            _ if self.pasting => vec![Input::Paste(pending)],
            [0x1b] => vec![Input::Key(Key::Escape, pending)],
            _ => vec![Input::Key(Key::Other, pending)],
        }
    }

    /// Takes the bytes that were released off the input that begins with them.
    fn forget_released(&mut self, inputs: &mut [Input]) {
        let released = std::mem::take(&mut self.released);
        match inputs.last_mut() {
            Some(Input::Key(key, raw)) if released > 0 => {
                raw.drain(..released.min(raw.len()));
                *key = Key::Other;
            }
            Some(Input::Paste(raw)) => drop(raw.drain(..released.min(raw.len()))),
            _ => {}
        }
    }

    /// Takes one piece off the front; `None` when it is incomplete.
    fn step(&mut self, rest: &[u8], inputs: &mut Vec<Input>) -> Option<usize> {
        if self.pasting {
            return self.paste(rest, inputs);
        }
        if rest.starts_with(PASTE_BEGIN) {
            self.pasting = true;
            inputs.push(Input::Paste(PASTE_BEGIN.to_vec()));
            return Some(PASTE_BEGIN.len());
        }
        let length = key_length(rest)?;
        let raw = &rest[..length];
        match position(raw) {
            Some((row, col)) if self.positions > 0 => {
                self.positions -= 1;
                inputs.push(Input::Position(row, col));
            }
            _ => push_key(key_of(raw), raw, inputs),
        }
        Some(length)
    }

    /// Passes on pasted bytes up to the end mark; keeps what may be its start.
    fn paste(&mut self, rest: &[u8], inputs: &mut Vec<Input>) -> Option<usize> {
        let end = memchr::memmem::find(rest, PASTE_END);
        let length = match end {
            Some(at) => at + PASTE_END.len(),
            None => rest.len() - partial_end(rest),
        };
        if length == 0 {
            return None;
        }
        self.pasting = end.is_none();
        inputs.push(Input::Paste(rest[..length].to_vec()));
        Some(length)
    }
}

/// Text that follows text is one piece: a burst of typing is one event.
fn push_key(key: Key, raw: &[u8], inputs: &mut Vec<Input>) {
    if let (Key::Text, Some(Input::Key(Key::Text, bytes))) = (key, inputs.last_mut()) {
        bytes.extend_from_slice(raw);
        return;
    }
    inputs.push(Input::Key(key, raw.to_vec()));
}

/// How many bytes at the end may be the start of the paste's end mark.
fn partial_end(bytes: &[u8]) -> usize {
    (1..PASTE_END.len()).rev().find(|&length| bytes.ends_with(&PASTE_END[..length])).unwrap_or(0)
}

/// Length of the first key; `None` when more bytes are needed to know.
fn key_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0x1b] => None,
        [0x1b, b'[', rest @ ..] => sequence_length(rest).map(|length| length + 2),
        [0x1b, b'O'] => None,
        [0x1b, b'O', ..] => Some(3),
        [0x1b, 0x1b, ..] => Some(1),
        [0x1b, ..] => Some(2),
        [byte, ..] if *byte < 0x20 || *byte == 0x7f => Some(1),
        _ => Some(bytes.iter().position(|&byte| byte < 0x20 || byte == 0x7f).unwrap_or(bytes.len())),
    }
}

/// Length of a control sequence after its `ESC [`.
fn sequence_length(rest: &[u8]) -> Option<usize> {
    if rest.first() == Some(&b'M') {
        // An old mouse report: three more bytes of any value.
        return if rest.len() >= 4 { Some(4) } else { None };
    }
    let end = rest.iter().position(|&byte| !(0x20..0x40).contains(&byte));
    match end {
        Some(at) => Some(at + 1),
        None if rest.len() > MAX_SEQUENCE => Some(rest.len()),
        None => None,
    }
}

/// The answer to `CSI 6 n`, 0-based.
fn position(raw: &[u8]) -> Option<(usize, usize)> {
    let body = raw.strip_prefix(b"\x1b[")?.strip_suffix(b"R")?;
    let (row, col) = std::str::from_utf8(body).ok()?.split_once(';')?;
    Some((row.parse::<usize>().ok()?.checked_sub(1)?, col.parse::<usize>().ok()?.checked_sub(1)?))
}

fn key_of(raw: &[u8]) -> Key {
    match raw {
        [0x1b, b'O', last] => plain_key(*last),
        [0x1b, b'[', parameters @ .., last] => sequence_key(parameters, *last),
        [0x1b] => Key::Escape,
        [0x1b, 0x7f] | [0x1b, 0x08] => Key::Erase,
        [0x1b, byte] => Key::Alt(*byte),
        [0x09] => Key::Tab,
        [0x0d] | [0x0a] => Key::Enter,
        [0x7f] | [0x08] | [0x17] => Key::Erase,
        [byte @ 0x01..=0x1a] => Key::Ctrl(byte + 0x60),
        [byte] if *byte < 0x20 => Key::Other,
        _ => Key::Text,
    }
}

/// A key without modifiers, by the last byte of `ESC [ x` or `ESC O x`.
fn plain_key(last: u8) -> Key {
    match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'Z' => Key::BackTab,
        b'M' => Key::Enter,
        _ => Key::Other,
    }
}

/// A key with parameters: `CSI 1 ; 5 C`, `CSI 5 ~`, `CSI 9 u`, `CSI 27 ; 5 ; 9 ~`.
fn sequence_key(parameters: &[u8], last: u8) -> Key {
    let Ok(text) = std::str::from_utf8(parameters) else { return Key::Other };
    let mut numbers = text.split(';').map(|part| part.split(':').next().unwrap_or("").parse::<u32>().ok());
    let first = numbers.next().flatten();
    let second = numbers.next().flatten();
    // The second field of a modifier is the kind of event; releases (3) are nobody's key.
    if text.split(';').nth(1).is_some_and(|part| part.ends_with(":3")) {
        return Key::Other;
    }
    match (last, first, second) {
        (b'u', Some(code), modifier) => coded_key(code, modifiers(modifier)),
        (b'~', Some(27), modifier) => coded_key(numbers.next().flatten().unwrap_or(0), modifiers(modifier)),
        (b'~', Some(number), None | Some(1)) => numbered_key(number),
        (b'C', _, Some(3 | 5)) => Key::WordRight,
        (_, None | Some(1), None | Some(1)) => plain_key(last),
        _ => Key::Other,
    }
}

fn numbered_key(number: u32) -> Key {
    match number {
        1 | 7 => Key::Home,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        _ => Key::Other,
    }
}

/// The modifier bits of a report, without caps lock and num lock.
fn modifiers(value: Option<u32>) -> u32 {
    value.unwrap_or(1).saturating_sub(1) & 0x3f
}

/// A key of the kitty or modifyOtherKeys protocol.
fn coded_key(code: u32, modifiers: u32) -> Key {
    const SHIFT: u32 = 1;
    const ALT: u32 = 2;
    const CTRL: u32 = 4;
    match (code, modifiers) {
        (9, 0) => Key::Tab,
        (9, SHIFT) => Key::BackTab,
        (13 | 57414, 0) => Key::Enter,
        (27, 0) => Key::Escape,
        (127, 0) => Key::Erase,
        (97..=122, CTRL) if code == 119 => Key::Erase,
        (97..=122, CTRL) => Key::Ctrl(code as u8),
        (0x20..=0x7e, ALT) => Key::Alt(code as u8),
        (0x20.., 0 | SHIFT) if !(57344..=63743).contains(&code) => Key::Text,
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut inputs = decoder.push(bytes);
        inputs.extend(decoder.flush());
        inputs.iter().map(|input| if let Input::Key(key, _) = input { *key } else { Key::Other }).collect()
    }

    #[test]
    fn keys_are_recognised_in_every_encoding() {
        for (bytes, key) in [
            ("a", Key::Text),
            ("é日", Key::Text),
            ("\t", Key::Tab),
            ("\x1b[9u", Key::Tab),
            ("\x1b[9;1:1u", Key::Tab),
            ("\x1b[27;1;9~", Key::Tab),
            ("\x1b[Z", Key::BackTab),
            ("\x1b[9;2u", Key::BackTab),
            ("\r", Key::Enter),
            ("\x1b[13u", Key::Enter),
            ("\x1b", Key::Escape),
            ("\x1b[27u", Key::Escape),
            ("\x1b[A", Key::Up),
            ("\x1bOA", Key::Up),
            ("\x1b[1;1A", Key::Up),
            ("\x1bOB", Key::Down),
            ("\x1b[C", Key::Right),
            ("\x1b[1;5C", Key::WordRight),
            ("\x1b[1;3C", Key::WordRight),
            ("\x1b[F", Key::End),
            ("\x1b[4~", Key::End),
            ("\x1b[5~", Key::PageUp),
            ("\x1b[6~", Key::PageDown),
            ("\x06", Key::Ctrl(b'f')),
            ("\x1b[102;5u", Key::Ctrl(b'f')),
            ("\x1bf", Key::Alt(b'f')),
            ("\x1b[102;3u", Key::Alt(b'f')),
            ("\x7f", Key::Erase),
            ("\x17", Key::Erase),
            ("\x1b[97u", Key::Text),
            ("\x1b[9;1:3u", Key::Other),
            ("\x1b[I", Key::Other),
            ("\x1b[<0;3;4M", Key::Other),
            ("\x1b[M !!", Key::Other),
            ("\x1b[1;2A", Key::Other),
            ("\x1b[15~", Key::Other),
        ] {
            assert_eq!(keys(bytes.as_bytes()), [key], "{bytes:?}");
        }
    }

    #[test]
    fn a_key_is_recognised_however_it_is_split() {
        let bytes = b"\x1b[1;5C";
        for split in 1..bytes.len() {
            let mut decoder = Decoder::default();
            assert_eq!(decoder.push(&bytes[..split]), []);
            assert!(decoder.is_partial());
            assert_eq!(decoder.push(&bytes[split..]), [Input::Key(Key::WordRight, bytes.to_vec())]);
        }
    }

    #[test]
    fn a_released_start_is_not_given_twice() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(b"\x1b"), []);
        assert_eq!(decoder.release(), b"\x1b");
        assert_eq!(decoder.release(), b"");
        let rest = Input::Key(Key::Other, b"[A".to_vec());
        assert_eq!(decoder.push(b"[Ax"), [rest, Input::Key(Key::Text, b"x".to_vec())]);
    }

    #[test]
    fn a_paste_is_never_keys() {
        let bytes = b"\x1b[200~git\t\r\x1b[A\x1b[201~x";
        for split in 0..bytes.len() {
            let mut decoder = Decoder::default();
            let mut inputs = decoder.push(&bytes[..split]);
            inputs.extend(decoder.push(&bytes[split..]));
            let pasted = |input: &Input| matches!(input, Input::Paste(_));
            assert!(inputs[..inputs.len() - 1].iter().all(pasted), "split at {split}: {inputs:?}");
            assert_eq!(inputs.last(), Some(&Input::Key(Key::Text, b"x".to_vec())));
        }
    }

    #[test]
    fn only_the_expected_position_is_taken() {
        let mut decoder = Decoder::default();
        decoder.expect_position();
        let inputs = decoder.push(b"ls\x1b[3;7R\x1b[3;7R");
        let raw = b"\x1b[3;7R".to_vec();
        assert_eq!(
            inputs,
            [Input::Key(Key::Text, b"ls".to_vec()), Input::Position(2, 6), Input::Key(Key::Other, raw)]
        );
    }

    proptest! {
        #[test]
        fn every_byte_comes_out_in_order(
            bytes in proptest::collection::vec(prop_oneof![Just(0x1bu8), Just(b'['), Just(b'2'), Just(b'0'), Just(b'~'), any::<u8>()], 0..200),
            size in 1usize..20)
        {
            let mut decoder = Decoder::default();
            let mut out = Vec::new();
            let mut inputs: Vec<_> = bytes.chunks(size).flat_map(|chunk| decoder.push(chunk)).collect();
            inputs.extend(decoder.flush());
            for input in inputs {
                match input {
                    Input::Key(_, raw) | Input::Paste(raw) => out.extend(raw),
                    Input::Position(..) => prop_assert!(false, "nothing was asked"),
                }
            }
            prop_assert_eq!(out, bytes);
        }
    }
}
