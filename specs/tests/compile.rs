//! From source to spec: every property, every kind of bad data that the corpus has, and what is refused.
//!
//! Specs are compiled, written and read again, so that what is compared is what a reader gets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{EVERYTHING, archive, corpus, everything};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha512};
use specs::archive::{Totals, encode};
use specs::compile::{Corpus, compile};
use specs::model::{
    Arg, FnRef, Generator, LoadSpec, NativePaths, Opt, PathFilter, Repeatable, Script, Spec, Subcommand,
    Suggestion,
};

/// The spec of a module `x` that exports this.
fn spec(export: &str) -> Spec {
    let source = format!("export default {export};");
    archive(&[("x", &source)]).spec("x").unwrap().unwrap()
}

/// The tree of a module `x` that exports an object with these properties.
fn root(properties: &str) -> Subcommand {
    spec(&format!("{{ name: 'x', {properties} }}")).root
}

fn arg(properties: &str) -> Arg {
    root(&format!("args: {{ {properties} }}")).args.remove(0)
}

fn option(properties: &str) -> Opt {
    root(&format!("options: [{{ name: '-o', {properties} }}]")).options.remove(0)
}

fn generator(properties: &str) -> Generator {
    arg(&format!("generators: {{ {properties} }}")).generators.remove(0)
}

/// Why a corpus of one module does not compile.
fn refusal(source: &str) -> String {
    compile(&corpus(&[("x", source)]), 1).unwrap_err().to_string()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn every_property_arrives() {
    let archive = archive(&[("all", EVERYTHING)]);
    assert_eq!(archive.spec("all").unwrap().unwrap(), everything());
    assert_eq!(archive.script("all").unwrap().unwrap(), EVERYTHING);
}

#[test]
fn everything_is_counted() {
    let counted = archive(&[("all", EVERYTHING)]).info().totals;
    let expected = Totals {
        modules: 1,
        specs: 1,
        scripts: 1,
        commands: 1,
        subcommands: 4,
        options: 6,
        args: 3,
        suggestions: 3,
        generators: 5,
        diffs: 0,
        function_slots: 10,
        functions: 10,
    };
    assert_eq!(counted, expected);
}

#[test]
fn nodes_without_a_name_are_dropped() {
    assert_eq!(root("description: null").description, None);
    let options =
        root("options: [{ name: [undefined, '-a'] }, { name: undefined }, { name: ['-b', ''] }, {}]").options;
    assert_eq!(options.iter().map(|option| option.names.clone()).collect::<Vec<_>>(), [["-a"], ["-b"]]);
    let suggestions =
        arg("suggestions: [{ displayName: 'd' }, '', { name: '' }, null, 'a', { name: 'b' }]").suggestions;
    assert_eq!(suggestions.iter().map(|row| row.names.clone()).collect::<Vec<_>>(), [["a"], ["b"]]);
    assert_eq!(root("subcommands: [{ name: '' }, null, 'text', { name: 'a b' }]").subcommands.len(), 1);
    assert_eq!(arg("name: ''").name, None);
    assert_eq!(spec("{ options: [] }").root.names, ["x"], "a root without a name has that of its module");
}

#[test]
fn properties_of_the_wrong_kind_are_absent() {
    let plain = Subcommand { names: texts(&["x"]), ..Subcommand::default() };
    for properties in [
        "prority: 97",
        "priority: NaN",
        "priority: 'high'",
        "description: 7",
        "hidden: 'yes'",
        "subcommands: []",
        "options: null",
        "args: [null]",
        "loadSpec: 1",
        "generateSpec: {}",
        "icon: 'https://example.org/icon.png'",
        "filterStrategy: 'default'",
        "deprecated: false",
        "requiresSubcommand: 1",
        "...[{ name: '--spread' }, { name: '-h' }]",
        "custom: Symbol('s')",
    ] {
        assert_eq!(root(properties), plain, "{properties}");
    }
}

#[test]
fn suggestions_lose_options_and_arguments() {
    let row = arg("suggestions: [{ name: 'a', type: 'argument', options: [{ name: '-o' }], args: {} }]")
        .suggestions;
    let expected = Suggestion {
        names: texts(&["a"]),
        kind: Some(specs::model::SuggestionKind::Arg),
        ..Suggestion::default()
    };
    assert_eq!(row, [expected]);
}

#[test]
fn numbers_and_forms_of_old_are_understood() {
    assert_eq!(arg("default: 8100").default.unwrap(), "8100");
    assert_eq!(arg("default: 1.5").default.unwrap(), "1.5");
    for (said, expected) in [
        ("isRepeatable: 5", Repeatable::Times(5)),
        ("isRepeatable: 0", Repeatable::Unsaid),
        ("isRepeatable: 1e99", Repeatable::Times(u32::MAX)),
        ("isRepeatable: true", Repeatable::Always),
        ("isRepeatable: false", Repeatable::Never),
        ("", Repeatable::Unsaid),
    ] {
        assert_eq!(option(said).repeatable, expected, "{said}");
    }
    for (said, expected) in [
        ("requiresSeparator: true", Some("=")),
        ("requiresEquals: true", Some("=")),
        ("requiresSeparator: ':'", Some(":")),
        ("requiresSeparator: '-'", Some("-")),
        ("requiresSeparator: false", None),
        ("requiresSeparator: ''", None),
    ] {
        assert_eq!(option(said).requires_separator.as_deref(), expected, "{said}");
    }
    assert_eq!(generator("script: 'ls | wc'").script, Some(Script::Argv(texts(&["sh", "-c", "ls | wc"]))));
    assert_eq!(generator("script: []").script, None);
    assert_eq!(generator("getQueryTerm: 7"), Generator::default());
    let both = generator("script: ['ls'], custom: async () => []");
    assert!(both.script.is_none() && both.custom.is_some(), "hosts run the function only");
}

#[test]
fn texts_are_cleaned_and_bounded() {
    let long = "word ".repeat(6000);
    let root =
        root(&format!("description: '\\u0007 {long}', displayName: 'two\\nlines', insertValue: '-\\n'"));
    let description = root.description.unwrap();
    assert!(description.chars().count() <= 401 && description.ends_with("word…"), "{description}");
    assert_eq!(root.display_name.unwrap(), "two lines");
    assert_eq!(root.insert_value.unwrap(), "-\n", "what is inserted is not text to be shown");
    let options =
        spec("{ name: 'x', options: [{ name: ['--opt=', '-D<x>', '+x', '-\\u001b[2J'] }] }").root.options;
    assert_eq!(options[0].names, ["--opt=", "-D<x>", "+x"]);
}

#[test]
fn a_function_is_known_by_its_first_place() {
    let source = "const f = () => 1; export default { name: 'x', \
        args: { generators: [{ postProcess: f }, { postProcess: f, custom: async () => [] }] }, generateSpec: f };";
    let archive = archive(&[("x", source)]);
    let root = archive.spec("x").unwrap().unwrap().root;
    let first = FnRef { module: "x".into(), path: texts(&["args", "generators", "0", "postProcess"]) };
    assert_eq!(root.generate_spec.as_ref(), Some(&first));
    assert_eq!(root.args[0].generators[1].post_process.as_ref(), Some(&first));
    let totals = archive.info().totals;
    assert_eq!((totals.function_slots, totals.functions), (4, 2));
}

#[test]
fn scripts_are_kept_only_where_functions_are_referred_to() {
    let archive = archive(&[
        ("data", "export default { name: 'data' }"),
        ("unused", "export const helper = () => 1; export default { name: 'unused', made: () => 2 }"),
        ("used", "export default { name: 'used', generateSpec: () => ({}) }"),
        ("empty", "export const helper = () => 1; export default {}"),
        ("nothing", ""),
        ("list", "export default ['a', 'b']"),
    ]);
    let scripts: Vec<&str> =
        archive.modules().filter(|name| archive.script(name).unwrap().is_some()).collect();
    assert_eq!(scripts, ["used"]);
    let specs: Vec<&str> = archive.modules().filter(|name| archive.spec(name).unwrap().is_some()).collect();
    assert_eq!(specs, ["data", "unused", "used"]);
    assert_eq!((archive.info().totals.modules, archive.info().totals.specs), (6, 3));
}

#[test]
fn modules_of_one_source_share_it() {
    let source = "export default { name: 'git', generateSpec: () => ({}) }";
    let archive = archive(&[("git", source), ("hub", source)]);
    let hub = archive.spec("hub").unwrap().unwrap();
    assert_eq!(hub.root.generate_spec.as_ref().unwrap().module, "git");
    assert_eq!(archive.spec("git").unwrap().unwrap(), hub);
    assert_eq!(archive.info().totals.functions, 2, "both count");
}

#[test]
fn the_path_lister_is_recognised_by_what_it_does() {
    let paths = |options: &str| {
        let source = EVERYTHING.replace("lister({ only: true })", &format!("lister({{ {options} }})"));
        let mut root = archive(&[("all", &source)]).spec("all").unwrap().unwrap().root;
        let generator = root.args.remove(0).generators.remove(4);
        assert!(generator.custom.is_some());
        generator.native_paths.map(|paths| (paths, generator.native_filter))
    };
    let filter = |extensions: &[&str], folders_too| PathFilter {
        extensions: texts(extensions),
        folders_too,
        names: Vec::new(),
    };
    assert_eq!(paths(""), Some((NativePaths::Files, filter(&[], false))));
    assert_eq!(paths("only: true"), Some((NativePaths::Folders, filter(&[], false))));
    assert_eq!(paths("extensions: ['js']"), Some((NativePaths::Files, filter(&["js"], false))));
    assert_eq!(
        paths("extensions: ['js'], filterFolders: true"),
        Some((NativePaths::Files, filter(&["js"], true)))
    );
    assert_eq!(paths("edit: { priority: 70 }"), None, "it does more than listing");
}

#[test]
fn other_uses_of_ls_are_left_alone() {
    assert_eq!(
        generator("custom: async (t, run) => (await run({ command: 'ls', args: ['-1ApL'] })).x.y")
            .native_paths,
        None
    );
    assert_eq!(generator("custom: () => 'ls \"-1ApL\"'").native_paths, None);
}

#[test]
fn diffs_make_a_ladder_of_versions() {
    let index = "export const getVersionCommand = async () => '1.0.0'; export default async () => ({});";
    let old = "export default { name: 'x', options: [{ name: '--old' }] };";
    let new = "const made = () => ({}); export default { name: 'x', \
        subcommands: [{ name: ['a', 'b'], description: 'before', args: [{ name: 'one' }, { name: 'two' }] }, { name: 'c' }], \
        options: [{ name: '-o', args: { name: 'value' } }] }; \
        export const versions = { '2.10.0': { subcommands: [{ name: 'c', remove: true }, { name: 'd', generateSpec: made }] }, \
        '2.9.0': { subcommands: [{ name: 'b', description: 'after', args: [{ description: 'first' }, { remove: true }] }] }, \
        '2.1.0': {} };";
    let archive =
        archive(&[("x", index), ("x/1.0.0", old), ("x/2.0.0", new), ("x/shared", "export default {}")]);

    let choice = archive.spec("x").unwrap().unwrap();
    assert_eq!(choice.root.names, ["x"]);
    let versions = choice.versions.unwrap();
    assert_eq!(versions.version_command.unwrap().path, ["*", "getVersionCommand"]);
    let rungs: Vec<(&str, &str)> =
        versions.modules.iter().map(|(version, module)| (version.as_str(), module.as_str())).collect();
    let expected = [
        ("1.0.0", "x/1.0.0"),
        ("2.0.0", "x/2.0.0@2.10.0"),
        ("2.1.0", "x/2.0.0"),
        ("2.9.0", "x/2.0.0@2.9.0"),
        ("2.10.0", "x/2.0.0@2.10.0"),
    ];
    assert_eq!(rungs, expected);

    let middle = archive.spec("x/2.0.0@2.9.0").unwrap().unwrap().root;
    assert_eq!(middle.subcommands[0].names, ["b"]);
    assert_eq!(middle.subcommands[0].description.as_deref(), Some("after"));
    assert_eq!(middle.subcommands[0].args.len(), 1);
    assert_eq!(middle.subcommands[0].args[0].name.as_deref(), Some("one"));
    assert_eq!(middle.subcommands[0].args[0].description.as_deref(), Some("first"));
    assert_eq!(middle.subcommands[1].names, ["c"]);
    let last = archive.spec("x/2.0.0@2.10.0").unwrap().unwrap().root;
    let names: Vec<&str> = last.subcommands.iter().map(|child| child.names[0].as_str()).collect();
    assert_eq!(names, ["d", "b"]);
    let made = FnRef {
        module: "x/2.0.0".into(),
        path: "* versions 2.10.0 subcommands 1 generateSpec".split(' ').map(str::to_owned).collect(),
    };
    assert_eq!(last.subcommands[0].generate_spec.as_ref(), Some(&made));
    assert!(archive.script("x/2.0.0").unwrap().is_some());
    assert_eq!(last.options, middle.options);
}

#[test]
fn load_spec_has_three_forms() {
    assert_eq!(root("loadSpec: 'y'").load_spec, Some(LoadSpec::Module("y".into())));
    assert!(matches!(arg("loadSpec: () => 'y'").load_spec, Some(LoadSpec::Function(_))));
    let Some(LoadSpec::Inline(inner)) = arg("loadSpec: { name: 'y', options: [{ name: '-o' }] }").load_spec
    else {
        panic!("an object is a spec");
    };
    assert_eq!(inner.options.len(), 1);
}

#[test]
fn what_does_not_evaluate_is_refused_by_name() {
    for (source, expected) in [
        ("export default {", "module x: "),
        ("throw new Error('on purpose')", "module x: on purpose"),
        ("import fs from 'fs'; export default {}", "module x: "),
        ("await new Promise(() => {}); export default {}", "module x: "),
        ("const a = { name: 'x' }; a.subcommands = [a]; export default a", "too many, too deep or cyclic"),
        ("export default { name: 'x', get options() { throw new Error('a trap') } }", "a trap"),
        ("export default { name: 'x', list: 'y'.repeat(2 ** 29).split('') }", "module x: "),
        ("const f = () => f(); f(); export default {}", "module x: "),
    ] {
        let error = refusal(source);
        assert!(error.contains(expected), "{source}: {error}");
    }
}

#[test]
fn the_result_does_not_depend_on_the_threads() {
    let modules: Vec<(String, String)> = (0..40)
        .map(|number| {
            (format!("m{number}"), format!("export default {{ name: 'm{number}', generateSpec: () => 1 }}"))
        })
        .collect();
    let modules: Vec<(&str, &str)> =
        modules.iter().map(|(name, source)| (name.as_str(), source.as_str())).collect();
    let bytes = |threads| {
        let compiled = compile(&corpus(&modules), threads).unwrap();
        encode(&compiled.info, compiled.modules).unwrap()
    };
    assert_eq!(bytes(1), bytes(4));
}

/// A tarball of these files, in a temporary folder, and its integrity.
fn tarball(files: &[(&str, &str)]) -> (tempfile::TempDir, std::path::PathBuf, String) {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_ustar();
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, text.as_bytes()).unwrap();
    }
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus.tgz");
    std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    let integrity = format!("sha512-{}", STANDARD.encode(Sha512::digest(&bytes)));
    (folder, path, integrity)
}

const MANIFEST: (&str, &str) =
    ("package/package.json", r#"{ "name": "@fixture/specs", "version": "1.2.3" }"#);

#[test]
fn a_tarball_gives_the_modules_that_its_index_lists() {
    let (_folder, path, integrity) = tarball(&[
        MANIFEST,
        ("package/build/index.json", r#"{ "completions": ["a", "a/b", "c"] }"#),
        ("package/build/index.js", "export default ['a']"),
        ("package/build/a.js", "a"),
        ("package/build/a/b.js", "b"),
        ("package/build/c/index.js", "c"),
        ("package/build/../../escape.js", "out"),
        ("package/icons/icon.png", "\u{0}"),
    ]);
    let corpus = Corpus::from_tarball(&path, &integrity).unwrap();
    assert_eq!(corpus, Corpus::new("@fixture/specs 1.2.3", [("a", "a"), ("a/b", "b"), ("c", "c")]));
    let error = Corpus::from_tarball(&path, specs::compile::INTEGRITY).unwrap_err().to_string();
    assert!(error.contains("is not @withfig/autocomplete@2.692.3"), "{error}");
}

#[test]
fn tarballs_of_another_layout_are_refused() {
    let index = ("package/build/index.json", r#"{ "completions": ["a", "../../escape"] }"#);
    let module = ("package/build/a.js", "a");
    for (files, expected) in [
        (vec![MANIFEST, module], "has no package/build/index.json"),
        (vec![index, module], "has no package/package.json"),
        (
            vec![MANIFEST, index, module, ("package/build/../../escape.js", "x")],
            "lists the module ../../escape",
        ),
        (vec![MANIFEST, ("package/build/index.json", "[]")], "index.json of the corpus: "),
    ] {
        let (_folder, path, integrity) = tarball(&files);
        let error = Corpus::from_tarball(&path, &integrity).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(
        Corpus::from_tarball("/nowhere/corpus.tgz".as_ref(), "")
            .unwrap_err()
            .to_string()
            .starts_with("/nowhere")
    );
}
