//! A call's place in a queue of the dialplan.

use std::sync::Arc;

use crate::domain::dialplan::plan::Queue;
use crate::domain::dialplan::queue::QueueTicket;

use super::super::flow::Input;
use super::super::front_desk::FrontDesk;
use super::Call;

/// A place, which is given back when the call goes on or is over.
pub(super) struct QueuePlace {
    desk: Arc<FrontDesk>,
    name: String,
    ticket: QueueTicket,
}

impl QueuePlace {
    /// A person took the caller: their wait tells how long the next will wait.
    pub fn taken(self) {
        let now = self.desk.clock.now();
        self.desk.queues().taken(&self.name, self.ticket, now);
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.desk.queues().left(&self.name, self.ticket);
    }
}

impl Call {
    pub(super) fn join_queue(&mut self, queue: &Queue) {
        let now = self.desk.clock.now();
        let joined = self.desk.queues().join(&queue.name, queue.callers_max, now);
        match joined {
            Some(ticket) => {
                self.place = Some(QueuePlace { desk: self.desk.clone(), name: queue.name.clone(), ticket });
                self.tell_place();
            }
            None => self.flow.handle(now, Input::QueueFull),
        }
    }

    pub(super) fn tell_place(&mut self) {
        let Some(place) = &self.place else { return };
        let told = {
            let queues = self.desk.queues();
            queues.place(&place.name, place.ticket).map(|at| (at, queues.expected_wait(&place.name, at)))
        };
        if let Some((at, expected)) = told {
            self.flow.handle(self.desk.clock.now(), Input::QueuePlace(at, expected));
        }
    }
}
