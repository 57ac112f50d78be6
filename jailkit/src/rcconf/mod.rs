//! rc.conf(5) and its relatives: files that give names values, line by line.
//!
//! rc.conf(5) and loader.conf(5) are shell assignments, sysctl.conf(5) is `name=value`, make.conf(5) is `NAME= value`.
//! They differ in how a value is written and are edited alike, so they are one document with a [`Dialect`]. What an
//! edit does not touch stays byte for byte; of several assignments of a name the last one counts, as it does there.
//!
//! # Example
//! ```
//! use jailkit::rcconf::{Dialect, Settings};
//! use jailkit::source::Source;
//!
//! let text = "hostname=\"h\"  # us\ncloned_interfaces=\"lo1\"\n";
//! let mut rc = Settings::parse(&Source::new("/etc/rc.conf", text), Dialect::Shell)?;
//! rc.set("pf_enable", "YES");
//! rc.add_words("cloned_interfaces", "lo2");
//! assert_eq!(
//!     rc.text(),
//!     b"hostname=\"h\"  # us\ncloned_interfaces=\"lo1 lo2\"\npf_enable=\"YES\"\n"
//! );
//! # Ok::<(), jailkit::source::Diagnostics>(())
//! ```

mod scan;

use std::ops::Range;

use scan::Assignment;

use crate::source::{Diagnostics, Source};

/// How a file writes its assignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `name="value"`, as sh(1) reads it: rc.conf(5) and loader.conf(5).
    Shell,
    /// `name=value` to the end of the line: sysctl.conf(5).
    Sysctl,
    /// `NAME= value` to the end of the line, a backslash joining lines: make.conf(5).
    Make,
}

/// A file of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    dialect: Dialect,
    text: Vec<u8>,
    assignments: Vec<Assignment>,
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// A quote that is never closed: what stands behind it could not be told from what stands in it.
    pub fn parse(source: &Source, dialect: Dialect) -> Result<Self, Diagnostics> {
        let assignments = scan::scan(source, dialect)?;
        Ok(Self { dialect, text: source.text().to_owned(), assignments })
    }

    /// The file as it now is.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The value of a name; none where it has none, or one that only the shell could tell, such as `"$(hostname)"`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.last(name).and_then(|found| found.value.as_deref())
    }

    /// Whether the name is given a value at all.
    pub fn has(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    /// Gives a name a value: in place of its last one, or in a new line at the end. A last value that only the shell
    /// can tell is left alone, and the new line takes precedence over it.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.last(name) {
            Some(found) if found.value.as_deref() == Some(value.as_bytes()) => {}
            Some(Assignment { value: Some(_), span, quote, .. }) => {
                let (span, quote) = (span.clone(), *quote);
                self.splice(span, self.dialect.value(value, quote).as_bytes());
            }
            _ => self.append(name, &self.dialect.value(value, b'"')),
        }
    }

    /// Takes away the last assignment of a name, its line with it where nothing else stands there. An assignment
    /// before it counts again.
    pub fn unset(&mut self, name: &str) {
        let Some(line) = self.last(name).map(|found| found.line.clone()) else { return };
        self.splice(line, b"");
    }

    /// Adds words to a value that is a list of words, as `cloned_interfaces` is, unless they stand in it in this
    /// order already. A value that only the shell can tell gets a line behind it that adds to it.
    pub fn add_words(&mut self, name: &str, words: &str) {
        if self.has_words(name, words) {
            return;
        }
        match self.last(name).map(|found| found.value.as_deref().map(String::from_utf8_lossy)) {
            Some(Some(old)) if !old.trim().is_empty() => {
                let value = format!("{} {words}", old.trim_end());
                self.set(name, &value);
            }
            Some(None) => self.append(name, &format!("\"${{{name}}} {words}\"")),
            _ => self.set(name, words),
        }
    }

    /// Takes words out of such a list again; the assignment goes with its last word.
    pub fn remove_words(&mut self, name: &str, words: &str) {
        if !self.has_words(name, words) {
            return;
        }
        let Some(found) = self.last(name) else { return };
        let Some(value) = &found.value else {
            // Only a line of ours has the words as text behind an expansion.
            if self.text[found.span.clone()] == *format!("\"${{{name}}} {words}\"").as_bytes() {
                self.unset(name);
            }
            return;
        };
        let value = String::from_utf8_lossy(value).into_owned();
        let Some(at) = find_words(&value, words) else { return };
        let (before, after) = (value[..at.start].trim_end(), value[at.end..].trim_start());
        let gap = if before.is_empty() || after.is_empty() { "" } else { " " };
        let rest = format!("{before}{gap}{after}");
        if rest.is_empty() { self.unset(name) } else { self.set(name, &rest) }
    }

    /// Whether words stand in the value of a name, side by side and in this order.
    pub fn has_words(&self, name: &str, words: &str) -> bool {
        self.last(name).is_some_and(|found| {
            let text = found.value.as_deref().unwrap_or(&self.text[found.span.clone()]);
            let text = String::from_utf8_lossy(text);
            find_words(text.trim_matches(['"', '\'']), words).is_some()
        })
    }

    fn last(&self, name: &str) -> Option<&Assignment> {
        self.assignments.iter().rfind(|found| found.name == name.as_bytes())
    }

    fn append(&mut self, name: &str, value: &str) {
        let newline = if self.text.contains(&b'\r') { "\r\n" } else { "\n" };
        let mut line = String::new();
        if self.text.last().is_some_and(|&byte| byte != b'\n') {
            line += newline;
        }
        // A last line that ends in a backslash would take the new one in.
        if self.dialect != Dialect::Sysctl && self.text.trim_ascii_end().ends_with(b"\\") {
            line += newline;
        }
        line += name;
        line += if self.dialect == Dialect::Make { "= " } else { "=" };
        line += value;
        line += newline;
        let end = self.text.len();
        self.splice(end..end, line.as_bytes());
    }

    /// Puts `new` in the place of a range of the text, and reads the text again.
    fn splice(&mut self, range: Range<usize>, new: &[u8]) {
        let mut text = self.text.clone();
        text.splice(range, new.iter().copied());
        // An edit writes whole values, so what could be read before can be read after it.
        if let Ok(assignments) = scan::scan(&Source::new("", text.as_slice()), self.dialect) {
            *self = Self { dialect: self.dialect, text, assignments };
        }
    }
}

impl Dialect {
    /// A value as this dialect writes it, in the quotes that `quote` says where they can hold it; `0` is none.
    fn value(self, value: &str, quote: u8) -> String {
        if self != Self::Shell {
            return value.to_owned();
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:,@%+".contains(&byte);
        match quote {
            0 if !value.is_empty() && value.bytes().all(plain) => value.to_owned(),
            b'\'' if !value.contains('\'') => format!("'{value}'"),
            _ => {
                let mut quoted = String::from("\"");
                for c in value.chars() {
                    if matches!(c, '"' | '\\' | '$' | '`') {
                        quoted.push('\\');
                    }
                    quoted.push(c);
                }
                quoted + "\""
            }
        }
    }
}

/// Whether checkyesno of rc.subr(8) reads a value as yes.
pub(crate) fn is_yes(value: &[u8]) -> bool {
    ["yes", "true", "on", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes.as_bytes()))
}

/// Where `words` stand in `text` as whole words with only blanks between them.
fn find_words(text: &str, words: &str) -> Option<Range<usize>> {
    let words: Vec<_> = words.split_ascii_whitespace().collect();
    let start_of = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let found: Vec<_> = text.split_ascii_whitespace().map(|word| (start_of(word), word)).collect();
    let same = |window: &&[(usize, &str)]| window.iter().map(|(_, word)| *word).eq(words.iter().copied());
    let window = found.windows(words.len().max(1)).find(same)?;
    let ((first, _), (last, word)) = (window.first()?, window.last()?);
    Some(*first..last + word.len())
}
