//! Which drafts match what is typed, and in what order they are shown.
//!
//! Exact names first, then names that begin with what is typed, in the same case before another one, then, when the
//! spec asks for it, names that contain its letters in order. Within a tier the higher priority comes first, and what
//! is equal keeps the order in which it was collected. Dangerous rows never come first. Sources are not known here.

mod fuzzy;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use protocol::Kind;

use crate::candidates::{Draft, Insert};
use fuzzy::Fuzzy;

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
    pub drafts: Drafts,
}

/// Drafts of one question, or of a source that keeps them for the next one: of those only the rows that are shown are
/// copied.
#[derive(Debug)]
pub enum Drafts {
    /// For this question.
    Own(Vec<Draft>),
    /// Kept by a source.
    Kept(Arc<Vec<Draft>>),
}

impl Default for Drafts {
    fn default() -> Drafts {
        Drafts::Own(Vec::new())
    }
}

impl From<Vec<Draft>> for Drafts {
    fn from(drafts: Vec<Draft>) -> Drafts {
        Drafts::Own(drafts)
    }
}

impl From<Arc<Vec<Draft>>> for Drafts {
    fn from(drafts: Arc<Vec<Draft>>) -> Drafts {
        Drafts::Kept(drafts)
    }
}

impl Deref for Drafts {
    type Target = [Draft];

    fn deref(&self) -> &[Draft] {
        match self {
            Drafts::Own(drafts) => drafts,
            Drafts::Kept(drafts) => drafts,
        }
    }
}

impl Drafts {
    /// Moves a draft out, or copies it.
    fn take(&mut self, at: usize) -> Draft {
        match self {
            Drafts::Own(drafts) => std::mem::take(&mut drafts[at]),
            Drafts::Kept(drafts) => drafts[at].clone(),
        }
    }
}

/// How to match and order.
#[derive(Clone, Copy)]
pub struct How<'a> {
    /// Letters in order match too, behind what begins with what is typed.
    pub fuzzy: bool,
    /// Of the names of a subcommand or option the longest one is taken, not the first one that matches.
    pub verbose: bool,
    /// At most so many rows; 0 for [`MAX_CANDIDATES`].
    pub limit: usize,
    /// What usage adds to the priority of a row, by name.
    pub boosts: &'a HashMap<String, f64>,
    /// The priority of a row that has none of its own; `None` for the ordinary one.
    pub prefer: &'a dyn Fn(&Draft) -> Option<f64>,
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
    /// Which of the groups it was in.
    pub group: usize,
    /// Its priority, usage included.
    pub priority: f64,
    /// What matched, in bytes of `shown`.
    pub matches: Vec<(u32, u32)>,
    /// What is shown.
    pub shown: String,
}

/// Ranges of bytes that matched.
type Ranges = Vec<(u32, u32)>;

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

/// A draft that matches, still in its place.
struct Found {
    score: Score,
    priority: f64,
    group: usize,
    draft: usize,
    name: usize,
}

/// Matches and orders.
pub fn rank(mut groups: Vec<Group>, how: How) -> Vec<Ranked> {
    let texts: Vec<String> = groups.iter_mut().map(|group| std::mem::take(&mut group.query)).collect();
    let mut queries: Vec<Query> = texts.iter().map(|text| Query::new(text, how)).collect();
    let mut found = matching(&groups, &mut queries, how);
    found.sort_by(|a, b| b.score.cmp(&a.score).then(b.priority.total_cmp(&a.priority)));
    lead_with_harmless(&mut found, &groups);
    found.truncate(if how.limit == 0 { MAX_CANDIDATES } else { how.limit.min(MAX_CANDIDATES) });
    let row = |found: Found| {
        let group = &mut groups[found.group];
        let draft = group.drafts.take(found.draft);
        queries[found.group].row(&found, draft, group.from)
    };
    found.into_iter().map(row).collect()
}

/// The drafts that match, each once, in the order in which they were collected.
fn matching(groups: &[Group], queries: &mut [Query], how: How) -> Vec<Found> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for (group, query) in queries.iter_mut().enumerate() {
        for (at, draft) in groups[group].drafts.iter().enumerate() {
            let Some((score, name)) = query.rate(draft) else { continue };
            if seen.insert((&draft.names[name], &draft.insert, &draft.display)) {
                let priority = priority(draft, name, how);
                found.push(Found { score, priority, group, draft: at, name });
            }
        }
    }
    found
}

/// The priority of a row. One that was accepted before stands above all that have an ordinary one; what destroys
/// something does not come closer by being used, and the way up is taken too often to mean anything.
fn priority(draft: &Draft, name: usize, how: How) -> f64 {
    let given = draft.priority.or_else(|| (how.prefer)(draft)).filter(|given| !given.is_nan());
    let priority = given.unwrap_or(DEFAULT_PRIORITY).clamp(0.0, 100.0);
    let name = draft.names[name].as_str();
    match how.boosts.get(name) {
        Some(_) if draft.dangerous || name == "../" => priority,
        Some(boost) if ORDINARY.contains(&priority) => ORDINARY.end() + boost,
        Some(boost) => priority + boost,
        None => priority,
    }
}

/// A dangerous row is not the first one while there is another.
fn lead_with_harmless(found: &mut [Found], groups: &[Group]) {
    let harmless = found.iter().position(|row| !groups[row.group].drafts[row.draft].dangerous);
    if let Some(at) = harmless {
        found[..=at].rotate_right(1);
    }
}

/// What is typed, ready to be compared.
struct Query<'a> {
    text: &'a str,
    /// Letters in order match too.
    is_fuzzy: bool,
    /// Made when it is first needed: it takes longer than all else for most lists.
    fuzzy: Option<Fuzzy>,
    verbose: bool,
}

impl<'a> Query<'a> {
    fn new(text: &'a str, how: How) -> Query<'a> {
        Query { text, is_fuzzy: how.fuzzy, fuzzy: None, verbose: how.verbose }
    }

    fn fuzzy(&mut self) -> Option<&mut Fuzzy> {
        if self.fuzzy.is_none() && self.is_fuzzy {
            self.fuzzy = Fuzzy::new(self.text);
        }
        self.fuzzy.as_mut()
    }

    /// How well a draft matches, and which of its names is taken.
    fn rate(&mut self, draft: &Draft) -> Option<(Score, usize)> {
        if draft.names.is_empty() {
            return None;
        }
        let (score, name) = self.best(draft)?;
        let exact = score >= Score::ExactOtherCase && !self.text.is_empty();
        (exact || !draft.hidden).then_some((score, name))
    }

    /// The best match of all its names, and the first name that matches: that is the one that the spec prefers, `npm i`
    /// becomes `npm install`.
    fn best(&mut self, draft: &Draft) -> Option<(Score, usize)> {
        let folder = matches!(draft.insert, Insert::PathEntry);
        let verbose = self.verbose && matches!(draft.kind, Kind::Subcommand | Kind::Option);
        if self.text.is_empty() && !verbose {
            return Some((Score::Prefix, 0));
        }
        let mut best: Option<(Score, usize)> = None;
        for (at, name) in draft.names.iter().enumerate() {
            let Some(score) = self.score(name, folder) else { continue };
            best = Some(match best {
                Some((other, taken)) if verbose && name.len() > draft.names[taken].len() => {
                    (score.max(other), at)
                }
                Some((other, taken)) => (score.max(other), taken),
                None => (score, at),
            });
        }
        // What is shown in place of the names is matched too.
        match draft.display.as_deref().and_then(|display| self.score(display, false)) {
            Some(score) => Some(best.map_or((score, 0), |(other, name)| (score.max(other), name))),
            None => best,
        }
    }

    fn score(&mut self, name: &str, folder: bool) -> Option<Score> {
        let Some(length) = prefix_length(name, self.text) else {
            return self.fuzzy()?.score(name).map(Score::Fuzzy);
        };
        let rest = &name[length..];
        let exact = !self.text.is_empty() && (rest.is_empty() || folder && rest == "/");
        Some(match (exact, name.starts_with(self.text)) {
            (true, true) => Score::Exact,
            (true, false) => Score::ExactOtherCase,
            (false, true) => Score::Prefix,
            (false, false) => Score::PrefixOtherCase,
        })
    }

    /// The row as it is shown, with what matched of it.
    fn row(&mut self, found: &Found, draft: Draft, from: usize) -> Ranked {
        let Found { priority, name, group, .. } = *found;
        let (shown, matches) = match &draft.display {
            Some(display) => (display.clone(), self.ranges(display, 0)),
            None => {
                let before: usize = draft.names[..name].iter().map(|name| name.len() + SEPARATOR.len()).sum();
                (draft.names.join(SEPARATOR), self.ranges(&draft.names[name], before))
            }
        };
        Ranked { draft, name, from, group, priority, matches, shown }
    }

    /// What matches of a name that stands at this byte.
    fn ranges(&mut self, name: &str, offset: usize) -> Ranges {
        if self.text.is_empty() {
            return Vec::new();
        }
        let ranges = match prefix_length(name, self.text) {
            Some(length) => vec![(0, length as u32)],
            None => self.fuzzy().map(|fuzzy| fuzzy.ranges(name)).unwrap_or_default(),
        };
        let offset = offset as u32;
        ranges.into_iter().map(|(start, end)| (start + offset, end + offset)).collect()
    }
}

/// How many bytes of `name` its beginning `query` takes, whatever the case.
fn prefix_length(name: &str, query: &str) -> Option<usize> {
    if name.starts_with(query) {
        return Some(query.len());
    }
    let mut rest = name.chars();
    for wanted in query.chars() {
        if fold(rest.next()?) != fold(wanted) {
            return None;
        }
    }
    Some(name.len() - rest.as_str().len())
}

/// A letter whatever its case. One whose small form is several letters stays as it is, so that names keep their length.
fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut small = c.to_lowercase();
    match (small.next(), small.next()) {
        (Some(small), None) => small,
        _ => c,
    }
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
    use std::sync::LazyLock;

    use proptest::prelude::*;

    static UNUSED: LazyLock<HashMap<String, f64>> = LazyLock::new(HashMap::new);

    fn plain() -> How<'static> {
        How { fuzzy: false, verbose: false, limit: 0, boosts: &UNUSED, prefer: &|_| None }
    }

    fn draft(name: &str) -> Draft {
        Draft { names: name.split(',').map(String::from).collect(), ..Draft::default() }
    }

    fn names(query: &str, fuzzy: bool, drafts: Vec<Draft>) -> Vec<String> {
        let how = How { fuzzy, ..plain() };
        ranked(query, drafts, how).into_iter().map(|row| row.draft.names[row.name].clone()).collect()
    }

    fn ranked(query: &str, drafts: impl Into<Drafts>, how: How) -> Vec<Ranked> {
        rank(vec![Group { query: query.into(), from: 0, drafts: drafts.into() }], how)
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
            Draft { dangerous: true, ..draft("wipe") },
            with("low", 10.0),
        ];
        let boosts = ["used", "low", "../", "wipe"].map(|name| (name.to_owned(), 0.2)).into();
        let how = How { boosts: &boosts, ..plain() };
        let rows: Vec<_> = ranked("", drafts, how)
            .into_iter()
            .map(|row| (row.draft.names[0].clone(), row.priority))
            .collect();
        let expected =
            [("top", 90.0), ("used", 75.2), ("ordinary", 75.0), ("../", 50.0), ("wipe", 50.0), ("low", 10.2)];
        assert_eq!(rows, expected.map(|(name, priority)| (name.to_owned(), priority)));
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
        for (query, names, fuzzy, name, shown, matches) in [
            ("--me", "-m,--message", false, 1, "-m, --message", vec![(4, 8)]),
            ("--MSG", "-m,--message", true, 1, "-m, --message", vec![(4, 7), (8, 9), (11, 12)]),
            ("", "-m,--message", false, 0, "-m, --message", vec![]),
            ("i", "install,i", false, 0, "install, i", vec![(0, 1)]),
            ("É", "ébène,x", false, 0, "ébène, x", vec![(0, 2)]),
            ("bn", "ébène", true, 0, "ébène", vec![(2, 3), (5, 6)]),
        ] {
            let rows = ranked(query, vec![draft(names)], How { fuzzy, ..plain() });
            assert_eq!((rows[0].name, rows[0].shown.as_str()), (name, shown), "{query}");
            assert_eq!(rows[0].matches, matches, "{query}");
        }
    }

    #[test]
    fn what_is_shown_in_place_of_the_names_is_matched_and_marked() {
        let row = |display: &str| Draft { display: Some(display.into()), ..draft("main,m") };
        for (query, display, fuzzy, matches) in [
            ("ma", "the branch", false, vec![]),
            ("THE", "the branch", false, vec![(0, 3)]),
            ("tb", "the branch", true, vec![(0, 1), (4, 5)]),
        ] {
            let rows = ranked(query, vec![row(display)], How { fuzzy, ..plain() });
            assert_eq!((rows[0].name, rows[0].shown.as_str()), (0, display), "{query}");
            assert_eq!(rows[0].matches, matches, "{query}");
        }
        assert_eq!(names("x", false, vec![row("the branch")]), Vec::<String>::new());
    }

    #[test]
    fn the_longest_name_is_taken_when_that_is_wanted() {
        let of = |query: &str, kind, verbose| {
            let row = Draft { kind, ..draft("-m,--message,--msg") };
            let rows = ranked(query, vec![row], How { verbose, ..plain() });
            rows[0].draft.names[rows[0].name].clone()
        };
        for (query, verbose, expected) in
            [("", true, "--message"), ("--m", true, "--message"), ("--ms", true, "--msg"), ("", false, "-m")]
        {
            assert_eq!(of(query, Kind::Option, verbose), expected, "{query}");
        }
        assert_eq!(of("", Kind::Arg, true), "-m");
    }

    #[test]
    fn equal_rows_are_one_and_the_first_stays() {
        let described = |text: &str| Draft { description: Some(text.into()), ..draft("ls") };
        let shown = Draft { display: Some("list".into()), ..draft("ls") };
        let rows = ranked("", vec![described("one"), described("two"), shown], plain());
        let texts: Vec<_> = rows.iter().map(|row| (row.draft.description.as_deref(), &*row.shown)).collect();
        assert_eq!(texts, [(Some("one"), "ls"), (None, "list")]);
    }

    #[test]
    fn what_a_source_keeps_stays_there() {
        let kept = Arc::new(vec![draft("main"), draft("topic")]);
        for _ in 0..2 {
            let rows = ranked("ma", Arc::clone(&kept), plain());
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].draft, kept[0]);
        }
    }

    #[test]
    fn answers_are_bounded() {
        let drafts = || (0..3 * MAX_CANDIDATES).map(|at| draft(&at.to_string())).collect::<Vec<_>>();
        let count = |limit| ranked("", drafts(), How { limit, ..plain() }).len();
        assert_eq!((count(0), count(7), count(usize::MAX)), (MAX_CANDIDATES, 7, MAX_CANDIDATES));
    }

    fn arbitrary_draft() -> impl Strategy<Value = Draft> {
        let names = prop::collection::vec("[abAB-éİ]{0,4}", 0..3);
        let display = prop::option::weighted(0.2, "[abAB é]{0,5}");
        let priority = prop::option::of(prop::sample::select(vec![0.0, 50.0, 76.0, 1e9, f64::NAN, -1.0]));
        (names, display, priority, any::<bool>(), any::<bool>()).prop_map(
            |(names, display, priority, dangerous, hidden)| Draft {
                names,
                display,
                priority,
                dangerous,
                hidden,
                ..Draft::default()
            },
        )
    }

    proptest! {
        /// What is equally good stays as it was collected.
        #[test]
        fn the_order_is_stable(names in prop::collection::hash_set("a[a-z]{0,3}", 0..40), fuzzy: bool) {
            let drafts: Vec<Draft> = names.iter().map(|name| draft(name)).collect();
            let rows = ranked("", drafts.clone(), How { fuzzy, ..plain() });
            prop_assert!(rows.iter().map(|row| &row.draft).eq(&drafts));
            let rows = ranked("a", drafts.clone(), How { fuzzy, ..plain() });
            let rest = drafts.iter().filter(|draft| draft.names[0] != "a");
            prop_assert!(rows.iter().map(|row| &row.draft).filter(|draft| draft.names[0] != "a").eq(rest));
        }

        #[test]
        fn rows_are_in_order_and_marked_on_letters(
            drafts in prop::collection::vec(arbitrary_draft(), 0..12),
            query in "[abAéİ-]{0,3}",
            fuzzy: bool,
            verbose: bool,
            limit in 0_usize..6,
        ) {
            let how = How { fuzzy, verbose, limit, ..plain() };
            let rows = ranked(&query, drafts.clone(), how);
            prop_assert!(limit == 0 || rows.len() <= limit);
            for row in &rows {
                prop_assert!(row.name < row.draft.names.len());
                prop_assert!(drafts.iter().any(|draft| draft.names == row.draft.names));
                let marked: Vec<_> =
                    row.matches.iter().map(|&(start, end)| row.shown.get(start as usize..end as usize)).collect();
                prop_assert!(marked.iter().all(|part| part.is_some_and(|part| !part.is_empty())));
            }
            let leads_harmless = rows.first().is_none_or(|row| !row.draft.dangerous);
            prop_assert!(leads_harmless || rows.iter().all(|row| row.draft.dangerous));
            // Which of the rows are asked for decides nothing about their order.
            let all = ranked(&query, drafts, How { limit: 0, ..how });
            let shown = |rows: &[Ranked]| rows.iter().map(|row| row.shown.clone()).collect::<Vec<_>>();
            prop_assert_eq!(shown(&all[..rows.len()]), shown(&rows));
        }
    }

    #[test]
    fn names_collate_as_in_the_root_locale() {
        let mut names = vec!["b", "B", "a", "-", "--all", "-a", "_x", "1", "ab", "A"];
        names.sort_by(|a, b| collate(a, b));
        assert_eq!(names, ["_x", "-", "--all", "-a", "1", "a", "A", "ab", "b", "B"]);
    }
}
