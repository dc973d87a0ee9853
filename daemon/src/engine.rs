//! The whole pipeline on one page: a question goes in, ranked candidates with their edits and ghost text come out.
//!
//! Everything here is decided from the question alone. What needs files, processes or memory of earlier sessions is
//! asked of the small traits below, which answer at once; what needs a program run comes back as [`Slow`] and is
//! joined later.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::{
    Answer, ArgumentHint, Candidate, Context, ExpectedArgument, Expects, Ghost, Kind, Parsed, ParsedCommand,
    ParsedWord, Request, Shell, Token,
};
use specs::model::{
    Arg, FilterStrategy, Generator, NativePaths, PathFilter, QueryTerm, Spec, Template, Trigger,
};

use crate::candidates::{Draft, spec, variable};
use crate::edit::{Target, edit};
use crate::ghost::ghost;
use crate::parse::aliases;
use crate::parse::lex::{Command, Line, Quote, Spot, Word, assignment, lex};
use crate::parse::place::{self, Place};
use crate::rank::{Group, Ranked, rank};
use crate::settings::Settings;
use crate::slow::{Found, Generated, Ready, Slow};

/// Where specs come from.
pub trait Specs: Send + Sync {
    /// The spec of a module: `git`, `aws/s3`.
    fn spec(&self, name: &str) -> Option<Arc<Spec>>;
    /// The commands that have a spec.
    fn commands(&self) -> Vec<String>;
    /// Whether a command has a spec.
    fn describes(&self, name: &str) -> bool {
        self.spec(name).is_some()
    }
}

/// What earlier command lines say.
pub trait History {
    /// The rest of the best earlier line that starts with `line`; never empty.
    fn continuation(&self, line: &str, context: &Context) -> Option<String>;
}

/// What this user accepted before.
pub trait Usage {
    /// Added to the priority of the row `name` of this command; 0 when it was never accepted.
    fn boost(&self, command: &[String], name: &str, cwd: &str) -> f64;
}

/// The files and programs that a session sees. Answers at once, from what it has: a folder that is slow to read is
/// cut short.
pub trait World {
    /// The entries of a folder, an absolute path: names without the path, folders with a `/` at the end, drafts that
    /// insert as [`crate::candidates::Insert::PathEntry`]. Names that begin with a dot only when `hidden`.
    fn paths(&self, dir: &Path, folders_only: bool, hidden: bool) -> Vec<Draft>;
    /// What may stand as the first word of a command: programs, functions, aliases, keywords.
    fn commands(&self, context: &Context) -> Vec<Draft>;
    /// The home of another user, for `~user/`.
    fn home(&self, user: &str) -> Option<PathBuf>;
}

/// One line to complete, and where the answers come from.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The session.
    pub context: &'a Context,
    /// The line.
    pub request: &'a Request,
    /// Earlier lines.
    pub history: &'a dyn History,
    /// Earlier choices.
    pub usage: &'a dyn Usage,
    /// Files and programs.
    pub world: &'a dyn World,
    /// What was fetched for this question before.
    pub ready: &'a dyn Ready,
    /// What the user set.
    pub settings: &'a Settings,
}

/// What is there at once, and what is still to come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The answer so far; `pending` when `slow` is not empty.
    pub answer: Answer,
    /// What to fetch for the rest; the same question is asked again when some of it is there.
    pub slow: Vec<Slow>,
}

/// Completes lines. Immutable, shared by all sessions.
pub struct Engine {
    specs: Arc<dyn Specs>,
}

/// The longest line that is looked at; the shells themselves are slow by then.
const MAX_LINE: usize = 64 << 10;

/// Priority of commands that people are likely to mean, above the ordinary 50.
const COMMON_PRIORITY: f64 = 60.0;

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over these specs.
    pub fn new(specs: Arc<dyn Specs>) -> Engine {
        Engine { specs }
    }

    /// What is there at once, and what to fetch for the rest.
    pub fn complete(&self, question: &Question) -> Progress {
        let request = question.request;
        let none = Answer { generation: request.generation, ..Answer::default() };
        let Some(line) = Understood::of(question.context, request) else {
            return Progress { answer: none, slow: Vec::new() };
        };
        let Some(word) = line.word() else {
            let answer = Answer { ghost: line.ghost(question, "", &[]), ..none };
            return Progress { answer, slow: Vec::new() };
        };
        let mut gathered = self.gather(question, &line, word);
        let slow = std::mem::take(&mut gathered.slow);
        let rows = line.rows(question, word, &mut gathered);
        let answer = Answer {
            ghost: line.ghost(question, &gathered.query, &rows),
            command: gathered.command,
            token: Token { start: word.start as u32, end: word.end as u32, text: word.before().to_string() },
            query: gathered.query,
            argument: gathered.argument,
            candidates: rows,
            pending: !slow.is_empty(),
            ..none
        };
        Progress { answer, slow }
    }

    /// What the line means, without candidates.
    pub fn parse(&self, context: &Context, request: &Request, ready: &dyn Ready) -> Parsed {
        let Some(line) = Understood::of(context, request) else {
            return Parsed { generation: request.generation, ..Parsed::default() };
        };
        let mut parsed = line.parsed(request.generation);
        if line.line.spot == Spot::Word {
            place::find(&*self.specs, ready, line.words(), &mut |place| describe(place, &mut parsed));
        }
        parsed
    }

    /// The drafts for the word at the cursor.
    fn gather(&self, question: &Question, line: &Understood, word: &Word) -> Gathered {
        let mut gathered = Gathered { query: word.before().to_string(), ..Gathered::default() };
        if let Some(spot) = variable::spot(word) {
            gathered.query = word.before()[spot.from..].to_string();
            gathered.add(spot.from, word, variable::drafts(spot, &question.context.env));
            return gathered;
        }
        let files = Files { question, word, specs: &*self.specs };
        match line.line.spot {
            Spot::Redirect(_) => gathered.add_paths(files, 0, PathKind::default()),
            Spot::Assignment(_) => {
                let from = assignment(&word.text).unwrap_or(0);
                gathered.add_paths(files, from, PathKind::default());
            }
            Spot::Word if line.words().len() == 1 => gathered.add_commands(files),
            Spot::Word => self.gather_place(question, line, word, &mut gathered),
            Spot::Nothing => {}
        }
        gathered
    }

    /// The drafts for a word behind a command.
    fn gather_place(&self, question: &Question, line: &Understood, word: &Word, gathered: &mut Gathered) {
        let files = Files { question, word, specs: &*self.specs };
        let mut known = false;
        let missing = place::find(&*self.specs, question.ready, line.words(), &mut |place| {
            known = true;
            gathered.add_place(place, files);
        });
        gathered.slow.extend(missing);
        if !known {
            gathered.add_paths(files, 0, PathKind::default());
        }
    }
}

/// A line that was split, with the aliases of the current command put in.
struct Understood<'a> {
    text: &'a str,
    cursor: usize,
    shell: Shell,
    line: Line,
}

impl<'a> Understood<'a> {
    /// `None` for a line that is too long or a cursor that is not in it.
    fn of(context: &Context, request: &'a Request) -> Option<Understood<'a>> {
        let (text, cursor) = (request.line.as_str(), request.cursor as usize);
        if text.len() > MAX_LINE || !text.is_char_boundary(cursor) {
            return None;
        }
        let mut line = lex(text, cursor, context.shell);
        if let Some(current) = line.current.filter(|_| line.spot == Spot::Word) {
            aliases::expand(&mut line.commands[current], &context.aliases, context.shell);
        }
        Some(Understood { text, cursor, shell: context.shell, line })
    }

    /// The words of the current command.
    fn words(&self) -> &[Word] {
        self.line.command().map_or(&[], |command| &command.words)
    }

    /// The word at the cursor, whatever it is.
    fn word(&self) -> Option<&Word> {
        let command = self.line.command()?;
        match self.line.spot {
            Spot::Word => command.words.last(),
            Spot::Redirect(at) => command.redirects.get(at).map(|redirect| &redirect.target),
            Spot::Assignment(at) => command.assignments.get(at),
            Spot::Nothing => None,
        }
    }

    /// Candidates with their edits, in order.
    fn rows(&self, question: &Question, word: &Word, gathered: &mut Gathered) -> Vec<Candidate> {
        let groups = std::mem::take(&mut gathered.groups);
        let boost = |name: &str| question.usage.boost(&gathered.command, name, &question.context.cwd);
        let ranked = rank(groups, gathered.fuzzy, question.request.limit as usize, boost);
        let target = Target { line: self.text, shell: self.shell, word };
        ranked.into_iter().map(|row| candidate(row, target)).collect()
    }

    fn ghost(&self, question: &Question, query: &str, rows: &[Candidate]) -> Option<Ghost> {
        let at_end = self.cursor == self.text.len() && !self.text.trim().is_empty();
        let earlier = if at_end { question.history.continuation(self.text, question.context) } else { None };
        ghost(self.text, self.cursor, earlier, query, rows)
    }

    fn parsed(&self, generation: u64) -> Parsed {
        Parsed {
            generation,
            commands: self.line.commands.iter().map(|command| parsed_command(command, self.text)).collect(),
            current: self.line.current.unwrap_or(self.line.commands.len()) as u32,
            query: self.word().map(|word| word.before().to_string()).unwrap_or_default(),
            ..Parsed::default()
        }
    }
}

/// What was found for the word at the cursor.
#[derive(Default)]
struct Gathered {
    command: Vec<String>,
    query: String,
    argument: Option<ArgumentHint>,
    fuzzy: bool,
    groups: Vec<Group>,
    slow: Vec<Slow>,
}

impl Gathered {
    /// Adds drafts that are matched with the word from this byte on.
    fn add(&mut self, from: usize, word: &Word, drafts: Vec<Draft>) {
        let query = word.before().get(from..).unwrap_or_default().to_string();
        self.groups.push(Group { query, from, drafts });
    }

    /// Adds what a spec offers at a place.
    fn add_place(&mut self, place: &Place, files: Files) {
        let word = files.word;
        let rows = spec::drafts(place, word.before());
        // The value of the last option of a cluster begins behind the cluster.
        let value_from = if place.cluster.is_some() { word.before().len() } else { place.from };
        self.command.clone_from(&place.command);
        self.query = word.before()[place.from..].to_string();
        self.fuzzy = is_fuzzy(place);
        self.argument = place.expected.map(|expected| hint(expected.arg));
        self.add(place.from, word, rows.subcommands);
        self.add(value_from, word, rows.values);
        if let Some(expected) = &place.expected {
            self.add_sources(place, expected.arg, value_from, files);
        }
        self.add(place.from, word, rows.additional);
        self.add(place.from, word, rows.options);
    }

    /// Adds what an argument's templates and generators yield.
    fn add_sources(&mut self, place: &Place, arg: &Arg, from: usize, files: Files) {
        if let Some(kind) = PathKind::of(arg) {
            self.add_paths(files, from, kind);
        }
        if arg.is_command {
            self.add_wrapped(files, from);
        }
        for generator in arg.generators.iter().filter(|generator| runs(generator)) {
            self.add_generator(place, arg, generator, from, files);
        }
    }

    /// Adds the rows of a generator, or notes that they are to be fetched.
    fn add_generator(&mut self, place: &Place, arg: &Arg, generator: &Generator, from: usize, files: Files) {
        let token = files.word.before().get(from..).unwrap_or_default();
        let slow = Slow::Rows(Box::new(generated(place, arg, generator, token)));
        let found = files.question.ready.ready(&slow);
        let stale = !matches!(&found, Some(Found::Rows(rows)) if !rows.stale);
        if let Some(Found::Rows(rows)) = found {
            let term = query_term(generator, token, rows.query.as_deref());
            self.add(from + token.len() - term.len(), files.word, rows.drafts.to_vec());
        }
        if stale && !self.slow.contains(&slow) {
            self.slow.push(slow);
        }
    }

    /// Adds the entries of the folder that is being typed.
    fn add_paths(&mut self, files: Files, from: usize, kind: PathKind) {
        let Some((dir, entry)) = files.folder(from) else { return };
        let hidden = files.word.before()[entry..].starts_with('.');
        let mut drafts = files.question.world.paths(&dir, kind.folders_only, hidden);
        drafts.retain(|draft| kind.keeps(draft));
        self.add(entry, files.word, drafts);
    }

    /// Adds what may be the first word of a command.
    fn add_commands(&mut self, files: Files) {
        let before = files.word.before();
        if before.contains('/') || before.starts_with(['~', '.']) {
            return self.add_paths(files, 0, PathKind::default());
        }
        if !before.is_empty() {
            let mut drafts = files.question.world.commands(files.question.context);
            for draft in drafts.iter_mut().filter(|draft| is_common(draft, before, files.specs)) {
                draft.priority = Some(COMMON_PRIORITY);
            }
            self.add(0, files.word, drafts);
        }
    }

    /// Adds what may be a command behind a wrapper.
    fn add_wrapped(&mut self, files: Files, from: usize) {
        if from == 0 {
            self.add_commands(files);
        }
    }
}

/// Whether a row is a command that people type: one that somebody wrote a spec for, or named themselves. The others of a
/// `PATH` are many.
fn is_common(draft: &Draft, typed: &str, specs: &dyn Specs) -> bool {
    let name = draft.names[0].as_str();
    draft.kind == Kind::Alias || (name.starts_with(typed) && specs.describes(name))
}

/// Where files are looked for.
#[derive(Clone, Copy)]
struct Files<'a> {
    question: &'a Question<'a>,
    word: &'a Word,
    specs: &'a dyn Specs,
}

impl Files<'_> {
    /// The folder that the word names from this byte on, and where in the word the name of its entry begins. `None` when
    /// the folder cannot be known without running something.
    fn folder(&self, from: usize) -> Option<(PathBuf, usize)> {
        let before = self.word.before();
        let path = before.get(from..)?;
        let entry = path.rfind('/').map_or(from, |slash| from + slash + 1);
        let typed = self.word.marks.get(entry..before.len())?;
        if typed.iter().any(|mark| mark.live) && !before[entry..].starts_with('~') {
            return None;
        }
        let dir = self.expanded(from, entry)?;
        let cwd = Path::new(&self.question.context.cwd);
        let dir = cwd.join(dir);
        dir.is_absolute().then_some((dir, entry))
    }

    /// The text between two bytes of the word with its home and variables put in.
    fn expanded(&self, from: usize, to: usize) -> Option<String> {
        let text = &self.word.text[from..to];
        let mut out = String::with_capacity(text.len());
        let mut at = from;
        if let Some((home, length)) = self.home(text, from) {
            out.push_str(&home?);
            at += length;
        }
        while at < to {
            let rest = &self.word.text[at..to];
            if !self.word.marks.get(at)?.live {
                let c = rest.chars().next()?;
                out.push(c);
                at += c.len_utf8();
                continue;
            }
            let (name, length) = variable_name(rest)?;
            out.push_str(self.question.context.env.get(name)?);
            at += length;
        }
        Some(out)
    }

    /// The home that a path begins with, and how long its name is: `~` or `~user`.
    fn home(&self, text: &str, from: usize) -> Option<(Option<String>, usize)> {
        let mark = self.word.marks.get(from)?;
        // Tools read the `~` behind `--option=` themselves.
        let tilde = text.starts_with('~') && mark.quote == Quote::None && (mark.live || from > 0);
        if !tilde {
            return None;
        }
        let user = text[1..].split('/').next().unwrap_or_default();
        let home = match user {
            "" => self.question.context.env.get("HOME").cloned(),
            user => self.question.world.home(user).and_then(|home| home.into_os_string().into_string().ok()),
        };
        Some((home, 1 + user.len()))
    }
}

/// The name of the variable that a text begins with, and how long that is in all; nothing else is ever looked up.
fn variable_name(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix('$')?;
    let (rest, braces) = rest.strip_prefix('{').map_or((rest, 0), |inner| (inner, 2));
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let closed = braces == 0 || rest[length..].starts_with('}');
    (length > 0 && closed).then(|| (&rest[..length], 1 + length + braces))
}

/// Which paths an argument takes.
#[derive(Clone, Copy, Debug, Default)]
struct PathKind<'a> {
    folders_only: bool,
    filter: Option<&'a PathFilter>,
}

impl<'a> PathKind<'a> {
    /// What the argument says, if it takes paths at all.
    fn of(arg: &'a Arg) -> Option<PathKind<'a>> {
        let generators = || arg.generators.iter();
        let templates =
            || arg.templates.iter().chain(generators().flat_map(|generator| &generator.templates));
        let native = |wanted| generators().find(move |generator| generator.native_paths == Some(wanted));
        if templates().any(|template| *template == Template::Filepaths) {
            return Some(PathKind::default());
        }
        if let Some(generator) = native(NativePaths::Files) {
            return Some(PathKind { folders_only: false, filter: Some(&generator.native_filter) });
        }
        let folders = templates().any(|template| *template == Template::Folders);
        (folders || native(NativePaths::Folders).is_some())
            .then_some(PathKind { folders_only: true, filter: None })
    }

    fn keeps(&self, draft: &Draft) -> bool {
        let Some(filter) =
            self.filter.filter(|filter| !filter.extensions.is_empty() || !filter.names.is_empty())
        else {
            return true;
        };
        let Some(name) = draft.names.first() else { return false };
        if name.ends_with('/') && !filter.folders_too {
            return true;
        }
        let name = name.trim_end_matches('/');
        let ends =
            |ending: &String| name.strip_suffix(ending.as_str()).is_some_and(|stem| stem.ends_with('.'));
        filter.names.iter().any(|known| known == name) || filter.extensions.iter().any(ends)
    }
}

/// Whether a generator needs a program or a function; paths are read natively.
fn runs(generator: &Generator) -> bool {
    let natively = generator.native_paths.is_some() || !generator.templates.is_empty();
    !natively && (generator.script.is_some() || generator.custom.is_some())
}

/// A generator with what its rows depend on.
fn generated(place: &Place, arg: &Arg, generator: &Generator, token: &str) -> Generated {
    let whole = arg.debounce.is_some()
        || matches!(generator.trigger, Some(Trigger::Function(_)))
        || matches!(generator.query_term, Some(QueryTerm::Function(_)));
    let seen = match &generator.trigger {
        _ if whole => token,
        Some(Trigger::String(separator)) => through_last(token, separator),
        _ => "",
    };
    Generated {
        command: place.command.first().cloned().unwrap_or_default(),
        generator: generator.clone(),
        words: place.words.clone(),
        token: seen.to_string(),
        dangerous: arg.dangerous,
        debounce: arg.debounce,
    }
}

/// The text up to the end of the last `separator` in it.
fn through_last<'t>(text: &'t str, separator: &str) -> &'t str {
    text.rfind(separator).map_or("", |at| &text[..at + separator.len()])
}

/// The part of the word that the rows of a generator are matched with; always its end.
fn query_term<'t>(generator: &Generator, token: &'t str, decided: Option<&str>) -> &'t str {
    let begin = match (&generator.query_term, decided) {
        (Some(QueryTerm::After(separator)), _) => through_last(token, separator).len(),
        (_, Some(term)) if token.ends_with(term) => token.len() - term.len(),
        _ => 0,
    };
    &token[begin..]
}

/// Whether rows are matched letter by letter here.
fn is_fuzzy(place: &Place) -> bool {
    let strategy =
        place.expected.and_then(|expected| expected.arg.filter_strategy).or(place.node.filter_strategy);
    strategy == Some(FilterStrategy::Fuzzy)
}

fn hint(arg: &Arg) -> ArgumentHint {
    ArgumentHint {
        name: arg.name.clone().unwrap_or_default(),
        description: arg.description.clone(),
        optional: arg.optional,
        variadic: arg.variadic,
    }
}

fn candidate(row: Ranked, target: Target) -> Candidate {
    let name = row.draft.names.get(row.name).cloned().unwrap_or_default();
    let edit = edit(target, &row.draft, &name, row.from);
    Candidate {
        name,
        names: row.draft.names,
        display: row.shown,
        kind: row.draft.kind,
        description: row.draft.description,
        hint: row.draft.hint,
        icon: row.draft.icon,
        priority: row.priority,
        source: row.draft.source,
        dangerous: row.draft.dangerous,
        matches: row.matches,
        edit,
    }
}

fn parsed_command(command: &Command, text: &str) -> ParsedCommand {
    let typed = |start: usize, end: usize| text.get(start..end).unwrap_or_default().to_string();
    ParsedCommand {
        words: command.words.iter().map(parsed_word).collect(),
        assignments: command.assignments.iter().map(|word| typed(word.start, word.end)).collect(),
        redirects: command.redirects.iter().map(|redirect| typed(redirect.start, redirect.end)).collect(),
    }
}

fn parsed_word(word: &Word) -> ParsedWord {
    ParsedWord {
        text: word.text.clone(),
        start: word.start as u32,
        end: word.end as u32,
        complete: word.closed,
    }
}

/// Adds what a place expects to what was understood.
fn describe(place: &Place, parsed: &mut Parsed) {
    parsed.query = parsed.query.get(place.from..).unwrap_or_default().to_string();
    parsed.passed_options = place.passed.iter().filter_map(|option| option.names.first().cloned()).collect();
    parsed.expects = Expects {
        subcommands: place.subcommands,
        options: place.options,
        argument: place.expected.map(|expected| ExpectedArgument {
            name: expected.arg.name.clone(),
            index: expected.index as u32,
            of: if expected.option.is_some() { "option" } else { "subcommand" }.into(),
            variadic: expected.arg.variadic,
            optional: expected.arg.optional,
        }),
    };
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use protocol::Kind;
    use specs::model::{LoadSpec, Opt, Repeatable, Script, Subcommand, Suggestion};

    use super::*;
    use crate::candidates::Insert;
    use crate::slow::{NothingYet, Rows};

    /// Specs in memory.
    struct Library(HashMap<&'static str, Arc<Spec>>);

    impl Specs for Library {
        fn spec(&self, name: &str) -> Option<Arc<Spec>> {
            self.0.get(name).cloned()
        }

        fn commands(&self) -> Vec<String> {
            self.0.keys().map(|name| name.to_string()).collect()
        }
    }

    /// A few folders, one earlier line.
    struct Here;

    impl World for Here {
        fn paths(&self, dir: &Path, folders_only: bool, hidden: bool) -> Vec<Draft> {
            let names: &[&str] = match dir.to_str().map(|dir| dir.trim_end_matches('/')) {
                Some("/home/me") => &["My Documents/", "main.rs", "notes.txt", ".profile"],
                Some("/home/me/My Documents") => &["a file.txt"],
                Some("/project") => &["src/", "-n"],
                Some("/project/src") => &["lib.rs"],
                _ => &[],
            };
            let kept = names
                .iter()
                .filter(|name| (!folders_only || name.ends_with('/')) && hidden == name.starts_with('.'));
            let row = |name: &&str| Draft {
                names: vec![name.to_string()],
                insert: Insert::PathEntry,
                kind: if name.ends_with('/') { Kind::Folder } else { Kind::File },
                source: "path".into(),
                space: true,
                ..Draft::default()
            };
            kept.map(row).collect()
        }

        fn commands(&self, _: &Context) -> Vec<Draft> {
            let row = |name: &str| Draft { names: vec![name.into()], space: true, ..Draft::default() };
            ["git", "grep", "sudo"].map(row).into()
        }

        fn home(&self, user: &str) -> Option<PathBuf> {
            (user == "me").then(|| "/home/me".into())
        }
    }

    impl History for Here {
        fn continuation(&self, line: &str, _: &Context) -> Option<String> {
            "git commit --amend".strip_prefix(line).filter(|rest| !rest.is_empty()).map(String::from)
        }
    }

    impl Usage for Here {
        fn boost(&self, _: &[String], name: &str, _: &str) -> f64 {
            if name == "clone" { 10.0 } else { 0.0 }
        }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn sub(names: &[&str]) -> Subcommand {
        Subcommand { names: strings(names), ..Subcommand::default() }
    }

    fn opt(names: &[&str]) -> Opt {
        Opt { names: strings(names), ..Opt::default() }
    }

    fn arg(name: &str) -> Arg {
        Arg { name: Some(name.into()), ..Arg::default() }
    }

    fn git() -> Subcommand {
        let template = |template| Arg { templates: vec![template], ..arg("path") };
        let value = |name: &str| Suggestion { names: strings(&[name]), ..Suggestion::default() };
        let when = Arg { suggestions: vec![value("always"), value("never")], ..arg("when") };
        let branch = Generator {
            script: Some(Script::Argv(strings(&["git", "branch", "-a"]))),
            ..Generator::default()
        };
        let checkout = Subcommand {
            args: vec![Arg { generators: vec![branch], ..arg("branch") }],
            options: vec![opt(&["-b"]), opt(&["-f", "--force"]), Opt { dangerous: true, ..opt(&["--hard"]) }],
            ..sub(&["checkout", "co"])
        };
        let commit = Subcommand {
            options: vec![
                opt(&["-a", "--all"]),
                Opt { args: vec![arg("message")], ..opt(&["-m", "--message"]) },
                Opt { repeatable: Repeatable::Times(2), ..opt(&["-v"]) },
            ],
            ..sub(&["commit"])
        };
        Subcommand {
            subcommands: vec![
                checkout,
                commit,
                sub(&["clone"]),
                Subcommand { args: vec![template(Template::Filepaths)], ..sub(&["add"]) },
                Subcommand { args: vec![template(Template::Folders)], ..sub(&["worktree"]) },
                Subcommand { load_spec: Some(LoadSpec::Module("git/lfs".into())), ..sub(&["lfs"]) },
            ],
            options: vec![
                Opt { args: vec![when], ..opt(&["--color"]) },
                Opt { persistent: true, ..opt(&["--quiet"]) },
            ],
            ..sub(&["git"])
        }
    }

    fn library() -> Library {
        let wrapper = Arg { is_command: true, ..arg("command") };
        let user = Opt { args: vec![arg("user")], ..opt(&["-u"]) };
        let sudo = Subcommand { args: vec![wrapper], options: vec![user], ..sub(&["sudo"]) };
        let lfs = Subcommand { subcommands: vec![sub(&["pull"])], ..sub(&["lfs"]) };
        let spec = |root| Arc::new(Spec { root, versions: None });
        Library(HashMap::from([("git", spec(git())), ("sudo", spec(sudo)), ("git/lfs", spec(lfs))]))
    }

    fn context(shell: Shell) -> Context {
        Context {
            shell,
            cwd: "/project".into(),
            env: BTreeMap::from([("HOME".into(), "/home/me".into()), ("HOST".into(), "h".into())]),
            aliases: BTreeMap::from([("g".into(), "git".into())]),
            ..Context::default()
        }
    }

    fn progress(marked: &str) -> Progress {
        let cursor = marked.find('^').expect("a cursor") as u32;
        let request =
            Request { generation: 7, line: marked.replacen('^', "", 1), cursor, ..Request::default() };
        let context = context(Shell::Bash);
        let question = Question {
            context: &context,
            request: &request,
            history: &Here,
            usage: &Here,
            world: &Here,
            ready: &NothingYet,
            settings: &Settings::default(),
        };
        Engine::new(Arc::new(library())).complete(&question)
    }

    /// The names of the rows at the `^`.
    fn names(marked: &str) -> String {
        let rows = progress(marked).answer.candidates;
        rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_place_has_its_rows() {
        for (line, expected) in [
            ("git che^", "checkout"),
            ("git c^", "clone checkout commit"),
            ("git commit -^", "--quiet -a -m -v"),
            ("git commit -a -^", "--quiet -m -v"),
            ("git commit -v -^", "--quiet -a -m -v"),
            ("git commit -v -v -^", "--quiet -a -m"),
            ("git commit -a^", "-a -am -av"),
            ("git --color=^", "always never"),
            ("git --color n^", "never"),
            ("git --color=a^x commit", "always"),
            ("git --no-such-thing co^", "co commit"),
            ("git --no-such-thing=1 checkout surplus words -^", "--quiet --hard -b -f"),
            ("git ch^ --force", "checkout"),
            ("git che^ckout x", "checkout"),
            ("/usr/bin/git che^", "checkout"),
            ("sudo -u root git che^", "checkout"),
            ("sudo A=1 git che^", "checkout"),
            ("sudo -E git che^", "checkout"),
            ("sudo g^", "git grep"),
            ("g che^", "checkout"),
            ("git lfs ^", "pull"),
            ("git add s^", "src/"),
            ("git add ^", "src/ -n --quiet"),
            ("git worktree ^", "src/ --quiet"),
            ("git add ~/m^", "main.rs My Documents/"),
            ("git add ~me/n^", "notes.txt"),
            ("git add $HOME/n^", "notes.txt"),
            ("git add '$HOME/n^", ""),
            ("git add $(pwd)/n^", ""),
            ("git add ~/My\\ Documents/^", "a file.txt"),
            ("git add ~/.p^", ".profile"),
            ("echo x > s^", "src/"),
            ("FOO=src/^", "lib.rs"),
            ("unknown s^", "src/"),
            ("src/^", "lib.rs"),
            ("gi^", "git"),
            ("^", ""),
            ("git add $HO^", "HOME HOST"),
            ("git add \"${HOM^", "HOME"),
            ("# git ^", ""),
            ("if true; then git che^", "checkout"),
        ] {
            let expected = expected.to_string();
            assert_eq!(names(line), expected, "{line}");
        }
    }

    #[test]
    fn rows_carry_their_edits() {
        for (line, expected) in [
            ("git che^", "git checkout "),
            ("git commit -a^", "git commit -a"),
            ("git --color=al^", "git --color=always "),
            ("git add \"My^", "git add \"My"),
            ("git add ~/My^", "git add ~/My\\ Documents/"),
            ("git add \"$HOME/My Documents/a^", "git add \"$HOME/My Documents/a file.txt\" "),
            ("git add -^", "git add ./-n "),
            ("echo ${HOM^", "echo ${HOME}"),
        ] {
            let answer = progress(line).answer;
            let before = line.replace('^', "");
            let accepted = answer.candidates.iter().find(|row| row.name != "--quiet");
            let after = accepted.and_then(|row| row.edit.apply(&before)).unwrap_or(before);
            assert_eq!(after, expected, "{line}");
        }
    }

    #[test]
    fn the_answer_says_what_it_is_about() {
        let answer = progress("git co ma^").answer;
        assert_eq!((answer.generation, answer.command.join(" ").as_str()), (7, "git checkout"));
        assert_eq!(answer.token, Token { start: 7, end: 9, text: "ma".into() });
        assert_eq!(answer.argument.map(|argument| argument.name).as_deref(), Some("branch"));
        let attached = progress("git --color=al^").answer;
        assert_eq!((attached.query.as_str(), attached.token.start), ("al", 4));
    }

    /// The same rows for every generator.
    struct Branches;

    impl Ready for Branches {
        fn ready(&self, slow: &Slow) -> Option<Found> {
            let Slow::Rows(_) = slow else { return None };
            let branch = |name: &str| Draft { names: strings(&[name]), space: true, ..Draft::default() };
            let drafts = Arc::new(["main", "topic"].map(branch).into());
            Some(Found::Rows(Rows { drafts, ..Rows::default() }))
        }
    }

    #[test]
    fn generators_are_asked_for_and_joined() {
        let first = progress("git checkout ma^");
        assert!(first.answer.pending);
        let [Slow::Rows(generated)] = first.slow.as_slice() else { panic!("{:?}", first.slow) };
        assert_eq!((generated.words.join(" ").as_str(), generated.token.as_str()), ("git checkout", ""));
        let request = Request { line: "git checkout ma".into(), cursor: 15, ..Request::default() };
        let (context, settings) = (context(Shell::Bash), Settings::default());
        let question = Question {
            context: &context,
            request: &request,
            history: &Here,
            usage: &Here,
            world: &Here,
            ready: &Branches,
            settings: &settings,
        };
        let answer = Engine::new(Arc::new(library())).complete(&question).answer;
        assert_eq!(answer.candidates.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["main"]);
        assert_eq!(answer.ghost.map(|ghost| ghost.text).as_deref(), Some("in "));
        assert!(!answer.pending);
    }

    #[test]
    fn ghost_text_only_adds_at_the_end_of_the_line() {
        let ghost = |line: &str| progress(line).answer.ghost.map(|ghost| (ghost.text, ghost.source));
        assert_eq!(ghost("git com^"), Some(("mit --amend".into(), "history".into())));
        assert_eq!(ghost("git che^"), Some(("ckout ".into(), "spec:git".into())));
        assert_eq!(ghost("git checkout --ha^"), None);
        assert_eq!(ghost("git che^ x"), None);
        assert_eq!(ghost("git ^"), Some(("commit --amend".into(), "history".into())));
        assert_eq!(ghost("^"), None);
    }

    #[test]
    fn bounds_hold() {
        let long = format!("git {}^", "a".repeat(MAX_LINE));
        assert_eq!(progress(&long).answer.candidates, []);
        let request = Request { line: "é".into(), cursor: 1, ..Request::default() };
        let context = context(Shell::Bash);
        let question = Question {
            context: &context,
            request: &request,
            history: &Here,
            usage: &Here,
            world: &Here,
            ready: &NothingYet,
            settings: &Settings::default(),
        };
        let engine = Engine::new(Arc::new(library()));
        assert_eq!(engine.complete(&question).answer.candidates, []);
        assert_eq!(engine.parse(&context, &request, &NothingYet).commands, []);
        let limited = Request { line: "git ".into(), cursor: 4, limit: 2, ..Request::default() };
        assert_eq!(engine.complete(&Question { request: &limited, ..question }).answer.candidates.len(), 2);
    }

    #[test]
    fn what_was_understood_is_told() {
        let request = Request { line: "A=1 git commit -a >x -".into(), cursor: 22, ..Request::default() };
        let parsed = Engine::new(Arc::new(library())).parse(&context(Shell::Bash), &request, &NothingYet);
        let command = &parsed.commands[parsed.current as usize];
        assert_eq!(command.assignments, ["A=1"]);
        assert_eq!(command.redirects, [">x"]);
        assert_eq!(command.words.last().map(|word| (word.start, word.end)), Some((21, 22)));
        assert_eq!(parsed.passed_options, ["-a"]);
        assert!(parsed.expects.options && parsed.expects.argument.is_none());
    }
}
