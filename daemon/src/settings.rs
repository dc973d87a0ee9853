//! The settings that decide what is answered, and the file that they come from.
//!
//! Keys, defaults and ranges are those of [`protocol::settings`]. The file is looked at when a question comes, now and
//! then, on a thread of its own: a home that hangs must not keep an answer. A file that is broken is reported and leaves
//! the settings as they were; without a file all is as always.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use protocol::settings::{self as keys, Values};

use crate::lock::lock;

/// How often the file is looked at for changes, when questions come.
const CHECK_EVERY: Duration = Duration::from_millis(150);

/// How long a question waits for the look; mostly it takes a hundredth of it.
const PATIENCE: Duration = Duration::from_millis(20);

/// What a user set, or the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `autocomplete.fuzzySearch`: letters in order match, behind what begins with what is typed.
    pub fuzzy_search: bool,
    /// `autocomplete.firstTokenCompletion`: the menu opens on the first word of a command.
    pub first_token_completion: bool,
    /// `autocomplete.network`: generators that reach for the network may run.
    pub network: bool,
    /// `autocomplete.scriptTimeout`: how long a generator may run; milliseconds.
    pub script_timeout: u32,
    /// `autocomplete.sortMethod` is not `alphabetical`: what was accepted before ranks higher.
    pub sort_by_usage: bool,
    /// `autocomplete.usageHalfLife`: after so long, what was accepted counts half.
    pub usage_half_life: Duration,
    /// `autocomplete.disableForCommands`: nothing is offered behind these.
    pub disabled_for: Vec<String>,
    /// `autocomplete.preferVerboseSuggestions`: the longest name of a subcommand or option is inserted.
    pub prefer_verbose: bool,
    /// `autocomplete.insertSpaceAutomatically`: a space follows what is inserted, where one belongs.
    pub insert_space: bool,
    /// `autocomplete.alwaysSuggestCurrentToken`: the argument as it is typed is a row.
    pub suggest_current_token: bool,
    /// `autocomplete.history.disableLoading` is off: the shells' history files are read.
    pub load_history: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::of(&Values::default())
    }
}

impl Settings {
    /// What a file says.
    pub fn of(values: &Values) -> Settings {
        Settings {
            fuzzy_search: values.flag(&keys::FUZZY_SEARCH),
            first_token_completion: values.flag(&keys::FIRST_TOKEN_COMPLETION),
            network: values.flag(&keys::NETWORK),
            script_timeout: values.number(&keys::SCRIPT_TIMEOUT),
            sort_by_usage: values.choice(&keys::SORT_METHOD) != "alphabetical",
            usage_half_life: Duration::from_secs(24 * 60 * 60) * values.number(&keys::USAGE_HALF_LIFE),
            disabled_for: values.words(&keys::DISABLE_FOR_COMMANDS),
            prefer_verbose: values.flag(&keys::PREFER_VERBOSE),
            insert_space: values.flag(&keys::INSERT_SPACE),
            suggest_current_token: values.flag(&keys::SUGGEST_CURRENT_TOKEN),
            load_history: !values.flag(&keys::DISABLE_HISTORY),
        }
    }

    /// Whether nothing is offered behind a command, named as it is typed: `git`, `/usr/bin/git`.
    pub fn is_disabled_for(&self, command: &str) -> bool {
        let name = command.rsplit('/').next().unwrap_or(command);
        self.disabled_for.iter().any(|disabled| disabled == name)
    }
}

/// The settings of the user as they are now.
#[derive(Debug, Default)]
pub struct SettingsFile {
    /// `None`: the defaults, for ever.
    path: Option<PathBuf>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    settings: Arc<Settings>,
    error: Option<String>,
    /// Which file was read.
    stamp: Option<Stamp>,
    checked: Option<Instant>,
    /// A look is under way.
    looking: bool,
}

/// Which file it was, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    length: u64,
}

impl Stamp {
    fn new(found: &Metadata) -> Stamp {
        Stamp {
            inode: (found.dev(), found.ino()),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            length: found.len(),
        }
    }
}

impl SettingsFile {
    /// The settings in this file.
    pub fn new(path: PathBuf) -> SettingsFile {
        SettingsFile { path: Some(path), state: Arc::default() }
    }

    /// The settings as they were last seen. Never waits.
    pub fn last(&self) -> Arc<Settings> {
        Arc::clone(&lock(&self.state).settings)
    }

    /// What is wrong with the file, if anything, with its line and column.
    pub fn error(&self) -> Option<String> {
        lock(&self.state).error.clone()
    }

    /// The settings, after a look at the file when the last one is some time ago.
    pub fn current(&self) -> Arc<Settings> {
        self.look();
        self.last()
    }

    /// Looks at the file if it is time to, and waits a moment for it.
    pub fn look(&self) {
        self.look_for(PATIENCE);
    }

    /// Looks at the file if it is time to, and waits for it at most so long.
    pub fn look_for(&self, patience: Duration) {
        let Some(path) = self.path.clone().filter(|_| lock(&self.state).is_due()) else { return };
        let (tell, told) = sync_channel::<()>(1);
        let state = Arc::clone(&self.state);
        let look = move || {
            // Dropped at the end, whatever happens: then nobody waits any more.
            let _tell = tell;
            State::look(&state, &path);
        };
        if thread::Builder::new().name("settings".to_owned()).spawn(look).is_err() {
            lock(&self.state).looking = false;
            return;
        }
        // It ends by the other end being dropped, or by the time being up: nothing is ever sent.
        let _ = told.recv_timeout(patience);
    }
}

impl State {
    /// Whether somebody has to look; who is told so does.
    fn is_due(&mut self) -> bool {
        let due = !self.looking && self.checked.is_none_or(|checked| checked.elapsed() >= CHECK_EVERY);
        self.looking |= due;
        due
    }

    fn look(state: &Mutex<State>, path: &Path) {
        let before = lock(state).stamp;
        let seen = see(path, before);
        let mut state = lock(state);
        state.looking = false;
        state.checked = Some(Instant::now());
        match seen {
            Seen::Same => {}
            Seen::Nothing => *state = State { checked: state.checked, ..State::default() },
            Seen::New(stamp, read) => {
                state.stamp = stamp;
                state.take(read, path);
            }
        }
    }

    /// Takes over what was read; what is broken leaves the settings as they are.
    fn take(&mut self, read: Result<(Settings, Option<String>), String>, path: &Path) {
        let error = match read {
            Ok((settings, misfit)) => {
                self.settings = Arc::new(settings);
                misfit
            }
            Err(error) => Some(error),
        };
        let error = error.map(|error| format!("{}: {error}", path.display()));
        if let Some(error) = error.as_ref().filter(|error| self.error.as_ref() != Some(error)) {
            tracing::warn!(error, "the settings file");
        }
        self.error = error;
    }
}

/// What a look at the file shows.
enum Seen {
    /// The file that was read before.
    Same,
    /// There is none.
    Nothing,
    /// Another one, or one that cannot be read.
    New(Option<Stamp>, Result<(Settings, Option<String>), String>),
}

fn see(path: &Path, before: Option<Stamp>) -> Seen {
    match path.metadata() {
        Ok(found) if Some(Stamp::new(&found)) == before => return Seen::Same,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Seen::Nothing,
        _ => {}
    }
    match read(path) {
        Ok((stamp, text)) => Seen::New(Some(stamp), parse(&text)),
        Err(error) => Seen::New(None, Err(error.to_string())),
    }
}

fn parse(text: &str) -> Result<(Settings, Option<String>), String> {
    let (values, misfit) = Values::parse(text).map_err(|mistake| mistake.to_string())?;
    Ok((Settings::of(&values), misfit.map(|mistake| mistake.to_string())))
}

/// Reads a file that may be a link, but neither a pipe nor a disk.
fn read(path: &Path) -> io::Result<(Stamp, String)> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("not a file"));
    }
    Ok((Stamp::new(&found), read_text(file)?))
}

fn read_text(file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(keys::MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > keys::MAX_FILE {
        return Err(io::Error::other("longer than any settings"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// No test waits longer than this for anything.
    const LONG: Duration = Duration::from_secs(30);

    /// What a look that is due shows.
    fn look(file: &SettingsFile) -> Arc<Settings> {
        lock(&file.state).checked = None;
        file.look_for(LONG);
        assert!(!lock(&file.state).looking, "the look takes too long");
        file.last()
    }

    #[test]
    fn what_the_file_says_holds_until_it_says_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        let file = SettingsFile::new(path.clone());
        assert_eq!(*look(&file), Settings::default());
        fs::write(&path, r#"{"autocomplete.fuzzySearch": true, "autocomplete.usageHalfLife": 1}"#).unwrap();
        let settings = look(&file);
        assert!(settings.fuzzy_search && settings.sort_by_usage && settings.load_history);
        assert_eq!(settings.usage_half_life, Duration::from_secs(86_400));
        assert!(Arc::ptr_eq(&settings, &look(&file)), "the same file is not read again");
        fs::remove_file(&path).unwrap();
        assert_eq!((*look(&file)).clone(), Settings::default());
    }

    #[test]
    fn a_broken_file_is_reported_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        let file = SettingsFile::new(path.clone());
        let good = r#"{"autocomplete.network": true}"#;
        let long = format!("{}{}", good, " ".repeat(keys::MAX_FILE));
        let spoil_with = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let settings = look(&file);
            (settings.network, file.error().unwrap_or_default())
        };
        assert_eq!(spoil_with(good.as_bytes()), (true, String::new()));
        for (bytes, error) in [
            (&b"{\n  \"autocomplete.network\": false,\n}"[..], "settings.json: line 3, column 1: "),
            (b"\xff", "not UTF-8"),
            (long.as_bytes(), "longer than any settings"),
        ] {
            let (network, found) = spoil_with(bytes);
            assert!(network && found.contains(error), "{found}");
        }
        let (network, found) = spoil_with(b"{\"autocomplete.network\": 7}");
        assert!(!network && found.contains("line 1, column 2: `autocomplete.network` must be"), "{found}");
        assert_eq!(spoil_with(good.as_bytes()), (true, String::new()));
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(look(&file).network && file.error().is_some_and(|error| error.contains("not a file")));
    }

    #[test]
    fn a_look_that_hangs_keeps_nobody() {
        let file = SettingsFile::new(PathBuf::from("/nonexistent/settings.json"));
        lock(&file.state).looking = true;
        let begin = Instant::now();
        assert_eq!(*file.current(), Settings::default());
        assert!(begin.elapsed() < LONG && lock(&file.state).looking, "it is not looked a second time");
    }

    #[test]
    fn a_command_is_disabled_by_its_name_or_path() {
        let settings = Settings { disabled_for: vec!["git".into()], ..Settings::default() };
        for (command, disabled) in [("git", true), ("/usr/bin/git", true), ("gitk", false), ("", false)] {
            assert_eq!(settings.is_disabled_for(command), disabled, "{command}");
        }
    }
}
