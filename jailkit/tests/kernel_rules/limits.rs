//! What goes down from a jail to those in it.

use super::{JAIL, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule(
        "inside, children.max is below the parent's",
        JAIL,
        &["p = set c name=s:p persist children.max=i:2", "in $p set c name=s:q persist children.max=i:2"],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "lowering children.max lowers it below, by depth",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:9",
            "in $p set c name=s:q persist children.max=i:8",
            "set u name=s:p children.max=i:3",
            "get - name=s:p.q -- children.max/i",
        ],
        r#"{"ok":2,"values":{"children.max":2}}"#,
    ),
    Rule(
        "securelevel only rises below",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:1 securelevel=i:2",
            "in $p set c name=s:q persist securelevel=i:1",
        ],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "enforce_statfs is handed down",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:1 enforce_statfs=i:0",
            "in $p set c name=s:q persist enforce_statfs=i:0",
            "set u name=s:p enforce_statfs=i:1",
            "get - name=s:p.q -- enforce_statfs/i",
        ],
        r#"{"ok":2,"values":{"enforce_statfs":1}}"#,
    ),
    Rule(
        "inside, devfs_ruleset is the parent's or none",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:1 devfs_ruleset=i:4",
            "in $p set c name=s:q persist devfs_ruleset=i:5",
        ],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "host=inherit copies the parent's host information",
        JAIL,
        &[
            "set c name=s:p persist host.hostname=s:up",
            "set c name=s:p.q persist host=i:2",
            "get - name=s:p.q -- host/i host.hostname/s",
        ],
        r#"{"ok":2,"values":{"host":2,"host.hostname":"up"}}"#,
    ),
    Rule("host cannot be disabled", JAIL, &["set c persist host=i:0"], r#"{"errno":"EINVAL"}"#),
    Rule("children.max is below the host's", JAIL, &["set c persist children.max=i:999999"], r#"{"errno":"EPERM"}"#),
    Rule(
        "a negative children.max below one lowered further is none",
        JAIL,
        &[
            "set c name=s:p persist children.max=i:1",
            "set c name=s:p.q persist children.max=i:-1",
            "set u name=s:p children.max=i:-1",
            "get - name=s:p.q -- children.max/i",
        ],
        r#"{"ok":2,"values":{"children.max":0}}"#,
    ),
    Rule(
        "below one lowered to 0 it stays",
        JAIL,
        &[
            "set c name=s:p persist children.max=i:1",
            "set c name=s:p.q persist children.max=i:-1",
            "set u name=s:p children.max=i:0",
            "get - name=s:p.q -- children.max/i",
        ],
        r#"{"ok":2,"values":{"children.max":-1}}"#,
    ),
    Rule(
        "children.max is lowered by each level",
        JAIL,
        &[
            "set c name=s:p persist children.max=i:9",
            "set c name=s:p.q persist children.max=i:8",
            "set c name=s:p.q.r persist children.max=i:7",
            "set u name=s:p children.max=i:4",
            "get - name=s:p.q.r -- children.max/i",
        ],
        r#"{"ok":3,"values":{"children.max":2}}"#,
    ),
    Rule(
        "securelevel goes down at creation, and rises below",
        JAIL,
        &[
            "set c name=s:p persist securelevel=i:1",
            "set c name=s:p.q persist",
            "set u name=s:p securelevel=i:3",
            "get - name=s:p.q -- securelevel/i",
        ],
        r#"{"ok":2,"values":{"securelevel":3}}"#,
    ),
    Rule(
        "and does not sink below with the parent's",
        JAIL,
        &[
            "set c name=s:p persist securelevel=i:3",
            "set c name=s:p.q persist",
            "set u name=s:p securelevel=i:1",
            "get - name=s:p.q -- securelevel/i",
        ],
        r#"{"ok":2,"values":{"securelevel":3}}"#,
    ),
    Rule(
        "a devfs_ruleset goes down whatever was there",
        JAIL,
        &[
            "set c name=s:p persist",
            "set c name=s:p.q persist devfs_ruleset=i:7",
            "set u name=s:p devfs_ruleset=i:4",
            "get - name=s:p.q -- devfs_ruleset/i",
        ],
        r#"{"ok":2,"values":{"devfs_ruleset":4}}"#,
    ),
    Rule(
        "inside, a devfs_ruleset of 0 is the parent's",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:1 devfs_ruleset=i:4",
            "in $p set c name=s:q persist devfs_ruleset=i:0",
            "get - name=s:p.q -- devfs_ruleset/i",
        ],
        r#"{"ok":2,"values":{"devfs_ruleset":4}}"#,
    ),
    Rule(
        "enforce_statfs is 2 at creation whatever the parent's is",
        JAIL,
        &[
            "set c name=s:p persist enforce_statfs=i:0",
            "set c name=s:p.q persist",
            "get - name=s:p.q -- enforce_statfs/i",
        ],
        r#"{"ok":2,"values":{"enforce_statfs":2}}"#,
    ),
    Rule(
        "a hostname goes down to those that have none of their own",
        JAIL,
        &[
            "set c name=s:p persist",
            "set c name=s:p.q persist host=i:2",
            "set c name=s:p.q.r persist host=i:2",
            "set u name=s:p host.hostname=s:new",
            "get - name=s:p.q.r -- host.hostname/s",
        ],
        r#"{"ok":3,"values":{"host.hostname":"new"}}"#,
    ),
    Rule(
        "and not past one that has",
        JAIL,
        &[
            "set c name=s:p persist",
            "set c name=s:p.q persist",
            "set c name=s:p.q.r persist host=i:2",
            "set u name=s:p host.hostname=s:new",
            "get - name=s:p.q.r -- host.hostname/s",
        ],
        r#"{"ok":3,"values":{"host.hostname":""}}"#,
    ),
    Rule(
        "host=inherit is not handed down",
        JAIL,
        &[
            "set c name=s:p persist host.hostname=s:up",
            "set c name=s:p.q persist",
            "set c name=s:p.q.r persist host=i:2",
            "set u jid=i:2 host=i:2",
            "get - name=s:p.q.r -- host.hostname/s",
        ],
        r#"{"ok":3,"values":{"host.hostname":""}}"#,
    ),
    Rule(
        "a hostname makes host new, whatever host says",
        JAIL,
        &["set c name=s:p persist host=i:2 host.hostname=s:h", "get - name=s:p -- host/i host.hostname/s"],
        r#"{"ok":1,"values":{"host":1,"host.hostname":"h"}}"#,
    ),
    Rule(
        "children.cur counts at every depth, and the dying",
        JAIL,
        &[
            "set c name=s:p persist",
            "set c name=s:p.q persist",
            "r = set c name=s:p.q.r persist",
            "hold $r",
            "remove $r",
            "get - name=s:p -- children.cur/i",
        ],
        r#"{"ok":1,"values":{"children.cur":2}}"#,
    ),
];
