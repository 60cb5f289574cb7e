//! Recordings: rings of frames from the real-time threads, and the two threads that own the files.
//!
//! 1. [`Recorder::begin`] makes a ring; its one end, the [`Tap`], goes to the leg, the other to the writer thread.
//! 2. The writer empties every ring ten times a second, and once a second completes the header, so that a crash
//!    leaves a valid file that lacks a second at most (`repair` then adds even that).
//! 3. When the tap is dropped, the finisher completes the file, forces it to the disk and tells the owner; a slow
//!    disk keeps it from nothing else.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hound::{SampleFormat, WavSpec, WavWriter};
use media::{ENGINE_RATE_HZ, FRAME_MS, FRAME_SAMPLES, Frame, RecordFrame};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::bin::Bin;
use crate::seams::media::LegEvent;

/// Frames between a leg and the writer: a stall of the disk of 0.8 s loses nothing. Each costs 1.3 kB a recorded leg.
const RING_FRAMES: usize = 40;
/// How often rings are emptied.
const SWEEP: Duration = Duration::from_millis(100);
/// How often headers are completed: what a crash costs at most, against a seek and a write each.
const COMPLETE_HEADER_EVERY: Duration = Duration::from_secs(1);
/// Recordings begun within one sweep; beyond it the order is given back.
const BEGUN_MAX: usize = 1024;
/// Recordings that wait for the disk; beyond it the writer waits too.
const FINISHING_MAX: usize = 1024;

/// Where recordings begin.
#[derive(Clone)]
pub(super) struct Recorder {
    begun: SyncSender<Begun>,
    stopping: Arc<AtomicBool>,
}

/// The real-time end of a recording. Dropping it completes the file.
pub(super) struct Tap {
    frames: rtrb::Producer<RecordFrame>,
    missed: Arc<AtomicU64>,
    erase: Arc<AtomicU64>,
}

struct Begun {
    file: PathBuf,
    frames: rtrb::Consumer<RecordFrame>,
    missed: Arc<AtomicU64>,
    /// Frames at the end, as they stand when this is read, to be written over with silence.
    erase: Arc<AtomicU64>,
    events: mpsc::Sender<LegEvent>,
}

impl Tap {
    /// Hands a frame to the writer; false when it fell behind and the frame is written as silence.
    pub(super) fn push(&mut self, frame: RecordFrame) -> bool {
        let taken = self.frames.push(frame).is_ok();
        if !taken {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Has the last milliseconds written over with silence, at the writer's next sweep. The sweep's delay is added, so
    /// that none of what was meant has moved out of reach by then.
    pub(super) fn erase(&self, last_ms: u32) {
        let frames = (u64::from(last_ms) + 2 * SWEEP.as_millis() as u64).div_ceil(u64::from(FRAME_MS));
        self.erase.fetch_max(frames, Ordering::Release);
    }

    /// Whether the writer gave up.
    pub(super) fn is_abandoned(&self) -> bool {
        self.frames.is_abandoned()
    }
}

impl Recorder {
    /// Starts the writer and the finisher; `bin` is emptied along the way.
    pub(super) fn start(bin: Arc<Bin>) -> io::Result<(Recorder, Vec<JoinHandle<()>>)> {
        let (begun, begun_receiver) = sync_channel(BEGUN_MAX);
        let (finishing, finishing_receiver) = sync_channel(FINISHING_MAX);
        let stopping = Arc::new(AtomicBool::new(false));
        let writer = Writer { begun: begun_receiver, open: Vec::new(), finishing, bin, stopping: stopping.clone() };
        let threads = vec![
            std::thread::Builder::new().name("media-writer".into()).spawn(move || writer.run())?,
            std::thread::Builder::new().name("media-files".into()).spawn(move || finish_all(finishing_receiver))?,
        ];
        Ok((Recorder { begun, stopping }, threads))
    }

    /// Threads that [`Recorder::start`] made.
    pub(super) fn threads(&self) -> usize {
        2
    }

    /// Lets the threads end once every tap is dropped and every file completed.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Begins a recording. Gives the path back when too many begin at once or the threads have ended.
    pub(super) fn begin(&self, file: PathBuf, events: mpsc::Sender<LegEvent>) -> Result<Tap, PathBuf> {
        let (producer, frames) = rtrb::RingBuffer::new(RING_FRAMES);
        let missed = Arc::new(AtomicU64::new(0));
        let erase = Arc::new(AtomicU64::new(0));
        let begun = Begun { file, frames, missed: missed.clone(), erase: erase.clone(), events };
        self.begun.try_send(begun).map_err(|error| match error {
            std::sync::mpsc::TrySendError::Full(begun) | std::sync::mpsc::TrySendError::Disconnected(begun) => {
                begun.file
            }
        })?;
        Ok(Tap { frames: producer, missed, erase })
    }
}

struct Writer {
    begun: Receiver<Begun>,
    open: Vec<OpenFile>,
    finishing: SyncSender<Finishing>,
    bin: Arc<Bin>,
    stopping: Arc<AtomicBool>,
}

struct OpenFile {
    begun: Begun,
    wav: WavWriter<BufWriter<File>>,
    frames_written: u64,
    header_due: Instant,
}

/// A recording whose file is to be completed, or news of one that failed.
enum Finishing {
    Complete(Box<OpenFile>),
    Tell(mpsc::Sender<LegEvent>, LegEvent),
}

impl Writer {
    fn run(mut self) {
        let mut sweep_due = Instant::now() + SWEEP;
        loop {
            match self.begun.recv_timeout(sweep_due.saturating_duration_since(Instant::now())) {
                Ok(begun) => {
                    self.open(begun);
                    continue;
                }
                // Without senders there are no waits; the last taps may still be filled.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(SWEEP),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // Asked before the last look at the queue: whatever began before the stop is completed.
            let stopping = self.stopping.load(Ordering::Acquire);
            while let Ok(begun) = self.begun.try_recv() {
                self.open(begun);
            }
            let now = Instant::now();
            sweep_due = now + SWEEP;
            self.sweep(now);
            self.bin.empty();
            if stopping && self.open.is_empty() {
                return;
            }
        }
    }

    fn open(&mut self, begun: Begun) {
        match create(&begun.file) {
            Ok(wav) => {
                let header_due = Instant::now() + COMPLETE_HEADER_EVERY;
                self.open.push(OpenFile { begun, wav, frames_written: 0, header_due });
            }
            Err(error) => self.fail(begun, &error),
        }
    }

    fn sweep(&mut self, now: Instant) {
        let mut at = 0;
        while at < self.open.len() {
            // Asked before emptying the ring, so that nothing can come after the last look.
            let ended = self.open[at].begun.frames.is_abandoned();
            match self.open[at].write(now) {
                Ok(()) if ended => {
                    let file = self.open.swap_remove(at);
                    self.hand_over(Finishing::Complete(Box::new(file)));
                }
                Ok(()) => at += 1,
                Err(error) => {
                    let file = self.open.swap_remove(at);
                    self.fail(file.begun, &error);
                }
            }
        }
    }

    fn fail(&self, begun: Begun, error: &hound::Error) {
        tracing::error!(%error, "A recording cannot go on");
        metrics::counter!("switchboard_media_recordings_failed_total").increment(1);
        let event = LegEvent::RecordingFailed(format!("{error}; free disk space or mend the recordings folder"));
        // The ring goes with `begun`, which tells the leg to stop.
        self.hand_over(Finishing::Tell(begun.events, event));
    }

    fn hand_over(&self, finishing: Finishing) {
        // The finisher outlives the writer; if it panicked the file still has its header of a second ago.
        let _ = self.finishing.send(finishing);
    }
}

impl OpenFile {
    fn write(&mut self, now: Instant) -> hound::Result<()> {
        while let Ok(frame) = self.begun.frames.pop() {
            self.write_frame(&frame)?;
        }
        for _ in 0..self.begun.missed.swap(0, Ordering::Relaxed) {
            self.write_frame(&RecordFrame { heard: Frame::SILENCE, sent: Frame::SILENCE })?;
        }
        let erased = self.begun.erase.swap(0, Ordering::AcqRel).min(self.frames_written);
        if erased > 0 {
            self.wav.flush()?;
            erase_end(&self.begun.file, erased)?;
        }
        if now >= self.header_due {
            self.header_due = now + COMPLETE_HEADER_EVERY;
            self.wav.flush()?;
        }
        Ok(())
    }

    fn write_frame(&mut self, frame: &RecordFrame) -> hound::Result<()> {
        let mut samples = self.wav.get_i16_writer(2 * FRAME_SAMPLES as u32);
        for (left, right) in frame.heard.0.iter().zip(&frame.sent.0) {
            samples.write_sample(*left);
            samples.write_sample(*right);
        }
        samples.flush()?;
        self.frames_written += 1;
        Ok(())
    }
}

/// Writes silence over the last frames of a file whose header is complete.
fn erase_end(file: &Path, frames: u64) -> io::Result<()> {
    let file = File::options().write(true).open(file)?;
    let bytes = frames * FRAME_BYTES;
    let silence = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    let from = file.metadata()?.len().saturating_sub(bytes).max(HEADER_BYTES);
    file.write_all_at(&silence[..(file.metadata()?.len() - from) as usize], from)
}

/// A frame of two channels of 16-bit samples.
const FRAME_BYTES: u64 = 4 * FRAME_SAMPLES as u64;
/// What stands before the samples at the least.
const HEADER_BYTES: u64 = 44;

fn create(file: &PathBuf) -> hound::Result<WavWriter<BufWriter<File>>> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let spec =
        WavSpec { channels: 2, sample_rate: ENGINE_RATE_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut wav = WavWriter::create(file, spec)?;
    // From here on a crash leaves a file that can be repaired.
    wav.flush()?;
    Ok(wav)
}

/// Completes files until the writer has ended; what an owner has no room for is told again later.
fn finish_all(finishing: Receiver<Finishing>) {
    let mut untold: Vec<(mpsc::Sender<LegEvent>, LegEvent)> = Vec::new();
    loop {
        let next = finishing.recv_timeout(SWEEP);
        untold.retain_mut(|(events, event)| !tell(events, event));
        let (events, event) = match next {
            Ok(Finishing::Complete(file)) => complete(*file),
            Ok(Finishing::Tell(events, event)) => (events, event),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if !tell(&events, &event) {
            untold.push((events, event));
        }
    }
}

fn complete(file: OpenFile) -> (mpsc::Sender<LegEvent>, LegEvent) {
    let OpenFile { begun, wav, frames_written, .. } = file;
    let completed = wav
        .finalize()
        .map_err(|error| error.to_string())
        .and_then(|()| File::open(&begun.file).and_then(|file| file.sync_all()).map_err(|error| error.to_string()));
    let event = match completed {
        Ok(()) => LegEvent::Recorded { file: begun.file, duration_ms: frames_written * u64::from(FRAME_MS) },
        Err(error) => LegEvent::RecordingFailed(format!("{error}; free disk space or mend the recordings folder")),
    };
    (begun.events, event)
}

/// False when the owner has no room for it now.
fn tell(events: &mpsc::Sender<LegEvent>, event: &LegEvent) -> bool {
    !matches!(events.try_send(event.clone()), Err(TrySendError::Full(_)))
}
