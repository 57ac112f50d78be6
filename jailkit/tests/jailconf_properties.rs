//! What holds for every jail.conf and fstab, whatever is in it.

use jailkit::fstab::Fstab;
use jailkit::jailconf::JailConf;
use jailkit::source::Source;
use proptest::prelude::*;

/// Texts made of what the grammar cares about, most of them broken.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "a",
        "www",
        "*",
        "\"",
        "'",
        "\\",
        "$",
        "${",
        "$a",
        "}",
        "{",
        ";",
        "=",
        "+=",
        ",",
        " ",
        "\n",
        "\r\n",
        "#",
        "//",
        "/*",
        "*/",
        "\t",
        "\0",
        "x { y = 1; }",
        "a = 'b c', \"$d\";",
        "é",
        "rw",
        ":",
        "0",
        "/dev/x /y ufs rw 1 1\n",
    ];
    proptest::collection::vec(prop::sample::select(pieces.to_vec()), 0..40)
        .prop_map(|pieces| pieces.concat().into_bytes())
}

/// Files that jail(8) takes.
fn accepted() -> impl Strategy<Value = String> {
    let statement = prop::sample::select(vec![
        "a = 1;\n",
        "b;\n",
        "# note\n",
        "path = \"/srv/$name\"; // why\n",
        "w { x; }\n",
        "v {\n\ty = 1, 2;\n}\n",
        "\r\n",
        "/* c */ c += 'x y';\n",
        "$d = e;\n",
    ]);
    proptest::collection::vec(statement, 0..12).prop_map(|statements| statements.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_without_harm_and_kept(text in text()) {
        let source = Source::new("f", text.clone());
        if let Ok(conf) = JailConf::parse(&source) {
            prop_assert_eq!(conf.text(), &text);
        }
        let fstab = Fstab::parse(&source);
        prop_assert_eq!(fstab.text(), &text);
        prop_assert!(fstab.entries().count() + fstab.bad_lines().count() <= text.len());
    }

    #[test]
    fn a_jail_added_and_removed_leaves_the_bytes(text in accepted()) {
        let mut conf = JailConf::parse(&Source::new("f", text.as_str())).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let edit = conf.add_jail("new", &[("path".to_owned(), vec!["/srv/new".to_owned()])]);
        prop_assert!(edit.is_ok() && conf.has_jail("new"));
        prop_assert!(conf.remove_jail("new").is_ok());
        prop_assert_eq!(String::from_utf8_lossy(conf.text()), text);
    }

    #[test]
    fn a_parameter_set_and_unset_leaves_the_bytes(text in accepted()) {
        let mut conf = JailConf::parse(&Source::new("f", text.as_str())).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assume!(conf.has_jail("v"));
        prop_assert!(conf.set(Some("v"), "host.hostname", &["h".to_owned()]).is_ok());
        prop_assert!(conf.unset(Some("v"), "host.hostname").is_ok());
        prop_assert_eq!(String::from_utf8_lossy(conf.text()), text);
    }

    #[test]
    fn what_an_entry_says_is_read_back(spec in "[ -~\t]{1,20}", file in "/[ -~]{0,20}") {
        let entry = jailkit::fstab::Entry::nullfs(&spec, &file, "ro");
        let mut fstab = Fstab::parse(&Source::new("fstab", "# mine"));
        fstab.add(&entry);
        prop_assert_eq!(fstab.entries().collect::<Vec<_>>(), vec![entry.clone()]);
        fstab.remove(&entry);
        prop_assert_eq!(fstab.text(), b"# mine\n");
    }
}
