//! A timeout that is set anew for every request and seldom touches the timer.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::task::coop;
use tokio::time::{Instant, Sleep, sleep_until};

/// A moment by which something must have happened.
///
/// Setting it writes one field. The timer underneath stays where it was armed: when it goes off too early it
/// is armed again for what is left, so that a connection costs one timer operation a timeout, not two a
/// request. Nor is it asked again while it is known to wake the same task in time.
#[derive(Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timer: Option<Timer>,
}

struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// What it wakes when it goes off.
    wakes: Option<Waker>,
}

impl Deadline {
    /// Sets it to `after` from now.
    pub(crate) fn set(&mut self, after: Duration) {
        self.set_from(Instant::now(), after);
    }

    /// Sets it to `after` from `since`.
    pub(crate) fn set_from(&mut self, since: Instant, after: Duration) {
        self.at = since.checked_add(after);
    }

    /// Sets it to `after` from now, unless it is set already.
    pub(crate) fn set_if_clear(&mut self, after: Duration) {
        if self.at.is_none() {
            self.set(after);
        }
    }

    /// There is nothing to wait for.
    pub(crate) fn clear(&mut self) {
        self.at = None;
    }

    /// Ready once the deadline has passed; the task is woken for it. Pending where none is set.
    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Timer::new(at));
        if timer.wakes_by(at, cx) {
            return Poll::Pending;
        }
        if timer.sleep.deadline() > at {
            timer.sleep.as_mut().reset(at);
        }
        ready!(timer.poll(cx));
        if timer.sleep.deadline() < at {
            timer.sleep.as_mut().reset(at);
            ready!(timer.poll(cx));
        }
        self.at = None;
        Poll::Ready(())
    }
}

impl Timer {
    fn new(at: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(at)), wakes: None }
    }

    /// Whether it will wake this task, `at` then at the latest.
    fn wakes_by(&self, at: Instant, cx: &Context<'_>) -> bool {
        let wakes = self.wakes.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        wakes && self.sleep.deadline() <= at && !self.sleep.is_elapsed()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A task that has had its turn is told to come again, and the timer knows nothing of it.
        let is_asked = coop::has_budget_remaining();
        let passed = self.sleep.as_mut().poll(cx);
        self.wakes = is_asked.then(|| cx.waker().clone());
        passed
    }
}

/// The timer of a connection with a client, which serves one of its requests after the other.
#[derive(Default)]
pub struct SpareTimer(Cell<Deadline>);

impl SpareTimer {
    /// To be given back with [`SpareTimer::put`]. Who takes it while another has it gets a new one.
    pub(crate) fn take(&self) -> Deadline {
        self.0.take()
    }

    pub(crate) fn put(&self, deadline: Deadline) {
        self.0.set(deadline);
    }
}

impl fmt::Debug for SpareTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpareTimer(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn passed_after(deadline: &mut Deadline) -> Duration {
        let start = Instant::now();
        poll_fn(|cx| deadline.poll_passed(cx)).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_passes_when_it_was_last_set_to_and_not_before() {
        let mut deadline = Deadline::default();
        deadline.set(2 * SECOND);
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await.is_pending());
        deadline.set(5 * SECOND);
        assert_eq!(passed_after(&mut deadline).await, 5 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_brought_forward() {
        let mut deadline = Deadline::default();
        deadline.set(5 * SECOND);
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await.is_pending());
        deadline.set(SECOND);
        assert_eq!(passed_after(&mut deadline).await, SECOND);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn it_wakes_the_task_that_waits_for_it_now_and_not_the_one_before() {
        let mut deadline = Deadline::default();
        deadline.set(2 * SECOND);
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await.is_pending());
        let other = tokio::task::spawn_local(async move { passed_after(&mut deadline).await });
        assert_eq!(other.await.unwrap(), 2 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn it_passes_for_a_task_that_has_had_its_turn_when_it_first_asks() {
        let mut deadline = Deadline::default();
        deadline.set(SECOND);
        let asked = poll_fn(|cx| {
            while coop::has_budget_remaining() {
                let used = pin!(coop::consume_budget()).poll(cx);
                assert!(used.is_ready() || !coop::has_budget_remaining());
            }
            Poll::Ready(deadline.poll_passed(cx))
        });
        assert!(asked.await.is_pending());
        assert_eq!(passed_after(&mut deadline).await, SECOND);
    }
}
