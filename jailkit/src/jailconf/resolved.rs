//! The resolved view of a jail.conf: each jail with its parameters.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::option::same_option;
use super::origin::{Origin, Places};
use super::text::{Text, Values};
use crate::source::Diagnostic;

/// The jails of a file, in its order.
///
/// It serializes as a list of its jails, each an object `{"jail": NAME, "failed": BOOL, "params": [[PARAM, VALUE...]]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Resolved {
    /// Each jail that is not a wildcard.
    pub jails: Vec<ResolvedJail>,
}

impl Resolved {
    /// The jail of this name.
    pub fn jail(&self, name: &[u8]) -> Option<&ResolvedJail> {
        self.jails.iter().find(|jail| jail.name == name)
    }
}

/// One jail with all that the file says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedJail {
    /// Its name, or its number where that is how the file calls it.
    pub name: BString,
    /// Why jail(8) would not start it, where it would not, and where that is to be seen: a variable that is not there,
    /// a loop.
    pub failed: Option<Box<Diagnostic>>,
    /// Its parameters, in jail(8)'s order; without variables.
    pub params: Params,
}

impl ResolvedJail {
    /// The parameter of this name, whether in its plain form or its `no` form.
    pub fn param(&self, name: &str) -> Option<&ResolvedParam> {
        self.params.iter().find(|param| same_option(&param.name, name.as_bytes()))
    }

    /// Where the parameter of this name was set last.
    pub fn origin(&self, name: &str) -> Option<Origin> {
        let index = self.params.iter().position(|param| same_option(&param.name, name.as_bytes()))?;
        self.params.origin(index)
    }

    /// The last value of a parameter, which is the one that counts where there can be only one.
    pub fn value(&self, name: &str) -> Option<&BStr> {
        self.param(name)?.values.last().map(|value| value.as_bstr())
    }

    /// All values of a parameter.
    pub fn values(&self, name: &str) -> &[Text] {
        self.param(name).map_or(&[], |param| &param.values)
    }

    /// Whether a boolean parameter is there and true, as jail(8) reads it: bare, `true`, or a number that is not 0;
    /// the `no` form the other way round.
    pub fn is_true(&self, name: &str) -> bool {
        let Some(param) = self.param(name) else { return false };
        let is_no = last_part(&param.name).starts_with(b"no");
        let value =
            param.values.last().is_none_or(|value| value.eq_ignore_ascii_case(b"true") || leading_int(value) != 0);
        is_no != value
    }
}

/// The text without the blanks before it; isspace(3).
pub(super) fn trim_space(text: &[u8]) -> &[u8] {
    text.trim_start_with(|c| matches!(c, ' ' | '\t'..='\r'))
}

/// The number that text begins with, 0 where it begins with none; strtol(3).
pub(super) fn leading_int(text: &[u8]) -> i64 {
    let text = trim_space(text);
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0i64, |sum, byte| sum.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    if negative { -value } else { value }
}

/// A parameter with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedParam {
    /// Its name, as it was last written.
    pub name: Text,
    /// Its values; none for a bare boolean.
    pub values: Values,
}

/// The parameters of a jail, a slice of [`ResolvedParam`]s. Those of several jails are kept together.
#[derive(Clone)]
pub struct Params {
    pub(super) together: Arc<Together>,
    pub(super) range: Range<usize>,
}

/// The parameters of several jails.
pub(super) struct Together {
    pub(super) params: Vec<ResolvedParam>,
    /// Where each was set last.
    pub(super) places: Vec<u32>,
    origins: Arc<Places>,
}

impl Together {
    pub(super) fn with_room(params: usize, origins: Arc<Places>) -> Self {
        Self { params: Vec::with_capacity(params), places: Vec::with_capacity(params), origins }
    }
}

impl Params {
    /// What tells the place where the parameter at this index was set from all others.
    pub(super) fn place(&self, index: usize) -> Option<u32> {
        self.together.places[self.range.clone()].get(index).copied()
    }

    /// Where the parameter at this index was set last, [`Scope`](super::Scope) and all. It costs a look at the file;
    /// until then, a parameter keeps only a number.
    pub fn origin(&self, index: usize) -> Option<Origin> {
        let &place = self.together.places[self.range.clone()].get(index)?;
        Some(self.together.origins.origin(place))
    }
}

impl Deref for Params {
    type Target = [ResolvedParam];

    fn deref(&self) -> &[ResolvedParam] {
        &self.together.params[self.range.clone()]
    }
}

impl<'a> IntoIterator for &'a Params {
    type Item = &'a ResolvedParam;
    type IntoIter = std::slice::Iter<'a, ResolvedParam>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Params {}

impl Serialize for ResolvedJail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("ResolvedJail", 3)?;
        object.serialize_field("jail", &Text::from(&**self.name))?;
        object.serialize_field("failed", &self.failed.is_some())?;
        object.serialize_field("params", &self.params)?;
        object.end()
    }
}

/// As a list of its name and its values.
impl Serialize for ResolvedParam {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(std::iter::once(&self.name).chain(&self.values))
    }
}

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

fn last_part(name: &[u8]) -> &[u8] {
    name.rsplit_once_str(".").map_or(name, |(_, last)| last)
}
