//! `q init`: the scripts of `shell/`, with the path of qterm filled in.

use clap::ValueEnum;
use protocol::Shell;

use crate::{output, programs, quote, shell::ShellName};

/// Stands in the scripts for the path of qterm.
const QTERM: &str = "@QTERM@";

/// What `q init` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// Whose script
    shell: ShellName,
    /// Which of its parts: that for the top of the rc file, or that for its end [default: both]
    stage: Option<Stage>,
}

/// The two parts of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// For the top of the rc file: starts qterm around the shell
    Pre,
    /// For the end of the rc file: sets up what the shell reports
    Post,
}

impl Stage {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Stage::Pre => "pre",
            Stage::Post => "post",
        }
    }
}

impl Init {
    /// Prints the script.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let shell = self.shell.into();
        let qterm = quote::quote(&programs::beside("qterm")?, shell);
        let stages = self.stage.map_or(vec![Stage::Pre, Stage::Post], |stage| vec![stage]);
        let parts = stages.into_iter().map(|stage| quote::replace(script(shell, stage), QTERM, &qterm));
        output::print(&parts.collect::<Vec<_>>().concat())
    }
}

fn script(shell: Shell, stage: Stage) -> &'static str {
    match (shell, stage) {
        (Shell::Bash, Stage::Pre) => include_str!("../../shell/bash/pre.bash"),
        (Shell::Bash, Stage::Post) => include_str!("../../shell/bash/post.bash"),
        (Shell::Zsh, Stage::Pre) => include_str!("../../shell/zsh/pre.zsh"),
        (Shell::Zsh, Stage::Post) => include_str!("../../shell/zsh/post.zsh"),
        (Shell::Fish, Stage::Pre) => include_str!("../../shell/fish/pre.fish"),
        (Shell::Fish, Stage::Post) => include_str!("../../shell/fish/post.fish"),
    }
}
