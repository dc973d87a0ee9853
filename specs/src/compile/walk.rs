//! Walks values of JavaScript and takes them out.
//!
//! In go values of a running QuickJS, out come plain ones with references in place of functions. The walk is depth
//! first in the order of properties, and a function is known by the first place where it is met. The other way round,
//! [`follow`] finds what such a place leads to.

use rquickjs::object::Filter;
use rquickjs::{Array, Ctx, FromJs, Function, Object, Promise, Value};

use super::fig;
use super::raw::{self, Raw};
use crate::model::{FnRef, LoadSpec, NativePaths, PathFilter, Subcommand};

/// How deep values may nest; 7 levels of subcommands take 20. It also stops at cycles.
const MAX_NESTING: usize = 64;

/// Recognises the path lister.
const PROBE: &str = include_str!("probe.js");

/// What the path lister runs; no other function of the corpus has it.
const LISTER_MARK: &str = "\"-1ApL\"";

/// How much a walk takes out.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many values.
    pub values: usize,
    /// How many bytes of text. A string counts each time it is met, as each copy of it takes memory.
    pub text: usize,
}

/// What a place leads to.
#[derive(Clone, Debug)]
pub struct Found<'js> {
    /// The object that has it as a property.
    pub holder: Value<'js>,
    /// The value.
    pub value: Value<'js>,
}

/// What the path of a function leads to, from the namespace of its module. None where it leads nowhere.
#[must_use]
pub fn follow<'js>(namespace: &Object<'js>, path: &[String]) -> Option<Found<'js>> {
    match path.split_first() {
        Some((first, rest)) if first == FnRef::NAMESPACE => follow_from(namespace.as_value().clone(), rest),
        _ => follow_from(namespace.get("default").ok()?, path),
    }
}

/// What property names and indexes lead to, from a value.
#[must_use]
pub fn follow_from<'js>(start: Value<'js>, path: &[String]) -> Option<Found<'js>> {
    let mut found = Found { holder: Value::new_undefined(start.ctx().clone()), value: start };
    for key in path {
        let value = found.value.as_object()?.get(key.as_str()).ok()?;
        found = Found { holder: found.value, value };
    }
    Some(found)
}

/// The message of a walk that ends at a bound.
pub const TOO_MUCH: &str = "the values are too many, too deep or cyclic";

/// What was taken out of a value.
#[derive(Clone, Debug)]
pub struct Taken<T> {
    /// What it is.
    pub what: T,
    /// How many distinct functions it refers to.
    pub functions: usize,
}

/// The tree that a `generateSpec` function returned, now at a place. None when it is no object.
///
/// # Errors
/// When a getter throws, or the values are out of bounds.
pub fn take_tree(
    value: &Value<'_>,
    at: &FnRef,
    bounds: Bounds,
) -> rquickjs::Result<Taken<Option<Subcommand>>> {
    take(value, at, bounds, |raw| raw.is_object().then(|| fig::node(raw)))
}

/// What a `loadSpec` function returned, now at a place. None when it says nothing that can be loaded.
///
/// # Errors
/// When a getter throws, or the values are out of bounds.
pub fn take_load(value: &Value<'_>, at: &FnRef, bounds: Bounds) -> rquickjs::Result<Taken<Option<LoadSpec>>> {
    take(value, at, bounds, fig::loaded)
}

/// Takes a value at a place out, and reads it.
pub(super) fn take<T>(
    value: &Value<'_>,
    at: &FnRef,
    bounds: Bounds,
    read: impl Fn(&Raw) -> T,
) -> rquickjs::Result<Taken<T>> {
    let mut walk = Walk::new(value.ctx(), &at.module, bounds)?;
    walk.path.clone_from(&at.path);
    let raw = walk.value(value)?;
    Ok(Taken { what: read(&raw), functions: walk.functions() })
}

/// A JavaScript error in one line.
#[cfg(feature = "compile")]
pub(super) fn describe(error: &rquickjs::CaughtError<'_>) -> String {
    match error {
        rquickjs::CaughtError::Exception(exception) => {
            exception.message().unwrap_or_else(|| "an exception".into())
        }
        other => other.to_string(),
    }
}

/// A walk over the values of one module.
pub(super) struct Walk<'js> {
    module: String,
    /// Where the walk is.
    path: Vec<String>,
    /// What may still be taken out.
    left: Bounds,
    /// JavaScript's own map from function objects to their number: identity is not visible from here.
    numbers: Object<'js>,
    number_of: Function<'js>,
    remember: Function<'js>,
    found: Vec<raw::Function>,
    probe: Function<'js>,
}

impl<'js> Walk<'js> {
    /// A walk that has seen nothing yet.
    ///
    /// # Errors
    /// When there is no memory.
    pub(super) fn new(ctx: &Ctx<'js>, module: &str, bounds: Bounds) -> rquickjs::Result<Walk<'js>> {
        Ok(Walk {
            module: module.to_owned(),
            path: Vec::new(),
            left: bounds,
            numbers: ctx.eval("new Map()")?,
            number_of: ctx.eval("(numbers, value) => numbers.get(value) ?? -1")?,
            remember: ctx.eval("(numbers, value, number) => { numbers.set(value, number) }")?,
            found: Vec::new(),
            probe: ctx.eval(PROBE)?,
        })
    }

    /// How many functions have been met.
    pub(super) fn functions(&self) -> usize {
        self.found.len()
    }

    /// Takes out a value that is at this place.
    #[cfg(feature = "compile")]
    ///
    /// # Errors
    /// When a getter throws, or the values are more than any spec has.
    pub(super) fn at(&mut self, path: &[&str], value: &Value<'js>) -> rquickjs::Result<Raw> {
        self.path = path.iter().map(|&key| key.to_owned()).collect();
        self.value(value)
    }

    fn value(&mut self, value: &Value<'js>) -> rquickjs::Result<Raw> {
        if self.left.values == 0 || self.path.len() > MAX_NESTING {
            return Err(too_much(value.ctx()));
        }
        self.left.values -= 1;
        if let Some(text) = value.as_string() {
            return self.text(text);
        }
        if let Some(function) = value.as_function() {
            return self.function(function);
        }
        if let Some(array) = value.as_array() {
            return self.array(array);
        }
        if let Some(object) = value.as_object() {
            return self.object(object);
        }
        Ok(value.as_bool().map(Raw::Bool).or(value.as_number().map(Raw::Number)).unwrap_or(Raw::Nothing))
    }

    fn text(&mut self, text: &rquickjs::String<'js>) -> rquickjs::Result<Raw> {
        // A string that is no Unicode, such as half of an emoji, can be neither shown nor typed.
        let Ok(taken) = text.to_string() else { return Ok(Raw::Nothing) };
        let left = self.left.text.checked_sub(taken.len());
        self.left.text = left.ok_or_else(|| too_much(text.as_value().ctx()))?;
        Ok(Raw::Text(taken))
    }

    fn array(&mut self, array: &Array<'js>) -> rquickjs::Result<Raw> {
        let mut items = Vec::new();
        for (place, item) in array.iter::<Value<'js>>().enumerate() {
            let item = item?;
            items.push(self.below(place.to_string(), &item)?);
        }
        Ok(Raw::List(items))
    }

    fn object(&mut self, object: &Object<'js>) -> rquickjs::Result<Raw> {
        let mut properties = Vec::new();
        for property in object.own_props::<String, Value<'js>>(Filter::new().string().enum_only()) {
            let (key, value) = property?;
            let value = self.below(key.clone(), &value)?;
            properties.push((key, value));
        }
        Ok(Raw::Object(properties))
    }

    /// The value under a property of where the walk is.
    fn below(&mut self, key: String, value: &Value<'js>) -> rquickjs::Result<Raw> {
        self.path.push(key);
        let raw = self.value(value);
        self.path.pop();
        raw
    }

    fn function(&mut self, function: &Function<'js>) -> rquickjs::Result<Raw> {
        let number: i32 = self.number_of.call((self.numbers.clone(), function.clone()))?;
        if let Some(known) = usize::try_from(number).ok().and_then(|number| self.found.get(number)) {
            return Ok(Raw::Function(known.clone()));
        }
        self.remember.call::<_, ()>((self.numbers.clone(), function.clone(), self.found.len() as i32))?;
        let place = FnRef { module: self.module.clone(), path: self.path.clone() };
        let found = raw::Function { place, paths: self.paths(function)? };
        self.found.push(found.clone());
        Ok(Raw::Function(found))
    }

    /// Whether a function is the path lister, and what it keeps.
    fn paths(&self, function: &Function<'js>) -> rquickjs::Result<Option<(NativePaths, PathFilter)>> {
        if self.path.last().is_none_or(|key| key != "custom") {
            return Ok(None);
        }
        let source = rquickjs::Coerced::<String>::from_js(function.ctx(), function.clone().into_value())?;
        if !source.contains(LISTER_MARK) {
            return Ok(None);
        }
        let promise: Promise<'js> = self.probe.call((function.clone(),))?;
        let Some(answer) = promise.finish::<Option<Object<'js>>>()? else { return Ok(None) };
        let (files, folders): (bool, bool) = (answer.get("files")?, answer.get("folders")?);
        let filter = PathFilter {
            extensions: answer.get("extensions")?,
            names: answer.get("names")?,
            folders_too: files && !folders,
        };
        // Files without folders is `showFolders: "never"`, unless the filter is what kept the folder out.
        match (files, folders) {
            (true, _) => Ok(Some((NativePaths::Files, filter))),
            (false, true) => Ok(Some((NativePaths::Folders, filter))),
            (false, false) => Ok(None),
        }
    }
}

/// The error of a walk that ends at a bound.
fn too_much(ctx: &Ctx<'_>) -> rquickjs::Error {
    rquickjs::Exception::throw_range(ctx, TOO_MUCH)
}
