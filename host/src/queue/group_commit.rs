//! Many callers, one write: what arrives while a write is under way goes into the next one together. A lone caller waits
//! for nobody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Semaphore, oneshot};

/// Writes a batch; the outcomes are in the order of the items.
type Write<T, R> = dyn Fn(Vec<T>) -> BoxFuture<'static, Vec<R>> + Send + Sync;

/// Gathers items of concurrent callers into batches.
pub struct GroupCommit<T, R>(Arc<Inner<T, R>>);

struct Inner<T, R> {
    waiting: Mutex<Vec<(T, oneshot::Sender<R>)>>,
    turns: Semaphore,
    largest: usize,
    /// How long a batch of fewer than so many items waits for more.
    linger: Option<(Duration, usize)>,
    write: Box<Write<T, R>>,
}

/// The write ended without an outcome: it panicked, or the process is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the write ended without an outcome")]
pub struct Gone;

impl<T, R> Clone for GroupCommit<T, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + 'static, R: Send + 'static> GroupCommit<T, R> {
    /// Batches of at most `largest` items, at most `turns` of them at one time, written by `write`.
    pub fn new(
        largest: usize,
        turns: usize,
        write: impl Fn(Vec<T>) -> BoxFuture<'static, Vec<R>> + Send + Sync + 'static,
    ) -> Self {
        let (waiting, turns) = (Mutex::default(), Semaphore::new(turns));
        Self(Arc::new(Inner { waiting, turns, largest, linger: None, write: Box::new(write) }))
    }

    /// Lets a batch of fewer than `enough` items wait for more.
    ///
    /// # Panics
    /// If it is in use already.
    pub fn lingering(self, linger: Duration, enough: usize) -> Self {
        let inner = Arc::into_inner(self.0).expect("it is not in use yet");
        Self(Arc::new(Inner { linger: Some((linger, enough)), ..inner }))
    }

    /// Writes an item with whatever else waits. The write goes on when the caller does not.
    pub async fn submit(&self, item: T) -> Result<R, Gone> {
        let (sender, outcome) = oneshot::channel();
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((item, sender));
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move { inner.take_turn().await });
        outcome.await.map_err(|_| Gone)
    }
}

impl<T, R> Inner<T, R> {
    fn len(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Every item brings a turn, so that none is left; most turns find that an earlier one took their item along.
    async fn take_turn(&self) {
        let _turn = self.turns.acquire().await.expect("the turns are never closed");
        if let Some((linger, enough)) = self.linger
            && (1..enough).contains(&self.len())
        {
            tokio::time::sleep(linger).await;
        }
        let (items, senders): (Vec<T>, Vec<_>) = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let batch = waiting.len().min(self.largest);
            waiting.drain(..batch).unzip()
        };
        if items.is_empty() {
            return;
        }
        for (sender, outcome) in senders.into_iter().zip((self.write)(items).await) {
            // A caller that is gone does not want to know.
            let _gone = sender.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn what_arrives_during_a_write_goes_into_the_next_together() {
        let (writes, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let group = GroupCommit::new(100, 1, {
            let (writes, gate) = (Arc::clone(&writes), Arc::clone(&gate));
            move |items: Vec<u32>| {
                let (writes, gate) = (Arc::clone(&writes), Arc::clone(&gate));
                Box::pin(async move {
                    if writes.fetch_add(1, Ordering::SeqCst) == 0 {
                        gate.notified().await;
                    }
                    items.into_iter().map(|item| item * 2).collect()
                })
            }
        });
        let caller = |item| {
            let group = group.clone();
            tokio::spawn(async move { group.submit(item).await })
        };
        let mut callers = vec![caller(0)];
        while writes.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        callers.extend((1..50).map(caller));
        while group.0.len() < 49 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
        for (item, caller) in callers.into_iter().enumerate() {
            assert_eq!(caller.await.unwrap(), Ok(item as u32 * 2));
        }
        assert_eq!(writes.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_write_that_panics_is_told_to_its_callers_and_harms_no_other() {
        let group = GroupCommit::new(1, 1, |items: Vec<u32>| {
            Box::pin(async move {
                assert_ne!(items, [13]);
                items
            })
        });
        assert_eq!(group.submit(13).await, Err(Gone));
        assert_eq!(group.submit(7).await, Ok(7));
    }
}
