//! The connections that a worker keeps to each upstream.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Connection, Server, Upstream, UpstreamFailure};

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

/// A worker's connections to the servers of one upstream.
pub struct Pool {
    upstream: Arc<Upstream>,
    /// One for each server, in the same order.
    shelves: Box<[Shelf]>,
    /// Where the search for a server begins next.
    next: Cell<usize>,
    sweeper: Cell<Sweeper>,
}

/// The connections to one server that nobody uses at the moment, and how many are used. The last one returned is the
/// first one used again, so that under a light load the rest grow old and are closed.
#[derive(Default)]
struct Shelf {
    idle: RefCell<VecDeque<Box<Connection>>>,
    used: Rc<Cell<usize>>,
}

/// Counts a connection as used until it is dropped.
pub(super) struct InUse(Rc<Cell<usize>>);

/// One server of an upstream, as its place among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// The servers that a request was sent to, or should have been.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tried(u64);

/// Whether a task looks after the idle connections.
#[derive(Clone, Copy)]
enum Sweeper {
    Running,
    Stopped,
}

impl Place {
    /// That of a connection which is in no pool.
    pub(super) const NONE: Self = Self(usize::MAX);
}

impl Tried {
    /// Adds one.
    pub(crate) fn add(&mut self, Place(place): Place) {
        self.0 |= 1_u64.unbounded_shl(u32::try_from(place).unwrap_or(u32::MAX));
    }

    /// How many they are.
    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    fn has(self, place: usize) -> bool {
        self.0.unbounded_shr(u32::try_from(place).unwrap_or(u32::MAX)) & 1 != 0
    }
}

impl Pool {
    fn new(upstream: Arc<Upstream>) -> Self {
        let shelves = upstream.servers().iter().map(|_| Shelf::default()).collect();
        Self { upstream, shelves, next: Cell::default(), sweeper: Cell::new(Sweeper::Stopped) }
    }

    /// The upstream whose connections these are.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// How many connections nobody uses.
    pub fn idle(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.idle.borrow().len()).sum()
    }

    /// The server for a request: of those in good standing that it has not tried, the one that this worker keeps least busy, in turns
    /// where they are equal. Where none is in good standing, the one whose time aside ends first: a request is the last to
    /// be told that there is no hope.
    pub(crate) fn choose(&self, tried: Tried) -> Option<(Place, &Server)> {
        let servers = self.upstream.servers();
        if let [server] = servers {
            return (!tried.has(0)).then_some((Place(0), server));
        }
        let from = self.next.get();
        self.next.set(if from + 1 < servers.len() { from + 1 } else { 0 });
        let in_turn = || {
            let around = servers.iter().zip(&self.shelves).enumerate();
            around.clone().skip(from).chain(around.take(from)).filter(|(place, _)| !tried.has(*place))
        };
        in_turn()
            .filter(|(_, (server, _))| server.standing().is_good())
            .min_by_key(|(_, (_, shelf))| shelf.used.get())
            .or_else(|| in_turn().min_by_key(|(_, (server, _))| server.standing().aside_until()))
            .map(|(place, (server, _))| (Place(place), server))
    }

    /// The connection to a server that was returned last, if it is not too old `now`. Whether it is still open shows when a
    /// request is to be sent on it.
    pub(crate) fn take(&self, place: Place, now: Instant) -> Option<Box<Connection>> {
        let home = self.shelves.get(place.0)?;
        let mut idle = home.idle.borrow_mut();
        let mut connection = idle.pop_back()?;
        if now.duration_since(connection.idle_since) < self.upstream.limits().idle_timeout {
            connection.in_use = Some(home.in_use());
            return Some(connection);
        }
        // Those below it have been idle for even longer.
        idle.clear();
        None
    }

    /// A new connection to a server.
    pub(crate) async fn open(
        &self,
        place: Place,
        server: &Server,
    ) -> Result<Box<Connection>, UpstreamFailure> {
        let in_use = self.shelves.get(place.0).map(Shelf::in_use);
        let mut connection = Connection::open(server, place, self.upstream.limits()).await?;
        connection.in_use = in_use;
        Ok(connection)
    }

    /// Takes back a connection whose last response was read whole; one that cannot serve again is closed.
    pub(crate) fn put(self: &Rc<Self>, mut connection: Box<Connection>) {
        if !connection.is_ready() {
            return;
        }
        let Some(home) = self.shelves.get(connection.place.0) else { return };
        connection.rest();
        let mut idle = home.idle.borrow_mut();
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
                let limit = pool.upstream.limits().idle_timeout;
                for shelf in &pool.shelves {
                    let mut idle = shelf.idle.borrow_mut();
                    idle.retain_mut(|kept| kept.idle_since.elapsed() < limit && kept.is_alive());
                }
                if pool.idle() == 0 {
                    pool.sweeper.set(Sweeper::Stopped);
                    return;
                }
            }
        });
    }
}

impl Shelf {
    fn in_use(&self) -> InUse {
        self.used.set(self.used.get() + 1);
        InUse(Rc::clone(&self.used))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({}, {} idle)", self.upstream.name(), self.idle())
    }
}
