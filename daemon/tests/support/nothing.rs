//! The world of an engine that is asked about nothing but specs; for tests and the benchmark.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use daemon::candidates::Draft;
use daemon::engine::{History, Usage, World};
use protocol::Context;

/// No files, no programs, no history, no usage.
pub(crate) struct Nothing;

impl World for Nothing {
    fn paths(&self, _: &Path, _: bool, _: bool) -> Vec<Draft> {
        Vec::new()
    }

    fn commands(&self, _: &Context) -> Vec<Draft> {
        Vec::new()
    }

    fn home(&self, _: &str) -> Option<PathBuf> {
        None
    }
}

impl History for Nothing {
    fn continuation(&self, _: &str, _: &Context) -> Option<String> {
        None
    }
}

impl Usage for Nothing {
    fn boosts(&self, _: &[String], _: &str) -> HashMap<String, f64> {
        HashMap::new()
    }
}
