//! How things look on this terminal: colours, icons and marks, resolved once from the environment.
//!
//! Colours are in foreground and background pairs, so that they can be read on dark and on light terminals. The selected
//! row is in reverse video and has a marker, so that it is seen without any colour too.

use protocol::Kind;

/// Names of terminals that have 256 colours without saying so in their name.
const COLOURFUL: [&str; 9] =
    ["256color", "direct", "kitty", "alacritty", "foot", "ghostty", "wezterm", "contour", "iterm"];

/// Names of terminals that have no colours.
const COLOURLESS: [&str; 5] = ["dumb", "vt100", "vt102", "vt220", "-m"];

/// How many colours may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colours {
    /// The palette of 256.
    Many,
    /// The 16 of the user's theme: only attributes are safe to read.
    Few,
    /// None.
    None,
}

/// What a piece of the overlay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Names and blanks.
    Body,
    /// Characters of a name that match what is typed.
    Match,
    /// The icon of a row, and the hints after its name.
    Hint,
    /// The icon of a row that destroys something.
    Danger,
    /// The description.
    Footer,
    /// The part of the right edge that shows where in the list we are.
    Thumb,
}

/// The look of everything that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    colours: Colours,
    /// The terminal does not take UTF-8, or has no font for it.
    ascii: bool,
}

impl Style {
    /// The style for a terminal with this environment.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Style {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_else(|| "dumb".into());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
        let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        let has_colours = set("NO_COLOR").is_none() && !COLOURLESS.iter().any(|name| term.ends_with(name));
        let has_many = set("COLORTERM").is_some() || COLOURFUL.iter().any(|name| term.contains(name));
        let colours = match (has_colours, has_many) {
            (false, _) => Colours::None,
            (true, true) => Colours::Many,
            (true, false) => Colours::Few,
        };
        Style { colours, ascii: !utf8 || matches!(term.as_str(), "dumb" | "linux") }
    }

    /// Whether only ASCII may be printed.
    pub(super) fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// The parameters of SGR for a piece. They start from nothing, so that what was set before does not matter.
    pub(super) fn sgr(&self, role: Role, selected: bool) -> &'static str {
        let is_bold = matches!(role, Role::Match | Role::Danger);
        match (self.colours, selected && role != Role::Thumb && role != Role::Footer) {
            (Colours::Many, true) if is_bold => "0;1;7;38;5;254;48;5;235",
            (Colours::Many, true) => "0;7;38;5;254;48;5;235",
            (_, true) if is_bold => "0;1;7",
            (_, true) => "0;7",
            (Colours::Many, false) => many(role),
            (_, false) => few(role),
        }
    }

    /// The same for the ghost text. Dim alone cannot be seen on every terminal, so without colours it is underlined.
    pub(super) fn ghost(&self) -> &'static str {
        match self.colours {
            Colours::Many => "0;38;5;244",
            Colours::Few => "0;2",
            Colours::None => "0;2;4",
        }
    }

    /// What stands for what was cut off.
    pub(super) fn ellipsis(&self) -> char {
        if self.ascii { '~' } else { '…' }
    }

    /// The left and right edge of a row. Without a background of its own the dropdown needs a line there.
    pub(super) fn edge(&self) -> char {
        if self.colours == Colours::Many { ' ' } else { '|' }
    }

    /// The edge where the visible part of the list is.
    pub(super) fn thumb(&self) -> char {
        if self.colours == Colours::Many { ' ' } else { '#' }
    }

    /// The left edge of the selected row.
    pub(super) fn marker(&self) -> char {
        '>'
    }

    /// The icon of a row. Those that are not ASCII have one column in every terminal, East Asian ones too.
    pub(super) fn icon(&self, kind: Kind) -> char {
        match kind {
            Kind::Subcommand if self.ascii => '+',
            Kind::Subcommand => '▸',
            Kind::Option => '-',
            Kind::Arg => '=',
            Kind::File => '.',
            Kind::Folder => '/',
            Kind::Command => '>',
            Kind::Alias => '@',
            Kind::Variable => '$',
            Kind::History if self.ascii => '<',
            Kind::History => '↺',
            Kind::Special => '*',
        }
    }
}

fn many(role: Role) -> &'static str {
    match role {
        Role::Body => "0;38;5;252;48;5;236",
        Role::Match => "0;1;38;5;231;48;5;236",
        Role::Hint => "0;38;5;248;48;5;236",
        Role::Danger => "0;1;38;5;210;48;5;236",
        Role::Footer => "0;38;5;250;48;5;235",
        Role::Thumb => "0;38;5;252;48;5;244",
    }
}

fn few(role: Role) -> &'static str {
    match role {
        Role::Match => "0;1;4",
        Role::Danger => "0;1",
        _ => "0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(variables: &[(&str, &str)]) -> Style {
        let find =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string());
        Style::from_env(find)
    }

    #[test]
    fn colours_follow_the_terminal() {
        for (variables, colours) in [
            (&[("TERM", "xterm-256color")][..], Colours::Many),
            (&[("TERM", "xterm-kitty")], Colours::Many),
            (&[("TERM", "xterm"), ("COLORTERM", "truecolor")], Colours::Many),
            (&[("TERM", "xterm")], Colours::Few),
            (&[("TERM", "linux")], Colours::Few),
            (&[("TERM", "vt220")], Colours::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Colours::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Colours::Many),
            (&[], Colours::None),
        ] {
            assert_eq!(style(variables).colours, colours, "{variables:?}");
        }
    }

    #[test]
    fn ascii_where_the_locale_is_not_utf8() {
        for (variables, ascii) in [
            (&[("TERM", "xterm"), ("LANG", "C.UTF-8")][..], false),
            (&[("TERM", "xterm"), ("LANG", "de_DE.utf8")], false),
            (&[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("LC_ALL", "C")], true),
            (&[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("LC_ALL", "")], false),
            (&[("TERM", "xterm")], true),
            (&[("TERM", "linux"), ("LANG", "C.UTF-8")], true),
        ] {
            assert_eq!(style(variables).ascii, ascii, "{variables:?}");
        }
    }

    #[test]
    fn colours_come_in_pairs_and_a_selected_row_is_reversed() {
        let roles = [Role::Body, Role::Match, Role::Hint, Role::Danger, Role::Footer, Role::Thumb];
        for variables in [&[("TERM", "xterm-256color")][..], &[("TERM", "xterm")], &[]] {
            let style = style(variables);
            for (role, selected) in roles.into_iter().flat_map(|role| [(role, false), (role, true)]) {
                let sgr = style.sgr(role, selected);
                assert_eq!(sgr.contains("38;5;"), sgr.contains("48;5;"), "{role:?}: {sgr}");
                let is_row = !matches!(role, Role::Footer | Role::Thumb);
                assert_eq!(
                    sgr.split(';').any(|parameter| parameter == "7"),
                    selected && is_row,
                    "{role:?}: {sgr}"
                );
            }
        }
    }
}
