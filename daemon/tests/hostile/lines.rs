//! What is typed: the places of all generators of the commands that people use.

use std::collections::HashSet;

use specs::archive::Archive;
use specs::model::{Arg, Generator, Subcommand};

/// Commands that people use, and that obey folders.
const COMMANDS: &str = "adb ansible ant apt artisan asdf aws az bash bazel brew bun bundle cap cargo cat cd chmod chown code \
    composer conda cordova cp curl dart deno direnv django-admin docker docker-compose dotnet drush elm ember eslint expo fd \
    firebase flutter gatsby gcloud gem gh git go gradle gradlew grep grunt gulp hasura helm heroku hexo http hub hugo id \
    ionic jest just k9s kill killall kubectl laravel lerna limactl ls make man mask meteor mise mix mkdir mocha mvn nest \
    netlify next ng nix node npm npx nr nx ollama php phpunit ping pip pip3 pipenv pm2 pnpm podman poetry pre-commit \
    prettier prisma ps pulumi pyenv pytest python python3 rails rake rbenv rclone rg rm rsync rspec rubocop ruby rush rustc \
    rustup sam sbt scp sed sequelize serverless ssh su sudo svn swift symfony systemctl task terraform tmux tox tree tsc tsx \
    turbo uv vagrant vercel vim vite volta vue webpack wget which wp xargs yarn yo zellij bin/console ./gradlew";

/// Most lines of one command.
const MAX_LINES: usize = 40;

/// A line for each place of a generator that is not yet among those before it, and for each command alone.
pub(crate) fn of_generators(archive: &Archive) -> Vec<String> {
    let mut lines = Vec::new();
    for name in COMMANDS.split_whitespace() {
        let mut walk = Walk { seen: HashSet::new(), lines: vec![format!("{name} ")] };
        if let Ok(Some(spec)) = archive.spec(name) {
            walk.command(name, &spec.root);
        }
        walk.lines.truncate(MAX_LINES);
        lines.extend(walk.lines);
    }
    lines
}

/// Lines about everything in a repository, branches first.
pub(crate) fn of_git() -> Vec<String> {
    let verbs = "checkout; add; commit -m; diff; diff --staged; restore; stash pop; log; show; merge; rebase; reset; rm; \
        push; push origin; pull; fetch; branch -d; branch -D; tag; tag -d; blame; bisect start; cherry-pick; revert; \
        remote; config; config --get; submodule; worktree add; archive; status; mv; switch; st; evil";
    verbs.split("; ").map(|verb| format!("git {} ", verb.trim())).collect()
}

struct Walk {
    seen: HashSet<Generator>,
    lines: Vec<String>,
}

impl Walk {
    fn command(&mut self, words: &str, command: &Subcommand) {
        if !command.args.is_empty() || command.generate_spec.is_some() {
            self.place(format!("{words} "), &command.args);
        }
        for option in &command.options {
            self.place(format!("{words} {} ", option.names[0]), &option.args);
        }
        for sub in &command.subcommands {
            self.command(&format!("{words} {}", sub.names[0]), sub);
        }
    }

    fn place(&mut self, line: String, args: &[Arg]) {
        let generators = args.iter().take(1).flat_map(|arg| &arg.generators);
        let runs = generators.filter(|generator| generator.script.is_some() || generator.custom.is_some());
        let is_new = runs.filter(|generator| self.seen.insert((*generator).clone())).count() > 0;
        if is_new && !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }
}
