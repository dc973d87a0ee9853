//! Changes of which folders are trusted, and the list of them, as clients ask for it.

use std::path::{Path, PathBuf};

use protocol::{TrustAnswer, TrustFolder, TrustedFolder};

use crate::store::Store;
use crate::trust::look;

/// Trusts a folder, or no longer. Blocks on the file system and on the database.
///
/// # Errors
/// Says why not, in a sentence for people.
pub(crate) fn change(store: &Store, wanted: &TrustFolder) -> Result<TrustAnswer, String> {
    let folder = Path::new(&wanted.folder);
    if !folder.is_absolute() {
        return Err(format!("{} is not an absolute path", wanted.folder));
    }
    match wanted.revoke {
        true => revoke(store, folder),
        false => trust(store, folder, wanted.anyway),
    }
}

fn trust(store: &Store, folder: &Path, anyway: bool) -> Result<TrustAnswer, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("{} cannot be trusted: {why}", folder.display());
    let offer = look(folder).map_err(|error| cannot(&error))?;
    let was = by(store, &offer.folder);
    if was.as_deref() != Some(&offer.folder) && (anyway || offer.concerns.is_empty()) {
        store.trust(&offer.folder).map_err(|error| cannot(&error))?;
    }
    let by = by(store, &offer.folder);
    Ok(TrustAnswer {
        folder: shown(&offer.folder),
        changed: by != was,
        by: by.as_deref().map(shown),
        concerns: offer.concerns.iter().map(ToString::to_string).collect(),
    })
}

/// A folder that is not there any more is revoked by the path that it is called.
fn revoke(store: &Store, folder: &Path) -> Result<TrustAnswer, String> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let cannot = |error| format!("the trust in {} stays: {error}", folder.display());
    let changed = store.revoke(&folder).map_err(cannot)?;
    let by = by(store, &folder).as_deref().map(shown);
    Ok(TrustAnswer { folder: shown(&folder), by, changed, concerns: Vec::new() })
}

/// The trusted folder that this one is or is below.
fn by(store: &Store, folder: &Path) -> Option<PathBuf> {
    let trusted = store.trusted();
    folder.ancestors().find(|above| trusted.iter().any(|trusted| trusted.dir == *above)).map(Path::to_owned)
}

/// The folders that are trusted.
pub(crate) fn list(store: &Store) -> Vec<TrustedFolder> {
    let trusted = store.trusted().into_iter();
    trusted.map(|trusted| TrustedFolder { folder: shown(&trusted.dir), since: trusted.since }).collect()
}

fn shown(folder: impl AsRef<Path>) -> String {
    folder.as_ref().display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    use crate::store::Access;

    /// A store on disk, and a folder with others in it.
    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("repo/sub")).unwrap();
        symlink("repo", dir.path().join("link")).unwrap();
        let store = Store::open(dir.path().join("q.sqlite3"), Access::Write);
        (dir, store)
    }

    fn wanted(folder: &Path, revoke: bool, anyway: bool) -> TrustFolder {
        TrustFolder { folder: folder.to_str().unwrap().into(), revoke, anyway }
    }

    #[test]
    fn a_folder_is_trusted_with_all_below_until_it_is_revoked() {
        let (dir, store) = store();
        let real = dir.path().canonicalize().unwrap().join("repo");
        let ask = |name: &str, revoke| change(&store, &wanted(&dir.path().join(name), revoke, true)).unwrap();
        let answer = ask("link", false);
        assert_eq!((answer.folder.as_str(), answer.changed), (real.to_str().unwrap(), true));
        assert_eq!(answer.by.as_deref(), real.to_str());
        assert!(store.trusts(&real.join("sub")));
        assert!(!ask("repo", false).changed, "again");
        assert_eq!(ask("repo/sub", true).by.as_deref(), real.to_str(), "it is trusted for the one above");
        let gone = ask("link", true);
        assert_eq!((gone.changed, gone.by), (true, None));
        assert!(!ask("repo", true).changed);
        assert!(list(&store).is_empty());
    }

    #[test]
    fn what_speaks_against_it_must_be_known() {
        let (dir, store) = store();
        let open = dir.path().join("repo");
        fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let answer = change(&store, &wanted(&open, false, false)).unwrap();
        assert!(!answer.concerns.is_empty() && !answer.changed && answer.by.is_none());
        assert!(!store.trusts(&open.canonicalize().unwrap()));
        assert!(change(&store, &wanted(Path::new("relative"), false, true)).is_err());
        assert!(change(&store, &wanted(Path::new("/"), false, true)).is_err());
    }

    #[test]
    fn a_folder_that_is_gone_can_be_revoked() {
        let (dir, store) = store();
        let real = dir.path().canonicalize().unwrap().join("repo");
        change(&store, &wanted(&real, false, true)).unwrap();
        fs::remove_dir_all(&real).unwrap();
        assert!(change(&store, &wanted(&real, true, false)).unwrap().changed);
    }
}
