//! Names: numbers, parents, new ones.

use super::{JAIL, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule(
        "a name may not be another number",
        JAIL,
        &["set cu name=s:007 persist"],
        r#"{"errno":"EINVAL","errmsg":"name cannot be numeric (unless it is the jid)"}"#,
    ),
    Rule(
        "a number too long for a jid is cut, but no name",
        JAIL,
        &["set c name=s:4294967301 persist"],
        r#"{"errno":"EINVAL","errmsg":"name cannot be numeric (unless it is the jid)"}"#,
    ),
    Rule(
        "a child's name begins with its parent's",
        JAIL,
        &["set c name=s:a persist", "set c name=s:a.b persist", "get - jid=i:2 -- name/s parent/i"],
        r#"{"ok":2,"values":{"name":"a.b","parent":1}}"#,
    ),
    Rule(
        "renaming a jail renames its children",
        JAIL,
        &["set c name=s:a persist", "set c name=s:a.b persist", "set u jid=i:1 name=s:long", "get - jid=i:2 -- name/s"],
        r#"{"ok":2,"values":{"name":"long.b"}}"#,
    ),
    Rule(
        "a jail may not move to another parent",
        JAIL,
        &["set c name=s:a persist", "set c name=s:b persist", "set u jid=i:2 name=s:a.b"],
        r#"{"errno":"EINVAL","errmsg":"cannot change jail's parent"}"#,
    ),
    Rule(
        "a jail named by its number must say its jid too",
        JAIL,
        &["set c name=s:7 persist", "set u name=s:7 allow.mlock"],
        r#"{"errno":"EINVAL","errmsg":"name cannot be numeric (unless it is the jid)"}"#,
    ),
    Rule("its jid is enough", JAIL, &["set c name=s:7 persist", "set u jid=i:7 name=s:7 allow.mlock"], r#"{"ok":7}"#),
    Rule(
        "renaming a jail below another garbles the names below it",
        JAIL,
        &[
            "set c name=s:p persist",
            "set c name=s:p.q persist",
            "set c name=s:p.q.z persist",
            "set u jid=i:2 name=s:p.long",
            "get - jid=i:3 -- name/s",
        ],
        r#"{"ok":3,"values":{"name":"p.lo.q.z"}}"#,
    ),
    Rule(
        "a name too long for a child is refused for its parent",
        JAIL,
        &["set c name=s:a persist", "set c name=s:a.b persist", "set u jid=i:1 name=s:<x*254>"],
        r#"{"errno":"ENAMETOOLONG"}"#,
    ),
    Rule(
        "a jail of the host is below the jail 0 by that name alone",
        JAIL,
        &["set c name=s:a persist", "set u jid=i:1 name=s:0.b", "get - jid=i:1 -- name/s"],
        r#"{"ok":1,"values":{"name":"b"}}"#,
    ),
    Rule(
        "a name that ends with a dot ends with the jid",
        JAIL,
        &["set c name=s:a persist", "set c name=s:a. persist", "get - jid=i:2 -- name/s"],
        r#"{"ok":2,"values":{"name":"a.2"}}"#,
    ),
    Rule(
        "an update with an empty name makes the jid the name",
        JAIL,
        &["set c name=s:a persist", "set u jid=i:1 name=s:", "get - jid=i:1 -- name/s"],
        r#"{"ok":1,"values":{"name":"1"}}"#,
    ),
    Rule(
        "a name with a blank before its number is that number",
        JAIL,
        &["set c name=s:+7 persist"],
        r#"{"errno":"EINVAL","errmsg":"name cannot be numeric (unless it is the jid)"}"#,
    ),
    Rule("a name of 255 bytes fits", JAIL, &["set c name=s:<x*255> persist"], r#"{"ok":1}"#),
    Rule("a name of 256 bytes does not", JAIL, &["set c name=s:<x*256> persist"], r#"{"errno":"ENAMETOOLONG"}"#),
    Rule(
        "with its parent's it may be too long",
        JAIL,
        &["set c name=s:<x*250> persist", "set c name=s:<x*250>.abcd persist", "set c name=s:<x*250>.abcde persist"],
        r#"{"errno":"ENAMETOOLONG"}"#,
    ),
    Rule(
        "a name up to its first NUL counts",
        JAIL,
        &["set c name=z:9 persist", "get - jid=i:1 -- name/s"],
        r#"{"ok":1,"values":{"name":"1"}}"#,
    ),
    Rule(
        "a garbled name is found from inside by its last bytes, and has no room there for what it is told as",
        JAIL,
        &[
            "set c name=s:p persist",
            "q = set c name=s:p.q persist",
            "set c name=s:p.q.z persist",
            "set u jid=i:2 name=s:p.long",
            "in $q get - name=s:z --",
        ],
        r#"{"errno":"EINVAL"}"#,
    ),
    Rule(
        "and told without as many parts as the reader is deep",
        JAIL,
        &[
            "set c name=s:p persist",
            "q = set c name=s:p.q persist",
            "set c name=s:p.q.z persist",
            "set u jid=i:2 name=s:p.long",
            "in $q get - lastjid=i:0 -- name/s",
        ],
        r#"{"ok":3,"values":{"name":"q.z"}}"#,
    ),
    Rule(
        "a name inside a jail is the jail's own",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:1",
            "set c name=s:q persist",
            "in $p set c name=s:q persist",
            "get - jid=i:3 -- name/s",
        ],
        r#"{"ok":3,"values":{"name":"p.q"}}"#,
    ),
    Rule(
        "renaming from inside keeps the parent's part",
        JAIL,
        &[
            "p = set c name=s:p persist children.max=i:1",
            "in $p set c name=s:q persist",
            "in $p set u name=s:q jid=i:2",
            "in $p set u jid=i:2 name=s:r",
            "get - jid=i:2 -- name/s",
        ],
        r#"{"ok":2,"values":{"name":"p.r"}}"#,
    ),
];
