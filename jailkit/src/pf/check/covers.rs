//! Whether one rule matches every packet that another does. A yes is certain; a no is not.

use super::super::rule::{Address, Compare, Endpoint, Operator, Rule, Ruleset};

const TCP: u8 = 6;

/// Whether `wide` matches every packet that `narrow` matches, both of one ruleset.
pub(super) fn covers(set: &Ruleset, wide: &Rule, narrow: &Rule) -> bool {
    let (of_wide, of_narrow) = (set.spec(wide), set.spec(narrow));
    let interface = wide.interface.is_none()
        || (wide.interface, wide.interface_negated) == (narrow.interface, narrow.interface_negated);
    interface
        && is_plain(set, wide)
        && (of_wide.direction.is_none() || of_wide.direction == of_narrow.direction)
        && (wide.family.is_none() || wide.family == narrow.family)
        && (wide.protocol == 0 || wide.protocol == narrow.protocol)
        && (of_wide.tos == 0 || of_wide.tos == of_narrow.tos)
        && (wide.icmp_type.is_none() || wide.icmp_type == narrow.icmp_type)
        && (wide.icmp_code.is_none() || wide.icmp_code == narrow.icmp_code)
        && flags(wide, narrow)
        && side(&wide.source, &narrow.source)
        && side(&wide.destination, &narrow.destination)
}

/// Whether all that a rule compares is in the packet itself, and the same each time.
fn is_plain(set: &Ruleset, rule: &Rule) -> bool {
    let spec = set.spec(rule);
    rule.os.is_none()
        && !rule.user.is_some()
        && !rule.group.is_some()
        && spec.received_on.is_none()
        && spec.packet_rate.is_none()
        && spec.packet_size == 0
        && spec.probability == 0
        && spec.prio.is_none()
        && spec.tagged.is_none()
        && !spec.fragment
        && !spec.once
}

/// Flags are of tcp alone: a rule that compares them matches packets of other protocols whatever they are.
fn flags(wide: &Rule, narrow: &Rule) -> bool {
    let ((set, mask), (own_set, own_mask)) = (wide.flags, narrow.flags);
    let tcp = narrow.protocol == 0 || narrow.protocol == TCP;
    !tcp || mask & !own_mask == 0 && own_set & mask == set
}

fn side(wide: &Endpoint, narrow: &Endpoint) -> bool {
    ports(&wide.port, &narrow.port) && addresses(wide, narrow)
}

fn addresses(wide: &Endpoint, narrow: &Endpoint) -> bool {
    if (wide.address, wide.negated) == (narrow.address, narrow.negated) {
        return !matches!(wide.address, Address::NoRoute | Address::UrpfFailed);
    }
    match (wide.address, narrow.address) {
        (Address::Any, _) => !wide.negated,
        (Address::Network(wide_net), Address::Network(net)) if !wide.negated && !narrow.negated => {
            wide_net.bits() <= net.bits() && wide_net.contains(net.address())
        }
        _ => false,
    }
}

/// Whether every port that passes `narrow` passes `wide`.
pub(super) fn ports(wide: &Compare<u16>, narrow: &Compare<u16>) -> bool {
    if wide == narrow || !wide.is_some() {
        return true;
    }
    let of_wide = ranges(wide);
    narrow.is_some()
        && ranges(narrow).iter().all(|&(first, last)| of_wide.iter().any(|wide| wide.0 <= first && last <= wide.1))
}

/// The ports that pass a comparison, as ranges in ascending order.
pub(super) fn ranges(compare: &Compare<u16>) -> Vec<(u16, u16)> {
    const MAX: u16 = u16::MAX;
    let (first, second) = (compare.first, compare.second);
    let up = |port: u16| port.checked_add(1).map(|from| (from, MAX));
    let down = |port: u16| port.checked_sub(1).map(|to| (0, to));
    let found = match compare.operator {
        Operator::None => [Some((0, MAX)), None],
        Operator::Equal => [Some((first, first)), None],
        Operator::NotEqual => [down(first), up(first)],
        Operator::Less => [down(first), None],
        Operator::LessEqual => [Some((0, first)), None],
        Operator::Greater => [up(first), None],
        Operator::GreaterEqual => [Some((first, MAX)), None],
        Operator::Range => [Some((first, second)), None],
        Operator::Outside => [down(first), up(second)],
        Operator::Inside => [first.checked_add(1).zip(second.checked_sub(1)), None],
    };
    found.into_iter().flatten().filter(|(first, last)| first <= last).collect()
}
