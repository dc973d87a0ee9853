//! What one question costs: the hundred commonest commands, each with lines along its spec, and how the cost grows with
//! the size of a spec. Prints tables; never passes or fails on a time.
//!
//! In-process: the engine over the archive with the cache of the daemon, in a world without files, so that nothing but
//! the pipeline is measured, in time of the processor, so that a busy machine does not matter. Cold is the first
//! question after the archive was opened, which unpacks and decodes the spec; cold below, the first one behind the
//! subcommand whose module is the largest. Through the socket: the built `qd`, one client, one question at a time, as
//! the clock on the wall has it.

#[path = "../tests/support/nothing.rs"]
mod nothing;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use daemon::engine::{Engine, Question};
use daemon::settings::Settings;
use daemon::slow::NothingYet;
use daemon::spec_cache::SpecCache;
use nix::time::{ClockId, clock_gettime};
use protocol::frame::{self, Decoder};
use protocol::{Context, FromDaemon, Request, ToDaemon};
use specs::archive::Archive;
use specs::model::{Arg, LoadSpec, Opt, Subcommand};

use nothing::Nothing;

/// What people type most, of what the corpus describes; in the order of the table.
const COMMANDS: [&str; 100] = [
    "git",
    "cd",
    "ls",
    "cat",
    "docker",
    "npm",
    "kubectl",
    "ssh",
    "cargo",
    "make",
    "vim",
    "rm",
    "cp",
    "mv",
    "mkdir",
    "grep",
    "find",
    "curl",
    "sudo",
    "python3",
    "pip",
    "node",
    "yarn",
    "pnpm",
    "npx",
    "brew",
    "apt",
    "systemctl",
    "tar",
    "chmod",
    "chown",
    "ps",
    "kill",
    "ping",
    "wget",
    "scp",
    "rsync",
    "tmux",
    "nano",
    "nvim",
    "code",
    "go",
    "rustup",
    "terraform",
    "aws",
    "gcloud",
    "az",
    "helm",
    "gh",
    "docker-compose",
    "psql",
    "mysql",
    "jq",
    "sed",
    "cut",
    "head",
    "tail",
    "less",
    "sort",
    "uniq",
    "wc",
    "xargs",
    "echo",
    "touch",
    "ln",
    "df",
    "du",
    "top",
    "htop",
    "man",
    "which",
    "export",
    "source",
    "zip",
    "unzip",
    "composer",
    "php",
    "ruby",
    "gem",
    "bundle",
    "rails",
    "java",
    "mvn",
    "gradle",
    "dotnet",
    "deno",
    "bun",
    "tsc",
    "eslint",
    "prettier",
    "jest",
    "vite",
    "next",
    "firebase",
    "heroku",
    "vercel",
    "podman",
    "minikube",
    "ansible",
    "pytest",
];

/// How often each line is asked.
const ROUNDS: usize = 20;

/// How many subcommands of a command are gone down into, evenly spread.
const BRANCHES: usize = 6;

/// How often the spec of a command is decoded for its cold time.
const COLD_ROUNDS: usize = 5;

/// Lower ends of the classes of size, in nodes.
const CLASSES: [usize; 6] = [1, 10, 100, 1_000, 10_000, usize::MAX];

/// No question through the socket takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let path = archive_path();
    let archive = Archive::open(&path)?;
    println!("{} modules, archive of {:.1} MB\n", archive.len(), fs::metadata(&path)?.len() as f64 / 1e6);
    let mut daemon = Daemon::start(&path)?;
    let mut rows = Vec::new();
    for name in COMMANDS {
        let Some(subject) = Subject::new(&archive, name)? else { bail!("there is no spec for {name}") };
        rows.push(subject.row(&path, &mut daemon)?);
    }
    let head = [
        "command",
        "nodes",
        "lines",
        "cold, ms",
        "warm p50, µs",
        "p99",
        "most",
        "socket p50, µs",
        "p99",
        "rows",
    ];
    print("The hundred commonest commands", &head, &rows);
    growth(&archive, &path)
}

fn archive_path() -> PathBuf {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/q/specs.qa");
    std::env::var_os("Q_ARCHIVE").map_or_else(built, PathBuf::from)
}

/// A command, how large its spec is, and lines along it.
struct Subject {
    name: String,
    nodes: usize,
    lines: Vec<String>,
    /// Behind the subcommand whose module is the largest, if there are modules.
    below: Option<String>,
}

impl Subject {
    fn new(archive: &Archive, name: &str) -> Result<Option<Subject>> {
        let Some(mut spec) = archive.spec(name)? else { return Ok(None) };
        // What is typed goes to the newest version.
        if let Some((_, module)) = spec.versions.as_ref().and_then(|versions| versions.modules.last()) {
            spec = archive.spec(module)?.with_context(|| format!("{module} is missing"))?;
        }
        let mut subject = Subject {
            name: name.into(),
            nodes: size(&spec.root),
            lines: lines(name, &spec.root),
            below: None,
        };
        subject.lines_below(archive, &spec.root)?;
        Ok(Some(subject))
    }

    /// Goes down into some subcommands, and into the one whose module is the largest.
    fn lines_below(&mut self, archive: &Archive, root: &Subcommand) -> Result<()> {
        let step = (root.subcommands.len() / BRANCHES).max(1);
        let mut largest = 0;
        for (at, sub) in root.subcommands.iter().enumerate() {
            let path = format!("{} {}", self.name, sub.names[0]);
            let Some(LoadSpec::Module(module)) = &sub.load_spec else {
                self.lines.extend(lines(&path, sub).into_iter().filter(|_| at % step == 0));
                continue;
            };
            let Some(below) = archive.spec(module)? else { continue };
            let nodes = size(&below.root);
            self.nodes += nodes;
            if nodes > largest {
                (largest, self.below) = (nodes, Some(format!("{path} ")));
            }
            if at % step == 0 {
                self.lines.extend(lines(&path, &below.root));
                let middle = below.root.subcommands.get(below.root.subcommands.len() / 2);
                let inside = |sub: &Subcommand| lines(&format!("{path} {}", sub.names[0]), sub);
                self.lines.extend(middle.into_iter().flat_map(inside));
            }
        }
        let deep = self.below.iter().flat_map(|line| ["", "-", "c"].map(|end| [line, end].concat()));
        self.lines.extend(deep);
        Ok(())
    }

    /// Measures it, for a table.
    fn row(&self, path: &Path, daemon: &mut Daemon) -> Result<Vec<String>> {
        let cold = cold(path, &self.lines[0])?;
        let below = self.below.as_ref().map(|line| self::cold(path, line)).transpose()?;
        let engine = Engine::new(Arc::new(SpecCache::new(vec![path.to_owned()])));
        let mut most = 0;
        let warm = repeat(&self.lines, worked, |line| {
            most = most.max(ask(&engine, line));
            Ok(())
        })?;
        let begun = Instant::now();
        let socket = repeat(&self.lines, || begun.elapsed(), |line| daemon.ask(line))?;
        Ok(vec![
            self.name.clone(),
            self.nodes.to_string(),
            self.lines.len().to_string(),
            millis(cold),
            below.map(millis).unwrap_or_default(),
            micros(percentile(&warm, 50)),
            micros(percentile(&warm, 99)),
            micros(percentile(&warm, 100)),
            micros(percentile(&socket, 50)),
            micros(percentile(&socket, 99)),
            most.to_string(),
        ])
    }
}

/// The middle one of several first questions.
fn cold(path: &Path, line: &str) -> Result<Duration> {
    let first = |_| {
        let cache = SpecCache::new(vec![path.to_owned()]);
        anyhow::ensure!(!cache.is_empty(), "{:?}", cache.error());
        let engine = Engine::new(Arc::new(cache));
        let begun = worked();
        ask(&engine, line);
        Ok(worked() - begun)
    };
    let mut times = (0..COLD_ROUNDS).map(first).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    Ok(percentile(&times, 50))
}

/// The lines for one command or subcommand: everything, options, and the beginnings of a name and of an option.
fn lines(words: &str, node: &Subcommand) -> Vec<String> {
    let mut ends = vec![String::new(), "-".into(), "--".into()];
    let begun = |name: &String| name.chars().take(name.chars().count().div_ceil(2)).collect();
    let middle =
        |names: &[&Vec<String>]| names.get(names.len() / 2).and_then(|names| names.last().map(begun));
    let subs: Vec<&Vec<String>> = node.subcommands.iter().map(|sub| &sub.names).collect();
    let options: Vec<&Vec<String>> = node.options.iter().map(|option| &option.names).collect();
    ends.extend(middle(&subs));
    ends.extend(middle(&options));
    ends.into_iter().map(|end| format!("{words} {end}")).collect()
}

/// Asks every line several times, by this clock; the times in order.
fn repeat(
    lines: &[String],
    clock: impl Fn() -> Duration,
    mut ask: impl FnMut(&str) -> Result<()>,
) -> Result<Vec<Duration>> {
    // What is asked first decodes specs.
    lines.iter().try_for_each(|line| ask(line))?;
    let mut times = Vec::with_capacity(lines.len() * ROUNDS);
    for line in lines.iter().cycle().take(lines.len() * ROUNDS) {
        let begun = clock();
        ask(line)?;
        times.push(clock().saturating_sub(begun));
    }
    times.sort_unstable();
    Ok(times)
}

/// How long this thread has had a processor.
fn worked() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

/// How the cost grows with the number of nodes, over all commands of the corpus.
fn growth(archive: &Archive, path: &Path) -> Result<()> {
    let mut subjects = Vec::new();
    for name in archive.commands().filter(|name| !name.starts_with('@')) {
        if let Some(subject) = Subject::new(archive, name)? {
            let cold = cold(path, subject.below.as_ref().unwrap_or(&subject.lines[0]))?;
            let engine = Engine::new(Arc::new(SpecCache::new(vec![path.to_owned()])));
            let warm = repeat(&subject.lines, worked, |line| {
                ask(&engine, line);
                Ok(())
            })?;
            subjects.push((subject.nodes.max(1), cold, warm));
        }
    }
    let class = |window: &[usize]| {
        let within = || subjects.iter().filter(|(nodes, ..)| (window[0]..window[1]).contains(nodes));
        let mut colds: Vec<Duration> = within().map(|(_, cold, _)| *cold).collect();
        let mut warms: Vec<Duration> = within().flat_map(|(.., warm)| warm.iter().copied()).collect();
        colds.sort_unstable();
        warms.sort_unstable();
        vec![
            format!("{} and more", window[0]),
            within().count().to_string(),
            micros(percentile(&colds, 50)),
            micros(percentile(&colds, 100)),
            micros(percentile(&warms, 50)),
            micros(percentile(&warms, 99)),
            micros(percentile(&warms, 100)),
        ]
    };
    let rows: Vec<_> = CLASSES.windows(2).map(class).collect();
    let head = ["nodes", "commands", "cold p50, µs", "most", "warm p50, µs", "p99", "most"];
    print("How the cost grows with the size of a spec, over all commands", &head, &rows);
    let points = |time: fn(&(usize, Duration, Vec<Duration>)) -> Duration| {
        subjects
            .iter()
            .map(|subject| (subject.0 as f64, time(subject).as_secs_f64() * 1e6))
            .collect::<Vec<_>>()
    };
    println!("Cold, a question costs {}.", fit(&points(|(_, cold, _)| *cold)));
    println!("Warm, the middle one costs {}.\n", fit(&points(|(.., warm)| percentile(warm, 50))));
    Ok(())
}

/// The power law that fits best: the logarithms on a straight line.
fn fit(points: &[(f64, f64)]) -> String {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.max(0.1).ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let slope = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>()
        / logs.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>();
    format!("{:.1} µs · nodes^{slope:.2}", (y - slope * x).exp())
}

/// How many things a tree names.
fn size(node: &Subcommand) -> usize {
    let values = |args: &[Arg]| args.iter().map(|arg| arg.suggestions.len()).sum::<usize>();
    let option = |option: &Opt| 1 + values(&option.args);
    let below = node.subcommands.iter().map(size).sum::<usize>();
    1 + below + node.options.iter().map(option).sum::<usize>() + values(&node.args)
}

/// Asks one line; how many rows there are.
fn ask(engine: &Engine, line: &str) -> usize {
    let context = Context { cwd: "/".into(), ..Context::default() };
    let request = request(line);
    let settings = Settings::default();
    let question = Question {
        context: &context,
        request: &request,
        history: &Nothing,
        usage: &Nothing,
        world: &Nothing,
        ready: &NothingYet,
        settings: &settings,
    };
    engine.complete(&question).answer.candidates.len()
}

fn request(line: &str) -> Request {
    Request { generation: 1, line: line.into(), cursor: line.len() as u32, ..Request::default() }
}

/// The built daemon with directories of its own, and one connection.
struct Daemon {
    child: Child,
    stream: UnixStream,
    decoder: Decoder,
    generation: u64,
    /// Removed when it goes.
    _dir: tempfile::TempDir,
}

impl Daemon {
    fn start(archive: &Path) -> Result<Daemon> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_qd"));
        command.env_clear().env("HOME", dir.path()).env("PATH", "/usr/bin:/bin").env("Q_ARCHIVE", archive);
        for name in ["Q_CONFIG_DIR", "Q_DATA_DIR", "Q_STATE_DIR", "Q_RUNTIME_DIR"] {
            command.env(name, dir.path().join(name));
        }
        let child = command.stdin(Stdio::null()).spawn()?;
        let socket = dir.path().join("Q_RUNTIME_DIR/qd.sock");
        let end = Instant::now() + PATIENCE;
        let stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() > end => {
                    return Err(error).context("the daemon does not listen");
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut daemon = Daemon { child, stream, decoder: Decoder::default(), generation: 0, _dir: dir };
        let cwd = daemon._dir.path().display().to_string();
        let context = Context { session: "bench".into(), cwd, ..Context::default() };
        daemon.send(&ToDaemon::Context(context))?;
        Ok(daemon)
    }

    fn send(&mut self, message: &ToDaemon) -> Result<()> {
        Ok(self.stream.write_all(&frame::encode(message)?)?)
    }

    /// Asks one line and takes the first answer.
    fn ask(&mut self, line: &str) -> Result<()> {
        self.generation += 1;
        let request = Request { generation: self.generation, ..request(line) };
        self.send(&ToDaemon::Complete(request))?;
        let mut buffer = [0; 1 << 16];
        loop {
            match self.decoder.next()? {
                Some(FromDaemon::Answer(answer)) if answer.generation == self.generation => return Ok(()),
                Some(_) => continue,
                None => {}
            }
            let length = self.stream.read(&mut buffer)?;
            anyhow::ensure!(length > 0, "the daemon left");
            self.decoder.push(&buffer[..length]);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        let _ = self.child.wait();
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn micros(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}

/// Prints a table for a Markdown page.
fn print(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("{title}\n\n| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}
