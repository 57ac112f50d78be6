//! What each jail's parameters come to, as jail(8) makes them of a file.
//!
//! A jail takes the parameters of each wildcard that its name matches and of the top level, in the file's order, with
//! its own where its block stands; a later one replaces an earlier one of the same name or, with `+=`, adds to it.
//! Variables are then replaced by the values that stand at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bstr::ByteSlice;
use rayon::prelude::*;

use super::assemble::{Failed, FailedAt, Found, Jail, Sources};
use super::block::Decoded;
use super::include::{self, File, Files};
use super::names::Names;
use super::origin::Places;
use super::parse::Statements;
use super::resolved::{Params, Resolved, ResolvedJail, Shared, Together, leading_int, trim_space};
use super::wildcards::Wildcards;
use crate::source::{Diagnostic, Diagnostics, Source};

/// How many jails are worth a thread of their own.
const WORTH_A_THREAD: usize = 1000;

/// How many jails keep their parameters together.
const TOGETHER: usize = 256;

pub(super) fn resolve(from: &dyn Files, source: &Source, statements: &Statements) -> Result<Resolved, Diagnostics> {
    let files = include::load(from, source, statements)?;
    let places = Arc::new(Places::of(&files)?);
    let budget = Budget::of(&files);
    let blocks = &places.blocks;
    let jails = 0..blocks.blocks.len() as u32;
    let jails: Vec<u32> = jails.filter(|&index| !is_wildcard(blocks.name(&blocks.blocks[index as usize]))).collect();
    if jails.len() < 2 * WORTH_A_THREAD {
        return Ok(Resolved { jails: Resolver::new(&files, &places, &budget).jails(&jails)? });
    }
    let each = jails.len().div_ceil(rayon::current_num_threads()).max(WORTH_A_THREAD);
    let parts: Vec<_> =
        jails.par_chunks(each).map(|jails| Resolver::new(&files, &places, &budget).jails(jails)).collect();
    let mut parts = parts.into_iter();
    let mut all = parts.next().transpose()?.unwrap_or_default();
    all.reserve_exact(jails.len() - all.len());
    for part in parts {
        all.append(&mut part?);
    }
    Ok(Resolved { jails: all })
}

/// How much all jails together may come to, in bytes: a short file can stand for more than any memory holds.
pub(super) struct Budget(AtomicU64);

impl Budget {
    /// What any file may come to, and what each byte of a file may in addition.
    const ANY: u64 = 1 << 30;
    const BYTE: u64 = 64;

    pub(super) fn of(files: &[File<'_>]) -> Self {
        let len: u64 = files.iter().map(|file| file.source.text().len() as u64).sum();
        Self(AtomicU64::new(Self::ANY + Self::BYTE * len))
    }

    /// Takes something away from it; whether it was there.
    fn spend(&self, cost: u64) -> bool {
        let take = |left: u64| left.checked_sub(cost);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// Resolves one jail after the other.
pub(super) struct Resolver<'a> {
    files: &'a [File<'a>],
    places: &'a Arc<Places>,
    budget: &'a Budget,
    names: Names,
    /// The parameters of the wildcards and the top level, decoded once.
    shared: Decoded,
    /// Those of them that jails have as they are.
    table: Arc<Shared>,
    wildcards: Wildcards<'a>,
    /// Those that are meant for the jail at hand.
    matching: Vec<u32>,
    /// Those of the jail at hand.
    own: Decoded,
    jail: Jail,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(files: &'a [File<'a>], places: &'a Arc<Places>, budget: &'a Budget) -> Self {
        let blocks = &places.blocks;
        let (mut names, mut shared) = (Names::new(), Decoded::default());
        let mut wildcards = Wildcards::new();
        for (index, block) in blocks.blocks.iter().enumerate() {
            let name = blocks.name(block);
            if is_wildcard(name) {
                let params = shared.take_in(&mut names, files, blocks, block);
                if !params.is_empty() {
                    wildcards.add(name, index, params);
                }
            }
        }
        let table = Arc::new(Shared::of(&names, &shared));
        let (own, jail) = (Decoded::default(), Jail::default());
        Self { files, places, budget, names, shared, table, wildcards, matching: Vec::new(), own, jail }
    }

    /// The jails whose blocks have these numbers.
    fn jails(&mut self, indices: &[u32]) -> Result<Vec<ResolvedJail>, Diagnostic> {
        let mut jails = Vec::with_capacity(indices.len());
        let mut room = (0, 0);
        for indices in indices.chunks(TOGETHER) {
            let mut together = Together::with_room(room, self.places.clone(), self.table.clone());
            let mut ends = Vec::with_capacity(indices.len());
            for index in indices.iter().map(|&index| index as usize) {
                let failed = self.jail(index, &mut together)?;
                if !self.budget.spend(self.jail.cost()) {
                    return Err(self.too_much(index));
                }
                ends.push((index, failed.map(|failed| self.diagnostic(failed)), together.len()));
            }
            room = together.room();
            let together = Arc::new(together);
            let mut start = 0;
            jails.extend(ends.into_iter().map(|(index, failed, end)| {
                let range = std::mem::replace(&mut start, end)..end;
                let blocks = &self.places.blocks;
                let name = blocks.name(&blocks.blocks[index]).into();
                ResolvedJail { name, failed, params: Params { together: together.clone(), range } }
            }));
        }
        Ok(jails)
    }

    /// The parameters and variables of one jail, in its order; why it fails, where it does.
    pub(super) fn everything(&mut self, index: usize) -> Result<(Vec<Found>, Option<Box<Diagnostic>>), Diagnostic> {
        let mut together = Together::with_room((0, 0), self.places.clone(), self.table.clone());
        self.jail.everything = Some(Vec::new());
        let failed = self.jail(index, &mut together)?;
        let failed = failed.map(|failed| self.diagnostic(failed));
        Ok((self.jail.everything.take().unwrap_or_default(), failed))
    }

    /// Puts the parameters of one jail behind those of others; why it fails, where it does.
    fn jail(&mut self, index: usize, into: &mut Together) -> Result<Option<Failed>, Diagnostic> {
        let Self { names, shared, own, jail, .. } = self;
        let blocks = &self.places.blocks;
        let block = &blocks.blocks[index];
        let name = blocks.name(block);
        own.clear();
        let own_params = own.take_in(names, self.files, blocks, block);
        let sources = Sources { shared, own };
        jail.begin(names, name, block.place, is_number(name));
        self.wildcards.matching(name, &mut self.matching);
        let before = self.matching.partition_point(|&number| self.wildcards.get(number).index < index);
        let (before, behind) = self.matching.split_at(before);
        for &number in before {
            jail.add_all(names, sources, self.wildcards.get(number).params.clone(), false);
        }
        jail.add_all(names, sources, own_params, true);
        for &number in behind {
            jail.add_all(names, sources, self.wildcards.get(number).params.clone(), false);
        }
        jail.finish(names, sources, self.files, name, into)
    }

    /// What is to be said of a file whose jails come to too much.
    fn too_much(&self, index: usize) -> Diagnostic {
        let (source, name, _) = self.places.statement(self.places.blocks.blocks[index].place);
        let message = "what all jails come to up to here is far more than the file";
        Diagnostic::error(source, name, message).with_help("look for defaults that are very long or very many")
    }

    /// What is to be said of a jail that fails.
    fn diagnostic(&self, failed: Failed) -> Box<Diagnostic> {
        let (source, span) = match failed.at {
            FailedAt::Statement(place) => {
                let (source, name, _) = self.places.statement(place);
                (source, name)
            }
            FailedAt::Variable(file, span) => (self.places.source(file), span),
        };
        Box::new(Diagnostic::error(source, span, failed.reason))
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
