//! Packages, targets, features and dependencies of a cargo workspace, out of its manifests: cargo would run what its
//! configuration says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use specs::model::{Generator, Script};

use super::toml::{Table, Value, tables};
use super::{read, row};
use crate::candidates::Draft;
use crate::slow::Generated;

/// Most packages of one workspace that are read.
const MAX_PACKAGES: usize = 500;

/// Most entries of a directory that are looked at for targets, or for members of a workspace.
const MAX_ENTRIES: usize = 2_000;

/// What is wanted of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cargo {
    /// Its packages.
    Packages,
    /// Targets of one kind, in all packages.
    Targets(Kind),
    /// Features of the package that we are in.
    Features,
    /// Everything in the lock file.
    Locked,
    /// What its packages depend on.
    Dependencies,
}

/// A kind of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Programs.
    Bin,
    /// Examples.
    Example,
    /// Tests.
    Test,
    /// Benchmarks.
    Bench,
}

impl Kind {
    /// The name of its tables.
    fn table(self) -> &'static str {
        match self {
            Kind::Bin => "bin",
            Kind::Example => "example",
            Kind::Test => "test",
            Kind::Bench => "bench",
        }
    }

    /// Where such targets are found without being named.
    fn folder(self) -> &'static str {
        match self {
            Kind::Bin => "src/bin",
            Kind::Example => "examples",
            Kind::Test => "tests",
            Kind::Bench => "benches",
        }
    }

    /// The key that switches that off.
    fn switch(self) -> &'static str {
        match self {
            Kind::Bin => "autobins",
            Kind::Example => "autoexamples",
            Kind::Test => "autotests",
            Kind::Bench => "autobenches",
        }
    }
}

/// What a generator of the cargo spec asks.
pub(super) fn wanted(generated: &Generated) -> Option<Cargo> {
    if generated.command != "cargo" || is_elsewhere(&generated.words) {
        return None;
    }
    match &generated.generator {
        Generator { script: Some(Script::Argv(argv)), post_process: Some(post), .. }
            if post.module == "cargo" =>
        {
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            match argv[..] {
                ["cargo", "metadata", "--format-version", "1", "--no-deps"] => Some(Cargo::Packages),
                ["cargo", "metadata", "--format-version", "1"] if has(generated, &["remove", "rm"]) => {
                    Some(Cargo::Dependencies)
                }
                ["cargo", "metadata", "--format-version", "1"] => Some(Cargo::Locked),
                ["cargo", "read-manifest"] => Some(Cargo::Features),
                _ => None,
            }
        }
        Generator { custom: Some(function), native_paths: None, .. } if function.module == "cargo" => {
            targets(&generated.words).map(Cargo::Targets)
        }
        _ => None,
    }
}

fn has(generated: &Generated, words: &[&str]) -> bool {
    generated.words.iter().any(|word| words.contains(&word.as_str()))
}

/// Whether the command is told of another manifest than the one here.
fn is_elsewhere(words: &[String]) -> bool {
    words.iter().any(|word| word.starts_with("--manifest-path") || word == "-C")
}

/// The kind of targets whose names follow these words, if the last option takes some.
fn targets(words: &[String]) -> Option<Kind> {
    match words.iter().rev().find(|word| word.starts_with('-'))?.as_str() {
        "--bin" => Some(Kind::Bin),
        "--example" => Some(Kind::Example),
        "--test" => Some(Kind::Test),
        "--bench" => Some(Kind::Bench),
        _ => None,
    }
}

/// The rows for a directory.
pub(super) fn drafts(cargo: Cargo, cwd: &Path) -> Vec<Draft> {
    let Some(here) = read::up(cwd, &["Cargo.toml"]).and_then(Package::read) else { return Vec::new() };
    if cargo == Cargo::Features {
        return here.features();
    }
    let workspace = Workspace::around(here);
    let rows = match cargo {
        Cargo::Packages | Cargo::Features => {
            workspace.packages.iter().filter_map(|package| package.row(&workspace)).collect()
        }
        Cargo::Targets(kind) => {
            workspace.packages.iter().flat_map(|package| package.targets(kind, cwd)).collect()
        }
        Cargo::Dependencies => workspace.packages.iter().flat_map(Package::dependencies).collect(),
        Cargo::Locked => locked(&workspace.root),
    };
    unique(rows)
}

/// Of rows with the same name only the first.
fn unique(rows: Vec<Draft>) -> Vec<Draft> {
    let mut seen = BTreeSet::new();
    rows.into_iter().filter(|row| seen.insert(row.names[0].clone())).collect()
}

/// The packages that belong together.
struct Workspace {
    root: PathBuf,
    packages: Vec<Package>,
    /// What packages may take over: `version.workspace = true`.
    shared: Option<Table>,
}

impl Workspace {
    /// The workspace that a package belongs to: that of the nearest manifest up from it that has one.
    fn around(here: Package) -> Workspace {
        let above = here.dir.parent().into_iter().flat_map(Path::ancestors).take(16);
        let root = match here.table(&["workspace"]) {
            Some(_) => here,
            None => above
                .filter_map(Package::read)
                .find(|package| package.table(&["workspace"]).is_some())
                .filter(|root| root.member_dirs().contains(&here.dir))
                .unwrap_or(here),
        };
        let shared = root.table(&["workspace", "package"]).cloned();
        let dirs = root.member_dirs();
        let path = root.dir.clone();
        let members = dirs.iter().filter(|dir| **dir != path).filter_map(|dir| Package::read(dir));
        let packages = std::iter::once(root.clone()).chain(members).take(MAX_PACKAGES).collect();
        Workspace { root: path, packages, shared }
    }
}

/// A manifest, and where it is.
#[derive(Clone, Debug)]
struct Package {
    dir: PathBuf,
    tables: Vec<Table>,
}

impl Package {
    fn read(dir: &Path) -> Option<Package> {
        let text = read::text(&dir.join("Cargo.toml"))?;
        Some(Package { dir: dir.to_owned(), tables: tables(&text) })
    }

    fn table(&self, name: &[&str]) -> Option<&Table> {
        self.tables.iter().find(|table| table.is(name))
    }

    fn key(&self, key: &str) -> Option<&Value> {
        self.table(&["package"])?.get(key)
    }

    fn name(&self) -> Option<&str> {
        self.key("name")?.text()
    }

    /// Where the packages of this workspace are: its members, and what its own manifest depends on by path.
    fn member_dirs(&self) -> Vec<PathBuf> {
        let Some(workspace) = self.table(&["workspace"]) else { return vec![self.dir.clone()] };
        let of = |key: &str| workspace.get(key).map(Value::list).unwrap_or_default();
        let excluded: Vec<PathBuf> = of("exclude").iter().map(|dir| self.dir.join(dir)).collect();
        let listed = of("members").iter().flat_map(|member| expanded(&self.dir, member));
        let paths =
            self.depends().filter_map(|(_, value)| value.get("path")?.text()).map(|path| self.dir.join(path));
        let own = std::iter::once(self.dir.clone());
        let mut dirs: Vec<PathBuf> =
            own.chain(listed).chain(paths.filter(|dir| dir.starts_with(&self.dir))).collect();
        dirs.retain(|dir| !excluded.contains(dir));
        dirs.dedup();
        dirs.truncate(MAX_PACKAGES);
        dirs
    }

    /// Dependencies of all kinds and platforms, and what is said of them.
    fn depends(&self) -> impl Iterator<Item = (&str, &Value)> {
        let is = |table: &&Table| {
            let last = table.name.last().map_or("", String::as_str);
            matches!(last, "dependencies" | "dev-dependencies" | "build-dependencies")
        };
        self.tables
            .iter()
            .filter(is)
            .flat_map(|table| &table.keys)
            .map(|(name, value)| (name.as_str(), value))
    }

    fn row(&self, workspace: &Workspace) -> Option<Draft> {
        let text = |key: &str| {
            let shared = || workspace.shared.as_ref()?.get(key)?.text();
            self.key(key).and_then(Value::text).or_else(shared).unwrap_or_default()
        };
        let (version, description) = (text("version"), text("description"));
        let said = [version, description]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" - ");
        Some(Draft { icon: Some("📦".into()), ..row(self.name()?, &said) })
    }

    /// Its targets of a kind, with where each is.
    fn targets(&self, kind: Kind, cwd: &Path) -> Vec<Draft> {
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for table in self.tables.iter().filter(|table| table.is(&[kind.table()])) {
            let Some(name) = table.get("name").and_then(Value::text) else { continue };
            let path =
                table.get("path").and_then(Value::text).map_or_else(PathBuf::new, |path| self.dir.join(path));
            found.push((name.to_owned(), path));
        }
        let is_automatic = self.key(kind.switch()) != Some(&Value::Word("false".into()));
        let main = self.dir.join("src/main.rs");
        if let (Kind::Bin, Some(name), true) = (kind, self.name(), is_automatic && main.is_file()) {
            found.push((name.to_owned(), main));
        }
        if is_automatic && self.name().is_some() {
            found.extend(self.discovered(kind));
        }
        let mut paths = BTreeSet::new();
        // A target that is named may be one that is also found.
        found.retain(|(_, path)| path.as_os_str().is_empty() || paths.insert(path.clone()));
        let shown = |path: &Path| path.strip_prefix(cwd).unwrap_or(path).display().to_string();
        found
            .iter()
            .map(|(name, path)| Draft { icon: Some("🎯".into()), ..row(name, &shown(path)) })
            .collect()
    }

    /// `examples/x.rs` and `examples/x/main.rs`.
    fn discovered(&self, kind: Kind) -> Vec<(String, PathBuf)> {
        let mut files = read::entries(&self.dir.join(kind.folder()), MAX_ENTRIES);
        files.sort();
        let target = |file: PathBuf| {
            let main = file.join("main.rs");
            let is_source = file.extension().is_some_and(|end| end == "rs");
            let name = if is_source { file.file_stem() } else { file.file_name() }?.to_str()?.to_owned();
            match is_source {
                true => Some((name, file)),
                false => main.is_file().then_some((name, main)),
            }
        };
        files.into_iter().filter_map(target).collect()
    }

    /// Its features, and optional dependencies that are features of themselves.
    fn features(&self) -> Vec<Draft> {
        let keys = self.table(&["features"]).map(|table| &table.keys[..]).unwrap_or_default();
        let row = |name: &str, of: &str| Draft {
            icon: Some("🎚".into()),
            ..row(name, &format!("Features: [{of}]"))
        };
        let mut rows: Vec<Draft> =
            keys.iter().map(|(name, value)| row(name, &value.list().join(", "))).collect();
        let used: BTreeSet<&str> = keys
            .iter()
            .flat_map(|(_, value)| value.list())
            .filter_map(|feature| feature.strip_prefix("dep:"))
            .collect();
        for name in self.optional() {
            if !used.contains(name) {
                rows.push(row(name, &format!("dep:{name}")));
            }
        }
        unique(rows)
    }

    fn optional(&self) -> Vec<&str> {
        let yes = Some(&Value::Word("true".to_owned()));
        let inline = self.depends().filter(|(_, value)| value.get("optional") == yes).map(|(name, _)| name);
        let tables = self.tables.iter().filter(|table| table.get("optional") == yes).filter_map(|table| {
            let [.., kind, name] = &table.name[..] else { return None };
            (kind == "dependencies").then_some(name.as_str())
        });
        inline.chain(tables).collect()
    }

    fn dependencies(&self) -> Vec<Draft> {
        let version = |value: &Value| {
            let text = value.text().or_else(|| value.get("version")?.text()).unwrap_or("*");
            if text.starts_with(|c: char| c.is_ascii_digit()) { format!("^{text}") } else { text.to_owned() }
        };
        let plain = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
        let inline = self.depends().map(|(name, value)| row(&plain(name), &version(value)));
        let tables = self.tables.iter().filter_map(|table| {
            let [.., kind, name] = &table.name[..] else { return None };
            kind.ends_with("dependencies")
                .then(|| row(name, table.get("version").and_then(Value::text).unwrap_or("*")))
        });
        inline.chain(tables).collect()
    }
}

/// The directories that a member of a workspace names; a `*` stands for one level.
fn expanded(root: &Path, member: &str) -> Vec<PathBuf> {
    let mut dirs = vec![root.to_owned()];
    for part in member.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let next = |dir: PathBuf| match part.split_once('*') {
            None => vec![dir.join(part)],
            Some((before, after)) => {
                let fits = |file: &PathBuf| {
                    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                    name.starts_with(before) && name.ends_with(after) && file.join("Cargo.toml").is_file()
                };
                let mut found: Vec<PathBuf> =
                    read::entries(&dir, MAX_ENTRIES).into_iter().filter(fits).collect();
                found.sort();
                found
            }
        };
        dirs = dirs.into_iter().flat_map(next).take(MAX_PACKAGES).collect();
    }
    dirs
}

/// The packages of a lock file.
fn locked(root: &Path) -> Vec<Draft> {
    let text = read::text(&root.join("Cargo.lock")).unwrap_or_default();
    let packages = tables(&text).into_iter().filter(|table| table.is(&["package"]));
    let text = |table: &Table, key: &str| table.get(key).and_then(Value::text).unwrap_or_default().to_owned();
    packages
        .map(|table| row(&text(&table, "name"), &text(&table, "version")))
        .filter(|row| !row.names[0].is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn workspace() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\", \"tool\"]\nexclude = [\"crates/out\"]\n[workspace.package]\nversion = \"1.2.0\"\n\
             [package]\nname = \"top\"\nversion.workspace = true\ndescription = \"The top\"\n\
             [dependencies]\nserde = { version = \"1\", optional = true }\nlog = \"0.4\"\nregex = { version = \"1\", optional = true }\n\
             [features]\ndefault = [\"std\", \"dep:regex\"]\nstd = []\n[[bin]]\nname = \"named\"\npath = \"src/main.rs\"\n",
        );
        write("src/main.rs", "");
        write(
            "crates/a/Cargo.toml",
            "[package]\nname = 'a'\nversion = '0.1.0'\n[dev-dependencies]\ntempfile = '3'\n",
        );
        write("crates/a/src/bin/one.rs", "");
        write("crates/a/src/bin/two/main.rs", "");
        write("crates/a/src/bin/two/other.rs", "");
        write("crates/a/tests/it.rs", "");
        write("crates/a/tests/common/mod.rs", "");
        write("crates/a/.cargo/config.toml", "[build]\nrustc-wrapper = 'touch'\n");
        write("crates/out/Cargo.toml", "[package]\nname = 'out'\n");
        write("tool/Cargo.toml", "[package]\nname = 'tool'\nautobins = false\n");
        write("tool/src/main.rs", "");
        write("Cargo.lock", "version = 4\n[[package]]\nname = \"log\"\nversion = \"0.4.1\"\n");
        dir
    }

    #[test]
    fn a_workspace_is_read_from_its_manifests() {
        let dir = workspace();
        let rows = |cargo, at: &str| {
            let rows = drafts(cargo, &dir.path().join(at));
            rows.iter().map(|draft| draft.names[0].clone()).collect::<Vec<_>>().join(" ")
        };
        for at in ["", "crates/a", "crates/a/src/bin"] {
            assert_eq!(rows(Cargo::Packages, at), "top a tool", "{at}");
            assert_eq!(rows(Cargo::Targets(Kind::Bin), at), "named one two", "{at}");
        }
        assert_eq!(rows(Cargo::Targets(Kind::Test), ""), "it");
        assert_eq!(rows(Cargo::Targets(Kind::Bench), ""), "");
        assert_eq!(rows(Cargo::Features, ""), "default std serde");
        assert_eq!(rows(Cargo::Features, "crates/a"), "");
        assert_eq!(rows(Cargo::Locked, "tool"), "log");
        assert_eq!(rows(Cargo::Dependencies, ""), "serde log regex tempfile");
        assert_eq!(rows(Cargo::Packages, "crates/out"), "out");
        let said = drafts(Cargo::Packages, dir.path())[0].description.clone();
        assert_eq!(said.as_deref(), Some("1.2.0 - The top"));
    }

    #[test]
    fn the_last_option_says_which_targets() {
        let of = |line: &str| targets(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("cargo run --bin"), Some(Kind::Bin));
        assert_eq!(of("cargo test --test one two"), Some(Kind::Test));
        assert_eq!(of("cargo test --test one --release"), None);
        assert_eq!(of("cargo add"), None);
    }
}
