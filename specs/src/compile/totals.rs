//! Counts what the sources of a corpus have, before anything is normalised or dropped.

use super::module::Loaded;
use super::raw::Raw;
use crate::archive::Totals;

/// Counts a module: the tree of its default export, the nodes of its version diffs, and its functions.
pub(super) fn count(loaded: &Loaded) -> Totals {
    let mut totals = Totals { functions: loaded.functions, ..Totals::default() };
    if loaded.has_tree() {
        subcommand(&loaded.default, &mut totals);
    }
    if let Raw::Object(versions) = &loaded.diffs {
        totals.diffs = versions.iter().map(|(_, version)| diffs(version)).sum();
    }
    totals.function_slots = functions(&loaded.default) + u64::from(loaded.version_command.is_some());
    totals
}

/// Adds the counts of one module to those of others.
pub(super) fn add(sum: &mut Totals, one: &Totals) {
    for (sum, one) in [
        (&mut sum.modules, one.modules),
        (&mut sum.specs, one.specs),
        (&mut sum.scripts, one.scripts),
        (&mut sum.commands, one.commands),
        (&mut sum.subcommands, one.subcommands),
        (&mut sum.options, one.options),
        (&mut sum.args, one.args),
        (&mut sum.suggestions, one.suggestions),
        (&mut sum.generators, one.generators),
        (&mut sum.diffs, one.diffs),
        (&mut sum.function_slots, one.function_slots),
        (&mut sum.functions, one.functions),
    ] {
        *sum += one;
    }
}

fn each(raw: &Raw, key: &str, mut visit: impl FnMut(&Raw)) {
    raw.get(key).map(Raw::list).unwrap_or_default().iter().for_each(&mut visit);
}

fn subcommand(raw: &Raw, totals: &mut Totals) {
    totals.subcommands += 1;
    each(raw, "subcommands", |child| subcommand(child, totals));
    each(raw, "options", |child| option(child, totals));
    each(raw, "args", |child| arg(child, totals));
    each(raw, "additionalSuggestions", |_| totals.suggestions += 1);
    inline(raw, totals);
}

/// The nodes of a version diff, which is a subcommand with what has changed in it.
fn diffs(raw: &Raw) -> u64 {
    1 + raw.get("subcommands").map(Raw::list).unwrap_or_default().iter().map(diffs).sum::<u64>()
}

fn option(raw: &Raw, totals: &mut Totals) {
    totals.options += 1;
    each(raw, "args", |child| arg(child, totals));
}

fn arg(raw: &Raw, totals: &mut Totals) {
    totals.args += 1;
    each(raw, "suggestions", |_| totals.suggestions += 1);
    each(raw, "generators", |_| totals.generators += 1);
    inline(raw, totals);
}

/// A whole tree in place of the name of a module.
fn inline(raw: &Raw, totals: &mut Totals) {
    if let Some(inner) = raw.get("loadSpec").filter(|inner| inner.is_object()) {
        subcommand(inner, totals);
    }
}

fn functions(raw: &Raw) -> u64 {
    match raw {
        Raw::Function(_) => 1,
        Raw::List(items) => items.iter().map(functions).sum(),
        Raw::Object(properties) => properties.iter().map(|(_, value)| functions(value)).sum(),
        _ => 0,
    }
}
