//! One connection: bytes in, messages to the session, answers out.
//!
//! Whoever speaks first decides on binary frames or JSON lines. A newer request takes the place of the one before it,
//! whose answers are no longer sent. A client that sends rubbish is told so and left; one that does not read is left.

use std::sync::Arc;
use std::time::Duration;

use protocol::frame::{self, Decoder};
use protocol::{Failed, FromDaemon, Request, ToDaemon};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::session::{Session, Shared};

/// Most answers that wait for a client to read them: a terminal reads each at once.
const MAX_QUEUE: usize = 32;

/// Bytes read at a time.
const READ_SIZE: usize = 16 << 10;

/// How long the last answers may take to be read after the client said its last.
const LINGER: Duration = Duration::from_secs(5);

/// Why a connection is closed from this side.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client said something that is no message.
    #[error(transparent)]
    Frame(#[from] frame::Error),
    /// The client does not read what it asked for.
    #[error("the client does not read")]
    Slow,
}

/// Serves a connection until it ends.
///
/// # Errors
/// When it was closed because of what the client did, or did not do.
pub async fn serve<S>(stream: S, shared: Arc<Shared>) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (reader, writer) = split(stream);
    let (outbox, queue) = mpsc::channel(MAX_QUEUE);
    let mut writing = JoinSet::new();
    writing.spawn(write(writer, queue));
    let client = Client {
        session: Session::new(shared),
        outbox,
        decoder: Decoder::default(),
        is_json: None,
        current: None,
    };
    let served = client.serve(reader, &mut writing).await;
    // The outbox is closed by now; what is in it is still written. A client that does not read is not waited for.
    if !matches!(served, Err(Error::Slow)) {
        let _ = timeout(LINGER, writing.join_next()).await;
    }
    served
}

/// Writes what is queued until there is no more to come or the client is gone.
async fn write<S: AsyncWrite>(mut writer: WriteHalf<S>, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = queue.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The client may be gone already.
    let _ = writer.shutdown().await;
}

/// A client and the request that it waits for.
struct Client {
    session: Session,
    outbox: mpsc::Sender<Vec<u8>>,
    decoder: Decoder,
    /// Once its first byte is there.
    is_json: Option<bool>,
    current: Option<Current>,
}

/// The request being answered; given up when dropped.
struct Current {
    answers: mpsc::Receiver<FromDaemon>,
    _task: JoinSet<()>,
}

impl Client {
    async fn serve<S: AsyncRead>(
        mut self,
        mut reader: ReadHalf<S>,
        writing: &mut JoinSet<()>,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; READ_SIZE];
        loop {
            tokio::select! {
                read = reader.read(&mut buffer) => match read {
                    Ok(length) if length > 0 => self.receive(&buffer[..length]).await?,
                    _ => break,
                },
                answer = self.next_answer() => self.pass_on(answer)?,
                _ = writing.join_next() => return Ok(()),
            }
        }
        self.finish(writing).await
    }

    /// The client said its last, but may still read: a script that pipes one question in.
    async fn finish(mut self, writing: &mut JoinSet<()>) -> Result<(), Error> {
        while self.current.is_some() {
            tokio::select! {
                answer = self.next_answer() => self.pass_on(answer)?,
                _ = writing.join_next() => return Ok(()),
            }
        }
        Ok(())
    }

    /// The next answer to the current request, `None` when there are no more; never without a request.
    async fn next_answer(&mut self) -> Option<FromDaemon> {
        match &mut self.current {
            Some(current) => current.answers.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Sends an answer to the current request, or notes that it was the last one.
    fn pass_on(&mut self, answer: Option<FromDaemon>) -> Result<(), Error> {
        match answer {
            Some(answer) => self.send(&answer),
            None => {
                self.current = None;
                Ok(())
            }
        }
    }

    /// Takes what was read. Of several requests in a row only the last is answered.
    async fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.decoder.push(bytes);
        let mut newest: Option<Request> = None;
        loop {
            match self.next_message() {
                Ok(Some(ToDaemon::Complete(request))) => newest = Some(request),
                Ok(Some(message)) => {
                    self.complete(newest.take());
                    self.handle(message).await?;
                }
                Ok(None) => break,
                Err(error) => return self.refuse(error),
            }
        }
        self.complete(newest);
        Ok(())
    }

    fn next_message(&mut self) -> Result<Option<ToDaemon>, frame::Error> {
        // The first byte of all decides: later lines may begin with a quote, as `"status"` does.
        if self.is_json.is_none() {
            self.is_json = self.decoder.is_json();
        }
        match self.is_json {
            Some(true) => self.decoder.next_json(),
            _ => self.decoder.next(),
        }
    }

    async fn handle(&mut self, message: ToDaemon) -> Result<(), Error> {
        match message {
            ToDaemon::Context(context) => self.session.set_context(context),
            ToDaemon::Ran(ran) => self.session.ran(&ran),
            ToDaemon::Accepted(accepted) => self.session.accepted(accepted),
            ToDaemon::Complete(request) => self.complete(Some(request)),
            ToDaemon::Why(request) => {
                let ask = self.session.ask(request);
                self.start(|out| ask.why(out));
            }
            ToDaemon::Parse(request) => {
                let ask = self.session.ask(request);
                self.start(|out| ask.parse(out));
            }
            ToDaemon::ListSpecs(question) => {
                let list = self.session.list_specs(question).await;
                self.send(&list)?;
            }
            ToDaemon::ShowSpec(question) => {
                let tree = self.session.show_spec(question).await;
                self.send(&tree)?;
            }
            ToDaemon::CheckSpec(question) => {
                let problems = self.session.check_spec(question).await;
                self.send(&problems)?;
            }
            ToDaemon::Trust(wanted) => {
                let answer = self.session.trust(wanted).await;
                self.send(&answer)?;
            }
            ToDaemon::TrustedFolders => self.send(&self.session.trusted())?,
            ToDaemon::Status => {
                let status = self.session.status();
                self.send(&FromDaemon::Status(status))?;
            }
        }
        Ok(())
    }

    /// Starts to answer a request; the one before it is given up.
    fn complete(&mut self, request: Option<Request>) {
        let Some(request) = request else { return };
        let ask = self.session.ask(request);
        self.start(|out| ask.answer(out));
    }

    /// Begins an answer in place of the one before it.
    fn start<F>(&mut self, work: impl FnOnce(mpsc::Sender<FromDaemon>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (out, answers) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(work(out));
        self.current = Some(Current { answers, _task: task });
    }

    fn send(&self, message: &FromDaemon) -> Result<(), Error> {
        let bytes = match self.is_json {
            Some(true) => frame::encode_json(message)?,
            _ => frame::encode(message)?,
        };
        self.outbox.try_send(bytes).map_err(|_| Error::Slow)
    }

    /// Tells the client what was wrong; the connection cannot be used any more.
    fn refuse(&self, error: frame::Error) -> Result<(), Error> {
        let message = error.to_string();
        self.send(&FromDaemon::Failed(Failed { generation: 0, message }))?;
        Err(error.into())
    }
}
