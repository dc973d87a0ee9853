//! Runs a program where a session is: in its directory, with its variables, without a terminal, and not for long.
//!
//! Argument vectors only, never a shell. A program leads a process group of its own, all of which is killed when time
//! is up or nobody waits for the answer any more.

use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use protocol::Context;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::candidates::command::find_program;
use crate::candidates::native::Question;

/// Most bytes that are read of what a program prints; one that prints more has been misunderstood.
const MAX_OUTPUT: u64 = 4 << 20;

/// Most programs that run at a time, so that many terminals do not load the machine.
const MAX_RUNNING: usize = 4;

/// How long a program may run: the reference's limit for a generator.
const MAX_TIME: Duration = Duration::from_secs(5);

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
    #[error("it did not end within {MAX_TIME:?}")]
    Late,
    /// It printed too much and was killed.
    #[error("it printed more than {MAX_OUTPUT} bytes")]
    TooMuch,
    /// It failed.
    #[error("it failed: {0}")]
    Failed(std::process::ExitStatus),
}

/// Runs programs, a few at a time.
#[derive(Debug)]
pub struct Runner {
    slots: Arc<Semaphore>,
}

impl Default for Runner {
    fn default() -> Runner {
        Runner { slots: Arc::new(Semaphore::new(MAX_RUNNING)) }
    }
}

impl Runner {
    /// What a program prints in this session, when it succeeds. Dropping the future kills it.
    ///
    /// # Errors
    /// When it cannot be run, fails, takes too long, or prints too much.
    pub async fn run(&self, question: Question, session: Arc<Context>) -> Result<Vec<u8>, Error> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
        // Looking for it and entering its directory hang on a dead mount. Such a start keeps its slot, so that no more
        // than those few threads are lost.
        let start = spawn_blocking(move || Group::start(command(&question, &session.env)?, slot));
        let run = async { start.await.map_err(io::Error::other)??.output().await };
        timeout(MAX_TIME, run).await.map_err(|_| Error::Late)?
    }
}

/// The program as it will be run.
fn command(question: &Question, env: &BTreeMap<String, String>) -> Result<Command, Error> {
    let (name, arguments) = question.argv.split_first().ok_or(Error::Missing)?;
    let path = env.get("PATH").map_or("", String::as_str);
    let program = find_program(name, path).ok_or(Error::Missing)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&question.cwd)
        .env_clear()
        .envs(env)
        .envs(question.env.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    // SAFETY: `setsid` is async-signal-safe, and nothing else happens between fork and exec.
    unsafe { command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from)) };
    Ok(command)
}

/// A program and the processes that it starts; killed when dropped.
struct Group {
    child: Child,
    /// Until the program was waited for: afterwards the number may be another's.
    leader: Option<Pid>,
    _slot: OwnedSemaphorePermit,
}

impl Group {
    fn start(mut command: Command, slot: OwnedSemaphorePermit) -> Result<Group, Error> {
        let child = command.spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Group { child, leader, _slot: slot })
    }

    async fn output(mut self) -> Result<Vec<u8>, Error> {
        let mut output = Vec::new();
        if let Some(stdout) = self.child.stdout.take() {
            stdout.take(MAX_OUTPUT + 1).read_to_end(&mut output).await?;
        }
        if output.len() as u64 > MAX_OUTPUT {
            return Err(Error::TooMuch);
        }
        let status = self.child.wait().await?;
        self.leader = None;
        if status.success() { Ok(output) } else { Err(Error::Failed(status)) }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(leader) = self.leader else { return };
        // It may have ended by itself in this moment.
        let _ = killpg(leader, Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::Instant;

    fn session() -> Arc<Context> {
        let env = [("PATH", "/usr/bin:/bin"), ("WORD", "hello")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Arc::new(Context { env, ..Context::default() })
    }

    async fn sh(script: &str, cwd: &Path) -> Result<String, Error> {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let question = Question { argv, env: &[("LC_ALL", "C")], cwd: cwd.to_owned() };
        let output = Runner::default().run(question, session()).await?;
        Ok(String::from_utf8(output).unwrap())
    }

    /// Waits until a process is gone.
    async fn gone(pid: i32) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    #[tokio::test]
    async fn it_runs_where_the_session_is_and_without_a_terminal() {
        let dir = tempfile::tempdir().unwrap();
        let here = dir.path().canonicalize().unwrap();
        let script = "pwd; echo $WORD $LC_ALL $HOME; cat; (: < /dev/tty) 2>/dev/null || echo none";
        let expected = format!("{}\nhello C\nnone\n", here.display());
        assert_eq!(sh(script, &here).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn failures_are_told_apart() {
        let root = Path::new("/");
        assert!(matches!(sh("exit 3", root).await, Err(Error::Failed(_))));
        assert!(matches!(sh("yes", root).await, Err(Error::TooMuch)));
        assert!(matches!(sh("true", Path::new("/nonexistent")).await, Err(Error::Io(_))));
        let question = Question { argv: vec!["no-such-program".into()], env: &[], cwd: root.to_owned() };
        assert!(matches!(Runner::default().run(question, session()).await, Err(Error::Missing)));
    }

    #[tokio::test]
    async fn nobody_waiting_means_the_whole_group_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let cwd = dir.path().to_owned();
        let task =
            tokio::spawn(
                async move { sh("sleep 600 & echo $! > pid.new; mv pid.new pid; wait", &cwd).await },
            );
        let end = Instant::now() + Duration::from_secs(10);
        while !file.exists() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        task.abort();
        assert!(gone(pid).await, "the background process of the program is still there");
    }
}
