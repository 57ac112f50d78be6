//! Blocks built from values: what is printed reads back as the same values, whatever is in them.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use jailkit::jailconf::{BlockError, JailBlock, JailConf};
use jailkit::source::Source;
use proptest::prelude::*;

/// The parameters that jail(8) makes of a text with one jail, without those of its name.
fn resolved(text: &[u8]) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    let resolved = JailConf::parse(&Source::new("f", text)).unwrap().resolve().unwrap();
    let [jail] = resolved.jails.as_slice() else { panic!("{} jails", resolved.jails.len()) };
    assert!(jail.failed.is_none(), "{:?}", jail.failed);
    let own = jail.params.iter().filter(|param| param.name != "name" && param.name != "jid");
    own.map(|param| (param.name.to_vec(), param.values.iter().map(|value| value.to_vec()).collect())).collect()
}

/// The same of a block as it was built.
fn given(block: &JailBlock) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    let values = |values: &[bstr::BString]| values.iter().map(|value| value.to_vec()).collect();
    block.params().iter().map(|param| (param.name.to_vec(), values(&param.values))).collect()
}

#[test]
fn a_block_is_printed_as_a_person_would_write_it() {
    let block = JailBlock::new("web.www")
        .path("/srv/www")
        .hostname("www.example.org")
        .ip4_addr(["10.0.0.2".parse().unwrap(), "10.0.0.3".parse().unwrap()])
        .persist()
        .off("allow.set_hostname")
        .enforce_statfs(1)
        .set("exec.prestart", ["echo \"$HOME\"", "echo it's", "a\\b\n\t\x1bc"])
        .exec_start(["/bin/sh /etc/rc", "/usr/local/bin/a-long-command --with options --that take room"])
        .set("x", [b"\xff\xc3\xa4".as_slice()])
        .set("empty", [""]);
    insta::assert_snapshot!(block.print().unwrap());
    assert_eq!(resolved(block.print().unwrap().as_bytes()), given(&block));
}

#[test]
fn what_no_file_can_say_is_refused() {
    let print = |block: JailBlock| block.print().unwrap_err();
    assert_eq!(print(JailBlock::new("a\0")), BlockError::Nul("a\u{2400}".into()));
    assert_eq!(print(JailBlock::new("a").set("x", ["\0"])), BlockError::Nul("\u{2400}".into()));
    assert_eq!(print(JailBlock::new("a").set("jid", ["4"])), BlockError::Once("jid".into()));
    assert_eq!(print(JailBlock::new("a").set(".include", ["/etc/passwd"])), BlockError::Include);
    let found = JailBlock::new("a").path("/a").set("name", ["b"]).check().unwrap_err();
    assert_eq!(found[0].to_string(), "jail a:1:1: error: 'name' cannot be set: the block's own name sets it");
    let found = JailBlock::new("a").path("/a").persist().enforce_statfs(3).check().unwrap_err();
    assert_eq!(found[0].to_string(), "jail a:4:22: error: enforce_statfs is a number 0 to 2, and 3 is not");
}

#[test]
fn a_parameter_given_again_takes_the_place_of_the_first() {
    let block = JailBlock::new("a").persist().path("/a").off("persist");
    assert_eq!(block.print().unwrap(), "a {\n    nopersist;\n    path = \"/a\";\n}\n");
}

#[test]
fn a_block_is_added_in_the_layout_of_the_file() {
    let mut conf = JailConf::parse(&Source::new("f", "a {\n\tpersist;\n}\n")).unwrap();
    conf.add_block(&JailBlock::new("b").path("/$x").on("persist")).unwrap();
    assert_eq!(conf.text(), b"a {\n\tpersist;\n}\n\nb {\n\tpath = '/$x';\n\tpersist;\n}\n");
    let error = conf.add_block(&JailBlock::new("c").set("name", ["d"])).unwrap_err();
    assert_eq!(error.to_string(), "jail c:1:1: error: 'name' cannot be set: the block's own name sets it");
}

#[test]
fn a_block_is_a_document() {
    let text = r#"{"name": "www", "params": {"path": "/srv/www", "persist": true, "allow.raw_sockets": false,
        "enforce_statfs": 1, "exec.start": ["a", "b"], "x": {"bytes": [255]}}}"#;
    let block: JailBlock = serde_json::from_str(text).unwrap();
    let built = JailBlock::new("www").path("/srv/www").persist().off("allow.raw_sockets").enforce_statfs(1);
    let built = built.exec_start(["a", "b"]).set("x", [vec![255]]);
    assert_eq!(block, built);
    let again: JailBlock = serde_json::from_str(&serde_json::to_string(&built).unwrap()).unwrap();
    assert_eq!(again, built);
    assert!(serde_json::from_str::<JailBlock>(r#"{"name": "www", "parms": {}}"#).is_err());
}

#[test]
fn a_resolved_jail_becomes_a_block_of_its_own() {
    let text = "path = \"/srv/$name\";\n* { persist; }\nwww { exec.start = a; exec.start += \"b c\"; }\n";
    let conf = JailConf::parse(&Source::new("f", text)).unwrap().resolve().unwrap();
    let block = JailBlock::from(&conf.jails[0]).print().unwrap();
    let expected = "www {\n    path = \"/srv/www\";\n    persist;\n    exec.start = a, \"b c\";\n}\n";
    assert_eq!(block, expected);
}

#[test]
fn every_jail_of_the_corpus_can_be_written_as_a_block_of_its_own() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/jailconf");
    let mut jails = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "conf") {
            continue;
        }
        let Ok(conf) = JailConf::parse(&Source::read(&path).unwrap()) else { continue };
        let Ok(conf) = conf.resolve() else { continue };
        for jail in conf.jails.iter().filter(|jail| jail.failed.is_none()) {
            let block = JailBlock::from(jail);
            let of_name = |param: &&jailkit::jailconf::ResolvedParam| param.name != "name" && param.name != "jid";
            let values =
                |param: &jailkit::jailconf::ResolvedParam| param.values.iter().map(|text| text.to_vec()).collect();
            let own: Vec<(_, Vec<_>)> =
                jail.params.iter().filter(of_name).map(|param| (param.name.to_vec(), values(param))).collect();
            assert_eq!(resolved(block.print().unwrap().as_bytes()), own, "{}: {}", path.display(), jail.name);
            jails += 1;
        }
    }
    assert!(jails > 100, "{jails}");
}

fn bytes(len: usize) -> impl Strategy<Value = Vec<u8>> {
    let interesting = prop::sample::select(b" \"'\\$${}=+;,#/*.\n\r\t\x01\x7f\x80\xff\xc3\xa4noax7\x00".to_vec());
    prop::collection::vec(prop_oneof![interesting, any::<u8>()], 0..len)
        .prop_map(|bytes| bytes.into_iter().filter(|&byte| byte != 0).collect())
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        name in bytes(12),
        params in prop::collection::vec((bytes(12), prop::collection::vec(bytes(40), 0..4)), 0..6),
    ) {
        let is_wildcard = name.split(|&byte| byte == b'.').any(|part| part == b"*");
        prop_assume!(!is_wildcard);
        let block = params.into_iter().fold(JailBlock::new(name), |block, (name, values)| block.set(name, values));
        match block.print() {
            Ok(text) => prop_assert_eq!(resolved(text.as_bytes()), given(&block)),
            Err(error) => prop_assert!(!matches!(error, BlockError::Nul(_)), "{}", error),
        }
    }
}
