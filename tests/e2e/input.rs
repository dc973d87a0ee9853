//! Keys arrive: typed before the first prompt, pasted by the hundred kilobyte, interrupted, pressed while Q draws.

use harness::{Home, Shell, menu};

use crate::steps::{open_menu, start, wait_for_no_menu};

in_each_shell!(
    typed_before_the_first_prompt,
    a_line_typed_before_the_first_prompt_has_its_menu,
    a_large_paste,
    a_paste_of_several_lines_is_not_run,
    control_c_gives_the_line_up,
    control_c_stops_a_command,
    a_burst_of_lines,
    job_control
);

fn typed_before_the_first_prompt(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = home.launch(shell).start();
    terminal.send(b"echo early\r");
    terminal.wait_until("the output of what was typed early", |screen| screen.has_row("early"));
    terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
    terminal.run("echo late");
}

fn a_line_typed_before_the_first_prompt_has_its_menu(shell: Shell) {
    let home = Home::with_q(shell);
    let terminal = home.launch(shell).start();
    terminal.send(b"git che");
    terminal.wait_until("the menu of the line", |screen| menu(screen).has("checkout"));
}

fn a_large_paste(shell: Shell) {
    let (_home, terminal) = start(shell);
    let (value, count) = match shell {
        Shell::Fish => ("set x '", "string length -- $x"),
        _ => ("x='", "echo ${#x}"),
    };
    let size = 100 << 10;
    let pasted = format!("\x1b[200~{value}{}'\x1b[201~", "q".repeat(size));
    terminal.wait_until("a shell that brackets pastes", |screen| screen.brackets_paste());
    terminal.send(pasted.as_bytes());
    terminal.settle();
    terminal.keys("<Enter>");
    terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
    let screen = terminal.run(count);
    assert!(screen.has_row(&size.to_string()), "{}", screen.dump());
}

fn a_paste_of_several_lines_is_not_run(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.wait_until("a shell that brackets pastes", |screen| screen.brackets_paste());
    terminal.send(b"\x1b[200~echo first\necho second\x1b[201~");
    terminal.wait_until("both lines in the editor", |screen| screen.before_cursor().ends_with("echo second"));
    let screen = terminal.settle();
    assert!(!screen.has_row("first"), "{}", screen.dump());
    terminal.keys("<Enter>");
    terminal.wait_until("both outputs", |screen| screen.has_row("first") && screen.has_row("second"));
}

fn control_c_gives_the_line_up(shell: Shell) {
    let (_home, terminal) = start(shell);
    open_menu(&terminal, "git che", "checkout");
    terminal.settle();
    terminal.keys("<C-c>");
    terminal.wait_until("an empty line", |screen| screen.is_at_prompt());
    wait_for_no_menu(&terminal);
    let screen = terminal.run("echo after");
    assert!(screen.has_row("after"), "{}", screen.dump());
}

fn control_c_stops_a_command(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.type_line("echo begun; sleep 1000");
    terminal.keys("<Enter>");
    terminal.wait_until("the command runs", |screen| screen.has_row("begun"));
    terminal.settle();
    terminal.keys("<C-c>");
    terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
    open_menu(&terminal, "git che", "checkout");
}

fn a_burst_of_lines(shell: Shell) {
    let (home, terminal) = start(shell);
    let lines: String = (0..50).map(|number| format!("echo line {number} >> burst.txt\r")).collect();
    terminal.send(lines.as_bytes());
    terminal.send(b"echo all done\r");
    terminal.wait_until("the last line has run", |screen| screen.has_row("all done"));
    let expected: String = (0..50).map(|number| format!("line {number}\n")).collect();
    assert_eq!(String::from_utf8_lossy(&home.read("burst.txt")), expected);
}

fn job_control(shell: Shell) {
    let (_home, terminal) = start(shell);
    terminal.type_line("cat");
    terminal.keys("<Enter>");
    terminal.settle();
    terminal.keys("hello<Enter>");
    terminal.wait_until("cat's answer", |screen| screen.text().matches("hello").count() == 2);
    terminal.keys("<C-z>");
    terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
    terminal.settle();
    open_menu(&terminal, "git che", "checkout");
    terminal.keys("<C-u>");
    terminal.wait_for_line("");
    terminal.keys("fg<Enter>");
    terminal.settle();
    terminal.keys("again<Enter>");
    terminal.wait_until("cat's answer", |screen| screen.text().matches("again").count() == 2);
    terminal.keys("<C-d>");
    terminal.wait_until("a prompt", |screen| screen.is_at_prompt());
}
