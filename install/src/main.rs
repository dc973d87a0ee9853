//! `q`: what a person runs. The command line, each subcommand one call, errors printed once.

mod complete;
mod daemon;
mod engine;
mod init;
mod integrate;
mod output;
mod parse;
mod programs;
mod query;
mod quote;
mod replies;
mod shell;
mod specs;
mod trust;
mod why;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory, Parser, Subcommand};
use protocol::{Shell, paths::Paths};

use integrate::Integrations;
use query::Query;
use shell::ShellName;
use specs::Specs;

/// Exit status of bad usage; 1 is for what failed.
const BAD_USAGE: u8 = 2;

/// Completions in your terminal, as you type.
#[derive(Debug, Parser)]
#[command(name = "q", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the candidates for a command line
    Complete(Query),
    /// Print where the candidates for a command line come from, and what was run for them
    Why(Query),
    /// Look into completion specs, check and test your own
    #[command(subcommand)]
    Specs(Specs),
    /// Let programs that obey a folder's files run in it while you type
    Trust(trust::Trust),
    /// Add Q to your shells, or remove it without a trace
    #[command(subcommand)]
    Integrations(Integrations),
    /// Print the script for an rc file
    Init(init::Init),
    /// Print the completion script of `q` itself
    #[command(visible_alias = "completions")]
    Completion {
        /// Whose script
        shell: ShellName,
    },
    /// End the daemon; it is started again when it is needed
    Quit,
    /// Look inside
    #[command(subcommand)]
    Debug(Debug),
}

#[derive(Debug, Subcommand)]
enum Debug {
    /// Print what the engine understood of a command line
    Parse(Query),
}

/// The command line makes no sense in a way that only we can see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(String);

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<Usage>() { ExitCode::from(BAD_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// Does what is asked. False when it was done, but something is wrong that has been said already.
fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Complete(query) => complete::run(&query)?,
        Command::Why(query) => why::run(&query)?,
        Command::Specs(specs) => return specs.run(),
        Command::Trust(trust) => return trust.run(),
        Command::Debug(Debug::Parse(query)) => parse::run(&query)?,
        Command::Init(init) => init.run()?,
        Command::Integrations(integrations) => return integrations.run(),
        Command::Completion { shell } => completion(shell.into())?,
        Command::Quit => quit()?,
    }
    Ok(true)
}

fn completion(shell: Shell) -> anyhow::Result<()> {
    let generator = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut Arguments::command(), "q", &mut script);
    output::print(&script)
}

fn quit() -> anyhow::Result<()> {
    let paths = Paths::here().context("there is no home directory; set HOME")?;
    let ended = daemon::quit(&paths)?;
    output::print(if ended { b"qd has ended\n" } else { b"qd was not running\n" })
}
