//! A pf.conf as a document: its statements, each in its section, and the edits of them.

use std::ops::Range;

use super::parse::outline::{self, Kind, Section, Statement};
use crate::source::{Diagnostic, Diagnostics, Source, Span};

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
        let (statements, found) = outline::outline(source);
        Diagnostics::check(found)?;
        Ok(Self { source: source.clone(), statements })
    }

    /// The file as it now is.
    pub fn text(&self) -> &[u8] {
        self.source.text()
    }

    /// The value of a macro, as rules get it; the last definition counts.
    pub fn macro_value(&self, name: &str) -> Option<&[u8]> {
        self.macro_statement(name).map(|(_, value, _)| value)
    }

    /// Gives a macro its value: in place where it is defined, else on a line behind the macros at the top.
    ///
    /// # Errors
    /// Where the file could not be read any more, or the macro would not come to the value; it is left as it was.
    pub fn set_macro(&mut self, name: &str, value: &str) -> Result<(), Diagnostics> {
        if self.macro_value(name) == Some(value.as_bytes()) {
            return Ok(());
        }
        let quote = if value.contains('"') { '\'' } else { '"' };
        let quoted = format!("{quote}{value}{quote}");
        let edited = match self.macro_statement(name) {
            Some((_, _, place)) => self.spliced(place.clone(), &quoted)?,
            None => {
                let top = self.statements.iter().take_while(|found| matches!(found.kind, Kind::Macro { .. }));
                let at = top.last().map_or_else(|| self.head(), |last| last.end);
                self.with_line(at, &format!("{name} = {quoted}"))?
            }
        };
        if edited.macro_value(name) != Some(value.as_bytes()) {
            return Err(edited.not_read_back(format!("the macro '{name}' does not come to {value:?} this way")));
        }
        *self = edited;
        Ok(())
    }

    /// Takes a macro's definition out.
    ///
    /// # Errors
    /// Where a rule still uses it.
    pub fn unset_macro(&mut self, name: &str) -> Result<(), Diagnostics> {
        match self.macro_statement(name) {
            Some((statement, ..)) => self.cut(statement.span.clone()),
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
        let behind = later.unwrap_or(self.statements.len());
        // What is included last may be of a later section. Before it, the rule lacks the macros that it may define.
        let is_known = |found: &Statement| section == Section::Filtering || found.kind != Kind::Anywhere;
        let known = self.statements[..behind].iter().rposition(is_known).map_or(0, |last| last + 1);
        if known < behind && self.insert_line(self.between(known), rule).is_ok() {
            return Ok(());
        }
        self.insert_line(self.between(behind), rule)
    }

    /// Where a line goes that stands behind so many statements.
    fn between(&self, behind: usize) -> usize {
        match (behind.checked_sub(1), self.statements.get(behind)) {
            (Some(last), _) => self.statements[last].end,
            (None, Some(next)) => self.with_comment_above(next.span.start),
            (None, None) => self.text().len(),
        }
    }

    /// Sets an option: `set NAME VALUE`, in place where the file has it. Of `timeout` and `limit` each variable is an
    /// option of its own, for which the name is `timeout interval` or `limit states`.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn set_option(&mut self, name: &str, value: &str) -> Result<(), Diagnostics> {
        let line = format!("set {name} {value}");
        match self.option(name) {
            Some(found) if words(&self.text()[found.clone()]) == words(line.as_bytes()) => Ok(()),
            Some(found) => {
                let edited = self.spliced(found, &line)?;
                *self = edited;
                Ok(())
            }
            None => self.insert(Section::Options, &line),
        }
    }

    /// Takes an option out.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn unset_option(&mut self, name: &str) -> Result<(), Diagnostics> {
        match self.option(name) {
            Some(span) => self.cut(span),
            None => Ok(()),
        }
    }

    fn option(&self, name: &str) -> Option<Range<usize>> {
        let (wanted, variable) = name.split_once(' ').map_or((name, None), |(name, rest)| (name, Some(rest.trim())));
        let is = |found: &&Statement| match &found.kind {
            Kind::Option { name, argument } => {
                name == wanted.as_bytes() && variable.is_none_or(|variable| argument == variable.as_bytes())
            }
            _ => false,
        };
        self.statements.iter().rev().find(is).map(|found| found.span.clone())
    }

    /// Adds an address or network to a table's list; a table that is not there is defined behind the options.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn add_to_table(&mut self, table: &str, address: &str) -> Result<(), Diagnostics> {
        let Some(found) = self.table(table) else {
            return self.insert(Section::Options, &format!("table <{table}> {{ {address} }}"));
        };
        let Some(list) = self.table_list(&found) else {
            return self.replaced(found.end..found.end, &format!(" {{ {address} }}"));
        };
        if list.items.iter().any(|item| self.text()[item.clone()] == *address.as_bytes()) {
            return Ok(());
        }
        let text = match list.items.last() {
            Some(_) if list.commas => format!(", {address}"),
            _ => format!(" {address}"),
        };
        let at = list.items.last().map_or(list.open, |last| last.end);
        self.replaced(at..at, &text)
    }

    /// Takes an address or network out of a table's list.
    ///
    /// # Errors
    /// Where the file could not be read any more; it is left as it was.
    pub fn remove_from_table(&mut self, table: &str, address: &str) -> Result<(), Diagnostics> {
        let list = self.table(table).and_then(|found| self.table_list(&found));
        let Some(list) = list else { return Ok(()) };
        let is = |item: &Range<usize>| self.text()[item.clone()] == *address.as_bytes();
        let Some(at) = list.items.iter().position(is) else { return Ok(()) };
        let item = list.items[at].clone();
        // With what stands between it and the one before, or the one behind where it is the first.
        let range = match (at.checked_sub(1).map(|before| &list.items[before]), list.items.get(at + 1)) {
            (Some(before), _) => before.end..item.end,
            (None, Some(next)) => item.start..next.start,
            (None, None) => item,
        };
        self.replaced(range, "")
    }

    fn table(&self, name: &str) -> Option<Range<usize>> {
        let is = |found: &&Statement| matches!(&found.kind, Kind::Table(own) if own == name.as_bytes());
        self.statements.iter().rev().find(is).map(|found| found.span.clone())
    }

    /// The last list in braces of a table; a `!` belongs to the address behind it.
    fn table_list(&self, table: &Range<usize>) -> Option<List> {
        let mut list = None;
        let mut open = false;
        let mut negated: Option<usize> = None;
        for token in outline::tokens(&self.source, table.clone()) {
            match (&self.text()[token.clone()], &mut list) {
                (b"{", _) => {
                    list = Some(List { open: token.end, items: Vec::new(), commas: false });
                    open = true;
                }
                (b"}", _) => open = false,
                (b",", Some(List { commas, .. })) if open => *commas = true,
                (b"!", Some(_)) if open => negated = negated.or(Some(token.start)),
                (b"/", Some(List { items, .. })) if open => join(items, token.end),
                (_, Some(List { items, .. })) if open => match items.last_mut() {
                    // A network is three tokens: address, slash, length.
                    Some(last) if self.text()[last.clone()].ends_with(b"/") => last.end = token.end,
                    _ => items.push(negated.take().unwrap_or(token.start)..token.end),
                },
                _ => {}
            }
        }
        list
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
        let mut long_strings = self.statements.iter().flat_map(|found| &found.long_strings).peekable();
        let mut at = 0;
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let end = at + line.len();
            while long_strings.next_if(|string| string.end <= at).is_some() {}
            // A newline in quotes is part of the string, and so are the blanks before it.
            let in_string = long_strings.peek().is_some_and(|string| string.start < end && string.end > at);
            at = end;
            let bare = line.trim_ascii_end();
            let joins = bare.ends_with(b"\\") && !matches!(&line[bare.len()..], b"\n" | b"\r\n" | b"");
            if in_string || joins {
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

    fn macro_statement(&self, wanted: &str) -> Option<(&Statement, &[u8], &Range<usize>)> {
        self.statements.iter().rev().find_map(|found| match &found.kind {
            Kind::Macro { name, value, place } if name == wanted.as_bytes() => Some((found, value.as_slice(), place)),
            _ => None,
        })
    }

    fn rule(&self, rule: &str) -> Option<Range<usize>> {
        let wanted = words(rule.as_bytes());
        let spans = self.statements.iter().map(|found| found.span.clone());
        spans.into_iter().find(|span| words(&self.text()[span.clone()]) == wanted)
    }

    fn spliced(&self, range: Range<usize>, new: &str) -> Result<Self, Diagnostics> {
        let mut text = self.text().to_vec();
        text.splice(range, new.bytes());
        Self::parse(&Source::new(self.source.name(), text))
    }

    fn replaced(&mut self, range: Range<usize>, new: &str) -> Result<(), Diagnostics> {
        let edited = self.spliced(range, new)?;
        *self = edited;
        Ok(())
    }

    fn with_line(&self, at: usize, line: &str) -> Result<Self, Diagnostics> {
        let before = &self.text()[..at];
        let gap = match before {
            // The backslash that the text ends with would take the first newline away.
            [.., b'\\'] => "\n\n",
            [.., b'\\', b'\n'] if at == self.text().len() => "\n",
            [] | [.., b'\n'] => "",
            _ => "\n",
        };
        self.spliced(at..at, &format!("{gap}{line}\n"))
    }

    fn insert_line(&mut self, at: usize, line: &str) -> Result<(), Diagnostics> {
        let edited = self.with_line(at, line)?;
        if edited.statements.len() != self.statements.len() + 1 {
            return Err(edited.not_read_back(format!("this is not one statement by itself: {line}")));
        }
        *self = edited;
        Ok(())
    }

    fn not_read_back(&self, message: String) -> Diagnostics {
        Diagnostic::error(&self.source, Span::at(0), message).into()
    }

    fn cut(&mut self, span: Range<usize>) -> Result<(), Diagnostics> {
        let start = memchr::memrchr(b'\n', &self.text()[..span.start]).map_or(0, |found| found + 1);
        let end = self.statements.iter().find(|found| found.span == span).map_or(span.end, |found| found.end);
        let is_blank = |range: Range<usize>| self.text()[range].iter().all(u8::is_ascii_whitespace);
        let whole = is_blank(start..span.start) && is_blank(span.end..end);
        self.replaced(if whole { start..end } else { span }, "")
    }

    /// The end of a line of blanks or a comment, with the lines that backslashes join to it.
    fn line_end(&self, mut at: usize) -> usize {
        while let Some(&byte) = self.text().get(at) {
            at += match (byte, &self.text()[at + 1..]) {
                (b'\n', _) => return at + 1,
                (b'\\', [_, ..]) => 2,
                _ => 1,
            };
        }
        self.text().len().min(at)
    }

    /// Behind the comment that a file begins with, and the blank lines after it.
    fn head(&self) -> usize {
        let first = self.statements.first().map_or(self.text().len(), |first| first.span.start);
        let mut at = 0;
        loop {
            let end = self.line_end(at);
            if end > first || end == at {
                return at;
            }
            at = end;
        }
    }

    /// The beginning of the comment that stands right above a statement, or of the statement's own line.
    fn with_comment_above(&self, statement: usize) -> usize {
        let before = self.statements.iter().take_while(|found| found.span.start < statement).last();
        let mut at = before.map_or(0, |found| found.end);
        let mut comment = None;
        loop {
            let end = self.line_end(at);
            if end > statement || end == at {
                return comment.unwrap_or(at);
            }
            let is_comment = self.text()[at..end].trim_ascii_start().starts_with(b"#");
            comment = if is_comment { comment.or(Some(at)) } else { None };
            at = end;
        }
    }
}

/// A table's list in braces.
struct List {
    /// Behind the brace.
    open: usize,
    items: Vec<Range<usize>>,
    commas: bool,
}

fn join(items: &mut [Range<usize>], end: usize) {
    if let Some(last) = items.last_mut() {
        last.end = end;
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
            ("anchor a {\n pass\n}\r\n", Filtering, "pass", "anchor a {\n pass\n}\r\npass\n"),
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
    fn each_section_takes_its_rules() {
        use Section::{Ether, Filtering, Normalization, Options, Queueing, Translation};
        let all = [
            (Options, "set skip on lo0"),
            (Ether, "ether block"),
            (Normalization, "scrub in"),
            (Queueing, "altq on lo0 cbq bandwidth 1Mb queue q"),
            (Translation, "no rdr"),
            (Filtering, "pass"),
        ];
        let whole: String = all.iter().map(|(_, rule)| format!("{rule}\n")).collect();
        for (section, rule) in all {
            assert_eq!(Section::of(rule), Some(section));
            let without = whole.replace(&format!("{rule}\n"), "");
            assert_eq!(edited(&without, |rules| rules.insert(section, rule)), whole);
            let mut rules = PfRules::parse(&Source::new("pf.conf", whole.as_str())).unwrap();
            rules.remove(rule).unwrap();
            assert_eq!(rules.text(), without.as_bytes());
        }
    }

    #[test]
    fn options_are_set_in_place_or_before_the_rules() {
        for (text, name, value, after) in [
            ("pass\n", "skip", "on lo0", "set skip on lo0\npass\n"),
            ("set skip on lo0\npass\n", "skip", "on lo1", "set skip on lo1\npass\n"),
            ("set limit states 5\npass\n", "limit frags", "9", "set limit states 5\nset limit frags 9\npass\n"),
            ("set limit states 5 # few\n", "limit states", "9", "set limit states 9 # few\n"),
        ] {
            assert_eq!(edited(text, |rules| rules.set_option(name, value)), after, "{text:?}");
            let mut rules = PfRules::parse(&Source::new("pf.conf", after)).unwrap();
            rules.unset_option(name).unwrap();
            assert!(!rules.contains(&format!("set {name} {value}")));
        }
    }

    #[test]
    fn addresses_of_tables_are_added_and_taken_out() {
        for (text, after) in [
            ("pass\n", "table <bad> { 10.0.0.0/8 }\npass\n"),
            ("table <bad> persist\npass\n", "table <bad> persist { 10.0.0.0/8 }\npass\n"),
            ("table <bad> { }\n", "table <bad> { 10.0.0.0/8 }\n"),
            ("table <bad> { ! 192.0.2.1, ::1 }\n", "table <bad> { ! 192.0.2.1, ::1, 10.0.0.0/8 }\n"),
            (
                "table <bad> {\n  192.0.2.0/24 # one\n  ::1\n}\n",
                "table <bad> {\n  192.0.2.0/24 # one\n  ::1 10.0.0.0/8\n}\n",
            ),
            ("table <bad> { 10.0.0.0/8 }\n", "table <bad> { 10.0.0.0/8 }\n"),
        ] {
            assert_eq!(edited(text, |rules| rules.add_to_table("bad", "10.0.0.0/8")), after, "{text:?}");
        }
        for (text, after) in [
            ("table <bad> { ::1, 10.0.0.0/8 }\n", "table <bad> { ::1 }\n"),
            ("table <bad> { 10.0.0.0/8, ::1 }\n", "table <bad> { ::1 }\n"),
            ("table <bad> { 10.0.0.0/8 }\n", "table <bad> {  }\n"),
            ("pass\n", "pass\n"),
        ] {
            assert_eq!(edited(text, |rules| rules.remove_from_table("bad", "10.0.0.0/8")), after, "{text:?}");
        }
    }

    /// Where a statement ends is where pfctl ends it; each of these was once read in another way.
    #[test]
    fn an_edit_lands_in_no_other_statement() {
        for (text, section, rule, after) in [
            // The backslash is one of a comment, and takes the next line into it.
            ("pass # a \\\nb\nblock\n", Section::Filtering, "match", "pass # a \\\nb\nblock\nmatch\n"),
            ("# a \\\nblock\npass\n", Section::Options, "set skip on lo0", "set skip on lo0\n# a \\\nblock\npass\n"),
            // A backslash before a backslash joins nothing.
            ("pass # a \\\\\nblock\n", Section::Translation, "no nat", "no nat\npass # a \\\\\nblock\n"),
            // A string goes on over lines, and a quote within a word is none.
            (
                "pass label \"a\n# b\n\" quick\n",
                Section::Translation,
                "no nat",
                "no nat\npass label \"a\n# b\n\" quick\n",
            ),
            ("pass label it's\nblock\n", Section::Translation, "no rdr", "no rdr\npass label it's\nblock\n"),
            // A macro may hold half of a pair of braces.
            (
                "o = \"{ 192.0.2.1\"\npass to $o\n192.0.2.2 }\n",
                Section::Filtering,
                "block",
                "o = \"{ 192.0.2.1\"\npass to $o\n192.0.2.2 }\nblock\n",
            ),
            // Options that pfctl takes anywhere.
            ("pass\nset skip on lo0\n", Section::Filtering, "block", "pass\nset skip on lo0\nblock\n"),
            // What is included may define macros.
            (
                "include \"/etc/macros\"\npass on $ext\n",
                Section::Filtering,
                "block",
                "include \"/etc/macros\"\npass on $ext\nblock\n",
            ),
            (
                "anchor a {\n# in\npass\n}\n# of\nblock",
                Section::Translation,
                "no nat",
                "no nat\nanchor a {\n# in\npass\n}\n# of\nblock",
            ),
        ] {
            assert_eq!(edited(text, |rules| rules.insert(section, rule)), after, "{text:?}");
        }
        let mut rules = PfRules::parse(&Source::new("pf.conf", "pass\n")).unwrap();
        for (edit, name) in [
            (rules.set_macro("a", "b\\"), "a"),
            (rules.set_macro("a", "b\nc"), "a"),
            (rules.insert(Section::Filtering, "block\npass in"), ""),
        ] {
            assert!(edit.is_err(), "{name}");
        }
        assert_eq!(rules.text(), b"pass\n");
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
