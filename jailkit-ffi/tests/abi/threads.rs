//! Eight threads, each with handles of its own, and one handle that all of them read.

use jailkit_ffi::Status;
use jailkit_ffi::jailconf::*;
use jailkit_ffi::resolved::*;

use crate::called::{bytes, done, made, text, told};

struct Shared(*const Resolved);

// SAFETY: a resolved jail.conf may be read by several threads.
unsafe impl Sync for Shared {}

#[test]
fn threads_do_not_meet() {
    let text_of = |jails: usize| (0..jails).map(|jail| format!("jail{jail} {{ persist; }}\n")).collect::<String>();
    // SAFETY: handles are those of the library, freed once, and shared only where they are only read.
    unsafe {
        let conf = made(|conf, error| jk_jailconf_parse(bytes("all"), bytes(&text_of(100)), conf, error));
        let all = made(|resolved, error| jk_jailconf_resolve(conf, resolved, error));
        jk_jailconf_free(conf);
        let shared = Shared(all);
        std::thread::scope(|scope| {
            for thread in 0..8usize {
                let shared = &shared;
                scope.spawn(move || {
                    for round in 0..20 {
                        let own = text_of(thread + 1);
                        let conf = made(|conf, error| jk_jailconf_parse(bytes("own"), bytes(&own), conf, error));
                        let name = format!("thread{thread}");
                        done(|error| jk_jailconf_add_jail(conf, bytes(&name), error));
                        let again = told(|error| jk_jailconf_add_jail(conf, bytes(&name), error));
                        assert_eq!(again, (Status::JK_ERROR_CONFLICT, format!("there is a block '{name}' already")));
                        let resolved = made(|resolved, error| jk_jailconf_resolve(conf, resolved, error));
                        assert_eq!(text(jk_resolved_name(resolved, thread + 1)), name);
                        let jail = format!("jail{}", round * 5 + thread % 5);
                        let found = jk_resolved_find(shared.0, bytes(&jail));
                        assert_eq!(text(jk_resolved_name(shared.0, found)), jail);
                        jk_resolved_free(resolved);
                        jk_jailconf_free(conf);
                    }
                });
            }
        });
        jk_resolved_free(all);
    }
}
