//! Packets that come twice (M7).

mod common;

use common::*;

#[test]
fn a_packet_that_comes_again_changes_nothing() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    let mut before = Vec::new();
    for i in 0..200 {
        let packet = far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160));
        leg.arrive(FAR, &packet);
        leg.arrive(FAR, &packet);
        leg.run(ms(3));
        if i > 0 {
            leg.arrive(FAR, &before);
        }
        leg.run(ms(17));
        before = packet;
    }
    let frames: Vec<_> = leg.heard.iter().skip_while(|(_, heard)| heard.concealed).collect();
    assert_eq!(frames.len(), 200);
    assert!(frames.iter().all(|(_, heard)| !heard.concealed));
    let samples: Vec<i16> = frames.iter().flat_map(|(_, heard)| heard.frame.0).collect();
    assert!(share_of(440.0, &samples) > 0.99);
    let stats = leg.session.stats();
    assert_eq!(stats.duplicate + stats.late, 399);
}
