//! `q integrations`: what of a user's own files Q takes part in, and how to get out again.
//!
//! Each integration knows how to install itself, to remove itself without a trace, and to say how it stands; what they
//! say is gathered here, printed, and turned into an exit status.

mod backup;
mod block;
mod dotfile;
mod rc_file;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use protocol::paths::Paths;
use serde::Serialize;

use crate::{
    Usage,
    output::{Format, visible},
    shell::ShellName,
};
use dotfile::Dotfiles;

/// What `q integrations` is asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Integrations {
    /// Make every new shell start with Q
    Install(Options),
    /// Leave the files as they were before
    Uninstall(Options),
    /// Uninstall, then install
    Reinstall(Options),
    /// Say how it stands; the exit status is 1 unless all is well
    Status(Options),
}

/// What it is to be done with.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which integrations [default: all]
    #[arg(value_name = "INTEGRATION")]
    which: Option<Which>,
    /// Whose dotfiles [default: those of each shell that is in use]
    shell: Option<ShellName>,
    /// Print nothing but errors
    #[arg(short, long)]
    silent: bool,
    /// How to print the result
    #[arg(short, long, value_name = "FORMAT", default_value = "plain")]
    format: Format,
}

/// The integrations that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The rc files of bash and zsh, the configuration folder of fish
    Dotfiles,
    /// All of them
    All,
}

/// Something of the user's that Q takes part in.
trait Integration {
    /// Adds it, or brings it up to date.
    fn install(&self) -> Vec<Report>;
    /// Removes it.
    fn uninstall(&self) -> Vec<Report>;
    /// Says how it stands, and changes nothing.
    fn status(&self) -> Vec<Report>;
}

/// How one file stands now, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Report {
    integration: &'static str,
    shell: &'static str,
    file: PathBuf,
    state: Standing,
    /// It was changed by this run.
    changed: bool,
    /// Where the file as it was before lies.
    backup: Option<PathBuf>,
    /// What is wrong, or could not be done, and what to do.
    message: Option<String>,
}

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    Installed,
    NotInstalled,
    Misplaced,
    Outdated,
    Ignored,
    Unreadable,
    ReadOnly,
    Failed,
}

impl Standing {
    fn words(self) -> &'static str {
        match self {
            Standing::Installed => "installed",
            Standing::NotInstalled => "not installed",
            Standing::Misplaced => "misplaced",
            Standing::Outdated => "of another version",
            Standing::Ignored => "left alone",
            Standing::Unreadable => "unreadable",
            Standing::ReadOnly => "read-only",
            Standing::Failed => "failed",
        }
    }
}

impl Integrations {
    /// Does it. True when everything is as asked, or for `status`, when all is well.
    pub(crate) fn run(&self) -> anyhow::Result<bool> {
        let options = self.options();
        if options.which == Some(Which::All) && options.shell.is_some() {
            return Err(Usage("a shell can only be named for dotfiles: `dotfiles zsh`".to_owned()).into());
        }
        let paths = Paths::here().context("there is no home directory; set HOME")?;
        let dotfiles: &dyn Integration = &Dotfiles::here(&paths, options.shell.map(Into::into))?;
        let (reports, wanted): (_, &[Standing]) = match self {
            Integrations::Install(_) => (dotfiles.install(), INSTALLED),
            Integrations::Uninstall(_) => (dotfiles.uninstall(), &[Standing::NotInstalled]),
            Integrations::Reinstall(_) => (reinstall(dotfiles), INSTALLED),
            Integrations::Status(_) => (dotfiles.status(), INSTALLED),
        };
        if reports.is_empty() && !matches!(self, Integrations::Uninstall(_)) {
            anyhow::bail!("none of bash, zsh and fish is in use here; name one, as in `dotfiles zsh`");
        }
        options.print(&reports)?;
        Ok(reports.iter().all(|report| wanted.contains(&report.state)))
    }

    fn options(&self) -> &Options {
        match self {
            Integrations::Install(options)
            | Integrations::Uninstall(options)
            | Integrations::Reinstall(options)
            | Integrations::Status(options) => options,
        }
    }
}

/// How files may stand when all is well.
const INSTALLED: &[Standing] = &[Standing::Installed, Standing::Ignored];

/// Takes it out and puts it in again; what could not be taken out is left alone.
fn reinstall(integration: &dyn Integration) -> Vec<Report> {
    let removed = integration.uninstall();
    if removed.iter().any(|report| report.state != Standing::NotInstalled) {
        return removed;
    }
    integration.install()
}

impl Options {
    fn print(&self, reports: &[Report]) -> anyhow::Result<()> {
        for report in reports {
            if let Some(message) = &report.message {
                eprintln!("error: {}: {message}", visible(&report.file.display().to_string()));
            }
        }
        if self.silent {
            return Ok(());
        }
        self.format.print(&reports, |reports| reports.iter().map(Report::line).collect())
    }
}

impl Report {
    fn line(&self) -> String {
        let file = visible(&self.file.display().to_string());
        let done = if self.changed { ", changed by this run" } else { "" };
        let backup =
            self.backup.as_ref().map(|copy| format!(" (before: {})", visible(&copy.display().to_string())));
        format!("{:<5} {file}: {}{done}{}\n", self.shell, self.state.words(), backup.unwrap_or_default())
    }
}
