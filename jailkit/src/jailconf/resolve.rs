//! What each jail's parameters come to, as jail(8) makes them of a file.
//!
//! A jail takes the parameters of each wildcard that its name matches and of the top level, in the file's order, with
//! its own where its block stands; a later one replaces an earlier one of the same name or, with `+=`, adds to it.
//! Variables are then replaced by the values that stand at the end.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use rayon::prelude::*;
use serde::Serialize;
use serde::ser::Serializer;

use super::assemble::{Jail, Sources};
use super::block::{Blocks, Decoded};
use super::include::{self, File};
use super::names::Names;
use super::option::same_option;
use super::parse::Statements;
use super::text::{Text, Values};
use crate::source::{Diagnostic, Diagnostics, Source};

/// The jails of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolvedJail {
    /// Its name, or its number where that is how the file calls it.
    pub name: BString,
    /// Why jail(8) would not start it, where it would not: a variable that is not there, a loop.
    pub failed: Option<String>,
    /// Its parameters, in jail(8)'s order; without variables.
    pub params: Params,
}

impl ResolvedJail {
    /// The parameter of this name, whether in its plain form or its `no` form.
    pub fn param(&self, name: &str) -> Option<&ResolvedParam> {
        self.params.iter().find(|param| same_option(&param.name, name.as_bytes()))
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
fn trim_space(text: &[u8]) -> &[u8] {
    text.trim_start_with(|c| matches!(c, ' ' | '\t'..='\r'))
}

/// The number that text begins with, 0 where it begins with none; strtol(3).
fn leading_int(text: &[u8]) -> i64 {
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolvedParam {
    /// Its name, as it was last written.
    pub name: Text,
    /// Its values; none for a bare boolean.
    pub values: Values,
}

/// The parameters of a jail, a slice of [`ResolvedParam`]s. Those of several jails are kept together.
#[derive(Clone)]
pub struct Params {
    together: Arc<Vec<ResolvedParam>>,
    range: Range<usize>,
}

impl Deref for Params {
    type Target = [ResolvedParam];

    fn deref(&self) -> &[ResolvedParam] {
        &self.together[self.range.clone()]
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

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

/// How many jails are worth a thread of their own.
const WORTH_A_THREAD: usize = 1000;

/// How many jails keep their parameters together.
const TOGETHER: usize = 256;

pub(super) fn resolve(source: &Source, statements: &Statements) -> Result<Resolved, Diagnostics> {
    resolve_files(&include::load(source, statements)?)
}

/// What files come to together, the first with what it includes.
pub(super) fn resolve_files(files: &[File<'_>]) -> Result<Resolved, Diagnostics> {
    let blocks = Blocks::of(files);
    let jails: Vec<usize> =
        (0..blocks.blocks.len()).filter(|&index| !is_wildcard(blocks.name(&blocks.blocks[index]))).collect();
    if jails.len() < 2 * WORTH_A_THREAD {
        return Ok(Resolved { jails: Resolver::new(files, &blocks).jails(&jails)? });
    }
    let each = jails.len().div_ceil(rayon::current_num_threads()).max(WORTH_A_THREAD);
    let parts: Vec<_> = jails.par_chunks(each).map(|jails| Resolver::new(files, &blocks).jails(jails)).collect();
    let mut all = Vec::with_capacity(jails.len());
    for part in parts {
        all.append(&mut part?);
    }
    Ok(Resolved { jails: all })
}

/// Resolves one jail after the other.
struct Resolver<'a> {
    files: &'a [File<'a>],
    blocks: &'a Blocks,
    names: Names,
    /// The parameters of the wildcards and the top level, decoded once.
    shared: Decoded,
    wildcards: Vec<Wildcard<'a>>,
    /// Those of the jail at hand.
    own: Decoded,
    jail: Jail,
}

struct Wildcard<'a> {
    /// Its place among the blocks.
    index: usize,
    name: &'a [u8],
    /// Its parameters among the shared ones.
    params: Range<usize>,
}

impl<'a> Resolver<'a> {
    fn new(files: &'a [File<'a>], blocks: &'a Blocks) -> Self {
        let (mut names, mut shared) = (Names::new(), Decoded::default());
        let all = blocks.blocks.iter().enumerate().map(|(index, block)| (index, block, blocks.name(block)));
        let wildcards = all.filter(|(_, _, name)| is_wildcard(name)).map(|(index, block, name)| Wildcard {
            index,
            name,
            params: shared.take_in(&mut names, files, blocks, block),
        });
        let wildcards = wildcards.collect();
        Self { files, blocks, names, shared, wildcards, own: Decoded::default(), jail: Jail::default() }
    }

    /// The jails whose blocks have these numbers.
    fn jails(&mut self, indices: &[usize]) -> Result<Vec<ResolvedJail>, Diagnostic> {
        let mut jails = Vec::with_capacity(indices.len());
        let mut room = 0;
        for indices in indices.chunks(TOGETHER) {
            let mut params = Vec::with_capacity(room);
            let mut ends = Vec::with_capacity(indices.len());
            for &index in indices {
                let failed = self.jail(index, &mut params)?;
                ends.push((index, failed, params.len()));
            }
            room = params.len() + params.len() / 16;
            let params = Arc::new(params);
            let mut start = 0;
            jails.extend(ends.into_iter().map(|(index, failed, end)| {
                let range = std::mem::replace(&mut start, end)..end;
                let name = self.blocks.name(&self.blocks.blocks[index]).into();
                ResolvedJail { name, failed, params: Params { together: params.clone(), range } }
            }));
        }
        Ok(jails)
    }

    /// Puts the parameters of one jail behind those of others; why it fails, where it does.
    fn jail(&mut self, index: usize, into: &mut Vec<ResolvedParam>) -> Result<Option<String>, Diagnostic> {
        let Self { names, shared, own, jail, .. } = self;
        let block = &self.blocks.blocks[index];
        let name = self.blocks.name(block);
        own.clear();
        let own_params = own.take_in(names, self.files, self.blocks, block);
        jail.begin(names, name, is_number(name));
        let before = self.wildcards.partition_point(|wildcard| wildcard.index < index);
        for wildcard in &self.wildcards[..before] {
            if matches_wildcard(name, wildcard.name) {
                jail.add_all(names, shared, wildcard.params.clone(), false);
            }
        }
        jail.add_all(names, own, own_params, true);
        for wildcard in &self.wildcards[before..] {
            if matches_wildcard(name, wildcard.name) {
                jail.add_all(names, shared, wildcard.params.clone(), false);
            }
        }
        jail.finish(names, Sources { shared, own }, self.files, name, into)
    }
}

/// Whether strtol(3) reads the name whole, and not as 0: such a name is a jid.
pub(super) fn is_number(name: &[u8]) -> bool {
    let text = trim_space(name);
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && leading_int(name) != 0
}

/// Whether a part of the name is `*`.
pub(super) fn is_wildcard(name: &[u8]) -> bool {
    name.contains(&b'*') && name.split_str(b".").any(|part| part == b"*")
}

/// Whether a wildcard is meant for a jail: a `*` stands for one part of the name, at the end for one or more.
pub(crate) fn matches_wildcard(name: &[u8], wildcard: &[u8]) -> bool {
    if wildcard == b"*" {
        return true;
    }
    let (mut name, mut wildcard) = (name, wildcard);
    loop {
        match (name.split_once_str("."), wildcard.split_once_str(".")) {
            (Some((part, rest)), Some((wild, wild_rest))) => {
                if part != wild && wild != b"*" {
                    return false;
                }
                (name, wildcard) = (rest, wild_rest);
            }
            _ => return name == wildcard || wildcard == b"*",
        }
    }
}

fn last_part(name: &[u8]) -> &[u8] {
    name.rsplit_once_str(".").map_or(name, |(_, last)| last)
}
