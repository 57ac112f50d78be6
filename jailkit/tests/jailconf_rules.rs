//! Odd corners of jail.conf, as jail(8)'s scanner, grammar and resolution have them.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::Path;

use jailkit::host::{Host, Includes, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::source::{Diagnostics, Source};

fn resolve(path: &Path, text: &[u8]) -> Result<Resolved, Diagnostics> {
    JailConf::parse(&Source::new(path, text))?.resolve()
}

/// The jails with their parameters on one line; `refused` where jail(8) refuses the file.
fn shown(text: &[u8]) -> String {
    resolve(Path::new("jail.conf"), text).map_or_else(|_| "refused".to_owned(), |resolved| line(&resolved))
}

fn line(resolved: &Resolved) -> String {
    let jail = |jail: &jailkit::jailconf::ResolvedJail| {
        let params = jail.params.iter().map(|param| {
            let values: Vec<_> = param.values.iter().map(ToString::to_string).collect();
            if values.is_empty() { param.name.to_string() } else { format!("{}={}", param.name, values.join(",")) }
        });
        let failed = if jail.failed.is_some() { "!" } else { "" };
        format!("{}{failed}[{}]", jail.name, params.collect::<Vec<_>>().join(" "))
    };
    resolved.jails.iter().map(jail).collect::<Vec<_>>().join(" ")
}

#[test]
fn odd_corners_are_read_as_jail_8_reads_them() {
    for (text, expected) in [
        // A brace, quote or line end behind a backslash belongs to the name, whatever is before the backslash.
        (&br#"j { ${a\\}b} = 1; x = ${a\\}b}; }"#[..], r"j[name=j x=1]"),
        (br#"j { ${a\}b} = 1; x = ${a\}b}; }"#, "j[name=j x=1]"),
        // More on the line behind an escaped brace: never closed. Nothing more: closed there.
        (br"j { x = ${a\};$a } }", "refused"),
        (b"j { ${a\\};\n = 1; }", "refused"),
        (b"j { ${a\\}\n = 1; x = ${a\\}\n; }", "j[name=j x=1]"),
        // A name that reaches past its string's quote: the string goes on to the next quote.
        (br#"j { ${a"b} = 1; x = "${a\\"b}"; }"#, "j![name=j x=]"),
        (br#"j { $a = 1; x = "$a b" c; }"#, "refused"),
        (br#"j { $a = 1; x = "$a b"c; }"#, "j[name=j x=1 bc]"),
        (br#"j { $a = 1; x = "p\"$a\"q"; }"#, "j[name=j x=p\"1\"q]"),
        // jail(8) takes a NUL and a byte over 127 for the end of the file.
        (b"j { x; }\xff }}", "j[name=j x]"),
        (b"j { x; }\0 }}", "j[name=j x]"),
        (b"j { x; \0 }", "refused"),
        // strtol(3) passes over blanks.
        (b"' 7' { }", " 7[jid= 7 name= 7]"),
        (b"'7 ' { }", "7 [name=7 ]"),
        // The `no` of an option stands before any one of its parts.
        (b"j { allow.mount.zfs; allow.nomount.zfs; }", "j[name=j allow.nomount.zfs]"),
        (b"j { noallow.mount; allow.mount = 1; }", "j[name=j allow.mount=1]"),
        (b"j { allow.nomount.zfs; allow.mount.nozfs; }", "j[name=j allow.nomount.zfs allow.mount.nozfs]"),
        (b"j { x += 1; } * { x += 2; } x = 3;", "j[name=j x=3]"),
        (b"x = 1; j { x += 2; } * { x += 3; }", "j[name=j x=1,2,3]"),
        (b"a { b { c { x; } } }", "a[name=a] a.b[name=a.b] a.b.c[name=a.b.c x]"),
        (b"j { x = 'a\\\nb'; y = \"a\r\n\"; }\r\n", "j[name=j x=ab y=a\r\n]"),
        (b"j { name = k; }", "j![name=j]"),
        (b"foo.* { }", "refused"),
        (b"", ""),
    ] {
        assert_eq!(shown(text), expected, "{}", text.escape_ascii());
    }
}

#[test]
fn an_included_file_stands_where_it_is_included() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    std::fs::create_dir(dir.path().join("d")).unwrap();
    write("d/b.conf", "b { x = $v; }");
    write("d/a.conf", "a { x = $v; } .include 'deep';");
    write("d/.hidden.conf", "hidden { }");
    write("d/deep", "$v = 2;");
    write("loop", ".include 'loop';");
    write("broken", "a {");
    let conf = |text: &str| {
        let resolved = resolve(&dir.path().join("jail.conf"), text.as_bytes());
        resolved.map(|resolved| line(&resolved))
    };
    let found = conf("$v = 1; .include 'd/*.conf'; c { .include 'd/deep'; x = $v; }").unwrap();
    assert_eq!(found, "a[name=a x=2] b[name=b x=2] c[name=c x=2]");
    assert_eq!(conf(".include 'none/*.conf';").unwrap(), "");
    for (text, message) in [
        (".include 'missing';", "cannot read"),
        (".include 'loop';", "include one another more than 32 deep"),
        (".include 'broken';", "never closed"),
        (".include \"$v\";", "variable cannot stand"),
    ] {
        let refused = conf(text).unwrap_err().to_string();
        assert!(refused.contains(message), "{refused}");
    }
}

#[test]
fn a_file_of_many_jails_is_read_as_one_of_few() {
    let jails = (0..5000).map(|n| format!("j{n} {{ $n = {n}; x += \"b$n\"; y = $n; }}\n"));
    let text = format!("x = \"a$name\";\n{}", jails.collect::<String>());
    let resolved = resolve(Path::new("jail.conf"), text.as_bytes()).unwrap();
    // The top level stands before the jails, so that theirs add to it.
    let expected = (0..5000).map(|n| format!("j{n}[name=j{n} x=aj{n},b{n} y={n}]"));
    assert_eq!(line(&resolved), expected.collect::<Vec<_>>().join(" "));

    let broken = text.replace("y = $n; }", "$l = 1, 2; z = $l; }");
    let refused = resolve(Path::new("jail.conf"), broken.as_bytes()).unwrap_err().to_string();
    assert!(refused.starts_with("jail.conf:2:"), "{refused}");
}

#[test]
fn a_jail_of_many_parameters_is_read() {
    // Each needs the next one: jail(8) finishes the last one first, and puts it first.
    let params = (0..5000).map(|n| format!("p{n} = \"${{p{}}}.\";\n", n + 1));
    let text = format!("j {{ {} p5000 = end; }}", params.collect::<String>());
    let resolved = resolve(Path::new("jail.conf"), text.as_bytes()).unwrap();
    let jail = &resolved.jails[0];
    assert_eq!(jail.params.len(), 5002);
    assert_eq!(jail.params[1].name, "p4999");
    assert_eq!(jail.value("p0").unwrap().len(), 5003);
}

#[test]
fn a_simulated_host_includes_its_own_files() {
    let dir = tempfile::tempdir().unwrap();
    let host = SimHost::open(&dir.path().join("host")).unwrap();
    let etc = host.files().locate(Path::new("/etc")).unwrap();
    std::fs::create_dir_all(etc.join("jail.d/deep")).unwrap();
    for (name, text) in [
        ("jail.d/b.conf", "b { }"),
        ("jail.d/a.conf", "a { .include 'deep/x'; }"),
        ("jail.d/.h.conf", "h { }"),
        ("jail.d/deep/x", "x;"),
        ("jail.d/deep/y", "y { }"),
    ] {
        std::fs::write(etc.join(name), text).unwrap();
    }
    std::os::unix::fs::symlink("/etc/jail.d/deep/y", etc.join("jail.d/c.conf")).unwrap();
    // What lies on the machine that the tests run on is none of the host's.
    let outside = dir.path().join("outside");
    std::fs::write(&outside, "outside { }").unwrap();

    let conf = |text: &str| {
        let conf = JailConf::parse(&Source::new("/etc/jail.conf", text)).unwrap();
        conf.resolve_in(&Includes(host.files())).map(|resolved| line(&resolved)).map_err(|error| error.to_string())
    };
    let found = "a[name=a x] b[name=b] y[name=y]";
    for pattern in ["/etc/jail.d/*.conf", "jail.d/[a-c].conf", "/*tc/jail.?/*.conf", "/etc/../etc/jail.d/*.conf"] {
        assert_eq!(conf(&format!(".include '{pattern}';")), Ok(found.to_owned()), "{pattern}");
    }
    assert_eq!(conf(".include '/none/*.conf';"), Ok(String::new()));
    for path in [outside.to_str().unwrap(), "/etc/jail.d/missing"] {
        assert!(conf(&format!(".include '{path}';")).unwrap_err().contains("cannot read"), "{path}");
    }
}
