//! Any calls of the C functions, on handles that are there, of another kind, and NULL: no crash, nothing lost, and
//! what is refused is told.
#![no_main]

use std::cell::RefCell;
use std::ptr::{null, null_mut};

use jailkit_ffi::Status;
use jailkit_ffi::bytes::Bytes;
use jailkit_ffi::error::*;
use jailkit_ffi::findings::*;
use jailkit_ffi::fstab::*;
use jailkit_ffi::host::*;
use jailkit_ffi::jail::*;
use jailkit_ffi::jailconf::*;
use jailkit_ffi::mount::*;
use jailkit_ffi::pf::*;
use jailkit_ffi::resolved::*;
use jailkit_ffi::ruleset::*;
use jailkit_ffi::strings::*;
use jailkit_ffi::text::*;
use jailkit_ffi::trace::*;
use libfuzzer_sys::fuzz_target;

/// A handle of any kind, and how it is freed.
#[derive(Clone, Copy)]
struct Any {
    at: *mut u8,
    free: fn(*mut u8),
}

/// Input that is used up.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn number(&mut self) -> usize {
        match self.byte() {
            255 => usize::MAX,
            byte => usize::from(byte % 8),
        }
    }

    fn bytes(&mut self) -> Bytes {
        let len = usize::from(self.byte());
        if len == 255 {
            return Bytes { data: null(), len: self.number() };
        }
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        Bytes { data: taken.as_ptr(), len: taken.len() }
    }
}

/// The handles that there are.
#[derive(Default)]
struct Handles(Vec<Any>);

impl Handles {
    /// NULL, or one of any kind.
    fn any<H>(&self, input: &mut Input<'_>) -> *mut H {
        let number = usize::from(input.byte());
        if number % 8 == 7 || self.0.is_empty() { null_mut() } else { self.0[number % self.0.len()].at.cast() }
    }

    fn keep<H>(&mut self, at: *mut H, free: fn(*mut u8)) {
        if !at.is_null() {
            self.0.push(Any { at: at.cast(), free });
        }
    }
}

macro_rules! freed_by {
    ($function:ident) => {
        // Made in the block of `step`, whose SAFETY line it is under: each handle is freed once.
        |at| $function(at.cast())
    };
}

/// Makes a call, and looks at the error that it leaves.
fn call(work: impl FnOnce(*mut *mut Error) -> Status) {
    let mut error = null_mut();
    let status = work(&raw mut error);
    assert_ne!(status, Status::JK_ERROR_PANIC);
    assert_eq!(error.is_null(), status == Status::JK_OK);
    // SAFETY: the error is NULL or a handle, freed once.
    unsafe {
        assert_eq!(jk_error_status(error), status);
        assert!(status == Status::JK_OK || jk_error_message(error).len > 0);
        let findings = jk_error_findings(error);
        for index in 0..=jk_findings_len(findings) {
            read(jk_findings_get(findings, index).message);
        }
        read(jk_error_hint(error));
        jk_error_free(error);
    }
}

/// Reads all bytes, so that a sanitizer sees whether they are there.
fn read(bytes: Bytes) {
    if !bytes.data.is_null() {
        // SAFETY: bytes of the library whose handle is there.
        let sum = unsafe { std::slice::from_raw_parts(bytes.data, bytes.len) }
            .iter()
            .map(|&byte| u64::from(byte))
            .sum::<u64>();
        std::hint::black_box(sum);
    }
}

thread_local! {
    static DIRECTORY: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

/// One simulated host, for all runs.
fn host() -> Bytes {
    DIRECTORY.with_borrow_mut(|dir| {
        let dir = dir.get_or_insert_with(|| tempfile::tempdir().expect("a directory"));
        let path = dir.path().as_os_str().as_encoded_bytes();
        Bytes { data: path.as_ptr(), len: path.len() }
    })
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mut handles = Handles::default();
    let mut steps = 0;
    while !input.0.is_empty() && steps < 64 {
        steps += 1;
        step(&mut input, &mut handles);
    }
    for Any { at, free } in handles.0 {
        free(at);
    }
});

/// One call. What is asked for a handle of some kind is given one of any.
fn step(input: &mut Input<'_>, handles: &mut Handles) {
    let name = Bytes { data: b"file".as_ptr(), len: 4 };
    macro_rules! make {
        ($free:ident, |$place:ident, $error:ident| $call:expr) => {{
            let mut made = null_mut();
            call(|$error| {
                let $place = &raw mut made;
                $call
            });
            handles.keep(made, freed_by!($free));
        }};
    }
    // SAFETY: handles are those of the library, of any kind; places and bytes are there.
    unsafe {
        match input.byte() % 44 {
            0 => make!(jk_jailconf_free, |place, error| jk_jailconf_parse(name, input.bytes(), place, error)),
            1 => make!(jk_fstab_free, |place, error| jk_fstab_parse(name, input.bytes(), place, error)),
            2 => make!(jk_pf_free, |place, error| jk_pf_parse(name, input.bytes(), place, error)),
            3 => make!(jk_interfaces_free, |place, error| jk_interfaces_new(place, error)),
            4 => make!(jk_resolved_free, |place, error| jk_jailconf_resolve(handles.any(input), place, error)),
            5 => make!(jk_findings_free, |place, error| jk_jailconf_check(handles.any(input), place, error)),
            6 => make!(jk_text_free, |place, error| jk_jailconf_formatted(handles.any(input), place, error)),
            7 => make!(jk_strings_free, |place, error| {
                jk_jailconf_get(handles.any(input), input.bytes(), input.bytes(), place, error)
            }),
            8 => {
                let values = [input.bytes(), input.bytes()];
                let len = input.number().min(2);
                let (conf, jail, param) = (handles.any(input), input.bytes(), input.bytes());
                call(|error| jk_jailconf_set(conf, jail, param, values.as_ptr(), len, error));
            }
            9 => call(|error| jk_jailconf_unset(handles.any(input), input.bytes(), input.bytes(), error)),
            10 => call(|error| jk_jailconf_add_jail(handles.any(input), input.bytes(), error)),
            11 => call(|error| jk_jailconf_remove_jail(handles.any(input), input.bytes(), error)),
            12 => read(jk_jailconf_text(handles.any(input))),
            13 => _ = std::hint::black_box(jk_jailconf_has_jail(handles.any(input), input.bytes())),
            14 => {
                let resolved = handles.any(input);
                for jail in 0..jk_resolved_len(resolved).min(4) + 1 {
                    read(jk_resolved_name(resolved, jail));
                    read(jk_resolved_failed(resolved, jail).message);
                    for param in 0..jk_resolved_params(resolved, jail) + 1 {
                        read(jk_resolved_param(resolved, jail, param));
                        for value in 0..jk_resolved_values(resolved, jail, param) + 1 {
                            read(jk_resolved_value(resolved, jail, param, value));
                        }
                    }
                }
            }
            15 => _ = std::hint::black_box(jk_resolved_find(handles.any(input), input.bytes())),
            16 => read(jk_resolved_get(handles.any(input), input.number(), input.bytes())),
            17 => _ = std::hint::black_box(jk_resolved_is_true(handles.any(input), input.number(), input.bytes())),
            18 => {
                let mut names = [Bytes::default(); 4];
                let found = jk_resolved_names(handles.any(input), input.number(), names.as_mut_ptr(), 4);
                names[..found].iter().for_each(|name| read(*name));
            }
            19 => make!(jk_text_free, |place, error| jk_resolved_json(handles.any(input), place, error)),
            20 => {
                let fstab = handles.any(input);
                let entry = FstabEntry {
                    spec: input.bytes(),
                    file: input.bytes(),
                    vfstype: input.bytes(),
                    mntops: input.bytes(),
                    freq: i32::from(input.byte()),
                    passno: i32::from(input.byte()),
                };
                call(|error| jk_fstab_add(fstab, entry, error));
            }
            21 => {
                let fstab: *mut Fstab = handles.any(input);
                let entry = jk_fstab_get(fstab, input.number());
                call(|error| jk_fstab_remove(fstab, entry, error));
            }
            22 => {
                let fstab = handles.any(input);
                for index in 0..jk_fstab_len(fstab) + 1 {
                    let entry = jk_fstab_get(fstab, index);
                    [entry.spec, entry.file, entry.vfstype, entry.mntops].into_iter().for_each(read);
                }
                read(jk_fstab_text(fstab));
            }
            23 => make!(jk_findings_free, |place, error| jk_fstab_check(handles.any(input), place, error)),
            24 => make!(jk_text_free, |place, error| jk_fstab_formatted(handles.any(input), place, error)),
            25 => call(|error| jk_pf_set_macro(handles.any(input), input.bytes(), input.bytes(), error)),
            26 => call(|error| jk_pf_unset_macro(handles.any(input), input.bytes(), error)),
            27 => call(|error| jk_pf_insert(handles.any(input), input.number() as u32, input.bytes(), error)),
            28 => call(|error| jk_pf_remove(handles.any(input), input.bytes(), error)),
            29 => {
                let rules = handles.any(input);
                read(jk_pf_text(rules));
                read(jk_pf_macro(rules, input.bytes()));
                std::hint::black_box(jk_pf_contains(rules, input.bytes()));
            }
            30 => make!(jk_text_free, |place, error| jk_pf_tidied(handles.any(input), place, error)),
            31 => call(|error| jk_interfaces_add(handles.any(input), input.bytes(), error)),
            32 => make!(jk_ruleset_free, |place, error| {
                jk_pf_expand(handles.any(input), handles.any(input), false, place, error)
            }),
            33 => make!(jk_text_free, |place, error| jk_ruleset_print(handles.any(input), place, error)),
            34 => make!(jk_tracer_free, |place, error| jk_tracer_new(handles.any(input), place, error)),
            35 => call(|error| jk_tracer_fill_table(handles.any(input), input.bytes(), error)),
            36 => {
                let packet = PacketSpec {
                    direction: u32::from(input.byte() % 3),
                    interface: input.bytes(),
                    protocol: input.bytes(),
                    from: input.bytes(),
                    to: input.bytes(),
                    flags: input.bytes(),
                    icmp: input.bytes(),
                };
                make!(jk_trace_free, |place, error| jk_tracer_trace(handles.any(input), packet, place, error));
            }
            37 => call(|error| jk_tracer_track(handles.any(input), handles.any(input), error)),
            38 => make!(jk_trace_free, |place, error| {
                jk_tracer_reply(handles.any(input), handles.any(input), place, error)
            }),
            39 => {
                let trace = handles.any(input);
                read(jk_trace_text(trace));
                read(jk_trace_json(trace));
                for index in 0..jk_trace_len(trace) + 1 {
                    let step = jk_trace_get(trace, index);
                    [step.rule, step.file, step.did, step.told].into_iter().for_each(read);
                }
            }
            40 => make!(jk_host_free, |place, error| jk_host_simulated(host(), place, error)),
            41 => {
                let params = [
                    JailParam { name: input.bytes(), value: input.bytes() },
                    JailParam { name: input.bytes(), value: input.bytes() },
                ];
                let (host, mut jid) = (handles.any(input), 0);
                call(|error| jk_jail_create(host, params.as_ptr(), 2, &raw mut jid, error));
                call(|error| jk_jail_modify(host, jid, params.as_ptr(), input.number().min(2), error));
                call(|error| jk_jail_remove(host, jid, error));
            }
            42 => {
                let params = [input.bytes(), Bytes { data: b"name".as_ptr(), len: 4 }];
                make!(jk_jails_free, |place, error| {
                    jk_jails_list(handles.any(input), params.as_ptr(), 2, false, place, error)
                });
                make!(jk_mounts_free, |place, error| jk_mounts_list(handles.any(input), place, error));
            }
            _ => {
                let text = handles.any(input);
                read(jk_text_bytes(text));
                let (strings, findings): (*mut Strings, *mut Findings) = (handles.any(input), handles.any(input));
                read(jk_strings_get(strings, input.number()));
                read(jk_findings_get(findings, input.number()).message);
                let (jails, mounts): (*mut Jails, *mut Mounts) = (handles.any(input), handles.any(input));
                read(jk_jails_get(jails, input.number(), input.number()));
                read(jk_mounts_get(mounts, input.number()).target);
            }
        }
    }
}
