//! The README names files of this repository: each of them is there.

use std::{fs, path::Path};

/// Top-level folders, by which a path is recognised.
const FOLDERS: [&str; 6] = ["daemon/", "qterm/", "specs/", "shell/", "install/", "tests/"];

#[test]
fn every_file_that_it_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    // What stands between backticks is every second part.
    let quoted = text.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .map(|code| code.trim_start_matches("./").split_whitespace().next().unwrap_or_default())
        .filter(|code| FOLDERS.iter().any(|folder| code.starts_with(folder)))
        .collect();
    assert!(paths.len() > 30, "the paths are found: {paths:?}");
    let missing: Vec<&&str> = paths.iter().filter(|path| !root.join(path).exists()).collect();
    assert!(missing.is_empty(), "not in the repository: {missing:?}");
}
