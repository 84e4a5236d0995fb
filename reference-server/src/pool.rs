//! The modelled pool of connections behind the slots: a request in its slot waits for a connection and holds it for a drawn
//! time at least.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::class::Class;
use crate::config;
use crate::hold::Holds;
use crate::metrics::Nanos;
use crate::timer::Timer;

/// The pool of a server.
#[derive(Debug)]
pub(crate) struct Pool {
    config: config::Pool,
    free: Semaphore,
    holds: Holds,
    waiting: AtomicUsize,
    /// Time that requests waited for a connection, and held one.
    pub(crate) waited: Nanos,
    pub(crate) held: Nanos,
}

impl Pool {
    pub(crate) fn new(config: &config::Pool) -> Pool {
        Pool {
            free: Semaphore::new(config.connections),
            holds: Holds::new(config.seed, |class| config.law(class).copied()),
            waiting: AtomicUsize::new(0),
            waited: Nanos::default(),
            held: Nanos::default(),
            config: config.clone(),
        }
    }

    /// Does the work with a connection, first come, first served, and holds it for max(the drawn time, the work).
    pub(crate) async fn with<T>(&self, class: Class, timer: &Timer, work: impl Future<Output = T>) -> T {
        if self.config.law(class).is_none() {
            return work.await;
        }
        let came = Instant::now();
        let waits = Waits::one(&self.waiting);
        // The semaphore is never closed.
        let connection = self.free.acquire().await;
        drop(waits);
        let started = Instant::now();
        let done = work.await;
        let hold = self.holds.draw(class);
        if started.elapsed() < hold {
            timer.until(started + hold).await;
        }
        drop(connection);
        self.waited.add(started - came);
        self.held.add(started.elapsed());
        done
    }

    pub(crate) fn connections(&self) -> usize {
        self.config.connections
    }

    /// Connections in use.
    pub(crate) fn busy(&self) -> usize {
        self.config.connections - self.free.available_permits()
    }

    /// Requests in their slots that wait for one.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// One that waits, for as long as this lives.
struct Waits<'a>(&'a AtomicUsize);

impl Waits<'_> {
    fn one(count: &AtomicUsize) -> Waits<'_> {
        count.fetch_add(1, Ordering::Relaxed);
        Waits(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::Law;

    #[tokio::test]
    async fn as_many_work_at_once_as_there_are_connections_and_each_holds_its_own_for_its_time() {
        let law = Law::Constant(Duration::from_millis(5));
        let config = config::Pool { connections: 2, seed: 1, law: Some(law), class: [].into() };
        let (pool, timer) = (Arc::new(Pool::new(&config)), Arc::new(Timer::start().unwrap()));
        let most = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (pool, timer, most) = (Arc::clone(&pool), Arc::clone(&timer), Arc::clone(&most));
                tokio::spawn(async move {
                    let work = async { most.fetch_max(pool.busy(), Ordering::Relaxed) };
                    pool.with(Class::Form, &timer, work).await;
                })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!((pool.busy(), pool.waiting()), (2, 8));
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((most.load(Ordering::Relaxed), pool.busy(), pool.waiting()), (2, 0, 0));
        assert!(pool.held.get() >= Duration::from_millis(50), "ten of 5 ms");
        // Five rounds of two: the third to the tenth waited for 5, 5, 10, 10, ... ms.
        assert!(pool.waited.get() >= Duration::from_millis(100));
    }

    #[tokio::test]
    async fn a_class_without_a_law_takes_no_connection() {
        let law = Law::Constant(Duration::from_secs(3_600));
        let config =
            config::Pool { connections: 1, seed: 1, law: None, class: [(Class::Search, law)].into() };
        let (pool, timer) = (Pool::new(&config), Timer::start().unwrap());
        assert_eq!(pool.with(Class::Form, &timer, async { pool.busy() }).await, 0);
        assert_eq!(pool.with(Class::SignIn, &timer, async { pool.busy() }).await, 0);
        assert_eq!(pool.held.get(), Duration::ZERO);
    }
}
