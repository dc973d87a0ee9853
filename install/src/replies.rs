//! What the engine says to one question, from a socket or a pipe, until it has said all or the time is over.

use std::{
    io::{ErrorKind, Read},
    os::fd::AsFd,
    time::Instant,
};

use anyhow::{Context as _, bail};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use protocol::{
    FromDaemon,
    frame::{self, Decoder},
};

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Frames.
    Binary,
    /// JSON lines.
    Json,
}

/// The other side speaks another version of the protocol.
#[derive(Debug, thiserror::Error)]
#[error("qd is of another version than q; end it with `q quit`")]
pub(crate) struct AnotherVersion;

/// What comes from an engine, question after question.
pub(crate) struct Replies {
    form: Form,
    decoder: Decoder,
}

impl Replies {
    /// Nothing has come yet.
    pub(crate) fn new(form: Form) -> Replies {
        Replies { form, decoder: Decoder::default() }
    }

    /// The last reply to the question of this generation. Answers that say that another one follows are held until it
    /// comes, and are good enough when it does not come in time. Answers to earlier questions are passed over.
    pub(crate) fn last(
        &mut self,
        source: &mut (impl Read + AsFd),
        generation: u64,
        deadline: Instant,
    ) -> anyhow::Result<FromDaemon> {
        let mut held = None;
        let mut buffer = [0; 16 << 10];
        loop {
            while let Some(message) = self.next()? {
                match message {
                    FromDaemon::Failed(failed) => bail!("{}", failed.message),
                    FromDaemon::Answer(answer) if answer.generation != generation => {}
                    FromDaemon::Answer(answer) if answer.pending => held = Some(FromDaemon::Answer(answer)),
                    message => return Ok(message),
                }
            }
            if !wait_readable(source, deadline)? {
                return held.context("qd does not answer; end it with `q quit`, or use --no-daemon");
            }
            match source.read(&mut buffer) {
                Ok(0) => return held.context("qd ended without an answer; ask again, or use --no-daemon"),
                Ok(length) => self.decoder.push(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("the connection to qd broke; ask again"),
            }
        }
    }

    fn next(&mut self) -> anyhow::Result<Option<FromDaemon>> {
        let message = match self.form {
            Form::Binary => self.decoder.next(),
            Form::Json => self.decoder.next_json(),
        };
        message.map_err(|error| match error {
            frame::Error::Version(_) => AnotherVersion.into(),
            error => anyhow::anyhow!("qd is not understood: {error}; end it with `q quit`"),
        })
    }
}

/// Waits until there is something to read. False when the time is over.
pub(crate) fn wait_readable(source: &impl AsFd, deadline: Instant) -> anyhow::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up: a wait of no milliseconds at all would spin until the deadline.
        let timeout = PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(source.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Answer, Failed};
    use std::{io::Write, os::unix::net::UnixStream, time::Duration};

    fn answer(generation: u64, pending: bool) -> FromDaemon {
        FromDaemon::Answer(Box::new(Answer { generation, pending, ..Answer::default() }))
    }

    /// What is made of these replies when nothing follows, with the other end left open or closed.
    fn made_of(replies: &[FromDaemon], open: bool, form: Form) -> anyhow::Result<FromDaemon> {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        for reply in replies {
            let bytes = match form {
                Form::Binary => frame::encode(reply).unwrap(),
                Form::Json => frame::encode_json(reply).unwrap(),
            };
            theirs.write_all(&bytes).unwrap();
        }
        let _held = open.then_some(theirs);
        Replies::new(form).last(&mut ours, 1, Instant::now() + Duration::from_millis(50))
    }

    #[test]
    fn the_last_answer_counts() {
        for form in [Form::Binary, Form::Json] {
            let replies = [answer(1, true), answer(1, true), answer(1, false), answer(2, false)];
            assert_eq!(made_of(&replies, true, form).unwrap(), replies[2]);
            let earlier = [answer(0, false), answer(1, false)];
            assert_eq!(made_of(&earlier, true, form).unwrap(), earlier[1]);
            let parsed = FromDaemon::Parsed(Box::default());
            assert_eq!(made_of(std::slice::from_ref(&parsed), true, form).unwrap(), parsed);
        }
    }

    #[test]
    fn a_pending_answer_is_better_than_none() {
        for open in [true, false] {
            assert_eq!(made_of(&[answer(1, true)], open, Form::Binary).unwrap(), answer(1, true));
        }
    }

    #[test]
    fn silence_an_end_and_a_refusal_are_errors() {
        assert!(made_of(&[], true, Form::Binary).unwrap_err().to_string().contains("does not answer"));
        assert!(made_of(&[], false, Form::Binary).unwrap_err().to_string().contains("ended"));
        let failed = FromDaemon::Failed(Failed { generation: 1, message: "no archive".into() });
        assert_eq!(made_of(&[failed], true, Form::Json).unwrap_err().to_string(), "no archive");
    }
}
