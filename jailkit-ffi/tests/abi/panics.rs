//! A panic amid a call, and what C sees of it.

use std::ffi::c_void;
use std::ptr::null_mut;

use jailkit_ffi::Status;
use jailkit_ffi::host::{jk_host_free, jk_host_simulated};
use jailkit_ffi::session::*;
use jailkit_ffi::stack::*;

use crate::called::{bytes, done, made, told};

unsafe extern "C-unwind" fn fall_over(_: *mut c_void, _: *const Progress) -> i32 {
    std::panic::panic_any("the callback fell over")
}

unsafe extern "C-unwind" fn count(user: *mut c_void, _: *const Progress) -> i32 {
    // SAFETY: the calls come one after the other, with the number that was given.
    unsafe { *user.cast::<u32>() += 1 };
    0
}

#[test]
fn a_panic_is_an_error_and_the_session_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let host = made(|host, error| jk_host_simulated(bytes(dir.path().as_os_str().as_encoded_bytes()), host, error));
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/web-and-db/jailkit.toml");
        let stack = made(|stack, error| jk_stack_read(bytes(file), stack, null_mut(), error));
        let session = made(|session, error| jk_session_open(host, bytes("up"), false, session, error));
        let busy = told(|error| {
            let mut second = null_mut();
            jk_session_open(host, bytes("up"), false, &raw mut second, error)
        });
        assert_eq!(busy.0, Status::JK_ERROR_BUSY, "{}", busy.1);

        let plan = made(|plan, error| jk_session_plan_up(session, stack, plan, error));
        assert_eq!(
            told(|error| jk_session_apply(session, plan, Some(fall_over), null_mut(), error)),
            (Status::JK_ERROR_PANIC, "panic: the callback fell over".to_owned())
        );
        let mut calls = 0u32;
        done(|error| jk_session_apply(session, plan, Some(count), (&raw mut calls).cast(), error));
        assert!(calls > 10);

        let looked_at = made(|plan, error| jk_plan_down(host, false, plan, error));
        let refused = told(|error| jk_session_apply(session, looked_at, None, null_mut(), error));
        assert_eq!(refused.0, Status::JK_ERROR_ARGUMENT);
        let down = made(|plan, error| jk_session_plan_down(session, true, plan, error));
        done(|error| jk_session_apply(session, down, None, null_mut(), error));
        for plan in [plan, looked_at, down] {
            jk_plan_free(plan);
        }
        jk_session_free(session);
        jk_stack_free(stack);
        jk_host_free(host);
    }
}
