//! What a C program should not do, and what becomes of it: an error, never a crash.

use std::ptr::{null, null_mut};

use jailkit_ffi::Status;
use jailkit_ffi::bytes::Bytes;
use jailkit_ffi::error::*;
use jailkit_ffi::findings::*;
use jailkit_ffi::fstab::*;
use jailkit_ffi::jailconf::*;
use jailkit_ffi::resolved::*;
use jailkit_ffi::session::*;
use jailkit_ffi::stack::*;
use jailkit_ffi::trace::*;

use crate::called::{NONE, bytes, made, text, told};

#[test]
fn null_is_refused_with_its_name() {
    // SAFETY: NULL is what this is about.
    unsafe {
        let mut conf = null_mut();
        for (call, message) in [
            (told(|error| jk_jailconf_parse(bytes("f"), bytes(""), null_mut(), error)), "'conf' is NULL"),
            (told(|error| jk_jailconf_parse(NONE, bytes(""), &raw mut conf, error)), "'name' is empty"),
            (told(|error| jk_jailconf_resolve(null(), null_mut(), error)), "'resolved' is NULL"),
            (told(|error| jk_jailconf_check(null(), null_mut(), error)), "'conf' is NULL"),
            (told(|error| jk_session_apply(null_mut(), null(), None, null_mut(), error)), "'plan' is NULL"),
        ] {
            assert_eq!(call, (Status::JK_ERROR_ARGUMENT, message.to_owned()));
        }
        assert!(conf.is_null());
        assert_eq!(jk_jailconf_resolve(null(), null_mut(), null_mut()), Status::JK_ERROR_ARGUMENT);
        let wild = Bytes { data: null(), len: 7 };
        let (_, message) = told(|error| jk_jailconf_parse(bytes("f"), wild, &raw mut conf, error));
        assert_eq!(message, "'text' is NULL and has a length of 7");
    }
}

#[test]
fn looking_into_null_finds_nothing() {
    // SAFETY: NULL is what this is about.
    unsafe {
        assert_eq!((jk_resolved_len(null()), jk_findings_len(null()), jk_plan_len(null())), (0, 0, 0));
        assert!(jk_jailconf_text(null()).data.is_null() && jk_error_findings(null()).is_null());
        assert_eq!(jk_error_status(null()), Status::JK_OK);
        assert_eq!(jk_resolved_find(null(), bytes("www")), JK_NONE);
        assert_eq!(jk_trace_verdict(null()), Verdict::JK_NO_VERDICT);
        jk_jailconf_free(null_mut());
        jk_session_free(null_mut());
        jk_error_free(null_mut());
    }
}

#[test]
fn a_handle_of_another_kind_is_refused_and_left_alone() {
    // SAFETY: the handle is the library's; that it is of another kind is what this is about.
    unsafe {
        let fstab = made(|fstab, error| jk_fstab_parse(bytes("fstab"), bytes("# mine\n"), fstab, error));
        let wrong = fstab.cast::<JailConf>();
        let mut resolved = null_mut();
        let refused = told(|error| jk_jailconf_resolve(wrong, &raw mut resolved, error));
        assert_eq!(refused, (Status::JK_ERROR_HANDLE, "'conf' is not a jk_jailconf".to_owned()));
        assert!(jk_jailconf_text(wrong).data.is_null());
        jk_jailconf_free(wrong);
        assert_eq!(text(jk_fstab_text(fstab)), "# mine\n");
        jk_fstab_free(fstab);
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_where_it_must_be() {
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let conf = made(|conf, error| jk_jailconf_parse(bytes(b"\xff.conf"), bytes(b"# \xff\n"), conf, error));
        assert_eq!(jk_jailconf_text(conf).len, 4);
        let refused = told(|error| jk_jailconf_add_jail(conf, bytes(b"w\xffw"), error));
        assert_eq!(refused, (Status::JK_ERROR_UTF8, "'jail' is not UTF-8 from byte 1 on".to_owned()));
        let refused = told(|error| jk_jailconf_unset(conf, bytes("www"), bytes("path"), error));
        assert_eq!(refused, (Status::JK_ERROR_NOT_FOUND, "the file has no block 'www'".to_owned()));
        jk_jailconf_free(conf);
    }
}

#[test]
fn numbers_past_the_end_find_nothing() {
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let conf = made(|conf, error| jk_jailconf_parse(bytes("f"), bytes("www { persist; }\n"), conf, error));
        let resolved = made(|resolved, error| jk_jailconf_resolve(conf, resolved, error));
        for number in [99, JK_NONE] {
            assert!(jk_resolved_name(resolved, number).data.is_null());
            assert!(jk_resolved_param(resolved, 0, number).data.is_null());
            assert!(jk_resolved_value(resolved, 0, 0, number).data.is_null());
            assert_eq!(jk_resolved_names(resolved, number, null_mut(), JK_NONE), 0);
            assert_eq!(jk_resolved_params(resolved, number), 0);
        }
        jk_resolved_free(resolved);
        jk_jailconf_free(conf);
    }
}
