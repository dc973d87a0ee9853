//! Q's marked lines in a text that belongs to somebody else: adding them, finding them, taking them out again.
//!
//! Pure: bytes in, bytes out. A block is three lines, a mark above and below a line of shell. What is not exactly one of our
//! own lines is never touched, wherever it stands. Notes in the upper mark remember what was added besides the lines
//! themselves, so that taking the block out gives back the bytes that were there before.

/// Begins every upper mark.
const MARK: &str = "# >>> q integrations, ";

/// Ends every upper mark.
const MARK_END: &str = " >>>";

/// The lower mark.
const LOWER: &[u8] = b"# <<< q integrations <<<";

/// Ends our line of shell. As a comment it also takes in the carriage return of a file with such line ends.
const TAG: &[u8] = b" # q integrations";

/// Note: the text before the block did not end in a newline.
const NEWLINE_NOTE: &str = "newline added";

/// Note: the file was made, with so many folders around it.
const MADE_NOTE: &str = "file made, folders: ";

/// Where in a file a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before everything but a `#!` line.
    Top,
    /// After everything.
    Bottom,
}

impl Place {
    fn words(self) -> &'static str {
        match self {
            Place::Top => "keep this at the top",
            Place::Bottom => "keep this at the end",
        }
    }
}

/// One of our blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where it stands.
    pub(crate) place: Place,
    /// One line of shell that begins with `if ` and contains `' init `: by this it is known again.
    pub(crate) code: Vec<u8>,
}

/// How a file stands with respect to the blocks that it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The blocks are there, first and last.
    Installed,
    /// None of our lines is there.
    Absent,
    /// The blocks are there, but something runs before the first or after the last.
    Misplaced,
    /// Some of our lines are there, but not those that this version would write.
    Outdated,
    /// The file asks to be left alone: a line of it is `# q ignore`.
    Ignored,
}

/// A text without our lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Removed {
    /// What is left.
    pub(crate) text: Vec<u8>,
    /// When the file was made for the blocks: how many folders were made around it.
    pub(crate) made: Option<u8>,
}

/// The text with the blocks, which it must not have yet. `made` is for a file that did not exist: the number of folders that
/// are made around it.
pub(crate) fn add(text: &[u8], blocks: &[Block], made: Option<u8>) -> Vec<u8> {
    let mut text = text.to_vec();
    let mut made = made;
    for block in blocks {
        let at = match block.place {
            Place::Top => after_shebang(&text),
            Place::Bottom => text.len(),
        };
        let lines = render(block, &text, at, made.take());
        text.splice(at..at, lines);
    }
    text
}

/// The text without our lines.
pub(crate) fn remove(text: &[u8]) -> Removed {
    let mut left = Vec::with_capacity(text.len());
    let mut made = None;
    let mut added_newline = None;
    for line in lines(text) {
        if !is_ours(line) {
            left.extend_from_slice(line);
            continue;
        }
        let Some(notes) = upper_mark(line) else { continue };
        made = made.or_else(|| notes.iter().find_map(|note| note.strip_prefix(MADE_NOTE)?.parse().ok()));
        if notes.contains(&NEWLINE_NOTE) {
            added_newline = Some((left.len(), line.ends_with(b"\r\n")));
        }
    }
    // Something that was written after the block in the meantime needs the newline.
    if let Some((at, carriage_return)) = added_newline.filter(|(at, _)| *at == left.len()) {
        let newline: &[u8] = if carriage_return { b"\r\n" } else { b"\n" };
        left.truncate(at - if left.ends_with(newline) { newline.len() } else { 0 });
    }
    Removed { text: left, made }
}

/// How the text stands with respect to these blocks.
pub(crate) fn state(text: &[u8], blocks: &[Block]) -> State {
    if lines(text).any(|line| line.trim_ascii() == b"# q ignore") {
        return State::Ignored;
    }
    let ours: Vec<Vec<u8>> = lines(text).filter(|line| is_ours(line)).map(without_notes).collect();
    if ours.is_empty() {
        return State::Absent;
    }
    let expected = add(b"", blocks, None);
    if !ours.iter().map(Vec::as_slice).eq(lines(&expected).map(<[u8]>::trim_ascii)) {
        return State::Outdated;
    }
    let in_place = blocks.iter().all(|block| match block.place {
        Place::Top => lines(text).take_while(|line| !is_ours(line)).all(runs_nothing),
        Place::Bottom => lines(text)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .take_while(|line| !is_ours(line))
            .all(runs_nothing),
    });
    if in_place { State::Installed } else { State::Misplaced }
}

/// The lines of a block at this place of the text, with the newline that must come before them.
fn render(block: &Block, text: &[u8], at: usize, made: Option<u8>) -> Vec<u8> {
    let newline: &[u8] = if has_carriage_returns(text) { b"\r\n" } else { b"\n" };
    let unfinished = at > 0 && text[at - 1] != b'\n';
    let mut mark = format!("{MARK}{}", block.place.words());
    if let Some(folders) = made {
        mark += &format!("; {MADE_NOTE}{folders}");
    }
    if unfinished {
        mark += &format!("; {NEWLINE_NOTE}");
    }
    mark += MARK_END;
    let before: &[u8] = if unfinished { newline } else { b"" };
    [before, mark.as_bytes(), newline, &block.code, TAG, newline, LOWER, newline].concat()
}

/// Whether the first line of the text ends as on Windows.
fn has_carriage_returns(text: &[u8]) -> bool {
    lines(text).next().is_some_and(|line| line.ends_with(b"\r\n"))
}

fn after_shebang(text: &[u8]) -> usize {
    if text.starts_with(b"#!") { lines(text).next().map_or(0, <[u8]>::len) } else { 0 }
}

/// The lines of the text with their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
}

fn is_ours(line: &[u8]) -> bool {
    line.trim_ascii() == LOWER || upper_mark(line).is_some() || is_code(line)
}

fn is_code(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let init = b"' init ";
    line.starts_with(b"if ") && line.ends_with(TAG) && line.windows(init.len()).any(|part| part == init)
}

/// The place and the notes of an upper mark; `None` when the line is none.
fn upper_mark(line: &[u8]) -> Option<Vec<&str>> {
    let line = std::str::from_utf8(line.trim_ascii()).ok()?;
    let inner = line.strip_prefix(MARK)?.strip_suffix(MARK_END)?;
    let mut parts = inner.split("; ");
    let place = parts.next()?;
    let known = [Place::Top, Place::Bottom].iter().any(|known| known.words() == place);
    let notes: Vec<&str> = parts.collect();
    let understood =
        |note: &&str| *note == NEWLINE_NOTE || note.strip_prefix(MADE_NOTE).is_some_and(is_count);
    (known && notes.iter().all(understood)).then_some(notes)
}

fn is_count(text: &str) -> bool {
    text.parse::<u8>().is_ok()
}

/// One of our lines, trimmed, an upper mark without its notes.
fn without_notes(line: &[u8]) -> Vec<u8> {
    let line = line.trim_ascii();
    let has_notes = upper_mark(line).is_some_and(|notes| !notes.is_empty());
    match line.iter().position(|&byte| byte == b';').filter(|_| has_notes) {
        Some(end) => [&line[..end], MARK_END.as_bytes()].concat(),
        None => line.to_vec(),
    }
}

/// Whether a line is blank or a comment.
fn runs_nothing(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.starts_with(b"#")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks() -> Vec<Block> {
        let code = |stage: &str| {
            format!("if [ -x '/o/q' ]; then eval \"$('/o/q' init bash {stage})\"; fi").into_bytes()
        };
        vec![
            Block { place: Place::Top, code: code("pre") },
            Block { place: Place::Bottom, code: code("post") },
        ]
    }

    fn installed(text: &str) -> String {
        String::from_utf8(add(text.as_bytes(), &blocks(), None)).unwrap()
    }

    fn removed(text: &str) -> String {
        String::from_utf8(remove(text.as_bytes()).text).unwrap()
    }

    const PRE: &str = "# >>> q integrations, keep this at the top >>>\n\
        if [ -x '/o/q' ]; then eval \"$('/o/q' init bash pre)\"; fi # q integrations\n\
        # <<< q integrations <<<\n";
    const POST: &str = "# >>> q integrations, keep this at the end >>>\n\
        if [ -x '/o/q' ]; then eval \"$('/o/q' init bash post)\"; fi # q integrations\n\
        # <<< q integrations <<<\n";

    #[test]
    fn blocks_stand_first_and_last() {
        assert_eq!(installed("a\nb\n"), format!("{PRE}a\nb\n{POST}"));
        assert_eq!(installed("#!/bin/bash\na\n"), format!("#!/bin/bash\n{PRE}a\n{POST}"));
        assert_eq!(installed(""), format!("{PRE}{POST}"));
    }

    #[test]
    fn a_file_with_carriage_returns_keeps_them_in_every_line() {
        let text = installed("a\r\nb\r\n");
        assert!(text.split_inclusive('\n').all(|line| line.ends_with("\r\n")), "{text:?}");
        assert_eq!(state(text.as_bytes(), &blocks()), State::Installed);
    }

    #[test]
    fn states_are_told_apart() {
        let table = [
            ("a\n".to_owned(), State::Absent),
            (installed("a\n"), State::Installed),
            (installed("a"), State::Installed),
            (format!("# mine\n\n{}\n# mine\n", installed("a\n")), State::Installed),
            (format!("export A=1\n{}", installed("a\n")), State::Misplaced),
            (format!("{}export A=1\n", installed("a\n")), State::Misplaced),
            (PRE.to_owned(), State::Outdated),
            (installed("a\n").replace("/o/q", "/p/q"), State::Outdated),
            (format!("{PRE}{}", installed("a\n")), State::Outdated),
            (format!("{}  # q ignore\n", installed("a\n")), State::Ignored),
        ];
        for (text, expected) in table {
            assert_eq!(state(text.as_bytes(), &blocks()), expected, "{text}");
        }
    }

    #[test]
    fn a_text_without_a_last_newline_gets_it_back_so() {
        for text in ["a", "#!/bin/sh", "#!/bin/sh\na", "a\r\nb", "a\r", "\r", "\n"] {
            assert_eq!(removed(&installed(text)), text, "{text:?}");
        }
    }

    #[test]
    fn what_was_appended_later_stays_a_line_of_its_own() {
        assert_eq!(removed(&(installed("a") + "export B=1\n")), "a\nexport B=1\n");
    }

    #[test]
    fn only_our_own_lines_go() {
        let near = [
            "# <<< q integrations <<< # mine\n",
            "if true; then echo; fi # q integrations\n",
            "# >>> q integrations, mine >>>\n",
            "# >>> q integrations, keep this at the top; mine >>>\n",
            "# my configuration variables\n",
        ];
        for line in near {
            assert_eq!(removed(line), line);
            assert_eq!(removed(&installed(line)), line);
        }
    }

    #[test]
    fn a_line_inside_of_a_block_stays() {
        let text = installed("a\n").replacen("# <<<", "mine\n# <<<", 1);
        assert_eq!(removed(&text), "mine\na\n");
    }

    #[test]
    fn a_made_file_is_known_again() {
        let text = add(b"", &blocks(), Some(2));
        assert_eq!(remove(&text), Removed { text: Vec::new(), made: Some(2) });
        assert_eq!(state(&text, &blocks()), State::Installed);
        assert_eq!(remove(&add(b"", &blocks(), None)).made, None);
    }

    /// Bytes of rc files: mostly lines of the usual sorts, some of them close to ours, some with odd ends.
    fn user_text() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..12),
            "(#!/bin/bash|# comment|export A=1|if true; then|# >>> q integrations|fi # q integrations|)"
                .prop_map(String::into_bytes),
        ];
        let end = prop_oneof![Just("\n"), Just("\r\n"), Just(""), Just("\n\n")];
        proptest::collection::vec((line, end), 0..8)
            .prop_map(|lines| lines.iter().flat_map(|(line, end)| [line, end.as_bytes()].concat()).collect())
    }

    proptest! {
        #[test]
        fn removing_gives_back_every_byte(text in user_text()) {
            let added = add(&text, &blocks(), None);
            prop_assert_eq!(remove(&added).text, text.clone());
            prop_assert_eq!(state(&added, &blocks()), State::Installed);
            prop_assert_eq!(add(&remove(&added).text, &blocks(), None), added);
        }

        #[test]
        fn whatever_is_written_around_the_blocks_stays(text in user_text(), new in "[a-z ]{0,9}", at in 0usize..20) {
            let added = add(&text, &blocks(), None);
            let mut lines: Vec<&[u8]> = lines(&added).collect();
            let line = format!("{new}\n");
            lines.insert(at % (lines.len() + 1), line.as_bytes());
            let edited = lines.concat();
            let left = remove(&edited).text;
            let ours: Vec<u8> = edited.split_inclusive(|&byte| byte == b'\n').filter(|line| !is_ours(line)).flatten().copied().collect();
            // Nothing of the user's is lost; at most the newline that was added with the blocks.
            prop_assert!(ours == left || ours == [&left[..], b"\n"].concat() || ours == [&left[..], b"\r\n"].concat());
            prop_assert_eq!(state(&left, &blocks()), State::Absent);
        }

        #[test]
        fn lines_appended_in_the_usual_way_stay(text in user_text(), new in "[a-z ]{1,9}") {
            let whole = if text.is_empty() || text.ends_with(b"\n") { text.clone() } else { [&text[..], b"\n"].concat() };
            let edited = [&add(&whole, &blocks(), None)[..], new.as_bytes(), b"\n"].concat();
            prop_assert_eq!(remove(&edited).text, [&whole[..], new.as_bytes(), b"\n"].concat());
        }
    }
}
