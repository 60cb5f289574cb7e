//! Recognition over a WebSocket: one driver for all providers, the messages by [`ListenForm`].
//!
//! 1. [`SttInput`] calls become commands on a bounded queue; connecting goes on behind it.
//! 2. Every 20 ms frame leaves as it comes. Nothing is collected, on either side.
//! 3. What the provider tells becomes transcripts of the running utterance in [`Dictation`].
//! 4. Whoever asks for a likely or final transcript makes the provider finish what it has; it is answered when
//!    that comes, or with what is known when a provider that has been telling things keeps silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use media::Frame;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{self, Message};

use super::dictation::{Dictation, Words};
use crate::adapters::cloud::{Access, CloudError, Socket, shortened};
use crate::seams::stt::{HeardId, Stt, SttError, SttEvent, SttInput, SttSession, Want};

/// Commands that may wait while a connection is opened or does not take audio: 6 s of frames, 200 KB. More means
/// that the provider is lost.
const COMMANDS_MAX: usize = 300;
/// Transcripts that a call may leave unread.
const EVENTS_MAX: usize = 64;
/// Without audio for so long, a sign of life is sent; providers close after ten seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// One provider's messages.
pub trait ListenForm: Send + Sync + 'static {
    /// Where to connect.
    fn url(&self, access: &Access) -> String;
    /// The header that carries the key, and what stands before the key.
    fn auth(&self) -> (&'static str, &'static str);
    /// 20 ms of audio.
    fn audio(&self, frame: &Frame) -> Message;
    /// Asks to finish what was heard so far.
    fn finish(&self) -> Message;
    /// A sign of life while there is no audio.
    fn keep_alive(&self) -> Option<Message>;
    /// Says goodbye.
    fn close(&self) -> Option<Message>;
    /// What a message means.
    fn read(&self, message: &Message) -> Told;
}

/// What a provider's message means.
pub enum Told {
    /// Something about the words.
    Words(Words),
    /// It will not listen.
    Refused(String),
    /// Nothing of interest.
    Nothing,
}

/// A provider's recogniser over WebSocket: one connection a call.
pub struct StreamingStt<F> {
    form: Arc<F>,
    access: Access,
    /// How long after being asked the provider may keep silent before it is answered with what is known.
    settle: Duration,
    runtime: Handle,
}

impl<F: ListenForm> StreamingStt<F> {
    /// A provider; its work runs on this runtime. `settle` is what may be waited for its last words.
    pub fn new(form: F, access: Access, settle: Duration, runtime: Handle) -> StreamingStt<F> {
        StreamingStt { form: Arc::new(form), access, settle, runtime }
    }
}

impl<F: ListenForm> Stt for StreamingStt<F> {
    fn name(&self) -> &str {
        &self.access.name
    }

    fn open(&self) -> Result<SttSession, SttError> {
        let (commands, queue) = mpsc::channel(COMMANDS_MAX);
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let overrun = Arc::new(AtomicBool::new(false));
        let dictation = Dictation::new(self.settle, self.access.stall_timeout);
        let call = Call { form: self.form.clone(), access: self.access.clone(), queue, events, dictation };
        let input = Input { commands, overrun: overrun.clone() };
        self.runtime.spawn(call.run(overrun));
        Ok(SttSession { input: Box::new(input), events: heard })
    }
}

/// What a call's thread tells the connection's task. Frames cross by value: a box for each would be an allocation
/// every 20 ms.
#[expect(clippy::large_enum_variant, reason = "nearly every command is a frame")]
enum Command {
    Audio(Frame),
    Begin { heard: HeardId, lead_frames: usize },
    Transcribe(Want),
    End,
}

struct Input {
    commands: mpsc::Sender<Command>,
    overrun: Arc<AtomicBool>,
}

impl Input {
    fn tell(&self, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.commands.try_send(command) {
            self.overrun.store(true, Ordering::Relaxed);
        }
    }
}

impl SttInput for Input {
    fn push(&mut self, frame: &Frame) {
        self.tell(Command::Audio(*frame));
    }

    fn begin(&mut self, heard: HeardId, lead_frames: usize) {
        self.tell(Command::Begin { heard, lead_frames });
    }

    fn transcribe(&mut self, want: Want) {
        self.tell(Command::Transcribe(want));
    }

    fn end(&mut self) {
        self.tell(Command::End);
    }
}

/// One call's connection.
struct Call<F> {
    form: Arc<F>,
    access: Access,
    queue: mpsc::Receiver<Command>,
    events: mpsc::Sender<SttEvent>,
    dictation: Dictation,
}

impl<F: ListenForm> Call<F> {
    async fn run(mut self, overrun: Arc<AtomicBool>) {
        let outcome = match self.access.open_socket(&self.form.url(&self.access), self.form.auth()).await {
            Ok(mut socket) => {
                let outcome = self.converse(&mut socket, &overrun).await;
                if outcome.is_ok()
                    && let Some(goodbye) = self.form.close()
                {
                    let _ = tokio::time::timeout(Duration::from_secs(1), socket.send(goodbye)).await;
                }
                outcome
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let _ = self.events.send(SttEvent::Failed(stt_error(&self.access.name, error))).await;
        }
    }

    /// Until the call hangs up (`Ok`) or the provider is lost.
    async fn converse(&mut self, socket: &mut Socket, overrun: &AtomicBool) -> Result<(), CloudError> {
        let mut silent_since = Instant::now();
        loop {
            let due =
                self.dictation.due().unwrap_or_else(|| Instant::now() + KEEP_ALIVE).min(silent_since + KEEP_ALIVE);
            tokio::select! {
                // Words first: they are what a caller waits for.
                biased;
                message = socket.next() => self.hear(message)?,
                command = self.queue.recv() => {
                    let Some(command) = command else { return Ok(()) };
                    self.obey(command, socket).await?;
                    silent_since = Instant::now();
                }
                () = tokio::time::sleep_until(due) => {
                    let now = Instant::now();
                    let told = self.dictation.handle_timeout(now)
                        .map_err(|()| CloudError::Stalled("it told nothing about what was said".to_owned()))?;
                    self.tell(told);
                    if now >= silent_since + KEEP_ALIVE {
                        if let Some(alive) = self.form.keep_alive() {
                            send(socket, alive).await?;
                        }
                        silent_since = now;
                    }
                }
            }
            if overrun.load(Ordering::Relaxed) {
                return Err(CloudError::Stalled("it does not take audio as fast as it is spoken".to_owned()));
            }
        }
    }

    async fn obey(&mut self, command: Command, socket: &mut Socket) -> Result<(), CloudError> {
        match command {
            Command::Audio(frame) => {
                self.dictation.handle_frame();
                send(socket, self.form.audio(&frame)).await?;
            }
            Command::Begin { heard, lead_frames } => self.dictation.handle_begin(heard, lead_frames),
            Command::Transcribe(want) => {
                let (told, ask) = self.dictation.handle_ask(want, Instant::now());
                self.tell(told.into_iter().collect());
                if ask {
                    send(socket, self.form.finish()).await?;
                }
            }
            Command::End => self.dictation.handle_end(),
        }
        Ok(())
    }

    fn hear(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Result<(), CloudError> {
        match message {
            None => Err(CloudError::Stalled("the connection was closed".to_owned())),
            Some(Err(error)) => Err(CloudError::Stalled(shortened(&error.to_string()))),
            Some(Ok(Message::Close(close))) => {
                let reason = close.map_or_else(String::new, |frame| frame.reason.to_string());
                Err(CloudError::Stalled(shortened(&format!("the connection was closed {reason}"))))
            }
            Some(Ok(message)) => match self.form.read(&message) {
                Told::Words(words) => {
                    let told = self.dictation.handle_words(words, Instant::now());
                    self.tell(told);
                    Ok(())
                }
                Told::Refused(reason) => Err(CloudError::Refused(shortened(&reason))),
                Told::Nothing => Ok(()),
            },
        }
    }

    fn tell(&self, events: Vec<SttEvent>) {
        for event in events {
            if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
                metrics::counter!("switchboard_stt_events_dropped_total").increment(1);
            }
        }
    }
}

/// Sends without collecting. A provider that takes nothing for the time in which a call notices is lost.
async fn send(socket: &mut Socket, message: Message) -> Result<(), CloudError> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(CloudError::Stalled(shortened(&error.to_string()))),
        Err(_) => Err(CloudError::Stalled("it takes no audio".to_owned())),
    }
}

/// The socket's buffers hold seconds of audio; when they are full for this long nobody reads at the other end.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// A cloud error in the words of the seam.
pub fn stt_error(provider: &str, error: CloudError) -> SttError {
    let provider = provider.to_owned();
    match error {
        CloudError::Refused(reason) => SttError::Refused { provider, reason },
        CloudError::Stalled(reason) => SttError::Stalled { provider, reason },
    }
}
