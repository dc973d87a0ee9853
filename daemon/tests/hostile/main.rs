//! Folders that would like to run something while someone types in them: whatever is typed, nothing of theirs runs.
//!
//! The real daemon with the real archive, in folders made for it. Each has in it whatever tools obey, and every program
//! that could obey it is played by one that leaves a mark: a canary. The test types the places of all generators of the
//! commands that people use. It needs the archive, as the cases do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod daemon;
mod folders;
mod lines;

use std::path::Path;

use daemon::{Home, ask};
use protocol::{Action, Answer, Candidate, Kind, ToDaemon, TrustFolder};

/// Types lines in a folder; each must be answered to the end.
fn type_all(home: &Home, folder: &Path, lines: &[String]) {
    let mut client = home.client(folder);
    for (generation, line) in lines.iter().enumerate() {
        client.complete(ask(generation as u64 + 1, line));
        assert_eq!(home.canaries(), "", "{line:?} in {}", folder.display());
    }
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.candidates.iter().map(|row| row.name.as_str()).collect()
}

/// The row that asks for trust.
fn trust_row(answer: &Answer) -> Option<&Candidate> {
    answer.candidates.iter().find(|row| row.action.is_some())
}

#[test]
fn nothing_of_a_folder_runs_whatever_is_typed() {
    let home = Home::new();
    let folder = folders::project(&home);
    let lines = lines::of_generators(&home.archive());
    assert!(lines.len() > 400, "only {} lines", lines.len());
    let parts: Vec<&[String]> = lines.chunks(lines.len().div_ceil(4)).collect();
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(|| type_all(&home, &folder, part));
        }
    });
}

#[test]
fn git_runs_nothing_that_a_repository_says() {
    let home = Home::new();
    let lines = lines::of_git();
    for folder in folders::repositories(&home) {
        type_all(&home, &folder, &lines);
        let mut client = home.client(&folder);
        match folder.ends_with("bare") {
            // A bare repository that lies in a folder is not read at all.
            true => assert!(!names(&client.complete(ask(1, "git checkout "))).contains(&"main")),
            false => client.complete_until("git checkout ", &["hostile;$(evil)", "main"]),
        }
        assert_eq!(home.canaries(), "");
    }
}

#[test]
fn the_traps_would_work() {
    for arguments in [&["status"][..], &["diff"], &["log", "--oneline"], &["st"], &["ls-files", "-m"]] {
        let home = Home::new();
        let folder = &folders::repositories(&home)[0];
        folders::git_unprotected(folder, arguments);
        assert!(home.canaries().contains("git"), "git {arguments:?} runs nothing in {}", folder.display());
    }
}

#[test]
fn what_needs_no_trust_is_there_without() {
    let home = Home::new();
    let folder = folders::project(&home);
    for (line, expected) in [
        ("make ", "target"),
        ("npm run ", "script"),
        ("yarn run ", "script"),
        ("npm uninstall ", "dependency"),
        // A function asks npm where it is.
        ("pnpm remove ", "dependency"),
        ("npm install -w ", "workspace"),
        ("npm view -w ", "workspace"),
        ("cargo run --bin ", "binary"),
        ("cargo build -p ", "package"),
        ("cargo build --features ", "feature"),
        ("ssh ", "host.of.config"),
        ("git add ", "changed file"),
    ] {
        let mut client = home.client(&folder);
        client.complete_until(line, &[expected]);
        assert_eq!(trust_row(&client.complete(ask(1, line))), None, "{line:?}");
        assert_eq!(home.canaries(), "", "{line:?}");
    }
}

#[test]
fn trust_is_asked_for_at_the_end_and_taken_back() {
    let home = Home::new();
    let folder = folders::project(&home);
    let mut client = home.client(&folder);
    let answer = client.complete(ask(1, "rake "));
    let row = answer.candidates.last().unwrap().clone();
    assert_eq!(trust_row(&answer), Some(&row));
    assert_eq!((row.kind, row.source.as_str(), &*row.edit.text), (Kind::Special, "trust", ""));
    assert_eq!(answer.ghost, None);
    assert!(row.display.contains("rake") && row.description.unwrap().contains(folder.to_str().unwrap()));
    assert_eq!(home.canaries(), "");
    let Some(Action::Trust(trusted)) = row.action else { panic!("no action") };
    let wanted = |revoke| TrustFolder { folder: trusted.clone(), revoke, anyway: true };
    client.send(&[ToDaemon::Trust(wanted(false))]);
    assert!(client.trust().changed);
    client.complete_until("rake ", &["of-rake"]);
    assert_eq!(trust_row(&client.complete(ask(2, "rake "))), None);
    assert!(home.canaries().contains("rake"), "the canary sings");
    // Below it too, but not beside it.
    std::fs::create_dir(folder.join("below")).unwrap();
    let below = home.client(&folder.join("below")).complete(ask(3, "rake "));
    assert_eq!(trust_row(&below), None);
    std::fs::create_dir(home.at("home/beside")).unwrap();
    let beside = home.client(&home.at("home/beside")).complete(ask(3, "rake "));
    assert!(trust_row(&beside).is_some());
    // All of a home is never trusted.
    let above = home.client(&home.at("home")).complete(ask(3, "rake "));
    assert_eq!(trust_row(&above), None);
    client.send(&[ToDaemon::Trust(wanted(true))]);
    assert!(client.trust().changed);
    assert!(trust_row(&client.complete(ask(4, "rake "))).is_some());
}

#[test]
fn trust_is_asked_for_where_it_is_missed() {
    let home = Home::new();
    let folder = folders::project(&home);
    let mut client = home.client(&folder);
    for (line, asks) in [
        ("rake ", true),
        ("mask ", false),
        ("php artisan ", true),
        // What cargo has beside its own commands is not missed.
        ("cargo ", false),
        ("cargo build ", false),
        ("cargo --", false),
        // It needs no trust.
        ("git checkout ", false),
        ("npm run ", false),
        // It needs the network.
        ("aws s3api delete-bucket --bucket ", false),
    ] {
        let answer = client.complete(ask(1, line));
        assert_eq!(trust_row(&answer).is_some(), asks, "{line:?}: {:?}", names(&answer));
    }
    assert_eq!(home.canaries(), "");
}

#[test]
fn a_link_to_a_trusted_folder_is_no_way_out_of_it() {
    let home = Home::new();
    let folder = folders::project(&home);
    let (trusted, link) = (home.at("trusted"), home.at("link"));
    std::fs::create_dir(&trusted).unwrap();
    std::os::unix::fs::symlink(&folder, trusted.join("link")).unwrap();
    std::os::unix::fs::symlink(&trusted, &link).unwrap();
    let mut client = home.client(&trusted.join("link"));
    let wanted = TrustFolder { folder: link.to_str().unwrap().into(), revoke: false, anyway: true };
    client.send(&[ToDaemon::Trust(wanted)]);
    assert_eq!(Path::new(&client.trust().folder), trusted.canonicalize().unwrap());
    assert!(trust_row(&client.complete(ask(1, "rake "))).is_some(), "it is elsewhere");
    assert_eq!(home.canaries(), "");
    assert_eq!(trust_row(&home.client(&link).complete(ask(1, "rake "))), None, "it is the trusted one");
}

#[test]
fn what_is_not_installed_is_not_asked_for() {
    let home = Home::new();
    let folder = folders::project(&home);
    std::fs::remove_file(home.at("bin/rake")).unwrap();
    let answer = home.client(&folder).complete(ask(1, "rake "));
    assert_eq!(trust_row(&answer), None);
}
