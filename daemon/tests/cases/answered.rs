//! Lines on which the reference gives up, or is known to be wrong: each is answered, and judged by a line without
//! what it stumbles over.

use protocol::{Answer, Shell};
use serde_json::Value;

use crate::support::{Desk, Few, cases, context, engine, request, strings, text, typed};

/// What a line is judged by.
enum Judge {
    /// The rows are those of this line with the cursor at its end.
    Like(String),
    /// The rows are the recorded ones, in whatever order.
    Recorded,
    /// A value is expected: paths, of a command that nothing is known of.
    Paths,
    /// Nothing: a comment, or the number of a descriptor.
    Silence,
    /// Rows, whatever they are.
    Rows,
}

/// Lines that are judged by another one than their tag says.
const JUDGED_LIKE: [(&str, &str); 8] = [
    ("opt_repeatable-026", "splash --query wip -"),
    // The option wants its value attached, so that the words are a file and one too many.
    ("wrapper-109", "asciinema rec --command gh "),
    ("unknown_token-095", "sta generate-templates --rewrite "),
    ("hand-022", "git worktree add "),
    ("hand-064", "kubectl get pods -o "),
    ("hand-091", "cargo fmt -"),
    ("end_of_options-087", "nl -- "),
    ("subshell-041", "nuxi generate "),
];

/// Words that no spec knows, in the recorded lines.
const UNKNOWN: [&str; 6] =
    ["--no-such-option", "--no-such-option=1", "-Ω", "nosuchthing", "extra1", "extra2"];

/// The faults of the reference that are judged here.
const TAGS: [&str; 11] = [
    "unparsed_syntax",
    "unknown_token_kills",
    "path_command",
    "mid_word_cursor",
    "wrapper_assignment",
    "alias_refused",
    "empty_command_crash",
    "empty_assignment_throws",
    "priority_zero",
    "keyword_as_command",
    "script_without_local_spec",
];

fn judge(case: &Value, tag: &str) -> Judge {
    let line = text(case, "buffer");
    if let Some((_, like)) = JUDGED_LIKE.iter().find(|(id, _)| *id == text(case, "id")) {
        return Judge::Like(like.to_string());
    }
    let judge = match tag {
        "path_command" => path_command(line),
        "mid_word_cursor" => {
            let cursor = request(case).cursor as usize;
            Judge::Like(line[..cursor].to_string())
        }
        "wrapper_assignment" => Judge::Like(line.replacen("FOO=1 ", "", 1)),
        "empty_assignment_throws" => Judge::Like(without(line, |word| word.ends_with('='))),
        "alias_refused" => Judge::Like(last_of_alias(case)),
        "unparsed_syntax" => unparsed(case, line),
        "unknown_token_kills" => Judge::Like(without(line, |word| UNKNOWN.contains(&word))),
        "keyword_as_command" if line.starts_with("case ") => unparsed(case, line),
        "priority_zero" | "keyword_as_command" => Judge::Recorded,
        _ => Judge::Rows,
    };
    match judge {
        // Nothing was left out of it: a line is no judge of itself.
        Judge::Like(like) if like == line => Judge::Rows,
        judge => judge,
    }
}

/// The line without the words that are left out.
fn without(line: &str, left_out: impl Fn(&str) -> bool) -> String {
    line.split(' ').filter(|word| !left_out(word)).collect::<Vec<_>>().join(" ")
}

fn path_command(line: &str) -> Judge {
    let (path, rest) = line.split_once(' ').unwrap_or((line, ""));
    match path.rsplit('/').next() {
        Some("script.sh") => Judge::Paths,
        name => Judge::Like(format!("{} {rest}", name.unwrap_or_default())),
    }
}

/// The line with the last command of its alias in its place.
fn last_of_alias(case: &Value) -> String {
    let (name, rest) = text(case, "buffer").split_once(' ').unwrap_or_default();
    let value = text(&case["aliases"], name);
    format!("{} {rest}", value.rsplit("&& ").next().unwrap_or(value))
}

/// A line without its redirections and what stands before the command.
fn unparsed(case: &Value, line: &str) -> Judge {
    if line.contains("# ") {
        return Judge::Silence;
    }
    if let Some((_, command)) = line.rsplit_once("in a) ") {
        return Judge::Like(command.to_string());
    }
    if line.ends_with("in.txt") || line.ends_with("log") {
        return Judge::Paths;
    }
    if line.ends_with("2>&1") {
        return Judge::Silence;
    }
    let mut words = line.split(' ');
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "<" | ">" | ">>" => drop(words.next()),
            _ if word.contains('>') => {}
            _ => kept.push(word),
        }
    }
    let plain = kept.join(" ");
    if plain == line || case["ok"] == true && line.contains("; do") {
        Judge::Recorded
    } else {
        Judge::Like(plain)
    }
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.candidates.iter().map(|row| row.name.as_str()).collect()
}

/// What is wrong with the answer to a line, if anything.
fn fault(case: &Value, tag: &str, desk: &Desk) -> Option<String> {
    let request = request(case);
    let answer = desk.complete(&request);
    let (mine, some) = (names(&answer), !answer.candidates.is_empty());
    let wanted = match judge(case, tag) {
        Judge::Paths => {
            return (!desk.parse(&request).expects_path()).then(|| format!("no path, but {mine:?}"));
        }
        Judge::Silence => return some.then(|| format!("rows where nothing can come: {mine:?}")),
        Judge::Rows => return (!some).then(|| "no rows".to_string()),
        Judge::Recorded => {
            let wanted = case["names"].as_array().into_iter().flatten();
            let wanted: Vec<&str> = wanted.filter_map(|row| row[1].as_str()).collect();
            let lacks = wanted.iter().any(|name| !mine.contains(name));
            return lacks.then(|| format!("{mine:?} lack some of {wanted:?}"));
        }
        Judge::Like(line) => desk.complete(&typed(&line)),
    };
    (mine != names(&wanted)).then(|| format!("{mine:?} instead of {:?}", names(&wanted)))
}

trait Expecting {
    fn expects_path(&self) -> bool;
}

impl Expecting for protocol::Parsed {
    /// A value without a name, or the target of a redirection.
    fn expects_path(&self) -> bool {
        let command = self.commands.get(self.current as usize);
        let redirected = command.is_some_and(|command| !command.redirects.is_empty());
        redirected || self.expects.argument.as_ref().is_some_and(|argument| argument.variadic)
    }
}

#[test]
fn lines_on_which_the_reference_gives_up_are_answered() {
    let engine = engine();
    let mut faults = Vec::new();
    let mut judged = 0;
    for case in ["corpus.jsonl", "hand.jsonl"].into_iter().flat_map(cases) {
        let dev = strings(&case["dev"]);
        let Some(tag) = TAGS.into_iter().find(|tag| dev.iter().any(|dev| dev == tag)) else { continue };
        let mut context = context(&case);
        context.shell = Shell::Bash;
        let desk = Desk { world: &Few, ..Desk::bare(&engine, &context) };
        judged += 1;
        if let Some(fault) = fault(&case, tag, &desk) {
            let fault: String = fault.chars().take(300).collect();
            faults.push(format!("{tag} {} {:?}: {fault}", text(&case, "id"), text(&case, "buffer")));
        }
    }
    assert!(judged >= 80, "{judged} lines");
    assert!(faults.is_empty(), "{} of {judged} lines:\n{faults:#?}", faults.len());
}
