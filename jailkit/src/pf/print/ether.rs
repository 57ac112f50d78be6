//! Rules on Ethernet frames.

use super::{from_to, number};
use crate::pf::rule::{Direction, EtherRule, Mac, Name, Names};

pub(super) fn print(names: &Names, rule: &EtherRule, out: &mut Vec<u8>) {
    out.extend_from_slice(b"ether ");
    match rule.anchor {
        Some(anchor) => super::rule::anchor("anchor", anchor.name.map(|name| names.get(name)), out),
        None => out.extend_from_slice(if rule.pass { b"pass" } else { b"block" }),
    }
    match rule.direction {
        Some(Direction::In) => out.extend_from_slice(b" in"),
        Some(Direction::Out) => out.extend_from_slice(b" out"),
        None => {}
    }
    if rule.quick && rule.anchor.is_none() {
        out.extend_from_slice(b" quick");
    }
    if let Some(interface) = rule.interface {
        out.extend_from_slice(if rule.interface_negated { b" on ! " } else { b" on " });
        out.extend_from_slice(names.get(interface));
    }
    word(names, " bridge-to ", rule.bridge_to, out);
    if rule.protocol != 0 {
        out.extend(format!(" proto 0x{:04x}", rule.protocol).bytes());
    }
    for (side, mac) in [(" from ", &rule.source), (" to ", &rule.destination)] {
        if let Some(mac) = mac {
            out.extend_from_slice(side.as_bytes());
            station(mac, out);
        }
    }
    out.extend_from_slice(b" l3");
    from_to(names, (&rule.ip_source, &rule.ip_destination), Some(rule.family()), None, 0, out);
    for &label in rule.labels.iter().take_while(|label| !names.get(**label).is_empty()) {
        out.extend_from_slice(b" label \"");
        out.extend_from_slice(names.get(label));
        out.push(b'"');
    }
    if rule.ridentifier != 0 {
        out.extend_from_slice(b" ridentifier ");
        number(rule.ridentifier, out);
    }
    word(names, " queue ", rule.queue, out);
    word(names, " tag ", rule.tag, out);
    if let Some((tag, negated)) = rule.tagged {
        word(names, if negated { " ! tagged " } else { " tagged " }, Some(tag), out);
    }
    if let Some(dummynet) = rule.dummynet {
        out.extend_from_slice(if dummynet.pipe { b" dnpipe " } else { b" dnqueue " });
        number(dummynet.number.into(), out);
    }
}

fn word(names: &Names, before: &str, name: Option<Name>, out: &mut Vec<u8>) {
    if let Some(name) = name {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(names.get(name));
    }
}

fn station(mac: &Mac, out: &mut Vec<u8>) {
    if mac.negated {
        out.extend_from_slice(b"! ");
    }
    let octets = |octets: [u8; 6]| octets.map(|octet| format!("{octet:02x}")).join(":");
    out.extend(octets(mac.address).bytes());
    if mac.mask == [0xff; 6] {
        return;
    }
    // A mask counts the bits of an octet from the lowest.
    let bits: Vec<bool> = (0..48).map(|bit| mac.mask[bit / 8] >> (bit % 8) & 1 == 1).collect();
    let ones = bits.iter().take_while(|bit| **bit).count();
    if bits[ones..].iter().any(|bit| *bit) {
        out.extend(format!("&{}", octets(mac.mask)).bytes());
    } else {
        out.extend(format!("/{ones}").bytes());
    }
}
