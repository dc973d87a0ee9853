//! The state machine of one terminal: input, output, answers and the clock go in, effects come out.
//!
//! Decides which keys are ours, when the line is known, when to ask and what is shown. Does no I/O itself: whether the
//! shell is reading keys is asked through a function, and everything else is an [`Effect`] that the event loop carries
//! out in order.

use std::time::{Duration, Instant};

use protocol::{
    Accepted, Action, Answer, Candidate, Edit, FromDaemon, Kind, Ran, Request, Shell, ToDaemon, TrustFolder,
};

use crate::{
    edit_buffer::EditBuffer,
    input::{Decoder, GhostAction, Input, Key, MenuAction, ghost_action, menu_action},
    insert::{APPLY_KEY, REPORT_KEY},
    marks::{Mark, Piece, Tap},
    overlay::{self, Canvas, Painted, Style, Want},
    screen::Screen,
    skim::skim,
    world::World,
};

/// How long the first answer to the cursor position may take before the shell's output is followed without it. What the
/// terminal shows is never held back for it.
const START_LIMIT: Duration = Duration::from_millis(300);

/// The same when the terminal is at the other end of a network.
const START_LIMIT_REMOTE: Duration = Duration::from_millis(1500);

/// Most output kept for the model while the first position is awaited, in bytes.
const MAX_START_OUTPUT: usize = 64 << 10;

/// How long the start of an escape sequence is waited on before it is taken for the Escape key.
const PARTIAL_LIMIT: Duration = Duration::from_millis(30);

/// The same while a cursor position is expected, which a slow line may deliver in pieces.
const PARTIAL_POSITION_LIMIT: Duration = Duration::from_millis(200);

/// How long a key that may be ours is held while the text typed just before it is still being answered.
const HOLD_LIMIT: Duration = Duration::from_millis(80);

/// How long the echo of a key is waited for before the shell is asked for its line all the same: a key that changes
/// nothing has none.
const ECHO_LIMIT: Duration = Duration::from_millis(8);

/// How long rows of the line before are kept on the screen while those of the line now are awaited.
const STALE_LIMIT: Duration = Duration::from_millis(60);

/// How long slow candidates may take, in milliseconds.
const SLOW_LIMIT: u32 = 3_000;

/// A shell that has said nothing for this long after Enter, and is typed into again, has kept its line: Enter has chosen a
/// row of its own list, for example.
const RETURN_LIMIT: Duration = Duration::from_millis(500);

/// A shell with a whole line typed ahead starts it at once when it has drawn its prompt, within this.
const AHEAD_LIMIT: Duration = Duration::from_millis(100);

/// How often the cursor position is asked again because output came in between.
const MAX_POSITION_TRIES: u8 = 5;

/// Asks the terminal where its cursor is.
const ASK_POSITION: &[u8] = b"\x1b[6n";

/// What the event loop is to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write these bytes to the user's terminal.
    Terminal(Vec<u8>),
    /// Write these bytes to the shell.
    Shell(Vec<u8>),
    /// Ask a shell that listens for its line.
    Ask,
    /// Say this to the daemon.
    Tell(ToDaemon),
    /// Make sure that there is a daemon.
    Connect,
    /// Leave this edit for the shell: the cursor in characters, the line expected, the line wanted.
    Edit {
        /// In characters.
        cursor: usize,
        /// The line as we know it.
        old: String,
        /// The line as it shall be.
        new: String,
    },
    /// Take the edit away, the shell has answered.
    ClearEdit,
}

/// What the terminal is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has been heard of the shell yet.
    Starting,
    /// It has drawn a prompt.
    Prompt,
    /// It runs a command line.
    Running,
}

/// Why the dropdown is not shown although there is something to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hidden {
    No,
    /// The user sent it away: until the word that starts here is left.
    UntilWord(u32),
    /// The line did not come from typing: until something is typed.
    UntilTyped,
}

/// A step of the output for the model.
#[derive(Debug)]
enum Step {
    Feed(Vec<u8>),
    Mark(Mark),
    Image,
}

/// What never changes during a session.
pub struct Setup {
    /// The secret of the marks.
    pub secret: String,
    /// Names the session.
    pub session: String,
    /// How things are drawn.
    pub style: Style,
    /// The terminal is at the other end of a network.
    pub remote: bool,
    /// The environment.
    pub variables: Vec<(String, String)>,
}

/// The state of one terminal.
pub struct Session {
    tap: Tap,
    screen: Screen,
    decoder: Decoder,
    style: Style,
    world: World,
    painted: Painted,
    phase: Phase,
    shell: Option<Shell>,
    edit: EditBuffer,
    /// The generation that was last asked about.
    asked: u64,
    answer: Answer,
    selected: Option<usize>,
    hidden: Hidden,
    /// Keys went to the shell whose effect on the line is not known yet.
    awaiting: bool,
    /// Enter or Ctrl-C went to the shell: until a prompt or a command line is reported, but not longer than this.
    left_until: Option<Instant>,
    /// Keys went to the shell while nothing was being edited.
    typed_ahead: bool,
    /// Enter was among them.
    entered_ahead: bool,
    /// The last key opened something longer (Escape, Ctrl-V, Ctrl-X): nothing of ours may follow it.
    prefix_open: bool,
    /// A report was asked for and has not come.
    report_asked: bool,
    /// Keys went to the shell after that: the report will be old news.
    report_old: bool,
    connected: bool,
    /// What is offered can also be inserted.
    can_insert: bool,
    /// bash has vi's keys and may be in command mode, which it does not tell: nothing is offered for this line any more.
    left_insert: bool,
    held: Vec<Input>,
    steps: Vec<Step>,
    steps_size: usize,
    /// Output after the steps that was passed on as it came and not split yet.
    raw: Vec<u8>,
    /// Bytes of output so far, to see whether any came between a question and its answer.
    output: u64,
    asked_at: u64,
    position_tries: u8,
    running: Option<(String, Instant)>,
    start_until: Option<Instant>,
    partial_until: Option<Instant>,
    hold_until: Option<Instant>,
    /// A key was passed on whose echo comes before the shell is asked for its line.
    echo_until: Option<Instant>,
    /// Keys that were passed on and may not have had their effect when something was written last.
    unechoed: usize,
    stale_until: Option<Instant>,
    effects: Vec<Effect>,
}

impl Session {
    /// A session on a terminal of this size. Its first effect asks where the cursor is.
    pub fn new(setup: Setup, rows: usize, cols: usize, now: Instant) -> Session {
        let limit = if setup.remote { START_LIMIT_REMOTE } else { START_LIMIT };
        let mut session = Session {
            tap: Tap::new(&setup.secret),
            screen: Screen::new(rows, cols),
            decoder: Decoder::default(),
            style: setup.style,
            world: World::new(&setup.session, setup.variables.into_iter()),
            painted: Painted::default(),
            phase: Phase::Starting,
            shell: None,
            edit: EditBuffer::default(),
            asked: 0,
            answer: Answer::default(),
            selected: None,
            hidden: Hidden::No,
            awaiting: false,
            left_until: None,
            typed_ahead: false,
            entered_ahead: false,
            prefix_open: false,
            report_asked: false,
            report_old: false,
            connected: false,
            can_insert: true,
            left_insert: false,
            held: Vec::new(),
            steps: Vec::new(),
            steps_size: 0,
            raw: Vec::new(),
            output: 0,
            asked_at: 0,
            position_tries: 0,
            running: None,
            start_until: Some(now + limit),
            partial_until: None,
            hold_until: None,
            echo_until: None,
            unechoed: 0,
            stale_until: None,
            effects: Vec::new(),
        };
        session.ask_position();
        session
    }

    /// What is to be done now.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// When [`Session::on_time`] wants to be called, if at all.
    pub fn deadline(&self) -> Option<Instant> {
        let waits = [
            self.start_until,
            self.partial_until,
            self.hold_until,
            self.echo_until,
            self.stale_until,
            self.left_until,
        ];
        waits.into_iter().flatten().chain(self.screen.sync_deadline()).min()
    }

    // Input.

    /// Bytes came from the user's terminal.
    pub fn on_input(&mut self, bytes: &[u8], now: Instant, reads_keys: &dyn Fn() -> bool) {
        self.partial_until = None;
        let inputs = self.decoder.push(bytes);
        self.held.extend(inputs);
        self.take_held(now, reads_keys);
        if self.decoder.is_partial() {
            self.wait_for_rest(now);
        }
        self.ask_line(reads_keys);
    }

    /// The start of a key is kept only while the key could be ours, while an answer of ours is expected, or behind keys that
    /// wait: it must not overtake them.
    fn wait_for_rest(&mut self, now: Instant) {
        if self.decoder.expects_position() {
            self.partial_until = Some(now + PARTIAL_POSITION_LIMIT);
        } else if !self.held.is_empty() || (self.painted.is_shown() && !self.decoder.is_pasting()) {
            self.partial_until = Some(now + PARTIAL_LIMIT);
        } else {
            let bytes = self.decoder.release();
            self.forward(Key::Other, bytes, now);
        }
    }

    /// Works through the keys that wait, until one has to wait on.
    fn take_held(&mut self, now: Instant, reads_keys: &dyn Fn() -> bool) {
        let inputs = std::mem::take(&mut self.held);
        let mut inputs = inputs.into_iter();
        // Keys that come meanwhile do not make it longer.
        let until = self.hold_until.take().unwrap_or(now + HOLD_LIMIT);
        while let Some(input) = inputs.next() {
            if self.must_hold(&input) {
                self.hold_until = Some(until);
                self.held = std::iter::once(input).chain(inputs).collect();
                return;
            }
            self.take(input, now, reads_keys);
        }
    }

    /// Whether a key could be ours, but what was typed before it has not been answered yet.
    fn must_hold(&self, input: &Input) -> bool {
        let Input::Key(key, _) = input else { return false };
        let ours = menu_action(*key, self.selected.is_some()).is_some() || ghost_action(*key).is_some();
        ours && *key != Key::Escape && self.is_answer_coming()
    }

    /// Whether the line, or what may be done with it, is about to be known.
    fn is_answer_coming(&self) -> bool {
        let asked = self.edit.is_command_line() && !self.edit.text().trim().is_empty();
        let may_know = self.is_editing() && self.shell.is_some() && self.connected && self.can_insert;
        may_know && (self.awaiting || (asked && self.answer.generation != self.edit.generation()))
    }

    fn take(&mut self, input: Input, now: Instant, reads_keys: &dyn Fn() -> bool) {
        match input {
            Input::Position(row, col) => self.on_position(row, col, now, reads_keys),
            Input::Paste(bytes) => {
                self.hidden = Hidden::UntilTyped;
                self.forward(Key::Other, bytes, now);
            }
            Input::Key(key, raw) => {
                if !self.act(key, now, reads_keys) {
                    self.forward(key, raw, now);
                }
            }
        }
    }

    /// Does what a key of ours does; false when it is the shell's.
    fn act(&mut self, key: Key, now: Instant, reads_keys: &dyn Fn() -> bool) -> bool {
        let fresh = self.is_fresh();
        if self.painted.has_menu() {
            match menu_action(key, self.selected.is_some()) {
                Some(MenuAction::Hide) => {
                    self.hidden = Hidden::UntilWord(self.answer.token.start);
                    self.selected = None;
                    self.render(now, reads_keys);
                    // In vi mode the key also leaves insert mode; elsewhere the shell would take it for Meta.
                    return !self.world.has_vi_keys();
                }
                Some(action) if fresh && reads_keys() => return self.act_on_menu(action, now, reads_keys),
                _ => {}
            }
        }
        match ghost_action(key) {
            Some(action) if self.painted.has_ghost() && fresh && reads_keys() => self.accept_ghost(action),
            _ => false,
        }
    }

    /// Whether what is shown belongs to the line as it is now.
    fn is_fresh(&self) -> bool {
        !self.awaiting
            && self.is_editing()
            && self.edit.is_command_line()
            && self.answer.generation == self.edit.generation()
    }

    fn act_on_menu(&mut self, action: MenuAction, now: Instant, reads_keys: &dyn Fn() -> bool) -> bool {
        let rows = self.answer.candidates.len();
        if rows == 0 {
            return false;
        }
        let page = self.painted.page();
        let to = match (action, self.selected) {
            (MenuAction::Complete, _) => return self.complete(now, reads_keys),
            (MenuAction::Insert, Some(row)) => return self.accept_row(row, now, reads_keys),
            (MenuAction::Insert | MenuAction::Hide, _) => return false,
            (MenuAction::Next, None) => Some(0),
            (MenuAction::Next, Some(row)) => Some((row + 1).min(rows - 1)),
            (MenuAction::Previous, row) => row.and_then(|row| row.checked_sub(1)),
            (MenuAction::NextPage, row) => Some((row.unwrap_or(0) + page).min(rows - 1)),
            (MenuAction::PreviousPage, row) => Some(row.unwrap_or(0).saturating_sub(page)),
        };
        self.select(to, now, reads_keys);
        true
    }

    fn select(&mut self, row: Option<usize>, now: Instant, reads_keys: &dyn Fn() -> bool) {
        self.selected = row;
        self.render(now, reads_keys);
    }

    /// Tab: the selected row, the only row, what is common to all rows, or else into the list. A row that does more than
    /// to change the line is left to Enter; where there is nothing else, the key is the shell's.
    fn complete(&mut self, now: Instant, reads_keys: &dyn Fn() -> bool) -> bool {
        if let Some(row) = self.selected {
            let acts = self.answer.candidates.get(row).is_some_and(|row| row.action.is_some());
            return acts || self.accept_row(row, now, reads_keys);
        }
        let rows = insertable(&self.answer);
        match rows.as_slice() {
            [] => return false,
            [(only, _)] => return self.accept_row(*only, now, reads_keys),
            _ => {}
        }
        match common_edit(&rows, self.edit.text()) {
            Some(edit) => self.apply(&edit),
            None => {
                self.select(Some(0), now, reads_keys);
                true
            }
        }
    }

    fn accept_row(&mut self, row: usize, now: Instant, reads_keys: &dyn Fn() -> bool) -> bool {
        let Some(candidate) = self.answer.candidates.get(row) else { return false };
        if let Some(action) = candidate.action.clone() {
            self.act_for(action, now, reads_keys);
            return true;
        }
        let edit = candidate.edit.clone();
        let accepted = Accepted { command: self.answer.command.clone(), name: candidate.name.clone() };
        let applied = self.apply(&edit);
        if applied {
            self.effects.push(Effect::Tell(ToDaemon::Accepted(accepted)));
        }
        applied
    }

    /// Does what a row does beside changing the line, and asks about the same line again. The list stays as it is until
    /// the answer comes.
    fn act_for(&mut self, action: Action, now: Instant, reads_keys: &dyn Fn() -> bool) {
        let Action::Trust(folder) = action;
        let wanted = TrustFolder { folder, revoke: false, anyway: true };
        self.effects.push(Effect::Tell(ToDaemon::Trust(wanted)));
        self.selected = None;
        self.tell_request();
        self.render(now, reads_keys);
    }

    fn accept_ghost(&mut self, action: GhostAction) -> bool {
        let Some(ghost) = self.ghost() else { return false };
        let text = match action {
            GhostAction::Accept => ghost.as_str(),
            GhostAction::AcceptWord => first_word(&ghost),
        };
        let at = self.edit.text().len() as u32;
        let edit = Edit { start: at, end: at, text: text.to_owned(), cursor: at + text.len() as u32 };
        self.apply(&edit)
    }

    /// Hands an edit to the shell.
    fn apply(&mut self, edit: &Edit) -> bool {
        let old = self.edit.text().to_owned();
        let Some(new) = edit.apply(&old) else { return false };
        let Some(before) = new.get(..edit.cursor as usize) else { return false };
        if self.prefix_open || old.contains('\0') || new.contains('\0') {
            return false;
        }
        let cursor = before.chars().count();
        self.selected = None;
        self.hidden = Hidden::No;
        self.awaiting = true;
        self.report_asked = true;
        self.report_old = false;
        self.effects.push(Effect::Edit { cursor, old, new });
        self.effects.push(Effect::Shell(APPLY_KEY.to_vec()));
        true
    }

    /// Passes a key on, and remembers what it may do to the line.
    fn forward(&mut self, key: Key, raw: Vec<u8>, now: Instant) {
        let Some(&last) = raw.last() else { return };
        match key {
            Key::Text | Key::Erase | Key::Tab => self.hidden = self.hidden_after_typing(),
            Key::Up | Key::Down | Key::PageUp | Key::PageDown | Key::Ctrl(b'p' | b'n' | b'r' | b's') => {
                self.hidden = Hidden::UntilTyped;
            }
            _ => {}
        }
        self.prefix_open = matches!(last, 0x1b | 0x16 | 0x11 | 0x18);
        let leaves = matches!(key, Key::Enter | Key::Ctrl(b'c' | b'o'));
        if self.is_editing() {
            self.awaiting = true;
            self.echo_until = self.tells_when_asked().then(|| now + ECHO_LIMIT);
            self.report_old |= self.report_asked;
            let keys = if key == Key::Text { raw.len() } else { 1 };
            self.unechoed = self.unechoed.saturating_add(keys);
            if leaves {
                self.leave_line(now);
            }
        } else {
            self.typed_ahead = true;
            self.entered_ahead |= leaves;
        }
        let escapes = raw[0] == 0x1b && !matches!(raw.get(1), Some(b'[' | b'O'));
        self.left_insert |= escapes && self.shell == Some(Shell::Bash) && self.world.has_vi_keys();
        self.effects.push(Effect::Shell(raw));
    }

    fn hidden_after_typing(&self) -> Hidden {
        if self.hidden == Hidden::UntilTyped { Hidden::No } else { self.hidden }
    }

    /// The line has been given to the shell, or given up: whatever comes next is not it.
    fn leave_line(&mut self, now: Instant) {
        self.left_until = Some(now + RETURN_LIMIT);
        self.typed_ahead = false;
        self.awaiting = false;
        self.report_old = false;
        self.selected = None;
        if self.shell == Some(Shell::Bash) {
            self.edit.lose();
        }
    }

    /// Whether keys go into a line. After Enter they do not, even before the shell has said that it runs something: a key
    /// of ours would then reach the program.
    fn is_editing(&self) -> bool {
        self.phase == Phase::Prompt && self.left_until.is_none()
    }

    /// A prompt is there. If Enter has been typed ahead the line at it may already be on its way, and is not asked about
    /// for a moment.
    fn begin_line(&mut self, now: Instant) {
        self.phase = Phase::Prompt;
        self.left_until = std::mem::take(&mut self.entered_ahead).then(|| now + AHEAD_LIMIT);
        self.typed_ahead &= self.left_until.is_some();
        self.awaiting |= self.shell == Some(Shell::Fish);
    }

    /// The shell has had its time after Enter and runs nothing: what was typed since is in its line.
    fn return_to_line(&mut self, now: Instant, reads_keys: &dyn Fn() -> bool) {
        if self.phase == Phase::Prompt && std::mem::take(&mut self.typed_ahead) {
            self.awaiting = true;
            self.read_screen(reads_keys);
            self.line_may_have_changed(now, reads_keys);
        }
    }

    /// Whether the shell tells its line when it is asked. bash is only asked when the screen leaves a doubt.
    fn tells_when_asked(&self) -> bool {
        matches!(self.shell, Some(Shell::Zsh | Shell::Fish))
    }

    /// Asks for the line after keys whose echo has come, so that asking never delays it.
    fn ask_line(&mut self, reads_keys: &dyn Fn() -> bool) {
        let wanted = self.tells_when_asked() && self.awaiting && self.echo_until.is_none();
        if wanted && !self.decoder.is_pasting() {
            self.ask_report(reads_keys);
        }
    }

    fn ask_report(&mut self, reads_keys: &dyn Fn() -> bool) {
        if self.report_asked || !self.is_editing() {
            return;
        }
        // zsh is asked through a pipe; the others by a key, which must not become part of anything else.
        if self.shell == Some(Shell::Zsh) {
            self.report_asked = true;
            // A key on its way may be overtaken by the question, which is then asked once more.
            self.report_old = std::mem::take(&mut self.unechoed) > 0;
            return self.effects.push(Effect::Ask);
        }
        if self.prefix_open {
            return;
        }
        if self.waits_for_character() || !reads_keys() {
            return;
        }
        self.report_asked = true;
        self.report_old = false;
        self.effects.push(Effect::Shell(REPORT_KEY.to_vec()));
    }

    /// In vi's command mode a key may be the argument of `f`, `t` or `r`: then an injected one would be taken for it.
    fn waits_for_character(&self) -> bool {
        let sent = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Shell(bytes) => bytes.last(),
            _ => None,
        });
        self.edit.is_vi_command() && sent.is_some_and(|byte| b"fFtT".contains(byte))
    }

    /// Edits do not reach the shell: from now on nothing is offered, and every key is the shell's.
    pub fn stop_offering(&mut self) {
        self.can_insert = false;
        self.conceal();
    }

    // Output.

    /// The shell or a program wrote. What the terminal gets of it comes back at once; [`Session::absorb`] does the rest.
    pub fn on_output(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.steps.is_empty() && !self.painted.is_shown() && self.tap.passes(bytes) {
            self.raw.extend_from_slice(bytes);
            self.output += bytes.len() as u64;
            return bytes.to_vec();
        }
        self.split_raw();
        let mut forward = self.split(bytes);
        self.output += forward.len() as u64;
        if forward.is_empty() || !self.painted.is_shown() {
            return forward;
        }
        let mut clean = self.make_way(&forward);
        clean.append(&mut forward);
        clean
    }

    /// Splits output into what the terminal gets, which comes back, and steps for us.
    fn split(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut forward = Vec::with_capacity(bytes.len() + 64);
        let steps = &mut self.steps;
        let size = &mut self.steps_size;
        self.tap.push(bytes, |piece| match piece {
            Piece::Both(bytes) => {
                forward.extend_from_slice(bytes);
                *size += bytes.len();
                match steps.last_mut() {
                    Some(Step::Feed(fed)) => fed.extend_from_slice(bytes),
                    _ => steps.push(Step::Feed(bytes.to_vec())),
                }
            }
            Piece::TerminalOnly(bytes) => forward.extend_from_slice(bytes),
            Piece::CancelModel => steps.push(Step::Feed(vec![0x18])),
            Piece::Image => steps.push(Step::Image),
            Piece::Mark(mark) => steps.push(Step::Mark(mark)),
        });
        forward
    }

    /// Splits the output that was passed on as it came; of a flood only what is still to be seen goes to the model.
    fn split_raw(&mut self) {
        let raw = std::mem::take(&mut self.raw);
        let is_plain = self.tap.at_ground() && !self.tap.has_margins(self.screen.size().0);
        let kept = (is_plain && self.steps.is_empty() && !self.screen.has_odd_modes())
            .then(|| skim(&raw, self.screen.size().0))
            .flatten();
        match kept {
            Some(kept) => {
                self.tap.skip_plain(&raw);
                self.steps_size += kept.len();
                self.steps.push(Step::Feed(kept));
            }
            // It has reached the terminal already.
            None => drop(self.split(&raw)),
        }
    }

    /// What takes away so much of ours as this output could run into.
    fn make_way(&mut self, output: &[u8]) -> Vec<u8> {
        let (_, cols) = self.screen.size();
        if stays_on_row(output, self.screen.cursor().col, cols) {
            overlay::erase_ghost(&self.screen, &mut self.painted)
        } else {
            overlay::hide(&self.screen, &mut self.painted)
        }
    }

    /// How much has been passed on and not been followed yet, in bytes and marks.
    pub fn backlog(&self) -> usize {
        if self.start_until.is_some() && self.steps_size + self.raw.len() < MAX_START_OUTPUT {
            return 0;
        }
        self.steps_size + self.steps.len() + self.raw.len()
    }

    /// Whether something of ours is on the screen.
    pub fn is_drawn(&self) -> bool {
        self.painted.is_shown()
    }

    /// Follows what was written: feeds the model, reads the marks, learns the line, asks.
    pub fn absorb(&mut self, now: Instant, reads_keys: &dyn Fn() -> bool) {
        if self.start_until.is_some() && self.steps_size + self.raw.len() < MAX_START_OUTPUT {
            return;
        }
        self.start_until = None;
        self.split_raw();
        let shown = !self.steps.is_empty();
        self.steps_size = 0;
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Feed(bytes) => {
                    self.screen.feed(&bytes);
                    self.on_echo();
                }
                Step::Image => self.screen.doubt(),
                Step::Mark(mark) => self.on_mark(mark, now),
            }
        }
        if shown {
            self.read_screen(reads_keys);
            self.line_may_have_changed(now, reads_keys);
        }
    }

    /// The shell wrote: what was typed is on the screen. zsh also writes when something else than a key has changed its
    /// line.
    fn on_echo(&mut self) {
        self.echo_until = None;
        self.unechoed = self.unechoed.saturating_sub(1).min(1);
        self.awaiting |= self.shell == Some(Shell::Zsh) && self.is_editing();
    }

    fn on_mark(&mut self, mark: Mark, now: Instant) {
        match mark {
            Mark::Hello { shell, version } => {
                tracing::info!("{} {version} reports", shell.name());
                self.shell = Some(shell);
                self.world.set_shell(shell);
                self.effects.push(Effect::Connect);
            }
            Mark::World { name, text } => self.world.set(&name, text),
            Mark::Done(status) => self.on_done(status, now),
            Mark::Begin => {
                self.screen.begin_line();
                self.begin_line(now);
            }
            Mark::Line { state, cursor, text } => {
                self.phase = Phase::Prompt;
                if self.shell == Some(Shell::Zsh) {
                    self.left_until = None;
                }
                self.awaiting = std::mem::take(&mut self.report_old) && self.tells_when_asked();
                if std::mem::take(&mut self.report_asked) {
                    self.effects.push(Effect::ClearEdit);
                }
                self.edit.report(state, text, cursor);
            }
            Mark::End => self.stop_editing(),
            Mark::Run => self.on_run(now),
        }
    }

    /// A command line starts to run.
    fn on_run(&mut self, now: Instant) {
        let line = match self.shell {
            Some(Shell::Bash) => self.screen.read_line().map(|reading| reading.text),
            _ => Some(self.edit.text().to_owned()),
        };
        let line = line.map(|line| line.trim_end_matches('\n').to_owned()).filter(|line| !line.is_empty());
        self.running = line.map(|line| (line, now));
        self.phase = Phase::Running;
        self.left_until = None;
        self.stop_editing();
    }

    /// A prompt is about to be drawn.
    fn on_done(&mut self, status: i32, now: Instant) {
        if let Some((line, since)) = self.running.take() {
            let duration = now.duration_since(since);
            let ended =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let started = ended.saturating_sub(duration).as_millis() as u64;
            let cwd = self.world.cwd().to_owned();
            let duration = duration.as_millis() as u64;
            let ran = Ran { line, cwd, status: Some(status), started, duration };
            self.effects.push(Effect::Tell(ToDaemon::Ran(ran)));
        }
        self.phase = Phase::Prompt;
        self.left_until = None;
        self.left_insert = false;
        self.stop_editing();
    }

    fn stop_editing(&mut self) {
        self.edit.lose();
        self.screen.end_line();
        self.selected = None;
        self.hidden = Hidden::No;
        self.report_asked = false;
        self.report_old = false;
        self.awaiting = false;
        self.echo_until = None;
        self.unechoed = 0;
    }

    /// bash does not tell its line: it is read off the screen, and asked for when the screen leaves a doubt.
    fn read_screen(&mut self, reads_keys: &dyn Fn() -> bool) {
        if self.shell != Some(Shell::Bash) || !self.is_editing() || self.report_asked {
            return;
        }
        match self.screen.read_line().filter(|_| !self.left_insert) {
            None => drop(self.edit.lose()),
            // Only after a key: what is written without one may be a program that has just been started.
            Some(reading) if !reading.certain && reading.text != self.edit.text() => {
                if self.awaiting {
                    self.ask_report(reads_keys);
                }
            }
            Some(reading) => {
                self.awaiting = false;
                self.edit.read(reading);
            }
        }
    }

    // Asking and showing.

    /// Asks about the line if it is new, and brings what is shown up to it.
    fn line_may_have_changed(&mut self, now: Instant, reads_keys: &dyn Fn() -> bool) {
        self.ask_line(reads_keys);
        if self.edit.is_command_line() && self.asked != self.edit.generation() {
            self.ask(now);
        }
        self.render(now, reads_keys);
        if !self.is_answer_coming() {
            self.take_held(now, reads_keys);
        }
    }

    fn ask(&mut self, now: Instant) {
        self.asked = self.edit.generation();
        if self.edit.text().trim().is_empty() {
            self.answer = Answer { generation: self.edit.generation(), ..Answer::default() };
            self.selected = None;
            return;
        }
        self.stale_until = Some(now + STALE_LIMIT);
        self.tell_request();
    }

    fn tell_request(&mut self) {
        self.effects.push(Effect::Connect);
        if let Some(context) = self.world.untold() {
            self.effects.push(Effect::Tell(ToDaemon::Context(context)));
        }
        self.effects.push(Effect::Tell(ToDaemon::Complete(Request {
            generation: self.edit.generation(),
            line: self.edit.text().to_owned(),
            cursor: self.edit.cursor() as u32,
            wait: SLOW_LIMIT,
            limit: 0,
            spec_dir: String::new(),
        })));
    }

    /// The connection to the daemon has come or gone.
    pub fn on_connection(&mut self, connected: bool, now: Instant, reads_keys: &dyn Fn() -> bool) {
        let came = connected && !self.connected;
        self.connected = connected;
        if came {
            self.world.forget_told();
            if self.edit.is_command_line() && !self.edit.text().trim().is_empty() {
                self.tell_request();
            }
        }
        if !connected {
            self.take_held(now, reads_keys);
        }
    }

    /// The daemon said something.
    pub fn on_answer(&mut self, message: FromDaemon, now: Instant, reads_keys: &dyn Fn() -> bool) {
        let FromDaemon::Answer(answer) = message else { return };
        if answer.generation != self.edit.generation() || !self.edit.is_command_line() {
            return;
        }
        self.stale_until = None;
        let again = answer.generation == self.answer.generation;
        let chosen =
            self.selected.and_then(|row| self.answer.candidates.get(row)).map(|row| row.name.clone());
        self.selected = match chosen {
            Some(name) if again => answer.candidates.iter().position(|row| row.name == name),
            _ => None,
        };
        if matches!(self.hidden, Hidden::UntilWord(start) if answer.token.start != start) {
            self.hidden = Hidden::No;
        }
        self.answer = *answer;
        self.render(now, reads_keys);
        self.take_held(now, reads_keys);
        self.ask_line(reads_keys);
    }

    /// Shows what is to be shown, or takes it away.
    fn render(&mut self, now: Instant, reads_keys: &dyn Fn() -> bool) {
        if !self.wants_overlay() || !self.may_draw() || !reads_keys() {
            return self.conceal();
        }
        if !self.screen.is_placed() {
            self.conceal();
            return self.ask_position();
        }
        let fresh = self.answer.generation == self.edit.generation();
        if !fresh && self.stale_until.is_none_or(|limit| now >= limit) {
            return self.conceal();
        }
        let bytes = if fresh {
            let menu = self.shows_menu().then_some((&self.answer, self.selected));
            let ghost = self.ghost();
            let want = Want { menu, ghost: ghost.as_deref(), column: self.token_column() };
            let frame = overlay::frame(&want, &self.screen, &self.painted, &self.style);
            overlay::show(&self.screen, &frame, &mut self.painted, &self.style)
        } else {
            overlay::show_ghost(&self.screen, self.ghost().as_deref(), &mut self.painted, &self.style)
        };
        self.draw(bytes);
    }

    fn draw(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.effects.push(Effect::Terminal(bytes));
        }
    }

    /// Takes away what is shown.
    fn conceal(&mut self) {
        if self.painted.is_shown() {
            let bytes = overlay::hide(&self.screen, &mut self.painted);
            self.draw(bytes);
        }
    }

    /// Whether there is anything to show at all.
    fn wants_overlay(&self) -> bool {
        let editing = self.is_editing() && self.shell.is_some() && self.edit.is_command_line();
        editing
            && self.can_insert
            && !self.edit.text().trim().is_empty()
            && (self.shows_menu() || self.ghost().is_some())
    }

    /// Whether drawing here and coming back leaves no trace.
    fn may_draw(&self) -> bool {
        self.tap.at_ground()
            && !self.tap.has_margins(self.screen.size().0)
            && !self.screen.has_odd_modes()
            && !self.screen.has_doubtful_row()
            && self.screen.sync_deadline().is_none()
            && !self.decoder.is_pasting()
    }

    fn shows_menu(&self) -> bool {
        self.hidden == Hidden::No && !is_settled(&self.answer, self.edit.text())
    }

    /// What is shown after the cursor: what the selected row would add, else the answer's own continuation. While the
    /// answer to this very line is on its way, that to the line before it still tells if it goes on the same way.
    fn ghost(&self) -> Option<String> {
        if !self.edit.at_end() || self.hidden == Hidden::UntilTyped {
            return None;
        }
        if let (Some(row), true) = (self.selected, self.answer.generation == self.edit.generation()) {
            return continuation(&self.answer.candidates.get(row)?.edit, self.edit.text());
        }
        let ghost = &self.answer.ghost.as_ref()?.text;
        if self.answer.generation == self.edit.generation() {
            return Some(ghost.clone());
        }
        let typed = self.edit.text().strip_prefix(self.answered_line()?)?;
        let rest = ghost.strip_prefix(typed)?;
        (!rest.is_empty()).then(|| rest.to_owned())
    }

    /// The line that the answer at hand belongs to, as far as the line now begins with it.
    fn answered_line(&self) -> Option<&str> {
        self.edit.text().get(..self.answer.token.end as usize)
    }

    /// Column of the word being completed.
    fn token_column(&self) -> usize {
        use unicode_width::UnicodeWidthStr;
        let word = self.edit.text().get(self.answer.token.start as usize..self.edit.cursor()).unwrap_or("");
        self.screen.cursor().col.saturating_sub(word.width())
    }

    // The place of the cursor.

    fn ask_position(&mut self) {
        if !self.decoder.expects_position() && self.position_tries < MAX_POSITION_TRIES {
            self.position_tries += 1;
            self.decoder.expect_position();
            self.asked_at = self.output;
            self.effects.push(Effect::Terminal(ASK_POSITION.to_vec()));
        }
    }

    fn on_position(&mut self, row: usize, col: usize, now: Instant, reads_keys: &dyn Fn() -> bool) {
        let starting = self.start_until.take().is_some();
        if starting || self.asked_at == self.output {
            self.screen.place(row, col);
            self.position_tries = 0;
        }
        if starting {
            return self.absorb(now, reads_keys);
        }
        self.render(now, reads_keys);
    }

    /// The terminal has another size. The shell is to be told after the effects of this.
    pub fn on_resize(&mut self, rows: usize, cols: usize) {
        if self.painted.is_shown() {
            let bytes = overlay::hide_for_resize(&self.screen, &mut self.painted);
            self.draw(bytes);
        }
        self.tap.reset_margins();
        self.screen.resize(rows, cols);
        self.position_tries = 0;
    }

    // The clock.

    /// A limit has passed.
    pub fn on_time(&mut self, now: Instant, reads_keys: &dyn Fn() -> bool) {
        let passed = |limit: &mut Option<Instant>| limit.take_if(|limit| *limit <= now).is_some();
        if self.screen.sync_deadline().is_some_and(|limit| limit <= now) {
            self.screen.end_sync();
            self.render(now, reads_keys);
        }
        if passed(&mut self.start_until) {
            self.absorb(now, reads_keys);
        }
        if passed(&mut self.partial_until) {
            let inputs = self.decoder.flush();
            self.held.extend(inputs);
            self.take_held(now, reads_keys);
            self.ask_line(reads_keys);
        }
        if passed(&mut self.hold_until) && !self.held.is_empty() {
            // The shell has had its time: keys that change nothing, such as Right at the end, are not answered by all.
            self.awaiting = false;
            let first = self.held.remove(0);
            self.take(first, now, reads_keys);
            self.take_held(now, reads_keys);
            self.ask_line(reads_keys);
        }
        if passed(&mut self.echo_until) {
            self.ask_line(reads_keys);
        }
        if passed(&mut self.left_until) {
            self.return_to_line(now, reads_keys);
        }
        if passed(&mut self.stale_until) {
            self.render(now, reads_keys);
        }
    }

    /// The child has ended: takes everything of ours off the screen and gives back what the tap held.
    pub fn on_end(&mut self) {
        self.conceal();
        let mut rest = Vec::new();
        self.tap.finish(|piece| {
            if let Piece::TerminalOnly(bytes) = piece {
                rest.extend_from_slice(bytes);
            }
        });
        self.draw(rest);
    }
}

/// Whether there is nothing to choose: no rows and no hint, or one row that would change nothing.
fn is_settled(answer: &Answer, line: &str) -> bool {
    let unchanged = |edit: &Edit| edit.apply(line).is_some_and(|new| new.trim_end() == line.trim_end());
    let (acting, rows): (Vec<&Candidate>, Vec<&Candidate>) =
        answer.candidates.iter().partition(|row| row.action.is_some());
    match rows.as_slice() {
        [] if !acting.is_empty() => false,
        [] => answer.argument.as_ref().is_none_or(|argument| argument.name.is_empty()) || answer.pending,
        [only] => unchanged(&only.edit),
        _ => false,
    }
}

/// What an edit adds at the end of the line, if that is all it does.
fn continuation(edit: &Edit, line: &str) -> Option<String> {
    let new = edit.apply(line)?;
    let rest = new.strip_prefix(line)?;
    (!rest.is_empty() && edit.cursor as usize == new.len()).then(|| rest.to_owned())
}

/// The rows that Tab looks at, with their places: those that only change the line. One that stands for itself, such as
/// what is typed, does not count beside another.
fn insertable(answer: &Answer) -> Vec<(usize, &Candidate)> {
    let rows = answer.candidates.iter().enumerate().filter(|(_, row)| row.action.is_none());
    let (special, others): (Vec<_>, Vec<_>) = rows.partition(|(_, row)| row.kind == Kind::Special);
    if others.is_empty() { special } else { others }
}

/// The edit that inserts what all rows begin with, if that is more than what is typed.
fn common_edit(rows: &[(usize, &Candidate)], line: &str) -> Option<Edit> {
    let ((_, first), others) = rows.split_first()?;
    let mut common = first.edit.text.as_str();
    for (_, row) in others {
        if (row.edit.start, row.edit.end) != (first.edit.start, first.edit.end) {
            return None;
        }
        common = common_prefix(common, &row.edit.text);
    }
    let typed = line.get(first.edit.start as usize..first.edit.end as usize)?;
    let common = whole_escapes(common);
    if common.len() <= typed.len() || !common.starts_with(typed) {
        return None;
    }
    let cursor = first.edit.start + common.len() as u32;
    Some(Edit { start: first.edit.start, end: first.edit.end, text: common.to_owned(), cursor })
}

/// Without the blanks at its end, unless a backslash makes the first of them part of the word, and without a backslash
/// that has lost what it quotes.
fn whole_escapes(text: &str) -> &str {
    let trimmed = text.trim_end_matches(' ');
    let backslashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
    match (backslashes % 2 == 1, trimmed.len() < text.len()) {
        (true, true) => &text[..trimmed.len() + 1],
        (true, false) => &trimmed[..trimmed.len() - 1],
        (false, _) => trimmed,
    }
}

/// What both begin with, in whole characters.
fn common_prefix<'a>(a: &'a str, b: &str) -> &'a str {
    let equal = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    &a[..equal]
}

/// The first word with the blanks before it, and a `/` or blank that ends it.
fn first_word(text: &str) -> &str {
    let start = text.len() - text.trim_start().len();
    let end = text[start..].find([' ', '/']).map_or(text.len(), |at| start + at + 1);
    &text[..end]
}

/// Whether output can only touch the row of the cursor: what line editors print for most keys. Everything that could
/// scroll, move to another row or erase below is not.
fn stays_on_row(output: &[u8], col: usize, cols: usize) -> bool {
    let mut col = col;
    let mut rest = output;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            0x1b => {
                let Some((length, motion)) = row_sequence(after) else { return false };
                col = col.saturating_add_signed(motion);
                rest = &after[length..];
            }
            0x08 => col = col.saturating_sub(1),
            0x0d => col = 0,
            0x07 | 0x80..=0xbf => {}
            0x20..=0x7e => col += 1,
            0xc0.. => col += 2,
            _ => return false,
        }
        if col >= cols {
            return false;
        }
    }
    true
}

/// Length of a sequence after its ESC, and how far it moves the cursor to the right, if it stays on the row: colours,
/// motion in the row, erasing in the row, modes.
fn row_sequence(after: &[u8]) -> Option<(usize, isize)> {
    let body = after.strip_prefix(b"[")?;
    let end = body.iter().position(|byte| !(0x20..0x40).contains(byte))?;
    let (parameters, length) = (&body[..end], end + 2);
    let count = || std::str::from_utf8(parameters).ok()?.parse::<i16>().ok().map(isize::from);
    let count = if parameters.is_empty() { Some(1) } else { count() };
    match body[end] {
        b'm' | b'K' | b'P' | b'@' | b'X' if parameters.first() != Some(&b'?') => Some((length, 0)),
        b'C' => Some((length, count?)),
        b'D' => Some((length, -count?)),
        b'h' | b'l' if matches!(parameters, b"?25" | b"?2004" | b"?1" | b"?12") => Some((length, 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
