//! What the user accepted, in this daemon's life: when, and where. Ranks it higher next time.
//!
//! Kept in memory only. The newest choices stay when there are too many.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::Accepted;

use crate::engine::Usage;
use crate::lock::lock;

/// Most rows that are remembered; beyond it the older half is forgotten. A busy year accepts a few thousand rows.
const MAX_CHOICES: usize = 4_000;

/// Most directories that are remembered of one row.
const MAX_DIRS: usize = 8;

/// Milliseconds since the epoch are divided by this: a boost of about 0.18 that grows with time, so that the row
/// accepted last stands first and never outweighs a step of priority.
const RECENCY_SCALE: f64 = 1e13;

/// Added when the row was accepted in the same directory: more than any difference in time, less than a step of
/// priority.
const SAME_DIR: f64 = 0.5;

/// The rows that were accepted.
#[derive(Debug, Default)]
pub struct Choices {
    /// By the first word of the command, then by the name of the row.
    by_command: Mutex<HashMap<String, HashMap<String, Choice>>>,
}

/// One row that was accepted.
#[derive(Debug, Default)]
struct Choice {
    /// When it was accepted last; milliseconds since the epoch.
    last: u64,
    /// Where, the latest last.
    dirs: Vec<String>,
}

impl Choices {
    /// Remembers that a row was accepted in `cwd`, at a time since the epoch.
    pub fn accept(&self, accepted: Accepted, cwd: &str, at: Duration) {
        let Some(command) = accepted.command.into_iter().next() else { return };
        if accepted.name.is_empty() {
            return;
        }
        let mut by_command = lock(&self.by_command);
        let choice = by_command.entry(command).or_default().entry(accepted.name).or_default();
        choice.last = at.as_millis() as u64;
        choice.dirs.retain(|dir| dir != cwd);
        choice.dirs.push(cwd.to_owned());
        if choice.dirs.len() > MAX_DIRS {
            choice.dirs.remove(0);
        }
        forget_old(&mut by_command);
    }
}

impl Usage for Choices {
    fn boost(&self, command: &[String], name: &str, cwd: &str) -> f64 {
        let by_command = lock(&self.by_command);
        let rows = command.first().and_then(|command| by_command.get(command));
        let Some(choice) = rows.and_then(|rows| rows.get(name)) else { return 0.0 };
        let here = choice.dirs.iter().any(|dir| dir == cwd);
        choice.last as f64 / RECENCY_SCALE + if here { SAME_DIR } else { 0.0 }
    }
}

/// The time since the epoch.
pub fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Drops the older half when there are too many.
fn forget_old(by_command: &mut HashMap<String, HashMap<String, Choice>>) {
    let mut times: Vec<u64> =
        by_command.values().flat_map(HashMap::values).map(|choice| choice.last).collect();
    if times.len() <= MAX_CHOICES {
        return;
    }
    let middle = times.len() / 2;
    let (_, &mut oldest, _) = times.select_nth_unstable(middle);
    by_command.retain(|_, rows| {
        rows.retain(|_, choice| choice.last >= oldest);
        !rows.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(choices: &Choices, command: &[&str], name: &str, cwd: &str, at: u64) {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        choices.accept(Accepted { command, name: name.to_owned() }, cwd, Duration::from_millis(at));
    }

    fn boost(choices: &Choices, command: &str, name: &str, cwd: &str) -> f64 {
        choices.boost(&[command.to_owned()], name, cwd)
    }

    #[test]
    fn what_was_accepted_last_is_boosted_most() {
        let choices = Choices::default();
        accept(&choices, &["git", "checkout"], "main", "/a", 1_700_000_000_000);
        accept(&choices, &["git", "merge"], "topic", "/a", 1_700_000_001_000);
        let (main, topic) = (boost(&choices, "git", "main", "/b"), boost(&choices, "git", "topic", "/b"));
        assert!(0.1 < main && main < topic && topic < 1.0, "{main} {topic}");
        assert_eq!(boost(&choices, "git", "other", "/b"), 0.0);
        assert_eq!(boost(&choices, "docker", "main", "/b"), 0.0);
    }

    #[test]
    fn the_same_directory_counts_more_than_time() {
        let choices = Choices::default();
        accept(&choices, &["git"], "main", "/a", 1_600_000_000_000);
        accept(&choices, &["git"], "topic", "/b", 1_700_000_000_000);
        assert!(boost(&choices, "git", "main", "/a") > boost(&choices, "git", "topic", "/a"));
        assert!(boost(&choices, "git", "main", "/a") < 1.0);
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_newest() {
        let choices = Choices::default();
        for at in 0..3 * MAX_CHOICES as u64 {
            accept(&choices, &["git"], &at.to_string(), "/", at + 1);
        }
        let kept: usize = lock(&choices.by_command).values().map(HashMap::len).sum();
        assert!(kept <= MAX_CHOICES);
        assert!(boost(&choices, "git", &(3 * MAX_CHOICES - 1).to_string(), "/") > 0.0);
    }

    #[test]
    fn a_row_without_command_or_name_is_nothing() {
        let choices = Choices::default();
        accept(&choices, &[], "main", "/", 1);
        accept(&choices, &["git"], "", "/", 1);
        assert!(lock(&choices.by_command).is_empty());
    }
}
