//! docs/c-api.md from the header: what every function promises, under the handle it is about.

use std::fmt::Write as _;

/// A function of the header.
pub(crate) struct Function {
    pub(crate) name: String,
    /// Its declaration, as the header has it.
    declaration: String,
    /// What is said above it, a line each.
    comment: Vec<String>,
}

/// The functions of a header, in its order.
pub(crate) fn functions(header: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    let mut comment = Vec::new();
    let mut declaration = String::new();
    let prototypes =
        header.split("extern \"C\" {").nth(1).and_then(|rest| rest.split("}  // extern \"C\"").next()).unwrap();
    for line in prototypes.lines().skip_while(|line| !line.starts_with("/*")) {
        if line.starts_with('#') {
            continue;
        }
        if line.starts_with("/*") {
            comment.clear();
            declaration.clear();
        } else if let Some(text) = line.strip_prefix(" *").filter(|_| declaration.is_empty()) {
            if text != "/" {
                comment.push(text.strip_prefix(' ').unwrap_or(text).to_owned());
            }
        } else if !line.is_empty() {
            writeln!(declaration, "{line}").unwrap();
            if line.ends_with(';') {
                let before = declaration.split('(').next().unwrap();
                let name = before.rsplit([' ', '*']).next().unwrap().to_owned();
                functions.push(Function { name, declaration: declaration.clone(), comment: comment.clone() });
                declaration.clear();
            }
        }
    }
    functions
}

/// The line of the page behind which everything is written by [`with_functions`].
const MARK: &str = "<!-- From here on written by jailkit-ffi/tests/c from the header. -->\n";

/// The headings, each with what the names of its functions begin with; the first that fits counts.
const HEADINGS: &[(&str, &[&str])] = &[
    ("The library", &["jk_abi_version", "jk_version"]),
    ("Errors", &["jk_error_"]),
    ("Findings", &["jk_findings_"]),
    ("Texts and lists of strings", &["jk_text_", "jk_strings_"]),
    ("jail.conf", &["jk_jailconf_"]),
    ("jail.conf, resolved", &["jk_resolved_"]),
    ("fstab", &["jk_fstab_"]),
    ("pf.conf", &["jk_pf_"]),
    ("pf.conf, expanded", &["jk_interfaces_", "jk_ruleset_"]),
    ("Tracing a packet", &["jk_tracer_", "jk_trace_"]),
    ("The host", &["jk_host_"]),
    ("Jails", &["jk_jails_", "jk_jail_"]),
    ("Mounts", &["jk_mount", "jk_unmount"]),
    ("A stack and its plans", &["jk_stack_", "jk_plan_"]),
    ("Changing a host", &["jk_session_"]),
];

/// The page with what the header says of its functions in place of what it said before.
pub(crate) fn with_functions(page: &str, header: &str) -> String {
    let head = page.split(MARK).next().unwrap();
    let mut text = format!("{head}{MARK}");
    let functions = functions(header);
    let heading = |name: &str| {
        let fits = |(_, prefixes): &&(&str, &[&str])| prefixes.iter().any(|prefix| name.starts_with(prefix));
        HEADINGS.iter().find(fits).unwrap_or_else(|| panic!("{name} belongs under no heading")).0
    };
    for (title, _) in HEADINGS {
        writeln!(text, "\n## {title}").unwrap();
        for Function { name, declaration, comment } in
            functions.iter().filter(|function| heading(&function.name) == *title)
        {
            writeln!(text, "\n### {name}\n\n```c\n{declaration}```\n").unwrap();
            for line in comment {
                let line = if line == "# Safety" { "Pointers:" } else { line };
                writeln!(text, "{line}").unwrap();
            }
        }
    }
    text
}
