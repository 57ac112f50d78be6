//! The blocks of a jail.conf and of all that it includes, and their parameters decoded.

use std::ops::Range;

use super::include::File;
use super::lex::decode_into;
use super::names::{NameId, Names};
use super::parse::{Item, Op, Param, Piece};
use super::text::Text;
use crate::source::{Diagnostic, Span};

/// The end of a chain of runs.
const NONE: u32 = u32::MAX;

/// How long all full names of jails may be together, besides what the length of the file allows.
const MAX_NAMES: usize = 1 << 26;

/// A jail's or a wildcard's block, or the top level.
pub(super) struct Block {
    name: Range<u32>,
    /// Where its name stands, as a place in all files; for the top level, where its first parameter does.
    pub(super) place: u32,
    first_run: u32,
    last_run: u32,
}

/// Parameters of one block that stand one behind the other in one file.
struct Run {
    file: u32,
    items: Range<u32>,
    /// Where the first of them stands, and in which block.
    place: u32,
    block: u32,
    next: u32,
}

/// The blocks of all files, in the order in which jail(8) comes to them.
#[derive(Default)]
pub(super) struct Blocks {
    pub(super) blocks: Vec<Block>,
    names: Vec<u8>,
    runs: Vec<Run>,
    /// The top level's, from its first parameter on.
    global: Option<usize>,
    open: Vec<usize>,
    /// How long all names may be together.
    max_names: usize,
}

impl Blocks {
    /// # Errors
    /// Jails in jails whose full names are far longer together than the file.
    pub(super) fn of(files: &[File<'_>]) -> Result<Self, Diagnostic> {
        let len: usize = files.iter().map(|file| file.source.text().len()).sum();
        let jails = len / 64;
        let mut blocks = Self {
            blocks: Vec::with_capacity(jails / 4),
            runs: Vec::with_capacity(jails / 4),
            max_names: MAX_NAMES.saturating_add(4 * len).min(u32::MAX as usize),
            ..Self::default()
        };
        blocks.walk(files, 0)?;
        Ok(blocks)
    }

    pub(super) fn name(&self, block: &Block) -> &[u8] {
        &self.names[block.name.start as usize..block.name.end as usize]
    }

    /// Each place where a block goes on, with the number of the block: its name, and where a run begins.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, u32)> {
        let names = self.blocks.iter().enumerate().map(|(number, block)| (block.place, number as u32));
        names.chain(self.runs.iter().map(|run| (run.place, run.block)))
    }

    /// Whether a block is the top level.
    pub(super) fn is_top_level(&self, block: usize) -> bool {
        self.global == Some(block)
    }

    /// The runs of parameters of a block, each with the number of its file.
    pub(super) fn runs(&self, block: &Block) -> impl Iterator<Item = (u32, Range<usize>)> {
        let mut next = block.first_run;
        std::iter::from_fn(move || {
            let run = self.runs.get(next as usize)?;
            next = run.next;
            Some((run.file, run.items.start as usize..run.items.end as usize))
        })
    }

    fn walk(&mut self, files: &[File<'_>], number: usize) -> Result<(), Diagnostic> {
        let file = &files[number];
        let mut included = file.included.iter().peekable();
        let mut run_start = None;
        for (index, item) in file.statements.items.iter().enumerate() {
            let is_include = included.peek().is_some_and(|(item, _)| *item == index);
            if matches!(item, Item::Param(_)) && !is_include {
                run_start.get_or_insert(index);
                continue;
            }
            if let Some(start) = run_start.take() {
                self.add(file, number, start..index);
            }
            match item {
                Item::Open { name, start: place } => {
                    let place = file.base + place;
                    let start = self.names.len();
                    let parent = self.open.last().map_or(0..0, |&parent| self.blocks[parent].name.clone());
                    if start + parent.len() + name.range().len() >= self.max_names {
                        let message = "the full names of the jails up to here are far longer than the file";
                        return Err(Diagnostic::error(&file.source, *name, message)
                            .with_help("jails in jails are called parent.child: use shorter names"));
                    }
                    if !self.open.is_empty() {
                        self.names.extend_from_within(parent.start as usize..parent.end as usize);
                        self.names.push(b'.');
                    }
                    decode_into(file.source.slice(*name), &mut self.names);
                    self.open.push(self.blocks.len());
                    let name = start as u32..self.names.len() as u32;
                    self.blocks.push(Block { name, place, first_run: NONE, last_run: NONE });
                }
                Item::Close { .. } => {
                    self.open.pop();
                }
                Item::Param(_) => {
                    if let Some((_, inner)) = included.next() {
                        inner.iter().try_for_each(|&inner| self.walk(files, inner))?;
                    }
                }
            }
        }
        if let Some(start) = run_start {
            self.add(file, number, start..file.statements.items.len());
        }
        Ok(())
    }

    fn add(&mut self, file: &File<'_>, file_number: usize, items: Range<usize>) {
        let place = file.base + file.statements.items[items.start].start();
        let block = self.open.last().copied().or(self.global).unwrap_or_else(|| {
            let start = self.names.len();
            self.names.push(b'*');
            self.blocks.push(Block { name: start as u32..start as u32 + 1, place, first_run: NONE, last_run: NONE });
            self.global = Some(self.blocks.len() - 1);
            self.blocks.len() - 1
        });
        let (number, block_number, block) = (self.runs.len() as u32, block as u32, &mut self.blocks[block]);
        match self.runs.get_mut(block.last_run as usize) {
            Some(last) => last.next = number,
            None => block.first_run = number,
        }
        block.last_run = number;
        let (file, items) = (file_number as u32, items.start as u32..items.end as u32);
        self.runs.push(Run { file, items, place, block: block_number, next: NONE });
    }
}

/// Parameters with their escapes undone, as indices into flat vectors.
#[derive(Default)]
pub(super) struct Decoded {
    pub(super) givens: Vec<Given>,
    pub(super) templates: Vec<Template>,
    pub(super) vars: Vec<Variable>,
    /// The text around variables.
    pub(super) literals: Vec<u8>,
}

/// One statement that gives a parameter its values.
pub(super) struct Given {
    pub(super) name: NameId,
    /// Where it stands, as a place in all files.
    pub(super) place: u32,
    pub(super) is_variable: bool,
    pub(super) appends: bool,
    /// Its values among the templates, and how many of them have variables.
    pub(super) values: Range<u32>,
    pub(super) pending: u32,
}

/// A value: its text, or with variables in it the text around them and which they are.
pub(super) struct Template {
    pub(super) text: Text,
    pub(super) literal: Range<usize>,
    pub(super) vars: Range<u32>,
}

pub(super) struct Variable {
    pub(super) name: NameId,
    /// Where among the literals its value goes.
    pub(super) place: usize,
    /// Where it stands: the number of the file, and the place in it.
    pub(super) file: u32,
    pub(super) span: Span,
}

impl Decoded {
    pub(super) fn clear(&mut self) {
        self.givens.clear();
        self.templates.clear();
        self.vars.clear();
        self.literals.clear();
    }

    /// Takes in the parameters of a block; which of the givens they are.
    pub(super) fn take_in(
        &mut self,
        names: &mut Names,
        files: &[File<'_>],
        blocks: &Blocks,
        block: &Block,
    ) -> Range<usize> {
        let start = self.givens.len();
        for (number, items) in blocks.runs(block) {
            let file = &files[number as usize];
            for item in &file.statements.items[items] {
                if let Item::Param(param) = item {
                    self.take_in_param(names, file, number, param);
                }
            }
        }
        start..self.givens.len()
    }

    fn take_in_param(&mut self, names: &mut Names, file: &File<'_>, number: u32, param: &Param) {
        let name = names.param(file.source.slice(param.name));
        let first = self.templates.len() as u32;
        let mut pending = 0;
        for pieces in &file.statements.values[param.values.start as usize..param.values.end as usize] {
            let pieces = &file.statements.pieces[pieces.start as usize..pieces.end as usize];
            let template = self.template(names, file, number, pieces);
            pending += u32::from(!template.vars.is_empty());
            self.templates.push(template);
        }
        let values = first..self.templates.len() as u32;
        let appends = param.op == Op::Append && !values.is_empty();
        let place = file.base + param.span.start() as u32;
        self.givens.push(Given { name, place, is_variable: param.is_variable, appends, values, pending });
    }

    fn template(&mut self, names: &mut Names, file: &File<'_>, number: u32, pieces: &[Piece]) -> Template {
        if let [only] = pieces
            && !only.is_variable()
        {
            let written = file.source.slice(only.span());
            if !written.iter().any(|&byte| byte == b'\\' || byte == 0) {
                return Template { text: written.into(), literal: 0..0, vars: 0..0 };
            }
        }
        let (start, first) = (self.literals.len(), self.vars.len() as u32);
        for piece in pieces {
            let (span, written) = (piece.span(), file.source.slice(piece.span()));
            if piece.is_variable() {
                let (name, place) = (names.var(written), self.literals.len());
                self.vars.push(Variable { name, place, file: number, span });
            } else {
                decode_into(written, &mut self.literals);
            }
        }
        let vars = first..self.vars.len() as u32;
        if vars.is_empty() {
            let text = self.literals[start..].into();
            self.literals.truncate(start);
            return Template { text, literal: 0..0, vars };
        }
        Template { text: Text::default(), literal: start..self.literals.len(), vars }
    }
}
