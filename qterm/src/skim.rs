//! What of a flood of output still matters for the screen.
//!
//! A program that prints megabytes scrolls nearly all of it away. When the output is plain text with colours, the screen
//! depends only on the last rows and on the colours in force before them, so that the model can be spared the rest.
//! Pure: bytes in, bytes out.

/// Shorter output is not worth a look, in bytes.
const MIN_FLOOD: usize = 32 << 10;

/// Colours in force are carried over up to this many bytes of sequences.
const MAX_COLOURS: usize = 4 << 10;

/// A sequence cut off by the end of the output is at most this long.
const MAX_CUT: usize = 32;

/// Output that leaves a screen of `rows` rows exactly as `bytes` do, if that is known to be shorter. `bytes` must start
/// between sequences, and neither margins nor unusual modes may be in force.
pub(crate) fn skim(bytes: &[u8], rows: usize) -> Option<Vec<u8>> {
    if bytes.len() < MIN_FLOOD {
        return None;
    }
    // Twice the rows: wherever the cursor was, it is at the bottom after the first half.
    let start = tail(bytes, 2 * rows + 1)?;
    if !is_simple(bytes) {
        return None;
    }
    let mut kept = colours(&bytes[..start])?;
    kept.extend_from_slice(&bytes[start..]);
    Some(kept)
}

/// Where the last `lines` lines start.
fn tail(bytes: &[u8], lines: usize) -> Option<usize> {
    let newline = memchr::memrchr_iter(b'\n', bytes).nth(lines)?;
    (newline > 0 && bytes[newline - 1] == b'\r').then_some(newline + 1)
}

/// Whether there is nothing but text, line ends, tabs and colours.
fn is_simple(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        let escape = memchr::memchr(0x1b, rest);
        let text = &rest[..escape.unwrap_or(rest.len())];
        if text.iter().map(|&byte| usize::from(is_odd(byte))).sum::<usize>() > 0 {
            return false;
        }
        let Some(escape) = escape else { return true };
        rest = &rest[escape..];
        match colour_length(rest) {
            Some(length) => rest = &rest[length..],
            None => {
                return rest.len() < MAX_CUT
                    && rest[1..].iter().all(|&byte| byte == b'[' || is_parameter(byte));
            }
        }
    }
}

/// A control character that does more than a line end or a tab does.
fn is_odd(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t')
}

fn is_parameter(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b';' || byte == b':'
}

/// Length of the colour sequence at the start.
fn colour_length(bytes: &[u8]) -> Option<usize> {
    let body = bytes.strip_prefix(b"\x1b[")?;
    let end = body.iter().position(|&byte| !is_parameter(byte))?;
    (body[end] == b'm').then_some(end + 3)
}

/// The colour sequences that are in force at the end: those from the last reset on.
fn colours(bytes: &[u8]) -> Option<Vec<u8>> {
    let reset = [b"\x1b[0m".as_slice(), b"\x1b[m"]
        .iter()
        .filter_map(|reset| memchr::memmem::rfind(bytes, reset))
        .max();
    let mut rest = &bytes[reset.unwrap_or(0)..];
    let mut sequences = Vec::new();
    while let Some(escape) = memchr::memchr(0x1b, rest) {
        let length = colour_length(&rest[escape..])?;
        sequences.extend_from_slice(&rest[escape..escape + length]);
        rest = &rest[escape + length..];
        if sequences.len() > MAX_COLOURS {
            return None;
        }
    }
    Some(sequences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn screen_of(start: &[u8], bytes: &[u8]) -> vt100::Parser {
        let size = |cells| std::num::NonZeroU16::new(cells).unwrap();
        let mut parser = vt100::Parser::new(size(6), size(20), 0);
        parser.process(start);
        parser.process(bytes);
        parser
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        let plain = "some line\r\n".repeat(5_000);
        assert!(skim(plain.as_bytes(), 6).unwrap().len() < 1_000);
        for odd in ["\x1b[2J", "\x0e", "\x08", "\x1b]0;t\x07", "\x1b[?1049h", "\x1b[1A"] {
            assert_eq!(skim(format!("{odd}{plain}").as_bytes(), 6), None, "{odd:?}");
        }
        assert!(skim(format!("{plain}\x1b[3").as_bytes(), 6).is_some());
    }

    proptest! {
        #[test]
        fn the_screen_is_the_same(
            start in proptest::collection::vec(prop_oneof![Just("\r\n"), Just("x"), Just("\x1b[7m"), Just("\x1b[2;3H")], 0..20),
            lines in proptest::collection::vec(
                prop_oneof![Just("a"), Just("\x1b[31m"), Just("\x1b[0m"), Just("\x1b[1;44m"), Just("日本"), Just("\tlong long long long"), Just("\r\n")], 40..200))
        {
            let start = start.concat();
            let bytes = lines.concat().repeat(MIN_FLOOD / 40);
            if let Some(kept) = skim(bytes.as_bytes(), 6) {
                let (whole, short) = (screen_of(start.as_bytes(), bytes.as_bytes()), screen_of(start.as_bytes(), &kept));
                prop_assert_eq!(whole.screen().state_formatted(), short.screen().state_formatted());
            }
        }
    }
}
