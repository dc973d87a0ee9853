//! Which functions went beyond their limits too often.

use std::collections::HashMap;

use specs::model::FnRef;

use super::kept_number;

/// So many times and it is not called any more.
const OUT: u8 = 3;

/// Functions that are remembered; when there are more, all are forgiven.
const MAX_FUNCTIONS: usize = 1024;

/// The strikes against functions.
#[derive(Debug, Default)]
pub(super) struct Strikes(HashMap<FnRef, u8>);

impl Strikes {
    /// A strike.
    pub(super) fn add(&mut self, function: &FnRef) {
        let function = lasting(function);
        if self.0.len() >= MAX_FUNCTIONS && !self.0.contains_key(&function) {
            self.0.clear();
        }
        let strikes = self.0.entry(function).or_default();
        *strikes = strikes.saturating_add(1);
    }

    /// Whether a function is not called any more.
    pub(super) fn is_out(&self, function: &FnRef) -> bool {
        self.0.get(&lasting(function)).is_some_and(|strikes| *strikes >= OUT)
    }

    /// The source of a module has changed.
    pub(super) fn forgive(&mut self, module: &str) {
        self.0.retain(|function, _| function.module != module);
    }
}

/// A name for a function that outlives the object which it is in.
fn lasting(function: &FnRef) -> FnRef {
    let mut function = function.clone();
    if kept_number(&function.path).is_some() {
        function.path.remove(1);
    }
    function
}
