//! The archive keeps what it is given, refuses what is not whole, and changes its version with the model.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::sync::LazyLock;

use common::{EVERYTHING, archive, corpus, everything};
use proptest::prelude::*;
use specs::archive::{Archive, Error, FORMAT, Info, Module, Packed, encode, write};
use specs::compile::compile;
use specs::model::{Arg, FnRef, LoadSpec, Opt, Spec, Subcommand, Versions};

/// The encoding of the model that goes with [`FORMAT`]. When it changes, raise FORMAT and put the new one here.
const ENCODING: (u32, u64) = (1, 0xc465_4919_824c_ad91);

/// A small archive of two specs and a script.
static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let modules =
        [("all", EVERYTHING), ("plain", "export default { name: 'plain', options: [{ name: '-p' }] }")];
    let compiled = compile(&corpus(&modules), 1).unwrap();
    encode(&compiled.info, compiled.modules).unwrap()
});

fn small() -> Vec<u8> {
    SMALL.clone()
}

/// The name, the tree and the script of a module.
type Content = (String, Option<Spec>, Option<String>);

/// Everything that an archive holds, or the first thing that is wrong with it.
fn contents(bytes: Vec<u8>) -> Result<Vec<Content>, Error> {
    let archive = Archive::from_bytes(bytes)?;
    archive.modules().map(|name| Ok((name.to_owned(), archive.spec(name)?, archive.script(name)?))).collect()
}

/// A spec that says everything, and a choice of versions too: no source has both, but the archive can hold it.
fn everything_and_versions() -> Spec {
    let command =
        FnRef { module: "all".into(), path: vec![FnRef::NAMESPACE.into(), "getVersionCommand".into()] };
    let modules =
        vec![("1.0.0".to_owned(), "all/1.0.0".to_owned()), ("2.0.0".to_owned(), "all/2.0.0".to_owned())];
    Spec { versions: Some(Versions { version_command: Some(command), modules }), ..everything() }
}

/// FNV-1a: the same on every machine and in every version.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn module(name: &str, spec: Packed) -> Module {
    Module { name: name.to_owned(), spec: Some(spec), script: None }
}

#[test]
fn the_format_is_raised_when_the_encoding_changes() {
    let info = Info { corpus: "fixture".into(), ..Info::default() };
    let bytes = postcard::to_stdvec(&(everything_and_versions(), info)).unwrap();
    let found = (FORMAT, fingerprint(&bytes));
    assert_eq!(found, ENCODING, "the encoding is new ({:#x}): raise FORMAT and pin it", found.1);
}

#[test]
fn everything_that_is_written_is_read() {
    let spec = everything_and_versions();
    let packed = Packed::spec(&spec).unwrap();
    let script = Packed::script("export default {}").unwrap();
    let module = Module { name: "all".into(), spec: Some(packed), script: Some(script) };
    let info = Info { corpus: "fixture".into(), ..Info::default() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("specs.qa");
    fs::write(&path, "an older archive").unwrap();

    let length = write(&path, &info, vec![module]).unwrap();

    assert_eq!(fs::metadata(&path).unwrap().len(), length);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing but the archive is left");
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.spec("all").unwrap().unwrap(), spec);
    assert_eq!(archive.script("all").unwrap().unwrap(), "export default {}");
    assert_eq!(archive.info(), &info);
    assert!(archive.contains("all") && !archive.contains("al"));
    assert!(archive.spec("al").unwrap().is_none() && archive.script("al").unwrap().is_none());
}

#[test]
fn commands_are_modules_that_can_be_typed() {
    let tree = "export default { name: 'x' }";
    let archive = archive(&[("b", tree), ("a", tree), ("a/b", tree), ("@s/c", tree), ("@s/c/1.0.0", tree)]);
    assert_eq!(archive.modules().collect::<Vec<_>>(), ["@s/c", "@s/c/1.0.0", "a", "a/b", "b"]);
    assert_eq!(archive.commands().collect::<Vec<_>>(), ["@s/c", "a", "b"]);
    assert_eq!((archive.len(), archive.is_empty(), archive.info().totals.commands), (5, false, 3));
}

#[test]
fn a_description_is_that_of_the_tree() {
    let spec = |description: Option<String>| {
        let root = Subcommand { names: vec!["x".into()], description, ..Subcommand::default() };
        Packed::spec(&Spec { root, versions: None }).unwrap()
    };
    let texts = [None, Some(String::new()), Some("é".repeat(1_000))];
    let name = |at: usize| format!("m{at}");
    let modules = texts.iter().enumerate().map(|(at, text)| module(&name(at), spec(text.clone()))).collect();
    let archive = Archive::from_bytes(encode(&Info::default(), modules).unwrap()).unwrap();
    for (at, text) in texts.iter().enumerate() {
        assert_eq!(archive.description(&name(at)).unwrap(), *text);
    }
    assert_eq!(archive.description("none").unwrap(), None);
    // Longer than a description is looked for.
    let long = vec![module("long", spec(Some("x".repeat(100_000))))];
    let archive = Archive::from_bytes(encode(&Info::default(), long).unwrap()).unwrap();
    assert!(archive.description("long").is_err());
}

#[test]
fn equal_specs_are_stored_once() {
    let spec = || Packed::spec(&everything_and_versions()).unwrap();
    let one = encode(&Info::default(), vec![module("a", spec())]).unwrap();
    let two = encode(&Info::default(), vec![module("a", spec()), module("b", spec())]).unwrap();
    assert!(two.len() < one.len() + 16, "{} and {}", one.len(), two.len());
    assert_eq!(contents(two).unwrap().len(), 2);
}

#[test]
fn other_files_and_versions_are_told_apart() {
    let mut newer = small();
    newer[8] = 77;
    let mut longer = small();
    longer.push(0);
    for (bytes, expected) in [
        (Vec::new(), "not a spec archive"),
        (b"#!/bin/sh".to_vec(), "not a spec archive"),
        (newer, "the spec archive has format 77, this version reads 1"),
        (longer, "bytes long instead of"),
        (small()[..9].to_vec(), "the spec archive is 9 bytes long instead of 28"),
        (small()[..20].to_vec(), "the spec archive is 20 bytes long instead of 28"),
    ] {
        let error = Archive::from_bytes(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let absent = Archive::open("/nowhere/specs.qa".as_ref()).unwrap_err().to_string();
    assert!(absent.starts_with("/nowhere/specs.qa: "), "{absent}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    assert!(matches!(Archive::open(&folder.path().join("empty")), Err(Error::Foreign)));
    assert!(Archive::open(folder.path()).is_err(), "a folder is no archive");
}

#[test]
fn an_index_that_claims_to_be_huge_is_refused() {
    let mut bytes = small();
    bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = Archive::from_bytes(bytes).unwrap_err().to_string();
    assert!(error.contains("index: it is too long"), "{error}");
}

#[test]
fn an_archive_cut_short_anywhere_is_refused() {
    let bytes = small();
    for length in 0..bytes.len() {
        let error = Archive::from_bytes(bytes[..length].to_vec());
        assert!(error.is_err(), "{length} of {} bytes are accepted", bytes.len());
    }
}

#[test]
fn a_tree_that_nests_too_deep_is_refused() {
    let mut blob = postcard::to_stdvec(&Spec::default()).unwrap();
    let mut child = Spec::default();
    child.root.subcommands.push(Subcommand::default());
    let nested = postcard::to_stdvec(&child).unwrap();
    // Where the two differ is the number of subcommands; what comes before it opens a level, and is repeated.
    let count = blob.iter().zip(&nested).position(|(none, one)| none != one).unwrap();
    let mut level = nested[..count].to_vec();
    level.push(1);
    blob = level.repeat(200_000);
    assert!(postcard::from_bytes::<Spec>(&blob).is_err());

    let packed = Packed::script(std::str::from_utf8(&blob).unwrap()).unwrap();
    let archive =
        Archive::from_bytes(encode(&Info::default(), vec![module("deep", packed)]).unwrap()).unwrap();
    assert!(matches!(archive.spec("deep"), Err(Error::Damaged(_))));
}

#[test]
fn a_tree_as_deep_as_allowed_is_read_on_a_small_stack() {
    let nested = |levels: u32| {
        (1..levels).fold(Subcommand::default(), |inner, _| {
            let load_spec = Some(LoadSpec::Inline(Box::new(inner)));
            let options = vec![Opt { args: vec![Arg { load_spec, ..Arg::default() }], ..Opt::default() }];
            Subcommand { options, ..Subcommand::default() }
        })
    };
    let deepest = Spec { root: nested(32), versions: None };
    let packed = Packed::spec(&deepest).unwrap();
    let archive =
        Archive::from_bytes(encode(&Info::default(), vec![module("deep", packed)]).unwrap()).unwrap();
    let read =
        std::thread::Builder::new().stack_size(1 << 20).spawn(move || archive.spec("deep").unwrap().unwrap());
    assert!(read.unwrap().join().unwrap() == deepest);
    let error = Packed::spec(&Spec { root: nested(33), versions: None }).unwrap_err();
    assert!(matches!(error, Error::TooLarge(_)), "what cannot be read is not written");
}

#[test]
fn a_blob_of_another_kind_is_refused() {
    let script = || Packed::script("export default \u{1}").unwrap();
    let trailing = postcard::to_stdvec(&Spec::default()).map(|bytes| [bytes, vec![0]].concat()).unwrap();
    let trailing = Packed::script(std::str::from_utf8(&trailing).unwrap()).unwrap();
    let modules = vec![module("script", script()), module("trailing", trailing)];
    let archive = Archive::from_bytes(encode(&Info::default(), modules).unwrap()).unwrap();
    assert!(archive.spec("script").is_err());
    assert!(archive.spec("trailing").unwrap_err().to_string().contains("left over"));
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let bytes = small();
    let whole = contents(bytes.clone()).unwrap();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            // zstd ignores one bit of its header; whatever is read must be what was written.
            if let Ok(read) = contents(flipped) {
                assert_eq!(read, whole, "bit {bit} of byte {place}");
            }
        }
    }
}

proptest! {
    #[test]
    fn damage_is_never_fatal(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let whole = small();
        let mut bytes = whole.clone();
        for (place, byte) in damage {
            bytes[place.index(whole.len())] = byte;
        }
        if let Ok(read) = contents(bytes) {
            prop_assert_eq!(read, contents(whole).unwrap());
        }
    }

    #[test]
    fn any_bytes_after_a_header_are_refused_or_read(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = small()[..28].to_vec();
        bytes.extend(tail);
        let length = bytes.len() as u64;
        bytes[20..28].copy_from_slice(&length.to_le_bytes());
        bytes[12..16].copy_from_slice(&(length as u32 - 28).to_le_bytes());
        prop_assert!(contents(bytes).is_err());
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let text: String = bytes.iter().map(|byte| char::from(byte & 0x7f)).collect();
        let packed = Packed::script(&text).unwrap();
        let archive = Archive::from_bytes(encode(&Info::default(), vec![module("any", packed)]).unwrap()).unwrap();
        let _ = archive.spec("any");
        let _ = postcard::from_bytes::<Spec>(&bytes);
    }
}
