//! `q complete`: the candidates for a line, as a table or as JSON.

use protocol::{Answer, ArgumentHint, Candidate, Edit, FromDaemon, Ghost, Kind, Token};
use serde::{Serialize, Serializer};

use crate::{engine::unexpected, output::visible, query::Query};

/// What is printed: the answer and the line that it is about.
#[derive(Debug, Serialize)]
struct Completion<'a> {
    buffer: &'a str,
    cursor: usize,
    command: Vec<String>,
    token: Token,
    query: String,
    argument: Option<ArgumentHint>,
    candidates: Vec<Row>,
    ghost: Option<Ghost>,
    pending: bool,
    elapsed_us: u64,
}

/// A candidate as it is printed.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    names: Vec<String>,
    display: String,
    kind: Kind,
    description: Option<String>,
    icon: Option<String>,
    #[serde(serialize_with = "short_number")]
    priority: f64,
    source: String,
    dangerous: bool,
    matches: Vec<(u32, u32)>,
    edit: Edit,
}

/// Asks for candidates and prints them.
pub(crate) fn run(query: &Query) -> anyhow::Result<()> {
    let FromDaemon::Answer(answer) = query.complete()? else {
        return Err(unexpected());
    };
    let completion = Completion::new(&query.buffer, query.cursor()?, *answer);
    query.format.unwrap_or_default().print(&completion, Completion::table)
}

impl<'a> Completion<'a> {
    fn new(buffer: &'a str, cursor: usize, answer: Answer) -> Completion<'a> {
        Completion {
            buffer,
            cursor,
            command: answer.command,
            token: answer.token,
            query: answer.query,
            argument: answer.argument,
            candidates: answer.candidates.into_iter().map(Row::new).collect(),
            ghost: answer.ghost,
            pending: answer.pending,
            elapsed_us: answer.elapsed_us,
        }
    }

    /// A line for each candidate: its name, a tab, its description.
    fn table(&self) -> String {
        self.candidates.iter().map(Row::line).collect()
    }
}

impl Row {
    fn new(candidate: Candidate) -> Row {
        Row {
            name: candidate.name,
            names: candidate.names,
            display: candidate.display,
            kind: candidate.kind,
            description: candidate.description,
            icon: candidate.icon,
            priority: candidate.priority,
            source: candidate.source,
            dangerous: candidate.dangerous,
            matches: candidate.matches,
            edit: candidate.edit,
        }
    }

    fn line(&self) -> String {
        let description = self.description.as_deref().unwrap_or_default();
        format!("{}\t{}\n", visible(&self.name), visible(description))
    }
}

/// Writes a whole number without a fraction.
fn short_number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let whole = *number as i64;
    if whole as f64 == *number { serializer.serialize_i64(whole) } else { serializer.serialize_f64(*number) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Answer {
        let candidate = Candidate {
            name: "main".into(),
            names: vec!["main".into()],
            display: "main".into(),
            description: Some("a\u{1b}branch".into()),
            icon: Some("⎇".into()),
            priority: 75.0,
            source: "spec:git".into(),
            matches: vec![(0, 2)],
            edit: Edit { start: 13, end: 15, text: "main ".into(), cursor: 18 },
            ..Candidate::default()
        };
        Answer {
            generation: 1,
            command: vec!["git".into(), "checkout".into()],
            token: Token { start: 13, end: 15, text: "ma".into() },
            query: "ma".into(),
            argument: Some(ArgumentHint { name: "branch".into(), ..ArgumentHint::default() }),
            candidates: vec![candidate],
            ghost: Some(Ghost { text: "in".into(), source: "history".into() }),
            pending: false,
            elapsed_us: 812,
        }
    }

    #[test]
    fn the_json_is_the_documented_one() {
        let completion = Completion::new("git checkout ma", 15, answer());
        let expected = json!({
            "buffer": "git checkout ma", "cursor": 15,
            "command": ["git", "checkout"],
            "token": {"start": 13, "end": 15, "text": "ma"},
            "query": "ma",
            "argument": {"name": "branch", "description": null, "optional": false, "variadic": false},
            "candidates": [{
                "name": "main", "names": ["main"], "display": "main", "kind": "arg", "description": "a\u{1b}branch",
                "icon": "⎇", "priority": 75, "source": "spec:git", "dangerous": false, "matches": [[0, 2]],
                "edit": {"start": 13, "end": 15, "text": "main ", "cursor": 18},
            }],
            "ghost": {"text": "in", "source": "history"},
            "pending": false, "elapsed_us": 812,
        });
        assert_eq!(serde_json::to_value(&completion).unwrap(), expected);
    }

    #[test]
    fn the_table_shows_control_characters() {
        assert_eq!(Completion::new("", 0, answer()).table(), "main\ta\\u{1b}branch\n");
    }
}
