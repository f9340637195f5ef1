//! A bounded queue between callers and a thread that takes what has gathered in one go.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    length_max: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// Takers that wait for an item: nobody else needs a wake-up.
    waiting: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

impl<T> Queue<T> {
    pub fn new(length_max: usize) -> Self {
        Queue {
            state: Mutex::new(State { items: VecDeque::new(), closed: false, waiting: 0 }),
            arrived: Condvar::new(),
            length_max: length_max.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that runs under the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, item: T) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.items.len() >= self.length_max {
            return Err(Refused::Full);
        }
        state.items.push_back(item);
        let wake = state.waiting > 0;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Moves up to `max` items into `into`, waiting for the first. False when the queue is closed and empty.
    pub fn take(&self, max: usize, into: &mut Vec<T>) -> bool {
        let mut state = self.lock();
        while state.items.is_empty() {
            if state.closed {
                return false;
            }
            state.waiting += 1;
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        let count = state.items.len().min(max.max(1));
        into.extend(state.items.drain(..count));
        true
    }

    /// Refuses further items; those that are in the queue can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    pub fn len(&self) -> usize {
        self.lock().items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_and_a_closed_one_gives_what_it_holds() {
        let queue = Queue::new(2);
        assert_eq!((queue.push(1), queue.push(2), queue.push(3)), (Ok(()), Ok(()), Err(Refused::Full)));
        queue.close();
        assert_eq!(queue.push(4), Err(Refused::Closed));
        let mut taken = Vec::new();
        assert!(queue.take(1, &mut taken) && queue.take(9, &mut taken) && !queue.take(9, &mut taken));
        assert_eq!(taken, [1, 2]);
    }
}
