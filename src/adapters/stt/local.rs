//! The local recogniser as all calls share it: one model, one or two worker threads, a fair queue.
//!
//! 1. A call pushes its frames and asks for transcripts ([`SttInput`]); nothing waits there.
//! 2. What is already known is answered at once: silence added to a decoded utterance changes no word.
//! 3. Otherwise a job goes into the [`FairQueue`], or joins the call's running one when that covers it.
//! 4. A worker takes the next job, decodes without holding any lock, and tells the call.
//! 5. Nobody waits for "what was said so far": it gives way, in the middle of its decoding, to the end of a turn.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Instant;

use media::vad::VoiceActivity;
use media::{FRAME_MS, Frame};
use tokio::sync::mpsc;

use super::moonshine::Moonshine;
use super::queue::{CallKey, FairQueue};
use super::utterance::{Known, Utterance};
use super::{Engine, decode_pieces};
use crate::adapters::models::{ModelError, Models};
use crate::seams::stt::{HeardId, Stt, SttError, SttEvent, SttInput, SttSession, Want};

/// The Moonshine model shared by all calls. Dropping it stops its workers after their running job.
pub struct MoonshineStt {
    pool: Arc<Pool>,
    calls: AtomicU64,
    workers: Vec<JoinHandle<()>>,
}

impl MoonshineStt {
    /// Loads the model once a worker. One worker is right for two cores: a second takes 280 MB and the core
    /// that synthesis needs, and lets two calls be decoded at once.
    pub fn start(models: &Models, workers: usize) -> Result<MoonshineStt, ModelError> {
        let engines = (0..workers.max(1)).map(|_| Moonshine::load(models)).collect::<Result<Vec<_>, _>>()?;
        Ok(MoonshineStt::with_engines(engines))
    }

    fn with_engines<E: Engine + Send + 'static>(engines: Vec<E>) -> MoonshineStt {
        let pool = Arc::new(Pool::default());
        let workers = engines
            .into_iter()
            .map(|engine| {
                let pool = pool.clone();
                std::thread::spawn(move || work(engine, &pool))
            })
            .collect();
        MoonshineStt { pool, calls: AtomicU64::new(1), workers }
    }
}

impl Drop for MoonshineStt {
    fn drop(&mut self) {
        self.pool.lock().closed = true;
        self.pool.bell.notify_all();
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so on standard error.
            let _ = worker.join();
        }
    }
}

impl Stt for MoonshineStt {
    fn name(&self) -> &str {
        "moonshine"
    }

    fn open(&self) -> Result<SttSession, SttError> {
        if self.workers.iter().all(JoinHandle::is_finished) {
            return Err(SttError::Model("its worker has stopped".to_string()));
        }
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let input = LocalInput {
            key: CallKey(self.calls.fetch_add(1, Ordering::Relaxed)),
            pool: self.pool.clone(),
            events,
            voice: VoiceActivity::new(),
            recent: VecDeque::with_capacity(LEAD_FRAMES_MAX),
            current: None,
        };
        Ok(SttSession { input: Box::new(input), events: receiver })
    }
}

#[derive(Default)]
struct Pool {
    state: Mutex<PoolState>,
    bell: Condvar,
    /// More turns wait for their words than workers are free: whoever decodes anything less gives way.
    hurry: AtomicBool,
}

#[derive(Default)]
struct PoolState {
    queue: FairQueue<Job>,
    /// Workers that wait for a job.
    idle: usize,
    closed: bool,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn put(&self, mut state: MutexGuard<'_, PoolState>, job: Job) {
        state.queue.put(job.call, job.asked.want, job);
        self.weigh(&state);
        drop(state);
        self.bell.notify_one();
    }

    fn forget(&self, call: CallKey) {
        let mut state = self.lock();
        state.queue.forget(call);
        self.weigh(&state);
    }

    /// The next job, or nothing when the pool is closed.
    fn take(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some((_, _, job)) = state.queue.take() {
                self.weigh(&state);
                return Some(job);
            }
            state.idle += 1;
            state = self.bell.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
            state.idle -= 1;
        }
    }

    fn weigh(&self, state: &PoolState) {
        self.hurry.store(state.queue.urgent() > state.idle, Ordering::Relaxed);
        metrics::gauge!("switchboard_stt_jobs_waiting").set(state.queue.len() as f64);
    }
}

/// A transcript that is asked for.
struct Job {
    call: CallKey,
    hearing: Arc<Hearing>,
    asked: Asked,
}

/// One request.
#[derive(Clone, Copy)]
struct Asked {
    want: Want,
    at: Instant,
}

/// An utterance that a call and a worker both see.
struct Hearing {
    heard: HeardId,
    events: mpsc::Sender<SttEvent>,
    state: Mutex<HearingState>,
}

struct HearingState {
    utterance: Utterance,
    /// Up to which frame a worker is decoding now.
    running_frames: Option<usize>,
    /// Requests that the running job answers as well; at most one of each kind.
    joined: Vec<Asked>,
    ended: bool,
    /// How long the last decoding took.
    took_ms: f32,
}

impl Hearing {
    fn lock(&self) -> MutexGuard<'_, HearingState> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn tell(&self, asked: Asked, known: &Known) {
        let event = SttEvent::Transcript {
            heard: self.heard,
            want: asked.want,
            text: known.text.clone(),
            audio_ms: known.frames as u32 * FRAME_MS,
            confidence: (!known.text.is_empty()).then_some(known.confidence),
            took_ms: asked.at.elapsed().as_secs_f32() * 1000.0,
            ends_turn: false,
        };
        self.send(event);
    }

    fn send(&self, event: SttEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            metrics::counter!("switchboard_stt_events_dropped_total").increment(1);
            tracing::warn!("A call does not read its transcripts; one was dropped");
        }
    }
}

/// One call's end of the pool.
struct LocalInput {
    key: CallKey,
    pool: Arc<Pool>,
    events: mpsc::Sender<SttEvent>,
    voice: VoiceActivity,
    /// The newest frames, with level and whether they are speech: an utterance begins before it is noticed.
    recent: VecDeque<(Frame, f32, bool)>,
    current: Option<Current>,
}

struct Current {
    hearing: Arc<Hearing>,
    /// Frames since the last partial transcript was asked for.
    since_partial: usize,
}

impl SttInput for LocalInput {
    fn push(&mut self, frame: &Frame) {
        let voice = self.voice.hear(frame);
        let voiced = voice.speech;
        if self.recent.len() == LEAD_FRAMES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((*frame, voice.level_dbfs, voiced));
        let Some(current) = &mut self.current else { return };
        current.since_partial += 1;
        let cut = current.hearing.lock().utterance.push(frame, voice.level_dbfs, voiced);
        if cut {
            // A closed window is decoded now, so that the end of the turn has only the open one to wait for.
            current.since_partial = usize::MAX / 2;
            self.transcribe(Want::Partial);
        }
    }

    fn begin(&mut self, heard: HeardId, lead_frames: usize) {
        self.end();
        let mut utterance = Utterance::new();
        let lead = (lead_frames + 1).min(self.recent.len());
        for (frame, level_dbfs, voiced) in self.recent.range(self.recent.len() - lead..) {
            utterance.push(frame, *level_dbfs, *voiced);
        }
        let state = HearingState { utterance, running_frames: None, joined: Vec::new(), ended: false, took_ms: 0.0 };
        let hearing = Arc::new(Hearing { heard, events: self.events.clone(), state: Mutex::new(state) });
        self.current = Some(Current { hearing, since_partial: 0 });
    }

    fn transcribe(&mut self, want: Want) {
        let Some(current) = &mut self.current else { return };
        let asked = Asked { want, at: Instant::now() };
        let hearing = current.hearing.clone();
        let mut state = hearing.lock();
        if want == Want::Partial {
            let pause_ms = PARTIAL_PAUSE_MS.max(state.took_ms * PARTIAL_SHARE);
            if (current.since_partial as f32) * (FRAME_MS as f32) < pause_ms {
                metrics::counter!("switchboard_stt_partials_skipped_total").increment(1);
                return;
            }
            current.since_partial = 0;
        }
        if !state.utterance.has_speech() {
            let frames = (state.utterance.audio_ms() / FRAME_MS) as usize;
            hearing.tell(asked, &Known { text: String::new(), confidence: 0.0, frames });
            return;
        }
        if let Some(known) = state.utterance.known_enough() {
            hearing.tell(asked, known);
            return;
        }
        if state.running_frames.is_some_and(|frames| state.utterance.reaches(frames)) {
            state.joined.retain(|other| other.want != want);
            state.joined.push(asked);
            return;
        }
        drop(state);
        let pool = self.pool.lock();
        if want == Want::Partial && pool.queue.len() >= PARTIALS_STOP_AT {
            metrics::counter!("switchboard_stt_partials_skipped_total").increment(1);
            return;
        }
        self.pool.put(pool, Job { call: self.key, hearing, asked });
    }

    fn end(&mut self) {
        if let Some(current) = self.current.take() {
            current.hearing.lock().ended = true;
            self.pool.forget(self.key);
        }
    }
}

impl Drop for LocalInput {
    fn drop(&mut self) {
        self.end();
    }
}

/// A worker's life: the next job until the pool is closed.
fn work(mut engine: impl Engine, pool: &Pool) {
    while let Some(job) = pool.take() {
        decode(&mut engine, &job, pool);
    }
}

/// Decodes what is heard by now, which may be more than when it was asked for.
fn decode(engine: &mut impl Engine, job: &Job, pool: &Pool) {
    let pieces = {
        let mut state = job.hearing.lock();
        if state.ended {
            return;
        }
        let pieces = state.utterance.pieces();
        state.running_frames = Some(pieces.frames);
        pieces
    };
    let begun = Instant::now();
    metrics::histogram!("switchboard_stt_wait_seconds").record(begun.duration_since(job.asked.at).as_secs_f64());
    let outcome = decode_pieces(engine, &pieces, &|| gives_way(job, pool));
    let took = begun.elapsed();
    metrics::histogram!("switchboard_stt_decode_seconds").record(took.as_secs_f64());

    let mut state = job.hearing.lock();
    state.running_frames = None;
    let joined = std::mem::take(&mut state.joined);
    if state.ended {
        return;
    }
    match outcome {
        Ok(outcome) if outcome.stopped => {
            state.utterance.keep_closed(outcome.results);
            drop(state);
            metrics::counter!("switchboard_stt_partials_stopped_total").increment(1);
            // Whoever waits for an end of turn still wants their words.
            for asked in [job.asked].into_iter().chain(joined).filter(|asked| asked.want != Want::Partial) {
                pool.put(pool.lock(), Job { call: job.call, hearing: job.hearing.clone(), asked });
            }
        }
        Ok(outcome) => {
            state.took_ms = took.as_secs_f32() * 1000.0;
            let known = state.utterance.decoded(outcome.results, pieces.frames);
            drop(state);
            for asked in [job.asked].into_iter().chain(joined) {
                job.hearing.tell(asked, &known);
            }
        }
        Err(error) => {
            drop(state);
            tracing::error!(%error, "Recognition failed");
            job.hearing.send(SttEvent::Failed(SttError::Model(error.to_string())));
        }
    }
}

/// Whether a running decoding is worth less than what waits: it is of an utterance that is over, or it says only
/// what was said so far while turns wait for their words.
fn gives_way(job: &Job, pool: &Pool) -> bool {
    let state = job.hearing.lock();
    let ends_turn = |asked: &Asked| asked.want != Want::Partial;
    // A likely end that the caller has spoken past is one no more.
    let is_past = state.running_frames.is_some_and(|frames| !state.utterance.reaches(frames));
    let awaited = !is_past && (ends_turn(&job.asked) || state.joined.iter().any(ends_turn));
    state.ended || (!awaited && pool.hurry.load(Ordering::Relaxed))
}

/// A call reads its transcripts as they come; more than this many unread ones means that it has stopped.
const EVENTS_MAX: usize = 64;
/// 1.5 s of frames are kept for the beginning of an utterance that is noticed late.
const LEAD_FRAMES_MAX: usize = 75;
/// Partial transcripts come at most this often.
const PARTIAL_PAUSE_MS: f32 = 400.0;
/// A call's partial transcripts take at most a fifth of a worker.
const PARTIAL_SHARE: f32 = 5.0;
/// With this many jobs waiting no partial transcript is added.
const PARTIALS_STOP_AT: usize = 1;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
    use std::time::Duration;

    use super::super::moonshine::{DecodeError, Decoded};
    use super::*;

    /// An engine that says "words" when it is let go or its test has ended, and tells what it was given.
    struct Gated {
        go: Receiver<()>,
        given: Sender<usize>,
    }

    impl Engine for Gated {
        fn decode(
            &mut self,
            samples: &[f32],
            _draft: &[u32],
            stop: &dyn Fn() -> bool,
        ) -> Result<Option<Decoded>, DecodeError> {
            // The test that holds the other ends may have ended already.
            let _ = self.given.send(samples.len() / media::FRAME_SAMPLES);
            while let Err(RecvTimeoutError::Timeout) = self.go.recv_timeout(Duration::from_millis(1)) {
                if stop() {
                    return Ok(None);
                }
            }
            Ok(Some(Decoded { text: "words".into(), confidence: 0.9, tokens: vec![5], runaway: false }))
        }
    }

    fn gated() -> (MoonshineStt, Sender<()>, Receiver<usize>) {
        let (go, gate) = channel();
        let (given, told) = channel();
        (MoonshineStt::with_engines(vec![Gated { go: gate, given }]), go, told)
    }

    /// A voice for the network: a sawtooth of 120 Hz through two swaying formants.
    fn voiced(frame: usize) -> Frame {
        let mut samples = [0; media::FRAME_SAMPLES];
        for (index, sample) in samples.iter_mut().enumerate() {
            let time = (frame * media::FRAME_SAMPLES + index) as f32 / 16_000.0;
            let pulse = 1.0 - 2.0 * (time * 120.0).fract();
            let sway = 1.0 + 0.3 * (time * 25.0).sin();
            let formants =
                (time * 700.0 * std::f32::consts::TAU).sin() + (time * 1_200.0 * std::f32::consts::TAU).sin();
            *sample = (pulse * formants * sway * 6_000.0) as i16;
        }
        Frame(samples)
    }

    fn speak(session: &mut SttSession, frames: usize) {
        for frame in 0..frames {
            session.input.push(&voiced(frame));
        }
    }

    /// A session in which somebody has spoken for so many frames.
    fn spoken(stt: &MoonshineStt, frames: usize) -> SttSession {
        let mut session = stt.open().expect("open");
        session.input.push(&Frame::SILENCE);
        session.input.begin(HeardId(1), 0);
        speak(&mut session, frames);
        session
    }

    fn pause(session: &mut SttSession, frames: usize) {
        (0..frames).for_each(|_| session.input.push(&Frame::SILENCE));
    }

    fn wait_for(session: &mut SttSession) -> (Want, String) {
        match session.events.blocking_recv() {
            Some(SttEvent::Transcript { want, text, .. }) => (want, text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_end_of_a_turn_is_answered_from_its_likely_transcript() {
        let (stt, go, _given) = gated();
        let mut session = spoken(&stt, 60);
        pause(&mut session, 5);
        session.input.transcribe(Want::Likely);
        go.send(()).expect("the worker listens");
        assert_eq!(wait_for(&mut session), (Want::Likely, "words".into()));
        pause(&mut session, 20);
        session.input.transcribe(Want::Final);
        assert_eq!(wait_for(&mut session), (Want::Final, "words".into()), "without another decoding");
        drop(go);
    }

    #[test]
    fn a_final_request_joins_the_likely_one_that_is_being_decoded() {
        let (stt, go, given) = gated();
        let mut session = spoken(&stt, 60);
        pause(&mut session, 10);
        session.input.transcribe(Want::Likely);
        given.recv().expect("the worker has begun");
        session.input.transcribe(Want::Final);
        go.send(()).expect("the worker listens");
        assert_eq!(wait_for(&mut session).0, Want::Likely);
        assert_eq!(wait_for(&mut session).0, Want::Final);
        drop(go);
    }

    #[test]
    fn silence_gives_an_empty_text_without_decoding() {
        let (stt, go, given) = gated();
        let mut session = stt.open().expect("open");
        session.input.push(&Frame::SILENCE);
        session.input.begin(HeardId(1), 10);
        pause(&mut session, 100);
        session.input.transcribe(Want::Final);
        assert_eq!(wait_for(&mut session), (Want::Final, String::new()));
        drop(go);
        drop(stt);
        assert!(given.try_recv().is_err());
    }

    #[test]
    fn an_utterance_that_ended_is_not_decoded_and_tells_nothing() {
        let (stt, go, given) = gated();
        let (mut first, mut second) = (spoken(&stt, 60), spoken(&stt, 60));
        first.input.transcribe(Want::Final);
        given.recv().expect("the worker has begun");
        second.input.transcribe(Want::Final);
        second.input.end();
        first.input.end();
        go.send(()).expect("the worker listens");
        drop(go);
        drop(stt);
        assert!(first.events.try_recv().is_err(), "ended while it was decoded");
        assert!(given.try_recv().is_err(), "ended while it waited");
    }

    /// R58: nobody's end of turn waits for what somebody else has said so far.
    #[test]
    fn a_partial_transcript_gives_way_to_the_end_of_another_callers_turn() {
        let (stt, go, given) = gated();
        let (mut talking, mut done) = (spoken(&stt, 60), spoken(&stt, 60));
        talking.input.transcribe(Want::Partial);
        given.recv().expect("the worker has begun");
        done.input.transcribe(Want::Likely);
        given.recv().expect("the worker has begun with the other, though nobody let it go");
        go.send(()).expect("the worker listens");
        assert_eq!(wait_for(&mut done).0, Want::Likely);
        drop(go);
        drop(stt);
        assert!(talking.events.try_recv().is_err(), "what was given up is told to nobody");
    }

    #[test]
    fn a_partial_transcript_that_an_end_of_turn_has_joined_is_not_given_up() {
        let (stt, go, given) = gated();
        let (mut first, mut second) = (spoken(&stt, 60), spoken(&stt, 60));
        for session in [&mut first, &mut second] {
            pause(session, 10);
        }
        first.input.transcribe(Want::Partial);
        given.recv().expect("the worker has begun");
        first.input.transcribe(Want::Likely);
        second.input.transcribe(Want::Likely);
        go.send(()).expect("the worker listens");
        assert_eq!(wait_for(&mut first).0, Want::Partial);
        assert_eq!(wait_for(&mut first).0, Want::Likely);
        go.send(()).expect("the worker listens");
        assert_eq!(wait_for(&mut second).0, Want::Likely);
        drop(go);
    }

    /// Part of R58's fairness: a caller who talks on and on does not hold up the others' turns.
    #[test]
    fn partial_transcripts_are_skipped_while_turns_wait() {
        let (stt, go, given) = gated();
        let mut sessions: Vec<_> = (0..4).map(|_| spoken(&stt, 60)).collect();
        sessions[0].input.transcribe(Want::Final);
        given.recv().expect("the worker has begun");
        sessions[1].input.transcribe(Want::Final);
        sessions[2].input.transcribe(Want::Final);
        sessions[3].input.transcribe(Want::Partial);
        drop(go);
        for session in &mut sessions[..3] {
            assert_eq!(wait_for(session).0, Want::Final);
        }
        drop(stt);
        assert!(sessions[3].events.try_recv().is_err());
    }
}
