//! Where the daemon's log goes: one file, for this user alone, of bounded size. Never what was typed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;

/// A log that is longer when the daemon starts is begun anew; the last one is kept as `.old`.
const MAX_LENGTH: u64 = 1 << 20;

/// Logs to a file from now on, and panics by their place alone: what they say may have a line in it.
pub(crate) fn start(file: &Path) -> io::Result<()> {
    let level = std::env::var("Q_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let log = open(file)?;
    tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(LevelFilter::WARN))
        .with_ansi(false)
        .with_writer(Mutex::new(log))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
    Ok(())
}

fn open(file: &Path) -> io::Result<File> {
    if let Some(dir) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    if fs::metadata(file).is_ok_and(|found| found.len() > MAX_LENGTH) {
        fs::rename(file, file.with_extension("log.old"))?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)
}
