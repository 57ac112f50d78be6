//! A jail given another name: in its block, in those of the jails in it, and where others depend on it.

use std::ops::Range;

use super::JailConf;
use super::lex::{Kind, Lexer};
use super::parse::{Item, Param};
use super::quote::{bare_or_quoted, is_bare};
use super::resolve::{is_number, is_wildcard};
use crate::source::{Diagnostic, Diagnostics, Source, Span};

impl JailConf {
    /// Gives a jail another name. The names of jails in it and wildcards for them follow (`old.child` becomes
    /// `new.child`), as do their mentions in the `depend` lists of this file; nothing else is touched. Nothing happens
    /// where there is no block `old`. Included files are not looked into.
    ///
    /// # Errors
    /// There is a jail of the new name already; the new name is a number, which jail(8) takes for a jid, or a
    /// wildcard; a block within that of another jail would have to leave it. The file is left as it was.
    ///
    /// # Example
    /// ```
    /// use jailkit::jailconf::JailConf;
    /// use jailkit::source::Source;
    ///
    /// let text = "db { persist; }\nwww { depend = db, mail; }\n";
    /// let mut conf = JailConf::parse(&Source::new("jail.conf", text))?;
    /// conf.rename_jail("db", "pg")?;
    /// assert_eq!(conf.text(), b"pg { persist; }\nwww { depend = pg, mail; }\n");
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn rename_jail(&mut self, old: &str, new: &str) -> Result<(), Diagnostics> {
        let rename = Rename { old: old.as_bytes(), new: new.as_bytes() };
        if old == new || !self.has_jail(old) {
            return Ok(());
        }
        let mut changes = Vec::new();
        let mut open: Vec<Vec<u8>> = Vec::new();
        for item in &self.statements.items {
            match item {
                Item::Open { name, start } => {
                    let parent = open.last().map_or(&b""[..], |parent| parent);
                    let full = full_name(parent, &self.name_of(*name));
                    changes.extend(self.block_renamed(&rename, parent, &full, *name, *start as usize)?);
                    open.push(full);
                }
                Item::Close { .. } => {
                    open.pop();
                }
                Item::Param(param) if !param.is_variable && self.name_of(param.name) == b"depend" => {
                    changes.extend(self.mentions_renamed(&rename, param));
                }
                Item::Param(_) => {}
            }
        }
        let mut text = self.text().to_vec();
        for (range, name) in changes.into_iter().rev() {
            text.splice(range, name.into_bytes());
        }
        *self = Self::parse(&Source::new(self.source.name(), text))?;
        Ok(())
    }

    /// What becomes of the name of a block, where it changes.
    fn block_renamed(
        &self,
        rename: &Rename<'_>,
        parent: &[u8],
        full: &[u8],
        name: Span,
        start: usize,
    ) -> Result<Option<(Range<usize>, String)>, Diagnostic> {
        let wrong = |message: String, help: &str| Err(Diagnostic::error(&self.source, name, message).with_help(help));
        let new = String::from_utf8_lossy(rename.new).into_owned();
        let Some(renamed) = rename.of(full) else {
            if full == rename.new || is_in(full, rename.new) && !is_in(rename.new, rename.old) {
                let full = crate::source::printable(full);
                return wrong(
                    format!("there is a jail '{full}' already"),
                    "choose another name, or rename this one first",
                );
            }
            return Ok(None);
        };
        if full == rename.old && (rename.new.is_empty() || is_number(rename.new) || is_wildcard(rename.new)) {
            return wrong(format!("'{new}' cannot be the name of a jail"), "a number is a jid, and a * a wildcard");
        }
        if parent == rename.old || is_in(parent, rename.old) {
            // The block it stands in has the new name.
            return Ok(None);
        }
        let written = match parent {
            b"" => Some(&renamed[..]),
            parent => {
                renamed.strip_prefix(parent).and_then(|rest| rest.strip_prefix(b".")).filter(|rest| !rest.is_empty())
            }
        };
        let Some(written) = written else {
            let parent = crate::source::printable(parent);
            let help = "give it such a name, or take the block out of that one";
            return wrong(format!("a jail in the block of '{parent}' is called {parent}.something"), help);
        };
        let end = name.end() + usize::from(start < name.start());
        Ok(Some((start..end, self.rewritten(start..end, &self.name_of(name), written))))
    }

    /// The mentions of the jail in a list.
    fn mentions_renamed(&self, rename: &Rename<'_>, param: &Param) -> Vec<(Range<usize>, String)> {
        let mentions = self.written_each(param).into_iter().zip(self.values_of(param));
        let changed = mentions.filter_map(|(range, value)| {
            let name = rename.of(&value)?;
            Some((range.clone(), self.rewritten(range, &value, &name)))
        });
        changed.collect()
    }

    /// A name in the place of another one: in quotes where it needs them, or where the other had some without need.
    fn rewritten(&self, place: Range<usize>, before: &[u8], name: &[u8]) -> String {
        let name = String::from_utf8_lossy(name).into_owned();
        match self.text().get(place.start) {
            Some(&quote @ (b'"' | b'\'')) if is_bare(before) && is_bare(name.as_bytes()) => {
                let quote = char::from(quote);
                format!("{quote}{name}{quote}")
            }
            _ => bare_or_quoted(&name),
        }
    }

    /// Where each value of a parameter stands, its quotes included.
    fn written_each(&self, param: &Param) -> Vec<Range<usize>> {
        let whole = self.written_values(param);
        let values = Source::new(self.source.name(), &self.text()[whole.clone()]);
        let mut lexer = Lexer::new(&values);
        let mut each = Vec::new();
        let mut value: Option<Range<usize>> = None;
        loop {
            let token = lexer.next();
            let range = whole.start + token.whole.start()..whole.start + token.whole.end();
            match token.kind {
                Kind::End => {
                    each.extend(value.map(|value| value.start..whole.end));
                    return each;
                }
                Kind::Comma => each.extend(value.take()),
                _ => value = Some(value.map_or(range.start, |value| value.start)..range.end),
            }
        }
    }
}

struct Rename<'a> {
    old: &'a [u8],
    new: &'a [u8],
}

impl Rename<'_> {
    /// The name that a jail has afterwards, where it changes.
    fn of(&self, name: &[u8]) -> Option<Vec<u8>> {
        let rest = name.strip_prefix(self.old)?;
        (rest.is_empty() || rest.starts_with(b".")).then(|| [self.new, rest].concat())
    }
}

fn full_name(parent: &[u8], name: &[u8]) -> Vec<u8> {
    if parent.is_empty() { name.to_vec() } else { [parent, b".", name].concat() }
}

/// Whether a jail is one in another jail.
fn is_in(name: &[u8], outer: &[u8]) -> bool {
    name.strip_prefix(outer).is_some_and(|rest| rest.starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(text: &str, old: &str, new: &str) -> Result<String, String> {
        let mut conf = JailConf::parse(&Source::new("jail.conf", text)).unwrap();
        match conf.rename_jail(old, new) {
            Ok(()) => Ok(String::from_utf8(conf.text().to_vec()).unwrap()),
            Err(found) => {
                assert_eq!(conf.text(), text.as_bytes());
                Err(found[0].to_string())
            }
        }
    }

    #[test]
    fn what_has_the_name_in_it_follows() {
        for (text, old, new, after) in [
            ("a { x; }\n", "a", "b", "b { x; }\n"),
            ("\"a\" { }", "a", "b", "\"b\" { }"),
            ("'a' { }", "a", "b", "'b' { }"),
            ("a { }", "a", "b c", "\"b c\" { }"),
            ("\"b c\" { }", "b c", "a", "a { }"),
            ("a { c { } }\nd { depend = a.c; }", "a", "b", "b { c { } }\nd { depend = b.c; }"),
            ("a { }\na.c { }\n\"a.*\" { }\nab { }", "a", "b", "b { }\nb.c { }\n\"b.*\" { }\nab { }"),
            ("a { }\n* { depend += 'a', \"x\", a ; }", "a", "b", "b { }\n* { depend += 'b', \"x\", b ; }"),
            ("a { }\nc { depend = $name, \"${a}\", aa; }", "a", "b", "b { }\nc { depend = $name, \"${a}\", aa; }"),
            ("a { }\nc { depend = a, \"$x\"; }", "a", "b", "b { }\nc { depend = b, \"$x\"; }"),
            ("p { a { } }", "p.a", "p.b", "p { b { } }"),
            ("a { }", "x", "y", "a { }"),
            ("a { }", "a", "a.b", "a.b { }"),
        ] {
            assert_eq!(renamed(text, old, new).as_deref(), Ok(after), "{text:?}");
            if new != "a.b" {
                assert_eq!(renamed(after, new, old).as_deref(), Ok(text), "and back: {text:?}");
            }
        }
    }

    #[test]
    fn a_name_that_is_taken_or_is_none_is_refused() {
        for (text, old, new, message) in [
            ("a { }\nb { }", "a", "b", "jail.conf:2:1: error: there is a jail 'b' already"),
            ("a { }\nb.c { }", "a", "b", "jail.conf:2:1: error: there is a jail 'b.c' already"),
            ("a { }", "a", "12", "jail.conf:1:1: error: '12' cannot be the name of a jail"),
            ("a { }", "a", "b.*", "jail.conf:1:1: error: 'b.*' cannot be the name of a jail"),
            ("a { }", "a", "", "jail.conf:1:1: error: '' cannot be the name of a jail"),
            ("p { a { } }", "p.a", "b", "jail.conf:1:5: error: a jail in the block of 'p' is called p.something"),
        ] {
            assert_eq!(renamed(text, old, new), Err(message.to_owned()), "{text:?}");
        }
    }
}
