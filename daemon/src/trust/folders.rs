//! Folders that may be trusted, and what speaks against it.
//!
//! A folder is trusted by its real path, links followed, and so is everything below it. What others can write to, or
//! own, may be trusted when the user knows it; all of a home, or of the machine, cannot.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User, geteuid};
use protocol::{Action, Candidate, Edit, Kind};

use super::{Refusal, Untrusted};

/// The source of the row that asks for trust.
pub const SOURCE: &str = "trust";

/// The permission to write for everyone.
const EVERYONE: u32 = 0o002;

/// A folder that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Offer {
    /// Its real path.
    pub folder: PathBuf,
    /// What the user must know first.
    pub concerns: Vec<Concern>,
}

/// What speaks against trusting a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Concern {
    /// Everyone may write to this folder, which is the one or above it.
    Writable(PathBuf),
    /// This folder, which is the one or above it, belongs to this user.
    Foreign(PathBuf, String),
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Concern::Writable(folder) => write!(f, "everyone may write to {}", folder.display()),
            Concern::Foreign(folder, user) => write!(f, "{} belongs to {user}", folder.display()),
        }
    }
}

/// Why a folder is never trusted.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It cannot be looked at.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is none.
    #[error("it is not a folder")]
    Other,
    /// A home, or what homes are in.
    #[error(
        "all that was ever downloaded or checked out below it would be trusted with it; trust the folders that need it"
    )]
    Home,
    /// Another user's, in a place where everyone can put one.
    #[error("it belongs to {0}, and lies where everyone can put a folder")]
    Planted(String),
}

/// Looks at a folder. Blocks on the file system.
///
/// # Errors
/// When it is never trusted.
pub fn look(folder: &Path) -> Result<Offer, Unfit> {
    let folder = folder.canonicalize()?;
    if !folder.metadata()?.is_dir() {
        return Err(Unfit::Other);
    }
    if homes().iter().any(|home| home.starts_with(&folder)) {
        return Err(Unfit::Home);
    }
    let mut concerns = Vec::new();
    for above in folder.ancestors() {
        concerns.extend(concern(above, &above.metadata()?, geteuid()));
    }
    match planted(&concerns) {
        Some(owner) => Err(Unfit::Planted(owner.to_owned())),
        None => Ok(Offer { folder, concerns }),
    }
}

/// Whose folder lies below one that everyone may write to: its path may have been another one's before. The concerns are
/// those of a folder and then of those above it.
fn planted(concerns: &[Concern]) -> Option<&str> {
    let foreign = concerns.iter().enumerate().find_map(|(at, concern)| match concern {
        Concern::Foreign(_, owner) => Some((at, owner)),
        Concern::Writable(_) => None,
    });
    let (at, owner) = foreign?;
    let is_open = concerns[at..].iter().any(|concern| matches!(concern, Concern::Writable(_)));
    is_open.then_some(owner.as_str())
}

/// What speaks against a folder or one above it; root's folders are as good as one's own.
fn concern(folder: &Path, found: &Metadata, us: Uid) -> Option<Concern> {
    let owner = Uid::from_raw(found.uid());
    if found.mode() & EVERYONE != 0 {
        return Some(Concern::Writable(folder.to_owned()));
    }
    let is_ours = owner == us || owner.is_root();
    let name = || User::from_uid(owner).ok().flatten().map_or_else(|| owner.to_string(), |user| user.name);
    (!is_ours).then(|| Concern::Foreign(folder.to_owned(), name()))
}

/// The homes of this user: what the environment says, and what the system says.
fn homes() -> Vec<PathBuf> {
    let said = std::env::var_os("HOME").map(PathBuf::from);
    let system = User::from_uid(geteuid()).ok().flatten().map(|user| user.dir);
    let real = |home: PathBuf| home.canonicalize().unwrap_or(home);
    said.into_iter().chain(system).filter(|home| home.is_absolute()).map(real).collect()
}

/// The row that asks for trust, when something was refused for the lack of it. Accepting it changes nothing in the line,
/// of which the cursor stands here.
pub fn row(refused: &[Refusal], cursor: u32) -> Option<Candidate> {
    let untrusted = || {
        refused.iter().filter_map(|refusal| match refusal {
            Refusal::NotTrusted(untrusted) => Some(untrusted),
            _ => None,
        })
    };
    let offer = untrusted().find_map(|untrusted| untrusted.offer.as_ref())?;
    let folder = offer.folder.to_str()?;
    let mut programs: Vec<&str> = Vec::new();
    for Untrusted { program, .. } in untrusted().filter(|untrusted| untrusted.offer.is_some()) {
        if !programs.contains(&program.as_str()) {
            programs.push(program);
        }
    }
    let programs = programs.join(", ");
    let display = format!("Trust this folder to run {programs}…");
    Some(Candidate {
        name: display.clone(),
        names: vec![display.clone()],
        display,
        kind: Kind::Special,
        description: Some(said(&programs, offer, folder)),
        source: SOURCE.to_owned(),
        edit: Edit { start: cursor, end: cursor, text: String::new(), cursor },
        action: Some(Action::Trust(folder.to_owned())),
        ..Candidate::default()
    })
}

/// What the row is about.
fn said(programs: &str, offer: &Offer, folder: &str) -> String {
    let what = format!(
        "{programs} would run while you type, and does what files in {folder} say. Trusts it and all below; `q trust \
         --revoke` takes it back."
    );
    let concerns: Vec<String> = offer.concerns.iter().map(|concern| format!(" But {concern}.")).collect();
    what + &concerns.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn folder(mode: u32) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        dir
    }

    #[test]
    fn folders_are_taken_by_their_real_path() {
        let dir = folder(0o700);
        fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        let real = dir.path().canonicalize().unwrap().join("real");
        assert_eq!(look(&dir.path().join("link")).unwrap().folder, real);
        assert!(matches!(look(&dir.path().join("missing")), Err(Unfit::Io(_))));
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(matches!(look(&dir.path().join("file")), Err(Unfit::Other)));
    }

    #[test]
    fn all_of_a_home_or_a_machine_is_too_much() {
        for folder in homes().iter().flat_map(|home| home.ancestors()).filter(|folder| folder.exists()) {
            assert!(matches!(look(folder), Err(Unfit::Home)), "{folder:?}");
        }
    }

    #[test]
    fn what_others_can_change_is_said() {
        let dir = folder(0o777);
        fs::create_dir(dir.path().join("inner")).unwrap();
        let open = dir.path().canonicalize().unwrap();
        let concerns = look(&dir.path().join("inner")).unwrap().concerns;
        assert!(concerns.contains(&Concern::Writable(open.clone())), "{concerns:?}");
        assert!(concerns.iter().all(|concern| !concern.to_string().contains("inner")));
        let other = concern(&open, &folder(0o700).path().metadata().unwrap(), Uid::from_raw(54_321));
        match geteuid().is_root() {
            true => assert_eq!(other, None, "root's folders are as good as one's own"),
            false => assert!(other.unwrap().to_string().contains("belongs to")),
        }
    }

    #[test]
    fn another_ones_folder_in_a_shared_place_is_never_trusted() {
        let foreign = |path: &str| Concern::Foreign(path.into(), "other".into());
        let open = |path: &str| Concern::Writable(path.into());
        for (concerns, expected) in [
            (vec![foreign("/tmp/x"), open("/tmp")], Some("other")),
            (vec![foreign("/tmp/x/y"), foreign("/tmp/x"), open("/tmp")], Some("other")),
            (vec![open("/tmp/x"), open("/tmp")], None),
            (vec![open("/srv/x/y"), foreign("/srv/x")], None),
            (vec![foreign("/srv/x")], None),
            (vec![], None),
        ] {
            assert_eq!(planted(&concerns), expected, "{concerns:?}");
        }
    }

    #[test]
    fn the_row_says_what_it_is_about() {
        let offer = Some(Offer { folder: "/r".into(), concerns: vec![Concern::Writable("/tmp".into())] });
        let refusal =
            |program: &str, offer| Refusal::NotTrusted(Untrusted { program: program.into(), offer });
        let refused = [
            Refusal::Network,
            refusal("gone", None),
            refusal("rake", offer.clone()),
            refusal("php", offer.clone()),
            refusal("rake", offer),
        ];
        let row = row(&refused, 5).unwrap();
        assert_eq!(row.display, "Trust this folder to run rake, php…");
        assert_eq!(
            (row.source.as_str(), row.kind, row.action),
            ("trust", Kind::Special, Some(Action::Trust("/r".into())))
        );
        assert_eq!(row.edit.apply("rake ").as_deref(), Some("rake "));
        let said = row.description.unwrap();
        assert!(said.contains("/r") && said.ends_with("But everyone may write to /tmp."), "{said}");
        assert_eq!(super::row(&refused[..2], 5), None);
    }
}
