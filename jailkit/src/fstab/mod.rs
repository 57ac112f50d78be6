//! fstab(5): what is mounted where, as getfsent(3) reads it.
//!
//! # Example
//! ```
//! use jailkit::fstab::{Entry, Fstab};
//! use jailkit::source::Source;
//!
//! let mut fstab = Fstab::parse(&Source::new("fstab", "# mine\n"));
//! fstab.add(&Entry::nullfs("/usr/ports", "/srv/jail/www/fs/usr/ports", "ro"));
//! assert_eq!(fstab.text(), b"# mine\n/usr/ports\t/srv/jail/www/fs/usr/ports\tnullfs\tro\t0\t0\n");
//! ```

mod check;
mod vis;

use std::path::Path;

use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};

use crate::source::{Diagnostic, Diagnostics, Source};

pub(crate) use vis::decode as unvis;

/// An fstab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fstab {
    source: Source,
}

/// A line of an fstab that says what to mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What is mounted (`fs_spec`), escapes undone.
    pub spec: BString,
    /// Where (`fs_file`), escapes undone.
    pub file: BString,
    /// The type of the file system (`fs_vfstype`).
    pub vfstype: BString,
    /// Its options, between commas (`fs_mntops`).
    pub mntops: BString,
    /// Which of `rw`, `rq`, `ro` and `sw` is the first among the options (`fs_type`).
    pub access: BString,
    /// `fs_freq`, for dump(8).
    pub freq: i32,
    /// `fs_passno`, for fsck(8).
    pub passno: i32,
}

impl Entry {
    /// A nullfs(5) mount; `access` is `ro` or `rw`, further options may follow it behind commas.
    pub fn nullfs(source: impl AsRef<Path>, target: impl AsRef<Path>, mntops: &str) -> Self {
        let bytes = |path: &Path| BString::from(path.as_os_str().as_encoded_bytes());
        Self {
            spec: bytes(source.as_ref()),
            file: bytes(target.as_ref()),
            vfstype: "nullfs".into(),
            mntops: mntops.into(),
            access: mntops.split(',').next().unwrap_or_default().into(),
            freq: 0,
            passno: 0,
        }
    }

    /// Whether an option stands among the options.
    pub fn has_option(&self, option: &str) -> bool {
        self.mntops.split_str(",").any(|found| found == option.as_bytes())
    }

    /// The line that says this, with tabs between its fields and a newline.
    pub fn line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        for field in [&self.spec, &self.file] {
            vis::encode(field, &mut line);
            line.push(b'\t');
        }
        for field in [&self.vfstype, &self.mntops] {
            line.extend_from_slice(field);
            line.push(b'\t');
        }
        line.extend_from_slice(format!("{}\t{}\n", self.freq, self.passno).as_bytes());
        line
    }
}

/// What getfsent(3) makes of one line.
enum Line {
    /// Blank, a comment, or marked `xx`.
    Passed,
    Entry(Entry),
    Bad,
}

impl Fstab {
    /// Reads a file. Every file can be read: lines that getfsent(3) cannot read are [`Fstab::bad_lines`].
    pub fn parse(source: &Source) -> Self {
        Self { source: source.clone() }
    }

    /// The file as it now is.
    pub fn text(&self) -> &[u8] {
        self.source.text()
    }

    /// The entries that getfsent(3) yields, in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.lines().filter_map(|(_, line)| match read_line(line) {
            Line::Entry(entry) => Some(entry),
            Line::Passed | Line::Bad => None,
        })
    }

    /// The numbers of the lines, from 1, that getfsent(3) complains of and passes over.
    pub fn bad_lines(&self) -> impl Iterator<Item = usize> {
        let numbered = self.lines().enumerate();
        numbered.filter(|(_, (_, line))| matches!(read_line(line), Line::Bad)).map(|(index, _)| index + 1)
    }

    /// Finds what is wrong with the file: lines that getfsent(3) cannot read are errors; mounts that get in each
    /// other's way are warnings.
    ///
    /// # Errors
    /// All findings, where one is an error.
    pub fn check(&self) -> Result<Vec<Diagnostic>, Diagnostics> {
        Diagnostics::check(check::findings(&self.source, self.lines()))
    }

    /// Adds an entry at the end; nothing happens where it is there already.
    pub fn add(&mut self, entry: &Entry) {
        if self.entries().any(|found| found == *entry) {
            return;
        }
        let mut text = self.text().to_vec();
        if text.last().is_some_and(|&byte| byte != b'\n') {
            text.push(b'\n');
        }
        text.extend(entry.line());
        self.source = Source::new(self.source.name(), text);
    }

    /// Removes the line of an entry.
    pub fn remove(&mut self, entry: &Entry) {
        let found = self.lines().find(|(_, line)| matches!(read_line(line), Line::Entry(found) if found == *entry));
        let Some((start, line)) = found else { return };
        let mut text = self.text().to_vec();
        text.drain(start..start + line.len());
        self.source = Source::new(self.source.name(), text);
    }

    /// Each line with its newline, as fgets(3) hands them to getfsent(3), and where it begins.
    fn lines(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut rest = self.text();
        let mut start = 0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let limit = rest.len().min(LINE_MAX);
            let len = memchr::memchr(b'\n', &rest[..limit]).map_or(limit, |at| at + 1);
            let (line, after) = rest.split_at(len);
            let found = (start, line);
            (rest, start) = (after, start + len);
            Some(found)
        })
    }
}

/// getfsent(3) reads lines into a buffer of 1024 bytes, NUL included; what is longer counts as several lines.
const LINE_MAX: usize = 1023;

fn read_line(line: &[u8]) -> Line {
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
    let known = [&b"rw"[..], b"rq", b"ro", b"sw", b"xx"];
    let access = mntops.split(|&byte| byte == b',').find(|option| known.contains(option));
    match access {
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
