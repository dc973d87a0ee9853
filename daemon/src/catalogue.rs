//! What specs say, for people who look into them: which there are, and the tree of one.
//!
//! Reads what a [`View`] has and never waits. Specs of the archive are decoded for this and not kept, so that a list of
//! everything does not push out what is in use.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::{SpecArg, SpecCounts, SpecEntry, SpecList, SpecNode, SpecOption, SpecTree};
use specs::model::{Arg, LoadSpec, Opt, Repeatable, Spec, Subcommand, Template};

use crate::engine::Specs;
use crate::user_specs::View;

/// How much of a tree is told, by estimate in bytes: well below what one message may have.
const MAX_TREE: usize = 4 << 20;

/// What a part of a tree takes beside its text, by estimate in bytes: the names of its fields in JSON.
const OVERHEAD: usize = 200;

/// How much of a description or an error a list has, in characters: thousands of them must fit one message.
const MAX_TEXT: usize = 300;

/// How often a tree may be elsewhere before it is found: a spec can say that it is where it is.
const MAX_LOADS: usize = 8;

/// All commands, and the modules of the user.
pub fn list(view: &View) -> SpecList {
    let mut specs: BTreeMap<String, SpecEntry> = BTreeMap::new();
    for own in view.own() {
        let known = own.error.is_some() || !own.names.is_empty();
        let spec = if known { view.peek(&own.module) } else { None };
        let entry = SpecEntry {
            file: Some(own.path.to_string_lossy().into_owned()),
            error: own.error.map(|error| short(&error)),
            ..entry(&own.module, spec.as_deref())
        };
        // Of two files of one name the first one holds.
        specs.entry(own.module).or_insert(entry);
    }
    for command in view.archived() {
        let spec = || view.peek(&command);
        specs.entry(command.clone()).or_insert_with(|| entry(&command, spec().as_deref()));
    }
    SpecList { specs: specs.into_values().collect() }
}

fn entry(name: &str, spec: Option<&Spec>) -> SpecEntry {
    let root = spec.map(|spec| &spec.root);
    SpecEntry {
        name: name.to_owned(),
        description: root.and_then(|root| root.description.as_deref()).map(short),
        counts: root.map(counts),
        ..SpecEntry::default()
    }
}

/// The beginning of a text, as much as fits a list.
fn short(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_TEXT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn counts(node: &Subcommand) -> SpecCounts {
    let own = SpecCounts { subcommands: count(node.subcommands.len()), options: count(node.options.len()) };
    node.subcommands.iter().map(counts).fold(own, |sum, below| SpecCounts {
        subcommands: sum.subcommands.saturating_add(below.subcommands),
        options: sum.options.saturating_add(below.options),
    })
}

/// The tree of a command or subcommand, so many levels deep.
///
/// # Errors
/// When there is no spec of the command, or it has no such subcommand.
pub fn show(view: &View, command: &[String], depth: u32) -> Result<SpecTree, String> {
    let (first, rest) = command.split_first().ok_or("no command is named")?;
    let found = Found::command(view, first).ok_or_else(|| unknown_command(view, first))?;
    let found = rest.iter().try_fold(found, |found, name| found.below(view, name))?;
    let mut tree = Tree { nodes: Vec::new(), room: MAX_TREE, cut: false, depth };
    tree.add(&found.node, 0);
    let own = view.file(&found.module);
    Ok(SpecTree {
        command: found.command,
        file: own.as_ref().map(|own| own.path.to_string_lossy().into_owned()),
        error: own.and_then(|own| own.error),
        nodes: tree.nodes,
        cut: tree.cut,
    })
}

/// A command that was found, its tree in one piece.
struct Found {
    /// Canonical names from the top down.
    command: Vec<String>,
    node: Subcommand,
    /// The module that the tree is in.
    module: String,
}

impl Found {
    fn command(view: &View, name: &str) -> Option<Found> {
        let (node, module) = module(view, name)?;
        let canonical = node.names.first().cloned().unwrap_or_else(|| name.to_owned());
        Some(Found { command: vec![canonical], node, module })
    }

    fn below(mut self, view: &View, name: &str) -> Result<Found, String> {
        let is_named = |node: &Subcommand| node.names.iter().any(|known| known == name);
        let Some(at) = self.node.subcommands.iter().position(is_named) else {
            return Err(unknown_subcommand(&self, name));
        };
        let mut node = self.node.subcommands.swap_remove(at);
        self.command.push(node.names.first().cloned().unwrap_or_default());
        if let Some(LoadSpec::Module(elsewhere)) = &node.load_spec
            && let Some((tree, module)) = module(view, elsewhere)
        {
            node = Subcommand { names: node.names, ..tree };
            self.module = module;
        }
        Ok(Found { node: inline(node), ..self })
    }
}

/// The tree of a module, and the module that it really is in.
fn module(view: &View, name: &str) -> Option<(Subcommand, String)> {
    let mut name = name.to_owned();
    let mut spec = view.spec(&name)?;
    for _ in 0..MAX_LOADS {
        let newest = spec.versions.as_ref().and_then(|versions| versions.modules.last());
        let elsewhere = match (&spec.root.load_spec, newest) {
            (Some(LoadSpec::Module(module)), _) | (_, Some((_, module))) => module.clone(),
            _ => break,
        };
        let Some(next) = view.spec(&elsewhere).filter(|next| !Arc::ptr_eq(next, &spec)) else { break };
        (spec, name) = (next, elsewhere);
    }
    Some((inline(spec.root.clone()), name))
}

/// A tree that stands in a `loadSpec`, in its place.
fn inline(mut node: Subcommand) -> Subcommand {
    match node.load_spec.take() {
        Some(LoadSpec::Inline(tree)) => Subcommand { names: node.names, ..*tree },
        load_spec => Subcommand { load_spec, ..node },
    }
}

fn unknown_command(view: &View, name: &str) -> String {
    let own = view.own().into_iter().find(|own| own.module == name);
    if let Some((path, error)) = own.and_then(|own| Some((own.path, own.error?))) {
        return format!("{} cannot be used: {error}", path.display());
    }
    let known = view.commands();
    format!("there is no spec for `{name}`{}", nearest(name, known.iter().map(String::as_str)))
}

fn unknown_subcommand(found: &Found, name: &str) -> String {
    let known = found.node.subcommands.iter().flat_map(|node| &node.names).map(String::as_str);
    format!("`{}` has no subcommand `{name}`{}", found.command.join(" "), nearest(name, known))
}

/// The known name that is most like this one, as advice; empty when none is.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let most = name.chars().count().div_ceil(3);
    let near = known.map(|known| (distance(name, known), known)).filter(|(far, _)| *far <= most);
    near.min().map_or_else(String::new, |(_, known)| format!("; is `{known}` meant?"))
}

/// How many letters must be changed, added or left out to make one name of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The nodes of a tree, as far as there is room.
struct Tree {
    nodes: Vec<SpecNode>,
    room: usize,
    cut: bool,
    depth: u32,
}

impl Tree {
    fn add(&mut self, node: &Subcommand, depth: u32) {
        let told = told(node, depth);
        let size = size(&told);
        if size > self.room {
            self.cut = true;
            return;
        }
        self.room -= size;
        self.nodes.push(told);
        if depth < self.depth {
            node.subcommands.iter().for_each(|below| self.add(below, depth + 1));
        }
    }
}

/// What a node takes in a message, by estimate.
fn size(node: &SpecNode) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let texts = |texts: &[String]| texts.iter().map(|text| text.len() + 4).sum::<usize>();
    let args = |args: &[SpecArg]| {
        let arg =
            |arg: &SpecArg| OVERHEAD + texts(&arg.suggestions) + text(&arg.description) + text(&arg.default);
        args.iter().map(arg).sum::<usize>()
    };
    let option = |option: &SpecOption| {
        let names = texts(&option.names) + texts(&option.exclusive_on) + texts(&option.depends_on);
        OVERHEAD + names + text(&option.description) + args(&option.args)
    };
    let options: usize = node.options.iter().map(option).sum();
    OVERHEAD + texts(&node.names) + text(&node.description) + options + args(&node.args)
}

fn told(node: &Subcommand, depth: u32) -> SpecNode {
    SpecNode {
        depth,
        names: node.names.clone(),
        description: node.description.clone(),
        hidden: node.hidden,
        dangerous: node.dangerous,
        deprecated: node.deprecated.is_some(),
        requires_subcommand: node.requires_subcommand.unwrap_or_default(),
        options: node.options.iter().map(option).collect(),
        args: node.args.iter().map(arg).collect(),
        loads: loads(node),
    }
}

fn loads(node: &Subcommand) -> Option<String> {
    match &node.load_spec {
        Some(LoadSpec::Module(module)) => Some(module.clone()),
        Some(LoadSpec::Function(_)) => Some(String::new()),
        Some(LoadSpec::Inline(_)) | None => node.generate_spec.is_some().then(String::new),
    }
}

fn option(option: &Opt) -> SpecOption {
    SpecOption {
        names: option.names.clone(),
        description: option.description.clone(),
        hidden: option.hidden,
        dangerous: option.dangerous,
        deprecated: option.deprecated.is_some(),
        required: option.required,
        persistent: option.persistent,
        repeatable: matches!(option.repeatable, Repeatable::Always | Repeatable::Times(_)),
        separator: option.requires_separator.clone(),
        exclusive_on: option.exclusive_on.clone(),
        depends_on: option.depends_on.clone(),
        args: option.args.iter().map(arg).collect(),
    }
}

fn arg(arg: &Arg) -> SpecArg {
    let names = |suggestion: &specs::model::Suggestion| suggestion.names.first().cloned();
    SpecArg {
        name: arg.name.clone().unwrap_or_default(),
        description: arg.description.clone(),
        optional: arg.optional,
        variadic: arg.variadic,
        suggestions: arg.suggestions.iter().filter(|row| !row.hidden).filter_map(names).collect(),
        templates: arg.templates.iter().map(|template| template_name(*template).to_owned()).collect(),
        generators: count(arg.generators.len()),
        command: arg.is_command,
        default: arg.default.clone(),
    }
}

fn template_name(template: Template) -> &'static str {
    match template {
        Template::Filepaths => "filepaths",
        Template::Folders => "folders",
        Template::History => "history",
        Template::Help => "help",
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_advice() {
        let near = |name| nearest(name, ["checkout", "cherry-pick", "commit"].into_iter());
        assert_eq!(near("chekcout"), "; is `checkout` meant?");
        assert_eq!(near("comit"), "; is `commit` meant?");
        assert_eq!(near("zzz"), "");
        assert_eq!((distance("", "ab"), distance("ab", "ab"), distance("kitten", "sitting")), (2, 0, 3));
    }

    #[test]
    fn a_list_has_the_beginnings_of_texts() {
        assert_eq!(short("é"), "é");
        assert_eq!(short(&"é".repeat(MAX_TEXT + 1)), "é".repeat(MAX_TEXT) + "…");
    }

    #[test]
    fn everything_below_is_counted() {
        let leaf = Subcommand { options: vec![Opt::default(); 3], ..Subcommand::default() };
        let node =
            Subcommand { subcommands: vec![leaf; 2], options: vec![Opt::default()], ..Subcommand::default() };
        assert_eq!(counts(&node), SpecCounts { subcommands: 2, options: 7 });
    }

    #[test]
    fn a_tree_that_is_too_large_is_cut() {
        let leaf = Subcommand { description: Some("x".repeat(MAX_TREE / 4)), ..Subcommand::default() };
        let node = Subcommand { subcommands: vec![leaf; 8], ..Subcommand::default() };
        let mut tree = Tree { nodes: Vec::new(), room: MAX_TREE, cut: false, depth: u32::MAX };
        tree.add(&node, 0);
        assert!(tree.cut && tree.nodes.len() == 4, "{}", tree.nodes.len());
    }
}
