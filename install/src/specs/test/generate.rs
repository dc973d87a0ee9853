//! A line for every place that a spec describes: the subcommands and options of each command, the values of each option
//! and of each argument.
//!
//! Only what is spelled out is demanded: what generators yield depends on where one is.

use protocol::{SpecArg, SpecNode, SpecOption, SpecTree};

use super::Case;

/// Most lines: the largest spec of the corpus but three has fewer.
const MAX_LINES: usize = 20_000;

/// What is typed for a value that the spec does not spell out.
const SOME_VALUE: &str = "x";

/// The lines for a tree, and whether there would have been more.
pub(super) fn cases(tree: &SpecTree) -> (Vec<Case>, bool) {
    let mut cases = Vec::new();
    // The words that lead to each level.
    let mut path: Vec<String> = Vec::new();
    for (at, node) in tree.nodes.iter().enumerate() {
        path.truncate(node.depth as usize);
        path.push(node.names.first().cloned().unwrap_or_default());
        // Its rows are those of another spec.
        if node.loads.is_none() {
            let below: Vec<&SpecNode> = below(&tree.nodes[at..]).collect();
            cases.extend(of_node(&path, node, &below));
        }
        if cases.len() > MAX_LINES {
            cases.truncate(MAX_LINES);
            return (cases, true);
        }
    }
    (cases, false)
}

/// The subcommands of the first node.
fn below(nodes: &[SpecNode]) -> impl Iterator<Item = &SpecNode> {
    let depth = nodes.first().map_or(0, |node| node.depth);
    let family = nodes.iter().skip(1).take_while(move |node| node.depth > depth);
    family.filter(move |node| node.depth == depth + 1)
}

fn of_node(path: &[String], node: &SpecNode, below: &[&SpecNode]) -> Vec<Case> {
    let words: Vec<String> = path.iter().map(|word| quote(word)).collect();
    let line = words.join(" ") + " ";
    let mut cases = vec![rows(&line, below.iter().filter(|node| !node.hidden).map(|node| &node.names))];
    let (dashed, other): (Vec<_>, Vec<_>) = node
        .options
        .iter()
        .filter(|option| !option.hidden)
        .partition(|option| option.names[0].starts_with('-'));
    cases.push(rows(&format!("{line}-"), dashed.iter().map(|option| &option.names)));
    cases.extend(other.iter().map(|option| {
        let first: String = option.names[0].chars().take(1).collect();
        rows(&format!("{line}{first}"), std::iter::once(&option.names))
    }));
    cases.extend(node.options.iter().filter_map(|option| of_option(&line, node, option)));
    cases.extend(of_args(&line, node));
    cases.retain(|case| case.something || !case.wanted.is_empty());
    cases
}

/// The values of an option.
fn of_option(line: &str, node: &SpecNode, option: &SpecOption) -> Option<Case> {
    let arg = option.args.first()?;
    // A word behind an option whose value may be left out is the command's if that takes any: there it must be attached.
    let attached = arg.optional && !node.args.is_empty();
    let (name, separator) = match &option.separator {
        Some(separator) => (dashed(option)?, separator.as_str()),
        None if attached => (option.names.iter().find(|name| name.starts_with("--"))?, "="),
        None => (dashed(option)?, " "),
    };
    Some(values(&format!("{line}{name}{separator}"), arg))
}

/// The name of an option that is surest to be taken for one.
fn dashed(option: &SpecOption) -> Option<&String> {
    option.names.iter().find(|name| name.starts_with('-')).or(option.names.first())
}

/// The values of the arguments, one behind the other.
fn of_args(line: &str, node: &SpecNode) -> Vec<Case> {
    let (mut line, mut cases) = (line.to_owned(), Vec::new());
    for arg in &node.args {
        cases.push(values(&line, arg));
        if arg.variadic || arg.command {
            break;
        }
        let value = arg.suggestions.first().map_or(SOME_VALUE, String::as_str);
        line += &(quote(value) + " ");
    }
    cases
}

/// What an argument offers: what is spelled out, and something when there are files.
fn values(line: &str, arg: &SpecArg) -> Case {
    let mut case = rows(line, arg.suggestions.iter().map(std::slice::from_ref));
    case.something = arg.templates.iter().any(|template| template == "filepaths" || template == "folders");
    case
}

fn rows<N: AsRef<[String]>>(line: &str, names: impl Iterator<Item = N>) -> Case {
    let wanted = names.map(|names| names.as_ref().to_vec()).collect();
    Case { line: line.to_owned(), cursor: line.len(), wanted, ..Case::default() }
}

/// A word as the shell reads it.
fn quote(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=,+@%".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_line() {
        let arg = |values: &[&str]| SpecArg {
            suggestions: values.iter().map(|value| (*value).to_owned()).collect(),
            ..SpecArg::default()
        };
        let files = SpecArg { templates: vec!["filepaths".into()], ..SpecArg::default() };
        let option = |name: &str, separator: Option<&str>, args| SpecOption {
            names: vec![name.to_owned()],
            separator: separator.map(str::to_owned),
            args,
            ..SpecOption::default()
        };
        let node =
            |depth, name: &str| SpecNode { depth, names: vec![name.to_owned()], ..SpecNode::default() };
        let maybe = SpecArg { optional: true, ..arg(&["all"]) };
        let options = vec![option("--when", Some("="), vec![arg(&["now"])]), option("+x", None, vec![])];
        let of_deep = vec![option("--some", None, vec![maybe.clone()]), option("-s", None, vec![maybe])];
        let elsewhere = SpecNode { loads: Some("y".into()), options: options.clone(), ..node(1, "else") };
        let deep = SpecNode { args: vec![arg(&["a b"]), files], options: of_deep, ..node(2, "deep") };
        let nodes = vec![SpecNode { options, ..node(0, "t") }, node(1, "sub"), deep, elsewhere];
        let (cases, cut) = cases(&SpecTree { nodes, ..SpecTree::default() });
        let told: Vec<(String, Vec<&str>, bool)> = cases
            .iter()
            .map(|case| {
                (
                    case.line.clone(),
                    case.wanted.iter().map(|names| names[0].as_str()).collect(),
                    case.something,
                )
            })
            .collect();
        let expected = [
            ("t ", vec!["sub", "else"], false),
            ("t -", vec!["--when"], false),
            ("t +", vec!["+x"], false),
            ("t --when=", vec!["now"], false),
            ("t sub ", vec!["deep"], false),
            ("t sub deep -", vec!["--some", "-s"], false),
            ("t sub deep --some=", vec!["all"], false),
            ("t sub deep ", vec!["a b"], false),
            ("t sub deep 'a b' ", vec![], true),
        ];
        let expected: Vec<_> =
            expected.into_iter().map(|(line, names, some)| (line.to_owned(), names, some)).collect();
        assert_eq!((told, cut), (expected, false));
    }
}
