//! Packets that overtake each other (M7).

mod common;

use common::*;

#[test]
fn packets_in_the_wrong_order_are_heard_in_the_right_one() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    for pair in 0..200 {
        let first = far.packet(&ulaw_tone(440.0, 8000.0, pair * 320, 160));
        let second = far.packet(&ulaw_tone(440.0, 8000.0, pair * 320 + 160, 160));
        if pair < 20 {
            leg.arrive(FAR, &first);
            leg.run(ms(20));
            leg.arrive(FAR, &second);
            leg.run(ms(20));
        } else {
            // The first one comes 2 ms after the one it should have preceded by 20 ms.
            leg.run(ms(20));
            leg.arrive(FAR, &second);
            leg.run(ms(2));
            leg.arrive(FAR, &first);
            leg.run(ms(18));
        }
    }
    let tail = &leg.heard[leg.heard.len() - 200..];
    assert!(tail.iter().filter(|(_, heard)| heard.concealed).count() == 0);
    let samples: Vec<i16> = tail.iter().flat_map(|(_, heard)| heard.frame.0).collect();
    assert!(share_of(440.0, &samples) > 0.99, "{}", share_of(440.0, &samples));
}
