//! The names of a file's parameters as numbers: each is decoded, hashed and compared once.

use std::collections::HashMap;

use bstr::{BString, ByteSlice};

use super::lex::decode_into;
use super::option::{is_immutable, is_known, option_key};
use super::text::{Name as ParamName, Text};

/// A name by its number.
pub(super) type NameId = u32;

/// The parameters that a jail's own name sets.
pub(super) const NAME: NameId = 0;
pub(super) const JID: NameId = 1;

pub(super) struct Names {
    ids: HashMap<Text, NameId>,
    classes: HashMap<BString, u32>,
    names: Vec<Name>,
    /// The names of a parameter and of anything asked for last: the one after it is mostly the one that came after it
    /// before.
    last_param: NameId,
    last: NameId,
    buffer: Vec<u8>,
}

struct Name {
    text: ParamName,
    /// What it has in common with all names that can be of its option.
    class: u32,
    is_immutable: bool,
    /// Whether it is what a variable cannot be called; known once somebody asked.
    is_known: Option<bool>,
    /// Whether it stands for itself, without escapes.
    is_plain: bool,
    /// The parameter, and the variable in a value, that came after it last time.
    next_param: NameId,
    next_var: NameId,
}

impl Names {
    pub(super) fn new() -> Self {
        let (ids, classes) = (HashMap::new(), HashMap::new());
        let mut names = Self { ids, classes, names: Vec::new(), last_param: NAME, last: NAME, buffer: Vec::new() };
        names.of_bytes(b"name");
        names.of_bytes(b"jid");
        names
    }

    /// The number of a parameter's name as it is written.
    pub(super) fn param(&mut self, written: &[u8]) -> NameId {
        let last = self.last_param as usize;
        let id = self.id(self.names[last].next_param, written);
        self.names[last].next_param = id;
        (self.last_param, self.last) = (id, id);
        id
    }

    /// The number of the name of a variable in a value.
    pub(super) fn var(&mut self, written: &[u8]) -> NameId {
        let last = self.last as usize;
        let id = self.id(self.names[last].next_var, written);
        self.names[last].next_var = id;
        self.last = id;
        id
    }

    fn id(&mut self, guess: NameId, written: &[u8]) -> NameId {
        let guessed = &self.names[guess as usize];
        if guessed.is_plain && guessed.text.as_bytes() == written {
            return guess;
        }
        let mut decoded = std::mem::take(&mut self.buffer);
        decoded.clear();
        decode_into(written, &mut decoded);
        let id = self.of_bytes(&decoded);
        self.buffer = decoded;
        id
    }

    fn of_bytes(&mut self, name: &[u8]) -> NameId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = self.names.len() as NameId;
        let next_class = self.classes.len() as u32;
        let class = *self.classes.entry(option_key(name)).or_insert(next_class);
        self.ids.insert(name.into(), id);
        let text = name.into();
        let is_plain = memchr::memchr2(b'\\', 0, name).is_none();
        let is_immutable = is_immutable(name);
        self.names.push(Name { text, class, is_immutable, is_known: None, is_plain, next_param: NAME, next_var: NAME });
        id
    }

    pub(super) fn text(&self, id: NameId) -> &ParamName {
        &self.names[id as usize].text
    }

    pub(super) fn class(&self, id: NameId) -> usize {
        self.names[id as usize].class as usize
    }

    pub(super) fn is_immutable(&self, id: NameId) -> bool {
        self.names[id as usize].is_immutable
    }

    /// Whether jail(8) itself knows a parameter of this name.
    pub(super) fn is_known(&mut self, id: NameId) -> bool {
        let name = &mut self.names[id as usize];
        *name.is_known.get_or_insert_with(|| is_known(&name.text))
    }

    /// How many classes of names there are.
    pub(super) fn classes(&self) -> usize {
        self.classes.len()
    }
}
