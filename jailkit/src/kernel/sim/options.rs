//! The list of options that jail_set(2) and jail_get(2) share with nmount(2): names with buffers.
//!
//! Source: vfs_buildopts, vfs_sanitizeopts, vfs_copyopt, vfs_getopt, vfs_flagopt and vfs_setopt in
//! `sys/kern/vfs_mount.c`. The kernel knows no types: what a caller sends is bytes, and only their number is checked.

use super::Refusal;
use crate::kernel::Errno;
use crate::kernel::marshal::Buffer;

/// The most that names and values together may take (`VFS_MOUNTARG_SIZE_MAX`), and what each adds to that besides
/// (`struct vfsopt`).
const MOST: usize = 64 * 1024;
const EACH: usize = 48;
/// How many options a call may have: each is two of the buffers that the kernel takes (`UIO_MAXIOV`).
const MOST_OPTIONS: usize = 1024 / 2;
/// The room that a call gives the kernel for its words, the NUL included.
pub(super) const ERRMSG_LEN: usize = 256;

/// One option.
#[derive(Debug)]
pub(super) struct Opt {
    pub(super) name: Vec<u8>,
    /// None for a value of length 0, which the kernel takes for NULL.
    pub(super) value: Option<Vec<u8>>,
    pub(super) len: usize,
    pub(super) seen: bool,
    /// Which of the caller's buffers it came from; none for the room for the kernel's words.
    from: Option<usize>,
}

/// The options of one call.
#[derive(Debug)]
pub(super) struct Options(Vec<Opt>);

impl Opt {
    /// Answers with text.
    pub(super) fn answer_text(&mut self, answer: &[u8]) -> Result<(), Errno> {
        match &mut self.value {
            None => self.len = answer.len() + 1,
            Some(value) if answer.len() < value.len() => {
                value[..answer.len()].copy_from_slice(answer);
                value[answer.len()] = 0;
            }
            Some(_) => return Err(Errno::EINVAL),
        }
        Ok(())
    }
}

/// Refuses a call of more buffers than any system call takes (`copyinuio`).
pub(super) fn refuse_too_many(buffers: &[Buffer]) -> Result<(), Errno> {
    if buffers.len() + 1 > MOST_OPTIONS { Err(Errno::EINVAL) } else { Ok(()) }
}

impl Options {
    /// Takes the caller's buffers in, and `errmsg`, which every call has last. Of options that are the same, a `no` form
    /// aside, the last counts.
    pub(super) fn build(buffers: &[Buffer]) -> Result<Self, Errno> {
        let errmsg = (None, b"errmsg\0".as_slice(), Some(vec![0; ERRMSG_LEN]));
        let given = buffers.iter().enumerate();
        let given = given.map(|(from, buffer)| (Some(from), buffer.name.as_slice(), buffer.value.clone()));
        let mut used = 0;
        let mut all: Vec<Opt> = Vec::new();
        for (from, name, value) in given.chain([errmsg]) {
            let len = value.as_ref().map_or(0, Vec::len);
            used += EACH + name.len() + len;
            if used > MOST {
                return Err(Errno::EINVAL);
            }
            let Some((0, name)) = name.split_last() else { return Err(Errno::EINVAL) };
            let value = value.filter(|value| !value.is_empty());
            all.push(Opt { name: name.to_vec(), value, len, seen: false, from });
        }
        let mut kept: Vec<Opt> = Vec::new();
        for opt in all.into_iter().rev() {
            if !kept.iter().any(|later| is_same(&later.name, &opt.name)) {
                kept.push(opt);
            }
        }
        kept.reverse();
        Ok(Self(kept))
    }

    fn find(&mut self, name: &str) -> Option<&mut Opt> {
        let found = self.0.iter_mut().find(|opt| opt.name == name.as_bytes())?;
        found.seen = true;
        Some(found)
    }

    /// The bytes of an option; none where it is not there.
    pub(super) fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        self.find(name).map(|opt| opt.value.clone().unwrap_or_default())
    }

    /// An option of exactly so many bytes.
    fn exact<const N: usize>(&mut self, name: &str) -> Result<Option<[u8; N]>, Errno> {
        self.bytes(name).map(|bytes| bytes.try_into().map_err(|_| Errno::EINVAL)).transpose()
    }

    /// An int.
    pub(super) fn int(&mut self, name: &str) -> Result<Option<i32>, Errno> {
        Ok(self.exact(name)?.map(i32::from_ne_bytes))
    }

    /// An unsigned long.
    pub(super) fn long(&mut self, name: &str) -> Result<Option<u64>, Errno> {
        Ok(self.exact(name)?.map(u64::from_ne_bytes))
    }

    /// Text that ends with a NUL, up to its first one; with its NUL it may take `most` bytes.
    pub(super) fn text(&mut self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Errno> {
        let Some(bytes) = self.bytes(name) else { return Ok(None) };
        if bytes.last() != Some(&0) {
            return Err(Errno::EINVAL);
        }
        if bytes.len() > most {
            return Err(Errno::ENAMETOOLONG);
        }
        Ok(Some(bytes.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()))
    }

    /// Whether an option is there, whatever its value.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Answers with a value of a fixed size.
    pub(super) fn answer(&mut self, name: &str, answer: &[u8]) -> Result<(), Errno> {
        let Some(opt) = self.find(name) else { return Ok(()) };
        match &mut opt.value {
            None => opt.len = answer.len(),
            Some(value) if value.len() == answer.len() => value.copy_from_slice(answer),
            Some(_) => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// Answers with an int.
    pub(super) fn answer_int(&mut self, name: &str, answer: i32) -> Result<(), Errno> {
        self.answer(name, &answer.to_ne_bytes())
    }

    /// Answers with a truth value, and the contrary for its `no` form.
    pub(super) fn answer_flag(&mut self, name: &str, no: &str, answer: bool) -> Result<(), Errno> {
        self.answer_int(name, i32::from(answer))?;
        self.answer_int(no, i32::from(!answer))
    }

    /// Answers with a value that may be shorter than the room for it.
    pub(super) fn answer_part(&mut self, name: &str, answer: &[u8]) -> Result<(), Errno> {
        let Some(opt) = self.find(name) else { return Ok(()) };
        opt.len = answer.len();
        if let Some(value) = &mut opt.value {
            value.get_mut(..answer.len()).ok_or(Errno::EINVAL)?.copy_from_slice(answer);
        }
        Ok(())
    }

    /// Answers with text.
    pub(super) fn answer_text(&mut self, name: &str, answer: &[u8]) -> Result<(), Errno> {
        self.find(name).map_or(Ok(()), |opt| opt.answer_text(answer))
    }

    /// The option of this name and those that have it before a dot: `meta`, `meta.key`.
    pub(super) fn family(&mut self, name: &str) -> impl Iterator<Item = &mut Opt> {
        let is_of = |opt: &Opt| {
            let rest = opt.name.strip_prefix(name.as_bytes());
            rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'.')))
        };
        self.0.iter_mut().filter(move |opt| is_of(opt))
    }

    /// Refuses what nobody has asked for by name.
    pub(super) fn refuse_unseen(&self) -> Result<(), Refusal> {
        match self.0.iter().find(|opt| !opt.seen && opt.name != b"errmsg") {
            None => Ok(()),
            Some(opt) => {
                let name = String::from_utf8_lossy(&opt.name);
                Err(Refusal::new(Errno::EINVAL, format!("unknown parameter: {name}")))
            }
        }
    }

    /// Writes the answers into the caller's buffers; one that was not taken in reads as nothing.
    pub(super) fn write_back(self, buffers: &mut [Buffer]) {
        for buffer in &mut *buffers {
            buffer.needed = 0;
        }
        for opt in self.0 {
            let Some(buffer) = opt.from.and_then(|from| buffers.get_mut(from)) else { continue };
            buffer.needed = opt.len;
            if opt.value.is_some() {
                buffer.value = opt.value;
            }
        }
    }
}

/// Whether two names are of one option: `foo.bar`, `foo.nobar`; also those that say whether a mount is read-only.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let no_form = |plain: &[u8], no: &[u8]| no.strip_prefix(b"no") == Some(plain);
    if one == other {
        return true;
    }
    let (mut one, mut other) = (one, other);
    loop {
        if no_form(one, other) || no_form(other, one) {
            return true;
        }
        let dot = one.iter().position(|&byte| byte == b'.').filter(|&dot| other.get(..=dot) == Some(&one[..=dot]));
        let Some(dot) = dot else { break };
        (one, other) = (&one[dot + 1..], &other[dot + 1..]);
    }
    let is_access = |name: &[u8]| [b"ro".as_slice(), b"rdonly", b"norw", b"rw", b"noro"].contains(&name);
    is_access(one) && is_access(other)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn a_no_form_is_the_same_option() {
        for (one, other, same) in [
            ("persist", "nopersist", true),
            ("nopersist", "persist", true),
            ("allow.mount.nodevfs", "allow.mount.devfs", true),
            ("allow.nomount.devfs", "allow.mount.devfs", true),
            ("allow.mount", "allow.mount.devfs", false),
            ("ip4", "ip6", false),
            ("ro", "rw", true),
            ("a.noro", "a.rdonly", true),
            ("a.ro", "b.rw", false),
        ] {
            assert_eq!(is_same(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }
}
