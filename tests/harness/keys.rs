//! Keys in a notation that reads as typed: `git che<Tab>` becomes the bytes that a terminal sends.

/// What a terminal sends for `notation`: text as it is, and between `<` and `>` a key: `Tab S-Tab Enter Esc BS Space lt
/// Up Down Left Right Home End PageUp PageDown Delete`, with `C-` for Control and `A-` for Alt. Panics for a name it does
/// not know. `application` is the mode in which terminals send cursor keys as `ESC O`.
pub(crate) fn encode(notation: &str, application: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = notation;
    while let Some(open) = rest.find('<') {
        let close = open + rest[open..].find('>').expect("a key ends with >");
        bytes.extend_from_slice(&rest.as_bytes()[..open]);
        bytes.extend(key(&rest[open + 1..close], application));
        rest = &rest[close + 1..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The bytes of one key.
fn key(name: &str, application: bool) -> Vec<u8> {
    if let Some(plain) = name.strip_prefix("A-") {
        return [vec![0x1b], key_or_char(plain, application)].concat();
    }
    if let Some(plain) = name.strip_prefix("C-") {
        return control(plain);
    }
    named(name, application).unwrap_or_else(|| panic!("no key is called <{name}>"))
}

/// A key by its name, or a single character.
fn key_or_char(name: &str, application: bool) -> Vec<u8> {
    named(name, application).unwrap_or_else(|| name.as_bytes().to_vec())
}

/// A key held with Control.
fn control(name: &str) -> Vec<u8> {
    match name {
        "Right" => b"\x1b[1;5C".to_vec(),
        "Left" => b"\x1b[1;5D".to_vec(),
        "Space" => vec![0],
        _ if name.len() == 1 => vec![name.as_bytes()[0].to_ascii_uppercase() & 0x1f],
        _ => panic!("no key is called <C-{name}>"),
    }
}

/// A key that has a name of its own.
fn named(name: &str, application: bool) -> Option<Vec<u8>> {
    let cursor = |last: &str| [if application { "\x1bO" } else { "\x1b[" }, last].concat();
    let text = match name {
        "Tab" => "\t".to_owned(),
        "S-Tab" => "\x1b[Z".to_owned(),
        "Enter" => "\r".to_owned(),
        "Esc" => "\x1b".to_owned(),
        "BS" => "\x7f".to_owned(),
        "Space" => " ".to_owned(),
        "lt" => "<".to_owned(),
        "Delete" => "\x1b[3~".to_owned(),
        "PageUp" => "\x1b[5~".to_owned(),
        "PageDown" => "\x1b[6~".to_owned(),
        "Up" => cursor("A"),
        "Down" => cursor("B"),
        "Right" => cursor("C"),
        "Left" => cursor("D"),
        "End" => cursor("F"),
        "Home" => cursor("H"),
        _ => return None,
    };
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_keys_become_bytes() {
        let rows: &[(&str, bool, &[u8])] = &[
            ("git che<Tab>", false, b"git che\t"),
            ("<Down>", false, b"\x1b[B"),
            ("<Down>", true, b"\x1bOB"),
            ("<C-c>x", false, b"\x03x"),
            ("<C-_>", false, b"\x1f"),
            ("<A-f>", false, b"\x1bf"),
            ("a<lt>b", false, b"a<b"),
            ("<C-Right>", true, b"\x1b[1;5C"),
        ];
        for (notation, application, bytes) in rows {
            assert_eq!(encode(notation, *application), *bytes, "{notation}");
        }
    }
}
