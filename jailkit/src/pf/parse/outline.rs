//! The statements of a pf.conf and the sections they belong to, told without interfaces and without other files.
//!
//! The tokens are those that the whole grammar reads, so both agree on where a statement begins and ends.

use std::collections::HashSet;
use std::ops::Range;

use super::lex::{Fault, Lexer, Token};
use crate::source::{Diagnostic, Source, Span, nearest, printable};

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

impl Section {
    /// The section that a rule belongs to by the word it begins with; none where that is no rule of a section.
    ///
    /// # Example
    /// ```
    /// use jailkit::pf::Section;
    /// assert_eq!(Section::of("no nat on igb0"), Some(Section::Translation));
    /// assert_eq!(Section::of("table <bad>"), None);
    /// ```
    pub fn of(rule: &str) -> Option<Self> {
        let mut words = rule.split_whitespace();
        let first = words.next()?;
        let word = if first == "no" { words.next()? } else { first };
        FIRST_WORDS.iter().find(|(name, _)| *name == word).and_then(|(_, section)| *section)
    }
}

/// A statement of a file, with all that stands between its braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pf) struct Statement {
    /// From its first token to the end of its last.
    pub(in crate::pf) span: Range<usize>,
    /// Behind the newline that ends it, which may be that of a comment; the end of the text for the last.
    pub(in crate::pf) end: usize,
    pub(in crate::pf) kind: Kind,
    /// The quoted strings in it that go over several lines.
    pub(in crate::pf) long_strings: Vec<Range<usize>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pf) enum Kind {
    /// A macro with its value, and where that stands.
    Macro { name: Vec<u8>, value: Vec<u8>, place: Range<usize> },
    /// `set`, with the name of the option, and a second word where there is one.
    Option { name: Vec<u8>, argument: Vec<u8> },
    /// A rule of any other section.
    Rule(Section),
    /// A table, with its name.
    Table(Vec<u8>),
    /// Includes and loads stand in any section, too.
    Anywhere,
}

impl Statement {
    pub(in crate::pf) fn section(&self) -> Option<Section> {
        match self.kind {
            Kind::Option { .. } => Some(Section::Options),
            Kind::Rule(section) => Some(section),
            Kind::Macro { .. } | Kind::Table(_) | Kind::Anywhere => None,
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
    ("set", Some(Section::Options)),
    ("table", None),
];

/// The options that have to come before all rules; pfctl takes the others anywhere.
const ORDERED_OPTIONS: &[&[u8]] = &[
    b"block-policy",
    b"debug",
    b"fail-policy",
    b"fingerprints",
    b"limit",
    b"loginterface",
    b"optimization",
    b"reassemble",
    b"timeout",
];

/// After how many faults a file is read no further.
const MOST_FAULTS: usize = 1000;

/// The statements of a file, and what is wrong with it.
pub(in crate::pf) fn outline(source: &Source) -> (Vec<Statement>, Vec<Diagnostic>) {
    let mut outliner = Outliner {
        source,
        lexer: Lexer::new(source.clone()),
        found: Vec::new(),
        section: Section::Options,
        ordered: true,
        whole: true,
    };
    let mut statements = Vec::new();
    // Macros in macros can make very many faults of few bytes.
    while outliner.found.len() < MOST_FAULTS {
        outliner.lexer.advance();
        match outliner.lexer.token {
            Token::End => break,
            Token::Newline => {}
            _ => statements.extend(outliner.statement()),
        }
    }
    outliner.found.sort_by_key(|one| one.span);
    (statements, outliner.found)
}

/// The macros that a file uses.
pub(in crate::pf) fn macros_used(source: &Source) -> HashSet<Vec<u8>> {
    let mut lexer = Lexer::new(source.clone());
    let mut used = HashSet::new();
    loop {
        lexer.advance();
        if lexer.token == Token::End {
            return used;
        }
        // None is defined here, so each is told of.
        if let Some(Fault::UnknownMacro(name)) = lexer.fault.take() {
            used.insert(name);
        }
    }
}

/// The tokens of a part of a file, as spans of the whole; quotes are those of the file.
pub(in crate::pf) fn tokens(source: &Source, part: Range<usize>) -> Vec<Range<usize>> {
    let mut lexer = Lexer::new(Source::new(source.name(), &source.text()[part.clone()]));
    let mut spans = Vec::new();
    loop {
        lexer.advance();
        match lexer.token {
            Token::End => return spans,
            Token::Newline => {}
            _ => {
                let span = lexer.origin.span;
                spans.push(part.start + span.start()..part.start + span.end());
            }
        }
    }
}

struct Outliner<'a> {
    source: &'a Source,
    lexer: Lexer,
    found: Vec<Diagnostic>,
    /// The section of the statement before.
    section: Section,
    ordered: bool,
    /// Whether all that counts is in this file: none is included so far.
    whole: bool,
}

/// A token with its bytes.
struct Part {
    token: Token,
    text: Vec<u8>,
    span: Range<usize>,
}

impl Outliner<'_> {
    fn error(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let index = self.found.len();
        self.found.push(Diagnostic::error(self.source, Span::new(span.start, span.end), message));
        &mut self.found[index]
    }

    fn span(&self) -> Range<usize> {
        self.lexer.origin.span.range()
    }

    /// The statement that the token begins, up to the newline that is in no braces.
    fn statement(&mut self) -> Option<Statement> {
        let start = self.span().start;
        let mut span = start..start;
        let mut head: Vec<Part> = Vec::new();
        let mut open = Vec::new();
        let mut long_strings = Vec::new();
        let end = loop {
            let own = self.span();
            match self.lexer.token {
                Token::End => break self.source.text().len(),
                Token::Newline if open.is_empty() => break self.lexer.here(),
                Token::Newline => {}
                token => {
                    match token {
                        Token::Sign(b'{') => open.push(own.clone()),
                        Token::Sign(b'}') if open.pop().is_none() => {
                            self.error(own.clone(), "this } closes nothing");
                        }
                        Token::Fault => self.fault(own.clone()),
                        _ => {}
                    }
                    if self.source.text()[own.clone()].contains(&b'\n') {
                        long_strings.push(own.clone());
                    }
                    span.end = span.end.max(own.end);
                    // Of a macro the whole value is wanted, of others what the statement begins with.
                    if head.len() < 4 || head.get(1).is_some_and(|second| second.token == Token::Sign(b'=')) {
                        head.push(Part { token, text: std::mem::take(&mut self.lexer.text), span: own });
                    }
                }
            }
            self.lexer.advance();
        };
        for brace in open {
            self.error(brace, "this { is never closed");
        }
        let kind = self.kind(&head)?;
        self.check_order(&head, &kind, &span);
        Some(Statement { span, end, kind, long_strings })
    }

    fn fault(&mut self, span: Range<usize>) {
        match self.lexer.fault.take() {
            // A file that is included may define it.
            Some(Fault::UnknownMacro(name)) if self.whole => {
                self.error(span, format!("macro '{}' is not defined", printable(&name)));
            }
            Some(Fault::OpenString) => {
                self.error(span.start..span.start + 1, "this string is never closed");
            }
            _ => {}
        }
    }

    fn kind(&mut self, head: &[Part]) -> Option<Kind> {
        let text = |index: usize| head.get(index).map_or(&b""[..], |part| &part.text);
        let first = head.first()?;
        if first.token == Token::Word && head.get(1).is_some_and(|second| second.token == Token::Sign(b'=')) {
            return Some(self.set_macro(head));
        }
        let word = if text(0) == b"no" { text(1) } else { text(0) };
        let known = FIRST_WORDS.iter().find(|(name, _)| name.as_bytes() == word);
        match known.filter(|_| first.token == Token::Keyword) {
            Some((_, Some(Section::Options))) => {
                Some(Kind::Option { name: text(1).to_vec(), argument: text(2).to_vec() })
            }
            Some((_, Some(section))) => Some(Kind::Rule(*section)),
            Some(("table", None)) => Some(Kind::Table(text(2).to_vec())),
            Some((word, None)) => {
                self.whole &= *word != "include";
                Some(Kind::Anywhere)
            }
            None if first.token == Token::Fault => None,
            None => {
                let shown = printable(&self.source.text()[first.span.clone()]);
                let near = nearest(&shown, FIRST_WORDS.iter().map(|(name, _)| *name));
                let help = near.map(|near| format!("did you mean '{near}'?"));
                self.error(first.span.clone(), format!("'{shown}' begins no statement of pf.conf")).help = help;
                None
            }
        }
    }

    fn set_macro(&mut self, head: &[Part]) -> Kind {
        let values = head.get(2..).unwrap_or_default();
        let behind = head[1].span.end;
        let place =
            values.first().map_or(behind, |first| first.span.start)..values.last().map_or(behind, |last| last.span.end);
        let words: Vec<_> = values
            .iter()
            .map(|part| match part.token {
                Token::Number(number) => number.to_string().into_bytes(),
                _ => part.text.clone(),
            })
            .collect();
        let (name, value) = (head[0].text.clone(), words.join(&b' '));
        self.lexer.define(name.clone(), value.clone());
        Kind::Macro { name, value, place }
    }

    /// Sections come in order, unless `set require-order no` waives it.
    fn check_order(&mut self, head: &[Part], kind: &Kind, span: &Range<usize>) {
        let section = match kind {
            Kind::Option { name, argument } if name == b"require-order" => {
                self.ordered = argument != b"no";
                return;
            }
            Kind::Option { name, .. } if !ORDERED_OPTIONS.contains(&name.as_slice()) => return,
            Kind::Option { .. } => Section::Options,
            Kind::Rule(section) => *section,
            Kind::Macro { .. } | Kind::Table(_) | Kind::Anywhere => return,
        };
        if self.ordered && self.whole && self.section > section {
            let message = "rules must be in order: options, ether, normalization, queueing, translation, filtering";
            let first = head.first().map_or(span.clone(), |first| first.span.start..span.end);
            self.error(first, message);
            return;
        }
        self.section = section;
    }
}
