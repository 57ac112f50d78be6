//! `.include`: the files that a jail.conf takes in where it says so.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::lex::decode_into;
use super::parse::{self, Item, Param, Statements};
use crate::source::{Diagnostic, Diagnostics, Source};

/// How deep files may include one another, as in jail(8): deeper than this is a loop.
const MAX_DEPTH: usize = 32;

/// How many files one jail.conf may take in: files that include one another twice over would never end.
const MAX_FILES: usize = 4096;

/// How long all files may be together: a place in them is a number of 32 bits.
const MAX_LEN: usize = Source::MAX_LEN;

/// Where the files lie that a jail.conf includes. A relative name has been put behind the directory of the file that
/// includes it before it comes here.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// What reading it failed with.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The files that a pattern with `*`, `?` or `[` matches, in order; none where it is no pattern. As in glob(3), a
    /// wildcard matches neither a slash nor the dot that a name begins with.
    fn matching(&self, pattern: &str) -> Option<Vec<PathBuf>>;
}

/// The files of this system.
pub struct HostFiles;

impl Files for HostFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn matching(&self, pattern: &str) -> Option<Vec<PathBuf>> {
        Some(glob::glob_with(pattern, GLOB).ok()?.filter_map(Result::ok).collect())
    }
}

/// No files at all: none is found, and no pattern matches one.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn matching(&self, _: &str) -> Option<Vec<PathBuf>> {
        Some(Vec::new())
    }
}

/// How glob(3) takes a pattern.
pub(crate) const GLOB: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// One file with its statements.
pub(super) struct File<'a> {
    pub(super) source: Source,
    pub(super) statements: Cow<'a, Statements>,
    /// How long the files before it are together: with it, an offset tells the file too.
    pub(super) base: u32,
    /// By the index of an item: the files it includes, as indices among the files.
    pub(super) included: Vec<(usize, Vec<usize>)>,
}

/// The file and all that it includes; itself the first.
pub(super) fn load<'a>(
    from: &dyn Files,
    source: &Source,
    statements: &'a Statements,
) -> Result<Vec<File<'a>>, Diagnostics> {
    let mut files = Vec::new();
    add(from, &mut files, source.clone(), Cow::Borrowed(statements), 0, 0)?;
    Ok(files)
}

fn add<'a>(
    from: &dyn Files,
    files: &mut Vec<File<'a>>,
    source: Source,
    statements: Cow<'a, Statements>,
    depth: usize,
    base: u32,
) -> Result<usize, Diagnostics> {
    let index = files.len();
    let included = includes(from, &source, &statements)?;
    files.push(File { source: source.clone(), statements, base, included: Vec::new() });
    for (item, param, paths) in included {
        let error = |message: String, help: &str| Diagnostic::error(&source, param.span, message).with_help(help);
        let mut indices = Vec::new();
        for path in paths {
            if depth >= MAX_DEPTH {
                let message = format!("files include one another more than {MAX_DEPTH} deep");
                return Err(error(message, "look for a file that includes itself").into());
            }
            if files.len() >= MAX_FILES {
                let message = format!("more than {MAX_FILES} files are included");
                return Err(error(message, "look for files that include one another").into());
            }
            let included = read(from, &path).map_err(|cause| {
                let message = format!("cannot read {}: {cause}", path.display());
                error(message, "the file must exist, unless its name has a *, ? or [ in it")
            })?;
            let base = files.last().map_or(0, |last| last.base as usize + last.source.text().len() + 1);
            if base + included.text().len() > MAX_LEN {
                let message = "the included files are more than 4 GB long together".to_owned();
                return Err(error(message, "look for files that are no jail.conf").into());
            }
            let statements = parse::parse(&included)?;
            indices.push(add(from, files, included, Cow::Owned(statements), depth + 1, base as u32)?);
        }
        files[index].included.push((item, indices));
    }
    Ok(index)
}

fn read(from: &dyn Files, path: &Path) -> io::Result<Source> {
    let text = from.read(path)?;
    if text.len() > Source::MAX_LEN {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Source::new(path, text))
}

/// Whether a statement is the directive and not a parameter.
fn is_include(source: &Source, param: &Param) -> bool {
    !param.is_variable && !param.values.is_empty() && {
        let mut name = Vec::new();
        decode_into(source.slice(param.name), &mut name);
        name == b".include"
    }
}

/// The directives of a file, each with the index of its item and the files that it names.
fn includes(
    from: &dyn Files,
    source: &Source,
    statements: &Statements,
) -> Result<Vec<(usize, Param, Vec<PathBuf>)>, Diagnostics> {
    let mut found = Vec::new();
    if memchr::memmem::find(source.text(), b"include").is_none() && memchr::memchr(b'\\', source.text()).is_none() {
        return Ok(found);
    }
    for (index, item) in statements.items.iter().enumerate() {
        let Item::Param(param) = item else { continue };
        if !is_include(source, param) {
            continue;
        }
        let mut paths = Vec::new();
        for pieces in &statements.values[param.values.start as usize..param.values.end as usize] {
            let mut name = Vec::new();
            for piece in &statements.pieces[pieces.start as usize..pieces.end as usize] {
                if piece.is_variable() {
                    let message = "a variable cannot stand in the name of an included file";
                    return Err(Diagnostic::error(source, piece.span(), message)
                        .with_help("write the name out")
                        .into());
                }
                decode_into(source.slice(piece.span()), &mut name);
            }
            paths.extend(matching(from, source.name(), &BString::from(name)));
        }
        found.push((index, param.clone(), paths));
    }
    Ok(found)
}

/// The files that a name stands for: itself, or what its pattern matches. A relative name begins at the directory of
/// the file that includes it.
fn matching(from: &dyn Files, including: &Path, name: &BString) -> Vec<PathBuf> {
    let mut full = Vec::new();
    if !name.starts_with(b"/") {
        let including = including.as_os_str().as_encoded_bytes();
        full.extend_from_slice(&including[..including.rfind_byte(b'/').map_or(0, |slash| slash + 1)]);
    }
    full.extend_from_slice(name);
    let has_pattern = full.find_byteset(b"*?").is_some()
        || full.find_byte(b'[').is_some_and(|open| full[open + 1..].find_byte(b']').is_some());
    let pattern = full.to_str().ok().filter(|_| has_pattern);
    pattern.and_then(|pattern| from.matching(pattern)).unwrap_or_else(|| vec![full.to_path_lossy().into_owned()])
}
