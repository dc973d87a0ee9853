//! Functions of specs, run by QuickJS in a restartable child process.
//!
//! A call goes in, a JSON value comes out, or a reason why not. A function that loops, eats memory, crashes its process
//! or answers too much costs its caller that one answer and nobody else anything.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use specs::model::{FnRef, LoadSpec, Spec, Subcommand};

/// Where the JavaScript of modules comes from.
pub trait Modules: Send + Sync {
    /// The source of a module such as `git` or `aws/s3`, if it has functions.
    fn source(&self, module: &str) -> Option<String>;
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// A value.
    Json(Value),
    /// The function with which a spec runs programs; each use of it asks the caller's [`Host`].
    ExecuteCommand,
}

/// A program that a function wants to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execute {
    /// The program's name.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where, if not in the session's directory.
    pub cwd: Option<String>,
    /// Variables to set.
    pub env: BTreeMap<String, String>,
    /// How long it may take; milliseconds.
    pub timeout: Option<u32>,
}

/// What a program said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Its output, cleaned as the format wants it.
    pub stdout: String,
    /// Its complaints.
    pub stderr: String,
    /// Its exit status; 128 + n when signal n killed it.
    pub status: i32,
}

/// A future of a host.
pub type Executing<'h> = Pin<Box<dyn Future<Output = Result<Executed, String>> + Send + 'h>>;

/// Runs programs for functions, or refuses.
pub trait Host: Send + Sync {
    /// Runs a program. An error rejects the function's promise.
    fn execute(&self, command: Execute) -> Executing<'_>;
}

/// Why a function gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such module or function.
    #[error("there is no such function")]
    Missing,
    /// It threw, or a promise of it was rejected.
    #[error("it failed: {0}")]
    Threw(String),
    /// It used too much time, memory or stack, or answered too much.
    #[error("it went beyond a limit: {0}")]
    Limit(&'static str),
    /// It failed too often and is not called any more.
    #[error("it failed too often")]
    Barred,
    /// The worker process ended or could not be started.
    #[error("the script worker is gone")]
    Gone,
}

/// A call.
pub struct Request {
    /// The function.
    pub function: FnRef,
    /// What it is given.
    pub arguments: Vec<Argument>,
    /// Runs its programs.
    pub host: Arc<dyn Host>,
    /// How long it may take in all, programs included.
    pub limit: Duration,
}

/// The functions of all modules.
pub struct Scripts {
    _worker: PathBuf,
    _modules: Arc<dyn Modules>,
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Scripts").finish_non_exhaustive()
    }
}

impl Scripts {
    /// Functions of these modules, run by this program; it is started when it is first needed.
    pub fn new(worker: PathBuf, modules: Arc<dyn Modules>) -> Scripts {
        Scripts { _worker: worker, _modules: modules }
    }

    /// What a function returns, awaited if it is a promise; `Null` for `undefined`.
    ///
    /// # Errors
    /// When it gives no answer within its limits.
    pub async fn call(&self, _request: Request) -> Result<Value, Error> {
        Err(Error::Gone)
    }

    /// The tree that a `generateSpec` function returns. Functions in it can be called like any other while the worker
    /// lives.
    ///
    /// # Errors
    /// When it gives no answer within its limits.
    pub async fn tree(&self, _request: Request) -> Result<Option<Subcommand>, Error> {
        Err(Error::Gone)
    }

    /// Where a `loadSpec` function says that a tree is.
    ///
    /// # Errors
    /// When it gives no answer within its limits.
    pub async fn load(&self, _request: Request) -> Result<Option<LoadSpec>, Error> {
        Err(Error::Gone)
    }

    /// A spec of the user's own, in JavaScript or JSON; its functions belong to the module `name` from now on.
    ///
    /// # Errors
    /// When it does not evaluate.
    pub async fn compile(&self, _name: &str, _source: &str) -> Result<Spec, Error> {
        Err(Error::Gone)
    }
}
