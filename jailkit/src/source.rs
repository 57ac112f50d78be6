//! Source texts, spans in them, and the diagnostics that point there.
//!
//! Every parser of jailkit reads a [`Source`] and reports with [`Diagnostic`]s, so that one renderer serves all of
//! them and a diagnostic can be printed long after the parser is gone: it holds the text it points into.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A file's bytes and the name it is reported by. Cloning shares both.
///
/// # Example
/// ```
/// use jailkit::source::{Source, Span};
/// let source = Source::new("jail.conf", "www {\n  pth = /;\n}\n");
/// let span = Span::new(8, 11);
/// assert_eq!(source.slice(span), b"pth");
/// assert_eq!(source.position(span.start()).to_string(), "2:3");
/// ```
#[derive(Clone)]
pub struct Source {
    inner: Arc<Inner>,
}

struct Inner {
    name: Box<Path>,
    text: Box<[u8]>,
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    /// The longest text a source holds, in bytes: offsets are 32 bits wide.
    pub const MAX_LEN: usize = u32::MAX as usize - 1;

    /// A source with the name that messages give it and its bytes. Bytes past [`Source::MAX_LEN`] are cut off;
    /// [`Source::read`] refuses such a file instead.
    pub fn new(name: impl AsRef<Path>, text: impl Into<Vec<u8>>) -> Self {
        let mut text = text.into();
        text.truncate(Self::MAX_LEN);
        Self {
            inner: Arc::new(Inner {
                name: name.as_ref().into(),
                text: text.into_boxed_slice(),
                line_starts: OnceLock::new(),
            }),
        }
    }

    /// Reads a file; its path is the name.
    ///
    /// # Errors
    /// What reading failed with; [`std::io::ErrorKind::FileTooLarge`] past [`Source::MAX_LEN`].
    pub fn read(path: impl AsRef<Path>) -> std::io::Result<Self> {
        let text = std::fs::read(path.as_ref())?;
        if text.len() > Self::MAX_LEN {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        Ok(Self::new(path, text))
    }

    /// The name messages give this source: mostly its path.
    pub fn name(&self) -> &Path {
        &self.inner.name
    }

    /// The whole text.
    pub fn text(&self) -> &[u8] {
        &self.inner.text
    }

    /// The bytes of `span`; the part of it that lies in the text, where it reaches past the end.
    pub fn slice(&self, span: Span) -> &[u8] {
        let len = self.text().len();
        &self.text()[span.start().min(len)..span.end().min(len)]
    }

    /// Line and column of a byte offset, both from 1.
    ///
    /// A column is a character of the line as a person counts them; a byte that is not UTF-8 counts as one.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text().len());
        let starts = self.line_starts();
        let line = starts.partition_point(|&start| start as usize <= offset);
        let start = starts[line - 1] as usize;
        let column = bstr::ByteSlice::chars(&self.text()[start..offset]).count() + 1;
        Position { line, column }
    }

    /// The bytes of a line counted from 1, without its line end; empty where there is no such line.
    pub fn line(&self, line: usize) -> &[u8] {
        let starts = self.line_starts();
        let Some(&start) = line.checked_sub(1).and_then(|index| starts.get(index)) else {
            return b"";
        };
        let rest = &self.text()[start as usize..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end])
    }

    fn line_starts(&self) -> &[u32] {
        self.inner.line_starts.get_or_init(|| {
            let newlines = memchr::memchr_iter(b'\n', self.text());
            std::iter::once(0).chain(newlines.map(|at| at as u32 + 1)).collect()
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name().display(), self.text().len())
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || (self.name() == other.name() && self.text() == other.text())
    }
}

impl Eq for Source {}

/// A range of bytes in a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From the offset of the first byte to the offset behind the last.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= Source::MAX_LEN);
        Self { start: start as u32, end: end as u32 }
    }

    /// An empty span: a place between two bytes.
    pub fn at(offset: usize) -> Self {
        Self::new(offset, offset)
    }

    /// Offset of the first byte.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Offset behind the last byte.
    pub fn end(self) -> usize {
        self.end as usize
    }

    /// The span as a range of indices.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start()..self.end()
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// Line and column, both from 1; printed as `line:column`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// How bad what a [`Diagnostic`] tells is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look; the file stands. `--strict` makes it an error.
    Warning,
    /// The file is refused.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding at one place of a source.
///
/// Displayed on one line as `file:line:column: error: message`; a terminal program renders the line with carets
/// from [`Diagnostic::source`] and [`Diagnostic::span`].
///
/// # Example
/// ```
/// use jailkit::source::{Diagnostic, Source, Span};
/// let source = Source::new("/etc/jail.conf", "www {\n  pth = /;\n}\n");
/// let found = Diagnostic::error(&source, Span::new(8, 11), "unknown parameter 'pth'").with_help("did you mean 'path'?");
/// assert_eq!(found.to_string(), "/etc/jail.conf:2:3: error: unknown parameter 'pth'");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What was found: lower case, no full stop.
    pub message: String,
    /// The text it was found in.
    pub source: Source,
    /// Where.
    pub span: Span,
    /// What to say at the carets, where that adds to the message.
    pub label: Option<String>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(source: &Source, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, source, span, message.into())
    }

    /// A warning at `span`.
    pub fn warning(source: &Source, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, source, span, message.into())
    }

    fn new(severity: Severity, source: &Source, span: Span, message: String) -> Self {
        Self { severity, message, source: source.clone(), span, label: None, help: None }
    }

    /// The same with words at the carets.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the first byte of the span.
    pub fn position(&self) -> Position {
        self.source.position(self.span.start())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, message, source, .. } = self;
        write!(f, "{}:{}: {severity}: {message}", source.name().display(), self.position())
    }
}

/// As an object `{severity, message, file, line, column, help}`.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let position = self.position();
        let mut object = serializer.serialize_struct("Diagnostic", 6)?;
        object.serialize_field("severity", &self.severity)?;
        object.serialize_field("message", &self.message)?;
        object.serialize_field("file", &self.source.name().to_string_lossy())?;
        object.serialize_field("line", &position.line)?;
        object.serialize_field("column", &position.column)?;
        object.serialize_field("help", &self.help)?;
        object.end()
    }
}

/// One or more [`Diagnostic`]s of one parse, at least one of them an error: what a parser fails with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// The findings as an error, if one of them is an error; else the warnings, as they are.
    ///
    /// # Errors
    /// The whole list, where it holds an error.
    pub fn check(found: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Self> {
        if found.iter().any(|one| one.severity == Severity::Error) { Err(Self(found)) } else { Ok(found) }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

impl std::ops::Deref for Diagnostics {
    type Target = [Diagnostic];
    fn deref(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            one.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// The name of `known` nearest to `word`, where one is near enough to be meant.
///
/// # Example
/// ```
/// use jailkit::source::nearest;
/// assert_eq!(nearest("hostnmae", ["hostname", "path"]), Some("hostname"));
/// assert_eq!(nearest("zzz", ["hostname", "path"]), None);
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let len = word.chars().count();
    let limit = (len / 3).max(1);
    known
        .into_iter()
        // Names whose lengths differ by more than that are further away, and a word may be as long as a file.
        .filter(|name| name.chars().count().abs_diff(len) <= limit)
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// Bytes as text that is safe to print: control characters become their pictures (`␛`), bytes that are not UTF-8 and
/// characters that reorder text become `�`; one character each, so that columns stay.
///
/// # Example
/// ```
/// assert_eq!(jailkit::source::printable(b"a\x1b[31m\xff"), "a\u{241b}[31m\u{fffd}");
/// ```
pub fn printable(bytes: &[u8]) -> String {
    let picture = |c: char| match c {
        '\t' => '\t',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        c => c,
    };
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().chars().map(picture));
        text.extend(std::iter::repeat_n('\u{fffd}', usize::from(!chunk.invalid().is_empty())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_stray_bytes() {
        let source = Source::new("f", b"a\n\xc3\xa4\xffx\n".to_vec());
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(2), Position { line: 2, column: 1 });
        assert_eq!(source.position(4), Position { line: 2, column: 2 });
        assert_eq!(source.position(5), Position { line: 2, column: 3 });
        assert_eq!(source.position(99), Position { line: 3, column: 1 });
    }

    #[test]
    fn a_line_comes_without_its_end() {
        let source = Source::new("f", "one\r\ntwo\n\nlast");
        let lines: Vec<_> = (0..6).map(|line| source.line(line)).collect();
        assert_eq!(lines, [&b""[..], b"one", b"two", b"", b"last", b""]);
    }

    #[test]
    fn diagnostics_fail_on_an_error_only() {
        let source = Source::new("f", "text");
        let warning = Diagnostic::warning(&source, Span::at(0), "odd");
        let error = Diagnostic::error(&source, Span::new(1, 2), "bad");
        assert_eq!(Diagnostics::check(vec![warning.clone()]), Ok(vec![warning.clone()]));
        let failed = Diagnostics::check(vec![warning, error]).unwrap_err();
        assert_eq!(failed.to_string(), "f:1:1: warning: odd\nf:1:2: error: bad");
    }
}
