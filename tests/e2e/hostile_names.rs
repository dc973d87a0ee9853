//! A file may be called anything: what it does to a terminal is shown, not done.

use harness::{Shell, menu};

use crate::steps::start;

in_each_shell!(control_characters_are_shown_as_text, such_a_name_reaches_the_command);

/// A name that sets the title, changes colours and breaks the line.
const NAME: &str = "evil\x1b]0;pwned\x07\x1b[31m\nname";

fn control_characters_are_shown_as_text(shell: Shell) {
    let (home, terminal) = start(shell);
    home.write(format!("dir/{NAME}"), "reached");
    home.write("dir/evident", "other");
    terminal.run("cd dir");
    let mark = terminal.mark();
    terminal.type_line("cat ev");
    let screen = terminal.wait_until("a row for the name", |screen| {
        menu(screen).rows.iter().any(|row| row.text.contains("evil") && row.text.contains("pwned"))
    });
    assert_eq!(screen.typed().as_deref(), Some("cat ev"), "{}", screen.dump());
    let output = terminal.output_since(mark);
    let contains = |part: &[u8]| output.windows(part.len()).any(|window| window == part);
    assert!(!contains(b"\x1b]0;pwned"), "the name set the title");
    assert!(!contains(b"\x1b[31m\n"), "the name was written raw");
}

fn such_a_name_reaches_the_command(shell: Shell) {
    let (home, terminal) = start(shell);
    home.write(format!("dir/{NAME}"), "reached");
    terminal.run("cd dir");
    terminal.type_line("cat evi");
    terminal.wait_until("a row for the name", |screen| {
        menu(screen).rows.iter().any(|row| row.text.contains("evil"))
    });
    terminal.keys("<Tab>");
    terminal.settle();
    terminal.keys("<Enter>");
    let screen = terminal.wait_until("a prompt after the command", |screen| {
        screen.contains("reached") || screen.is_at_prompt()
    });
    // Inserted in a form that reads back to the same bytes, or not at all.
    let is_inserted = screen.contains("reached");
    let is_refused = screen.contains("$ cat evi") && !screen.contains("$'");
    assert!(is_inserted || is_refused, "{}", screen.dump());
}
