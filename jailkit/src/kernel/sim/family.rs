//! Which prisons are whose children, and which bear a name: indexes, so that a call costs what it touches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bstr::{BStr, BString};

use super::prison::Prison;

/// The indexes of all prisons but those that are open to changes, which are looked at one by one.
#[derive(Debug, Default)]
pub(super) struct Family {
    children: HashMap<i32, BTreeSet<i32>>,
    named: HashMap<BString, BTreeSet<i32>>,
    open: BTreeSet<i32>,
}

impl Family {
    pub(super) fn add(&mut self, prison: &Prison) {
        self.open.remove(&prison.jid);
        if prison.jid != 0 {
            self.children.entry(prison.parent).or_default().insert(prison.jid);
        }
        self.named.entry(prison.name.clone()).or_default().insert(prison.jid);
    }

    pub(super) fn remove(&mut self, prison: &Prison) {
        if self.open.remove(&prison.jid) {
            return;
        }
        if let Some(siblings) = self.children.get_mut(&prison.parent) {
            siblings.remove(&prison.jid);
            if siblings.is_empty() {
                self.children.remove(&prison.parent);
            }
        }
        if let Some(namesakes) = self.named.get_mut(&prison.name) {
            namesakes.remove(&prison.jid);
            if namesakes.is_empty() {
                self.named.remove(&prison.name);
            }
        }
    }

    /// A prison is about to change its parent or its name.
    pub(super) fn open(&mut self, prison: &Prison) {
        if !self.open.contains(&prison.jid) {
            self.remove(prison);
            self.open.insert(prison.jid);
        }
    }

    /// The changes are made.
    pub(super) fn close(&mut self, prisons: &BTreeMap<i32, Prison>) {
        for jid in std::mem::take(&mut self.open) {
            prisons.get(&jid).into_iter().for_each(|prison| self.add(prison));
        }
    }

    /// The children of a prison, by jid.
    pub(super) fn children(&self, of: i32, prisons: &BTreeMap<i32, Prison>) -> BTreeSet<i32> {
        let mut found = self.children.get(&of).cloned().unwrap_or_default();
        let is_child = |jid: &&i32| **jid != 0 && prisons.get(jid).is_some_and(|prison| prison.parent == of);
        found.extend(self.open.iter().filter(is_child));
        found
    }

    /// The prisons of a full name, by jid.
    pub(super) fn named(&self, name: &BStr, prisons: &BTreeMap<i32, Prison>) -> BTreeSet<i32> {
        let mut found = self.named.get(name).cloned().unwrap_or_default();
        found.extend(self.open.iter().filter(|jid| prisons.get(jid).is_some_and(|prison| prison.name == *name)));
        found
    }
}
