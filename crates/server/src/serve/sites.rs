//! The site that serves at present: for all threads, and as one worker holds it.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache, Guard};
use tokio::sync::watch;

use super::site::Site;

/// What serves under the present configuration, for all threads. A reload puts another in its place.
pub(super) struct Sites<S = Site> {
    present: Arc<ArcSwap<S>>,
    replaced: watch::Sender<()>,
}

impl<S> Clone for Sites<S> {
    fn clone(&self) -> Self {
        Self { present: Arc::clone(&self.present), replaced: self.replaced.clone() }
    }
}

impl<S> Sites<S> {
    pub(super) fn new(site: S) -> Self {
        Self { present: Arc::new(ArcSwap::from_pointee(site)), replaced: watch::Sender::new(()) }
    }

    /// The present one. For what happens seldom: requests have a [`Here`].
    pub(super) fn present(&self) -> Guard<Arc<S>> {
        self.present.load()
    }

    /// Has `site` serve from now on. Requests that are under way end under the one before.
    pub(super) fn replace(&self, site: S) {
        self.present.store(Arc::new(site));
        self.replaced.send_replace(());
    }
}

/// The present site, as one worker holds it: its requests count whom they keep it for among themselves, and not in a place that all
/// workers write to.
pub(super) struct Here<S = Site>(Rc<RefCell<Held<S>>>);

struct Held<S> {
    newest: Cache<Arc<ArcSwap<S>>, Arc<S>>,
    present: Rc<Present<S>>,
}

/// The site that was the present one when a request came, for as long as that takes.
pub(super) struct Present<S = Site>(Arc<S>);

impl<S> Deref for Present<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S: 'static> Here<S> {
    /// To be made on a task of a [`tokio::runtime::LocalRuntime`].
    pub(super) fn new(sites: &Sites<S>) -> Self {
        let present = Rc::new(Present(Arc::clone(&sites.present())));
        let newest = Cache::new(Arc::clone(&sites.present));
        let held = Rc::new(RefCell::new(Held { newest, present }));
        tokio::task::spawn_local(let_go(Rc::downgrade(&held), sites.replaced.subscribe()));
        Self(held)
    }

    /// The site for a request that came now.
    pub(super) fn get(&self) -> Rc<Present<S>> {
        Rc::clone(self.0.borrow_mut().renewed())
    }
}

impl<S> Held<S> {
    fn renewed(&mut self) -> &Rc<Present<S>> {
        let newest = self.newest.load();
        if !Arc::ptr_eq(newest, &self.present.0) {
            self.present = Rc::new(Present(Arc::clone(newest)));
        }
        &self.present
    }
}

/// Lets go of a site that was replaced, also where no request comes: it may hold millions of credentials.
async fn let_go<S>(held: Weak<RefCell<Held<S>>>, mut replaced: watch::Receiver<()>) {
    while replaced.changed().await.is_ok() {
        let Some(held) = held.upgrade() else { return };
        held.borrow_mut().renewed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "local")]
    async fn a_request_right_after_a_reload_is_served_under_the_new_configuration() {
        let sites = Sites::new("first");
        let here = Here::new(&sites);
        let under_way = here.get();
        sites.replace("second");
        assert_eq!((**under_way, **here.get()), ("first", "second"));
    }

    #[tokio::test(flavor = "local")]
    async fn a_worker_to_which_no_request_comes_keeps_nothing_that_a_reload_replaced() {
        let sites = Sites::new("first");
        let _here = Here::new(&sites);
        let first = Arc::downgrade(&sites.present());
        sites.replace("second");
        assert!(first.upgrade().is_some());
        tokio::task::yield_now().await;
        assert!(first.upgrade().is_none());
    }
}
