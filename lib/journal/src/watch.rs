//! Tells tailers that the journal grew, so that none has to poll.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::Position;

type Hook = Arc<dyn Fn(Position) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Watch {
    hooks: RwLock<Vec<(u64, Hook)>>,
    next_id: AtomicU64,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    grown: Condvar,
}

/// Keeps a hook in place until it is dropped.
pub struct Subscription {
    watch: Arc<Watch>,
    id: u64,
}

impl Watch {
    pub(crate) fn subscribe(self: &Arc<Self>, hook: Hook) -> Subscription {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.hooks.write().unwrap_or_else(PoisonError::into_inner).push((id, hook));
        Subscription { watch: self.clone(), id }
    }

    /// Called after `end` was published.
    pub(crate) fn grew(&self, end: Position) {
        for (_, hook) in self.hooks.read().unwrap_or_else(PoisonError::into_inner).iter() {
            hook(end);
        }
        // Pairs with the fence in `wait`: either we see the waiter, or it sees the new end.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Taking the lock makes sure that a waiter is either asleep or has yet to look at the end.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.grown.notify_all();
        }
    }

    /// Blocks until `end()` is past `seen` or `timeout` has passed; returns `end()`.
    pub(crate) fn wait(&self, seen: u64, timeout: Duration, end: impl Fn() -> u64) -> u64 {
        let deadline = Instant::now() + timeout;
        self.waiting.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while end() <= seen {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                break;
            };
            guard = self.grown.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(guard);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        end()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.watch.hooks.write().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != self.id);
    }
}
