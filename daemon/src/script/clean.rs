//! The output of a program as functions of specs expect it.

/// What terminals are told to show the cursor again; programs that hid it print it last.
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// Cleans the output of a program as the format wants it: line feeds alone end lines, and neither the first nor the
/// last line is empty.
#[must_use]
pub fn clean(output: &str) -> String {
    let text = output.replace("\r\n", "\n").replace(SHOW_CURSOR, "");
    text.trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_alike_and_the_outer_ones_say_something() {
        for (output, expected) in [
            ("a\r\nb\r\n", "a\nb"),
            ("\n\n  a\n\nb \n\n", "  a\n\nb "),
            ("a\u{1b}[?25h\n", "a"),
            ("\u{1b}[?25h", ""),
            ("\r", "\r"),
            ("", ""),
        ] {
            assert_eq!(clean(output), expected, "{output:?}");
        }
    }
}
