//! The files of processes: what a name is looked up for, and read-only file systems.

use super::Rule;

const CALLS: &str = "vfs_syscalls.c";
const LOOKUP: &str = "vfs_lookup.c";

pub(super) const RULES: &[Rule] = &[
    Rule("the root directory is made by nobody", LOOKUP, &["mkdir /"], r#"{"errno":"EISDIR"}"#),
    Rule("nor removed", LOOKUP, &["rmdir /"], r#"{"errno":"EISDIR"}"#),
    Rule("nothing is removed as ..", LOOKUP, &["mkdir /tmp/a", "rmdir /tmp/a/.."], r#"{"errno":"EINVAL"}"#),
    Rule("no directory is removed as .", CALLS, &["mkdir /tmp/a", "rmdir /tmp/a/."], r#"{"errno":"EINVAL"}"#),
    Rule("no file has a slash at its end", LOOKUP, &["touch /tmp/f", "rm /tmp/f/"], r#"{"errno":"ENOTDIR"}"#),
    Rule("none is made with one", LOOKUP, &["touch /tmp/f/"], r#"{"errno":"ENOENT"}"#),
    Rule("a directory may be", LOOKUP, &["mkdir /tmp/d/", "rmdir /tmp/d//"], r#"{"ok":0}"#),
    Rule(
        "a slash follows a link",
        LOOKUP,
        &["mkdir /tmp/d", "ln d /tmp/link", "rmdir /tmp/link/", "rmdir /tmp/d"],
        r#"{"errno":"ENOENT"}"#,
    ),
    Rule(
        "a link itself is no directory",
        CALLS,
        &["mkdir /tmp/d", "ln d /tmp/l", "rmdir /tmp/l"],
        r#"{"errno":"ENOTDIR"}"#,
    ),
    Rule("a directory is not unlinked", CALLS, &["mkdir /tmp/d", "rm /tmp/d"], r#"{"errno":"EPERM"}"#),
    Rule("a link is there, wherever it leads", CALLS, &["ln none /tmp/l", "ln x /tmp/l"], r#"{"errno":"EEXIST"}"#),
    Rule("a file is made through a link", CALLS, &["ln f /tmp/l", "touch /tmp/l", "rm /tmp/f"], r#"{"ok":0}"#),
    Rule("links that lead in circles", LOOKUP, &["ln l /tmp/l", "touch /tmp/l"], r#"{"errno":"ELOOP"}"#),
    Rule(
        "a mount point on a read-only file system is read-only first",
        LOOKUP,
        &[
            "mkdir /tmp/a",
            "mkdir /tmp/a/m",
            "mkdir /tmp/b",
            "mount r fstype=nullfs fspath=/tmp/b from=/tmp/a",
            "mount - fstype=tmpfs fspath=/tmp/b/m from=tmpfs",
            "rmdir /tmp/b/m",
        ],
        r#"{"errno":"EROFS"}"#,
    ),
    Rule(
        "what is there is there on a read-only file system too",
        CALLS,
        &[
            "mkdir /tmp/a",
            "mkdir /tmp/a/d",
            "mkdir /tmp/b",
            "mount r fstype=nullfs fspath=/tmp/b from=/tmp/a",
            "mkdir /tmp/b/d",
        ],
        r#"{"errno":"EEXIST"}"#,
    ),
    Rule(
        "no link is made on one",
        CALLS,
        &["mkdir /tmp/a", "mkdir /tmp/b", "mount r fstype=nullfs fspath=/tmp/b from=/tmp/a", "ln x /tmp/b/l"],
        r#"{"errno":"EROFS"}"#,
    ),
    Rule(
        "a device is written to on one",
        "null_vnops.c",
        &["mkdir /tmp/b", "mount r fstype=nullfs fspath=/tmp/b from=/dev", "touch /tmp/b/null"],
        r#"{"ok":0}"#,
    ),
];
