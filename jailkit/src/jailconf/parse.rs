//! From tokens to statements, with every error of the file.

use std::ops::Range;

use super::lex::{Kind, Lexer, Token};
use crate::source::{Diagnostic, Diagnostics, Source, Span};

/// How deep jails may be nested; jail(8)'s own names end long before.
const MAX_DEPTH: usize = 256;

/// Syntax errors past which a file is not looked at further.
const MAX_FOUND: usize = 100;

/// What a file says, statement by statement, as indices into flat vectors: a large file has many of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statements {
    pub(super) items: Vec<Item>,
    pub(super) values: Vec<Range<u32>>,
    pub(super) pieces: Vec<Piece>,
    /// Where jail(8) stops reading: the end of the text, or a byte before it that it takes for that.
    pub(super) end: usize,
}

impl Statements {
    /// With room for what a usual file of this length has, so that nothing has to move as it is read.
    fn for_text(text: &[u8]) -> Self {
        let room = |bytes_each: usize| text.len() / bytes_each;
        Self {
            items: Vec::with_capacity(room(24)),
            values: Vec::with_capacity(room(32)),
            pieces: Vec::with_capacity(room(20)),
            end: text.len(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// `name {`: the name's content, and where the statement begins.
    Open { name: Span, start: u32 },
    /// `}`
    Close { span: Span },
    /// `name = value, value;`
    Param(Param),
}

impl Item {
    /// The offset behind what is known of it; a block's opening brace comes after its name.
    pub(super) fn end(&self) -> usize {
        match self {
            Self::Open { name, .. } => name.end(),
            Self::Close { span } => span.end(),
            Self::Param(param) => param.span.end(),
        }
    }

    /// The offset of its first byte.
    pub(super) fn start(&self) -> u32 {
        match self {
            Self::Open { start, .. } => *start,
            Self::Close { span } => span.start() as u32,
            Self::Param(param) => param.span.start() as u32,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Param {
    pub(super) name: Span,
    pub(super) is_variable: bool,
    pub(super) op: Op,
    /// Which of [`Statements::values`] are its own.
    pub(super) values: Range<u32>,
    /// The whole statement, its semicolon included.
    pub(super) span: Span,
}

impl Param {
    /// Where the values stand; empty behind the name where there are none. It is looked for anew: a large file has very
    /// many parameters, and few of them are asked.
    pub(super) fn value_span(&self, source: &Source) -> Span {
        let mut parser = Parser::at(source, self.span.start());
        parser.statement().ok();
        parser.value_span
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// `name;`
    Bare,
    /// `name = value;`
    Set,
    /// `name += value;`
    Append,
    /// `name value;`
    Beside,
}

/// A piece of a value: text, or a variable by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    start: u32,
    /// How long it is; with [`VARIABLE`](Self::VARIABLE), where it is a variable.
    len: u32,
}

impl Piece {
    const VARIABLE: u32 = 1 << 31;

    /// None for one of more than 2 GB.
    fn new(span: Span, is_variable: bool) -> Option<Self> {
        let len = span.range().len() as u32;
        let kind = if is_variable { Self::VARIABLE } else { 0 };
        (len & Self::VARIABLE == 0).then_some(Self { start: span.start() as u32, len: len | kind })
    }

    pub(super) fn span(self) -> Span {
        let start = self.start as usize;
        Span::new(start, start + (self.len & !Self::VARIABLE) as usize)
    }

    pub(super) fn is_variable(self) -> bool {
        self.len & Self::VARIABLE != 0
    }
}

pub(super) fn parse(source: &Source) -> Result<Statements, Diagnostics> {
    let mut parser = Parser::at(source, 0);
    parser.statements = Statements::for_text(source.text());
    parser.file();
    let mut found = parser.lexer.found;
    found.sort_by_key(|one| one.span);
    Diagnostics::check(found)?;
    Ok(parser.statements)
}

/// The statement that begins at an offset of a file that was parsed, and its name with its quotes; nothing where none
/// begins there.
pub(super) fn statement_at(source: &Source, offset: usize) -> Option<(Span, Statements)> {
    let mut parser = Parser::at(source, offset);
    let name = parser.token.whole;
    parser.statement().ok()?;
    Some((name, parser.statements))
}

struct Parser<'a> {
    source: &'a Source,
    lexer: Lexer<'a>,
    token: Token,
    statements: Statements,
    /// Where the jails that are open begin.
    open: Vec<Span>,
    /// Where the values of the last parameter stand.
    value_span: Span,
}

/// The statement is no statement; what was wrong has been said.
struct Broken;

impl<'a> Parser<'a> {
    /// A parser that begins where a statement does.
    fn at(source: &'a Source, offset: usize) -> Self {
        let mut lexer = Lexer::at(source, offset);
        let token = lexer.next();
        let (statements, value_span) = (Statements::default(), Span::at(offset));
        Self { source, lexer, token, statements, open: Vec::new(), value_span }
    }

    fn advance(&mut self) -> Token {
        let next = self.lexer.next();
        std::mem::replace(&mut self.token, next)
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.lexer.found.push(Diagnostic::error(self.source, span, message).with_help(help));
    }

    fn file(&mut self) {
        loop {
            if self.lexer.found.len() >= MAX_FOUND {
                return;
            }
            match self.token.kind {
                Kind::End => {
                    self.statements.end = self.token.whole.start();
                    break;
                }
                Kind::Semicolon => {
                    self.advance();
                }
                Kind::Close => self.close(),
                _ => {
                    if self.statement().is_err() {
                        self.recover();
                    }
                }
            }
        }
        if let Some(&name) = self.open.last() {
            let shown = crate::source::printable(self.source.slice(name));
            self.error(name, format!("the block of '{shown}' is never closed"), "close it with }");
        }
    }

    fn close(&mut self) {
        let token = self.advance();
        if self.open.pop().is_some() {
            self.statements.items.push(Item::Close { span: token.whole });
        } else {
            self.error(token.whole, "this } closes nothing", "remove it, or open a jail before it");
        }
    }

    /// Skips to where the next statement may begin.
    fn recover(&mut self) {
        loop {
            match self.token.kind {
                Kind::End | Kind::Close => return,
                Kind::Semicolon => {
                    self.advance();
                    return;
                }
                Kind::Open => {
                    // What is in the block is looked at as if its name had been right.
                    let token = self.advance();
                    self.open.push(token.whole);
                    return;
                }
                _ => self.advance(),
            };
        }
    }

    fn statement(&mut self) -> Result<(), Broken> {
        let name = self.advance();
        let is_variable = match name.kind {
            Kind::Text { joined: false } => false,
            Kind::Var { joined: false } => true,
            _ => {
                self.unexpected(name, "the name of a parameter or jail");
                return Err(Broken);
            }
        };
        if matches!(self.token.kind, Kind::Text { joined: true } | Kind::Var { joined: true }) {
            return self.name_in_pieces(name);
        }
        let op = match self.token.kind {
            Kind::Open if !is_variable => return self.open_jail(name),
            Kind::Semicolon => Op::Bare,
            Kind::Equals => Op::Set,
            Kind::PlusEquals => Op::Append,
            Kind::Text { .. } | Kind::Var { .. } => Op::Beside,
            _ => {
                self.unexpected(self.token, "'=', '+=', a value, ';' or '{'");
                return Err(Broken);
            }
        };
        if matches!(op, Op::Set | Op::Append) {
            self.advance();
        }
        let first = self.statements.values.len();
        self.value_span = Span::at(name.whole.end());
        if op != Op::Bare {
            self.value_span = self.values()?;
        }
        if self.token.kind != Kind::Semicolon {
            self.missing_semicolon(self.value_span);
            return Err(Broken);
        }
        let end = self.advance();
        let values = first as u32..self.statements.values.len() as u32;
        let span = name.whole.join(end.whole);
        let param = Param { name: name.content, is_variable, op, values, span };
        self.statements.items.push(Item::Param(param));
        Ok(())
    }

    fn open_jail(&mut self, name: Token) -> Result<(), Broken> {
        let brace = self.advance();
        if self.open.len() >= MAX_DEPTH {
            self.error(brace.whole, format!("jails are nested more than {MAX_DEPTH} deep"), "name them parent.child");
            return Err(Broken);
        }
        self.open.push(name.content);
        self.statements.items.push(Item::Open { name: name.content, start: name.whole.start() as u32 });
        Ok(())
    }

    /// `value, value`; the span of all of it.
    fn values(&mut self) -> Result<Span, Broken> {
        let mut span = self.value()?;
        while self.token.kind == Kind::Comma {
            self.advance();
            span = span.join(self.value()?);
        }
        Ok(span)
    }

    fn value(&mut self) -> Result<Span, Broken> {
        let first = self.statements.pieces.len();
        let mut span = self.token.whole;
        if !matches!(self.token.kind, Kind::Text { .. } | Kind::Var { .. }) {
            self.unexpected(self.token, "a value");
            return Err(Broken);
        }
        loop {
            let Some(piece) = Piece::new(self.token.content, matches!(self.token.kind, Kind::Var { .. })) else {
                self.error(Span::at(self.token.whole.start()), "a string of more than 2 GB", "no parameter can use it");
                return Err(Broken);
            };
            self.statements.pieces.push(piece);
            span = span.join(self.advance().whole);
            if !matches!(self.token.kind, Kind::Text { joined: true } | Kind::Var { joined: true }) {
                break;
            }
        }
        self.statements.values.push(first as u32..self.statements.pieces.len() as u32);
        Ok(span)
    }

    fn missing_semicolon(&mut self, value: Span) {
        let shown = self.shown(self.token);
        if matches!(self.token.kind, Kind::Text { .. } | Kind::Var { .. }) && value.start() < value.end() {
            let message = format!("a second value {shown} without a comma before it");
            let help = "separate values with commas, end the parameter with ';', or quote a value with blanks";
            self.error(self.token.whole, message, help);
        } else {
            let message = format!("expected ';' before {shown}");
            self.error(Span::at(value.end()), message, "end the parameter with ';'");
        }
    }

    fn unexpected(&mut self, token: Token, expected: &str) {
        let shown = self.shown(token);
        let help = if token.kind == Kind::Stray { "quote the string it is in" } else { "see jail.conf(5)" };
        self.error(token.whole, format!("expected {expected}, found {shown}"), help);
    }

    /// `foo.*` without quotes is two pieces, and a name is one.
    fn name_in_pieces(&mut self, name: Token) -> Result<(), Broken> {
        let mut span = name.whole;
        while matches!(self.token.kind, Kind::Text { joined: true } | Kind::Var { joined: true }) {
            span = span.join(self.advance().whole);
        }
        let text = crate::source::printable(self.source.slice(span));
        let message = format!("{text} without quotes is a syntax error in jail(8): a name is one piece");
        self.error(span, message, format!("quote it whole: \"{}\"", text.replace('"', "")));
        Err(Broken)
    }

    fn shown(&self, token: Token) -> String {
        if token.kind == Kind::End {
            return "the end of the file".to_owned();
        }
        format!("'{}'", crate::source::printable(self.source.slice(token.whole)))
    }
}
