//! A timeout that is set anew for every request and seldom touches the timer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A moment by which something must have happened.
///
/// Setting it writes one field. The timer underneath stays where it was armed: when it goes off too early it
/// is armed again for what is left, so that a connection costs one timer operation a timeout, not two a
/// request.
#[derive(Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
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
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        ready!(timer.as_mut().poll(cx));
        if timer.deadline() < at {
            timer.as_mut().reset(at);
            ready!(timer.as_mut().poll(cx));
        }
        self.at = None;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

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
}
