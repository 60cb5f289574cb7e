//! A tick of a plain call takes nothing from the heap.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use media::{Clip, FRAME_SAMPLES, PlayItem, Seat, Session, UtteranceId};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        BYTES.with(|bytes| bytes.set(bytes.get() + layout.size() as isize));
        // SAFETY: the caller's own contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        BYTES.with(|bytes| bytes.set(bytes.get() - layout.size() as isize));
        // SAFETY: the caller's own contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

#[test]
fn thousands_of_ticks_neither_allocate_nor_free() {
    for (codec, payload_type, inband) in
        [(media::Codec::Pcmu, 0, false), (media::Codec::Pcma, 8, true), (media::Codec::G722, 9, false), OPUS]
    {
        let start = std::time::Instant::now();
        let mut session = Session::new(media::SessionConfig { inband_dtmf: inband, ..config() }, start);
        let params = media::StreamParams {
            codec,
            payload_type,
            remote_rtcp: Some(address("192.0.2.7:4001")),
            accepted: [
                (0, media::Codec::Pcmu),
                (8, media::Codec::Pcma),
                (9, media::Codec::G722),
                (111, media::Codec::Opus),
            ]
            .into_iter()
            .collect(),
            dtmf: if inband { None } else { params().dtmf },
            ..params()
        };
        session.configure(start, &params);
        session.set_recording(true);
        // A third ear is there, and everybody speaks.
        session.set_overheard(true);
        let clip: Clip = tone(440.0, 8000.0, 4000).into();
        let mut far = Far { payload_type, ..Far::new() };
        let packets: Vec<Vec<u8>> = match codec {
            media::Codec::Opus => opus_packets(5000),
            _ => (0..5000).map(|i| far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160))).collect(),
        };
        let source = address(FAR);
        let mut datagram = [0; 1500];
        let (mut sent, mut heard, mut recorded, mut spent, mut events, mut spoken) = (0, 0, 0, 0, 0, 0);

        let before = allocations();
        for (tick, packet) in packets.iter().enumerate() {
            let now = start + ms(20 * tick as u64);
            // One packet in thirty is lost, so that concealment is counted too.
            if tick % 30 != 29 {
                session.handle_rtp(now, source, packet);
            }
            session.handle_timeout(now);
            if tick % 50 == 0 {
                let item = PlayItem { utterance: UtteranceId(tick as u32), clip: clip.clone(), last: true };
                assert!(session.play(now, item).is_ok());
            }
            if tick % 170 == 0 {
                session.flush(now, UtteranceId(tick as u32));
            }
            if tick % 500 == 0 {
                session.send_key(now, media::Key(b'5'), ms(100));
            }
            while session.poll_transmit(&mut datagram).is_some() {
                sent += 1;
            }
            while let Some(frame) = session.poll_heard() {
                heard += 1;
                for seat in Seat::ALL {
                    session.push_voice(seat, &frame.frame);
                }
            }
            while let Some(frame) = session.poll_spoken() {
                spoken += frame.0.len() / FRAME_SAMPLES;
            }
            if tick % 40 == 0 {
                session.close_voice(Seat::ALL[tick / 40 % 3]);
                session.set_mixed(tick % 80 == 0);
            }
            while session.poll_record().is_some() {
                recorded += 1;
            }
            while session.poll_event().is_some() {
                events += 1;
            }
            while let Some(clip) = session.poll_spent() {
                spent += 1;
                drop(clip);
            }
        }
        assert_eq!(allocations() - before, 0, "{codec:?}");
        assert!(sent >= 5000 && heard >= 4990 && recorded >= 4990, "{sent} {heard} {recorded}");
        assert!(spent == 100 && events >= 200, "{spent} {events}");
        assert!(spoken >= 4990, "{spoken}");
    }
}

const OPUS: (media::Codec, u8, bool) = (media::Codec::Opus, 111, false);

/// As another session of ours sends them.
fn opus_packets(count: usize) -> Vec<Vec<u8>> {
    let mut leg = Leg::new(&opus_params());
    assert!(leg.play(0, &tone(440.0, 8000.0, count * 320), true));
    leg.run(ms(20 * count as u64));
    leg.sent.into_iter().map(|sent| sent.bytes).take(count).collect()
}

#[test]
fn a_session_is_small() {
    let before = BYTES.with(Cell::get);
    let session = Session::new(config(), std::time::Instant::now());
    let heap = BYTES.with(Cell::get) - before;
    let inline = std::mem::size_of::<Session>() as isize;
    println!("a session takes {inline} bytes inline and {heap} on the heap");
    // A third ear takes 13 kB of it, which most calls never touch: it can come at any time and takes nothing then.
    assert!(heap + inline < 72_000, "{inline} + {heap}");
    drop(session);
}
