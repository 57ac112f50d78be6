//! Permissions, and what modules bring.

use super::{JAIL, MOUNT, Rule, SYSV};

pub(super) const RULES: &[Rule] = &[
    Rule(
        "a permission may not exceed the parent's",
        JAIL,
        &["p = set c name=s:p persist children.max=i:1", "in $p set c name=s:q persist allow.mlock"],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "a permission taken is taken below",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:1 allow.mlock",
            "in $p set c name=s:q persist allow.mlock",
            "set u name=s:p allow.nomlock",
            "get - name=s:p.q -- allow.mlock/i",
        ],
        r#"{"ok":2,"values":{"allow.mlock":0}}"#,
    ),
    Rule(
        "sysvmsg cannot be had where the parent has none",
        SYSV,
        &["p = set c name=s:p persist children.max=i:1", "in $p set c persist sysvmsg=i:1"],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "allow.sysvipc inherits all three",
        SYSV,
        &["set c persist allow.sysvipc", "get - jid=i:1 -- sysvmsg/i sysvsem/i sysvshm/i"],
        r#"{"ok":1,"values":{"sysvmsg":2,"sysvsem":2,"sysvshm":2}}"#,
    ),
    Rule(
        "a jail without permission to mount may not, whatever the type",
        MOUNT,
        &["j = set c persist", "in $j mount - fstype=nosuchfs fspath=/mnt from=x"],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "nor may one whose root has no privileges",
        "suser_enabled in kern_priv.c",
        &[
            "mkdir /tmp/m",
            "j = set c persist allow.mount allow.mount.tmpfs enforce_statfs=i:1 allow.nosuser",
            "in $j mount - fstype=tmpfs fspath=/tmp/m from=tmpfs",
        ],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "nor unmount what it has mounted",
        "suser_enabled in kern_priv.c",
        &[
            "mkdir /tmp/m",
            "j = set c name=s:j persist allow.mount allow.mount.tmpfs enforce_statfs=i:1",
            "in $j mount - fstype=tmpfs fspath=/tmp/m from=tmpfs",
            "set u name=s:j allow.nosuser",
            "in $j umount /tmp/m",
        ],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "what every jail may not mount has no permission",
        MOUNT,
        &["j = set c persist allow.mount.unionfs"],
        r#"{"errno":"EINVAL","errmsg":"unknown parameter: allow.mount.unionfs"}"#,
    ),
    Rule(
        "a file system brings its permission when its module is loaded",
        "prison_add_vfs in kern_jail.c",
        &[
            "mkdir /tmp/m",
            "mount - fstype=linprocfs fspath=/tmp/m from=linprocfs",
            "set c persist allow.mount.linprocfs",
        ],
        r#"{"ok":1}"#,
    ),
    Rule(
        "the debugging of others may be had where the parent has it not",
        JAIL,
        &[
            "set c name=s:p persist allow.nounprivileged_proc_debug",
            "set c name=s:p.q persist allow.unprivileged_proc_debug",
            "get - name=s:p.q -- allow.unprivileged_proc_debug/i",
        ],
        r#"{"ok":2,"values":{"allow.unprivileged_proc_debug":1}}"#,
    ),
    Rule(
        "what a jail has from the start it has not where its parent has not",
        JAIL,
        &[
            "set c name=s:p persist allow.noset_hostname",
            "set c name=s:p.q persist",
            "get - name=s:p.q -- allow.set_hostname/i allow.reserved_ports/i",
        ],
        r#"{"ok":2,"values":{"allow.set_hostname":0,"allow.reserved_ports":1}}"#,
    ),
    Rule(
        "a name comes before a permission",
        JAIL,
        &["set c name=s:p persist", "set cu name=s:p.9 persist allow.mlock"],
        r#"{"errno":"EINVAL","errmsg":"name cannot be numeric (unless it is the jid)"}"#,
    ),
    Rule(
        "where root has no privileges it makes no jails",
        "suser_enabled in kern_priv.c",
        &["p = set c name=s:p persist children.max=i:1 allow.nosuser", "in $p set c persist"],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "nor enters or removes them",
        "suser_enabled in kern_priv.c",
        &[
            "p = set c name=s:p persist children.max=i:1 allow.nosuser",
            "q = set c name=s:p.q persist",
            "in $p remove $q",
        ],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "it reads of them",
        "suser_enabled in kern_priv.c",
        &[
            "p = set c name=s:p persist children.max=i:1 allow.nosuser",
            "q = set c name=s:p.q persist",
            "in $p get - name=s:q --",
        ],
        r#"{"ok":2,"values":{}}"#,
    ),
    Rule(
        "shared memory is looked at before messages",
        SYSV,
        &["set c name=s:p persist", "set c name=s:p.q persist sysvmsg=i:1 sysvshm=i:7"],
        r#"{"errno":"EINVAL"}"#,
    ),
    Rule(
        "System V objects come before an unknown parameter",
        SYSV,
        &["set c persist nosuch sysvmsg=i:7"],
        r#"{"errno":"EINVAL"}"#,
    ),
    Rule(
        "allow.nosysvipc takes all three, below too",
        SYSV,
        &[
            "set c name=s:p persist allow.sysvipc",
            "set c name=s:p.q persist sysvmsg=i:2",
            "set u name=s:p allow.nosysvipc",
            "get - name=s:p.q -- sysvmsg/i",
        ],
        r#"{"ok":2,"values":{"sysvmsg":0}}"#,
    ),
    Rule(
        "a jail follows its parent to new objects",
        SYSV,
        &[
            "set c name=s:p persist sysvmsg=i:2",
            "set c name=s:p.q persist sysvmsg=i:2",
            "set u name=s:p sysvmsg=i:1",
            "get - name=s:p.q -- sysvmsg/i",
        ],
        r#"{"ok":2,"values":{"sysvmsg":2}}"#,
    ),
    Rule(
        "what is said of one counts before allow.sysvipc",
        SYSV,
        &["set c persist allow.sysvipc sysvmsg=i:0", "get - jid=i:1 -- sysvmsg/i sysvsem/i"],
        r#"{"ok":1,"values":{"sysvmsg":0,"sysvsem":2}}"#,
    ),
];
