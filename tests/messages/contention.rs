//! A person who takes over and the agent contend; the agent loses (R33).

use futures::StreamExt;
use switchboard::domain::conversation::Author;
use switchboard::domain::transition::{Act, Actor};
use switchboard::messages::Order;
use switchboard::seams::inbox_store::InboxReads;
use switchboard::seams::store::Store;

use crate::house::Desk;

/// Thousands of messages are taken over in the very moment in which they are answered. Whoever was first: after a
/// takeover there is no word of the agent, and both ways of it happen.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_agent_never_speaks_after_a_takeover() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(&folder.path().join("race.db")).await;
    let (mut spoke_first, mut silenced) = (0, 0);
    for batch in 0..ROUNDS / AT_ONCE {
        let intakes: Vec<_> = (0..AT_ONCE).map(|n| desk.intake(&format!("{batch}-{n}"), "Hello")).collect();
        let accepted = futures::future::join_all(intakes.into_iter().map(|i| desk.messages.accept(i))).await;
        let ids: Vec<_> = accepted.into_iter().map(|accepted| accepted.unwrap().conversation_id).collect();
        let answering = tokio::spawn({
            let messages = desk.messages.clone();
            async move { while messages.work_once().await.unwrap() > 0 {} }
        });
        // In the order in which they are answered, or in the other one, so that the two meet halfway.
        let mut order: Vec<_> = ids.clone();
        if batch % 2 == 1 {
            order.reverse();
        }
        let taking = order.iter().map(|id| {
            let (messages, conversation) = (desk.messages.clone(), *id);
            async move {
                let order = Order { conversation, by: Actor::Teammate("ann".into()), seen: None };
                messages.act(&order, Act::TakenOver).await.unwrap()
            }
        });
        let taken = futures::stream::iter(taking).buffered(4).count().await;
        assert_eq!(taken, AT_ONCE);
        answering.await.unwrap();
        desk.work_off().await;
        for id in ids {
            let events = desk.store.events(id, 0, 100).await.unwrap();
            let at = |wanted: fn(&Act) -> bool| events.iter().position(|e| e.act.as_ref().is_some_and(wanted));
            let taken = at(|act| *act == Act::TakenOver).unwrap();
            let spoken = at(|act| matches!(act, Act::BotReplied { .. } | Act::BotHeld { .. }));
            assert!(spoken.is_none_or(|spoken| spoken < taken), "{events:?}");
            let view = desk.store.conversation(id).await.unwrap().unwrap();
            let words = view.messages.iter().filter(|message| message.author == Author::Agent).count();
            assert_eq!(words, usize::from(spoken.is_some()));
            if spoken.is_some() { spoke_first += 1 } else { silenced += 1 }
        }
    }
    assert_eq!(desk.store.outgoing("message", 0, 100_000).await.unwrap().len(), spoke_first);
    println!("the agent was first {spoke_first} times and was silenced {silenced} times");
    assert!(silenced > 0 && spoke_first > 0, "nobody ever contended");
}

/// Conversations that are contended for.
const ROUNDS: usize = 2_000;
/// At the same time.
const AT_ONCE: usize = 50;
