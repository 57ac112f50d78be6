//! Which jails depend on which.

use std::collections::{BTreeSet, HashMap};

use bstr::{BStr, BString, ByteSlice};

use super::Operation;
use super::error::{JailError, LifeError};
use super::world::World;
use crate::jailconf::{Dependencies, Resolved, Trouble};

/// The dependencies among the jails of a file: `depend`, and a child on its parent.
pub(super) struct Graph {
    /// The jails each one depends on.
    pub(super) needs: Vec<Vec<usize>>,
    /// The jails that depend on each one.
    pub(super) needed_by: Vec<Vec<usize>>,
    /// The jails that cannot be ordered, and why.
    errors: HashMap<usize, Trouble>,
    names: Vec<BString>,
}

impl Graph {
    pub(super) fn of(conf: &Resolved) -> Self {
        let Dependencies { needs, troubles } = Dependencies::of(conf);
        let mut needed_by = vec![Vec::new(); conf.jails.len()];
        for (at, others) in needs.iter().enumerate() {
            others.iter().for_each(|&other| needed_by[other].push(at));
        }
        let names = conf.jails.iter().map(|jail| jail.name.clone()).collect();
        Self { needs, needed_by, errors: troubles.into_iter().collect(), names }
    }

    /// Why a jail cannot be ordered, where it cannot.
    pub(super) fn error(&self, index: usize) -> Option<JailError> {
        Some(match self.errors.get(&index)? {
            Trouble::Missing { name, .. } => JailError::NoDependency(name.clone()),
            Trouble::Loop(group) => {
                let others = group.iter().filter(|&&other| other != index);
                let others: Vec<_> = others.map(|&other| self.names[other].to_string()).collect();
                JailError::Loop(others.join(", "))
            }
        })
    }

    /// The jails and all that they need.
    pub(super) fn dependencies(&self, jails: &[usize]) -> Vec<usize> {
        closure(jails, &self.needs)
    }

    /// The jails and all that need them.
    pub(super) fn dependents(&self, named: &Named) -> Vec<usize> {
        closure(&named.jails, &self.needed_by)
    }

    /// The jails in an order in which each comes after those that it waits for.
    pub(super) fn order(&self, jails: &[usize], backwards: bool) -> Vec<usize> {
        let edges = if backwards { &self.needed_by } else { &self.needs };
        let wanted: BTreeSet<usize> = jails.iter().copied().collect();
        let mut order = Vec::with_capacity(wanted.len());
        let mut seen = BTreeSet::new();
        let mut stack: Vec<(usize, bool)> = wanted.iter().rev().map(|&jail| (jail, false)).collect();
        while let Some((jail, is_done)) = stack.pop() {
            if is_done {
                order.push(jail);
            } else if seen.insert(jail) {
                stack.push((jail, true));
                stack.extend(edges[jail].iter().rev().filter(|next| wanted.contains(next)).map(|&next| (next, false)));
            }
        }
        order
    }
}

/// The jails of a file that need a jail of it, and so are stopped with it.
pub(crate) fn dependents(conf: &Resolved, jail: &[u8]) -> Vec<BString> {
    let Some(at) = conf.jails.iter().position(|found| found.name == jail) else { return Vec::new() };
    let needing = closure(&[at], &Graph::of(conf).needed_by).into_iter().filter(|&other| other != at);
    needing.map(|other| conf.jails[other].name.clone()).collect()
}

/// Whether there is something to take back of a jail that no file has.
fn has_left(world: &World<'_>, name: &BStr) -> bool {
    super::has_left(world.host, name).is_ok_and(|has_left| has_left)
}

/// Each jail once, and before the jail that it is in, which would take it along.
pub(super) fn children_first(mut names: Vec<BString>) -> Vec<BString> {
    names.sort_by_key(|name| std::cmp::Reverse(name.split_str(".").count()));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn closure(jails: &[usize], edges: &[Vec<usize>]) -> Vec<usize> {
    let mut found: BTreeSet<usize> = BTreeSet::new();
    let mut open = jails.to_vec();
    while let Some(jail) = open.pop() {
        if found.insert(jail) {
            open.extend(&edges[jail]);
        }
    }
    found.into_iter().collect()
}

/// The jails that an operation names.
#[derive(Default)]
pub(super) struct Named {
    /// Those of the file.
    pub(super) jails: Vec<usize>,
    /// Running jails that the file does not have.
    pub(super) strays: Vec<BString>,
    /// Names of no jail at all, where that does not keep the others from being stopped.
    pub(super) unknown: Vec<BString>,
    /// All jails were meant, not each by name.
    pub(super) all: bool,
    names: BTreeSet<BString>,
    /// Those of the file, by name.
    chosen: BTreeSet<BString>,
}

impl Named {
    /// Finds the jails of these names, `*` standing for a part of a name as in jail.conf(5).
    ///
    /// # Errors
    /// [`LifeError::NoJail`] for a name of none; where jails are stopped, only when no name is of any.
    pub(super) fn find(
        conf: &Resolved,
        names: &[impl AsRef<[u8]>],
        operation: Operation,
        world: &World<'_>,
    ) -> Result<Self, LifeError> {
        let all = names.is_empty() || names.iter().any(|name| name.as_ref() == b"*");
        let index: HashMap<&BStr, usize> =
            conf.jails.iter().enumerate().map(|(index, jail)| (jail.name.as_bstr(), index)).collect();
        let mut found = Self { all, ..Self::default() };
        if all {
            found.jails.extend(0..conf.jails.len());
        }
        for name in names.iter().map(|name| BStr::new(name.as_ref())).filter(|name| *name != "*") {
            if name.split_str(".").any(|part| part == b"*") {
                let matching = conf.jails.iter().enumerate();
                let matching = matching.filter(|(_, jail)| crate::jailconf::matches_wildcard(&jail.name, name));
                found.jails.extend(matching.map(|(index, _)| index));
                continue;
            }
            let is_stop = operation == Operation::Stop;
            // A running jail may be given by its number, and be one of the file's all the same.
            let running = match index.get(name) {
                None if operation != Operation::Start => world.name_of(name)?,
                _ => None,
            };
            let name = running.as_ref().map_or(name, |running| running.as_bstr());
            match index.get(name) {
                Some(&jail) => {
                    found.jails.push(jail);
                    found.names.insert(name.to_owned());
                }
                None if is_stop && (running.is_some() || has_left(world, name)) => found.strays.push(name.to_owned()),
                None if is_stop => found.unknown.push(name.to_owned()),
                None => return Err(LifeError::NoJail { name: name.to_owned() }),
            }
        }
        if let (true, Some(name)) = (found.unknown.len() == names.len(), found.unknown.first()) {
            return Err(LifeError::NoJail { name: name.clone() });
        }
        found.strays = children_first(found.strays);
        found.jails.sort_unstable();
        found.jails.dedup();
        found.chosen = found.jails.iter().map(|&index| conf.jails[index].name.clone()).collect();
        Ok(found)
    }

    /// Running jails only, and names of none.
    pub(super) fn running(strays: Vec<BString>, unknown: Vec<BString>) -> Self {
        Self { strays, unknown, ..Self::default() }
    }

    /// Its jails of the file of which something holds, and the others.
    pub(super) fn split(&self, holds: impl Fn(usize) -> bool) -> (Self, Self) {
        let (these, those) = self.jails.iter().copied().partition(|&index| holds(index));
        let (names, chosen) = (&self.names, &self.chosen);
        let part =
            |jails| Self { jails, all: self.all, names: names.clone(), chosen: chosen.clone(), ..Self::default() };
        (part(these), part(those))
    }

    /// Whether a jail is meant, by its name, a pattern or as one of all, and not only for another's sake.
    pub(super) fn is_chosen(&self, name: &BStr) -> bool {
        self.all || self.chosen.contains(name)
    }

    /// Whether a jail was named itself, and is not meant only as one of all, or for another's sake.
    pub(super) fn is_named(&self, name: &BStr) -> bool {
        self.names.contains(name)
    }
}
