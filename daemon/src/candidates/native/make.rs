//! Targets of a Makefile, out of its text: make would run what is in it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{read, row};
use crate::candidates::Draft;
use crate::slow::Generated;

/// Most files that include each other.
const MAX_FILES: usize = 32;

/// Most targets that are listed.
const MAX_TARGETS: usize = 5_000;

/// The files that make looks for, in its order.
const NAMES: &[&str] = &["GNUmakefile", "makefile", "Makefile"];

/// The Makefile that a command line means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Make {
    /// Where make is told to go, by `-C`.
    dir: PathBuf,
    /// The file that it is told to read, by `-f`.
    file: Option<PathBuf>,
}

/// The Makefile whose targets a generator asks for.
pub(super) fn wanted(generated: &Generated) -> Option<Make> {
    let function = generated.generator.custom.as_ref()?;
    let is_make = matches!(generated.command.as_str(), "make" | "gmake") && function.module == "make";
    is_make.then(|| Make::of(&generated.words))
}

impl Make {
    fn of(words: &[String]) -> Make {
        let mut make = Make::default();
        let mut words = words.iter().skip(1);
        while let Some(word) = words.next() {
            if let Some(dir) = value(word, &["-C", "--directory"], &mut words) {
                make.dir.push(dir);
            } else if let Some(file) = value(word, &["-f", "--file", "--makefile"], &mut words) {
                make.file = Some(file.into());
            }
        }
        make
    }
}

/// The value of an option of these names: attached, behind `=`, or the next word.
fn value<'w>(
    word: &'w str,
    names: &[&str],
    rest: &mut (impl Iterator<Item = &'w String> + 'w),
) -> Option<&'w str> {
    let attached = |name: &&str| {
        let value = word.strip_prefix(*name)?;
        match (value.strip_prefix('='), name.starts_with("--")) {
            (Some(value), true) => Some(value),
            (_, false) if !value.is_empty() => Some(value),
            _ => None,
        }
    };
    match names.contains(&word) {
        true => rest.next().map(String::as_str),
        false => names.iter().find_map(attached),
    }
}

/// The targets, in the order of the file.
pub(super) fn drafts(make: &Make, cwd: &Path) -> Vec<Draft> {
    let dir = cwd.join(&make.dir);
    let file = match &make.file {
        Some(file) => Some(dir.join(file)),
        None => NAMES.iter().map(|name| dir.join(name)).find(|file| file.is_file()),
    };
    let mut targets = Targets { dir, seen: HashSet::new(), files: 0, rows: Vec::new() };
    if let Some(file) = file {
        targets.read(&file);
    }
    targets.rows
}

/// What was found so far.
struct Targets {
    dir: PathBuf,
    seen: HashSet<String>,
    files: usize,
    rows: Vec<Draft>,
}

impl Targets {
    fn read(&mut self, file: &Path) {
        self.files += 1;
        if self.files > MAX_FILES {
            return;
        }
        let Some(text) = read::text(file) else { return };
        let text = text.replace("\\\n", " ");
        let mut comment = String::new();
        let mut defining = false;
        for line in text.lines() {
            match line.split_whitespace().next() {
                Some("define") => defining = true,
                Some("endef") => defining = false,
                _ => {}
            }
            if !defining {
                self.line(line, &comment);
            }
            comment = match line.strip_prefix('#') {
                Some(text) => text.trim_start_matches('#').trim().to_owned(),
                // `.PHONY: x` may stand between a target and what is said of it.
                None if line.starts_with('.') => comment,
                None => String::new(),
            };
        }
    }

    /// A line of a Makefile, continued ones joined.
    fn line(&mut self, line: &str, comment: &str) {
        if line.starts_with(['\t', '#']) {
            return;
        }
        let line = line.trim_start_matches(' ');
        if let Some(files) =
            ["include ", "-include ", "sinclude "].iter().find_map(|word| line.strip_prefix(word))
        {
            return self.include(files);
        }
        let (rule, said) =
            line.split_once('#').map_or((line, ""), |(rule, said)| (rule, said.trim_start_matches('#')));
        let Some(names) = targets(rule) else { return };
        let said = if said.trim().is_empty() { comment } else { said.trim() };
        let said = if said.is_empty() { "Make target" } else { said };
        for name in names.split_whitespace().filter(|name| is_target(name)) {
            if self.rows.len() < MAX_TARGETS && self.seen.insert(name.to_owned()) {
                self.rows.push(Draft { priority: Some(80.0), icon: Some("🎯".into()), ..row(name, said) });
            }
        }
    }

    fn include(&mut self, files: &str) {
        let files = files.split('#').next().unwrap_or_default();
        for file in files.split_whitespace().filter(|file| !file.contains(['$', '*', '?', '['])) {
            self.read(&self.dir.join(file));
        }
    }
}

/// What stands before the colon of a rule, if the line is one and no assignment.
fn targets(line: &str) -> Option<&str> {
    let colon = line.find(':')?;
    let (names, rest) = (&line[..colon], line[colon..].trim_start_matches(':'));
    let assigns = names.contains('=') || rest.starts_with('=');
    (!assigns).then_some(names)
}

/// Whether a name is one that people make: no pattern, no variable, none of make's own names.
fn is_target(name: &str) -> bool {
    !name.contains(['%', '$', '(', ')']) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(makefile: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Makefile"), makefile).unwrap();
        fs::write(dir.path().join("more.mk"), "more: x\ninclude more.mk Makefile\n").unwrap();
        let rows = drafts(&Make::default(), dir.path());
        rows.iter().map(|draft| draft.names[0].as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn targets_are_what_stands_before_a_colon() {
        for (makefile, expected) in [
            ("all: x y\n\techo: no\nclean:\n", "all clean"),
            ("a b:: c\nd&: e\n", "a b d&"),
            ("X = a:b\nY := c\nZ ::= d\nW ?= e:f\nCC:=gcc\n", ""),
            ("%.o: %.c\n$(OBJ): x\n.PHONY: all\nall:\nbuild/x.o: y\n", "all build/x.o"),
            ("a: b \\\n c: d\nlong \\\n name:\n", "a long name"),
            ("include more.mk\nlast:\n", "more last"),
            ("-include missing.mk $(wildcard x)\nlast:\n", "last"),
            ("x: y # says\nx: z\n", "x"),
            ("ifeq (a,b)\nin:\nendif\ndefine T\nnot: x\nendef\nafter:\n", "in after"),
            ("X := $(shell touch canary)\nall: ; touch canary\n", "all"),
            ("", ""),
        ] {
            assert_eq!(names(makefile), expected, "{makefile:?}");
        }
    }

    #[test]
    fn targets_are_described_by_their_comments() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("Makefile"),
            "# Builds it.\nall:\n\nb: ## Tests it\n# Cleans.\n.PHONY: c\nc:\nd:\n",
        )
        .unwrap();
        let rows = drafts(&Make::default(), dir.path());
        let said: Vec<_> = rows.iter().map(|draft| draft.description.as_deref().unwrap()).collect();
        assert_eq!(said, ["Builds it.", "Tests it", "Cleans.", "Make target"]);
    }

    #[test]
    fn the_command_line_says_which_file() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (line, dir, file) in [
            ("make -C sub", "sub", None),
            ("make -Csub --file=x.mk", "sub", Some("x.mk")),
            ("make -C a -C b -f x", "a/b", Some("x")),
            ("make --directory sub -j4", "sub", None),
            ("make -f", "", None),
        ] {
            let expected = Make { dir: dir.into(), file: file.map(PathBuf::from) };
            assert_eq!(Make::of(&words(line)), expected, "{line}");
        }
    }
}
