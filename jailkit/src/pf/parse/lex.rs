//! Words, numbers and signs, as pfctl's own lexer cuts them: joined lines, comments, quotes and macros are gone.

use std::collections::HashMap;
use std::sync::Arc;

use crate::pf::rule::Origin;
use crate::source::{Source, Span};

/// What a token is. Its bytes are in [`Lexer::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word of the language.
    Keyword,
    /// Any other word, or a quoted string.
    Word,
    /// A whole number.
    Number(i64),
    /// The end of a line.
    Newline,
    /// The end of the last file.
    End,
    /// `->`
    Arrow,
    /// `><`
    Inside,
    /// `<>`
    Outside,
    /// One character.
    Sign(u8),
    /// Something that [`Lexer::fault`] tells of.
    Fault,
}

/// What the lexer could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    UnknownMacro(Vec<u8>),
    OpenString,
    BigNumber,
    LongString,
    Nul,
    LongMacros,
}

struct File {
    source: Source,
    index: u32,
    at: usize,
}

/// The value of a macro that is being read in its place.
struct Expansion {
    value: Arc<[u8]>,
    at: usize,
    span: Span,
}

pub(super) struct Lexer {
    files: Vec<File>,
    expansion: Option<Expansion>,
    macros: HashMap<Vec<u8>, Arc<[u8]>>,
    pub(super) token: Token,
    pub(super) text: Vec<u8>,
    pub(super) origin: Origin,
    pub(super) fault: Option<Fault>,
    /// A newline to be given before anything else is read: the one behind an `include`.
    pending_newline: bool,
    /// How much was read from macros.
    expanded: usize,
}

const LONGEST: usize = 8095;
/// So much text may be read from macros, all places where they are used taken together.
const MAX_EXPANDED: usize = 1 << 24;

impl Lexer {
    pub(super) fn new(source: Source) -> Self {
        let origin = Origin { source: 0, span: Span::at(0) };
        Self {
            files: vec![File { source, index: 0, at: 0 }],
            expansion: None,
            macros: HashMap::new(),
            token: Token::Newline,
            text: Vec::new(),
            origin,
            fault: None,
            pending_newline: false,
            expanded: 0,
        }
    }

    /// How deep files include each other here.
    pub(super) fn depth(&self) -> usize {
        self.files.len()
    }

    /// Whether a file is being read already.
    pub(super) fn is_open(&self, source: &Source) -> bool {
        self.files.iter().any(|file| file.source.name() == source.name())
    }

    /// Reads on in another file, from the next token on.
    pub(super) fn include(&mut self, source: Source, index: u32) {
        self.files.push(File { source, index, at: 0 });
        self.pending_newline = true;
    }

    pub(super) fn define(&mut self, name: Vec<u8>, value: Vec<u8>) {
        self.macros.insert(name, value.into());
    }

    /// Drops the rest of the line, as pfctl does after what it cannot read.
    pub(super) fn skip_line(&mut self) {
        self.expansion = None;
        while let Some(byte) = self.next_byte() {
            if byte == b'\n' {
                break;
            }
        }
        self.token = Token::Newline;
    }

    /// The next character, joined lines read as one; the files that end are closed.
    fn next_byte(&mut self) -> Option<u8> {
        if let Some(expansion) = &mut self.expansion {
            if let Some(&byte) = expansion.value.get(expansion.at) {
                expansion.at += 1;
                return Some(byte);
            }
            self.expansion = None;
        }
        loop {
            let files = self.files.len();
            let file = self.files.last_mut()?;
            let text = file.source.text();
            match text[file.at..] {
                [b'\\', b'\n', ..] => file.at += 2,
                [b'\\'] => file.at += 1,
                [b'\\', byte, ..] => {
                    file.at += 2;
                    return Some(byte);
                }
                [byte, ..] => {
                    file.at += 1;
                    return Some(byte);
                }
                [] if files > 1 => {
                    self.files.pop();
                }
                [] => return None,
            }
        }
    }

    fn peek_byte(&mut self) -> Option<u8> {
        let state = self.mark();
        let byte = self.next_byte();
        // A file that ended stays closed: nothing is left in it.
        self.reset(state);
        byte
    }

    /// Where the reader stands: how many files, the place in the last, the place in the macro.
    fn mark(&self) -> (usize, usize, Option<usize>) {
        let at = self.files.last().map_or(0, |file| file.at);
        (self.files.len(), at, self.expansion.as_ref().map(|expansion| expansion.at))
    }

    fn reset(&mut self, (files, at, expansion): (usize, usize, Option<usize>)) {
        if let (Some(own), Some(at)) = (&mut self.expansion, expansion) {
            own.at = at;
        } else if self.files.len() == files {
            if let Some(file) = self.files.last_mut() {
                file.at = at;
            }
        } else if let Some(file) = self.files.last_mut() {
            // The byte came from the file below: give it back there.
            file.at = file.at.saturating_sub(1);
        }
    }

    pub(super) fn advance(&mut self) {
        self.text.clear();
        self.fault = None;
        if std::mem::take(&mut self.pending_newline) {
            self.token = Token::Newline;
            return;
        }
        self.token = self.read();
    }

    fn fail(&mut self, fault: Fault) -> Token {
        self.fault = Some(fault);
        Token::Fault
    }

    pub(super) fn here(&self) -> usize {
        self.files.last().map_or(0, |file| file.at)
    }

    fn mark_start(&mut self) {
        let at = self.here();
        let source = self.files.last().map_or(0, |file| file.index);
        let span = match &self.expansion {
            Some(expansion) if expansion.at < expansion.value.len() => expansion.span,
            _ => Span::at(at),
        };
        self.origin = Origin { source, span };
    }

    fn mark_end(&mut self) {
        let (start, end) = (self.origin.span.start(), self.here());
        let same = self.files.last().is_some_and(|file| file.index == self.origin.source);
        if self.expansion.is_none() && same && end > self.origin.span.end() {
            self.origin.span = Span::new(start, end);
        }
    }

    fn read(&mut self) -> Token {
        loop {
            self.mark_start();
            let Some(byte) = self.next_byte() else { return Token::End };
            match byte {
                b' ' | b'\t' | 0x0c => {}
                b'#' => {
                    let end = loop {
                        match self.next_byte() {
                            None => break Token::End,
                            Some(b'\n') => break Token::Newline,
                            Some(_) => {}
                        }
                    };
                    return end;
                }
                b'$' if self.expansion.is_none() => {
                    if let Some(fault) = self.expand_macro() {
                        return fault;
                    }
                }
                byte => {
                    let token = self.token_from(byte);
                    self.mark_end();
                    return token;
                }
            }
        }
    }

    fn expand_macro(&mut self) -> Option<Token> {
        let mut name = Vec::new();
        while let Some(byte) = self.peek_byte().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            self.next_byte();
            name.push(byte);
        }
        self.mark_end();
        let span = self.origin.span;
        match self.macros.get(&name) {
            Some(value) => {
                self.expanded += value.len();
                if self.expanded > MAX_EXPANDED {
                    return Some(self.fail(Fault::LongMacros));
                }
                self.expansion = Some(Expansion { value: value.clone(), at: 0, span });
                None
            }
            None => Some(self.fail(Fault::UnknownMacro(name))),
        }
    }

    fn token_from(&mut self, byte: u8) -> Token {
        match byte {
            b'\n' => Token::Newline,
            b'"' | b'\'' => self.string(byte),
            b'<' if self.peek_byte() == Some(b'>') => {
                self.next_byte();
                Token::Outside
            }
            b'>' if self.peek_byte() == Some(b'<') => {
                self.next_byte();
                Token::Inside
            }
            b'-' if self.peek_byte() == Some(b'>') => {
                self.next_byte();
                Token::Arrow
            }
            b'-' | b'0'..=b'9' => self.number(byte),
            byte if byte.is_ascii_alphabetic() || byte == b':' || byte == b'_' => self.word(byte),
            byte => Token::Sign(byte),
        }
    }

    fn number(&mut self, first: u8) -> Token {
        self.text.push(first);
        let mut next = self.peek_byte();
        while let Some(digit) = next.filter(u8::is_ascii_digit) {
            self.next_byte();
            self.text.push(digit);
            if self.text.len() > LONGEST {
                return self.fail(Fault::LongString);
            }
            next = self.peek_byte();
        }
        if self.text == b"-" {
            return Token::Sign(b'-');
        }
        let ends = |byte: u8| byte.is_ascii_whitespace() || byte == 0x0b || b"),/}=".contains(&byte);
        if next.is_none_or(ends) {
            let number = std::str::from_utf8(&self.text).ok().and_then(|text| text.parse().ok());
            return number.map_or_else(|| self.fail(Fault::BigNumber), Token::Number);
        }
        if first == b'-' {
            // pfctl gives the digits back and takes the sign alone.
            let digits = self.text.len() - 1;
            for _ in 0..digits {
                self.step_back();
            }
            self.text.truncate(1);
            return Token::Sign(b'-');
        }
        self.rest_of_word()
    }

    fn step_back(&mut self) {
        if let Some(expansion) = &mut self.expansion {
            expansion.at = expansion.at.saturating_sub(1);
        } else if let Some(file) = self.files.last_mut() {
            file.at = file.at.saturating_sub(1);
        }
    }

    fn word(&mut self, first: u8) -> Token {
        self.text.push(first);
        self.rest_of_word()
    }

    fn rest_of_word(&mut self) -> Token {
        let part =
            |byte: &u8| byte.is_ascii_alphanumeric() || byte.is_ascii_punctuation() && !b"(){}<>!=/#,".contains(byte);
        while let Some(byte) = self.peek_byte().filter(part) {
            self.next_byte();
            self.text.push(byte);
            if self.text.len() > LONGEST {
                return self.fail(Fault::LongString);
            }
        }
        if super::keywords::is_keyword(&self.text) { Token::Keyword } else { Token::Word }
    }

    /// A byte as it stands: within quotes a backslash joins nothing by itself.
    fn raw_byte(&mut self) -> Option<u8> {
        if self.expansion.is_some() {
            return self.next_byte();
        }
        let file = self.files.last_mut()?;
        let byte = *file.source.text().get(file.at)?;
        file.at += 1;
        Some(byte)
    }

    fn string(&mut self, quote: u8) -> Token {
        loop {
            let Some(byte) = self.raw_byte() else { return self.fail(Fault::OpenString) };
            match byte {
                b'\n' => continue,
                b'\\' => {
                    let Some(next) = self.raw_byte() else { return self.fail(Fault::OpenString) };
                    match next {
                        b'\n' => continue,
                        b' ' | b'\t' => self.text.push(next),
                        next if next == quote => self.text.push(next),
                        _ => {
                            self.text.push(b'\\');
                            self.step_back();
                        }
                    }
                }
                byte if byte == quote => return Token::Word,
                0 => return self.fail(Fault::Nul),
                byte => self.text.push(byte),
            }
            if self.text.len() > LONGEST {
                return self.fail(Fault::LongString);
            }
        }
    }
}
