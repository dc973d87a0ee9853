//! What a session fetches for the line that is typed: each need once, for as long as the line needs it.
//!
//! A need that an older line began goes on when the newer one has it too; what nobody needs any more is killed. What was
//! fetched is good until a command is run or the session changes, and for a few seconds; afterwards it is still shown
//! until it was fetched anew.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{Asked, Outcome, RunReport, SourceReport};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::fetch::{Fetch, Fetched, Site, command_of};
use crate::lock::lock;
use crate::run::Runner;
use crate::slow::{Found, Generated, Rows, Slow};

/// How long what was fetched is good while one line is being typed.
const FRESH: Duration = Duration::from_secs(10);

/// Most needs of one line that are fetched; a spec with more in one place does not exist.
const MAX_NEEDS: usize = 32;

/// Most needs of which the results are kept.
const MAX_RUNS: usize = 64;

/// Most rows of all these together: a session takes a few megabytes at most.
const MAX_ROWS: usize = 20_000;

/// The needs of one session.
#[derive(Debug)]
pub struct Sources {
    state: Mutex<State>,
    /// Counts what was said, so that one can wait for news.
    news: watch::Sender<u64>,
    /// The number of the newest question.
    newest: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    runs: HashMap<Slow, Run>,
    /// The need that was begun last of each generator with the same words, whatever the word at the cursor.
    last: HashMap<Generated, Slow>,
}

/// One need, being fetched or done.
#[derive(Debug)]
struct Run {
    said: watch::Receiver<Said>,
    task: Arc<Task>,
    begun: Instant,
    /// Its own log, for the time until it is done.
    runner: Runner,
    /// Likely to be done within the time of a key.
    quick: bool,
    /// Shown until something was found.
    meanwhile: Option<Found>,
}

/// What a need has come to.
#[derive(Clone, Debug, Default)]
struct Said {
    found: Option<Found>,
    /// Since when nothing more is to come.
    done: Option<Instant>,
    outcome: Outcome,
    kept: Option<Duration>,
    runs: Vec<RunReport>,
}

/// A task that ends with its last owner, and all that it runs.
#[derive(Debug)]
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the same generator was asked for the word as it was before.
pub struct Previous {
    /// The word as it was.
    pub token: String,
    said: watch::Receiver<Said>,
    /// Keeps it running while it is waited for.
    _task: Arc<Task>,
}

impl Previous {
    /// Whether its rows are there.
    pub fn is_done(&self) -> bool {
        self.said.borrow().done.is_some()
    }

    /// What it came to, once that is known; `None` when it never will be.
    pub async fn fetched(mut self) -> Option<Fetched> {
        let said = self.said.wait_for(|said| said.done.is_some()).await.ok()?.clone();
        let kept = said.done.map(|done| done.elapsed());
        Some(Fetched { found: said.found?, outcome: said.outcome, kept, runs: said.runs })
    }
}

/// How far the needs of a line are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// So many are being fetched.
    pub running: usize,
    /// All of these are likely to be done within the time of a key.
    pub quick: bool,
}

impl Default for Sources {
    fn default() -> Sources {
        Sources { state: Mutex::default(), news: watch::Sender::new(0), newest: AtomicU64::new(0) }
    }
}

impl Sources {
    /// A number for a new question. From now on no older one begins or ends anything, even if it is not given up yet.
    pub fn begin_question(&self) -> u64 {
        self.newest.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn is_newest(&self, question: u64) -> bool {
        self.newest.load(Ordering::Relaxed) == question
    }

    /// Tells when there is news.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// What is there of a need.
    pub fn ready(&self, slow: &Slow) -> Option<Found> {
        let state = lock(&self.state);
        match state.runs.get(slow) {
            Some(run) => run.found(),
            None => state.meanwhile(slow),
        }
    }

    /// Whether nothing more is to come of a need that was begun.
    pub fn is_done(&self, slow: &Slow) -> bool {
        lock(&self.state).runs.get(slow).is_some_and(Run::is_done)
    }

    /// Sees to it that all of these are fetched or being fetched for this question, and that nothing else is.
    pub fn start(&self, question: u64, site: &Arc<Site>, wanted: &[Slow], asked: Instant) -> Progress {
        let mut state = lock(&self.state);
        if !self.is_newest(question) {
            return Progress::default();
        }
        let mut progress = Progress { running: 0, quick: true };
        for slow in wanted.iter().take(MAX_NEEDS) {
            if !state.runs.get(slow).is_some_and(|run| run.is_good(asked)) {
                self.begin(&mut state, site, slow);
            }
            if let Some(run) = state.runs.get(slow).filter(|run| !run.is_done()) {
                progress.running += 1;
                progress.quick &= run.quick;
            }
        }
        // Only now: what an abandoned run will yield may be what one of the new ones waits for.
        state.runs.retain(|slow, run| wanted.contains(slow) || run.is_done());
        state.forget_oldest(wanted);
        progress
    }

    /// Gives up what is not one of these.
    pub fn retain(&self, question: u64, wanted: &[Slow]) {
        let mut state = lock(&self.state);
        if self.is_newest(question) {
            state.runs.retain(|slow, run| wanted.contains(slow) || run.is_done());
        }
    }

    /// How far these are.
    pub fn running(&self, wanted: &[Slow]) -> usize {
        let state = lock(&self.state);
        wanted.iter().filter(|slow| state.runs.get(slow).is_some_and(|run| !run.is_done())).count()
    }

    /// What became of these, in their order, as a question sees it that was asked at this time.
    pub fn reports(&self, wanted: &[Slow], asked: Instant) -> Vec<SourceReport> {
        let state = lock(&self.state);
        wanted.iter().map(|slow| report(slow, state.runs.get(slow), asked)).collect()
    }

    /// Forgets everything, and ends what runs.
    pub fn clear(&self) {
        *lock(&self.state) = State::default();
    }

    fn begin(&self, state: &mut State, site: &Arc<Site>, slow: &Slow) {
        let meanwhile = state.runs.get(slow).and_then(Run::found).or_else(|| state.meanwhile(slow));
        let previous = state.previous(slow);
        let quick = site.is_quick(slow, previous.as_ref());
        let (say, said) = watch::channel(Said::default());
        let voice = Arc::new(Voice { say, news: self.news.clone() });
        let shown = Arc::clone(&voice);
        let fetch = Fetch::new(Arc::clone(site), previous, move |found| shown.show(found));
        let runner = fetch.runner().clone();
        let needed = slow.clone();
        let task = tokio::spawn(async move {
            let fetched = fetch.fetch(&needed).await;
            voice.end(fetched);
        });
        let task = Arc::new(Task(task.abort_handle()));
        let run = Run { said, task, begun: Instant::now(), runner, quick, meanwhile };
        state.runs.insert(slow.clone(), run);
        if let Slow::Rows(generated) = slow {
            state.last.insert(base(generated), slow.clone());
        }
    }
}

impl State {
    /// What is shown of a need that was never fetched: what the same generator said of the word as it was before, if it
    /// was not about a part of the word only.
    fn meanwhile(&self, slow: &Slow) -> Option<Found> {
        let Slow::Rows(generated) = slow else { return None };
        if generated.generator.query_term.is_some() {
            return None;
        }
        self.runs.get(self.last.get(&base(generated))?)?.found()
    }

    /// What the same generator was asked last, if that is still good.
    fn previous(&self, slow: &Slow) -> Option<Previous> {
        let Slow::Rows(generated) = slow else { return None };
        let last = self.last.get(&base(generated)).filter(|last| *last != slow)?;
        let run = self.runs.get(last).filter(|run| run.is_good(Instant::now()))?;
        let Slow::Rows(before) = last else { return None };
        Some(Previous { token: before.token.clone(), said: run.said.clone(), _task: Arc::clone(&run.task) })
    }

    fn forget_oldest(&mut self, wanted: &[Slow]) {
        while self.runs.len() > MAX_RUNS || self.runs.values().map(Run::rows).sum::<usize>() > MAX_ROWS {
            let spare = self.runs.iter().filter(|(slow, _)| !wanted.contains(slow));
            let Some(oldest) = spare.min_by_key(|(_, run)| run.begun).map(|(slow, _)| slow.clone()) else {
                break;
            };
            self.runs.remove(&oldest);
        }
        let runs = &self.runs;
        self.last.retain(|_, slow| runs.contains_key(slow));
    }
}

impl Run {
    fn is_done(&self) -> bool {
        // A task that ended without a word has panicked.
        self.said.borrow().done.is_some() || self.task.0.is_finished()
    }

    /// Running, or so lately done that it need not run again; never again for one question.
    fn is_good(&self, asked: Instant) -> bool {
        match self.said.borrow().done {
            Some(done) => done >= asked || done.elapsed() < FRESH,
            None => self.begun >= asked || !self.task.0.is_finished(),
        }
    }

    /// How many rows it keeps.
    fn rows(&self) -> usize {
        match (&self.said.borrow().found, &self.meanwhile) {
            (Some(Found::Rows(rows)), _) | (None, Some(Found::Rows(rows))) => rows.drafts.len(),
            _ => 0,
        }
    }

    /// What can be shown: what was found, else what there was before.
    fn found(&self) -> Option<Found> {
        let said = self.said.borrow();
        match said.found.clone().or_else(|| self.meanwhile.clone())? {
            Found::Rows(rows) => Some(Found::Rows(Rows { stale: said.done.is_none(), ..rows })),
            found => Some(found),
        }
    }
}

/// A generator with its words, whatever the word at the cursor.
fn base(generated: &Generated) -> Generated {
    Generated { token: String::new(), ..generated.clone() }
}

/// Says what a need comes to.
struct Voice {
    say: watch::Sender<Said>,
    news: watch::Sender<u64>,
}

impl Voice {
    /// Something to show until the end.
    fn show(&self, found: Found) {
        self.say.send_modify(|said| said.found = Some(found));
        self.news.send_modify(|count| *count += 1);
    }

    fn end(&self, fetched: Fetched) {
        let Fetched { found, outcome, kept, runs } = fetched;
        let said = Said { found: Some(found), done: Some(Instant::now()), outcome, kept, runs };
        self.say.send_replace(said);
        self.news.send_modify(|count| *count += 1);
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        // After a panic, whoever waits for it sees that nothing comes any more.
        if self.say.borrow().done.is_none() {
            self.news.send_modify(|count| *count += 1);
        }
    }
}

/// What became of a need.
fn report(slow: &Slow, run: Option<&Run>, asked: Instant) -> SourceReport {
    let mut report = SourceReport { source: source(slow), asked: kind(slow), ..SourceReport::default() };
    let Some(run) = run else { return report };
    let said = run.said.borrow();
    let end = said.done.unwrap_or_else(Instant::now);
    let earlier = said.done.filter(|done| *done < asked).map(|done| asked - done);
    report.elapsed_ms = whole(end - run.begun);
    report.kept_ms = said.kept.or(earlier).map(whole);
    report.runs = if said.done.is_some() { said.runs.clone() } else { run.runner.log() };
    report.outcome = said.outcome.clone();
    if said.done.is_none() && run.is_done() {
        report.outcome = Outcome::Failed("the engine stumbled over it; please report it".into());
    }
    report
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The source as its rows name it.
fn source(slow: &Slow) -> String {
    match slow {
        Slow::Earlier(_) => "history".to_owned(),
        _ => format!("generator:{}", command_of(slow)),
    }
}

fn kind(slow: &Slow) -> Asked {
    match slow {
        Slow::Rows(_) | Slow::Filter(_) | Slow::Earlier(_) => Asked::Rows,
        Slow::Tree(_) => Asked::Tree,
        Slow::Load(_) => Asked::Load,
        Slow::Alias(_) => Asked::Alias,
        Slow::Version(_) => Asked::Version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Draft;

    fn run(begun: Instant, rows: usize) -> (watch::Sender<Said>, Run) {
        let drafts = Arc::new(vec![Draft::default(); rows]);
        let found = Some(Found::Rows(Rows { drafts, ..Rows::default() }));
        let (say, said) = watch::channel(Said { found, done: Some(begun), ..Said::default() });
        let task = Arc::new(Task(tokio::spawn(async {}).abort_handle()));
        (say, Run { said, task, begun, runner: Runner::default(), quick: true, meanwhile: None })
    }

    /// A need that is being fetched by this task.
    fn begun(task: AbortHandle) -> (watch::Sender<Said>, Run) {
        let (say, said) = watch::channel(Said::default());
        let (task, runner) = (Arc::new(Task(task)), Runner::default());
        (say, Run { said, task, begun: Instant::now(), runner, quick: false, meanwhile: None })
    }

    fn need(name: &str) -> Slow {
        Slow::Rows(Box::new(Generated { command: name.into(), ..Generated::default() }))
    }

    fn kept(runs: usize, rows: usize) -> Vec<usize> {
        let mut state = State::default();
        let now = Instant::now();
        for at in 0..runs {
            let (_, run) = run(now + Duration::from_millis(at as u64), rows);
            state.runs.insert(need(&at.to_string()), run);
        }
        state.forget_oldest(&[need("0")]);
        (0..runs).filter(|at| state.runs.contains_key(&need(&at.to_string()))).collect()
    }

    #[tokio::test]
    async fn what_was_fetched_is_bounded_by_count_and_by_rows() {
        let many = kept(MAX_RUNS + 10, 1);
        assert_eq!((many.len(), many[0], many[1]), (MAX_RUNS, 0, 11), "the newest, and what is wanted");
        let large = kept(6, MAX_ROWS / 4);
        assert_eq!(large, [0, 3, 4, 5]);
        assert_eq!(kept(2, MAX_ROWS * 2), [0], "what is wanted is kept however large");
    }

    #[tokio::test]
    async fn an_older_question_begins_and_ends_nothing() {
        let sources = Sources::default();
        let (older, newer) = (sources.begin_question(), sources.begin_question());
        let (say, run) = begun(tokio::spawn(std::future::pending::<()>()).abort_handle());
        lock(&sources.state).runs.insert(need("x"), run);
        sources.retain(older, &[]);
        assert_eq!(sources.running(&[need("x")]), 1);
        sources.retain(newer, &[]);
        assert_eq!(sources.running(&[need("x")]), 0);
        drop(say);
    }

    #[tokio::test]
    async fn a_need_is_done_when_its_last_word_is_said() {
        let sources = Sources::default();
        let (say, run) = begun(tokio::spawn(std::future::pending::<()>()).abort_handle());
        assert!(!sources.is_done(&need("x")), "it was not begun");
        lock(&sources.state).runs.insert(need("x"), run);
        say.send_modify(|said| said.found = Some(Found::Rows(Rows::default())));
        assert!(!sources.is_done(&need("x")), "what is shown meanwhile is not the last word");
        say.send_modify(|said| said.done = Some(Instant::now()));
        assert!(sources.is_done(&need("x")));
    }

    #[tokio::test]
    async fn a_need_that_panicked_is_done_and_told() {
        let handle = tokio::spawn(async { panic!("on purpose") });
        let (say, run) = begun(handle.abort_handle());
        assert!(handle.await.is_err());
        drop(say);
        assert!(run.is_done());
        let report = report(&need("x"), Some(&run), Instant::now());
        assert!(matches!(report.outcome, Outcome::Failed(_)) && report.source == "generator:x");
    }
}
