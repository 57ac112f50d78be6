//! The pf rules of a stack.

use crate::edit::Edit;
use crate::pf::Section;
use crate::stack::{Jail, Publish, Stack};

/// Macros at the top, translation, then filtering.
pub(super) fn edits(stack: &Stack) -> Vec<Edit> {
    let mut edits = macros(stack);
    let mut rule = |section, rule: String| edits.push(Edit::Rule { section, rule });
    rule(Section::Translation, "nat pass on $if from $jailnet to any -> $extip".into());
    for jail in &stack.jails {
        for publish in &jail.publish {
            rule(Section::Translation, redirection(jail, publish));
        }
    }
    for jail in &stack.jails {
        let own = jail.pf_macro();
        rule(Section::Filtering, format!("pass quick from ${own} to ${own}"));
    }
    if stack.host.loopback.isolate {
        rule(Section::Filtering, "block quick from $jailnet to $jailnet".into());
        rule(Section::Filtering, "block in quick on $if from any to $jailnet".into());
    }
    edits
}

fn macros(stack: &Stack) -> Vec<Edit> {
    let host = &stack.host;
    let one = |name: &str, value: String| Edit::Macro { name: name.to_owned(), value };
    let mut macros = vec![
        one("if", host.interface.clone()),
        one("extip", host.address.to_string()),
        one("jailnet", host.loopback.network.to_string()),
    ];
    for jail in &stack.jails {
        macros.push(one(&jail.pf_macro(), jail.address.to_string()));
        for publish in &jail.publish {
            if let (Some(name), Some(from)) = (publish.pf_macro(jail), publish.from) {
                macros.push(one(&name, from.to_string().trim_end_matches("/32").to_owned()));
            }
        }
    }
    macros
}

/// `rdr pass` for one set of published ports.
fn redirection(jail: &Jail, publish: &Publish) -> String {
    let proto = publish.proto;
    let from = match (publish.pf_macro(jail), publish.from) {
        (Some(name), _) => format!("${name}"),
        (None, Some(from)) => from.to_string().trim_end_matches("/32").to_owned(),
        (None, None) => "any".to_owned(),
    };
    let ports = match publish.ports.as_slice() {
        [port] => port.to_string(),
        ports => format!("{{ {} }}", ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")),
    };
    let to = publish.to.map(|port| format!(" port {port}")).unwrap_or_default();
    format!("rdr pass on $if proto {proto} from {from} to $extip port {ports} -> ${}{to}", jail.pf_macro())
}
