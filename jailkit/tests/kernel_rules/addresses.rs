//! Addresses and network stacks.

use super::{JAIL, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule(
        "addresses but the first are sorted",
        JAIL,
        &["set c persist ip4.addr=4:10.0.0.9,10.0.0.3,10.0.0.2", "get - jid=i:1 -- ip4.addr/4"],
        r#"{"ok":1,"values":{"ip4.addr":["10.0.0.9","10.0.0.2","10.0.0.3"]}}"#,
    ),
    Rule(
        "an address is shared only where each jail has no other",
        JAIL,
        &["set c persist ip4.addr=4:10.0.0.1", "set c persist ip4.addr=4:10.0.0.1,10.0.0.2"],
        r#"{"errno":"EADDRINUSE","errmsg":"IPv4 addresses clash"}"#,
    ),
    Rule(
        "a vnet jail's addresses clash with nobody's",
        JAIL,
        &[
            "v = set c persist vnet=i:1 children.max=i:3",
            "in $v set c persist ip4.addr=4:10.0.0.1,10.0.0.2",
            "set c persist ip4.addr=4:10.0.0.1,10.0.0.2",
        ],
        r#"{"ok":3}"#,
    ),
    Rule(
        "addresses taken from a parent are taken below",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:1 ip4.addr=4:10.0.0.1,10.0.0.2",
            "in $p set c name=s:q persist ip4=i:2",
            "set u name=s:p ip4.addr=4:10.0.0.1",
            "get - name=s:p.q -- ip4.addr/4",
        ],
        r#"{"ok":2,"values":{"ip4.addr":["10.0.0.1"]}}"#,
    ),
    Rule(
        "addresses are taken from a jail that inherits those its own parent has left",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:9 ip4.addr=4:10.0.0.1,10.0.0.2",
            "in $p set c name=s:q persist ip4=i:2 children.max=i:1",
            "set c name=s:p.q.r persist ip4=i:2",
            "set u name=s:p ip4.addr=4:10.0.0.2",
            "get - name=s:p.q.r -- ip4.addr/4",
        ],
        r#"{"ok":3,"values":{"ip4.addr":["10.0.0.2"]}}"#,
    ),
    Rule(
        "vnet=inherit excludes restricted addresses too",
        JAIL,
        &["set c persist vnet=i:2 ip4=i:1"],
        r#"{"errno":"EINVAL","errmsg":"vnet jails cannot have IP address restrictions"}"#,
    ),
    Rule("vnet cannot be disabled", JAIL, &["set c persist vnet=i:0"], r#"{"errno":"EINVAL"}"#),
    Rule("0.0.0.0 is nobody's address", JAIL, &["set c persist ip4.addr=4:0.0.0.0"], r#"{"errno":"EINVAL"}"#),
    Rule(
        "the first address may not be there again",
        JAIL,
        &["set c persist ip4.addr=4:10.0.0.9,10.0.0.1,10.0.0.9"],
        r#"{"errno":"EINVAL"}"#,
    ),
    Rule(
        "256 addresses are too many",
        JAIL,
        &["set c persist ip4.addr=4:<10.0.0.1,*256>"],
        r#"{"errno":"EINVAL","errmsg":"too many IPv4 addresses"}"#,
    ),
    Rule(
        "ip4 may be set to what it is by its addresses only",
        JAIL,
        &["set c name=s:a persist ip4=i:2", "set u name=s:a ip4.addr=4:10.0.0.1"],
        r#"{"errno":"EINVAL","errmsg":"ip4 cannot be changed after creation"}"#,
    ),
    Rule(
        "a vnet jail gets no addresses later",
        JAIL,
        &["set c name=s:a persist vnet=i:1", "set u name=s:a ip6.addr=6:fd00::1"],
        r#"{"errno":"EINVAL","errmsg":"vnet jails cannot have IP address restrictions"}"#,
    ),
    Rule(
        "ip4=inherit with addresses is restricted",
        JAIL,
        &["set c name=s:a persist ip4=i:2 ip4.addr=4:10.0.0.1", "get - name=s:a -- ip4/i ip4.addr/4"],
        r#"{"ok":1,"values":{"ip4":0,"ip4.addr":["10.0.0.1"]}}"#,
    ),
    Rule(
        "inherited addresses are the parent's",
        JAIL,
        &[
            "set c name=s:p persist ip4.addr=4:10.0.0.1",
            "set c name=s:p.q persist ip4=i:2",
            "get - name=s:p.q -- ip4/i ip4.addr/4",
        ],
        r#"{"ok":2,"values":{"ip4":2,"ip4.addr":["10.0.0.1"]}}"#,
    ),
    Rule(
        "a jail without addresses lets none in it have any",
        JAIL,
        &["set c name=s:p persist", "set c name=s:p.q persist ip4.addr=4:10.0.0.1"],
        r#"{"errno":"EPERM"}"#,
    ),
    Rule(
        "one that inherits from the host lets any",
        JAIL,
        &["set c name=s:p persist ip4=i:2", "set c name=s:p.q persist ip4.addr=4:10.0.0.1"],
        r#"{"ok":2}"#,
    ),
    Rule(
        "a parent's other addresses are enough",
        JAIL,
        &[
            "set c name=s:p persist ip4.addr=4:10.0.0.9",
            "set u name=s:p ip4.addr=4:10.0.0.9,10.0.0.1",
            "set c name=s:p.q persist ip4.addr=4:10.0.0.1",
        ],
        r#"{"errno":"EADDRINUSE","errmsg":"IPv4 addresses clash"}"#,
    ),
    Rule(
        "an address is looked for in dying jails no more",
        JAIL,
        &[
            "x = set c persist ip4.addr=4:10.0.0.1,10.0.0.2",
            "hold $x",
            "remove $x",
            "set c persist ip4.addr=4:10.0.0.1,10.0.0.2",
        ],
        r#"{"ok":2}"#,
    ),
    Rule(
        "a jail's own addresses clash with nothing",
        JAIL,
        &[
            "set c name=s:a persist ip4.addr=4:10.0.0.1,10.0.0.2",
            "set u name=s:a ip4.addr=4:10.0.0.2,10.0.0.1",
            "get - name=s:a -- ip4.addr/4",
        ],
        r#"{"ok":1,"values":{"ip4.addr":["10.0.0.2","10.0.0.1"]}}"#,
    ),
    Rule(
        "IPv4 clashes come before IPv6 limits",
        JAIL,
        &["set c persist ip4.addr=4:10.0.0.1,10.0.0.2", "set c persist ip4.addr=4:10.0.0.1 ip6.addr=6:::"],
        r#"{"errno":"EINVAL"}"#,
    ),
    Rule(
        "addresses come before names that are numbers",
        JAIL,
        &["set c persist ip4.addr=4:10.0.0.1,10.0.0.2", "set cu name=s:99 persist ip4.addr=4:10.0.0.1"],
        r#"{"errno":"EADDRINUSE","errmsg":"IPv4 addresses clash"}"#,
    ),
    Rule(
        "IPv6 addresses but the first are sorted",
        JAIL,
        &["set c persist ip6.addr=6:fd00::9,fd00::3,fd00::2", "get - jid=i:1 -- ip6.addr/6"],
        r#"{"ok":1,"values":{"ip6.addr":["fd00::9","fd00::2","fd00::3"]}}"#,
    ),
    Rule(
        "source address selection is on, and is taken away",
        JAIL,
        &["set c name=s:a persist ip4.nosaddrsel", "get - name=s:a -- ip4.saddrsel/i ip6.saddrsel/i"],
        r#"{"ok":1,"values":{"ip4.saddrsel":0,"ip6.saddrsel":1}}"#,
    ),
    Rule(
        "a jail loses a first address that its parent loses",
        JAIL,
        &[
            "set c name=s:p persist ip4.addr=4:10.0.0.1,10.0.0.2,10.0.0.3",
            "v = set c name=s:v persist",
            "set c name=s:p.q persist ip4=i:2",
            "set u name=s:p ip4.addr=4:10.0.0.3,10.0.0.2",
            "get - name=s:p.q -- ip4.addr/4",
        ],
        r#"{"ok":3,"values":{"ip4.addr":["10.0.0.3","10.0.0.2"]}}"#,
    ),
];
