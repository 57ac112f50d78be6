//! Names of parameters, and which of them are one option: `persist` and `nopersist` are.

use bstr::{BString, ByteSlice};

use crate::jailparam::{self, ParamDef};

/// Whether a parameter is one that jail(8) itself acts on and the kernel does not know.
pub(crate) fn is_internal(name: &[u8]) -> bool {
    is_one_of(jailparam::kept_by_jail8(), name)
}

/// Whether jail(8) itself knows a parameter of this name: a variable cannot have it.
pub(super) fn is_known(name: &[u8]) -> bool {
    is_one_of(jailparam::in_jail8(), name)
}

/// Whether a parameter can be set once only.
pub(super) fn is_immutable(name: &[u8]) -> bool {
    is_one_of(jailparam::once_in_file(), name)
}

fn is_one_of(params: &[&ParamDef], name: &[u8]) -> bool {
    params.iter().any(|param| same_option(name, param.name.as_bytes()))
}

/// Whether two names are of one option, as jail(8) compares them: the same, or with a `no` before one dotted part of
/// one of them.
pub(super) fn same_option(one: &[u8], other: &[u8]) -> bool {
    one == other || is_no_form(one, other) || is_no_form(other, one)
}

/// Whether `negated` is `plain` with a `no` before one of its parts.
fn is_no_form(negated: &[u8], plain: &[u8]) -> bool {
    if negated.len() != plain.len() + 2 {
        return false;
    }
    let same = negated.iter().zip(plain).take_while(|(one, other)| one == other).count();
    // The `no` begins where they part or before it: `nnoo` can be `no` in two ways.
    let starts = std::iter::once(0).chain(plain[..same].find_iter(b".").map(|dot| dot + 1));
    let mut starts = starts.filter(|&at| negated[at..].starts_with(b"no"));
    starts.any(|at| negated[at + 2..] == plain[at..])
}

/// What all names have in common that can be of one option: the name without any `no` before a part.
pub(super) fn option_key(name: &[u8]) -> BString {
    let mut key = BString::default();
    for (index, mut part) in name.split_str(b".").enumerate() {
        while let Some(rest) = part.strip_prefix(b"no") {
            part = rest;
        }
        if index > 0 {
            key.push(b'.');
        }
        key.extend_from_slice(part);
    }
    key
}
