//! What has begun comes to its end, even if nobody waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that goes on in a task of its own when it is dropped before its end. As long as somebody
/// waits for it, it needs no other task, and no other thread has to wake for it.
pub(crate) struct ToTheEnd<F>(Option<Pin<Box<F>>>)
where
    F: Future<Output: Send> + Send + 'static;

/// A future that comes to its end whether it is waited for or not. It has to be polled once for that.
pub(crate) fn to_the_end<F>(future: F) -> ToTheEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    ToTheEnd(Some(Box::pin(future)))
}

impl<F> Future for ToTheEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.0.as_mut().expect("a future is not polled after its end");
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<F> Drop for ToTheEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    fn drop(&mut self) {
        // A panic of its own is not polled again.
        let future = self.0.take().filter(|_| !std::thread::panicking());
        if let (Some(future), Ok(runtime)) = (future, Handle::try_current()) {
            runtime.spawn(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::sync::oneshot;

    use super::to_the_end;

    #[tokio::test]
    async fn what_is_dropped_on_its_way_comes_to_its_end() {
        let ((go, gone), (done, over)) = (oneshot::channel::<()>(), oneshot::channel());
        let mut way = to_the_end(async move {
            gone.await.expect("it is let go");
            done.send(7).expect("somebody waits");
        });
        assert!((&mut way).now_or_never().is_none());
        drop(way);
        go.send(()).expect("it is on its way");
        assert_eq!(over.await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_waited_for_gives_what_it_gives() {
        assert_eq!(to_the_end(async { 7 }).await, 7);
    }
}
