//! Byte strings of the resolved view. A file has very many, most of them short: those stand in place, and the others
//! are shared.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use serde::Serialize;
use serde::ser::Serializer;

/// The longest text that stands in place.
const IN_PLACE: usize = 22;

/// A name or value of a resolved parameter: bytes, cheap to clone.
#[derive(Clone)]
pub struct Text(Held);

#[derive(Clone)]
enum Held {
    Short { len: u8, bytes: [u8; IN_PLACE] },
    Long(Arc<[u8]>),
}

impl Deref for Text {
    type Target = BStr;

    fn deref(&self) -> &BStr {
        match &self.0 {
            Held::Short { len, bytes } => bytes[..usize::from(*len)].as_bstr(),
            Held::Long(bytes) => bytes.as_bstr(),
        }
    }
}

impl From<&[u8]> for Text {
    fn from(text: &[u8]) -> Self {
        if text.len() > IN_PLACE {
            return Self(Held::Long(text.into()));
        }
        let mut bytes = [0; IN_PLACE];
        bytes[..text.len()].copy_from_slice(text);
        Self(Held::Short { len: text.len() as u8, bytes })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<Text> for BString {
    fn from(text: Text) -> Self {
        text.as_bstr().to_owned()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self(Held::Short { len: 0, bytes: [0; IN_PLACE] })
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_bstr(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_bstr(), f)
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Text {
    fn eq(&self, other: &T) -> bool {
        self.as_bytes() == other.as_ref()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// As a string where it is UTF-8, else as a list of byte values.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.as_bytes()) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_seq(self.as_bytes()),
        }
    }
}

/// The name of a resolved parameter: bytes, cheap to clone. A file has few names and very many parameters.
#[derive(Clone)]
pub struct Name(Arc<Box<[u8]>>);

impl Deref for Name {
    type Target = BStr;

    fn deref(&self) -> &BStr {
        self.0.as_bstr()
    }
}

impl From<&[u8]> for Name {
    fn from(text: &[u8]) -> Self {
        Self(Arc::new(text.into()))
    }
}

impl From<Name> for BString {
    fn from(name: Name) -> Self {
        name.as_bstr().to_owned()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_bstr(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_bstr(), f)
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Name {
    fn eq(&self, other: &T) -> bool {
        self.as_bytes() == other.as_ref()
    }
}

impl Eq for Name {}

impl AsRef<[u8]> for Name {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// As [`Text`] does.
impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Text::from(self.as_bytes()).serialize(serializer)
    }
}

/// The values of a resolved parameter, a slice of [`Text`]s; none for a bare boolean.
#[derive(Clone, Default)]
pub struct Values(Several);

/// Most parameters have one value, which needs no allocation.
#[derive(Clone, Default)]
enum Several {
    #[default]
    None,
    One(Text),
    Many(Box<[Text]>),
}

impl Deref for Values {
    type Target = [Text];

    fn deref(&self) -> &[Text] {
        match &self.0 {
            Several::None => &[],
            Several::One(text) => std::slice::from_ref(text),
            Several::Many(texts) => texts,
        }
    }
}

impl From<Text> for Values {
    fn from(text: Text) -> Self {
        Self(Several::One(text))
    }
}

impl From<Vec<Text>> for Values {
    fn from(texts: Vec<Text>) -> Self {
        Self(Several::Many(texts.into_boxed_slice()))
    }
}

impl<'a> IntoIterator for &'a Values {
    type Item = &'a Text;
    type IntoIter = std::slice::Iter<'a, Text>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Values {}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_is_kept() {
        for len in [0, 1, IN_PLACE, IN_PLACE + 1, 300] {
            let bytes = vec![b'x'; len];
            assert_eq!(Text::from(&bytes[..]), bytes);
        }
        assert!(size_of::<Values>() <= 24);
    }
}
