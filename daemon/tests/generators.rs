//! Generators as a session sees them: real programs, real functions in the real worker, a spec of the test's own.
//!
//! The programs of the tests are scripts in a directory that is trusted. Where the order of things matters they wait for
//! a word on a pipe, so that nothing depends on how long anything takes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::session::{Places, Session, Shared};
use daemon::settings::SettingsFile;
use daemon::store::{Access, Store};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use protocol::{Answer, Asked, Context, FromDaemon, Outcome, Ran, Request, Shell, SourceReport, Why};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// No test waits longer than this for anything; a loaded machine needs a fraction of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the requests of the tests may take.
const WAIT: u32 = 30_000;

/// A daemon with one spec, and the directory that its sessions are in.
struct Home {
    dir: TempDir,
    shared: Arc<Shared>,
}

/// A question under way; given up when dropped.
struct Asking {
    answers: mpsc::Receiver<FromDaemon>,
    task: AbortHandle,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Asking {
    async fn next(&mut self) -> Answer {
        match timeout(PATIENCE, self.answers.recv()).await.expect("an answer in time") {
            Some(FromDaemon::Answer(answer)) => *answer,
            other => panic!("not an answer: {other:?}"),
        }
    }

    /// All that are still to come.
    async fn rest(mut self) -> Vec<Answer> {
        let mut all = vec![self.next().await];
        while all[all.len() - 1].pending {
            all.push(self.next().await);
        }
        let end = timeout(PATIENCE, self.answers.recv()).await.expect("an end in time");
        assert!(end.is_none(), "nothing follows the last answer: {end:?}");
        all
    }

    async fn last(self) -> Answer {
        self.rest().await.pop().unwrap()
    }
}

impl Home {
    /// With a spec `x` whose subcommands are these, in JavaScript.
    fn new(subcommands: &str) -> Home {
        let dir = tempfile::tempdir().unwrap();
        for name in ["specs", "cwd"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let spec = format!("export default {{ name: 'x', subcommands: [{subcommands}] }};");
        fs::write(dir.path().join("specs/x.js"), spec).unwrap();
        let places = Places {
            archives: Vec::new(),
            specs: vec![dir.path().join("specs")],
            worker: env!("CARGO_BIN_EXE_qd").into(),
        };
        let store = Store::open(dir.path().join("store"), Access::Write);
        let shared = Shared::new(places, store, SettingsFile::default());
        let home = Home { dir, shared };
        home.shared.store().trust(&home.cwd()).unwrap();
        home
    }

    fn cwd(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("cwd")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.cwd().join(name)
    }

    /// Puts a program into the directory, which writes down each of its runs.
    fn program(&self, name: &str, script: &str) {
        let script = format!("#!/bin/sh\necho $$ >> {name}.runs\n{script}\n");
        fs::write(self.at(name), script).unwrap();
        fs::set_permissions(self.at(name), Permissions::from_mode(0o755)).unwrap();
    }

    /// A program that prints a line and waits for a word before each further one.
    fn gated(&self, name: &str, script: &str) {
        mkfifo(&self.at(&format!("{name}.go")), Mode::S_IRWXU).unwrap();
        self.program(name, &format!("read word < {name}.go\n{script}"));
    }

    /// Lets a gated program go on. Opened in both directions, a pipe does not wait for its other end; it is kept open
    /// until the program has read.
    fn release(&self, name: &str) -> File {
        let go = self.at(&format!("{name}.go"));
        let mut pipe = OpenOptions::new().read(true).write(true).open(go).unwrap();
        pipe.write_all(b"go\n").unwrap();
        pipe
    }

    /// The process numbers of a program's runs so far.
    fn runs(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.at(&format!("{name}.runs"))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn context(&self) -> Context {
        let env = [("PATH", "/usr/bin:/bin"), ("HOME", self.dir.path().to_str().unwrap())];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Context { cwd: self.cwd().to_str().unwrap().to_owned(), env, ..Context::default() }
    }

    async fn session(&self) -> Session {
        self.session_in(self.context()).await
    }

    /// A session, once the spec is compiled.
    async fn session_in(&self, context: Context) -> Session {
        let mut session = Session::new(Arc::clone(&self.shared));
        session.set_context(context);
        ask(&session, "x --nothing ").last().await;
        session
    }
}

fn request(line: &str, wait: u32) -> Request {
    Request { line: line.into(), cursor: line.len() as u32, wait, ..Request::default() }
}

fn ask(session: &Session, line: &str) -> Asking {
    ask_for(session, line, WAIT)
}

fn ask_for(session: &Session, line: &str, wait: u32) -> Asking {
    let (out, answers) = mpsc::channel(1);
    let task = tokio::spawn(session.ask(request(line, wait)).answer(out)).abort_handle();
    Asking { answers, task }
}

async fn why(session: &Session, line: &str) -> Why {
    let (out, mut said) = mpsc::channel(1);
    tokio::spawn(session.ask(request(line, WAIT)).why(out));
    match timeout(PATIENCE, said.recv()).await.expect("an answer in time") {
        Some(FromDaemon::Why(why)) => *why,
        other => panic!("no reasons: {other:?}"),
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

fn names(answer: &Answer) -> String {
    answer.candidates.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// The only report on rows.
fn report(why: &Why) -> &SourceReport {
    let [report] = &why.sources[..] else { panic!("one source: {:?}", why.sources) };
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_delays_nothing_and_each_part_is_shown_when_it_is_there() {
    let home = Home::new(
        "{ name: 's', args: { suggestions: ['fixed'], generators: [
            { script: ['./one'], splitOn: '\\n' }, { script: ['./two'], splitOn: '\\n' } ] } }",
    );
    home.gated("one", "echo first");
    home.gated("two", "echo second");
    let session = home.session().await;
    let mut asking = ask(&session, "x s ");
    let answer = asking.next().await;
    assert_eq!((names(&answer).as_str(), answer.pending), ("fixed", true));
    let _two = home.release("two");
    let answer = asking.next().await;
    assert_eq!((names(&answer).as_str(), answer.pending), ("fixed second", true));
    let _one = home.release("one");
    let answer = asking.next().await;
    assert_eq!((names(&answer).as_str(), answer.pending), ("fixed first second", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_together_is_sent_together() {
    let all = (0..12).map(|at| format!("{{ script: ['./p', '{at}'], splitOn: '\\n' }}")).collect::<Vec<_>>();
    let home = Home::new(&format!("{{ name: 's', args: {{ generators: [{}] }} }}", all.join(",")));
    home.program("p", "echo row$1");
    let session = home.session().await;
    let answers = ask(&session, "x s ").rest().await;
    let last = answers.last().unwrap();
    assert_eq!(last.candidates.len(), 12);
    assert_eq!(home.runs("p").len(), 12);
    assert!(answers.len() < 10, "one answer for each: {}", answers.len());
    let told: Vec<_> = answers.iter().map(|answer| answer.candidates.len()).collect();
    assert!(told.is_sorted() && told.windows(2).all(|two| two[0] < two[1]), "each says more: {told:?}");
}

/// A pass that takes a while, and a function that ends about when it begins, now before and now after: its row is in
/// the last answer all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_while_the_engine_thinks_is_not_lost() {
    let fixed = (0..1_500).map(|at| format!("'fixed{at}'")).collect::<Vec<_>>().join(",");
    let home = Home::new(&format!(
        "{{ name: 's', args: {{ isVariadic: true, suggestions: [{fixed}], generators: [
            {{ custom: () => new Promise((say) => setTimeout(() => say([{{ name: 'early' }}]), 8)) }},
            {{ custom: (words) => new Promise((say) => setTimeout(() => say([{{ name: 'late' }}]), words[2])) }}
        ] }} }}"
    ));
    let session = home.session().await;
    for round in 0..6 {
        for time in 16..36 {
            let answer = ask(&session, &format!("x s {time} {round} ")).last().await;
            let has = |name| answer.candidates.iter().any(|row| row.name == name);
            assert!(has("early") && has("late"), "after {time} ms, round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_line_no_longer_needs_is_killed_and_what_it_needs_goes_on() {
    let home = Home::new(
        "{ name: 's', args: { generators: { script: ['./p'], splitOn: '\\n' } } },
         { name: 't', args: { suggestions: ['fixed'] } }",
    );
    home.gated("p", "echo row");
    let session = home.session().await;
    let mut asking = ask(&session, "x s ");
    assert!(asking.next().await.pending);
    until("the program runs", || !home.runs("p").is_empty()).await;
    drop(asking);
    // Another key in the same word needs the same rows.
    let mut asking = ask(&session, "x s r");
    assert!(asking.next().await.pending);
    assert_eq!(home.runs("p").len(), 1, "it is still the same run");
    drop(asking);
    assert_eq!(names(&ask(&session, "x t ").last().await), "fixed");
    let pid = home.runs("p").remove(0);
    until("the program is killed", || is_gone(&pid)).await;
    // Who cannot wait starts nothing.
    let answers = ask_for(&session, "x s ", 0).rest().await;
    assert_eq!((answers.len(), home.runs("p").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_is_up_ends_the_request_and_later_the_program() {
    let home = Home::new(
        "{ name: 's', args: { generators: { script: ['./p'], splitOn: '\\n', scriptTimeout: 300 } } },
         { name: 'long', args: { generators: { script: ['./q'], splitOn: '\\n' } } }",
    );
    // Not a bomb, but as many processes as it takes.
    home.program("p", "for i in 1 2 3 4 5 6 7 8; do sleep 600 & echo $! >> children; done; wait");
    home.gated("q", "echo row");
    let session = home.session().await;
    let reasons = why(&session, "x s ").await;
    assert_eq!(report(&reasons).outcome, Outcome::TimedOut);
    let children = fs::read_to_string(home.at("children")).unwrap();
    for pid in children.lines().chain(home.runs("p").iter().map(String::as_str)) {
        until("all of the group are killed", || is_gone(pid)).await;
    }
    // The wait of a request is shorter than what the program may take; the rows come to the next one.
    let answers = ask_for(&session, "x long ", 300).rest().await;
    assert!(answers.len() > 1 && !answers.last().unwrap().pending);
    let mut asking = ask(&session, "x long r");
    assert!(asking.next().await.pending);
    let _go = home.release("q");
    assert_eq!(names(&asking.last().await), "row");
    assert_eq!(home.runs("q").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_misbehave_cost_their_own_rows() {
    let home = Home::new(
        "{ name: 'huge', args: { suggestions: ['fixed'], generators: { script: ['./huge'] } } },
         { name: 'rubbish', args: { generators: { script: ['./rubbish'], splitOn: '\\n' } } },
         { name: 'missing', args: { suggestions: ['fixed'], generators: { script: ['no-such-program'] } } },
         { name: 'fails', args: { generators: { script: ['./fails'], postProcess: out => [{ name: out + '!' }] } } },
         { name: 'throws', args: { suggestions: ['fixed'],
            generators: [{ script: ['./fails'], postProcess: out => JSON.parse('') }, { script: ['./fails'] }] } },
         { name: 'bad', args: { suggestions: ['fixed'], generators: { custom: async () => ({ not: 'a list' }) } } },
         { name: 'loops', args: { suggestions: ['fixed'], generators: { custom: async () => { for (;;); } } } }",
    );
    home.program("huge", "head -c 10000000 /dev/zero | tr '\\0' 'x'");
    home.program("rubbish", "printf 'a\\n\\377\\376b\\n\\0c\\n\\n\\n\\033[31md\\n'");
    home.program("fails", "echo out; exit 3");
    let session = home.session().await;
    for (line, rows, outcome) in [
        ("x huge ", "fixed", "Limit"),
        ("x missing ", "fixed", "Missing"),
        ("x fails ", "out!", "Rows(1)"),
        ("x bad ", "fixed", "Rows(0)"),
        ("x loops ", "fixed", "Limit"),
    ] {
        let reasons = why(&session, line).await;
        assert_eq!(names(&reasons.answer), rows, "{line}");
        let told = format!("{:?}", report(&reasons).outcome);
        assert!(told.starts_with(outcome), "{line}: {told}");
    }
    let reasons = why(&session, "x throws ").await;
    assert_eq!(names(&reasons.answer), "fixed out");
    assert!(matches!(&reasons.sources[0].outcome, Outcome::Failed(_)), "{:?}", reasons.sources);
    let rubbish = ask(&session, "x rubbish ").last().await;
    let shown: Vec<_> = rubbish.candidates.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(shown, ["a", "\u{fffd}\u{fffd}b", "\u{1b}[31md"], "a name with a zero cannot be an argument");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_gone_or_huge_is_answered() {
    let home = Home::new(
        "{ name: 's', args: { suggestions: ['fixed'], generators: { script: ['./p'] } } },
         { name: 'f', args: { template: 'filepaths' } }",
    );
    // Where there is a directory in memory, it takes a second instead of a minute.
    let memory = Path::new("/dev/shm");
    let many = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
    for at in 0..100_000 {
        File::create(many.path().join(format!("{at:06}"))).unwrap();
    }
    let session = home.session().await;
    let answer = ask(&session, &format!("x f {}/0999", many.path().display())).last().await;
    assert_eq!(answer.candidates.len(), 100, "those that begin with 0999");
    let gone = home.at("gone");
    fs::create_dir(&gone).unwrap();
    home.shared.store().trust(&gone).unwrap();
    let session = home.session_in(Context { cwd: gone.to_str().unwrap().into(), ..home.context() }).await;
    fs::remove_dir(&gone).unwrap();
    assert_eq!(names(&ask(&session, "x s ").last().await), "fixed");
    let unknown = home.session_in(Context { cwd: String::new(), ..home.context() }).await;
    let reasons = why(&unknown, "x s ").await;
    assert_eq!(names(&reasons.answer), "fixed");
    assert!(matches!(report(&reasons).outcome, Outcome::Failed(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_trusted_does_not_run_and_is_told() {
    let home = Home::new(
        "{ name: 's', args: { suggestions: ['fixed'], generators: { script: ['./p'] } } },
         { name: 'c', args: { generators: { custom: async (tokens, run) => {
            try { return [{ name: (await run({ command: './p', args: [] })).stdout }] } catch (e) { return [] }
         } } } },
         { name: 'q', args: { generators: { script: ['./p'], getQueryTerm: token => token } } },
         { name: 'n', args: { generators: { script: ['curl', 'https://example.org'] } } }",
    );
    home.program("p", "echo row");
    let session = home.session().await;
    assert_eq!(names(&ask(&session, "x s ").last().await), "fixed row");
    home.shared.store().revoke(&home.cwd()).unwrap();
    let session = home.session().await;
    let before = home.runs("p").len();
    // What was refused for a word is refused for the next one, which does not ask again.
    for line in ["x s ", "x c ", "x q ", "x q r"] {
        let reasons = why(&session, line).await;
        let report = report(&reasons);
        assert_eq!((&report.outcome, report.runs.len()), (&Outcome::NotTrusted, 1), "{line}");
        assert!(
            reasons.answer.candidates.iter().any(|row| row.action.is_some()),
            "trust is asked for: {line}"
        );
        assert!(!names(&reasons.answer).contains("row"), "{line}");
        assert_eq!(report.runs[0].argv, ["./p"]);
        assert_eq!(report.runs[0].stopped, Some(Outcome::NotTrusted));
    }
    assert_eq!(home.runs("p").len(), before);
    assert_eq!(report(&why(&session, "x n ").await).outcome, Outcome::Network);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_told_what_they_need() {
    let home = Home::new(
        "{ name: 'c', args: { isDangerous: true, generators: { trigger: () => true,
            custom: async (tokens, run, context) => {
                const { stdout, stderr, status } = await run({ command: './p', args: ['a b'], env: { E: '1' }, cwd: 'sub' });
                return [tokens.join('|'), stdout, stderr, String(status), context.currentWorkingDirectory,
                    context.currentProcess, context.environmentVariables.PATH, context.searchTerm,
                    String(context.isDangerous), `<${context.sshPrefix}>`].map((name, at) => ({ name: `${at}=${name}` }))
            } } } },
         { name: 'f', args: { generators: { script: tokens => ({ command: './p', args: tokens, env: { E: '2' }, cwd: 'sub' }),
            postProcess: (out, tokens) => [{ name: out + '/' + tokens.length }] } } },
         { name: 'v', args: { generators: { script: tokens => ['./p', 'v'], postProcess: out => [out] } } },
         { name: 'none', args: { generators: { script: () => null } } },
         { name: 'o', args: { generators: { script: { command: './p', args: ['o'], env: { E: '3' } }, postProcess: out => [out] } } }",
    );
    home.program("p", "echo $#:$1:$E:${PWD##*/}; echo err >&2; exit 4");
    fs::create_dir(home.at("sub")).unwrap();
    fs::copy(home.at("p"), home.at("sub/p")).unwrap();
    let session = home.session_in(Context { shell: Shell::Zsh, ..home.context() }).await;
    let answer = ask(&session, "x c w").last().await;
    // All rows are dangerous, none begins with `w`: they are matched with what was asked.
    assert_eq!(names(&answer), "");
    let answer = ask(&session, "x c ").last().await;
    let cwd = home.cwd();
    let expected = [
        "0=x|c|",
        "1=1:a b:1:sub",
        "2=err",
        "3=4",
        &format!("4={}", cwd.display()),
        "5=zsh",
        "6=/usr/bin:/bin",
        "7=",
        "8=true",
        "9=<>",
    ];
    let rows: Vec<_> = answer.candidates.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(rows, expected);
    assert!(answer.candidates.iter().all(|row| row.dangerous));
    for (line, expected) in
        [("x f ", "3:x:2:sub/3"), ("x v ", "1:v::cwd"), ("x o ", "1:o:3:cwd"), ("x none ", "")]
    {
        assert_eq!(names(&ask(&session, line).last().await), expected, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_kept_as_long_as_their_spec_says() {
    let generator =
        |cache: &str| format!("generators: {{ script: ['./p'], splitOn: '\\n', cache: {{ {cache} }} }}");
    let home = Home::new(&format!(
        "{{ name: 'age', args: {{ {} }} }}, {{ name: 'dir', args: {{ {} }} }}",
        generator("strategy: 'max-age', ttl: 3600000"),
        generator("strategy: 'max-age', ttl: 3600000, cacheByDirectory: true"),
    ));
    home.program("p", "echo row");
    let sub = home.at("sub");
    fs::create_dir(&sub).unwrap();
    fs::write(sub.join("p"), "#!/bin/sh\necho $$ >> ../p.runs\necho below\n").unwrap();
    fs::set_permissions(sub.join("p"), Permissions::from_mode(0o755)).unwrap();
    let below = Context { cwd: sub.to_str().unwrap().into(), ..home.context() };
    let mut profile = home.context();
    profile.env.insert("AWS_PROFILE".into(), "work".into());
    let mut other_window = home.context();
    other_window.env.insert("WINDOWID".into(), "7".into());
    let count = || home.runs("p").len();
    for (what, context, line, runs) in [
        ("the first time", home.context(), "x age ", 1),
        ("another session", home.context(), "x age ", 1),
        ("another terminal", other_window, "x age r", 1),
        ("another directory", below.clone(), "x age ", 1),
        ("other variables", profile, "x age ", 2),
        ("another answer of the same name", home.context(), "x dir ", 3),
        ("again", home.context(), "x dir ", 3),
        ("one for each directory", below.clone(), "x dir ", 4),
        ("each is kept", below, "x dir ", 4),
    ] {
        let session = home.session_in(context).await;
        let rows = names(&ask(&session, line).last().await);
        let expected =
            if what.ends_with("each directory") || what == "each is kept" { "below" } else { "row" };
        assert_eq!((rows.as_str(), count()), (expected, runs), "{what}");
    }
    let session = home.session().await;
    let reasons = why(&session, "x age ").await;
    assert!(report(&reasons).kept_ms.is_some() && report(&reasons).runs[0].argv == ["./p"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_is_shown_first_and_fetched_anew_behind_it() {
    let generator = "cache: { strategy: 'stale-while-revalidate' }";
    let home = Home::new(&format!(
        "{{ name: 's', args: {{ generators: {{ script: ['./p'], splitOn: '\\n', {generator} }} }} }},
         {{ name: 'c', args: {{ generators: {{ {generator}, custom: async (tokens, run) =>
            [(await run({{ command: './p', args: [] }})).stdout] }} }} }}"
    ));
    home.gated("p", "cat content");
    let mut session = home.session().await;
    for line in ["x s ", "x c "] {
        fs::write(home.at("content"), "old").unwrap();
        let mut asking = ask(&session, line);
        assert_eq!(names(&asking.next().await), "", "{line}");
        let gate = home.release("p");
        assert_eq!(names(&asking.last().await), "old", "{line}");
        drop(gate);
        // A command was run: what this session has counts no more, but what the daemon keeps is better than nothing.
        session.ran(&Ran::default());
        fs::write(home.at("content"), "new").unwrap();
        let before = home.runs("p").len();
        let mut asking = ask(&session, line);
        let mut stale = asking.next().await;
        // On a busy machine even what is kept takes longer than the first answer waits.
        while names(&stale).is_empty() {
            stale = asking.next().await;
        }
        assert_eq!((names(&stale).as_str(), stale.pending), ("old", true), "{line}");
        until("it is fetched anew", || home.runs("p").len() == before + 1).await;
        let _gate = home.release("p");
        assert_eq!(names(&asking.last().await), "new", "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_that_want_the_same_fetch_it_once() {
    let home = Home::new(
        "{ name: 's', args: { generators: { script: ['./p'], splitOn: '\\n', cache: { strategy: 'max-age', ttl: 60000 } } } }",
    );
    home.gated("p", "echo row");
    let (one, two) = (home.session().await, home.session().await);
    let (mut first, mut second) = (ask(&one, "x s "), ask(&two, "x s "));
    assert!(first.next().await.pending && second.next().await.pending);
    until("the program runs", || !home.runs("p").is_empty()).await;
    let _gate = home.release("p");
    assert_eq!((names(&first.last().await).as_str(), names(&second.last().await).as_str()), ("row", "row"));
    assert_eq!(home.runs("p").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_who_fetches_may_leave() {
    let home = Home::new(
        "{ name: 's', args: { generators: { script: ['./p'], splitOn: '\\n', cache: { strategy: 'max-age', ttl: 60000 } } } },
         { name: 't' }",
    );
    home.gated("p", "echo row");
    let (one, two) = (home.session().await, home.session().await);
    let mut first = ask(&one, "x s ");
    assert!(first.next().await.pending);
    until("the program runs", || home.runs("p").len() == 1).await;
    let mut second = ask(&two, "x s ");
    assert!(second.next().await.pending);
    drop(first);
    ask(&one, "x t ").last().await;
    until("the other one fetches it", || home.runs("p").len() == 2).await;
    let _gate = home.release("p");
    assert_eq!(names(&second.last().await), "row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debounced_generator_waits_for_a_pause() {
    let home = Home::new(
        "{ name: 's', args: { debounce: true, generators: { script: tokens => ['./p', tokens[tokens.length - 1]], splitOn: '\\n' } } }",
    );
    home.program("p", "echo $1-row");
    let session = home.session().await;
    for line in ["x s a", "x s ab", "x s abc"] {
        let mut asking = ask(&session, line);
        assert!(asking.next().await.pending);
    }
    let mut asking = ask(&session, "x s abcd");
    assert!(asking.next().await.pending);
    assert_eq!(names(&asking.last().await), "abcd-row");
    assert_eq!(home.runs("p").len(), 1, "only the last one ran");
    // The next word's rows take a while: until then the rows of the word before are shown as far as they match.
    let mut asking = ask(&session, "x s abcd-");
    let first = asking.next().await;
    assert_eq!((names(&first).as_str(), first.pending), ("abcd-row", true));
    assert_eq!(names(&asking.last().await), "abcd--row");
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_and_query_terms_decide_what_runs_and_what_matches() {
    let home = Home::new(
        "{ name: 'f', args: { generators: { script: ['./p'], splitOn: '\\n',
            trigger: (now, before) => now.lastIndexOf('/') !== before.lastIndexOf('/'),
            getQueryTerm: token => token.slice(token.lastIndexOf('/') + 1) } } },
         { name: 's', args: { generators: { script: ['./q'], splitOn: '\\n', trigger: ':', getQueryTerm: ':' } } },
         { name: 'n', args: { generators: { script: ['./r'], splitOn: '\\n' } } },
         { name: 'bad', args: { generators: { script: ['./b'], splitOn: '\\n', trigger: () => { throw 1 }, getQueryTerm: () => ({}) } } }",
    );
    for name in ["p", "q", "r", "b"] {
        home.program(name, "echo alpha; echo beta");
    }
    let session = home.session().await;
    for (line, rows, program, runs) in [
        ("x f a", "alpha", "p", 1),
        ("x f al", "alpha", "p", 1),
        ("x f b", "beta", "p", 1),
        ("x f dir/", "alpha beta", "p", 2),
        ("x f dir/be", "beta", "p", 2),
        ("x f dir/sub/a", "alpha", "p", 3),
        ("x s a", "alpha", "q", 1),
        ("x s al", "alpha", "q", 1),
        ("x s k:", "alpha beta", "q", 2),
        ("x s k:b", "beta", "q", 2),
        ("x n a", "alpha", "r", 1),
        ("x n b", "beta", "r", 1),
        ("x bad a", "alpha", "b", 1),
        ("x bad al", "alpha", "b", 2),
    ] {
        assert_eq!(names(&ask(&session, line).last().await), rows, "{line}");
        assert_eq!(home.runs(program).len(), runs, "{line}");
    }
    let reasons = why(&session, "x f dir/sub/al").await;
    assert_eq!(
        (report(&reasons).kept_ms.is_some(), report(&reasons).runs.len()),
        (true, 1),
        "which run they are of"
    );
    let answer = ask(&session, "x f dir/be").last().await;
    assert_eq!(answer.candidates[0].edit.apply("x f dir/be").unwrap(), "x f dir/beta ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_is_not_begun_again_while_its_word_goes_on() {
    let home = Home::new(
        "{ name: 'f', args: { generators: { script: ['./p'], splitOn: '\\n',
            trigger: (now, before) => now.lastIndexOf('/') !== before.lastIndexOf('/') } } }",
    );
    home.gated("p", "echo alpha");
    let session = home.session().await;
    for line in ["x f a", "x f al", "x f alp"] {
        let mut asking = ask(&session, line);
        assert!(asking.next().await.pending, "{line}");
        until("the program runs", || home.runs("p").len() == 1).await;
    }
    let mut asking = ask(&session, "x f alph");
    assert!(asking.next().await.pending);
    let _gate = home.release("p");
    assert_eq!(names(&asking.last().await), "alpha");
    assert_eq!(home.runs("p").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_fetched_may_need_more() {
    let home = Home::new(
        "{ name: 'g', generateSpec: async (tokens, run) => {
            const name = (await run({ command: './p', args: [] })).stdout;
            return { name: 'g', subcommands: [{ name, args: { generators: { custom: async () => ['inner'] } } }] };
         } }",
    );
    home.program("p", "echo made");
    let session = home.session().await;
    assert_eq!(names(&ask(&session, "x g m").last().await), "made");
    let reasons = why(&session, "x g made ").await;
    assert_eq!(names(&reasons.answer), "inner");
    let asked: Vec<_> = reasons.sources.iter().map(|report| (report.asked, &report.outcome)).collect();
    assert_eq!(asked, [(Asked::Tree, &Outcome::Found), (Asked::Rows, &Outcome::Rows(1))]);
    assert_eq!(reasons.rows, [Some(1)], "which source the row comes from");
    assert_eq!(home.runs("p").len(), 1, "a tree is kept for the next key");
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_filtered_for_one_argument_alone() {
    let home = Home::new(
        "{ name: 'one', args: { generators: { template: 'filepaths',
            filterTemplateSuggestions: rows => rows.filter(row => row.name.endsWith('.json') || row.type === 'folder')
                .map(row => ({ ...row, priority: row.name === 'b.json' && 90, description: row.context.templateType })) } } },
         { name: 'two', args: { generators: { template: 'filepaths' } } },
         { name: 'three', args: { generators: { template: 'folders', filterTemplateSuggestions: () => { throw 1 } } } }",
    );
    for file in ["a.json", "b.json", "c.txt"] {
        fs::write(home.at(file), "").unwrap();
    }
    fs::create_dir(home.at("dir")).unwrap();
    fs::write(home.at("dir/d.json"), "").unwrap();
    let session = home.session().await;
    let answer = ask(&session, "x one ").last().await;
    assert_eq!(names(&answer), "b.json a.json dir/ ../");
    assert_eq!(answer.candidates[0].description.as_deref(), Some("filepaths"));
    let below = ask(&session, "x one dir/").last().await;
    assert_eq!(below.candidates[0].edit.apply("x one dir/").unwrap(), "x one dir/d.json ");
    assert_eq!(names(&ask(&session, "x two ").last().await), "a.json b.json c.txt dir/ ../");
    assert_eq!(names(&ask(&session, "x three ").last().await), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_values_of_the_same_argument_are_offered() {
    let home = Home::new(
        "{ name: 'h', options: [{ name: '--to', args: { template: 'history' } }],
            args: [{ template: 'history', suggestions: ['fixed'] }, { suggestions: ['other'] }] }",
    );
    let history = home.dir.path().join("history");
    fs::write(
        &history,
        "x h first second\nx h --to place 'a b'\necho x h third\ny h fourth\nx h --to=there x\n",
    )
    .unwrap();
    let context = Context { history_file: history.to_str().unwrap().into(), ..home.context() };
    let mut session = home.session_in(context).await;
    assert_eq!(names(&ask(&session, "x h ").last().await), "fixed x a b first --to");
    assert_eq!(names(&ask(&session, "x h --to ").last().await), "there place");
    session.ran(&Ran { line: "echo | x h newest".into(), status: Some(0), ..Ran::default() });
    session.ran(&Ran { line: "x h failed".into(), status: Some(1), ..Ran::default() });
    let answer = ask(&session, "x h n").last().await;
    assert_eq!((names(&answer).as_str(), answer.candidates[0].source.as_str()), ("newest", "history"));
    assert_eq!(names(&ask(&session, "x h fa").last().await), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ever_run_by_a_name() {
    let home = Home::new("{ name: 's', args: { generators: { script: ['./p'], splitOn: '\\n' } } }");
    home.program("p", "printf '%s\\n' 'a; touch canary' '$(touch canary)' '-x' \"it's\" '`touch canary`'");
    let session = home.session().await;
    let answer = ask(&session, "x s ").last().await;
    assert_eq!(answer.candidates.len(), 5);
    for row in &answer.candidates {
        let line = row.edit.apply("x s ").unwrap();
        let script = format!("x() {{ shift; printf '%s' \"$1\"; }}; {line}");
        let output = std::process::Command::new("bash")
            .args(["-c", &script])
            .current_dir(home.at(""))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), row.name, "{line}");
    }
    assert!(!home.at("canary").exists());
}
