//! Jails side by side, each behind those that it waits for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bstr::{BString, ByteSlice};

use super::JailError;
use super::graph::Graph;
use super::observer::What;
use super::world::World;
use crate::jailconf::{Resolved, ResolvedJail};

/// What has become of a jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was started.
    Started,
    /// It ran already.
    AlreadyRunning,
    /// It was stopped.
    Stopped,
    /// It did not run.
    NotRunning,
    /// It was stopped and started again.
    Restarted,
    /// It was changed.
    Updated,
}

/// What has become of each jail.
#[derive(Debug, Default)]
pub struct Summary {
    /// The jails that were worked on, in the file's order, and why it failed for some.
    pub jails: Vec<(BString, Result<Outcome, JailError>)>,
}

impl Summary {
    /// Whether nothing failed.
    pub fn is_well(&self) -> bool {
        self.jails.iter().all(|(_, outcome)| outcome.is_ok())
    }

    /// The jails that failed, and why; those that were skipped are among them.
    pub fn failures(&self) -> impl Iterator<Item = (&BString, &JailError)> {
        self.jails.iter().filter_map(|(name, outcome)| Some((name, outcome.as_ref().err()?)))
    }

    /// The jails that were left alone, as one that they depend on, or that depends on them, failed.
    pub fn skipped(&self) -> impl Iterator<Item = &BString> {
        self.failures().filter(|(_, error)| error.is_skip()).map(|(name, _)| name)
    }

    /// How many jails have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.jails.iter().filter(|(_, found)| found.as_ref().is_ok_and(|found| *found == outcome)).count()
    }

    pub(super) fn failed_names(&self) -> BTreeSet<BString> {
        self.failures().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn with_strays(mut self, strays: Vec<(BString, Result<Outcome, JailError>)>) -> Self {
        self.jails.extend(strays);
        self
    }

    /// Adds what came later: where a jail is in both, the later outcome counts, unless it is that it ran already.
    pub(super) fn merge(&mut self, later: Self) {
        for (name, outcome) in later.jails {
            match self.jails.iter_mut().find(|(known, _)| *known == name) {
                Some(known) if known.1.is_ok() => known.1 = outcome,
                Some(_) => {}
                None => self.jails.push((name, outcome)),
            }
        }
    }
}

struct Queue {
    ready: BTreeSet<usize>,
    /// How many jails each jail still waits for.
    waits: HashMap<usize, usize>,
    running: usize,
    done: BTreeMap<usize, Result<Outcome, JailError>>,
}

struct Schedule<'a> {
    conf: &'a Resolved,
    graph: &'a Graph,
    work: BTreeSet<usize>,
    backwards: bool,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Does `act` to each jail of `work`, as many side by side as the options allow: behind the jails it needs, or, where
/// `backwards` is set, behind those that need it.
pub(super) fn run(
    world: &World<'_>,
    conf: &Resolved,
    graph: &Graph,
    work: &[usize],
    backwards: bool,
    act: impl Fn(&ResolvedJail) -> Result<Outcome, JailError> + Sync,
) -> Summary {
    let schedule = Schedule::new(conf, graph, work, backwards);
    let workers = world.options.jobs.get().min(work.len());
    let tell = |jail: &ResolvedJail, outcome: &_| world.tell(jail.name.as_bstr(), What::Done(outcome));
    if workers <= 1 {
        schedule.work(&act, &tell);
    } else {
        std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(|| schedule.work(&act, &tell)))));
    }
    let done = schedule.queue.into_inner().unwrap_or_else(PoisonError::into_inner).done;
    Summary { jails: done.into_iter().map(|(index, outcome)| (conf.jails[index].name.clone(), outcome)).collect() }
}

impl<'a> Schedule<'a> {
    fn new(conf: &'a Resolved, graph: &'a Graph, work: &[usize], backwards: bool) -> Self {
        let queue = Queue { ready: BTreeSet::new(), waits: HashMap::new(), running: 0, done: BTreeMap::new() };
        let work: BTreeSet<usize> = work.iter().copied().collect();
        let mut schedule = Self { conf, graph, work, backwards, queue: Mutex::new(queue), changed: Condvar::new() };
        let waits: HashMap<_, _> = schedule.work.iter().map(|&jail| (jail, schedule.before(jail).count())).collect();
        let queue = schedule.queue.get_mut().unwrap_or_else(PoisonError::into_inner);
        queue.ready = waits.iter().filter(|(_, count)| **count == 0).map(|(&jail, _)| jail).collect();
        queue.waits = waits;
        schedule
    }

    /// Whether a jail is in a loop, or needs one that is not there; two such do not wait for each other.
    fn is_broken(&self, jail: usize) -> bool {
        self.graph.error(jail).is_some()
    }

    /// The jails at one end of its edges that wait for it, or it for them.
    fn edges(&self, jail: usize, edges: &'a [Vec<usize>]) -> impl Iterator<Item = usize> {
        let is_real =
            move |&other: &usize| self.work.contains(&other) && !(self.is_broken(jail) && self.is_broken(other));
        edges[jail].iter().copied().filter(is_real)
    }

    /// The jails that this one waits for.
    fn before(&self, jail: usize) -> impl Iterator<Item = usize> {
        self.edges(jail, if self.backwards { &self.graph.needed_by } else { &self.graph.needs })
    }

    /// The jails that wait for this one.
    fn after(&self, jail: usize) -> impl Iterator<Item = usize> {
        self.edges(jail, if self.backwards { &self.graph.needs } else { &self.graph.needed_by })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes jail after jail until none is left.
    fn work(
        &self,
        act: &impl Fn(&ResolvedJail) -> Result<Outcome, JailError>,
        tell: &impl Fn(&ResolvedJail, &Result<Outcome, JailError>),
    ) {
        while let Some(jail) = self.next() {
            let guard = Finish { schedule: self, jail };
            let outcome = match self.reason_not_to(jail) {
                Some(error) => Err(error),
                None => act(&self.conf.jails[jail]),
            };
            tell(&self.conf.jails[jail], &outcome);
            guard.with(outcome);
        }
    }

    fn next(&self) -> Option<usize> {
        let mut queue = self.lock();
        loop {
            // What was started last is stopped first.
            let next = if self.backwards { queue.ready.pop_last() } else { queue.ready.pop_first() };
            if next.is_some() {
                queue.running += 1;
                return next;
            }
            if queue.running == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn reason_not_to(&self, jail: usize) -> Option<JailError> {
        if !self.backwards
            && let Some(error) = self.graph.error(jail)
        {
            return Some(error);
        }
        let queue = self.lock();
        // One that does not run, or no more, keeps none running.
        let is_in_the_way = |outcome: &Result<Outcome, JailError>| match outcome {
            Err(JailError::NotRunning | JailError::Stopped(_)) => !self.backwards,
            outcome => outcome.is_err(),
        };
        let failed = self.before(jail).find(|other| queue.done.get(other).is_some_and(is_in_the_way))?;
        let failed = self.conf.jails[failed].name.clone();
        Some(if self.backwards { JailError::Kept(failed) } else { JailError::Skipped(failed) })
    }

    fn finish(&self, jail: usize, outcome: Option<Result<Outcome, JailError>>) {
        let mut queue = self.lock();
        queue.running -= 1;
        if let Some(outcome) = outcome {
            queue.done.insert(jail, outcome);
            for other in self.after(jail) {
                if let Some(count) = queue.waits.get_mut(&other) {
                    *count -= 1;
                    if *count == 0 {
                        queue.ready.insert(other);
                    }
                }
            }
        }
        self.changed.notify_all();
    }
}

/// Tells the other workers that a jail is done, even where the work on it panics.
struct Finish<'s, 'a> {
    schedule: &'s Schedule<'a>,
    jail: usize,
}

impl Finish<'_, '_> {
    fn with(self, outcome: Result<Outcome, JailError>) {
        self.schedule.finish(self.jail, Some(outcome));
        std::mem::forget(self);
    }
}

impl Drop for Finish<'_, '_> {
    fn drop(&mut self) {
        self.schedule.finish(self.jail, None);
    }
}
