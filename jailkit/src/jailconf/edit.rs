//! Edits of a jail.conf that touch their own lines and follow the file's layout.

use std::ops::Range;

use bstr::{BString, ByteSlice};

use super::format::Gap;
use super::lex::decode_into;
use super::parse::{self, Item, Op, Param, Statements};
use super::quote::{bare_or_quoted, quoted};
use super::{JailBlock, JailConf};
use crate::source::{Diagnostic, Diagnostics, Source, Span};

/// A byte that jail(8) takes for the end of the file, found where an edit would write before or behind it.
fn stops_at(source: &Source, stop: usize) -> Diagnostic {
    let message = "jail(8) takes this byte for the end of the file, and would not see what stands behind it";
    Diagnostic::error(source, Span::new(stop, stop + 1), message)
        .with_help("remove the byte, or put what it belongs to in quotes")
}

/// Where a statement belongs: the top level, or a jail's block.
type Block<'a> = Option<&'a str>;

/// One jail's block: its items, and where it stands.
pub(super) struct Found {
    items: Range<usize>,
    pub(super) span: Range<usize>,
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
        self.insert(block, name, &statement)
    }

    /// Puts a statement about a parameter that a block does not have yet into it; the file is left as it was where it
    /// would not read as one.
    fn insert(&mut self, block: Block<'_>, name: &str, statement: &str) -> Result<(), Diagnostics> {
        let before = self.clone();
        match block {
            Some(jail) => self.insert_in_jail(jail, statement)?,
            None => self.insert_at_top(statement)?,
        }
        if self.text() == before.text() || self.param(block, name).is_some() {
            return Ok(());
        }
        *self = before;
        let message = format!("'{}' is not the name of a parameter", crate::source::printable(name.as_bytes()));
        let found = Diagnostic::error(&self.source, Span::at(0), message);
        Err(found.with_help("a name is one word, as in jail(8)").into())
    }

    /// Gives a parameter more values in a block, beside those it has there or from elsewhere: `name += value;` behind
    /// the last statement of the block that is about it, else on a line of its own. [`JailConf::unset`] takes it out
    /// again. Nothing happens where there is no such block, or its last statement adds just these values.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    ///
    /// # Example
    /// ```
    /// use jailkit::jailconf::JailConf;
    /// use jailkit::source::Source;
    ///
    /// let text = "www {\n\tip4.addr = 10.0.0.2; # the first\n}\n";
    /// let mut conf = JailConf::parse(&Source::new("jail.conf", text))?;
    /// conf.append(Some("www"), "ip4.addr", &["10.0.0.3".to_owned()])?;
    /// assert_eq!(conf.text(), b"www {\n\tip4.addr = 10.0.0.2; # the first\n\tip4.addr += 10.0.0.3;\n}\n");
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn append(&mut self, block: Option<&str>, name: &str, values: &[String]) -> Result<(), Diagnostics> {
        if values.is_empty() {
            return Ok(());
        }
        let said = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
        let statement = format!("{name} += {said};");
        let Some(param) = self.param(block, name) else {
            return self.insert(block, name, &statement);
        };
        if param.op == Op::Append && self.values_of(param).iter().eq(values.iter()) {
            return Ok(());
        }
        let (newline, end) = (self.newline(), param.span.end());
        let indent = self.line_blanks(param.span.start()).map(str::to_owned);
        match (indent, self.line_behind(end)) {
            (Some(indent), Some(next)) => self.splice(next..next, &format!("{indent}{statement}{newline}")),
            (Some(indent), None) if end == self.text().len() => {
                self.splice(end..end, &format!("{newline}{indent}{statement}"))
            }
            _ => self.insert_beside(end, &statement),
        }
    }

    /// Puts a statement on the line of the one that ends before it.
    fn insert_beside(&mut self, end: usize, statement: &str) -> Result<(), Diagnostics> {
        let blank = if self.text().get(end).is_some_and(u8::is_ascii_whitespace) { " " } else { "" };
        self.splice(end..end, &format!("{blank}{statement}"))
    }

    /// Where the next line begins, where nothing but a comment follows on this one.
    pub(super) fn line_behind(&self, end: usize) -> Option<usize> {
        let next = end + memchr::memchr(b'\n', &self.text()[end..])? + 1;
        let rest = self.text()[end..next].trim_ascii();
        (rest.is_empty() || rest.starts_with(b"#") || rest.starts_with(b"//")).then_some(next)
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
        let mut text = format!("{} {{{newline}", bare_or_quoted(name));
        for (name, values) in params {
            let said = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
            let assignment = if said.is_empty() { String::new() } else { format!(" = {said}") };
            text += &format!("{indent}{name}{assignment};{newline}");
        }
        self.append_block(&(text + "}" + newline))
    }

    /// Adds a jail that was built from values, likewise, in the layout of the file.
    ///
    /// # Errors
    /// Where jail.conf(5) cannot say it, or the file could not be read any more; it is left as it was.
    pub fn add_block(&mut self, block: &JailBlock) -> Result<(), Diagnostics> {
        let text = block.text_in(&self.indent(), self.newline())?;
        self.append_block(&text)
    }

    fn append_block(&mut self, block: &str) -> Result<(), Diagnostics> {
        let newline = self.newline();
        let gap = match self.text() {
            [] => String::new(),
            [.., b'\n'] => newline.to_owned(),
            _ => newline.repeat(2),
        };
        let block = if self.is_open() { block.trim_end() } else { block };
        let end = self.end()?;
        self.splice(end..end, &(gap + block))
    }

    /// The end of the file, to write there.
    ///
    /// # Errors
    /// Where jail(8) stops reading before it: what is written there it would never see.
    fn end(&self) -> Result<usize, Diagnostics> {
        let (stop, end) = (self.statements.end, self.text().len());
        if stop == end {
            return Ok(end);
        }
        Err(stops_at(&self.source, stop).into())
    }

    /// Removes a jail's block, with the blank line before it.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn remove_jail(&mut self, name: &str) -> Result<(), Diagnostics> {
        let Some(found) = self.jail(name) else { return Ok(()) };
        let span = self.own_lines(&found.span).unwrap_or(found.span);
        self.cut_lines(self.with_blank_line(span))
    }

    /// A span with the blank line before it, where there is one.
    pub(super) fn with_blank_line(&self, span: Range<usize>) -> Range<usize> {
        let before = &self.text()[..span.start];
        let len = [(&b"\n\n"[..], 1), (b"\n\r\n", 2)].into_iter().find(|(blank, _)| before.ends_with(blank));
        span.start - len.map_or(0, |(_, len)| len)..span.end
    }

    pub(super) fn splice(&mut self, range: Range<usize>, new: &str) -> Result<(), Diagnostics> {
        let mut text = self.text().to_vec();
        text.splice(range, new.bytes());
        let source = Source::new(self.source.name(), text);
        let statements = parse::parse(&source)?;
        let unread = |text: &[u8], statements: &Statements| text.len() - statements.end;
        if unread(source.text(), &statements) > unread(self.text(), &self.statements) {
            return Err(stops_at(&source, statements.end).into());
        }
        (self.source, self.statements) = (source, statements);
        Ok(())
    }

    pub(super) fn name_of(&self, span: Span) -> Vec<u8> {
        let mut name = Vec::new();
        decode_into(self.source.slice(span), &mut name);
        name
    }

    pub(super) fn values_of(&self, param: &Param) -> Vec<BString> {
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
    pub(super) fn written_values(&self, param: &Param) -> Range<usize> {
        let Range { start, end } = param.value_span(&self.source).range();
        start..end + usize::from(self.text().get(end) == Some(&b'"'))
    }

    fn name_end(&self, param: &Param) -> usize {
        // Behind the name come its closing quote, blanks, and an operator; the operator is written anew.
        let quote = matches!(self.text().get(param.name.end()), Some(b'"' | b'\''));
        param.name.end() + usize::from(quote)
    }

    pub(super) fn jail(&self, name: &str) -> Option<Found> {
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

    /// Cuts a statement out: with its line where it is alone there, and with the blank line behind that where the
    /// statement is a paragraph of its own; else with one blank beside it.
    fn cut(&mut self, span: Range<usize>) -> Result<(), Diagnostics> {
        let text = self.text();
        if let Some(lines) = self.own_lines(&span) {
            let (before, behind) = (&text[..lines.start], &text[lines.end..]);
            let is_paragraph = before.is_empty() || before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n");
            let blank = [&b"\n"[..], b"\r\n"].into_iter().find(|line| is_paragraph && behind.starts_with(line));
            return self.cut_lines(lines.start..lines.end + blank.map_or(0, <[u8]>::len));
        }
        let Range { start, end } = span;
        let is_behind_blank = text[..start].ends_with(b" ");
        match text.get(end) {
            Some(b' ') => self.splice(start..end + 1, ""),
            next if is_behind_blank && next.is_none_or(u8::is_ascii_whitespace) => self.splice(start - 1..end, ""),
            _ => self.splice(start..end, ""),
        }
    }

    /// Cuts lines out; a last line without a newline takes the one before it along.
    pub(super) fn cut_lines(&mut self, lines: Range<usize>) -> Result<(), Diagnostics> {
        let Range { mut start, end } = lines;
        let text = self.text();
        if end == text.len() && text.last().is_some_and(|&byte| byte != b'\n') {
            start -= [&b"\r\n"[..], b"\n"].into_iter().find(|end| text[..start].ends_with(end)).map_or(0, <[u8]>::len);
        }
        self.splice(start..end, "")
    }

    /// The lines that a span covers, where nothing else stands on them.
    pub(super) fn own_lines(&self, span: &Range<usize>) -> Option<Range<usize>> {
        let text = self.text();
        let start = span.start - self.line_blanks(span.start)?.len();
        let end = memchr::memchr(b'\n', &text[span.end..]).map_or(text.len(), |len| span.end + len + 1);
        text[span.end..end].iter().all(u8::is_ascii_whitespace).then_some(start..end)
    }

    pub(super) fn newline(&self) -> &'static str {
        // A file that ends in half a line end gets the other half, or taking it out would take both.
        let has_returns = self.text().ends_with(b"\r") || memchr::memmem::find(self.text(), b"\r\n").is_some();
        if has_returns { "\r\n" } else { "\n" }
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

    /// Whether the last line has no newline.
    fn is_open(&self) -> bool {
        self.text().last().is_some_and(|&byte| byte != b'\n')
    }

    /// Behind the last parameter of the top level, or before the first jail and the comments right above it.
    fn insert_at_top(&mut self, statement: &str) -> Result<(), Diagnostics> {
        let newline = self.newline();
        let last = self.own_items(None).last();
        if let Some(Item::Param(param)) = last {
            let end = param.span.end();
            return match self.line_behind(end) {
                Some(line_end) => self.splice(line_end..line_end, &format!("{statement}{newline}")),
                None if end == self.text().len() => self.splice(end..end, &format!("{newline}{statement}")),
                None => self.insert_beside(end, statement),
            };
        }
        let first = self.statements.items.iter().find_map(|item| match item {
            Item::Open { start, .. } => Some(*start as usize),
            _ => None,
        });
        let Some(first) = first else {
            let end = self.end()?;
            let (before, behind) = if self.is_open() { (newline, "") } else { ("", newline) };
            return self.splice(end..end, &format!("{before}{statement}{behind}"));
        };
        let line = first - self.line_blanks(first).map_or(0, str::len);
        let at = Gap::of(&self.text()[..first]).comments_above(true).unwrap_or(line);
        let before = &self.text()[..at];
        if before.last().is_some_and(|&byte| byte != b'\n') {
            return self.splice(at..at, &format!("{statement} "));
        }
        let is_paragraph = before.is_empty() || before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n");
        let blank = if is_paragraph { newline } else { "" };
        self.splice(at..at, &format!("{statement}{newline}{blank}"))
    }
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
            ("# w\nw { }\n", None, "b", &["2"], "b = 2;\n\n# w\nw { }\n"),
            ("# all\n\n# w\n/* w */\nw { }\n", None, "b", &["2"], "# all\n\nb = 2;\n\n# w\n/* w */\nw { }\n"),
            ("a = 1; w { }\n", None, "b", &["2"], "a = 1; b = 2; w { }\n"),
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
    fn a_value_is_added_beside_those_that_are_there() {
        for (text, block, after) in [
            ("", None, "p += 2;\n"),
            ("p = 1;\n", None, "p = 1;\np += 2;\n"),
            ("p = 1; # why\nw { }\n", None, "p = 1; # why\np += 2;\nw { }\n"),
            ("p = 1;", None, "p = 1;\np += 2;"),
            ("w {\n\tp = 1;\n\tq;\n}\n", Some("w"), "w {\n\tp = 1;\n\tp += 2;\n\tq;\n}\n"),
            ("w {\n\tq;\n}\n", Some("w"), "w {\n\tq;\n\tp += 2;\n}\n"),
            ("w { p = 1; q; }\n", Some("w"), "w { p = 1; p += 2; q; }\n"),
            ("w { p; /* c\n*/ }\n", Some("w"), "w { p; p += 2; /* c\n*/ }\n"),
            ("w { p += 2; }\n", Some("w"), "w { p += 2; }\n"),
            ("v { }\n", Some("w"), "v { }\n"),
        ] {
            assert_eq!(edited(text, |conf| conf.append(block, "p", &["2".to_owned()])), after, "{text:?}");
        }
        assert_eq!(edited("p = 1;\n", |conf| conf.append(None, "p", &[])), "p = 1;\n");
    }

    #[test]
    fn what_was_added_comes_out_again() {
        for text in ["", "# mine", "a;", "# mine\n", "a = 1;\n\nw {\n\tx;\n}\n", "w { x; }\n", "w {\r\n}\r\n"] {
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
    fn what_was_set_is_there_and_comes_out_again() {
        for (text, block) in [
            ("a { e = 1; }", "a"),
            ("a {e = 1;}", "a"),
            ("a { }", "a"),
            ("a { e;\t}", "a"),
            ("a {  e;  } b { }", "a"),
            ("a { /* c */ }", "a"),
            ("a { b { e; } }", "a.b"),
            ("a { b { e; } }", "a"),
            ("a {\n\te; }", "a"),
            ("a { e;\r}\n", "a"),
            ("a { e; }\n# c\r", "a"),
            ("# c\r", "a"),
            ("a { b { e; }\tf; }", "a.b"),
            ("b = 1;a { e; }", "a"),
            ("b = 1;\ta { e; }", "a"),
            ("b = 1; \ta { e; }", "a"),
            ("b = 1; /* c */ a {\n\te; f; }", "a"),
            ("a { e; # c\n/* d */}\n", "a"),
            ("a { e; } a { f; }", "a"),
        ] {
            for values in [&[][..], &["x y".to_owned(), "$v".to_owned()]] {
                for block in [None, Some(block)] {
                    let mut conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap();
                    conf.set(block, "unheard.of", values).unwrap();
                    let after = conf.text().as_bstr().to_owned();
                    assert_eq!(
                        conf.own(block, "unheard.of").is_some(),
                        block.is_none_or(|jail| conf.has_jail(jail)),
                        "{text:?} became {after:?}"
                    );
                    conf.unset(block, "unheard.of").unwrap();
                    assert_eq!(conf.text().as_bstr(), text, "{after:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_written_where_jail8_does_not_read() {
        for text in [&b"\x99base = 1;\n"[..], b"# c\n\0", b"w { }\n\x99"] {
            let mut conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap();
            let refused = conf.add_jail("www", &[]).unwrap_err();
            assert!(refused.to_string().contains("end of the file"), "{refused}");
            match conf.set(None, "a", &[]) {
                Ok(()) => assert!(conf.own(None, "a").is_some()),
                Err(_) => assert_eq!(conf.text(), text),
            }
        }
    }

    #[test]
    fn a_name_that_would_not_read_as_one_is_refused() {
        let text = "a = 1;\nw { x; }\n";
        for name in ["", "b c", "#b", "b;c", "\u{e9}", "b\0"] {
            for block in [None, Some("w")] {
                for values in [&[][..], &["2".to_owned()]] {
                    let mut conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap();
                    assert!(conf.set(block, name, values).is_err(), "{name:?} became {:?}", conf.text().as_bstr());
                    assert_eq!(conf.text().as_bstr(), text);
                }
            }
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
