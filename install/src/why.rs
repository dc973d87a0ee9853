//! `q why`: where the candidates for a line come from, what was run for them, and what was not run, and why.

use protocol::{Asked, FromDaemon, Outcome, RunReport, SourceReport, Why};
use serde::Serialize;

use crate::{engine::unexpected, output::visible, query::Query};

/// What is printed.
#[derive(Debug, Serialize)]
struct Reasons<'a> {
    buffer: &'a str,
    cursor: usize,
    candidates: Vec<Row>,
    /// What yielded no candidate.
    others: Vec<Source>,
    pending: bool,
    elapsed_us: u64,
}

/// A candidate.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    source: String,
    /// How long its source took; 0 for what needs no program.
    ms: u64,
    /// What was run for it; null for what needs no program.
    run: Option<Source>,
}

/// A source that runs something.
#[derive(Clone, Debug, Serialize)]
struct Source {
    source: String,
    asked: Asked,
    ms: u64,
    /// It was fetched so long before.
    cached_ms: Option<u64>,
    /// `rows`, `found`, `nothing`, `pending`, `not_trusted`, `network`, `timed_out`, `missing`, `limit` or `failed`.
    outcome: &'static str,
    /// The outcome in words.
    reason: String,
    programs: Vec<Program>,
}

/// A program that was run, or was not.
#[derive(Clone, Debug, Serialize)]
struct Program {
    argv: Vec<String>,
    cwd: String,
    status: Option<i32>,
    ms: u64,
    /// Why it did not run to its end; as `outcome`.
    stopped: Option<&'static str>,
    /// The same in words.
    reason: Option<String>,
}

/// Asks where the candidates come from, and prints it.
pub(crate) fn run(query: &Query) -> anyhow::Result<()> {
    let cursor = query.cursor()?;
    let FromDaemon::Why(why) = query.why()? else { return Err(unexpected()) };
    let reasons = Reasons::new(&query.buffer, cursor, *why);
    query.format.unwrap_or_default().print(&reasons, Reasons::table)
}

impl<'a> Reasons<'a> {
    fn new(buffer: &'a str, cursor: usize, why: Why) -> Reasons<'a> {
        let sources: Vec<Source> = why.sources.into_iter().map(Source::new).collect();
        let used = |at: usize| why.rows.get(at).copied().flatten().map(|source| source as usize);
        let candidates: Vec<Row> = why
            .answer
            .candidates
            .into_iter()
            .enumerate()
            .map(|(at, candidate)| {
                let run = used(at).and_then(|source| sources.get(source)).cloned();
                let ms = run.as_ref().map_or(0, |run| run.ms);
                Row { name: candidate.name, source: candidate.source, ms, run }
            })
            .collect();
        let yielded: Vec<usize> = (0..candidates.len()).filter_map(used).collect();
        let others = sources.into_iter().enumerate().filter(|(at, _)| !yielded.contains(at));
        Reasons {
            buffer,
            cursor,
            candidates,
            others: others.map(|(_, source)| source).collect(),
            pending: why.answer.pending,
            elapsed_us: why.answer.elapsed_us,
        }
    }

    /// A line for each candidate: name, source, milliseconds, what was run. Then one for each source that yielded none,
    /// with a dash for the name.
    fn table(&self) -> String {
        let rows = self.candidates.iter().map(Row::line);
        let others = self
            .others
            .iter()
            .map(|source| format!("-\t{}\t{} ms\t{}\n", visible(&source.source), source.ms, source.line()));
        rows.chain(others).collect()
    }
}

impl Row {
    fn line(&self) -> String {
        let what = self.run.as_ref().map_or_else(String::new, Source::line);
        format!("{}\t{}\t{} ms\t{what}\n", visible(&self.name), visible(&self.source), self.ms)
    }
}

impl Source {
    fn new(report: SourceReport) -> Source {
        Source {
            source: report.source,
            asked: report.asked,
            ms: report.elapsed_ms,
            cached_ms: report.kept_ms,
            outcome: key(&report.outcome),
            reason: words(&report.outcome),
            programs: report.runs.into_iter().map(Program::new).collect(),
        }
    }

    /// What was run, and how it ended.
    fn line(&self) -> String {
        let programs = self.programs.iter().map(Program::line);
        // A program that says why it did not run has said it for all.
        let is_said = self.programs.iter().any(|program| program.reason.as_ref() == Some(&self.reason));
        let reason = (!is_said).then(|| visible(&self.reason));
        let cached = self.cached_ms.map(|ms| format!("cached {ms} ms ago"));
        let parts: Vec<String> = programs.chain(reason).chain(cached).collect();
        parts.join("; ")
    }
}

impl Program {
    fn new(run: RunReport) -> Program {
        Program {
            argv: run.argv,
            cwd: run.cwd,
            status: run.status,
            ms: run.elapsed_ms,
            stopped: run.stopped.as_ref().map(key),
            reason: run.stopped.as_ref().map(words),
        }
    }

    fn line(&self) -> String {
        let argv: Vec<String> = self.argv.iter().map(|word| quoted(word)).collect();
        let ended = match (&self.reason, self.status) {
            (Some(reason), _) => visible(reason),
            (None, Some(status)) => format!("exit status {status}"),
            (None, None) => "no exit status".to_owned(),
        };
        format!("{} (in {}): {ended}", argv.join(" "), visible(&self.cwd))
    }
}

/// A word of a program, so that one can see where it ends.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=,+@%".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", visible(word)) }
}

/// The name of an outcome, as the protocol has it.
fn key(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Pending => "pending",
        Outcome::Rows(_) => "rows",
        Outcome::Found => "found",
        Outcome::Nothing => "nothing",
        Outcome::NotTrusted => "not_trusted",
        Outcome::Network => "network",
        Outcome::TimedOut => "timed_out",
        Outcome::Missing => "missing",
        Outcome::Limit(_) => "limit",
        Outcome::Failed(_) => "failed",
    }
}

/// An outcome in words, with what to do about it.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Pending => "not done yet; ask with a longer --wait".to_owned(),
        Outcome::Rows(1) => "1 row".to_owned(),
        Outcome::Rows(rows) => format!("{rows} rows"),
        Outcome::Found => "found".to_owned(),
        Outcome::Nothing => "no rows".to_owned(),
        Outcome::NotTrusted => "not run: the directory is not trusted; trust it with `q trust`".to_owned(),
        Outcome::Network => {
            "not run: it needs the network, which the setting autocomplete.network allows".to_owned()
        }
        Outcome::TimedOut => "timed out".to_owned(),
        Outcome::Missing => "the program is not installed".to_owned(),
        Outcome::Limit(what) => format!("went beyond a limit: {what}"),
        Outcome::Failed(what) => format!("failed: {what}"),
    }
}
