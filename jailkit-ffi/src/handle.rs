//! Opaque handles: a value in a box, behind a tag that says what it is.
//!
//! C sees a pointer to a type without a layout, such as `jk_fstab *`. What it points to is a [`Tagged`]: a handle of
//! another kind given in its place is found by its tag, and refused.

use crate::failure::Failure;

/// What a handle is. The numbers are such that memory seldom holds them by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Error = 0x6a6b_0001,
    Findings,
    Text,
    Strings,
    JailConf,
    Resolved,
    Fstab,
    Pf,
    Interfaces,
    Ruleset,
    Tracer,
    Trace,
    Host,
    Jails,
    Mounts,
    Stack,
    Plan,
    Session,
}

/// A type that C has pointers to, and what is behind them.
///
/// What is behind them is `Send` and `Sync`, so that C may hand a handle from one thread to another, and read it from
/// several.
pub(crate) trait Handle {
    /// Its tag.
    const KIND: Kind;
    /// The name C has for it.
    const NAME: &'static str;
    /// What is behind the pointer.
    type Value: Send + Sync;
}

#[repr(C)]
struct Tagged<T> {
    kind: u32,
    value: T,
}

/// Puts a value behind a new handle, which is C's to free.
pub(crate) fn new<H: Handle>(value: H::Value) -> *mut H {
    Box::into_raw(Box::new(Tagged { kind: H::KIND as u32, value })).cast()
}

/// The value behind a handle; none for NULL and for a handle of another kind.
///
/// # Safety
/// The pointer is NULL or a handle of the library that has not been freed, and nobody changes it meanwhile.
pub(crate) unsafe fn peek<'a, H: Handle>(handle: *const H) -> Option<&'a H::Value> {
    let tag = handle.cast::<u32>();
    // SAFETY: a handle of any kind begins with its tag.
    if tag.is_null() || !tag.is_aligned() || unsafe { *tag } != H::KIND as u32 {
        return None;
    }
    // SAFETY: the tag says that this value is behind it.
    Some(unsafe { &(*handle.cast::<Tagged<H::Value>>()).value })
}

/// The value behind a handle.
///
/// # Safety
/// As for [`peek`].
pub(crate) unsafe fn get<'a, H: Handle>(handle: *const H, what: &str) -> Result<&'a H::Value, Failure> {
    // SAFETY: the caller's word.
    unsafe { peek(handle) }.ok_or_else(|| refused(handle, what))
}

/// The value behind a handle, to be changed.
///
/// # Safety
/// As for [`peek`], and nobody else uses the handle meanwhile.
pub(crate) unsafe fn get_mut<'a, H: Handle>(handle: *mut H, what: &str) -> Result<&'a mut H::Value, Failure> {
    // SAFETY: the caller's word.
    if unsafe { peek(handle) }.is_none() {
        return Err(refused(handle, what));
    }
    // SAFETY: the tag has been looked at, and the caller has the handle for itself.
    Ok(unsafe { &mut (*handle.cast::<Tagged<H::Value>>()).value })
}

fn refused<H: Handle>(handle: *const H, what: &str) -> Failure {
    if handle.is_null() {
        Failure::argument(format!("'{what}' is NULL"))
    } else {
        Failure::handle(format!("'{what}' is not a {}", H::NAME))
    }
}

/// Frees a handle. NULL is fine; a handle of another kind is left alone.
///
/// # Safety
/// As for [`get_mut`], and the handle is not used any more.
pub(crate) unsafe fn free<H: Handle>(handle: *mut H) {
    // SAFETY: the caller's word.
    if unsafe { peek(handle) }.is_none() {
        return;
    }
    // SAFETY: `new` has made it from such a box, by its tag.
    let mut boxed = unsafe { Box::from_raw(handle.cast::<Tagged<H::Value>>()) };
    boxed.kind = 0;
    // What is dropped could panic as anything could; nothing is left to be told of it.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(boxed)));
}

/// A place that C gives for a result.
pub(crate) struct Place<T>(*mut T);

/// A place for a handle: NULL is in it until [`Place::put`].
///
/// # Safety
/// The pointer is NULL, or there is a place for a pointer.
pub(crate) unsafe fn place<H: Handle>(at: *mut *mut H, what: &str) -> Result<Place<*mut H>, Failure> {
    // SAFETY: the caller's word.
    unsafe { place_of(at, what, std::ptr::null_mut()) }
}

/// A place for a handle that the caller may not want: none where the pointer is NULL.
///
/// # Safety
/// As of [`place`].
pub(crate) unsafe fn wanted_place<H: Handle>(at: *mut *mut H, what: &str) -> Result<Option<Place<*mut H>>, Failure> {
    if at.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's word.
    unsafe { place(at, what) }.map(Some)
}

/// A place for a value: `first` is in it until [`Place::put`].
///
/// # Safety
/// The pointer is NULL, or there is a place for a `T`.
pub(crate) unsafe fn place_of<T>(at: *mut T, what: &str, first: T) -> Result<Place<T>, Failure> {
    if at.is_null() {
        return Err(Failure::argument(format!("'{what}' is NULL")));
    }
    if !at.is_aligned() {
        return Err(Failure::argument(format!("'{what}' is not aligned")));
    }
    // SAFETY: not NULL, aligned, and a place by the caller's word.
    unsafe { at.write(first) };
    Ok(Place(at))
}

impl<T> Place<T> {
    pub(crate) fn put(self, value: T) {
        // SAFETY: a place that `place_of` has looked at, in the same call.
        unsafe { self.0.write(value) };
    }
}
