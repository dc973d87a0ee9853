//! The three shells, and what a test must know of each: its rc file and the prompt it shows.

/// The prompt in every throwaway home: two cells, the same in every shell, without colour.
pub(crate) const PROMPT: &str = "$ ";

/// A shell under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// All of them.
    pub const ALL: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    /// Its name, which is also that of its program.
    pub fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }

    /// Its rc file, relative to the home directory.
    pub fn rc_file(self) -> &'static str {
        match self {
            Shell::Bash => ".bashrc",
            Shell::Zsh => ".zshrc",
            Shell::Fish => ".config/fish/config.fish",
        }
    }

    /// The file of login shells, relative to the home directory, and its contents; fish has none of its own.
    pub fn login_file(self) -> Option<(&'static str, &'static str)> {
        match self {
            Shell::Bash => Some((".bash_profile", "[ -f ~/.bashrc ] && . ~/.bashrc\n")),
            Shell::Zsh => Some((".zprofile", "")),
            Shell::Fish => None,
        }
    }

    /// A user's rc file: a plain prompt, nothing coloured, so that whatever has a colour on the screen is Q's.
    pub fn rc(self) -> &'static str {
        match self {
            Shell::Bash => "PS1='$ '\nPS2='> '\nHISTFILE=~/.bash_history\nset -o emacs\n",
            Shell::Zsh => {
                "PS1='$ '\nPS2='> '\nHISTFILE=~/.zsh_history\nSAVEHIST=1000\nbindkey -e\nzle_highlight=(none)\n"
            }
            Shell::Fish => FISH_RC,
        }
    }
}

/// fish colours the line and suggests by itself unless told otherwise.
const FISH_RC: &str = "\
function fish_prompt; printf '$ '; end
function fish_greeting; end
function fish_title; end
set -g fish_autosuggestion_enabled 0
for name in normal command keyword quote redirection end error param option comment operator escape \\
    autosuggestion valid_path selection search_match cancel cwd user host status
    set -g fish_color_$name normal
end
";
