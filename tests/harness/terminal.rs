//! A terminal: a PTY, a model of what it shows, and a program on it.
//!
//! One thread feeds what the program writes to the model and answers its questions as a terminal does, one writes keys,
//! one waits for the end. Whoever waits for a condition is woken by each change of the screen.

use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use portable_pty::{Child, CommandBuilder, MasterPty, native_pty_system};

use crate::{
    keys,
    model::{Model, Size},
    processes::{Activity, activity_of},
    screen::{Picture, Screen},
};

/// How long a condition may take to come true. Generous: a loaded machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(25);

/// Between two looks at processes that are to come to rest: enough for a process that was woken to get the processor.
const BETWEEN_LOOKS: Duration = Duration::from_millis(8);

/// Longer than any timer with which a program reacts to keys or to output.
const CALM: Duration = Duration::from_millis(120);

/// How much of a terminal's output is kept for [`Terminal::ever`]; a test that writes more has no use for it.
const MAX_RAW: usize = 64 << 20;

/// How much of the output a failure shows.
const SHOWN_RAW: usize = 1200;

/// How much of each log a failure shows.
const SHOWN_LOG: usize = 4000;

/// A program on a terminal.
pub struct Terminal {
    shared: Arc<Shared>,
    master: Box<dyn MasterPty + Send>,
    input: Sender<Vec<u8>>,
    pid: i32,
    home: PathBuf,
}

/// What the threads of a terminal share.
struct Shared {
    /// Writes that were sent and have not reached the PTY.
    unwritten: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
}

/// What is known of the terminal so far.
struct State {
    model: Model,
    raw: Vec<u8>,
    sizes: Vec<(usize, Size)>,
    status: Option<u32>,
    is_closed: bool,
}

/// How far a terminal and the processes around it are.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    written: usize,
    unwritten: usize,
    activity: Activity,
}

impl Look {
    /// Whether nobody has anything to do.
    fn is_at_rest(&self) -> bool {
        self.unwritten == 0 && self.activity.is_waiting
    }
}

impl Shared {
    /// Hands bytes to the thread that writes; whether it is there.
    fn send(&self, input: &Sender<Vec<u8>>, bytes: Vec<u8>) -> bool {
        self.unwritten.fetch_add(1, Ordering::SeqCst);
        input.send(bytes).is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Terminal {
    /// Starts `command` on a terminal of `size` for the user whose home directory is `home`.
    pub fn start(command: CommandBuilder, size: Size, home: PathBuf) -> Terminal {
        let pair = native_pty_system().openpty(size.on_pty()).expect("a PTY");
        let child = pair.slave.spawn_command(command).expect("a program on the PTY");
        drop(pair.slave);
        let state = State {
            model: Model::new(size),
            raw: Vec::new(),
            sizes: vec![(0, size)],
            status: None,
            is_closed: false,
        };
        let shared = Arc::new(Shared {
            unwritten: AtomicUsize::new(0),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let (input, keys) = channel();
        let pid = child.process_id().expect("a running program has a number") as i32;
        let reader = pair.master.try_clone_reader().expect("the PTY's output");
        let writer = pair.master.take_writer().expect("the PTY's input");
        spawn_reader(reader, shared.clone(), input.clone());
        spawn_waiter(child, shared.clone());
        let writing = shared.clone();
        thread::spawn(move || write_keys(writer, &keys, &writing));
        Terminal { shared, master: pair.master, input, pid, home }
    }

    /// Sends bytes as they are. Never blocks: they are written as fast as the program reads them.
    pub fn send(&self, bytes: &[u8]) {
        assert!(
            self.shared.send(&self.input, bytes.to_vec()),
            "keys for a program that has ended\n{}",
            self.report()
        );
    }

    /// Presses keys: text, and names like `<Tab>` or `<C-c>`.
    pub fn keys(&self, notation: &str) {
        let application = self.shared.lock().model.sends_application_keys();
        self.send(&keys::encode(notation, application));
    }

    /// What is shown now.
    pub fn screen(&self) -> Screen {
        self.shared.lock().model.screen()
    }

    /// The number of the program's process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// How many bytes the program has written; a place for [`Terminal::ever`] and [`Terminal::output_since`].
    pub fn mark(&self) -> usize {
        self.shared.lock().raw.len()
    }

    /// The bytes that were written since `mark`.
    pub fn output_since(&self, mark: usize) -> Vec<u8> {
        self.shared.lock().raw[mark..].to_vec()
    }

    /// Gives the terminal another size, the program's PTY included.
    pub fn resize(&self, size: Size) {
        let mut state = self.shared.lock();
        state.model.resize(size);
        let at = state.raw.len();
        state.sizes.push((at, size));
        drop(state);
        self.master.resize(size.on_pty()).expect("a PTY takes any size");
        self.shared.changed.notify_all();
    }

    /// Waits until the screen fulfils a condition, and gives back that screen. Panics with the screen when it does not.
    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: impl Fn(&Screen) -> bool) -> Screen {
        let fulfilled = |state: &State| Some(state.model.screen()).filter(&condition);
        match self.wait(fulfilled) {
            Ok(screen) => screen,
            Err(why) => panic!("{why} while waiting for: {what}\n{}", self.report()),
        }
    }

    /// Waits until the terminal looks exactly like `expected`. Panics with the differences when it does not.
    #[track_caller]
    pub fn wait_for_picture(&self, what: &str, expected: &Picture) {
        let equal = |state: &State| (state.model.screen().picture() == *expected).then_some(());
        if let Err(why) = self.wait(equal) {
            let differences = self.screen().picture().differences(expected);
            panic!("{why} while waiting for: {what}\n{differences}\n{}", self.report());
        }
    }

    /// Waits for the program to end; its exit status. One that ended by a signal has 128 and the signal's number or 1.
    #[track_caller]
    pub fn wait_for_exit(&self) -> u32 {
        let ended = |state: &State| state.status;
        match self.wait_even_closed(ended) {
            Some(status) => status,
            None => panic!("the program does not end\n{}", self.report()),
        }
    }

    /// Waits for the program to end and for all that it wrote; the last screen.
    #[track_caller]
    pub fn wait_for_close(&self) -> Screen {
        self.wait_for_exit();
        let closed = |state: &State| state.is_closed.then(|| state.model.screen());
        self.wait_even_closed(closed)
            .unwrap_or_else(|| panic!("something keeps the PTY open\n{}", self.report()))
    }

    /// Waits until every process of this home waits for something, has done nothing for `CALM`, and all keys have been
    /// read: whatever was sent has had its effect.
    #[track_caller]
    pub fn settle(&self) -> Screen {
        let end = Instant::now() + PATIENCE;
        let mut last = self.look();
        let mut since = Instant::now();
        while since.elapsed() < CALM || !last.is_at_rest() {
            assert!(Instant::now() < end, "the programs do not come to rest: {last:?}\n{}", self.report());
            thread::sleep(BETWEEN_LOOKS);
            let now = self.look();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        self.screen()
    }

    /// How far everything is.
    fn look(&self) -> Look {
        let unwritten = self.shared.unwritten.load(Ordering::SeqCst);
        Look { written: self.mark(), unwritten, activity: activity_of(&self.home) }
    }

    /// The first screen since `mark`, looked at after each byte, that fulfilled a condition: nothing is too short to be
    /// seen.
    pub fn ever(&self, mark: usize, condition: impl Fn(&Screen) -> bool) -> Option<Screen> {
        let (raw, sizes) = {
            let state = self.shared.lock();
            (state.raw.clone(), state.sizes.clone())
        };
        let mut model = Model::new(sizes[0].1);
        let mut sizes = sizes.into_iter().peekable();
        for (at, byte) in raw.iter().enumerate() {
            while let Some((_, size)) = sizes.next_if(|(from, _)| *from <= at) {
                model.resize(size);
            }
            model.feed(&[*byte]);
            if at < mark {
                continue;
            }
            let screen = model.screen();
            if condition(&screen) {
                return Some(screen);
            }
        }
        None
    }

    /// The screen, the last output and the logs, for a person to read.
    pub fn report(&self) -> String {
        let (raw, status) = {
            let state = self.shared.lock();
            (state.raw[state.raw.len().saturating_sub(SHOWN_RAW)..].to_vec(), state.status)
        };
        let screen = self.screen().dump();
        format!("{screen}status: {status:?}\nlast output: {}\n{}", raw.escape_ascii(), self.read_logs())
    }

    /// The ends of the log files of Q.
    fn read_logs(&self) -> String {
        let entries = fs::read_dir(self.home.join(".local/state/q/log")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_file()).map(|path| tail(&path)).collect()
    }

    /// Waits until `found` gives something; an error when the program is gone or time is up.
    fn wait<T>(&self, found: impl Fn(&State) -> Option<T>) -> Result<T, &'static str> {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        loop {
            if let Some(value) = found(&state) {
                return Ok(value);
            }
            if state.is_closed {
                return Err("the program ended");
            }
            let Some(left) = end.checked_duration_since(Instant::now()) else { return Err("time is up") };
            state =
                self.shared.changed.wait_timeout(state, left).unwrap_or_else(|error| error.into_inner()).0;
        }
    }

    /// Waits until `found` gives something, also after the program ended.
    fn wait_even_closed<T>(&self, found: impl Fn(&State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        loop {
            if let Some(value) = found(&state) {
                return Some(value);
            }
            let left = end.checked_duration_since(Instant::now())?;
            state =
                self.shared.changed.wait_timeout(state, left).unwrap_or_else(|error| error.into_inner()).0;
        }
    }
}

impl Drop for Terminal {
    /// Ends the program before the PTY closes: closing its writer types a newline, which would run what is typed.
    fn drop(&mut self) {
        if self.shared.lock().status.is_none() {
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL); // It may end by itself just now.
        }
        let _ = self.wait_even_closed(|state| state.status);
    }
}

/// Reads what the program writes until the PTY closes.
fn spawn_reader(mut reader: Box<dyn Read + Send>, shared: Arc<Shared>, input: Sender<Vec<u8>>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            let answers = take_output(&shared, &buffer[..count]);
            if !answers.is_empty() && !shared.send(&input, answers) {
                break;
            }
        }
        drop(input);
        shared.lock().is_closed = true;
        shared.changed.notify_all();
    });
}

/// Feeds output to the model; what the terminal answers to it.
fn take_output(shared: &Shared, output: &[u8]) -> Vec<u8> {
    let mut state = shared.lock();
    let answers = state.model.feed(output);
    if state.raw.len() + output.len() <= MAX_RAW {
        state.raw.extend_from_slice(output);
    }
    drop(state);
    shared.changed.notify_all();
    answers
}

/// Waits for the program to end.
fn spawn_waiter(mut child: Box<dyn Child + Send + Sync>, shared: Arc<Shared>) {
    thread::spawn(move || {
        let status = child.wait().map_or(u32::MAX, |status| status.exit_code());
        shared.lock().status = Some(status);
        shared.changed.notify_all();
    });
}

/// Writes keys to the PTY until the terminal is dropped.
fn write_keys(mut writer: Box<dyn Write + Send>, keys: &Receiver<Vec<u8>>, shared: &Shared) {
    for bytes in keys {
        if writer.write_all(&bytes).is_err() {
            return;
        }
        shared.unwritten.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The end of a log file, under its name.
fn tail(path: &std::path::Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let end = String::from_utf8_lossy(&text[text.len().saturating_sub(SHOWN_LOG)..]).into_owned();
    format!("--- {}\n{end}\n", path.display())
}
