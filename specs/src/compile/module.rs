//! Loads a module of the corpus: evaluates it and takes out what it exports.
//!
//! The default export comes before the others, so that a function is known by its place there if it has one.

use std::time::Duration;

use rquickjs::{Array, Function, Object, Value};

use super::evaluate::{BOUNDS, Evaluator};
use super::pack::Error;
use super::raw::Raw;
use super::walk::{Walk, describe, follow};
use crate::model::FnRef;

/// How long one module may take: the slowest takes a quarter of a second, on a busy machine ten times that.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Merges version diffs.
const FOLD: &str = include_str!("fold.js");

/// What a module exports.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loaded {
    /// The default export.
    pub(super) default: Raw,
    /// Its version diffs as they stand in the source, by version.
    pub(super) diffs: Raw,
    /// The default export with all diffs up to a version, oldest version first.
    pub(super) folded: Vec<(String, Raw)>,
    /// The function that asks for the installed version.
    pub(super) version_command: Option<FnRef>,
    /// How many distinct functions there are, those of version diffs aside.
    pub(super) functions: u64,
}

impl Loaded {
    /// Whether the default export is a tree: modules that others share their code with export an empty one.
    pub(super) fn has_tree(&self) -> bool {
        matches!(&self.default, Raw::Object(properties) if !properties.is_empty())
    }
}

/// Loads one module after another, each in a world of its own.
pub(super) struct Loader(Evaluator);

impl Loader {
    /// Starts a QuickJS, which stays on this thread.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn new() -> Result<Loader, Error> {
        Loader::within(TIME_LIMIT)
    }

    /// Starts a QuickJS that gives each module so much time.
    fn within(time_limit: Duration) -> Result<Loader, Error> {
        let evaluator = Evaluator::within(time_limit).map_err(|error| Error::script("QuickJS", error))?;
        Ok(Loader(evaluator))
    }

    /// Evaluates a module and takes its values out.
    ///
    /// # Errors
    /// When the source does not evaluate within its limits, or holds what no spec can.
    pub(super) fn load(&self, name: &str, source: &str) -> Result<Loaded, Error> {
        self.evaluate(name, source, |namespace| exports(name, namespace))
    }

    /// Evaluates a module and tells which of these paths lead to no function.
    ///
    /// # Errors
    /// When the source does not evaluate within its limits.
    pub(super) fn unresolved<'p>(
        &self,
        name: &str,
        source: &str,
        paths: impl IntoIterator<Item = &'p [String]>,
    ) -> Result<Vec<&'p [String]>, Error> {
        self.evaluate(name, source, |namespace| {
            let resolves =
                |path: &&[String]| follow(namespace, path).is_some_and(|found| found.value.is_function());
            Ok(paths.into_iter().filter(|path| !resolves(path)).collect())
        })
    }

    fn evaluate<T>(
        &self,
        name: &str,
        source: &str,
        read: impl for<'js> FnOnce(&Object<'js>) -> rquickjs::Result<T>,
    ) -> Result<T, Error> {
        self.0.evaluate(name, source, read, |error| Error::script(name, describe(error)))
    }
}

/// What a namespace exports.
fn exports<'js>(name: &str, namespace: &Object<'js>) -> rquickjs::Result<Loaded> {
    let mut walk = Walk::new(namespace.ctx(), name, BOUNDS)?;
    let default: Value<'js> = namespace.get("default")?;
    let versions: Value<'js> = namespace.get("versions")?;
    let version_command: Value<'js> = namespace.get("getVersionCommand")?;
    let default_raw = walk.at(&[], &default)?;
    let version_command = walk.at(&[FnRef::NAMESPACE, "getVersionCommand"], &version_command)?;
    let functions = walk.functions() as u64;
    let diffs = walk.at(&[FnRef::NAMESPACE, "versions"], &versions)?;
    // Every function that a merged tree can hold is known by now, so no path into it is made up.
    let folded = folded(&mut walk, &default, &versions)?;
    Ok(Loaded {
        default: default_raw,
        diffs,
        folded,
        version_command: version_command.function().map(|function| function.place.clone()),
        functions,
    })
}

fn folded<'js>(
    walk: &mut Walk<'js>,
    base: &Value<'js>,
    versions: &Value<'js>,
) -> rquickjs::Result<Vec<(String, Raw)>> {
    if !base.is_object() || !versions.is_object() {
        return Ok(Vec::new());
    }
    let fold: Function<'js> = base.ctx().eval(FOLD)?;
    let rungs: Vec<Array<'js>> = fold.call((base.clone(), versions.clone()))?;
    rungs.iter().map(|rung| Ok((rung.get(0)?, walk.at(&[], &rung.get(1)?)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_takes_too_long_is_stopped_and_the_next_one_runs() {
        let loader = Loader::within(Duration::from_millis(50)).unwrap();
        for source in
            ["for (;;) {}", "try { for (;;) {} } catch { for (;;) {} }", "/(a*)*b/.test('a'.repeat(64))"]
        {
            let error = loader.load("x", source).unwrap_err().to_string();
            assert!(error.contains("module x: "), "{source}: {error}");
        }
        assert_eq!(loader.load("x", "export default 7").unwrap().default, Raw::Number(7.0));
    }

    #[test]
    fn a_module_cannot_see_the_one_before() {
        let loader = Loader::new().unwrap();
        loader.load("x", "globalThis.left = 1; Array.prototype.left = 1").unwrap();
        let next =
            loader.load("y", "export default { left: typeof left, list: [].left ?? 0 }").unwrap().default;
        let expected =
            vec![("left".into(), Raw::Text("undefined".into())), ("list".into(), Raw::Number(0.0))];
        assert_eq!(next, Raw::Object(expected));
    }

    #[test]
    fn strings_that_are_not_unicode_do_no_harm() {
        let loaded =
            Loader::new().unwrap().load("x", "export default ['\\ud800', '\\0', '\\u{1f980}']").unwrap();
        let Raw::List(texts) = loaded.default else { panic!("it is a list") };
        assert_eq!(texts, [Raw::Nothing, Raw::Text("\0".into()), Raw::Text("🦀".into())]);
    }
}
