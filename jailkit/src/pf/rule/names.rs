//! Interned names: interfaces, tables, tags, labels, anchors, queues.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

/// A name of a [`Ruleset`](super::Ruleset); [`Names::get`] has its bytes. Equal names have equal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(NonZeroU32);

/// The names of a ruleset, each once.
#[derive(Clone, Debug, Default)]
pub struct Names {
    bytes: Vec<Arc<[u8]>>,
    ids: HashMap<Arc<[u8]>, Name>,
}

impl Names {
    /// The id of a name; it gets one where it has none.
    pub fn intern(&mut self, bytes: &[u8]) -> Name {
        if let Some(&name) = self.ids.get(bytes) {
            return name;
        }
        let shared: Arc<[u8]> = bytes.into();
        self.bytes.push(shared.clone());
        let name = Name(NonZeroU32::new(self.bytes.len() as u32).unwrap_or(NonZeroU32::MAX));
        self.ids.insert(shared, name);
        name
    }

    /// The id of a name that is there.
    pub fn find(&self, bytes: &[u8]) -> Option<Name> {
        self.ids.get(bytes).copied()
    }

    /// The bytes of a name; empty for an id of another ruleset.
    pub fn get(&self, name: Name) -> &[u8] {
        self.bytes.get(name.0.get() as usize - 1).map_or(b"", |bytes| bytes)
    }
}
