//! The way from a question to its answers.
//!
//! The first answer has what is there at once. When something must be fetched, a directory is slow or the history is
//! still being read, it is marked pending and further ones follow, each complete, as more is there; what was fetched may
//! show that more is needed. The last answer is not pending: everything is there, or the request's time is up.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{Answer, Failed, FromDaemon, Kind, Parsed, Request, Why};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep_until, timeout_at};

use crate::engine::Question;
use crate::fetch::Site;
use crate::session::Shared;
use crate::slow::{Call, Found, Ready, Slow};
use crate::sources::{Progress, Sources};
use crate::trust::{self, Refusal};
use crate::usage::Clock;
use crate::user_specs::View;
use crate::world::{Here, Look, Seeing};

/// The longest time that a request may wait for slow sources.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(30);

/// The longest line that is looked at: the longest that anyone types has a few thousand bytes.
const MAX_LINE: usize = 64 << 10;

/// How long the first answer waits when all that it lacks is likely to be there by then. Nobody sees the difference, but
/// everybody sees rows that come, go and come again.
const QUICK: Duration = Duration::from_millis(5);

/// How long what arrives is gathered before it is sent, so that ten generators do not make ten answers. Twice as long
/// after each answer.
const GATHER: Duration = Duration::from_millis(15);

/// Most passes through the engine for one request: what is fetched may show that more is needed, but not without end.
const MAX_PASSES: usize = 16;

/// One question, with all that it needs to be answered elsewhere while the session goes on.
#[derive(Debug)]
pub struct Ask {
    shared: Arc<Shared>,
    /// Where its needs are fetched, or why it cannot be answered.
    site: Result<Arc<Site>, String>,
    sources: Arc<Sources>,
    /// Its number among those of the session.
    question: u64,
    history: Option<(Look, Seeing)>,
    turn: Arc<Semaphore>,
    request: Request,
    received: Instant,
}

/// What came out of one pass through the engine.
struct Pass<T> {
    result: T,
    /// What was asked for, in order, whether it is there or not.
    wanted: Vec<Slow>,
    /// What of it was still to come when it was asked for.
    awaited: Vec<Slow>,
    here: Here,
}

/// An answer, and where its rows come from.
struct Thought {
    answer: Answer,
    /// For each row, the place in `asked` of what it was fetched for.
    origins: Vec<Option<u32>>,
    asked: Vec<Slow>,
}

/// What is there, and what of it was asked for.
struct Asked<'a> {
    sources: &'a Sources,
    wanted: RefCell<Vec<Slow>>,
    /// What was still to come when it was asked for.
    awaited: RefCell<Vec<Slow>>,
    /// Why parts of the tree will never be there, and how deep they would be.
    refused: RefCell<Vec<(usize, Refusal)>>,
}

impl<'a> Asked<'a> {
    /// Nothing was asked for yet.
    fn of(sources: &'a Sources) -> Asked<'a> {
        Asked {
            sources,
            wanted: RefCell::default(),
            awaited: RefCell::default(),
            refused: RefCell::default(),
        }
    }
}

impl Ready for Asked<'_> {
    fn ready(&self, slow: &Slow) -> Option<Found> {
        let mut wanted = self.wanted.borrow_mut();
        if !wanted.contains(slow) {
            wanted.push(slow.clone());
        }
        // In this order: what is done now is found whole.
        if !self.sources.is_done(slow) {
            self.awaited.borrow_mut().push(slow.clone());
        }
        let found = self.sources.ready(slow);
        if let (Some(Found::Refused(refusal)), Slow::Tree(call)) = (&found, slow) {
            self.refused.borrow_mut().push((depth(call), refusal.clone()));
        }
        found
    }
}

impl Ask {
    /// A question of a session.
    pub(crate) fn new(
        shared: Arc<Shared>,
        site: Result<Arc<Site>, String>,
        sources: Arc<Sources>,
        history: Option<(Look, Seeing)>,
        turn: Arc<Semaphore>,
        request: Request,
    ) -> Ask {
        let question = sources.begin_question();
        Ask { shared, site, sources, question, history, turn, request, received: Instant::now() }
    }

    /// Sends the answers, the last one not pending. Dropping the future gives up.
    pub async fn answer(self, out: mpsc::Sender<FromDaemon>) {
        let ask = Arc::new(self);
        let said = match ask.answers(Some(&out)).await {
            Ok(last) => FromDaemon::Answer(Box::new(last.result.answer)),
            Err(message) => ask.failed(message),
        };
        // Nobody listens any more: nothing is left to be said.
        let _ = out.send(said).await;
    }

    /// Sends the last answer with what was done for it. Dropping the future gives up.
    pub async fn why(self, out: mpsc::Sender<FromDaemon>) {
        let ask = Arc::new(self);
        let said = match ask.answers(None).await {
            Ok(last) => FromDaemon::Why(Box::new(ask.reasons(last))),
            Err(message) => ask.failed(message),
        };
        // As above.
        let _ = out.send(said).await;
    }

    /// Sends what the engine understands of the line. Dropping the future gives up.
    pub async fn parse(self, out: mpsc::Sender<FromDaemon>) {
        let ask = Arc::new(self);
        let said = match ask.parsed().await {
            Ok(parsed) => FromDaemon::Parsed(Box::new(parsed)),
            Err(message) => ask.failed(message),
        };
        // As above.
        let _ = out.send(said).await;
    }

    /// Sends all answers but the last one, which is returned.
    async fn answers(
        self: &Arc<Ask>,
        out: Option<&mpsc::Sender<FromDaemon>>,
    ) -> Result<Pass<Thought>, String> {
        let site = self.check()?;
        site.view.looked().await;
        let mut news = self.sources.news();
        let mut waits = Waits { quick_until: self.received + QUICK, gather: GATHER };
        let mut sent: Option<Answer> = None;
        let mut here = self.here();
        for left in (0..MAX_PASSES).rev() {
            news.borrow_and_update();
            let mut pass = self.pass(&site, here, Ask::think).await?;
            let progress = self.start(&site, &pass.wanted);
            let is_late = pass.here.is_late() || site.view.is_late();
            let has_come = self.has_come(&pass.awaited);
            let is_settled = progress.running == 0 && !is_late;
            if is_settled && !has_come || left == 0 || self.is_over() {
                self.finish(&mut pass.result.answer, false);
                return Ok(pass);
            }
            if is_settled {
                here = pass.here;
                continue;
            }
            let may_wait = sent.is_none() && progress.quick && !is_late;
            if may_wait && self.waits_quickly(&pass.wanted, &mut news, &mut waits).await {
                here = pass.here;
                continue;
            }
            if let Some(out) = out {
                self.send(&mut pass.result.answer, &mut sent, out).await;
            }
            let until = if left == 1 { self.deadline() } else { Instant::now() + waits.gather };
            self.settle(&site.view, &mut pass, &mut news, until).await;
            waits.gather *= 2;
            here = pass.here;
        }
        Err(stumbled())
    }

    /// What the engine understands of the line, when the functions that decide have said what they have to say.
    async fn parsed(self: &Arc<Ask>) -> Result<Parsed, String> {
        let site = self.check()?;
        site.view.looked().await;
        let mut news = self.sources.news();
        let mut here = Here::new(Arc::clone(&self.shared.looks), Handle::current());
        for left in (0..MAX_PASSES).rev() {
            news.borrow_and_update();
            let mut pass = self.pass(&site, here, Ask::understand).await?;
            let progress = self.start(&site, &pass.wanted);
            let is_settled = progress.running == 0 && !site.view.is_late() && !self.has_come(&pass.awaited);
            if is_settled || left == 0 || self.is_over() {
                return Ok(pass.result);
            }
            self.settle(&site.view, &mut pass, &mut news, self.deadline()).await;
            here = pass.here;
        }
        Err(stumbled())
    }

    fn here(&self) -> Here {
        let here = Here::new(Arc::clone(&self.shared.looks), Handle::current());
        if let Some((look, seeing)) = self.history.clone() {
            here.expect(look, seeing);
        }
        here
    }

    /// Sees to it that what is wanted is fetched; without any time for it, that nothing is.
    fn start(&self, site: &Arc<Site>, wanted: &[Slow]) -> Progress {
        if self.request.wait == 0 {
            self.sources.retain(self.question, wanted);
            return Progress::default();
        }
        self.sources.start(self.question, site, wanted, self.received)
    }

    /// Whether any of these, which a pass did without, is there by now: it ended while the pass went on.
    fn has_come(&self, awaited: &[Slow]) -> bool {
        awaited.iter().any(|slow| self.sources.is_done(slow))
    }

    /// When the time of the request is up.
    fn deadline(&self) -> Instant {
        self.received + Duration::from_millis(self.request.wait.into()).min(MAX_WAIT)
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline()
    }

    /// Waits a moment for what is likely to come at once. Whether there is anything new.
    async fn waits_quickly(
        &self,
        wanted: &[Slow],
        news: &mut watch::Receiver<u64>,
        waits: &mut Waits,
    ) -> bool {
        let until = waits.quick_until.min(self.deadline());
        let before = *news.borrow();
        let all = async { while self.sources.running(wanted) > 0 && news.changed().await.is_ok() {} };
        // When time is up, what there is will do.
        let _ = timeout_at(until.into(), all).await;
        *news.borrow() != before
    }

    /// Waits for the first news, and then for the rest for as long as news are gathered, but never beyond the deadline.
    async fn settle<T>(
        &self,
        view: &View,
        pass: &mut Pass<T>,
        news: &mut watch::Receiver<u64>,
        gather: Instant,
    ) {
        let window = gather.saturating_duration_since(Instant::now());
        let (wanted, here) = (&pass.wanted, &mut pass.here);
        let settling = async {
            next(here, view, news).await;
            let end = Instant::now() + window;
            let rest = async {
                while self.sources.running(wanted) > 0 || here.is_late() || view.is_late() {
                    next(here, view, news).await;
                }
            };
            tokio::select! {
                () = rest => {}
                () = sleep_until(end.into()) => {}
            }
        };
        // When time is up, the last answer has what is there.
        let _ = timeout_at(self.deadline().into(), settling).await;
    }

    /// One pass through the engine, on a thread that may wait for a directory.
    async fn pass<T: Send + 'static>(
        self: &Arc<Ask>,
        site: &Arc<Site>,
        here: Here,
        think: fn(&Ask, &Site, &Here, &Asked) -> T,
    ) -> Result<Pass<T>, String> {
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| stumbled())?;
        let (ask, site) = (Arc::clone(self), Arc::clone(site));
        let pass = spawn_blocking(move || {
            let _turn = turn;
            let asked = Asked::of(&ask.sources);
            let result = think(&ask, &site, &here, &asked);
            let (wanted, awaited) = (asked.wanted.into_inner(), asked.awaited.into_inner());
            Pass { result, wanted, awaited, here }
        });
        pass.await.map_err(|_| stumbled())
    }

    fn think(&self, site: &Site, here: &Here, ready: &Asked) -> Thought {
        let (shared, context, request) = (&*self.shared, &*site.context, &self.request);
        let settings = &shared.settings().current();
        let usage = &shared.store().choices().at(Clock::now(settings));
        let history = &shared.looks.histories;
        let question = Question { context, request, history, usage, world: here, ready, settings };
        let mut progress = site.engine.complete(&question);
        progress.refused.extend(missed(&progress.answer, ready.refused.take()));
        if let Some(row) = trust::row(&progress.refused, request.cursor) {
            progress.answer.candidates.push(row);
            progress.origins.push(None);
        }
        Thought { answer: progress.answer, origins: progress.origins, asked: progress.asked }
    }

    fn understand(&self, site: &Site, _: &Here, ready: &Asked) -> Parsed {
        site.engine.parse(&site.context, &self.request, ready)
    }

    /// Sends an answer to which more will follow, unless it says what the one before it said.
    async fn send(&self, answer: &mut Answer, sent: &mut Option<Answer>, out: &mpsc::Sender<FromDaemon>) {
        self.finish(answer, true);
        let says_the_same = |old: &Answer| Answer { elapsed_us: old.elapsed_us, ..answer.clone() } == *old;
        if sent.as_ref().is_some_and(says_the_same) {
            return;
        }
        *sent = Some(answer.clone());
        // When nobody listens any more the task is about to be dropped.
        let _ = out.send(FromDaemon::Answer(Box::new(answer.clone()))).await;
    }

    fn finish(&self, answer: &mut Answer, pending: bool) {
        answer.generation = self.request.generation;
        answer.pending = pending;
        answer.elapsed_us = u64::try_from(self.received.elapsed().as_micros()).unwrap_or(u64::MAX);
    }

    /// Where the rows of the last answer come from.
    fn reasons(&self, last: Pass<Thought>) -> Why {
        let Pass { result: Thought { answer, origins, asked }, wanted, .. } = last;
        let place = |origin: u32| {
            let slow = asked.get(origin as usize)?;
            wanted.iter().position(|other| other == slow).and_then(|at| u32::try_from(at).ok())
        };
        let rows = origins.into_iter().map(|origin| origin.and_then(place)).collect();
        Why { answer, rows, sources: self.sources.reports(&wanted, self.received) }
    }

    fn failed(&self, message: String) -> FromDaemon {
        FromDaemon::Failed(Failed { generation: self.request.generation, message })
    }

    /// Where to answer it, if it can be answered.
    fn check(&self) -> Result<Arc<Site>, String> {
        let Request { line, cursor, .. } = &self.request;
        if line.len() > MAX_LINE {
            return Err(format!("the line is longer than {MAX_LINE} bytes"));
        }
        match line.is_char_boundary(*cursor as usize) {
            true => self.site.clone(),
            false => Err("the cursor is not at a character of the line".to_owned()),
        }
    }
}

/// How many commands and subcommands lead to what a function would yield.
fn depth(call: &Call) -> usize {
    let inside = call.function.path.iter().filter(|part| *part == "subcommands").count();
    call.function.module.split('/').count() + inside
}

/// The refusals that are felt: a part of the tree is missed where the line stands at its root, and nothing else says how
/// it can go on.
fn missed(answer: &Answer, refused: Vec<(usize, Refusal)>) -> impl Iterator<Item = Refusal> {
    let goes_on =
        answer.candidates.iter().any(|row| row.kind == Kind::Subcommand) || answer.query.starts_with('-');
    let at = answer.command.len();
    refused.into_iter().filter(move |(depth, _)| !goes_on && *depth >= at).map(|(_, refusal)| refusal)
}

/// How long is waited for what.
struct Waits {
    /// The first answer waits until then.
    quick_until: Instant,
    /// What arrives is gathered so long.
    gather: Duration,
}

/// Waits for a need to be met, for what is being looked at, or for a spec that is being compiled.
async fn next(here: &mut Here, view: &View, news: &mut watch::Receiver<u64>) {
    let (here_is_late, view_is_late) = (here.is_late(), view.is_late());
    tokio::select! {
        () = here.settle(), if here_is_late => {}
        () = view.settle(), if view_is_late => {}
        // The sources outlive the question.
        _ = news.changed() => {}
    }
}

/// The engine panicked. What it panicked about may have the line in it, so it is not told.
pub(crate) fn stumbled() -> String {
    "the engine stumbled over this line; please report it".to_owned()
}
