//! Jails moved out of a file into one that it includes.

use std::cmp::Ordering;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::format::Gap;
use super::include::{self, Files, GLOB, HostFiles};
use super::quote::quoted;
use super::{JailConf, ResolvedJail};
use crate::replace::{ReplaceError, replace_file};
use crate::source::{Diagnostics, Source};

/// A file whose jails have gone into another one; both as they are to be, and neither written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The file that the jails were in.
    pub file: JailConf,
    /// The file that they are in now, by its path.
    pub included: Source,
    /// Whether jail(8) comes to the jails in another order than before.
    pub is_reordered: bool,
}

/// Jails that could not be moved. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// A file that cannot be read.
    #[error(transparent)]
    Found(#[from] Diagnostics),
    /// There is no such block in the file.
    #[error("the file has no block '{0}'")]
    NoJail(String),
    /// What stands around the block would apply otherwise there.
    #[error("{path}: the file would not mean the same with {what} there; move what applies to it along, or include the \
             file elsewhere", path = path.display(), what = jails_said(jails))]
    Differs {
        /// The file that the jails were to go to.
        path: PathBuf,
        /// The jails that would come out otherwise.
        jails: Vec<BString>,
    },
}

fn jails_said(jails: &[BString]) -> String {
    jails.iter().map(|jail| format!("jail '{}'", crate::source::printable(jail))).collect::<Vec<_>>().join(", ")
}

impl Moved {
    /// Writes both files: the one that is included first, so that a crash in between loses no jail. Where it was
    /// included before, the jails stand in both files until the other one is written; they mean the same in either.
    ///
    /// # Errors
    /// [`ReplaceError`] where one of them cannot be replaced.
    pub fn write(&self) -> Result<(), ReplaceError> {
        use std::os::unix::fs::MetadataExt;
        let file = self.file.source.name();
        let mode = std::fs::metadata(file).map_or(0o644, |found| found.mode() & 0o7777);
        replace_file(self.included.name(), self.included.text(), mode)?;
        replace_file(file, self.file.text(), mode)
    }
}

impl JailConf {
    /// Moves the blocks of jails into a file, with the comments right above them. Where the file is included already,
    /// by name or by a pattern, they go to its end; else `.include` takes the place of the first of them. `written` is
    /// how `.include` names the file, relative to the directory of this one or from `/` on; `current` is its text, empty
    /// where there is none yet. All jails resolve to what they did before.
    ///
    /// # Errors
    /// [`MoveError`]: no such block, or one that would come to something else in its new place.
    ///
    /// # Example
    /// ```
    /// use jailkit::jailconf::JailConf;
    /// use jailkit::source::Source;
    ///
    /// let text = "path = \"/srv/$name\";\n\n# the shop\nwww {\n    persist;\n}\n";
    /// let conf = JailConf::parse(&Source::new("/nowhere/jail.conf", text))?;
    /// let moved = conf.move_jails(&["www"], "www.conf", b"")?;
    /// assert_eq!(moved.file.text(), b"path = \"/srv/$name\";\n\n.include \"www.conf\";\n");
    /// assert_eq!(moved.included.text(), b"# the shop\nwww {\n    persist;\n}\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn move_jails(&self, jails: &[&str], written: &str, current: &[u8]) -> Result<Moved, MoveError> {
        let path = self.source.name().parent().unwrap_or(Path::new("")).join(written);
        let before = Source::new(&path, current);
        let was_there = self.included_with(&before)?;
        let (mut file, mut included, mut is_included) = (self.clone(), before.clone(), was_there);
        for &jail in jails {
            let span = file.block_with_comments(jail).ok_or_else(|| MoveError::NoJail(jail.to_owned()))?;
            let mut text = included.text().to_vec();
            if is_included && !text.is_empty() && !text.ends_with(b"\n\n") && !text.ends_with(b"\r\n\r\n") {
                let is_open = !text.ends_with(b"\n");
                text.extend(file.newline().repeat(1 + usize::from(is_open)).bytes());
            }
            text.extend_from_slice(&file.text()[span.clone()]);
            included = Source::new(&path, text);
            if is_included {
                file.cut_lines(file.with_blank_line(span))?;
            } else {
                let block = &file.text()[span.clone()];
                let end = if block.ends_with(b"\n") { file.newline() } else { "" };
                let blanks = block.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                let indent = block[..blanks].to_str_lossy();
                let line = format!("{indent}.include {};{end}", quoted_path(written));
                file.splice(span, &line)?;
                is_included = true;
            }
        }
        let old = self.resolve()?;
        let new = file.resolve_in(&Planned::new(&included))?;
        let differing = differing(&old.jails, &new.jails);
        if !differing.is_empty() {
            return Err(MoveError::Differs { path, jails: differing });
        }
        let is_reordered = old.jails.iter().zip(&new.jails).any(|(old, new)| old.name != new.name);
        Ok(Moved { file, included, is_reordered })
    }

    /// Whether the file takes in another one.
    fn included_with(&self, other: &Source) -> Result<bool, Diagnostics> {
        let files = include::load(&Planned::new(other), &self.source, &self.statements)?;
        let path = absolute(other.name());
        Ok(files.iter().skip(1).any(|file| absolute(file.source.name()) == path))
    }

    /// A jail's block, and the comments that stand right above it; whole lines where nothing else stands there.
    fn block_with_comments(&self, jail: &str) -> Option<Range<usize>> {
        let block = self.jail(jail)?.span;
        // A comment behind the closing brace goes along.
        let with_comment = || Some(block.start - self.line_blanks(block.start)?.len()..self.line_behind(block.end)?);
        let Some(lines) = self.own_lines(&block).or_else(with_comment) else { return Some(block) };
        let before = self.statements.items.iter().map(super::parse::Item::end).filter(|&end| end <= block.start).max();
        let from = before.unwrap_or(0);
        let gap = Gap::of(&self.text()[from..block.start]);
        Some(from + gap.comments_above(before.is_none()).unwrap_or(lines.start - from)..lines.end)
    }
}

/// The files of this system with one as it is to be, whether it is there by now or not.
struct Planned<'a> {
    path: PathBuf,
    text: &'a [u8],
}

impl<'a> Planned<'a> {
    fn new(source: &'a Source) -> Self {
        Self { path: absolute(source.name()), text: source.text() }
    }
}

impl Files for Planned<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if absolute(path) == self.path { Ok(self.text.to_owned()) } else { HostFiles.read(path) }
    }

    fn matching(&self, pattern: &str) -> Option<Vec<PathBuf>> {
        let mut paths = HostFiles.matching(pattern)?;
        let full = glob::Pattern::new(&absolute(Path::new(pattern)).to_string_lossy());
        let is_meant = full.is_ok_and(|full| full.matches_path_with(&self.path, GLOB));
        if is_meant && !paths.iter().any(|path| absolute(path) == self.path) {
            paths.insert(paths.partition_point(|path| absolute(path) < self.path), self.path.clone());
        }
        Some(paths)
    }
}

/// A path from the root on, its links not followed.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// `.include` takes a name as it stands: a variable is none there.
fn quoted_path(path: &str) -> String {
    let quoted = quoted(path).replace('$', "\\$");
    if quoted.starts_with('"') { quoted } else { format!("\"{quoted}\"") }
}

/// The jails that are not in both with the same parameters.
fn differing(old: &[ResolvedJail], new: &[ResolvedJail]) -> Vec<BString> {
    let sorted = |jails| {
        let mut jails = Vec::from_iter(jails);
        jails.sort_by(|one: &&ResolvedJail, other| one.name.cmp(&other.name));
        jails.into_iter().peekable()
    };
    let (mut old, mut new) = (sorted(old), sorted(new));
    let mut names = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return names,
            (Some(old), Some(new)) => old.name.cmp(&new.name),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        };
        let one = if order.is_le() { old.next() } else { None };
        let other = if order.is_ge() { new.next() } else { None };
        if let (Some(one), Some(other)) = (one, other)
            && is_same(one, other)
        {
            continue;
        }
        names.extend(one.or(other).map(|jail| jail.name.clone()));
    }
}

fn is_same(one: &ResolvedJail, other: &ResolvedJail) -> bool {
    one.failed == other.failed
        && one.params.len() == other.params.len()
        && one.params.iter().zip(&other.params).all(|(one, other)| one.name == other.name && one.values == other.values)
}
