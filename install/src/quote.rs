//! A path as one word of a shell.

use std::{os::unix::ffi::OsStrExt, path::Path};

use protocol::Shell;

/// The path in single quotes, as this shell reads them.
pub(crate) fn quote(path: &Path, shell: Shell) -> Vec<u8> {
    let mut word = vec![b'\''];
    for &byte in path.as_os_str().as_bytes() {
        match (byte, shell) {
            (b'\'' | b'\\', Shell::Fish) => word.extend([b'\\', byte]),
            (b'\'', _) => word.extend(b"'\\''"),
            _ => word.push(byte),
        }
    }
    word.push(b'\'');
    word
}

/// The text with every `pattern` replaced; the replacement need not be UTF-8.
pub(crate) fn replace(text: &str, pattern: &str, replacement: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = text.split(pattern).map(str::as_bytes).collect();
    parts.join(replacement)
}

/// Whether the path can stand in a line of a text file.
pub(crate) fn fits_a_line(path: &Path) -> bool {
    !path.as_os_str().as_bytes().iter().any(u8::is_ascii_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{ffi::OsStr, process::Command};

    #[test]
    fn every_shell_reads_the_path_back() {
        let home = tempfile::tempdir().unwrap();
        for name in [&b"/a b/it's/$HOME/`x`/\\n/\"q\"/*"[..], b"/a\xff\xfe'/\\'", "/ü日本".as_bytes()] {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                let code =
                    [b"printf %s ".as_slice(), &quote(Path::new(OsStr::from_bytes(name)), shell)].concat();
                let output = Command::new(shell.name())
                    .env_clear()
                    .env("PATH", "/usr/bin:/bin")
                    .env("HOME", home.path())
                    .arg("-c")
                    .arg(OsStr::from_bytes(&code))
                    .output()
                    .unwrap();
                assert_eq!(output.stdout, name, "{}", shell.name());
            }
        }
    }

    #[test]
    fn control_characters_do_not_fit_a_line() {
        assert!(fits_a_line(Path::new("/a b/ü")));
        assert!(!fits_a_line(Path::new("/a\nb")));
        assert!(!fits_a_line(Path::new("/a\rb")));
    }
}
