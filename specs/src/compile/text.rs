//! The texts of a spec, cleaned once so that nobody has to clean them at every key.

/// The longest description that is kept, in characters. The dropdown shows one line; what is longer is a manual page
/// (the longest of the corpus has 27,000 characters).
pub(super) const MAX_DESCRIPTION: usize = 400;

/// Where a cut description may end early rather than in mid-sentence, in characters: not so early that it says nothing.
const MIN_SENTENCE: usize = 120;

/// The names that can be typed: not empty, without control characters (a tab at the end is only a slip), in order.
pub(super) fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let trimmed = names.into_iter().map(|name| name.trim_matches(char::is_control));
    let typable = |name: &&str| !name.is_empty() && !name.chars().any(char::is_control);
    trimmed.filter(typable).map(str::to_owned).collect()
}

/// A text on one line: white space runs become one space, control characters go.
pub(super) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let start = line.len();
        if start > 0 {
            line.push(' ');
        }
        let gap = line.len();
        line.extend(word.chars().filter(|character| !character.is_control()));
        if line.len() == gap {
            line.truncate(start);
        }
    }
    line
}

/// A description on one line, cut at the end of a sentence or else of a word when it is too long.
pub(super) fn description(text: &str) -> String {
    let mut line = line(text);
    let Some((limit, _)) = line.char_indices().nth(MAX_DESCRIPTION) else { return line };
    let Some((least, _)) = line.char_indices().nth(MIN_SENTENCE) else { return line };
    // One byte more, so that a sentence or word that ends exactly at the limit is seen to end there.
    let head = line.get(..=limit).unwrap_or(&line[..limit]);
    if let Some(end) = head.rfind(". ").filter(|end| *end >= least) {
        line.truncate(end + 1);
        return line;
    }
    let end = head.rfind(' ').filter(|end| *end >= least).unwrap_or(limit);
    line.truncate(end.min(limit));
    line.push('…');
    line
}

/// Whether an icon can be drawn without asking the network: an emoji or a `fig://` address.
pub(super) fn is_icon(icon: &str) -> bool {
    let remote = icon.starts_with("https:") || icon.starts_with("http:");
    !icon.is_empty() && !remote && !icon.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_typed() {
        assert_eq!(names(["amqp\t", "", "\t", "-\u{1b}[2J", "a b"]), ["amqp", "a b"]);
    }

    #[test]
    fn a_text_becomes_one_clean_line() {
        for (text, expected) in [
            ("plain", "plain"),
            ("  two\n\tlines \r\n", "two lines"),
            ("bell\u{7} \u{1b}[31m red", "bell [31m red"),
            ("\u{7}", ""),
            ("a \u{7} b", "a b"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_description_ends_with_a_sentence() {
        let sentence = format!("{}.", "a".repeat(200));
        let long = format!("{sentence} {}", "b ".repeat(300));
        assert_eq!(description(&long), sentence);
    }

    #[test]
    fn a_long_sentence_ends_with_a_word() {
        let cut = description(&"wörter ".repeat(200));
        assert!(cut.ends_with("wörter…"), "{cut}");
        assert!(cut.chars().count() <= MAX_DESCRIPTION + 1);
    }

    #[test]
    fn a_long_word_is_cut_between_characters() {
        assert_eq!(description(&"ö".repeat(1000)), format!("{}…", "ö".repeat(MAX_DESCRIPTION)));
    }

    #[test]
    fn a_description_at_the_limit_is_kept_whole() {
        let exact = "a".repeat(MAX_DESCRIPTION);
        assert_eq!(description(&exact), exact);
    }

    #[test]
    fn remote_icons_are_not_drawn() {
        assert!(is_icon("📦") && is_icon("fig://icon?type=git"));
        assert!(!is_icon("https://example.org/icon.png") && !is_icon("\u{1b}[2J") && !is_icon(""));
    }
}
