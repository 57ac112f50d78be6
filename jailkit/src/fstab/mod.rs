//! fstab(5): what is mounted where, as getfsent(3) reads it, and as jail(8) does.
//!
//! # Example
//! ```
//! use jailkit::fstab::{Entry, Fstab};
//! use jailkit::source::Source;
//!
//! let mut fstab = Fstab::parse(&Source::new("fstab", "# mine\n"));
//! fstab.add(&Entry::nullfs("/usr/ports", "/srv/jail/www/fs/usr/ports", "ro"));
//! assert_eq!(fstab.text(), b"# mine\n/usr/ports\t/srv/jail/www/fs/usr/ports\tnullfs\tro\t0\t0\n");
//! ```
//!
//! The two readings differ, and each is here:
//!
//! | | getfsent(3): [`Fstab::entries`] | jail(8), for `mount.fstab`: [`Fstab::jail_mounts`] |
//! | --- | --- | --- |
//! | fields | four, the options with `rw`, `ro`, `rq` or `sw` among them | three; options may be left out |
//! | blanks | space and tab | carriage return, form feed and vertical tab, too |
//! | a `#` | begins a comment where a line begins with it | begins a comment wherever it stands |
//! | a line it cannot read | is passed over | keeps the jail from starting |
//! | `xx`, `noauto`, `late` | `xx` takes the line out; the others are mount(8)'s | none of them holds a mount back |
//! | a line of 1023 bytes or more | is read in pieces | is read whole |
//! | `spec:file:type:freq:passno` | is read | is not known |

mod check;
mod entry;
mod format;
mod getfsent;
mod jail;
mod options;
mod places;
mod vis;

use bstr::ByteSlice;

pub use check::{Context, Found, Look};
pub use entry::{Entry, EntryBuilder, EntryError};
pub use jail::{JailMount, JailMountError};
pub use options::{Access, MountOption, MountOptions};

use getfsent::{LINE_MAX, Line, read_line};

use crate::source::{Diagnostic, Diagnostics, Source, Span};

/// An fstab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fstab {
    source: Source,
}

impl Fstab {
    /// Reads a file. Every file can be read: lines that getfsent(3) cannot read are [`Fstab::bad_lines`].
    pub fn parse(source: &Source) -> Self {
        Self { source: source.clone() }
    }

    /// The file as it now is.
    pub fn text(&self) -> &[u8] {
        self.source.text()
    }

    /// The entries that getfsent(3) yields, in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.lines().filter_map(|(_, line)| match read_line(line) {
            Line::Entry(entry) => Some(entry),
            Line::Passed | Line::Bad => None,
        })
    }

    /// The numbers of the lines, from 1, that getfsent(3) complains of and passes over.
    pub fn bad_lines(&self) -> impl Iterator<Item = usize> {
        let numbered = self.lines().enumerate();
        numbered.filter(|(_, (_, line))| matches!(read_line(line), Line::Bad)).map(|(index, _)| index + 1)
    }

    /// The mounts that jail(8) makes where this file is a jail's `mount.fstab`, in order, each with the place of its
    /// line; or why it would not start the jail.
    ///
    /// # Example
    /// ```
    /// use jailkit::fstab::Fstab;
    /// use jailkit::source::Source;
    ///
    /// let fstab = Fstab::parse(&Source::new("fstab.www", "tmpfs /srv/jail/www/tmp tmpfs # no options\n"));
    /// assert_eq!(fstab.entries().count(), 0);
    /// let (_, mount) = fstab.jail_mounts().next().unwrap();
    /// assert_eq!(mount?.file, "/srv/jail/www/tmp");
    /// # Ok::<(), jailkit::fstab::JailMountError>(())
    /// ```
    pub fn jail_mounts(&self) -> impl Iterator<Item = (Span, Result<JailMount, JailMountError>)> {
        let mut start = 0;
        self.text().lines_with_terminator().filter_map(move |line| {
            let span = Span::new(start, start + line.trim_end_with(|c| matches!(c, '\n' | '\r')).len());
            start += line.len();
            JailMount::read_line(line).transpose().map(|mount| (span, mount))
        })
    }

    /// Finds what is wrong with the file by itself: lines that getfsent(3) cannot read are errors; mounts that get in
    /// each other's way are warnings.
    ///
    /// # Errors
    /// All findings, where one is an error.
    pub fn check(&self) -> Result<Vec<Diagnostic>, Diagnostics> {
        self.check_in(&Context::default())
    }

    /// Finds what is wrong with the file where it is used: as a jail's `mount.fstab`, on a host where a look can be
    /// taken at what there is. What mount(8) or jail(8) would refuse is an error, everything else a warning.
    ///
    /// # Errors
    /// All findings, where one is an error.
    ///
    /// # Example
    /// ```
    /// use jailkit::fstab::{Context, Fstab};
    /// use jailkit::source::Source;
    ///
    /// let text = "/usr/ports /srv/jail/db/usr/ports nullfs ro 0 0\n";
    /// let fstab = Fstab::parse(&Source::new("fstab.www", text));
    /// let jails = ["/srv/jail/www".into()];
    /// let found = fstab.check_in(&Context { jails: &jails, look: None })?;
    /// assert_eq!(found[0].message, "/srv/jail/db/usr/ports is outside of the jail, whose path is /srv/jail/www");
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn check_in(&self, context: &Context<'_>) -> Result<Vec<Diagnostic>, Diagnostics> {
        Diagnostics::check(check::findings(self, context))
    }

    /// The file with its columns in line, by tabs or spaces as most of it has them: no blanks at the ends of lines, one
    /// empty line where there were several. Comments stay, and both readings are what they were; a line that is none of
    /// a mount stays as it is.
    ///
    /// # Example
    /// ```
    /// use jailkit::fstab::Fstab;
    /// use jailkit::source::Source;
    ///
    /// let fstab = Fstab::parse(&Source::new("fstab", "/dev/ada0p2 / ufs rw 1 1\n# mine\ntmpfs /tmp tmpfs rw 0 0 \n"));
    /// let even = b"/dev/ada0p2 /    ufs   rw 1 1\n# mine\ntmpfs       /tmp tmpfs rw 0 0\n";
    /// assert_eq!(fstab.formatted(), even);
    /// ```
    pub fn formatted(&self) -> Vec<u8> {
        format::formatted(self)
    }

    /// Adds an entry at the end; nothing happens where it is there already. A file whose last line has no newline
    /// still has none then, so that [`Fstab::remove`] leaves the bytes that were there.
    pub fn add(&mut self, entry: &Entry) {
        if self.entries().any(|found| found == *entry) {
            return;
        }
        let mut text = self.text().to_vec();
        let mut line = entry.line();
        if text.last().is_some_and(|&byte| byte != b'\n') {
            text.push(b'\n');
            line.pop();
        }
        text.extend(line);
        self.replace(text);
    }

    /// Removes the first line of an entry.
    pub fn remove(&mut self, entry: &Entry) {
        let found = self.lines().find(|(_, line)| matches!(read_line(line), Line::Entry(found) if found == *entry));
        let Some((start, line)) = found else { return };
        self.cut(&[(start, start + line.len())]);
    }

    /// Removes the line of every mount at a mount point, whatever slashes it is written with; how many there were.
    ///
    /// # Example
    /// ```
    /// use jailkit::fstab::Fstab;
    /// use jailkit::source::Source;
    ///
    /// let mut fstab = Fstab::parse(&Source::new("fstab", "a /x nullfs rw\nb /y nullfs rw\nc /x/ nullfs rw\n"));
    /// assert_eq!(fstab.remove_at("/x"), 2);
    /// assert_eq!(fstab.text(), b"b /y nullfs rw\n");
    /// ```
    pub fn remove_at(&mut self, mount_point: impl AsRef<[u8]>) -> usize {
        let wanted = places::plain(mount_point.as_ref());
        let meant = self
            .lines()
            .filter(|(_, line)| matches!(read_line(line), Line::Entry(entry) if places::plain(&entry.file) == wanted));
        let spans: Vec<_> = meant.map(|(start, line)| (start, start + line.len())).collect();
        self.cut(&spans);
        spans.len()
    }

    /// Cuts lines out, given in order.
    fn cut(&mut self, spans: &[(usize, usize)]) {
        let mut text = Vec::with_capacity(self.text().len());
        let mut at = 0;
        for &(start, end) in spans {
            text.extend_from_slice(&self.text()[at..start]);
            at = end;
        }
        text.extend_from_slice(&self.text()[at..]);
        // A last line without a newline takes the one before it along.
        let was_open = self.text().last().is_some_and(|&byte| byte != b'\n');
        if was_open && spans.last().is_some_and(|&(_, end)| end == self.text().len()) && text.last() == Some(&b'\n') {
            text.pop();
        }
        self.replace(text);
    }

    fn replace(&mut self, text: Vec<u8>) {
        self.source = Source::new(self.source.name(), text);
    }

    /// Each line with its newline, as fgets(3) hands them to getfsent(3), and where it begins.
    fn lines(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut rest = self.text();
        let mut start = 0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let limit = rest.len().min(LINE_MAX);
            let len = memchr::memchr(b'\n', &rest[..limit]).map_or(limit, |at| at + 1);
            let (line, after) = rest.split_at(len);
            let found = (start, line);
            (rest, start) = (after, start + len);
            Some(found)
        })
    }
}
