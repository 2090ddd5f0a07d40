//! The connections that a worker keeps to each upstream.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Connection, Upstream, UpstreamFailure};

/// How often at most idle connections are looked at.
const SHORTEST_SWEEP: Duration = Duration::from_millis(100);

/// A worker's pools, one an upstream.
#[derive(Default)]
pub struct Pools {
    pools: RefCell<Vec<Rc<Pool>>>,
}

impl Pools {
    /// The pool for `upstream`, made where there is none. Pools of upstreams that nobody holds any more
    /// (the configuration changed) are dropped with their connections.
    pub fn of(&self, upstream: &Arc<Upstream>) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(pool) = pools.iter().find(|pool| Arc::ptr_eq(&pool.upstream, upstream)) {
            return Rc::clone(pool);
        }
        pools.retain(|pool| Arc::strong_count(&pool.upstream) > 1);
        let pool = Rc::new(Pool::new(Arc::clone(upstream)));
        pools.push(Rc::clone(&pool));
        pool
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pools.borrow().iter()).finish()
    }
}

/// A worker's connections to one upstream that nobody uses at the moment. The last one returned is the
/// first one used again, so that under a light load the rest grow old and are closed.
pub struct Pool {
    upstream: Arc<Upstream>,
    idle: RefCell<VecDeque<Box<Connection>>>,
    sweeper: Cell<Sweeper>,
}

/// Whether a task looks after the idle connections.
#[derive(Clone, Copy)]
enum Sweeper {
    Running,
    Stopped,
}

impl Pool {
    fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, idle: RefCell::default(), sweeper: Cell::new(Sweeper::Stopped) }
    }

    /// The upstream whose connections these are.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// How many connections nobody uses.
    pub fn idle(&self) -> usize {
        self.idle.borrow().len()
    }

    /// The connection that was returned last, if it is not too old. Whether it is still open shows when a
    /// request is to be sent on it.
    pub(crate) fn take(&self) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        let connection = idle.pop_back()?;
        if connection.idle_since.elapsed() < self.upstream.limits().idle_timeout {
            return Some(connection);
        }
        // Those below it have been idle for even longer.
        idle.clear();
        None
    }

    /// A new connection.
    pub(crate) async fn open(&self) -> Result<Box<Connection>, UpstreamFailure> {
        Connection::open(&self.upstream).await
    }

    /// Takes back a connection whose last response was read whole; one that cannot serve again is closed.
    pub(crate) fn put(self: &Rc<Self>, mut connection: Box<Connection>) {
        if !connection.is_ready() {
            return;
        }
        connection.idle_since = Instant::now();
        let mut idle = self.idle.borrow_mut();
        idle.push_back(connection);
        if idle.len() > self.upstream.limits().max_idle {
            idle.pop_front();
        }
        drop(idle);
        if let Sweeper::Stopped = self.sweeper.replace(Sweeper::Running) {
            self.start_sweeper();
        }
    }

    /// Closes connections that are too old or that the upstream closed, until none is left.
    fn start_sweeper(self: &Rc<Self>) {
        let period = (self.upstream.limits().idle_timeout / 2).max(SHORTEST_SWEEP);
        let pool = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            loop {
                sleep(period).await;
                let Some(pool) = pool.upgrade() else { return };
                let mut idle = pool.idle.borrow_mut();
                let limit = pool.upstream.limits().idle_timeout;
                idle.retain_mut(|kept| kept.idle_since.elapsed() < limit && kept.is_alive());
                if idle.is_empty() {
                    pool.sweeper.set(Sweeper::Stopped);
                    return;
                }
            }
        });
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({}, {} idle)", self.upstream.name(), self.idle())
    }
}
