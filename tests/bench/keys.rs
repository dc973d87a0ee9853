//! From a key to its echo, and from the echo to the dropdown that belongs to it.

use std::time::{Duration, Instant};

use anyhow::Context;
use harness::{Home, Model, Screen, Shell, Size, menu, menu_cells};

use crate::{
    pty::{Piece, Pty},
    table::{self, Samples, difference},
};

/// What is typed before the keys that count.
const BEFORE: &str = "git ";

/// The keys that count: each changes the rows of a static spec.
const KEYS: &str = "checkou";

/// How often the line is typed: 30 times 7 keys.
const ROUNDS: usize = 30;

/// Keys of one shell.
#[derive(Default)]
pub(crate) struct Keys {
    bare_echo: Samples,
    echo: Samples,
    dropdown: Samples,
    total: Samples,
}

/// Types the same line in both homes by turns, so that noise meets both alike.
pub(crate) fn measure(shell: Shell, bare: &Home, with_q: &Home) -> anyhow::Result<Keys> {
    let mut plain = Typist::start(shell, bare)?;
    let mut completed = Typist::start(shell, with_q)?;
    completed.warm_up()?;
    let mut keys = Keys::default();
    for _ in 0..ROUNDS {
        for stroke in plain.line()? {
            keys.bare_echo.add(stroke.echo);
        }
        for stroke in completed.line()? {
            keys.echo.add(stroke.echo);
            let Some(dropdown) = stroke.dropdown else { continue };
            keys.dropdown.add(dropdown.saturating_sub(stroke.echo));
            keys.total.add(dropdown);
        }
    }
    Ok(keys)
}

/// Prints the keys of all shells.
pub(crate) fn print(shells: &[(Shell, Keys)]) {
    let head = [
        "shell",
        "keys",
        "echo, bare",
        "echo, Q",
        "added p50",
        "added p99",
        "dropdown after echo",
        "key to dropdown",
        "keys with another dropdown",
    ];
    let row = |(shell, keys): &(Shell, Keys)| {
        let added = |percent| difference(keys.echo.percentile(percent), keys.bare_echo.percentile(percent));
        vec![
            shell.name().to_owned(),
            keys.echo.count().to_string(),
            keys.bare_echo.summary(),
            keys.echo.summary(),
            added(50),
            added(99),
            keys.dropdown.summary(),
            keys.total.summary(),
            keys.dropdown.count().to_string(),
        ]
    };
    let rows: Vec<_> = shells.iter().map(row).collect();
    table::print("Keys: p50 / p95 / p99 in milliseconds", &head, &rows);
}

/// What came of one key.
struct Stroke {
    echo: Duration,
    /// Until the dropdown looked as it then stayed; none when it did not change.
    dropdown: Option<Duration>,
}

/// A shell that is typed into, and a second model that the output is played to afterwards, piece by piece.
struct Typist {
    pty: Pty,
    replay: Model,
}

impl Typist {
    /// Starts a shell. Its screen is cleared, so that both models show the same from then on.
    fn start(shell: Shell, home: &Home) -> anyhow::Result<Typist> {
        let mut typist =
            Typist { pty: Pty::start_at_prompt(&home.launch(shell))?, replay: Model::new(Size::default()) };
        typist.clear()?;
        Ok(typist)
    }

    /// Clears the screen, and plays to the second model what shows the prompt again.
    fn clear(&mut self) -> anyhow::Result<()> {
        self.pty.send(b"seq 9\r")?;
        self.pty.collect_until("prompt", |screen| screen.cursor().0 > 9 && screen.is_at_prompt())?;
        self.pty.send(b"\x0c")?;
        self.replay = Model::new(Size::default());
        for piece in self.pty.collect_until("clear screen", |screen| screen.cursor() == (0, 2))? {
            self.replay.feed(&piece.bytes);
        }
        Ok(())
    }

    /// Waits until the daemon has been started and answers.
    fn warm_up(&mut self) -> anyhow::Result<()> {
        self.pty.send(b"git che")?;
        self.pty.collect_until("menu", |screen| menu(screen).has("checkout"))?;
        self.pty.send(b"\x15")?;
        self.pty.collect_until("empty line", |screen| screen.is_at_prompt())?;
        self.clear()
    }

    /// Types the line once and clears it.
    fn line(&mut self) -> anyhow::Result<Vec<Stroke>> {
        self.press(BEFORE.as_bytes(), BEFORE)?;
        let strokes = KEYS.chars().map(|key| self.stroke(key)).collect::<anyhow::Result<Vec<_>>>()?;
        self.press(b"\x15", "")?;
        Ok(strokes)
    }

    /// Presses keys that do not count, after which the line is `line`.
    fn press(&mut self, keys: &[u8], line: &str) -> anyhow::Result<()> {
        self.pty.send(keys)?;
        let pieces = self.collect(line)?;
        self.play(&pieces);
        Ok(())
    }

    /// Presses one key that counts.
    fn stroke(&mut self, key: char) -> anyhow::Result<Stroke> {
        let before = self.replay.screen();
        let line = before.typed().unwrap_or_default() + &key.to_string();
        let sent = self.pty.send(key.to_string().as_bytes())?;
        let pieces = self.collect(&line)?;
        let shown = self.play(&pieces);
        let echo = shown.iter().find(|(_, screen)| screen.typed().as_deref() == Some(&*line));
        let (echo, _) = echo.with_context(|| format!("the models disagree about {line:?}"))?;
        let dropdown = last_change(&before, &shown).map(|at| at - sent);
        Ok(Stroke { echo: *echo - sent, dropdown })
    }

    /// What is written until the line is `line` and nothing more comes.
    fn collect(&mut self, line: &str) -> anyhow::Result<Vec<Piece>> {
        self.pty.collect_until(&format!("line {line:?}"), |screen| screen.typed().as_deref() == Some(line))
    }

    /// What was shown after each piece.
    fn play(&mut self, pieces: &[Piece]) -> Vec<(Instant, Screen)> {
        let show = |piece: &Piece| {
            self.replay.feed(&piece.bytes);
            (piece.at, self.replay.screen())
        };
        pieces.iter().map(show).collect()
    }
}

/// When the dropdown changed for the last time.
fn last_change(before: &Screen, shown: &[(Instant, Screen)]) -> Option<Instant> {
    let mut last = menu_cells(before);
    let mut changed = None;
    for (at, screen) in shown {
        let now = menu_cells(screen);
        if now != last {
            (last, changed) = (now, Some(*at));
        }
    }
    changed
}
