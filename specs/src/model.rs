//! The model of one command: plain data that says what may stand where.
//!
//! It follows the Fig completion-spec format property by property, after normalisation: one
//! name is a list of one, bad data is dropped, functions are references. Comes out of the compiler or of the archive;
//! never runs anything.

use serde::de::{Deserializer, Error as _};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::depth::{Level, MAX_DEPTH};

/// The tree of one command, the unit that the archive stores and decodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The command itself.
    pub root: Subcommand,
    /// How to choose among several versions of the spec, for the few commands that have them.
    pub versions: Option<Versions>,
}

/// A spec whose tree depends on the installed version of the tool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    /// Asks the installed tool for its version.
    pub version_command: Option<FnRef>,
    /// The modules from the oldest version to the newest, as `(version, module)`: `("2.53.0", "az/2.53.0")`. The last one
    /// whose version is not newer than the installed tool's holds; when there is none or it is unknown, the last of all.
    pub modules: Vec<(String, String)>,
}

impl Versions {
    /// The module that serves a tool of this version; `None` when all modules are for newer ones.
    #[must_use]
    pub fn module_for(&self, installed: &str) -> Option<&str> {
        let parts = |version: &str| -> Vec<u64> {
            version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
        };
        let installed = parts(installed);
        let fits = self.modules.iter().rev().find(|(version, _)| parts(version) <= installed);
        fits.map(|(_, module)| module.as_str())
    }
}

/// A command or subcommand.
///
/// It is the only type through which a tree recurses, so its `Deserialize` is where the depth is bounded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Subcommand {
    /// Its names, at least one, the first being the canonical one.
    pub names: Vec<String>,
    /// One line of help.
    pub description: Option<String>,
    /// What is shown in place of the names.
    pub display_name: Option<String>,
    /// What is inserted in place of the name; `{cursor}` marks where the cursor goes.
    pub insert_value: Option<String>,
    /// An emoji or a `fig://` address.
    pub icon: Option<String>,
    /// 0 to 100, 50 when absent. 0 is 0.
    pub priority: Option<f64>,
    /// Shown only when its exact name is typed.
    pub hidden: bool,
    /// Marked, never first, never run on accept.
    pub dangerous: bool,
    /// Deprecated, with what the spec says of it.
    pub deprecated: Option<Deprecated>,
    /// Subcommands in the order of the spec.
    pub subcommands: Vec<Subcommand>,
    /// Options in the order of the spec, persistent ones included.
    pub options: Vec<Opt>,
    /// Positional arguments in order.
    pub args: Vec<Arg>,
    /// Rows offered beside what the grammar gives.
    pub additional_suggestions: Vec<Suggestion>,
    /// The tree is in another module.
    pub load_spec: Option<LoadSpec>,
    /// A function that yields more of the tree at run time.
    pub generate_spec: Option<FnRef>,
    /// How options are written.
    pub parser: ParserDirectives,
    /// Whether a subcommand must follow; decides the space after insertion.
    pub requires_subcommand: Option<bool>,
    /// How rows are matched with what is typed.
    pub filter_strategy: Option<FilterStrategy>,
}

impl Serialize for Subcommand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Subcommand::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Subcommand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _level = Level::enter()
            .ok_or_else(|| D::Error::custom(format_args!("subcommands nest deeper than {MAX_DEPTH}")))?;
        Subcommand::deserialize(deserializer)
    }
}

/// How a command reads its options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParserDirectives {
    /// `-long` is one option, not four letters.
    pub flags_are_posix_noncompliant: bool,
    /// After the first positional argument there are no options.
    pub options_must_precede_arguments: bool,
    /// What may stand between an option and its value; empty means `=`.
    pub option_arg_separators: Vec<String>,
}

/// An option.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Opt {
    /// Its names with their dashes, at least one.
    pub names: Vec<String>,
    /// One line of help.
    pub description: Option<String>,
    /// What is shown in place of the names.
    pub display_name: Option<String>,
    /// What is inserted in place of the name; `{cursor}` marks where the cursor goes.
    pub insert_value: Option<String>,
    /// An emoji or a `fig://` address.
    pub icon: Option<String>,
    /// 0 to 100, 50 when absent. 0 is 0.
    pub priority: Option<f64>,
    /// Shown only when its exact name is typed.
    pub hidden: bool,
    /// Marked, never first, never run on accept.
    pub dangerous: bool,
    /// Deprecated, with what the spec says of it.
    pub deprecated: Option<Deprecated>,
    /// Its values.
    pub args: Vec<Arg>,
    /// Must be given.
    pub required: bool,
    /// Also valid in all subcommands below.
    pub persistent: bool,
    /// How often it may be given.
    pub repeatable: Repeatable,
    /// The value must be attached with this separator (`requiresSeparator`, or `=` for `requiresEquals`).
    pub requires_separator: Option<String>,
    /// Names of options that cannot stand beside it.
    pub exclusive_on: Vec<String>,
    /// Names of options that it needs.
    pub depends_on: Vec<String>,
}

/// How often an option may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Repeatable {
    /// The spec says nothing: any number is accepted, one is suggested.
    #[default]
    Unsaid,
    /// Once (`isRepeatable: false`).
    Never,
    /// Any number of times.
    Always,
    /// At most so many times.
    Times(u32),
}

/// A positional argument, or the value of an option.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arg {
    /// Its name, shown as `<name>`.
    pub name: Option<String>,
    /// One line of help.
    pub description: Option<String>,
    /// May be left out.
    pub optional: bool,
    /// Takes any number of values.
    pub variadic: bool,
    /// Whether options may stand between the values of a variadic argument; absent means yes.
    pub options_can_break_variadic: Option<bool>,
    /// Its known values.
    pub suggestions: Vec<Suggestion>,
    /// Where other values come from.
    pub templates: Vec<Template>,
    /// Programs and functions that yield values.
    pub generators: Vec<Generator>,
    /// What is taken when it is not given.
    pub default: Option<String>,
    /// The value is itself a command (`sudo`, `time`).
    pub is_command: bool,
    /// The value is a script whose own spec follows.
    pub is_script: bool,
    /// The value names a module whose spec is under this prefix (`python/`).
    pub is_module: Option<String>,
    /// Marked, never run on accept.
    pub dangerous: bool,
    /// What is typed is offered as a row of its own.
    pub suggest_current_token: bool,
    /// Wait for a pause in typing before generators run; milliseconds. The format only says yes or no; yes is 200.
    pub debounce: Option<u32>,
    /// How rows are matched with what is typed.
    pub filter_strategy: Option<FilterStrategy>,
    /// What follows the value is described elsewhere.
    pub load_spec: Option<LoadSpec>,
    /// Replaces the value by other words before it is read (git aliases, npm scripts).
    pub alias: Option<Alias>,
}

/// How a value stands for other words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alias {
    /// Always these.
    Words(String),
    /// A function of the value.
    Function(FnRef),
}

/// A row that a spec spells out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Its names, at least one.
    pub names: Vec<String>,
    /// What is shown in place of the names.
    pub display_name: Option<String>,
    /// What is inserted in place of the name; `{cursor}` marks where the cursor goes.
    pub insert_value: Option<String>,
    /// One line of help.
    pub description: Option<String>,
    /// An emoji or a `fig://` address.
    pub icon: Option<String>,
    /// What it stands for; the spec may leave it unsaid.
    pub kind: Option<SuggestionKind>,
    /// 0 to 100, 50 when absent. 0 is 0.
    pub priority: Option<f64>,
    /// Shown only when its exact name is typed.
    pub hidden: bool,
    /// Marked, never first, never run on accept.
    pub dangerous: bool,
    /// Deprecated, with what the spec says of it.
    pub deprecated: Option<Deprecated>,
}

/// What a spelled-out row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuggestionKind {
    /// A value (`arg`, `argument`).
    Arg,
    /// A subcommand.
    Subcommand,
    /// An option.
    Option,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// Something of its own (`shortcut`, `special`).
    Special,
}

/// What a spec says of a deprecated part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deprecated {
    /// Why, or what to use.
    pub description: Option<String>,
    /// What to insert instead.
    pub insert_value: Option<String>,
}

/// Built-in sources of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Template {
    /// Files and folders.
    Filepaths,
    /// Folders only.
    Folders,
    /// Earlier values of the same argument.
    History,
    /// The names of the sibling subcommands.
    Help,
}

/// How rows are matched with what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FilterStrategy {
    /// The name starts with it.
    Prefix,
    /// Its letters appear in order.
    Fuzzy,
}

/// Where the rest of a tree is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LoadSpec {
    /// In this module of the archive, such as `aws/s3`.
    Module(String),
    /// Here.
    Inline(Box<Subcommand>),
    /// Where this function says.
    Function(FnRef),
}

/// A source of values that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Generator {
    /// The program to run.
    pub script: Option<Script>,
    /// A function that does it all.
    pub custom: Option<FnRef>,
    /// Built-in sources.
    pub templates: Vec<Template>,
    /// Filters and changes the rows of `templates`.
    pub filter_template: Option<FnRef>,
    /// Turns the program's output into rows.
    pub post_process: Option<FnRef>,
    /// Splits the program's output into rows.
    pub split_on: Option<String>,
    /// When to run again while the same word is being typed.
    pub trigger: Option<Trigger>,
    /// Which part of the word rows are matched with.
    pub query_term: Option<QueryTerm>,
    /// How long the program may run at least; milliseconds.
    pub timeout: Option<u32>,
    /// How long answers are kept.
    pub cache: Option<Cache>,
    /// The JavaScript is the well-known file or folder lister, which is answered natively.
    pub native_paths: Option<NativePaths>,
    /// Which of the paths of `native_paths` are kept.
    pub native_filter: PathFilter,
}

/// Which paths a native lister keeps. The default keeps all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PathFilter {
    /// Endings without the first dot, such as `yml` or `tar.gz`: a file is kept that ends in one of them.
    pub extensions: Vec<String>,
    /// Whole file names that are kept whatever their ending. With no extension either, everything is kept.
    pub names: Vec<String>,
    /// Folders must pass the filter too; otherwise all folders are kept.
    pub folders_too: bool,
}

/// The well-known path listers of the corpus, recognised by their source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NativePaths {
    /// Files and folders.
    Files,
    /// Folders only.
    Folders,
}

/// The program of a generator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Script {
    /// This argument vector.
    Argv(Vec<String>),
    /// This argument vector with additions to the environment.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
        /// Variables to set.
        env: Vec<(String, String)>,
    },
    /// What this function of the words returns.
    Function(FnRef),
}

/// When a generator runs again while the same word is being typed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// When the last place of this string in the word changes.
    String(String),
    /// When this function of the new and the old word says so.
    Function(FnRef),
}

/// Which part of the word rows are matched with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QueryTerm {
    /// What follows the last place of this string.
    After(String),
    /// What this function of the word returns.
    Function(FnRef),
}

/// How long a generator's answers are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cache {
    /// `max-age` when true; otherwise an old answer is shown while a new one is fetched.
    pub max_age: bool,
    /// Milliseconds.
    pub ttl: Option<u64>,
    /// One answer per directory.
    pub by_directory: bool,
    /// A name for the answer in place of the command that yields it.
    pub key: Option<String>,
}

/// A function in a module of the archive. JavaScript stays JavaScript; the compiler proves that the path resolves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FnRef {
    /// The module, such as `git` or `aws/s3`.
    pub module: String,
    /// Property names and indexes from the default export down, such as `["subcommands","3","args","generators"]`.
    /// A path that begins with [`FnRef::NAMESPACE`] goes down from the module itself: `["*","getVersionCommand"]`; one
    /// that begins with [`FnRef::KEPT`] from what a function returned.
    pub path: Vec<String>,
}

impl FnRef {
    /// Stands for the module's namespace at the beginning of a path.
    pub const NAMESPACE: &'static str = "*";

    /// Begins a path from an object that a function of the module returned at run time: `["#","17","args","0","generators"]`.
    /// The number says which one; it means something only to the process that was given it.
    pub const KEPT: &'static str = "#";
}
