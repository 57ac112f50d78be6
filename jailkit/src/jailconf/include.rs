//! `.include`: the files that a jail.conf takes in where it says so.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::lex::decode_into;
use super::parse::{self, Item, Param, Piece, Statements};
use crate::source::{Diagnostic, Diagnostics, Source};

/// How deep files may include one another, as in jail(8): deeper than this is a loop.
const MAX_DEPTH: usize = 32;

/// How many files one jail.conf may take in: files that include one another twice over would never end.
const MAX_FILES: usize = 4096;

/// One file with its statements.
pub(super) struct File<'a> {
    pub(super) source: Source,
    pub(super) statements: Cow<'a, Statements>,
    /// By the index of an item: the files it includes, as indices among the files.
    pub(super) included: Vec<(usize, Vec<usize>)>,
}

/// The file and all that it includes; itself the first.
pub(super) fn load<'a>(source: &Source, statements: &'a Statements) -> Result<Vec<File<'a>>, Diagnostics> {
    load_with(source, statements, None)
}

/// The same with one file as it is to be, whether it is on the disk by now or not.
pub(super) fn load_with<'a>(
    source: &Source,
    statements: &'a Statements,
    planned: Option<&Source>,
) -> Result<Vec<File<'a>>, Diagnostics> {
    let mut files = Vec::new();
    add(&mut files, planned, source.clone(), Cow::Borrowed(statements), 0)?;
    Ok(files)
}

fn add<'a>(
    files: &mut Vec<File<'a>>,
    planned: Option<&Source>,
    source: Source,
    statements: Cow<'a, Statements>,
    depth: usize,
) -> Result<usize, Diagnostics> {
    let index = files.len();
    let included = includes(&source, &statements, planned)?;
    files.push(File { source: source.clone(), statements, included: Vec::new() });
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
            let is_planned = planned.filter(|planned| absolute(planned.name()) == absolute(&path));
            let included = is_planned.map_or_else(|| Source::read(&path), |planned| Ok(planned.clone()));
            let included = included.map_err(|cause| {
                let message = format!("cannot read {}: {cause}", path.display());
                error(message, "the file must exist, unless its name has a *, ? or [ in it")
            })?;
            let statements = parse::parse(&included)?;
            indices.push(add(files, planned, included, Cow::Owned(statements), depth + 1)?);
        }
        files[index].included.push((item, indices));
    }
    Ok(index)
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
    source: &Source,
    statements: &Statements,
    planned: Option<&Source>,
) -> Result<Vec<(usize, Param, Vec<PathBuf>)>, Diagnostics> {
    let mut found = Vec::new();
    if memchr::memmem::find(source.text(), b"include").is_none() && !source.text().contains(&b'\\') {
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
                match piece {
                    Piece::Text(span) => decode_into(source.slice(*span), &mut name),
                    Piece::Var(span) => {
                        let message = "a variable cannot stand in the name of an included file";
                        return Err(Diagnostic::error(source, *span, message).with_help("write the name out").into());
                    }
                }
            }
            paths.extend(matching(source.name(), &BString::from(name), planned.map(Source::name)));
        }
        found.push((index, param.clone(), paths));
    }
    Ok(found)
}

/// The files that a name stands for: itself, or what its pattern matches. A relative name begins at the directory of
/// the file that includes it.
fn matching(including: &Path, name: &BString, planned: Option<&Path>) -> Vec<PathBuf> {
    let mut full = Vec::new();
    if !name.starts_with(b"/") {
        let including = including.as_os_str().as_encoded_bytes();
        full.extend_from_slice(&including[..including.rfind_byte(b'/').map_or(0, |slash| slash + 1)]);
    }
    full.extend_from_slice(name);
    let literal = || vec![full.to_path_lossy().into_owned()];
    let has_pattern = full.find_byteset(b"*?").is_some()
        || full.find_byte(b'[').is_some_and(|open| full[open + 1..].find_byte(b']').is_some());
    let options =
        glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let Some(pattern) = full.to_str().ok().filter(|_| has_pattern) else { return literal() };
    let Ok(found) = glob::glob_with(pattern, options) else { return literal() };
    let mut paths: Vec<PathBuf> = found.filter_map(Result::ok).collect();
    if let Some(planned) = planned.map(absolute)
        && glob::Pattern::new(&absolute(Path::new(pattern)).to_string_lossy())
            .is_ok_and(|pattern| pattern.matches_path_with(&planned, options))
        && !paths.iter().any(|path| absolute(path) == planned)
    {
        paths.insert(paths.partition_point(|path| absolute(path) < planned), planned);
    }
    paths
}

/// A path from the root on, its links not followed.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
