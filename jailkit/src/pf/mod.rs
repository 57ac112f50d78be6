//! pf.conf(5): the rules of the packet filter, as an administrator wrote them down.
//!
//! [`PfRules`] is the file statement by statement, byte for byte, with edits that land in the section where pfctl(8)
//! wants them. It knows which section a statement belongs to, the macros, and what holds a file together: quotes,
//! braces, the order of the sections, macros defined before they are used.
//!
//! # Example
//! ```
//! use jailkit::pf::{PfRules, Section};
//! use jailkit::source::Source;
//!
//! let text = "ext = \"igb0\"\nset skip on lo0\npass\n";
//! let mut rules = PfRules::parse(&Source::new("/etc/pf.conf", text))?;
//! rules.set_macro("jailnet", "10.0.0.0/24")?;
//! rules.insert(Section::Translation, "nat pass on $ext from $jailnet to any -> ($ext)")?;
//! assert_eq!(
//!     String::from_utf8_lossy(rules.text()),
//!     "ext = \"igb0\"\njailnet = \"10.0.0.0/24\"\nset skip on lo0\n\
//!      nat pass on $ext from $jailnet to any -> ($ext)\npass\n"
//! );
//! # Ok::<(), jailkit::source::Diagnostics>(())
//! ```

mod icmp;
mod interfaces;
mod netdb;
mod parse;
mod print;
pub mod reach;
pub mod rule;
mod statement;
mod timeouts;
pub mod trace;

use std::ops::Range;

use statement::{Kind, Statement};

use crate::source::{Diagnostics, Source};

pub use interfaces::{BadInterface, Interface, InterfaceAddress, Interfaces};
pub use parse::{Environment, Files, HostFiles, MAX_RULES, NoFiles};
pub use rule::{Rule, Ruleset};
pub use statement::Section;
pub use timeouts::TIMEOUTS;

/// A pf.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PfRules {
    source: Source,
    statements: Vec<Statement>,
}

impl PfRules {
    /// Reads a file.
    ///
    /// # Errors
    /// Every fault found: a quote or brace never closed, a statement that begins with no word pf.conf(5) knows,
    /// sections out of order, a macro used before it is defined.
    pub fn parse(source: &Source) -> Result<Self, Diagnostics> {
        Ok(Self { source: source.clone(), statements: statement::scan(source)? })
    }

    /// The file as it now is.
    pub fn text(&self) -> &[u8] {
        self.source.text()
    }

    /// The value of a macro, its quotes taken off; the last definition counts.
    pub fn macro_value(&self, name: &str) -> Option<&[u8]> {
        self.macro_statement(name).map(|(_, value)| unquoted(&self.text()[value]))
    }

    /// Gives a macro its value: in place where it is defined, else on a line behind the macros at the top.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn set_macro(&mut self, name: &str, value: &str) -> Result<(), Diagnostics> {
        if self.macro_value(name) == Some(value.as_bytes()) {
            return Ok(());
        }
        if let Some((_, span)) = self.macro_statement(name) {
            return self.splice(span, &format!("\"{value}\""));
        }
        let top = self.statements.iter().take_while(|found| matches!(found.kind, Kind::Macro { .. }));
        let at = match top.last() {
            Some(last) => self.line_end(last.span.end),
            None => self.head(),
        };
        self.insert_line(at, &format!("{name} = \"{value}\""))
    }

    /// Takes a macro's definition out.
    ///
    /// # Errors
    /// Where a rule still uses it.
    pub fn unset_macro(&mut self, name: &str) -> Result<(), Diagnostics> {
        match self.macro_statement(name) {
            Some((span, _)) => self.cut(span),
            None => Ok(()),
        }
    }

    /// Whether a rule of just these words is in the file; blanks between them do not count.
    pub fn contains(&self, rule: &str) -> bool {
        self.rule(rule).is_some()
    }

    /// Adds a rule at the end of its section; nothing happens where it is in the file already.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn insert(&mut self, section: Section, rule: &str) -> Result<(), Diagnostics> {
        if self.contains(rule) {
            return Ok(());
        }
        let later = self.statements.iter().position(|found| found.section().is_some_and(|found| found > section));
        let before = &self.statements[..later.unwrap_or(self.statements.len())];
        let at = match (before.last(), later.map(|index| &self.statements[index])) {
            (Some(last), _) => self.line_end(last.span.end),
            (None, Some(next)) => self.with_comment_above(next.span.start),
            (None, None) => self.text().len(),
        };
        self.insert_line(at, rule)
    }

    /// Takes a rule out, its line with it where it is alone there.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn remove(&mut self, rule: &str) -> Result<(), Diagnostics> {
        match self.rule(rule) {
            Some(span) => self.cut(span),
            None => Ok(()),
        }
    }

    /// The text with no blanks at the ends of lines, one empty line at most between others, and a newline at its end;
    /// quoted strings stay as they are.
    ///
    /// # Errors
    /// Where the tidied text could not be read any more.
    pub fn tidied(&self) -> Result<Vec<u8>, Diagnostics> {
        let text = self.text();
        let mut tidy = Vec::with_capacity(text.len());
        let mut empty = true;
        let mut quote = None;
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let open = quote.is_some();
            quote = quote_after(line, quote);
            let bare = line.trim_ascii_end();
            if open || quote.is_some() {
                tidy.extend_from_slice(line);
                empty = false;
                continue;
            }
            if bare.is_empty() && empty {
                continue;
            }
            empty = bare.is_empty();
            tidy.extend_from_slice(bare);
            tidy.extend_from_slice(if line.ends_with(b"\r\n") { b"\r\n" } else { b"\n" });
        }
        if empty && !tidy.is_empty() {
            tidy.truncate(tidy.trim_ascii_end().len());
            tidy.push(b'\n');
        }
        Self::parse(&Source::new(self.source.name(), tidy.clone()))?;
        Ok(tidy)
    }

    fn macro_statement(&self, name: &str) -> Option<(Range<usize>, Range<usize>)> {
        self.statements.iter().rev().find_map(|found| match &found.kind {
            Kind::Macro { name: defined, value } if self.text()[defined.clone()] == *name.as_bytes() => {
                Some((found.span.clone(), value.clone()))
            }
            _ => None,
        })
    }

    fn rule(&self, rule: &str) -> Option<Range<usize>> {
        let wanted = words(rule.as_bytes());
        let spans = self.statements.iter().map(|found| found.span.clone());
        spans.into_iter().find(|span| words(&self.text()[span.clone()]) == wanted)
    }

    fn splice(&mut self, range: Range<usize>, new: &str) -> Result<(), Diagnostics> {
        let mut text = self.text().to_vec();
        text.splice(range, new.bytes());
        *self = Self::parse(&Source::new(self.source.name(), text))?;
        Ok(())
    }

    fn insert_line(&mut self, at: usize, line: &str) -> Result<(), Diagnostics> {
        let newline = if memchr::memmem::find(self.text(), b"\r\n").is_some() { "\r\n" } else { "\n" };
        let gap = if at > 0 && self.text()[at - 1] != b'\n' { newline } else { "" };
        self.splice(at..at, &format!("{gap}{line}{newline}"))
    }

    fn cut(&mut self, span: Range<usize>) -> Result<(), Diagnostics> {
        let start = self.line_start(span.start);
        let end = self.line_end(span.end);
        let is_blank = |range: Range<usize>| self.text()[range].iter().all(u8::is_ascii_whitespace);
        let whole = is_blank(start..span.start) && is_blank(span.end..end);
        self.splice(if whole { start..end } else { span }, "")
    }

    fn line_start(&self, at: usize) -> usize {
        memchr::memrchr(b'\n', &self.text()[..at]).map_or(0, |found| found + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.text()[at..]).map_or(self.text().len(), |len| at + len + 1)
    }

    /// Behind the comment that a file begins with, and the blank lines after it.
    fn head(&self) -> usize {
        let mut at = 0;
        while at < self.text().len() {
            let end = self.line_end(at);
            let line = self.text()[at..end].trim_ascii();
            if !(line.starts_with(b"#") || line.is_empty()) {
                break;
            }
            at = end;
        }
        at
    }

    /// The beginning of the comment that stands right above a statement, or of the statement's own line.
    fn with_comment_above(&self, statement: usize) -> usize {
        let mut start = self.line_start(statement);
        while start > 0 {
            let above = self.line_start(start - 1);
            if !self.text()[above..start].trim_ascii_start().starts_with(b"#") {
                break;
            }
            start = above;
        }
        start
    }
}

/// The quote that is open behind a line, given the one open before it.
fn quote_after(line: &[u8], mut quote: Option<u8>) -> Option<u8> {
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (_, b'\\') => drop(bytes.next()),
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'#') => return None,
            _ => {}
        }
    }
    quote
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        other => other,
    }
}

/// The words of a statement; commas between them mean nothing to pfctl(8), and a backslash joins lines.
fn words(text: &[u8]) -> Vec<&[u8]> {
    let separator = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\\';
    text.split(separator).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, edit: impl Fn(&mut PfRules) -> Result<(), Diagnostics>) -> String {
        let mut rules = PfRules::parse(&Source::new("pf.conf", text)).unwrap();
        edit(&mut rules).unwrap();
        let once = rules.text().to_vec();
        edit(&mut rules).unwrap();
        assert_eq!(rules.text(), once, "a second time changes nothing");
        String::from_utf8(once).unwrap()
    }

    #[test]
    fn a_rule_lands_in_its_section() {
        use Section::{Filtering, Translation};
        for (text, section, rule, after) in [
            ("", Translation, "nat on a -> b", "nat on a -> b\n"),
            ("# mine\n", Filtering, "pass", "# mine\npass\n"),
            ("a = 1\npass # all\n", Translation, "no nat", "a = 1\nno nat\npass # all\n"),
            ("# why\npass\n", Translation, "no nat", "no nat\n# why\npass\n"),
            ("nat on a -> b\n\n# f\npass", Translation, "no rdr", "nat on a -> b\nno rdr\n\n# f\npass"),
            ("nat on a -> b\npass", Filtering, "block", "nat on a -> b\npass\nblock\n"),
            ("pass  \\\n in quick\n", Filtering, "pass in quick", "pass  \\\n in quick\n"),
            ("anchor a {\n pass\n}\r\n", Filtering, "pass", "anchor a {\n pass\n}\r\npass\r\n"),
        ] {
            assert_eq!(edited(text, |rules| rules.insert(section, rule)), after, "{text:?}");
            let mut rules = PfRules::parse(&Source::new("pf.conf", after)).unwrap();
            rules.remove(rule).unwrap();
            assert!(!rules.contains(rule));
        }
    }

    #[test]
    fn macros_stand_at_the_top() {
        for (text, after) in [
            ("", "if = \"igb0\"\n"),
            ("# mine\n\npass\n", "# mine\n\nif = \"igb0\"\npass\n"),
            ("a = 1\nb = \"2\" # two\npass\n", "a = 1\nb = \"2\" # two\nif = \"igb0\"\npass\n"),
            ("if = em0\npass on $if\n", "if = \"igb0\"\npass on $if\n"),
            ("if='igb0'\n", "if='igb0'\n"),
        ] {
            assert_eq!(edited(text, |rules| rules.set_macro("if", "igb0")), after, "{text:?}");
        }
        assert_eq!(edited("if = em0\npass\n", |rules| rules.unset_macro("if")), "pass\n");
    }

    #[test]
    fn what_pfctl_would_refuse_is_pointed_at() {
        for (text, message) in [
            ("pass\nfrobnicate on lo0\n", "pf.conf:2:1: error: 'frobnicate' begins no statement of pf.conf"),
            ("pass on $ext\n", "pf.conf:1:9: error: macro 'ext' is not defined"),
            ("a = \"x\npass\n", "pf.conf:1:5: error: this string is never closed"),
            ("pass from { 1.2.3.4\npass", "pf.conf:1:11: error: this { is never closed"),
            ("pass }\n", "pf.conf:1:6: error: this } closes nothing"),
            (
                "pass\nnat on a -> b\n",
                "pf.conf:2:1: error: rules must be in order: options, ether, normalization, queueing, translation, filtering",
            ),
        ] {
            let error = PfRules::parse(&Source::new("pf.conf", text)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
