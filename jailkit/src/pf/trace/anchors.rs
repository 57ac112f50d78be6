//! The rules of anchors, by their paths.

use std::collections::BTreeMap;

use super::super::rule::{Rule, Rules, Ruleset};
use super::walk::Place;

/// The anchors that have rules: inline ones with a name, and those of `load anchor`.
#[derive(Debug, Default)]
pub(super) struct Anchors<'a> {
    by_path: BTreeMap<Vec<u8>, Place<'a>>,
}

impl<'a> Anchors<'a> {
    pub(super) fn of(set: &'a Ruleset) -> Self {
        let mut anchors = Self::default();
        anchors.add(set, &set.main, b"");
        anchors.load(set, b"");
        anchors
    }

    fn add(&mut self, set: &'a Ruleset, rules: &'a Rules, path: &[u8]) {
        for rule in &rules.filter {
            self.add_inline(set, rule, path);
        }
    }

    fn add_inline(&mut self, set: &'a Ruleset, rule: &Rule, path: &[u8]) {
        let Some(call) = set.spec(rule).anchor else { return };
        let Some(body) = call.body.map(|body| set.body(body)) else { return };
        let path = self.join(path, call.name.map_or(b"", |name| set.name(name)));
        if call.name.is_some() {
            self.by_path.insert(path.clone(), Place { set, rules: body, path: path.clone() });
        }
        self.add(set, body, &path);
    }

    fn load(&mut self, set: &'a Ruleset, path: &[u8]) {
        for (name, loaded) in &set.loaded {
            let path = self.join(path, set.name(*name));
            self.by_path.insert(path.clone(), Place { set: loaded, rules: &loaded.main, path: path.clone() });
            self.add(loaded, &loaded.main, &path);
            self.load(loaded, &path);
        }
    }

    /// The path of an anchor that is named in another: from there, or from the top with a slash before it. An inline
    /// anchor without a name has a path that no name leads to.
    pub(super) fn join(&self, path: &[u8], name: &[u8]) -> Vec<u8> {
        let mut parts: Vec<&[u8]> = if name.starts_with(b"/") {
            Vec::new()
        } else {
            path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect()
        };
        if name.is_empty() {
            parts.push(b"_");
        }
        for part in name.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
            if part == b".." {
                parts.pop();
            } else {
                parts.push(part);
            }
        }
        parts.join(&b'/')
    }

    /// The anchors that a call in the anchor at `path` stands for: one, or with `*` all right below a path.
    pub(super) fn called(&self, path: &[u8], name: &[u8]) -> Vec<Place<'a>> {
        let path = self.join(path, name);
        let above = match path.as_slice() {
            b"*" => b"".to_vec(),
            other => match other.strip_suffix(b"/*") {
                Some(above) => [above, b"/"].concat(),
                None => return self.by_path.get(&path).cloned().into_iter().collect(),
            },
        };
        let below = self.by_path.range(above.clone()..).take_while(|(path, _)| path.starts_with(&above));
        let direct = below.filter(|(path, _)| path.len() > above.len() && !path[above.len()..].contains(&b'/'));
        direct.map(|(_, place)| place.clone()).collect()
    }
}
