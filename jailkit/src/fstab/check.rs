//! What is wrong with an fstab, line by line.

use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};

use super::getfsent::{Line, read_line};
use super::options::MountOptions;
use super::places::{Met, Places, is_in, plain};
use super::{Fstab, JailMountError};
use crate::source::{Diagnostic, Severity, Source, Span, printable};

/// Where an fstab is used.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// The paths of the jails whose `mount.fstab` it is. Where there are some, the file is read as jail(8) reads it.
    pub jails: &'a [PathBuf],
    /// What is on the host, where a look can be taken.
    pub look: Option<Look<'a>>,
}

/// A way to look at the host's files.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// What there is at a path; a symbolic link counts as what it is, not as what it leads to.
    pub at: &'a dyn Fn(&Path) -> Found,
    /// How bad it is where mount(8) would not find something: an error on the host itself, a warning where the file
    /// has come from another one.
    pub severity: Severity,
}

/// What there is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A file, a device, and whatever else there is.
    Other,
    /// Nobody can tell: a directory on the way may not be looked into.
    Unknown,
}

/// File systems that are made of nothing on the host: their `fs_spec` names nothing.
const SYNTHETIC: &[&str] =
    &["autofs", "devfs", "fdescfs", "linprocfs", "linsysfs", "mqueuefs", "nfs", "procfs", "swap", "tmpfs", "zfs"];

/// Lines that cannot be read past which a file is not looked at further: it is no fstab.
const MAX_FOUND: usize = 100;

/// One mount, whichever way its line was read.
struct Mount {
    number: usize,
    spec_span: Span,
    file_span: Span,
    spec: BString,
    file: BString,
    vfstype: BString,
    mntops: BString,
    /// The mount point and what is mounted as plain paths.
    place: Vec<u8>,
    origin: Vec<u8>,
}

impl Mount {
    fn options(&self) -> MountOptions<'_> {
        MountOptions::new(&self.mntops)
    }

    fn is_path(&self) -> bool {
        self.file.starts_with(b"/")
    }

    /// Whether what is mounted is something in the host's file system.
    fn is_from_path(&self) -> bool {
        self.spec.starts_with(b"/") && !SYNTHETIC.iter().any(|known| self.vfstype == known.as_bytes())
    }
}

/// Everything that is wrong.
pub(super) fn findings(fstab: &Fstab, context: &Context<'_>) -> Vec<Diagnostic> {
    let mut check = Check { source: &fstab.source, context, found: Vec::new() };
    let mut mounts = if context.jails.is_empty() { check.getfsent(fstab) } else { check.jail(fstab) };
    if context.jails.is_empty() {
        // mount(8) comes to the late ones last.
        mounts.sort_by_key(|mount| mount.options().is_late());
    }
    let mut places = Places::default();
    for (index, mount) in mounts.iter().enumerate().filter(|(_, mount)| mount.is_path()) {
        check.outside(mount);
        check.nullfs(mount);
        check.look_at(mount, &places);
        // What is mounted only when asked for hides nothing yet.
        if !context.jails.is_empty() || !mount.options().is_noauto() {
            let met = places.mount(&mount.place, index);
            check.met(mount, met, &mounts);
        }
    }
    check.found.sort_by_key(|one| one.span);
    check.found
}

struct Check<'a> {
    source: &'a Source,
    context: &'a Context<'a>,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn error(&mut self, span: Span, message: String, help: &str) {
        self.found.push(Diagnostic::error(self.source, span, message).with_help(help));
    }

    fn warn(&mut self, span: Span, message: String, help: &str) {
        self.found.push(Diagnostic::warning(self.source, span, message).with_help(help));
    }

    /// The mounts that getfsent(3) yields.
    fn getfsent(&mut self, fstab: &Fstab) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for (number, (start, line)) in fstab.lines().enumerate() {
            if self.found.len() >= MAX_FOUND {
                break;
            }
            let entry = match read_line(line) {
                Line::Passed => continue,
                Line::Bad => {
                    let span = Span::new(start, start + line.trim_end_with(|c| matches!(c, '\n' | '\r')).len());
                    let help = "a line is: what, where, type, options with one of rw, ro, rq or sw, dump, pass; \
                                a blank in a name is \\040";
                    self.error(span, "getfsent(3) cannot read this line".to_owned(), help);
                    continue;
                }
                Line::Entry(entry) => entry,
            };
            let has_blanks = memchr::memchr2(b' ', b'\t', line).is_some();
            let is_between = |byte: &u8| if has_blanks { b" \t\n".contains(byte) } else { b":\n".contains(byte) };
            mounts.push(Mount {
                number: number + 1,
                spec_span: field(line, start, 0, is_between),
                file_span: field(line, start, 1, is_between),
                place: plain(&entry.file),
                origin: plain(&entry.spec),
                spec: entry.spec,
                file: entry.file,
                vfstype: entry.vfstype,
                mntops: entry.mntops,
            });
        }
        mounts
    }

    /// The mounts that jail(8) makes.
    fn jail(&mut self, fstab: &Fstab) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for (span, mount) in fstab.jail_mounts() {
            if self.found.len() >= MAX_FOUND {
                break;
            }
            let line = self.source.slice(span);
            let mount = match mount {
                Ok(mount) => mount,
                Err(error) => {
                    let help = match error {
                        JailMountError::Missing => "a line is: what, where, type, options; a blank in a name is \\040",
                        JailMountError::Escape => "a backslash in a name is \\134",
                    };
                    self.error(span, format!("jail(8) does not start the jail with this line: {error}"), help);
                    continue;
                }
            };
            let is_between = |byte: &u8| b" \t\x0c\x0b\r\n".contains(byte);
            let file_span = field(line, span.start(), 1, is_between);
            if !mount.file.starts_with(b"/") {
                let shown = printable(&mount.file);
                let message = format!("jail(8) does not mount at {shown}: not an absolute pathname");
                self.error(file_span, message, "write the mount point from / on");
            }
            if let Some(word) = ["xx", "noauto"].into_iter().find(|word| mount.options().has(word)) {
                let message = format!("jail(8) mounts this line, {word} or not");
                self.warn(span, message, "take the line out, or put a # before it");
            }
            mounts.push(Mount {
                number: self.source.position(span.start()).line,
                spec_span: field(line, span.start(), 0, is_between),
                file_span,
                place: plain(&mount.file),
                origin: plain(&mount.spec),
                spec: mount.spec,
                file: mount.file,
                vfstype: mount.vfstype,
                mntops: mount.mntops,
            });
        }
        mounts
    }

    fn outside(&mut self, mount: &Mount) {
        let paths: Vec<_> = self.context.jails.iter().map(|path| plain(path.as_os_str().as_encoded_bytes())).collect();
        if paths.is_empty() || paths.iter().any(|path| is_in(&mount.place, path)) {
            return;
        }
        let shown = paths.iter().map(|path| printable(path)).collect::<Vec<_>>().join(", ");
        let owner = if paths.len() == 1 { "the jail, whose path is" } else { "the jails, whose paths are" };
        let message = format!("{} is outside of {owner} {shown}", printable(&mount.file));
        self.warn(
            mount.file_span,
            message,
            "the mount is made on the host all the same, where the jail does not see it",
        );
    }

    fn nullfs(&mut self, mount: &Mount) {
        if mount.vfstype != "nullfs" || !mount.is_from_path() {
            return;
        }
        let (spec, file) = (printable(&mount.spec), printable(&mount.file));
        if mount.origin == mount.place {
            let message = format!("{file} is mounted on itself, which the kernel refuses");
            self.error(mount.file_span, message, "give the mount a place of its own");
        } else if is_in(&mount.place, &mount.origin) && mount.origin != b"/" {
            let message = format!("{file} lies in {spec}, which then shows itself in itself");
            self.warn(mount.file_span, message, "give the mount a place outside of what it shows");
        } else if is_in(&mount.origin, &mount.place) {
            let message = format!("{file} hides {spec}, which it shows");
            self.warn(mount.file_span, message, "give the mount a place of its own");
        }
    }

    fn met(&mut self, mount: &Mount, met: Option<Met>, mounts: &[Mount]) {
        let shown = printable(&mount.file);
        match met {
            // A union is made to be mounted on something.
            Some(Met::Same(_)) if mount.vfstype == "unionfs" => {}
            Some(Met::Same(other)) => {
                let other = &mounts[other];
                let message = if other.origin == mount.origin && other.vfstype == mount.vfstype {
                    format!("{shown} is mounted a second time, as on line {}", other.number)
                } else {
                    format!(
                        "{shown} is mounted a second time: this hides {}, of line {}",
                        printable(&other.spec),
                        other.number
                    )
                };
                self.warn(mount.file_span, message, "remove one of the lines");
            }
            Some(Met::Below(other)) => {
                let other = &mounts[other];
                let message = format!("this hides the mount at {}, of line {}", printable(&other.file), other.number);
                let is_late = self.context.jails.is_empty() && mount.options().is_late() && !other.options().is_late();
                let help = if is_late { "give that one the option late, too" } else { "put this line before that one" };
                self.warn(mount.file_span, message, help);
            }
            None => {}
        }
    }

    /// What mount(8) would find at both ends.
    fn look_at(&mut self, mount: &Mount, places: &Places<'_>) {
        let Some(look) = self.context.look else { return };
        // jail(8) mounts everything, and fails where it cannot.
        let is_optional = self.context.jails.is_empty() && (mount.options().is_noauto() || mount.options().is_failok());
        let severity = if is_optional { Severity::Warning } else { look.severity };
        let at = |path: &[u8]| (look.at)(&path.as_bstr().to_path_lossy());
        let mut say = |span, message: String, help: &str| {
            let one = Diagnostic { severity, ..Diagnostic::error(self.source, span, message) };
            self.found.push(one.with_help(help));
        };
        let mut ends = [Found::Unknown; 2];
        // Nobody can tell what will be in something that is not mounted yet.
        if mount.is_from_path() && !places.is_in_mount(&mount.origin) {
            ends[0] = at(&mount.origin);
            if ends[0] == Found::Missing {
                let message = format!("{} does not exist, and is to be mounted", printable(&mount.spec));
                say(mount.spec_span, message, "create it, or correct the name");
            }
        }
        if !places.is_in_mount(&mount.place) {
            ends[1] = at(&mount.place);
            if ends[1] == Found::Missing {
                let message = format!("the mount point {} does not exist", printable(&mount.file));
                say(mount.file_span, message, "create the directory");
            }
            for jail in self.context.jails {
                let root = plain(jail.as_os_str().as_encoded_bytes());
                if let Some(link) = link_below(&root, &mount.place, &at) {
                    let message = format!("{} is a symbolic link, and jail(8) follows none in a jail", printable(link));
                    say(mount.file_span, message, "mount at what the link leads to");
                    break;
                }
            }
        }
        let differ = matches!(ends, [Found::Directory, Found::Other] | [Found::Other, Found::Directory]);
        if mount.vfstype == "nullfs" && differ {
            let message = format!("{} and {} are not both directories", printable(&mount.spec), printable(&mount.file));
            say(mount.file_span, message, "mount a directory on a directory, or a file on a file");
        }
    }
}

/// The first part of a mount point in a jail that is a symbolic link.
fn link_below<'a>(root: &[u8], place: &'a [u8], at: &dyn Fn(&[u8]) -> Found) -> Option<&'a BStr> {
    if !is_in(place, root) {
        return None;
    }
    let ends = place.find_iter(b"/").filter(|&end| end > root.len()).chain([place.len()]);
    ends.map(|end| &place[..end]).find(|part| part.len() > root.len() && at(part) == Found::Link).map(BStr::new)
}

/// Where a field of a line stands.
fn field(line: &[u8], start: usize, number: usize, is_between: impl Fn(&u8) -> bool) -> Span {
    let mut at = 0;
    let mut end = 0;
    for _ in 0..=number {
        at = end + line[end..].iter().take_while(|byte| is_between(byte)).count();
        end = at + line[at..].iter().take_while(|byte| !is_between(byte)).count();
    }
    Span::new(start + at, start + end)
}
