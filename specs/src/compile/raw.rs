//! A JavaScript value as it was found, before anyone asks what it means.
//!
//! Functions are replaced by references, so that the rest of the compiler is plain data in, plain data out.

use crate::model::{FnRef, NativePaths, PathFilter};

/// A value of a module.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    /// `undefined`, `null`, or a kind that no spec has, such as a symbol.
    Nothing,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Raw>),
    /// An object, its properties in their order.
    Object(Vec<(String, Raw)>),
    /// A function.
    Function(Function),
}

/// Where a function is, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Function {
    /// The first place where it was met.
    pub(super) place: FnRef,
    /// It is the well-known lister of files and folders.
    pub(super) paths: Option<(NativePaths, PathFilter)>,
}

impl Raw {
    /// A property of an object. None when this is no object, or has nothing there.
    pub(super) fn get(&self, key: &str) -> Option<&Raw> {
        let Raw::Object(properties) = self else { return None };
        let (_, value) = properties.iter().find(|(name, _)| name == key)?;
        (*value != Raw::Nothing).then_some(value)
    }

    /// The elements of an array; anything else is a list of one, nothing a list of none.
    pub(super) fn list(&self) -> &[Raw] {
        match self {
            Raw::List(items) => items,
            Raw::Nothing => &[],
            one => std::slice::from_ref(one),
        }
    }

    /// A string, or a number as one.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Raw::Text(text) => Some(text.clone()),
            Raw::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A finite number.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Raw::Number(number) if number.is_finite() => Some(*number),
            _ => None,
        }
    }

    /// Whether it is `true`.
    pub(super) fn is_true(&self) -> bool {
        *self == Raw::Bool(true)
    }

    /// A function.
    pub(super) fn function(&self) -> Option<&Function> {
        match self {
            Raw::Function(function) => Some(function),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub(super) fn is_object(&self) -> bool {
        matches!(self, Raw::Object(_))
    }
}
