//! One request, passed on.

mod body;
mod failure;
mod hop;
mod onward;
mod payload;

use std::rc::Rc;

use http::{Response, Version};
use hyper::body::Incoming;

pub use body::ForwardedBody;
pub use failure::{ForwardFailure, RequestFailure, ResponseFailure};
pub use onward::{Onward, Sender};
pub use payload::Payload;
pub(crate) use payload::{RequestBody, Upload};

use crate::BodyLimits;
use crate::upstream::{Connection, ExchangeFailure, Pool};

/// Passes a request on to the upstream of `pool` and hands back its response as soon as the head is there.
///
/// The bodies stream through, each as fast as the slower side takes it. Dropping the future, or the
/// response's body before its end, cancels the request at the upstream.
///
/// A connection that was kept may have been closed by the upstream in the meantime. Where nothing was sent
/// on it, or where the method is idempotent and there is no body, the request is sent once more, on a new
/// connection (RFC 9110, 9.2.2).
pub async fn forward(
    pool: &Rc<Pool>,
    onward: Onward,
    payload: Payload,
    limits: &BodyLimits,
) -> Result<Response<ForwardedBody>, ForwardFailure> {
    let upstream = pool.upstream();
    let (mut request, upload) = onward.into_request(upstream, payload, limits)?;
    if let Some(mut connection) = pool.take() {
        match connection.exchange(request, upload.as_ref(), upstream).await {
            Ok(response) => return Ok(pass_back(response, connection, upload, pool)),
            Err(ExchangeFailure::Dead(again, _)) => request = *again,
            Err(ExchangeFailure::Upstream(failure)) => return Err(failure.into()),
            Err(ExchangeFailure::Body(failure)) => return Err(RequestFailure::Body(failure).into()),
        }
    }
    let mut connection = pool.open().await?;
    match connection.exchange(request, upload.as_ref(), upstream).await {
        Ok(response) => Ok(pass_back(response, connection, upload, pool)),
        Err(ExchangeFailure::Dead(_, failure) | ExchangeFailure::Upstream(failure)) => Err(failure.into()),
        Err(ExchangeFailure::Body(failure)) => Err(RequestFailure::Body(failure).into()),
    }
}

fn pass_back(
    response: Response<Incoming>,
    connection: Box<Connection>,
    upload: Option<Rc<Upload>>,
    pool: &Rc<Pool>,
) -> Response<ForwardedBody> {
    let (mut head, body) = response.into_parts();
    // The version is between the upstream and us (RFC 9110, 2.5).
    head.version = Version::HTTP_11;
    hop::strip_response(&mut head.headers, &body);
    let uploading = upload.is_some_and(|upload| !upload.is_finished());
    Response::from_parts(head, ForwardedBody::new(body, connection, pool, uploading))
}
