//! The real corpus, as it was compiled: everything is there, and it fits.
//!
//! Reads the archive that `$Q_ARCHIVE` names, else `target/q/specs.qa` of the workspace.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::path::{Path, PathBuf};

use specs::archive::{Archive, Totals};
use specs::model::{Arg, LoadSpec, NativePaths, Opt, Subcommand};

/// The most that an archive may take on a user's disk, in bytes.
const MAX_SIZE: u64 = 10 << 20;

fn path() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/q/specs.qa");
    env::var_os("Q_ARCHIVE").map_or(built, PathBuf::from)
}

fn archive() -> Archive {
    let path = path();
    Archive::open(&path).unwrap_or_else(|error| {
        panic!("{}: {error}\nbuild it with: cargo specc build --out target/q/specs.qa", path.display())
    })
}

/// The tree of a module.
fn tree(archive: &Archive, name: &str) -> Subcommand {
    archive.spec(name).unwrap().unwrap_or_else(|| panic!("there is no {name}")).root
}

fn child<'t>(tree: &'t Subcommand, name: &str) -> &'t Subcommand {
    tree.subcommands.iter().find(|child| child.names.iter().any(|one| one == name)).unwrap()
}

/// What is left of the totals after bad data was dropped, counted in the decoded trees.
#[derive(Debug, Default, PartialEq)]
struct Kept {
    subcommands: u64,
    options: u64,
    args: u64,
    suggestions: u64,
    generators: u64,
    functions: u64,
    native_paths: u64,
    load_modules: u64,
}

impl Kept {
    fn subcommand(&mut self, node: &Subcommand) {
        self.subcommands += 1;
        self.suggestions += node.additional_suggestions.len() as u64;
        self.functions += u64::from(node.generate_spec.is_some());
        self.load(&node.load_spec);
        node.options.iter().for_each(|child| self.option(child));
        node.args.iter().for_each(|child| self.arg(child));
        node.subcommands.iter().for_each(|child| self.subcommand(child));
    }

    fn option(&mut self, node: &Opt) {
        self.options += 1;
        node.args.iter().for_each(|child| self.arg(child));
    }

    fn arg(&mut self, node: &Arg) {
        self.args += 1;
        self.suggestions += node.suggestions.len() as u64;
        self.generators += node.generators.len() as u64;
        self.functions += u64::from(matches!(node.alias, Some(specs::model::Alias::Function(_))));
        self.load(&node.load_spec);
        for generator in &node.generators {
            let uses = [
                generator.custom.is_some(),
                generator.post_process.is_some(),
                generator.filter_template.is_some(),
                matches!(generator.script, Some(specs::model::Script::Function(_))),
                matches!(generator.trigger, Some(specs::model::Trigger::Function(_))),
                matches!(generator.query_term, Some(specs::model::QueryTerm::Function(_))),
            ];
            self.functions += uses.iter().filter(|used| **used).count() as u64;
            self.native_paths += u64::from(generator.native_paths.is_some());
        }
    }

    fn load(&mut self, load: &Option<LoadSpec>) {
        match load {
            Some(LoadSpec::Inline(inner)) => self.subcommand(inner),
            Some(LoadSpec::Module(_)) => self.load_modules += 1,
            Some(LoadSpec::Function(_)) => self.functions += 1,
            None => {}
        }
    }
}

#[test]
fn the_whole_corpus_is_compiled() {
    let archive = archive();
    assert_eq!(archive.info().corpus, "@withfig/autocomplete 2.692.3");
    let expected = Totals {
        modules: 1_484,
        // 1,472 trees and 6 choices of versions; of the other six, three export nothing by default, two an empty
        // object, and one a list of regions.
        specs: 1_478,
        scripts: 316,
        commands: 727,
        subcommands: 52_290,
        options: 282_848,
        args: 235_242,
        suggestions: 123_500,
        generators: 5_094,
        diffs: 856,
        function_slots: 7_752,
        functions: 1_509,
    };
    assert_eq!(archive.info().totals, expected);
    assert_eq!(archive.commands().count(), 727);
}

#[test]
fn every_module_decodes_and_nothing_good_is_lost() {
    let archive = archive();
    let mut kept = Kept::default();
    let (mut specs, mut scripts) = (0, 0);
    for name in archive.modules() {
        let spec = archive.spec(name).unwrap();
        scripts += u64::from(archive.script(name).unwrap().is_some());
        // The versions that diffs make are no modules of the corpus; what they hold is counted in their base.
        if name.contains('/') && name.rsplit('/').next().unwrap().contains('@') {
            assert!(spec.is_some(), "{name}");
            continue;
        }
        let Some(spec) = spec else { continue };
        specs += 1;
        match spec.versions {
            Some(versions) => {
                assert!(versions.version_command.is_some() && !versions.modules.is_empty(), "{name}");
                assert!(versions.modules.iter().all(|(_, module)| archive.contains(module)), "{name}");
            }
            None => kept.subcommand(&spec.root),
        }
    }
    assert_eq!((specs, scripts), (1_478, 316));
    let expected = Kept {
        // `gt` has a subcommand whose name is empty.
        subcommands: 52_289,
        // `webpack` has an option whose name is empty.
        options: 282_847,
        args: 235_242,
        // 18 of `remotion` have no name, and one of `lsof` is empty.
        suggestions: 123_481,
        generators: 5_094,
        // The 12 that choose among versions are not in trees.
        functions: 7_740,
        // The other 12 uses of the lister edit its rows, or match them with a pattern.
        native_paths: 180,
        load_modules: 751,
    };
    assert_eq!(kept, expected);
}

#[test]
fn the_archive_is_small() {
    let size =
        std::fs::metadata(path()).expect("build it with: cargo specc build --out target/q/specs.qa").len();
    assert!(size <= MAX_SIZE, "{size} bytes");
}

#[test]
fn known_commands_are_as_they_should_be() {
    let archive = archive();
    let git = tree(&archive, "git");
    let checkout = child(&git, "checkout");
    assert!(!checkout.options.is_empty() && !checkout.args[0].generators.is_empty());
    assert!(git.generate_spec.is_some() && archive.script("git").unwrap().unwrap().contains("checkout"));
    let s3 = child(&tree(&archive, "aws"), "s3").load_spec.clone();
    assert_eq!(s3, Some(LoadSpec::Module("aws/s3".into())));
    assert!(!child(&tree(&archive, "aws/s3"), "ls").options.is_empty());
    assert!(child(&tree(&archive, "docker"), "run").options.len() > 50);
    assert!(!child(&tree(&archive, "kubectl"), "get").options.is_empty());
    assert!(tree(&archive, "sudo").args[0].is_command);
    let az = archive.spec("az").unwrap().unwrap().versions.unwrap();
    assert_eq!(az.modules, [("2.53.0".to_owned(), "az/2.53.0".to_owned())]);
    let fig = archive.spec("fig").unwrap().unwrap().versions.unwrap();
    assert_eq!(fig.modules.last().unwrap().1, "fig/2.0.0@2.16.0");
    let playbook = &tree(&archive, "ansible-playbook").args[0].generators[0];
    assert_eq!(playbook.native_paths, Some(NativePaths::Files));
    assert!(playbook.native_filter.extensions.contains(&"yml".to_owned()), "{:?}", playbook.native_filter);
    assert!(archive.contains("aws/ec2") && !archive.contains("gcloud/alpha"));
}

#[test]
fn identical_modules_share_their_tree() {
    let archive = archive();
    let alias = archive.spec("commercelayer").unwrap().unwrap();
    assert!(archive.spec("cl").unwrap().unwrap() == alias, "cl and commercelayer have the same source");
}
