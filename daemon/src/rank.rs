//! Which drafts match what is typed, and in what order they are shown.
//!
//! Exact names first, then names that begin with what is typed, in the same case before another one, then, when the
//! spec asks for it, names that contain its letters in order. Within a tier the higher priority comes first, and what
//! is equal keeps the order in which it was collected. Dangerous rows never come first. Sources are not known here.

use std::cmp::{Ordering, Reverse};
use std::collections::HashSet;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::candidates::{Draft, Insert};

/// How many rows are ever answered: more than anyone scrolls through, and a bound for the size of an answer.
pub const MAX_CANDIDATES: usize = 2000;

/// The priority of what says nothing of it.
const DEFAULT_PRIORITY: f64 = 50.0;

/// Priorities that say nothing special about a row.
const ORDINARY: std::ops::RangeInclusive<f64> = 50.0..=75.0;

/// Stands between the names that are shown of a row.
const SEPARATOR: &str = ", ";

/// Drafts that are matched with the same part of the word.
#[derive(Debug, Default)]
pub struct Group {
    /// What is typed of that part.
    pub query: String,
    /// Where it begins in the text of the word.
    pub from: usize,
    /// The drafts in their natural order.
    pub drafts: Vec<Draft>,
}

/// A draft that matches.
#[derive(Debug)]
pub struct Ranked {
    /// What it is.
    pub draft: Draft,
    /// Which of its names matched.
    pub name: usize,
    /// Where its part of the word begins.
    pub from: usize,
    /// Its priority, usage included.
    pub priority: f64,
    /// What matched, in bytes of `shown`.
    pub matches: Vec<(u32, u32)>,
    /// What is shown.
    pub shown: String,
}

/// Ranges of bytes that matched.
type Ranges = Vec<(u32, u32)>;

/// How a draft matches.
struct Match {
    score: Score,
    /// Which of its names is taken.
    name: usize,
    /// In bytes of what is shown.
    ranges: Ranges,
}

/// How well a name matches; the greater the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Score {
    /// Its letters appear in order; how closely.
    Fuzzy(u32),
    PrefixOtherCase,
    Prefix,
    ExactOtherCase,
    Exact,
}

/// The priority of a row that was accepted before: it stands above all that have an ordinary one. The way up is taken
/// too often to mean anything.
fn used(priority: f64, boost: f64, name: &str) -> f64 {
    match boost > 0.0 && name != "../" {
        true if ORDINARY.contains(&priority) => ORDINARY.end() + boost,
        true => priority + boost,
        false => priority,
    }
}

/// Matches and orders. `boost` is what usage adds to the priority of a name.
pub fn rank(groups: Vec<Group>, fuzzy: bool, limit: usize, boost: impl Fn(&str) -> f64) -> Vec<Ranked> {
    let mut found: Vec<(Score, Ranked)> = Vec::new();
    let mut seen = HashSet::new();
    for group in groups {
        let mut query = Query::new(&group.query, fuzzy);
        for draft in group.drafts {
            let Some((score, ranked)) = query.rate(draft, group.from, &boost) else { continue };
            let draft = &ranked.draft;
            if seen.insert((draft.names[ranked.name].clone(), draft.insert.clone(), draft.display.clone())) {
                found.push((score, ranked));
            }
        }
    }
    found.sort_by(|(a_score, a), (b_score, b)| {
        let priority = b.priority.partial_cmp(&a.priority).unwrap_or(Ordering::Equal);
        Reverse(a_score).cmp(&Reverse(b_score)).then(priority)
    });
    let mut rows: Vec<Ranked> = found.into_iter().map(|(_, ranked)| ranked).collect();
    lead_with_harmless(&mut rows);
    rows.truncate(if limit == 0 { MAX_CANDIDATES } else { limit.min(MAX_CANDIDATES) });
    rows
}

/// A dangerous row is not the first one while there is another.
fn lead_with_harmless(rows: &mut [Ranked]) {
    if let Some(at) = rows.iter().position(|row| !row.draft.dangerous) {
        rows[..=at].rotate_right(1);
    }
}

/// What is typed, ready to be compared.
struct Query<'a> {
    text: &'a str,
    fuzzy: Option<(Matcher, Pattern)>,
}

impl<'a> Query<'a> {
    fn new(text: &'a str, fuzzy: bool) -> Query<'a> {
        let pattern = || {
            Pattern::new(
                text,
                CaseMatching::Ignore,
                Normalization::Smart,
                nucleo_matcher::pattern::AtomKind::Fuzzy,
            )
        };
        let fuzzy = (fuzzy && !text.is_empty()).then(|| (Matcher::new(config()), pattern()));
        Query { text, fuzzy }
    }

    fn rate(&mut self, draft: Draft, from: usize, boost: &impl Fn(&str) -> f64) -> Option<(Score, Ranked)> {
        let Match { score, name, ranges } = self.best(&draft).filter(|_| !draft.names.is_empty())?;
        if draft.hidden && (score < Score::ExactOtherCase || self.text.is_empty()) {
            return None;
        }
        let shown = draft.display.clone().unwrap_or_else(|| draft.names.join(SEPARATOR));
        let priority = draft.priority.unwrap_or(DEFAULT_PRIORITY).clamp(0.0, 100.0);
        let priority = used(priority, boost(&draft.names[name]), &draft.names[name]);
        Some((score, Ranked { draft, name, from, priority, matches: ranges, shown }))
    }

    /// How well it matches, the first of its names that does, and what of it is shown as matching. The first name is
    /// the one that the spec prefers: `npm i` becomes `npm install`.
    fn best(&mut self, draft: &Draft) -> Option<Match> {
        if self.text.is_empty() {
            return Some(Match { score: Score::Prefix, name: 0, ranges: Vec::new() });
        }
        let folder = matches!(draft.insert, Insert::PathEntry);
        let mut best: Option<Match> = None;
        let mut offset = 0;
        for (name, text) in draft.names.iter().enumerate() {
            match (self.score(text, folder), &mut best) {
                (Some((score, _)), Some(best)) => best.score = best.score.max(score),
                (Some((score, ranges)), None) => {
                    best = Some(Match { score, name, ranges: shifted(ranges, offset) })
                }
                (None, _) => {}
            }
            offset += (text.len() + SEPARATOR.len()) as u32;
        }
        match &draft.display {
            Some(display) => self.with_display(best, display),
            None => best,
        }
    }

    /// What is shown in place of the names is matched too, and only it is marked.
    fn with_display(&mut self, named: Option<Match>, display: &str) -> Option<Match> {
        let shown = self.score(display, false);
        let score = named.as_ref().map(|named| named.score).max(shown.as_ref().map(|(score, _)| *score))?;
        let ranges = shown.map(|(_, ranges)| ranges).unwrap_or_default();
        Some(Match { score, name: named.map_or(0, |named| named.name), ranges })
    }

    fn score(&mut self, name: &str, folder: bool) -> Option<(Score, Ranges)> {
        let length = prefix_length(name, self.text);
        if let Some(length) = length {
            let rest = &name[length..];
            let exact = rest.is_empty() || folder && rest == "/";
            let same_case = name.starts_with(self.text);
            let score = match (exact, same_case) {
                (true, true) => Score::Exact,
                (true, false) => Score::ExactOtherCase,
                (false, true) => Score::Prefix,
                (false, false) => Score::PrefixOtherCase,
            };
            return Some((score, vec![(0, length as u32)]));
        }
        let (matcher, pattern) = self.fuzzy.as_mut()?;
        let mut buffer = Vec::new();
        let mut indices = Vec::new();
        let score = pattern.indices(Utf32Str::new(name, &mut buffer), matcher, &mut indices)?;
        Some((Score::Fuzzy(score), ranges(name, indices)))
    }
}

/// Matching near the beginning of a name counts for more.
fn config() -> Config {
    let mut config = Config::DEFAULT;
    config.prefer_prefix = true;
    config
}

/// Moves ranges to where the name stands in what is shown.
fn shifted(ranges: Ranges, by: u32) -> Ranges {
    ranges.into_iter().map(|(start, end)| (start + by, end + by)).collect()
}

/// How many bytes of `name` its beginning `query` takes, whatever the case.
fn prefix_length(name: &str, query: &str) -> Option<usize> {
    if name.starts_with(query) {
        return Some(query.len());
    }
    let mut rest = name.chars();
    for wanted in query.chars() {
        let c = rest.next()?;
        if c != wanted && !c.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(name.len() - rest.as_str().len())
}

/// Character indices as ranges of bytes, neighbours joined.
fn ranges(name: &str, mut indices: Vec<u32>) -> Ranges {
    indices.sort_unstable();
    indices.dedup();
    let mut found: Ranges = Vec::new();
    for (at, (byte, c)) in name.char_indices().enumerate() {
        if indices.binary_search(&(at as u32)).is_err() {
            continue;
        }
        let (start, end) = (byte as u32, (byte + c.len_utf8()) as u32);
        match found.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => found.push((start, end)),
        }
    }
    found
}

/// Compares names as the root collation of Unicode does for ASCII: punctuation, digits, letters whatever their case;
/// lower case first when all else is equal.
pub fn collate(a: &str, b: &str) -> Ordering {
    let primary = a.chars().map(weight).cmp(b.chars().map(weight));
    primary.then_with(|| b.cmp(a))
}

/// The rank of a character among all.
fn weight(c: char) -> u32 {
    const PUNCTUATION: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    if c.is_ascii_alphabetic() {
        return 0x100 + c.to_ascii_lowercase() as u32;
    }
    if c.is_ascii_digit() {
        return 0x80 + c as u32;
    }
    match PUNCTUATION.find(c) {
        Some(at) => at as u32 + 1,
        None => 0x1000 + c as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str) -> Draft {
        Draft { names: name.split(',').map(String::from).collect(), ..Draft::default() }
    }

    fn names(query: &str, fuzzy: bool, drafts: Vec<Draft>) -> Vec<String> {
        let group = Group { query: query.into(), from: 0, drafts };
        rank(vec![group], fuzzy, 0, |_| 0.0)
            .into_iter()
            .map(|row| row.draft.names[row.name].clone())
            .collect()
    }

    #[test]
    fn better_matches_come_first() {
        let drafts =
            || ["Bu", "bundle", "build", "BU", "bu", "abu"].into_iter().map(draft).collect::<Vec<_>>();
        assert_eq!(names("bu", false, drafts()), ["bu", "Bu", "BU", "bundle", "build"]);
        assert_eq!(names("bu", true, drafts()).last().map(String::as_str), Some("abu"));
        assert_eq!(names("bd", false, drafts()), Vec::<String>::new());
    }

    #[test]
    fn priorities_order_a_tier_and_zero_is_zero() {
        let with = |name: &str, priority| Draft { priority: Some(priority), ..draft(name) };
        let drafts = || vec![with("zero", 0.0), draft("plain"), with("high", 90.0), with("over", 1000.0)];
        assert_eq!(names("", false, drafts()), ["over", "high", "plain", "zero"]);
    }

    #[test]
    fn what_was_accepted_stands_above_what_is_ordinary() {
        let with = |name: &str, priority| Draft { priority: Some(priority), ..draft(name) };
        let drafts = vec![
            with("../", 50.0),
            with("top", 90.0),
            with("ordinary", 75.0),
            draft("used"),
            with("low", 10.0),
        ];
        let group = Group { query: String::new(), from: 0, drafts };
        let boost = |name: &str| if matches!(name, "used" | "low" | "../") { 0.2 } else { 0.0 };
        let rows: Vec<_> =
            rank(vec![group], false, 0, boost).into_iter().map(|row| row.draft.names[0].clone()).collect();
        assert_eq!(rows, ["top", "used", "ordinary", "../", "low"]);
    }

    #[test]
    fn hidden_rows_want_their_exact_name_and_dangerous_ones_do_not_lead() {
        let hidden = Draft { hidden: true, ..draft("secret") };
        assert_eq!(names("secre", false, vec![hidden.clone()]), Vec::<String>::new());
        assert_eq!(names("Secret", false, vec![hidden]), ["secret"]);
        let risky = Draft { dangerous: true, priority: Some(99.0), ..draft("reset") };
        assert_eq!(names("re", false, vec![risky.clone(), draft("remote")]), ["remote", "reset"]);
        assert_eq!(names("re", false, vec![risky]), ["reset"]);
    }

    #[test]
    fn the_name_that_matches_is_taken_and_marked() {
        let group = Group { query: "--me".into(), from: 0, drafts: vec![draft("-m,--message")] };
        let rows = rank(vec![group], false, 0, |_| 0.0);
        assert_eq!((rows[0].name, rows[0].shown.as_str()), (1, "-m, --message"));
        assert_eq!(rows[0].matches, [(4, 8)]);
    }

    #[test]
    fn names_collate_as_in_the_root_locale() {
        let mut names = vec!["b", "B", "a", "-", "--all", "-a", "_x", "1", "ab", "A"];
        names.sort_by(|a, b| collate(a, b));
        assert_eq!(names, ["_x", "-", "--all", "-a", "1", "a", "A", "ab", "b", "B"]);
    }
}
