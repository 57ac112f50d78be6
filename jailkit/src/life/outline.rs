//! What an operation would do, told without doing it.

use std::collections::{HashMap, HashSet};

use bstr::{BString, ByteSlice};

use super::foresee::Foresight;
use super::graph::{Graph, Named};
use super::observer::Observer;
use super::spec::JailSpec;
use super::world::World;
use super::{JailError, LifeError, Operation, Options, modify, restartable, start, started_or_modified, stop};
use crate::host::Host;
use crate::jailconf::{Resolved, ResolvedJail};

/// The steps with a jail, each as a line; or why there would be none.
type Steps = Result<Vec<String>, JailError>;

/// A jail, and the steps an operation would take with it.
pub type Outline = (BString, Steps);

/// What an operation would do, jail by jail in an order that serves all dependencies: each step as a line. A jail that
/// would be refused has the error it would be refused with, as far as that can be foreseen; one with nothing to do has no
/// step. The observer is told of rulesets that are not loaded.
///
/// # Errors
/// [`LifeError`] where the names or the host cannot be made sense of.
pub fn outline(
    host: &dyn Host,
    conf: &Resolved,
    names: &[impl AsRef<[u8]>],
    operation: Operation,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Vec<Outline>, LifeError> {
    let world = World::look(host, options, observer)?;
    let graph = Graph::of(conf);
    let named = Named::find(conf, names, operation, &world)?;
    let mut outline = Outliner {
        world: &world,
        conf,
        graph: &graph,
        foresight: Foresight::of(&world)?,
        failed: HashSet::new(),
        stopped: HashSet::new(),
        has_hooks: HashMap::new(),
        told: Vec::new(),
    };
    match operation {
        Operation::Start => outline.ups(&graph.dependencies(&named.jails), &named),
        Operation::Stop => {
            outline.downs(&named);
            let unknown = named.unknown.iter().map(|name| (name.clone(), Err(JailError::NoJail)));
            outline.told.extend(unknown);
            let stray = |name: &BString| (name.clone(), stop::outline_stray(&world, name.as_bstr()));
            outline.told.extend(named.strays.iter().map(stray));
        }
        Operation::Restart => outline.restart(&named),
        Operation::Modify => outline.changes(&named.jails, operation, &named),
        Operation::ModifyOrRestart => {
            let (restarted, modified) = named.split(|index| modify::needs_restart(&world, &conf.jails[index]));
            outline.changes(&modified.jails, operation, &named);
            outline.failed.clear();
            outline.restart(&restarted);
        }
        Operation::StartOrModify => {
            outline.changes(&started_or_modified(&world, conf, &graph, &named)?, operation, &named);
        }
    }
    Ok(outline.told)
}

/// What [`super::remove`] would do to a running jail.
pub fn outline_removal(name: BString) -> Outline {
    (name, Ok(stop::outline_removal()))
}

struct Outliner<'w> {
    world: &'w World<'w>,
    conf: &'w Resolved,
    graph: &'w Graph,
    foresight: Foresight<'w>,
    /// The jails that would fail, and those that would be stopped.
    failed: HashSet<usize>,
    stopped: HashSet<usize>,
    /// Whether a jail that would be started, or one that it waits for, runs commands of the host.
    has_hooks: HashMap<usize, bool>,
    told: Vec<Outline>,
}

impl Outliner<'_> {
    fn jail(&self, index: usize) -> &ResolvedJail {
        &self.conf.jails[index]
    }

    fn tell(&mut self, index: usize, steps: Steps) {
        if steps.is_err() {
            self.failed.insert(index);
        }
        self.told.push((self.jail(index).name.clone(), steps));
    }

    /// A failed jail that keeps another from its turn. Those in a loop do not wait for each other.
    fn in_the_way(&self, index: usize, edges: &[Vec<usize>]) -> Option<BString> {
        let is_broken = |jail: usize| self.graph.error(jail).is_some();
        let counts = |other: usize| self.failed.contains(&other) && !(is_broken(index) && is_broken(other));
        let other = edges[index].iter().copied().find(|&other| counts(other))?;
        Some(self.jail(other).name.clone())
    }

    fn ups(&mut self, jails: &[usize], named: &Named) {
        for index in self.graph.order(jails, false) {
            let steps = self.up(index, named);
            self.tell(index, steps);
        }
    }

    fn up(&mut self, index: usize, named: &Named) -> Steps {
        self.check_order(index)?;
        let jail = &self.conf.jails[index];
        let steps = if self.stopped.contains(&index) {
            start::outline_anew(self.world, jail)?
        } else {
            start::outline(self.world, jail, named)?
        };
        if steps.is_empty() {
            return Ok(steps);
        }
        let spec = JailSpec::of(self.world.host, jail)?;
        let needs = &self.graph.needs[index];
        let has_hooks = needs.iter().any(|other| self.has_hooks.get(other).copied().unwrap_or_default());
        self.foresight.check(jail, &spec, has_hooks)?;
        self.foresight.tell_of_rulesets(jail, &spec, has_hooks);
        let has_hooks = self.foresight.will_start(jail, &spec) || has_hooks;
        self.has_hooks.insert(index, has_hooks);
        Ok(steps)
    }

    /// Refuses a jail that cannot be ordered, and one that depends on a jail that would fail.
    fn check_order(&self, index: usize) -> Result<(), JailError> {
        if let Some(error) = self.graph.error(index) {
            return Err(error);
        }
        self.in_the_way(index, &self.graph.needs).map_or(Ok(()), |other| Err(JailError::Skipped(other)))
    }

    fn downs(&mut self, named: &Named) {
        for index in self.graph.order(&self.graph.dependents(named), true) {
            let steps = match self.in_the_way(index, &self.graph.needed_by) {
                Some(other) => Err(JailError::Kept(other)),
                None => stop::outline(self.world, self.jail(index), named),
            };
            if steps.as_ref().is_ok_and(|steps| !steps.is_empty()) {
                self.stopped.insert(index);
                self.foresight.will_stop(&self.conf.jails[index]);
            }
            let is_absent = matches!(steps, Err(JailError::NotRunning));
            self.tell(index, steps);
            // One that does not run keeps none running.
            if is_absent {
                self.failed.remove(&index);
            }
        }
    }

    fn restart(&mut self, named: &Named) {
        let (ref named, refused) = restartable(self.world, self.conf, self.graph, named);
        self.downs(named);
        let failed = std::mem::take(&mut self.failed);
        let named_again = named.jails.iter().filter(|index| !failed.contains(index));
        let again: Vec<usize> = self.stopped.iter().chain(named_again).copied().collect();
        // Whether one that could not be stopped runs all the same decides about those that depend on it.
        let is_gone =
            |index: &usize| self.world.find(self.jail(*index).name.as_bstr(), false).is_ok_and(|jid| jid.is_none());
        self.failed = failed.iter().copied().filter(is_gone).collect();
        for index in self.graph.order(&self.graph.dependencies(&again), false) {
            if !failed.contains(&index) {
                let steps = self.up(index, named);
                self.tell(index, steps);
            }
        }
        refused.into_iter().for_each(|(index, error)| self.tell(index, Err(error)));
    }

    fn changes(&mut self, jails: &[usize], operation: Operation, named: &Named) {
        for index in self.graph.order(jails, false) {
            let steps = self.change(index, operation, named);
            self.tell(index, steps);
        }
    }

    fn change(&mut self, index: usize, operation: Operation, named: &Named) -> Steps {
        self.check_order(index)?;
        let jail = &self.conf.jails[index];
        if operation == Operation::StartOrModify && self.world.find(jail.name.as_bstr(), false)?.is_none() {
            return self.up(index, named);
        }
        modify::outline(self.world, jail, operation, named)
    }
}
