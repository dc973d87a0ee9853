//! Scripts, dependencies and workspaces of a `package.json`, which is read and never run.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use specs::model::{Generator, Script};

use super::{read, row};
use crate::candidates::Draft;
use crate::slow::Generated;

/// What is wanted of the nearest `package.json`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// What can be run.
    Scripts,
    /// What it depends on, without these.
    Dependencies(Vec<String>),
    /// Where its other packages are.
    Workspaces,
}

/// The commands whose specs read a `package.json`.
const COMMANDS: &[&str] = &["npm", "pnpm", "yarn", "bun", "ni", "nr", "rushx"];

/// The script with which specs read it.
const SCRIPT: &str = "until [[ -f package.json ]] || [[ $PWD = '/' ]]; do cd ..; done; cat package.json";

/// The subcommands behind which a package that is there is named.
const OF_DEPENDENCIES: &[&str] = &[
    "uninstall",
    "remove",
    "rm",
    "r",
    "un",
    "unlink",
    "explore",
    "update",
    "up",
    "upgrade",
    "rebuild",
    "why",
    "link",
    "exec",
];

/// What a generator asks of a `package.json`.
pub(super) fn wanted(generated: &Generated) -> Option<Node> {
    if !COMMANDS.contains(&generated.command.as_str()) {
        return None;
    }
    let is_script = asks(&generated.generator);
    let words = &generated.words;
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    if is_script {
        return Some(match has(OF_DEPENDENCIES) {
            true => Node::Dependencies(words.clone()),
            false => Node::Scripts,
        });
    }
    let function = generated.generator.custom.as_ref()?;
    if generated.command != "npm" || function.module != "npm" {
        return None;
    }
    match words.last().map(String::as_str) {
        Some("-w" | "--workspace") => Some(Node::Workspaces),
        _ if has(&["-g", "--global"]) => None,
        _ if has(&["uninstall", "remove", "rm", "r", "un", "unlink", "explore"]) => {
            Some(Node::Dependencies(words.clone()))
        }
        _ => None,
    }
}

/// Whether a generator reads the nearest `package.json` and looks at it itself.
fn asks(generator: &Generator) -> bool {
    let (Some(Script::Argv(argv)), Some(post)) = (&generator.script, &generator.post_process) else {
        return false;
    };
    COMMANDS.contains(&post.module.as_str())
        && matches!(&argv[..], [bash, c, script] if bash == "bash" && c == "-c" && script == SCRIPT)
}

/// The rows for a directory.
pub(super) fn drafts(node: &Node, cwd: &Path) -> Vec<Draft> {
    let Some(package) = package(cwd) else { return Vec::new() };
    match node {
        Node::Scripts => scripts(&package),
        Node::Dependencies(words) => dependencies(&package, words),
        Node::Workspaces => workspaces(&package),
    }
}

/// What we read of a `package.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Package {
    scripts: Pairs,
    dependencies: Pairs,
    dev_dependencies: Pairs,
    optional_dependencies: Pairs,
    workspaces: Value,
}

/// The nearest `package.json`.
fn package(cwd: &Path) -> Option<Package> {
    let dir = read::up(cwd, &["package.json"])?;
    serde_json::from_str(&read::text(&dir.join("package.json"))?).ok()
}

fn scripts(package: &Package) -> Vec<Draft> {
    let row = |(name, script): &(String, String)| Draft { priority: Some(51.0), ..row(name, script) };
    package.scripts.0.iter().map(row).collect()
}

fn dependencies(package: &Package, words: &[String]) -> Vec<Draft> {
    let kinds = [
        (&package.dependencies, "dependency"),
        (&package.dev_dependencies, "devDependency"),
        (&package.optional_dependencies, "optionalDependency"),
    ];
    let mut seen = HashSet::new();
    let all = kinds.into_iter().flat_map(|(pairs, kind)| pairs.0.iter().map(move |(name, _)| (name, kind)));
    let missing = all.filter(|(name, _)| !words.contains(name) && seen.insert(*name));
    missing.map(|(name, kind)| Draft { icon: Some("📦".into()), ..row(name, kind) }).collect()
}

/// The workspaces as they are named: paths, or patterns of paths.
fn workspaces(package: &Package) -> Vec<Draft> {
    let all = &package.workspaces;
    let list = all.as_array().or_else(|| all.get("packages")?.as_array());
    list.into_iter().flatten().filter_map(Value::as_str).map(|name| row(name, "Workspaces")).collect()
}

/// The keys of an object in their order, with the texts among its values.
#[derive(Debug, Default)]
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        deserializer.deserialize_any(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if !name.is_empty() {
                pairs.push((name, value.as_str().unwrap_or_default().to_owned()));
            }
        }
        Ok(Pairs(pairs))
    }
}

/// What `npm prefix` prints in a directory: the nearest one that has a `package.json` or modules, or the directory
/// itself.
pub(super) fn prefix(cwd: &Path) -> &Path {
    read::up(cwd, &["package.json", "node_modules"]).unwrap_or(cwd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(package: &str, node: &Node) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("package.json"), package).unwrap();
        drafts(node, &dir.path().join("a/b")).into_iter().map(|draft| draft.names[0].clone()).collect()
    }

    #[test]
    fn the_nearest_package_is_read() {
        let package = r#"{"scripts": {"test": "touch canary", "a b": 3, "": "x"}, "dependencies": {"x": "1"},
            "devDependencies": {"y": "1"}, "workspaces": ["packages/*", 3]}"#;
        assert_eq!(names(package, &Node::Scripts), ["test", "a b"]);
        assert_eq!(names(package, &Node::Dependencies(vec!["x".into()])), ["y"]);
        assert_eq!(names(package, &Node::Workspaces), ["packages/*"]);
        assert_eq!(names(r#"{"workspaces": {"packages": ["p"]}}"#, &Node::Workspaces), ["p"]);
    }

    #[test]
    fn rubbish_is_nothing() {
        for package in ["", "[]", "{", "{\"scripts\": 3}", "{\"scripts\": [\"a\"]}", "null"] {
            assert_eq!(names(package, &Node::Scripts), Vec::<String>::new(), "{package}");
        }
    }
}
