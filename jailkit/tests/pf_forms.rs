//! Every form of pf.conf(5), as pfctl -o none -nvf prints it: what FreeBSD's own suite leaves out. Each case says in
//! its first line where the behaviour is written down.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::path::{Path, PathBuf};

use jailkit::pf::{Environment, HostFiles, Interfaces, MAX_RULES, NoFiles, PfRules, Ruleset};
use jailkit::source::{Diagnostics, Source};

fn interfaces() -> Interfaces {
    let mut interfaces = Interfaces::default();
    for text in [
        "em0=192.0.2.10/24,192.0.2.11/24,2001:db8:0:1::10/64,fe80::1/64",
        "em1=198.51.100.5/30",
        "vlan0=203.0.113.5/30",
    ] {
        interfaces.add(text).unwrap();
    }
    interfaces
}

fn read(source: &Source) -> Result<Ruleset, Diagnostics> {
    let interfaces = interfaces();
    Ruleset::read(source, &Environment { interfaces: &interfaces, files: &HostFiles, max_rules: MAX_RULES })
}

fn cases() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/pf-forms");
    let entries = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.extension().is_some_and(|own| own == "in")).collect();
    cases.sort();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    cases
}

#[test]
fn each_form_is_printed_as_pfctl_prints_it() {
    let mut wrong = Vec::new();
    for path in cases() {
        let source = Source::read(&path).unwrap();
        assert!(source.text().starts_with(b"# "), "{} says where its behaviour is from", path.display());
        let expected = std::fs::read_to_string(path.with_extension("ok")).unwrap();
        match read(&source) {
            Ok(set) => {
                let printed = String::from_utf8(set.print()).unwrap();
                for (line, (ours, theirs)) in printed.lines().zip(expected.lines()).enumerate() {
                    if ours != theirs {
                        wrong.push(format!("{}:{}:\n  {ours}\n  {theirs}", path.display(), line + 1));
                    }
                }
                if printed.lines().count() != expected.lines().count() {
                    wrong.push(format!("{}: {} lines", path.display(), printed.lines().count()));
                }
            }
            Err(errors) => wrong.push(format!("{}: {errors}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// pfctl prints what it does not read itself, or reads as something else: codel where it wants codelq, a label's quote
/// without its backslash, an anchor's rules twice, a code of IPv4 for IPv6, the state options of nat.
const NOT_READ_BACK: [&str; 5] = ["altq-codel", "anchor-on-list", "macro-words", "return-icmp", "state-defaults"];

#[test]
fn what_is_printed_of_each_form_reads_back_to_the_same() {
    let mut wrong = Vec::new();
    for path in cases() {
        if NOT_READ_BACK.contains(&path.file_stem().unwrap().to_str().unwrap()) {
            continue;
        }
        let expected = std::fs::read(path.with_extension("ok")).unwrap();
        match read(&Source::new(path.with_extension("ok"), expected.clone())) {
            Ok(set) if set.print() == expected => {}
            Ok(set) => wrong.push(format!("{}:\n{}", path.display(), String::from_utf8_lossy(&set.print()))),
            Err(errors) => wrong.push(errors.to_string()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_form_is_a_document_that_can_be_edited() {
    for path in cases() {
        let source = Source::read(&path).unwrap();
        let rules = PfRules::parse(&source).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(rules.text(), source.text());
    }
}

/// parse.y: what pfctl refuses, in its words.
#[test]
fn what_pfctl_refuses_is_refused_in_its_words() {
    for (text, words) in [
        ("pass from nosuchhost to any", "no IP address found for nosuchhost"),
        ("pass from www.example.com to any", "no IP address found for www.example.com"),
        ("pass from $x", "macro 'x' not defined"),
        ("a = \"$b\"\npass from $a", "syntax error"),
        ("pass\r\n", "syntax error"),
        ("x y = 1", "syntax error"),
        ("\"x y\" = 1", "macro name cannot contain whitespace"),
        ("pass\nset skip on lo", ""),
        ("pass\nset timeout interval 10", "Rules must be in order"),
        ("pass\nscrub in", "Rules must be in order"),
        ("set skip on ! lo", "skip on ! <interface> is not supported"),
        ("set limit foo 10", "unable to set limit foo 10"),
        ("set timeout foo 10", "unknown timeout foo"),
        ("set debug foo", "error setting debuglevel foo"),
        ("set state-defaults no-sync\nset state-defaults no-sync", "cannot redefine state-defaults"),
        ("set hostid 0", "hostid must be non-zero"),
        ("set syncookies adaptive (start 10%, end 20%)", "start must be higher than end"),
        ("table <t> { 10.0.0.1 - 10.0.0.2 }", "address ranges are not permitted inside tables"),
        ("table <t> { <u> }", "tables cannot contain tables"),
        ("table <t> { (em0) }", "dynamic addresses are not permitted inside tables"),
        ("table <t> foo", "invalid table option 'foo'"),
        ("table <t> file \"/nonexistent/file\"", "cannot load \"/nonexistent/file\""),
        ("pass proto tcp from any port 10:5", "invalid port range"),
        ("pass proto tcp from any port 10 >< 5", "invalid port range"),
        ("pass proto tcp from any port = 1:5", "':' cannot be used with an other port operator"),
        ("pass proto tcp from any port 65536", "illegal port value 65536"),
        ("pass proto tcp from any port nosuch", "unknown port nosuch"),
        ("pass port 80", "syntax error"),
        ("pass to port 80", "port only applies to tcp/udp/sctp"),
        ("pass proto nosuch", "unknown protocol nosuch"),
        ("pass proto IPCOMP", "unknown protocol IPCOMP"),
        ("pass proto 0", "proto 0 cannot be used"),
        ("pass user nosuch", "unknown user nosuch"),
        ("pass proto tcp user > unknown", "user unknown requires operator = or !="),
        ("pass proto icmp icmp-type echoreq", "must indicate address family with icmp-type/code"),
        ("pass inet proto tcp icmp-type echoreq", "icmp-type mismatch"),
        ("pass inet proto icmp6", "proto icmp6 doesn't match address family inet"),
        ("pass proto tcp flags S/A", "flags always false"),
        ("pass proto udp flags S/SA", "flags only apply to tcp"),
        ("pass proto tcp flags X/SA", "bad flags X"),
        ("pass tos 256", "illegal tos value 256"),
        ("pass probability 200%", "invalid probability"),
        ("pass label a label b label c label d label e label f", "label can only be used 5 times"),
        (
            "pass inet6 from 2001:db8:1:2:3:4:5:6 to 2001:db8:1:2:3:4:5:7 label \"$srcaddr $dstaddr and some more words to it\"",
            "label too long",
        ),
        ("block keep state", "keep state is great, but only for pass rules"),
        ("block allow-opts", "allow-opts can only be specified for pass or match rules"),
        ("block return-rst", "return-rst can only be applied to TCP rules"),
        ("pass fragment proto tcp", "syntax error"),
        ("pass proto tcp to port 80 fragment", "fragments can be filtered only on IP header fields"),
        ("pass keep state (max 1, max 2)", "state option 'max' multiple definitions"),
        ("pass keep state (max-src-nodes 0)", "'max-src-nodes' must be > 0"),
        (
            "pass keep state (source-track global, max-src-nodes 1)",
            "'max-src-nodes' is incompatible with 'source-track global'",
        ),
        ("pass keep state (overload <x>)", "'overload' requires 'max-src-conn' or 'max-src-conn-rate'"),
        ("pass keep state (foo 10)", "illegal timeout name foo"),
        ("pass keep state (frag 10)", "illegal state timeout frag"),
        ("pass proto tcp modulate state (sloppy)", "sloppy state matching cannot be used with"),
        ("pass in divert-reply", "divert-reply has no meaning in FreeBSD pf(4)"),
        ("match in divert-to 80", "divert is not supported on match rules"),
        ("pass route-to em0", "direction must be explicit with rules that specify routing"),
        ("match in route-to em0", "must not be used on match rules"),
        ("pass in route-to { (em0 192.0.2.1) } sticky-address inet no state", "'sticky-address' requires 'keep state'"),
        ("pass nat-to 192.0.2.1", "nat-to and rdr-to require a direction"),
        ("pass in rdr-to 192.0.2.1 no state", "nat-to and rdr-to require keep state"),
        ("block in rdr-to 192.0.2.1", "nat-to and rdr-to require keep state"),
        ("pass inet6 to ::1 af-to inet from 192.0.2.1", "nat-to and rdr-to require a direction"),
        ("match in inet6 to ::1 af-to inet from 192.0.2.1", "af-to is not supported on match rules"),
        ("pass in dup-to em0 inet6 to ::1 af-to inet from 192.0.2.1", "dup-to must not be used on af-to rules"),
        ("pass in af-to from 192.0.2.1", "no address family specified"),
        ("match binat-to 192.0.2.1", "must have a matching network mask"),
        ("match in from 10.0.0.1 binat-to 192.0.2.1", "binat-to cannot be specified with a direction"),
        ("match from { 10.0.0.1 10.0.0.2 } binat-to 192.0.2.1", "as the source address of a binat-to rule"),
        ("match proto { tcp udp } from 10.0.0.1 binat-to 192.0.2.1", "binat-to cannot be specified with a direction"),
        ("match from <t> binat-to 192.0.2.1", "invalid use of table <t> as the source address of a binat-to rule"),
        ("nat on em0 from any to any", "translation rule requires '-> address'"),
        ("no nat on em0 from any to any -> 192.0.2.1", "translation rule with 'no' does not need '->'"),
        ("no nat pass on em0", "\"pass\" not valid with \"no\""),
        ("nat on em0 -> { 192.0.2.1 192.0.2.2 } bitmask", "only round-robin valid"),
        ("nat on em0 -> 192.0.2.1 static-port static-port", "static-port cannot be redefined"),
        ("nat on em0 -> 192.0.2.1 source-hash 0x12", "hex key must be 128 bits (32 hex digits) long"),
        ("nat on em0 -> 192.0.2.1 map-e-portset 16/1/1", "MAP-E PSID offset must be 1-15"),
        ("rdr on em0 proto tcp to port > 80 -> 10.0.0.1", "invalid port operator for rdr destination port"),
        ("rdr on em0 to port 80 -> 10.0.0.1", "dst port only applies to tcp/udp/sctp"),
        ("rdr-anchor x to port 80", "dst port only applies to tcp/udp/sctp"),
        ("rdr on em0 proto tcp to port 80 -> 10.0.0.1 port 90:80", "invalid rdr-to port range"),
        ("binat on em0 from 10.0.0.0/24 to any -> 192.0.2.0/25", "source mask and redirect mask must be the same"),
        ("binat on em0 from <t> to any -> 192.0.2.1", "invalid use of table <t> as the source address"),
        ("binat-anchor x from 10.0.0.1", "fromto parameter not supported in binat-anchor"),
        ("anchor", "anchors without explicit rules must specify a name"),
        ("anchor \"\"", "anchor name must not be empty"),
        ("anchor \"_x\"", "anchor names beginning with '_' are reserved for internal use"),
        ("anchor \"a/b\" {\n}", "anchor paths containing '/' cannot be used for inline anchors."),
        ("anchor a {\n pass\n}\nanchor a {\n pass\n}", "inline anchor 'a' already exists"),
        ("anchor a keep state", "cannot specify state handling on anchors"),
        ("anchor a {\n scrub in\n}", "syntax error"),
        ("scrub in quick", "scrub rules do not support 'quick'"),
        ("scrub in reassemble tcp", "reassemble tcp rules can not specify direction"),
        ("pass in received-on em0 received-on em1", "cannot respecify received-on"),
        ("pass prio 8", "prio must be 0 - 7"),
        ("pass log (to em0)", "em0: should be a pflog interface"),
        ("ether pass proto foo", "Symbolic EtherType not yet supported"),
        ("ether pass l3 from (em0)", "from must be an address or table"),
        ("ether pass from 00:11", "invalid MAC address"),
        ("altq on em0 queue { a }", "no scheduler specified!"),
        ("altq on em0 cbq bandwidth 1Mb queue", "no child queues specified"),
        (
            "altq on em0 priq bandwidth 1Mb queue { a b }\nqueue a priq(default)\nqueue b",
            "does not have a unique priority",
        ),
        ("altq on em0 priq bandwidth 1Mb queue { a }\nqueue a bandwidth 10%", "priq doesn't take bandwidth"),
        ("altq on em0 cbq bandwidth 1Mb queue { a }\nqueue a priority 8", "priority out of range: max 7"),
        ("altq on em0 cbq bandwidth 1Mb queue { a }\nqueue a", "should have one default queue on em0"),
        ("altq on em0 cbq bandwidth 1Mb queue { a }\nqueue b", "queue b has no parent"),
        ("altq on em0 cbq bandwidth 1Mb queue { a }\nqueue a priq", "exactly one scheduler type per interface allowed"),
        (
            "altq on em0 hfsc bandwidth 1Mb queue { a }\nqueue a hfsc(default realtime 90%)",
            "real-time sc exceeds 80% of the interface bandwidth (800Kb)",
        ),
        (
            "altq on em0 hfsc bandwidth 1Mb queue { a b }\nqueue a bandwidth 60% hfsc(default)\nqueue b bandwidth 50%",
            "linkshare sc exceeds parent's sc",
        ),
        (
            "altq on em0 hfsc bandwidth 1Mb queue { a }\nqueue a hfsc(default linkshare (10Kb 10 20Kb))",
            "m1 must be zero for convex curve: a",
        ),
        (
            "altq on em0 hfsc bandwidth 1Mb queue { a }\nqueue a hfsc(default realtime 50% upperlimit 40%)",
            "upper-limit sc smaller than real-time sc",
        ),
    ] {
        if words.is_empty() {
            assert!(read(&Source::new("pf.conf", text)).is_ok(), "{text}");
            continue;
        }
        let errors = read(&Source::new("pf.conf", text)).expect_err(text).to_string();
        assert!(errors.contains(words), "{text}\n{errors}\n{words}");
    }
}

/// What could otherwise grow without end: macros that double, files that include themselves, lists and anchors in each
/// other.
#[test]
fn what_grows_is_bounded() {
    let mut doubling = "a0 = \"10.0.0.1\"\n".to_owned();
    for step in 1..64 {
        doubling += &format!("a{step} = $a{} $a{}\n", step - 1, step - 1);
    }
    let lists = |depth: usize| format!("pass from {}10.0.0.1{}", "{ ".repeat(depth), " }".repeat(depth));
    let anchors = |depth: usize| format!("{}pass\n{}", "anchor {\n".repeat(depth), "}\n".repeat(depth));
    for (text, words) in [
        (doubling, "make more than 16 MiB of text"),
        (lists(100_000), "lists stand more than 64 deep in each other"),
        (anchors(1000), "anchors stand more than 64 deep in each other"),
    ] {
        let interfaces = interfaces();
        let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: MAX_RULES };
        let errors = Ruleset::read(&Source::new("pf.conf", text), &env).unwrap_err().to_string();
        assert!(errors.contains(words), "{errors}");
    }
    assert!(read(&Source::new("pf.conf", lists(60))).is_ok());
    assert!(read(&Source::new("pf.conf", anchors(60))).is_ok());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pf.conf");
    std::fs::write(&path, format!("include \"{}\"\n", path.display())).unwrap();
    let errors = read(&Source::read(&path).unwrap()).unwrap_err().to_string();
    assert!(errors.contains("includes itself"), "{errors}");
}
