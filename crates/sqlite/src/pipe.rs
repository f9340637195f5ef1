//! A bounded pipe from a thread that reads rows to a task that sends them. The thread waits for room, with a deadline;
//! the task waits as tasks do.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

struct State<T> {
    items: VecDeque<T>,
    waiting: Option<Waker>,
    /// No more items come.
    ended: bool,
    /// Nobody takes items any more.
    left: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    room: Condvar,
    length_max: usize,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that runs under the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Sender<T>(Arc<Shared<T>>);
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

pub(crate) fn pipe<T>(length_max: usize) -> (Sender<T>, Receiver<T>) {
    let state = State { items: VecDeque::new(), waiting: None, ended: false, left: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), room: Condvar::new(), length_max });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Sender<T> {
    /// False when nobody takes items any more, or nobody has until the deadline.
    pub fn send(&self, item: T, deadline: Instant) -> bool {
        let mut state = self.0.lock();
        while state.items.len() >= self.0.length_max && !state.left {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            state = self.0.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.left {
            return false;
        }
        state.items.push_back(item);
        let waker = state.waiting.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ended = true;
        let waker = state.waiting.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Receiver<T> {
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.lock();
        match state.items.pop_front() {
            Some(item) => {
                self.0.room.notify_one();
                Poll::Ready(Some(item))
            }
            None if state.ended => Poll::Ready(None),
            None => {
                state.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.lock().left = true;
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[test]
    fn items_come_in_order_and_room_is_waited_for() {
        let (sender, receiver) = pipe(2);
        let deadline = Instant::now() + Duration::from_secs(60);
        let thread = std::thread::spawn(move || (0..1000).all(|item| sender.send(item, deadline)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let taken = runtime.block_on(async {
            let mut taken = Vec::new();
            while let Some(item) = poll_fn(|cx| receiver.poll(cx)).await {
                taken.push(item);
            }
            taken
        });
        assert_eq!(taken, (0..1000).collect::<Vec<_>>());
        assert!(thread.join().expect("joins"));
    }

    #[test]
    fn a_sender_is_told_when_nobody_takes() {
        let (sender, receiver) = pipe(1);
        assert!(sender.send(1, Instant::now()) && !sender.send(2, Instant::now()));
        drop(receiver);
        assert!(!sender.send(3, Instant::now() + Duration::from_secs(60)));
    }
}
