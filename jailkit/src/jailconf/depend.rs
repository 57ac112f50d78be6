//! Which jails of a file wait for which: `depend`, and a jail for the one it is in.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};
use petgraph::graph::{DiGraph, NodeIndex};

use super::resolved::Resolved;

/// The dependencies among the jails of a file, each by its index in [`Resolved::jails`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependencies {
    /// The jails each one waits for.
    pub(crate) needs: Vec<Vec<usize>>,
    /// The jails that cannot be ordered, and why; some for more than one reason.
    pub(crate) troubles: Vec<(usize, Trouble)>,
}

/// Why a jail cannot be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A value of its `depend` names no jail.
    Missing {
        /// Which value.
        value: usize,
        /// The name.
        name: BString,
    },
    /// It depends on itself by way of these, itself among them.
    Loop(Vec<usize>),
}

impl Dependencies {
    pub(crate) fn of(conf: &Resolved) -> Self {
        let index: HashMap<&BStr, usize> =
            conf.jails.iter().enumerate().map(|(index, jail)| (jail.name.as_bstr(), index)).collect();
        let mut dependencies = Self { needs: vec![Vec::new(); conf.jails.len()], troubles: Vec::new() };
        for (at, jail) in conf.jails.iter().enumerate() {
            let needs = &mut dependencies.needs[at];
            for (value, name) in jail.values("depend").iter().enumerate() {
                match index.get(name.as_bstr()) {
                    Some(&other) => needs.push(other),
                    None => dependencies.troubles.push((at, Trouble::Missing { value, name: name.clone().into() })),
                }
            }
            if let Some((parent, _)) = jail.name.rsplit_once_str(".") {
                needs.extend(index.get(parent.as_bstr()));
            }
            needs.sort_unstable();
            needs.dedup();
        }
        dependencies.find_loops();
        dependencies
    }

    fn find_loops(&mut self) {
        let pairs = self.needs.iter().enumerate().flat_map(|(at, others)| others.iter().map(move |&other| (at, other)));
        let edges =
            DiGraph::<(), (), usize>::from_edges(pairs.map(|(at, other)| (NodeIndex::new(at), NodeIndex::new(other))));
        for group in petgraph::algo::tarjan_scc(&edges) {
            let mut group: Vec<_> = group.into_iter().map(NodeIndex::index).collect();
            group.sort_unstable();
            if group.len() == 1 && !self.needs[group[0]].contains(&group[0]) {
                continue;
            }
            self.troubles.extend(group.iter().map(|&index| (index, Trouble::Loop(group.clone()))));
        }
    }
}
