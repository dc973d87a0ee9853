//! A daemon that is played: it says what it is told to, and tells what it heard.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    thread::{self, JoinHandle},
};

use protocol::{
    FromDaemon, Status, ToDaemon,
    frame::{self, Decoder},
};

use crate::home::Home;

/// What a daemon heard, what it was asked of itself aside.
pub(crate) type Heard = Vec<ToDaemon>;

/// The folder of the socket in a home.
pub(crate) fn runtime(home: &Home) -> PathBuf {
    home.at("../q")
}

/// Makes the socket of a daemon.
pub(crate) fn listen(home: &Home) -> UnixListener {
    fs::create_dir(runtime(home)).unwrap();
    fs::set_permissions(runtime(home), fs::Permissions::from_mode(0o700)).unwrap();
    UnixListener::bind(runtime(home).join("qd.sock")).unwrap()
}

/// Plays a daemon that has specs: each question gets the next replies.
pub(crate) fn play(home: &Home, replies: Vec<Vec<FromDaemon>>) -> JoinHandle<Heard> {
    play_with(home, replies, status())
}

/// What a daemon of this version is.
pub(crate) fn status() -> Status {
    Status { version: env!("CARGO_PKG_VERSION").to_owned(), ..Status::default() }
}

/// Plays a daemon for one connection.
pub(crate) fn play_with(home: &Home, replies: Vec<Vec<FromDaemon>>, status: Status) -> JoinHandle<Heard> {
    let listener = listen(home);
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        Player { stream, replies: replies.into_iter(), status }.play()
    })
}

/// A daemon with one client.
struct Player {
    stream: UnixStream,
    replies: std::vec::IntoIter<Vec<FromDaemon>>,
    status: Status,
}

impl Player {
    /// Until the client goes.
    fn play(mut self) -> Heard {
        let (mut decoder, mut buffer, mut heard) = (Decoder::default(), [0; 4096], Vec::new());
        loop {
            let length = self.stream.read(&mut buffer).unwrap_or(0);
            if length == 0 {
                return heard;
            }
            decoder.push(&buffer[..length]);
            while let Some(message) = decoder.next::<ToDaemon>().unwrap() {
                self.answer(&message);
                heard.extend((message != ToDaemon::Status).then_some(message));
            }
        }
    }

    fn answer(&mut self, message: &ToDaemon) {
        let replies = match message {
            ToDaemon::Status => vec![FromDaemon::Status(self.status.clone())],
            ToDaemon::Context(_) => Vec::new(),
            _ => self.replies.next().expect("a question that was not foreseen"),
        };
        for reply in replies {
            self.stream.write_all(&frame::encode(&reply).unwrap()).unwrap();
        }
    }
}
