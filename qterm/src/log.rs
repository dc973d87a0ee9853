//! Where qterm writes down what went wrong: a file of the user's alone, opened at the first line, never the terminal.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    sync::{Mutex, OnceLock},
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// A log file is started anew when it is larger than this, in bytes.
const MAX_LOG: u64 = 4 << 20;

/// A file that is opened when the first line is written.
struct LazyFile {
    path: PathBuf,
    file: OnceLock<Option<Mutex<File>>>,
}

/// One line on its way.
struct Line<'a>(Option<&'a Mutex<File>>);

/// Sends log lines of `Q_LOG_LEVEL` and above to this file, and panics too.
pub fn start(path: PathBuf) {
    let level = std::env::var("Q_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let writer = LazyFile { path, file: OnceLock::new() };
    let log = tracing_subscriber::fmt().with_ansi(false).with_max_level(level.unwrap_or(LevelFilter::WARN));
    // Only the first call in a process has an effect; there is one.
    let _ = log.with_writer(writer).try_init();
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
}

impl LazyFile {
    fn open(&self) -> Option<Mutex<File>> {
        let dir = self.path.parent()?;
        DirBuilder::new().recursive(true).mode(0o700).create(dir).ok()?;
        let large = std::fs::metadata(&self.path).is_ok_and(|found| found.len() > MAX_LOG);
        let mut options = OpenOptions::new();
        options.create(true).mode(0o600).custom_flags(nix::libc::O_CLOEXEC | nix::libc::O_NOFOLLOW);
        if large {
            options.write(true).truncate(true)
        } else {
            options.append(true)
        };
        options.open(&self.path).ok().map(Mutex::new)
    }
}

impl<'a> MakeWriter<'a> for LazyFile {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self.file.get_or_init(|| self.open()).as_ref())
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(mut file) = self.0.and_then(|file| file.lock().ok()) else { return Ok(bytes.len()) };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
