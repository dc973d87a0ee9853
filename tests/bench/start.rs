//! The time from starting a shell to its first prompt.

use std::time::{Duration, Instant};

use harness::{Home, Shell};

use crate::{
    pty::Pty,
    table::{self, Samples, difference},
};

/// How many shells are started in each way.
const ROUNDS: usize = 40;

/// First prompts of one shell.
#[derive(Default)]
pub(crate) struct Starts {
    bare: Samples,
    through: Samples,
}

/// Starts shells by turns, with the daemon running as it does from the first shell of the day on.
pub(crate) fn measure(shell: Shell, bare: &Home, with_q: &Home) -> anyhow::Result<Starts> {
    let first = Pty::start_at_prompt(&with_q.launch(shell))?;
    let mut starts = Starts::default();
    for _ in 0..ROUNDS {
        starts.bare.add(start(shell, bare)?);
        starts.through.add(start(shell, with_q)?);
    }
    drop(first);
    Ok(starts)
}

/// Prints the first prompts of all shells.
pub(crate) fn print(shells: &[(Shell, Starts)]) {
    let head = ["shell", "shells", "bare", "Q", "added p50", "added p95"];
    let row = |(shell, starts): &(Shell, Starts)| {
        let added = |percent| difference(starts.through.percentile(percent), starts.bare.percentile(percent));
        vec![
            shell.name().to_owned(),
            starts.through.count().to_string(),
            starts.bare.summary(),
            starts.through.summary(),
            added(50),
            added(95),
        ]
    };
    let rows: Vec<_> = shells.iter().map(row).collect();
    table::print("Start to the first usable prompt: p50 / p95 / p99 in milliseconds", &head, &rows);
}

/// Starts a shell and presses a key at its prompt: it is usable when it shows the key.
fn start(shell: Shell, home: &Home) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut pty = Pty::start(&home.launch(shell))?;
    pty.wait_until("first prompt", |screen| screen.is_at_prompt())?;
    pty.send(b"x")?;
    let shown = pty.wait_until("echo of the key", |screen| screen.typed().as_deref() == Some("x"))?;
    Ok(shown - begun)
}
