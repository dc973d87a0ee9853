//! A daemon that another version of Q has left behind, one that does not answer, and one that is gone.

use std::{
    fs,
    io::{Read, Write},
    process::{Child, Command, Stdio},
};

use protocol::{FromDaemon, Status, frame};

use crate::{
    home::{Home, copy_program},
    player::{listen, runtime, status},
};

/// Starts a process that says this on the socket whatever it hears, until it is told to end.
fn start_old(home: &Home, says: &[u8]) -> Child {
    home.write("daemon.py", OLD);
    fs::create_dir(runtime(home)).unwrap();
    home.set_mode("../q", 0o700);
    let mut old = Command::new("python3");
    old.arg(home.at("daemon.py")).arg(runtime(home).join("qd.sock")).arg(hex(says));
    let mut child = old.stdout(Stdio::piped()).spawn().unwrap();
    // It says so when it listens.
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    child
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers, then closes, as an old daemon does; removes its socket when it is to end.
const OLD: &str = r#"
import os, signal, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
def leave(*_):
    os.unlink(sys.argv[1])
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
print("x", end="", flush=True)
while True:
    client, _ = listener.accept()
    client.recv(4096)
    client.sendall(bytes.fromhex(sys.argv[2]))
    client.recv(4096)
    client.close()
"#;

#[test]
fn a_daemon_of_another_version_is_ended_and_ours_is_started() {
    let status = Status { version: "0.0.1".into(), ..Status::default() };
    let of_old_program = frame::encode(&FromDaemon::Status(status)).unwrap();
    for says in [&[frame::VERSION - 1, 1, 0, 0, 0, 0][..], &of_old_program] {
        is_ended(says);
    }
}

fn is_ended(says: &[u8]) {
    let mut home = Home::new();
    home.move_program("bin");
    // What is started in its place notes that, and is of this version.
    let ours = hex(&frame::encode(&FromDaemon::Status(status())).unwrap());
    let socket = runtime(&home).join("qd.sock");
    let code = format!(
        "#!/bin/sh\necho started >>\"$HOME/note\"\nexec python3 \"$HOME/daemon.py\" '{}' {ours}\n",
        socket.display()
    );
    home.write("program", code);
    home.set_mode("program", 0o755);
    copy_program(&home.at("program"), &home.at("bin/qd"));
    let mut old = start_old(&home, says);
    let output = home.q(&["complete", "git "]);
    assert!(old.wait().unwrap().success(), "it was asked to end");
    assert_eq!(home.read("note"), "started\n");
    // All that the new one says is what it is.
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("ask again"), "{errors}");
    assert_eq!(home.q_says(&["quit"]), "qd has ended\n");
}

#[test]
fn a_daemon_that_closes_or_babbles_is_an_error_with_advice() {
    for (said, expected) in [
        (&b""[..], "error: qd ended without an answer; ask again, or use --no-daemon\n"),
        (
            &[frame::VERSION, 0xff, 0xff, 0xff, 0xff],
            "error: qd is not understood: a message of 4294967295 bytes",
        ),
        (&[frame::VERSION, 1, 0, 0, 0, 0x77], "error: qd is not understood: not a message"),
    ] {
        let home = Home::new();
        let listener = listen(&home);
        let daemon = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            assert!(stream.read(&mut buffer).unwrap() > 0);
            stream.write_all(said).unwrap();
        });
        let output = home.q(&["complete", "git "]);
        daemon.join().unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.starts_with(expected), "{errors}");
    }
}
