//! Where releases differ.

use super::{last_answer, written_out};

/// What differs, the calls, and the last answer of each release from the first one named on.
struct Change(&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const CHANGES: &[Change] = &[
    Change(
        "a missing file is not told as a missing type any more",
        &["mount - fstype=nullfs fspath=/nowhere from=/tmp"],
        &[("13.2", r#"{"errno":"EINVAL","errmsg":"Invalid fstype"}"#), ("15", r#"{"errno":"ENOENT"}"#)],
    ),
    Change(
        "a nullfs may show a file on a file",
        &["touch /tmp/a", "touch /tmp/b", "mount - fstype=nullfs fspath=/tmp/b from=/tmp/a"],
        &[("13.2", r#"{"errno":"ENOTDIR"}"#), ("15", r#"{"ok":0}"#)],
    ),
    Change(
        "a dying jail's jid is free",
        &["x = set c persist", "hold $x", "remove $x", "set c jid=i:1 persist"],
        &[("13.2", r#"{"errno":"EEXIST","errmsg":"jail 1 already exists"}"#), ("15", r#"{"ok":1}"#)],
    ),
    Change(
        "and the dying jail has the greatest one then",
        &["x = set c name=s:x persist", "hold $x", "remove $x", "set c jid=i:1 persist", "get d name=s:x -- dying/i"],
        &[("13.2", r#"{"ok":1,"values":{"dying":1}}"#), ("15", r#"{"ok":999999,"values":{"dying":1}}"#)],
    ),
    Change(
        "not before the new jail is sure to be made",
        &[
            "p = set c name=s:p persist children.max=i:1",
            "in $p set c name=s:q persist",
            "x = set c name=s:x persist",
            "hold $x",
            "remove $x",
            "in $p set c jid=i:3 persist",
            "get d name=s:x --",
        ],
        &[("13.2", r#"{"ok":3,"values":{}}"#), ("15", r#"{"ok":3,"values":{}}"#)],
    ),
    Change(
        "a dying jail stays dead",
        &["x = set c persist name=s:x", "hold $x", "remove $x", "set ud name=s:x persist"],
        &[
            ("13.2", r#"{"ok":1}"#),
            ("14", r#"{"ok":1}"#),
            ("15", r#"{"errno":"ENOENT","errmsg":"jail \"x\" not found"}"#),
        ],
    ),
    Change(
        "and its jid finds nothing",
        &["x = set c persist name=s:x", "hold $x", "remove $x", "set ud jid=i:1 persist"],
        &[("13.2", r#"{"ok":1}"#), ("15", r#"{"errno":"ENOENT","errmsg":"jail 1 not found"}"#)],
    ),
    Change(
        "a jail found by its jid is measured by the caller's prison",
        &["set c name=s:p persist securelevel=i:2", "set c name=s:p.q persist", "set u jid=i:2 securelevel=i:1"],
        &[("13.2", r#"{"errno":"EPERM"}"#), ("15", r#"{"ok":2}"#)],
    ),
    Change(
        "and gets its name below that",
        &[
            "set c name=s:p persist",
            "set c name=s:p.q persist",
            "set u jid=i:2 name=s:r",
            "get - jid=i:2 -- name/s parent/i",
        ],
        &[
            ("13.2", r#"{"ok":2,"values":{"name":"p.r","parent":1}}"#),
            ("15", r#"{"ok":2,"values":{"name":"r","parent":1}}"#),
        ],
    ),
    Change(
        "a caller without privileges is told first what is wrong with the call",
        &["p = set c name=s:p persist allow.nosuser", "in $p set - persist"],
        &[
            ("13.2", r#"{"errno":"EPERM"}"#),
            ("15", r#"{"errno":"EINVAL","errmsg":"no valid operation (create or update)"}"#),
        ],
    ),
    Change(
        "more permissions: extended attributes",
        &["set c persist allow.extattr"],
        &[("13.2", r#"{"errno":"EINVAL","errmsg":"unknown parameter: allow.extattr"}"#), ("15", r#"{"ok":1}"#)],
    ),
    Change(
        "the parent's processes may be meddled with where the parent itself may not",
        &["set c name=s:p persist", "set c name=s:p.q persist allow.unprivileged_parent_tampering"],
        &[
            ("14", r#"{"errno":"EINVAL","errmsg":"unknown parameter: allow.unprivileged_parent_tampering"}"#),
            ("15", r#"{"ok":2}"#),
        ],
    ),
    Change(
        "a jail may serve NFS",
        &["set c persist allow.nfsd"],
        &[("13.2", r#"{"errno":"EINVAL","errmsg":"unknown parameter: allow.nfsd"}"#), ("14", r#"{"ok":1}"#)],
    ),
    Change(
        "a jail keeps text",
        &["set c persist meta=s:a=1 env=s:b=2", "get - jid=i:1 -- meta/s env/s"],
        &[
            ("14", r#"{"errno":"ENOENT","errmsg":"jail 1 not found"}"#),
            ("15", r#"{"ok":1,"values":{"meta":"a=1","env":"b=2"}}"#),
        ],
    ),
    Change(
        "line by line, the newest first",
        &[
            "set c persist meta.a=s:1 meta.b=s:2",
            "set u jid=i:1 meta.a=s:3",
            "get - jid=i:1 -- meta/s meta.a/s meta.c/s",
        ],
        &[("15", r#"{"ok":1,"values":{"meta":"a=3\nb=2","meta.a":"3","meta.c":""}}"#)],
    ),
    Change(
        "a line without a value is taken out",
        &["set c persist meta.a=s:1 meta.b=s:2", "set u jid=i:1 meta.b", "get - jid=i:1 -- meta/s meta.b/s"],
        &[("15", r#"{"ok":1,"values":{"meta":"a=1","meta.b":""}}"#)],
    ),
    Change(
        "up to 4095 bytes; a jail that is to have more is not made",
        &["set c persist env=s:<x*4096>", "get - jid=i:1 --"],
        &[("15", r#"{"errno":"ENOENT","errmsg":"jail 1 not found"}"#)],
    ),
    Change(
        "and one that is there keeps what came before",
        &["set c persist env=s:<x*4095>", "set u jid=i:1 securelevel=i:2 env.y=s:1", "get - jid=i:1 -- securelevel/i"],
        &[("15", r#"{"ok":1,"values":{"securelevel":2}}"#)],
    ),
    Change("a key of nothing is none", &["set c persist env.=s:1"], &[("15", r#"{"errno":"EINVAL"}"#)]),
    Change("too much is told", &["set c persist meta=s:<x*4096>"], &[("15", r#"{"errno":"EFBIG"}"#)]),
    Change(
        "another parameter that begins so is unknown",
        &["set c persist metadata=s:1"],
        &[("15", r#"{"errno":"EINVAL","errmsg":"unknown parameter: metadata"}"#)],
    ),
];

#[test]
fn releases_differ_where_the_table_says() {
    let mut broken = String::new();
    for Change(what, calls, answers) in CHANGES {
        for (release, expected) in *answers {
            let answer = last_answer(calls, release);
            if answer != written_out(expected) {
                broken += &format!("\n{what} ({release})\n  expected {expected}\n  answered {answer}");
            }
        }
    }
    assert!(broken.is_empty(), "{broken}");
}
