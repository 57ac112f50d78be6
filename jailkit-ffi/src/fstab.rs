//! fstab(5): parsed, printed, edited and checked.

use bstr::BString;
use jailkit::fstab::{self, Entry};
use jailkit::source::Source;

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::findings::Findings;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::text::Text;

/// An fstab(5), byte for byte, that can be edited.
pub struct Fstab {
    _opaque: (),
}

impl Handle for Fstab {
    const KIND: Kind = Kind::Fstab;
    const NAME: &'static str = "jk_fstab";
    type Value = File;
}

/// What is behind the handle: the file, and the entries that C reads.
pub(crate) struct File {
    fstab: fstab::Fstab,
    entries: Vec<Entry>,
}

impl From<fstab::Fstab> for File {
    fn from(fstab: fstab::Fstab) -> Self {
        let entries = fstab.entries().collect();
        Self { fstab, entries }
    }
}

impl File {
    fn edit(&mut self, edit: impl FnOnce(&mut fstab::Fstab)) {
        edit(&mut self.fstab);
        self.entries = self.fstab.entries().collect();
    }
}

/// A line of an fstab(5) that says what to mount.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct FstabEntry {
    /// What is mounted (`fs_spec`), escapes undone.
    pub spec: Bytes,
    /// Where (`fs_file`), escapes undone.
    pub file: Bytes,
    /// The type of the file system (`fs_vfstype`).
    pub vfstype: Bytes,
    /// Its options, between commas (`fs_mntops`). One of them is `rw`, `rq`, `ro` or `sw`.
    pub mntops: Bytes,
    /// `fs_freq`, for dump(8).
    pub freq: i32,
    /// `fs_passno`, for fsck(8).
    pub passno: i32,
}

/// Parses the text of an fstab(5). Every text can be parsed: lines that getfsent(3) cannot read are told by
/// `jk_fstab_check`. `name` is what messages call the file. Neither is kept.
///
/// On success a new handle is in `fstab`; free it with `jk_fstab_free`. Else NULL is.
///
/// Errors: `JK_ERROR_ARGUMENT` only.
///
/// # Safety
/// `fstab` and `error` are NULL or places; the bytes are there. A NULL `fstab` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_parse(
    name: Bytes,
    text: Bytes,
    fstab: *mut *mut Fstab,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, fstab, "fstab", || {
            let source = Source::new(name.path("name")?, text.slice("text")?);
            Ok(fstab::Fstab::parse(&source).into())
        })
    }
}

/// Reads an fstab(5) from the disk of the system that the program runs on.
///
/// On success a new handle is in `fstab`; free it with `jk_fstab_free`. Else NULL is.
///
/// Errors: `JK_ERROR_NOT_FOUND`, `JK_ERROR_RIGHTS` and `JK_ERROR_IO` where the file cannot be read.
///
/// # Safety
/// `fstab` and `error` are NULL or places; the bytes are there. A NULL `fstab` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_read(path: Bytes, fstab: *mut *mut Fstab, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, fstab, "fstab", || {
            let path = path.path("path")?;
            let source = Source::read(path).map_err(|error| Failure::unreadable(path, &error))?;
            Ok(fstab::Fstab::parse(&source).into())
        })
    }
}

/// The file as it now is; nothing for NULL.
///
/// The bytes are the handle's, and are there until it is edited or freed.
///
/// # Safety
/// `fstab` is NULL or an fstab.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_text(fstab: *const Fstab) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(fstab) }.map(|file| Bytes::of(file.fstab.text())))
}

/// How many entries getfsent(3) would yield; 0 for NULL.
///
/// # Safety
/// `fstab` is NULL or an fstab.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_len(fstab: *const Fstab) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(fstab) }.map(|file| file.entries.len()))
}

/// The entry of a number, from 0; one without bytes where there is none.
///
/// The bytes are the handle's, and are there until it is edited or freed.
///
/// # Safety
/// `fstab` is NULL or an fstab.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_get(fstab: *const Fstab, index: usize) -> FstabEntry {
    guard::look(|| {
        // SAFETY: as the section above says.
        let entry = unsafe { handle::peek(fstab) }?.entries.get(index)?;
        Some(FstabEntry {
            spec: Bytes::of(&entry.spec),
            file: Bytes::of(&entry.file),
            vfstype: Bytes::of(&entry.vfstype),
            mntops: Bytes::of(&entry.mntops),
            freq: entry.freq,
            passno: entry.passno,
        })
    })
}

/// Adds an entry at the end; nothing happens where it is there already. Nothing is kept of the bytes, and they may be
/// those of an entry of this fstab.
///
/// Errors: `JK_ERROR_ARGUMENT` where a field is empty or would not read back, or the options have none of `rw`, `rq`,
/// `ro` and `sw`.
///
/// # Safety
/// `fstab` is NULL or an fstab that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `fstab` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_add(fstab: *mut Fstab, entry: FstabEntry, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let entry = read(&entry)?;
            let alone = fstab::Fstab::parse(&Source::new("entry", entry.line()));
            if !alone.entries().eq([entry.clone()]) {
                return Err(Failure::argument(
                    "getfsent(3) would not read this entry back: its fields must not be empty, \
                     nor be longer than 1023 bytes together; its options need one of rw, rq, ro and sw",
                ));
            }
            handle::get_mut(fstab, "fstab")?.edit(|fstab| fstab.add(&entry));
            Ok(())
        })
    }
}

/// Removes the line of an entry. One that is not there is no error. The bytes may be those of an entry of this fstab.
///
/// Errors: `JK_ERROR_ARGUMENT` only.
///
/// # Safety
/// `fstab` is NULL or an fstab that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `fstab` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_remove(fstab: *mut Fstab, entry: FstabEntry, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let entry = read(&entry)?;
            handle::get_mut(fstab, "fstab")?.edit(|fstab| fstab.remove(&entry));
            Ok(())
        })
    }
}

/// The file laid out evenly, its fields in columns, and saying what it said.
///
/// On success a new text is in `text`; free it with `jk_text_free`. Else NULL is.
///
/// Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
///
/// # Safety
/// `fstab` is NULL or an fstab; `text` and `error` are NULL or places. A NULL `fstab` or `text` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_formatted(
    fstab: *const Fstab,
    text: *mut *mut Text,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, text, "text", || Ok(handle::get(fstab, "fstab")?.fstab.formatted())) }
}

/// Finds what is wrong with the file. Where nothing is, the warnings are in `findings`, if that is not NULL; free them
/// with `jk_findings_free`.
///
/// Errors: `JK_ERROR_FILE` with everything that is wrong, in the error's own findings; `findings` is NULL then.
///
/// # Safety
/// `fstab` is NULL or an fstab; `findings` and `error` are NULL or places. A NULL `fstab` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_check(
    fstab: *const Fstab,
    findings: *mut *mut Findings,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let place = handle::wanted_place(findings, "findings")?;
            let found = handle::get(fstab, "fstab")?.fstab.check()?;
            if let Some(place) = place {
                place.put(handle::new(found));
            }
            Ok(())
        })
    }
}

/// Frees an fstab. NULL is fine.
///
/// # Safety
/// `fstab` is NULL or an fstab, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_fstab_free(fstab: *mut Fstab) {
    // SAFETY: as the section above says.
    unsafe { handle::free(fstab) };
}

/// # Safety
/// The bytes are there.
unsafe fn read(entry: &FstabEntry) -> Result<Entry, Failure> {
    // SAFETY: the caller's word.
    let field = |bytes: Bytes, what| unsafe { bytes.slice(what) }.map(BString::from);
    let mntops = field(entry.mntops, "mntops")?;
    let known = [&b"rw"[..], b"rq", b"ro", b"sw"];
    let access = mntops.split(|&byte| byte == b',').find(|option| known.contains(option)).unwrap_or_default();
    Ok(Entry {
        spec: field(entry.spec, "spec")?,
        file: field(entry.file, "file")?,
        vfstype: field(entry.vfstype, "vfstype")?,
        access: access.into(),
        mntops,
        freq: entry.freq,
        passno: entry.passno,
    })
}
