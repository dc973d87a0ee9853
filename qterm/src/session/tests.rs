//! The state machine against a terminal of another make: what is sent to the shell, what is on the screen.

use std::num::NonZeroU16;

use protocol::{Answer, Candidate, Edit, FromDaemon, Ghost, Kind, Token};

use super::*;

const SECRET: &str = "00112233445566778899aabbccddeeff";
const ROWS: u16 = 12;
const COLS: u16 = 50;

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap()
}

fn terminal(cols: u16) -> vt100::Parser {
    vt100::Parser::new(size(ROWS), size(cols), 0)
}

/// A session between an independent terminal and a shell that is played by the test.
struct Bench {
    session: Session,
    terminal: vt100::Parser,
    to_shell: Vec<u8>,
    told: Vec<ToDaemon>,
    edits: Vec<(usize, String, String)>,
    /// How often a shell that listens was asked.
    asked: usize,
    now: Instant,
    reads_keys: bool,
    prompt_col: usize,
}

impl Bench {
    fn new(shell: &str) -> Bench {
        let now = Instant::now();
        let style = Style::from_env(|name| match name {
            "TERM" => Some("xterm-256color".to_owned()),
            "LANG" => Some("C.UTF-8".to_owned()),
            _ => None,
        });
        let setup =
            Setup { secret: SECRET.into(), session: "s".into(), style, remote: false, variables: vec![] };
        let mut bench = Bench {
            session: Session::new(setup, ROWS.into(), COLS.into(), now),
            terminal: terminal(COLS),
            to_shell: vec![],
            told: vec![],
            edits: vec![],
            asked: 0,
            now,
            reads_keys: true,
            prompt_col: 2,
        };
        bench.carry_out();
        bench.types(b"\x1b[1;1R");
        bench.with(|session, now, keys| session.on_connection(true, now, keys));
        bench.shell_mark(&format!("H;{shell};5.9;1"));
        bench.prompt();
        bench
    }

    fn with(&mut self, work: impl FnOnce(&mut Session, Instant, &dyn Fn() -> bool)) {
        let reads_keys = self.reads_keys;
        work(&mut self.session, self.now, &|| reads_keys);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        loop {
            let effects = self.session.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Terminal(bytes) => self.terminal.process(&bytes),
                    Effect::Shell(bytes) => self.to_shell.extend(bytes),
                    Effect::Tell(message) => self.told.push(message),
                    Effect::Edit { cursor, old, new } => self.edits.push((cursor, old, new)),
                    Effect::Ask => self.asked += 1,
                    Effect::Connect | Effect::ClearEdit => {}
                }
            }
        }
    }

    fn types(&mut self, bytes: &[u8]) {
        self.with(|session, now, keys| session.on_input(bytes, now, keys));
    }

    fn shell_writes(&mut self, bytes: &[u8]) {
        let forward = self.session.on_output(bytes);
        self.terminal.process(&forward);
        self.with(|session, now, keys| session.absorb(now, keys));
    }

    fn shell_mark(&mut self, body: &str) {
        self.shell_writes(format!("\x1b]6977;{SECRET};{body}\x07").as_bytes());
    }

    fn prompt(&mut self) {
        self.shell_mark("D;0");
        self.shell_writes(b"$ ");
        self.shell_mark("B");
        self.shell_mark("L;main;0;q:''");
    }

    /// The shell has this line now, with the cursor at its end, and has echoed it.
    fn line(&mut self, line: &str) {
        let echo = format!("\r\x1b[{}C\x1b[K{line}", self.prompt_col);
        self.shell_writes(echo.as_bytes());
        let mark = format!("L;main;{};u:{}", line.chars().count(), line.replace(' ', "%20"));
        // A shell that is asked once more says the same.
        for _ in 0..2 {
            let asked = self.asked;
            self.shell_mark(&mark);
            if self.asked == asked {
                return;
            }
        }
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
        self.with(|session, now, keys| session.on_time(now, keys));
    }

    fn generation(&self) -> u64 {
        let asked = self.told.iter().rev().find_map(|message| match message {
            ToDaemon::Complete(request) => Some(request.generation),
            _ => None,
        });
        asked.expect("something was asked")
    }

    /// The daemon answers the last question with these names for the word that starts here.
    fn answers(&mut self, start: usize, names: &[&str], ghost: Option<&str>) {
        let line = self.session.edit.text().to_owned();
        let row = |name: &&str| {
            let text = format!("{name} ");
            let cursor = (start + text.len()) as u32;
            Candidate {
                name: name.to_string(),
                names: vec![name.to_string()],
                display: name.to_string(),
                kind: Kind::Subcommand,
                edit: Edit { start: start as u32, end: line.len() as u32, text, cursor },
                ..Candidate::default()
            }
        };
        let answer = Answer {
            generation: self.generation(),
            token: Token { start: start as u32, end: line.len() as u32, text: line[start..].to_owned() },
            query: line[start..].to_owned(),
            candidates: names.iter().map(row).collect(),
            ghost: ghost.map(|text| Ghost { text: text.to_owned(), source: "history".into() }),
            ..Answer::default()
        };
        self.with(|session, now, keys| session.on_answer(FromDaemon::Answer(Box::new(answer)), now, keys));
    }

    /// The same answer with one more row at its end, which asks for trust.
    fn answers_with_trust(&mut self, start: usize, names: &[&str]) {
        self.answers(start, names, None);
        let at = self.session.edit.text().len() as u32;
        let row = Candidate {
            name: "Trust this folder".into(),
            display: "Trust this folder".into(),
            kind: Kind::Special,
            edit: Edit { start: at, end: at, text: String::new(), cursor: at },
            action: Some(Action::Trust("/r".into())),
            ..Candidate::default()
        };
        let mut answer = self.session.answer.clone();
        answer.candidates.push(row);
        self.with(|session, now, keys| session.on_answer(FromDaemon::Answer(Box::new(answer)), now, keys));
    }

    fn trusts(&self) -> usize {
        self.told.iter().filter(|message| matches!(message, ToDaemon::Trust(_))).count()
    }

    fn screen(&self) -> String {
        self.terminal.screen().contents()
    }

    fn take_shell(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.to_shell)
    }

    /// Types a line into the played shell.
    fn enter_line(&mut self, line: &str) {
        self.types(line.as_bytes());
        self.line(line);
        self.take_shell();
    }
}

fn zsh_with_menu() -> Bench {
    let mut bench = Bench::new("zsh");
    bench.enter_line("git che");
    bench.answers(4, &["checkout", "cherry", "cherry-pick"], Some("ckout"));
    bench
}

#[test]
fn a_dropdown_and_a_ghost_text_are_drawn_and_leave_no_trace() {
    let mut bench = zsh_with_menu();
    let screen = bench.screen();
    assert!(screen.contains("cherry-pick") && screen.contains("git checkout"), "{screen}");
    bench.line("");
    assert_eq!(bench.screen().trim_end(), "$");
}

#[test]
fn up_and_enter_are_the_shells_until_a_row_is_selected() {
    let mut bench = zsh_with_menu();
    bench.types(b"\x1b[A");
    assert_eq!(bench.take_shell(), b"\x1b[A");
    let mut bench = zsh_with_menu();
    bench.types(b"\r");
    assert_eq!(bench.take_shell(), b"\r");
    assert!(bench.edits.is_empty());
}

#[test]
fn down_selects_and_enter_inserts() {
    let mut bench = zsh_with_menu();
    bench.types(b"\x1b[B\x1b[B");
    assert_eq!(bench.take_shell(), b"");
    assert!(bench.screen().contains("git cherry"), "{}", bench.screen());
    bench.types(b"\r");
    assert_eq!(bench.take_shell(), APPLY_KEY);
    assert_eq!(bench.edits, [(11, "git che".to_owned(), "git cherry ".to_owned())]);
}

#[test]
fn each_further_answer_of_one_line_keeps_the_row_that_is_selected() {
    let mut bench = zsh_with_menu();
    bench.types(b"\x1b[B\x1b[B");
    assert!(bench.screen().contains("git cherry"), "{}", bench.screen());
    for names in [&["cheap", "checkout", "cherry"][..], &["cherry", "chew"], &["chess", "cherry", "chew"]] {
        bench.answers(4, names, None);
        let screen = bench.screen();
        assert!(names.iter().all(|name| screen.contains(name)), "{screen}");
        assert!(screen.contains("git cherry"), "the row moves with its name: {screen}");
    }
    bench.types(b"\r");
    assert_eq!(bench.edits, [(11, "git che".to_owned(), "git cherry ".to_owned())]);
}

/// A line whose only row asks for trust.
fn zsh_with_trust(names: &[&str]) -> Bench {
    let mut bench = Bench::new("zsh");
    bench.enter_line("rake b");
    bench.answers_with_trust(5, names);
    assert!(bench.screen().contains("Trust this folder"), "{}", bench.screen());
    bench
}

#[test]
fn a_row_that_asks_for_trust_wants_to_be_selected_and_entered() {
    let mut bench = zsh_with_trust(&["build"]);
    bench.types(b"\x1b[B\x1b[B\r");
    assert_eq!((bench.take_shell(), bench.edits.len()), (Vec::new(), 0), "the line stays as it is");
    let wanted = TrustFolder { folder: "/r".into(), revoke: false, anyway: true };
    let [.., ToDaemon::Trust(trusted), ToDaemon::Complete(again)] = &bench.told[..] else {
        panic!("{:?}", bench.told)
    };
    assert_eq!((trusted, again.line.as_str()), (&wanted, "rake b"));
    bench.answers(5, &["build", "bundle"], None);
    assert!(bench.screen().contains("bundle") && !bench.screen().contains("Trust"), "{}", bench.screen());
}

#[test]
fn neither_tab_nor_enter_trusts_by_itself() {
    for keys in [&b"\t"[..], b"\r"] {
        let mut bench = zsh_with_trust(&[]);
        bench.types(keys);
        assert_eq!((bench.take_shell(), bench.trusts()), (keys.to_vec(), 0), "it is the shell's");
    }
    let mut bench = zsh_with_trust(&["build"]);
    bench.types(b"\t");
    assert_eq!(
        (bench.trusts(), &bench.edits[0].2),
        (0, &"rake build ".to_owned()),
        "the only row that inserts"
    );
    let mut bench = zsh_with_trust(&["build", "bundle"]);
    bench.types(b"\t");
    assert_eq!((bench.trusts(), &bench.edits[0].2), (0, &"rake bu".to_owned()), "what these have in common");
    let mut bench = zsh_with_trust(&["build"]);
    bench.types(b"\x1b[B\x1b[B\t\t");
    assert_eq!((bench.trusts(), bench.edits.len(), bench.take_shell()), (0, 0, Vec::new()), "a Tab too many");
}

#[test]
fn up_from_the_first_row_leaves_the_list() {
    let mut bench = zsh_with_menu();
    bench.types(b"\x1b[B\x1b[A\r");
    assert_eq!(bench.take_shell(), b"\r");
}

#[test]
fn tab_inserts_what_is_common_then_enters_the_list() {
    let mut bench = Bench::new("zsh");
    bench.enter_line("git c");
    bench.answers(4, &["checkout", "cherry", "cherry-pick"], None);
    bench.types(b"\t");
    assert_eq!(bench.edits, [(7, "git c".to_owned(), "git che".to_owned())]);
    bench.line("git che");
    bench.answers(4, &["checkout", "cherry", "cherry-pick"], None);
    bench.types(b"\t\t");
    assert_eq!(bench.edits[1], (13, "git che".to_owned(), "git checkout ".to_owned()));
}

#[test]
fn escape_hides_until_the_next_word() {
    let mut bench = zsh_with_menu();
    bench.types(b"\x1b");
    bench.passes(PARTIAL_LIMIT);
    assert_eq!(bench.take_shell(), b"");
    assert!(!bench.screen().contains("cherry-pick"));
    bench.types(b"\r");
    assert_eq!(bench.take_shell(), b"\r", "nothing is left to take Enter");
    let mut bench = zsh_with_menu();
    bench.types(b"\x1b");
    bench.passes(PARTIAL_LIMIT);
    bench.enter_line("git check");
    bench.answers(4, &["checkout", "check-x"], None);
    assert!(!bench.screen().contains("check-x"));
    bench.enter_line("git check ");
    bench.answers(10, &["main", "other"], None);
    assert!(bench.screen().contains("other"));
}

#[test]
fn right_accepts_the_ghost_text_and_ctrl_right_a_word() {
    let mut bench = Bench::new("zsh");
    bench.enter_line("git");
    bench.answers(0, &[], Some(" push origin main"));
    bench.types(b"\x1b[1;5C");
    assert_eq!(bench.edits.pop().unwrap().2, "git push ");
    bench.line("git push ");
    bench.answers(9, &[], Some("origin main"));
    bench.types(b"\x1b[C");
    assert_eq!(bench.edits.pop().unwrap().2, "git push origin main");
}

#[test]
fn typing_along_keeps_the_ghost_text() {
    let mut bench = zsh_with_menu();
    bench.enter_line("git chec");
    assert!(bench.screen().contains("git checkout"), "{}", bench.screen());
    bench.enter_line("git chex");
    assert!(!bench.screen().contains("git chexout"), "{}", bench.screen());
}

#[test]
fn a_stale_answer_is_dropped() {
    let mut bench = Bench::new("zsh");
    bench.enter_line("git ");
    let old = bench.generation();
    bench.enter_line("git p");
    assert!(bench.generation() > old);
    let answer = Answer {
        generation: old,
        ghost: Some(Ghost { text: "stale".into(), source: String::new() }),
        ..Answer::default()
    };
    bench.with(|session, now, keys| session.on_answer(FromDaemon::Answer(Box::new(answer)), now, keys));
    assert!(!bench.screen().contains("stale"));
}

#[test]
fn tab_in_a_burst_waits_for_the_answer() {
    let mut bench = Bench::new("zsh");
    bench.types(b"git che\tx");
    assert_eq!(bench.take_shell(), b"git che", "Tab and what follows wait");
    bench.line("git che");
    bench.answers(4, &["checkout"], None);
    assert_eq!(bench.take_shell(), [APPLY_KEY, b"x"].concat());
}

#[test]
fn the_start_of_a_key_does_not_overtake_keys_that_wait() {
    let mut bench = Bench::new("zsh");
    bench.types(b"git che\t\x1b");
    assert_eq!(bench.take_shell(), b"git che");
    bench.passes(HOLD_LIMIT);
    assert_eq!(bench.take_shell(), b"\t\x1b");
}

#[test]
fn a_held_tab_goes_to_the_shell_when_no_answer_comes() {
    let mut bench = Bench::new("zsh");
    bench.types(b"git che\t");
    bench.take_shell();
    bench.passes(HOLD_LIMIT);
    assert_eq!(bench.take_shell(), b"\t");
}

#[test]
fn rows_of_an_unanswered_line_go_away() {
    let mut bench = zsh_with_menu();
    bench.enter_line("git chx");
    assert!(bench.screen().contains("cherry-pick"), "kept for a moment");
    bench.passes(STALE_LIMIT);
    assert!(!bench.screen().contains("cherry-pick"));
}

#[test]
fn output_below_closes_the_menu_first() {
    let mut bench = zsh_with_menu();
    bench.types(b"\r");
    bench.shell_writes(b"\r\nresult\r\n");
    bench.shell_mark("C");
    let screen = bench.screen();
    assert_eq!(screen.trim_end(), "$ git che\nresult", "{screen}");
}

#[test]
fn nothing_is_drawn_unless_the_shell_reads_keys() {
    let mut bench = Bench::new("zsh");
    bench.reads_keys = false;
    bench.enter_line("git che");
    bench.answers(4, &["checkout", "cherry"], Some("ckout"));
    assert_eq!(bench.screen().trim_end(), "$ git che");
}

#[test]
fn nothing_is_drawn_on_the_alternate_screen_or_inside_a_sequence() {
    for bytes in [b"\x1b[?1049h".as_slice(), b"\x1b[2;5r\x1b[1;10H", b"\x1b[4h", b"\x1b[1;3", b"\xe2\x96"] {
        let mut bench = Bench::new("zsh");
        bench.enter_line("git che");
        bench.shell_writes(bytes);
        bench.answers(4, &["checkout", "cherry"], None);
        assert!(!bench.screen().contains("cherry"), "{bytes:?}");
    }
}

#[test]
fn history_keys_hide_the_dropdown_until_something_is_typed() {
    let mut bench = Bench::new("zsh");
    bench.types(b"\x1b[A");
    bench.line("git che");
    bench.answers(4, &["checkout", "cherry"], Some("ckout"));
    assert_eq!(bench.screen().trim_end(), "$ git che");
    bench.enter_line("git cher");
    bench.answers(4, &["cherry", "cherry-pick"], None);
    assert!(bench.screen().contains("cherry-pick"));
}

#[test]
fn a_paste_passes_verbatim_and_draws_nothing() {
    let mut bench = zsh_with_menu();
    let paste = b"\x1b[200~a\tb\r\x1b[B\x1b[201~";
    bench.types(paste);
    assert_eq!(bench.take_shell(), paste);
}

#[test]
fn fish_is_asked_once_after_a_burst() {
    let mut bench = Bench::new("fish");
    bench.take_shell();
    bench.shell_mark("L;main;0;u:");
    bench.take_shell();
    bench.types(b"gi");
    assert_eq!(bench.take_shell(), b"gi", "what is typed is drawn first");
    bench.shell_writes(b"gi");
    assert_eq!(bench.take_shell(), REPORT_KEY);
    bench.types(b"t");
    bench.shell_writes(b"t");
    assert_eq!(bench.take_shell(), b"t", "one is outstanding");
    bench.shell_mark("L;main;2;u:gi");
    assert_eq!(bench.take_shell(), REPORT_KEY, "a key has come since");
    bench.shell_mark("L;main;3;u:git");
    assert_eq!(bench.take_shell(), b"");
}

#[test]
fn a_key_without_an_echo_is_asked_about_a_little_later() {
    for (shell, key) in [("fish", REPORT_KEY), ("zsh", b"")] {
        let mut bench = Bench::new(shell);
        bench.shell_mark("L;main;0;u:");
        bench.take_shell();
        let asked = bench.asked;
        bench.types(b"\x1b[C");
        assert_eq!((bench.take_shell(), bench.asked), (b"\x1b[C".to_vec(), asked), "{shell}");
        bench.passes(ECHO_LIMIT);
        assert_eq!(
            (bench.take_shell(), bench.asked - asked),
            (key.to_vec(), usize::from(key.is_empty())),
            "{shell}"
        );
    }
}

#[test]
fn zsh_is_asked_through_its_pipe_after_the_echo() {
    let mut bench = Bench::new("zsh");
    let asked = bench.asked;
    bench.types(b"g");
    assert_eq!(bench.asked, asked);
    bench.shell_writes(b"g");
    assert_eq!((bench.take_shell(), bench.asked), (b"g".to_vec(), asked + 1));
    bench.shell_mark("L;main;1;q:g");
    assert_eq!(bench.asked, asked + 1);
    bench.types(b"it");
    bench.shell_writes(b"i");
    bench.shell_mark("L;main;2;q:gi");
    assert_eq!(bench.asked, asked + 3, "a key may not have had its effect");
    bench.shell_mark("L;main;3;q:git");
    assert_eq!(bench.asked, asked + 3);
}

#[test]
fn fish_is_not_asked_about_a_line_that_is_given_up() {
    let mut bench = Bench::new("fish");
    bench.shell_mark("L;main;0;u:");
    bench.take_shell();
    for key in [b"\x03", b"\r"] {
        bench.types(key);
        assert_eq!(bench.take_shell(), key);
    }
}

#[test]
fn bash_is_read_off_the_screen() {
    let mut bench = Bench::new("bash");
    bench.types(b"git che");
    bench.shell_writes(b"git che");
    assert!(matches!(bench.told.last(), Some(ToDaemon::Complete(request)) if request.line == "git che"));
    bench.answers(4, &["checkout", "cherry"], Some("ckout"));
    assert!(bench.screen().contains("cherry"));
}

#[test]
fn in_bash_vi_mode_nothing_is_offered_after_escape() {
    let mut bench = Bench::new("bash");
    bench.shell_mark("W;keys;q:vi");
    bench.types(b"\x1b");
    bench.types(b"A git che");
    bench.shell_writes(b"git che");
    assert!(!bench.told.iter().any(|message| matches!(message, ToDaemon::Complete(_))));
    bench.shell_mark("C");
    bench.prompt();
    bench.types(b"git che");
    bench.shell_writes(b"git che");
    assert!(matches!(bench.told.last(), Some(ToDaemon::Complete(request)) if request.line == "git che"));
}

#[test]
fn what_cannot_be_inserted_is_not_offered() {
    let mut bench = zsh_with_menu();
    bench.session.stop_offering();
    bench.carry_out();
    assert_eq!(bench.screen().trim_end(), "$ git che");
    bench.types(b"\x1b[B\t\r");
    assert_eq!(bench.take_shell(), b"\x1b[B\t\r");
}

#[test]
fn bash_is_asked_when_the_screen_leaves_a_doubt() {
    let mut bench = Bench::new("bash");
    bench.types(b"echo \x16\x01 ");
    bench.take_shell();
    bench.types(b"x");
    bench.shell_writes(b"echo ^A x");
    assert_eq!(bench.take_shell(), [b"x", REPORT_KEY].concat());
    bench.shell_mark("L;main;8;q:$'echo \\001 x'");
    assert!(matches!(bench.told.last(), Some(ToDaemon::Complete(request)) if request.line == "echo \x01 x"));
}

#[test]
fn a_command_line_is_told_with_its_status() {
    let mut bench = Bench::new("zsh");
    bench.enter_line("false");
    bench.types(b"\r");
    bench.shell_mark("C");
    bench.shell_mark("D;1");
    let ran =
        bench.told.iter().find_map(|message| if let ToDaemon::Ran(ran) = message { Some(ran) } else { None });
    let ran = ran.expect("it is told");
    assert_eq!((ran.line.as_str(), ran.status), ("false", Some(1)));
}

#[test]
fn a_resize_takes_the_menu_away_and_finds_its_place_again() {
    let mut bench = zsh_with_menu();
    bench.with(|session, _, _| session.on_resize(ROWS.into(), 40));
    bench.terminal.screen_mut().set_size(size(ROWS), size(40));
    assert!(!bench.screen().contains("cherry-pick"));
    bench.shell_writes(b"\r\x1b[K$ git che");
    bench.enter_line("git cher");
    bench.answers(4, &["cherry", "cherry-pick"], None);
    assert!(!bench.screen().contains("cherry-pick"), "its place is not known yet");
    bench.types(b"\x1b[1;10R");
    assert!(!bench.screen().contains("cherry-pick"), "there was output since the question");
    bench.types(b"\x1b[1;11R");
    assert_eq!(bench.take_shell(), b"", "the answers are nobody else's");
    assert!(bench.screen().contains("cherry-pick"));
}

#[test]
fn without_an_answer_about_its_place_nothing_is_drawn_but_bytes_pass() {
    let mut bench = zsh_with_menu();
    let style = Style::from_env(|_| None);
    let setup = Setup { secret: SECRET.into(), session: "s".into(), style, remote: false, variables: vec![] };
    bench.session = Session::new(setup, ROWS.into(), COLS.into(), bench.now);
    bench.terminal = terminal(COLS);
    bench.shell_writes(b"hello");
    assert_eq!(bench.screen(), "hello", "the terminal never waits");
    bench.passes(START_LIMIT);
    bench.shell_mark("H;zsh;5.9;1");
    bench.prompt();
    bench.enter_line("git che");
    bench.answers(4, &["checkout", "cherry"], None);
    assert!(!bench.screen().contains("cherry"));
}

#[test]
fn output_that_stays_on_its_row_is_told_from_output_that_may_not() {
    for (output, stays) in [
        ("x", true),
        ("\x08\x08x\x1b[K", true),
        ("\r$ git\x1b[1m c\x1b[0m", true),
        ("\x1b[3C", true),
        ("\n", false),
        ("\x1b[J", false),
        ("\x1b[A", false),
        ("\x1b[60Cx", false),
        ("\x1b]0;title\x07", false),
        ("\t", false),
    ] {
        assert_eq!(stays_on_row(output.as_bytes(), 10, 50), stays, "{output:?}");
    }
    assert!(!stays_on_row("0123456789".repeat(4).as_bytes(), 10, 50));
}

#[test]
fn what_rows_have_in_common_is_never_half_an_escape() {
    for (text, whole) in
        [("git ", "git"), ("My\\ ", "My\\ "), ("My\\", "My"), ("a\\\\ ", "a\\\\"), ("My\\   ", "My\\ ")]
    {
        assert_eq!(whole_escapes(text), whole);
    }
}

#[test]
fn a_row_for_what_is_typed_does_not_stand_in_the_way_of_tab() {
    let row = |text: &str, kind| Candidate {
        kind,
        edit: Edit { start: 6, end: 8, text: text.into(), cursor: 6 },
        ..Candidate::default()
    };
    let typed = || row("no ", Kind::Special);
    let of = |candidates| Answer { candidates, ..Answer::default() };
    let places = |answer: &Answer| insertable(answer).iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(places(&of(vec![row("notes ", Kind::File), typed()])), [0]);
    assert_eq!(places(&of(vec![typed()])), [0]);
    let two = of(vec![row("notes ", Kind::File), typed(), row("notice ", Kind::File)]);
    assert_eq!(places(&two), [0, 2]);
    assert_eq!(common_edit(&insertable(&two), "touch no").map(|edit| edit.text).as_deref(), Some("not"));
}

#[test]
fn after_enter_no_key_of_ours_can_reach_the_program() {
    let mut bench = Bench::new("bash");
    bench.types(b"cat");
    bench.shell_writes(b"cat");
    bench.types(b"\r");
    bench.shell_writes(b"\r\n\x1b[?2004l\r");
    bench.types(b"x");
    bench.shell_writes(b"^A\tx");
    assert_eq!(bench.take_shell(), b"cat\rx");
    let mut bench = Bench::new("fish");
    bench.shell_mark("L;main;0;u:");
    bench.take_shell();
    bench.types(b"cat\rx");
    bench.types(b"y\t");
    assert_eq!(bench.take_shell(), b"cat\rxy\t");
}

#[test]
fn a_prompt_that_was_typed_ahead_for_is_not_asked_about_at_once() {
    let mut bench = Bench::new("fish");
    bench.shell_mark("L;main;0;u:");
    bench.shell_mark("C");
    bench.take_shell();
    bench.types(b"vim\rx");
    bench.shell_mark("D;0");
    bench.shell_mark("B");
    bench.types(b"y");
    assert_eq!(bench.take_shell(), b"vim\rxy");
    bench.passes(AHEAD_LIMIT);
    assert_eq!(bench.take_shell(), REPORT_KEY, "nothing has started: it was not for the shell");
}

#[test]
fn an_enter_that_the_shell_kept_for_itself_is_forgotten() {
    let mut bench = Bench::new("fish");
    bench.shell_mark("L;main;0;u:");
    bench.take_shell();
    bench.types(b"\r");
    bench.types(b"g");
    assert_eq!(bench.take_shell(), b"\rg");
    bench.passes(RETURN_LIMIT);
    assert_eq!(bench.take_shell(), REPORT_KEY);
}

#[test]
fn words_of_a_ghost_text() {
    for (text, word) in [(" push origin", " push "), ("ckout", "ckout"), ("a/b/c", "a/"), ("  x", "  x")] {
        assert_eq!(first_word(text), word);
    }
}
