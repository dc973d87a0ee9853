//! The settings: which keys there are, what they may be, and what a settings file says of them.
//!
//! The one table of them, for the programs that obey them and for the one that lists and sets them. Keys are flat and
//! keep the names of the reference product. A value that does not fit counts as absent. No I/O.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// The longest settings file; a person writes a few kilobytes.
pub const MAX_FILE: usize = 1 << 20;

/// The longest list that is read of a setting.
const MAX_WORDS: usize = 1_000;

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the file.
    pub key: &'static str,
    /// What it may be, and what it is when the file does not say.
    pub kind: SettingKind,
    /// What it does: a sentence for people.
    pub help: &'static str,
}

/// What a setting may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// `true` or `false`.
    Flag {
        /// Unless set.
        default: bool,
    },
    /// A whole number.
    Number {
        /// Unless set.
        default: u32,
        /// What it may be.
        range: RangeInclusive<u32>,
        /// What is counted, in the plural.
        unit: &'static str,
    },
    /// One of several words.
    Choice {
        /// All of them; the first one unless set.
        values: &'static [&'static str],
    },
    /// A list of texts, empty unless set.
    Words,
}

impl Setting {
    const fn flag(key: &'static str, default: bool, help: &'static str) -> Setting {
        Setting { key, kind: SettingKind::Flag { default }, help }
    }

    /// What it is unless set.
    pub fn default(&self) -> Value {
        match &self.kind {
            SettingKind::Flag { default } => Value::from(*default),
            SettingKind::Number { default, .. } => Value::from(*default),
            SettingKind::Choice { values } => Value::from(values.first().copied()),
            SettingKind::Words => Value::Array(Vec::new()),
        }
    }

    /// Whether it may have this value.
    pub fn fits(&self, value: &Value) -> bool {
        match &self.kind {
            SettingKind::Flag { .. } => value.is_boolean(),
            SettingKind::Number { range, .. } => number(value).is_some_and(|number| range.contains(&number)),
            SettingKind::Choice { values } => value.as_str().is_some_and(|value| values.contains(&value)),
            SettingKind::Words => {
                value.as_array().is_some_and(|all| all.len() <= MAX_WORDS && all.iter().all(Value::is_string))
            }
        }
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// What it may be, in words: "a whole number of days from 1 to 3650".
impl fmt::Display for SettingKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            SettingKind::Flag { .. } => write!(f, "true or false"),
            SettingKind::Number { range, unit, .. } => {
                write!(f, "a whole number of {unit} from {} to {}", range.start(), range.end())
            }
            SettingKind::Choice { values } => write!(f, "one of \"{}\"", values.join("\", \"")),
            SettingKind::Words => write!(f, "a list of texts"),
        }
    }
}

/// Letters in order match, behind what begins with what is typed.
pub const FUZZY_SEARCH: Setting = Setting::flag(
    "autocomplete.fuzzySearch",
    false,
    "Match rows that have the typed letters in order (`cmt` finds `commit`), behind those that begin with them.",
);

/// The menu opens on the first word of a command.
pub const FIRST_TOKEN_COMPLETION: Setting = Setting::flag(
    "autocomplete.firstTokenCompletion",
    true,
    "Show the menu for the name of a command too. Ghost text shows it in any case.",
);

/// Generators that reach for the network may run.
pub const NETWORK: Setting = Setting::flag(
    "autocomplete.network",
    false,
    "Let suggestions be fetched from the network, with the programs that the command itself uses for it.",
);

/// How long a program may run for the rows of one argument.
pub const SCRIPT_TIMEOUT: Setting = Setting {
    key: "autocomplete.scriptTimeout",
    kind: SettingKind::Number { default: 5_000, range: 100..=60_000, unit: "milliseconds" },
    help: "How long a program may run to find suggestions.",
};

/// Whether what was accepted before ranks higher.
pub const SORT_METHOD: Setting = Setting {
    key: "autocomplete.sortMethod",
    kind: SettingKind::Choice { values: &["most recent", "alphabetical"] },
    help: "Show what you accepted before first, or let that change nothing.",
};

/// How fast what was accepted before fades.
pub const USAGE_HALF_LIFE: Setting = Setting {
    key: "autocomplete.usageHalfLife",
    kind: SettingKind::Number { default: 14, range: 1..=3_650, unit: "days" },
    help: "After so many days, a row that you accepted counts half as much.",
};

/// Commands that nothing is offered for.
pub const DISABLE_FOR_COMMANDS: Setting = Setting {
    key: "autocomplete.disableForCommands",
    kind: SettingKind::Words,
    help: "Offer nothing behind these commands.",
};

/// The longest name of a subcommand or option is inserted.
pub const PREFER_VERBOSE: Setting = Setting::flag(
    "autocomplete.preferVerboseSuggestions",
    false,
    "Insert the longest name of a subcommand or option: `--message` instead of `-m`.",
);

/// A space follows what is inserted, where one belongs.
pub const INSERT_SPACE: Setting = Setting::flag(
    "autocomplete.insertSpaceAutomatically",
    true,
    "Put a space behind what is inserted when something has to follow.",
);

/// The word as it is typed is a row.
pub const SUGGEST_CURRENT_TOKEN: Setting = Setting::flag(
    "autocomplete.alwaysSuggestCurrentToken",
    false,
    "Show the argument as you typed it as a row too.",
);

/// The shells' history files are not read.
pub const DISABLE_HISTORY: Setting = Setting::flag(
    "autocomplete.history.disableLoading",
    false,
    "Do not read the history file of the shell: suggest only lines that ran since Q was started.",
);

/// All settings, in the order in which they are listed.
pub const ALL: [&Setting; 11] = [
    &FIRST_TOKEN_COMPLETION,
    &FUZZY_SEARCH,
    &SORT_METHOD,
    &USAGE_HALF_LIFE,
    &DISABLE_FOR_COMMANDS,
    &PREFER_VERBOSE,
    &INSERT_SPACE,
    &SUGGEST_CURRENT_TOKEN,
    &DISABLE_HISTORY,
    &NETWORK,
    &SCRIPT_TIMEOUT,
];

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    map: Map<String, Value>,
}

/// What is wrong with a file, and where; both count from 1, columns in bytes as editors do for ASCII.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct Mistake {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// What is wrong: never a value of the file.
    pub what: String,
}

impl Values {
    /// What a file says, and the first value in it that does not fit. An empty file says nothing.
    ///
    /// # Errors
    /// When it is not one JSON object.
    pub fn parse(text: &str) -> Result<(Values, Option<Mistake>), Mistake> {
        // A byte order mark is how some editors begin a file.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Ok((Values::default(), None));
        }
        // Nesting is bounded by serde_json, at 128.
        let map: Map<String, Value> = serde_json::from_str(text).map_err(|error| mistake(&error))?;
        let misfit =
            ALL.iter().find(|setting| map.get(setting.key).is_some_and(|value| !setting.fits(value)));
        let misfit = misfit.map(|setting| {
            let (line, column) = place(text, setting.key);
            Mistake { line, column, what: format!("`{}` must be {}", setting.key, setting.kind) }
        });
        Ok((Values { map }, misfit))
    }

    /// A value that fits its setting.
    fn value(&self, setting: &Setting) -> Option<&Value> {
        self.map.get(setting.key).filter(|value| setting.fits(value))
    }

    /// The value of a flag; `false` for a setting of another kind.
    pub fn flag(&self, setting: &Setting) -> bool {
        let SettingKind::Flag { default } = setting.kind else { return false };
        self.value(setting).and_then(Value::as_bool).unwrap_or(default)
    }

    /// The value of a number; 0 for a setting of another kind.
    pub fn number(&self, setting: &Setting) -> u32 {
        let SettingKind::Number { default, .. } = setting.kind else { return 0 };
        self.value(setting).and_then(number).unwrap_or(default)
    }

    /// The value of a choice; empty for a setting of another kind.
    pub fn choice<'a>(&'a self, setting: &Setting) -> &'a str {
        let SettingKind::Choice { values } = setting.kind else { return "" };
        let chosen = self.value(setting).and_then(Value::as_str);
        chosen.or_else(|| values.first().copied()).unwrap_or_default()
    }

    /// The value of a list; empty for a setting of another kind.
    pub fn words(&self, setting: &Setting) -> Vec<String> {
        let words = self.value(setting).and_then(Value::as_array).into_iter().flatten();
        words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
    }
}

/// What the parser says. Its messages name no values, but one of the wrong kind in place of the object.
fn mistake(error: &serde_json::Error) -> Mistake {
    let what = match error.is_data() {
        true => "not an object of settings".to_owned(),
        false => {
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            text.strip_suffix(&place).unwrap_or(&text).to_owned()
        }
    };
    Mistake { line: error.line().max(1), column: error.column().max(1), what }
}

/// Line and column of a key.
fn place(text: &str, key: &str) -> (usize, usize) {
    let at = text.rfind(&format!("\"{key}\"")).unwrap_or_default();
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, at - line_start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Values {
        Values::parse(text).unwrap().0
    }

    #[test]
    fn keys_are_unique_and_defaults_fit() {
        let mut keys: Vec<&str> = ALL.iter().map(|setting| setting.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), ALL.len());
        for setting in ALL {
            assert!(setting.fits(&setting.default()), "{}", setting.key);
            assert!(setting.help.ends_with('.'), "{}", setting.key);
        }
    }

    #[test]
    fn the_readme_has_all_of_them() {
        let readme = include_str!("../../../README.md");
        for Setting { key, kind, help } in ALL {
            let default = Setting { key, kind: kind.clone(), help }.default();
            let row = format!("| `{key}` | `{default}` | {kind} | {help} |");
            assert!(readme.contains(&row), "the README lacks this line:\n{row}");
        }
    }

    #[test]
    fn what_is_set_holds_and_the_rest_is_as_always() {
        let values = values(
            r#"{"autocomplete.fuzzySearch": true, "autocomplete.usageHalfLife": 3, "of.another": {"x": [1]},
                "autocomplete.sortMethod": "alphabetical", "autocomplete.disableForCommands": ["git", "ls"]}"#,
        );
        assert!(values.flag(&FUZZY_SEARCH) && values.flag(&INSERT_SPACE) && !values.flag(&NETWORK));
        assert_eq!((values.number(&USAGE_HALF_LIFE), values.number(&SCRIPT_TIMEOUT)), (3, 5_000));
        assert_eq!(values.choice(&SORT_METHOD), "alphabetical");
        assert_eq!(values.words(&DISABLE_FOR_COMMANDS), ["git", "ls"]);
        for nothing in ["", " \n", "{}", "\u{feff}{}"] {
            assert_eq!(Values::parse(nothing), Ok((Values::default(), None)), "{nothing:?}");
        }
        assert_eq!(Values::default().choice(&SORT_METHOD), "most recent");
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_and_counts_as_absent() {
        for (value, setting) in [
            ("\"yes\"", &FUZZY_SEARCH),
            ("1", &FUZZY_SEARCH),
            ("0", &USAGE_HALF_LIFE),
            ("-1", &USAGE_HALF_LIFE),
            ("1.5", &USAGE_HALF_LIFE),
            ("4294967297", &USAGE_HALF_LIFE),
            ("\"newest\"", &SORT_METHOD),
            ("[1]", &DISABLE_FOR_COMMANDS),
            ("null", &DISABLE_FOR_COMMANDS),
        ] {
            let text = format!("{{\n  \"autocomplete.network\": true,\n  \"{}\": {value}\n}}", setting.key);
            let (values, mistake) = Values::parse(&text).unwrap();
            let mistake = mistake.unwrap_or_else(|| panic!("{text}"));
            assert_eq!((mistake.line, mistake.column), (3, 3), "{text}");
            assert!(mistake.what.contains(setting.key) && !mistake.what.contains("yes"), "{mistake}");
            assert!(values.value(setting).is_none() && values.flag(&NETWORK), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_told_with_its_place() {
        let deep = format!("{{\"a\": {}", "[".repeat(100_000));
        for (text, line, column) in [
            ("{\"a\": }", 1, 7),
            ("{\n\"a\": trx\n}", 2, 8),
            ("[]", 1, 1),
            ("\"secret\"", 1, 8),
            ("{} x", 1, 4),
            ("{\"a\": 1", 1, 7),
            (&deep, 1, 133),
        ] {
            let mistake = Values::parse(text).unwrap_err();
            let start = text.get(..20).unwrap_or(text);
            assert_eq!((mistake.line, mistake.column), (line, column), "{start}: {mistake}");
            assert!(!mistake.to_string().contains("secret"), "{mistake}");
        }
    }
}
