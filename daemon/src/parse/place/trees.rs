//! Trees that `generateSpec` functions extend, put together once.
//!
//! A spec and what its function yielded go in, one tree comes out. The spec keeps its name, its arguments and what it
//! says of itself; subcommands and options of the function are added, and hold where both have one of the same name.

use std::fmt;
use std::sync::{Arc, Mutex};

use specs::model::{FnRef, Subcommand};

use crate::lock::lock;

/// Most trees that are kept: a session goes back and forth between a few commands, and some trees take a megabyte.
const MAX_TREES: usize = 8;

/// The trees put together last.
#[derive(Default)]
pub struct Trees {
    /// The one used last comes last.
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    base: (FnRef, usize),
    /// Held, so that no other tree can take its address.
    generated: Arc<Subcommand>,
    merged: Arc<Subcommand>,
}

impl fmt::Debug for Trees {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Trees").finish_non_exhaustive()
    }
}

impl Trees {
    /// The node of a spec with what its function yielded.
    pub(super) fn merged(&self, base: &Subcommand, generated: &Arc<Subcommand>) -> Arc<Subcommand> {
        let function = base.generate_spec.clone().unwrap_or_default();
        let key = (function, std::ptr::from_ref(base) as usize);
        let mut kept = lock(&self.kept);
        let known = kept.iter().position(|kept| kept.base == key && Arc::ptr_eq(&kept.generated, generated));
        let one = match known {
            Some(at) => kept.remove(at),
            None => {
                Kept { base: key, generated: Arc::clone(generated), merged: Arc::new(merge(base, generated)) }
            }
        };
        let merged = Arc::clone(&one.merged);
        kept.push(one);
        if kept.len() > MAX_TREES {
            kept.remove(0);
        }
        merged
    }
}

/// Of several subcommands or options of one name the last holds, so that what was generated stands behind the rest.
fn merge(base: &Subcommand, generated: &Subcommand) -> Subcommand {
    let mut merged = base.clone();
    merged.generate_spec = None;
    merged.subcommands.extend_from_slice(&generated.subcommands);
    merged.options.extend_from_slice(&generated.options);
    merged.additional_suggestions.extend_from_slice(&generated.additional_suggestions);
    if merged.args.is_empty() {
        merged.args.clone_from(&generated.args);
    }
    if generated.parser != Default::default() {
        merged.parser.clone_from(&generated.parser);
    }
    merged.requires_subcommand = merged.requires_subcommand.or(generated.requires_subcommand);
    merged.filter_strategy = generated.filter_strategy.or(merged.filter_strategy);
    merged
}

#[cfg(test)]
mod tests {
    use specs::model::{Arg, Opt};

    use super::*;

    fn node(name: &str) -> Subcommand {
        Subcommand { names: vec![name.into()], ..Subcommand::default() }
    }

    #[test]
    fn a_tree_is_put_together_once_and_few_are_kept() {
        let trees = Trees::default();
        let base = Subcommand { generate_spec: Some(FnRef::default()), ..node("git") };
        let generated: Vec<Arc<Subcommand>> = (0..=MAX_TREES).map(|_| Arc::new(node("other"))).collect();
        let first = trees.merged(&base, &generated[0]);
        assert!(Arc::ptr_eq(&first, &trees.merged(&base, &generated[0])));
        for tree in &generated[1..] {
            trees.merged(&base, tree);
        }
        assert!(!Arc::ptr_eq(&first, &trees.merged(&base, &generated[0])));
        assert_eq!(lock(&trees.kept).len(), MAX_TREES);
    }

    #[test]
    fn the_spec_keeps_its_arguments_and_its_name() {
        let arg = |name: &str| Arg { name: Some(name.into()), ..Arg::default() };
        let option = |name: &str, text: &str| Opt {
            names: vec![name.into()],
            description: Some(text.into()),
            ..Opt::default()
        };
        let base = Subcommand { args: vec![arg("own")], options: vec![option("-a", "old")], ..node("git") };
        let more = Subcommand {
            args: vec![arg("theirs")],
            options: vec![option("-a", "new")],
            subcommands: vec![node("lfs")],
            ..node("null")
        };
        let merged = merge(&base, &more);
        assert_eq!((merged.names[0].as_str(), merged.args[0].name.as_deref()), ("git", Some("own")));
        assert_eq!(merged.options[1].description.as_deref(), Some("new"));
        assert_eq!(merged.subcommands[0].names, ["lfs"]);
        let bare = merge(&node("php"), &more);
        assert_eq!(bare.args[0].name.as_deref(), Some("theirs"));
    }
}
