//! `jailkit pf check`, `fmt`, `print`, `reach` and `set`, as a person and a program use them.
#![allow(clippy::unwrap_used)] // the helpers here are part of tests

use std::path::Path;

use assert_cmd::Command;

const RULES: &str = "ext = \"igb0\"\n\
                     rdr pass on $ext proto tcp to (igb0) port 80 -> 10.0.0.2\n\
                     block in\n\
                     pass in proto { tcp, udp } to port 53\n";

/// A folder with a pf.conf; a command's exit code, standard output and standard error in it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn with(rules: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pf.conf"), rules).unwrap();
        Self(dir)
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::cargo_bin("jailkit").unwrap();
        command.env_remove("JAILKIT_ROOT");
        let output = command.arg("pf").args(args).current_dir(self.0.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("pf.conf")
    }
}

#[test]
fn a_refused_file_prints_nothing_and_stays() {
    for rules in ["pass frobnicate\n", "pass on $ext\n", "frob\n", "pass {\n"] {
        let desk = Desk::with(rules);
        for args in [
            &["check", "pf.conf"][..],
            &["print", "pf.conf"],
            &["reach", "pf.conf", "--outside", "igb0"],
            &["check", "pf.conf", "--strict"],
        ] {
            let (code, out, err) = desk.run(args);
            assert!(
                code == 1 && out.is_empty() && err.contains("--> pf.conf:1:") && err.contains('^'),
                "{args:?}\n{err}"
            );
        }
        assert_eq!(desk.file(), rules);
    }
    let desk = Desk::with("frob\n");
    for args in [&["fmt", "pf.conf"][..], &["set", "pf.conf", "a=b"], &["set", "-n", "pf.conf", "--rule", "pass"]] {
        let (code, out, err) = desk.run(args);
        assert!(code == 1 && out.is_empty() && err.contains('^'), "{args:?}\n{err}");
    }
    assert_eq!(desk.file(), "frob\n");
    let (code, out, _) = desk.run(&["check", "--json", "pf.conf"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["found"][0]["line"]), (1, &1.into()));
}

#[test]
fn a_missing_file_is_named() {
    let desk = Desk::with("");
    for command in ["check", "print", "fmt"] {
        let (code, out, err) = desk.run(&[command, "nothing.conf"]);
        assert!(code == 1 && out.is_empty() && err.contains("cannot read nothing.conf"), "{command}: {err}");
    }
}

#[test]
fn a_number_that_is_none_is_refused_in_plain_words() {
    let desk = Desk::with(RULES);
    for number in ["0", "-1", "many", ""] {
        let (code, out, err) = desk.run(&["print", "pf.conf", "--max-rules", number]);
        assert!(code == 2 && out.is_empty() && err.contains("a whole number, at least 1"), "{number}\n{err}");
    }
}

#[test]
fn warnings_have_carets_and_do_not_fail() {
    let desk = Desk::with("ext = \"igb0\"\nblock quick\npass in proto tcp to port 22\n");
    let (code, out, err) = desk.run(&["check", "pf.conf"]);
    assert_eq!((code, out.as_str()), (0, "pf.conf: 2 rules, 2 warnings\n"));
    insta::assert_snapshot!(err);
    let (code, out, _) = desk.run(&["check", "--json", "pf.conf"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["rules"], &told["found"][1]["severity"]), (0, &2.into(), &"warning".into()));
    assert_eq!(desk.run(&["check", "--strict", "pf.conf"]).0, 1);
}

#[test]
fn jails_say_which_redirections_lead_nowhere() {
    let desk = Desk::with(RULES);
    let (code, _, err) = desk.run(&["check", "pf.conf", "--iface", "igb0=203.0.113.10/24", "--zone", "db=10.0.0.1"]);
    assert!(code == 0 && err.contains("no jail holds 10.0.0.2") && err.contains("pf.conf:2:1"), "{err}");
    std::fs::write(desk.0.path().join("jail.conf"), "www { ip4.addr = \"lo1|10.0.0.2\"; }\n").unwrap();
    let (code, out, err) = desk.run(&["check", "pf.conf", "--conf", "jail.conf"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "pf.conf: 4 rules\n", ""));
}

#[test]
fn the_printed_rules_are_pfctls() {
    let desk = Desk::with(RULES);
    let (code, out, err) = desk.run(&["print", "pf.conf"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "ext = \"igb0\"\n\
         rdr pass on igb0 inet proto tcp from any to (igb0) port = http -> 10.0.0.2\n\
         block drop in all\n\
         pass in proto tcp from any to any port = domain flags S/SA keep state\n\
         pass in proto udp from any to any port = domain keep state\n"
    );
}

#[test]
fn reach_is_told_for_a_person_and_a_program() {
    let desk = Desk::with(RULES);
    let zones = ["--iface", "igb0=203.0.113.10/24", "--outside", "igb0", "--zone", "www=10.0.0.2@lo1"];
    let (code, out, err) = desk.run(&[&["reach", "pf.conf"][..], &zones].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
    let (code, out, _) = desk.run(&[&["reach", "pf.conf", "--json"][..], &zones].concat());
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["source_port"]), (0, &50_000.into()));
    let entries = told["entries"].as_array().unwrap();
    let web = entries.iter().find(|entry| entry["to"] == "www" && entry["address"] == "203.0.113.10").unwrap();
    assert_eq!(
        (&web["from"], &web["ports"][0], &web["through"][0]["line"]),
        (&"outside".into(), &80.into(), &2.into())
    );

    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web-and-db/jailkit.toml");
    let (code, out, err) = desk.run(&["reach", "pf.conf", "--stack", stack.to_str().unwrap()]);
    assert!(code == 0 && out.contains("outside  www      203.0.113.10  tcp       80     pf.conf:2\n"), "{out}{err}");
    for (args, why) in [
        (&["reach", "pf.conf"][..], "--outside <IF>"),
        (&["reach", "pf.conf", "--outside", "igb0", "--zone", "www"], "\"www\" is no zone"),
        (&["reach", "pf.conf", "--outside", "igb0", "--iface", "igb0=x"], "is no interface"),
        (&["reach", "pf.conf", "--outside", "igb0", "--iface", "igb0=192.0.2.1", "--table", "x"], "\"x\" is no table"),
    ] {
        let (code, out, err) = desk.run(args);
        assert!(code == 2 && out.is_empty() && err.contains(why), "{args:?}\n{code} {err}");
    }
}

#[test]
fn fmt_tidies_blanks_and_keeps_the_rules() {
    let desk = Desk::with("\n\npass  in  \n\n\n# why \nblock out");
    let (code, out, _) = desk.run(&["fmt", "-n", "pf.conf"]);
    assert!(code == 0 && out.contains("+# why\n+block out\n"), "{out}");
    assert!(desk.file().starts_with("\n\n"));
    assert_eq!(desk.run(&["fmt", "pf.conf"]), (0, String::new(), String::new()));
    assert_eq!(desk.file(), "pass  in\n\n# why\nblock out\n");
}

#[test]
fn set_changes_what_is_named_and_nothing_else() {
    let desk = Desk::with("# mine\next = \"em0\" # old\n\ntable <bad> { 192.0.2.1 }\npass on $ext\n");
    let args = [
        "set",
        "pf.conf",
        "ext=igb0",
        "--option",
        "block-policy=return",
        "--rule",
        "no nat on $ext",
        "--rule",
        "block in",
        "--add",
        "bad=10.0.0.0/8",
        "--delete",
        "bad=192.0.2.1",
    ];
    let before = desk.file();
    let (code, out, _) = desk.run(&[&args[..], &["-n"]].concat());
    assert!(code == 0 && out.contains("+ext = \"igb0\" # old") && desk.file() == before, "{out}");
    assert_eq!(desk.run(&args), (0, String::new(), String::new()));
    let after = "# mine\next = \"igb0\" # old\n\ntable <bad> { 10.0.0.0/8 }\nset block-policy return\nno nat on $ext\npass on $ext\nblock in\n";
    assert_eq!(desk.file(), after);
    assert_eq!(desk.run(&args).0, 0);
    assert_eq!(desk.file(), after, "a second time changes nothing");
    assert_eq!(desk.run(&["set", "pf.conf", "--remove", "block in", "--option", "block-policy"]).0, 0);
    assert!(!desk.file().contains("block"));
    for (args, expected, why) in [
        (&["set", "pf.conf"][..], 2, "NAME[=VALUE]"),
        (&["set", "pf.conf", "--rule", "frob"], 2, "no rule of pf.conf begins so: frob"),
        (&["set", "pf.conf", "--add", "bad"], 2, "write TABLE=ADDRESS"),
        (&["set", "pf.conf", "ext"], 1, "macro 'ext' is not defined"),
        (&["set", "pf.conf", "--rule", "pass on $int"], 1, "macro 'int' is not defined"),
    ] {
        let before = desk.file();
        let (code, out, err) = desk.run(args);
        assert!(code == expected && out.is_empty() && err.contains(why), "{args:?}\n{code} {err}");
        assert_eq!(desk.file(), before);
    }
    assert!(desk.path().exists());
}
