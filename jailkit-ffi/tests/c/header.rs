//! The header and its documentation are those of the source.
use std::path::Path;
use std::process::Command;

use crate::{built, docs};

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn generated() -> String {
    let config = cbindgen::Config::from_file(crate_dir().join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new().with_crate(crate_dir()).with_config(config).generate().unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).unwrap()
}

/// Compares a committed file with what it should be; writes it where snapshots are to be updated.
fn assert_current(path: &Path, should_be: &str) {
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(path, should_be).unwrap();
    }
    let is = std::fs::read_to_string(path).unwrap_or_default();
    assert!(is == should_be, "{} is out of date: run the tests with INSTA_UPDATE=always", path.display());
}

#[test]
fn the_header_is_current() {
    assert_current(&crate_dir().join("include/jailkit.h"), &generated());
}

#[test]
fn the_documentation_is_current() {
    let path = crate_dir().join("../docs/c-api.md");
    let page = std::fs::read_to_string(&path).unwrap();
    assert_current(&path, &docs::with_functions(&page, &generated()));
}

#[test]
fn the_header_compiles_as_c99_and_as_cpp() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("use.c");
    std::fs::write(
        &source,
        "#include <jailkit.h>\n#include <jailkit.h>\nint main(void) { return jk_str(\"\").len == 0 ? 0 : 1; }\n",
    )
    .unwrap();
    for (language, standard) in [("c", "c99"), ("c", "c11"), ("c++", "c++11"), ("c++", "c++17")] {
        let output = Command::new("cc")
            .args(["-x", language, &format!("-std={standard}"), "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
            .args(["-fsyntax-only", "-I"])
            .arg(crate_dir().join("include"))
            .arg(&source)
            .output()
            .unwrap();
        assert!(output.status.success(), "{standard}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_function_of_the_header_is_exported_and_nothing_else() {
    let declared = docs::functions(&generated()).into_iter().map(|function| function.name).collect::<Vec<_>>();
    let mut declared: Vec<_> = declared.iter().map(String::as_str).collect();
    declared.sort_unstable();
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(built::shared_library()).output().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    let mut exported: Vec<_> = output.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    exported.sort_unstable();
    assert_eq!(exported, declared);
}

#[test]
fn the_library_bears_the_number_of_its_abi() {
    let output = Command::new("readelf").arg("-d").arg(built::shared_library()).output().unwrap();
    let soname = format!("Library soname: [libjailkit.so.{}]", jailkit_ffi::abi::JK_ABI_VERSION);
    assert!(String::from_utf8_lossy(&output.stdout).contains(&soname));
}
