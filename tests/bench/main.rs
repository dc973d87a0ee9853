//! The numbers: what Q costs and how fast it is, next to the bare shell in the same run. Prints tables; never passes or
//! fails on a time. Arguments name the tables that are wanted (`keys`, `start`, `flood`, `rest`); all without any.
//!
//! `pty` reads with timestamps, `keys` types, `flood` prints 30 MB, `start` waits for first prompts, `rest` weighs the
//! programs and watches them do nothing; `table` prints.

mod flood;
mod keys;
mod pty;
mod rest;
mod start;
mod table;

use harness::{Home, Shell};

/// Measures everything and prints it.
fn main() -> anyhow::Result<()> {
    println!("{}\n", machine());
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |table: &str| wanted.is_empty() || wanted.iter().any(|name| name == table);
    if is_wanted("keys") {
        keys::print(&measure_each(keys::measure)?);
    }
    if is_wanted("start") {
        start::print(&measure_each(start::measure)?);
    }
    if is_wanted("flood") {
        flood::print(&measure_each(flood::measure)?);
    }
    if is_wanted("rest") {
        rest::print(&measure_each(rest::measure)?)?;
    }
    Ok(())
}

/// Measures one thing in each shell, for a user without Q and one with it.
fn measure_each<T>(
    measure: impl Fn(Shell, &Home, &Home) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<(Shell, T)>> {
    let each = |shell: Shell| {
        let (bare, with_q) = (Home::bare(), Home::with_q(shell));
        Ok((shell, measure(shell, &bare, &with_q)?))
    };
    Shell::ALL.into_iter().map(each).collect()
}

/// Where the numbers come from.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown processor");
    let count = std::thread::available_parallelism().map_or(1, |count| count.get());
    format!("{count} x {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim_end())
}
