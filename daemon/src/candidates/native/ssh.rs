//! Hosts out of what ssh has been told: its configuration with what that includes, and the hosts that it knows.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use specs::model::Trigger;

use super::{read, row};
use crate::candidates::{Draft, Insert};
use crate::slow::Generated;

/// Most files that include each other.
const MAX_FILES: usize = 64;

/// Most hosts that are listed.
const MAX_HOSTS: usize = 5_000;

/// The priority that the corpus gives to hosts of the configuration.
const CONFIGURED: f64 = 90.0;

/// Which hosts, and how they are put in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ssh {
    from: From,
    /// `user@` as it is typed.
    user: String,
    /// A path follows.
    colon: bool,
}

/// Where hosts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum From {
    /// `~/.ssh/config`.
    Config,
    /// `~/.ssh/known_hosts`.
    Known,
}

/// The hosts that a generator asks for. All specs that do have the same two functions, of which the one for the hosts
/// that are known asks again behind an `@`.
pub(super) fn wanted(generated: &Generated) -> Option<Ssh> {
    let command = generated.command.as_str();
    let function = generated.generator.custom.as_ref()?;
    if !matches!(command, "ssh" | "scp" | "sftp" | "rsync" | "mosh") || function.module != command {
        return None;
    }
    if generated.generator.native_paths.is_some() {
        return None;
    }
    let from = match &generated.generator.trigger {
        Some(Trigger::String(at)) if at == "@" => From::Known,
        None => From::Config,
        Some(_) => return None,
    };
    let user = generated.token.rfind('@').map_or("", |at| &generated.token[..=at]).to_owned();
    Some(Ssh { from, user, colon: matches!(command, "scp" | "rsync") })
}

/// The hosts of a user.
pub(super) fn drafts(ssh: &Ssh, home: &Path) -> Vec<Draft> {
    let hosts = match ssh.from {
        From::Config => configured(home),
        From::Known => known(&read::text(&home.join(".ssh/known_hosts")).unwrap_or_default()),
    };
    let mut seen = HashSet::new();
    let hosts = hosts.into_iter().filter(|host| seen.insert(host.clone())).take(MAX_HOSTS);
    let priority = (ssh.from == From::Config).then_some(CONFIGURED);
    hosts.map(|host| draft(ssh, &host, priority)).collect()
}

fn draft(ssh: &Ssh, host: &str, priority: Option<f64>) -> Draft {
    let draft = Draft { priority, ..row(&[&ssh.user, host].concat(), "SSH host") };
    match ssh.colon {
        true => Draft { insert: Insert::NameThen(":".into()), space: false, ..draft },
        false => draft,
    }
}

/// The names that `Host` lines give, without patterns.
fn configured(home: &Path) -> Vec<String> {
    let mut hosts = Vec::new();
    let mut waiting = vec![home.join(".ssh/config")];
    let mut files = 0;
    while let Some(file) = waiting.pop() {
        files += 1;
        if files > MAX_FILES {
            break;
        }
        for line in read::text(&file).unwrap_or_default().lines() {
            let (keyword, values) = keyword(line);
            if keyword.eq_ignore_ascii_case("include") {
                waiting.extend(values.flat_map(|value| included(&value, home)));
            } else if keyword.eq_ignore_ascii_case("host") {
                hosts.extend(values.filter(|host| is_host(host)));
            }
        }
    }
    hosts
}

/// The keyword of a line, and its values without their quotes.
fn keyword(line: &str) -> (&str, impl Iterator<Item = String>) {
    let line = line.trim();
    let end = line.find([' ', '\t', '=']).unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    (keyword, values(rest.trim_start_matches([' ', '\t', '='])).into_iter())
}

fn values(text: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let (mut quoted, mut inside) = (false, false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '#' if !inside && !quoted => break,
            ' ' | '\t' if !quoted => inside = false,
            c => match (inside, values.last_mut()) {
                (true, Some(value)) => value.push(c),
                _ => {
                    values.push(c.to_string());
                    inside = true;
                }
            },
        }
    }
    values
}

/// The files that an `Include` names: relative to `~/.ssh`, a `*` in the last part stands for what is there.
fn included(value: &str, home: &Path) -> Vec<PathBuf> {
    let path = match value.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => home.join(".ssh").join(value),
    };
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let Some((before, after)) = name.split_once('*') else { return vec![path] };
    let fits = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !name.starts_with('.')
            && name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after)
    };
    let mut files: Vec<PathBuf> = read::entries(dir, MAX_FILES * 4).into_iter().filter(fits).collect();
    // Read from the end.
    files.sort_by(|a, b| b.cmp(a));
    files
}

/// The names in a file of known hosts; hashed ones cannot be known.
fn known(text: &str) -> Vec<String> {
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '|', '@']));
    let hosts = lines.filter_map(|line| line.split_whitespace().next()).flat_map(|hosts| hosts.split(','));
    let names = hosts.map(|host| match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host,
    });
    names.filter(|name| is_host(name)).map(str::to_owned).collect()
}

/// Whether a name is that of one host, and would not be read as an option.
fn is_host(name: &str) -> bool {
    !name.is_empty() && !name.contains(['*', '?', '!', '|']) && !name.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(config: &str) -> String {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".ssh/d")).unwrap();
        fs::write(home.path().join(".ssh/config"), config).unwrap();
        fs::write(home.path().join(".ssh/d/a.conf"), "Host inner\nInclude ~/.ssh/config").unwrap();
        fs::write(home.path().join(".ssh/d/b.txt"), "Host other").unwrap();
        let ssh = Ssh { from: From::Config, user: "u@".into(), colon: false };
        drafts(&ssh, home.path()).iter().map(|draft| draft.names[0].as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn hosts_of_the_configuration_are_names() {
        for (config, expected) in [
            ("Host a b\n  HostName x\nhost=c", "u@a u@b u@c"),
            ("Host *.example.com !x y? d # said", "u@d"),
            ("Host \"with space\" e", "u@with space u@e"),
            ("Include d/*.conf\nHost a", "u@a u@inner"),
            ("Include d/b.txt", "u@other"),
            ("Include /dev/zero missing ~/.ssh", ""),
            ("Match host x exec \"touch canary\"\nHost -bad", ""),
            ("", ""),
        ] {
            assert_eq!(names(config), expected, "{config:?}");
        }
    }

    #[test]
    fn known_hosts_are_those_that_can_be_read() {
        let text = "a.example.com,10.0.0.1 ssh-rsa AAAA\n[b.example.com]:2222 ssh-rsa AAAA\n|1|abc= ssh-rsa AAAA\n\
                    @revoked c ssh-rsa AAAA\n# d\n*.e ssh-rsa AAAA\n-oProxyCommand=x ssh-rsa AAAA\n\n";
        assert_eq!(known(text), ["a.example.com", "10.0.0.1", "b.example.com"]);
    }
}
