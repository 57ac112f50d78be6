//! The columns of an fstab in line.

use bstr::ByteSlice;

use super::getfsent::{LINE_MAX, Line, read_line};
use super::{Fstab, JailMount};

/// How many fields a line has.
const FIELDS: usize = 6;

/// Where a tab leads: to the next multiple of this.
const TAB: usize = 8;

/// A field that is wider than this does not push the columns of all other lines to the right.
const WIDEST: usize = 64;

/// A line as it is written.
enum Row<'a> {
    /// One that stays as it is: what is no mount, and what would be read otherwise.
    Kept(&'a [u8]),
    /// A comment or an empty line, without blanks at its end.
    Passed(&'a [u8]),
    /// The fields, and the line they are of.
    Fields(Vec<Field<'a>>, &'a [u8]),
}

/// A field, and the blanks behind it.
struct Field<'a> {
    text: &'a [u8],
    gap: &'a [u8],
}

impl<'a> Row<'a> {
    fn of(whole: &'a [u8]) -> Self {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        if whole.len() > LINE_MAX || line.contains(&0) {
            return Self::Kept(line);
        }
        let read = read_line(whole);
        let first = line.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
        if matches!(read, Line::Passed) && first.is_none_or(|&byte| byte == b'#') {
            return Self::Passed(line.trim_end_with(is_blank));
        }
        let is_mount = !matches!(read, Line::Bad) || matches!(JailMount::read_line(line), Ok(Some(_)));
        let fields = fields(line);
        if is_mount && fields.len() > 1 { Self::Fields(fields, line) } else { Self::Kept(line) }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// The fields of a line; a comment at its end is the last one, whole.
fn fields(line: &[u8]) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    let mut rest = line.trim_with(is_blank);
    while let Some(end) = rest.find_byteset(b" \t") {
        let is_last = found.len() >= FIELDS || (found.len() >= 3 && rest.starts_with(b"#"));
        if is_last {
            break;
        }
        let after = rest[end..].trim_start_with(is_blank);
        found.push(Field { text: &rest[..end], gap: &rest[end..rest.len() - after.len()] });
        rest = after;
    }
    found.push(Field { text: rest, gap: b"" });
    found
}

pub(super) fn formatted(fstab: &Fstab) -> Vec<u8> {
    let text = fstab.text();
    let rows: Vec<_> = text.lines_with_terminator().map(Row::of).collect();
    let columns = Columns::of(&rows);
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    let mut was_empty = true;
    for row in &rows {
        let is_empty = matches!(row, Row::Passed(b""));
        if is_empty && was_empty {
            continue;
        }
        was_empty = is_empty;
        match row {
            Row::Kept(line) | Row::Passed(line) => out.extend_from_slice(line),
            Row::Fields(fields, line) => {
                let even = columns.line(fields);
                // What does not fit into getfsent(3)'s buffer would be read in pieces.
                out.extend_from_slice(if even.len() < LINE_MAX { &even } else { line });
            }
        }
        out.push(b'\n');
    }
    let ends_open = text.last().is_some_and(|&byte| byte != b'\n');
    if was_empty || (ends_open && matches!(rows.last(), Some(Row::Kept(_)))) {
        out.pop();
    }
    out
}

/// How wide each column is.
struct Columns {
    widths: [usize; FIELDS],
    by_tabs: bool,
}

impl Columns {
    fn of(rows: &[Row<'_>]) -> Self {
        let mut widths = [0; FIELDS];
        let (mut by_tabs, mut by_spaces) = (0usize, 0usize);
        for row in rows {
            let Row::Fields(fields, _) = row else { continue };
            // The last field of a line pushes nothing.
            let pushing = &fields[..fields.len().saturating_sub(1)];
            for (width, field) in widths.iter_mut().zip(pushing) {
                let has_tab = field.gap.contains(&b'\t');
                *(if has_tab { &mut by_tabs } else { &mut by_spaces }) += 1;
                let needed = field.text.chars().count();
                if needed <= WIDEST {
                    *width = needed.max(*width);
                }
            }
        }
        Self { widths, by_tabs: by_tabs >= by_spaces }
    }

    fn line(&self, fields: &[Field<'_>]) -> Vec<u8> {
        let mut line = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            line.extend_from_slice(field.text);
            if index + 1 == fields.len() {
                break;
            }
            let width = self.widths.get(index).copied().unwrap_or_default();
            let used = field.text.chars().count();
            if self.by_tabs {
                let stop = (width / TAB + 1) * TAB;
                let tabs = stop.saturating_sub(used).div_ceil(TAB).max(1);
                line.extend(std::iter::repeat_n(b'\t', tabs));
            } else {
                line.extend(std::iter::repeat_n(b' ', (width + 1).saturating_sub(used).max(1)));
            }
        }
        line
    }
}
