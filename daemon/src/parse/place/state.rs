//! Where a walk stands in one tree, and how a word is read there.
//!
//! Words go in one by one; what they are decides what may come next. At the end the word at the cursor is looked at,
//! without being read, and the place comes out.

use specs::model::{Arg, Opt, Repeatable, Subcommand};

use super::{Cluster, Expected, Place};

/// Separates an option from its value where the spec says nothing else.
const EQUALS: &str = "=";

/// Commands whose first word may be a toolchain: `cargo +nightly build`.
const TOOLCHAINED: [&str; 4] = ["cargo", "rustc", "rustdoc", "rustfmt"];

/// What a finished word led to.
pub(super) enum Step<'a> {
    /// The same walk goes on.
    On,
    /// Down to this subcommand.
    Down(&'a Subcommand),
    /// A value that may be a command, a module or stand for other words.
    Value(&'a Arg),
    /// A plain value, or a word that the spec has no place for.
    Plain,
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
#[derive(Clone)]
pub(super) struct State<'a> {
    node: &'a Subcommand,
    /// Whether anything is known of the command.
    known: bool,
    /// The nodes above it, outermost first.
    pub(super) outer: Vec<&'a Subcommand>,
    /// Of the node, or of the nearest one above that says how options are written.
    noncompliant: bool,
    options_first: bool,
    separators: &'a [String],
    inherited: Vec<&'a Opt>,
    passed: Vec<&'a Opt>,
    /// Canonical names from the command down to the node.
    pub(super) command: Vec<String>,
    option_args: Args<'a>,
    args: Args<'a>,
    /// How many words were values of the node, whether it has a place for them or not.
    pub(super) values: usize,
    /// The last value was that of an option.
    of_option: bool,
    /// The last word was an option that nothing is known of: the next one may be its value.
    unknown_option: bool,
    /// The last word may have been the value of such an option.
    doubtful: bool,
    entered: bool,
    ended: bool,
}

impl<'a> State<'a> {
    /// At the root of a tree.
    pub(super) fn new(node: &'a Subcommand, command: Vec<String>) -> State<'a> {
        let mut state = State {
            node,
            known: true,
            outer: Vec::new(),
            noncompliant: false,
            options_first: false,
            separators: &[],
            inherited: Vec::new(),
            passed: Vec::new(),
            command,
            option_args: Args::default(),
            args: Args::default(),
            values: 0,
            of_option: false,
            unknown_option: false,
            doubtful: false,
            entered: false,
            ended: false,
        };
        state.enter(node);
        state
    }

    /// At a command of which nothing is known.
    pub(super) fn unknown(node: &'a Subcommand, command: Vec<String>) -> State<'a> {
        State { known: false, ..State::new(node, command) }
    }

    /// Goes down to a node.
    pub(super) fn enter(&mut self, node: &'a Subcommand) {
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
        self.values = 0;
        self.entered = false;
    }

    /// Reads a finished word.
    pub(super) fn feed(&mut self, word: &str) -> Step<'a> {
        self.doubtful = std::mem::take(&mut self.unknown_option);
        self.of_option = false;
        if self.may_subcommand()
            && let Some(sub) = subcommand(self.node, word)
        {
            return self.feed_subcommand(sub);
        }
        if self.may_subcommand()
            && let Some((sub, options)) = self.read_bundle(word)
        {
            let step = self.feed_subcommand(sub);
            options.into_iter().for_each(|option| self.pass(option));
            return step;
        }
        if self.may_option() && !matches!(word, "" | "-") {
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
        self.outer.push(self.node);
        self.command.push(sub.names.first().cloned().unwrap_or_default());
        self.enter(sub);
        Step::Down(sub)
    }

    /// A subcommand and options of it in one word, as tar has them: `xzf`, `-xzf`.
    fn read_bundle(&self, word: &str) -> Option<(&'a Subcommand, Vec<&'a Opt>)> {
        let letters = word.strip_prefix('-').unwrap_or(word);
        let mut rest = letters.chars();
        let dashed = format!("-{}", rest.next().filter(char::is_ascii_alphabetic)?);
        let sub = subcommand(self.node, &dashed)?;
        let bare = |sub: &Subcommand| sub.names.iter().any(|name| *name == dashed[1..]);
        if letters.len() < 2 || word.len() == letters.len() && !bare(sub) {
            return None;
        }
        let persistent = self.node.options.iter().filter(|option| option.persistent);
        let all: Vec<&'a Opt> = sub.options.iter().chain(persistent).collect();
        let option = |letter| {
            let name = format!("-{letter}");
            all.iter().rev().find(|option| option.names.contains(&name)).copied()
        };
        Some((sub, rest.map(option).collect::<Option<_>>()?))
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
            Reading::Attached(option, _) => self.pass_value(&[option]),
            Reading::Cluster(options) => options.into_iter().for_each(|option| self.pass(option)),
            Reading::ClusterValue(options, _) => self.pass_value(&options),
            Reading::Unknown => return self.feed_unknown(word),
        }
        true
    }

    /// A tool knows options that its spec does not; only a number may be a value instead.
    fn feed_unknown(&mut self, word: &str) -> bool {
        let Some(letters) = word.strip_prefix('-') else { return false };
        let number = letters.starts_with(|c: char| c.is_ascii_digit());
        let option = !(number && self.prefers_option_arg());
        if option {
            self.option_args = Args::default();
            self.unknown_option = !number && !word.contains(EQUALS);
        }
        option
    }

    fn pass(&mut self, option: &'a Opt) {
        self.passed.push(option);
        self.option_args = Args::of(&option.args, Some(option));
    }

    /// Options the last of which has its value with it. Of several values the others are left out: `make -j4`.
    fn pass_value(&mut self, options: &[&'a Opt]) {
        options.iter().for_each(|option| self.pass(option));
        self.option_args.take();
        if self.option_args.given == 0 {
            self.option_args = Args::default();
        }
    }

    /// Reads a word as a value. When it may belong to an option that is not known, subcommands may still come.
    fn feed_value(&mut self, word: &str) -> Step<'a> {
        if self.prefers_option_arg() {
            let arg = self.option_args.current();
            self.option_args.take();
            self.of_option = true;
            return arg.map_or(Step::On, Step::of);
        }
        self.option_args = Args::default();
        if self.is_toolchain(word) {
            return Step::On;
        }
        self.values += 1;
        // Surplus words change nothing, except that a command with arguments has entered them.
        self.entered |= !self.node.args.is_empty() && !self.doubtful;
        let arg = self.args.current();
        self.args.take();
        // The tool takes options behind its arguments after all.
        self.options_first &= arg.is_some() || self.ended || !self.names_option(word);
        arg.map_or(Step::Plain, Step::of)
    }

    fn names_option(&self, word: &str) -> bool {
        word.starts_with('-') && !matches!(self.read_option(word), Reading::Unknown)
    }

    fn is_toolchain(&self, word: &str) -> bool {
        let first = self.outer.is_empty() && self.values == 0;
        first
            && word.starts_with('+')
            && self.command.first().is_some_and(|name| TOOLCHAINED.contains(&name.as_str()))
    }

    /// Whether the last word was the value of an option.
    pub(super) fn fed_option(&self) -> bool {
        self.of_option
    }

    /// Whether the last word may have been the value of an option that nothing is known of.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Undoes the last value of the command: `X=1` in front of a wrapped command is not that command.
    pub(super) fn take_back(&mut self) {
        self.values = self.values.saturating_sub(1);
        match self.args.given {
            0 => self.args.index = self.args.index.saturating_sub(1),
            given => self.args.given = given - 1,
        }
        self.entered = self.args.index > 0 || self.args.given > 0;
    }

    /// Whether an assignment may come next, or already the command behind it: `env A=1 git`.
    pub(super) fn at_assignment(&self) -> bool {
        let named = |arg: &Arg| arg.name.as_ref().is_some_and(|name| name.contains(EQUALS));
        let wraps = self.args.args.get(self.args.index + 1).is_some_and(|arg| arg.is_command);
        wraps
            && !self.prefers_option_arg()
            && self.args.current().is_some_and(|arg| arg.optional && named(arg))
    }

    /// Leaves the current argument out.
    pub(super) fn skip_arg(&mut self) {
        self.args.index += 1;
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
        match self.attached(word, |name| self.option(name)) {
            Some((option, from)) => Reading::Attached(option, from),
            None if matches!(cluster, Reading::Unknown) => self.read_outer(word),
            None => cluster,
        }
    }

    /// Specs rarely say that an option of the whole tool may also stand behind its subcommands, as most tools have it.
    fn read_outer(&self, word: &str) -> Reading<'a> {
        let outer = |name: &str| {
            let all = self.outer.iter().rev().flat_map(|node| &node.options);
            all.into_iter().find(|option| option.names.iter().any(|known| known == name))
        };
        if !word.starts_with('-') {
            return Reading::Unknown;
        }
        match outer(word) {
            Some(option) => Reading::Whole(option),
            None => self
                .attached(word, outer)
                .map_or(Reading::Unknown, |(option, from)| Reading::Attached(option, from)),
        }
    }

    /// `--option=value` for every separator that holds for the option, which is found by its name.
    fn attached(&self, word: &str, option: impl Fn(&str) -> Option<&'a Opt>) -> Option<(&'a Opt, usize)> {
        let equals = [EQUALS.to_string()];
        let separators = if self.separators.is_empty() { &equals } else { self.separators };
        let common = separators.iter().filter(|separator| !separator.is_empty());
        let split =
            common.filter_map(|separator| Some((word.find(separator.as_str())?, separator.len()))).min();
        if let Some((at, length)) = split
            && (word.starts_with("--") || self.noncompliant || at > 2)
            && let Some(option) = option(&word[..at])
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

    /// What may come, with `word` typed of it.
    pub(super) fn place(mut self, word: &str) -> Place<'a> {
        let plain = matches!(word, "-" | "--" | "") || !self.may_option();
        let reading = if plain { Reading::Unknown } else { self.read_option(word) };
        match reading {
            Reading::Attached(option, from) if !option.args.is_empty() => {
                self.pass(option);
                self.attached_place(option, from)
            }
            Reading::ClusterValue(options, from) => {
                options.iter().for_each(|option| self.pass(option));
                let option = options[options.len() - 1];
                self.attached_place(option, from + equals(option, &word[from..]))
            }
            Reading::Cluster(options) => self.cluster_place(options),
            Reading::Whole(_) | Reading::Attached(..) | Reading::Unknown => self.plain_place(word),
        }
    }

    fn plain_place(self, word: &str) -> Place<'a> {
        let (subcommands, options) = (self.may_subcommand(), self.may_option());
        let expected = self.expected();
        // Of a command without a spec nothing is known, but a value may still be attached to an option.
        let attached = !self.known && word.starts_with('-');
        let from = if attached { word.find(EQUALS).map_or(0, |at| at + EQUALS.len()) } else { 0 };
        let wraps = self.at_assignment() || expected.is_some_and(|expected| expected.arg.is_command);
        Place { from, wraps, ..self.at(subcommands, options, expected) }
    }

    fn attached_place(self, option: &'a Opt, from: usize) -> Place<'a> {
        let expected = Args::of(&option.args, Some(option)).expected();
        let wraps = expected.is_some_and(|expected| expected.arg.is_command);
        Place { from, wraps, ..self.at(false, false, expected) }
    }

    fn cluster_place(mut self, options: Vec<&'a Opt>) -> Place<'a> {
        let (last, before) =
            options.split_last().map_or((None, &[][..]), |(last, before)| (Some(*last), before));
        let Some(last) = last else { return self.plain_place("") };
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
            parent: self.outer.last().copied(),
            inherited: self.inherited,
            passed: self.passed,
            command: self.command,
            words: Vec::new(),
            subcommands,
            options,
            expected,
            wraps: false,
            elsewhere: false,
            from: 0,
            cluster: None,
        }
    }
}

impl<'a> Step<'a> {
    /// What a value of this argument may lead to.
    fn of(arg: &'a Arg) -> Step<'a> {
        let special = arg.is_command
            || arg.is_script
            || arg.is_module.is_some()
            || arg.load_spec.is_some()
            || arg.alias.is_some();
        if special { Step::Value(arg) } else { Step::Plain }
    }
}

/// How much of the value of a short option is a separator: `-o=json`. To some tools it is part of the value, so that only
/// known values that are without it tell.
fn equals(option: &Opt, value: &str) -> usize {
    let known = option.args.first().map(|arg| arg.suggestions.as_slice()).unwrap_or_default();
    let bare = known.iter().flat_map(|known| &known.names).all(|name| !name.starts_with(EQUALS));
    if !known.is_empty() && bare && value.starts_with(EQUALS) { EQUALS.len() } else { 0 }
}

/// The subcommand of this name; of several the last one holds.
pub(super) fn subcommand<'a>(node: &'a Subcommand, name: &str) -> Option<&'a Subcommand> {
    node.subcommands.iter().rev().find(|sub| sub.names.iter().any(|known| known == name))
}
