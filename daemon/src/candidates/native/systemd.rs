//! Units of systemd: what its manager has loaded, or the unit files when no manager answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Question, read, row};
use crate::candidates::Draft;
use crate::slow::Generated;

/// Most unit files of one directory.
const MAX_FILES: usize = 5_000;

/// The endings of units.
const KINDS: &[&str] = &[
    "service",
    "socket",
    "target",
    "timer",
    "mount",
    "automount",
    "path",
    "slice",
    "swap",
    "device",
    "scope",
];

/// Which units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Systemd {
    /// Of the user's own manager.
    user: bool,
    /// Files, loaded or not.
    files: bool,
}

/// The subcommands that take what is on disk; the others take what is loaded.
const OF_FILES: &[&str] = &[
    "list-unit-files",
    "enable",
    "disable",
    "reenable",
    "preset",
    "preset-all",
    "mask",
    "unmask",
    "link",
    "revert",
    "is-enabled",
    "get-default",
    "set-default",
    "add-wants",
    "add-requires",
];

/// The units that a generator asks for.
pub(super) fn wanted(generated: &Generated) -> Option<Systemd> {
    let function = generated.generator.custom.as_ref()?;
    let is_paths = generated.generator.native_paths.is_some();
    if generated.command != "systemctl" || function.module != "systemctl" || is_paths {
        return None;
    }
    let has = |names: &[&str]| generated.words.iter().any(|word| names.contains(&word.as_str()));
    if has(&["-H", "--host", "-M", "--machine"]) {
        return None;
    }
    Some(Systemd { user: has(&["--user"]), files: has(OF_FILES) })
}

/// What to ask the manager.
pub(super) fn question(systemd: Systemd, cwd: &Path) -> Question {
    let verb = if systemd.files { "list-unit-files" } else { "list-units" };
    let user = systemd.user.then_some("--user");
    let argv = ["systemctl", verb, "--all", "--full", "--plain", "--no-legend", "--no-pager"]
        .into_iter()
        .chain(user);
    Question { argv: argv.map(str::to_owned).collect(), env: Vec::new(), cwd: cwd.to_owned() }
}

/// The rows in what it printed.
pub(super) fn drafts(systemd: Systemd, output: &[u8]) -> Vec<Draft> {
    let text = String::from_utf8_lossy(output);
    let unit = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next().filter(|name| is_unit(name))?;
        let said = match systemd.files {
            true => capital(words.next().unwrap_or_default()),
            false => {
                let active = capital(words.nth(1).unwrap_or_default());
                format!("{active} - {}", words.skip(1).collect::<Vec<_>>().join(" "))
            }
        };
        Some(row(name, &said))
    };
    sorted(text.lines().filter_map(unit).collect())
}

/// The unit files on disk; of those with the same name the one that counts.
pub(super) fn on_disk(systemd: Systemd, env: &BTreeMap<String, String>, root: &Path) -> Vec<Draft> {
    let mut found = BTreeMap::new();
    for dir in directories(systemd, env, root) {
        for file in read::entries(&dir, MAX_FILES) {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if is_unit(name) && !file.is_dir() {
                found.entry(name.to_owned()).or_insert_with(|| dir.clone());
            }
        }
    }
    found.into_iter().map(|(name, dir)| row(&name, &dir.display().to_string())).collect()
}

/// Where unit files are, the ones that count first.
fn directories(systemd: Systemd, env: &BTreeMap<String, String>, root: &Path) -> Vec<PathBuf> {
    let kind = if systemd.user { "user" } else { "system" };
    let mut dirs: Vec<PathBuf> = Vec::new();
    if let (true, Some(home)) = (systemd.user, env.get("HOME")) {
        let config =
            env.get("XDG_CONFIG_HOME").map_or_else(|| Path::new(home).join(".config"), PathBuf::from);
        dirs.extend([config.join("systemd/user"), Path::new(home).join(".local/share/systemd/user")]);
    }
    let shared = ["etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd", "lib/systemd"];
    dirs.extend(shared.map(|dir| root.join(dir).join(kind)));
    dirs
}

fn is_unit(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, kind)| !stem.is_empty() && KINDS.contains(&kind))
        && !name.starts_with('-')
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn sorted(mut rows: Vec<Draft>) -> Vec<Draft> {
    rows.sort_by(|a, b| a.names.cmp(&b.names));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn shown(rows: &[Draft]) -> Vec<String> {
        rows.iter()
            .map(|row| format!("{}={}", row.names[0], row.description.as_deref().unwrap_or_default()))
            .collect()
    }

    #[test]
    fn what_the_manager_says_is_read() {
        let output = b"ssh.service loaded active running OpenBSD Secure Shell server\na.mount loaded inactive dead  A\n\nrubbish\n";
        let units = drafts(Systemd { user: false, files: false }, output);
        assert_eq!(
            shown(&units),
            ["a.mount=Inactive - A", "ssh.service=Active - OpenBSD Secure Shell server"]
        );
        let files =
            drafts(Systemd { user: false, files: true }, b"b@.service static -\n-x.service enabled\n");
        assert_eq!(shown(&files), ["b@.service=Static"]);
    }

    #[test]
    fn without_a_manager_the_files_are_read() {
        let root = tempfile::tempdir().unwrap();
        for file in [
            "etc/systemd/system/a.service",
            "usr/lib/systemd/system/a.service",
            "usr/lib/systemd/system/b.timer",
        ] {
            fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
            fs::write(root.path().join(file), "").unwrap();
        }
        fs::create_dir(root.path().join("usr/lib/systemd/system/a.service.d")).unwrap();
        let rows = on_disk(Systemd { user: false, files: true }, &BTreeMap::new(), root.path());
        assert_eq!(
            rows.iter().map(|row| row.names[0].as_str()).collect::<Vec<_>>(),
            ["a.service", "b.timer"]
        );
        assert!(rows[0].description.as_deref().unwrap().ends_with("etc/systemd/system"));
    }
}
