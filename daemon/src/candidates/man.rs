//! One line on a program, out of its man page: the `NAME` section at its beginning.
//!
//! Files are read and nothing is run. Which pages there are is looked up once for a `PATH`; of a page only the beginning
//! is read. Whoever asks waits elsewhere: pages may be many, and on a slow disk.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, read_dir};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use nix::fcntl::OFlag;

use crate::lock::lock;

/// Where pages are beside what the `PATH` says.
const USUAL: [&str; 2] = ["/usr/share/man", "/usr/local/share/man"];

/// The sections about what can be typed as a command, best first.
const SECTIONS: [&str; 3] = ["man1", "man8", "man6"];

/// Most directories of pages that are looked into.
const MAX_ROOTS: usize = 64;

/// Most pages; a full desktop has about 5,000 of commands.
const MAX_PAGES: usize = 30_000;

/// How much of a page is read: licences in comments may come before the name.
const MAX_BEGIN: u64 = 32 << 10;

/// How long it is believed which pages there are.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// The longest description; letters.
const MAX_LETTERS: usize = 160;

/// The man pages of the `PATH` used last.
#[derive(Debug, Default)]
pub(super) struct ManPages {
    known: Mutex<Option<Arc<Known>>>,
}

#[derive(Debug)]
struct Known {
    path: String,
    found: Instant,
    /// By the name of the command.
    pages: HashMap<Box<str>, Page>,
    roots: Vec<PathBuf>,
}

/// Where a page is.
#[derive(Debug)]
struct Page {
    /// Which of the roots, and which of the sections.
    place: (u8, u8),
    file: Box<str>,
}

impl ManPages {
    /// What the page of a program says that it is.
    pub(super) fn description(&self, path: &str, program: &str) -> Option<String> {
        let known = self.of(path);
        let page = known.pages.get(program)?;
        let root = known.roots.get(usize::from(page.place.0))?;
        let file = root.join(SECTIONS[usize::from(page.place.1)]).join(&*page.file);
        let text = begin(&file)?;
        match redirect(&text) {
            Some(other) => description(&elsewhere(root, other)?),
            None => description(&text),
        }
    }

    fn of(&self, path: &str) -> Arc<Known> {
        let mut known = lock(&self.known);
        if let Some(known) =
            known.as_ref().filter(|known| known.path == path && known.found.elapsed() < MAX_AGE)
        {
            return Arc::clone(known);
        }
        let new = Arc::new(Known::new(path));
        *known = Some(Arc::clone(&new));
        new
    }
}

impl Known {
    fn new(path: &str) -> Known {
        let roots = roots(path);
        let mut pages = HashMap::new();
        let places = (0_u8..)
            .zip(&roots)
            .flat_map(|(root, dir)| (0_u8..).zip(SECTIONS).map(move |(at, name)| (root, at, dir.join(name))));
        for (root, section, dir) in places {
            let names = read_dir(dir)
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|entry| entry.file_name().into_string().ok());
            for file in names.take(MAX_PAGES - pages.len()) {
                let Some(command) = command(&file) else { continue };
                let page = || Page { place: (root, section), file: file.as_str().into() };
                pages.entry(command.into()).or_insert_with(page);
            }
        }
        Known { path: path.to_owned(), found: Instant::now(), pages, roots }
    }
}

/// The directories of pages that belong to the directories of a `PATH`: `/opt/x/share/man` to `/opt/x/bin`.
fn roots(path: &str) -> Vec<PathBuf> {
    let beside = path.split(':').map(Path::new).filter(|dir| dir.is_absolute()).filter_map(Path::parent);
    let theirs = beside.flat_map(|prefix| [prefix.join("share/man"), prefix.join("man")]);
    let mut roots: Vec<PathBuf> = Vec::new();
    for root in theirs.chain(USUAL.map(PathBuf::from)) {
        if roots.len() < MAX_ROOTS && !roots.contains(&root) && root.is_dir() {
            roots.push(root);
        }
    }
    roots
}

/// The command that a page is about: `git-add` of `git-add.1.gz`.
fn command(file: &str) -> Option<&str> {
    let file = file.strip_suffix(".gz").unwrap_or(file);
    let (name, section) = file.rsplit_once('.')?;
    (section.starts_with(['1', '6', '8']) && !name.is_empty()).then_some(name)
}

/// The beginning of a page.
fn begin(file: &Path) -> Option<String> {
    let packed = file.extension().is_some_and(|end| end == "gz");
    let opened = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(file).ok()?;
    opened.metadata().ok().filter(|found| found.is_file())?;
    let mut bytes = Vec::new();
    // What is damaged further on matters as little as what comes there.
    let _ = if packed { read(GzDecoder::new(opened), &mut bytes) } else { read::<File>(opened, &mut bytes) };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn read<R: Read>(from: R, into: &mut Vec<u8>) -> std::io::Result<usize> {
    from.take(MAX_BEGIN).read_to_end(into)
}

/// The page that stands for this one: `.so man1/git.1`.
fn redirect(text: &str) -> Option<&str> {
    text.lines()
        .find(|line| !line.starts_with(".\\\"") && !line.is_empty())?
        .strip_prefix(".so ")
        .map(str::trim)
}

/// The beginning of a page named by another, below the same root.
fn elsewhere(root: &Path, page: &str) -> Option<String> {
    let page = Path::new(page);
    let below = page.components().all(|part| matches!(part, Component::Normal(_)));
    if !below {
        return None;
    }
    let file = root.join(page);
    let packed = PathBuf::from(format!("{}.gz", file.display()));
    begin(&file).or_else(|| begin(&packed))
}

/// What a page says behind the name: "git \- the stupid content tracker" under `NAME`, or `.Nd` of a BSD page.
fn description(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !is_name_section(line)).skip(1);
    let section: Vec<&str> = lines.by_ref().take_while(|line| !is_section(line)).collect();
    if let Some(line) = section.iter().find_map(|line| line.strip_prefix(".Nd ")) {
        return shown(&plain(line));
    }
    let said: Vec<String> = section.iter().filter_map(|line| spoken(line)).collect();
    let said = said.join(" ");
    let (_, said) =
        said.split_once(" - ").or_else(|| said.split_once(" -- ")).or_else(|| said.split_once(" — "))?;
    shown(said)
}

fn is_section(line: &str) -> bool {
    line.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case(".SH"))
}

fn is_name_section(line: &str) -> bool {
    let title = line.get(3..).unwrap_or_default().trim().trim_matches('"');
    is_section(line) && title.eq_ignore_ascii_case("name")
}

/// What a line adds to the text; requests but those that change the font add nothing.
fn spoken(line: &str) -> Option<String> {
    let Some(request) = line.strip_prefix('.') else { return Some(plain(line)) };
    let (name, rest) = request.split_once(' ')?;
    let fonts = ["B", "I", "R", "BR", "RB", "BI", "IB", "IR", "RI", "SM", "Nm"];
    fonts.contains(&name).then(|| plain(&rest.replace('"', "")))
}

/// A line without the escapes of roff.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, &mut out),
            '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Reads what follows a backslash.
fn escape(rest: &mut std::str::Chars, out: &mut String) {
    match rest.next() {
        Some('-') => out.push('-'),
        Some('e' | '\\') => out.push('\\'),
        Some(' ' | '~' | '0') => out.push(' '),
        Some('f' | 's') => skip_argument(rest),
        Some('(') => out.push_str(special(&rest.by_ref().take(2).collect::<String>())),
        Some('*') if rest.clone().next() == Some('(') => drop(rest.nth(2)),
        Some('[') => out.push_str(special(&rest.by_ref().take_while(|&c| c != ']').collect::<String>())),
        // A comment takes the rest of the line.
        Some('"') => drop(rest.by_ref().last()),
        _ => {}
    }
}

/// The argument of a change of font or size: `B`, `(CW`, `[CW]`, `-1`.
fn skip_argument(rest: &mut std::str::Chars) {
    match rest.next() {
        Some('(') => drop(rest.nth(1)),
        Some('[') => drop(rest.find(|&c| c == ']')),
        Some('-' | '+') => drop(rest.next()),
        _ => {}
    }
}

/// A character by its name.
fn special(name: &str) -> &'static str {
    match name {
        "aq" | "cq" | "oq" => "'",
        "dq" | "lq" | "rq" => "\"",
        "em" => "—",
        "en" | "hy" | "mi" => "-",
        "bu" => "•",
        "co" => "©",
        "rg" => "®",
        "ti" => "~",
        "ha" => "^",
        "rs" => "\\",
        _ => "",
    }
}

/// One line of bounded length without control characters; `None` when nothing is left.
fn shown(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    let line = match line.char_indices().nth(MAX_LETTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    };
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    #[test]
    fn pages_of_all_kinds_are_read() {
        for (text, expected) in [
            (
                ".TH GIT 1\n.SH \"NAME\"\ngit \\- the stupid content tracker\n.SH SYNOPSIS\nx - y",
                "the stupid content tracker",
            ),
            (".SH NAME\nls \\- list directory\ncontents\n.SH X", "list directory contents"),
            (".Sh NAME\n.Nm tmux\n.Nd terminal multiplexer\n.Sh SYNOPSIS", "terminal multiplexer"),
            (".sh name\n\\fBfoo\\fR, \\f(CWbar\\fR \\- do \\fIthis\\fP\\&\n", "do this"),
            (
                ".SH NAME\n.B zip\n\\- package and compress (archive) files\n",
                "package and compress (archive) files",
            ),
            (
                ".\\\" a comment\n.SH NAME\n.\\\" more\nx \\- it\\(aqs \\s-1SMALL\\s0 \\*(Tm\\\" end",
                "it's SMALL",
            ),
            (".SH NAME\nxz, unxz \\- Compress .xz files\n", "Compress .xz files"),
            (".SH NAME\nx -- y", "y"),
            (".SH NAME\nx \\- \u{1b}[2Jwipe\n", "[2Jwipe"),
        ] {
            assert_eq!(description(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", ".SH NAME\n", ".SH NAME\nx\n.SH Y\nx - y", "x - y", ".SH NAME\nx \\- \n", "\\"] {
            assert_eq!(description(text), None, "{text}");
        }
        let long = description(&format!(".SH NAME\nx - {}", "é".repeat(1_000))).unwrap();
        assert_eq!(long.chars().count(), MAX_LETTERS + 1);
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn pages_are_found_beside_the_programs_and_nothing_else_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let man = dir.path().join("share/man");
        fs::create_dir_all(man.join("man1")).unwrap();
        fs::create_dir_all(man.join("man8")).unwrap();
        let page = |about: &str| format!(".SH NAME\nx \\- {about}\n");
        fs::write(man.join("man1/plain.1"), page("plain")).unwrap();
        fs::write(man.join("man1/packed.1.gz"), gzip(&page("packed"))).unwrap();
        fs::write(man.join("man8/packed.8"), page("of the second section")).unwrap();
        fs::write(man.join("man8/CA.pl.1ssl"), page("with a dot")).unwrap();
        fs::write(man.join("man1/other.1"), ".so man1/packed.1\n").unwrap();
        fs::write(dir.path().join("secret.1"), page("secret")).unwrap();
        fs::write(man.join("man1/up.1"), ".so ../../secret.1\n").unwrap();
        fs::write(man.join("man1/root.1"), format!(".so {}\n", dir.path().join("secret.1").display()))
            .unwrap();
        fs::write(man.join("man1/loop.1"), ".so man1/loop.1\n").unwrap();
        fs::write(man.join("man1/broken.1.gz"), b"\x1f\x8b rubbish").unwrap();
        nix::unistd::mkfifo(&man.join("man1/pipe.1"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let pages = ManPages::default();
        let path = format!("relative/bin:{}", dir.path().join("bin").display());
        for (program, expected) in [
            ("plain", Some("plain")),
            ("packed", Some("packed")),
            ("CA.pl", Some("with a dot")),
            ("other", Some("packed")),
            ("up", None),
            ("root", None),
            ("loop", None),
            ("broken", None),
            ("pipe", None),
            ("no such page", None),
        ] {
            assert_eq!(pages.description(&path, program).as_deref(), expected, "{program}");
        }
    }

    proptest! {
        #[test]
        fn no_page_is_too_odd(text in "(\\.S[Hh] ?NAME\n)?[\\\\.fs(\\[\\]*\"a\n -]{0,40}") {
            let found = description(&text);
            prop_assert!(found.is_none_or(|line| !line.is_empty() && !line.contains('\n')));
        }
    }
}
