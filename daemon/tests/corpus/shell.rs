//! Quotes a word for a shell and reads one back, by the rules in the shells' manuals and by no code of the daemon.

use protocol::Shell;

/// A finished word: as it is where that is safe in every shell, in single quotes otherwise.
pub(crate) fn quoted(word: &str, shell: Shell) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { opened(word, shell) + "'" }
}

/// A word in single quotes that are not closed yet.
pub(crate) fn opened(word: &str, shell: Shell) -> String {
    let inside = match shell {
        Shell::Fish => word.replace('\\', "\\\\").replace('\'', "\\'"),
        _ => word.replace('\'', "'\\''"),
    };
    format!("'{inside}")
}

/// What the shell makes of the first word of a text, and what follows it. `None` when a quote is left open.
pub(crate) fn read(text: &str, shell: Shell) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let ansi = rest.starts_with("$'") && shell != Shell::Fish;
        rest = match c {
            ' ' => break,
            '$' if ansi => ansi_quotes(&rest[2..], &mut word)?,
            '\'' => single_quotes(&rest[1..], shell, &mut word)?,
            '"' => double_quotes(&rest[1..], &mut word)?,
            '\\' => escape(&rest[1..], shell, &mut word)?,
            c => {
                word.push(c);
                &rest[c.len_utf8()..]
            }
        };
    }
    Some((word, rest))
}

fn single_quotes<'t>(text: &'t str, shell: Shell, word: &mut String) -> Option<&'t str> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let next = chars.clone().next();
        match c {
            '\'' => return Some(chars.as_str()),
            '\\' if shell == Shell::Fish && matches!(next, Some('\'' | '\\')) => word.extend(chars.next()),
            c => word.push(c),
        }
    }
    None
}

fn double_quotes<'t>(text: &'t str, word: &mut String) -> Option<&'t str> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(chars.as_str()),
            '\\' => word.push(chars.next()?),
            c => word.push(c),
        }
    }
    None
}

/// `$'…'`, as far as quoting a name needs it: letters and octal bytes.
fn ansi_quotes<'t>(text: &'t str, word: &mut String) -> Option<&'t str> {
    let mut bytes = Vec::new();
    let mut at = text.bytes().enumerate();
    while let Some((place, byte)) = at.next() {
        match byte {
            b'\'' => {
                word.push_str(&String::from_utf8(bytes).ok()?);
                return Some(&text[place + 1..]);
            }
            b'\\' => match at.next()?.1 {
                b'n' => bytes.push(b'\n'),
                b't' => bytes.push(b'\t'),
                digit @ b'0'..=b'7' => {
                    let more = [at.next()?.1, at.next()?.1];
                    let octal = String::from_utf8([digit].into_iter().chain(more).collect()).ok()?;
                    bytes.push(u8::from_str_radix(&octal, 8).ok()?);
                }
                other => bytes.push(other),
            },
            byte => bytes.push(byte),
        }
    }
    None
}

fn escape<'t>(text: &'t str, shell: Shell, word: &mut String) -> Option<&'t str> {
    let c = text.chars().next()?;
    let rest = &text[c.len_utf8()..];
    let digits = |length: usize| rest.get(..length).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let (read, length) = match (shell, c) {
        (Shell::Fish, 'n') => ('\n', 0),
        (Shell::Fish, 't') => ('\t', 0),
        (Shell::Fish, 'x') => (char::from_u32(digits(2)?)?, 2),
        (Shell::Fish, 'u') => (char::from_u32(digits(4)?)?, 4),
        (_, c) => (c, 0),
    };
    word.push(read);
    Some(&rest[length..])
}
