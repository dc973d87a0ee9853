//! `q specs`: which specs there are, what one says, whether one is well formed, and whether it does what it says.

mod check;
mod list;
mod show;
mod test;

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;
use protocol::{FromDaemon, ShowSpec, SpecTree, ToDaemon};

use crate::{
    engine::{Engine, unexpected},
    output::Format,
    query::folder,
};

/// How long specs that are still being compiled are waited for.
const WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
pub(crate) enum Specs {
    /// List the commands that are described, and where
    List(list::List),
    /// Print what a spec says of a command
    Show(show::Show),
    /// Check spec files, and say line by line what is wrong
    Check(check::Check),
    /// Try whether a spec offers what it describes
    Test(test::Test),
}

/// What all of them can be told.
#[derive(Debug, clap::Args)]
struct Common {
    /// A folder of specs that comes before all others
    #[arg(long, value_name = "DIR")]
    spec_dir: Option<PathBuf>,
    /// Run the engine here instead of asking the daemon
    #[arg(long)]
    no_daemon: bool,
    /// How to print the result
    #[arg(short, long, value_name = "FORMAT", default_value = "plain", hide_default_value = true)]
    format: Format,
}

impl Specs {
    /// Does what is asked. False when a spec is not as it should be, which has been said.
    pub(crate) fn run(&self) -> anyhow::Result<bool> {
        match self {
            Specs::List(list) => list.run(),
            Specs::Show(show) => show.run(),
            Specs::Check(check) => check.run(),
            Specs::Test(test) => test.run(),
        }
    }
}

impl Common {
    fn engine(&self) -> anyhow::Result<Engine> {
        Engine::open(self.no_daemon)
    }

    /// The folder that is named, as the engine wants it.
    fn spec_dir(&self) -> anyhow::Result<String> {
        let named = self.spec_dir.as_deref().map(|dir| folder("--spec-dir", dir));
        Ok(named.transpose()?.unwrap_or_default())
    }
}

/// What a spec says of a command, so many levels deep.
fn tree(engine: &mut Engine, spec_dir: String, command: &[String], depth: u32) -> anyhow::Result<SpecTree> {
    let wait = WAIT.as_millis() as u32;
    let question = ShowSpec { spec_dir, wait, command: command.to_vec(), depth };
    match engine.ask(&ToDaemon::ShowSpec(question), WAIT) {
        Ok(FromDaemon::SpecTree(tree)) => Ok(*tree),
        Ok(_) => Err(unexpected()),
        // Without an archive that is why there is no such spec.
        Err(error) => engine.demand_specs().and(Err(error)),
    }
}
