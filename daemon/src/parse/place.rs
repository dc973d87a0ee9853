//! The walk along a spec: what the words so far make of the word at the cursor.
//!
//! Every finished word is a subcommand, an option (long, a cluster of short ones, with an attached value), a value of
//! an option or of the command. What it makes possible next follows the rules of the spec format; a word that the spec
//! does not know is stepped over, because specs lag behind tools. Commands inside commands (`sudo`, `loadSpec`) begin a
//! new walk with the words that are left, and a command without a spec takes paths. Specs are only read.

use std::sync::Arc;

use protocol::Shell;
use specs::model::{Alias, Arg, FnRef, LoadSpec, Opt, Spec, Subcommand};

use super::lex::{Mark, Quote, Word, assignment, lex};
use crate::engine::Specs;
use crate::slow::{Call, Found, Ready, Slow};

mod state;
#[cfg(test)]
mod tests;
mod trees;
mod wrappers;

use state::{State, Step};
pub use trees::Trees;

/// How many specs, trees and aliases one line may go through: wrappers in wrappers, aliases of aliases.
const MAX_SPECS: usize = 16;

/// The longest text that a value may stand for, in bytes; a function of a spec could say anything.
const MAX_ALIAS: usize = 4096;

/// Characters of a word that can name a program; anything else in the place of a command is a script for some shell.
const COMMAND_PUNCTUATION: &str = "._-+@%/~:,[]";

/// The modules whose `generateSpec` looks at all words, not only at the command: the first of its path below the root
/// when it is not that of the root. The others are asked once for a command, not again with each word.
const READ_ALL_WORDS: [(&str, Option<&str>); 2] = [("mask", None), ("pnpm", Some("subcommands"))];

/// What may stand at the cursor.
pub struct Place<'a> {
    /// The innermost command or subcommand.
    pub node: &'a Subcommand,
    /// The one above it.
    pub parent: Option<&'a Subcommand>,
    /// Options of the commands around it that hold here too, innermost last.
    pub inherited: Vec<&'a Opt>,
    /// Options given to this node, in order.
    pub passed: Vec<&'a Opt>,
    /// Canonical names from the command down.
    pub command: Vec<String>,
    /// The words from the innermost command on, unquoted, without the one at the cursor: what its functions are told.
    pub words: Vec<String>,
    /// A subcommand may come.
    pub subcommands: bool,
    /// An option may come.
    pub options: bool,
    /// The value that may come.
    pub expected: Option<Expected<'a>>,
    /// Another command may begin here: `sudo `.
    pub wraps: bool,
    /// The command runs on another machine or in a container: nothing of this machine belongs here, neither files nor
    /// programs nor what they say.
    pub elsewhere: bool,
    /// Where in the text of the last word the part begins that rows are matched with.
    pub from: usize,
    /// The last word is a cluster of short options that may go on.
    pub cluster: Option<Cluster<'a>>,
}

/// A value that may come.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// What the spec says of it.
    pub arg: &'a Arg,
    /// Its place in the list of arguments.
    pub index: usize,
    /// The option that it belongs to, else it is the command's.
    pub option: Option<&'a Opt>,
}

/// Short options behind one dash: `-am`.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    /// The option of the last letter, which may still become another.
    pub last: &'a Opt,
    /// More letters may follow.
    pub open: bool,
}

/// What a walk is made with.
#[derive(Clone, Copy)]
pub struct Sources<'w> {
    /// Where specs come from.
    pub specs: &'w dyn Specs,
    /// What functions of specs have said.
    pub ready: &'w dyn Ready,
    /// Trees that were put together before.
    pub trees: &'w Trees,
}

/// Walks `words`, whose first is the command and whose last is being typed, and hands the place to `then`; a line
/// without a word behind the command has none. Yields what functions of the specs would have to say for a better walk.
pub fn find(sources: Sources, words: &[Word], then: &mut dyn FnMut(&Place)) -> Vec<Slow> {
    let Some(first) = words.first() else { return Vec::new() };
    let mut walk = Walker { sources, missing: Vec::new(), left: MAX_SPECS, elsewhere: false, then };
    walk.command(module_of(&first.text), Above::default(), words);
    walk.missing
}

/// The spec that describes a command or path: that of the last component. `bin/console` is what Symfony calls its own.
fn module_of(word: &str) -> &str {
    match word.strip_suffix("bin/console") {
        Some(dir) if dir.is_empty() || dir.ends_with('/') => "php/bin-console",
        _ => command_name(word),
    }
}

/// The command that a path runs: its last component. `@scope/name`, as `npx` takes it, is a name.
pub fn command_name(word: &str) -> &str {
    if specs::archive::is_command(word) { word } else { word.rsplit('/').next().unwrap_or(word) }
}

/// What stands around a tree.
#[derive(Clone, Default)]
struct Above<'a> {
    /// Canonical names of the commands whose tree goes on here, down to the one that begins; empty for a new command.
    command: Vec<String>,
    /// Those commands, outermost first. Their persistent options end here: the tree may be that of another tool.
    nodes: Vec<&'a Subcommand>,
}

/// What every walk of one line shares.
struct Walker<'w> {
    sources: Sources<'w>,
    /// What was not ready.
    missing: Vec<Slow>,
    left: usize,
    elsewhere: bool,
    then: &'w mut dyn FnMut(&Place),
}

impl Walker<'_> {
    /// The spec of a module walks `words[1..]`; without one the words are taken for paths.
    fn command(&mut self, module: &str, above: Above, words: &[Word]) {
        match self.spec(module).filter(|_| self.spend()) {
            Some(spec) => self.known(&spec.root, module, above, words),
            None => self.unknown(module, above, words),
        }
    }

    fn known(&mut self, root: &Subcommand, module: &str, above: Above, words: &[Word]) {
        let mut above = above;
        if above.command.is_empty() {
            above.command = vec![canonical(root, module)];
        }
        if let Some(load) = &root.load_spec
            && self.load(load, above.clone(), words, 0)
        {
            return;
        }
        // What is known of a few tools beyond their specs is known of the whole tool.
        let more = wrappers::tree(module);
        above.nodes.extend(more.as_ref());
        self.root(root, above, words);
    }

    /// A command that nothing is known of.
    fn unknown(&mut self, name: &str, above: Above, words: &[Word]) {
        let node = wrappers::anything();
        let command = if above.command.is_empty() { vec![name.to_string()] } else { above.command };
        self.walk(State::unknown(&node, command), words, 1);
    }

    /// The spec of a module, in the version that is installed; of a few wrappers we know it ourselves.
    fn spec(&mut self, module: &str) -> Option<Arc<Spec>> {
        match self.sources.specs.spec(module) {
            Some(spec) => Some(self.version(spec)),
            None => wrappers::tree(module).map(|root| Arc::new(Spec { root, versions: None })),
        }
    }

    /// One more spec, tree or alias, if the line has not had too many.
    fn spend(&mut self) -> bool {
        let some = self.left > 0;
        self.left -= usize::from(some);
        some
    }

    /// The version of a spec that serves the installed tool; the newest while that is not known.
    fn version(&mut self, spec: Arc<Spec>) -> Arc<Spec> {
        let Some(versions) = &spec.versions else { return spec };
        let installed = versions.version_command.as_ref().and_then(|function| self.installed(function));
        let module = installed.and_then(|installed| versions.module_for(&installed));
        let newest = || versions.modules.last().map(|(_, module)| module.as_str());
        module.or_else(newest).and_then(|module| self.sources.specs.spec(module)).unwrap_or(spec.clone())
    }

    /// The version that this function finds installed.
    fn installed(&mut self, function: &FnRef) -> Option<String> {
        let call = Call { function: function.clone(), words: Vec::new(), token: String::new() };
        match self.ask(Slow::Version(call)) {
            Some(Found::Version(version)) => version,
            _ => None,
        }
    }

    /// What a function said, or a note that it is to be asked. Functions look at this machine only.
    fn ask(&mut self, slow: Slow) -> Option<Found> {
        if self.elsewhere {
            return None;
        }
        let found = self.sources.ready.ready(&slow);
        if found.is_none() && !self.missing.contains(&slow) {
            self.missing.push(slow);
        }
        found
    }

    /// A whole tree, whose name is `words[0]`.
    fn root(&mut self, root: &Subcommand, above: Above, words: &[Word]) {
        let tree = self.generated(root, words, 1);
        let root = tree.as_deref().unwrap_or(root);
        let mut state = State::new(root, above.command);
        state.outer = above.nodes;
        self.walk(state, words, 1);
    }

    /// A node with what its `generateSpec` adds, if that has been asked; its own name is `words[at - 1]`.
    fn generated(&mut self, node: &Subcommand, words: &[Word], at: usize) -> Option<Arc<Subcommand>> {
        let function = node.generate_spec.as_ref()?;
        let below = READ_ALL_WORDS.iter().find(|(module, _)| *module == function.module);
        let all = below.is_some_and(|(_, below)| {
            below.is_none_or(|below| function.path.first().is_some_and(|first| first == below))
        });
        let end = if all { words.len().saturating_sub(1) } else { at };
        let call = Call { function: function.clone(), words: texts(&words[..end]), token: String::new() };
        match self.ask(Slow::Tree(call)) {
            Some(Found::Tree(Some(tree))) if self.spend() => Some(self.sources.trees.merged(node, &tree)),
            _ => None,
        }
    }

    /// Reads the words from `words[at]` on, all but the last, which is at the cursor.
    fn walk(&mut self, mut state: State, words: &[Word], at: usize) {
        let Some((last, rest)) = words.split_last().filter(|(_, rest)| !rest.is_empty()) else { return };
        for (at, word) in rest.iter().enumerate().skip(at) {
            let text = &word.text;
            if state.at_assignment() && self.leaves_assignments_out(text, rest.get(at + 1)) {
                state.skip_arg();
            }
            match state.feed(text) {
                Step::On => {}
                Step::Down(sub) if self.load_below(sub, &state, words, at) => return,
                Step::Down(sub) => {
                    if let Some(tree) = self.generated(sub, words, at + 1) {
                        let mut state = state;
                        state.enter(&tree);
                        return self.walk(state, words, at + 1);
                    }
                }
                Step::Value(arg) if arg.is_command && self.is_before_command(text, &state) => {
                    state.take_back()
                }
                Step::Value(arg) => {
                    if self.value(arg, &state, words, at) {
                        return;
                    }
                }
                Step::Plain => {
                    if self.run(&state, words, at) {
                        return;
                    }
                }
            }
        }
        let runs = wrappers::run(&state.command).is_some_and(|run| run.elsewhere && run.from <= state.values);
        let place = state.place(last.before());
        let of_option = place.expected.is_some_and(|expected| expected.option.is_some());
        let elsewhere = self.elsewhere || runs && !of_option;
        (self.then)(&Place { words: texts(rest), elsewhere, ..place });
    }

    /// Whether a word where assignments may stand is already the command: `env git`. Of two words that are commands, the
    /// first is one only if the second can follow it.
    fn leaves_assignments_out(&mut self, word: &str, next: Option<&Word>) -> bool {
        if assignment(word).is_some() || !names_command(word) {
            return false;
        }
        let Some(spec) = self.spec(module_of(word)) else { return false };
        let wraps = || spec.root.args.iter().any(|arg| arg.is_command);
        next.is_none_or(|next| {
            wraps() || state::subcommand(&spec.root, &next.text).is_some() || !self.is_command(&next.text)
        })
    }

    /// Whether a word in the place of a wrapped command is not yet that command: `sudo A=1 git`, or the value of an option
    /// that is not known.
    fn is_before_command(&mut self, word: &str, state: &State) -> bool {
        if state.fed_option() {
            return false;
        }
        let mut of_unknown = || state.is_doubtful() && !word.contains('/') && !self.is_command(word);
        assignment(word).is_some() || of_unknown()
    }

    /// Whether this word is a command that is known.
    fn is_command(&mut self, word: &str) -> bool {
        names_command(word) && self.spec(module_of(word)).is_some()
    }

    /// Goes on in the tree that a subcommand says is elsewhere; its words begin with its own name.
    fn load_below(&mut self, sub: &Subcommand, state: &State, words: &[Word], at: usize) -> bool {
        let Some(load) = &sub.load_spec else { return false };
        let above = Above { command: state.command.clone(), nodes: state.outer.clone() };
        self.load(load, above, words, at)
    }

    /// Goes on in a tree for `words[at..]`, if it can be found.
    fn load(&mut self, load: &LoadSpec, above: Above, words: &[Word], at: usize) -> bool {
        match load {
            LoadSpec::Module(module) => match self.spec(module).filter(|_| self.spend()) {
                Some(spec) => self.known(&spec.root, module, above, &words[at..]),
                None => return false,
            },
            LoadSpec::Inline(root) => self.root(root, above, &words[at..]),
            LoadSpec::Function(function) => {
                let (words_before, token) = (texts(&words[..at]), words[at].text.clone());
                let call = Call { function: function.clone(), words: words_before, token };
                let Some(Found::Load(Some(load))) = self.ask(Slow::Load(call)) else { return false };
                return self.spend() && self.load(&load, above, words, at);
            }
        }
        true
    }

    /// A value that stands for other words, is itself a command or names a spec; whether it took over the walk.
    fn value(&mut self, arg: &Arg, state: &State, words: &[Word], at: usize) -> bool {
        let text = words[at].text.as_str();
        if let Some(alias) = &arg.alias
            && !state.fed_option()
            && self.alias(alias, arg, state, words, at)
        {
            return true;
        }
        let mut above = Above { command: state.command.clone(), ..Above::default() };
        above.command.push(text.to_string());
        if let Some(load) = &arg.load_spec {
            return self.load(load, above, words, at);
        }
        if let Some(prefix) = &arg.is_module {
            self.command(&[prefix.as_str(), text].concat(), above, &words[at..]);
            return true;
        }
        if arg.is_script {
            return self.script(state, above, &words[at..]);
        }
        let wrapped = arg.is_command && names_command(text);
        if wrapped {
            self.elsewhere |= run_at(state).is_some_and(|run| run.elsewhere);
            self.command(module_of(text), Above::default(), &words[at..]);
        }
        wrapped || self.run(state, words, at)
    }

    /// A script: the user may have described it, otherwise what follows is its own and is taken for paths.
    fn script(&mut self, state: &State, above: Above, words: &[Word]) -> bool {
        let name = command_name(&words[0].text);
        if let Some(spec) = self.sources.specs.script(name).filter(|_| self.spend()) {
            self.known(&spec.root, name, above, words);
            return true;
        }
        let ends = !state.fed_option() && !wrappers::reads_on(&state.command);
        if ends {
            self.unknown(name, above, words);
        }
        ends
    }

    /// A value where the tool, but not its spec, takes a command: `poetry run pytest`, `ssh host git`. A word that is no
    /// known command is left to the spec.
    fn run(&mut self, state: &State, words: &[Word], at: usize) -> bool {
        let text = words[at].text.as_str();
        let Some(run) = run_at(state) else { return false };
        let known = self.is_command(text);
        if known {
            self.elsewhere |= run.elsewhere;
            self.command(module_of(text), Above::default(), &words[at..]);
        }
        known
    }

    /// Reads a value as the words that it stands for; whether it stands for any.
    fn alias(&mut self, alias: &Alias, arg: &Arg, state: &State, words: &[Word], at: usize) -> bool {
        let said = match alias {
            Alias::Words(said) => said.clone(),
            Alias::Function(function) => {
                let (before, token) = (texts(&words[..at]), words[at].text.clone());
                let call = Call { function: function.clone(), words: before, token };
                let Some(Found::Words(Some(said))) = self.ask(Slow::Alias(call)) else { return false };
                said
            }
        };
        let said = said.trim_start();
        if said.len() > MAX_ALIAS {
            return false;
        }
        // What begins with `!` is for the shell, as in git.
        let (script, shell) = said.strip_prefix('!').map_or((said, false), |script| (script, true));
        let Some(mut put) = stand_in(script, &words[at]) else { return false };
        if put.is_empty() || !self.spend() {
            return false;
        }
        put.extend_from_slice(&words[at + 1..]);
        if shell || arg.is_command {
            let module = module_of(&put[0].text).to_string();
            self.command(&module, Above::default(), &put);
        } else {
            put.splice(0..0, words[..at].iter().cloned());
            let mut state = state.clone();
            state.take_back();
            self.walk(state, &put, at);
        }
        true
    }
}

/// What the value that was read last runs, if the tool runs it.
fn run_at(state: &State) -> Option<wrappers::Run> {
    wrappers::run(&state.command).filter(|run| run.from < state.values && !state.fed_option())
}

/// Whether a word in the place of a command can be the name of one, rather than a line of some language.
fn names_command(word: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || COMMAND_PUNCTUATION.contains(c);
    !word.is_empty() && !word.starts_with('-') && word.chars().all(fits)
}

/// The words of the last command of a text, standing where the value stands that they are read for.
fn stand_in(text: &str, value: &Word) -> Option<Vec<Word>> {
    let mut line = lex(text, text.len(), Shell::Bash);
    let mut last = std::mem::take(line.commands.get_mut(line.current?)?);
    last.words.pop_if(|word| word.text.is_empty() && word.start == word.end);
    let moved = |word: Word| {
        let place = |from: &Mark| Mark { at: value.start, quote: Quote::None, live: from.live };
        let marks = word.marks.iter().map(place).collect();
        Word { start: value.start, end: value.end, closed: true, cut: None, marks, ..word }
    };
    Some(last.words.into_iter().map(moved).collect())
}

fn texts(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.text.clone()).collect()
}

/// The name that a row is counted under: as typed for aliases of a module, the first name otherwise.
fn canonical(root: &Subcommand, module: &str) -> String {
    root.names.first().filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| module.to_string())
}
