//! Reading a TOML table key by key: what is missing, misspelt or of the wrong type becomes a finding with its place.

use std::cell::RefCell;
use std::str::FromStr;
use std::time::Duration;

use toml_edit::{Item, TableLike, Value};

use crate::source::{Diagnostic, Source, Span, nearest};

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// Where findings of one file are gathered.
pub(super) struct Findings {
    pub(super) source: Source,
    found: RefCell<Vec<Diagnostic>>,
}

impl Findings {
    pub(super) fn new(source: &Source) -> Self {
        Self { source: source.clone(), found: RefCell::default() }
    }

    pub(super) fn push(&self, found: Diagnostic) {
        self.found.borrow_mut().push(found);
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>) {
        self.push(Diagnostic::error(&self.source, span, message));
    }

    pub(super) fn into_vec(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }
}

/// One table while it is read. Each key that is asked for is known; [`Keys::finish`] refuses the others.
pub(super) struct Keys<'a> {
    findings: &'a Findings,
    table: &'a dyn TableLike,
    /// The table's name in messages, `host.loopback`; empty for the file itself.
    name: String,
    span: Span,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Keys<'a> {
    pub(super) fn of_file(findings: &'a Findings, table: &'a dyn TableLike) -> Self {
        Self { findings, table, name: String::new(), span: Span::at(0), known: RefCell::default() }
    }

    fn nested(&self, table: &'a dyn TableLike, name: String, span: Span) -> Self {
        Keys { findings: self.findings, table, name, span, known: RefCell::default() }
    }

    fn item(&self, key: &'static str) -> Option<(&'a Item, Span)> {
        self.known.borrow_mut().push(key);
        self.table.get_key_value(key).map(|(key, item)| (item, span_of(item.span().or_else(|| key.span()))))
    }

    /// Where the table stands.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the value of a key stands; where the table does, for a key that is not there.
    pub(super) fn span_of(&self, key: &str) -> Span {
        let value = self.table.get_key_value(key).and_then(|(key, item)| item.span().or_else(|| key.span()));
        value.map_or(self.span, |range| Span::new(range.start, range.end))
    }

    fn path_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Says that a key must be there and is not; silent where it is there and has been found wrong.
    pub(super) fn missing(&self, key: &str, example: &str) {
        if self.table.contains_key(key) {
            return;
        }
        let message = format!("'{}' is missing", self.path_of(key));
        self.findings.push(
            Diagnostic::error(&self.findings.source, self.span, message).with_help(format!("add {key} = {example}")),
        );
    }

    fn wrong(&self, key: &str, span: Span, expected: &str) {
        self.findings.error(span, format!("'{}' must be {expected}", self.path_of(key)));
    }

    /// A value as it is, for a key of more than one type.
    pub(super) fn value(&self, key: &'static str) -> Option<Spanned<&'a Item>> {
        self.item(key).map(|(value, span)| Spanned { value, span })
    }

    pub(super) fn string(&self, key: &'static str) -> Option<Spanned<&'a str>> {
        let (item, span) = self.item(key)?;
        match item.as_str() {
            Some("") => self.wrong(key, span, "a string that is not empty"),
            Some(value) if value.contains(['\0', '\n', '\r']) => self.wrong(key, span, "a string on one line"),
            Some(value) => return Some(Spanned { value, span }),
            None => self.wrong(key, span, "a string"),
        }
        None
    }

    /// A string that `T` is read from; `expected` says of what form.
    pub(super) fn parsed<T: FromStr>(&self, key: &'static str, expected: &str) -> Option<Spanned<T>> {
        let Spanned { value, span } = self.string(key)?;
        let Ok(value) = value.parse() else {
            self.wrong(key, span, expected);
            return None;
        };
        Some(Spanned { value, span })
    }

    pub(super) fn bool(&self, key: &'static str) -> Option<bool> {
        let (item, span) = self.item(key)?;
        let value = item.as_bool();
        if value.is_none() {
            self.wrong(key, span, "true or false");
        }
        value
    }

    /// A port number, 1 to 65535.
    pub(super) fn port(&self, key: &'static str) -> Option<Spanned<u16>> {
        let (item, span) = self.item(key)?;
        self.port_of(key, item.as_value(), span)
    }

    fn port_of(&self, key: &str, value: Option<&Value>, span: Span) -> Option<Spanned<u16>> {
        let port = value.and_then(Value::as_integer).and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0);
        if port.is_none() {
            self.wrong(key, span, "a port from 1 to 65535");
        }
        port.map(|value| Spanned { value, span })
    }

    /// A number of seconds, from one to a day.
    pub(super) fn seconds(&self, key: &'static str) -> Option<Duration> {
        let (item, span) = self.item(key)?;
        let seconds = item.as_integer().and_then(|seconds| u64::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| (1..=86400).contains(seconds));
        if seconds.is_none() {
            self.wrong(key, span, "a number of seconds, from 1 to 86400");
        }
        seconds.map(Duration::from_secs)
    }

    pub(super) fn ports(&self, key: &'static str) -> Vec<Spanned<u16>> {
        self.array(key, "an array of ports", |value, span| self.port_of(key, Some(value), span))
    }

    pub(super) fn strings(&self, key: &'static str) -> Vec<Spanned<&'a str>> {
        self.array(key, "an array of strings", |value, span| {
            let text = value.as_str();
            if text.is_none() {
                self.wrong(key, span, "an array of strings");
            }
            text.map(|value| Spanned { value, span })
        })
    }

    fn array<T>(&self, key: &'static str, expected: &str, read: impl Fn(&'a Value, Span) -> Option<T>) -> Vec<T> {
        let Some((item, span)) = self.item(key) else { return Vec::new() };
        let Some(array) = item.as_array() else {
            self.wrong(key, span, expected);
            return Vec::new();
        };
        array.iter().filter_map(|value| read(value, span_of(value.span()))).collect()
    }

    /// The table under a key.
    pub(super) fn table(&self, key: &'static str) -> Option<Self> {
        let (item, span) = self.item(key)?;
        let Some(table) = item.as_table_like() else {
            self.wrong(key, span, "a table");
            return None;
        };
        Some(self.nested(table, self.path_of(key), span))
    }

    /// The tables under a key, each with the name it has there: `[jails.NAME]`.
    pub(super) fn named_tables(&self, key: &'static str) -> Vec<(Spanned<String>, Self)> {
        let Some(parent) = self.table(key) else { return Vec::new() };
        let mut tables = Vec::new();
        for (name, item) in parent.table.iter() {
            let span = span_of(parent.table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span()));
            match item.as_table_like() {
                Some(table) => {
                    let keys = self.nested(table, parent.path_of(name), span);
                    tables.push((Spanned { value: name.to_owned(), span }, keys));
                }
                None => self.findings.error(span, format!("'{}' must be a table", parent.path_of(name))),
            }
        }
        tables
    }

    /// The tables of an array under a key: `[[shared]]`, or `[{...}, {...}]`.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Self> {
        let Some((item, span)) = self.item(key) else { return Vec::new() };
        if let Some(array) = item.as_array_of_tables() {
            return array.iter().map(|table| self.nested(table, self.path_of(key), span_of(table.span()))).collect();
        }
        let Some(array) = item.as_array() else {
            self.wrong(key, span, "an array of tables");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for value in array {
            let span = span_of(value.span());
            match value.as_inline_table() {
                Some(table) => tables.push(self.nested(table, self.path_of(key), span)),
                None => self.wrong(key, span, "an array of tables"),
            }
        }
        tables
    }

    /// Every key of the table with its value, for tables of free keys; none of them is refused then.
    pub(super) fn entries(&self) -> Vec<(Spanned<&'a str>, &'a Item)> {
        let place =
            |key: &str, item: &Item| span_of(self.table.key(key).and_then(toml_edit::Key::span).or(item.span()));
        self.table.iter().map(|(key, item)| (Spanned { value: key, span: place(key, item) }, item)).collect()
    }

    /// Refuses every key that nobody asked for, with the nearest that somebody did.
    pub(super) fn finish(self) {
        let known = self.known.take();
        for (key, _) in self.entries() {
            if known.contains(&key.value) {
                continue;
            }
            let message = format!("unknown key '{}'", self.path_of(key.value));
            let found = Diagnostic::error(&self.findings.source, key.span, message);
            self.findings.push(match nearest(key.value, known.iter().copied()) {
                Some(name) => found.with_help(format!("did you mean '{name}'?")),
                None => found.with_help(format!("known here: {}", known.join(", "))),
            });
        }
    }
}

pub(super) fn span_of(range: Option<std::ops::Range<usize>>) -> Span {
    range.map_or_else(Span::default, |range| Span::new(range.start, range.end))
}
