//! How the body of a request is getting on while the request is answered.

use std::task::{Context, Poll};

use countersign_framing::{Expectation, Next, Refused};
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::{Giver, Wanted};
use super::connection::Connection;
use super::input::Portion;
use super::{BodyBroken, Broken, Event, Service};

/// What says that a body may be sent (RFC 9110 section 15.2.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The body of the request that is answered.
#[derive(Debug)]
pub(super) enum Upload {
    /// All of it has come, or there is none.
    Whole,
    /// Some of it is to come, and goes here.
    Coming(Giver, Expectation),
    /// Some of it is to come, and nobody wants it.
    Forsaken,
    /// It broke off. Nothing is read after it.
    Broken,
}

/// What came of looking at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Who reads the body has something new to see.
    Gave,
    /// Whoever is looked at will wake the task.
    Waits,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    /// Reads of the body what is wanted of it. Where all of it has come, watches for the client to leave: a request that has come
    /// since is a sign that it is there, and is left where it is, so that one that sends many fills no memory.
    pub(super) fn poll_upload<H: Service>(
        &mut self,
        upload: &mut Upload,
        service: &H,
        cx: &mut Context<'_>,
    ) -> Result<Progress, Broken> {
        loop {
            let (giver, expectation) = match upload {
                Upload::Whole => return self.watch(cx).map(|()| Progress::Waits),
                Upload::Forsaken | Upload::Broken => return Ok(Progress::Waits),
                Upload::Coming(giver, expectation) => (giver, expectation),
            };
            match giver.wanted(cx) {
                Wanted::Piece => {}
                Wanted::Nothing => return Ok(Progress::Waits),
                Wanted::NeverMore => {
                    *upload = Upload::Forsaken;
                    return Ok(Progress::Waits);
                }
            }
            if self.input.is_empty() {
                if std::mem::take(expectation) == Expectation::Continue {
                    self.out.lines().extend_from_slice(CONTINUE);
                }
                if !self.out.is_empty() && self.out.poll_write(&mut self.stream, cx)?.is_pending() {
                    // It is woken when it can go on; reading need not wait for that.
                }
                match self.input.poll_read(&mut self.stream, Portion::Body, cx) {
                    Poll::Pending => return Ok(Progress::Waits),
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(Ok(0) | Err(_)) => {
                        giver.break_off(BodyBroken::Incomplete, cx);
                        *upload = Upload::Broken;
                        return Ok(Progress::Gave);
                    }
                }
            }
            match self.framing.next(self.input.bytes()) {
                Ok(Next::Piece { data, bytes }) => {
                    let piece = self.input.take(bytes);
                    let progress = if data.is_empty() { Progress::Waits } else { Progress::Gave };
                    if progress == Progress::Gave {
                        giver.give(piece.slice(data), cx);
                    }
                    if !self.framing.is_inside_a_body() {
                        giver.end(cx);
                        *upload = Upload::Whole;
                        return Ok(Progress::Gave);
                    }
                    if progress == Progress::Gave {
                        return Ok(progress);
                    }
                }
                Err((_, Refused::Body(why))) => {
                    service.note(Event::BodyRefused(why));
                    giver.break_off(BodyBroken::Refused(why), cx);
                    *upload = Upload::Broken;
                    return Ok(Progress::Gave);
                }
                // Inside a body there is nothing else.
                Ok(Next::Part | Next::Head(_)) | Err((_, Refused::Head(_))) => return Err(Broken::Answer),
            }
        }
    }

    fn watch(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        if !self.input.is_empty() {
            return Ok(());
        }
        match self.input.poll_read(&mut self.stream, Portion::Head, cx)? {
            Poll::Ready(0) => Err(Broken::Left),
            Poll::Ready(_) | Poll::Pending => Ok(()),
        }
    }

    /// Passes over what is there of a body that nobody reads, so that the connection can go on where that is all of it.
    pub(super) fn pass_over(&mut self, upload: &mut Upload, cx: &mut Context<'_>) {
        match upload {
            Upload::Whole | Upload::Broken => return,
            Upload::Coming(giver, _) if !giver.is_forsaken() => return,
            Upload::Coming(..) | Upload::Forsaken => *upload = Upload::Forsaken,
        }
        let mut read = Read::NotYet;
        while self.framing.is_inside_a_body() {
            if self.input.is_empty() {
                if read == Read::Once {
                    return;
                }
                read = Read::Once;
                match self.input.poll_read(&mut self.stream, Portion::Body, cx) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Pending => return,
                    Poll::Ready(Ok(0) | Err(_)) => return *upload = Upload::Broken,
                }
            }
            match self.framing.next(self.input.bytes()) {
                Ok(Next::Piece { bytes, .. }) => self.input.skip(bytes),
                Ok(Next::Part | Next::Head(_)) | Err(_) => return *upload = Upload::Broken,
            }
        }
        *upload = Upload::Whole;
    }
}

/// Whether more was read of what nobody wants. Once is enough for a body that came right after its head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    NotYet,
    Once,
}
