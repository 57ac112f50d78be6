//! pf.conf(5): parsed, printed and edited, statement by statement.

use jailkit::pf::{self, PfRules, Section};
use jailkit::source::Source;

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::ruleset::{Interfaces, Read, Ruleset};
use crate::text::Text;

/// A pf.conf(5), byte for byte, that can be edited.
pub struct Pf {
    _opaque: (),
}

impl Handle for Pf {
    const KIND: Kind = Kind::Pf;
    const NAME: &'static str = "jk_pf";
    type Value = File;
}

/// What is behind the handle: the file's statements, and its text once more as a source to be expanded.
pub(crate) struct File {
    rules: PfRules,
    name: std::path::PathBuf,
}

/// The sections of a pf.conf(5), in the order that pfctl(8) wants them in.
#[repr(C)]
#[allow(non_camel_case_types, reason = "C's names, as the header has them")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PfSection {
    /// `set`
    JK_PF_OPTIONS = 0,
    /// `ether`
    JK_PF_ETHER = 1,
    /// `scrub`
    JK_PF_NORMALIZATION = 2,
    /// `altq`, `queue`
    JK_PF_QUEUEING = 3,
    /// `nat`, `rdr`, `binat`
    JK_PF_TRANSLATION = 4,
    /// `pass`, `block`, `match`, `antispoof`, `anchor`
    JK_PF_FILTERING = 5,
}

/// The section of C's number: any number may come from there.
fn section(number: u32) -> Result<Section, Failure> {
    let sections = [
        (PfSection::JK_PF_OPTIONS, Section::Options),
        (PfSection::JK_PF_ETHER, Section::Ether),
        (PfSection::JK_PF_NORMALIZATION, Section::Normalization),
        (PfSection::JK_PF_QUEUEING, Section::Queueing),
        (PfSection::JK_PF_TRANSLATION, Section::Translation),
        (PfSection::JK_PF_FILTERING, Section::Filtering),
    ];
    let found = sections.into_iter().find(|(known, _)| *known as u32 == number);
    found.map(|(_, section)| section).ok_or_else(|| Failure::argument(format!("{number} is no section")))
}

/// Parses the text of a pf.conf(5), statement by statement. `name` is what messages call the file. Neither is kept.
///
/// On success a new handle is in `rules`; free it with `jk_pf_free`. Else NULL is.
///
/// Errors: `JK_ERROR_FILE` for a quote or brace never closed, a statement that begins with no word of pf.conf(5),
/// sections out of order, a macro used before it is defined. What else pfctl(8) would refuse, `jk_pf_expand` does.
///
/// # Safety
/// `rules` and `error` are NULL or places; the bytes are there. A NULL `rules` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_parse(name: Bytes, text: Bytes, rules: *mut *mut Pf, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, rules, "rules", || parse(&Source::new(name.path("name")?, text.slice("text")?))) }
}

/// Reads a pf.conf(5) from the disk of the system that the program runs on.
///
/// On success a new handle is in `rules`; free it with `jk_pf_free`. Else NULL is.
///
/// Errors: `JK_ERROR_NOT_FOUND`, `JK_ERROR_RIGHTS` and `JK_ERROR_IO` where the file cannot be read; `JK_ERROR_FILE` as
/// `jk_pf_parse` has it.
///
/// # Safety
/// `rules` and `error` are NULL or places; the bytes are there. A NULL `rules` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_read(path: Bytes, rules: *mut *mut Pf, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, rules, "rules", || {
            let path = path.path("path")?;
            let source = Source::read(path).map_err(|error| Failure::unreadable(path, &error))?;
            parse(&source)
        })
    }
}

fn parse(source: &Source) -> Result<File, Failure> {
    Ok(File { rules: PfRules::parse(source)?, name: source.name().to_owned() })
}

/// The file as it now is; nothing for NULL.
///
/// The bytes are the handle's, and are there until it is edited or freed.
///
/// # Safety
/// `rules` is NULL or a pf.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_text(rules: *const Pf) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(rules) }.map(|file| Bytes::of(file.rules.text())))
}

/// The value of a macro, its quotes taken off; the last definition counts. Nothing where it is not defined.
///
/// The bytes are the handle's, and are there until it is edited or freed.
///
/// # Safety
/// `rules` is NULL or a pf.conf; the bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_macro(rules: *const Pf, name: Bytes) -> Bytes {
    guard::look(|| {
        // SAFETY: as the section above says.
        let (file, name) = unsafe { (handle::peek(rules)?, name.str("name").ok()?) };
        file.rules.macro_value(name).map(Bytes::of)
    })
}

/// Gives a macro its value: in place where it is defined, else on a line behind the macros at the top. Nothing is kept
/// of the bytes, which are UTF-8.
///
/// Errors: `JK_ERROR_FILE` where the file could not be read any more; it is left as it was.
///
/// # Safety
/// `rules` is NULL or a pf.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `rules` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_set_macro(rules: *mut Pf, name: Bytes, value: Bytes, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let (name, value) = (name.str("name")?, value.str("value")?);
            Ok(handle::get_mut(rules, "rules")?.rules.set_macro(name, value)?)
        })
    }
}

/// Takes a macro's definition out. One that is not there is no error.
///
/// Errors: `JK_ERROR_FILE` where a rule still uses it; the file is left as it was.
///
/// # Safety
/// `rules` is NULL or a pf.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `rules` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_unset_macro(rules: *mut Pf, name: Bytes, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::call(error, || Ok(handle::get_mut(rules, "rules")?.rules.unset_macro(name.str("name")?)?)) }
}

/// Whether a rule of just these words is in the file; blanks between them do not count. False for NULL.
///
/// # Safety
/// `rules` is NULL or a pf.conf; the bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_contains(rules: *const Pf, rule: Bytes) -> bool {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { Some(handle::peek(rules)?.rules.contains(rule.str("rule").ok()?)) })
}

/// Adds a rule at the end of a section, one of `jk_pf_section`; nothing happens where it is in the file already.
///
/// Errors: `JK_ERROR_FILE` where the file could not be read any more; it is left as it was.
///
/// # Safety
/// `rules` is NULL or a pf.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `rules` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_insert(rules: *mut Pf, section: u32, rule: Bytes, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let (section, rule) = (self::section(section)?, rule.str("rule")?);
            Ok(handle::get_mut(rules, "rules")?.rules.insert(section, rule)?)
        })
    }
}

/// Takes a rule out, its line with it where it is alone there. One that is not there is no error.
///
/// Errors: `JK_ERROR_FILE` where the file could not be read any more; it is left as it was.
///
/// # Safety
/// `rules` is NULL or a pf.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `rules` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_remove(rules: *mut Pf, rule: Bytes, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::call(error, || Ok(handle::get_mut(rules, "rules")?.rules.remove(rule.str("rule")?)?)) }
}

/// The text tidied: no blanks at the ends of lines, one empty line at most between others.
///
/// On success a new text is in `text`; free it with `jk_text_free`. Else NULL is.
///
/// Errors: `JK_ERROR_FILE` where the tidied text could not be read any more.
///
/// # Safety
/// `rules` is NULL or a pf.conf; `text` and `error` are NULL or places. A NULL `rules` or `text` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_tidied(rules: *const Pf, text: *mut *mut Text, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, text, "text", || Ok(handle::get(rules, "rules")?.rules.tidied()?)) }
}

/// Expands the file into rules, as pfctl(8) does. NULL as `interfaces` stands for a host with `lo0` alone. Files that
/// it names (`include`, `load anchor`, a table's `file`) are read from the disk only where `with_files` is true; else
/// they are said not to exist. Later changes of `rules` and `interfaces` do not change the ruleset.
///
/// On success a new handle is in `ruleset`; free it with `jk_ruleset_free`. Else NULL is.
///
/// Errors: `JK_ERROR_FILE` with a finding for everything that pfctl(8) refuses.
///
/// # Safety
/// `rules` is NULL or a pf.conf, `interfaces` NULL or interfaces; `ruleset` and `error` are NULL or places. A NULL
/// `rules` or `ruleset` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_expand(
    rules: *const Pf,
    interfaces: *const Interfaces,
    with_files: bool,
    ruleset: *mut *mut Ruleset,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, ruleset, "ruleset", || {
            let interfaces = match interfaces.is_null() {
                true => pf::Interfaces::default(),
                false => handle::get(interfaces, "interfaces")?.clone(),
            };
            let file = handle::get(rules, "rules")?;
            let source = Source::new(&file.name, file.rules.text());
            Ok(Read::new(&source, interfaces, with_files)?)
        })
    }
}

/// Frees a pf.conf. NULL is fine.
///
/// # Safety
/// `rules` is NULL or a pf.conf, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_pf_free(rules: *mut Pf) {
    // SAFETY: as the section above says.
    unsafe { handle::free(rules) };
}
