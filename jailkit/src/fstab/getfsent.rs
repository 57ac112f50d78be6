//! How getfsent(3) reads a line: `lib/libc/gen/fstab.c`.

use bstr::ByteSlice;

use super::Entry;
use super::options::Access;
use super::vis;

/// What getfsent(3) makes of one line.
pub(super) enum Line {
    /// Blank, a comment, or marked `xx`.
    Passed,
    Entry(Entry),
    Bad,
}

/// getfsent(3) reads lines into a buffer of 1024 bytes, NUL included; what is longer counts as several lines.
pub(super) const LINE_MAX: usize = 1023;

pub(super) fn read_line(line: &[u8]) -> Line {
    let line = &line[..memchr::memchr(0, line).unwrap_or(line.len())];
    if matches!(line.first(), Some(b'#' | b'\n')) {
        return Line::Passed;
    }
    if memchr::memchr2(b' ', b'\t', line).is_none() {
        return read_colons(line);
    }
    let mut fields = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\n')).filter(|field| !field.is_empty());
    let spec = match fields.next() {
        None => return Line::Passed,
        Some([b'#', ..]) => return Line::Passed,
        Some(spec) => spec,
    };
    let (Some(file), vfstype, mntops) = (fields.next(), fields.next(), fields.next()) else { return Line::Bad };
    let (Some(spec), Some(file)) = (vis::decode(spec), vis::decode(file)) else { return Line::Bad };
    let (Some(vfstype), Some(mntops)) = (vfstype, mntops) else { return Line::Bad };
    let mut number = || fields.next().map_or(0, atoi);
    let (freq, passno) = (number(), number());
    match mntops.split(|&byte| byte == b',').find(|option| *option == b"xx" || Access::read(option).is_some()) {
        None => Line::Bad,
        Some(b"xx") => Line::Passed,
        Some(access) => Line::Entry(Entry {
            spec: spec.into(),
            file: file.into(),
            vfstype: vfstype.into(),
            mntops: mntops.into(),
            access: access.into(),
            freq,
            passno,
        }),
    }
}

/// The format before 4.4BSD: `spec:file:type:freq:passno`.
fn read_colons(line: &[u8]) -> Line {
    let mut fields = line.split(|byte| b":\n".contains(byte));
    let (Some(spec), Some(file), Some(access)) = (fields.next(), fields.next(), fields.next()) else {
        return Line::Bad;
    };
    if access == b"xx" {
        return Line::Passed;
    }
    let (Some(freq), Some(passno)) = (fields.next(), fields.next()) else { return Line::Bad };
    Line::Entry(Entry {
        spec: spec.into(),
        file: file.into(),
        vfstype: if access == b"sw" { "swap".into() } else { "ufs".into() },
        mntops: access.into(),
        access: access.into(),
        freq: atoi(freq),
        passno: atoi(passno),
    })
}

/// atoi(3), for numbers that fit; those that do not wrap as strtol(3) cut to an int does.
fn atoi(text: &[u8]) -> i32 {
    let text = text.trim_start_with(|c| matches!(c, ' ' | '\t'..='\r'));
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let digit = |byte: &u8| i64::from(byte - b'0');
    let value = digits.fold(0i64, |sum, byte| {
        if negative {
            sum.saturating_mul(10).saturating_sub(digit(byte))
        } else {
            sum.saturating_mul(10).saturating_add(digit(byte))
        }
    });
    value as i32
}
