//! What holds for every jail.conf and fstab, whatever is in it.

use bstr::ByteSlice;
use jailkit::fstab::Fstab;
use jailkit::jailconf::JailConf;
use jailkit::source::Source;
use proptest::prelude::*;

fn parsed(text: &[u8]) -> Result<JailConf, TestCaseError> {
    JailConf::parse(&Source::new("f", text)).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

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
        "w { x = 1; } ",
        "v {x;}",
        "v { w { x; } y; }\t",
        "a; ",
        "v {\n\ty = 1, 2;\n}\n",
        "\r\n",
        "/* c */ c += 'x y';\n",
        "$d = e;\n",
    ]);
    proptest::collection::vec(statement, 0..12).prop_map(|statements| statements.concat())
}

/// Files that jail(8) takes, with blanks, line ends and comments wherever it takes them.
fn uneven() -> impl Strategy<Value = Vec<u8>> {
    let statements: [&[&str]; 10] = [
        &["a", "=", "1", ";"],
        &["b", ";"],
        &["x", "+=", "'y z'", ",", "\"$name\"", ",", "\"a${b}c\"d", ";"],
        &["q", " ", "\"it's\n$a\"", ";"],
        &["$d", "=", "e\\\nf", ";"],
        &["v", "{", "depend", "=", "w", ";", "}"],
        &["w", "{", "y", ";", "z", "=", "\"$d\"", ";", "}", ";"],
        &["\"*\"", "{", "\"u\"", "{", "c", "=", "3", ";", "}", "}"],
        &["/* c */", "# d\n"],
        &[";"],
    ];
    let gaps = ["", "", "", " ", "\t", "\n", "\r\n", "\n\n\n", " # note \n", "// note\n", "/* a\n  b */", " /**/ "];
    let gaps = proptest::collection::vec(prop::sample::select(gaps.to_vec()), 100);
    let statements = proptest::collection::vec(prop::sample::select(statements.to_vec()), 0..12);
    (statements, gaps).prop_map(|(statements, gaps)| {
        let tokens = statements.concat();
        tokens.into_iter().zip(gaps).map(|(token, gap)| format!("{token}{gap}")).collect::<String>().into_bytes()
    })
}

/// A line of an fstab, with blanks and oddities where they can be.
fn fstab_line() -> impl Strategy<Value = String> {
    let fields = [
        "/dev/x",
        "/y\\040z",
        "none",
        "nullfs",
        "ufs",
        "rw",
        "ro,late",
        "xx",
        "0",
        "1",
        "# c",
        "a:b:rw:0:0",
        "\r",
        "é",
        "\0",
    ];
    let gaps = [" ", " ", "\t", "  \t ", "", "\x0c", "\n"];
    let pair = (prop::sample::select(fields.to_vec()), prop::sample::select(gaps.to_vec()));
    proptest::collection::vec(pair, 0..8)
        .prop_map(|pairs| pairs.into_iter().map(|(field, gap)| format!("{field}{gap}")).collect::<String>() + "\n")
}

proptest! {
    #[test]
    fn any_text_is_read_without_harm_and_kept(text in text()) {
        let source = Source::new("f", text.clone());
        if let Ok(mut conf) = JailConf::parse(&source) {
            prop_assert_eq!(conf.text(), &text);
            for block in [None, Some("x")].into_iter().filter(|block| block.is_none_or(|jail| conf.has_jail(jail))).collect::<Vec<_>>() {
                if conf.set(block, "new", &["n".to_owned()]).is_ok() {
                    prop_assert!(conf.own(block, "new").is_some(), "in {:?}", block);
                    conf.unset(block, "new").map_err(failed)?;
                }
                prop_assert_eq!(conf.text().as_bstr(), text.as_bstr(), "set in {:?}", block);
            }
        }
        let fstab = Fstab::parse(&source);
        prop_assert_eq!(fstab.text(), &text);
        prop_assert!(fstab.entries().count() + fstab.bad_lines().count() <= text.len());
    }

    #[test]
    fn an_edit_and_its_inverse_leave_the_bytes(text in prop_oneof![accepted().prop_map(String::into_bytes), uneven()]) {
        let mut conf = parsed(&text)?;
        let (hostname, name) = (["h".to_owned()], "host.hostname");

        conf.add_jail("new", &[("path".to_owned(), vec!["/srv/new".to_owned()])]).map_err(failed)?;
        prop_assert!(conf.has_jail("new"));
        conf.remove_jail("new").map_err(failed)?;
        prop_assert_eq!(conf.text().as_bstr(), text.as_bstr(), "a jail");

        for block in [None, Some("v"), Some("w"), Some("*.u")] {
            conf.set(block, name, &hostname).map_err(failed)?;
            prop_assert_eq!(conf.own(block, name).is_some(), block.is_none_or(|jail| conf.has_jail(jail)));
            conf.unset(block, name).map_err(failed)?;
            prop_assert_eq!(conf.text().as_bstr(), text.as_bstr(), "set in {:?}", block);
            for name in ["a", "x", "y", "depend", name] {
                conf.append(block, name, &hostname).map_err(failed)?;
                prop_assert_eq!(conf.own(block, name).is_some(), block.is_none_or(|jail| conf.has_jail(jail)));
                if conf.text() != text {
                    conf.unset(block, name).map_err(failed)?;
                }
                prop_assert_eq!(conf.text().as_bstr(), text.as_bstr(), "{} in {:?}", name, block);
            }
        }

        conf.rename_jail("w", "other.w").map_err(failed)?;
        conf.rename_jail("other.w", "w").map_err(failed)?;
        prop_assert_eq!(conf.text().as_bstr(), text.as_bstr(), "a name");
    }

    #[test]
    fn a_jail_moved_into_an_included_file_is_what_it_was(text in prop_oneof![accepted().prop_map(String::into_bytes), uneven()]) {
        let conf = parsed(&text)?;
        for jail in ["v", "w", "*.u"] {
            let Ok(moved) = conf.move_jails(&[jail], "more.conf", b"") else { continue };
            prop_assert!(!moved.is_reordered);
            // The included text in the place of the directive is the file as it was.
            let (after, included) = (moved.file.text(), moved.included.text());
            let blanks = included.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let newline: &[u8] = if text.contains_str("\r\n") { b"\r\n" } else { b"\n" };
            let end = if included.ends_with(b"\n") { newline } else { b"" };
            let line = [&included[..blanks], b".include \"more.conf\";", end].concat();
            prop_assert!(after.contains_str(&line));
            let back = after.replacen(&line, included, 1);
            prop_assert_eq!(back.as_bstr(), text.as_bstr());
        }
    }

    #[test]
    fn a_file_in_an_even_layout_says_the_same(text in prop_oneof![1 => text(), 4 => uneven()]) {
        let source = Source::new("f", text);
        let Ok(conf) = JailConf::parse(&source) else { return Ok(()) };
        let Ok(formatted) = conf.formatted() else { return Ok(()) };
        let even = JailConf::parse(&Source::new("f", formatted.clone())).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(even.formatted().map(|text| String::from_utf8_lossy(&text).into_owned()).ok(), Some(String::from_utf8_lossy(&formatted).into_owned()));
        // Where a fault is seen moves with the layout; what the jails come to does not.
        let jails = |conf: &JailConf| conf.resolve().ok().map(|resolved| serde_json::json!(resolved));
        prop_assert_eq!(jails(&even), jails(&conf));
    }

    #[test]
    fn what_an_entry_says_is_read_back(text in text(), spec in "[ -~\t]{1,20}", file in "/[ -~]{0,20}") {
        let entry = jailkit::fstab::Entry::nullfs(&spec, &file, "ro");
        let mut fstab = Fstab::parse(&Source::new("fstab", text.clone()));
        prop_assume!(fstab.entries().all(|found| found != entry));
        fstab.add(&entry);
        prop_assert_eq!(fstab.entries().last(), Some(entry.clone()));
        prop_assert_eq!(fstab.jail_mounts().last().and_then(|(_, mount)| mount.ok()).map(|mount| mount.spec), Some(entry.spec.clone()));
        fstab.remove(&entry);
        prop_assert_eq!(fstab.text(), text);
    }

    #[test]
    fn columns_in_line_say_the_same(lines in proptest::collection::vec(fstab_line(), 0..12)) {
        let fstab = Fstab::parse(&Source::new("fstab", lines.concat()));
        let even = Fstab::parse(&Source::new("fstab", fstab.formatted()));
        prop_assert_eq!(even.entries().collect::<Vec<_>>(), fstab.entries().collect::<Vec<_>>());
        prop_assert_eq!(even.bad_lines().count(), fstab.bad_lines().count());
        let jail = |fstab: &Fstab| fstab.jail_mounts().map(|(_, mount)| mount).collect::<Vec<_>>();
        prop_assert_eq!(jail(&even), jail(&fstab));
        prop_assert_eq!(even.formatted(), even.text());
    }
}
