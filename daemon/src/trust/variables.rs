//! The variables of a program that runs while someone types.
//!
//! What a search path says relative to the directory, or names in the directory itself, is taken out: it would run or
//! load what the directory has. git gets its settings here too, for the programs that call it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Allowed, git};

/// Variables that list directories to run or load from.
const SEARCHED: &[&str] = &[
    "PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LD_AUDIT",
    "DYLD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "PYTHONPATH",
    "PERL5LIB",
    "RUBYLIB",
    "NODE_PATH",
    "GEM_PATH",
    "LUA_PATH",
    "CDPATH",
];

/// Variables that make a shell or git do more than it is told.
const DROPPED: &[&str] = &[
    "BASH_ENV",
    "ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "GIT_EXTERNAL_DIFF",
    "GIT_CONFIG_PARAMETERS",
    "GIT_SSH",
    "LESSOPEN",
    "LESSCLOSE",
];

/// Keeps programs that are known to look for news of themselves, or to install what a directory asks for, from it.
const OFFLINE: &[(&str, &str)] = &[
    ("CARGO_NET_OFFLINE", "true"),
    ("CHECKPOINT_DISABLE", "1"),
    ("COREPACK_ENABLE_NETWORK", "0"),
    ("DO_NOT_TRACK", "1"),
    ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"),
    ("GOPROXY", "off"),
    ("GOTOOLCHAIN", "local"),
    ("HOMEBREW_NO_AUTO_UPDATE", "1"),
    ("NO_UPDATE_NOTIFIER", "1"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("RUSTUP_AUTO_INSTALL", "0"),
    ("UV_OFFLINE", "1"),
    ("npm_config_offline", "true"),
    ("npm_config_update_notifier", "false"),
];

/// The engine of containers that is asked when none is named: the one of this machine, not the one of a context that
/// may be another's.
const LOCAL_ENGINE: (&str, &str) = ("DOCKER_HOST", "unix:///var/run/docker.sock");

/// Where the system and its package managers have programs: nobody checks out a repository there.
const SYSTEM: &[&str] =
    &["/usr", "/bin", "/sbin", "/opt", "/nix", "/run", "/snap", "/gnu", "/home/linuxbrew", "/Library"];

/// The variables with nothing in them that the directory controls.
pub(super) fn harmless(
    mut env: BTreeMap<String, String>,
    cwd: &Path,
    allowed: Allowed,
) -> BTreeMap<String, String> {
    let home = env.get("HOME").cloned().unwrap_or_default();
    for name in SEARCHED {
        if let Some(list) = env.get_mut(*name) {
            *list = cleaned(list, cwd, Path::new(&home), allowed.trusted);
        }
    }
    env.retain(|name, value| {
        // Functions that a shell exports would take the place of programs in a script.
        let is_powerful = DROPPED.contains(&name.as_str()) || name.starts_with("BASH_FUNC_");
        // An empty list would mean the directory itself.
        let is_here = value.is_empty() && SEARCHED.contains(&name.as_str());
        !is_powerful && !is_here
    });
    let mut set = |(name, value): &(&str, &str)| drop(env.insert((*name).to_owned(), (*value).to_owned()));
    git::ENV.iter().for_each(&mut set);
    if !allowed.network {
        OFFLINE.iter().for_each(&mut set);
        if !["DOCKER_HOST", "DOCKER_CONTEXT"].iter().any(|name| env.contains_key(*name)) {
            env.insert(LOCAL_ENGINE.0.to_owned(), LOCAL_ENGINE.1.to_owned());
        }
    }
    configure_git(&mut env);
    env
}

/// Adds our settings behind those that variables give git already; the last one holds.
fn configure_git(env: &mut BTreeMap<String, String>) {
    let count = env.get("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0_usize);
    let count = if count > 1000 { 0 } else { count };
    for (at, (name, value)) in git::SETTINGS.iter().enumerate() {
        env.insert(format!("GIT_CONFIG_KEY_{}", count + at), (*name).to_owned());
        env.insert(format!("GIT_CONFIG_VALUE_{}", count + at), (*value).to_owned());
    }
    env.insert("GIT_CONFIG_COUNT".to_owned(), (count + git::SETTINGS.len()).to_string());
}

/// The entries of a list that are absolute, and not the directory's unless it is trusted.
fn cleaned(list: &str, cwd: &Path, home: &Path, trusted: bool) -> String {
    let keeps = |entry: &&str| {
        let path = Path::new(entry);
        path.is_absolute() && (trusted || !is_of(path, cwd, home))
    };
    list.split(':').filter(keeps).collect::<Vec<_>>().join(":")
}

/// Whether a directory of a search path belongs to where we are: it shares more of its path with it than a home does,
/// or it has the name of what package managers fill from a repository.
fn is_of(entry: &Path, cwd: &Path, home: &Path) -> bool {
    if entry.components().any(|part| part.as_os_str() == "node_modules") || entry.ends_with("vendor/bin") {
        return true;
    }
    if SYSTEM.iter().any(|system| entry.starts_with(system)) || is_personal(entry, home) {
        return false;
    }
    let shared: PathBuf =
        entry.components().zip(cwd.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    // All paths share the root.
    shared.parent().is_some() && !home.starts_with(&shared)
}

/// `~/bin`, `~/.cargo/bin`, `~/.local/share/pnpm`: where tools of the user's own are, wherever we are.
fn is_personal(entry: &Path, home: &Path) -> bool {
    let Ok(rest) = entry.strip_prefix(home) else { return false };
    let mut parts = rest.components().map(|part| part.as_os_str().to_string_lossy());
    let first = parts.next().unwrap_or_default();
    let count = parts.count();
    (first == "bin" && count == 0) || (first.starts_with('.') && count <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "/home/u";

    fn path(list: &str, cwd: &str, trusted: bool) -> String {
        cleaned(list, Path::new(cwd), Path::new(HOME), trusted)
    }

    #[test]
    fn what_the_directory_put_on_the_path_is_not_there() {
        for (cwd, list, expected) in [
            ("/home/u/repo", "/usr/bin:.:bin::/bin", "/usr/bin:/bin"),
            ("/home/u/repo", "/home/u/repo/bin:/usr/bin", "/usr/bin"),
            ("/home/u/repo/sub", "/home/u/repo/node_modules/.bin:/usr/bin", "/usr/bin"),
            ("/srv/repo", "/srv/repo/.direnv/bin:/usr/bin", "/usr/bin"),
            (
                "/home/u/repo",
                "/home/u/bin:/home/u/.cargo/bin:/home/u/.local/bin",
                "/home/u/bin:/home/u/.cargo/bin:/home/u/.local/bin",
            ),
            ("/home/u", "/home/u/bin:/home/u/.nvm/bin:/usr/bin", "/home/u/bin:/home/u/.nvm/bin:/usr/bin"),
            ("/", "/usr/bin:/tools/bin", "/usr/bin:/tools/bin"),
            ("/usr/share", "/usr/bin", "/usr/bin"),
            ("/srv/x", "/other/node_modules/.bin:/x/vendor/bin", ""),
            ("/tmp/x", "/tmp/bin:/usr/bin:/tools/bin", "/usr/bin:/tools/bin"),
        ] {
            assert_eq!(path(list, cwd, false), expected, "{cwd}");
        }
        assert_eq!(path("/home/u/repo/bin:.:/usr/bin", "/home/u/repo", true), "/home/u/repo/bin:/usr/bin");
    }

    fn env(given: &[(&str, &str)]) -> BTreeMap<String, String> {
        let given = given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        harmless(given, Path::new("/home/u/repo"), Allowed::default())
    }

    #[test]
    fn nothing_is_loaded_or_run_from_here() {
        let env = env(&[
            ("HOME", HOME),
            ("LD_LIBRARY_PATH", "/opt/lib:"),
            ("PYTHONPATH", ""),
            ("LD_PRELOAD", "./x.so"),
            ("BASH_ENV", "x"),
            ("BASH_FUNC_ls%%", "() { x; }"),
            ("GIT_EXTERNAL_DIFF", "x"),
            ("GIT_DIR", "/home/u/dots"),
            ("KEPT", "x"),
        ]);
        assert_eq!(env.get("LD_LIBRARY_PATH").map(String::as_str), Some("/opt/lib"));
        for name in ["PYTHONPATH", "LD_PRELOAD", "BASH_ENV", "BASH_FUNC_ls%%", "GIT_EXTERNAL_DIFF"] {
            assert!(!env.contains_key(name), "{name}");
        }
        assert_eq!((env["KEPT"].as_str(), env["GIT_DIR"].as_str()), ("x", "/home/u/dots"));
        assert_eq!(env["GIT_OPTIONAL_LOCKS"], "0");
    }

    #[test]
    fn settings_for_git_follow_those_that_are_there() {
        let env = env(&[
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "core.fsmonitor"),
            ("GIT_CONFIG_VALUE_0", "x"),
        ]);
        assert_eq!(
            (env["GIT_CONFIG_KEY_0"].as_str(), env["GIT_CONFIG_VALUE_0"].as_str()),
            ("core.fsmonitor", "x")
        );
        assert_eq!(
            (env["GIT_CONFIG_KEY_1"].as_str(), env["GIT_CONFIG_VALUE_1"].as_str()),
            ("core.fsmonitor", "")
        );
        assert_eq!(env["GIT_CONFIG_COUNT"], (git::SETTINGS.len() + 1).to_string());
    }
}
