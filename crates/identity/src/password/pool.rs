//! Threads that hash: few, of low priority, with a queue that ends. A flood of sign-ins waits for itself, not others for it.

use super::argon::Memory;
use mainstay_base::{Problem, Result, Retry};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// A thread that had nothing to do for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

pub struct Pool {
    shared: Arc<Shared>,
    threads: usize,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    length_max: usize,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Pool {
    pub fn start(threads: usize, length_max: usize) -> Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: Condvar::new(),
            length_max: length_max.max(1),
        });
        let pool = Pool { shared, threads };
        for number in 0..threads {
            let shared = Arc::clone(&pool.shared);
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || shared.work())
                .map_err(|error| Problem::internal(format!("no thread for hashing: {error}")))?;
        }
        Ok(pool)
    }

    /// Runs a job on one of the threads; at once with 429 if too many wait.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Memory) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let boxed: Job = Box::new(move |memory| {
            // Whoever asked has gone: nobody waits for this hash.
            if !answer.is_closed() {
                let _ = answer.send(job(memory));
            }
        });
        {
            let mut queue = self.shared.lock();
            if queue.jobs.len() >= self.shared.length_max {
                return Err(self.full());
            }
            queue.jobs.push_back(boxed);
        }
        self.shared.filled.notify_one();
        answered.await.unwrap_or_else(|_| Err(Problem::internal("a thread for hashing has ended")))
    }

    fn full(&self) -> Problem {
        // A hash takes some 20 ms: that is how long the queue needs.
        let seconds = (self.shared.length_max / self.threads.max(1)).div_ceil(50).max(1);
        Problem::new("53400", "too many passwords are being checked")
            .with_hint("`[auth] hash_queue_max` is how many may wait")
            .with_status(429)
            .with_retry(Retry::AfterSeconds(seconds as u32))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        step_back();
        let mut memory = Memory::default();
        while let Some(job) = self.next(&mut memory) {
            // A panic in one hash must not take the thread away from all others.
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut memory)));
            if outcome.is_err() {
                tracing::error!("a thread for hashing panicked and goes on");
            }
        }
        memory.wipe();
    }

    /// The next job. Before the thread waits for one it wipes its memory, and after a while gives it back.
    fn next(&self, memory: &mut Memory) -> Option<Job> {
        if let Some(job) = self.lock().jobs.pop_front() {
            return Some(job);
        }
        memory.wipe();
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            let waited = self.filled.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = waited.0;
            if waited.1.timed_out() {
                memory.free();
            }
        }
    }
}

/// How much more willing than others a thread is to wait for a core (`nice`, 0 to 19).
#[cfg(target_os = "linux")]
const NICENESS: libc::c_int = 10;

#[cfg(target_os = "linux")]
fn step_back() {
    // SAFETY: plain numbers in, a number out; 0 is the calling thread.
    let outcome = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
    if outcome != 0 {
        tracing::debug!("a thread for hashing keeps the priority of the others");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}
