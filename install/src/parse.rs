//! `q debug parse`: what the engine understood of a line.

use protocol::{Expects, FromDaemon, Parsed, ParsedCommand};
use serde::Serialize;

use crate::{
    engine::unexpected,
    output::{Format, visible},
    query::Query,
};

/// What is printed: what was understood, without what only a connection needs.
#[derive(Debug, Serialize)]
struct Understood {
    commands: Vec<ParsedCommand>,
    current: u32,
    expects: Expects,
    passed_options: Vec<String>,
    query: String,
}

/// Asks what the engine understands, and prints it; as JSON unless something else is asked for.
pub(crate) fn run(query: &Query) -> anyhow::Result<()> {
    let FromDaemon::Parsed(parsed) = query.parse()? else {
        return Err(unexpected());
    };
    query.format.unwrap_or(Format::Json).print(&Understood::new(*parsed), Understood::text)
}

impl Understood {
    fn new(parsed: Parsed) -> Understood {
        Understood {
            commands: parsed.commands,
            current: parsed.current,
            expects: parsed.expects,
            passed_options: parsed.passed_options,
            query: parsed.query,
        }
    }

    /// A line for each command, the current one marked, and what may come.
    fn text(&self) -> String {
        let mark = |index| if index == self.current as usize { '>' } else { ' ' };
        let commands = self.commands.iter().enumerate();
        let mut text: String =
            commands.map(|(index, command)| format!("{} {}\n", mark(index), words(command))).collect();
        text += &format!("expects  {}\n", self.expected());
        if !self.passed_options.is_empty() {
            text += &format!("passed   {}\n", visible(&self.passed_options.join(" ")));
        }
        text + &format!("query    {}\n", visible(&self.query))
    }

    fn expected(&self) -> String {
        let expects = &self.expects;
        let argument = expects.argument.as_ref().map(|argument| match argument.name.as_deref() {
            Some(name) if !name.is_empty() => format!("argument <{}>", visible(name)),
            _ => "an argument".to_owned(),
        });
        let parts = [
            expects.subcommands.then(|| "subcommands".to_owned()),
            expects.options.then(|| "options".to_owned()),
            argument,
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }
}

fn words(command: &ParsedCommand) -> String {
    let words = command.words.iter().map(|word| format!("[{}]", visible(&word.text)));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ExpectedArgument, ParsedWord};
    use serde_json::json;

    fn understood() -> Understood {
        let word = |text: &str, start, end| ParsedWord { text: text.into(), start, end, complete: true };
        Understood::new(Parsed {
            generation: 1,
            commands: vec![ParsedCommand {
                words: vec![word("git", 0, 3), word("", 4, 4)],
                ..ParsedCommand::default()
            }],
            current: 0,
            expects: Expects {
                subcommands: true,
                options: false,
                argument: Some(ExpectedArgument {
                    name: Some("branch".into()),
                    of: "subcommand".into(),
                    ..ExpectedArgument::default()
                }),
            },
            passed_options: vec!["--force".into()],
            query: String::new(),
        })
    }

    #[test]
    fn the_json_is_the_documented_one() {
        let expected = json!({
            "commands": [{
                "words": [
                    {"text": "git", "start": 0, "end": 3, "complete": true},
                    {"text": "", "start": 4, "end": 4, "complete": true},
                ],
                "assignments": [], "redirects": [],
            }],
            "current": 0,
            "expects": {
                "subcommands": true, "options": false,
                "argument": {"name": "branch", "index": 0, "of": "subcommand", "variadic": false, "optional": false},
            },
            "passed_options": ["--force"],
            "query": "",
        });
        assert_eq!(serde_json::to_value(understood()).unwrap(), expected);
    }

    #[test]
    fn the_text_says_the_same_for_people() {
        let expected = "> [git] []\nexpects  subcommands, argument <branch>\npassed   --force\nquery    \n";
        assert_eq!(understood().text(), expected);
    }
}
