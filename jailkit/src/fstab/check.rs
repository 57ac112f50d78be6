//! What is wrong with an fstab, line by line.

use std::collections::HashMap;

use bstr::{BString, ByteSlice};

use super::{Line, read_line};
use crate::source::{Diagnostic, Source, Span, printable};

/// Goes over the lines, each with where it begins.
pub(super) fn findings<'a>(source: &Source, lines: impl Iterator<Item = (usize, &'a [u8])>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // What is mounted so far, and what directories it is in: a mount at one of them hides it.
    let mut mounted: HashMap<BString, ()> = HashMap::new();
    let mut above: HashMap<BString, BString> = HashMap::new();
    for (start, line) in lines {
        let span = Span::new(start, start + line.trim_end_with(|c| matches!(c, '\n' | '\r')).len());
        let entry = match read_line(line) {
            Line::Passed => continue,
            Line::Bad => {
                let help = "a line is: what, where, type, options with one of rw, ro, rq or sw, dump, pass; \
                            a blank in a name is \\040";
                found.push(Diagnostic::error(source, span, "getfsent(3) cannot read this line").with_help(help));
                continue;
            }
            Line::Entry(entry) => entry,
        };
        if !entry.file.starts_with(b"/") {
            continue;
        }
        let place = BString::from(entry.file.trim_end_with(|c| c == '/'));
        let shown = printable(&entry.file);
        if mounted.contains_key(&place) {
            let message = format!("{shown} is mounted a second time");
            found.push(Diagnostic::warning(source, span, message).with_help("remove one of the lines"));
        } else if let Some(below) = above.get(&place) {
            let message = format!("this hides the mount at {} above", printable(below));
            found.push(Diagnostic::warning(source, span, message).with_help("put this line before that one"));
        }
        for (at, _) in place.iter().enumerate().filter(|&(_, &byte)| byte == b'/') {
            above.entry(place[..at].into()).or_insert_with(|| place.clone());
        }
        mounted.insert(place, ());
    }
    found
}
