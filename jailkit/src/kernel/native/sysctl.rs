//! sysctl(3): numbers by name, and the tree that describes the parameters of jails.

use std::ffi::{CStr, c_int};
use std::ptr;

use nix::errno::Errno;

use super::c_path;
use crate::kernel::ParamType;
use crate::kernel::marshal::{self, Number};

/// As many numbers as the name of a sysctl may have (`CTL_MAXNAME`), and as many bytes as one may have in words.
const MOST_NUMBERS: usize = 24;
const MOST_BYTES: usize = 1024;

/// Below this are the parameters of jails.
const PARAMS: &CStr = c"security.jail.param";

type Name = Vec<c_int>;

/// Asks for what is at a name; how many bytes of the answer there are.
fn read(name: &[c_int], answer: &mut [u8]) -> Result<usize, Errno> {
    let mut len = answer.len();
    let to = answer.as_mut_ptr().cast();
    // SAFETY: a name of as many numbers as is said, which is only read; `to` has room for `len` bytes, and the kernel
    // writes at most that many.
    let read = unsafe { libc::sysctl(name.as_ptr(), name.len() as u32, to, &raw mut len, ptr::null(), 0) };
    Errno::result(read).map(|_| len)
}

/// One of sysctl's own questions about a name.
fn ask<'a>(question: c_int, about: &[c_int], answer: &'a mut [u8]) -> Result<&'a [u8], Errno> {
    let name = [&[libc::CTL_SYSCTL, question], about].concat();
    let len = read(&name, answer)?;
    answer.get(..len).ok_or(Errno::EINVAL)
}

fn numbers_of(words: &CStr) -> Result<Name, Errno> {
    let mut name = vec![0; MOST_NUMBERS];
    let mut len = name.len();
    // SAFETY: a C string, and room for as many numbers as is said.
    Errno::result(unsafe { libc::sysctlnametomib(words.as_ptr(), name.as_mut_ptr(), &raw mut len) })?;
    name.truncate(len);
    Ok(name)
}

/// A number of the system, and how it is laid out.
fn number(words: &str) -> Result<(Name, Number), Errno> {
    let name = numbers_of(&c_path(words.as_ref())?)?;
    let mut description = [0; MOST_BYTES];
    let kind = marshal::number(ask(libc::CTL_SYSCTL_OIDFMT, &name, &mut description)?).ok_or(Errno::EINVAL)?;
    Ok((name, kind))
}

pub(super) fn sysctl_int(words: &str) -> Result<i64, Errno> {
    let (name, kind) = number(words)?;
    let mut bytes = [0; 8];
    let len = read(&name, &mut bytes)?;
    bytes.get(..len).and_then(|bytes| kind.read(bytes)).ok_or(Errno::EINVAL)
}

pub(super) fn set_sysctl_int(words: &str, value: i64) -> Result<(), Errno> {
    let (name, kind) = number(words)?;
    let bytes = kind.written(value).ok_or(Errno::ERANGE)?;
    let (from, len) = (bytes.as_ptr().cast(), bytes.len());
    // SAFETY: a name of as many numbers as is said and a buffer of `len` bytes, both only read; nothing is written back.
    let written =
        unsafe { libc::sysctl(name.as_ptr(), name.len() as u32, ptr::null_mut(), ptr::null_mut(), from, len) };
    Errno::result(written).map(drop)
}

/// Walks the tree of the parameters of jails. What only libmac can lay out (`S,mac`) is left out.
pub(super) fn jail_params() -> Result<Vec<ParamType>, Errno> {
    let mut at = numbers_of(PARAMS)?;
    let mut params = Vec::new();
    loop {
        let mut next = [0; MOST_NUMBERS * size_of::<c_int>()];
        let next = match ask(libc::CTL_SYSCTL_NEXT, &at, &mut next) {
            Err(Errno::ENOENT) => return Ok(params),
            next => next?,
        };
        at = next.as_chunks().0.iter().map(|bytes| c_int::from_ne_bytes(*bytes)).collect();
        let mut words = [0; MOST_BYTES];
        let words = ask(libc::CTL_SYSCTL_NAME, &at, &mut words)?;
        let words = words.split(|&byte| byte == 0).next().unwrap_or_default();
        let below = words.strip_prefix(PARAMS.to_bytes()).and_then(|words| words.strip_prefix(b"."));
        let Some(name) = below else { return Ok(params) };
        let mut description = [0; MOST_BYTES];
        let description = ask(libc::CTL_SYSCTL_OIDFMT, &at, &mut description)?;
        let mut size = [0; MOST_BYTES];
        let len = read(&at, &mut size)?;
        let Some(kind) = marshal::described(description, size.get(..len).unwrap_or_default()) else { continue };
        // A nameless one below a node, `allow.mount.`, is the parameter of the node's name.
        let name = name.strip_suffix(b".").unwrap_or(name);
        params.push(ParamType::new(String::from_utf8_lossy(name), kind));
    }
}
