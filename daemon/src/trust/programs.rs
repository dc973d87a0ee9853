//! The programs that specs run, and what each obeys.
//!
//! Three classes: those that only look, those that use the network, and those that do what files of the directory say.
//! Whatever is not known belongs to the last. A program that only looks when its words say so is known by these words.

use std::collections::BTreeMap;

use super::{Needs, Refusal, Word, git, script};

/// Which words of a program are known.
#[derive(Clone, Copy, Debug)]
enum Words {
    /// All.
    Any,
    /// None: alone it lists something.
    Alone,
    /// All but these options; a single letter also counts in a cluster.
    Without(&'static [&'static str]),
    /// Those that begin like one of these.
    First(&'static [&'static str]),
}

/// Programs that only look, whatever their words say.
const LOOK: &str = ": basename cat cd cut df dirname du echo egrep false fgrep getent grep groups head id ls lsblk lscpu \
    lsmod lspci lsusb mdfind mdls nl ps pwd readlink realpath rev stat system_profiler tac tail tokei tr true type \
    uname w wc which who whoami";

/// Programs that only look when their words say so.
const LOOK_IF: &[(&str, Words)] = &[
    ("apt", Words::First(&["list --installed", "list --upgradable"])),
    ("asdf", Words::First(&["plugin-list", "plugin list", "list"])),
    ("assimp", Words::First(&["listext", "listexport"])),
    ("aws-vault", Words::First(&["list"])),
    (
        "bat",
        Words::First(&[
            "--list-*",
            "--wrap unknow",
            "--paging unknow",
            "--italic-text unknow",
            "--color unknow",
        ]),
    ),
    ("bat", Words::First(&["--decorations unknow"])),
    ("brew", Words::First(&["list", "tap", "services list", "formulae", "casks"])),
    ("chsh", Words::First(&["-l"])),
    ("conda", Words::First(&["list", "env list", "config --show", "info"])),
    ("[", Words::Without(EVALUATE)),
    ("date", Words::Alone),
    ("defaultbrowser", Words::Alone),
    ("defaults", Words::First(&["domains"])),
    ("dscacheutil", Words::First(&["-q"])),
    ("dscl", Words::First(&[". -list"])),
    ("env", Words::Alone),
    ("envchain", Words::First(&["--list"])),
    (
        "ffmpeg",
        Words::First(&["-codecs", "-devices", "-encoders", "-decoders", "-formats", "-filters", "-hwaccels"]),
    ),
    ("find", Words::Without(&["-exec", "-ok", "-delete", "-fprint", "-fls"])),
    ("fnm", Words::First(&["list"])),
    ("gpg", Words::First(&["--version", "--list-keys"])),
    ("helm", Words::First(&["completion"])),
    ("hostname", Words::Alone),
    ("ibus", Words::First(&["list-engine"])),
    ("iconv", Words::First(&["-l"])),
    ("ifconfig", Words::Alone),
    ("jenv", Words::First(&["versions", "shims", "plugins", "commands"])),
    ("kill", Words::First(&["-l"])),
    (
        "kubectl",
        Words::First(&[
            "config view",
            "config get-*",
            "config current-context",
            "completion",
            "version --client",
        ]),
    ),
    ("kubectx", Words::Alone),
    ("kubectx", Words::First(&["-c"])),
    ("kubens", Words::First(&["-c"])),
    ("launchctl", Words::First(&["list"])),
    ("limactl", Words::First(&["list"])),
    ("man", Words::First(&["-k", "-f"])),
    ("multipass", Words::First(&["list"])),
    ("networksetup", Words::First(&["-list*", "-get*"])),
    ("pandoc", Words::First(&["--list-*"])),
    ("pbpaste", Words::Alone),
    ("pipx", Words::First(&["list --short"])),
    ("pkgutil", Words::First(&["--pkgs", "--groups"])),
    ("pyenv", Words::First(&["versions", "install -l", "install --list"])),
    ("rbenv", Words::First(&["versions", "install -L", "install -l"])),
    ("printf", Words::Without(&["-v"])),
    ("rclone", Words::First(&["listremotes"])),
    ("read", Words::Without(&["-"])),
    ("rustup", Words::First(&["toolchain list"])),
    ("scc", Words::First(&["--languages"])),
    ("shortcuts", Words::First(&["list"])),
    ("sort", Words::Without(&["-o", "--output", "--compress-program", "-T", "--temporary-directory"])),
    ("sysctl", Words::First(&["-n hw.ncpu", "-A -N", "-aN"])),
    ("systemctl", Words::First(&["list-*", "show-environment", "get-default"])),
    ("tailscale", Words::First(&["status"])),
    ("test", Words::Without(EVALUATE)),
    ("tmux", Words::First(&["ls", "lsp", "lsw", "lsc", "lsb", "list-*"])),
    ("tmuxinator", Words::First(&["list"])),
    ("uniq", Words::Alone),
    ("xcrun", Words::First(&["simctl list", "xctrace list"])),
    ("watson", Words::First(&["projects", "tags", "frames", "log --json"])),
    ("zellij", Words::First(&["list-sessions", "ls"])),
    ("zoxide", Words::First(&["query --list", "query -l"])),
];

/// Programs that use the network, and obey no file of the directory.
const NETWORK: &str = "aws bosh cf curl dcli doppler fly flyctl gcloud gh glab heroku http https kubecolor kubectl kubens n \
    op rancher softwareupdate tsh tsuru vultr-cli xcodes";

/// With these, `test` evaluates what its other words say, which may be `a[$(…)]`.
const EVALUATE: &[&str] = &["-v", "-R", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"];

/// Programs of which only some uses reach for the network; the others are judged as if they were not here.
const NETWORK_IF: &[(&str, Words)] = &[
    ("asdf", Words::First(&["list-all", "list all", "plugin-list-all", "plugin list all"])),
    ("brew", Words::First(&["outdated", "search"])),
    ("docker", Words::First(&["search"])),
    ("fnm", Words::First(&["list-remote", "ls-remote"])),
    ("helm", Words::First(&["repo", "search"])),
    ("multipass", Words::First(&["find"])),
    ("podman", Words::First(&["search"])),
    ("ssh", Words::Any),
];

/// Programs that do what files of the directory say, and use the network for it.
const NETWORK_AND_TRUST: &str = "ansible az eb firebase fvm netlify okteto pulumi serverless stepzen terraform \
    terragrunt tfenv vercel wget youtube-dl yt-dlp";

/// Of programs that are not known otherwise, what uses the network.
const NETWORK_AND_TRUST_IF: &[(&str, Words)] = &[
    ("npm", Words::First(&["search", "view", "info", "outdated", "ping", "whoami"])),
    ("pnpm", Words::First(&["search", "view", "info", "outdated"])),
    ("yarn", Words::First(&["info", "outdated"])),
    ("pip", Words::First(&["index", "search", "download"])),
];

/// What lists what a container engine has. Where the engine is, variables say.
const CONTAINERS: &[&str] = &[
    "ps",
    "images",
    "image ls",
    "image list",
    "container ls",
    "container list",
    "network ls",
    "network list",
    "volume ls",
    "volume list",
    "secret ls",
    "secret list",
    "config ls",
    "node ls",
    "node list",
    "service ls",
    "service list",
    "stack ls",
    "stack list",
    "plugin ls",
    "plugin list",
    "context ls",
    "context list",
    "pod ls",
    "pod ps",
    "machine list",
    "buildx ls",
];

/// Programs that never run: what they do is not only looking, or they belong to the product that specs were made for.
/// `task` is two programs, one of which would run the task of the directory that is called `export`.
const NEVER: &[(&str, Words)] = &[
    ("fig", Words::Any),
    ("sudo", Words::Any),
    ("doas", Words::Any),
    ("su", Words::Any),
    ("task", Words::First(&["export"])),
    ("rm", Words::Any),
    ("mv", Words::Any),
    ("cp", Words::Any),
    ("dd", Words::Any),
    ("tee", Words::Any),
];

/// Programs that run another one.
const WRAPPERS: &[&str] = &["command", "builtin", "env", "nice", "time", "nohup"];

/// curl prints what it gets, unless it is told to write it, to send something, or to read options from a file.
const CURL_LOOKS: Words = Words::Without(&[
    "-o",
    "-O",
    "-T",
    "-K",
    "-F",
    "-d",
    "-c",
    "-D",
    "-J",
    "--output",
    "--remote-",
    "--upload-file",
    "--config",
    "--form",
    "--data",
    "--cookie-jar",
    "--dump-header",
    "--trace",
    "--stderr",
    "--etag-save",
    "--hsts",
    "--alt-svc",
    "--libcurl",
]);

/// Where an absolute path names the same program as its last part does.
const SYSTEM: &[&str] =
    &["/usr/bin/", "/bin/", "/usr/local/bin/", "/usr/sbin/", "/sbin/", "/opt/homebrew/bin/"];

/// What a command needs.
///
/// # Errors
/// When it never runs.
pub(super) fn needs(words: &[Word], env: &BTreeMap<String, String>) -> Result<Needs, Refusal> {
    let (program, rest) = words.split_first().ok_or(Refusal::Never)?;
    if program.text.is_empty() {
        return Err(Refusal::Never);
    }
    if program.open {
        return Ok(Needs::trust(program.text));
    }
    let Some(name) = plain_name(program.text) else { return Ok(Needs::trust(program.text)) };
    match name {
        "git" => git::needs(rest),
        "bash" | "sh" | "zsh" | "dash" | "fish" => script::needs(name, rest, env),
        _ if WRAPPERS.contains(&name) && !rest.is_empty() => wrapped(name, rest, env),
        "curl" if !is_known(&[("curl", CURL_LOOKS)], name, rest) => {
            Ok(Needs::trust(name).and(Needs::network()))
        }
        // What stands in `#(…)` of a format is run.
        "tmux" if rest.iter().any(|word| word.text.contains("#(")) => Err(Refusal::Never),
        "systemctl"
            if rest.iter().any(|word| is_option(word.text, "-H") || word.text.starts_with("--host")) =>
        {
            Ok(Needs::network())
        }
        "docker" | "podman" | "k3d" | "kind" if !is_known(NETWORK_IF, name, rest) => {
            Ok(engine(name, rest, env))
        }
        "awk" | "gawk" | "mawk" | "nawk" if script::awk_only_looks(rest) => Ok(Needs::nothing()),
        "sed" if script::sed_only_looks(rest) => Ok(Needs::nothing()),
        // Its words are not split, so that only its own operators are operators.
        "[[" if rest.iter().all(|word| !EVALUATE.contains(&word.text)) => Ok(Needs::nothing()),
        "ollama" => Ok(ollama(rest, env)),
        _ => listed(name, rest),
    }
}

/// What the tables say.
fn listed(name: &str, rest: &[Word]) -> Result<Needs, Refusal> {
    if is_known(NEVER, name, rest) {
        return Err(Refusal::Never);
    }
    if has(LOOK, name) || is_known(LOOK_IF, name, rest) {
        return Ok(Needs::nothing());
    }
    if has(NETWORK_AND_TRUST, name) || is_known(NETWORK_AND_TRUST_IF, name, rest) {
        return Ok(Needs::network().and(Needs::trust(name)));
    }
    if has(NETWORK, name) || is_known(NETWORK_IF, name, rest) {
        return Ok(Needs::network());
    }
    Ok(Needs::trust(name))
}

/// The name of a program that is looked up in the `PATH`, or lies where the system's programs do.
fn plain_name(program: &str) -> Option<&str> {
    let name = SYSTEM.iter().find_map(|dir| program.strip_prefix(dir)).unwrap_or(program);
    (!name.contains('/')).then_some(name)
}

/// What the command behind a wrapper needs. `command -v x` only asks where `x` is. Nobody needs two wrappers.
fn wrapped(wrapper: &str, rest: &[Word], env: &BTreeMap<String, String>) -> Result<Needs, Refusal> {
    match rest[0].text {
        "-v" | "-V" if wrapper == "command" => Ok(Needs::nothing()),
        next if next.starts_with('-') || next.contains('=') || WRAPPERS.contains(&next) => {
            Ok(Needs::trust(wrapper))
        }
        _ => needs(rest, env),
    }
}

/// A container engine, which may be on another machine. Where none is named, the local one is (see `variables`).
fn engine(name: &str, rest: &[Word], env: &BTreeMap<String, String>) -> Needs {
    let lists = match name {
        "k3d" => begins(rest, &["cluster list", "node list", "registry list"]),
        "kind" => begins(rest, &["get clusters", "get nodes"]),
        _ => begins(rest, CONTAINERS),
    };
    let is_elsewhere = |variable: &&str| env.get(*variable).is_some_and(|value| !value.starts_with("unix:"));
    if !lists {
        return Needs::trust(name);
    }
    match ["DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINER_CONNECTION"].iter().any(is_elsewhere)
    {
        true => Needs::network(),
        false => Needs::nothing(),
    }
}

/// Asks its server, which is here unless a variable says otherwise.
fn ollama(rest: &[Word], env: &BTreeMap<String, String>) -> Needs {
    match (begins(rest, &["ls", "list", "ps"]), env.contains_key("OLLAMA_HOST")) {
        (false, _) => Needs::trust("ollama"),
        (true, true) => Needs::network(),
        (true, false) => Needs::nothing(),
    }
}

/// Whether a table of names has a name.
fn has(table: &str, name: &str) -> bool {
    table.split_whitespace().any(|known| known == name)
}

/// Whether a table has a name with these words.
fn is_known(table: &[(&str, Words)], name: &str, rest: &[Word]) -> bool {
    table.iter().any(|(known, words)| *known == name && fits(*words, rest))
}

fn fits(words: Words, rest: &[Word]) -> bool {
    // What is not known yet may turn out to be any option.
    let known = rest.iter().all(|word| !word.open);
    match words {
        Words::Any => true,
        Words::Alone => rest.is_empty(),
        Words::Without(options) => {
            known && !rest.iter().any(|word| options.iter().any(|o| is_option(word.text, o)))
        }
        Words::First(first) => known && begins(rest, first),
    }
}

/// Whether a word is this option, alone, with a value, or in a cluster.
pub(super) fn is_option(word: &str, option: &str) -> bool {
    let letter = option.strip_prefix('-').filter(|rest| rest.len() == 1);
    match letter {
        Some(letter) => word.starts_with('-') && !word.starts_with("--") && word.contains(letter),
        None => word.starts_with(option),
    }
}

/// Whether words begin as one of these do. A part that ends in `*` stands for all that begin so.
fn begins(words: &[Word], firsts: &[&str]) -> bool {
    firsts.iter().any(|first| {
        let parts: Vec<&str> = first.split_whitespace().collect();
        let same = |(word, part): (&Word, &&str)| match part.strip_suffix('*') {
            Some(start) => word.text.starts_with(start),
            None => word.text == *part,
        };
        !parts.is_empty() && words.len() >= parts.len() && words.iter().zip(&parts).all(same)
    })
}
