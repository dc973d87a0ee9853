//! The whole pipeline on one page: a question goes in, ranked candidates with their edits and ghost text come out.
//!
//! Everything here is decided from the question alone. What needs files, processes or memory of earlier sessions is
//! asked of the small traits below, which answer at once; what needs a program run comes back as [`Slow`] and is
//! joined later.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::{
    Answer, ArgumentHint, Candidate, Context, ExpectedArgument, Expects, Ghost, Kind, Parsed, ParsedCommand,
    ParsedWord, Request, Shell, Token,
};
use specs::model::{
    Arg, FilterStrategy, FnRef, Generator, NativePaths, PathFilter, QueryTerm, Spec, Template, Trigger,
};

use crate::candidates::command::is_own;
use crate::candidates::generated::MAX_ROWS;
use crate::candidates::{Draft, spec, variable};
use crate::edit::{Target, edit};
use crate::ghost::ghost;
use crate::parse::aliases::Aliases;
use crate::parse::lex::{Command, Line, Quote, Spot, Word, lex_aliased, value_start};
use crate::parse::place::{self, Expected, Place, Sources, Trees};
use crate::rank::{Drafts, Group, How, Ranked, rank};
use crate::settings::Settings;
use crate::slow::{Argument, Found, Generated, Listed, NothingYet, Ready, Rows, Slow};
use crate::trust::Refusal;

/// Where specs come from.
pub trait Specs: Send + Sync {
    /// The spec of a module: `git`, `aws/s3`.
    fn spec(&self, name: &str) -> Option<Arc<Spec>>;
    /// The commands that have a spec.
    fn commands(&self) -> Vec<String>;
    /// The spec that the user wrote for a script of this name: `deploy.py`.
    fn script(&self, _name: &str) -> Option<Arc<Spec>> {
        None
    }
    /// The one line of help of a command, as far as it is there at once.
    fn description(&self, _name: &str) -> Option<String> {
        None
    }
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
    /// What is added to the priorities of the rows of this command in this directory, by name; more than 0 and less
    /// than 1. Rows that were never accepted are not in it.
    fn boosts(&self, command: &[String], cwd: &str) -> HashMap<String, f64>;
}

/// The files and programs that a session sees. Answers at once, from what it has: a folder that is slow to read is
/// cut short.
pub trait World {
    /// The entries of a folder, an absolute path: names without the path, folders with a `/` at the end, drafts that
    /// insert as [`crate::candidates::Insert::PathEntry`]. Names that begin with a dot only when `hidden`.
    fn paths(&self, dir: &Path, folders_only: bool, hidden: bool) -> Vec<Draft>;
    /// The same, of a very large folder only those that what is `typed` could match.
    fn paths_like(&self, dir: &Path, folders_only: bool, hidden: bool, _typed: &str) -> Vec<Draft> {
        self.paths(dir, folders_only, hidden)
    }
    /// The entries of a folder that may be a command or lead to one: folders and executable files.
    fn executables(&self, dir: &Path, hidden: bool) -> Vec<Draft> {
        self.paths(dir, false, hidden)
    }
    /// What may stand as the first word of a command and is no program: aliases, functions, the shell's own words.
    fn commands(&self, context: &Context) -> Vec<Draft>;
    /// The programs of the session's `PATH`.
    fn programs(&self, _context: &Context) -> Arc<Vec<Draft>> {
        Arc::default()
    }
    /// What these programs are, in one line each, as far as it is known already; the rest is looked up for a later
    /// answer.
    fn descriptions(&self, _context: &Context, programs: &[&str]) -> Vec<Option<String>> {
        vec![None; programs.len()]
    }
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
    /// For each row of the answer, the place in `asked` of what it was fetched for, if it had to be fetched.
    pub origins: Vec<Option<u32>>,
    /// What yields rows here and has to be fetched, whether it is there or not.
    pub asked: Vec<Slow>,
    /// Why some of it will never be there.
    pub refused: Vec<Refusal>,
}

/// Completes lines. Immutable, shared by all sessions.
pub struct Engine {
    specs: Arc<dyn Specs>,
    trees: Arc<Trees>,
}

/// The longest line that is looked at; the shells themselves are slow by then.
const MAX_LINE: usize = 64 << 10;

/// Most words of an earlier line that are looked at: each costs a walk over all before it.
const MAX_EARLIER_WORDS: usize = 24;

/// Priority of commands that people are likely to mean, above the ordinary 50.
const COMMON_PRIORITY: f64 = 60.0;

/// Priority of folders in place of a command, below the ordinary 50.
const FOLDER_PRIORITY: f64 = 40.0;

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over these specs.
    pub fn new(specs: Arc<dyn Specs>) -> Engine {
        Engine { specs, trees: Arc::default() }
    }

    /// The same engine with trees that others use too.
    pub fn with_trees(self, trees: Arc<Trees>) -> Engine {
        Engine { trees, ..self }
    }

    /// What is there at once, and what to fetch for the rest.
    pub fn complete(&self, question: &Question) -> Progress {
        let request = question.request;
        let none = Answer { generation: request.generation, ..Answer::default() };
        let Some(line) = Understood::of(question.context, request) else {
            return Progress { answer: none, ..Progress::default() };
        };
        let Some(word) = line.word() else {
            let answer = Answer { ghost: line.ghost(question, "", &[]), ..none };
            return Progress { answer, ..Progress::default() };
        };
        let mut gathered = self.gather(question, &line, word);
        if line.is_disabled(question.settings, &gathered.command) {
            gathered.withhold();
        }
        let slow = std::mem::take(&mut gathered.slow);
        let asked = std::mem::take(&mut gathered.asked);
        let (origins, rows): (Vec<_>, Vec<_>) =
            line.rows(question, word, &mut gathered, &*self.specs).into_iter().unzip();
        let answer = Answer {
            ghost: line.ghost(question, &gathered.query, &rows),
            command: gathered.command,
            token: Token { start: word.start as u32, end: word.end as u32, text: word.before().to_string() },
            query: gathered.query,
            argument: gathered.argument,
            candidates: if gathered.ghost_only { Vec::new() } else { rows },
            pending: !slow.is_empty(),
            ..none
        };
        Progress { answer, slow, origins, asked, refused: gathered.refused }
    }

    /// What the line means, without candidates.
    pub fn parse(&self, context: &Context, request: &Request, ready: &dyn Ready) -> Parsed {
        let Some(line) = Understood::of(context, request) else {
            return Parsed { generation: request.generation, ..Parsed::default() };
        };
        let mut parsed = line.parsed(request.generation);
        if line.line.spot == Spot::Word {
            place::find(self.sources(ready), line.words(), &mut |place| describe(place, &mut parsed));
        }
        parsed
    }

    /// What was given for an argument in these lines, in their order, each once.
    pub fn earlier_values(&self, context: &Context, lines: &[String], argument: &Argument) -> Vec<Draft> {
        let mut seen = HashSet::new();
        let values = lines.iter().flat_map(|line| self.values(context, line, argument));
        let fresh = values.filter(|value| !value.is_empty() && seen.insert(value.clone()));
        let draft = |value: String| Draft {
            names: vec![value],
            kind: Kind::History,
            source: "history".into(),
            space: true,
            ..Draft::default()
        };
        fresh.map(draft).take(MAX_ROWS).collect()
    }

    /// What one line gives for an argument: each word is looked at as if it were just being typed.
    fn values(&self, context: &Context, line: &str, argument: &Argument) -> Vec<String> {
        let mut values = Vec::new();
        let lexed = lex_aliased(line, line.len(), context.shell, Aliases::of(context));
        for command in &lexed.commands {
            let words = &command.words[..command.words.len().min(MAX_EARLIER_WORDS)];
            for end in 1..words.len() {
                let is_it = |place: &Place| self::argument(place).as_ref() == Some(argument);
                // What begins with a dash is an option where one may come.
                let is_option = |place: &Place| place.options && words[end].text.starts_with('-');
                place::find(self.sources(&NothingYet), &words[..=end], &mut |place| {
                    if is_it(place) && !is_option(place) {
                        values.extend(words[end].text.get(place.from..).map(str::to_string));
                    }
                });
            }
        }
        values
    }

    fn sources<'w>(&'w self, ready: &'w dyn Ready) -> Sources<'w> {
        Sources { specs: &*self.specs, ready, trees: &self.trees }
    }

    /// The drafts for the word at the cursor.
    fn gather(&self, question: &Question, line: &Understood, word: &Word) -> Gathered {
        let fuzzy = question.settings.fuzzy_search;
        let mut gathered = Gathered { query: word.before().to_string(), fuzzy, ..Gathered::default() };
        if let Some(spot) = variable::spot(word) {
            gathered.query = word.before()[spot.from..].to_string();
            gathered.add(spot.from, word, variable::drafts(spot, &question.context.env));
            return gathered;
        }
        let files = Files { question, word };
        match line.line.spot {
            Spot::Redirect(_) | Spot::Path => gathered.add_paths(files, 0, PathKind::default()),
            Spot::Assignment(_) => {
                gathered.add_paths(files, value_start(word), PathKind::default());
            }
            Spot::Word if line.words().len() == 1 => {
                gathered.ghost_only = !question.settings.first_token_completion && !names_path(word);
                gathered.add_commands(files);
            }
            Spot::Word => self.gather_place(question, line, word, &mut gathered),
            Spot::Text | Spot::Nothing => {}
        }
        gathered
    }

    /// The drafts for a word behind a command.
    fn gather_place(&self, question: &Question, line: &Understood, word: &Word, gathered: &mut Gathered) {
        let files = Files { question, word };
        let missing = place::find(self.sources(question.ready), line.words(), &mut |place| {
            gathered.add_place(place, files);
        });
        gathered.slow.extend(missing);
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
        let line = lex_aliased(text, cursor, context.shell, Aliases::of(context));
        Some(Understood { text, cursor, shell: context.shell, line })
    }

    /// The words of the current command.
    fn words(&self) -> &[Word] {
        self.line.command().map_or(&[], |command| &command.words)
    }

    /// The word at the cursor, whatever it is.
    fn word(&self) -> Option<&Word> {
        self.line.word()
    }

    /// Whether nothing is to be offered here. A command that is still being typed is offered: it may become another.
    fn is_disabled(&self, settings: &Settings, command: &[String]) -> bool {
        let typed = self.words().first().filter(|_| self.words().len() > 1).map(|word| word.text.as_str());
        let behind = command.first().map(String::as_str);
        typed.into_iter().chain(behind).any(|name| settings.is_disabled_for(name))
    }

    /// Candidates with their edits and their origins, in order.
    fn rows(
        &self,
        question: &Question,
        word: &Word,
        gathered: &mut Gathered,
        specs: &dyn Specs,
    ) -> Vec<(Option<u32>, Candidate)> {
        let groups = std::mem::take(&mut gathered.groups);
        let settings = question.settings;
        let boosts = match settings.sort_by_usage {
            true => question.usage.boosts(&gathered.command, &question.context.cwd),
            false => HashMap::new(),
        };
        let how = How {
            fuzzy: gathered.fuzzy,
            verbose: settings.prefer_verbose,
            limit: question.request.limit as usize,
            boosts: &boosts,
            prefer: &|draft| if gathered.commands { preferred(draft, specs) } else { None },
        };
        let mut ranked = rank(groups, how);
        if gathered.commands && !gathered.ghost_only {
            describe_programs(&mut ranked, question, specs);
        }
        let target = Target { line: self.text, shell: self.shell, word, spaces: settings.insert_space };
        let origin = |row: &Ranked| gathered.origins.get(row.group).copied().flatten();
        let mut rows: Vec<(Option<u32>, Candidate)> =
            ranked.into_iter().map(|row| (origin(&row), candidate(row, target))).collect();
        let typed = gathered.typed.take().filter(|typed| is_new(typed, &rows));
        rows.extend(typed.map(|typed| (None, typed_row(&typed, word.before().len() - typed.len(), target))));
        rows
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
    /// The rows serve ghost text alone.
    ghost_only: bool,
    /// There are programs of the `PATH` among the rows.
    commands: bool,
    command: Vec<String>,
    query: String,
    argument: Option<ArgumentHint>,
    fuzzy: bool,
    groups: Vec<Group>,
    /// What is typed is offered as it is.
    typed: Option<String>,
    slow: Vec<Slow>,
    asked: Vec<Slow>,
    refused: Vec<Refusal>,
    /// For each group the number of the need that it was fetched for.
    origins: Vec<Option<u32>>,
}

impl Gathered {
    /// Nothing is offered, nothing is fetched.
    fn withhold(&mut self) {
        let (command, query) = (std::mem::take(&mut self.command), std::mem::take(&mut self.query));
        *self = Gathered { command, query, ..Gathered::default() };
    }

    /// Adds drafts that are matched with the word from this byte on.
    fn add(&mut self, from: usize, word: &Word, drafts: impl Into<Drafts>) {
        let query = word.before().get(from..).unwrap_or_default().to_string();
        self.groups.push(Group { query, from, drafts: drafts.into() });
        self.origins.push(None);
    }

    /// Adds what a spec offers at a place.
    fn add_place(&mut self, place: &Place, files: Files) {
        let word = files.word;
        let rows = spec::drafts(place, word.before());
        // The value of the last option of a cluster begins behind the cluster.
        let value_from = if place.cluster.is_some() { word.before().len() } else { place.from };
        self.command.clone_from(&place.command);
        self.query = word.before()[place.from..].to_string();
        self.fuzzy = is_fuzzy(place, files.question.settings);
        self.argument = place.expected.map(|expected| hint(expected.arg));
        let always = files.question.settings.suggest_current_token;
        let is_offered = |expected: &Expected| always || expected.arg.suggest_current_token;
        let typed = place.expected.filter(is_offered).map(|_| &self.query);
        self.typed = typed.filter(|typed| !typed.is_empty() && !typed.starts_with('-')).cloned();
        self.add(place.from, word, rows.subcommands);
        self.add(value_from, word, rows.values);
        if !place.elsewhere {
            self.add_sources(place, value_from, files);
        }
        self.add(place.from, word, rows.additional);
        self.add(place.from, word, rows.options);
    }

    /// Adds what this machine has for a place: files, programs, what generators yield.
    fn add_sources(&mut self, place: &Place, from: usize, files: Files) {
        if place.wraps {
            self.add_wrapped(files, from);
        }
        let Some(Expected { arg, .. }) = place.expected else {
            return if is_open(place, files.word.before()) {
                self.add_paths(files, 0, PathKind::default())
            };
        };
        if let Some(kind) = PathKind::of(arg).or_else(|| PathKind::by_name(arg)) {
            self.add_paths(files, from, kind);
        }
        if has_history(arg) {
            self.add_earlier(place, from, files);
        }
        for generator in &arg.generators {
            match &generator.filter_template {
                Some(function) if !generator.templates.is_empty() => {
                    self.add_filtered(place, generator, function, from, files);
                }
                _ if runs(generator) => self.add_generator(place, arg, generator, from, files),
                _ => {}
            }
        }
    }

    /// Adds the rows of a generator, or notes that they are to be fetched.
    fn add_generator(&mut self, place: &Place, arg: &Arg, generator: &Generator, from: usize, files: Files) {
        let token = files.word.before().get(from..).unwrap_or_default();
        let slow = Slow::Rows(Box::new(generated(place, arg, generator, token)));
        let (need, Some(rows)) = self.fetched(slow, files) else { return };
        let term = query_term(generator, token, rows.query.as_deref());
        self.add_fetched(need, from + token.len() - term.len(), files.word, rows.drafts);
    }

    /// Adds what was given for an argument in earlier lines.
    fn add_earlier(&mut self, place: &Place, from: usize, files: Files) {
        let (need, Some(rows)) = self.earlier(place, files) else { return };
        self.add_fetched(need, from, files.word, rows.drafts);
    }

    fn earlier(&mut self, place: &Place, files: Files) -> (usize, Option<Rows>) {
        let argument = argument(place).unwrap_or_default();
        self.fetched(Slow::Earlier(Box::new(argument)), files)
    }

    /// Adds what a function keeps of a generator's templates.
    fn add_filtered(
        &mut self,
        place: &Place,
        generator: &Generator,
        function: &FnRef,
        from: usize,
        files: Files,
    ) {
        let mut all = self.listed(place, generator, from, files);
        all.truncate(MAX_ROWS);
        let row = |(_, template, draft): &(usize, Template, Draft)| {
            (draft.names.first().cloned().unwrap_or_default(), draft.kind, *template)
        };
        let listed = Listed {
            command: place.command.first().cloned().unwrap_or_default(),
            function: function.clone(),
            rows: all.iter().map(row).collect(),
        };
        let (need, Some(rows)) = self.fetched(Slow::Filter(Box::new(listed)), files) else { return };
        let known: HashMap<&str, &(usize, Template, Draft)> =
            all.iter().filter_map(|row| Some((row.2.names.first()?.as_str(), row))).collect();
        let mut kept: BTreeMap<usize, Vec<Draft>> = BTreeMap::new();
        for changed in rows.drafts.iter() {
            let name = changed.names.first().map_or("", String::as_str);
            if let Some((from, _, draft)) = known.get(name) {
                kept.entry(*from).or_default().push(overlaid(draft, changed));
            }
        }
        for (from, drafts) in kept {
            self.add_fetched(need, from, files.word, drafts);
        }
    }

    /// What the templates of a generator list, each with where in the word it is matched.
    fn listed(
        &mut self,
        place: &Place,
        generator: &Generator,
        from: usize,
        files: Files,
    ) -> Vec<(usize, Template, Draft)> {
        let mut all = Vec::new();
        let is_there = |template| generator.templates.contains(&template);
        let paths = if is_there(Template::Filepaths) { Template::Filepaths } else { Template::Folders };
        if is_there(paths)
            && let Some((dir, entry)) = files.folder(from)
        {
            let typed = &files.word.before()[entry..];
            let hidden = typed.starts_with('.');
            let drafts = files.question.world.paths_like(&dir, paths == Template::Folders, hidden, typed);
            all.extend(drafts.into_iter().map(|draft| (entry, paths, draft)));
        }
        if is_there(Template::Help) {
            let siblings = place.parent.map(spec::subcommands).unwrap_or_default();
            all.extend(siblings.into_iter().map(|draft| (from, Template::Help, draft)));
        }
        if is_there(Template::History)
            && let (_, Some(rows)) = self.earlier(place, files)
        {
            all.extend(rows.drafts.iter().map(|draft| (from, Template::History, draft.clone())));
        }
        all
    }

    /// The number of a need that yields rows, and its rows as far as they are there. What is not there, or not good any
    /// more, is noted.
    fn fetched(&mut self, slow: Slow, files: Files) -> (usize, Option<Rows>) {
        let found = files.question.ready.ready(&slow);
        if !matches!(&found, Some(Found::Rows(Rows { stale: false, .. }) | Found::Refused(_)))
            && !self.slow.contains(&slow)
        {
            self.slow.push(slow.clone());
        }
        let need = self.asked.iter().position(|asked| *asked == slow).unwrap_or(self.asked.len());
        if need == self.asked.len() {
            self.asked.push(slow);
        }
        match found {
            Some(Found::Rows(rows)) => (need, Some(rows)),
            Some(Found::Refused(refusal)) => {
                self.refused.push(refusal);
                (need, None)
            }
            _ => (need, None),
        }
    }

    /// Adds rows that were fetched for the need of this number.
    fn add_fetched(&mut self, need: usize, from: usize, word: &Word, drafts: impl Into<Drafts>) {
        self.add(from, word, drafts);
        if let Some(origin) = self.origins.last_mut() {
            *origin = u32::try_from(need).ok();
        }
    }

    /// Adds the entries of the folder that is being typed.
    fn add_paths(&mut self, files: Files, from: usize, kind: PathKind) {
        let Some((dir, entry)) = files.folder(from) else { return };
        let typed = &files.word.before()[entry..];
        let hidden = typed.starts_with('.');
        let mut drafts = files.question.world.paths_like(&dir, kind.folders_only, hidden, typed);
        drafts.retain(|draft| kind.keeps(draft));
        self.add(entry, files.word, drafts);
    }

    /// Adds what may be the first word of a command.
    fn add_commands(&mut self, files: Files) {
        if names_path(files.word) {
            return self.add_executables(files);
        }
        if !files.word.before().is_empty() {
            let question = files.question;
            self.add(0, files.word, question.world.commands(question.context));
            self.add_programs(files);
            self.add_folders(files);
        }
    }

    /// Adds what may be a command behind a wrapper. Only the shell's own wrappers see what is the shell's own.
    fn add_wrapped(&mut self, files: Files, from: usize) {
        let shell = files.question.context.shell;
        match self.command.first() {
            _ if from != 0 => {}
            Some(wrapper) if !is_own(shell, wrapper) && !names_path(files.word) => self.add_programs(files),
            _ => self.add_commands(files),
        }
    }

    fn add_programs(&mut self, files: Files) {
        if !files.word.before().is_empty() {
            self.commands = true;
            self.add(0, files.word, files.question.world.programs(files.question.context));
        }
    }

    /// Adds what a command that is a path may be or lead to. Without a slash that is a folder: `.`, `..`, `~user`.
    fn add_executables(&mut self, files: Files) {
        if !files.word.before().contains('/') {
            return self.add_paths(files, 0, PathKind { folders_only: true, filter: None });
        }
        let Some((dir, entry)) = files.folder(0) else { return };
        let hidden = files.word.before()[entry..].starts_with('.');
        self.add(entry, files.word, files.question.world.executables(&dir, hidden));
    }

    /// Adds the folders that may stand in place of a command, behind all commands: fish enters them, zsh does when it is
    /// told to, and there may be a program in them.
    fn add_folders(&mut self, files: Files) {
        let Some((dir, 0)) = files.folder(0).filter(|_| files.question.context.shell != Shell::Bash) else {
            return;
        };
        let mut drafts = files.question.world.paths(&dir, true, false);
        drafts.retain(|draft| draft.names.iter().all(|name| name != "../"));
        drafts.iter_mut().for_each(|draft| draft.priority = Some(FOLDER_PRIORITY));
        self.add(0, files.word, drafts);
    }
}

/// Whether the first word of a command is a path, not a name to be looked up.
fn names_path(word: &Word) -> bool {
    word.before().contains('/') || word.before().starts_with(['~', '.'])
}

/// The priority of a row that says none: commands that people type are those that somebody wrote a spec for, or named
/// themselves. The others of a `PATH` are many.
fn preferred(draft: &Draft, specs: &dyn Specs) -> Option<f64> {
    let common = match draft.kind {
        Kind::Alias => true,
        Kind::Command => specs.describes(&draft.names[0]),
        _ => false,
    };
    common.then_some(COMMON_PRIORITY)
}

/// Says what the programs are that nothing is said of yet.
fn describe_programs(rows: &mut [Ranked], question: &Question, specs: &dyn Specs) {
    let silent = |row: &&mut Ranked| row.draft.kind == Kind::Command && row.draft.description.is_none();
    for row in rows.iter_mut().filter(silent) {
        row.draft.description = specs.description(&row.draft.names[0]);
    }
    let programs: Vec<String> =
        rows.iter_mut().filter(silent).map(|row| row.draft.names[0].clone()).collect();
    let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
    let found = question.world.descriptions(question.context, &programs);
    for (row, found) in rows.iter_mut().filter(silent).zip(found) {
        row.draft.description = found;
    }
}

/// Where files are looked for.
#[derive(Clone, Copy)]
struct Files<'a> {
    question: &'a Question<'a>,
    word: &'a Word,
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

/// Words in the names of arguments that are files, or folders.
const FILE_NAMES: [&str; 16] = [
    "archive",
    "archives",
    "dest",
    "destination",
    "file",
    "filename",
    "filepath",
    "files",
    "infile",
    "outfile",
    "path",
    "pathname",
    "paths",
    "src",
    "tarball",
    "zipfile",
];
const FOLDER_NAMES: [&str; 5] = ["dir", "directory", "dirs", "folder", "directories"];

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
        let unfiltered = || generators().filter(|generator| generator.filter_template.is_none());
        let templates =
            || arg.templates.iter().chain(unfiltered().flat_map(|generator| &generator.templates));
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

    /// What the name of an argument says that has no values in the spec: many specs forget that a `file` is a path.
    fn by_name(arg: &Arg) -> Option<PathKind<'a>> {
        let bare = arg.suggestions.is_empty() && arg.templates.is_empty() && arg.generators.is_empty();
        if !bare || arg.is_command || arg.is_module.is_some() {
            return None;
        }
        let name = arg.name.as_deref()?.to_ascii_lowercase();
        let has = |known: &[&str]| name.split([' ', '-', '_']).any(|word| known.contains(&word));
        let (file, folder) = (has(&FILE_NAMES), has(&FOLDER_NAMES));
        (file || folder).then_some(PathKind { folders_only: folder && !file, filter: None })
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

/// Whether an argument offers what was given for it earlier, as it is.
fn has_history(arg: &Arg) -> bool {
    let unfiltered = arg.generators.iter().filter(|generator| generator.filter_template.is_none());
    let mut templates = arg.templates.iter().chain(unfiltered.flat_map(|generator| &generator.templates));
    templates.any(|template| *template == Template::History)
}

/// The argument that is expected at a place.
fn argument(place: &Place) -> Option<Argument> {
    let expected = place.expected.as_ref()?;
    let option = expected.option.and_then(|option| option.names.first().cloned());
    Some(Argument { command: place.command.clone(), option, index: expected.index })
}

/// A row of a template as a function changed it: what it is and what it puts in stays.
fn overlaid(draft: &Draft, changed: &Draft) -> Draft {
    Draft {
        display: changed.display.clone().or_else(|| draft.display.clone()),
        description: changed.description.clone().or_else(|| draft.description.clone()),
        icon: changed.icon.clone().or_else(|| draft.icon.clone()),
        priority: changed.priority.or(draft.priority),
        dangerous: changed.dangerous || draft.dangerous,
        hidden: changed.hidden || draft.hidden,
        ..draft.clone()
    }
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
pub(crate) fn through_last<'t>(text: &'t str, separator: &str) -> &'t str {
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
fn is_fuzzy(place: &Place, settings: &Settings) -> bool {
    let strategy =
        place.expected.and_then(|expected| expected.arg.filter_strategy).or(place.node.filter_strategy);
    strategy.map_or(settings.fuzzy_search, |strategy| strategy == FilterStrategy::Fuzzy)
}

/// Whether a word that the spec has no value for may still be a path, as it would be to a shell: nothing else can come,
/// or it already looks like one. Specs lag behind tools, and many forget that a command takes files.
fn is_open(place: &Place, word: &str) -> bool {
    let nothing = !place.subcommands && !place.options && place.cluster.is_none();
    nothing || !word.starts_with('-') && word.contains('/')
}

fn hint(arg: &Arg) -> ArgumentHint {
    ArgumentHint {
        name: arg.name.clone().unwrap_or_default(),
        description: described(arg),
        optional: arg.optional,
        variadic: arg.variadic,
    }
}

/// What the spec says of an argument, and what holds when it is left out.
fn described(arg: &Arg) -> Option<String> {
    let default = arg.default.as_ref().filter(|default| !default.is_empty());
    match (&arg.description, default) {
        (Some(text), Some(default)) => Some(format!("{text} (default: {default})")),
        (None, Some(default)) => Some(format!("Default: {default}")),
        (text, None) => text.clone(),
    }
}

/// Whether a row for what is typed tells anything: beside others, none of which is just that.
fn is_new(typed: &str, rows: &[(Option<u32>, Candidate)]) -> bool {
    !rows.is_empty() && rows.iter().all(|(_, row)| row.name.trim_end_matches('/') != typed)
}

/// The row of an argument that takes what is typed as it is.
fn typed_row(typed: &str, from: usize, target: Target) -> Candidate {
    let draft = Draft {
        names: vec![typed.to_string()],
        kind: Kind::Special,
        description: Some("What is typed".into()),
        source: "typed".into(),
        space: true,
        ..Draft::default()
    };
    let matches = vec![(0, typed.len() as u32)];
    let shown = typed.to_string();
    candidate(Ranked { draft, name: 0, from, group: usize::MAX, priority: 0.0, matches, shown }, target)
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
        action: None,
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
mod tests;
