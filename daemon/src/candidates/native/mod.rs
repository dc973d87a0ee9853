//! Generators that are answered without JavaScript: the hot ones, and those whose programs a repository could turn
//! against its reader.

use std::path::PathBuf;
use std::sync::Arc;

use protocol::Context;

use super::Draft;
use crate::run::Runner;
use crate::slow::Generated;

mod git;

pub use git::GitNames;

/// A program that answers a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables that it must have.
    pub env: &'static [(&'static str, &'static str)],
    /// Where to run it.
    pub cwd: PathBuf,
}

/// A source that is answered natively.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Native {
    /// Names out of a git repository.
    Git(GitNames),
}

/// The native source that stands for a generator, if there is one.
pub fn of(generated: &Generated) -> Option<Native> {
    git::git_names(generated).map(Native::Git)
}

/// The rows of a native source, in this session's directory and environment.
pub async fn rows(native: &Native, runner: &Runner, session: Arc<Context>) -> Vec<Draft> {
    let cwd = PathBuf::from(&session.cwd);
    if !cwd.is_absolute() {
        return Vec::new();
    }
    let Native::Git(what) = native;
    let output = runner.run(git::question(*what, &cwd), session).await;
    output.map(|output| git::drafts(*what, &output)).unwrap_or_else(|error| {
        tracing::debug!(%error, "a program for candidates");
        Vec::new()
    })
}
