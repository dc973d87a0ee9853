//! Compares an answer with what is declared, and counts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use daemon::engine::Engine;
use daemon::rank::MAX_CANDIDATES;
use daemon::slow::Ready;
use nix::time::{ClockId, clock_gettime};
use protocol::{Answer, Candidate, Context, Shell};

use crate::declared::{Row, Verdict};
use crate::lines::Asked;
use crate::shell::read;
use crate::support::complete;

/// How many failures are told of one command: the reason is often the same.
const TOLD: usize = 8;

/// What was typed and how it went.
#[derive(Default)]
pub(crate) struct Tally {
    /// Lines and failures for each class.
    classes: BTreeMap<&'static str, (usize, usize)>,
    /// Rows that were declared, offered, and accepted.
    rows: usize,
    accepted: usize,
    times: Vec<Duration>,
    pub(crate) failed: usize,
    /// What went wrong, by the first word of the line.
    failures: BTreeMap<String, Vec<String>>,
}

impl Tally {
    pub(crate) fn lines(&self) -> usize {
        self.times.len()
    }

    /// What went wrong, a line for each.
    pub(crate) fn told(&self) -> String {
        self.failures.values().flatten().map(|failure| format!("{failure}\n")).collect()
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Tally) -> Tally {
        for (class, (lines, failed)) in other.classes {
            let sum = self.classes.entry(class).or_default();
            *sum = (sum.0 + lines, sum.1 + failed);
        }
        self.rows += other.rows;
        self.accepted += other.accepted;
        self.failed += other.failed;
        self.times.extend(other.times);
        for (command, told) in other.failures {
            let known = self.failures.entry(command).or_default();
            known.extend(told);
            known.truncate(TOLD);
        }
        self
    }

    fn add(&mut self, asked: &Asked, time: Duration, found: Result<Good, String>) {
        self.times.push(time);
        let class = self.classes.entry(asked.class).or_default();
        class.0 += 1;
        match found {
            Ok(good) => {
                self.rows += good.rows;
                self.accepted += usize::from(good.accepted);
            }
            Err(what) => {
                class.1 += 1;
                self.failed += 1;
                let command = asked.line.split(' ').next().unwrap_or_default();
                let told = self.failures.entry(command.to_owned()).or_default();
                if told.len() < TOLD {
                    told.push(format!("{}: {:?} in {:?}: {what}", asked.class, asked.line, asked.shell));
                }
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (class, (lines, failed)) in &self.classes {
            writeln!(f, "{lines:>9} lines, {failed} failed: {class}")?;
        }
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |permille: usize| times.get(times.len() * permille / 1000).copied().unwrap_or_default();
        let longest = times.last().copied().unwrap_or_default();
        writeln!(f, "{:>9} lines, {} rows as declared, {} accepted", self.lines(), self.rows, self.accepted)?;
        write!(
            f,
            "a line takes {:?} (p50), {:?} (p99), {:?} (p99.9), {longest:?} at most",
            at(500),
            at(990),
            at(999)
        )
    }
}

/// What was right about an answer.
struct Good {
    rows: usize,
    accepted: bool,
}

/// Types a line and compares.
pub(crate) fn judge(
    engine: &Engine,
    contexts: &HashMap<Shell, Context>,
    ready: &dyn Ready,
    asked: &Asked,
    tally: &mut Tally,
) {
    let begun = worked();
    let answer =
        catch_unwind(AssertUnwindSafe(|| complete(engine, &contexts[&asked.shell], &asked.line, ready)));
    let time = worked().saturating_sub(begun);
    let found = answer.map_err(|_| "a panic".to_string()).and_then(|answer| compare(asked, &answer));
    tally.add(asked, time, found);
}

/// How long this thread has had a processor.
fn worked() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock that every system has").into()
}

fn compare(asked: &Asked, answer: &Answer) -> Result<Good, String> {
    let rows = rows_agree(asked, answer)?;
    let target = asked.target.map(|at| &asked.rows[at]);
    let accepted = target.and_then(|row| Some((row, find(row, answer)?)));
    if let Some((row, candidate)) = accepted {
        accepts(asked, row, candidate)?;
    }
    Ok(Good { rows, accepted: accepted.is_some() })
}

/// The candidate for a row.
fn find<'c>(row: &Row, answer: &'c Answer) -> Option<&'c Candidate> {
    answer.candidates.iter().find(|candidate| candidate.names == *row.names)
}

/// Whether the rows are those that are declared; how many there are.
fn rows_agree(asked: &Asked, answer: &Answer) -> Result<usize, String> {
    let mut allowed: HashMap<&[String], Verdict> = HashMap::new();
    for row in asked.rows {
        let verdict = row.verdict(asked.query, asked.fuzzy);
        let known = allowed.entry(row.names.as_ref()).or_insert(verdict);
        if verdict == Verdict::Must || *known == Verdict::MustNot {
            *known = verdict;
        }
    }
    let any: HashSet<&[String]> = asked.any.iter().map(|row| row.names.as_ref()).collect();
    let typed = |row: &Candidate| asked.current && row.name == asked.query;
    let offered: HashSet<&[String]> = answer.candidates.iter().map(|row| row.names.as_slice()).collect();
    let chosen: HashSet<&str> = answer.candidates.iter().map(|row| row.name.as_str()).collect();
    let extra = answer.candidates.iter().find(|row| {
        let verdict = allowed.get(row.names.as_slice()).unwrap_or(&Verdict::MustNot);
        *verdict == Verdict::MustNot && !any.contains(row.names.as_slice()) && !typed(row)
    });
    if let Some(extra) = extra {
        return Err(format!("{:?} is offered and does not belong there", extra.names));
    }
    if answer.candidates.len() >= MAX_CANDIDATES {
        return Ok(answer.candidates.len());
    }
    // A row that inserts the same as another is left out.
    let there =
        |names: &[String]| offered.contains(names) || names.iter().any(|name| chosen.contains(name.as_str()));
    let must = || allowed.iter().filter(|(_, verdict)| **verdict == Verdict::Must).map(|(names, _)| *names);
    let mut missing: Vec<&[String]> = must().filter(|names| !there(names)).collect();
    missing.sort_unstable();
    match missing.first() {
        None => Ok(must().count()),
        Some(first) => {
            let offered: Vec<&str> = answer.candidates.iter().map(|row| row.name.as_str()).take(12).collect();
            Err(format!("{first:?} and {} more are not offered, but {offered:?}", missing.len() - 1))
        }
    }
}

/// Whether accepting a candidate makes the word that the row says.
fn accepts(asked: &Asked, row: &Row, candidate: &Candidate) -> Result<(), String> {
    let edited = candidate.edit.apply(&asked.line).ok_or("the edit does not fit the line")?;
    let word = edited.get(asked.last..).ok_or("the edit changes another word")?;
    if !edited.starts_with(&asked.line[..asked.last]) {
        return Err(format!("accepting makes {edited:?} of the line"));
    }
    if let Some(verbatim) = row.verbatim {
        let text: String = verbatim.replace("{cursor}", "").chars().filter(|c| !c.is_control()).collect();
        let good = word.trim_end().ends_with(text.trim_end());
        return if good { Ok(()) } else { Err(format!("accepting {:?} makes {word:?}", row.names)) };
    }
    let wanted = |name: &String| [asked.before, name, row.separator].concat();
    let (text, rest) = read(word, asked.shell).ok_or_else(|| format!("the shell cannot read {word:?}"))?;
    let good = row.names.iter().any(|name| wanted(name) == text) && matches!(rest, "" | " ");
    if good { Ok(()) } else { Err(format!("accepting {:?} makes {word:?}", row.names)) }
}
