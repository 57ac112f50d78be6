//! devfs, and the files of processes: what is there, and what may be made of it.

use super::Rule;

const DEVFS: &str = "devfs_vnops.c";

pub(super) const RULES: &[Rule] = &[
    Rule("a device can be written to", DEVFS, &["touch /dev/null"], r#"{"ok":0}"#),
    Rule("no file is made in a devfs", DEVFS, &["touch /dev/new"], r#"{"errno":"EOPNOTSUPP"}"#),
    Rule("nor a directory", DEVFS, &["mkdir /dev/new"], r#"{"errno":"EOPNOTSUPP"}"#),
    Rule("a device is there", DEVFS, &["mkdir /dev/null"], r#"{"errno":"EEXIST"}"#),
    Rule("a link is made in a devfs", DEVFS, &["ln null /dev/new", "touch /dev/new"], r#"{"ok":0}"#),
    Rule("a device can be removed", DEVFS, &["rm /dev/mem", "rm /dev/mem"], r#"{"errno":"ENOENT"}"#),
    Rule(
        "a removed device is still there in another devfs",
        DEVFS,
        &["rm /dev/mem", "mkdir /tmp/d", "mount - fstype=devfs fspath=/tmp/d from=devfs", "touch /tmp/d/mem"],
        r#"{"ok":0}"#,
    ),
    Rule(
        "a hidden device is not there",
        "devfs_rule.c",
        &["mkdir /tmp/d", "mount - fstype=devfs fspath=/tmp/d from=devfs ruleset=4", "rm /tmp/d/mem"],
        r#"{"errno":"ENOENT"}"#,
    ),
    Rule(
        "an update applies its ruleset",
        "devfs_vfsops.c",
        &[
            "mkdir /tmp/d",
            "mount - fstype=devfs fspath=/tmp/d from=devfs",
            "mount u fstype=devfs fspath=/tmp/d ruleset=4",
            "rm /tmp/d/mem",
        ],
        r#"{"errno":"ENOENT"}"#,
    ),
    Rule(
        "a jail's devfs has the jail's ruleset, whatever is asked for",
        "devfs_vfsops.c",
        &[
            "mkdir /tmp/j",
            "mkdir /tmp/j/dev",
            "j = set c name=s:j path=s:/tmp/j allow.mount allow.mount.devfs enforce_statfs=i:1 devfs_ruleset=i:4 persist",
            "in $j mount - fstype=devfs fspath=/dev from=devfs",
            "in $j rm /dev/mem",
        ],
        r#"{"errno":"ENOENT"}"#,
    ),
    Rule(
        "a nullfs shows the devices of a devfs",
        "null_vnops.c",
        &["mkdir /tmp/d", "mount - fstype=nullfs fspath=/tmp/d from=/dev", "touch /tmp/d/null"],
        r#"{"ok":0}"#,
    ),
    Rule(
        "something is mounted on a directory of a devfs",
        DEVFS,
        &["mount - fstype=fdescfs fspath=/dev/fd from=fdescfs", "umount /dev/fd"],
        r#"{"ok":0}"#,
    ),
    Rule(
        "nothing is made among processes",
        "pseudofs_vnops.c",
        &["mkdir /tmp/p", "mount - fstype=procfs fspath=/tmp/p from=procfs", "touch /tmp/p/new"],
        r#"{"errno":"ENOENT"}"#,
    ),
];
