//! `cat` of 30 MB: bare, through `script`, and through Q; into a reader that only drains and into one that parses.

use std::time::Duration;

use harness::{Home, Shell};

use crate::{
    pty::Pty,
    table::{self, Samples},
};

/// The size of each file.
const SIZE: usize = 30 << 20;

/// How often each is printed; the median counts.
const ROUNDS: usize = 3;

/// One row of the table.
pub(crate) struct Flood {
    file: &'static str,
    parses: bool,
    bare: Duration,
    script: Duration,
    through: Duration,
}

/// Prints each file in each way.
pub(crate) fn measure(shell: Shell, bare: &Home, with_q: &Home) -> anyhow::Result<Vec<Flood>> {
    let mut floods = Vec::new();
    for (file, contents) in [("plain", plain()), ("coloured", coloured())] {
        bare.write(file, &contents);
        with_q.write(file, &contents);
        for parses in [false, true] {
            floods.push(flood(shell, bare, with_q, file, parses)?);
        }
    }
    Ok(floods)
}

/// Prints the floods of all shells.
pub(crate) fn print(shells: &[(Shell, Vec<Flood>)]) {
    let head = ["shell", "file", "reader", "bare", "script", "Q", "Q / bare", "Q / script"];
    let speed = |time: Duration| SIZE as f64 / 1e6 / time.as_secs_f64();
    let row = |shell: &Shell, flood: &Flood| {
        let speeds = [flood.bare, flood.script, flood.through].map(speed);
        let reader = if flood.parses { "parses" } else { "drains" };
        let mut row = vec![shell.name().to_owned(), flood.file.to_owned(), reader.to_owned()];
        row.extend(speeds.map(|speed| format!("{speed:.0}")));
        row.extend([speeds[2] / speeds[0], speeds[2] / speeds[1]].map(|ratio| format!("{ratio:.2}")));
        row
    };
    let rows: Vec<_> =
        shells.iter().flat_map(|(shell, floods)| floods.iter().map(move |flood| row(shell, flood))).collect();
    table::print("`cat` of 30 MB: MB/s, median of 3", &head, &rows);
}

/// Prints one file by turns in the three ways.
fn flood(
    shell: Shell,
    bare: &Home,
    with_q: &Home,
    file: &'static str,
    parses: bool,
) -> anyhow::Result<Flood> {
    let mut plain = Pty::start_at_prompt(&bare.launch(shell))?;
    let mut through = Pty::start_at_prompt(&with_q.launch(shell))?;
    let cat = format!("cat {file}");
    let script = format!("script -qc '{cat}' /dev/null");
    let [mut bare, mut scripted, mut wrapped] = [Samples::default(), Samples::default(), Samples::default()];
    for _ in 0..ROUNDS {
        bare.add(run(&mut plain, &cat, parses)?);
        scripted.add(run(&mut plain, &script, parses)?);
        wrapped.add(run(&mut through, &cat, parses)?);
    }
    Ok(Flood { file, parses, bare: bare.median(), script: scripted.median(), through: wrapped.median() })
}

/// Runs a command line; the time from Enter to its last byte.
fn run(pty: &mut Pty, line: &str, parses: bool) -> anyhow::Result<Duration> {
    pty.send(format!("{line}; printf 'fini%s\\n' shed").as_bytes())?;
    pty.collect()?;
    let begun = pty.send(b"\r")?;
    let ended = pty.drain(b"finished", parses)?;
    pty.collect()?;
    Ok(ended - begun)
}

/// Lines of a log.
fn plain() -> Vec<u8> {
    repeat(|number| {
        format!(
            "2026-01-01T00:00:00Z host service[{number}]: request {number} was answered in {} ms\n",
            number % 97
        )
    })
}

/// The same with colours.
fn coloured() -> Vec<u8> {
    repeat(|number| {
        let colour = 31 + number % 7;
        format!(
            "\x1b[{colour}mservice[{number}]\x1b[0m: \x1b[1mrequest {number}\x1b[0m was \x1b[38;5;{}manswered\x1b[0m\n",
            number % 256
        )
    })
}

/// Lines until there is enough.
fn repeat(line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIZE + 256);
    let mut number = 0;
    while bytes.len() < SIZE {
        bytes.extend_from_slice(line(number).as_bytes());
        number += 1;
    }
    bytes
}
