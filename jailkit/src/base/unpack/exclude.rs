//! What of an archive is left out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::name::TreePath;
use crate::base::error::BaseError;

/// Patterns: `usr/share/doc` and `usr/tests/**` are paths below the top, `*.a` and `doc` are names at any depth. What
/// is below a directory that is left out is left out too.
pub(super) struct Exclude {
    paths: GlobSet,
    names: GlobSet,
}

impl Exclude {
    pub(super) fn new(patterns: &[String]) -> Result<Self, BaseError> {
        let (mut paths, mut names) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let anchored = pattern.strip_prefix("./").or(pattern.strip_prefix('/')).unwrap_or(pattern);
            let plain = anchored.trim_end_matches('/');
            let set = if anchored.len() < pattern.len() || plain.contains('/') { &mut paths } else { &mut names };
            let glob = GlobBuilder::new(plain).literal_separator(true).build();
            set.add(glob.map_err(|error| refused(pattern, &error))?);
        }
        let build = |set: GlobSetBuilder| set.build().map_err(|error| refused(&patterns.join(", "), &error));
        Ok(Self { paths: build(paths)?, names: build(names)? })
    }

    /// Whether a path, or a directory above it, is left out.
    pub(super) fn covers(&self, path: &TreePath) -> bool {
        if self.paths.is_empty() && self.names.is_empty() {
            return false;
        }
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        path.ancestors().any(|dir| {
            self.paths.is_match(dir) || dir.file_name().is_some_and(|name| self.names.is_match(Path::new(name)))
        })
    }
}

fn refused(pattern: &str, error: &globset::Error) -> BaseError {
    BaseError::Pattern { pattern: pattern.to_owned(), reason: error.kind().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_is_below_them() {
        let patterns = ["usr/share/doc", "usr/tests/*", "*.a", "/rescue", "debug/"].map(str::to_owned);
        let exclude = Exclude::new(&patterns).unwrap();
        for (path, covered) in [
            ("usr/share/doc", true),
            ("usr/share/doc/a/b", true),
            ("usr/share/docs", false),
            ("var/usr/share/doc", false),
            ("usr/tests", false),
            ("usr/tests/sys/x", true),
            ("usr/lib/libc.a", true),
            ("usr/lib/libc.a.b", false),
            ("rescue/ls", true),
            ("usr/rescue", false),
            ("usr/lib/debug/x", true),
            ("", false),
        ] {
            assert_eq!(exclude.covers(&TreePath::new(format!("./{path}").as_bytes()).unwrap()), covered, "{path}");
        }
        assert!(matches!(Exclude::new(&["[a".to_owned()]), Err(BaseError::Pattern { .. })));
    }
}
