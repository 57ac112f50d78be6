//! The life of jails: what jail(8) does with a jail.conf(5), from `exec.prepare` to `exec.release`.
//!
//! [`start`], [`stop`], [`restart`] and [`modify`] take the jails of a resolved jail.conf and do to a
//! [`Host`] what jail(8) does, in its order: dependencies first, the way back in reverse, and jails
//! that do not depend on each other side by side. Where a step fails, what was done for that jail is undone; jails that
//! do not depend on it go on.
//!
//! Every effect goes through the host, so that one life cycle serves FreeBSD, the simulated host, and the stack. What a
//! start makes is noted in `/var/run` until it is taken back, by a stop or by the run after one that was killed.
//!
//! # Example
//! ```
//! use jailkit::host::{Host, SimHost};
//! use jailkit::jailconf::JailConf;
//! use jailkit::life::{self, Options, Silent};
//! use jailkit::source::Source;
//!
//! let dir = tempfile::tempdir()?;
//! let host = SimHost::open(dir.path())?;
//! let conf = JailConf::parse(&Source::new("jail.conf", "www { path = /srv; persist; }"))?.resolve()?;
//! let summary = life::start(&host, &conf, &["www"], &Options::default(), &Silent)?;
//! assert!(summary.is_well());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source of the behaviour: jail(8), jail.conf(5).

mod action;
mod addresses;
mod claim;
mod enter;
mod error;
mod foresee;
mod graph;
mod guard;
mod held;
mod list;
mod modify;
mod modules;
mod mount;
mod observer;
mod outline;
mod params;
mod perform;
mod readdress;
mod ready;
mod running;
mod schedule;
mod spec;
mod start;
mod stop;
mod words;
mod world;

pub use claim::has_left;
pub use enter::{Enter, enter};
pub use error::{JailError, LifeError};
pub(crate) use graph::dependents;
pub use list::{Format, List, ListError, Selection};
pub use mount::mount_request;
pub use observer::{Event, Observer, Silent, What};
pub use outline::{Outline, outline, outline_removal};
pub use running::{find_running, remove};
pub use schedule::{Outcome, Summary};
pub use start::is_half_made;
pub use words::set_jail;

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;

use bstr::{BStr, BString, ByteSlice};

use crate::host::Host;
use crate::jailconf::{Resolved, ResolvedJail};
use crate::kernel::KernelError;
use crate::stack::Ready;
use graph::{Graph, Named};
use world::World;

/// How jails are started and stopped.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many jails are worked on side by side.
    pub jobs: NonZeroUsize,
    /// A jail that runs already, or is gone already, is what was asked for: no failure.
    pub idempotent: bool,
    /// Take what programs print and tell the observer, line by line; else they print themselves.
    pub capture: bool,
    /// `allow.dying` for every jail (`jail -d`).
    pub dying: bool,
    /// What it is for a jail to be ready, by name; its dependents wait for it.
    pub ready: BTreeMap<BString, Ready>,
}

impl Default for Options {
    fn default() -> Self {
        Self { jobs: NonZeroUsize::MIN, idempotent: false, capture: false, dying: false, ready: BTreeMap::new() }
    }
}

/// What is done to a jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `jail -c`
    Start,
    /// `jail -r`
    Stop,
    /// `jail -rc`
    Restart,
    /// `jail -m`
    Modify,
    /// `jail -cm`
    StartOrModify,
    /// `jail -mr`: what cannot be changed in a running jail is changed by a restart.
    ModifyOrRestart,
}

/// Starts jails, and first those that they depend on (`jail -c`); all jails where `names` is empty.
///
/// # Errors
/// [`LifeError`] where nothing could be begun. What became of each jail is in the [`Summary`].
pub fn start(
    host: &dyn Host,
    conf: &Resolved,
    names: &[impl AsRef<[u8]>],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Summary, LifeError> {
    run(host, conf, names, Operation::Start, options, observer)
}

/// Stops jails, and first those that depend on them (`jail -r`); all jails where `names` is empty.
///
/// # Errors
/// [`LifeError`] where nothing could be begun. What became of each jail is in the [`Summary`].
pub fn stop(
    host: &dyn Host,
    conf: &Resolved,
    names: &[impl AsRef<[u8]>],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Summary, LifeError> {
    run(host, conf, names, Operation::Stop, options, observer)
}

/// Stops jails with those that depend on them, and starts them all again (`jail -rc`).
///
/// # Errors
/// [`LifeError`] where nothing could be begun. What became of each jail is in the [`Summary`].
pub fn restart(
    host: &dyn Host,
    conf: &Resolved,
    names: &[impl AsRef<[u8]>],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Summary, LifeError> {
    run(host, conf, names, Operation::Restart, options, observer)
}

/// Changes running jails to what the file says of them (`jail -m`).
///
/// # Errors
/// [`LifeError`] where nothing could be begun. What became of each jail is in the [`Summary`].
pub fn modify(
    host: &dyn Host,
    conf: &Resolved,
    names: &[impl AsRef<[u8]>],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Summary, LifeError> {
    run(host, conf, names, Operation::Modify, options, observer)
}

/// Does an operation to the named jails, or to all where `names` is empty.
///
/// # Errors
/// [`LifeError`] where nothing could be begun. What became of each jail is in the [`Summary`].
pub fn run(
    host: &dyn Host,
    conf: &Resolved,
    names: &[impl AsRef<[u8]>],
    operation: Operation,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Summary, LifeError> {
    host.check_rights()?;
    let world = World::look(host, options, observer)?;
    let graph = Graph::of(conf);
    let named = Named::find(conf, names, operation, &world)?;
    match operation {
        Operation::Start => {
            let work = graph.dependencies(&named.jails);
            Ok(schedule::run(&world, conf, &graph, &work, false, |jail| start::start(&world, jail, &named, false)))
        }
        Operation::Stop => {
            let stopped = stop_with_dependents(&world, conf, &graph, &named);
            Ok(stopped.with_strays(stop::strays(&world, &named, true)))
        }
        Operation::Restart => Ok(restart_with_dependents(&world, conf, &graph, &named)),
        Operation::StartOrModify => {
            let work = started_or_modified(&world, conf, &graph, &named)?;
            let act = |jail: &ResolvedJail| modify::start_or_modify(&world, jail, &named);
            Ok(schedule::run(&world, conf, &graph, &work, false, act))
        }
        Operation::Modify => {
            let act = |jail: &ResolvedJail| modify::modify(&world, jail);
            Ok(schedule::run(&world, conf, &graph, &named.jails, false, act))
        }
        Operation::ModifyOrRestart => {
            let (restarted, modified) = named.split(|index| modify::needs_restart(&world, &conf.jails[index]));
            let act = |jail: &ResolvedJail| modify::modify(&world, jail);
            let mut summary = schedule::run(&world, conf, &graph, &modified.jails, false, act);
            if !restarted.jails.is_empty() {
                summary.merge(restart_with_dependents(&world, conf, &graph, &restarted));
            }
            Ok(summary)
        }
    }
}

/// The named jails, and what those of them need that do not run yet.
fn started_or_modified(
    world: &World<'_>,
    conf: &Resolved,
    graph: &Graph,
    named: &Named,
) -> Result<Vec<usize>, KernelError> {
    let mut absent = Vec::new();
    for &index in &named.jails {
        if world.find(conf.jails[index].name.as_bstr(), false)?.is_none() {
            absent.push(index);
        }
    }
    let mut work = graph.dependencies(&absent);
    work.extend(&named.jails);
    work.sort_unstable();
    work.dedup();
    Ok(work)
}

fn stop_with_dependents(world: &World<'_>, conf: &Resolved, graph: &Graph, named: &Named) -> Summary {
    let work = graph.dependents(named);
    schedule::run(world, conf, graph, &work, true, |jail| stop::stop(world, jail, named))
}

/// Stops jails with those that depend on them, and starts the named ones again, those that it has stopped, and what
/// they need.
fn restart_with_dependents(world: &World<'_>, conf: &Resolved, graph: &Graph, named: &Named) -> Summary {
    let (ref named, refused) = restartable(world, conf, graph, named);
    let mut summary = stop_with_dependents(world, conf, graph, named);
    let was = |index: usize| summary.jails.iter().find(|(name, _)| *name == conf.jails[index].name);
    let has_stopped = |index: &usize| matches!(was(*index), Some((_, Ok(Outcome::Stopped))));
    let stopped: HashSet<&BStr> =
        (0..conf.jails.len()).filter(has_stopped).map(|index| conf.jails[index].name.as_bstr()).collect();
    let mut failed = summary.failed_names();
    failed.extend(refused.iter().map(|(index, _)| conf.jails[*index].name.clone()));
    let name = |index: usize| conf.jails[index].name.as_bstr();
    // Nothing is started for the sake of one that could not be stopped.
    let is_named = |index: &usize| named.jails.contains(index) && !failed.contains(name(*index));
    let again: Vec<usize> =
        (0..conf.jails.len()).filter(|index| is_named(index) || stopped.contains(name(*index))).collect();
    let work = graph.dependencies(&again);
    let started = schedule::run(world, conf, graph, &work, false, |jail| {
        if !failed.contains(&jail.name) {
            return start::start(world, jail, named, stopped.contains(jail.name.as_bstr()));
        }
        // It could not be stopped. Where that is because it was not there, it is not there for its dependents either.
        match world.find(jail.name.as_bstr(), false)? {
            Some(_) => Ok(Outcome::AlreadyRunning),
            None => Err(JailError::NotRunning),
        }
    });
    summary.merge(started);
    for (index, error) in refused {
        let outcome = Err(error);
        world.tell(name(index), observer::What::Done(&outcome));
        summary.jails.retain(|(known, _)| known != name(index));
        summary.jails.push((name(index).to_owned(), outcome));
    }
    summary
}

/// The named jails that may be restarted, and why not the others: what could not be started again is not stopped, and
/// for one that is named and does not run no other one is.
fn restartable(world: &World<'_>, conf: &Resolved, graph: &Graph, named: &Named) -> (Named, Vec<(usize, JailError)>) {
    let check = |index: usize| -> Result<(), JailError> {
        let jail = &conf.jails[index];
        let name = jail.name.as_bstr();
        let is_gone = || Ok::<_, JailError>(world.find(name, false)?.is_none() && !has_left(world.host, name)?);
        if named.is_named(name) && is_gone()? {
            return Err(JailError::NotRunning);
        }
        graph.error(index).map_or(Ok(()), Err)?;
        start::check(world, jail)
    };
    let refused: Vec<_> = named.jails.iter().filter_map(|&index| Some((index, check(index).err()?))).collect();
    let (good, _) = named.split(|index| refused.iter().all(|(refused, _)| *refused != index));
    (good, refused)
}
