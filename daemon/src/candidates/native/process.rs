//! Processes, signals, users and groups of this machine.

use std::collections::BTreeMap;
use std::path::Path;

use specs::model::Script;

use super::{read, row};
use crate::candidates::Draft;
use crate::slow::Generated;

/// Most processes that are looked at; far more than a machine that is typed at has.
const MAX_PROCESSES: usize = 20_000;

/// What is wanted of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    /// Processes by number.
    Processes,
    /// Processes by name.
    Names,
    /// Signals.
    Signals,
    /// Users.
    Users,
    /// Users, or groups behind a `:`.
    Owners,
}

/// The signals of Linux and macOS that programs are sent, with what they do.
const SIGNALS: &[(&str, &str)] = &[
    ("TERM", "asks to end"),
    ("KILL", "ends at once"),
    ("INT", "interrupts, as Ctrl-C does"),
    ("HUP", "the terminal is gone; many read their configuration again"),
    ("QUIT", "ends with a core dump"),
    ("STOP", "stops at once"),
    ("CONT", "goes on"),
    ("TSTP", "asks to stop, as Ctrl-Z does"),
    ("USR1", "means what the program says"),
    ("USR2", "means what the program says"),
    ("ABRT", "aborts"),
    ("ALRM", "an alarm"),
    ("BUS", "a bad address"),
    ("CHLD", "a child ended"),
    ("FPE", "bad arithmetic"),
    ("ILL", "a bad instruction"),
    ("POLL", "input is there"),
    ("PWR", "the power fails"),
    ("STKFLT", "a fault of a coprocessor"),
    ("PIPE", "nobody reads"),
    ("PROF", "a timer of the profiler"),
    ("SEGV", "a bad address"),
    ("SYS", "a bad system call"),
    ("TRAP", "a breakpoint"),
    ("TTIN", "reads in the background"),
    ("TTOU", "writes in the background"),
    ("URG", "urgent data"),
    ("VTALRM", "a timer"),
    ("WINCH", "the window has another size"),
    ("XCPU", "too much time"),
    ("XFSZ", "too long a file"),
];

/// Most of a command line that is shown of a process, in characters: some are pages long.
const MAX_SAID: usize = 160;

/// What a generator asks of this machine.
pub(super) fn wanted(generated: &Generated) -> Option<Machine> {
    let generator = &generated.generator;
    let module = generator.post_process.as_ref().or(generator.custom.as_ref())?.module.as_str();
    if module != generated.command {
        return None;
    }
    let script = match &generator.script {
        Some(Script::Argv(argv)) => argv.join(" "),
        _ => String::new(),
    };
    match (module, script.as_str()) {
        ("kill", "bash -c ps axo pid,comm | sed 1d") => Some(Machine::Processes),
        ("kill", "env kill -l") => Some(Machine::Signals),
        ("killall", "bash -c ps -A -o comm | sort -u") => Some(Machine::Names),
        ("login", "cat /etc/passwd") => Some(Machine::Users),
        // The directory of macOS is asked for users; elsewhere they are in a file.
        ("id" | "killall" | "passwd", script) if script.starts_with("bash -c dscl . -list /Users") => {
            cfg!(not(target_os = "macos")).then_some(Machine::Users)
        }
        ("chown", "") if generator.native_paths.is_none() => {
            cfg!(not(target_os = "macos")).then_some(Machine::Owners)
        }
        _ => None,
    }
    // Only Linux has its processes as files.
    .filter(|machine| cfg!(target_os = "linux") || !matches!(machine, Machine::Processes | Machine::Names))
}

/// The rows. `token` is what is typed of the word, as far as it decides.
pub(super) fn drafts(machine: Machine, root: &Path) -> Vec<Draft> {
    match machine {
        Machine::Processes => processes(root).into_iter().map(by_number).collect(),
        Machine::Names => names(root),
        Machine::Signals => SIGNALS.iter().map(|(name, said)| row(name, said)).collect(),
        Machine::Users => users(root),
        Machine::Owners => users(root).into_iter().chain(groups(root)).collect(),
    }
}

/// A process.
struct Process {
    number: u32,
    name: String,
    command: String,
}

/// The processes, the newest first.
fn processes(root: &Path) -> Vec<Process> {
    let dirs = read::entries(&root.join("proc"), MAX_PROCESSES);
    let process = |dir: &std::path::PathBuf| {
        let number = dir.file_name()?.to_str()?.parse().ok()?;
        let name = read::text(&dir.join("comm"))?.trim_end_matches('\n').to_owned();
        let command = read::text(&dir.join("cmdline")).unwrap_or_default().replace('\0', " ");
        Some(Process { number, name, command: command.trim().to_owned() })
    };
    let mut found: Vec<Process> = dirs.iter().filter_map(process).collect();
    found.sort_by_key(|process| std::cmp::Reverse(process.number));
    found
}

fn by_number(process: Process) -> Draft {
    let Process { number, name, command } = process;
    let said =
        if command.is_empty() { format!("[{name}]") } else { command.chars().take(MAX_SAID).collect() };
    Draft { display: Some(format!("{number} ({name})")), ..row(&number.to_string(), &said) }
}

fn names(root: &Path) -> Vec<Draft> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for process in processes(root) {
        *counts.entry(process.name).or_default() += 1;
    }
    let said = |count: u32| if count == 1 { "1 process".to_owned() } else { format!("{count} processes") };
    counts.into_iter().map(|(name, count)| row(&name, &said(count))).collect()
}

/// Names and full names out of a file such as `/etc/passwd`.
fn users(root: &Path) -> Vec<Draft> {
    let text = read::text(&root.join("etc/passwd")).unwrap_or_default();
    let user = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| is_name(name))?;
        let said = fields.nth(3).and_then(|full| full.split(',').next()).unwrap_or_default();
        Some(Draft { icon: Some("👤".into()), ..row(name, said) })
    };
    text.lines().filter_map(user).collect()
}

/// Groups as `chown` takes them, behind a colon.
fn groups(root: &Path) -> Vec<Draft> {
    let text = read::text(&root.join("etc/group")).unwrap_or_default();
    let names = text.lines().filter_map(|line| line.split(':').next()).filter(|name| is_name(name));
    names.map(|name| row(&format!(":{name}"), "group")).collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['#', '+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_machine_is_its_files() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for (number, name, command) in
            [("7", "evil\nname", ""), ("12", "sh", "sh\0-c\0x\0"), ("13", "sh", "sh")]
        {
            fs::create_dir_all(at("proc").join(number)).unwrap();
            fs::write(at("proc").join(number).join("comm"), format!("{name}\n")).unwrap();
            fs::write(at("proc").join(number).join("cmdline"), command).unwrap();
        }
        fs::create_dir_all(at("proc/net")).unwrap();
        fs::create_dir(at("etc")).unwrap();
        fs::write(at("etc/passwd"), "root:x:0:0:Root,1:/root:/bin/sh\n# no\n+nis\n\nu:x\n").unwrap();
        fs::write(at("etc/group"), "wheel:x:0:\n").unwrap();
        let rows = |machine| {
            let rows = drafts(machine, root.path());
            rows.iter()
                .map(|row| format!("{}={}", row.names[0], row.description.as_deref().unwrap_or("-")))
                .collect::<Vec<_>>()
        };
        assert_eq!(rows(Machine::Processes), ["13=sh", "12=sh -c x", "7=[evil\nname]"]);
        assert_eq!(rows(Machine::Names), ["evil\nname=1 process", "sh=2 processes"]);
        assert_eq!(rows(Machine::Users), ["root=Root", "u=-"]);
        assert_eq!(rows(Machine::Owners), ["root=Root", "u=-", ":wheel=group"]);
        assert_eq!(rows(Machine::Signals)[0], "TERM=asks to end");
    }
}
