//! What the programs weigh, and that they do nothing when there is nothing to do.

use std::{fs, path::Path, thread, time::Duration};

use anyhow::Context;
use harness::{Home, Process, Programs, Shell, menu};

use crate::{pty::Pty, table};

/// How long they are watched doing nothing.
const IDLE: Duration = Duration::from_secs(5);

/// A process at rest.
pub(crate) struct Rest {
    name: String,
    resident: u64,
    proportional: u64,
    ticks: u64,
    switches: u64,
}

/// Opens a menu, then watches.
pub(crate) fn measure(shell: Shell, _: &Home, with_q: &Home) -> anyhow::Result<Vec<Rest>> {
    let mut pty = Pty::start_at_prompt(&with_q.launch(shell))?;
    for line in [&b"git che"[..], b"docker ru", b"kubectl get --", b"ls \"My D"] {
        pty.send(line)?;
        pty.wait_until("menu", |screen| !menu(screen).is_closed())?;
        pty.collect()?;
        pty.send(b"\x15")?;
        pty.collect()?;
    }
    let processes: Vec<Process> = with_q.processes().into_iter().filter(is_ours).collect();
    let before: Vec<_> = processes.iter().map(activity).collect::<anyhow::Result<_>>()?;
    thread::sleep(IDLE);
    let rest = |(process, (ticks, switches)): (&Process, (u64, u64))| {
        let (later_ticks, later_switches) = activity(process)?;
        Ok(Rest {
            name: process.name.clone(),
            resident: memory(process, "Rss:")?,
            proportional: memory(process, "Pss:")?,
            ticks: later_ticks - ticks,
            switches: later_switches - switches,
        })
    };
    processes.iter().zip(before).map(rest).collect()
}

/// Prints the processes of all shells, then the files.
pub(crate) fn print(shells: &[(Shell, Vec<Rest>)]) -> anyhow::Result<()> {
    let head = ["shell", "process", "RSS, MB", "PSS, MB", "idle 5 s: clock ticks", "context switches"];
    let row = |shell: &Shell, rest: &Rest| {
        let megabytes = |kilobytes: u64| format!("{:.1}", kilobytes as f64 * 1024.0 / 1e6);
        let counts = [rest.ticks, rest.switches].map(|count| count.to_string());
        let [ticks, switches] = counts;
        vec![
            shell.name().to_owned(),
            rest.name.clone(),
            megabytes(rest.resident),
            megabytes(rest.proportional),
            ticks,
            switches,
        ]
    };
    let rows: Vec<_> =
        shells.iter().flat_map(|(shell, rests)| rests.iter().map(move |rest| row(shell, rest))).collect();
    table::print("Memory after a few menus, and five idle seconds", &head, &rows);

    let programs = Programs::find();
    let mut sizes: Vec<Vec<String>> = Vec::new();
    for path in ["qterm", "qd", "q"].map(|name| programs.path(name)).iter().chain([&programs.archive]) {
        sizes.push(vec![name_of(path), format!("{:.2}", fs::metadata(path)?.len() as f64 / 1e6)]);
    }
    table::print("Files", &["file", "MB"], &sizes);
    Ok(())
}

/// Whether a process is one of Q's.
fn is_ours(process: &Process) -> bool {
    process.name == "qterm" || process.name == "qd"
}

/// Clock ticks and context switches of all threads of a process so far.
fn activity(process: &Process) -> anyhow::Result<(u64, u64)> {
    let mut total = (0, 0);
    for task in fs::read_dir(format!("/proc/{}/task", process.pid))? {
        let task = task?.path();
        let stat = fs::read_to_string(task.join("stat"))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().context("a stat line")?.split(' ').collect();
        total.0 += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        let status = fs::read_to_string(task.join("status"))?;
        let switches = status.lines().filter(|line| line.contains("ctxt_switches"));
        total.1 += switches.filter_map(|line| line.rsplit('\t').next()?.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(total)
}

/// A line of the memory summary of a process, in kilobytes.
fn memory(process: &Process, name: &str) -> anyhow::Result<u64> {
    let summary = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid))?;
    let line = summary.lines().find(|line| line.starts_with(name)).context("a memory summary")?;
    Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
}

/// The last part of a path.
fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
