//! Where the other programs of Q are: beside this one.

use std::{io, path::PathBuf};

/// The path of a program of ours. Links are resolved, so that `~/.local/bin/q` may be one.
pub(crate) fn beside(name: &str) -> io::Result<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.canonicalize().unwrap_or(this).with_file_name(name))
}

/// The path of this program.
pub(crate) fn this() -> io::Result<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.canonicalize().unwrap_or(this))
}

/// The daemon: beside this program, else wherever `PATH` has it.
pub(crate) fn daemon() -> io::Result<PathBuf> {
    let daemon = beside("qd")?;
    Ok(if daemon.exists() { daemon } else { PathBuf::from("qd") })
}
