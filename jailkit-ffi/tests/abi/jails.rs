//! Jails and mounts of a simulated host through the C functions.

use jailkit_ffi::Status;
use jailkit_ffi::error::{jk_error_errno, jk_error_free};
use jailkit_ffi::host::{jk_host_describe, jk_host_free, jk_host_is_simulated, jk_host_simulated};
use jailkit_ffi::jail::*;
use jailkit_ffi::mount::*;

use crate::called::{NONE, bytes, done, made, text, told};

#[test]
fn a_jail_lives_and_dies() {
    let dir = tempfile::tempdir().unwrap();
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let host = made(|host, error| jk_host_simulated(bytes(dir.path().as_os_str().as_encoded_bytes()), host, error));
        assert!(jk_host_is_simulated(host) && text(jk_host_describe(host)).contains("simulated"));
        let param = |name: &'static str, value: &'static str| JailParam { name: bytes(name), value: bytes(value) };
        let params = [
            param("name", "www"),
            param("path", "/srv"),
            param("ip4.addr", "10.0.0.1,10.0.0.2"),
            JailParam { name: bytes("persist"), value: NONE },
        ];
        let mut jid = -1;
        done(|error| jk_jail_create(host, params.as_ptr(), params.len(), &raw mut jid, error));
        let mut found = 0;
        done(|error| jk_jail_find(host, bytes("www"), &raw mut found, error));
        assert_eq!((jid, found), (1, 1));
        let change = [param("host.hostname", "www.example.org")];
        done(|error| jk_jail_modify(host, jid, change.as_ptr(), 1, error));

        let wanted = [bytes("jid"), bytes("host.hostname"), bytes("ip4.addr")];
        let jails = made(|jails, error| jk_jails_list(host, wanted.as_ptr(), 3, false, jails, error));
        assert_eq!(jk_jails_len(jails), 1);
        let row: Vec<_> = (0..4).map(|param| text(jk_jails_get(jails, 0, param))).collect();
        assert_eq!(row, ["1", "www.example.org", "10.0.0.1,10.0.0.2", "(none)"]);
        jk_jails_free(jails);

        for bad in [param("frobnicate", "1"), param("children.max", "many")] {
            let (status, message) = told(|error| jk_jail_create(host, &raw const bad, 1, &raw mut jid, error));
            assert_eq!((status, jid), (Status::JK_ERROR_ARGUMENT, 0), "{message}");
        }
        done(|error| jk_jail_remove(host, 1, error));
        let mut error = std::ptr::null_mut();
        assert_eq!(jk_jail_remove(host, 1, &raw mut error), Status::JK_ERROR_KERNEL);
        assert_eq!(jk_error_errno(error), 22);
        jk_error_free(error);
        assert_eq!(told(|error| jk_jail_find(host, bytes("www"), &raw mut jid, error)).0, Status::JK_ERROR_NOT_FOUND);
        jk_host_free(host);
    }
}

#[test]
fn a_directory_is_mounted_and_unmounted() {
    let dir = tempfile::tempdir().unwrap();
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let host = made(|host, error| jk_host_simulated(bytes(dir.path().as_os_str().as_encoded_bytes()), host, error));
        let mount = |target, error| jk_mount(host, bytes("nullfs"), bytes("/usr/ports"), target, bytes("ro"), error);
        done(|error| mount(bytes("/srv"), error));
        assert_eq!(told(|error| mount(bytes("/missing"), error)).0, Status::JK_ERROR_NOT_FOUND);
        let mounts = made(|mounts, error| jk_mounts_list(host, mounts, error));
        let last = jk_mounts_get(mounts, jk_mounts_len(mounts) - 1);
        assert_eq!((text(last.fstype).as_str(), text(last.target).as_str(), last.read_only), ("nullfs", "/srv", true));
        jk_mounts_free(mounts);
        done(|error| jk_unmount(host, bytes("/srv"), false, error));
        assert_eq!(told(|error| jk_unmount(host, bytes("/srv"), false, error)).0, Status::JK_ERROR_KERNEL);
        jk_host_free(host);
    }
}

#[test]
fn a_handle_moves_into_a_jail() {
    let dir = tempfile::tempdir().unwrap();
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let host = made(|host, error| jk_host_simulated(bytes(dir.path().as_os_str().as_encoded_bytes()), host, error));
        let params = [
            JailParam { name: bytes("path"), value: bytes("/srv") },
            JailParam { name: bytes("persist"), value: NONE },
        ];
        let mut jid = 0;
        done(|error| jk_jail_create(host, params.as_ptr(), 2, &raw mut jid, error));
        done(|error| jk_jail_attach(host, jid, error));
        // In there nobody may make jails.
        let refused = told(|error| jk_jail_create(host, params.as_ptr(), 2, &raw mut jid, error));
        assert_eq!(refused.0, Status::JK_ERROR_RIGHTS, "{}", refused.1);
        jk_host_free(host);
    }
}
