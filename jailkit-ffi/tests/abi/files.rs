//! jail.conf, fstab and pf.conf through the C functions.

use jailkit_ffi::Status;
use jailkit_ffi::findings::{jk_findings_free, jk_findings_get, jk_findings_len};
use jailkit_ffi::fstab::*;
use jailkit_ffi::jailconf::*;
use jailkit_ffi::pf::*;
use jailkit_ffi::resolved::*;
use jailkit_ffi::ruleset::*;
use jailkit_ffi::strings::{jk_strings_free, jk_strings_get, jk_strings_len};
use jailkit_ffi::text::{jk_text_bytes, jk_text_free};

use crate::called::{NONE, bytes, done, made, text, told};

#[test]
fn a_jail_conf_is_edited_and_resolved() {
    let file = "# mine\nwww { path = /srv/$name; }\n";
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let conf = made(|conf, error| jk_jailconf_parse(bytes("jail.conf"), bytes(file), conf, error));
        done(|error| jk_jailconf_add_jail(conf, bytes("db"), error));
        let values = [bytes("10.0.0.1"), bytes("10.0.0.2")];
        done(|error| jk_jailconf_set(conf, bytes("db"), bytes("ip4.addr"), values.as_ptr(), 2, error));
        done(|error| jk_jailconf_set(conf, NONE, bytes("exec.clean"), std::ptr::null(), 0, error));
        done(|error| jk_jailconf_unset(conf, bytes("www"), bytes("path"), error));
        assert!(jk_jailconf_has_jail(conf, bytes("db")) && !jk_jailconf_has_jail(conf, bytes("mail")));
        assert_eq!(
            text(jk_jailconf_text(conf)),
            "exec.clean;\n\n# mine\nwww { }\n\ndb {\n    ip4.addr = 10.0.0.1, 10.0.0.2;\n}\n"
        );
        let list = made(|list, error| jk_jailconf_get(conf, bytes("db"), bytes("ip4.addr"), list, error));
        assert_eq!((jk_strings_len(list), text(jk_strings_get(list, 1))), (2, "10.0.0.2".to_owned()));
        jk_strings_free(list);

        let resolved = made(|resolved, error| jk_jailconf_resolve(conf, resolved, error));
        done(|error| jk_jailconf_remove_jail(conf, bytes("db"), error));
        jk_jailconf_free(conf);
        assert_eq!(jk_resolved_len(resolved), 2);
        let db = jk_resolved_find(resolved, bytes("db"));
        assert_eq!((db, jk_resolved_find(resolved, bytes("mail"))), (1, JK_NONE));
        let param = jk_resolved_find_param(resolved, db, bytes("ip4.addr"));
        assert_eq!(text(jk_resolved_param(resolved, db, param)), "ip4.addr");
        assert_eq!(jk_resolved_values(resolved, db, param), 2);
        assert_eq!(text(jk_resolved_value(resolved, db, param, 0)), "10.0.0.1");
        assert_eq!(text(jk_resolved_get(resolved, db, bytes("ip4.addr"))), "10.0.0.2");
        assert!(jk_resolved_is_true(resolved, db, bytes("exec.clean")));
        let mut names = [NONE; 3];
        assert_eq!(jk_resolved_names(resolved, 0, names.as_mut_ptr(), 3), 2);
        assert_eq!(names[..2].iter().map(|name| text(*name)).collect::<Vec<_>>(), ["www", "db"]);
        assert_eq!(jk_resolved_names(resolved, 2, names.as_mut_ptr(), 3), 0);
        let json = made(|json, error| jk_resolved_json(resolved, json, error));
        let told = text(jk_text_bytes(json));
        assert!(told.starts_with("[{\"jail\":\"www\",\"failed\":false,\"params\":[[\"name\",\"www\"]"), "{told}");
        jk_text_free(json);
        jk_resolved_free(resolved);
    }
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let file = "www { path = /srv/www; persist; enforce_statfs = 3; }\n";
        let conf = made(|conf, error| jk_jailconf_parse(bytes("jail.conf"), bytes(file), conf, error));
        let mut findings = std::ptr::null_mut();
        let mut error = std::ptr::null_mut();
        assert_eq!(jk_jailconf_check(conf, &raw mut findings, &raw mut error), Status::JK_ERROR_FILE);
        assert!(findings.is_null());
        use jailkit_ffi::error::*;
        assert_eq!((jk_error_line(error), jk_error_column(error)), (1, 50));
        assert_eq!(text(jk_error_file(error)), "jail.conf");
        let found = jk_findings_get(jk_error_findings(error), 0);
        assert!(found.is_error);
        assert_eq!(text(found.message), text(jk_error_message(error)));
        jk_error_free(error);
        jk_jailconf_free(conf);

        let loops = made(|conf, error| jk_jailconf_parse(bytes("jail.conf"), bytes("a { path = $b; }\n"), conf, error));
        let resolved = made(|resolved, error| jk_jailconf_resolve(loops, resolved, error));
        assert_eq!(jk_resolved_failed(resolved, 0).line, 1);
        jk_resolved_free(resolved);
        jk_jailconf_free(loops);
    }
}

#[test]
fn an_fstab_is_edited() {
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let fstab = made(|fstab, error| {
            jk_fstab_parse(bytes("fstab"), bytes("# mine\n/dev/ada0p2 / ufs rw 1 1\n"), fstab, error)
        });
        let entry = FstabEntry {
            spec: bytes("/usr/ports"),
            file: bytes("/srv/with space"),
            vfstype: bytes("nullfs"),
            mntops: bytes("ro,nosuid"),
            freq: 0,
            passno: 0,
        };
        done(|error| jk_fstab_add(fstab, entry, error));
        assert_eq!(jk_fstab_len(fstab), 2);
        assert_eq!(text(jk_fstab_get(fstab, 1).file), "/srv/with space");
        // The bytes of an entry may be the fstab's own.
        done(|error| jk_fstab_remove(fstab, jk_fstab_get(fstab, 0), error));
        assert_eq!(text(jk_fstab_text(fstab)), "# mine\n/usr/ports\t/srv/with\\040space\tnullfs\tro,nosuid\t0\t0\n");
        let mut findings = std::ptr::null_mut();
        done(|error| jk_fstab_check(fstab, &raw mut findings, error));
        assert_eq!(jk_findings_len(findings), 0);
        jk_findings_free(findings);
        for bad in [FstabEntry { mntops: bytes("nosuid"), ..entry }, FstabEntry { file: NONE, ..entry }] {
            assert_eq!(told(|error| jk_fstab_add(fstab, bad, error)).0, Status::JK_ERROR_ARGUMENT);
        }
        let even = made(|even, error| jk_fstab_formatted(fstab, even, error));
        assert!(text(jk_text_bytes(even)).starts_with("# mine\n"));
        jk_text_free(even);
        jk_fstab_free(fstab);
    }
}

#[test]
fn a_pf_conf_is_edited_and_expanded() {
    // SAFETY: handles are those of the library, and freed once.
    unsafe {
        let rules = made(|rules, error| jk_pf_parse(bytes("pf.conf"), bytes("set skip on lo0\npass\n"), rules, error));
        done(|error| jk_pf_set_macro(rules, bytes("net"), bytes("10.0.0.0/24"), error));
        let translation = PfSection::JK_PF_TRANSLATION as u32;
        done(|error| jk_pf_insert(rules, translation, bytes("nat on igb0 from $net to any -> (igb0)"), error));
        assert_eq!(text(jk_pf_macro(rules, bytes("net"))), "10.0.0.0/24");
        assert!(jk_pf_contains(rules, bytes("pass")));
        let unset = told(|error| jk_pf_unset_macro(rules, bytes("net"), error));
        assert_eq!(unset.0, Status::JK_ERROR_FILE, "{}", unset.1);
        done(|error| jk_pf_remove(rules, bytes("pass"), error));
        assert_eq!(told(|error| jk_pf_insert(rules, 6, bytes("pass"), error)).1, "6 is no section");
        let tidied = made(|tidied, error| jk_pf_tidied(rules, tidied, error));
        assert_eq!(text(jk_text_bytes(tidied)), text(jk_pf_text(rules)));
        jk_text_free(tidied);

        let ruleset = made(|set, error| jk_pf_expand(rules, std::ptr::null(), false, set, error));
        jk_pf_free(rules);
        assert_eq!(jk_ruleset_len(ruleset), 1);
        let printed = made(|printed, error| jk_ruleset_print(ruleset, printed, error));
        assert!(text(jk_text_bytes(printed)).contains("nat on igb0 inet from 10.0.0.0/24 to any -> (igb0)"));
        jk_text_free(printed);
        jk_ruleset_free(ruleset);
    }
}
