//! The files that shells read when they start: which they are, and Q's blocks in them.
//!
//! bash and zsh get a block at the top and one at the end of the user's own rc files. fish reads a folder of files, so that
//! two files there are Q's alone, and none of the user's is touched.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use protocol::{Shell, paths::Paths};

use super::{
    Integration, Report, Standing,
    backup::Backups,
    block::{self, Block, Place, State},
    rc_file::{self, RcFile},
};
use crate::{init::Stage, programs, quote, shell};

/// Files that a login bash reads one of. Any of them may be the one, and may read `.bashrc` in turn or not; the scripts
/// see to it that the second block of a shell does nothing.
const BASH_LOGIN_FILES: [&str; 3] = [".bash_profile", ".bash_login", ".profile"];

/// The dotfiles of one user.
pub(crate) struct Dotfiles {
    targets: Vec<Target>,
    backups: PathBuf,
}

/// A file, and what should be in it.
struct Target {
    shell: Shell,
    path: PathBuf,
    blocks: Vec<Block>,
    /// It is made when it does not exist.
    make: bool,
}

/// Where a user's files are.
#[derive(Debug)]
struct Places {
    home: PathBuf,
    /// The folder of zsh's files.
    zsh: PathBuf,
    /// The folder of fish's files.
    fish: PathBuf,
}

impl Dotfiles {
    /// The dotfiles of this user: those of one shell, or of each shell that is in use.
    pub(crate) fn here(paths: &Paths, named: Option<Shell>) -> anyhow::Result<Dotfiles> {
        let home = etcetera::home_dir().context("there is no home directory; set HOME")?;
        let places = Places::new(home, |name| std::env::var_os(name));
        let program = programs::this()?;
        anyhow::ensure!(
            quote::fits_a_line(&program),
            "the path of q has control characters and cannot stand in an rc file; move q to another folder"
        );
        let targets = targets(&places, named, shell::of_user(), &program);
        Ok(Dotfiles { targets, backups: paths.state.join("backups") })
    }

    fn each(&self, act: impl Fn(&Target, &mut Backups) -> Result<Report, Refusal>) -> Vec<Report> {
        let mut backups = Backups::new(self.backups.clone());
        self.targets
            .iter()
            .map(|target| act(target, &mut backups).unwrap_or_else(|error| target.refused(error)))
            .collect()
    }
}

impl Integration for Dotfiles {
    fn install(&self) -> Vec<Report> {
        self.each(Target::install)
    }

    fn uninstall(&self) -> Vec<Report> {
        // Folders that were made go with the first file that was made in them, which is the last to be removed.
        let mut backups = Backups::new(self.backups.clone());
        let remove =
            |target: &Target| target.uninstall(&mut backups).unwrap_or_else(|error| target.refused(error));
        let mut reports: Vec<Report> = self.targets.iter().rev().map(remove).collect();
        reports.reverse();
        reports
    }

    fn status(&self) -> Vec<Report> {
        self.each(|target, _| target.status())
    }
}

/// Why nothing was done to a file.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    File(#[from] rc_file::Error),
    #[error("its folder cannot be made: {0}")]
    Folder(io::Error),
    #[error("no copy could be kept, so nothing was changed: {0}")]
    Backup(io::Error),
}

impl Refusal {
    fn standing(&self) -> Standing {
        match self {
            Refusal::File(rc_file::Error::Unreadable(_)) => Standing::Unreadable,
            Refusal::File(rc_file::Error::ReadOnly(_)) => Standing::ReadOnly,
            _ => Standing::Failed,
        }
    }
}

impl Target {
    fn install(&self, backups: &mut Backups) -> Result<Report, Refusal> {
        let file = RcFile::read(&self.path)?;
        let state = block::state(&file.text, &self.blocks);
        if matches!(state, State::Installed | State::Ignored) {
            return Ok(self.report(state.into()));
        }
        let old = block::remove(&file.text);
        if file.exists() {
            file.demand_writable()?;
            let backup = backups.keep(&file.target, &file.text).map_err(Refusal::Backup)?;
            file.replace(&block::add(&old.text, &self.blocks, old.made))?;
            return Ok(Report { backup: Some(backup), ..self.changed(Standing::Installed) });
        }
        let folders = make_folders(&file.target).map_err(Refusal::Folder)?;
        file.replace(&block::add(b"", &self.blocks, Some(folders)))?;
        Ok(self.changed(Standing::Installed))
    }

    fn uninstall(&self, backups: &mut Backups) -> Result<Report, Refusal> {
        let file = RcFile::read(&self.path)?;
        let left = block::remove(&file.text);
        if left.text == file.text {
            return Ok(self.report(Standing::NotInstalled));
        }
        file.demand_writable()?;
        let backup = backups.keep(&file.target, &file.text).map_err(Refusal::Backup)?;
        match left.made {
            Some(folders) if left.text.is_empty() => {
                file.delete()?;
                remove_folders(&file.target, folders);
            }
            _ => file.replace(&left.text)?,
        }
        Ok(Report { backup: Some(backup), ..self.changed(Standing::NotInstalled) })
    }

    fn status(&self) -> Result<Report, Refusal> {
        let file = RcFile::read(&self.path)?;
        let state = Standing::from(block::state(&file.text, &self.blocks));
        Ok(Report { message: advice(state).map(str::to_owned), ..self.report(state) })
    }

    fn report(&self, state: Standing) -> Report {
        Report {
            integration: "dotfiles",
            shell: self.shell.name(),
            file: self.path.clone(),
            state,
            changed: false,
            backup: None,
            message: None,
        }
    }

    fn changed(&self, state: Standing) -> Report {
        Report { changed: true, ..self.report(state) }
    }

    /// What is said when nothing could be done: why, and what to do by hand.
    fn refused(&self, refusal: Refusal) -> Report {
        let state = refusal.standing();
        let by_hand = if state == Standing::ReadOnly { self.by_hand() } else { String::new() };
        Report { message: Some(format!("{refusal}{by_hand}")), ..self.report(state) }
    }

    fn by_hand(&self) -> String {
        let mut text = String::new();
        for block in &self.blocks {
            let place = match block.place {
                Place::Top => "first",
                Place::Bottom => "last",
            };
            let lines = block::add(b"", std::slice::from_ref(block), None);
            text += &format!("\nits {place} lines should be\n{}", String::from_utf8_lossy(&lines));
        }
        format!("; change it where it is made:{}", text.trim_end())
    }
}

impl From<State> for Standing {
    fn from(state: State) -> Standing {
        match state {
            State::Installed => Standing::Installed,
            State::Absent => Standing::NotInstalled,
            State::Misplaced => Standing::Misplaced,
            State::Outdated => Standing::Outdated,
            State::Ignored => Standing::Ignored,
        }
    }
}

/// What to do about a file that is not as it should be, besides one in which Q is just not installed.
fn advice(state: Standing) -> Option<&'static str> {
    match state {
        Standing::Misplaced => Some(
            "something stands before the first block or after the last; `q integrations install` moves the blocks",
        ),
        Standing::Outdated => {
            Some("the blocks are of another version or installation; run `q integrations install`")
        }
        _ => None,
    }
}

impl Places {
    fn new(home: PathBuf, env: impl Fn(&str) -> Option<OsString>) -> Places {
        let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Places {
            zsh: folder("ZDOTDIR").unwrap_or_else(|| home.clone()),
            fish: folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("fish"),
            home,
        }
    }
}

/// The files of one shell, or of each shell that is in use: the user's own, and each that has files already.
fn targets(places: &Places, named: Option<Shell>, users: Option<Shell>, program: &Path) -> Vec<Target> {
    let shells = [Shell::Bash, Shell::Zsh, Shell::Fish].into_iter();
    let asked = shells.filter(|shell| named.is_none_or(|named| named == *shell));
    let of_shell = |shell| {
        let make = named == Some(shell) || users == Some(shell);
        let is_wanted = move |target: &Target| target.make || target.path.symlink_metadata().is_ok();
        files(places, shell, make, program).into_iter().filter(is_wanted)
    };
    asked.flat_map(of_shell).collect()
}

/// The files that a shell has or could have.
fn files(places: &Places, shell: Shell, make: bool, program: &Path) -> Vec<Target> {
    let block = |place, stage| Block { place, code: code(shell, stage, program) };
    let (top, bottom) = (block(Place::Top, Stage::Pre), block(Place::Bottom, Stage::Post));
    let both = |path: PathBuf, make| Target { shell, path, blocks: vec![top.clone(), bottom.clone()], make };
    match shell {
        Shell::Bash => {
            let logins = BASH_LOGIN_FILES.iter().map(|name| both(places.home.join(name), false));
            std::iter::once(both(places.home.join(".bashrc"), make)).chain(logins).collect()
        }
        Shell::Zsh => vec![both(places.zsh.join(".zshrc"), make)],
        Shell::Fish => {
            let make = make || places.fish.is_dir();
            let file = |name: &str, block: &Block| Target {
                shell,
                path: places.fish.join("conf.d").join(name),
                blocks: vec![block.clone()],
                make,
            };
            vec![file("00_q_pre.fish", &top), file("99_q_post.fish", &bottom)]
        }
    }
}

/// The line of a block. Nothing happens, and nothing is said, when the program is not there any more.
fn code(shell: Shell, stage: Stage, program: &Path) -> Vec<u8> {
    let template = match shell {
        // A `.profile` is also read by other shells.
        Shell::Bash => {
            r#"if [ -n "${BASH_VERSION-}" ] && [ -x @Q@ ]; then eval "$(@Q@ init bash @STAGE@ 2>/dev/null)"; fi"#
        }
        Shell::Zsh => r#"if [ -x @Q@ ]; then eval "$(@Q@ init zsh @STAGE@ 2>/dev/null)"; fi"#,
        Shell::Fish => "if test -x @Q@; @Q@ init fish @STAGE@ 2>/dev/null | source; end",
    };
    quote::replace(&template.replace("@STAGE@", stage.name()), "@Q@", &quote::quote(program, shell))
}

/// Makes the folders that a file lies in, and says how many there were to make.
fn make_folders(file: &Path) -> io::Result<u8> {
    let missing = file.ancestors().skip(1).take_while(|folder| !folder.exists()).count();
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(u8::try_from(missing).unwrap_or(u8::MAX))
}

/// Removes so many of the folders around a file, as long as nothing else is in them.
fn remove_folders(file: &Path, count: u8) {
    for folder in file.ancestors().skip(1).take(count.into()) {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "/opt/q's/q";

    fn names(home: &Path, named: Option<Shell>, users: Option<Shell>) -> Vec<String> {
        let places = Places::new(home.to_owned(), |_| None);
        let targets = targets(&places, named, users, Path::new(PROGRAM));
        targets.iter().map(|target| target.path.strip_prefix(home).unwrap().display().to_string()).collect()
    }

    #[test]
    fn only_shells_in_use_are_touched() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(names(home.path(), None, None), [""; 0]);
        assert_eq!(names(home.path(), None, Some(Shell::Zsh)), [".zshrc"]);
        assert_eq!(names(home.path(), Some(Shell::Bash), Some(Shell::Zsh)), [".bashrc"]);
        fs::write(home.path().join(".profile"), "").unwrap();
        fs::create_dir_all(home.path().join(".config/fish")).unwrap();
        let fish = [".config/fish/conf.d/00_q_pre.fish", ".config/fish/conf.d/99_q_post.fish"];
        assert_eq!(names(home.path(), Some(Shell::Fish), None), fish);
        assert_eq!(
            names(home.path(), None, Some(Shell::Bash)),
            [&[".bashrc", ".profile"], &fish[..]].concat()
        );
    }

    #[test]
    fn other_folders_are_respected_when_they_are_absolute() {
        let vars = [("ZDOTDIR", "/z"), ("XDG_CONFIG_HOME", "config")];
        let find =
            |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        let places = Places::new("/home/u".into(), find);
        assert_eq!(
            (places.zsh.as_path(), places.fish.as_path()),
            (Path::new("/z"), Path::new("/home/u/.config/fish"))
        );
    }

    #[test]
    fn our_code_is_known_again_in_every_shell() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let code = code(shell, Stage::Pre, Path::new(PROGRAM));
            let blocks = [Block { place: Place::Top, code }];
            assert_eq!(block::remove(&block::add(b"mine\n", &blocks, None)).text, b"mine\n");
        }
    }
}
