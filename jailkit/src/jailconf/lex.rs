//! The tokens of a jail.conf, as jail(8)'s scanner sees them.
//!
//! A string may come in pieces: quoted and bare ones side by side, and variables in between. The scanner tells the
//! first piece of a string from those joined to it, and the grammar puts them together.

use crate::source::{Diagnostic, Source, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A piece of text; the token's span is its content, without quotes.
    Text {
        joined: bool,
    },
    /// A variable; the token's span is its name.
    Var {
        joined: bool,
    },
    Open,
    Close,
    Semicolon,
    Comma,
    Equals,
    PlusEquals,
    /// A byte that begins nothing.
    Stray,
    End,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// What it says.
    pub(super) content: Span,
    /// All of it, quotes, `$` and braces included.
    pub(super) whole: Span,
}

/// Lexical findings past which a file is not looked at further: it is no jail.conf.
const MAX_FOUND: usize = 100;

/// How far from its beginning the end of a string is looked for byte by byte.
const NEAR: usize = 64;

/// Where the scanner is, as to double quotes. A variable's name may reach past the quote that closed its string; then
/// the next quote closes it, and where there is none, bare pieces go on in it.
#[derive(Clone, Copy)]
enum Quoted {
    Outside,
    Until(usize),
    Unclosed,
}

pub(super) struct Lexer<'a> {
    source: &'a Source,
    text: &'a [u8],
    at: usize,
    /// Whether the next piece joins the one before.
    in_string: bool,
    /// Whether a variable has interrupted a double-quoted string.
    quoted: Quoted,
    pub(super) found: Vec<Diagnostic>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self::at(source, 0)
    }

    /// A scanner that begins where a statement does.
    pub(super) fn at(source: &'a Source, at: usize) -> Self {
        Self { source, text: source.text(), at, in_string: false, quoted: Quoted::Outside, found: Vec::new() }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    fn error(&mut self, span: Span, message: &str, help: &str) {
        self.found.push(Diagnostic::error(self.source, span, message).with_help(help));
        if self.found.len() >= MAX_FOUND {
            self.at = self.text.len();
        }
    }

    pub(super) fn next(&mut self) -> Token {
        if !matches!(self.quoted, Quoted::Outside)
            && let Some(token) = self.in_quotes()
        {
            return token;
        }
        self.skip_blank();
        let start = self.at;
        let Some(byte) = self.byte(start) else { return self.single(Kind::End, 0) };
        match byte {
            b'{' => self.separator(Kind::Open, 1),
            b'}' => self.separator(Kind::Close, 1),
            b';' => self.separator(Kind::Semicolon, 1),
            b',' => self.separator(Kind::Comma, 1),
            b'=' => self.separator(Kind::Equals, 1),
            b'+' if self.byte(start + 1) == Some(b'=') => self.separator(Kind::PlusEquals, 2),
            b'\'' => self.single_quoted(),
            b'"' => self.double_quoted(),
            b'$' => self.variable(false),
            b'\\' => self.escape(),
            b'*' | b'+' | b'/' => self.piece(start, start + 1, start + 1),
            byte if is_atom(byte) => self.atom(),
            // jail(8) takes a NUL, and on most machines a byte over 127, for the end of the file.
            0 | 128.. => self.single(Kind::End, 0),
            _ => self.separator(Kind::Stray, 1),
        }
    }

    /// Skips white space and comments; a comment never closed takes the rest of the file.
    fn skip_blank(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let len = match rest {
                [byte, inner @ ..] if is_blank(*byte) => {
                    1 + inner.iter().position(|&byte| !is_blank(byte)).unwrap_or(inner.len())
                }
                [b'#', ..] | [b'/', b'/', ..] => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
                [b'/', b'*', inner @ ..] => match memchr::memmem::find(inner, b"*/") {
                    Some(end) => end + 4,
                    None => {
                        let span = Span::new(self.at, self.at + 2);
                        self.error(span, "this comment is never closed", "close it with */");
                        self.text.len() - self.at
                    }
                },
                _ => return,
            };
            self.at = (self.at + len).min(self.text.len());
            self.in_string = false;
        }
    }

    fn single(&mut self, kind: Kind, len: usize) -> Token {
        let span = Span::new(self.at, self.at + len);
        self.at += len;
        Token { kind, content: span, whole: span }
    }

    fn separator(&mut self, kind: Kind, len: usize) -> Token {
        self.in_string = false;
        self.single(kind, len)
    }

    /// A piece of text whose content ends at `end`, and the scanner going on at `next`.
    fn piece(&mut self, start: usize, end: usize, next: usize) -> Token {
        let whole = Span::new(self.at.min(start), next);
        self.at = next;
        let joined = std::mem::replace(&mut self.in_string, true);
        Token { kind: Kind::Text { joined }, content: Span::new(start, end), whole }
    }

    fn atom(&mut self) -> Token {
        let start = self.at;
        let rest = &self.text[start..];
        let len = rest.iter().position(|&byte| !is_atom(byte)).unwrap_or(rest.len());
        self.piece(start, start + len, start + len)
    }

    /// A backslash and what it escapes: one byte, up to three octal digits, or `x` and up to two hexadecimal ones.
    fn escape(&mut self) -> Token {
        let start = self.at;
        let rest = &self.text[start + 1..];
        let digits = |from: usize, most: usize, is_digit: fn(&u8) -> bool| {
            rest.get(from..).unwrap_or_default().iter().take(most).take_while(|&byte| is_digit(byte)).count()
        };
        let len = match rest.first() {
            None => 0,
            Some(b'0'..=b'7') => digits(0, 3, |byte| matches!(byte, b'0'..=b'7')),
            Some(b'x') => 1 + digits(1, 2, u8::is_ascii_hexdigit),
            Some(_) => 1,
        };
        let end = start + 1 + len;
        self.piece(start, end, end)
    }

    fn single_quoted(&mut self) -> Token {
        let start = self.at;
        match closing(self.text, start + 1, b'\'') {
            Some(close) => self.piece(start + 1, close, close + 1),
            None => self.unterminated(),
        }
    }

    fn double_quoted(&mut self) -> Token {
        let start = self.at;
        let from = start + 1;
        // Most strings are short and plain: their end is found by looking at each byte.
        let near = &self.text[from..self.text.len().min(from + NEAR)];
        let special = near.iter().position(|&byte| matches!(byte, b'"' | b'$' | b'\\'));
        if let Some(close) = special.map(|len| from + len).filter(|&at| self.text[at] == b'"') {
            self.quoted = Quoted::Outside;
            return self.piece(from, close, close + 1);
        }
        match closing(self.text, special.map_or(from, |len| from + len), b'"') {
            Some(close) => self.quoted_piece(from, close),
            None => self.unterminated(),
        }
    }

    /// The piece from `start` to the first variable or to the closing quote.
    fn quoted_piece(&mut self, start: usize, close: usize) -> Token {
        match closing(&self.text[..close], start, b'$') {
            Some(dollar) => {
                self.quoted = Quoted::Until(close);
                self.piece(start, dollar, dollar)
            }
            None => {
                self.quoted = Quoted::Outside;
                self.piece(start, close, close + 1)
            }
        }
    }

    /// What stands next in a double-quoted string behind a variable; none where the string ends there.
    fn in_quotes(&mut self) -> Option<Token> {
        self.quoted = match self.quoted {
            Quoted::Outside => return None,
            Quoted::Until(close) if close < self.at => match closing(self.text, self.at, b'"') {
                Some(close) => Quoted::Until(close),
                None => Quoted::Unclosed,
            },
            unchanged => unchanged,
        };
        match (self.byte(self.at), self.quoted) {
            (Some(b'"'), _) => {
                self.at += 1;
                self.quoted = Quoted::Outside;
                None
            }
            (Some(b'$'), _) => Some(self.variable(true)),
            (Some(b'\\'), _) => Some(self.escape()),
            (Some(_), Quoted::Until(close)) => Some(self.quoted_piece(self.at, close)),
            (Some(b'*' | b'+' | b'/'), _) => Some(self.piece(self.at, self.at + 1, self.at + 1)),
            (Some(byte), _) if is_atom(byte) => Some(self.atom()),
            _ => {
                self.quoted = Quoted::Outside;
                None
            }
        }
    }

    fn unterminated(&mut self) -> Token {
        let start = self.at;
        let line = memchr::memchr(b'\n', &self.text[start..]).map_or(self.text.len(), |len| start + len);
        self.at = line;
        let quote = char::from(self.text[start]);
        let message = "this string is never closed";
        self.error(Span::new(start, start + 1), message, &format!("close it with {quote}"));
        self.next_after_error(start)
    }

    fn next_after_error(&mut self, start: usize) -> Token {
        // The file is refused already; an empty piece keeps the grammar from finding a second fault here.
        let joined = std::mem::replace(&mut self.in_string, true);
        let whole = Span::new(start, self.at.max(start));
        Token { kind: Kind::Text { joined }, content: Span::at(start), whole }
    }

    fn variable(&mut self, quoted: bool) -> Token {
        let start = self.at;
        let rest = &self.text[start + 1..];
        let (content, end) = match rest.first() {
            Some(b'{') => match self.closing_brace(start + 2, quoted) {
                Some(close) => (Span::new(start + 2, close), close + 1),
                None => {
                    let stop = |byte: &u8| matches!(byte, b'\n' | b'{' | b'}') || (quoted && *byte == b'"');
                    let len = self.text[start + 2..].iter().take_while(|byte| !stop(byte)).count();
                    self.at = start + 2 + len;
                    self.error(Span::new(start, start + 2), "this variable is never closed", "close it with }");
                    return self.next_after_error(start);
                }
            },
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => {
                let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                (Span::new(start + 1, start + 1 + len), start + 1 + len)
            }
            _ => return self.piece(start, start + 1, start + 1),
        };
        self.at = end;
        let joined = std::mem::replace(&mut self.in_string, true);
        Token { kind: Kind::Var { joined }, content, whole: Span::new(start, end) }
    }

    /// The brace that closes a variable's name: the last one that can. A name goes on past a brace, a quote or a
    /// line's end that a backslash stands before, whatever stands before the backslash; but where more follows on the
    /// line behind an escaped brace and no other closes the name, jail(8) finds it never closed.
    fn closing_brace(&self, from: usize, quoted: bool) -> Option<usize> {
        let mut candidate = None;
        let mut escaped = false;
        let mut line_end = None;
        let mut at = from;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'}' if escaped => candidate = Some(at),
                b'}' => return Some(at),
                b'\n' | b'{' if !escaped => break,
                b'"' if quoted && !escaped => break,
                b'\n' => line_end = line_end.or(Some(at)),
                _ => {}
            }
            escaped = byte == b'\\';
            at += 1;
        }
        candidate.filter(|&close| line_end.unwrap_or(at) <= close + 1)
    }
}

/// The first `wanted` at or behind `from` that no backslash escapes.
fn closing(text: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memchr::memchr2(wanted, b'\\', text.get(at..)?)?;
        if text[found] == wanted {
            return Some(found);
        }
        at = found + 2;
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// What a bare piece of text is made of, looked up: the scanner asks for most bytes of a file.
fn is_atom(byte: u8) -> bool {
    ATOM[byte as usize]
}

static ATOM: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = belongs_to_atom(byte as u8);
        byte += 1;
    }
    table
};

const fn belongs_to_atom(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'!' | b'%' | b'&' | b'(' | b')' | b'-' | b'.' | b':'
        | b'<' | b'>' | b'?' | b'@' | b'[' | b']' | b'^' | b'`' | b'|' | b'~')
}

/// The bytes a piece of text stands for, its escapes undone. As in jail(8), a NUL ends it.
pub(super) fn decode_into(piece: &[u8], into: &mut Vec<u8>) {
    let start = into.len();
    let mut rest = piece;
    while let Some(backslash) = memchr::memchr(b'\\', rest) {
        into.extend_from_slice(&rest[..backslash]);
        rest = unescape(&rest[backslash + 1..], into);
    }
    into.extend_from_slice(rest);
    if let Some(nul) = memchr::memchr(0, &into[start..]) {
        into.truncate(start + nul);
    }
}

/// Undoes the escape behind a backslash; what is left behind it.
fn unescape<'a>(rest: &'a [u8], into: &mut Vec<u8>) -> &'a [u8] {
    let Some((&first, after)) = rest.split_first() else {
        into.push(0);
        return rest;
    };
    let digits = |text: &[u8], most: usize, radix: u32| {
        text.iter().take(most).take_while(|&&byte| char::from(byte).is_digit(radix)).count()
    };
    let number = |text: &[u8], radix: u32| {
        let digit = |&byte: &u8| char::from(byte).to_digit(radix).unwrap_or(0);
        // Three octal digits may be over 255; a byte keeps the low bits.
        text.iter().fold(0u32, |sum, byte| sum * radix + digit(byte)) as u8
    };
    match first {
        b'0'..=b'7' => {
            let len = digits(rest, 3, 8);
            into.push(number(&rest[..len], 8));
            return &rest[len..];
        }
        b'x' => {
            let len = digits(after, 2, 16);
            into.push(number(&after[..len], 16));
            return &after[len..];
        }
        b'\n' => {}
        b'a' => into.push(7),
        b'b' => into.push(8),
        b'f' => into.push(12),
        b'n' => into.push(b'\n'),
        b'r' => into.push(b'\r'),
        b't' => into.push(b'\t'),
        b'v' => into.push(11),
        other => into.push(other),
    }
    after
}
