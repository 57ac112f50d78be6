//! Edits of the host's configuration files as values: they can be printed, kept in the journal, and taken back.
//!
//! [`apply`] makes edits in a file's text and tells which of them changed it; [`revert`] takes those out again, and
//! nothing else, whatever an administrator has done to the file since.
//!
//! # Example
//! ```
//! use jailkit::edit::{self, Edit, Format};
//! use jailkit::rcconf::Dialect;
//!
//! let rc = Format::Settings(Dialect::Shell);
//! let edits = [Edit::words("cloned_interfaces", "lo1"), Edit::setting("pf_enable", "YES")];
//! let before = b"cloned_interfaces=\"lo2\"\npf_enable=\"YES\"\n";
//! let edited = edit::apply("/etc/rc.conf".as_ref(), rc, before, &edits)?;
//! assert_eq!(edited.text, b"cloned_interfaces=\"lo2 lo1\"\npf_enable=\"YES\"\n");
//! assert_eq!(edited.made, [Edit::words("cloned_interfaces", "lo1")]);
//! assert_eq!(edit::revert("/etc/rc.conf".as_ref(), rc, &edited.text, &edited.made)?, before);
//! # Ok::<(), edit::EditError>(())
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};

use crate::fstab::{Entry, Fstab};
use crate::jailconf::JailConf;
use crate::pf::{PfRules, Section};
use crate::rcconf::{Dialect, Settings, is_yes};
use crate::source::{Diagnostics, Source};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// jail.conf(5)
    JailConf,
    /// pf.conf(5)
    Pf,
    /// rc.conf(5), loader.conf(5), sysctl.conf(5)
    Settings(Dialect),
    /// fstab(5)
    Fstab,
}

/// One edit of a file of the format it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// A parameter that stands before all jails of a jail.conf(5).
    JailDefault {
        /// The parameter.
        name: String,
        /// Its values; none for a bare one.
        values: Vec<String>,
    },
    /// A jail's block in a jail.conf(5).
    Jail {
        /// The jail.
        name: String,
        /// Its parameters with their values.
        params: Vec<(String, Vec<String>)>,
    },
    /// Values that a jail's block in a jail.conf(5) adds to a parameter.
    JailAppend {
        /// The jail; none for what stands before all jails.
        jail: Option<String>,
        /// The parameter.
        name: String,
        /// The values.
        values: Vec<String>,
    },
    /// Another name of a jail in a jail.conf(5).
    JailRename {
        /// The name before.
        old: String,
        /// The name afterwards.
        new: String,
    },
    /// A macro of pf.conf(5).
    Macro {
        /// Its name, without the dollar sign.
        name: String,
        /// Its value, without quotes.
        value: String,
    },
    /// A rule of pf.conf(5).
    Rule {
        /// Where it belongs.
        section: Section,
        /// The rule.
        rule: String,
    },
    /// The value of a name.
    Setting {
        /// The name.
        name: String,
        /// The value.
        value: String,
        /// The value that was there, where [`apply`] has replaced one.
        before: Option<BString>,
    },
    /// Words in a value that is a list of words.
    Words {
        /// The name.
        name: String,
        /// The words, which stay together.
        words: String,
    },
    /// A line of an fstab(5).
    Mount(Entry),
}

impl Edit {
    /// An [`Edit::Setting`].
    pub fn setting(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), value: value.into(), before: None }
    }

    /// An [`Edit::Words`].
    pub fn words(name: impl Into<String>, words: impl Into<String>) -> Self {
        Self::Words { name: name.into(), words: words.into() }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JailDefault { name, values } if values.is_empty() => f.write_str(name),
            Self::JailDefault { name, values } => write!(f, "{name} = {}", values.join(", ")),
            Self::Jail { name, .. } => write!(f, "jail {name}"),
            Self::JailAppend { name, values, .. } => write!(f, "{name} += {}", values.join(", ")),
            Self::JailRename { old, new } => write!(f, "jail {old} renamed to {new}"),
            Self::Macro { name, value } => write!(f, "{name} = \"{value}\""),
            Self::Rule { rule, .. } => f.write_str(rule),
            Self::Setting { name, value, .. } => write!(f, "{name}=\"{value}\""),
            Self::Words { name, words } => write!(f, "{name}=\"... {words}\""),
            Self::Mount(entry) => f.write_str(entry.line().to_str_lossy().trim_end()),
        }
    }
}

/// A file that could not be edited. It stands as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It was broken before jailkit came, or an edit would break it.
    #[error(transparent)]
    Found(#[from] Diagnostics),
    /// It says something else about what jailkit has to say.
    #[error("{path}: {what} is there already and not jailkit's; {help}", path = path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// What is there: `jail 'www'`, `the macro $if = "em0"`.
        what: String,
        /// What to do about it.
        help: &'static str,
    },
    /// An edit does not belong into a file of this format.
    #[error("{path}: this does not belong into the file: {edit}", path = path.display())]
    WrongFormat {
        /// The file.
        path: PathBuf,
        /// The edit.
        edit: Box<Edit>,
    },
    /// A change that would not read back as what was meant.
    #[error("{path}: the file would not read back as it was meant after this: {edit}; edit it by hand", path = path.display())]
    NotReadBack {
        /// The file.
        path: PathBuf,
        /// The edit that did it.
        edit: Box<Edit>,
    },
}

/// A file after its edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The whole text.
    pub text: Vec<u8>,
    /// The edits that changed it, with what [`revert`] must know of them.
    pub made: Vec<Edit>,
}

/// Makes the edits in the text of a file. What is there already is not made, and is none of [`Edited::made`].
///
/// # Errors
/// [`EditError`] where the text cannot be read, or says something else about what an edit is to say.
pub fn apply(path: &Path, format: Format, text: &[u8], edits: &[Edit]) -> Result<Edited, EditError> {
    let mut document = Document::parse(path, format, text)?;
    let mut made = Vec::new();
    for edit in edits {
        if document.has(edit) {
            continue;
        }
        let edit = document.make(path, edit)?;
        if !document.has(&edit) {
            return Err(EditError::NotReadBack { path: path.to_owned(), edit: Box::new(edit) });
        }
        made.push(edit);
    }
    Ok(Edited { text: document.text().to_owned(), made })
}

/// Takes edits out of the text of a file, the last one first. What has been changed or removed by somebody else since
/// is left alone.
///
/// # Errors
/// [`EditError`] where the text cannot be read, or what is taken out is still needed by what is left.
pub fn revert(path: &Path, format: Format, text: &[u8], edits: &[Edit]) -> Result<Vec<u8>, EditError> {
    let mut document = Document::parse(path, format, text)?;
    for edit in edits.iter().rev().filter(|edit| !edit.is_changed_since(path, format, text)) {
        document.take_back(edit)?;
    }
    Ok(document.text().to_owned())
}

impl Edit {
    /// Whether the text says something else by now.
    fn is_changed_since(&self, path: &Path, format: Format, text: &[u8]) -> bool {
        // A block is jailkit's by its name, whatever has been written into it.
        !matches!(self, Self::Jail { .. }) && Document::parse(path, format, text).is_ok_and(|found| !found.has(self))
    }
}

/// A file of one of the formats.
enum Document {
    JailConf(JailConf),
    Pf(PfRules),
    Settings(Settings),
    Fstab(Fstab),
}

impl Document {
    fn parse(path: &Path, format: Format, text: &[u8]) -> Result<Self, Diagnostics> {
        let source = Source::new(path, text);
        Ok(match format {
            Format::JailConf => Self::JailConf(JailConf::parse(&source)?),
            Format::Pf => Self::Pf(PfRules::parse(&source)?),
            Format::Settings(dialect) => Self::Settings(Settings::parse(&source, dialect)?),
            Format::Fstab => Self::Fstab(Fstab::parse(&source)),
        })
    }

    fn text(&self) -> &[u8] {
        match self {
            Self::JailConf(file) => file.text(),
            Self::Pf(file) => file.text(),
            Self::Settings(file) => file.text(),
            Self::Fstab(file) => file.text(),
        }
    }

    /// Whether the file says what the edit would make it say.
    fn has(&self, edit: &Edit) -> bool {
        match (self, edit) {
            (Self::JailConf(file), Edit::JailDefault { name, values }) => says(file, None, name, values),
            (Self::JailConf(file), Edit::Jail { name, params }) => {
                file.has_jail(name) && params.iter().all(|(param, values)| says(file, Some(name), param, values))
            }
            (Self::JailConf(file), Edit::JailAppend { jail, name, values }) => {
                says(file, jail.as_deref(), name, values)
            }
            (Self::JailConf(file), Edit::JailRename { old, new }) => file.has_jail(new) && !file.has_jail(old),
            (Self::Pf(file), Edit::Macro { name, value }) => file.macro_value(name) == Some(value.as_bytes()),
            (Self::Pf(file), Edit::Rule { rule, .. }) => file.contains(rule),
            (Self::Settings(file), Edit::Setting { name, value, .. }) => {
                file.get(name).is_some_and(|found| found == value.as_bytes() || (value == "YES" && is_yes(found)))
            }
            (Self::Settings(file), Edit::Words { name, words }) => file.has_words(name, words),
            (Self::Fstab(file), Edit::Mount(entry)) => file.entries().any(|found| found == *entry),
            _ => false,
        }
    }

    /// Makes the edit, and returns it with what it replaced.
    fn make(&mut self, path: &Path, edit: &Edit) -> Result<Edit, EditError> {
        let taken = |what: String, help| EditError::Taken { path: path.to_owned(), what, help };
        match (self, edit) {
            (Self::JailConf(file), Edit::JailDefault { name, values }) => {
                if let Some(other) = file.own(None, name) {
                    let other = bstr::join(", ", other).to_str_lossy().into_owned();
                    let what = format!("the parameter {name} = {other} before all jails");
                    return Err(taken(what, "say it in [defaults] of the stack, or take it out of the file"));
                }
                file.set(None, name, values)?;
            }
            (Self::JailConf(file), Edit::Jail { name, params }) => {
                if file.has_jail(name) {
                    return Err(taken(format!("jail '{name}'"), "rename one of the two, or take it out of the file"));
                }
                file.add_jail(name, params)?;
            }
            (Self::JailConf(file), Edit::JailAppend { jail, name, values }) => {
                file.append(jail.as_deref(), name, values)?;
            }
            (Self::JailConf(file), Edit::JailRename { old, new }) => file.rename_jail(old, new)?,
            (Self::Pf(file), Edit::Macro { name, value }) => {
                if let Some(other) = file.macro_value(name) {
                    let what = format!("the macro {name} = \"{}\"", other.to_str_lossy());
                    return Err(taken(what, "rename it in the file, or give it the stack's value"));
                }
                file.set_macro(name, value)?;
            }
            (Self::Pf(file), Edit::Rule { section, rule }) => file.insert(*section, rule)?,
            (Self::Settings(file), Edit::Setting { name, value, .. }) => {
                let before = file.get(name).map(BString::from);
                file.set(name, value);
                return Ok(Edit::Setting { name: name.clone(), value: value.clone(), before });
            }
            (Self::Settings(file), Edit::Words { name, words }) => file.add_words(name, words),
            (Self::Fstab(file), Edit::Mount(entry)) => file.add(entry),
            _ => return Err(EditError::WrongFormat { path: path.to_owned(), edit: Box::new(edit.clone()) }),
        }
        Ok(edit.clone())
    }

    fn take_back(&mut self, edit: &Edit) -> Result<(), Diagnostics> {
        match (self, edit) {
            (Self::JailConf(file), Edit::JailDefault { name, .. }) => file.unset(None, name),
            (Self::JailConf(file), Edit::Jail { name, .. }) => file.remove_jail(name),
            (Self::JailConf(file), Edit::JailAppend { jail, name, .. }) => file.unset(jail.as_deref(), name),
            (Self::JailConf(file), Edit::JailRename { old, new }) => file.rename_jail(new, old),
            (Self::Pf(file), Edit::Macro { name, .. }) => file.unset_macro(name),
            (Self::Pf(file), Edit::Rule { rule, .. }) => file.remove(rule),
            (Self::Settings(file), Edit::Setting { name, before, .. }) => {
                match before {
                    Some(before) => file.set(name, &before.to_str_lossy()),
                    None => file.unset(name),
                }
                Ok(())
            }
            (Self::Settings(file), Edit::Words { name, words }) => {
                file.remove_words(name, words);
                Ok(())
            }
            (Self::Fstab(file), Edit::Mount(entry)) => {
                file.remove(entry);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whether a block itself gives a parameter just these values.
fn says(file: &JailConf, block: Option<&str>, name: &str, values: &[String]) -> bool {
    file.own(block, name).is_some_and(|own| own.iter().eq(values.iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jail(name: &str) -> Edit {
        Edit::Jail { name: name.into(), params: vec![("path".into(), vec![format!("/srv/jail/{name}/fs")])] }
    }

    fn default(name: &str, value: &str) -> Edit {
        Edit::JailDefault { name: name.into(), values: vec![value.into()] }
    }

    fn macro_(name: &str, value: &str) -> Edit {
        Edit::Macro { name: name.into(), value: value.into() }
    }

    fn rule(section: Section, rule: &str) -> Edit {
        Edit::Rule { section, rule: rule.into() }
    }

    fn mount(mntops: &str) -> Edit {
        Edit::Mount(Entry::nullfs("/usr/ports", "/srv/jail/www/fs/usr/ports", mntops))
    }

    const SHELL: Format = Format::Settings(Dialect::Shell);

    /// A file of an administrator's, and the edits of it.
    fn cases() -> Vec<(Format, &'static str, Vec<Edit>)> {
        vec![
            (Format::JailConf, "", vec![default("exec.clean", "true"), jail("www"), jail("db")]),
            (Format::JailConf, "# mine\r\nold { path = /old; }\r\n", vec![jail("www")]),
            (Format::JailConf, "sysvmsg = new;\n", vec![default("sysvmsg", "new"), jail("www")]),
            (
                Format::JailConf,
                "old { ip4.addr = 10.0.0.2; }\nother { depend = old; }",
                vec![
                    Edit::JailRename { old: "old".into(), new: "new".into() },
                    Edit::JailAppend { jail: Some("new".into()), name: "ip4.addr".into(), values: vec!["::1".into()] },
                ],
            ),
            (
                Format::Pf,
                "# mine\nset skip on lo0\npass all",
                vec![
                    macro_("if", "igb0"),
                    rule(Section::Translation, "nat on $if from any to any -> ($if)"),
                    rule(Section::Filtering, "pass quick on $if"),
                    rule(Section::Filtering, "pass all"),
                ],
            ),
            (SHELL, "pf_enable=\"NO\"  # later\n", vec![Edit::setting("pf_enable", "YES"), Edit::setting("a", "b c")]),
            (SHELL, "cloned_interfaces='lo2'", vec![Edit::words("cloned_interfaces", "lo1")]),
            (
                Format::Settings(Dialect::Sysctl),
                "# net.inet.ip.forwarding=1\n",
                vec![Edit::setting("net.inet.ip.forwarding", "1")],
            ),
            (Format::Fstab, "# kept\n/dev/ada0p2\t/\tufs\trw\t1\t1\n", vec![mount("ro")]),
        ]
    }

    #[test]
    fn edits_made_twice_are_made_once_and_taken_back_leave_no_trace() {
        for (format, before, edits) in cases() {
            let path = Path::new("/etc/file");
            let once = apply(path, format, before.as_bytes(), &edits).unwrap();
            assert!(edits.iter().all(|edit| Document::parse(path, format, &once.text).unwrap().has(edit)), "{before}");
            let twice = apply(path, format, &once.text, &edits).unwrap();
            assert_eq!((twice.text.as_bstr(), twice.made.as_slice()), (once.text.as_bstr(), &[][..]));
            let back = revert(path, format, &once.text, &once.made).unwrap();
            // A last line without its newline gets one when another line is put behind it.
            let ends_open = !before.is_empty() && !before.ends_with('\n');
            let expected = if ends_open && back.ends_with(b"\n") { format!("{before}\n") } else { before.to_owned() };
            assert_eq!(back.as_bstr(), expected.as_bytes().as_bstr());
        }
    }

    #[test]
    fn what_somebody_else_changed_since_is_theirs() {
        let path = Path::new("/etc/rc.conf");
        let edits = [Edit::setting("pf_enable", "YES"), Edit::setting("jail_enable", "YES")];
        let edited = apply(path, SHELL, b"pf_enable=\"NO\"\n", &edits).unwrap();
        let changed = edited.text.replace("pf_enable=\"YES\"", "pf_enable=\"AUTO\"");
        assert_eq!(revert(path, SHELL, &changed, &edited.made).unwrap().as_bstr(), "pf_enable=\"AUTO\"\n");
    }

    #[test]
    fn what_is_there_already_and_differs_is_refused() {
        let path = Path::new("/etc/jail.conf");
        for (format, text, edit, words) in [
            (Format::JailConf, "www { path = /x; }\n", jail("www"), "jail 'www' is there already"),
            (Format::JailConf, "sysvmsg = disable;\n", default("sysvmsg", "new"), "sysvmsg = disable before all jails"),
            (Format::Pf, "if = \"em0\"\n", macro_("if", "igb0"), "the macro if = \"em0\" is there already"),
        ] {
            let error = apply(path, format, text.as_bytes(), &[edit]).unwrap_err().to_string();
            assert!(error.starts_with("/etc/jail.conf: ") && error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_file_that_was_broken_before_is_refused_with_its_place() {
        let error = apply(Path::new("/etc/jail.conf"), Format::JailConf, b"www {\n", &[jail("db")]).unwrap_err();
        assert!(error.to_string().starts_with("/etc/jail.conf:1:1: error:"), "{error}");
    }
}
