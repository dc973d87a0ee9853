//! The walk along a spec: what the words so far make of the word at the cursor.
//!
//! Every finished word is a subcommand, an option (long, a cluster of short ones, with an attached value), a value of
//! an option or of the command. What it makes possible next follows the rules of the spec format; a word that the spec
//! does not know is stepped over, because specs lag behind tools. Commands inside commands (`sudo`, `loadSpec`) begin a
//! new walk with the words that are left. Specs are only read.

use std::sync::Arc;

use specs::model::{Arg, FnRef, LoadSpec, Opt, Repeatable, Spec, Subcommand};

use super::lex::{Word, assignment};
use crate::engine::Specs;
use crate::slow::{Call, Found, Ready, Slow};

/// How many specs one line may go through: wrappers in wrappers.
const MAX_SPECS: usize = 16;

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

/// Walks `words`, whose first is the command and whose last is being typed, and hands the place to `then`. Without a
/// spec for the command there is no place. Yields what functions of the specs would have to say for a better walk.
pub fn find(specs: &dyn Specs, ready: &dyn Ready, words: &[Word], then: &mut dyn FnMut(&Place)) -> Vec<Slow> {
    let Some(first) = words.first() else { return Vec::new() };
    let name = command_name(&first.text);
    let mut walk = Walker { specs, ready, missing: Vec::new(), left: MAX_SPECS, then };
    walk.command(name, Vec::new(), words);
    walk.missing
}

/// The command that a path runs: its last component.
pub fn command_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// What every walk of one line shares.
struct Walker<'w> {
    specs: &'w dyn Specs,
    ready: &'w dyn Ready,
    /// What was not ready.
    missing: Vec<Slow>,
    left: usize,
    then: &'w mut dyn FnMut(&Place),
}

impl Walker<'_> {
    /// The spec of a module walks `words[1..]`.
    fn command(&mut self, module: &str, above: Vec<String>, words: &[Word]) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let Some(spec) = self.specs.spec(module).map(|spec| self.version(spec)) else { return };
        let command = if above.is_empty() { vec![canonical(&spec.root, module)] } else { above };
        if let Some(load @ LoadSpec::Module(_)) = &spec.root.load_spec {
            return self.load(load, command, words);
        }
        self.node(&spec.root, command, words);
    }

    /// The version of a spec that serves the installed tool; the newest while that is not known.
    fn version(&mut self, spec: Arc<Spec>) -> Arc<Spec> {
        let Some(versions) = &spec.versions else { return spec };
        let installed = versions.version_command.as_ref().and_then(|function| self.installed(function));
        let module = installed.and_then(|installed| versions.module_for(&installed));
        let newest = || versions.modules.last().map(|(_, module)| module.as_str());
        module.or_else(newest).and_then(|module| self.specs.spec(module)).unwrap_or(spec.clone())
    }

    /// The version that this function finds installed.
    fn installed(&mut self, function: &FnRef) -> Option<String> {
        let call = Call { function: function.clone(), words: Vec::new(), token: String::new() };
        let slow = Slow::Version(call);
        match self.ready.ready(&slow) {
            Some(Found::Version(version)) => version,
            _ => {
                self.missing.push(slow);
                None
            }
        }
    }

    fn node(&mut self, root: &Subcommand, command: Vec<String>, words: &[Word]) {
        let mut state = State::new(root, command);
        let Some((last, rest)) = words.split_last().filter(|(_, rest)| !rest.is_empty()) else { return };
        for (at, word) in rest.iter().enumerate().skip(1) {
            let step = state.feed(&word.text);
            match step {
                Step::On => {}
                Step::Load(load) => return self.load(load, state.command, &words[at..]),
                Step::Value(arg) if arg.is_command && assignment(&word.text).is_some() => state.take_back(),
                Step::Value(arg) => {
                    if self.value(arg, &state, &words[at..]) {
                        return;
                    }
                }
            }
        }
        let words = rest.iter().map(|word| word.text.clone()).collect();
        let place = Place { words, ..state.place(last.before()) };
        (self.then)(&place);
    }

    /// A subcommand whose tree is elsewhere; its words begin with its own name.
    fn load(&mut self, load: &LoadSpec, command: Vec<String>, words: &[Word]) {
        match load {
            LoadSpec::Module(module) => self.command(module, command, words),
            LoadSpec::Inline(root) => self.node(root, command, words),
            // `feed` does not report it: which tree it is can only be known by running it.
            LoadSpec::Function(_) => {}
        }
    }

    /// A value that is itself a command or names a spec; whether it took over the walk.
    fn value(&mut self, arg: &Arg, state: &State, words: &[Word]) -> bool {
        let Some(text) = words.first().map(|word| word.text.as_str()) else { return false };
        let mut below = state.command.clone();
        below.push(text.to_string());
        if let Some(load) = &arg.load_spec {
            match load {
                LoadSpec::Module(module) => self.command(module, below, words),
                LoadSpec::Inline(root) => self.node(root, below, words),
                LoadSpec::Function(_) => return false,
            }
            return true;
        }
        if let Some(prefix) = &arg.is_module {
            let module = [prefix.as_str(), text].concat();
            let known = self.specs.spec(&module).is_some();
            if known {
                self.command(&module, below, words);
            }
            return known;
        }
        if arg.is_command {
            self.command(command_name(text), Vec::new(), words);
        }
        arg.is_command
    }
}

/// The name that a row is counted under: as typed for aliases of a module, the first name otherwise.
fn canonical(root: &Subcommand, module: &str) -> String {
    root.names.first().filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| module.to_string())
}

/// What a finished word led to.
enum Step<'a> {
    /// The same walk goes on.
    On,
    /// A subcommand whose tree is elsewhere.
    Load(&'a LoadSpec),
    /// A value that may be a command or a module.
    Value(&'a Arg),
}

/// The arguments of an option or a command, and how far they are filled.
#[derive(Clone, Copy, Default)]
struct Args<'a> {
    args: &'a [Arg],
    index: usize,
    /// Values given to the variadic argument at `index`.
    given: usize,
    option: Option<&'a Opt>,
}

impl<'a> Args<'a> {
    fn of(args: &'a [Arg], option: Option<&'a Opt>) -> Args<'a> {
        Args { args, option, ..Args::default() }
    }

    fn current(&self) -> Option<&'a Arg> {
        self.args.get(self.index)
    }

    fn expected(&self) -> Option<Expected<'a>> {
        Some(Expected { arg: self.current()?, index: self.index, option: self.option })
    }

    /// The next word must or may go on being its value.
    fn pending(&self) -> bool {
        self.current().is_some_and(|arg| arg.variadic || !arg.optional)
    }

    /// Takes one value.
    fn take(&mut self) {
        match self.current() {
            Some(arg) if arg.variadic => self.given += 1,
            Some(_) => {
                self.index += 1;
                self.given = 0;
            }
            None => {}
        }
    }

    /// Whether an option may stand between the values of the current argument.
    fn breakable(&self) -> bool {
        self.current().is_none_or(|arg| arg.options_can_break_variadic != Some(false))
    }
}

/// How a word reads as an option.
enum Reading<'a> {
    /// One option, the whole word.
    Whole(&'a Opt),
    /// An option and its attached value, which begins at this byte.
    Attached(&'a Opt, usize),
    /// Short options; the last one may take the next word.
    Cluster(Vec<&'a Opt>),
    /// Short options, and the value of the last one, which begins at this byte.
    ClusterValue(Vec<&'a Opt>, usize),
    /// Not an option of this command.
    Unknown,
}

/// Where the walk stands.
struct State<'a> {
    node: &'a Subcommand,
    parent: Option<&'a Subcommand>,
    /// Of the node, or of the nearest one above that says how options are written.
    noncompliant: bool,
    options_first: bool,
    separators: &'a [String],
    inherited: Vec<&'a Opt>,
    passed: Vec<&'a Opt>,
    command: Vec<String>,
    option_args: Args<'a>,
    args: Args<'a>,
    entered: bool,
    ended: bool,
}

impl<'a> State<'a> {
    fn new(node: &'a Subcommand, command: Vec<String>) -> State<'a> {
        let mut state = State {
            node,
            parent: None,
            noncompliant: false,
            options_first: false,
            separators: &[],
            inherited: Vec::new(),
            passed: Vec::new(),
            command,
            option_args: Args::default(),
            args: Args::default(),
            entered: false,
            ended: false,
        };
        state.enter(node);
        state
    }

    /// Goes down to a node.
    fn enter(&mut self, node: &'a Subcommand) {
        let said = node.parser != Default::default();
        if said {
            self.noncompliant = node.parser.flags_are_posix_noncompliant;
            self.options_first = node.parser.options_must_precede_arguments;
            self.separators = &node.parser.option_arg_separators;
        }
        self.node = node;
        self.passed.clear();
        self.option_args = Args::default();
        self.args = Args::of(&node.args, None);
        self.entered = false;
    }

    /// Reads a finished word.
    fn feed(&mut self, word: &str) -> Step<'a> {
        if self.may_subcommand()
            && let Some(sub) = subcommand(self.node, word)
        {
            return self.feed_subcommand(sub);
        }
        if self.may_option() && word.len() > 1 {
            if word == "--" {
                self.ended = true;
                self.option_args = Args::default();
                return Step::On;
            }
            if self.feed_option(word) {
                return Step::On;
            }
        }
        self.feed_value(word)
    }

    fn feed_subcommand(&mut self, sub: &'a Subcommand) -> Step<'a> {
        self.inherited.extend(self.node.options.iter().filter(|option| option.persistent));
        self.parent = Some(self.node);
        self.command.push(sub.names.first().cloned().unwrap_or_default());
        self.enter(sub);
        match &sub.load_spec {
            Some(load @ (LoadSpec::Module(_) | LoadSpec::Inline(_))) => Step::Load(load),
            _ => Step::On,
        }
    }

    /// Reads a word as options; whether it is some, or at least looks so.
    fn feed_option(&mut self, word: &str) -> bool {
        match self.read_option(word) {
            Reading::Whole(option) => {
                self.pass(option);
                if option.requires_separator.is_some() {
                    self.option_args = Args::default();
                }
            }
            Reading::Attached(option, _) => {
                self.pass(option);
                self.option_args.take();
            }
            Reading::Cluster(options) => options.into_iter().for_each(|option| self.pass(option)),
            Reading::ClusterValue(options, _) => {
                options.into_iter().for_each(|option| self.pass(option));
                self.option_args.take();
            }
            // A tool knows options that its spec does not; only a negative number is a value.
            Reading::Unknown => {
                let option = word.starts_with('-') && !word[1..].starts_with(|c: char| c.is_ascii_digit());
                if option {
                    self.option_args = Args::default();
                }
                return option;
            }
        }
        true
    }

    fn pass(&mut self, option: &'a Opt) {
        self.passed.push(option);
        self.option_args = Args::of(&option.args, Some(option));
    }

    fn feed_value(&mut self, _word: &str) -> Step<'a> {
        if self.prefers_option_arg() {
            let arg = self.option_args.current();
            self.option_args.take();
            return arg.map_or(Step::On, |arg| self.value_step(arg));
        }
        self.option_args = Args::default();
        let Some(arg) = self.args.current() else {
            // Surplus words change nothing, except that a command with arguments has entered them.
            self.entered |= !self.node.args.is_empty();
            return Step::On;
        };
        self.args.take();
        self.entered = true;
        self.value_step(arg)
    }

    fn value_step(&self, arg: &'a Arg) -> Step<'a> {
        let special = arg.is_command || arg.is_module.is_some() || arg.load_spec.is_some();
        if special { Step::Value(arg) } else { Step::On }
    }

    /// Undoes the last value of the command: `X=1` in front of a wrapped command is not that command.
    fn take_back(&mut self) {
        match self.args.given {
            0 => self.args.index = self.args.index.saturating_sub(1),
            given => self.args.given = given - 1,
        }
        self.entered = self.args.index > 0 || self.args.given > 0;
    }

    fn may_subcommand(&self) -> bool {
        !self.entered && !self.ended && !self.option_args.pending()
    }

    fn may_option(&self) -> bool {
        if self.ended || self.entered && self.options_first {
            return false;
        }
        if self.option_args.pending() {
            return self.option_args.given > 0 && self.option_args.breakable();
        }
        self.args.given == 0 || self.args.breakable()
    }

    /// Whether the next word goes to the option rather than to the command.
    fn prefers_option_arg(&self) -> bool {
        self.option_args.current().is_some() && (self.option_args.pending() || self.args.current().is_none())
    }

    fn expected(&self) -> Option<Expected<'a>> {
        if self.prefers_option_arg() { self.option_args.expected() } else { self.args.expected() }
    }

    fn option(&self, name: &str) -> Option<&'a Opt> {
        let own = self.node.options.iter().rev();
        own.chain(self.inherited.iter().rev().copied())
            .find(|option| option.names.iter().any(|known| known == name))
    }

    /// Whether an option may be given once more.
    fn free(&self, option: &Opt) -> bool {
        let times = self.passed.iter().filter(|passed| std::ptr::eq(**passed, option)).count();
        match option.repeatable {
            Repeatable::Unsaid | Repeatable::Always => true,
            Repeatable::Never => times < 1,
            Repeatable::Times(most) => times < most as usize,
        }
    }

    fn read_option(&self, word: &str) -> Reading<'a> {
        let long = word.starts_with("--") || self.noncompliant || !word.starts_with('-');
        let cluster = if long { Reading::Unknown } else { self.read_cluster(word) };
        // Some specs list `-it` beside `-i` and `-t`; to the tool they are the same.
        if let Reading::Cluster(options) = cluster {
            return Reading::Cluster(options);
        }
        if let Some(option) = self.option(word).filter(|option| self.free(option)) {
            return Reading::Whole(option);
        }
        match self.attached(word) {
            Some((option, from)) => Reading::Attached(option, from),
            None => cluster,
        }
    }

    /// `--option=value` for every separator that holds for the option.
    fn attached(&self, word: &str) -> Option<(&'a Opt, usize)> {
        let equals = ["=".to_string()];
        let separators = if self.separators.is_empty() { &equals } else { self.separators };
        let common = separators.iter().filter(|separator| !separator.is_empty());
        let split =
            common.filter_map(|separator| Some((word.find(separator.as_str())?, separator.len()))).min();
        if let Some((at, length)) = split
            && (word.starts_with("--") || self.noncompliant || at > 2)
            && let Some(option) = self.option(&word[..at])
        {
            return Some((option, at + length));
        }
        self.required_separator(word)
    }

    /// An option with a separator of its own that the word begins with.
    fn required_separator(&self, word: &str) -> Option<(&'a Opt, usize)> {
        let all = self.node.options.iter().chain(self.inherited.iter().copied());
        let mut found = all.filter_map(|option| {
            let separator = option.requires_separator.as_deref().filter(|separator| !separator.is_empty())?;
            let fits = |name: &&String| {
                word.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(separator))
            };
            let name = option.names.iter().find(fits)?;
            Some((option, name.len() + separator.len()))
        });
        found.next()
    }

    fn read_cluster(&self, word: &str) -> Reading<'a> {
        let mut options: Vec<&'a Opt> = Vec::new();
        for (at, letter) in word.char_indices().skip(1) {
            let Some(option) = self.option(&format!("-{letter}")) else {
                return match options.last().is_some_and(|last| !last.args.is_empty()) {
                    true => Reading::ClusterValue(options, at),
                    false => Reading::Unknown,
                };
            };
            options.push(option);
            let rest = at + letter.len_utf8();
            let takes_rest = option.args.first().is_some_and(|arg| !arg.optional) && rest < word.len();
            if takes_rest {
                return Reading::ClusterValue(options, rest);
            }
        }
        if options.is_empty() { Reading::Unknown } else { Reading::Cluster(options) }
    }

    fn place(mut self, word: &str) -> Place<'a> {
        let plain = matches!(word, "-" | "--" | "") || !word.starts_with('-') || !self.may_option();
        let reading = if plain { Reading::Unknown } else { self.read_option(word) };
        match reading {
            Reading::Attached(option, from) if !option.args.is_empty() => {
                self.pass(option);
                self.attached_place(option, from)
            }
            Reading::ClusterValue(options, from) => {
                options.iter().for_each(|option| self.pass(option));
                let option = options[options.len() - 1];
                self.attached_place(option, from)
            }
            Reading::Cluster(options) => self.cluster_place(options),
            Reading::Whole(_) | Reading::Attached(..) | Reading::Unknown => self.plain_place(),
        }
    }

    fn plain_place(self) -> Place<'a> {
        let (subcommands, options) = (self.may_subcommand(), self.may_option());
        let expected = self.expected();
        self.at(subcommands, options, expected)
    }

    fn attached_place(self, option: &'a Opt, from: usize) -> Place<'a> {
        let expected = Args::of(&option.args, Some(option)).expected();
        Place { from, ..self.at(false, false, expected) }
    }

    fn cluster_place(mut self, options: Vec<&'a Opt>) -> Place<'a> {
        let (last, before) =
            options.split_last().map_or((None, &[][..]), |(last, before)| (Some(*last), before));
        let Some(last) = last else { return self.plain_place() };
        before.iter().for_each(|option| self.pass(option));
        let expected = Args::of(&last.args, Some(last)).expected();
        let open = expected.is_none_or(|expected| expected.arg.optional);
        self.option_args = Args::default();
        let (subcommands, options) = (open && self.may_subcommand(), open && self.may_option());
        Place { cluster: Some(Cluster { last, open }), ..self.at(subcommands, options, expected) }
    }

    fn at(self, subcommands: bool, options: bool, expected: Option<Expected<'a>>) -> Place<'a> {
        Place {
            node: self.node,
            parent: self.parent,
            inherited: self.inherited,
            passed: self.passed,
            command: self.command,
            words: Vec::new(),
            subcommands,
            options,
            expected,
            from: 0,
            cluster: None,
        }
    }
}

/// The subcommand of this name; of several the last one holds.
fn subcommand<'a>(node: &'a Subcommand, name: &str) -> Option<&'a Subcommand> {
    node.subcommands.iter().rev().find(|sub| sub.names.iter().any(|known| known == name))
}
