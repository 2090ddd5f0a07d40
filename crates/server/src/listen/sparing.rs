//! Connections that are not kept when there are few left.
//!
//! A connection between requests costs its client nothing and is one that nobody else can have. So that strangers cannot
//! take them all and sit on them, the last ones end with their answer.

use std::rc::Rc;
use std::sync::Arc;

use countersign_edge::Head;
use countersign_gateway::Received;
use countersign_lines::Answered;
use tokio::sync::Semaphore;

use super::{Client, Handle, RefusedHead};

/// One in so many connections is never kept between requests.
const SPARED: usize = 8;

/// A handler whose answers end their connection while few are left.
pub(super) struct Sparing<H> {
    handler: Rc<H>,
    slots: Arc<Semaphore>,
    few: usize,
}

impl<H> Sparing<H> {
    /// `slots` are those of all connections, none of which is taken yet.
    pub(super) fn new(handler: Rc<H>, slots: &Arc<Semaphore>) -> Self {
        Self { handler, few: slots.available_permits().div_ceil(SPARED), slots: Arc::clone(slots) }
    }
}

impl<H: Handle> Handle for Sparing<H> {
    type Body = H::Body;

    async fn handle(&self, head: &Head<'_>, body: Received, client: &Client) -> Answered<H::Body> {
        let mut answered = self.handler.handle(head, body, client).await;
        if self.slots.available_permits() < self.few {
            answered.head.close();
        }
        answered
    }

    fn refuse(&self, refused: &RefusedHead, client: &Client) -> Answered<H::Body> {
        self.handler.refuse(refused, client)
    }
}
