//! Messages as bytes: binary frames for `qterm` and `q`, JSON lines for anyone else.
//!
//! A binary frame is the version byte, the length of the body as four bytes, least significant first, and the body in
//! postcard's format. A client whose first byte is `{` speaks newline-delimited JSON with the same messages and is
//! answered in kind. Nothing is allocated before a length has been checked. No I/O.

use serde::{Serialize, de::DeserializeOwned};

/// First byte of each binary frame. Changes when a message changes; can never be `{`.
pub const VERSION: u8 = 3;

/// Bytes before the body.
pub const HEADER: usize = 5;

/// Largest body or JSON line, in bytes: far above the longest answer, far below what could hurt.
pub const MAX_BODY: usize = 8 << 20;

/// Why bytes are not a message. The connection cannot be used afterwards.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The other side is of another version.
    #[error("protocol version {0}, this side speaks {VERSION}: restart the older program")]
    Version(u8),
    /// More than [`MAX_BODY`] was announced, or is to be sent.
    #[error("a message of {0} bytes is larger than the limit of {MAX_BODY}")]
    TooLarge(usize),
    /// The body is no message.
    #[error("not a message: {0}")]
    Body(#[from] postcard::Error),
    /// The line is no message.
    #[error("not a message: {0}")]
    Json(#[from] serde_json::Error),
}

/// One message as a binary frame.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, Error> {
    let mut frame = postcard::to_extend(message, vec![VERSION, 0, 0, 0, 0])?;
    let body = frame.len() - HEADER;
    if body > MAX_BODY {
        return Err(Error::TooLarge(body));
    }
    frame[1..HEADER].copy_from_slice(&(body as u32).to_le_bytes());
    Ok(frame)
}

/// One message as a line of JSON, with its newline.
pub fn encode_json<M: Serialize>(message: &M) -> Result<Vec<u8>, Error> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Collects bytes as they arrive and gives back whole messages.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    consumed: usize,
}

impl Decoder {
    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.consumed);
        self.consumed = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// Whether the other side speaks JSON, once its first byte is there.
    pub fn is_json(&self) -> Option<bool> {
        self.rest().first().map(|&byte| byte == b'{')
    }

    /// The next binary message, `None` until it is complete.
    #[allow(clippy::should_implement_trait)] // `None` is no end, and the type of the message is the caller's.
    pub fn next<M: DeserializeOwned>(&mut self) -> Result<Option<M>, Error> {
        let rest = self.rest();
        let Some(&version) = rest.first() else { return Ok(None) };
        if version != VERSION {
            return Err(Error::Version(version));
        }
        let Some(length) = rest.get(1..HEADER).and_then(|bytes| bytes.try_into().ok()) else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_BODY {
            return Err(Error::TooLarge(length));
        }
        let Some(body) = rest.get(HEADER..HEADER + length) else { return Ok(None) };
        let message = postcard::from_bytes(body)?;
        self.consumed += HEADER + length;
        Ok(Some(message))
    }

    /// The next JSON message, `None` until its line is complete.
    pub fn next_json<M: DeserializeOwned>(&mut self) -> Result<Option<M>, Error> {
        let rest = self.rest();
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return if rest.len() > MAX_BODY { Err(Error::TooLarge(rest.len())) } else { Ok(None) };
        };
        if end > MAX_BODY {
            return Err(Error::TooLarge(end));
        }
        let message = serde_json::from_slice(&rest[..end])?;
        self.consumed += end + 1;
        Ok(Some(message))
    }

    fn rest(&self) -> &[u8] {
        &self.pending[self.consumed..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FromDaemon, Request, ToDaemon};
    use proptest::prelude::*;

    fn request() -> ToDaemon {
        ToDaemon::Complete(Request {
            generation: 7, line: "git ché".into(), cursor: 8, ..Request::default()
        })
    }

    #[test]
    fn a_frame_survives_every_split() {
        let bytes = [encode(&request()).unwrap(), encode(&ToDaemon::Status).unwrap()].concat();
        for split in 0..=bytes.len() {
            let mut decoder = Decoder::default();
            let mut messages = Vec::<ToDaemon>::new();
            for part in [&bytes[..split], &bytes[split..]] {
                decoder.push(part);
                while let Some(message) = decoder.next().unwrap() {
                    messages.push(message);
                }
            }
            assert_eq!(messages, [request(), ToDaemon::Status], "split at {split}");
        }
    }

    #[test]
    fn a_json_line_says_the_same() {
        let mut decoder = Decoder::default();
        decoder.push(&encode_json(&request()).unwrap());
        assert_eq!(decoder.is_json(), Some(true));
        assert_eq!(decoder.next_json::<ToDaemon>().unwrap(), Some(request()));
    }

    #[test]
    fn json_defaults_let_a_stranger_say_little() {
        let mut decoder = Decoder::default();
        decoder.push(b"{\"complete\":{\"line\":\"git \",\"cursor\":4}}\n");
        let expected = Request { line: "git ".into(), cursor: 4, ..Request::default() };
        assert_eq!(decoder.next_json::<ToDaemon>().unwrap(), Some(ToDaemon::Complete(expected)));
    }

    #[test]
    fn a_huge_length_is_refused_before_it_is_allocated() {
        let mut decoder = Decoder::default();
        decoder.push(&[VERSION, 0xff, 0xff, 0xff, 0xff]);
        assert!(matches!(decoder.next::<ToDaemon>(), Err(Error::TooLarge(_))));
    }

    #[test]
    fn another_version_is_named() {
        let mut decoder = Decoder::default();
        decoder.push(&[VERSION + 1, 0, 0, 0, 0]);
        assert!(matches!(decoder.next::<ToDaemon>(), Err(Error::Version(other)) if other == VERSION + 1));
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next::<FromDaemon>() {}
            let mut decoder = Decoder::default();
            decoder.push(&[&[VERSION, bytes.len() as u8, (bytes.len() >> 8) as u8, 0, 0], &bytes[..]].concat());
            let _ = decoder.next::<ToDaemon>();
        }
    }
}
