//! The wildcards of a file by the parts of their names, so that a jail finds its own without looking at each: a file
//! may have very many of both.

use std::collections::HashMap;
use std::ops::Range;

use bstr::ByteSlice;

/// No node, no wildcard.
const NONE: u32 = u32::MAX;

/// A wildcard.
pub(super) struct Wildcard {
    /// Its place among the blocks.
    pub(super) index: usize,
    /// Its parameters among the shared ones.
    pub(super) params: Range<usize>,
    /// The next one of the same name.
    next: u32,
}

/// Where a part of a wildcard's name ends.
struct Node {
    /// Where a `*` leads.
    star: u32,
    /// The first wildcard whose name ends here.
    first: u32,
}

/// The wildcards in the order of their blocks.
pub(super) struct Wildcards<'a> {
    all: Vec<Wildcard>,
    nodes: Vec<Node>,
    /// Where a part that is no `*` leads.
    parts: HashMap<(u32, &'a [u8]), u32>,
}

impl<'a> Wildcards<'a> {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), nodes: vec![Node { star: NONE, first: NONE }], parts: HashMap::new() }
    }

    pub(super) fn get(&self, number: u32) -> &Wildcard {
        &self.all[number as usize]
    }

    pub(super) fn add(&mut self, name: &'a [u8], index: usize, params: Range<usize>) {
        let mut at = 0;
        for part in name.split_str(b".") {
            let new = self.nodes.len() as u32;
            let next = match part {
                b"*" if self.nodes[at as usize].star == NONE => {
                    self.nodes[at as usize].star = new;
                    new
                }
                b"*" => self.nodes[at as usize].star,
                part => *self.parts.entry((at, part)).or_insert(new),
            };
            if next == new {
                self.nodes.push(Node { star: NONE, first: NONE });
            }
            at = next;
        }
        let number = self.all.len() as u32;
        let next = std::mem::replace(&mut self.nodes[at as usize].first, number);
        self.all.push(Wildcard { index, params, next });
    }

    /// Finds those that are meant for a jail, in the order of their blocks: a `*` stands for one part of its name, at
    /// the end for one or more.
    pub(super) fn matching(&self, name: &[u8], found: &mut Vec<u32>) {
        found.clear();
        let mut open = vec![(0, Some(name))];
        while let Some((at, rest)) = open.pop() {
            let Some(rest) = rest else {
                self.ending_at(at, found);
                continue;
            };
            let (part, rest) = rest.split_once_str(".").map_or((rest, None), |(part, rest)| (part, Some(rest)));
            let star = self.nodes[at as usize].star;
            if star != NONE {
                self.ending_at(star, found);
                // Those that end in this `*` are found; what is behind it needs more of a name.
                if rest.is_some() {
                    open.push((star, rest));
                }
            }
            if !self.parts.is_empty()
                && let Some(&next) = self.parts.get(&(at, part))
            {
                open.push((next, rest));
            }
        }
        found.sort_unstable();
    }

    fn ending_at(&self, node: u32, found: &mut Vec<u32>) {
        let mut next = self.nodes[node as usize].first;
        while next != NONE {
            found.push(next);
            next = self.all[next as usize].next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jailconf::resolve::matches_wildcard;

    #[test]
    fn those_are_found_that_match() {
        let parts = ["a", "b", "", "*", "a*"];
        let names = |first: &[&str]| -> Vec<String> {
            let two = |one: &&str| parts.iter().map(move |two| format!("{one}.{two}")).collect::<Vec<_>>();
            first.iter().map(ToString::to_string).chain(first.iter().flat_map(two)).collect()
        };
        let names: Vec<_> = names(&parts).iter().flat_map(|name| names(&[name])).collect();
        let is_wildcard = |name: &&String| name.split('.').any(|part| part == "*");
        let mut wildcards = Wildcards::new();
        let some: Vec<_> = names.iter().filter(is_wildcard).collect();
        assert!(some.len() > 40);
        some.iter().enumerate().for_each(|(index, name)| wildcards.add(name.as_bytes(), index, 0..0));
        let mut found = Vec::new();
        for name in names.iter().filter(|name| !is_wildcard(name)) {
            wildcards.matching(name.as_bytes(), &mut found);
            let all = 0..some.len() as u32;
            let expected = all.filter(|&at| matches_wildcard(name.as_bytes(), some[at as usize].as_bytes()));
            assert_eq!(found, expected.collect::<Vec<_>>(), "{name}");
        }
    }
}
