//! Rules on packets.

use std::borrow::Cow;

use super::{address, from_to, number, pool};
use crate::pf::netdb::{self, Transport};
use crate::pf::rule::{
    Action, Address, Answer, Compare, Direction, Endpoint, Family, KeepState, Operator, RouteKind, Rule, Ruleset,
    SourceTrack, Spec, UNKNOWN_ID,
};
use crate::pf::{icmp, timeouts};

pub(super) fn anchor(kind: &str, name: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(kind.as_bytes());
    if let Some(name) = name {
        out.extend_from_slice(b" \"");
        out.extend_from_slice(name);
        out.push(b'"');
    }
}

pub(super) fn print(set: &Ruleset, rule: &Rule, out: &mut Vec<u8>) {
    let spec = set.spec(rule);
    let names = &set.names;
    head(set, spec, rule.family, out);
    log(spec, out);
    if spec.quick {
        out.extend_from_slice(b" quick");
    }
    if let Some(interface) = rule.interface {
        out.extend_from_slice(if rule.interface_negated { b" on ! " } else { b" on " });
        out.extend_from_slice(names.get(interface));
    }
    if let Some(route) = &spec.route {
        out.extend_from_slice(match route.kind {
            RouteKind::RouteTo => b" route-to ",
            RouteKind::ReplyTo => b" reply-to ",
            RouteKind::DupTo => b" dup-to ",
        });
        pool::print(names, &route.pool, rule.family, None, out);
    }
    if let Some(family) = rule.family {
        out.push(b' ');
        out.extend_from_slice(family.word().as_bytes());
    }
    if rule.protocol != 0 {
        out.extend_from_slice(b" proto ");
        match netdb::protocol_name(rule.protocol) {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => number(rule.protocol.into(), out),
        }
    }
    from_to(names, (&rule.source, &rule.destination), rule.family, rule.os, rule.protocol, out);
    if let Some((interface, negated)) = spec.received_on {
        out.extend_from_slice(if negated { b" ! received-on " } else { b" received-on " });
        out.extend_from_slice(names.get(interface));
    }
    ids(" user", rule.user, out);
    ids(" group", rule.group, out);
    flags(spec, rule, out);
    icmp_type(rule, out);
    if spec.tos != 0 {
        out.extend(format!(" tos 0x{:02x}", spec.tos).bytes());
    }
    if let Some(prio) = spec.prio {
        out.extend_from_slice(b" prio ");
        number(prio.into(), out);
    }
    if let Some((limit, seconds)) = spec.packet_rate {
        out.extend(format!(" max-pkt-rate {limit}/{seconds}").bytes());
    }
    if spec.packet_size != 0 {
        out.extend(format!(" max-pkt-size {}", spec.packet_size).bytes());
    }
    sets(spec, out);
    state(set, spec, rule, out);
    tail(set, spec, rule, out);
}

fn head(set: &Ruleset, spec: &Spec, family: Option<Family>, out: &mut Vec<u8>) {
    let word = match spec.action {
        Action::Pass => "pass",
        Action::Block(_) => "block",
        Action::Match => "match",
        Action::Scrub => "scrub",
        Action::NoScrub => "no scrub",
        Action::Nat => "nat",
        Action::NoNat => "no nat",
        Action::Binat => "binat",
        Action::NoBinat => "no binat",
        Action::Rdr => "rdr",
        Action::NoRdr => "no rdr",
    };
    if let Some(call) = spec.anchor {
        let kind = match spec.action {
            Action::Nat => "nat-anchor",
            Action::Rdr => "rdr-anchor",
            Action::Binat => "binat-anchor",
            _ => "anchor",
        };
        anchor(kind, call.name.map(|name| set.names.get(name)), out);
    } else {
        out.extend_from_slice(word.as_bytes());
        if spec.nat_pass {
            out.extend_from_slice(b" pass");
        }
    }
    if let Action::Block(answer) = spec.action {
        match answer {
            Answer::Drop => out.extend_from_slice(b" drop"),
            Answer::Return => out.extend_from_slice(b" return"),
            Answer::Rst(0) => out.extend_from_slice(b" return-rst"),
            Answer::Rst(ttl) => out.extend(format!(" return-rst(ttl {ttl})").bytes()),
            Answer::Icmp(code, code6) => unreachable_codes(code, code6, family, out),
        }
    }
    match spec.direction {
        Some(Direction::In) => out.extend_from_slice(b" in"),
        Some(Direction::Out) => out.extend_from_slice(b" out"),
        None => {}
    }
}

fn unreachable_codes(code: u16, code6: u16, family: Option<Family>, out: &mut Vec<u8>) {
    let text = |code: u16, family| -> Cow<'static, str> {
        let [kind, code] = code.to_be_bytes();
        icmp::code_name(kind, code, Some(family)).map_or_else(|| code.to_string().into(), Into::into)
    };
    let (inet, inet6) = (text(code, Family::Inet), text(code6, Family::Inet6));
    let text = match family {
        Some(Family::Inet) => format!(" return-icmp({inet})"),
        Some(Family::Inet6) => format!(" return-icmp6({inet6})"),
        None => format!(" return-icmp({inet}, {inet6})"),
    };
    out.extend(text.bytes());
}

fn log(spec: &Spec, out: &mut Vec<u8>) {
    let log = spec.log;
    if !log.on {
        return;
    }
    out.extend_from_slice(b" log");
    let to = if log.to == 0 { String::new() } else { format!("to pflog{}", log.to) };
    let parts = [(log.all, "all"), (log.matches, "matches"), (log.user, "user"), (log.to != 0, &to)];
    let parts: Vec<_> = parts.iter().filter(|(given, _)| *given).map(|(_, word)| *word).collect();
    if !parts.is_empty() {
        out.extend(format!(" ({})", parts.join(", ")).bytes());
    }
}

fn compare<T: Copy>(compare: Compare<T>, print: impl Fn(T, &mut Vec<u8>), out: &mut Vec<u8>) {
    let (before, between) = match compare.operator {
        Operator::None => return,
        Operator::Equal => (" = ", None),
        Operator::NotEqual => (" != ", None),
        Operator::Less => (" < ", None),
        Operator::LessEqual => (" <= ", None),
        Operator::Greater => (" > ", None),
        Operator::GreaterEqual => (" >= ", None),
        Operator::Inside => (" ", Some(" >< ")),
        Operator::Outside => (" ", Some(" <> ")),
        Operator::Range => (" ", Some(":")),
    };
    out.extend_from_slice(before.as_bytes());
    print(compare.first, out);
    if let Some(between) = between {
        out.extend_from_slice(between.as_bytes());
        print(compare.second, out);
    }
}

pub(super) fn port(port: Compare<u16>, protocol: u8, out: &mut Vec<u8>) {
    if !port.is_some() {
        return;
    }
    out.extend_from_slice(b" port");
    let named = matches!(port.operator, Operator::Equal | Operator::NotEqual);
    let transport = if protocol == 6 { Transport::Tcp } else { Transport::Udp };
    let print = |port: u16, out: &mut Vec<u8>| match netdb::service_name(port, transport).filter(|_| named) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => number(port.into(), out),
    };
    compare(port, print, out);
}

fn ids(word: &str, id: Compare<u32>, out: &mut Vec<u8>) {
    if id.is_some() {
        out.extend_from_slice(word.as_bytes());
        let print = |id: u32, out: &mut Vec<u8>| match id {
            UNKNOWN_ID => out.extend_from_slice(b"unknown"),
            id => number(id, out),
        };
        compare(id, print, out);
    }
}

fn flags(spec: &Spec, rule: &Rule, out: &mut Vec<u8>) {
    let (set, mask) = rule.flags;
    let letters = |bits: u8, out: &mut Vec<u8>| {
        out.extend(b"FSRPAUEW".iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, letter)| *letter));
    };
    if set != 0 || mask != 0 {
        out.extend_from_slice(b" flags ");
        letters(set, out);
        out.push(b'/');
        letters(mask, out);
    } else if spec.action == Action::Pass
        && matches!(rule.protocol, 0 | 6)
        && !spec.fragment
        && spec.anchor.is_none()
        && rule.keep_state != KeepState::No
    {
        out.extend_from_slice(b" flags any");
    }
}

fn icmp_type(rule: &Rule, out: &mut Vec<u8>) {
    let Some(kind) = rule.icmp_type else { return };
    let six = rule.family == Some(Family::Inet6);
    out.extend_from_slice(if six { b" icmp6-type " } else { b" icmp-type " });
    match icmp::type_name(kind, rule.family) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => number(kind.into(), out),
    }
    let Some(code) = rule.icmp_code else { return };
    out.extend_from_slice(b" code ");
    match icmp::code_name(kind, code, rule.family) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => number(code.into(), out),
    }
}

fn sets(spec: &Spec, out: &mut Vec<u8>) {
    let prio =
        spec.set_prio.map(
            |(first, second)| {
                if first == second { format!(" prio {first}") } else { format!(" prio({first}, {second})") }
            },
        );
    let tos = spec.set_tos.map(|tos| format!(" tos 0x{tos:02x}"));
    let parts: Vec<_> = prio.into_iter().chain(tos).collect();
    if !parts.is_empty() {
        out.extend(format!(" set ({} )", parts.join(",")).bytes());
    }
}

fn state(set: &Ruleset, spec: &Spec, rule: &Rule, out: &mut Vec<u8>) {
    match rule.keep_state {
        KeepState::No if spec.action == Action::Pass && spec.anchor.is_none() => out.extend_from_slice(b" no state"),
        KeepState::No => {}
        KeepState::Keep => out.extend_from_slice(b" keep state"),
        KeepState::Modulate => out.extend_from_slice(b" modulate state"),
        KeepState::Synproxy => out.extend_from_slice(b" synproxy state"),
    }
    if spec.probability != 0 {
        let percent = format!("{:.6}", f64::from(spec.probability) * 100.0 / 4_294_967_296.0);
        let percent = percent.trim_end_matches('0').trim_end_matches('.');
        out.extend(format!(" probability {percent}%").bytes());
    }
    let options = &spec.state;
    if *options == crate::pf::rule::StateOptions::default() {
        return;
    }
    let mut parts: Vec<String> = Vec::new();
    let counted = |word: &str, count: u32, parts: &mut Vec<String>| {
        if count != 0 {
            parts.push(format!("{word} {count}"));
        }
    };
    counted("max", options.max, &mut parts);
    if options.no_sync {
        parts.push("no-sync".into());
    }
    match options.source_track {
        SourceTrack::No => {}
        SourceTrack::Global => parts.push("source-track global".into()),
        SourceTrack::Rule => parts.push("source-track rule".into()),
    }
    counted("max-src-states", options.max_src_states, &mut parts);
    counted("max-src-conn", options.max_src_conn, &mut parts);
    if options.max_src_conn_rate.0 != 0 {
        let (limit, seconds) = options.max_src_conn_rate;
        parts.push(format!("max-src-conn-rate {limit}/{seconds}"));
    }
    counted("max-src-nodes", options.max_src_nodes, &mut parts);
    out.extend_from_slice(b" (");
    let mut first = true;
    let mut part = |bytes: &[u8], out: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(bytes);
    };
    for text in &parts {
        part(text.as_bytes(), out);
    }
    if let Some(overload) = options.overload {
        part(b"overload <", out);
        out.extend_from_slice(set.name(overload.table));
        out.push(b'>');
        if overload.flush {
            out.extend_from_slice(b" flush");
        }
        if overload.global {
            out.extend_from_slice(b" global");
        }
    }
    for (given, word) in [
        (options.if_bound, "if-bound"),
        (options.sloppy, "sloppy"),
        (options.pflow, "pflow"),
        (options.allow_related, "allow-related"),
    ] {
        if given {
            part(word.as_bytes(), out);
        }
    }
    for &(place, seconds) in &options.timeouts {
        let name = timeouts::TIMEOUTS.get(usize::from(place)).copied().unwrap_or_default();
        part(format!("{name} {seconds}").as_bytes(), out);
    }
    out.push(b')');
}

fn scrub(spec: &Spec, out: &mut Vec<u8>) {
    let options = &spec.scrub;
    let mut parts: Vec<String> = Vec::new();
    for (given, word) in [(options.no_df, "no-df"), (options.random_id, "random-id")] {
        parts.extend(given.then(|| word.to_owned()));
    }
    parts.extend((options.min_ttl != 0).then(|| format!("min-ttl {}", options.min_ttl)));
    if matches!(spec.action, Action::Scrub | Action::NoScrub) {
        parts.extend((options.max_mss != 0).then(|| format!("max-mss {}", options.max_mss)));
        parts.extend(options.set_tos.map(|tos| format!("set-tos 0x{tos:02x}")));
        if spec.action == Action::Scrub {
            parts.extend(options.reassemble_tcp.then(|| "reassemble tcp".to_owned()));
            parts.push(if options.no_reassemble { "fragment no reassemble" } else { "fragment reassemble" }.to_owned());
        }
        for part in parts {
            out.push(b' ');
            out.extend(part.bytes());
        }
        return;
    }
    parts.extend(options.reassemble_tcp.then(|| "reassemble tcp".to_owned()));
    parts.extend((options.max_mss != 0).then(|| format!("max-mss {}", options.max_mss)));
    if !parts.is_empty() {
        out.extend(format!(" scrub ({})", parts.join(" ")).bytes());
    }
}

fn tail(set: &Ruleset, spec: &Spec, rule: &Rule, out: &mut Vec<u8>) {
    let names = &set.names;
    if spec.fragment {
        out.extend_from_slice(b" fragment");
    }
    scrub(spec, out);
    if spec.allow_opts {
        out.extend_from_slice(b" allow-opts");
    }
    for &label in &spec.labels {
        let label = expand(set, rule, names.get(label));
        if label.is_empty() {
            break;
        }
        out.extend_from_slice(b" label \"");
        out.extend_from_slice(&label);
        out.push(b'"');
    }
    if spec.ridentifier != 0 {
        out.extend_from_slice(b" ridentifier ");
        number(spec.ridentifier, out);
    }
    if let Some(dummynet) = spec.dummynet {
        let word = if dummynet.pipe { "dnpipe" } else { "dnqueue" };
        let text = match dummynet.reply {
            0 => format!(" {word} {}", dummynet.number),
            reply => format!(" {word}({}, {reply})", dummynet.number),
        };
        out.extend(text.bytes());
    }
    match spec.queue {
        Some((queue, None)) => out.extend([b" queue ", names.get(queue)].concat()),
        Some((queue, Some(other))) => {
            out.extend([b" queue(", names.get(queue), b", ", names.get(other), b")"].concat());
        }
        None => {}
    }
    if let Some(tag) = spec.tag.map(|tag| expand(set, rule, names.get(tag))).filter(|tag| !tag.is_empty()) {
        out.extend_from_slice(b" tag ");
        out.extend_from_slice(&tag);
    }
    if let Some((tag, negated)) = spec.tagged {
        out.extend_from_slice(if negated { b" ! tagged " } else { b" tagged " });
        out.extend_from_slice(&expand(set, rule, names.get(tag)));
    }
    if spec.once {
        out.extend_from_slice(b" once");
    }
    if let Some(rtable) = spec.rtable {
        out.extend_from_slice(b" rtable ");
        number(rtable, out);
    }
    if spec.divert != 0 {
        out.extend_from_slice(b" divert-to ");
        number(spec.divert.into(), out);
    }
    translation(set, spec, rule.family, out);
}

fn translation(set: &Ruleset, spec: &Spec, family: Option<Family>, out: &mut Vec<u8>) {
    let (source, destination) = (spec.translation.source.as_ref(), spec.translation.destination.as_ref());
    let mut print = |word: &str, target: Option<&crate::pf::rule::Pool>, family, action| {
        if let Some(target) = target {
            out.extend_from_slice(word.as_bytes());
            pool::print(&set.names, target, family, Some(action), out);
        }
    };
    match (spec.action, spec.translation.family) {
        (Action::Nat | Action::Binat | Action::Rdr, _) => {
            print(" -> ", source.or(destination), family, spec.action);
        }
        (_, Some(new)) => {
            let word = format!(" af-to {} from ", new.word());
            print(&word, source, Some(new), Action::Nat);
            print(" to ", destination, Some(new), Action::Rdr);
        }
        _ => {
            print(" nat-to ", source, family, Action::Nat);
            print(" rdr-to ", destination, family, Action::Rdr);
        }
    }
}

impl Ruleset {
    /// The tag that a rule gives, its `$` parts filled in.
    pub fn tag(&self, rule: &Rule) -> Option<Cow<'_, [u8]>> {
        let tag = self.spec(rule).tag?;
        Some(expand(self, rule, self.names.get(tag)))
    }

    /// The tag that a rule asks for, its `$` parts filled in, and whether it is negated.
    pub fn tagged(&self, rule: &Rule) -> Option<(Cow<'_, [u8]>, bool)> {
        let (tag, negated) = self.spec(rule).tagged?;
        Some((expand(self, rule, self.names.get(tag)), negated))
    }
}

/// Whether a label or tag of a rule becomes longer than pf has room for, once its `$` parts are filled in.
pub(in crate::pf) fn outgrows(set: &Ruleset, rule: &Rule) -> bool {
    let spec = set.spec(rule);
    let words = spec.labels.iter().copied().chain(spec.tag).chain(spec.tagged.map(|(tag, _)| tag));
    words.into_iter().any(|word| expand(set, rule, set.names.get(word)).len() >= 64)
}

/// A label or tag with its `$` parts filled in.
fn expand<'a>(set: &'a Ruleset, rule: &Rule, text: &'a [u8]) -> Cow<'a, [u8]> {
    if memchr::memchr(b'$', text).is_none() {
        return text.into();
    }
    let mut text = text.to_vec();
    let mut replace = |name: &[u8], with: &dyn Fn(&mut Vec<u8>)| {
        if memchr::memmem::find(&text, name).is_some() {
            let mut value = Vec::new();
            with(&mut value);
            text = bstr::ByteSlice::replace(text.as_slice(), name, &value);
        }
    };
    replace(b"$if", &|out| match rule.interface {
        Some(interface) => out.extend_from_slice(set.name(interface)),
        None => out.extend_from_slice(b"any"),
    });
    replace(b"$srcaddr", &|out| label_address(set, &rule.source, rule.family, out));
    replace(b"$dstaddr", &|out| label_address(set, &rule.destination, rule.family, out));
    replace(b"$srcport", &|out| label_port(rule.source.port, out));
    replace(b"$dstport", &|out| label_port(rule.destination.port, out));
    replace(b"$proto", &|out| match netdb::protocol_name(rule.protocol) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => number(rule.protocol.into(), out),
    });
    replace(b"$nr", &|out| number(rule.number, out));
    text.into()
}

fn label_address(set: &Ruleset, endpoint: &Endpoint, family: Option<Family>, out: &mut Vec<u8>) {
    if endpoint.negated {
        out.extend_from_slice(b"! ");
    }
    match endpoint.address {
        Address::Dynamic { interface, .. } => {
            out.extend([b"(", set.name(interface), b")"].concat());
        }
        // pfctl has no words for a range here.
        Address::Range(..) => out.push(b'?'),
        Address::Network(_) if family.is_none() => out.extend_from_slice(b"any"),
        other => address(&set.names, other, family, out),
    }
}

fn label_port(port: Compare<u16>, out: &mut Vec<u8>) {
    let (before, between) = match port.operator {
        Operator::None | Operator::Range => return,
        Operator::Equal => ("", None),
        Operator::NotEqual => ("!=", None),
        Operator::Less => ("<", None),
        Operator::LessEqual => ("<=", None),
        Operator::Greater => (">", None),
        Operator::GreaterEqual => (">=", None),
        Operator::Inside => ("", Some("><")),
        Operator::Outside => ("", Some("<>")),
    };
    out.extend_from_slice(before.as_bytes());
    number(port.first.into(), out);
    if let Some(between) = between {
        out.extend_from_slice(between.as_bytes());
        number(port.second.into(), out);
    }
}
