//! Mounts.

use super::{MOUNT, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule(
        "update asks for the root of a mount",
        MOUNT,
        &["mkdir /tmp/m", "mount u fstype=tmpfs fspath=/tmp/m"],
        r#"{"errno":"EINVAL"}"#,
    ),
    Rule(
        "tmpfs can be made read-only",
        "tmpfs_vfsops.c",
        &[
            "mkdir /tmp/m",
            "mount - fstype=tmpfs fspath=/tmp/m from=tmpfs",
            "mount ru fstype=tmpfs fspath=/tmp/m",
            "touch /tmp/m/file",
        ],
        r#"{"errno":"EROFS"}"#,
    ),
    Rule(
        "tmpfs refuses an unknown option",
        "tmpfs_vfsops.c",
        &["mkdir /tmp/m", "mount - fstype=tmpfs fspath=/tmp/m from=tmpfs nonsense"],
        r#"{"errno":"EINVAL","errmsg":"mount option <nonsense> is unknown"}"#,
    ),
    Rule(
        "a file is no mount point",
        MOUNT,
        &["touch /tmp/f", "mount - fstype=tmpfs fspath=/tmp/f from=tmpfs"],
        r#"{"errno":"ENOTDIR"}"#,
    ),
    Rule(
        "a mount point cannot be removed",
        "vfs_syscalls.c",
        &["mkdir /tmp/m", "mount - fstype=tmpfs fspath=/tmp/m from=tmpfs", "rmdir /tmp/m"],
        r#"{"errno":"EBUSY"}"#,
    ),
    Rule(
        "a nullfs does not show what is mounted below its directory",
        "null_vfsops.c",
        &[
            "mkdir /tmp/a",
            "mkdir /tmp/a/sub",
            "mkdir /tmp/b",
            "mount - fstype=tmpfs fspath=/tmp/a/sub from=tmpfs",
            "touch /tmp/a/sub/file",
            "mount - fstype=nullfs fspath=/tmp/b from=/tmp/a",
            "rm /tmp/b/sub/file",
        ],
        r#"{"errno":"ENOENT"}"#,
    ),
    Rule(
        "the newest of two mounts goes first",
        MOUNT,
        &[
            "mkdir /tmp/m",
            "mount - fstype=tmpfs fspath=/tmp/m from=tmpfs",
            "touch /tmp/m/first",
            "mount - fstype=tmpfs fspath=/tmp/m from=tmpfs",
            "umount /tmp/m",
            "rm /tmp/m/first",
        ],
        r#"{"ok":0}"#,
    ),
    Rule(
        "a nullfs over a read-only nullfs is read-only",
        "null_vnops.c",
        &[
            "mkdir /tmp/a",
            "mkdir /tmp/b",
            "mkdir /tmp/c",
            "mount r fstype=nullfs fspath=/tmp/b from=/tmp/a",
            "mount - fstype=nullfs fspath=/tmp/c from=/tmp/b",
            "touch /tmp/c/file",
        ],
        r#"{"errno":"EROFS"}"#,
    ),
    Rule(
        "a read-only nullfs refuses to remove what is not there",
        "null_vnops.c",
        &["mkdir /tmp/a", "mkdir /tmp/b", "mount r fstype=nullfs fspath=/tmp/b from=/tmp/a", "rm /tmp/b/none"],
        r#"{"errno":"EROFS"}"#,
    ),
    Rule(
        "a read-only tmpfs does not find it",
        "tmpfs_vnops.c",
        &["mkdir /tmp/a", "mount r fstype=tmpfs fspath=/tmp/a from=tmpfs", "rm /tmp/a/none"],
        r#"{"errno":"ENOENT"}"#,
    ),
    Rule(
        "a tmpfs mounted read-only is made writable by an update",
        "tmpfs_vfsops.c",
        &[
            "mkdir /tmp/a",
            "mount r fstype=tmpfs fspath=/tmp/a from=tmpfs",
            "mount u fstype=tmpfs fspath=/tmp/a",
            "touch /tmp/a/file",
        ],
        r#"{"ok":0}"#,
    ),
    Rule(
        "a tmpfs made read-only by the flag alone stays so",
        "tmpfs_vfsops.c",
        &[
            "mkdir /tmp/a",
            "mount - fstype=tmpfs fspath=/tmp/a from=tmpfs",
            "mount ru fstype=tmpfs fspath=/tmp/a",
            "mount u fstype=tmpfs fspath=/tmp/a",
            "touch /tmp/a/file",
        ],
        r#"{"errno":"EROFS"}"#,
    ),
    Rule(
        "what tmpfs cannot change later is not supported, what it does not know is refused",
        "tmpfs_vfsops.c",
        &[
            "mkdir /tmp/a",
            "mount - fstype=tmpfs fspath=/tmp/a from=tmpfs",
            "mount u fstype=tmpfs fspath=/tmp/a mode=700",
        ],
        r#"{"errno":"EOPNOTSUPP","errmsg":"mount option <mode> is unknown"}"#,
    ),
    Rule(
        "of several unknown options the last is named",
        MOUNT,
        &["mkdir /tmp/a", "mount - fstype=tmpfs fspath=/tmp/a from=tmpfs first second"],
        r#"{"errno":"EINVAL","errmsg":"mount option <second> is unknown"}"#,
    ),
    Rule(
        "a forced unmount takes a file system from under another",
        MOUNT,
        &[
            "mkdir /tmp/a",
            "mount - fstype=tmpfs fspath=/tmp/a from=tmpfs",
            "mkdir /tmp/a/b",
            "mount - fstype=tmpfs fspath=/tmp/a/b from=tmpfs",
            "umount -f /tmp/a",
            "umount /tmp/a/b",
        ],
        r#"{"ok":0}"#,
    ),
    Rule(
        "reload is for what is read-only",
        MOUNT,
        &["mkdir /tmp/a", "mount - fstype=tmpfs fspath=/tmp/a from=tmpfs", "mount u fstype=tmpfs fspath=/tmp/a reload"],
        r#"{"errno":"EOPNOTSUPP"}"#,
    ),
];
