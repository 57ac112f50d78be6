//! `docs/jailconf.md` says what the table of parameters says.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::fmt::Write;

use jailkit::jailparam::{self, By, Change, ParamDef};

const BEGIN: &str = "<!-- begin -->\n";
const END: &str = "<!-- end -->\n";

fn row(def: &ParamDef) -> String {
    let set = match def.change {
        Change::Always => "always",
        Change::AtCreation => "creation",
        Change::Never => "never",
    };
    let needs: Vec<_> = def.needs.iter().map(|need| format!("`{need}`")).collect();
    let default = def.default.to_string();
    let default = if default.is_empty() { "-".to_owned() } else { default };
    let needs = if needs.is_empty() { "-".to_owned() } else { needs.join(", ") };
    let module = match def.by {
        By::Module(module) if !def.name.ends_with(module) => format!(" (module `{module}`)"),
        _ => String::new(),
    };
    let ParamDef { name, kind, since, help, .. } = def;
    format!("| `{name}` | {help}{module} | {kind} | {default} | {set} | {needs} | {since} |\n")
}

fn tables() -> String {
    let is_allow = |def: &&ParamDef| def.name.starts_with("allow.") && def.by != By::Jail8;
    let mut text = String::new();
    for (title, params) in [
        ("jail(8)'s own", jailparam::of_jail8().collect::<Vec<_>>()),
        ("The kernel's", jailparam::all().filter(|def| def.by == By::Kernel && !is_allow(def)).collect()),
        ("Permissions", jailparam::all().filter(is_allow).collect()),
        ("Of modules", jailparam::all().filter(|def| matches!(def.by, By::Module(_)) && !is_allow(def)).collect()),
    ] {
        let head = "| parameter | what for | values | default | set | needs | since |\n| --- | --- | --- | --- | --- | --- | --- |";
        write!(text, "\n### {title}\n\n{head}\n{}", params.into_iter().map(row).collect::<String>()).unwrap();
    }
    text + "\n"
}

#[test]
fn the_page_has_the_table_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/jailconf.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (front, rest) = page.split_once(BEGIN).unwrap();
    let (_, behind) = rest.split_once(END).unwrap();
    let current = [front, BEGIN, &tables(), END, behind].concat();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    assert!(page == current, "docs/jailconf.md is not current: run this test with UPDATE_DOCS=1");
}
