//! Where in a file, or in one it includes, a jail and its parameters stand.

use std::collections::HashMap;

use bstr::BString;

use crate::jailconf::block::{Block, Blocks};
use crate::jailconf::include::File;
use crate::jailconf::lex::decode_into;
use crate::jailconf::option::{option_key, same_option};
use crate::jailconf::parse::{Item, Param, Piece};
use crate::jailconf::resolve::{ResolvedJail, ResolvedParam, is_wildcard, matches_wildcard};
use crate::source::{Source, Span};

/// A span of one of the files, in the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    file: usize,
    pub(super) span: Span,
}

/// A parameter's statement: the number of the file, and the item.
type Statement = (usize, usize);

pub(super) struct Places<'a> {
    files: &'a [File<'a>],
    jails: HashMap<BString, Statements>,
    wildcards: Vec<(usize, BString, Statements)>,
    /// Where a jail's block begins.
    blocks: HashMap<BString, Place>,
}

/// The last statement of a block for each parameter.
struct Statements {
    index: usize,
    by_key: HashMap<BString, Statement>,
}

impl<'a> Places<'a> {
    pub(super) fn of(files: &'a [File<'a>]) -> Self {
        let blocks = Blocks::of(files);
        let mut places = Self { files, jails: HashMap::new(), wildcards: Vec::new(), blocks: HashMap::new() };
        for (index, block) in blocks.blocks.iter().enumerate() {
            let name = BString::from(blocks.name(block));
            let statements = Statements { index, by_key: places.statements(&blocks, block) };
            if is_wildcard(&name) {
                places.wildcards.push((index, name, statements));
            } else {
                places.jails.insert(name, statements);
            }
        }
        places.find_blocks();
        places
    }

    fn statements(&self, blocks: &Blocks, block: &Block) -> HashMap<BString, Statement> {
        let mut by_key = HashMap::new();
        for (file, items) in blocks.runs(block) {
            let file = file as usize;
            for item in items {
                if let Item::Param(param) = &self.files[file].statements.items[item]
                    && !param.is_variable
                {
                    by_key.insert(option_key(&self.decoded(file, param.name)), (file, item));
                }
            }
        }
        by_key
    }

    fn find_blocks(&mut self) {
        for (number, file) in self.files.iter().enumerate() {
            let mut open: Vec<BString> = Vec::new();
            for item in &file.statements.items {
                match item {
                    Item::Open { name, .. } => {
                        let mut full = open.last().map_or_else(BString::default, |parent| {
                            let mut full = parent.clone();
                            full.push(b'.');
                            full
                        });
                        full.extend(self.decoded(number, *name));
                        self.blocks.insert(full.clone(), Place { file: number, span: *name });
                        open.push(full);
                    }
                    Item::Close { .. } => drop(open.pop()),
                    Item::Param(_) => {}
                }
            }
        }
    }

    fn decoded(&self, file: usize, span: Span) -> Vec<u8> {
        let mut text = Vec::new();
        decode_into(self.files[file].source.slice(span), &mut text);
        text
    }

    pub(super) fn source(&self, place: Place) -> &'a Source {
        &self.files[place.file].source
    }

    /// The name at the head of a jail's block.
    pub(super) fn block(&self, jail: &ResolvedJail) -> Place {
        self.blocks.get(&jail.name).copied().unwrap_or(Place { file: 0, span: Span::at(0) })
    }

    fn find(&self, jail: &ResolvedJail, name: &[u8]) -> Option<(Statement, &Param, bool)> {
        let key = option_key(name);
        let own = self.jails.get(&jail.name);
        let index = own.map_or(0, |own| own.index);
        let matching = self.wildcards.iter().filter(|(_, wildcard, _)| matches_wildcard(&jail.name, wildcard));
        let wildcards = matching.map(|(at, _, statements)| (*at, statements, false));
        let all = wildcards.chain(own.map(|own| (index, own, true)));
        let found = all.filter_map(|(at, statements, is_own)| {
            let &(file, item) = statements.by_key.get(&key)?;
            let Item::Param(param) = &self.files[file].statements.items[item] else { return None };
            same_option(&self.decoded(file, param.name), name).then_some((at, (file, item), param, is_own))
        });
        found.max_by_key(|(at, ..)| *at).map(|(_, statement, param, is_own)| (statement, param, is_own))
    }

    /// The name of the statement that a jail has a parameter of, and whether it is in the jail's own block.
    pub(super) fn statement(&self, jail: &ResolvedJail, name: &[u8]) -> Option<(Place, bool)> {
        let ((file, _), param, is_own) = self.find(jail, name)?;
        Some((Place { file, span: param.name }, is_own))
    }

    /// The name of a parameter where it was given.
    pub(super) fn name(&self, jail: &ResolvedJail, param: &ResolvedParam) -> (Place, bool) {
        self.statement(jail, &param.name).unwrap_or_else(|| (self.block(jail), true))
    }

    /// One value of a parameter; all of them, where they cannot be told apart or none is meant.
    pub(super) fn value(&self, jail: &ResolvedJail, param: &ResolvedParam, value: Option<usize>) -> (Place, bool) {
        let Some(((file, _), statement, is_own)) = self.find(jail, &param.name) else {
            return (self.block(jail), true);
        };
        let statements = &self.files[file].statements;
        let written = &statements.values[statement.values.start as usize..statement.values.end as usize];
        let one = value.and_then(|index| written.get(index).filter(|_| written.len() == param.values.len()));
        let pieces = one.map(|pieces| &statements.pieces[pieces.start as usize..pieces.end as usize]);
        let spans = pieces.into_iter().flatten().map(|piece| match piece {
            Piece::Text(span) | Piece::Var(span) => *span,
        });
        let all = if value.is_some() && !written.is_empty() { statement.value_span } else { statement.name };
        (Place { file, span: spans.reduce(Span::join).unwrap_or(all) }, is_own)
    }
}
