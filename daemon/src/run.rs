//! Runs a program where a session is: in its directory, with its variables, without a terminal, and not for long.
//!
//! Argument vectors only, never a shell. What may not run according to `trust` does not, and every run and refusal is
//! written down. A program leads a process group of its own, all of which is killed when the program has ended, time is
//! up or nobody waits for the answer any more.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use protocol::{Context, Outcome, RunReport};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::candidates::command::find_program;
use crate::candidates::native::{self, Question};
use crate::lock::lock;
use crate::trust::{self, Allowed, Refusal, Untrusted};

/// Most bytes that are read of what a program prints; one that prints more has been misunderstood.
const MAX_OUTPUT: usize = 4 << 20;

/// Most bytes that are kept of a program's complaints; the rest is read and forgotten.
const MAX_COMPLAINTS: usize = 64 << 10;

/// Most programs that run at a time, so that many terminals do not load the machine.
const MAX_RUNNING: usize = 4;

/// Most of them for one session, so that there is always room for another one.
const MAX_RUNNING_EACH: usize = 3;

/// Most programs that wait for their turn, in all sessions: beyond it something asks without end.
const MAX_WAITING: usize = 256;

/// Most programs that are run for one source: a function that runs more is out of its mind.
const MAX_RUNS: usize = 64;

/// How long a program may run unless its spec says otherwise: the reference's limit for a generator.
pub const USUAL_TIME: Duration = Duration::from_secs(5);

/// How long a program may run whatever its spec says.
pub const MAX_TIME: Duration = Duration::from_secs(30);

/// How long output is still read after the program has ended but something that it started holds its pipe open.
const GRACE: Duration = Duration::from_millis(100);

/// What makes programs answer without a terminal: no pager, no editor, nobody who asks for a password, no colours.
const QUIET: &[(&str, &str)] = &[
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("MANPAGER", "cat"),
    ("SYSTEMD_PAGER", "cat"),
    ("AWS_PAGER", ""),
    ("EDITOR", "true"),
    ("VISUAL", "true"),
    ("GIT_EDITOR", "true"),
    ("GIT_ASKPASS", "true"),
    ("SSH_ASKPASS", "true"),
    ("SSH_ASKPASS_REQUIRE", "never"),
    ("SUDO_ASKPASS", "/bin/false"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("TERM", "dumb"),
];

/// What would make programs print colours even so, or run something first.
const LOUD: &[&str] = &["CLICOLOR_FORCE", "FORCE_COLOR", "GREP_OPTIONS", "BASH_ENV"];

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not in the session's `PATH`.
    #[error("there is no such program")]
    Missing,
    /// It cannot be started or read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It took too long and was killed.
    #[error("it did not end in time")]
    Late,
    /// It printed too much and was killed.
    #[error("it printed more than {MAX_OUTPUT} bytes")]
    TooMuch,
    /// It failed, for a caller who wants none of a failing program's output.
    #[error("it failed with status {0}")]
    Failed(i32),
    /// It may not run here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many programs were asked for.
    #[error("too many programs were asked for")]
    Busy,
}

impl Error {
    /// How it is told.
    pub fn outcome(&self) -> Outcome {
        match self {
            Error::Missing => Outcome::Missing,
            Error::Late => Outcome::TimedOut,
            Error::TooMuch | Error::Busy => Outcome::Limit(self.to_string()),
            Error::Refused(refusal) => refused(refusal),
            Error::Io(_) | Error::Failed(_) => Outcome::Failed(self.to_string()),
        }
    }
}

/// How a refusal is told.
pub fn refused(refusal: &Refusal) -> Outcome {
    match refusal {
        Refusal::NotTrusted(_) => Outcome::NotTrusted,
        Refusal::Network => Outcome::Network,
        Refusal::Never => Outcome::Failed(refusal.to_string()),
    }
}

/// A program to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its name, and its arguments.
    pub argv: Vec<String>,
    /// Where it runs, absolute.
    pub cwd: PathBuf,
    /// All its variables.
    pub env: BTreeMap<String, String>,
    /// How long it may run.
    pub limit: Duration,
}

/// What a program left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// What it printed.
    pub stdout: Vec<u8>,
    /// The beginning of its complaints.
    pub stderr: Vec<u8>,
    /// Its exit status; 128 + n when signal n ended it.
    pub status: i32,
}

/// Whether a directory is below one that the user trusts.
pub type Trusts = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// Runs programs for one source, a few at a time of all sources and sessions.
#[derive(Clone)]
pub struct Runner {
    turns: Arc<Turns>,
    /// The turns of the session.
    own: Arc<Semaphore>,
    network: bool,
    trusts: Trusts,
    log: Arc<Mutex<Log>>,
}

/// What was run for a source so far, and what was not.
#[derive(Debug, Default)]
struct Log {
    runs: Vec<RunReport>,
    /// The first refusal.
    refused: Option<Refusal>,
}

/// Who runs and who waits, of all sessions.
#[derive(Debug)]
struct Turns {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Runner").field("log", &self.log).finish_non_exhaustive()
    }
}

impl Default for Runner {
    fn default() -> Runner {
        Runner {
            turns: Arc::new(Turns {
                slots: Arc::new(Semaphore::new(MAX_RUNNING)),
                waiting: AtomicUsize::new(0),
            }),
            own: Arc::new(Semaphore::new(MAX_RUNNING_EACH)),
            network: false,
            trusts: Arc::new(|_| false),
            log: Arc::default(),
        }
    }
}

impl Runner {
    /// A runner for another session, which shares the turns.
    pub fn for_session(&self) -> Runner {
        Runner { own: Arc::new(Semaphore::new(MAX_RUNNING_EACH)), ..self.for_source() }
    }

    /// A runner for a source, with a log of its own.
    pub fn for_source(&self) -> Runner {
        Runner { log: Arc::default(), ..self.clone() }
    }

    /// The same runner with what the user allows.
    pub fn allowing(self, network: bool, trusts: Trusts) -> Runner {
        Runner { network, trusts, ..self }
    }

    /// What was run for the source, and what was refused.
    pub fn log(&self) -> Vec<RunReport> {
        lock(&self.log).runs.clone()
    }

    /// Why something was not run for the source, if anything was not.
    pub fn refused(&self) -> Option<Refusal> {
        lock(&self.log).refused.clone()
    }

    /// What a program of our own choice prints in this session, when it succeeds. Dropping the future kills it.
    ///
    /// # Errors
    /// When it cannot be run, fails, takes too long, or prints too much.
    pub async fn run(&self, question: Question, session: Arc<Context>) -> Result<Vec<u8>, Error> {
        let mut env = session.env.clone();
        env.extend(question.env);
        let program = Program { argv: question.argv, cwd: question.cwd, env, limit: USUAL_TIME };
        let output = self.logged(program, |program| Ok(Admitted::Program(self.harmless(program)))).await?;
        match output.status {
            0 => Ok(output.stdout),
            status => Err(Error::Failed(status)),
        }
    }

    /// What a program that a spec asks for prints, whether it succeeds or not. Dropping the future kills it.
    ///
    /// # Errors
    /// When it may not or cannot be run, takes too long, or prints too much.
    pub async fn execute(&self, program: Program) -> Result<Output, Error> {
        self.logged(program, |program| self.admit(program)).await
    }

    /// Runs what is admitted of a program, and writes it down.
    async fn logged(
        &self,
        program: Program,
        admit: impl FnOnce(Program) -> Result<Admitted, Error>,
    ) -> Result<Output, Error> {
        let mut entry = Entry::begin(&self.log, &program)?;
        let result = match admit(program) {
            Ok(admitted) => self.attempt(admitted).await,
            Err(error) => Err(error),
        };
        entry.end(&result);
        result
    }

    async fn attempt(&self, admitted: Admitted) -> Result<Output, Error> {
        let limit = admitted.limit().min(MAX_TIME);
        let turn = self.turn().await?;
        let runner = self.clone();
        // Looking for it and entering its directory hang on a dead mount. Such a start keeps its slot, so that no more
        // than those few threads are lost.
        let start = spawn_blocking(move || {
            let program = match admitted {
                Admitted::Program(program) => program,
                Admitted::IfTrusted(program) => match native::printed(&program.argv, &program.cwd) {
                    Some(text) => return Ok(Started::Known(text)),
                    None => runner.admit_if_trusted(program)?,
                },
            };
            Group::start(command(&program)?, turn).map(|group| Started::Group(Box::new(group)))
        });
        let run = async {
            match start.await.map_err(io::Error::other)?? {
                Started::Group(group) => group.output().await,
                Started::Known(text) => Ok(Output { stdout: text.into_bytes(), ..Output::default() }),
            }
        };
        timeout(limit, run).await.map_err(|_| Error::Late)?
    }

    /// The program, if it may run where it would, or if it may when that is trusted: then somebody has to look.
    fn admit(&self, program: Program) -> Result<Admitted, Error> {
        if !program.cwd.is_absolute() {
            return Err(Error::Io(io::ErrorKind::NotFound.into()));
        }
        match self.judged(program.clone(), false) {
            Ok(program) => Ok(Admitted::Program(program)),
            Err(Refusal::NotTrusted(_)) => Ok(Admitted::IfTrusted(program)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The program, if the directory that it runs in is trusted, by its real path. Blocks on the file system.
    fn admit_if_trusted(&self, program: Program) -> Result<Program, Error> {
        let cwd = program.cwd.canonicalize()?;
        // What was trusted may have gone, and something else have come in its place.
        let offer = trust::look(&cwd).ok();
        let trusted = offer.is_some() && (self.trusts)(&cwd);
        let program = Program { cwd, ..program };
        let Refusal::NotTrusted(untrusted) = (match self.judged(program.clone(), trusted) {
            Ok(program) => return Ok(program),
            Err(refusal) => refusal,
        }) else {
            return Err(Error::Refused(Refusal::Never));
        };
        // What is not there would not run with all the trust of the world.
        find(&untrusted.program, &program).ok_or(Error::Missing)?;
        Err(Refusal::NotTrusted(Untrusted { offer, ..untrusted }).into())
    }

    fn judged(&self, program: Program, trusted: bool) -> Result<Program, Refusal> {
        let Program { argv, cwd, env, limit } = program;
        let allowed = Allowed { trusted, network: self.network };
        let trust::Program { argv, cwd, env } = trust::admit(trust::Program { argv, cwd, env }, allowed)?;
        Ok(Program { argv, cwd, env, limit })
    }

    /// A program of our own choice with what its directory could make it do switched off.
    fn harmless(&self, program: Program) -> Program {
        let Program { argv, cwd, env, limit } = program;
        let allowed = Allowed { trusted: false, network: self.network };
        let trust::Program { argv, cwd, env } = trust::harmless(trust::Program { argv, cwd, env }, allowed);
        Program { argv, cwd, env, limit }
    }

    /// Waits for a turn, the session's own first: while it has all that it may have, it does not stand in the way.
    async fn turn(&self) -> Result<Turn, Error> {
        let _place = Place::take(&self.turns)?;
        let own = Arc::clone(&self.own).acquire_owned().await.map_err(io::Error::other)?;
        let slot = Arc::clone(&self.turns.slots).acquire_owned().await.map_err(io::Error::other)?;
        Ok(Turn { _slot: slot, _own: own })
    }
}

/// A program that may run.
enum Admitted {
    /// Wherever it is.
    Program(Program),
    /// If the directory that it runs in is trusted.
    IfTrusted(Program),
}

/// A program that was begun.
enum Started {
    /// It runs.
    Group(Box<Group>),
    /// What it would print is known without it.
    Known(String),
}

impl Admitted {
    fn limit(&self) -> Duration {
        let (Admitted::Program(program) | Admitted::IfTrusted(program)) = self;
        program.limit
    }
}

/// The right to run a program.
struct Turn {
    _slot: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

/// A place in the queue; given up when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Place<'_> {
    fn take(turns: &Turns) -> Result<Place<'_>, Error> {
        let place = Place(&turns.waiting);
        match turns.waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING {
            true => Ok(place),
            false => Err(Error::Busy),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A line of the log; a run that nobody waits for any more stays in it without an end.
struct Entry<'a> {
    log: &'a Mutex<Log>,
    at: usize,
    begun: Instant,
}

impl<'a> Entry<'a> {
    fn begin(log: &'a Mutex<Log>, program: &Program) -> Result<Entry<'a>, Error> {
        let lines = &mut lock(log).runs;
        if lines.len() >= MAX_RUNS {
            return Err(Error::Busy);
        }
        let cwd = program.cwd.display().to_string();
        lines.push(RunReport {
            argv: program.argv.clone(),
            cwd,
            stopped: Some(Outcome::Pending),
            ..RunReport::default()
        });
        Ok(Entry { log, at: lines.len() - 1, begun: Instant::now() })
    }

    fn end(&mut self, result: &Result<Output, Error>) {
        let log = &mut *lock(self.log);
        if let Err(Error::Refused(refusal)) = result {
            log.refused.get_or_insert(refusal.clone());
        }
        let Some(line) = log.runs.get_mut(self.at) else { return };
        line.elapsed_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        line.status = result.as_ref().ok().map(|output| output.status);
        line.stopped = result.as_ref().err().map(Error::outcome);
    }
}

/// The program as it will be run.
fn command(program: &Program) -> Result<Command, Error> {
    let (name, arguments) = program.argv.split_first().ok_or(Error::Missing)?;
    let file = find(name, program).ok_or(Error::Missing)?;
    let mut command = Command::new(file);
    command.args(arguments).current_dir(&program.cwd).env_clear().envs(&program.env);
    for name in LOUD {
        command.env_remove(name);
    }
    command.envs(QUIET.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // SAFETY: `setsid` is async-signal-safe, and nothing else happens between fork and exec.
    unsafe { command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from)) };
    Ok(command)
}

/// The file that is run: a name is looked up in the session's `PATH`, a path is taken from the program's directory.
fn find(name: &str, program: &Program) -> Option<PathBuf> {
    match name.contains('/') {
        true => Some(program.cwd.join(name)).filter(|file| file.exists()),
        false => find_program(name, program.env.get("PATH").map_or("", String::as_str)),
    }
}

/// A program and the processes that it starts; killed when dropped.
struct Group {
    child: Child,
    leader: Option<Pid>,
    _turn: Turn,
}

impl Group {
    fn start(mut command: Command, turn: Turn) -> Result<Group, Error> {
        let child = command.spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Group { child, leader, _turn: turn })
    }

    async fn output(mut self) -> Result<Output, Error> {
        let mut output = Output::default();
        let status = self.collect(&mut output.stdout, &mut output.stderr).await?;
        output.status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Ok(output)
    }

    /// Reads what the program says, until it has ended.
    async fn collect(&mut self, stdout: &mut Vec<u8>, stderr: &mut Vec<u8>) -> Result<ExitStatus, Error> {
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        let reading = async {
            tokio::try_join!(read(out, stdout, MAX_OUTPUT, true), read(err, stderr, MAX_COMPLAINTS, false))
        };
        tokio::pin!(reading);
        tokio::select! {
            read = &mut reading => {
                read?;
                Ok(self.child.wait().await?)
            }
            status = self.child.wait() => {
                if let Ok(read) = timeout(GRACE, &mut reading).await {
                    read?;
                }
                Ok(status?)
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(leader) = self.leader else { return };
        // Also when the leader has ended: what it started may run on. Its number is not given to another process while
        // one of the group is left, and hardly so soon when none is.
        let _ = killpg(leader, Signal::SIGKILL);
    }
}

/// Reads to the end, of which the first `limit` bytes are kept. With `strict` more than that is an error.
async fn read<R: AsyncRead + Unpin>(
    source: Option<R>,
    into: &mut Vec<u8>,
    limit: usize,
    strict: bool,
) -> Result<(), Error> {
    let Some(mut source) = source else { return Ok(()) };
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = source.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if strict && into.len() + length > limit {
            return Err(Error::TooMuch);
        }
        let kept = length.min(limit - into.len());
        into.extend_from_slice(&buffer[..kept]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    /// How long a test waits for anything.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A directory with a program in it, which the user trusts.
    struct Place {
        dir: tempfile::TempDir,
        runner: Runner,
    }

    impl Place {
        fn new(script: &str) -> Place {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("it");
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
            Place { dir, runner: Runner::default().allowing(false, Arc::new(|_| true)) }
        }

        fn program(&self) -> Program {
            let env = [("PATH", "/usr/bin:/bin"), ("WORD", "hello"), ("PAGER", "less"), ("FORCE_COLOR", "1")];
            let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            Program {
                argv: vec!["./it".into()],
                cwd: self.dir.path().canonicalize().unwrap(),
                env,
                limit: PATIENCE,
            }
        }

        async fn run(&self) -> Result<Output, Error> {
            self.runner.execute(self.program()).await
        }

        /// What the program wrote into a file, once it is there.
        async fn written(&self, name: &str) -> String {
            let file = self.dir.path().join(name);
            until("the file is there", || file.exists()).await;
            fs::read_to_string(file).unwrap().trim().to_owned()
        }
    }

    async fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < end, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn is_gone(pid: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    }

    /// Writes its own number, then starts another program in the background and writes that one's.
    const PAIR: &str = "sleep 600 & echo $! > new; mv new background; echo $$ > new; mv new own";

    #[tokio::test]
    async fn it_runs_where_the_session_is_and_without_a_terminal() {
        let place =
            Place::new("pwd; echo $WORD $PAGER $FORCE_COLOR; cat; (: < /dev/tty) 2>/dev/null || echo none");
        let expected = format!("{}\nhello cat\nnone\n", place.program().cwd.display());
        assert_eq!(String::from_utf8(place.run().await.unwrap().stdout).unwrap(), expected);
    }

    #[tokio::test]
    async fn what_a_failing_program_says_counts() {
        let output = Place::new("echo out; echo err >&2; exit 3").run().await.unwrap();
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice(), output.status),
            (&b"out\n"[..], &b"err\n"[..], 3)
        );
        assert_eq!(Place::new("kill -9 $$").run().await.unwrap().status, 128 + 9);
        let noisy = Place::new("head -c 1000000 /dev/zero >&2; echo out").run().await.unwrap();
        assert_eq!((noisy.stdout.as_slice(), noisy.stderr.len()), (&b"out\n"[..], MAX_COMPLAINTS));
    }

    #[tokio::test]
    async fn failures_are_told_apart_and_written_down() {
        let place = Place::new("echo $$ > own; exec head -c 10000000 /dev/zero");
        assert!(matches!(place.run().await, Err(Error::TooMuch)));
        until("it is killed", || is_gone(fs::read_to_string(place.dir.path().join("own")).unwrap().trim()))
            .await;
        let missing = Program { argv: vec!["no-such-program".into()], ..place.program() };
        assert!(matches!(place.runner.execute(missing).await, Err(Error::Missing)));
        let nowhere = Program { cwd: "/nonexistent".into(), ..place.program() };
        assert!(place.runner.execute(nowhere).await.is_err());
        let relative = Program { cwd: "x".into(), ..place.program() };
        assert!(matches!(place.runner.execute(relative).await, Err(Error::Io(_))));
        assert!(matches!(
            place.runner.clone().allowing(false, Arc::new(|_| false)).execute(place.program()).await,
            Err(Error::Refused(_))
        ));
        let told: Vec<_> = place.runner.log().into_iter().map(|run| run.stopped).collect();
        assert!(
            matches!(
                &told[..],
                [
                    Some(Outcome::Limit(_)),
                    Some(Outcome::Missing),
                    _,
                    Some(Outcome::Failed(_)),
                    Some(Outcome::NotTrusted)
                ]
            ),
            "{told:?}"
        );
        assert!(matches!(place.runner.refused(), Some(Refusal::NotTrusted(_))));
        assert!(place.runner.for_source().log().is_empty(), "each source has a log of its own");
    }

    #[tokio::test]
    async fn time_that_is_up_ends_the_whole_group() {
        let place = Place::new(&format!("{PAIR}; wait"));
        let program = Program { limit: Duration::from_secs(1), ..place.program() };
        assert!(matches!(place.runner.execute(program).await, Err(Error::Late)));
        for name in ["own", "background"] {
            let pid = place.written(name).await;
            until("it is killed", || is_gone(&pid)).await;
        }
    }

    #[tokio::test]
    async fn nobody_waiting_means_the_whole_group_is_killed() {
        let place = Place::new(&format!("{PAIR}; wait"));
        let (runner, program) = (place.runner.clone(), place.program());
        let task = tokio::spawn(async move { runner.execute(program).await });
        let pids = [place.written("own").await, place.written("background").await];
        task.abort();
        for pid in pids {
            until("it is killed", || is_gone(&pid)).await;
        }
        assert_eq!(place.runner.log()[0].stopped, Some(Outcome::Pending), "it did not run to its end");
    }

    #[tokio::test]
    async fn what_a_program_leaves_behind_is_killed_and_not_waited_for() {
        let place = Place::new(&format!("{PAIR}; echo done"));
        let output = place.run().await.unwrap();
        assert_eq!((output.stdout.as_slice(), output.status), (&b"done\n"[..], 0));
        let pid = place.written("background").await;
        until("it is killed", || is_gone(&pid)).await;
    }

    #[tokio::test]
    async fn a_few_run_at_a_time_and_no_session_takes_all_turns() {
        let script = "echo $$ >> began; read word < go; echo $$ >> ended";
        let place = Place::new(script);
        let go = place.dir.path().join("go");
        nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let count = |name: &str| {
            fs::read_to_string(place.dir.path().join(name)).map_or(0, |text| text.lines().count())
        };
        let start = |runner: Runner| {
            let program = place.program();
            tokio::spawn(async move { runner.execute(program).await.map(drop) })
        };
        let greedy = place.runner.for_session();
        let tasks: Vec<_> = (0..20).map(|_| start(greedy.for_source())).collect();
        until("the greedy session has its share", || count("began") == MAX_RUNNING_EACH).await;
        let modest = start(place.runner.for_session());
        until("the other one has its turn", || count("began") == MAX_RUNNING_EACH + 1).await;
        assert_eq!(place.runner.turns.slots.available_permits(), MAX_RUNNING - MAX_RUNNING_EACH - 1);
        // Opened in both directions, a pipe does not wait for its other end.
        let mut pipe = fs::OpenOptions::new().read(true).write(true).open(&go).unwrap();
        until("all had their turn", || {
            // One word for each that may be waiting; those who come too late find the next one.
            std::io::Write::write_all(&mut pipe, b"w\n").unwrap();
            count("ended") == 21
        })
        .await;
        for task in tasks.into_iter().chain([modest]) {
            task.await.unwrap().unwrap();
        }
        assert_eq!(place.runner.turns.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn the_queue_and_the_runs_of_one_source_are_bounded() {
        let place = Place::new("true");
        let turns = place.runner.turns.slots.clone().acquire_many_owned(MAX_RUNNING as u32).await.unwrap();
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let (runner, program) = (place.runner.for_session(), place.program());
                tokio::spawn(async move { runner.execute(program).await })
            })
            .collect();
        until("all wait", || place.runner.turns.waiting.load(Ordering::Relaxed) == MAX_WAITING).await;
        assert!(matches!(place.runner.for_session().execute(place.program()).await, Err(Error::Busy)));
        waiting.iter().for_each(|task| task.abort());
        until("all have left", || place.runner.turns.waiting.load(Ordering::Relaxed) == 0).await;
        drop(turns);
        let source = place.runner.for_source();
        for _ in 0..MAX_RUNS {
            let missing = Program { argv: vec!["no-such-program".into()], ..place.program() };
            assert!(matches!(source.execute(missing).await, Err(Error::Missing)));
        }
        assert!(matches!(source.execute(place.program()).await, Err(Error::Busy)));
    }
}
