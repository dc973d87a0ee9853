//! Strings of anyone as text that is safe and has the same width on every terminal.
//!
//! Control, bidirectional and invisible characters become visible escapes; sequences about whose width terminals
//! disagree (flags, joined emoji, skin tones, emoji presentation) become their plain form. Each piece remembers which
//! bytes of the string it stands for, so that matched characters can be found again.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Most bytes of a string that are looked at: more than any row shows, however long the name of a file is.
const MAX_BYTES: usize = 1024;

/// Most marks kept on one character: enough for every script, too few to paint over other rows.
const MAX_MARKS: usize = 3;

/// A piece of text that is never cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glyph {
    /// What is printed.
    pub(super) text: String,
    /// Its columns.
    pub(super) width: usize,
    /// The bytes of the string that it stands for; empty when it stands for none.
    pub(super) bytes: std::ops::Range<usize>,
}

impl Glyph {
    /// Whether its width is beyond doubt on every terminal.
    pub(super) fn is_plain(&self) -> bool {
        self.text.is_ascii() || matches!(self.text.as_str(), "…" | "▸" | "↺")
    }
}

/// The pieces of a string.
pub(super) fn glyphs(text: &str, ascii: bool) -> Vec<Glyph> {
    let text = head(text, MAX_BYTES);
    text.grapheme_indices(true)
        .map(|(start, grapheme)| {
            let shown = plain(grapheme, ascii);
            Glyph { width: columns(&shown), text: shown, bytes: start..start + grapheme.len() }
        })
        .collect()
}

/// Columns of the pieces of a string. Fast for what most strings are.
pub(super) fn width(text: &str, ascii: bool) -> usize {
    match text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        true => text.len().min(MAX_BYTES),
        false => total(&glyphs(text, ascii)),
    }
}

/// Columns of several pieces.
pub(super) fn total(glyphs: &[Glyph]) -> usize {
    glyphs.iter().map(|glyph| glyph.width).sum()
}

/// As many pieces from the start as fit.
pub(super) fn clip(glyphs: Vec<Glyph>, room: usize) -> Vec<Glyph> {
    let mut used = 0;
    glyphs
        .into_iter()
        .take_while(|glyph| {
            used += glyph.width;
            used <= room
        })
        .collect()
}

/// The pieces, cut at the end with an ellipsis when there are more than fit.
pub(super) fn cut_end(glyphs: Vec<Glyph>, room: usize, ellipsis: char) -> Vec<Glyph> {
    if total(&glyphs) <= room {
        return glyphs;
    }
    let Some(left) = room.checked_sub(1) else { return Vec::new() };
    let mut kept = clip(glyphs, left);
    kept.truncate(kept.iter().rposition(|glyph| glyph.text != " ").map_or(0, |last| last + 1));
    kept.push(mark(ellipsis));
    kept
}

/// The pieces, cut in the middle with an ellipsis when there are more than fit: names often differ at their ends.
pub(super) fn cut_middle(glyphs: Vec<Glyph>, room: usize, ellipsis: char) -> Vec<Glyph> {
    if total(&glyphs) <= room {
        return glyphs;
    }
    let Some(left) = room.checked_sub(1) else { return Vec::new() };
    let tail_room = left / 2;
    let mut tail = Vec::new();
    let mut used = 0;
    for glyph in glyphs.iter().rev() {
        used += glyph.width;
        if used > tail_room {
            break;
        }
        tail.push(glyph.clone());
    }
    let mut kept = clip(glyphs, left - total(&tail));
    kept.push(mark(ellipsis));
    kept.extend(tail.into_iter().rev());
    kept
}

/// Breaks a description into lines of words. White space of any kind is one blank.
pub(super) fn wrap(text: &str, room: usize, lines: usize, ascii: bool, ellipsis: char) -> Vec<Vec<Glyph>> {
    let mut wrapped: Vec<Vec<Glyph>> = Vec::new();
    for word in head(text, MAX_BYTES).split_whitespace() {
        let word = glyphs(word, ascii);
        let is_last = wrapped.len() == lines;
        match wrapped.last_mut() {
            Some(line) if is_last || total(line) + 1 + total(&word) <= room => {
                line.push(mark(' '));
                line.extend(word);
            }
            _ => wrapped.push(word),
        }
    }
    wrapped.into_iter().take(lines).map(|line| cut_end(line, room, ellipsis)).collect()
}

/// A piece that stands for nothing in the string.
pub(super) fn mark(c: char) -> Glyph {
    Glyph { text: c.to_string(), width: 1, bytes: 0..0 }
}

/// At most so many bytes from the start, in whole characters.
fn head(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What is shown for one grapheme.
fn plain(grapheme: &str, ascii: bool) -> String {
    if ascii && grapheme == "…" {
        return "...".into();
    }
    if ascii && !grapheme.is_ascii() {
        return grapheme.chars().map(escape).collect();
    }
    let mut chars = grapheme.chars();
    let Some(base) = chars.next() else { return String::new() };
    if let Some(letters) = flag(grapheme) {
        return letters;
    }
    if is_pictograph(base) && chars.clone().any(|c| c == '\u{200d}' || is_modifier(c)) {
        return base.to_string();
    }
    let is_bare_mark = base.width().is_none_or(|width| width == 0) || is_modifier(base);
    if is_bare_mark || grapheme.chars().any(is_hidden) {
        return grapheme.chars().map(escape).collect();
    }
    let marks = chars.filter(|&c| !is_presentation(c)).take(MAX_MARKS);
    std::iter::once(base).chain(marks).collect()
}

/// The letters of a flag.
fn flag(grapheme: &str) -> Option<String> {
    let letter = |c: char| char::from_u32(u32::from(c).checked_sub(0x1f1e6)? + u32::from('A'));
    let letters: Option<String> = grapheme.chars().map(letter).collect();
    letters.filter(|letters| letters.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// A character as a visible escape, or itself if it needs none.
fn escape(c: char) -> String {
    match c {
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\0'..='\x1f' => format!("^{}", char::from(c as u8 + 0x40)),
        '\x7f' => "^?".into(),
        ' '..='~' => c.to_string(),
        _ => format!("\\u{{{:x}}}", u32::from(c)),
    }
}

/// Chooses between text and emoji presentation.
fn is_presentation(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{20e3}')
}

/// What can be joined to a picture of several people or given a skin tone.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2300}'..='\u{23ff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}')
}

/// A skin tone.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Characters that change what is seen around them, or are not seen at all.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Columns of safe text, as terminals count them: character by character.
fn columns(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        join(&glyphs(text, false))
    }

    fn join(glyphs: &[Glyph]) -> String {
        glyphs.iter().map(|glyph| glyph.text.as_str()).collect()
    }

    #[test]
    fn hostile_characters_are_visible() {
        for (text, safe) in [
            ("plain é 日本", "plain é 日本"),
            ("evil\nrm -rf", "evil\\nrm -rf"),
            ("\x1b[31m\x07\x7f", "^[[31m^G^?"),
            ("a\u{9b}31m", "a\\u{9b}31m"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("a\u{200d}b\u{200b}c", "a\\u{200d}b\\u{200b}c"),
            ("soft\u{ad}hyphen", "soft\\u{ad}hyphen"),
            ("\r\n", "\\r\\n"),
            ("\u{301}", "\\u{301}"),
        ] {
            assert!(!shown(text).chars().any(is_hidden), "{text:?}");
            assert_eq!(shown(text), safe, "{text:?}");
        }
    }

    #[test]
    fn sequences_of_doubtful_width_are_plain() {
        for (text, safe) in [
            ("⚠\u{fe0f}", "⚠"),
            ("👍🏻", "👍"),
            ("👨\u{200d}👩\u{200d}👧", "👨"),
            ("🇩🇪", "DE"),
            ("1\u{fe0f}\u{20e3}", "1"),
            ("e\u{301}", "e\u{301}"),
        ] {
            assert_eq!(shown(text), safe, "{text:?}");
        }
    }

    #[test]
    fn many_marks_on_one_character_are_few() {
        assert_eq!(shown(&format!("a{}b", "\u{301}".repeat(100))), "a\u{301}\u{301}\u{301}b");
    }

    #[test]
    fn without_utf8_everything_is_ascii() {
        assert_eq!(join(&glyphs("é日…", true)), "\\u{e9}\\u{65e5}...");
    }

    #[test]
    fn cutting_keeps_both_ends_and_the_width() {
        for (text, room, cut) in [
            ("abcdefghij", 10, "abcdefghij"),
            ("abcdefghij", 7, "abc…hij"),
            ("abcdefghij", 4, "ab…j"),
            ("日本語日本語", 6, "日…語"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            let cut_text = cut_middle(glyphs(text, false), room, '…');
            assert_eq!(join(&cut_text), cut, "{text} in {room}");
            assert!(total(&cut_text) <= room);
        }
        assert_eq!(join(&cut_end(glyphs("abcdef", false), 4, '…')), "abc…");
    }

    #[test]
    fn descriptions_are_wrapped_at_words() {
        let lines = |text, lines| -> Vec<String> {
            wrap(text, 10, lines, false, '…').iter().map(|line| join(line)).collect()
        };
        assert_eq!(lines("switch\nbranches or restore", 3), ["switch", "branches", "or restore"]);
        assert_eq!(lines("switch branches or restore", 2), ["switch", "branches…"]);
        assert_eq!(lines("extraordinarily", 2), ["extraordi…"]);
        assert!(lines(" \n ", 2).is_empty());
    }

    #[test]
    fn pieces_know_their_bytes_and_widths() {
        let pieces = glyphs("a\n日", false);
        assert_eq!((width("a\n日", false), width("abc", false)), (5, 3));
        let bytes: Vec<_> = pieces.iter().map(|piece| piece.bytes.clone()).collect();
        assert_eq!(bytes, [0..1, 1..2, 2..5]);
    }
}
