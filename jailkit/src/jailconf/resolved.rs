//! The resolved view of a jail.conf: each jail with its parameters.

use std::fmt;
use std::ops::{Index, Range};
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use serde::Serialize;
use serde::ser::{SerializeSeq, SerializeStruct, Serializer};

use super::block::{Decoded, Given};
use super::names::Names;
use super::option::same_option;
use super::origin::{Origin, Places};
use super::text::{Name, Text, Values};
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
    pub name: Name,
    /// Its values; none for a bare boolean.
    pub values: Values,
}

/// The parameters of a jail, each a [`ResolvedParam`]. Those of several jails are kept together, and what many jails
/// have as it stands in a wildcard or at the top level is kept once.
#[derive(Clone)]
pub struct Params {
    pub(super) together: Arc<Together>,
    pub(super) range: Range<u32>,
}

/// The parameters of several jails.
pub(super) struct Together {
    /// Each parameter of each jail: its place among the jails' own, or with [`SHARED`] among the shared ones.
    all: Vec<u32>,
    own: Vec<ResolvedParam>,
    /// Where each was set last.
    own_places: Vec<u32>,
    shared: Arc<Shared>,
    origins: Arc<Places>,
}

/// Marks the number of a shared parameter.
const SHARED: u32 = 1 << 31;

/// Parameters of wildcards and the top level as jails have them that do not change them.
pub(super) struct Shared {
    params: Vec<ResolvedParam>,
    places: Vec<u32>,
}

impl Shared {
    pub(super) fn of(names: &Names, decoded: &Decoded) -> Self {
        let param = |given: &Given| {
            let templates = &decoded.templates[given.values.start as usize..given.values.end as usize];
            let values = match templates {
                [] => Values::default(),
                [only] => only.text.clone().into(),
                several => several.iter().map(|template| template.text.clone()).collect::<Vec<_>>().into(),
            };
            ResolvedParam { name: names.text(given.name).clone(), values }
        };
        let places = decoded.givens.iter().map(|given| given.place).collect();
        Self { params: decoded.givens.iter().map(param).collect(), places }
    }
}

impl Together {
    /// Room for so many parameters of all, and so many of their own.
    pub(super) fn with_room((all, own): (usize, usize), origins: Arc<Places>, shared: Arc<Shared>) -> Self {
        let (all, own, own_places) = (Vec::with_capacity(all), Vec::with_capacity(own), Vec::with_capacity(own));
        Self { all, own, own_places, shared, origins }
    }

    /// The room that as many jails again need, and a little more.
    pub(super) fn room(&self) -> (usize, usize) {
        let with_more = |len: usize| len + len / 16;
        (with_more(self.all.len()), with_more(self.own.len()))
    }

    pub(super) fn len(&self) -> u32 {
        self.all.len() as u32
    }

    pub(super) fn push(&mut self, param: ResolvedParam, place: u32) {
        self.all.push(self.own.len() as u32);
        self.own.push(param);
        self.own_places.push(place);
    }

    pub(super) fn push_shared(&mut self, number: u32) {
        self.all.push(number | SHARED);
    }

    fn param(&self, number: u32) -> &ResolvedParam {
        match number & SHARED {
            0 => &self.own[number as usize],
            _ => &self.shared.params[(number & !SHARED) as usize],
        }
    }
}

impl Params {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers().len()
    }

    /// Whether there are none; a jail has at least a name.
    pub fn is_empty(&self) -> bool {
        self.numbers().is_empty()
    }

    /// The parameter at an index, in jail(8)'s order.
    pub fn get(&self, index: usize) -> Option<&ResolvedParam> {
        self.numbers().get(index).map(|&number| self.together.param(number))
    }

    /// All of them, in jail(8)'s order.
    pub fn iter(&self) -> ParamsIter<'_> {
        ParamsIter { together: &self.together, numbers: self.numbers().iter() }
    }

    fn numbers(&self) -> &[u32] {
        &self.together.all[self.range.start as usize..self.range.end as usize]
    }

    /// What tells the place where the parameter at this index was set from all others.
    pub(super) fn place(&self, index: usize) -> Option<u32> {
        let &number = self.numbers().get(index)?;
        Some(match number & SHARED {
            0 => self.together.own_places[number as usize],
            _ => self.together.shared.places[(number & !SHARED) as usize],
        })
    }

    /// Where the parameter at this index was set last, [`Scope`](super::Scope) and all. It costs a look at the file;
    /// until then, a parameter keeps only a number.
    pub fn origin(&self, index: usize) -> Option<Origin> {
        self.place(index).map(|place| self.together.origins.origin(place))
    }
}

impl Index<usize> for Params {
    type Output = ResolvedParam;

    fn index(&self, index: usize) -> &ResolvedParam {
        self.together.param(self.numbers()[index])
    }
}

/// What [`Params::iter`] goes over.
#[derive(Clone)]
pub struct ParamsIter<'a> {
    together: &'a Together,
    numbers: std::slice::Iter<'a, u32>,
}

impl<'a> Iterator for ParamsIter<'a> {
    type Item = &'a ResolvedParam;

    fn next(&mut self) -> Option<&'a ResolvedParam> {
        self.numbers.next().map(|&number| self.together.param(number))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.numbers.size_hint()
    }
}

impl DoubleEndedIterator for ParamsIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.numbers.next_back().map(|&number| self.together.param(number))
    }
}

impl ExactSizeIterator for ParamsIter<'_> {}

impl<'a> IntoIterator for &'a Params {
    type Item = &'a ResolvedParam;
    type IntoIter = ParamsIter<'a>;

    fn into_iter(self) -> ParamsIter<'a> {
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
        self.iter().eq(other)
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
        let mut list = serializer.serialize_seq(Some(1 + self.values.len()))?;
        list.serialize_element(&self.name)?;
        self.values.iter().try_for_each(|value| list.serialize_element(value))?;
        list.end()
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
