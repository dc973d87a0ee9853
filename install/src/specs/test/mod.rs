//! `q specs test`: whether a spec offers what it describes.
//!
//! Lines come from a file beside the spec (`lines`), or are made for every subcommand, option and argument that the spec
//! has (`generate`). Each is a question to the engine, as in a terminal.

mod generate;
mod lines;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use protocol::{Answer, FromDaemon, Request, SpecTree, ToDaemon};
use serde::Serialize;

use super::{Common, tree};
use crate::{
    Usage,
    engine::{Engine, unexpected},
    output::visible,
    query::{folder, surroundings, utf8},
};

/// More rows than any answer has: then a row that is missing may only have been cut off.
const MANY: usize = 2_000;

/// How many missing names are printed for one line.
const MAX_NAMES: usize = 8;

/// The ending of files with lines.
const ENDING: &str = "test";

/// What to test.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// A spec file, or a command
    #[arg(value_name = "FILE|CMD")]
    target: PathBuf,
    /// A file with lines and what they must offer [default: the .test file beside the spec, else lines made of the spec]
    lines: Option<PathBuf>,
    /// How long programs may take for a line of a file, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=30_000))]
    wait: u32,
    #[command(flatten)]
    common: Common,
}

/// A line and what it must offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Case {
    /// The line without a mark for the cursor.
    line: String,
    /// Where the cursor is, a byte offset.
    cursor: usize,
    /// Rows that must be there, each under any of its names.
    wanted: Vec<Vec<String>>,
    /// Rows that must not be there.
    unwanted: Vec<String>,
    /// There must be no other rows, and these in this order.
    exact: bool,
    /// There must be a row, whichever.
    something: bool,
}

/// What is printed.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// How many lines were tried.
    lines: usize,
    failed: Vec<Failure>,
    /// There would have been more lines.
    cut: bool,
}

/// A line that does not offer what it must.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Failure {
    line: String,
    cursor: usize,
    /// What should have been offered.
    missing: Vec<String>,
    /// What should not have been.
    unexpected: Vec<String>,
    /// How many rows there were.
    offered: usize,
}

impl Test {
    /// False when a line does not offer what it must.
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let (spec_dir, command) = self.target()?;
        let context = surroundings(None)?;
        let mut engine = self.common.engine()?;
        engine.tell(context)?;
        let tree = tree(&mut engine, spec_dir.clone(), &[command], u32::MAX)?;
        self.demand_file(&tree)?;
        let file = self.lines.clone().or_else(|| beside(&tree));
        let (cases, wait, cut) = match &file {
            Some(file) => (lines::read(file)?, self.wait, false),
            None => {
                let (cases, cut) = generate::cases(&tree);
                (cases, 0, cut || tree.cut)
            }
        };
        let mut asker = Asker { engine, spec_dir, wait, generation: 0 };
        let mut report = Report { lines: cases.len(), cut, ..Report::default() };
        for case in &cases {
            report.failed.extend(asker.fails(case)?);
        }
        self.common.format.print(&report, Report::text)?;
        Ok(report.failed.is_empty())
    }

    /// A file that is tested must be the one that is used: of `tool.js` and `tool.json` only one is, and a broken one is
    /// not.
    fn demand_file(&self, tree: &SpecTree) -> anyhow::Result<()> {
        let file = self.target.display();
        match &tree.file {
            _ if !is_spec(&self.target) => Ok(()),
            _ if tree.error.is_some() => bail!("{file} is broken; see `q specs check {file}`"),
            Some(used) if Path::new(used).file_name() == self.target.file_name() => Ok(()),
            Some(used) => bail!("{file} is not used, but {}; remove one of them", visible(used)),
            None => bail!("{file} is not used; see `q specs check {file}`"),
        }
    }

    /// The folder that has the spec, if it is a file, and the command that it describes.
    fn target(&self) -> anyhow::Result<(String, String)> {
        if !is_spec(&self.target) {
            return Ok((self.common.spec_dir()?, utf8(&self.target)?));
        }
        if !self.target.is_file() {
            let file = self.target.display();
            return Err(
                Usage(format!("{file}: there is no such file; name a command without .js or .json")).into()
            );
        }
        let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let stem = self.target.file_stem().context("the file has no name")?;
        Ok((folder("FILE", parent.unwrap_or(Path::new(".")))?, utf8(Path::new(stem))?))
    }
}

/// Whether this names a file with a spec, and not a command.
fn is_spec(target: &Path) -> bool {
    matches!(target.extension().and_then(|extension| extension.to_str()), Some("js" | "json"))
}

/// The file with lines that lies beside a spec of the user.
fn beside(tree: &SpecTree) -> Option<PathBuf> {
    let lines = Path::new(tree.file.as_deref()?).with_extension(ENDING);
    lines.is_file().then_some(lines)
}

/// Asks the engine, line after line.
struct Asker {
    engine: Engine,
    spec_dir: String,
    wait: u32,
    generation: u64,
}

impl Asker {
    fn answer(&mut self, line: &str, cursor: usize) -> anyhow::Result<Answer> {
        self.generation += 1;
        let request = Request {
            generation: self.generation,
            line: line.to_owned(),
            cursor: cursor as u32,
            wait: self.wait,
            limit: 0,
            spec_dir: self.spec_dir.clone(),
        };
        match self.engine.ask(&ToDaemon::Complete(request), Duration::from_millis(self.wait.into()))? {
            FromDaemon::Answer(answer) => Ok(*answer),
            _ => Err(unexpected()),
        }
    }

    /// What is wrong with what a line offers, if anything.
    fn fails(&mut self, case: &Case) -> anyhow::Result<Option<Failure>> {
        let answer = self.answer(&case.line, case.cursor)?;
        let mut failure = case.judge(&answer);
        if answer.candidates.len() >= MANY
            && let Some(failure) = &mut failure
        {
            self.look_closer(case, failure)?;
        }
        Ok(failure.filter(|failure| !(failure.missing.is_empty() && failure.unexpected.is_empty())))
    }

    /// Asks for the rows one by one that may only have been cut off.
    fn look_closer(&mut self, case: &Case, failure: &mut Failure) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        for name in std::mem::take(&mut failure.missing) {
            let line = format!("{}{name}", &case.line[..case.cursor]);
            let answer = self.answer(&line, line.len())?;
            if !answer.candidates.iter().any(|row| row.names.contains(&name)) {
                missing.push(name);
            }
        }
        failure.missing = missing;
        Ok(())
    }
}

impl Case {
    fn judge(&self, answer: &Answer) -> Option<Failure> {
        let rows = &answer.candidates;
        let offers = |name: &String| rows.iter().any(|row| row.names.contains(name));
        let mut missing: Vec<String> = Vec::new();
        for names in self.wanted.iter().filter(|names| !names.iter().any(offers)) {
            missing.extend(names.first().cloned());
        }
        if self.something && rows.is_empty() && missing.is_empty() {
            missing.push("anything".to_owned());
        }
        let mut unexpected: Vec<String> = self.unwanted.iter().filter(|name| offers(name)).cloned().collect();
        if self.exact && missing.is_empty() {
            unexpected.extend(self.first_out_of_place(answer));
        }
        let failed = !missing.is_empty() || !unexpected.is_empty();
        let (line, cursor) = (self.line.clone(), self.cursor);
        failed.then_some(Failure { line, cursor, missing, unexpected, offered: rows.len() })
    }

    /// The first row that is not the one that must be in its place.
    fn first_out_of_place(&self, answer: &Answer) -> Option<String> {
        let mut wanted = self.wanted.iter();
        let stray = answer
            .candidates
            .iter()
            .find(|row| wanted.next().is_none_or(|names| !names.iter().any(|name| row.names.contains(name))));
        stray.map(|row| row.name.clone())
    }
}

impl Report {
    /// A line for each failure, then how many there were.
    fn text(&self) -> String {
        let failures: String = self.failed.iter().map(Failure::text).collect();
        let cut = if self.cut { "; there would have been more lines" } else { "" };
        format!("{failures}{} lines, {} failed{cut}\n", self.lines, self.failed.len())
    }
}

impl Failure {
    fn text(&self) -> String {
        let (before, after) = self.line.split_at(self.cursor);
        let some = |what: &str, names: &[String]| {
            let shown = names.iter().take(MAX_NAMES).map(|name| visible(name)).collect::<Vec<_>>().join(", ");
            let more = names.len().saturating_sub(MAX_NAMES);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            (!names.is_empty()).then(|| format!("{what} {shown}{more}"))
        };
        let offered = if self.offered == 0 { Some("nothing is offered".to_owned()) } else { None };
        let parts = [offered, some("misses", &self.missing), some("should not offer", &self.unexpected)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{}^{}: {}\n", visible(before), visible(after), parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Candidate;

    fn answer(names: &[&[&str]]) -> Answer {
        let row = |names: &&[&str]| Candidate {
            name: names[0].to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Candidate::default()
        };
        Answer { candidates: names.iter().map(row).collect(), ..Answer::default() }
    }

    #[test]
    fn lines_are_judged_by_what_they_offer() {
        let offered = answer(&[&["add"], &["-f", "--force"]]);
        for (case, verdict) in [
            ("x ^ -> add", ""),
            ("x ^ -> --force add", ""),
            ("x ^ -> add gone away", "x ^: misses gone, away\n"),
            ("x ^ => add -f", ""),
            ("x ^ => -f add", "x ^: should not offer add\n"),
            ("x ^ => add", "x ^: should not offer -f\n"),
            ("x ^ =>", "x ^: should not offer add\n"),
            ("x ^ -> !gone", ""),
            ("x ^ -> add !-f", "x ^: should not offer -f\n"),
        ] {
            let found = lines::case(case).unwrap().judge(&offered);
            assert_eq!(found.map(|failure| failure.text()).unwrap_or_default(), verdict, "{case}");
        }
        let none = lines::case("x ^ -> add").unwrap().judge(&answer(&[])).unwrap();
        assert_eq!(none.text(), "x ^: nothing is offered; misses add\n");
        assert!(lines::case("x ^ =>").unwrap().judge(&answer(&[])).is_none());
    }
}
