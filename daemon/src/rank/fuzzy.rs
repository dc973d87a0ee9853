//! Letters in order: `cmt` matches `commit`.
//!
//! The matching is nucleo's; here names become what it reads, and the places that it found become ranges of bytes.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// The longest name that is looked at, in bytes: the matcher's own limits are far beyond what anyone reads.
const MAX_NAME: usize = 1_024;

/// The longest query, in bytes; nobody types more of a name.
const MAX_QUERY: usize = 128;

/// What is typed, and the room to compare it with one name after the other.
pub(super) struct Fuzzy {
    pattern: Pattern,
    matcher: Matcher,
    /// The name in the form that the matcher reads.
    buffer: Vec<char>,
    /// Which characters of the name matched; filled by [`Fuzzy::ranges`].
    places: Vec<u32>,
}

impl Fuzzy {
    /// `None` for a query that is not matched this way.
    pub(super) fn new(query: &str) -> Option<Fuzzy> {
        let fits = !query.is_empty() && query.len() <= MAX_QUERY;
        fits.then(|| Fuzzy {
            pattern: Pattern::new(query, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy),
            matcher: Matcher::new(config()),
            buffer: Vec::new(),
            places: Vec::new(),
        })
    }

    /// How well a name matches: the more the better.
    pub(super) fn score(&mut self, name: &str) -> Option<u32> {
        if name.len() > MAX_NAME {
            return None;
        }
        self.pattern.score(Utf32Str::new(name, &mut self.buffer), &mut self.matcher)
    }

    /// What matched of a name; bytes, neighbours joined.
    pub(super) fn ranges(&mut self, name: &str) -> Vec<(u32, u32)> {
        self.places.clear();
        if name.len() > MAX_NAME {
            return Vec::new();
        }
        let text = Utf32Str::new(name, &mut self.buffer);
        if self.pattern.indices(text, &mut self.matcher, &mut self.places).is_none() {
            return Vec::new();
        }
        self.places.sort_unstable();
        joined(name, &self.places)
    }
}

/// Matching near the beginning of a name counts for more.
fn config() -> Config {
    let mut config = Config::DEFAULT;
    config.prefer_prefix = true;
    config
}

/// Places of graphemes, in order, as ranges of bytes, neighbours joined.
fn joined(name: &str, places: &[u32]) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for (at, (start, grapheme)) in graphemes(name).enumerate() {
        if places.binary_search(&(at as u32)).is_err() {
            continue;
        }
        let (start, end) = (start as u32, (start + grapheme.len()) as u32);
        match found.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => found.push((start, end)),
        }
    }
    found
}

/// What the matcher counts as one: it reads a name that is all ASCII byte by byte and any other grapheme by grapheme.
fn graphemes(name: &str) -> Box<dyn Iterator<Item = (usize, &str)> + '_> {
    use unicode_segmentation::UnicodeSegmentation;
    if name.is_ascii() {
        return Box::new((0..name.len()).map(|at| (at, &name[at..=at])));
    }
    Box::new(name.grapheme_indices(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn letters_that_begin_words_are_found() {
        for (query, name, places) in [
            ("mr", "MeshRenderer.cpp", vec![(0, 1), (4, 5)]),
            ("co", "commit", vec![(0, 2)]),
            ("cmt", "commit", vec![(0, 1), (2, 3), (5, 6)]),
            ("fb", "fooBar", vec![(0, 1), (3, 4)]),
            ("http", "myHTTPServer", vec![(2, 6)]),
            ("été", "un été", vec![(3, 8)]),
        ] {
            let mut fuzzy = Fuzzy::new(query).expect("a query");
            assert!(fuzzy.score(name).is_some(), "{query} {name}");
            assert_eq!(fuzzy.ranges(name), places, "{query} {name}");
        }
        for (query, name) in [("ab", "ba"), ("aa", "a"), ("x", "")] {
            let mut fuzzy = Fuzzy::new(query).expect("a query");
            assert_eq!((fuzzy.score(name), fuzzy.ranges(name)), (None, vec![]), "{query} {name}");
        }
    }

    #[test]
    fn bounds_hold() {
        assert!(Fuzzy::new("").is_none());
        assert!(Fuzzy::new(&"a".repeat(MAX_QUERY + 1)).is_none());
        let mut fuzzy = Fuzzy::new("a").expect("a query");
        assert_eq!(fuzzy.score(&"a".repeat(MAX_NAME + 1)), None);
    }

    proptest! {
        #[test]
        fn ranges_are_in_order_and_between_characters(name in "[aAbB_ éÉßİ\u{301}-]{0,12}", query in "[abéİ]{1,4}") {
            let mut fuzzy = Fuzzy::new(&query).expect("a query");
            let matches = fuzzy.score(&name).is_some();
            let ranges = fuzzy.ranges(&name);
            prop_assert_eq!(matches, !ranges.is_empty());
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
            prop_assert!(ranges.iter().all(|&(start, end)| name.get(start as usize..end as usize).is_some()));
        }
    }
}
