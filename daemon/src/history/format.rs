//! The history files of the shells, from bytes to command lines. No I/O; any bytes will do.

use protocol::Shell;

/// zsh writes this byte before one that it keeps for itself, which then stands exclusive-or 32.
const META: u8 = 0x83;

/// The command lines in `bytes`, oldest first, and how many bytes they take: what follows is not yet complete. Lines
/// that are not UTF-8 are left out, as they cannot be suggested in a line that is.
///
/// `stamped` says that the file begins with a time stamp; bash then lets entries have several rows.
pub(super) fn entries(shell: Shell, bytes: &[u8], stamped: bool) -> (Vec<String>, usize) {
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let rows = bytes[..end].split_inclusive(|&byte| byte == b'\n').map(|row| &row[..row.len() - 1]);
    match shell {
        Shell::Bash => (bash(rows, stamped), end),
        Shell::Zsh => zsh(rows),
        Shell::Fish => (rows.filter_map(fish).collect(), end),
    }
}

/// Whether a row is one of bash's time stamps: `#1700000000`.
pub(super) fn is_stamp(row: &[u8]) -> bool {
    row.len() > 1 && row[0] == b'#' && row[1..].iter().all(u8::is_ascii_digit)
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// One row is one entry; between time stamps several rows are.
fn bash<'a>(rows: impl Iterator<Item = &'a [u8]>, stamped: bool) -> Vec<String> {
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let mut open = false;
    for row in rows {
        if is_stamp(row) {
            open = false;
        } else if let (true, Some(entry)) = (open, entries.last_mut()) {
            entry.push(b'\n');
            entry.extend_from_slice(row);
        } else {
            entries.push(row.to_vec());
            open = stamped;
        }
    }
    entries.iter().filter_map(|entry| text(entry)).collect()
}

/// A row that ends in a backslash goes on in the next one.
fn zsh<'a>(rows: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, usize) {
    let (mut entries, mut consumed, mut at) = (Vec::new(), 0, 0);
    let mut entry = Vec::new();
    for row in rows {
        at += row.len() + 1;
        if let Some(part) = row.strip_suffix(b"\\") {
            entry.extend_from_slice(part);
            entry.push(b'\n');
            continue;
        }
        entry.extend_from_slice(row);
        entries.extend(text(&unmetafy(without_stamp(&entry))));
        entry.clear();
        consumed = at;
    }
    (entries, consumed)
}

/// The command of an extended entry, `: 1700000000:0;command`.
fn without_stamp(entry: &[u8]) -> &[u8] {
    let Some(rest) = entry.strip_prefix(b": ") else { return entry };
    let Some(end) = rest.iter().position(|&byte| byte == b';') else { return entry };
    let is_stamp = rest[..end].iter().all(|&byte| byte.is_ascii_digit() || byte == b':' || byte == b' ');
    if is_stamp { &rest[end + 1..] } else { entry }
}

fn unmetafy(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (META, Some(next)) => {
                plain.push(next ^ 32);
                bytes.next();
            }
            _ => plain.push(byte),
        }
    }
    plain
}

/// `- cmd: command`, with `\n` and `\\` for what cannot stand in a row.
fn fish(row: &[u8]) -> Option<String> {
    let escaped = text(row.strip_prefix(b"- cmd: ")?)?;
    let mut plain = String::with_capacity(escaped.len());
    let mut letters = escaped.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.as_str().chars().next()) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('\\')) => plain.push('\\'),
            _ => {
                plain.push(letter);
                continue;
            }
        }
        letters.next();
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(shell: Shell, bytes: &[u8]) -> Vec<String> {
        entries(shell, bytes, bytes.starts_with(b"#1")).0
    }

    #[test]
    fn bash_rows_are_entries() {
        assert_eq!(read(Shell::Bash, b"ls\n#comment\n\ncd x\nunfinished"), ["ls", "#comment", "cd x"]);
    }

    #[test]
    fn bash_time_stamps_join_rows() {
        let file = b"#1700000000\nfor x in 1; do\n  ls\ndone\n#1700000001\npwd\n";
        assert_eq!(read(Shell::Bash, file), ["for x in 1; do\n  ls\ndone", "pwd"]);
    }

    #[test]
    fn zsh_plain_extended_and_several_rows() {
        let file =
            b"ls\n: 1700000000:0;git status\n: 1700000001:12;for x in 1; do\\\nls\\\ndone\n: not a stamp;x\n";
        let expected = ["ls", "git status", "for x in 1; do\nls\ndone", ": not a stamp;x"];
        assert_eq!(read(Shell::Zsh, file), expected);
    }

    #[test]
    fn zsh_metafied_bytes() {
        // é is 0xc3 0xa9, à is 0xc3 0xa0; zsh keeps 0x83..=0xa2 for itself, so 0xa0 is written as 0x83 0x80.
        assert_eq!(read(Shell::Zsh, b"echo \xc3\xa9 \xc3\x83\x80\n"), ["echo é à"]);
        assert!(read(Shell::Zsh, b"echo \xff\n").is_empty());
    }

    #[test]
    fn fish_commands_are_unescaped() {
        let file =
            b"- cmd: echo a\\nb\n  when: 1700000000\n- cmd: echo \\\\n \\x\n  when: 1\n  paths:\n    - x\n";
        assert_eq!(read(Shell::Fish, file), ["echo a\nb", "echo \\n \\x"]);
    }

    #[test]
    fn what_is_incomplete_is_left_for_later() {
        assert_eq!(entries(Shell::Bash, b"ls\npw", false), (vec!["ls".to_owned()], 3));
        assert_eq!(entries(Shell::Zsh, b"ls\nfor\\\n", false), (vec!["ls".to_owned()], 3));
        assert_eq!(entries(Shell::Fish, b"- cmd: ls\n- cmd: p", false), (vec!["ls".to_owned()], 10));
    }

    proptest! {
        #[test]
        fn any_bytes_will_do(bytes in proptest::collection::vec(any::<u8>(), 0..200), stamped: bool) {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                let (_, consumed) = entries(shell, &bytes, stamped);
                prop_assert!(consumed <= bytes.len());
            }
        }
    }
}
