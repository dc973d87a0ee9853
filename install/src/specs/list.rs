//! `q specs list`: the commands that are described, where, and how much of them.

use protocol::{FromDaemon, ListSpecs, SpecEntry, ToDaemon};
use serde::Serialize;

use super::{Common, WAIT};
use crate::{engine::unexpected, output::visible};

/// What to list.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only names that have this in them; `*` and `?` stand for any text and any character
    pattern: Option<String>,
    /// Only specs of your own
    #[arg(long)]
    own: bool,
    #[command(flatten)]
    common: Common,
}

/// A spec, as it is printed.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    description: Option<String>,
    /// `archive`, or the file.
    source: String,
    subcommands: Option<u32>,
    options: Option<u32>,
    error: Option<String>,
}

impl List {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let question = ListSpecs { spec_dir: self.common.spec_dir()?, wait: WAIT.as_millis() as u32 };
        let mut engine = self.common.engine()?;
        let FromDaemon::SpecList(list) = engine.ask(&ToDaemon::ListSpecs(question), WAIT)? else {
            return Err(unexpected());
        };
        let rows: Vec<Row> = list.specs.into_iter().filter(|entry| self.lists(entry)).map(Row::new).collect();
        self.common.format.print(&rows, |rows| rows.iter().map(Row::line).collect())?;
        Ok(true)
    }

    fn lists(&self, entry: &SpecEntry) -> bool {
        (!self.own || entry.file.is_some())
            && self.pattern.as_deref().is_none_or(|pattern| matches(pattern, &entry.name))
    }
}

impl Row {
    fn new(entry: SpecEntry) -> Row {
        Row {
            name: entry.name,
            description: entry.description,
            source: entry.file.unwrap_or_else(|| "archive".to_owned()),
            subcommands: entry.counts.map(|counts| counts.subcommands),
            options: entry.counts.map(|counts| counts.options),
            error: entry.error,
        }
    }

    /// Name, subcommands, options, source, and what is wrong with it.
    fn line(&self) -> String {
        let count = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let error = self.error.as_deref().map(|error| format!("\tnot used: {}", visible(error)));
        format!(
            "{}\t{}\t{}\t{}{}\n",
            visible(&self.name),
            count(self.subcommands),
            count(self.options),
            visible(&self.source),
            error.unwrap_or_default()
        )
    }
}

/// Whether a name fits a pattern: as a whole when that has wildcards, else when the name has it in it.
fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return name.contains(pattern);
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Which beginnings of the name the pattern fits so far.
    let mut fits = vec![false; name.len() + 1];
    fits[0] = true;
    for wanted in pattern {
        fits = match wanted {
            '*' => (0..=name.len()).map(|end| fits[..=end].contains(&true)).collect(),
            _ => {
                let fits_here = |end: usize| fits[end - 1] && (wanted == '?' || name[end - 1] == wanted);
                std::iter::once(false).chain((1..=name.len()).map(fits_here)).collect()
            }
        };
    }
    fits[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, fits) in [
            ("it", "git", true),
            ("it", "gti", false),
            ("", "git", true),
            ("g*t", "git", true),
            ("g*", "git", true),
            ("*g*i*t*", "git", true),
            ("g?t", "git", true),
            ("g?", "git", false),
            ("*", "", true),
            ("?", "", false),
            ("aws/*", "aws/s3", true),
            ("git*", "gi", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
