//! What the user accepted: how often, when, where and for which command. Ranks it higher next time.
//!
//! Each time counts 1, and half of that one half-life later. It counts in full where it happened, and less in another
//! directory and for another subcommand of the same command. All of it is in memory; `store` brings it from one daemon
//! to the next. The rows that were accepted last stay when there are too many. Names that look secret are not kept.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::Accepted;

use crate::engine::Usage;
use crate::history::looks_secret;
use crate::lock::lock;
use crate::settings::Settings;

/// Most choices that are remembered; beyond it the oldest are forgotten. A busy year makes a few thousand.
pub const MAX_CHOICES: usize = 10_000;

/// Most places that are remembered of one row: directories and subcommands.
const MAX_PLACES: usize = 16;

/// The longest name of a row, or of a command with its subcommands, that is remembered; bytes.
const MAX_NAME: usize = 512;

/// The longest directory that is remembered; bytes.
const MAX_DIR: usize = 4_096;

/// What a choice counts in another directory, and for another subcommand of the same command.
const ELSEWHERE: f64 = 0.25;

/// What counts less than this counts nothing: one choice after seven half-lives.
const FLOOR: f64 = 1.0 / 128.0;

/// More than anyone accepts: a score beyond it was not counted by us.
const MAX_SCORE: f64 = 1e6;

/// A row that was accepted at a place, as it is kept on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The command and its subcommands, a space between; empty for the first word of a command.
    pub command: String,
    /// The name of the row.
    pub name: String,
    /// The directory; empty when it was not known.
    pub dir: String,
    /// How often it was accepted, what is long ago counting less; as of `last`.
    pub score: f64,
    /// When it was accepted last; milliseconds since the epoch.
    pub last: u64,
}

/// The rows that were accepted.
#[derive(Debug, Default)]
pub struct Choices {
    rows: Mutex<Rows>,
}

/// By the first word of the command, then by the name of the row.
type ByCommand = HashMap<String, HashMap<String, Vec<Place>>>;

#[derive(Debug, Default)]
struct Rows {
    by_command: ByCommand,
    /// How many places there are in all.
    count: usize,
}

/// Where a row was accepted.
#[derive(Debug)]
struct Place {
    /// The subcommands, a space between.
    subcommands: String,
    dir: String,
    score: f64,
    last: u64,
}

/// The rows as they count now.
#[derive(Clone, Copy, Debug)]
pub struct Habits<'a> {
    choices: &'a Choices,
    clock: Clock,
}

/// When it is, and how fast what was accepted fades.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The time since the epoch.
    pub now: Duration,
    /// After so long a choice counts half.
    pub half_life: Duration,
}

impl Clock {
    /// The time now, for choices that fade as the settings say.
    pub fn now(settings: &Settings) -> Clock {
        Clock { now: since_epoch(), half_life: settings.usage_half_life }
    }

    /// What counted 1 at `last`, in milliseconds since the epoch.
    fn fade(&self, last: u64) -> f64 {
        let age = self.now.saturating_sub(Duration::from_millis(last));
        (-age.as_secs_f64() / self.half_life.as_secs_f64().max(1.0)).exp2()
    }
}

impl Choices {
    /// Remembers that a row was accepted in `dir`, and gives back what is to be kept of it on disk. `None` when it is
    /// not worth keeping, or not fit to be.
    pub fn accept(&self, accepted: &Accepted, dir: &str, clock: Clock) -> Option<Choice> {
        let Accepted { command, name } = accepted;
        let fits = !name.is_empty() && name.len() <= MAX_NAME && dir.len() <= MAX_DIR;
        // The way up is taken too often to mean anything.
        if !fits || name == "../" || looks_secret(name) {
            return None;
        }
        let command = command.join(" ");
        if command.len() > MAX_NAME {
            return None;
        }
        let mut rows = lock(&self.rows);
        let place = rows.place(&command, name, dir);
        place.score = place.score * clock.fade(place.last) + 1.0;
        place.last = clock.now.as_millis() as u64;
        let (score, last) = (place.score, place.last);
        rows.forget_old();
        Some(Choice { command, name: name.clone(), dir: dir.to_owned(), score, last })
    }

    /// Takes in what was accepted in an earlier daemon's life.
    pub fn load(&self, choices: Vec<Choice>) {
        let mut rows = lock(&self.rows);
        let now = since_epoch();
        for choice in choices {
            let is_sane = choice.score.is_finite() && choice.score > 0.0;
            if is_sane && choice.name.len() <= MAX_NAME {
                rows.add(choice, now);
            }
        }
        rows.forget_old();
    }

    /// Brings the score of a choice up to date: others may have been loaded since.
    pub fn refresh(&self, choice: &mut Choice) {
        let rows = lock(&self.rows);
        if let Some(place) = rows.find(&choice.command, &choice.name, &choice.dir) {
            (choice.score, choice.last) = (place.score, place.last);
        }
    }

    /// The rows as they count now.
    pub fn at(&self, clock: Clock) -> Habits<'_> {
        Habits { choices: self, clock }
    }
}

impl Usage for Habits<'_> {
    fn boosts(&self, command: &[String], dir: &str) -> HashMap<String, f64> {
        let rows = lock(&self.choices.rows);
        let first = command.first().map_or("", String::as_str);
        let Some(names) = rows.by_command.get(first) else { return HashMap::new() };
        let subcommands = command.get(1..).unwrap_or_default().join(" ");
        let weigh = |place: &Place| {
            let here = if place.dir == dir { 1.0 } else { ELSEWHERE };
            let same = if place.subcommands == subcommands { 1.0 } else { ELSEWHERE };
            place.score * self.clock.fade(place.last) * here * same
        };
        let weighed = names.iter().map(|(name, places)| (name, places.iter().map(weigh).sum::<f64>()));
        // Between 0 and 1: it orders what has one priority, and outweighs no step of priority.
        let counting = weighed.filter(|(_, weight)| *weight >= FLOOR);
        counting.map(|(name, weight)| (name.clone(), weight / (1.0 + weight))).collect()
    }
}

impl Rows {
    fn find(&self, command: &str, name: &str, dir: &str) -> Option<&Place> {
        let (first, subcommands) = split(command);
        let places = self.by_command.get(first)?.get(name)?;
        places.iter().find(|place| place.dir == dir && place.subcommands == subcommands)
    }

    /// The place of a row, a new one if it has none yet; the one that was used longest ago makes room.
    fn place(&mut self, command: &str, name: &str, dir: &str) -> &mut Place {
        let (first, subcommands) = split(command);
        let places = self.by_command.entry(first.to_owned()).or_default().entry(name.to_owned()).or_default();
        let known = places.iter().position(|place| place.dir == dir && place.subcommands == subcommands);
        let at = known.unwrap_or_else(|| {
            self.count += 1;
            if places.len() >= MAX_PLACES {
                self.count -= 1;
                let oldest = places.iter().enumerate().min_by_key(|(_, place)| place.last);
                let oldest = oldest.map_or(0, |(at, _)| at);
                places.swap_remove(oldest);
            }
            let (subcommands, dir) = (subcommands.to_owned(), dir.to_owned());
            places.push(Place { subcommands, dir, score: 0.0, last: 0 });
            places.len() - 1
        });
        &mut places[at]
    }

    /// Adds a choice of an earlier daemon's life. One that is known counts as much as the better of both: a file may be
    /// read twice.
    fn add(&mut self, choice: Choice, now: Duration) {
        // A clock that was wrong once must not make a row the newest for years.
        let last = choice.last.min(now.as_millis() as u64);
        let place = self.place(&choice.command, &choice.name, &choice.dir);
        place.score = place.score.max(choice.score.min(MAX_SCORE));
        place.last = place.last.max(last);
    }

    /// Drops the oldest when there are too many, some more than needed so that it is seldom.
    fn forget_old(&mut self) {
        if self.count <= MAX_CHOICES {
            return;
        }
        let places = self.by_command.values().flat_map(HashMap::values).flatten();
        let mut times: Vec<u64> = places.map(|place| place.last).collect();
        let excess = times.len() - MAX_CHOICES / 10 * 9;
        let (_, &mut oldest, _) = times.select_nth_unstable(excess);
        self.count = 0;
        self.by_command.retain(|_, names| {
            names.retain(|_, places| {
                places.retain(|place| place.last >= oldest);
                self.count += places.len();
                !places.is_empty()
            });
            !names.is_empty()
        });
    }
}

/// The first word of a command, and its subcommands.
fn split(command: &str) -> (&str, &str) {
    command.split_once(' ').unwrap_or((command, ""))
}

/// The time since the epoch.
pub fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn on_day(day: u32) -> Clock {
        Clock { now: DAY * (20_000 + day), half_life: DAY * 14 }
    }

    fn accept(choices: &Choices, command: &str, name: &str, dir: &str, day: u32) -> Option<Choice> {
        let command = command.split_whitespace().map(str::to_owned).collect();
        choices.accept(&Accepted { command, name: name.to_owned() }, dir, on_day(day))
    }

    fn boost(choices: &Choices, command: &str, name: &str, dir: &str, day: u32) -> f64 {
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        choices.at(on_day(day)).boosts(&command, dir).get(name).copied().unwrap_or_default()
    }

    #[test]
    fn a_choice_counts_most_at_its_place() {
        let choices = Choices::default();
        accept(&choices, "git checkout", "main", "/a", 0);
        let at = |command, dir| boost(&choices, command, "main", dir, 0);
        let here = at("git checkout", "/a");
        let places = [at("git checkout", "/b"), at("git merge", "/a"), at("git merge", "/b")];
        assert!(here < 1.0 && places.iter().all(|weight| 0.0 < *weight && *weight < here), "{places:?}");
        assert_eq!(at("docker", "/a"), 0.0);
        assert_eq!(boost(&choices, "git checkout", "other", "/a", 0), 0.0);
    }

    #[test]
    fn what_is_long_ago_fades_and_is_nothing_in_the_end() {
        let choices = Choices::default();
        let first = accept(&choices, "git", "status", "/a", 0).unwrap();
        let second = accept(&choices, "git", "status", "/a", 14).unwrap();
        assert_eq!((first.score, second.score), (1.0, 1.5));
        // Used twice two weeks ago, or once today: the former counts more, until it fades.
        accept(&choices, "git", "stash", "/a", 28);
        let today = |name| boost(&choices, "git", name, "/a", 28);
        assert!(today("status") < today("stash"));
        assert!(boost(&choices, "git", "status", "/a", 14) > today("status"));
        assert_eq!(boost(&choices, "git", "status", "/a", 14 * 9), 0.0);
    }

    #[test]
    fn fading_does_not_change_the_order() {
        let choices = Choices::default();
        for (name, times) in [("a", 1), ("b", 5), ("c", 3)] {
            (0..times).for_each(|day| assert!(accept(&choices, "git", name, "/", day).is_some()));
        }
        let order = |day| {
            let mut names = ["a", "b", "c"];
            names.sort_by(|a, b| {
                let of = |name| boost(&choices, "git", name, "/", day);
                of(b).total_cmp(&of(a))
            });
            names
        };
        assert!((5..60).all(|day| order(day) == ["b", "c", "a"]));
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_newest() {
        let choices = Choices::default();
        for at in 0..2 * MAX_CHOICES as u32 {
            let clock = Clock { now: Duration::from_secs(at.into()), half_life: DAY };
            let accepted = Accepted { command: vec!["git".into()], name: at.to_string() };
            choices.accept(&accepted, "/", clock);
            let rows = lock(&choices.rows);
            assert!(rows.count <= MAX_CHOICES);
        }
        let rows = lock(&choices.rows);
        let kept: usize = rows.by_command.values().flat_map(HashMap::values).map(Vec::len).sum();
        assert_eq!(kept, rows.count);
        assert!(rows.find("git", &(2 * MAX_CHOICES - 1).to_string(), "/").is_some());
        assert!(rows.find("git", "0", "/").is_none());
    }

    #[test]
    fn one_row_has_few_places() {
        let choices = Choices::default();
        for day in 0..3 * MAX_PLACES as u32 {
            accept(&choices, "git", "main", &format!("/{day}"), day);
        }
        let rows = lock(&choices.rows);
        assert_eq!(rows.by_command["git"]["main"].len(), MAX_PLACES);
        assert_eq!(rows.count, MAX_PLACES);
        assert!(rows.find("git", "main", &format!("/{}", 3 * MAX_PLACES - 1)).is_some());
    }

    #[test]
    fn what_is_no_name_is_not_kept() {
        let choices = Choices::default();
        let long = "x".repeat(MAX_NAME + 1);
        for name in ["", "../", "ghp_0123456789abcdef0123", "--password=hunter2", &long] {
            assert_eq!(accept(&choices, "gh", name, "/", 0), None, "{name}");
        }
        assert_eq!(accept(&choices, &long, "main", "/", 0), None);
        assert_eq!(lock(&choices.rows).count, 0);
        assert!(accept(&choices, "", "git", "/", 0).is_some(), "the first word has no command");
        assert!(boost(&choices, "", "git", "/", 0) > 0.0);
    }

    #[test]
    fn what_was_kept_is_loaded_and_rubbish_is_not() {
        let choices = Choices::default();
        let row = |name: &str, score, last| Choice {
            command: "git checkout".into(),
            name: name.into(),
            dir: "/a".into(),
            score,
            last,
        };
        let day = DAY.as_millis() as u64 * 20_000;
        accept(&choices, "git checkout", "main", "/a", 0);
        let future = u64::MAX;
        choices.load(vec![
            row("main", 2.0, day),
            row("nan", f64::NAN, day),
            row("less", -1.0, day),
            row("endless", f64::INFINITY, day),
            row("tomorrow", 1.0, future),
        ]);
        let mut main = row("main", 0.0, 0);
        choices.refresh(&mut main);
        assert_eq!((main.score, main.last), (2.0, day));
        let rows = lock(&choices.rows);
        let mut known: Vec<&str> = rows.by_command["git"].keys().map(String::as_str).collect();
        known.sort_unstable();
        assert_eq!(known, ["main", "tomorrow"]);
        let tomorrow = rows.find("git checkout", "tomorrow", "/a").unwrap();
        assert!(tomorrow.last <= since_epoch().as_millis() as u64);
    }
}
