//! What the daemon and its script worker say to each other, in the frames of `protocol`.
//!
//! The daemon asks, the worker tells. Both sides are of the same build, and each distrusts the other: a frame that
//! cannot be read ends the worker.

use serde::{Deserialize, Serialize};
use specs::compile::{Checked, Problem};
use specs::model::{LoadSpec, Subcommand};

use super::{Execute, Executed, Limit};

/// From the daemon to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Call a function.
    Call(Call),
    /// The source of a module, as asked for; `None` when there is none.
    Source {
        /// The module.
        module: Module,
        /// Its JavaScript.
        source: Option<String>,
    },
    /// How a program of a call ended.
    Ran {
        /// The call.
        call: u64,
        /// The program, as [`Tell::Run`] numbered it.
        program: u32,
        /// What it said, or why it did not run.
        outcome: Result<Executed, String>,
    },
    /// Nobody waits for this call any more.
    Cancel(u64),
}

/// A module with one source: when that changes, it is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Module {
    /// Its name.
    pub(super) name: String,
    /// How often its source has changed.
    pub(super) version: u64,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Call {
    /// Its number, never used before.
    pub(super) id: u64,
    /// The module of the function.
    pub(super) module: Module,
    /// What is wanted.
    pub(super) want: Want,
}

/// What a call wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Want {
    /// What a function returns.
    Function {
        /// The path of the function.
        path: Vec<String>,
        /// The arguments.
        arguments: Vec<Argument>,
        /// What the answer is read as.
        read: Read,
    },
    /// The default export as a spec, and what is wrong with it.
    Spec,
}

/// What the answer of a function is read as. Objects with functions are kept under a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Read {
    /// JSON.
    Json,
    /// A tree, kept under this number.
    Tree(u64),
    /// A tree or the place of one, kept under this number.
    Load(u64),
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Argument {
    /// A value as JSON text.
    Json(String),
    /// The function that runs programs.
    ExecuteCommand,
}

/// From the worker to the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Tell {
    /// The worker needs the source of this module.
    Need(Module),
    /// The worker works on this call now. If it dies next, this call was the reason.
    Enter(u64),
    /// A call that was cancelled is over.
    Cancelled(u64),
    /// A call wants to run a program.
    Run {
        /// The call.
        call: u64,
        /// Which of the call's programs it is.
        program: u32,
        /// The program.
        what: Execute,
    },
    /// A call has ended.
    Done {
        /// The call.
        call: u64,
        /// How.
        answer: Answer,
    },
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// A value as JSON text.
    Json(String),
    /// A tree.
    Tree {
        /// The tree.
        tree: Option<Box<Subcommand>>,
        /// There are functions in it, so that it was kept.
        kept: bool,
    },
    /// Where a tree is.
    Load {
        /// Where.
        load: Option<LoadSpec>,
        /// There are functions in it, so that it was kept.
        kept: bool,
    },
    /// The default export.
    Spec(Box<Checked>),
    /// Nothing came of it.
    Failed(Failure),
}

/// Why nothing came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Failure {
    /// There is no such module or function.
    Missing,
    /// It threw, or its promise was rejected.
    Threw(String),
    /// Its module does not evaluate.
    Broken(Problem),
    /// It went beyond a limit.
    Limit(Limit),
    /// It had to end because of another call, and may be tried again.
    Lost,
    /// The worker ended while it was at it. No worker says so itself.
    Crashed,
}
