//! The rules of the simulated kernel, each with its source, as scenarios of a few calls: the last answer counts.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::LazyLock;

use jailkit::kernel::sim::scenario::Runner;

/// A rule: what it says, where FreeBSD has it, the calls, and the last one's answer without the call itself.
type Rule = (&'static str, &'static str, &'static str, &'static str);

const JAIL: &str = "kern_jail.c";
const MOUNT: &str = "vfs_mount.c";

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    vec![
        ("a jid is not used again at once", JAIL, "x = set c persist\nremove $x\nset c persist", r#"{"ok":2}"#),
        ("a refused create has used its jid", JAIL, "set c persist securelevel=i:-7\nset c persist", r#"{"ok":2}"#),
        ("a wrong size is refused without words", JAIL, "set c persist jid=s:12", r#"{"errno":"EINVAL"}"#),
        ("four bytes of text are an int", JAIL, "set c persist jid=s:abc", r#"{"ok":6513249}"#),
        ("the last of two settings counts", JAIL, "set c nopersist persist", r#"{"ok":1}"#),
        (
            "a name may not be another number",
            JAIL,
            "set cu name=s:007 persist",
            r#"{"errno":"EINVAL","errmsg":"name cannot be numeric (unless it is the jid)"}"#,
        ),
        (
            "a number too long for a jid is cut, but no name",
            JAIL,
            "set c name=s:4294967301 persist",
            r#"{"errno":"EINVAL","errmsg":"name cannot be numeric (unless it is the jid)"}"#,
        ),
        (
            "a child's name begins with its parent's",
            JAIL,
            "set c name=s:a persist\nset c name=s:a.b persist\nget - jid=i:2 -- name/s parent/i",
            r#"{"ok":2,"values":{"name":"a.b","parent":1}}"#,
        ),
        (
            "renaming a jail renames its children",
            JAIL,
            "set c name=s:a persist\nset c name=s:a.b persist\nset u jid=i:1 name=s:long\nget - jid=i:2 -- name/s",
            r#"{"ok":2,"values":{"name":"long.b"}}"#,
        ),
        (
            "a jail may not move to another parent",
            JAIL,
            "set c name=s:a persist\nset c name=s:b persist\nset u jid=i:2 name=s:a.b",
            r#"{"errno":"EINVAL","errmsg":"cannot change jail's parent"}"#,
        ),
        (
            "inside, children.max is below the parent's",
            JAIL,
            "p = set c name=s:p persist children.max=i:2\nin $p set c name=s:q persist children.max=i:2",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "lowering children.max lowers it below, by depth",
            JAIL,
            "p = set c name=s:p persist children.max=i:9\nin $p set c name=s:q persist children.max=i:8\nset u name=s:p children.max=i:3\nget - name=s:p.q -- children.max/i",
            r#"{"ok":2,"values":{"children.max":2}}"#,
        ),
        (
            "securelevel only rises below",
            JAIL,
            "p = set c name=s:p persist children.max=i:1 securelevel=i:2\nin $p set c name=s:q persist securelevel=i:1",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "enforce_statfs is handed down",
            JAIL,
            "p = set c name=s:p persist children.max=i:1 enforce_statfs=i:0\nin $p set c name=s:q persist enforce_statfs=i:0\nset u name=s:p enforce_statfs=i:1\nget - name=s:p.q -- enforce_statfs/i",
            r#"{"ok":2,"values":{"enforce_statfs":1}}"#,
        ),
        (
            "inside, devfs_ruleset is the parent's or none",
            JAIL,
            "p = set c name=s:p persist children.max=i:1 devfs_ruleset=i:4\nin $p set c name=s:q persist devfs_ruleset=i:5",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "a permission may not exceed the parent's",
            JAIL,
            "p = set c name=s:p persist children.max=i:1\nin $p set c name=s:q persist allow.mlock",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "a permission taken is taken below",
            JAIL,
            "p = set c name=s:p persist children.max=i:1 allow.mlock\nin $p set c name=s:q persist allow.mlock\nset u name=s:p allow.nomlock\nget - name=s:p.q -- allow.mlock/i",
            r#"{"ok":2,"values":{"allow.mlock":0}}"#,
        ),
        (
            "host=inherit copies the parent's host information",
            JAIL,
            "set c name=s:p persist host.hostname=s:up\nset c name=s:p.q persist host=i:2\nget - name=s:p.q -- host/i host.hostname/s",
            r#"{"ok":2,"values":{"host":2,"host.hostname":"up"}}"#,
        ),
        ("host cannot be disabled", JAIL, "set c persist host=i:0", r#"{"errno":"EINVAL"}"#),
        (
            "addresses but the first are sorted",
            JAIL,
            "set c persist ip4.addr=4:10.0.0.9,10.0.0.3,10.0.0.2\nget - jid=i:1 -- ip4.addr/4",
            r#"{"ok":1,"values":{"ip4.addr":["10.0.0.9","10.0.0.2","10.0.0.3"]}}"#,
        ),
        (
            "an address is shared only where each jail has no other",
            JAIL,
            "set c persist ip4.addr=4:10.0.0.1\nset c persist ip4.addr=4:10.0.0.1,10.0.0.2",
            r#"{"errno":"EADDRINUSE","errmsg":"IPv4 addresses clash"}"#,
        ),
        (
            "a vnet jail's addresses clash with nobody's",
            JAIL,
            "v = set c persist vnet=i:1 children.max=i:3\nin $v set c persist ip4.addr=4:10.0.0.1,10.0.0.2\nset c persist ip4.addr=4:10.0.0.1,10.0.0.2",
            r#"{"ok":3}"#,
        ),
        (
            "addresses taken from a parent are taken below",
            JAIL,
            "p = set c name=s:p persist children.max=i:1 ip4.addr=4:10.0.0.1,10.0.0.2\nin $p set c name=s:q persist ip4=i:2\nset u name=s:p ip4.addr=4:10.0.0.1\nget - name=s:p.q -- ip4.addr/4",
            r#"{"ok":2,"values":{"ip4.addr":["10.0.0.1"]}}"#,
        ),
        (
            "osrelease has room for 31 bytes",
            JAIL,
            "set c persist osrelease=s:12345678901234567890123456789012",
            r#"{"errno":"ENAMETOOLONG","errmsg":"osrelease string must be 1-31 bytes long"}"#,
        ),
        (
            "osreldate is not 0",
            JAIL,
            "set c persist osreldate=i:0",
            r#"{"errno":"EINVAL","errmsg":"osreldate cannot be 0"}"#,
        ),
        (
            "what may not be set is unknown to set",
            JAIL,
            "set c persist children.cur=i:1",
            r#"{"errno":"EINVAL","errmsg":"unknown parameter: children.cur"}"#,
        ),
        ("host.hostid is a long", JAIL, "set c persist\nget - jid=i:1 -- host.hostid/i", r#"{"errno":"EINVAL"}"#),
        (
            "a jail loses its last process and is dying",
            JAIL,
            "x = set c name=s:x persist\nhold $x\nremove $x\nget d name=s:x -- dying/i",
            r#"{"ok":1,"values":{"dying":1}}"#,
        ),
        (
            "a dying jail's name is free",
            JAIL,
            "x = set c name=s:x persist\nhold $x\nremove $x\nset c name=s:x persist",
            r#"{"ok":2}"#,
        ),
        (
            "a dying jail's jid is not",
            JAIL,
            "x = set c name=s:x persist\nhold $x\nremove $x\nset c jid=i:1 persist",
            r#"{"errno":"EEXIST","errmsg":"jail 1 already exists"}"#,
        ),
        (
            "sysvmsg cannot be had where the parent has none",
            "sysv_msg.c",
            "p = set c name=s:p persist children.max=i:1\nin $p set c persist sysvmsg=i:1",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "allow.sysvipc inherits all three",
            "sysv_msg.c",
            "set c persist allow.sysvipc\nget - jid=i:1 -- sysvmsg/i sysvsem/i sysvshm/i",
            r#"{"ok":1,"values":{"sysvmsg":2,"sysvsem":2,"sysvshm":2}}"#,
        ),
        (
            "update asks for the root of a mount",
            MOUNT,
            "mkdir /tmp/m\nmount u fstype=tmpfs fspath=/tmp/m",
            r#"{"errno":"EINVAL"}"#,
        ),
        (
            "tmpfs can be made read-only",
            "tmpfs_vfsops.c",
            "mkdir /tmp/m\nmount - fstype=tmpfs fspath=/tmp/m from=tmpfs\nmount ru fstype=tmpfs fspath=/tmp/m\ntouch /tmp/m/file",
            r#"{"errno":"EROFS"}"#,
        ),
        (
            "tmpfs refuses an unknown option",
            "tmpfs_vfsops.c",
            "mkdir /tmp/m\nmount - fstype=tmpfs fspath=/tmp/m from=tmpfs nonsense",
            r#"{"errno":"EINVAL","errmsg":"mount option <nonsense> is unknown"}"#,
        ),
        (
            "a file is no mount point",
            MOUNT,
            "touch /tmp/f\nmount - fstype=tmpfs fspath=/tmp/f from=tmpfs",
            r#"{"errno":"ENOTDIR"}"#,
        ),
        (
            "a mount point cannot be removed",
            "vfs_syscalls.c",
            "mkdir /tmp/m\nmount - fstype=tmpfs fspath=/tmp/m from=tmpfs\nrmdir /tmp/m",
            r#"{"errno":"EBUSY"}"#,
        ),
        (
            "a nullfs does not show what is mounted below its directory",
            "null_vfsops.c",
            "mkdir /tmp/a\nmkdir /tmp/a/sub\nmkdir /tmp/b\nmount - fstype=tmpfs fspath=/tmp/a/sub from=tmpfs\ntouch /tmp/a/sub/file\nmount - fstype=nullfs fspath=/tmp/b from=/tmp/a\nrm /tmp/b/sub/file",
            r#"{"errno":"ENOENT"}"#,
        ),
        (
            "the newest of two mounts goes first",
            MOUNT,
            "mkdir /tmp/m\nmount - fstype=tmpfs fspath=/tmp/m from=tmpfs\ntouch /tmp/m/first\nmount - fstype=tmpfs fspath=/tmp/m from=tmpfs\numount /tmp/m\nrm /tmp/m/first",
            r#"{"ok":0}"#,
        ),
        (
            "a jail does not unmount what the host mounted",
            MOUNT,
            "mkdir /tmp/m\nmkdir /tmp/m/d\nmount - fstype=tmpfs fspath=/tmp/m/d from=tmpfs\nj = set c path=s:/tmp/m persist allow.mount allow.mount.tmpfs enforce_statfs=i:1\nin $j umount /d",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "a jail does not cover its own root",
            MOUNT,
            "mkdir /tmp/m\nj = set c path=s:/tmp/m persist allow.mount allow.mount.tmpfs enforce_statfs=i:1\nin $j mount - fstype=tmpfs fspath=/ from=tmpfs",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "what a jail has mounted keeps it dying",
            MOUNT,
            "mkdir /tmp/m\nmkdir /tmp/m/d\nj = set c path=s:/tmp/m persist allow.mount allow.mount.tmpfs enforce_statfs=i:1\nin $j mount - fstype=tmpfs fspath=/d from=tmpfs\nremove $j\nget d jid=i:1 -- dying/i",
            r#"{"ok":1,"values":{"dying":1}}"#,
        ),
        (
            "a jail mounts devfs with its own ruleset only",
            "devfs_vfsops.c",
            "mkdir /tmp/m\nmkdir /tmp/m/d\nj = set c path=s:/tmp/m persist allow.mount allow.mount.devfs enforce_statfs=i:1 devfs_ruleset=i:4\nin $j mount - fstype=devfs fspath=/d from=devfs ruleset=5",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "a link out of a jail leads nowhere else",
            "vfs_lookup.c",
            "mkdir /tmp/m\nln /etc /tmp/m/out\nj = set c path=s:/tmp/m persist\nin $j touch /out/file",
            r#"{"errno":"ENOENT"}"#,
        ),
        (
            ".. does not leave a jail",
            "vfs_lookup.c",
            "mkdir /tmp/m\nj = set c path=s:/tmp/m persist\nin $j touch /../../escaped\nrm /tmp/m/escaped",
            r#"{"ok":0}"#,
        ),
        (
            "a jail named by its number must say its jid too",
            JAIL,
            "set c name=s:7 persist\nset u name=s:7 allow.mlock",
            r#"{"errno":"EINVAL","errmsg":"name cannot be numeric (unless it is the jid)"}"#,
        ),
        ("its jid is enough", JAIL, "set c name=s:7 persist\nset u jid=i:7 name=s:7 allow.mlock", r#"{"ok":7}"#),
        (
            "an empty name with create is the jid",
            JAIL,
            "set c name=s: persist\nget - jid=i:1 -- name/s",
            r#"{"ok":1,"values":{"name":"1"}}"#,
        ),
        ("an update with an empty name creates", JAIL, "set u name=s: persist", r#"{"ok":1}"#),
        (
            "renaming a jail below another garbles the names below it",
            JAIL,
            "set c name=s:p persist\nset c name=s:p.q persist\nset c name=s:p.q.z persist\nset u jid=i:2 name=s:p.long\nget - jid=i:3 -- name/s",
            r#"{"ok":3,"values":{"name":"p.lo.q.z"}}"#,
        ),
        ("a name too long for a child is refused for its parent", JAIL, &LONG_PARENT, r#"{"errno":"ENAMETOOLONG"}"#),
        (
            "of several faults the first in the order of the parameters counts",
            JAIL,
            "set c persist path=s:/nowhere enforce_statfs=i:7 nosuch",
            r#"{"errno":"EINVAL"}"#,
        ),
        (
            "a path comes before a parameter unknown",
            JAIL,
            "set c persist nosuch path=s:/nowhere",
            r#"{"errno":"ENOENT"}"#,
        ),
        (
            "an unknown jail comes before a permission",
            JAIL,
            "set u name=s:x securelevel=i:-7",
            r#"{"errno":"ENOENT","errmsg":"jail \"x\" not found"}"#,
        ),
        (
            "a permission comes before a parameter unknown",
            JAIL,
            "set c persist securelevel=i:-7 nosuch",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "a jail of the host is below the jail 0 by that name alone",
            JAIL,
            "set c name=s:a persist\nset u jid=i:1 name=s:0.b\nget - jid=i:1 -- name/s",
            r#"{"ok":1,"values":{"name":"b"}}"#,
        ),
        (
            "with create and update, a name found wins over a jid that is not",
            JAIL,
            "set c name=s:a persist\nset cu jid=i:9 name=s:a persist",
            r#"{"ok":1}"#,
        ),
        (
            "a dying jail is not revived under a name that is taken",
            JAIL,
            "x = set c name=s:x persist\nhold $x\nremove $x\nset c name=s:x persist\nset ud jid=i:1 persist",
            r#"{"errno":"EEXIST","errmsg":"jail \"x\" already exists"}"#,
        ),
        (
            "of two dying namesakes the older one is found",
            JAIL,
            "x = set c name=s:x persist\nhold $x\nremove $x\ny = set c name=s:x persist\nhold $y\nremove $y\nget d name=s:x --",
            r#"{"ok":1,"values":{}}"#,
        ),
        (
            "addresses are taken from a jail that inherits those its own parent has left",
            JAIL,
            "p = set c name=s:p persist children.max=i:9 ip4.addr=4:10.0.0.1,10.0.0.2\nin $p set c name=s:q persist ip4=i:2 children.max=i:1\nset c name=s:p.q.r persist ip4=i:2\nset u name=s:p ip4.addr=4:10.0.0.2\nget - name=s:p.q.r -- ip4.addr/4",
            r#"{"ok":3,"values":{"ip4.addr":["10.0.0.2"]}}"#,
        ),
        (
            "vnet=inherit excludes restricted addresses too",
            JAIL,
            "set c persist vnet=i:2 ip4=i:1",
            r#"{"errno":"EINVAL","errmsg":"vnet jails cannot have IP address restrictions"}"#,
        ),
        ("vnet cannot be disabled", JAIL, "set c persist vnet=i:0", r#"{"errno":"EINVAL"}"#),
        ("0.0.0.0 is nobody's address", JAIL, "set c persist ip4.addr=4:0.0.0.0", r#"{"errno":"EINVAL"}"#),
        (
            "the first address may not be there again",
            JAIL,
            "set c persist ip4.addr=4:10.0.0.9,10.0.0.1,10.0.0.9",
            r#"{"errno":"EINVAL"}"#,
        ),
        (
            "256 addresses are too many",
            JAIL,
            "set c persist ip4.addr=z:1024",
            r#"{"errno":"EINVAL","errmsg":"too many IPv4 addresses"}"#,
        ),
        ("children.max is below the host's", JAIL, "set c persist children.max=i:999999", r#"{"errno":"EPERM"}"#),
        (
            "a jid out of the automatic range may be asked for, and does not move it",
            JAIL,
            "set c jid=i:2000000 persist\nset c persist",
            r#"{"ok":1}"#,
        ),
        (
            "the automatic jid passes over those in use",
            JAIL,
            "set c jid=i:1 persist\nset c jid=i:2 persist\nset c persist",
            r#"{"ok":3}"#,
        ),
        ("a name without its NUL is refused", JAIL, "set c persist name=z:0", r#"{"errno":"EINVAL"}"#),
        ("an int of another size is refused", JAIL, "set c persist securelevel=z:8", r#"{"errno":"EINVAL"}"#),
        ("errmsg holds what it has room for", "vfs_mount.c", &LONG_UNKNOWN, &LONG_ANSWER),
        (
            "inside, a jail sees neither itself nor its neighbours",
            JAIL,
            "a = set c name=s:a persist\nset c name=s:b persist\nin $a get - lastjid=i:0 --",
            r#"{"errno":"ENOENT","errmsg":"no jail after 0"}"#,
        ),
        (
            "inside, an existing jid is told of though it is not seen",
            JAIL,
            "a = set c name=s:a persist children.max=i:1\nin $a set c jid=i:1 persist",
            r#"{"errno":"EEXIST","errmsg":"jail 1 already exists"}"#,
        ),
        (
            "inside, a jid that is not seen is not found with update either",
            JAIL,
            "a = set c name=s:a persist children.max=i:1\nset c jid=i:9 persist\nin $a set cu jid=i:9 persist",
            r#"{"errno":"ENOENT","errmsg":"jail 9 not found"}"#,
        ),
        (
            "a jail without permission to mount may not, whatever the type",
            MOUNT,
            "j = set c persist\nin $j mount - fstype=nosuchfs fspath=/mnt from=x",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "what every jail may not mount has no permission",
            MOUNT,
            "j = set c persist allow.mount.unionfs",
            r#"{"errno":"EINVAL","errmsg":"unknown parameter: allow.mount.unionfs"}"#,
        ),
        (
            "a file system brings its permission when its module is loaded",
            "prison_add_vfs in kern_jail.c",
            "mkdir /tmp/m\nmount - fstype=linprocfs fspath=/tmp/m from=linprocfs\nset c persist allow.mount.linprocfs",
            r#"{"ok":1}"#,
        ),
        (
            "a nullfs over a read-only nullfs is read-only",
            "null_vnops.c",
            "mkdir /tmp/a\nmkdir /tmp/b\nmkdir /tmp/c\nmount r fstype=nullfs fspath=/tmp/b from=/tmp/a\nmount - fstype=nullfs fspath=/tmp/c from=/tmp/b\ntouch /tmp/c/file",
            r#"{"errno":"EROFS"}"#,
        ),
        (
            "a read-only nullfs refuses to remove what is not there",
            "null_vnops.c",
            "mkdir /tmp/a\nmkdir /tmp/b\nmount r fstype=nullfs fspath=/tmp/b from=/tmp/a\nrm /tmp/b/none",
            r#"{"errno":"EROFS"}"#,
        ),
        (
            "a read-only tmpfs does not find it",
            "tmpfs_vnops.c",
            "mkdir /tmp/a\nmount r fstype=tmpfs fspath=/tmp/a from=tmpfs\nrm /tmp/a/none",
            r#"{"errno":"ENOENT"}"#,
        ),
        (
            "a tmpfs mounted read-only is made writable by an update",
            "tmpfs_vfsops.c",
            "mkdir /tmp/a\nmount r fstype=tmpfs fspath=/tmp/a from=tmpfs\nmount u fstype=tmpfs fspath=/tmp/a\ntouch /tmp/a/file",
            r#"{"ok":0}"#,
        ),
        (
            "a tmpfs made read-only by the flag alone stays so",
            "tmpfs_vfsops.c",
            "mkdir /tmp/a\nmount - fstype=tmpfs fspath=/tmp/a from=tmpfs\nmount ru fstype=tmpfs fspath=/tmp/a\nmount u fstype=tmpfs fspath=/tmp/a\ntouch /tmp/a/file",
            r#"{"errno":"EROFS"}"#,
        ),
        (
            "what tmpfs cannot change later is not supported, what it does not know is refused",
            "tmpfs_vfsops.c",
            "mkdir /tmp/a\nmount - fstype=tmpfs fspath=/tmp/a from=tmpfs\nmount u fstype=tmpfs fspath=/tmp/a mode=700",
            r#"{"errno":"EOPNOTSUPP","errmsg":"mount option <mode> is unknown"}"#,
        ),
        (
            "of several unknown options the last is named",
            MOUNT,
            "mkdir /tmp/a\nmount - fstype=tmpfs fspath=/tmp/a from=tmpfs first second",
            r#"{"errno":"EINVAL","errmsg":"mount option <second> is unknown"}"#,
        ),
        (
            "a forced unmount takes a file system from under another",
            MOUNT,
            "mkdir /tmp/a\nmount - fstype=tmpfs fspath=/tmp/a from=tmpfs\nmkdir /tmp/a/b\nmount - fstype=tmpfs fspath=/tmp/a/b from=tmpfs\numount -f /tmp/a\numount /tmp/a/b",
            r#"{"ok":0}"#,
        ),
        (
            "a jail whose root was unmounted by force has none",
            "vfs_lookup.c",
            "mkdir /tmp/a\nmount - fstype=tmpfs fspath=/tmp/a from=tmpfs\nj = set c path=s:/tmp/a persist\numount -f /tmp/a\nin $j touch /file",
            r#"{"errno":"ENOTDIR"}"#,
        ),
        (
            "a covered mount of the host's is not a jail's to unmount",
            MOUNT,
            "mkdir /tmp/m\nmkdir /tmp/m/d\nj = set c path=s:/tmp/m persist allow.mount allow.mount.tmpfs enforce_statfs=i:1\nin $j mount - fstype=tmpfs fspath=/d from=tmpfs\nmount - fstype=tmpfs fspath=/tmp/m/d from=tmpfs\nin $j umount /d",
            r#"{"errno":"EPERM"}"#,
        ),
        (
            "reload is for what is read-only",
            MOUNT,
            "mkdir /tmp/a\nmount - fstype=tmpfs fspath=/tmp/a from=tmpfs\nmount u fstype=tmpfs fspath=/tmp/a reload",
            r#"{"errno":"EOPNOTSUPP"}"#,
        ),
    ]
});

/// A parent's new name that its child's would not have room with.
static LONG_PARENT: LazyLock<String> = LazyLock::new(|| {
    format!("set c name=s:a persist\nset c name=s:a.b persist\nset u jid=i:1 name=s:{}", "x".repeat(254))
});
static LONG_UNKNOWN: LazyLock<String> = LazyLock::new(|| format!("set c persist {}", "x".repeat(300)));
static LONG_ANSWER: LazyLock<String> =
    LazyLock::new(|| format!(r#"{{"errno":"EINVAL","errmsg":"unknown parameter: {}"}}"#, "x".repeat(236)));

/// What the last call of a scenario was answered.
fn last_answer(scenario: &str, release: &str) -> String {
    let root = tempfile::tempdir().unwrap();
    let mut runner = Runner::boot(root.path(), release.parse().unwrap()).unwrap();
    let mut answer = runner.run(scenario).unwrap().pop().unwrap();
    answer.as_object_mut().unwrap().shift_remove("call");
    answer.to_string()
}

#[test]
fn each_rule_holds() {
    let broken: Vec<String> = RULES
        .iter()
        .map(|(rule, source, scenario, expected)| (rule, source, last_answer(scenario, "13.2"), expected))
        .filter(|(_, _, answer, expected)| answer != **expected)
        .map(|(rule, source, answer, expected)| {
            format!("{rule} ({source})\n  expected {expected}\n  answered {answer}")
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn releases_differ_where_the_table_says() {
    for (scenario, old, new) in [
        (
            "mount - fstype=nullfs fspath=/nowhere from=/tmp",
            r#"{"errno":"EINVAL","errmsg":"Invalid fstype"}"#,
            r#"{"errno":"ENOENT"}"#,
        ),
        (
            "touch /tmp/a\ntouch /tmp/b\nmount - fstype=nullfs fspath=/tmp/b from=/tmp/a",
            r#"{"errno":"ENOTDIR"}"#,
            r#"{"ok":0}"#,
        ),
        (
            "x = set c persist\nhold $x\nremove $x\nset c jid=i:1 persist",
            r#"{"errno":"EEXIST","errmsg":"jail 1 already exists"}"#,
            r#"{"ok":1}"#,
        ),
        (
            "x = set c persist name=s:x\nhold $x\nremove $x\nset ud name=s:x persist\nget - name=s:x -- dying/i",
            r#"{"ok":1,"values":{"dying":0}}"#,
            r#"{"errno":"ENOENT","errmsg":"jail \"x\" is dying"}"#,
        ),
        ("set cu name=s:x", r#"{"ok":1}"#, r#"{"errno":"EINVAL","errmsg":"new jail must persist or attach"}"#),
        (
            "set c persist allow.extattr",
            r#"{"errno":"EINVAL","errmsg":"unknown parameter: allow.extattr"}"#,
            r#"{"ok":1}"#,
        ),
    ] {
        assert_eq!(last_answer(scenario, "13.2"), old, "13.2: {scenario}");
        assert_eq!(last_answer(scenario, "15"), new, "15: {scenario}");
    }
}
