//! What the shell says of its world, gathered for the daemon.

use std::collections::BTreeMap;

use protocol::{Context, Shell};

/// Joins the entries of lists in marks.
const SEPARATOR: char = '\x1f';

/// Variables of our own environment that are told to the daemon: what programs run for completions need to find their
/// way. Nothing that is likely to be a secret.
const TOLD: &[&str] = &[
    "HOME",
    "PATH",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_DATA_DIRS",
    "XDG_CONFIG_DIRS",
    "ZDOTDIR",
    "HISTFILE",
    "EDITOR",
    "PAGER",
    "SSH_AUTH_SOCK",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "KUBECONFIG",
    "VIRTUAL_ENV",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "GOPATH",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "NVM_DIR",
    "PYENV_ROOT",
    "CONDA_PREFIX",
    "OLDPWD",
];

/// The session's world as it is known so far.
#[derive(Debug)]
pub struct World {
    context: Context,
    changed: bool,
    vi_keys: bool,
}

impl World {
    /// The world of a session with this name, from our own environment.
    pub fn new(session: &str, env: impl Fn(&str) -> Option<String>) -> World {
        let env = TOLD.iter().filter_map(|&name| Some((name.to_owned(), env(name)?))).collect();
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
        let mut world = World::new("s", |name| (name == "HOME").then(|| "/h".to_owned()));
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
}
