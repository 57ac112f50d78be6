//! The MANIFEST of a FreeBSD release, as bsdinstall(8) reads it and `release/scripts/make-manifest.sh` writes it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::BaseError;
use super::unpack::Expect;
use crate::source::printable;

/// A sha256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text is no sha256: 64 hexadecimal digits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sha256 has 64 hexadecimal digits")]
pub struct NotSha256;

impl FromStr for Sha256 {
    type Err = NotSha256;

    fn from_str(text: &str) -> Result<Self, NotSha256> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotSha256);
        }
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| NotSha256)?;
        }
        Ok(Self(digest))
    }
}

/// One archive of a release.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Dist {
    /// The file name: `base.txz`.
    pub file: String,
    /// Its digest.
    pub sha256: Sha256,
    /// How many entries it has.
    pub entries: u64,
    /// What the installer calls it: `base`.
    pub name: String,
    /// What the installer says of it, without its quotes.
    pub description: String,
    /// Whether the installer selects it unasked.
    pub default: bool,
}

/// What a release says of its archives.
///
/// # Example
/// ```
/// use std::path::Path;
/// use jailkit::base::Manifest;
///
/// let line = format!("base.txz\t{}\t372\tbase\t\"Base system (MANDATORY)\"\ton\n", "0".repeat(64));
/// let manifest = Manifest::parse(Path::new("MANIFEST"), line.as_bytes())?;
/// assert_eq!(manifest.dists[0].entries, 372);
/// assert_eq!(manifest.dists[0].description, "Base system (MANDATORY)");
/// # Ok::<(), jailkit::base::BaseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Manifest {
    /// Where it was read from, for messages.
    pub path: PathBuf,
    /// One a line, in the file's order.
    pub dists: Vec<Dist>,
}

impl Manifest {
    /// Reads a MANIFEST.
    ///
    /// # Errors
    /// [`BaseError::File`] where it cannot be read, [`BaseError::Manifest`] where a line is none.
    pub fn read(path: &Path) -> Result<Self, BaseError> {
        Self::parse(path, &fs::read(path).map_err(BaseError::file("read", path))?)
    }

    /// The bytes of a MANIFEST; `path` names it in messages.
    ///
    /// # Errors
    /// [`BaseError::Manifest`] with the line.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, BaseError> {
        let mut dists: Vec<Dist> = Vec::new();
        for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let bad = |reason| BaseError::Manifest { path: path.to_owned(), line: at + 1, reason };
            let dist = Dist::parse(line).map_err(bad)?;
            if dists.iter().any(|other| other.file == dist.file) {
                return Err(bad("this archive has a line already"));
            }
            dists.push(dist);
        }
        if dists.is_empty() {
            return Err(BaseError::Manifest { path: path.to_owned(), line: 1, reason: "the MANIFEST is empty" });
        }
        Ok(Self { path: path.to_owned(), dists })
    }

    /// What it says of the archive with the file name of `archive`.
    ///
    /// # Errors
    /// [`BaseError::NotInManifest`] where it says nothing.
    pub fn expect_of(&self, archive: &Path) -> Result<Expect, BaseError> {
        let name = archive.file_name().unwrap_or_default().as_encoded_bytes();
        let found = self.dists.iter().find(|dist| dist.file.as_bytes() == name);
        let Some(dist) = found else {
            let known: Vec<&str> = self.dists.iter().map(|dist| dist.file.as_str()).collect();
            return Err(BaseError::NotInManifest {
                manifest: self.path.clone(),
                archive: printable(name),
                known: known.join(", "),
            });
        };
        Ok(Expect { sha256: Some(dist.sha256), entries: Some(dist.entries) })
    }
}

impl Dist {
    fn parse(line: &[u8]) -> Result<Self, &'static str> {
        let line = str::from_utf8(line).map_err(|_| "not UTF-8")?;
        if line.contains(|c: char| c.is_control() && c != '\t') {
            return Err("a control character");
        }
        let mut fields = line.split('\t');
        let mut field = |missing| fields.next().filter(|field| !field.is_empty()).ok_or(missing);
        let file = field("no file name")?;
        if file.contains('/') || file.starts_with('.') {
            return Err("the file name is no plain name");
        }
        let sha256 = field("no sha256 after the file name")?;
        let sha256 = sha256.parse().map_err(|NotSha256| "the second field is no sha256 of 64 hexadecimal digits")?;
        let entries = field("no number of entries after the sha256")?;
        let entries = entries.trim().parse().map_err(|_| "the third field is no number of entries")?;
        // Old releases end here.
        let name = field("").unwrap_or(file.split('.').next().unwrap_or(file));
        let description = field("").unwrap_or_default();
        let default = field("").is_ok_and(|field| field == "on");
        Ok(Self {
            file: file.to_owned(),
            sha256,
            entries,
            name: name.to_owned(),
            description: description.trim_matches('"').to_owned(),
            default,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "7d85209fee268a0c3b1a1b785ffd5bae697111c649400941575fb7a05a179442";

    fn parse(text: &str) -> Result<Manifest, BaseError> {
        Manifest::parse(Path::new("MANIFEST"), text.as_bytes())
    }

    #[test]
    fn reads_what_a_release_ships() {
        let text = format!(
            "base-dbg.txz\t{HEX}\t1568\tbase_dbg\t\"Base system (Debugging)\"\toff\r\n\n\
             base.txz\t{HEX}\t26972\tbase\t\"Base system (MANDATORY)\"\ton\nlib32.txz\t{HEX}\t661"
        );
        let manifest = parse(&text).unwrap();
        assert_eq!(manifest.dists.len(), 3);
        assert_eq!((manifest.dists[0].default, manifest.dists[1].default), (false, true));
        assert_eq!(manifest.dists[2].name, "lib32");
        let expect = manifest.expect_of(Path::new("/usr/freebsd-dist/base.txz")).unwrap();
        assert_eq!((expect.sha256.unwrap().to_string().as_str(), expect.entries), (HEX, Some(26972)));
        let error = manifest.expect_of(Path::new("ports.txz")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "MANIFEST has no line for ports.txz; it names: base-dbg.txz, base.txz, lib32.txz"
        );
    }

    #[test]
    fn says_which_line_is_wrong() {
        for (text, message) in [
            (String::new(), "MANIFEST:1: the MANIFEST is empty"),
            ("<html>\n".to_owned(), "MANIFEST:1: no sha256 after the file name"),
            (
                format!("\nbase.txz\t{}\t3\n", &HEX[1..]),
                "MANIFEST:2: the second field is no sha256 of 64 hexadecimal digits",
            ),
            (format!("base.txz\t{HEX}\n"), "MANIFEST:1: no number of entries after the sha256"),
            (format!("base.txz\t{HEX}\t-3\n"), "MANIFEST:1: the third field is no number of entries"),
            (format!("../base.txz\t{HEX}\t3\n"), "MANIFEST:1: the file name is no plain name"),
            (format!("base.txz\t{HEX}\t3\nbase.txz\t{HEX}\t3\n"), "MANIFEST:2: this archive has a line already"),
            (format!("b\x1b[m\t{HEX}\t3\n"), "MANIFEST:1: a control character"),
        ] {
            assert_eq!(parse(&text).unwrap_err().to_string(), message, "{text:?}");
        }
    }
}
