//! The settings that decide what is answered.
//!
//! Read from the user's settings file by [`Settings::of`]; a value of the wrong kind counts as absent. The keys keep the
//! names of the reference product.

/// What a user set, or the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `autocomplete.fuzzySearch`: letters in order match, behind what begins with what is typed.
    pub fuzzy_search: bool,
    /// `autocomplete.firstTokenCompletion`: the menu opens on the first word of a command.
    pub first_token_completion: bool,
    /// `autocomplete.network`: generators that reach for the network may run.
    pub network: bool,
    /// `autocomplete.scriptTimeout`: how long a generator may run; milliseconds.
    pub script_timeout: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { fuzzy_search: false, first_token_completion: true, network: false, script_timeout: 5_000 }
    }
}
