//! The admin side: health, metrics, and why requests were refused.

use bytes::Bytes;
use countersign_api::Admin;
use countersign_edge::{Answer, Head, Problem, RequestId};
use countersign_gateway::Received;
use countersign_lines::Answered;
use http_body_util::Full;

use super::explaining::Explaining;
use crate::listen::{Client, Handle, RefusedHead};
use crate::world::NameEntropy;

/// Answers requests to the admin side.
pub(super) struct AdminSide {
    admin: Admin,
    explaining: Explaining,
}

impl AdminSide {
    pub(super) fn new(admin: Admin, explaining: Explaining) -> Self {
        Self { admin, explaining }
    }
}

impl Handle for AdminSide {
    type Body = Full<Bytes>;

    async fn handle(&self, head: &Head<'_>, _: Received, _: &Client) -> Answered<Full<Bytes>> {
        let (method, path) = (head.method, head.path());
        match self.explaining.answer(method, path).await {
            Some(response) => Answered::from(response.map(Full::new)),
            None => self.admin.answer(method, path).await.map(Full::new).into(),
        }
    }

    fn refuse(&self, refused: &RefusedHead, _: &Client) -> Answered<Full<Bytes>> {
        let id = RequestId::random(&NameEntropy);
        Answer::from(Problem::Framing(refused.why)).answered(&id).map(Full::new)
    }
}
