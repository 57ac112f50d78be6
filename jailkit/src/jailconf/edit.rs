//! Edits of a jail.conf that touch their own lines and follow the file's layout.

use std::ops::Range;

use bstr::{BString, ByteSlice};

use super::JailConf;
use super::lex::decode_into;
use super::parse::{self, Item, Op, Param};
use crate::source::{Diagnostics, Source, Span};

/// Where a statement belongs: the top level, or a jail's block.
type Block<'a> = Option<&'a str>;

/// One jail's block: its items, and where it stands.
struct Found {
    items: Range<usize>,
    span: Range<usize>,
}

impl JailConf {
    /// Whether there is a block of this name, `parent.child` for one that stands in another.
    pub fn has_jail(&self, name: &str) -> bool {
        self.jail(name).is_some()
    }

    /// The values that a block itself gives a parameter, in the form [`JailConf::set`] takes: without quotes, `$name`
    /// a variable and `\\$` a dollar sign. None where it gives it none, an empty list for a bare parameter; `None` as
    /// the block is the top level. With `+=` in play this is what the last statement adds.
    pub fn own(&self, block: Option<&str>, name: &str) -> Option<Vec<BString>> {
        self.param(block, name).map(|param| self.values_of(param))
    }

    /// Gives a parameter its values in a block: in place where the block has it, else on a line of its own. No values
    /// make it bare; `$name` in a value is a variable, `\$` a dollar sign. Nothing happens where there is no such block, or the parameter already says just this.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was. Names with spaces or quotes do that.
    pub fn set(&mut self, block: Option<&str>, name: &str, values: &[String]) -> Result<(), Diagnostics> {
        let said = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
        if let Some(param) = self.param(block, name) {
            if param.op != Op::Append && self.values_of(param).iter().eq(values.iter()) {
                return Ok(());
            }
            let semicolon = param.span.end() - 1;
            let name_end = if param.op == Op::Bare { semicolon } else { self.name_end(param) };
            return if said.is_empty() {
                self.splice(name_end..semicolon, "")
            } else if matches!(param.op, Op::Set | Op::Beside) {
                self.splice(self.written_values(param), &said)
            } else {
                self.splice(name_end..semicolon, &format!(" = {said}"))
            };
        }
        let statement = if said.is_empty() { format!("{name};") } else { format!("{name} = {said};") };
        match block {
            Some(jail) => self.insert_in_jail(jail, &statement),
            None => self.insert_at_top(&statement),
        }
    }

    /// Takes a parameter out of a block; its line goes with it where nothing else stands there.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn unset(&mut self, block: Option<&str>, name: &str) -> Result<(), Diagnostics> {
        match self.param(block, name).map(|param| param.span.range()) {
            Some(span) => self.cut(span),
            None => Ok(()),
        }
    }

    /// Adds a jail with its parameters at the end of the file, a blank line before it.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn add_jail(&mut self, name: &str, params: &[(String, Vec<String>)]) -> Result<(), Diagnostics> {
        let (newline, indent) = (self.newline(), self.indent());
        let mut text = String::new();
        match self.text() {
            [] => {}
            [.., b'\n'] => text += newline,
            _ => text = newline.repeat(2),
        }
        text += &format!("{} {{{newline}", bare_or_quoted(name));
        for (name, values) in params {
            let said = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
            let assignment = if said.is_empty() { String::new() } else { format!(" = {said}") };
            text += &format!("{indent}{name}{assignment};{newline}");
        }
        text += &format!("}}{newline}");
        let end = self.text().len();
        self.splice(end..end, &text)
    }

    /// Removes a jail's block, with the blank line before it.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn remove_jail(&mut self, name: &str) -> Result<(), Diagnostics> {
        let Some(found) = self.jail(name) else { return Ok(()) };
        let mut span = self.whole_lines(found.span);
        let before = &self.text()[..span.start];
        for (blank, len) in [(&b"\n\n"[..], 1), (b"\n\r\n", 2)] {
            if before.ends_with(blank) {
                span.start -= len;
                break;
            }
        }
        self.splice(span, "")
    }

    fn splice(&mut self, range: Range<usize>, new: &str) -> Result<(), Diagnostics> {
        let mut text = self.text().to_vec();
        text.splice(range, new.bytes());
        let source = Source::new(self.source.name(), text);
        self.statements = parse::parse(&source)?;
        self.source = source;
        Ok(())
    }

    fn name_of(&self, span: Span) -> Vec<u8> {
        let mut name = Vec::new();
        decode_into(self.source.slice(span), &mut name);
        name
    }

    fn values_of(&self, param: &Param) -> Vec<BString> {
        let ranges = &self.statements.values[param.values.start as usize..param.values.end as usize];
        let value = |range: &Range<u32>| {
            let mut text = Vec::new();
            for piece in &self.statements.pieces[range.start as usize..range.end as usize] {
                let written = self.source.slice(piece.span());
                if piece.is_variable() {
                    let braced = self.text().get(piece.span().start() - 1) == Some(&b'{');
                    let (open, close) = if braced { ("${", "}") } else { ("$", "") };
                    text.extend_from_slice(open.as_bytes());
                    text.extend_from_slice(written);
                    text.extend_from_slice(close.as_bytes());
                } else {
                    let start = text.len();
                    decode_into(written, &mut text);
                    let escaped = text[start..].replace("$", "\\$");
                    text.truncate(start);
                    text.extend(escaped);
                }
            }
            BString::from(text)
        };
        ranges.iter().map(value).collect()
    }

    /// The items of a block that are its own and not those of a block in it.
    fn own_items(&self, block: Block<'_>) -> impl Iterator<Item = &Item> {
        let range = match block {
            Some(name) => self.jail(name).map_or(0..0, |found| found.items),
            None => 0..self.statements.items.len(),
        };
        let mut depth = 0usize;
        self.statements.items[range].iter().filter(move |item| match item {
            Item::Open { .. } => {
                depth += 1;
                false
            }
            Item::Close { .. } => {
                depth = depth.saturating_sub(1);
                false
            }
            Item::Param(_) => depth == 0,
        })
    }

    /// The statement that gives a parameter its value in a block: the last one.
    fn param(&self, block: Block<'_>, name: &str) -> Option<&Param> {
        let params = self.own_items(block).filter_map(|item| match item {
            Item::Param(param) => Some(param),
            _ => None,
        });
        params.filter(|param| !param.is_variable && self.name_of(param.name) == name.as_bytes()).last()
    }

    /// Where the values stand, with the quote that ends a string after a variable.
    fn written_values(&self, param: &Param) -> Range<usize> {
        let Range { start, end } = param.value_span(&self.source).range();
        start..end + usize::from(self.text().get(end) == Some(&b'"'))
    }

    fn name_end(&self, param: &Param) -> usize {
        // Behind the name come its closing quote, blanks, and an operator; the operator is written anew.
        let quote = matches!(self.text().get(param.name.end()), Some(b'"' | b'\''));
        param.name.end() + usize::from(quote)
    }

    fn jail(&self, name: &str) -> Option<Found> {
        let mut open: Vec<(Vec<u8>, usize, usize)> = Vec::new();
        let mut found = None;
        for (index, item) in self.statements.items.iter().enumerate() {
            match item {
                Item::Open { name, start } => {
                    let mut full = open.last().map_or_else(Vec::new, |(parent, ..)| [parent, &b"."[..]].concat());
                    full.extend(self.name_of(*name));
                    open.push((full, index, *start as usize));
                }
                Item::Close { span } => {
                    if let Some((full, first, start)) = open.pop()
                        && full == name.as_bytes()
                    {
                        found = Some(Found { items: first + 1..index, span: start..span.end() });
                    }
                }
                Item::Param(_) => {}
            }
        }
        found
    }

    /// Cuts a statement out, with its line where it is alone there.
    fn cut(&mut self, span: Range<usize>) -> Result<(), Diagnostics> {
        let span = self.whole_lines(span);
        self.splice(span, "")
    }

    /// The lines that a span covers, where nothing else stands on them; else the span itself.
    fn whole_lines(&self, span: Range<usize>) -> Range<usize> {
        let text = self.text();
        let start = text[..span.start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let end = memchr::memchr(b'\n', &text[span.end..]).map_or(text.len(), |len| span.end + len + 1);
        let is_blank = |range: Range<usize>| text[range].iter().all(u8::is_ascii_whitespace);
        if is_blank(start..span.start) && is_blank(span.end..end) { start..end } else { span }
    }

    pub(super) fn newline(&self) -> &'static str {
        if memchr::memmem::find(self.text(), b"\r\n").is_some() { "\r\n" } else { "\n" }
    }

    /// The blanks before the first parameter that stands indented in this file.
    fn indent(&self) -> String {
        let lines = self.statements.items.iter().filter_map(|item| match item {
            Item::Param(param) => Some(self.line_blanks(param.span.start())),
            _ => None,
        });
        lines.flatten().find(|blanks| !blanks.is_empty()).unwrap_or("    ").to_owned()
    }

    /// The blanks that a line begins with, where nothing but them stands before `at`.
    pub(super) fn line_blanks(&self, at: usize) -> Option<&str> {
        let before = &self.text()[..at];
        let len = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let (before, blanks) = before.split_at(at - len);
        matches!(before.last(), None | Some(b'\n')).then(|| std::str::from_utf8(blanks).ok())?
    }

    fn insert_in_jail(&mut self, jail: &str, statement: &str) -> Result<(), Diagnostics> {
        let Some(found) = self.jail(jail) else { return Ok(()) };
        let newline = self.newline();
        let close = found.span.end - 1;
        match self.line_blanks(close) {
            // The closing brace is on a line of its own: the statement gets one before it.
            Some(outer) => {
                let last = self.own_items(Some(jail)).last();
                let beside = last.and_then(|item| match item {
                    Item::Param(param) => self.line_blanks(param.span.start()),
                    _ => None,
                });
                let indent = beside.map_or_else(|| outer.to_owned() + &self.indent(), str::to_owned);
                let at = close - outer.len();
                self.splice(at..at, &format!("{indent}{statement}{newline}"))
            }
            None => self.splice(close..close, &format!("{statement} ")),
        }
    }

    /// Behind the last parameter of the top level, or before the first jail.
    fn insert_at_top(&mut self, statement: &str) -> Result<(), Diagnostics> {
        let newline = self.newline();
        let last = self.own_items(None).last();
        if let Some(Item::Param(param)) = last {
            let end = param.span.end();
            let line_end = memchr::memchr(b'\n', &self.text()[end..]).map_or(self.text().len(), |len| end + len + 1);
            let rest = self.text()[end..line_end].trim_ascii();
            let alone = rest.is_empty() || rest.starts_with(b"#") || rest.starts_with(b"//");
            return match self.text()[..line_end].last() {
                Some(b'\n') if alone => self.splice(line_end..line_end, &format!("{statement}{newline}")),
                _ => self.splice(end..end, &format!("{newline}{statement}")),
            };
        }
        let first = self.statements.items.iter().find_map(|item| match item {
            Item::Open { start, .. } => Some(*start as usize),
            _ => None,
        });
        match first {
            Some(at) => self.splice(at..at, &format!("{statement}{newline}{newline}")),
            None => {
                let end = self.text().len();
                let gap = if self.text().last().is_some_and(|&byte| byte != b'\n') { newline } else { "" };
                self.splice(end..end, &format!("{gap}{statement}{newline}"))
            }
        }
    }
}

/// A name as a block is called: bare where jail(8) reads it as one piece.
fn bare_or_quoted(name: &str) -> String {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    if !name.is_empty() && name.bytes().all(atom) { name.to_owned() } else { quoted(name) }
}

/// A value as jail.conf(5) writes it: words, numbers and addresses bare, everything else in double quotes, in which
/// variables stay variables.
fn quoted(value: &str) -> String {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:%@".contains(&byte);
    if !value.is_empty() && value.bytes().all(atom) {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.peek() == Some(&'$') => text.push(c),
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text += "\\n",
            c => text.push(c),
        }
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, edit: impl Fn(&mut JailConf) -> Result<(), Diagnostics>) -> String {
        let mut conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap();
        edit(&mut conf).unwrap();
        let once = conf.text().to_vec();
        edit(&mut conf).unwrap();
        assert_eq!(conf.text(), once, "a second time changes nothing");
        String::from_utf8(once).unwrap()
    }

    fn set(text: &str, block: Option<&str>, name: &str, values: &[&str]) -> String {
        let values: Vec<_> = values.iter().map(|&value| value.to_owned()).collect();
        edited(text, |conf| conf.set(block, name, &values))
    }

    #[test]
    fn a_parameter_is_set_where_it_belongs() {
        for (text, block, name, values, after) in [
            ("", None, "exec.clean", &[][..], "exec.clean;\n"),
            ("a = 1;", None, "b", &["x y"], "a = 1;\nb = \"x y\";"),
            ("a = 1; # one\nw {\n}\n", None, "b", &["2"], "a = 1; # one\nb = 2;\nw {\n}\n"),
            ("w { }\n", None, "b", &["2"], "b = 2;\n\nw { }\n"),
            ("a = 1;\n", None, "a", &["1"], "a = 1;\n"),
            ("a  =  1 ; # why\n", None, "a", &["2", "3"], "a  =  2, 3 ; # why\n"),
            ("a;\n", None, "a", &["2"], "a = 2;\n"),
            ("a 1;\n", None, "a", &["2"], "a 2;\n"),
            ("a = 1;\n", None, "a", &[], "a;\n"),
            ("w {\n\tx;\n}\n", Some("w"), "p", &["/srv/$name"], "w {\n\tx;\n\tp = \"/srv/$name\";\n}\n"),
            ("w { p = \"${n} \\$x\"; }\n", Some("w"), "p", &["${n} \\$x"], "w { p = \"${n} \\$x\"; }\n"),
            ("w { p = \"a$b\"; q; }\n", Some("w"), "p", &["1"], "w { p = 1; q; }\n"),
            ("w { x; }\n", Some("w"), "p", &["1"], "w { x; p = 1; }\n"),
            ("w {\n  v {\n    x;\n  }\n}\n", Some("w.v"), "p", &["1"], "w {\n  v {\n    x;\n    p = 1;\n  }\n}\n"),
            ("w {\r\n}\r\n", Some("w"), "p", &["1"], "w {\r\n    p = 1;\r\n}\r\n"),
            ("v { p = 1; }\n", Some("w"), "p", &["2"], "v { p = 1; }\n"),
        ] {
            assert_eq!(set(text, block, name, values), after, "{text:?}");
        }
    }

    #[test]
    fn what_was_added_comes_out_again() {
        for text in ["", "# mine\n", "a = 1;\n\nw {\n\tx;\n}\n", "w { x; }\n", "w {\r\n}\r\n"] {
            let mut conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap();
            conf.add_jail("www", &[("path".into(), vec!["/srv".into()]), ("exec.clean".into(), vec![])]).unwrap();
            conf.set(Some("www"), "mount.devfs", &[]).unwrap();
            assert!(conf.has_jail("www"));
            conf.unset(Some("www"), "mount.devfs").unwrap();
            conf.remove_jail("www").unwrap();
            assert_eq!(String::from_utf8_lossy(conf.text()), text);
        }
    }

    #[test]
    fn a_jail_is_added_in_the_layout_of_the_file() {
        let after = edited("a = 1;\nw {\n\tx;\n}\n", |conf| {
            if conf.has_jail("www") {
                Ok(())
            } else {
                conf.add_jail("www", &[("ip4.addr".into(), vec!["10.0.0.2".into()])])
            }
        });
        assert_eq!(after, "a = 1;\nw {\n\tx;\n}\n\nwww {\n\tip4.addr = 10.0.0.2;\n}\n");
    }
}
