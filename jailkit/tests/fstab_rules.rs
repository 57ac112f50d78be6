//! What `Fstab` finds wrong, and the two readings of a line.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::{Path, PathBuf};

use jailkit::fstab::{Access, Context, Entry, EntryError, Found, Fstab, Look, MountOption};
use jailkit::source::{Severity, Source};

fn fstab(text: &str) -> Fstab {
    Fstab::parse(&Source::new("fstab", text))
}

/// The findings, each as `line:column severity: message`, with the text they point at.
fn findings(text: &str, context: &Context<'_>) -> String {
    let found = fstab(text).check_in(context).unwrap_or_else(|found| found.into_iter().collect());
    let shown = found.iter().map(|one| {
        let at = String::from_utf8_lossy(one.source.slice(one.span)).into_owned();
        format!("{} {}: {} [{at}]\n", one.position(), one.severity, one.message)
    });
    shown.collect()
}

#[test]
fn mounts_in_each_others_way_are_found() {
    let text = "/dev/ada0p2 / ufs rw 1 1\n\
        a /x/y nullfs rw\n\
        b /x//y/ nullfs rw\n\
        b /x/y nullfs rw\n\
        c /x tmpfs rw\n\
        none none swap sw 0 0\n\
        u /x unionfs rw\n\
        d /cdrom cd9660 ro,noauto\n\
        e /cdrom cd9660 ro,noauto\n\
        /l/m /late tmpfs rw,late\n\
        /l /late/n tmpfs rw\n\
        broken\n\
        old:/x/y:rw:1:1\n";
    insta::assert_snapshot!(findings(text, &Context::default()), @r"
    3:3 warning: /x//y/ is mounted a second time: this hides a, of line 2 [/x//y/]
    4:3 warning: /x/y is mounted a second time, as on line 3 [/x/y]
    5:3 warning: this hides the mount at /x/y, of line 2 [/x]
    10:6 warning: this hides the mount at /late/n, of line 11 [/late]
    12:1 error: getfsent(3) cannot read this line [broken]
    13:5 warning: /x/y is mounted a second time: this hides b, of line 4 [/x/y]
    ");
}

#[test]
fn a_nullfs_on_itself_is_an_error_and_one_in_the_other_a_warning() {
    let text = "/a/ /a nullfs rw\n/b /b/c nullfs rw\n/d/e /d nullfs rw\n/ /host nullfs ro\n/f /ff nullfs rw\n";
    insta::assert_snapshot!(findings(text, &Context::default()), @r"
    1:5 error: /a is mounted on itself, which the kernel refuses [/a]
    2:4 warning: /b/c lies in /b, which then shows itself in itself [/b/c]
    3:6 warning: /d hides /d/e, which it shows [/d]
    ");
}

#[test]
fn a_jails_fstab_is_read_as_jail_8_reads_it() {
    let text = "# all of it\n\
        /usr/ports /srv/jail/www/usr/ports nullfs ro\n\
        tmpfs /srv/jail/www/tmp tmpfs # no options\n\
        /data /srv/jail/www2/data nullfs rw,xx\n\
        /data data nullfs rw\n\
        /data /srv/jail/www/data\n\
        /da\\xta /srv/jail/www/data nullfs rw\n\
        old:/x/y:rw:1:1\n";
    let jails = [PathBuf::from("/srv/jail/www/")];
    insta::assert_snapshot!(findings(text, &Context { jails: &jails, look: None }), @r"
    4:1 warning: jail(8) mounts this line, xx or not [/data /srv/jail/www2/data nullfs rw,xx]
    4:7 warning: /srv/jail/www2/data is outside of the jail, whose path is /srv/jail/www [/srv/jail/www2/data]
    5:7 error: jail(8) does not mount at data: not an absolute pathname [data]
    6:1 error: jail(8) does not start the jail with this line: missing information: it takes what, where, and the type at least [/data /srv/jail/www/data]
    7:1 error: jail(8) does not start the jail with this line: an escape that cannot be read [/da\xta /srv/jail/www/data nullfs rw]
    8:1 error: jail(8) does not start the jail with this line: missing information: it takes what, where, and the type at least [old:/x/y:rw:1:1]
    ");
    let several = ["/srv/jail/www".into(), "/srv/jail/db".into()];
    let line = "/data /mnt nullfs rw\n/data /srv/jail/db/data nullfs rw\n";
    insta::assert_snapshot!(findings(line, &Context { jails: &several, look: None }), @r"
    1:7 warning: /mnt is outside of the jails, whose paths are /srv/jail/www, /srv/jail/db [/mnt]
    ");
}

#[test]
fn what_is_missing_is_found() {
    let at = |path: &Path| match path.to_str().unwrap() {
        "/usr/ports" | "/srv/jail/www" | "/srv/jail/www/usr" | "/srv/jail/www/usr/ports" => Found::Directory,
        "/etc/resolv.conf" => Found::Other,
        "/srv/jail/www/var" => Found::Link,
        "/srv/jail/www/var/db" => Found::Directory,
        _ => Found::Missing,
    };
    let text = "/usr/ports /srv/jail/www/usr/ports nullfs ro\n\
        /usr/src /srv/jail/www/usr/src nullfs ro\n\
        /usr/obj /srv/jail/www/usr/ports/obj nullfs ro,failok\n\
        /etc/resolv.conf /srv/jail/www/usr nullfs ro\n\
        tmpfs /srv/jail/www/var/db tmpfs rw\n\
        /dev/da0 /usr/ports msdosfs rw,noauto\n";
    let jails = ["/srv/jail/www".into()];
    let look = Some(Look { at: &at, severity: Severity::Error });
    insta::assert_snapshot!(findings(text, &Context { jails: &jails, look }), @r"
    2:1 error: /usr/src does not exist, and is to be mounted [/usr/src]
    2:10 error: the mount point /srv/jail/www/usr/src does not exist [/srv/jail/www/usr/src]
    3:1 error: /usr/obj does not exist, and is to be mounted [/usr/obj]
    4:18 error: /etc/resolv.conf and /srv/jail/www/usr are not both directories [/srv/jail/www/usr]
    4:18 warning: this hides the mount at /srv/jail/www/usr/ports, of line 1 [/srv/jail/www/usr]
    5:7 error: /srv/jail/www/var is a symbolic link, and jail(8) follows none in a jail [/srv/jail/www/var/db]
    6:1 error: /dev/da0 does not exist, and is to be mounted [/dev/da0]
    6:1 warning: jail(8) mounts this line, noauto or not [/dev/da0 /usr/ports msdosfs rw,noauto]
    6:10 warning: /usr/ports is outside of the jail, whose path is /srv/jail/www [/usr/ports]
    ");
    let elsewhere = Some(Look { at: &at, severity: Severity::Warning });
    assert!(fstab("/usr/src /nowhere nullfs ro\n").check_in(&Context { jails: &[], look: elsewhere }).is_ok());
    assert!(fstab("/usr/src /nowhere nullfs ro\n").check_in(&Context { jails: &[], look }).is_err());
}

#[test]
fn a_line_means_one_thing_to_getfsent_and_may_mean_another_to_jail_8() {
    // Line; whether getfsent(3) yields it; whether jail(8) mounts it (none: it refuses).
    for (line, getfsent, jail) in [
        ("/a /b nullfs ro 0 0", true, Some(true)),
        ("/a /b nullfs", false, Some(true)),
        ("/a /b nullfs ro,xx", true, Some(true)),
        ("/a /b nullfs xx", false, Some(true)),
        ("/a /b nullfs nosuid", false, Some(true)),
        ("/a#1 /b nullfs ro", true, None),
        ("  # /a /b nullfs ro", false, Some(false)),
        ("a:/b:rw:0:0", true, None),
        ("/a /b", false, None),
        ("/a\\x /b nullfs ro", false, None),
        ("\r", false, Some(false)),
        ("/a\x0c/b\x0cnullfs", false, Some(true)),
    ] {
        let found = fstab(&format!("{line}\n"));
        assert_eq!(found.entries().count() == 1, getfsent, "{line:?}");
        let mounts: Result<Vec<_>, _> = found.jail_mounts().map(|(_, mount)| mount).collect();
        assert_eq!(mounts.ok().map(|mounts| mounts.len() == 1), jail, "{line:?}");
    }
    // A long line is several to getfsent(3).
    let long = fstab(&format!("/{} /b nullfs ro\n", "a".repeat(2000)));
    let read = (long.entries().next().unwrap().spec.len(), long.jail_mounts().next().unwrap().1.unwrap().spec.len());
    assert_eq!((read, long.bad_lines().count()), ((2001 - 1023, 2001), 1));
}

#[test]
fn an_entry_is_built_option_by_option() {
    let entry = Entry::builder("tmpfs", "/my tmp", "tmpfs").options("size=1g,,late").passno(2).build().unwrap();
    assert_eq!((entry.mntops.to_string().as_str(), entry.access.to_string().as_str()), ("rw,size=1g,late", "rw"));
    assert!(entry.options().is_late() && !entry.options().is_noauto() && !entry.options().is_failok());
    let json = serde_json::to_string(&entry.options().iter().collect::<Vec<_>>()).unwrap();
    let options: Vec<MountOption> = serde_json::from_str(&json).unwrap();
    assert_eq!(options[0], MountOption::Access(Access::ReadWrite));
    assert_eq!(options[1], MountOption::Value("size".into(), "1g".into()));
    assert_eq!(serde_json::from_str::<Entry>(&serde_json::to_string(&entry).unwrap()).unwrap(), entry);

    let built = |spec: &str, file: &str, vfstype: &str, options: &str| {
        Entry::builder(spec, file, vfstype).options(options).build().map(|_| ()).map_err(|error| error.to_string())
    };
    let blank = "cannot have a blank, a # or a NUL in it: ";
    assert_eq!(built("", "/b", "ufs", "rw"), Err("the spec of an fstab entry cannot be empty".into()));
    assert_eq!(built("a", "/b", "u fs", "rw"), Err(format!("the type of an fstab entry {blank}u fs")));
    assert_eq!(built("a", "/b", "ufs", "rw,#x"), Err(format!("the options of an fstab entry {blank}rw,#x")));
    assert_eq!(built("a\0", "/b", "ufs", "rw"), Err(format!("the spec of an fstab entry {blank}a\u{2400}")));
    assert_eq!(
        built("a", "/b", "ufs", "xx,rw"),
        Err("the options of an fstab entry would read otherwise: xx,rw".into())
    );
    let long = Entry::builder("a".repeat(2000), "/b", "ufs").build();
    assert_eq!(long, Err(EntryError::TooLong { len: 2015 }));
}

#[test]
fn the_columns_of_a_file_are_put_in_line_as_it_has_them() {
    for (text, after) in [
        ("", ""),
        ("\n\n", ""),
        ("# a  \n\n\n\t\n# b\n\n", "# a\n\n# b\n"),
        (
            "/a  /b\tnullfs ro\n/longer /c nullfs ro,noatime 0 0",
            "/a      /b nullfs ro\n/longer /c nullfs ro,noatime 0 0\n",
        ),
        (
            "a\t/b\tnullfs\tro\t0 0\nlonger-one\t/c nullfs\tro\n",
            "a\t\t/b\tnullfs\tro\t0\t0\nlonger-one\t/c\tnullfs\tro\n",
        ),
        (" a /b nullfs ro # why  not\n", "a /b nullfs ro # why  not\n"),
        ("a /b nullfs xx 0 0\nlonger /b tmpfs\n", "a      /b nullfs xx 0 0\nlonger /b tmpfs\n"),
        ("old:/b:rw:0:0\nwrong  line \n", "old:/b:rw:0:0\nwrong  line \n"),
        ("a /b  nullfs ro 0 0\r\n\r\n", "a /b nullfs ro 0 0\r\n\r\n"),
        ("wrong", "wrong"),
        (" a:/b:rw:0:0\n", " a:/b:rw:0:0\n"),
    ] {
        let even = fstab(text).formatted();
        assert_eq!(String::from_utf8_lossy(&even), after, "{text:?}");
        assert_eq!(String::from_utf8_lossy(&fstab(after).formatted()), after, "a second time: {text:?}");
    }
    // A line that would not fit any more stays.
    let near = format!("a /{} nullfs ro 0\nmuch-longer-than-a /b nullfs ro\n", "x".repeat(1000));
    assert!(fstab(&near).formatted().starts_with(b"a /xx"));
}

#[test]
fn an_entry_added_and_removed_leaves_the_bytes() {
    let entry = Entry::nullfs("/a b", "/c", "ro");
    for text in ["", "# mine", "# mine\n", "x /y ufs rw", "x /y ufs rw\n\n", "\r\n"] {
        let mut file = fstab(text);
        file.add(&entry);
        file.add(&entry);
        assert_eq!(file.entries().filter(|found| *found == entry).count(), 1, "{text:?}");
        file.remove(&entry);
        assert_eq!(String::from_utf8_lossy(file.text()), text);
    }
}

#[test]
fn a_file_of_one_character_is_read() {
    for byte in [b'/', b' ', b'#', b'\n', b'\\', b':', b'a', 0, 0xff] {
        let file = Fstab::parse(&Source::new("fstab", vec![byte; 1 << 18]));
        assert!(file.entries().all(|entry| byte == b':' && entry.spec.is_empty()));
        assert!(file.jail_mounts().count() <= 1 << 20);
        // Where each finding stands is counted from its line's beginning: so many on one line would take for ever.
        let found = file.check().unwrap_or_else(|found| found.into_iter().collect());
        assert!(found.len() <= 100 && found.is_empty() == (file.bad_lines().count() == 0));
        assert!(file.formatted().len() <= 1 << 20);
    }
}
