//! `q specs show`: what a spec says of a command or a subcommand.

use protocol::{SpecArg, SpecNode, SpecOption, SpecTree};
use serde::Serialize;

use super::{Common, tree};
use crate::output::visible;

/// Where descriptions begin; a longer name gets a line of its own.
const COLUMN: usize = 28;

/// How many known values of an argument are printed.
const MAX_VALUES: usize = 12;

/// What to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The command, and the subcommands below it
    #[arg(required = true, value_name = "CMD")]
    command: Vec<String>,
    /// How many levels of subcommands are printed
    #[arg(long, value_name = "N", default_value_t = 1)]
    depth: u32,
    #[command(flatten)]
    common: Common,
}

/// A tree, as it is printed.
#[derive(Debug, Serialize)]
struct Shown {
    command: Vec<String>,
    /// `archive`, or the file.
    source: String,
    /// Why the file is not used as it is now, but as it was before.
    error: Option<String>,
    spec: Option<Node>,
    /// There was more than could be shown.
    cut: bool,
}

/// A command or subcommand with what is below it.
#[derive(Debug, Serialize)]
struct Node {
    names: Vec<String>,
    description: Option<String>,
    hidden: bool,
    dangerous: bool,
    deprecated: bool,
    requires_subcommand: bool,
    /// The rest is in this module; empty when a function yields it.
    loads: Option<String>,
    args: Vec<SpecArg>,
    options: Vec<SpecOption>,
    subcommands: Vec<Node>,
}

impl Show {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        let mut engine = self.common.engine()?;
        let tree = tree(&mut engine, self.common.spec_dir()?, &self.command, self.depth)?;
        self.common.format.print(&Shown::new(tree), Shown::text)?;
        Ok(true)
    }
}

impl Shown {
    fn new(tree: SpecTree) -> Shown {
        Shown {
            command: tree.command,
            source: tree.file.unwrap_or_else(|| "archive".to_owned()),
            error: tree.error,
            spec: nest(tree.nodes),
            cut: tree.cut,
        }
    }

    fn text(&self) -> String {
        let mut text = format!("# from {}\n", visible(&self.source));
        if let Some(error) = &self.error {
            text += &format!("# as it was before: {}\n", visible(error));
        }
        if let Some(spec) = &self.spec {
            spec.text(&self.command[..self.command.len().saturating_sub(1)], &mut text);
        }
        if self.cut {
            text += "\nThere is more; show a subcommand.\n";
        }
        text
    }
}

/// Puts every node into the one above it.
fn nest(nodes: Vec<SpecNode>) -> Option<Node> {
    let mut open: Vec<Node> = Vec::new();
    for node in nodes {
        close(&mut open, node.depth as usize);
        open.push(Node::new(node));
    }
    close(&mut open, 1);
    open.pop()
}

/// Closes the nodes below this depth: each becomes a subcommand of the one that is open above it.
fn close(open: &mut Vec<Node>, depth: usize) {
    while open.len() > depth.max(1) {
        let Some(node) = open.pop() else { return };
        if let Some(above) = open.last_mut() {
            above.subcommands.push(node);
        }
    }
}

impl Node {
    fn new(node: SpecNode) -> Node {
        Node {
            names: node.names,
            description: node.description,
            hidden: node.hidden,
            dangerous: node.dangerous,
            deprecated: node.deprecated,
            requires_subcommand: node.requires_subcommand,
            loads: node.loads,
            args: node.args,
            options: node.options,
            subcommands: Vec::new(),
        }
    }

    /// The command, its arguments, options and subcommands; then the same for each subcommand of which more is known than
    /// its name.
    fn text(&self, above: &[String], text: &mut String) {
        let name = self.names.first().cloned().unwrap_or_default();
        let path = [above, &[name]].concat();
        *text += &format!("\n{}\n", visible(&path.join(" ")));
        if let Some(description) = &self.description {
            *text += &format!("  {}\n", visible(description));
        }
        match self.loads.as_deref() {
            Some("") => *text += "  The rest is made by a function when it is needed.\n",
            Some(module) => *text += &format!("  The rest is in the spec {}.\n", visible(module)),
            None => {}
        }
        section(text, "arguments", self.args.iter().map(|arg| (hint(arg), argument(arg))));
        section(text, "options", self.options.iter().map(|option| (usage(option), about(option))));
        let below = self.subcommands.iter().map(|node| (node.usage(), node.about()));
        section(text, "subcommands", below);
        for node in self.subcommands.iter().filter(|node| !node.subcommands.is_empty()) {
            node.text(&path, text);
        }
    }

    fn usage(&self) -> String {
        let hints = self.args.iter().map(hint);
        [self.names.join(", ")].into_iter().chain(hints).collect::<Vec<_>>().join(" ")
    }

    fn about(&self) -> String {
        let marks = [(self.hidden, "hidden"), (self.dangerous, "dangerous"), (self.deprecated, "deprecated")];
        sentence(
            self.description.as_deref(),
            marks.iter().filter(|mark| mark.0).map(|mark| mark.1.to_owned()),
        )
    }
}

/// Adds a part with a heading, if it has any lines.
fn section(text: &mut String, title: &str, lines: impl Iterator<Item = (String, String)>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        *text += &format!("  {title}\n");
    }
    for (name, about) in lines {
        let name = visible(&name);
        let about = visible(&about);
        let line = match name.chars().count() {
            _ if about.is_empty() => format!("    {name}\n"),
            length if length < COLUMN => format!("    {name:COLUMN$}{about}\n"),
            _ => format!("    {name}\n    {:COLUMN$}{about}\n", ""),
        };
        *text += &line;
    }
}

/// An argument as a usage line has it: `<file>`, `[file]`, `<file>…`.
fn hint(arg: &SpecArg) -> String {
    let name = if arg.name.is_empty() { "value" } else { arg.name.as_str() };
    let more = if arg.variadic { "…" } else { "" };
    if arg.optional { format!("[{name}]{more}") } else { format!("<{name}>{more}") }
}

fn argument(arg: &SpecArg) -> String {
    let values = arg.suggestions.iter().take(MAX_VALUES).cloned().collect::<Vec<_>>().join(", ");
    let more = if arg.suggestions.len() > MAX_VALUES { ", …" } else { "" };
    let generators = match arg.generators {
        0 => None,
        1 => Some("1 generator".to_owned()),
        many => Some(format!("{many} generators")),
    };
    let marks = [
        (!values.is_empty()).then(|| format!("one of {values}{more}")),
        (!arg.templates.is_empty()).then(|| arg.templates.join(", ")),
        generators,
        arg.command.then(|| "a command".to_owned()),
        arg.default.as_ref().map(|default| format!("default {default}")),
    ];
    sentence(arg.description.as_deref(), marks.into_iter().flatten())
}

/// An option with its values.
fn usage(option: &SpecOption) -> String {
    let separator = option.separator.as_deref().unwrap_or(" ");
    let values: String = option.args.iter().map(|arg| format!("{separator}{}", hint(arg))).collect();
    option.names.join(", ") + &values
}

fn about(option: &SpecOption) -> String {
    let marks = [
        (option.required, "required"),
        (option.persistent, "also below"),
        (option.repeatable, "repeatable"),
        (option.hidden, "hidden"),
        (option.dangerous, "dangerous"),
        (option.deprecated, "deprecated"),
    ];
    let marks = marks.into_iter().filter(|mark| mark.0).map(|mark| mark.1.to_owned());
    let list =
        |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")));
    let others = [list("not with", &option.exclusive_on), list("needs", &option.depends_on)];
    sentence(option.description.as_deref(), marks.chain(others.into_iter().flatten()))
}

/// A description with remarks in parentheses.
fn sentence(description: Option<&str>, marks: impl Iterator<Item = String>) -> String {
    let marks = marks.collect::<Vec<_>>().join("; ");
    match (description.unwrap_or_default(), marks.as_str()) {
        (description, "") => description.to_owned(),
        ("", marks) => format!("({marks})"),
        (description, marks) => format!("{description} ({marks})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(depth: u32, name: &str) -> SpecNode {
        SpecNode { depth, names: vec![name.to_owned()], ..SpecNode::default() }
    }

    /// The names with what is below them in parentheses.
    fn outline(node: &Node) -> String {
        let below: Vec<String> = node.subcommands.iter().map(outline).collect();
        if below.is_empty() {
            node.names[0].clone()
        } else {
            format!("{}({})", node.names[0], below.join(" "))
        }
    }

    #[test]
    fn every_node_is_put_into_the_one_above_it() {
        let nodes = [(0, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e"), (1, "f"), (2, "g")];
        let nested = nest(nodes.iter().map(|(depth, name)| node(*depth, name)).collect()).unwrap();
        assert_eq!(outline(&nested), "a(b(c d(e)) f(g))");
        assert!(nest(Vec::new()).is_none());
    }

    #[test]
    fn what_is_shown_says_all_that_matters() {
        let arg = SpecArg {
            name: "branch".into(),
            optional: true,
            variadic: true,
            generators: 1,
            ..SpecArg::default()
        };
        let option = SpecOption {
            names: vec!["-f".into(), "--format".into()],
            description: Some("How".into()),
            separator: Some("=".into()),
            exclusive_on: vec!["--raw".into()],
            required: true,
            args: vec![SpecArg { name: "fmt".into(), suggestions: vec!["a".into()], ..SpecArg::default() }],
            ..SpecOption::default()
        };
        let root = SpecNode { args: vec![arg], options: vec![option], ..node(0, "git\u{1b}") };
        let tree = SpecTree {
            command: vec!["git".into()],
            nodes: vec![root, node(1, "add")],
            ..SpecTree::default()
        };
        let expected = "# from archive\n\ngit\\u{1b}\n  arguments\n    [branch]…                   (1 generator)\n  options\n    \
            -f, --format=<fmt>          How (required; not with --raw)\n  subcommands\n    add\n";
        assert_eq!(Shown::new(tree).text(), expected);
    }
}
