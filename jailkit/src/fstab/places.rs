//! Mount points as places in one tree: which are the same, and which lie in which.

use std::collections::HashMap;

/// A path without what makes no difference: slashes at its end and doubled ones, `.`, and `..` with what is before it.
pub(super) fn plain(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let root: &[u8] = if path.first() == Some(&b'/') { b"/" } else { b"" };
    plain.extend_from_slice(root);
    for part in parts(path) {
        if part == b".." && root.len() < plain.len() {
            let end = memchr::memrchr(b'/', &plain).unwrap_or(0);
            plain.truncate(end.max(root.len()));
        } else if part != b".." || root.is_empty() {
            if plain.len() > root.len() {
                plain.push(b'/');
            }
            plain.extend_from_slice(part);
        }
    }
    plain
}

/// Whether a plain path is another one or lies in it.
pub(super) fn is_in(path: &[u8], outer: &[u8]) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || outer.ends_with(b"/"))
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !matches!(*part, b"" | b"."))
}

/// What was mounted so far, by its place.
#[derive(Default)]
pub(super) struct Places<'a> {
    children: HashMap<(u32, &'a [u8]), u32>,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// The mount here, and the first mount below.
    here: Option<usize>,
    below: Option<usize>,
}

/// What stands in the way of a mount, or what it hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// A mount at the very place.
    Same(usize),
    /// A mount in it.
    Below(usize),
}

impl<'a> Places<'a> {
    /// Mounts something at a plain path; what it meets there.
    pub(super) fn mount(&mut self, path: &'a [u8], number: usize) -> Option<Met> {
        let mut at = self.root();
        for part in parts(path) {
            self.nodes[at as usize].below.get_or_insert(number);
            let next = self.nodes.len() as u32;
            at = *self.children.entry((at, part)).or_insert(next);
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        let node = &mut self.nodes[at as usize];
        let met = node.here.map(Met::Same).or(node.below.map(Met::Below));
        node.here = Some(number);
        met
    }

    /// Whether a plain path lies in something that is mounted, beside the root.
    pub(super) fn is_in_mount(&self, path: &'a [u8]) -> bool {
        let mut at = 0;
        parts(path).any(|part| match self.children.get(&(at, part)) {
            Some(&next) => {
                at = next;
                self.nodes[next as usize].here.is_some()
            }
            None => {
                // Nothing is mounted from here on.
                at = u32::MAX;
                false
            }
        })
    }

    fn root(&mut self) -> u32 {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_plain() {
        for (path, expected) in [
            ("/", "/"),
            ("//a///b/", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/../a", "/a"),
            ("/a/..", "/"),
            ("a/b/", "a/b"),
            ("none", "none"),
            ("", ""),
            ("../a", "../a"),
        ] {
            assert_eq!(String::from_utf8_lossy(&plain(path.as_bytes())), expected, "{path}");
        }
    }

    #[test]
    fn a_place_is_the_same_or_in_another() {
        let mut places = Places::default();
        assert_eq!(places.mount(b"/", 0), None);
        assert_eq!(places.mount(b"/a/b", 1), None);
        assert_eq!(places.mount(b"/a", 2), Some(Met::Below(1)));
        assert_eq!(places.mount(b"/a", 3), Some(Met::Same(2)));
        assert!(places.is_in_mount(b"/a/x") && !places.is_in_mount(b"/x/a"));
        assert!(is_in(b"/a/b", b"/a") && is_in(b"/a", b"/") && !is_in(b"/ab", b"/a"));
    }
}
