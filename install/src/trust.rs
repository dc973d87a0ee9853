//! `q trust`: the folders whose files may decide what runs while one types. The daemon keeps them; it is asked.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use protocol::{FromDaemon, ToDaemon, TrustAnswer, TrustFolder, TrustedFolder};
use serde::Serialize;

use crate::{
    engine::{Engine, unexpected},
    output::{Format, visible},
};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets programs that obey a folder's files run in it and below while you type: make, npm, cargo, rake and the like.
/// Without it they are only completed as far as their files can be read.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Trust {
    /// The folder [default: this one]
    #[arg(value_name = "DIR", conflicts_with = "list")]
    folder: Option<PathBuf>,
    /// Print the folders that are trusted
    #[arg(long, conflicts_with = "revoke")]
    list: bool,
    /// Trust the folder no longer
    #[arg(long)]
    revoke: bool,
    /// Trust it although others can change what is in it
    #[arg(long, conflicts_with_all = ["list", "revoke"])]
    anyway: bool,
    /// How to print the result
    #[arg(short, long, value_name = "FORMAT", default_value = "plain", hide_default_value = true)]
    format: Format,
}

/// What came of it, as it is printed.
#[derive(Debug, Serialize)]
struct Outcome {
    folder: String,
    trusted: bool,
    /// The folder above it, or it itself, that is trusted.
    by: Option<String>,
    changed: bool,
    concerns: Vec<String>,
}

impl Trust {
    /// Does what is asked. False when the folder is not trusted now but should be, or the other way round; standard
    /// error says why.
    pub(crate) fn run(&self) -> anyhow::Result<bool> {
        if self.list {
            return self.print_list().map(|()| true);
        }
        let outcome = self.change()?;
        self.format.print(&outcome, Outcome::line)?;
        let done = outcome.trusted != self.revoke;
        if !done {
            eprintln!("error: {}", self.complaint(&outcome));
        }
        Ok(done)
    }

    fn print_list(&self) -> anyhow::Result<()> {
        let FromDaemon::TrustedFolders(folders) = ask(&ToDaemon::TrustedFolders)? else {
            return Err(unexpected());
        };
        self.format.print(&folders, |folders| lines(folders))
    }

    fn change(&self) -> anyhow::Result<Outcome> {
        let named = self.folder.clone().unwrap_or_else(|| PathBuf::from("."));
        let folder = std::path::absolute(&named).with_context(|| named.display().to_string())?;
        // `/r/.` and `/r/..` are not what people mean to see; links are followed by the daemon.
        let folder = folder.canonicalize().unwrap_or(folder);
        let folder = folder.into_os_string().into_string();
        let folder = folder.map_err(|folder| anyhow::anyhow!("{} is not UTF-8", folder.display()))?;
        let wanted = TrustFolder { folder, revoke: self.revoke, anyway: self.anyway };
        match ask(&ToDaemon::Trust(wanted))? {
            FromDaemon::Trust(answer) => Ok(Outcome::new(answer)),
            _ => Err(unexpected()),
        }
    }

    /// Why it is not as it should be.
    fn complaint(&self, outcome: &Outcome) -> String {
        let folder = visible(&outcome.folder);
        if self.revoke {
            let by = visible(outcome.by.as_deref().unwrap_or_default());
            return format!("{folder} is still trusted, because {by} is; revoke that");
        }
        let concerns: Vec<String> = outcome.concerns.iter().map(|concern| visible(concern)).collect();
        let concerns = concerns.join(", and ");
        format!("{folder} is not trusted, because {concerns}; to trust it all the same, use --anyway")
    }
}

fn ask(question: &ToDaemon) -> anyhow::Result<FromDaemon> {
    Engine::open(false)?.ask(question, PATIENCE)
}

impl Outcome {
    fn new(answer: TrustAnswer) -> Outcome {
        let TrustAnswer { folder, by, changed, concerns } = answer;
        Outcome { folder, trusted: by.is_some(), by, changed, concerns }
    }

    fn line(&self) -> String {
        let folder = visible(&self.folder);
        match &self.by {
            Some(by) if *by != self.folder => format!("{folder} is trusted, because {} is\n", visible(by)),
            Some(_) if self.changed => format!("{folder} is trusted now, and all below it\n"),
            Some(_) => format!("{folder} is trusted\n"),
            None if self.changed => format!("{folder} is not trusted any more\n"),
            None => format!("{folder} is not trusted\n"),
        }
    }
}

/// A line for each folder.
fn lines(folders: &[TrustedFolder]) -> String {
    folders.iter().map(|folder| format!("{}\n", visible(&folder.folder))).collect()
}
