//! A name to a word that the shell reads as exactly that name, in the quotes that are open at the cursor.
//!
//! Outside quotes everything but an allow-list is escaped with a backslash, which reads best for the common space.
//! Characters that a terminal would obey or that hide what follows are written as escapes (`$'…'`, in fish outside
//! quotes), whatever the style, by leaving the quotes for them.

use protocol::Shell;

use super::lex::Quote;

/// How a word begins in this style.
pub fn open(style: Quote) -> &'static str {
    match style {
        Quote::None => "",
        Quote::Single => "'",
        Quote::Double => "\"",
        Quote::Ansi => "$'",
    }
}

/// How a word ends in this style.
pub fn close(style: Quote) -> &'static str {
    match style {
        Quote::None => "",
        Quote::Single | Quote::Ansi => "'",
        Quote::Double => "\"",
    }
}

/// Whether this character is never written as it is: controls, line separators, marks that turn or hide text, and tags,
/// which are not seen at all.
pub fn is_hazard(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether this character is written as an escape in this shell. fish uses some code points for itself: for bytes that
/// are no text, for keys and for wildcards.
fn is_escaped(c: char, shell: Shell) -> bool {
    is_hazard(c) || shell == Shell::Fish && is_own_of_fish(c)
}

fn is_own_of_fish(c: char) -> bool {
    matches!(c, '\u{f500}'..='\u{f73f}' | '\u{fdd0}'..='\u{fdef}')
}

/// A whole word: quoted in this style, with its quotes.
pub fn word(text: &str, shell: Shell, style: Quote) -> String {
    if text.is_empty() && style == Quote::None {
        return "''".into();
    }
    [open(style), &inside(text, shell, style, true), close(style)].concat()
}

/// What stands between the quotes of this style, or behind what is already typed of the word.
/// `first`: the word begins with it.
pub fn inside(text: &str, shell: Shell, style: Quote, first: bool) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escaped = is_escaped(c, shell);
        let run = rest.find(|c| is_escaped(c, shell) != escaped).unwrap_or(rest.len());
        let (part, after) = rest.split_at(run);
        if escaped {
            hazards(part, shell, style, &mut out);
        } else {
            visible(part, shell, style, first && rest.len() == text.len(), &mut out);
        }
        rest = after;
    }
    out
}

/// Hazards, outside the quotes of `style`.
fn hazards(text: &str, shell: Shell, style: Quote, out: &mut String) {
    if style == Quote::Ansi {
        return text.chars().for_each(|c| ansi_bytes(c, out));
    }
    out.push_str(close(style));
    if shell == Shell::Fish {
        text.chars().for_each(|c| fish_escape(c, out));
    } else {
        out.push_str("$'");
        text.chars().for_each(|c| ansi_bytes(c, out));
        out.push('\'');
    }
    out.push_str(open(style));
}

/// The bytes of a character in octal: they read the same in every locale, unlike `\u`.
fn ansi_bytes(c: char, out: &mut String) {
    match c {
        '\n' => return out.push_str("\\n"),
        '\t' => return out.push_str("\\t"),
        _ => {}
    }
    let mut buffer = [0; 4];
    for byte in c.encode_utf8(&mut buffer).bytes() {
        out.push_str(&format!("\\{byte:03o}"));
    }
}

fn fish_escape(c: char, out: &mut String) {
    let mut buffer = [0; 4];
    match c as u32 {
        0x0a => out.push_str("\\n"),
        0x09 => out.push_str("\\t"),
        code @ ..0x80 => out.push_str(&format!("\\x{code:02x}")),
        _ if is_own_of_fish(c) => {
            c.encode_utf8(&mut buffer).bytes().for_each(|byte| out.push_str(&format!("\\X{byte:02x}")));
        }
        code @ ..0x10000 => out.push_str(&format!("\\u{code:04x}")),
        code => out.push_str(&format!("\\U{code:08x}")),
    }
}

fn visible(text: &str, shell: Shell, style: Quote, first: bool, out: &mut String) {
    for (at, c) in text.char_indices() {
        match style {
            Quote::None => bare(c, shell, first && at == 0, out),
            Quote::Single => single(c, shell, out),
            Quote::Double => double(c, shell, out),
            Quote::Ansi => ansi(c, out),
        }
    }
}

fn bare(c: char, shell: Shell, first: bool, out: &mut String) {
    let safe = c.is_ascii_alphanumeric()
        || matches!(c, '_' | '-' | '.' | '/' | '+' | ':' | '@' | ',')
        || c == '=' && !first
        || c == '%' && !first
        || c == '~' && shell != Shell::Zsh && out.ends_with(|c: char| c.is_ascii_alphanumeric())
        || !c.is_ascii() && !c.is_whitespace();
    if !safe {
        out.push('\\');
    }
    out.push(c);
}

fn single(c: char, shell: Shell, out: &mut String) {
    match c {
        '\'' if shell != Shell::Fish => out.push_str("'\\''"),
        '\'' => out.push_str("\\'"),
        '\\' if shell == Shell::Fish => out.push_str("\\\\"),
        _ => out.push(c),
    }
}

fn double(c: char, shell: Shell, out: &mut String) {
    match c {
        // History expansion happens inside double quotes, where a backslash would stay.
        '!' if shell != Shell::Fish => out.push_str("\"\\!\""),
        '"' | '\\' | '$' => out.extend(['\\', c]),
        '`' if shell != Shell::Fish => out.push_str("\\`"),
        _ => out.push(c),
    }
}

fn ansi(c: char, out: &mut String) {
    if matches!(c, '\'' | '\\') {
        out.push('\\');
    }
    // History expansion looks into `$'…'` in bash.
    if c == '!' {
        return out.push_str("\\041");
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::lex::lex;

    const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    fn styles(shell: Shell) -> &'static [Quote] {
        match shell {
            Shell::Fish => &[Quote::None, Quote::Single, Quote::Double],
            _ => &[Quote::None, Quote::Single, Quote::Double, Quote::Ansi],
        }
    }

    #[test]
    fn names_read_well() {
        for (name, style, expected) in [
            ("My Documents", Quote::None, "My\\ Documents"),
            ("My Documents", Quote::Double, "\"My Documents\""),
            ("it's", Quote::Single, "'it'\\''s'"),
            ("a;rm -rf x", Quote::None, "a\\;rm\\ -rf\\ x"),
            ("$HOME", Quote::Double, "\"\\$HOME\""),
            ("wow!", Quote::Double, "\"wow\"\\!\"\""),
            ("a\nb", Quote::None, "a$'\\n'b"),
            ("\u{1b}[31m", Quote::Double, "\"\"$'\\033'\"[31m\""),
            ("", Quote::None, "''"),
            ("Zürich", Quote::None, "Zürich"),
        ] {
            assert_eq!(word(name, Shell::Bash, style), expected, "{name:?} in {style:?}");
        }
        assert_eq!(word("=ls", Shell::Zsh, Quote::None), "\\=ls");
        assert_eq!(word("a\nb", Shell::Fish, Quote::Single), "'a'\\n'b'");
    }

    /// Text with more than its share of what shells care about.
    fn names() -> impl Strategy<Value = String> {
        let special = prop::sample::select(
            " \t\n'\"\\$`!~=#*?[]{}()<>|&;^%,:@-./é日\u{1b}\u{7f}\u{85}\u{202e}".chars().collect::<Vec<_>>(),
        );
        let any = prop_oneof![3 => special, 2 => prop::char::range('a', 'z'), 1 => any::<char>().prop_filter("no NUL", |c| *c != '\0')];
        prop::collection::vec(any, 0..12).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn lexing_what_was_quoted_gives_the_name(name in names()) {
            for shell in SHELLS {
                for style in styles(shell) {
                    let line = format!("x {}", word(&name, shell, *style));
                    let lexed = lex(&line, line.len(), shell);
                    let words = &lexed.command().expect("a command at the cursor").words;
                    prop_assert_eq!(words.len(), 2, "{}", line);
                    prop_assert_eq!(&words[1].text, &name, "{} in {:?}", line, shell);
                    prop_assert!(words[1].closed);
                }
            }
        }
    }
}
