//! The spec compiler's command line: builds an archive, and shows what is in one.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Instant;

use specs::archive::{self, Archive, Info};
use specs::compile::{self, Corpus, INTEGRITY, PACKAGE};

const USAGE: &str = "\
specc build --out FILE [--tarball FILE] [--cache DIR]
    Compiles the corpus into an archive. The tarball is that of --tarball, else of $Q_SPECS_TARBALL, else it is
    fetched with `npm pack`; --cache keeps it for the next time.
specc info FILE
    Prints where the specs of an archive come from, and how much of everything there is.
specc list FILE
    Prints the names of its modules.
specc show FILE NAME
    Prints a spec as JSON.
";

/// Exit status for bad usage; 1 is for failures.
const BAD_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let result = match words.as_slice() {
        ["build", ..] => match BuildOptions::parse(&arguments[1..]) {
            Some(options) => build(&options),
            None => return usage(),
        },
        ["info", _] => info(Path::new(&arguments[1])),
        ["list", _] => list(Path::new(&arguments[1])),
        ["show", _, name] => show(Path::new(&arguments[1]), name),
        ["--help" | "-h"] => print(USAGE),
        _ => return usage(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprint!("error: these arguments are not understood; use\n{USAGE}");
    ExitCode::from(BAD_USAGE)
}

/// What `build` is asked to do.
struct BuildOptions {
    out: PathBuf,
    tarball: Option<PathBuf>,
    cache: Option<PathBuf>,
}

impl BuildOptions {
    fn parse(arguments: &[OsString]) -> Option<BuildOptions> {
        let (mut out, mut tarball, mut cache) = (None, None, None);
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return None };
            match name.to_str()? {
                "--out" => out = Some(PathBuf::from(value)),
                "--tarball" => tarball = Some(PathBuf::from(value)),
                "--cache" => cache = Some(PathBuf::from(value)),
                _ => return None,
            }
        }
        let named = || env::var_os("Q_SPECS_TARBALL").filter(|path| !path.is_empty()).map(PathBuf::from);
        Some(BuildOptions { out: out?, tarball: tarball.or_else(named), cache })
    }
}

fn build(options: &BuildOptions) -> Result<(), String> {
    let started = Instant::now();
    let corpus = corpus(options)?;
    let threads = thread::available_parallelism().map_or(1, Into::into);
    let compiled = compile::compile(&corpus, threads).map_err(|error| error.to_string())?;
    let folder = options.out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let size =
        archive::write(&options.out, &compiled.info, compiled.modules).map_err(|error| error.to_string())?;
    let seconds = started.elapsed().as_secs_f64();
    let path = options.out.display();
    print(&format!("{}archive      {size:>10} bytes, {path}, in {seconds:.1} s\n", totals(&compiled.info)))
}

/// The corpus from the named tarball, the cached one, or npm.
fn corpus(options: &BuildOptions) -> Result<Corpus, String> {
    let read = |path: &Path| Corpus::from_tarball(path, INTEGRITY);
    if let Some(path) = &options.tarball {
        return read(path).map_err(|error| format!("{error}; name the tarball of {PACKAGE}"));
    }
    let scratch = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let folder = options.cache.as_deref().unwrap_or(scratch.path());
    let cached = folder.join(tarball_name());
    if let Ok(corpus) = read(&cached) {
        return Ok(corpus);
    }
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    fetch(folder)?;
    read(&cached).map_err(|error| format!("{error}; try again, or name a tarball with --tarball"))
}

/// The file name that `npm pack` gives the tarball of the package.
fn tarball_name() -> String {
    let name = PACKAGE.trim_start_matches('@').replace(['/', '@'], "-");
    format!("{name}.tgz")
}

fn fetch(folder: &Path) -> Result<(), String> {
    let hint = "install npm, or name a tarball with --tarball or Q_SPECS_TARBALL";
    let output = Command::new("npm")
        .args(["pack", PACKAGE, "--silent", "--pack-destination"])
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm cannot be run ({error}): {hint}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`npm pack {PACKAGE}` failed: {}\n{hint}", said.trim()));
    }
    Ok(())
}

fn info(path: &Path) -> Result<(), String> {
    let archive = open(path)?;
    let size = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    print(&format!("{}archive      {size:>10} bytes\n", totals(archive.info())))
}

fn list(path: &Path) -> Result<(), String> {
    let archive = open(path)?;
    print(&archive.modules().map(|name| format!("{name}\n")).collect::<String>())
}

fn show(path: &Path, name: &str) -> Result<(), String> {
    let spec = open(path)?.spec(name).map_err(|error| error.to_string())?;
    let spec = spec.ok_or_else(|| format!("there is no spec {name}: `specc list FILE` names them"))?;
    let json = serde_json::to_string_pretty(&spec).map_err(|error| error.to_string())?;
    print(&format!("{json}\n"))
}

fn open(path: &Path) -> Result<Archive, String> {
    Archive::open(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn totals(info: &Info) -> String {
    let totals = &info.totals;
    let rows: [(&str, &dyn Display); 12] = [
        ("modules", &totals.modules),
        ("specs", &totals.specs),
        ("scripts", &totals.scripts),
        ("commands", &totals.commands),
        ("subcommands", &totals.subcommands),
        ("options", &totals.options),
        ("arguments", &totals.args),
        ("suggestions", &totals.suggestions),
        ("generators", &totals.generators),
        ("diffs", &totals.diffs),
        ("function uses", &totals.function_slots),
        ("functions", &totals.functions),
    ];
    let rows: String = rows.iter().map(|(name, count)| format!("{name:<13}{count:>10}\n")).collect();
    format!("{}\n{rows}", info.corpus)
}

/// Prints to standard output; a reader that has gone away is no failure.
fn print(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}
