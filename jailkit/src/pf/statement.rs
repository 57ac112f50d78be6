//! The statements of a pf.conf and the sections they belong to.

use std::collections::HashMap;
use std::ops::Range;

use bstr::ByteSlice;

use crate::source::{Diagnostic, Diagnostics, Source, Span, nearest, printable};

/// The sections of a pf.conf, in the order pfctl(8) wants them in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// `set`
    Options,
    /// `ether`
    Ether,
    /// `scrub`
    Normalization,
    /// `altq`, `queue`
    Queueing,
    /// `nat`, `rdr`, `binat`
    Translation,
    /// `pass`, `block`, `match`, `antispoof`, `anchor`
    Filtering,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Macro {
        name: Range<usize>,
        value: Range<usize>,
    },
    Rule(Section),
    /// Tables and includes stand in any section.
    Anywhere,
}

impl Statement {
    pub(super) fn section(&self) -> Option<Section> {
        match self.kind {
            Kind::Rule(section) => Some(section),
            Kind::Macro { .. } | Kind::Anywhere => None,
        }
    }
}

/// The words that statements begin with.
const FIRST_WORDS: &[(&str, Option<Section>)] = &[
    ("altq", Some(Section::Queueing)),
    ("anchor", Some(Section::Filtering)),
    ("antispoof", Some(Section::Filtering)),
    ("binat", Some(Section::Translation)),
    ("binat-anchor", Some(Section::Translation)),
    ("block", Some(Section::Filtering)),
    ("ether", Some(Section::Ether)),
    ("include", None),
    ("load", None),
    ("match", Some(Section::Filtering)),
    ("nat", Some(Section::Translation)),
    ("nat-anchor", Some(Section::Translation)),
    ("pass", Some(Section::Filtering)),
    ("queue", Some(Section::Queueing)),
    ("rdr", Some(Section::Translation)),
    ("rdr-anchor", Some(Section::Translation)),
    ("scrub", Some(Section::Normalization)),
    ("scrub-anchor", Some(Section::Normalization)),
    ("set", Some(Section::Options)),
    ("table", None),
];

pub(super) fn scan(source: &Source) -> Result<Vec<Statement>, Diagnostics> {
    let mut scanner = Scanner { source, text: source.text(), at: 0, macros: HashMap::new(), found: Vec::new() };
    let mut statements = Vec::new();
    while let Some(statement) = scanner.statement() {
        statements.push(statement);
    }
    scanner.check_order(&statements);
    let mut found = scanner.found;
    found.sort_by_key(|one| one.span);
    Diagnostics::check(found)?;
    Ok(statements)
}

struct Scanner<'a> {
    source: &'a Source,
    text: &'a [u8],
    at: usize,
    macros: HashMap<&'a [u8], &'a [u8]>,
    found: Vec<Diagnostic>,
}

impl<'a> Scanner<'a> {
    fn error(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let index = self.found.len();
        self.found.push(Diagnostic::error(self.source, Span::new(span.start, span.end), message));
        &mut self.found[index]
    }

    /// The next statement; none at the end of the file.
    fn statement(&mut self) -> Option<Statement> {
        loop {
            self.skip_blank(true);
            let start = self.at;
            if start >= self.text.len() {
                return None;
            }
            let (end, words) = self.words();
            if words.is_empty() {
                continue;
            }
            if let Some(kind) = self.classify(&words) {
                return Some(Statement { span: start..end, kind });
            }
        }
    }

    /// Skips blanks, joined lines and comments, and newlines where `newlines` says so.
    fn skip_blank(&mut self, newlines: bool) {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' if newlines => self.at += 1,
                b'\\' if self.line_is_joined() => self.skip_joint(),
                b'#' => self.skip_comment(),
                _ => return,
            }
        }
    }

    fn line_is_joined(&self) -> bool {
        matches!(self.text[self.at..], [b'\\', b'\n', ..] | [b'\\', b'\r', b'\n', ..])
    }

    fn skip_joint(&mut self) {
        self.at += if self.text[self.at + 1] == b'\n' { 2 } else { 3 };
    }

    /// A comment ends with its line; a backslash before the newline takes the next line in.
    fn skip_comment(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\n' => return,
                b'\\' if self.line_is_joined() => self.skip_joint(),
                _ => self.at += 1,
            }
        }
    }

    /// The words up to the end of the statement: the end of its line, but for lines within braces. And where the last
    /// of them ends.
    fn words(&mut self) -> (usize, Vec<Range<usize>>) {
        let mut words: Vec<Range<usize>> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut end = self.at;
        loop {
            self.skip_blank(!open.is_empty());
            let start = self.at;
            match self.text.get(start) {
                None | Some(b'\n') => break,
                Some(b'"' | b'\'') => self.string(),
                Some(b'{') => {
                    open.push(start);
                    self.at += 1;
                }
                Some(b'}') => {
                    if open.pop().is_none() {
                        self.error(start..start + 1, "this } closes nothing");
                    }
                    self.at += 1;
                }
                Some(b'=' | b',' | b'(' | b')' | b'!' | b'<' | b'>') => self.at += 1,
                Some(b'$') => self.use_macro(),
                Some(_) => {
                    let separator = |byte: &u8| byte.is_ascii_whitespace() || b"=,(){}\"'#\\<>!".contains(byte);
                    let len = self.text[start..].iter().take_while(|byte| !separator(byte)).count();
                    self.at += len.max(1);
                }
            }
            words.push(start..self.at);
            end = self.at;
        }
        for brace in open {
            self.error(brace..brace + 1, "this { is never closed");
        }
        (end, words)
    }

    fn string(&mut self) {
        let start = self.at;
        let quote = self.text[start];
        let rest = &self.text[start + 1..];
        let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let mut from = 0;
        let close = loop {
            match memchr::memchr(quote, &rest[from..]) {
                Some(found) if from + found > 0 && rest[from + found - 1] == b'\\' => from += found + 1,
                found => break found.map(|found| from + found),
            }
        };
        // pfctl lets a string go over lines only where a backslash joins them.
        let joined = |close: &usize| {
            *close <= line
                || rest[..*close]
                    .split(|&byte| byte == b'\n')
                    .rev()
                    .skip(1)
                    .all(|line| line.trim_ascii_end().ends_with(b"\\"))
        };
        match close.filter(joined) {
            Some(close) => self.at = start + 1 + close + 1,
            None => {
                self.error(start..start + 1, "this string is never closed");
                self.at = start + 1 + line;
            }
        }
    }

    fn use_macro(&mut self) {
        let start = self.at + 1;
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let len = self.text[start..].iter().take_while(|byte| word(byte)).count();
        self.at = start + len;
        let name = &self.text[start..start + len];
        if !self.macros.contains_key(name) {
            let message = format!("macro '{}' is not defined", printable(name));
            self.error(start - 1..start + len, message);
        }
    }

    fn classify(&mut self, words: &[Range<usize>]) -> Option<Kind> {
        let text = self.text;
        let word = |index: usize| words.get(index).map_or(&b""[..], |word| &text[word.clone()]);
        let first = words.first()?.clone();
        if word(1) == b"=" {
            let value = words.get(2).map_or(first.end..first.end, Clone::clone);
            let end = words.last().map_or(value.end, |last| last.end);
            self.macros.insert(word(0), &text[value.start..end]);
            return Some(Kind::Macro { name: first, value: value.start..end });
        }
        // A statement may begin with a macro: its value's first word counts.
        let spelled = word(0).strip_prefix(b"$").and_then(|name| self.macros.get(name)).map(|value| {
            let value = value.trim_start_with(|c| matches!(c, '"' | '\'' | ' ' | '\t'));
            let end = value.iter().position(|byte| byte.is_ascii_whitespace() || b"\"'".contains(byte));
            &value[..end.unwrap_or(value.len())]
        });
        let head = if word(0) == b"no" { word(1) } else { spelled.unwrap_or(word(0)) };
        let known = FIRST_WORDS.iter().find(|(name, _)| name.as_bytes() == head);
        match known {
            Some((_, Some(section))) => Some(Kind::Rule(*section)),
            Some((_, None)) => Some(Kind::Anywhere),
            None => {
                let shown = printable(word(0));
                let near = nearest(&shown, FIRST_WORDS.iter().map(|(name, _)| *name));
                let help = near.map(|near| format!("did you mean '{near}'?"));
                self.error(first, format!("'{shown}' begins no statement of pf.conf")).help = help;
                None
            }
        }
    }

    /// Sections come in order, unless `set require-order no` waives it.
    fn check_order(&mut self, statements: &[Statement]) {
        let waived =
            |found: &&Statement| super::words(&self.text[found.span.clone()]) == [&b"set"[..], b"require-order", b"no"];
        if statements.iter().any(|found| waived(&found)) {
            return;
        }
        let mut last = Section::Options;
        for statement in statements {
            match statement.section() {
                Some(section) if section < last => {
                    let message =
                        "rules must be in order: options, ether, normalization, queueing, translation, filtering";
                    self.error(statement.span.clone(), message);
                }
                Some(section) => last = section,
                None => {}
            }
        }
    }
}
