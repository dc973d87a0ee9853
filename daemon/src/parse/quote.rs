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

/// Whether this character is never written as it is: controls, line separators, marks that turn or hide text.
pub fn is_hazard(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
        let run =
            rest.find(|c| is_hazard(c) != is_hazard(rest.chars().next().unwrap_or(c))).unwrap_or(rest.len());
        let (part, after) = rest.split_at(run);
        if is_hazard(c) {
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
    match c as u32 {
        0x0a => out.push_str("\\n"),
        0x09 => out.push_str("\\t"),
        code @ ..0x80 => out.push_str(&format!("\\x{code:02x}")),
        code => out.push_str(&format!("\\u{code:04x}")),
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
        || c == '~' && !first && shell != Shell::Zsh && !out.ends_with([':', '='])
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
    use proptest::strategy::ValueTree;

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

    /// Runs a real shell over all words at once; `None` when it is not installed.
    fn judge(shell: Shell, words: &[String]) -> Option<Vec<u8>> {
        let mut script = String::new();
        for word in words {
            script.push_str(&format!("printf '%s\\0' {word}\n"));
        }
        let mut command = std::process::Command::new(shell.name());
        match shell {
            Shell::Bash => command.args(["--norc", "--noprofile", "-c"]),
            Shell::Zsh => command.args(["-f", "-o", "extendedglob", "-c"]),
            Shell::Fish => command.args(["--no-config", "-c"]),
        };
        // Even without its configuration fish makes folders in the home directory.
        let home = tempfile::tempdir().ok()?;
        let output = command.arg(script).env("LC_ALL", "C.UTF-8").env("HOME", home.path()).output().ok()?;
        Some(output.stdout)
    }

    #[test]
    fn real_shells_read_the_names_back() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let samples: Vec<String> = (0..200)
            .map(|_| names().new_tree(&mut runner).expect("a name").current())
            .chain(
                ["-rf", "~", "~root", "=ls", "#x", "a b", "!", "!!", "%1", "%self", "^x"].map(String::from),
            )
            .collect();
        for shell in SHELLS {
            for style in styles(shell) {
                let words: Vec<String> = samples.iter().map(|name| word(name, shell, *style)).collect();
                let Some(read) = judge(shell, &words) else { continue };
                let read: Vec<&[u8]> = read.split(|byte| *byte == 0).collect();
                for (at, name) in samples.iter().enumerate() {
                    assert_eq!(read.get(at).copied(), Some(name.as_bytes()), "{} in {shell:?}", words[at]);
                }
            }
        }
    }
}
