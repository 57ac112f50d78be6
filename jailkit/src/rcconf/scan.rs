//! Finding the assignments in a file of settings.
//!
//! In the shell's dialect those count that are always carried out. What stands in an `if`, a loop, a `case`, a function
//! or a here-document is passed over: it takes a shell to tell what comes of it, and a line at the end of the file has
//! the last word.

use std::ops::Range;

use super::Dialect;
use crate::source::{Diagnostic, Diagnostics, Source, Span};

/// One assignment and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: Vec<u8>,
    /// The value; none where it takes a shell to tell.
    pub(super) value: Option<Vec<u8>>,
    /// Where the value stands, its quotes included.
    pub(super) span: Range<usize>,
    /// The quote the value begins with, 0 for none.
    pub(super) quote: u8,
    /// What to cut to take the assignment away: its whole line where it is alone there.
    pub(super) line: Range<usize>,
}

/// Every assignment of the file, in order.
pub(super) fn scan(source: &Source, dialect: Dialect) -> Result<Vec<Assignment>, Diagnostics> {
    let mut scanner = Scanner { source, text: source.text(), at: 0, dialect, depth: 0 };
    let mut found = Vec::new();
    while scanner.at < scanner.text.len() {
        found.extend(scanner.line()?);
    }
    Ok(found)
}

struct Scanner<'a> {
    source: &'a Source,
    text: &'a [u8],
    at: usize,
    dialect: Dialect,
    /// How many `if`, `{` and the like are open.
    depth: usize,
}

/// The words of a command, while they are read.
struct Words {
    /// Where the current word begins.
    start: Option<usize>,
    /// Whether the next word begins a command.
    is_command: bool,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    /// One line, or as many as its quotes and backslashes join.
    fn line(&mut self) -> Result<Option<Assignment>, Diagnostics> {
        let start = self.at;
        self.skip_while(|byte| byte == b' ' || byte == b'\t');
        let name_start = self.at;
        let dialect = self.dialect;
        self.skip_while(|byte| {
            byte.is_ascii_alphanumeric() || byte == b'_' || (dialect != Dialect::Shell && b".-%/:".contains(&byte))
        });
        let name = self.text[name_start..self.at].to_vec();
        let blanks = self.at;
        if dialect != Dialect::Shell {
            self.skip_while(|byte| byte == b' ' || byte == b'\t');
        }
        let is_assignment = !name.is_empty() && self.peek() == Some(b'=') && self.depth == 0;
        if !is_assignment {
            self.at = if dialect == Dialect::Shell { name_start } else { blanks };
            self.rest_of_line(true)?;
            return Ok(None);
        }
        self.at += 1;
        let mut found = if dialect == Dialect::Shell { self.shell_value()? } else { self.plain_value() };
        found.name = name;
        let value_end = self.at;
        self.rest_of_line(false)?;
        // Where a comment or another command follows, it stays when the assignment goes.
        let alone = self.text[value_end..self.at].iter().all(u8::is_ascii_whitespace);
        found.line = if alone { start..self.at } else { name_start..value_end };
        Ok(Some(found))
    }

    /// A word of sh(1): pieces in quotes of either kind or none.
    fn shell_value(&mut self) -> Result<Assignment, Diagnostics> {
        let start = self.at;
        let quote = self.peek().filter(|byte| b"'\"".contains(byte)).unwrap_or(0);
        let mut value = Some(Vec::new());
        while let Some(byte) = self.peek() {
            match byte {
                b'\'' | b'"' => self.quoted(byte, &mut value)?,
                b'\\' => {
                    self.at += 1;
                    self.push_escaped(&mut value);
                }
                b'$' | b'`' => {
                    value = None;
                    self.substitution(byte)?;
                }
                b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' => break,
                _ => {
                    self.at += 1;
                    value.iter_mut().for_each(|value| value.push(byte));
                }
            }
        }
        Ok(Assignment { name: Vec::new(), value, span: start..self.at, quote, line: 0..0 })
    }

    fn push_escaped(&mut self, value: &mut Option<Vec<u8>>) {
        if let Some(byte) = self.peek() {
            self.at += 1;
            if byte != b'\n' {
                value.iter_mut().for_each(|value| value.push(byte));
            }
        }
    }

    fn quoted(&mut self, quote: u8, value: &mut Option<Vec<u8>>) -> Result<(), Diagnostics> {
        let open = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                _ if byte == quote => return Ok(()),
                b'\\' if quote == b'"' => {
                    let special = self.peek().is_some_and(|next| b"\"\\$`\n".contains(&next));
                    if special {
                        self.push_escaped(value);
                    } else {
                        value.iter_mut().for_each(|value| value.push(byte));
                    }
                }
                b'$' | b'`' if quote == b'"' => *value = None,
                _ => value.iter_mut().for_each(|value| value.push(byte)),
            }
        }
        let message = format!("this {} is never closed", char::from(quote));
        Err(Diagnostic::error(self.source, Span::new(open, open + 1), message).into())
    }

    /// `$(...)` and `` `...` `` outside quotes may hold blanks; `$name` and `${name}` go on as plain bytes.
    fn substitution(&mut self, byte: u8) -> Result<(), Diagnostics> {
        let open = self.at;
        self.at += 1;
        let close = match (byte, self.peek()) {
            (b'`', _) => b'`',
            (_, Some(b'(')) => b')',
            (_, Some(b'{')) => b'}',
            _ => return Ok(()),
        };
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == close {
                return Ok(());
            }
        }
        Err(Diagnostic::error(self.source, Span::new(open, open + 1), "this substitution is never closed").into())
    }

    /// What is left of a line: in the shell's dialect past quotes that go on over the line's end, and past the
    /// here-documents that begin in it. `is_command` says whether a command begins here.
    fn rest_of_line(&mut self, is_command: bool) -> Result<(), Diagnostics> {
        let is_shell = self.dialect == Dialect::Shell;
        let mut comment = false;
        let mut words = Words { start: None, is_command };
        let mut documents = Vec::new();
        while let Some(byte) = self.peek() {
            let in_word = words.start.is_some();
            match byte {
                b'\n' => {
                    self.end_word(&mut words);
                    self.at += 1;
                    documents.iter().for_each(|end| self.skip_document(end));
                    return Ok(());
                }
                b'#' if !in_word => comment = true,
                _ if comment => {}
                b'\\' => {
                    words.start.get_or_insert(self.at);
                    self.at += 1;
                }
                b'\'' | b'"' if is_shell => {
                    words.start.get_or_insert(self.at);
                    self.quoted(byte, &mut None)?;
                    continue;
                }
                b'<' if is_shell && self.text[self.at..].starts_with(b"<<") => {
                    self.end_word(&mut words);
                    documents.push(self.document_end()?);
                    continue;
                }
                b';' | b'&' | b'|' | b'(' | b')' if is_shell => {
                    // `name()` is one word: the head of a function.
                    let is_head = byte == b'(' && in_word && self.text.get(self.at + 1) == Some(&b')');
                    self.end_word(&mut words);
                    words.is_command = true;
                    self.at += if is_head { 2 } else { 1 };
                    continue;
                }
                _ if byte.is_ascii_whitespace() => self.end_word(&mut words),
                _ => {
                    words.start.get_or_insert(self.at);
                }
            }
            self.at = (self.at + 1).min(self.text.len());
        }
        self.end_word(&mut words);
        Ok(())
    }

    /// A word is over: where it stands in a command's place, it may open or close a block.
    fn end_word(&mut self, words: &mut Words) {
        let Some(start) = words.start.take() else { return };
        if self.dialect != Dialect::Shell || !words.is_command {
            return;
        }
        let word = &self.text[start..self.at];
        match word {
            b"if" | b"while" | b"until" | b"for" | b"case" | b"{" => self.depth += 1,
            b"fi" | b"done" | b"esac" | b"}" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        words.is_command =
            matches!(word, b"if" | b"then" | b"elif" | b"else" | b"while" | b"until" | b"do" | b"{" | b"!");
    }

    /// `<<word`: the line that ends the document, and whether tabs before it do not count.
    fn document_end(&mut self) -> Result<(Vec<u8>, bool), Diagnostics> {
        self.at += 2;
        let strips_tabs = self.peek() == Some(b'-');
        if strips_tabs {
            self.at += 1;
        }
        self.skip_while(|byte| byte == b' ' || byte == b'\t');
        let word = self.shell_value()?;
        let bare = self.text[word.span].to_vec();
        Ok((word.value.unwrap_or(bare), strips_tabs))
    }

    fn skip_document(&mut self, (end, strips_tabs): &(Vec<u8>, bool)) {
        while self.at < self.text.len() {
            let start = self.at;
            self.skip_while(|byte| byte != b'\n');
            let mut line = &self.text[start..self.at];
            self.at = (self.at + 1).min(self.text.len());
            while *strips_tabs && line.starts_with(b"\t") {
                line = &line[1..];
            }
            if line == end.as_slice() {
                return;
            }
        }
    }

    /// A value that goes on to the end of the line, or to a comment.
    fn plain_value(&mut self) -> Assignment {
        self.skip_while(|byte| byte == b' ' || byte == b'\t');
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'#' => break,
                b'\\' if self.dialect == Dialect::Make => self.at = (self.at + 2).min(self.text.len()),
                _ => self.at += 1,
            }
        }
        let value = self.text[start..self.at].trim_ascii_end();
        self.at = start + value.len();
        Assignment { name: Vec::new(), value: Some(value.to_vec()), span: start..self.at, quote: 0, line: 0..0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn read(text: &str, dialect: Dialect) -> Settings {
        Settings::parse(&Source::new("conf", text), dialect).unwrap()
    }

    #[test]
    fn values_are_what_the_shell_would_make_of_them() {
        for (text, value) in [
            ("a=b\n", Some("b")),
            ("a=\"b c\" # note\n", Some("b c")),
            ("a='b $c'", Some("b $c")),
            ("a=b'c'\"d\"\\ e\n", Some("bcd e")),
            ("a=\"x\\\"y\\\\z\\q\"\n", Some("x\"y\\z\\q")),
            ("a=\"one \\\n two\"\n", Some("one  two")),
            ("a=\"one\n two\"\n", Some("one\n two")),
            ("a=1\na=2\n", Some("2")),
            ("a=1; b=2\n", Some("1")),
            ("  a=\n", Some("")),
            ("a=\"${a} b\"\n", None),
            ("a=$(date +%s)\n", None),
            ("#a=b\n", None),
            ("export a=b\n", None),
            ("if [ \"x\na=no\" ]; then\n", None),
            ("echo it\\'s # a='\na=b\n", Some("b")),
            ("if true; then\na=no\nfi\n", None),
            ("a=b\nif [ $x = if ]; then # fi\n  a=no\nelse\n  a=nor\nfi\n", Some("b")),
            ("if true; then a=no; fi\na=b\n", Some("b")),
            ("case $1 in\nstart)\na=no\n;;\nesac\na=b\n", Some("b")),
            ("for i in 1 2; do\na=no\ndone\n", None),
            ("f()\n{\na=no\n}\n", None),
            ("f() {\n  if x; then\n a=no\n fi\n}\na=b\n", Some("b")),
            ("cat <<EOF\na=no\nEOF\na=b\n", Some("b")),
            ("cat <<-'EOF' > /dev/null\n\ta=no\n\tEOF\na=b\n", Some("b")),
            ("cat <<EOF\na=no\n", None),
            ("echo if then\na=b\n", Some("b")),
            ("a=b; if x; then\na=no\nfi\n", Some("b")),
            ("x=${y}if\na=b\n", Some("b")),
        ] {
            let settings = read(text, Dialect::Shell);
            assert_eq!(settings.get("a"), value.map(str::as_bytes), "{text:?}");
            assert_eq!(settings.text(), text.as_bytes());
        }
    }

    #[test]
    fn sysctl_and_make_go_to_the_end_of_the_line() {
        let sysctl = read("# x\nnet.inet.ip.forwarding=1 # on\nkern.a = b c\n", Dialect::Sysctl);
        assert_eq!(sysctl.get("net.inet.ip.forwarding"), Some(&b"1"[..]));
        assert_eq!(sysctl.get("kern.a"), Some(&b"b c"[..]));
        let make = read("WRKDIRPREFIX=\t/var/ports\nA= b \\\n c\n.if exists(x)\n", Dialect::Make);
        assert_eq!(make.get("WRKDIRPREFIX"), Some(&b"/var/ports"[..]));
        assert_eq!(make.get("A"), Some(&b"b \\\n c"[..]));
    }

    #[test]
    fn a_quote_never_closed_is_pointed_at() {
        let error = Settings::parse(&Source::new("/etc/rc.conf", "a=b\nc=\"d\n"), Dialect::Shell).unwrap_err();
        assert_eq!(error.to_string(), "/etc/rc.conf:2:3: error: this \" is never closed");
    }
}
