//! Finding the assignments in a file of settings.

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
    let mut scanner = Scanner { source, text: source.text(), at: 0, dialect };
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
        let is_assignment = !name.is_empty() && self.peek() == Some(b'=');
        if !is_assignment {
            self.at = blanks;
            self.rest_of_line()?;
            return Ok(None);
        }
        self.at += 1;
        let mut found = if dialect == Dialect::Shell { self.shell_value()? } else { self.plain_value() };
        found.name = name;
        let value_end = self.at;
        self.rest_of_line()?;
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

    /// What is left of a line: in the shell's dialect past quotes that go on over the line's end.
    fn rest_of_line(&mut self) -> Result<(), Diagnostics> {
        let mut comment = false;
        let mut word = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => {
                    self.at += 1;
                    return Ok(());
                }
                b'#' if !word => comment = true,
                b'\\' if !comment => self.at += 1,
                b'\'' | b'"' if !comment && self.dialect == Dialect::Shell => {
                    self.quoted(byte, &mut None)?;
                    word = true;
                    continue;
                }
                _ => {}
            }
            word = !byte.is_ascii_whitespace() && byte != b';';
            self.at = (self.at + 1).min(self.text.len());
        }
        Ok(())
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
