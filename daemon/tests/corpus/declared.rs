//! What a spec declares for a place, by the rules of the format: the rows that must be offered, and those that may.
//!
//! A place is made by whoever writes the line, who knows what is on it. Nothing here parses a line, and no code of the
//! daemon is used.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use specs::model::{Arg, Deprecated, FilterStrategy, Opt, Repeatable, Subcommand, Suggestion, Template};

/// A command or subcommand as it is reached.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) node: &'a Subcommand,
    pub(crate) parent: Option<&'a Subcommand>,
    /// Persistent options of the commands above, the nearest one's last.
    pub(crate) inherited: Vec<&'a Opt>,
    pub(crate) rules: Rules,
    /// The words that lead to it, the command's name first.
    pub(crate) words: Vec<String>,
    /// The subcommand that a name means: of several the last.
    subcommands: HashMap<&'a str, &'a Subcommand>,
    /// The option that a name means: the node's own, of several the last, else the nearest inherited one.
    options: HashMap<&'a str, &'a Opt>,
    /// What single options want between them and their value.
    pub(crate) own_separators: BTreeSet<&'a str>,
}

/// How options are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// `-long` is one option.
    pub(crate) whole_flags: bool,
    /// No options behind the first value.
    pub(crate) options_first: bool,
    /// Between an option and its value.
    pub(crate) separators: Vec<String>,
}

impl Rules {
    /// The rules of a node, which are those of the one above it when it says nothing.
    fn of(node: &Subcommand, above: &Rules) -> Rules {
        let said = &node.parser;
        if *said == Default::default() {
            return above.clone();
        }
        Rules {
            whole_flags: said.flags_are_posix_noncompliant,
            options_first: said.options_must_precede_arguments,
            separators: said.option_arg_separators.clone(),
        }
    }

    /// What may stand between any long option and its value.
    pub(crate) fn separators(&self) -> Vec<&str> {
        match self.separators.is_empty() {
            true => vec!["="],
            false => self.separators.iter().map(String::as_str).collect(),
        }
    }
}

impl<'a> Scope<'a> {
    /// The root of a spec.
    pub(crate) fn root(node: &'a Subcommand, words: Vec<String>) -> Scope<'a> {
        Scope::new(node, None, Vec::new(), Rules::of(node, &Rules::default()), words)
    }

    /// A subcommand by one of its names.
    pub(crate) fn below(&self, node: &'a Subcommand, name: &str) -> Scope<'a> {
        let persistent = self.node.options.iter().filter(|option| option.persistent);
        let inherited = self.inherited.iter().copied().chain(persistent).collect();
        let words = self.words.iter().cloned().chain([name.to_owned()]).collect();
        Scope::new(node, Some(self.node), inherited, Rules::of(node, &self.rules), words)
    }

    fn new(
        node: &'a Subcommand,
        parent: Option<&'a Subcommand>,
        inherited: Vec<&'a Opt>,
        rules: Rules,
        words: Vec<String>,
    ) -> Scope<'a> {
        let all = || inherited.iter().copied().chain(&node.options);
        let options =
            all().flat_map(|option| option.names.iter().map(move |name| (name.as_str(), option))).collect();
        let own_separators = all().filter_map(|option| option.requires_separator.as_deref()).collect();
        let subcommands = means(node);
        Scope { node, parent, inherited, rules, words, subcommands, options, own_separators }
    }

    /// The option that a name means.
    pub(crate) fn option(&self, name: &str) -> Option<&'a Opt> {
        self.options.get(name).copied()
    }

    /// Whether a subcommand has this name.
    pub(crate) fn has_subcommand(&self, name: &str) -> bool {
        self.subcommands.contains_key(name)
    }

    /// All options that can be given here, by the names that mean them.
    pub(crate) fn options(&self) -> Vec<&'a Opt> {
        let all = self.inherited.iter().copied().chain(&self.node.options);
        all.filter(|option| self.meaning(option).next().is_some()).collect()
    }

    /// The names of an option that mean this option here.
    pub(crate) fn meaning(&self, option: &'a Opt) -> impl Iterator<Item = &'a str> {
        let names = option.names.iter().map(String::as_str);
        names.filter(move |name| self.option(name).is_some_and(|meant| std::ptr::eq(meant, option)))
    }

    /// The names of a subcommand that mean it here.
    pub(crate) fn leading(&self, sub: &'a Subcommand) -> impl Iterator<Item = &'a str> {
        let names = sub.names.iter().map(String::as_str);
        names.filter(move |name| self.subcommands.get(name).is_some_and(|meant| std::ptr::eq(*meant, sub)))
    }
}

/// The subcommand that each name means: of several the last.
fn means(node: &Subcommand) -> HashMap<&str, &Subcommand> {
    let named =
        node.subcommands.iter().flat_map(|sub| sub.names.iter().map(move |name| (name.as_str(), sub)));
    named.collect()
}

/// Arguments and how many values they have been given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled<'a> {
    args: &'a [Arg],
    values: usize,
}

impl<'a> Filled<'a> {
    /// The argument that the next value is for.
    fn next(&self) -> Option<&'a Arg> {
        let variadic = self.args.iter().position(|arg| arg.variadic).filter(|at| *at <= self.values);
        self.args.get(variadic.unwrap_or(self.values))
    }

    /// Whether the argument at the cursor has a value already, and takes more.
    fn goes_on(&self) -> bool {
        self.args.iter().position(|arg| arg.variadic).is_some_and(|at| at < self.values)
    }

    fn options_may_break(&self) -> bool {
        self.next().is_none_or(|arg| arg.options_can_break_variadic != Some(false))
    }
}

/// What may stand somewhere in a line.
#[derive(Clone)]
pub(crate) struct Place<'s, 'a> {
    pub(crate) scope: &'s Scope<'a>,
    pub(crate) subcommands: bool,
    pub(crate) options: bool,
    pub(crate) arg: Option<&'a Arg>,
    pub(crate) of_option: bool,
    pub(crate) passed: Vec<&'a Opt>,
}

impl<'s, 'a> Place<'s, 'a> {
    /// Right behind the name of the command.
    pub(crate) fn fresh(scope: &'s Scope<'a>) -> Place<'s, 'a> {
        Place {
            scope,
            subcommands: true,
            options: true,
            arg: scope.node.args.first(),
            of_option: false,
            passed: Vec::new(),
        }
    }

    /// Behind so many values of the command, at least one.
    pub(crate) fn after_values(scope: &'s Scope<'a>, values: usize) -> Place<'s, 'a> {
        let filled = Filled { args: &scope.node.args, values };
        let broken = !filled.goes_on() || filled.options_may_break();
        Place {
            subcommands: false,
            options: !scope.rules.options_first && broken,
            arg: filled.next(),
            ..Place::fresh(scope)
        }
    }

    /// Behind `--`.
    pub(crate) fn after_end(scope: &'s Scope<'a>) -> Place<'s, 'a> {
        Place { subcommands: false, options: false, ..Place::fresh(scope) }
    }

    /// Behind an option and so many values of it, the first of which may be attached.
    pub(crate) fn after_option(scope: &'s Scope<'a>, option: &'a Opt, values: usize) -> Place<'s, 'a> {
        let behind = Place { passed: vec![option], ..Place::fresh(scope) };
        if option.requires_separator.is_some() && values == 0 {
            return behind;
        }
        let filled = Filled { args: &option.args, values };
        let Some(arg) = filled.next() else { return behind };
        let must = arg.variadic || !arg.optional;
        if must {
            let options = filled.goes_on() && filled.options_may_break();
            return Place { subcommands: false, options, arg: Some(arg), of_option: true, ..behind };
        }
        // The command's own argument goes before an optional one of an option.
        if scope.node.args.is_empty() { Place { arg: Some(arg), of_option: true, ..behind } } else { behind }
    }

    /// Inside the word of an option, behind its separator.
    pub(crate) fn attached(scope: &'s Scope<'a>, option: &'a Opt) -> Place<'s, 'a> {
        Place {
            subcommands: false,
            options: false,
            arg: option.args.first(),
            of_option: true,
            ..Place::after_option(scope, option, 1)
        }
    }

    /// All rows, in no order, hidden ones included.
    pub(crate) fn rows(&self) -> Vec<Row<'a>> {
        let mut rows = Vec::new();
        if self.subcommands {
            rows.extend(self.siblings(self.scope.node));
        }
        if let Some(arg) = self.arg {
            rows.extend(arg.suggestions.iter().map(|suggestion| Row::value(suggestion, true)));
            let parent = self.scope.parent.filter(|_| templates(arg).any(|kind| *kind == Template::Help));
            rows.extend(parent.into_iter().flat_map(|parent| self.siblings(parent)));
        }
        // A spec does not say whether these hold once options or values have been given.
        let surely = self.subcommands && self.options;
        let additional = self.scope.node.additional_suggestions.iter();
        rows.extend(additional.map(|suggestion| Row::value(suggestion, surely)));
        if self.options {
            rows.extend(self.free_options());
        }
        rows
    }

    fn siblings(&self, node: &'a Subcommand) -> Vec<Row<'a>> {
        let means = means(node);
        let meant =
            |name: &String, sub| means.get(name.as_str()).is_some_and(|meant| std::ptr::eq(*meant, sub));
        let live = node.subcommands.iter().filter(|sub| sub.names.iter().any(|name| meant(name, *sub)));
        live.map(Row::subcommand).collect()
    }

    /// The options that may still be given.
    pub(crate) fn free_options(&self) -> Vec<Row<'a>> {
        let free = self.scope.options().into_iter().filter(|option| self.is_free(option));
        free.map(|option| Row::option(option, self.surely(option))).collect()
    }

    /// An inherited option of which a nearer one took a name is half there; whether it is offered is a matter of taste.
    fn surely(&self, option: &'a Opt) -> bool {
        let own = self.scope.node.options.iter().any(|own| std::ptr::eq(own, option));
        own || self.scope.meaning(option).count() == option.names.len()
    }

    fn is_free(&self, option: &Opt) -> bool {
        let times = self.passed.iter().filter(|passed| std::ptr::eq(**passed, option)).count();
        let most = match option.repeatable {
            Repeatable::Unsaid | Repeatable::Never => 1,
            Repeatable::Always => usize::MAX,
            Repeatable::Times(most) => most as usize,
        };
        let names = |list: &[String], other: &Opt| list.iter().any(|name| other.names.contains(name));
        let barred = |passed: &&&Opt| {
            let apart = names(&passed.exclusive_on, option) || names(&option.exclusive_on, passed);
            apart && !std::ptr::eq(**passed, option)
        };
        times < most && self.passed.iter().filter(barred).count() == 0
    }

    /// Whether letters in order are enough to match.
    pub(crate) fn fuzzy(&self) -> bool {
        let said = self.arg.and_then(|arg| arg.filter_strategy).or(self.scope.node.filter_strategy);
        said == Some(FilterStrategy::Fuzzy)
    }
}

fn templates(arg: &Arg) -> impl Iterator<Item = &Template> {
    arg.templates.iter().chain(arg.generators.iter().flat_map(|generator| &generator.templates))
}

/// A row that a spec declares.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) names: Cow<'a, [String]>,
    pub(crate) display: Option<&'a str>,
    /// Inserted in place of the name.
    pub(crate) verbatim: Option<&'a str>,
    /// Inserted behind the name.
    pub(crate) separator: &'a str,
    pub(crate) hidden: bool,
    /// It must be offered; otherwise it may.
    pub(crate) surely: bool,
}

/// Whether a row belongs into an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Must,
    May,
    MustNot,
}

impl<'a> Row<'a> {
    fn subcommand(sub: &'a Subcommand) -> Row<'a> {
        Row {
            names: Cow::Borrowed(&sub.names),
            display: sub.display_name.as_deref(),
            verbatim: instead(sub.deprecated.as_ref()).or(sub.insert_value.as_deref()),
            separator: "",
            hidden: sub.hidden,
            surely: true,
        }
    }

    pub(crate) fn option(option: &'a Opt, surely: bool) -> Row<'a> {
        Row {
            names: Cow::Borrowed(&option.names),
            display: option.display_name.as_deref(),
            verbatim: instead(option.deprecated.as_ref()).or(option.insert_value.as_deref()),
            separator: option.requires_separator.as_deref().unwrap_or(""),
            hidden: option.hidden,
            surely,
        }
    }

    fn value(suggestion: &'a Suggestion, surely: bool) -> Row<'a> {
        Row {
            names: Cow::Borrowed(&suggestion.names),
            display: suggestion.display_name.as_deref(),
            verbatim: instead(suggestion.deprecated.as_ref()).or(suggestion.insert_value.as_deref()),
            separator: "",
            hidden: suggestion.hidden,
            surely,
        }
    }

    /// Whether it belongs to what is typed.
    pub(crate) fn verdict(&self, query: &str, fuzzy: bool) -> Verdict {
        let shown = || self.names.iter().map(String::as_str).chain(self.display);
        let exact = |name: &str| lower(name) == lower(query);
        if self.hidden && (query.is_empty() || !shown().any(exact)) {
            return Verdict::MustNot;
        }
        match shown().any(|name| lower(name).starts_with(&lower(query))) {
            true if self.surely => Verdict::Must,
            true => Verdict::May,
            false if fuzzy && shown().any(|name| in_order(name, query)) => Verdict::May,
            false => Verdict::MustNot,
        }
    }
}

/// What replaces something that is deprecated.
fn instead(deprecated: Option<&Deprecated>) -> Option<&str> {
    deprecated?.insert_value.as_deref()
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether the letters of `query` appear in `name` in order; accents and spaces are for the matcher to judge.
fn in_order(name: &str, query: &str) -> bool {
    let name = lower(name);
    let mut rest = name.chars();
    let judged = |c: char| !c.is_ascii() || c == ' ';
    lower(query).chars().all(|wanted| judged(wanted) || rest.any(|c| c == wanted))
}
