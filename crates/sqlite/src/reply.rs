//! Answers from the writer to its callers, woken with one call per thread.
//!
//! Waking a task on another thread is a system call. Writes of one group usually come from a few threads with many
//! tasks each, so the writer puts all results down first and then wakes one task per thread, the leader; that one
//! wakes the others when it takes its own result, which on its own thread is a push to a queue.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The writer's end.
pub(crate) struct Sender<T> {
    slot: Option<Arc<Slot<T>>>,
}

/// The caller's end: a future of the answer, or of `None` when the writer has gone without one.
pub(crate) struct Receiver<T> {
    slot: Arc<Slot<T>>,
}

struct Slot<T> {
    /// The thread that asked.
    origin: u64,
    state: Mutex<State<T>>,
}

struct State<T> {
    stage: Stage<T>,
    waker: Option<Waker>,
    /// To be woken by whoever takes the result.
    followers: Vec<Waker>,
}

enum Stage<T> {
    Waiting,
    Answered(Option<T>),
    /// Taken, or nobody waits any more.
    Over,
}

pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = State { stage: Stage::Waiting, waker: None, followers: Vec::new() };
    let slot = Arc::new(Slot { origin: this_thread(), state: Mutex::new(state) });
    (Sender { slot: Some(Arc::clone(&slot)) }, Receiver { slot })
}

/// A number for each thread that asks.
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static OWN: Cell<u64> = const { Cell::new(0) };
    }
    match OWN.get() {
        0 => {
            let own = NEXT.fetch_add(1, Ordering::Relaxed);
            OWN.set(own);
            own
        }
        own => own,
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the answer down; the waker of the one who waits for it is left to the caller.
    fn answer(&self, answer: Option<T>) -> Option<Waker> {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Waiting) {
            state.stage = Stage::Answered(answer);
        }
        state.waker.take()
    }

    /// Leaves wakers to the one who waits, unless it has its answer already.
    fn lead(&self, followers: Vec<Waker>) -> Result<(), Vec<Waker>> {
        let mut state = self.lock();
        if !matches!(state.stage, Stage::Answered(_)) {
            return Err(followers);
        }
        state.followers.extend(followers);
        Ok(())
    }

    /// Ends the wait; what was answered, and who is to be woken.
    fn finish(&self) -> (Stage<T>, Vec<Waker>) {
        let mut state = self.lock();
        let stage = std::mem::replace(&mut state.stage, Stage::Over);
        (stage, std::mem::take(&mut state.followers))
    }
}

fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

impl<T> Sender<T> {
    /// Whether the caller has gone away.
    pub fn is_closed(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| matches!(slot.lock().stage, Stage::Over))
    }

    /// Answers and wakes the caller.
    pub fn send(mut self, answer: T) {
        if let Some(waker) = self.slot.take().and_then(|slot| slot.answer(Some(answer))) {
            waker.wake();
        }
    }

    /// Answers; the caller is woken by [`Wakes::all`].
    pub fn send_with(mut self, answer: T, wakes: &mut Wakes<T>) {
        if let Some(slot) = self.slot.take()
            && let Some(waker) = slot.answer(Some(answer))
        {
            wakes.asleep.push((slot, waker));
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(waker) = self.slot.take().and_then(|slot| slot.answer(None)) {
            waker.wake();
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        {
            let mut state = self.slot.lock();
            if matches!(state.stage, Stage::Waiting) {
                match &mut state.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    empty => *empty = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            }
        }
        let (stage, followers) = self.slot.finish();
        wake_all(followers);
        match stage {
            Stage::Answered(answer) => Poll::Ready(answer),
            Stage::Waiting | Stage::Over => Poll::Ready(None),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (_, followers) = self.slot.finish();
        wake_all(followers);
    }
}

/// Callers that have an answer and sleep.
pub(crate) struct Wakes<T> {
    asleep: Vec<(Arc<Slot<T>>, Waker)>,
}

impl<T> Default for Wakes<T> {
    fn default() -> Self {
        Wakes { asleep: Vec::new() }
    }
}

impl<T> Wakes<T> {
    /// Wakes one caller of each thread, which wakes the others of that thread.
    pub fn all(&mut self) {
        self.asleep.sort_by_key(|(slot, _)| slot.origin);
        let mut asleep = self.asleep.drain(..).peekable();
        while let Some((leader, waker)) = asleep.next() {
            let mut followers = Vec::new();
            while let Some((_, follower)) = asleep.next_if(|(slot, _)| slot.origin == leader.origin) {
                followers.push(follower);
            }
            // a leader that was polled for another reason has its answer and leads nobody
            if let Err(followers) = leader.lead(followers) {
                wake_all(followers);
            }
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Caller {
        receiver: Receiver<u32>,
        count: Arc<Count>,
    }

    impl Caller {
        fn asking() -> (Sender<u32>, Caller) {
            let (sender, receiver) = channel();
            let mut caller = Caller { receiver, count: Arc::default() };
            assert_eq!(caller.poll(), Poll::Pending);
            (sender, caller)
        }

        fn poll(&mut self) -> Poll<Option<u32>> {
            let waker = Waker::from(Arc::clone(&self.count));
            Pin::new(&mut self.receiver).poll(&mut Context::from_waker(&waker))
        }

        fn woken(&self) -> usize {
            self.count.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn one_caller_is_woken_and_wakes_the_others() {
        let (senders, mut callers): (Vec<_>, Vec<_>) = (0..3).map(|_| Caller::asking()).unzip();
        let mut wakes = Wakes::default();
        for (number, sender) in (0..).zip(senders) {
            sender.send_with(number, &mut wakes);
        }
        wakes.all();
        assert_eq!(callers.iter().map(Caller::woken).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(callers[0].poll(), Poll::Ready(Some(0)));
        assert_eq!(callers.iter().map(Caller::woken).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!((callers[1].poll(), callers[2].poll()), (Poll::Ready(Some(1)), Poll::Ready(Some(2))));
    }

    #[test]
    fn a_leader_that_goes_away_wakes_the_others_all_the_same() {
        let (first, leader) = Caller::asking();
        let (second, follower) = Caller::asking();
        let mut wakes = Wakes::default();
        first.send_with(1, &mut wakes);
        second.send_with(2, &mut wakes);
        wakes.all();
        drop(leader);
        assert_eq!(follower.woken(), 1);
    }

    #[test]
    fn a_leader_that_has_its_answer_already_leads_nobody() {
        let (first, mut leader) = Caller::asking();
        let (second, follower) = Caller::asking();
        let mut wakes = Wakes::default();
        first.send_with(1, &mut wakes);
        second.send_with(2, &mut wakes);
        assert_eq!(leader.poll(), Poll::Ready(Some(1)));
        wakes.all();
        assert_eq!(follower.woken(), 1);
    }

    #[test]
    fn a_writer_that_goes_away_is_an_end_without_an_answer() {
        let (sender, mut caller) = Caller::asking();
        assert!(!sender.is_closed());
        drop(sender);
        assert_eq!((caller.woken(), caller.poll()), (1, Poll::Ready(None)));
        let (sender, caller) = Caller::asking();
        drop(caller);
        assert!(sender.is_closed());
    }
}
