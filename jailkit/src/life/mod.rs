//! The life of jails: what jail(8) does with a jail.conf(5), from `exec.prepare` to `exec.release`.
//!
//! [`start`], [`stop`], [`restart`] and [`modify`] take the jails of a resolved jail.conf and do to a
//! [`Host`] what jail(8) does, in its order: dependencies first, the way back in reverse, and jails
//! that do not depend on each other side by side. Where a step fails, what was done for that jail is undone; jails that
//! do not depend on it go on.
//!
//! Every effect goes through the host, so that one life cycle serves FreeBSD, the simulated host, and the stack. A run
//! that was killed leaves a note in `/var/run`; the next one recognizes by it a jail that was half made.
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
mod claim;
mod enter;
mod error;
mod graph;
mod guard;
mod list;
mod modify;
mod mount;
mod observer;
mod params;
mod perform;
mod ready;
mod running;
mod schedule;
mod spec;
mod world;

pub use claim::is_unfinished;
pub use enter::{Enter, enter};
pub use error::{JailError, LifeError};
pub use list::{Format, List, ListError, Selection};
pub use observer::{Event, Observer, Silent, What};
pub use ready::{Ready, ReadyWhen};
pub use running::{Handle, remove};
pub use schedule::{Outcome, Summary};

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use bstr::BString;

use crate::host::Host;
use crate::jailconf::Resolved;
use graph::{Graph, Named};
use world::World;

/// How jails are started and stopped.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many jails are worked on side by side.
    pub jobs: NonZeroUsize,
    /// A jail that runs already, or is gone already, is what was asked for: no failure. What a jail that is gone has
    /// left mounted, and its addresses, are cleared away.
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
    let stopping = matches!(operation, Operation::Stop | Operation::Restart);
    let mut summary = if stopping {
        let work = graph.dependents(&named);
        let stopped = schedule::run(&world, conf, &graph, &work, true, |jail| perform::stop(&world, jail, &named));
        if operation == Operation::Stop {
            return Ok(stopped.with_strays(perform::strays(&world, &named)));
        }
        stopped
    } else {
        Summary::default()
    };
    // A restart starts again what it has stopped, and what that needs.
    let again = if stopping { graph.dependents(&named) } else { named.jails.clone() };
    let failed = summary.failed_names();
    let work = match operation {
        Operation::Modify | Operation::ModifyOrRestart => again,
        _ => graph.dependencies(&again),
    };
    let work: Vec<_> = work.into_iter().filter(|&index| !failed.contains(&conf.jails[index].name)).collect();
    let started = schedule::run(&world, conf, &graph, &work, false, |jail| match operation {
        Operation::Start | Operation::Stop | Operation::Restart => perform::start(&world, jail, &named, stopping),
        Operation::Modify => modify::modify(&world, jail),
        Operation::StartOrModify => modify::start_or_modify(&world, jail, &named),
        Operation::ModifyOrRestart => modify::modify_or_restart(&world, jail, &named),
    });
    summary.merge(started);
    Ok(summary)
}

/// A jail, and the steps an operation would take with it.
pub type Outline = (BString, Result<Vec<String>, JailError>);

/// What an operation would do, jail by jail in an order that serves all dependencies: each step as a line, as
/// `jail -v` calls it.
///
/// # Errors
/// [`LifeError`] where the names or the host cannot be made sense of.
pub fn outline(
    host: &dyn Host,
    conf: &Resolved,
    names: &[impl AsRef<[u8]>],
    operation: Operation,
    options: &Options,
) -> Result<Vec<Outline>, LifeError> {
    let world = World::look(host, options, &Silent)?;
    let graph = Graph::of(conf);
    let named = Named::find(conf, names, operation, &world)?;
    let mut outline = Vec::new();
    let mut add = |order: Vec<usize>, is_start: bool| {
        for index in order {
            let jail = &conf.jails[index];
            let steps = perform::outline(&world, jail, is_start);
            outline.push((jail.name.clone(), steps));
        }
    };
    match operation {
        Operation::Stop => add(graph.order(&graph.dependents(&named), true), false),
        Operation::Restart => {
            add(graph.order(&graph.dependents(&named), true), false);
            add(graph.order(&graph.dependencies(&graph.dependents(&named)), false), true);
        }
        _ => add(graph.order(&graph.dependencies(&named.jails), false), true),
    }
    Ok(outline)
}
