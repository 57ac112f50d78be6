//! A line of an fstab as a value.

use std::path::Path;

use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};

use super::getfsent::{LINE_MAX, Line, read_line};
use super::options::{Access, MountOption, MountOptions};
use super::vis;

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
    /// Which of `rw`, `rq`, `ro` and `sw` is the first among the options (`fs_type`); in the old format whatever stands
    /// there.
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

    /// An entry option by option.
    ///
    /// # Example
    /// ```
    /// use jailkit::fstab::{Access, Entry};
    ///
    /// let entry = Entry::builder("tmpfs", "/srv/my jail/tmp", "tmpfs").value("size", "1g").flag("nosuid").build()?;
    /// assert_eq!(entry.line(), b"tmpfs\t/srv/my\\040jail/tmp\ttmpfs\trw,size=1g,nosuid\t0\t0\n");
    /// let entry = Entry::builder("/dev/ada0p2", "/", "ufs").access(Access::ReadOnly).freq(1).passno(1).build()?;
    /// assert_eq!(entry.mntops, "ro");
    /// # Ok::<(), jailkit::fstab::EntryError>(())
    /// ```
    pub fn builder(spec: impl AsRef<[u8]>, file: impl AsRef<[u8]>, vfstype: impl AsRef<[u8]>) -> EntryBuilder {
        EntryBuilder {
            spec: spec.as_ref().into(),
            file: file.as_ref().into(),
            vfstype: vfstype.as_ref().into(),
            options: Vec::new(),
            freq: 0,
            passno: 0,
        }
    }

    /// The options one by one.
    pub fn options(&self) -> MountOptions<'_> {
        MountOptions::new(&self.mntops)
    }

    /// Whether an option stands among the options.
    pub fn has_option(&self, option: &str) -> bool {
        self.options().has(option)
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

/// What [`Entry::builder`] makes.
#[derive(Clone, Debug)]
#[must_use = "build() makes the entry"]
pub struct EntryBuilder {
    spec: BString,
    file: BString,
    vfstype: BString,
    options: Vec<MountOption>,
    freq: i32,
    passno: i32,
}

impl EntryBuilder {
    /// How the file system may be used; `rw` where nothing is said.
    pub fn access(self, access: Access) -> Self {
        self.option(MountOption::Access(access))
    }

    /// One more option.
    pub fn option(mut self, option: MountOption) -> Self {
        self.options.push(option);
        self
    }

    /// One more option that is a word.
    pub fn flag(self, word: impl AsRef<[u8]>) -> Self {
        self.option(MountOption::read(word.as_ref()))
    }

    /// One more option that is a name and a value.
    pub fn value(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.option(MountOption::Value(name.as_ref().into(), value.as_ref().into()))
    }

    /// More options, between commas.
    pub fn options(mut self, options: impl AsRef<[u8]>) -> Self {
        self.options.extend(MountOptions::new(&options).iter());
        self
    }

    /// How often dump(8) saves it, in days; 0 for never.
    pub fn freq(mut self, freq: i32) -> Self {
        self.freq = freq;
        self
    }

    /// In which pass fsck(8) checks it; 0 for never.
    pub fn passno(mut self, passno: i32) -> Self {
        self.passno = passno;
        self
    }

    /// The entry, where a line can say it.
    ///
    /// # Errors
    /// [`EntryError`]: a field is empty, has bytes in it that it cannot have, or all of it is too long.
    pub fn build(self) -> Result<Entry, EntryError> {
        let access = self.options.iter().find_map(|option| match option {
            MountOption::Access(access) => Some(*access),
            _ => None,
        });
        let default = access.is_none().then_some(MountOption::Access(Access::ReadWrite));
        let words = default.iter().chain(&self.options).map(MountOption::word);
        let entry = Entry {
            mntops: bstr::join(",", words).into(),
            access: access.unwrap_or(Access::ReadWrite).option().into(),
            spec: self.spec,
            file: self.file,
            vfstype: self.vfstype,
            freq: self.freq,
            passno: self.passno,
        };
        if let Some(error) = unsaid(&entry) {
            return Err(error);
        }
        let line = entry.line();
        if line.len() > LINE_MAX {
            return Err(EntryError::TooLong { len: line.len() });
        }
        match read_line(&line) {
            Line::Entry(read) if read == entry => Ok(entry),
            _ => Err(EntryError::Option { mntops: entry.mntops }),
        }
    }
}

/// Why a field of the entry cannot be written.
fn unsaid(entry: &Entry) -> Option<EntryError> {
    let fields = [
        ("spec", &entry.spec, true),
        ("mount point", &entry.file, true),
        ("type", &entry.vfstype, false),
        ("options", &entry.mntops, false),
    ];
    for (field, text, is_escaped) in fields {
        if text.is_empty() {
            return Some(EntryError::Empty { field });
        }
        let barred: &[u8] = if is_escaped { b"\0" } else { b"\0 \t\r\n\x0b\x0c#" };
        if text.find_byteset(barred).is_some() {
            return Some(EntryError::Barred { field, text: text.clone() });
        }
    }
    None
}

/// An entry that no line of an fstab can say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A field has nothing in it.
    #[error("the {field} of an fstab entry cannot be empty")]
    Empty {
        /// Which.
        field: &'static str,
    },
    /// A NUL, or in a field that knows no escapes a blank or a `#`.
    #[error(
        "the {field} of an fstab entry cannot have a blank, a # or a NUL in it: {}",
        crate::source::printable(text)
    )]
    Barred {
        /// Which.
        field: &'static str,
        /// What it would be.
        text: BString,
    },
    /// A comma in an option, or an `xx` before the access.
    #[error("the options of an fstab entry would read otherwise: {}", crate::source::printable(mntops))]
    Option {
        /// The options.
        mntops: BString,
    },
    /// getfsent(3) would read it in pieces.
    #[error("an fstab entry has room for {LINE_MAX} bytes, and this one takes {len}")]
    TooLong {
        /// How many bytes the line has.
        len: usize,
    },
}
