//! What the shell says of its world, gathered for the daemon.

use std::collections::BTreeMap;

use protocol::{Context, Shell};

/// Joins the entries of lists in marks.
const SEPARATOR: char = '\x1f';

/// Parts of names of variables whose values are likely to be secrets, or to lead to them. They are not told.
const SECRETIVE: [&str; 12] = [
    "TOKEN",
    "SECRET",
    "PASS",
    "KEY",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
    "SESSION",
    "PRIVATE",
    "SIGNATURE",
    "WEBHOOK",
    "DSN",
];

/// Variables that are told although their names look so: sockets and files that programs find their way with.
const TOLD: [&str; 3] = ["SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "XDG_SESSION_TYPE"];

/// The longest value that is told, in bytes.
const MAX_VALUE: usize = 4 << 10;

/// Most variables that are told: an ordinary environment has fifty.
const MAX_VARIABLES: usize = 512;

/// The session's world as it is known so far.
#[derive(Debug)]
pub struct World {
    context: Context,
    changed: bool,
    vi_keys: bool,
}

impl World {
    /// The world of a session with this name, from our own environment: what programs that are run for completions need
    /// to find their way, and nothing that is likely to be a secret.
    pub fn new(session: &str, variables: impl Iterator<Item = (String, String)>) -> World {
        let env = variables.filter(|(name, value)| is_told(name, value)).take(MAX_VARIABLES).collect();
        World {
            context: Context { session: session.to_owned(), env, ..Context::default() },
            changed: true,
            vi_keys: false,
        }
    }

    /// Which shell it is.
    pub fn set_shell(&mut self, shell: Shell) {
        self.changed |= self.context.shell != shell;
        self.context.shell = shell;
    }

    /// Takes a `W` mark.
    pub fn set(&mut self, name: &str, text: String) {
        let context = &mut self.context;
        match name {
            "cwd" => context.cwd = text,
            "path" => drop(context.env.insert("PATH".to_owned(), text)),
            "histfile" => context.history_file = text,
            "aliases" => context.aliases = aliases(&text),
            "global_aliases" => context.global_aliases = aliases(&text),
            "suffix_aliases" => context.suffix_aliases = aliases(&text),
            "abbreviations" => context.abbreviations = aliases(&text),
            "functions" => context.functions = entries(&text).map(str::to_owned).collect(),
            "keys" => {
                self.vi_keys = text == "vi";
                return;
            }
            _ => return,
        }
        self.changed = true;
    }

    /// Whether the line editor has vi's keys.
    pub fn has_vi_keys(&self) -> bool {
        self.vi_keys
    }

    /// The working directory.
    pub fn cwd(&self) -> &str {
        &self.context.cwd
    }

    /// The whole world has to be told again.
    pub fn forget_told(&mut self) {
        self.changed = true;
    }

    /// What the daemon has not been told yet.
    pub fn untold(&mut self) -> Option<Context> {
        std::mem::take(&mut self.changed).then(|| self.context.clone())
    }
}

/// Whether the daemon is told of a variable.
fn is_told(name: &str, value: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let secretive = SECRETIVE.iter().any(|part| upper.contains(part));
    value.len() <= MAX_VALUE && (!secretive || TOLD.contains(&name))
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(SEPARATOR).filter(|entry| !entry.is_empty())
}

fn aliases(text: &str) -> BTreeMap<String, String> {
    let pairs = entries(text).filter_map(|entry| entry.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_a_context_that_is_told_once() {
        let mut world = World::new("s", [("HOME".to_owned(), "/h".to_owned())].into_iter());
        world.set_shell(Shell::Zsh);
        world.set("cwd", "/tmp".into());
        world.set("aliases", "g=git\x1fll=ls -l=x".into());
        world.set("global_aliases", "G=| grep".into());
        world.set("suffix_aliases", "txt=vim".into());
        world.set("abbreviations", "gco=git checkout".into());
        world.set("functions", "a\x1fb".into());
        world.set("path", "/bin".into());
        let context = world.untold().unwrap();
        assert_eq!(
            (context.shell, context.cwd.as_str(), context.env["HOME"].as_str()),
            (Shell::Zsh, "/tmp", "/h")
        );
        assert_eq!(context.aliases["ll"], "ls -l=x");
        let others =
            (&context.global_aliases["G"], &context.suffix_aliases["txt"], &context.abbreviations["gco"]);
        assert_eq!(others, (&"| grep".into(), &"vim".into(), &"git checkout".into()));
        assert_eq!((context.functions.len(), context.env["PATH"].as_str()), (2, "/bin"));
        assert_eq!(world.untold(), None);
    }

    #[test]
    fn secrets_are_not_told() {
        let variables = [
            ("AWS_PROFILE", "work"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("GITHUB_TOKEN", "x"),
            ("npm_config__auth", "x"),
            ("PGPASSWORD", "x"),
            ("SSH_AUTH_SOCK", "/run/agent"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let long = ("LONG".to_owned(), "x".repeat(MAX_VALUE + 1));
        let mut world = World::new("s", variables.into_iter().chain([long]));
        let told: Vec<String> = world.untold().unwrap().env.into_keys().collect();
        assert_eq!(told, ["AWS_PROFILE", "SSH_AUTH_SOCK"]);
    }
}
