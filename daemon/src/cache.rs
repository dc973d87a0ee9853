//! What generators and functions of specs yielded, for all sessions of the daemon, as long as their specs say.
//!
//! Bounded by count and by size; what was used longest ago makes room. Who looks decides from the age whether a value
//! is still good.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use protocol::{Context, RunReport};
use specs::model::FnRef;

use crate::candidates::Draft;
use crate::lock::lock;
use crate::slow::{Found, Slow};

/// Most values that are kept.
const MAX_VALUES: usize = 512;

/// Most bytes that are kept, by estimate: what the daemon may need for it beside its specs.
const MAX_BYTES: usize = 8 << 20;

/// Variables that differ from terminal to terminal and that no answer depends on; two terminals share what is kept.
const PERSONAL: &[&str] =
    &["_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL", "TERM", "TERM_SESSION_ID", "TTY", "WINDOWID"];

/// What a value is kept under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The command whose spec it belongs to: what specs name alike is kept apart.
    pub command: String,
    /// What was asked.
    pub asked: What,
    /// Where, when it depends on that.
    pub dir: Option<String>,
    /// Of the variables, see [`variables`].
    pub variables: u64,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The output that the spec calls so.
    NamedOutput(String),
    /// The rows that the spec calls so.
    NamedRows(String),
    /// The output of a program.
    Output(Asked),
    /// The rows of a function for these words.
    Rows(FnRef, Vec<String>),
    /// Anything else.
    Slow(Box<Slow>),
}

/// A program as a spec asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asked {
    /// Its name and its arguments.
    pub argv: Vec<String>,
    /// Variables that the spec sets.
    pub env: Vec<(String, String)>,
    /// Where, if not in the session's directory.
    pub cwd: Option<String>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A program's output, cleaned.
    Output(Arc<str>),
    /// Rows of a function.
    Rows(Arc<Vec<Draft>>),
    /// What else was found.
    Found(Found),
}

/// A value with its age and what was run for it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The value.
    pub value: Value,
    /// How long ago it was fetched.
    pub age: Duration,
    /// The programs that were run for it.
    pub runs: Arc<Vec<RunReport>>,
}

/// All values.
#[derive(Debug, Default)]
pub struct Cache {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    values: HashMap<Key, Entry>,
    bytes: usize,
    /// Counts uses, so that later ones have larger numbers.
    clock: u64,
    /// Those who fetch a value now.
    flights: HashMap<Key, Weak<tokio::sync::Mutex<()>>>,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    fetched: Instant,
    runs: Arc<Vec<RunReport>>,
    bytes: usize,
    used: u64,
}

impl Cache {
    /// What is kept under a key, however old.
    pub fn look(&self, key: &Key) -> Option<Kept> {
        let mut state = lock(&self.state);
        state.clock += 1;
        let now = state.clock;
        let entry = state.values.get_mut(key)?;
        entry.used = now;
        let (value, runs) = (entry.value.clone(), Arc::clone(&entry.runs));
        Some(Kept { value, age: entry.fetched.elapsed(), runs })
    }

    /// Keeps a value that was fetched now.
    pub fn keep(&self, key: Key, value: Value, runs: Vec<RunReport>) {
        let bytes = value.bytes();
        if bytes > MAX_BYTES / 2 {
            return;
        }
        let mut state = lock(&self.state);
        state.clock += 1;
        let used = state.clock;
        let entry = Entry { value, fetched: Instant::now(), runs: Arc::new(runs), bytes, used };
        state.bytes += bytes;
        if let Some(old) = state.values.insert(key, entry) {
            state.bytes -= old.bytes;
        }
        while state.values.len() > MAX_VALUES || state.bytes > MAX_BYTES {
            state.forget_oldest();
        }
    }

    /// The right to fetch the value of a key: one at a time, so that the others find it when their turn comes.
    pub fn flight(&self, key: &Key) -> Arc<tokio::sync::Mutex<()>> {
        let mut state = lock(&self.state);
        state.flights.retain(|_, flight| flight.strong_count() > 0);
        if let Some(flight) = state.flights.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        let flight = Arc::default();
        state.flights.insert(key.clone(), Arc::downgrade(&flight));
        flight
    }
}

impl State {
    fn forget_oldest(&mut self) {
        let oldest = self.values.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
        if let Some(entry) = oldest.and_then(|key| self.values.remove(&key)) {
            self.bytes -= entry.bytes;
        }
    }
}

impl Value {
    /// The memory that it takes, by estimate.
    fn bytes(&self) -> usize {
        let base = size_of::<Entry>();
        base + match self {
            Value::Output(text) => text.len(),
            Value::Rows(drafts) => drafts.iter().map(draft_bytes).sum(),
            Value::Found(Found::Tree(Some(tree))) => crate::spec_cache::tree_bytes(tree),
            Value::Found(Found::Rows(rows)) => rows.drafts.iter().map(draft_bytes).sum(),
            Value::Found(_) => 0,
        }
    }
}

fn draft_bytes(draft: &Draft) -> usize {
    let names: usize = draft.names.iter().map(|name| name.len() + size_of::<String>()).sum();
    size_of::<Draft>() + names + draft.source.len() + draft.description.as_ref().map_or(0, String::len)
}

/// What the answers of programs may depend on of a session's variables, as one number.
pub fn variables(context: &Context) -> u64 {
    let mut hasher = DefaultHasher::new();
    let personal =
        |name: &str| PERSONAL.contains(&name) || name.starts_with("Q_") || name.starts_with("QTERM_");
    for (name, value) in context.env.iter().filter(|(name, _)| !personal(name)) {
        (name, value).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key { command: "x".into(), asked: What::NamedOutput(name.into()), dir: None, variables: 0 }
    }

    fn output(length: usize) -> Value {
        Value::Output("x".repeat(length).into())
    }

    #[test]
    fn values_are_kept_apart_by_all_of_the_key() {
        let cache = Cache::default();
        cache.keep(key("a"), output(1), Vec::new());
        assert!(cache.look(&key("a")).is_some());
        let others = [
            key("b"),
            Key { command: "y".into(), ..key("a") },
            Key { dir: Some("/".into()), ..key("a") },
            Key { variables: 1, ..key("a") },
            Key { asked: What::NamedRows("a".into()), ..key("a") },
            Key { asked: What::Output(Asked { argv: vec!["a".into()], ..Asked::default() }), ..key("a") },
        ];
        for other in others {
            assert!(cache.look(&other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let cache = Cache::default();
        cache.keep(key("used"), output(1), Vec::new());
        for at in 0..MAX_VALUES * 2 {
            cache.keep(key(&at.to_string()), output(1), Vec::new());
            assert!(cache.look(&key("used")).is_some(), "{at}");
        }
        assert!(cache.look(&key("0")).is_none());
        assert_eq!(lock(&cache.state).values.len(), MAX_VALUES);
    }

    #[test]
    fn the_size_of_all_is_bounded() {
        let cache = Cache::default();
        for at in 0..64 {
            cache.keep(key(&at.to_string()), output(1 << 20), Vec::new());
        }
        let (bytes, count) = {
            let state = lock(&cache.state);
            (state.bytes, state.values.len())
        };
        assert!(bytes <= MAX_BYTES && count > 4, "{bytes} bytes, {count} values");
        cache.keep(key("huge"), output(MAX_BYTES), Vec::new());
        assert!(cache.look(&key("huge")).is_none());
        for _ in 0..64 {
            cache.keep(key("same"), output(1 << 20), Vec::new());
        }
        assert!(lock(&cache.state).values.len() > 4, "a value that is replaced takes no more room than one");
    }

    #[test]
    fn terminals_of_one_user_share_and_profiles_do_not() {
        let env = |pairs: &[(&str, &str)]| {
            let env = pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            variables(&Context { env, ..Context::default() })
        };
        let one = env(&[("PATH", "/bin"), ("WINDOWID", "1"), ("QTERM_SESSION_ID", "1")]);
        assert_eq!(one, env(&[("PATH", "/bin"), ("WINDOWID", "2"), ("QTERM_SESSION_ID", "2")]));
        assert_ne!(one, env(&[("PATH", "/bin"), ("AWS_PROFILE", "work")]));
    }
}
