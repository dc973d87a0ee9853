//! Proves that every function a spec refers to can be called from the source that is stored.
//!
//! The source is evaluated once more in a fresh world, and every path is followed to its end.

use std::collections::BTreeSet;

use super::module::Loader;
use super::pack::Error;
use crate::model::{
    Alias, Arg, FnRef, Generator, LoadSpec, Opt, QueryTerm, Script, Spec, Subcommand, Trigger,
};

/// The paths of all functions that these specs and this version command refer to. They are all of one module.
pub(super) fn references<'s>(
    specs: impl IntoIterator<Item = &'s Spec>,
    version_command: &'s Option<FnRef>,
) -> BTreeSet<&'s [String]> {
    let mut found: Vec<&FnRef> = version_command.iter().collect();
    specs.into_iter().for_each(|spec| subcommand(&spec.root, &mut found));
    found.into_iter().map(|place| place.path.as_slice()).collect()
}

/// Fails at the first path that leads to no function.
pub(super) fn prove(
    loader: &Loader,
    name: &str,
    source: &str,
    paths: &BTreeSet<&[String]>,
) -> Result<(), Error> {
    if paths.is_empty() {
        return Ok(());
    }
    let unresolved = loader.unresolved(name, source, paths.iter().copied())?;
    match unresolved.first() {
        Some(path) => Err(Error::Unresolved { module: name.to_owned(), path: path.join(".") }),
        None => Ok(()),
    }
}

fn subcommand<'s>(node: &'s Subcommand, found: &mut Vec<&'s FnRef>) {
    found.extend(&node.generate_spec);
    load_spec(&node.load_spec, found);
    node.options.iter().for_each(|child| option(child, found));
    node.args.iter().for_each(|child| arg(child, found));
    node.subcommands.iter().for_each(|child| subcommand(child, found));
}

fn option<'s>(node: &'s Opt, found: &mut Vec<&'s FnRef>) {
    node.args.iter().for_each(|child| arg(child, found));
}

fn arg<'s>(node: &'s Arg, found: &mut Vec<&'s FnRef>) {
    node.generators.iter().for_each(|child| generator(child, found));
    load_spec(&node.load_spec, found);
    if let Some(Alias::Function(place)) = &node.alias {
        found.push(place);
    }
}

fn load_spec<'s>(load: &'s Option<LoadSpec>, found: &mut Vec<&'s FnRef>) {
    match load {
        Some(LoadSpec::Inline(node)) => subcommand(node, found),
        Some(LoadSpec::Function(place)) => found.push(place),
        Some(LoadSpec::Module(_)) | None => {}
    }
}

fn generator<'s>(node: &'s Generator, found: &mut Vec<&'s FnRef>) {
    found.extend(&node.custom);
    found.extend(&node.filter_template);
    found.extend(&node.post_process);
    if let Some(Script::Function(place)) = &node.script {
        found.push(place);
    }
    if let Some(Trigger::Function(place)) = &node.trigger {
        found.push(place);
    }
    if let Some(QueryTerm::Function(place)) = &node.query_term {
        found.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "export const versions = { '1.0.0': { generateSpec: () => ({}) } };
        export default { name: 'x', args: [{ generators: { custom: async () => [] } }] };";

    /// What is wrong with a path, written with spaces.
    fn fault(path: &str) -> Option<String> {
        let path: Vec<String> = path.split(' ').map(str::to_owned).collect();
        let loader = Loader::new().unwrap();
        let paths = BTreeSet::from([path.as_slice()]);
        prove(&loader, "x", SOURCE, &paths).err().map(|error| error.to_string())
    }

    #[test]
    fn paths_to_functions_are_proven() {
        assert_eq!(fault("args 0 generators custom"), None);
        assert_eq!(fault("* versions 1.0.0 generateSpec"), None);
        assert_eq!(fault("* default args 0 generators custom"), None);
    }

    #[test]
    fn paths_to_anything_else_are_refused() {
        for path in
            ["args 0 generators", "args 1 generators custom", "name", "name x", "*", "* default", "versions"]
        {
            let expected = format!("module x: nothing callable at {}", path.replace(' ', "."));
            assert_eq!(fault(path), Some(expected));
        }
    }
}
