//! Listens, hands each connection to `clients`, and leaves when nobody needs a daemon any more.
//!
//! Waits for events only: the one timer is the end of an idle daemon's life.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::traits::{StreamCommon, tokio::Listener as _};
use nix::unistd::geteuid;
use protocol::paths::check_private;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::clients;
use crate::seat::Seat;
use crate::session::Shared;

/// How long a daemon without clients stays: between two terminals of one task it need not start again.
pub const IDLE: Duration = Duration::from_secs(10 * 60);

/// Most connections at a time, well below the usual limit of 1,024 descriptors. What comes beyond is closed at once.
const MAX_CLIENTS: usize = 400;

/// How long nothing is accepted after accepting failed, which it does when descriptors have run out.
const BREATHER: Duration = Duration::from_millis(100);

/// Where to listen, and how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// The socket, in a directory that only this user can enter.
    pub socket: PathBuf,
    /// How long to stay without clients.
    pub idle: Duration,
}

/// Serves until nobody needs it or a signal says so. Returns at once when another daemon serves already.
///
/// # Errors
/// When the directory of the socket is open to others, or there is no listening there.
pub async fn run(shared: Arc<Shared>, options: Options) -> io::Result<()> {
    let dir = options.socket.parent().ok_or(io::ErrorKind::InvalidInput)?;
    check_private(dir)?;
    let mut stop = Stop::new()?;
    let Some((_seat, listener)) = Seat::take(&options.socket)? else { return Ok(()) };
    let mut clients = JoinSet::new();
    let mut leave_at = Instant::now() + options.idle;
    loop {
        tokio::select! {
            stream = listener.accept() => accept(stream, &mut clients, &shared).await,
            Some(ended) = clients.join_next() => {
                report(ended);
                leave_at = Instant::now() + options.idle;
            }
            () = sleep_until(leave_at), if clients.is_empty() => break,
            signal = stop.wait() => {
                tracing::info!(signal, "told to stop");
                break;
            }
        }
    }
    Ok(())
}

/// How a connection ended.
type Ended = Result<Result<(), clients::Error>, JoinError>;

/// Serves a new connection, if it is this user's and there is room.
async fn accept(
    stream: io::Result<Stream>,
    clients: &mut JoinSet<Result<(), clients::Error>>,
    shared: &Arc<Shared>,
) {
    let stream = match stream {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            return sleep(BREATHER).await;
        }
    };
    if !is_own(&stream) {
        return tracing::warn!("another user connected");
    }
    if clients.len() >= MAX_CLIENTS {
        return tracing::warn!("too many connections");
    }
    clients.spawn(clients::serve(stream, Arc::clone(shared)));
}

/// Whether the other end belongs to this user. Root could read our memory anyway, and is let in nowhere else.
fn is_own(stream: &Stream) -> bool {
    let Ok(peer) = stream.peer_creds() else { return false };
    peer.euid() == Some(geteuid().as_raw())
}

fn report(ended: Ended) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(%error, "closed a connection"),
        Err(error) => tracing::error!(panicked = error.is_panic(), "a connection failed"),
    }
}

/// The signals that end a daemon.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Stop {
    fn new() -> io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one of them, and names it.
    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "TERM",
            _ = self.interrupt.recv() => "INT",
            _ = self.hangup.recv() => "HUP",
        }
    }
}
