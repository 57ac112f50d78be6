//! Names of services, protocols, users and groups: FreeBSD's own tables, the same on every machine.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Lines of `name port/protocol alias…`, as services(5) has them.
const SERVICES: &str = include_str!("services.txt");

/// A transport protocol that has its own service names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Transport {
    Tcp,
    Udp,
}

struct Services {
    ports: HashMap<Transport, HashMap<&'static str, u16>>,
    names: [Vec<&'static str>; 2],
}

fn services() -> &'static Services {
    static TABLE: OnceLock<Services> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Services { ports: HashMap::new(), names: [vec![""; 1 << 16], vec![""; 1 << 16]] };
        for line in SERVICES.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(name), Some(place)) = (words.next(), words.next()) else { continue };
            let Some((port, protocols)) = place.split_once('/') else { continue };
            let Ok(port) = port.parse::<u16>() else { continue };
            let transports = [("tcp", Transport::Tcp), ("udp", Transport::Udp)];
            let words: Vec<_> = words.collect();
            for (_, transport) in transports.iter().filter(|(word, _)| protocols.split('+').any(|own| own == *word)) {
                let known = &mut table.names[*transport as usize][usize::from(port)];
                if known.is_empty() {
                    *known = name;
                }
                for alias in std::iter::once(&name).chain(&words) {
                    table.ports.entry(*transport).or_default().entry(alias).or_insert(port);
                }
            }
        }
        table
    })
}

/// The port of a service: tcp's, else udp's.
pub(super) fn service_port(name: &str) -> Option<u16> {
    let ports = &services().ports;
    [Transport::Tcp, Transport::Udp].into_iter().find_map(|transport| ports.get(&transport)?.get(name).copied())
}

/// The name of a port.
pub(super) fn service_name(port: u16, transport: Transport) -> Option<&'static str> {
    Some(services().names[transport as usize][usize::from(port)]).filter(|name| !name.is_empty())
}

const PROTOCOLS: &[(&str, u8)] = &[
    ("ip", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("st2", 5),
    ("tcp", 6),
    ("cbt", 7),
    ("egp", 8),
    ("igp", 9),
    ("bbn-rcc", 10),
    ("nvp", 11),
    ("pup", 12),
    ("argus", 13),
    ("emcon", 14),
    ("xnet", 15),
    ("chaos", 16),
    ("udp", 17),
    ("mux", 18),
    ("dcn", 19),
    ("hmp", 20),
    ("prm", 21),
    ("xns-idp", 22),
    ("trunk-1", 23),
    ("trunk-2", 24),
    ("leaf-1", 25),
    ("leaf-2", 26),
    ("rdp", 27),
    ("irtp", 28),
    ("iso-tp4", 29),
    ("netblt", 30),
    ("mfe-nsp", 31),
    ("merit-inp", 32),
    ("dccp", 33),
    ("3pc", 34),
    ("idpr", 35),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("tp++", 39),
    ("il", 40),
    ("ipv6", 41),
    ("sdrp", 42),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("dsr", 48),
    ("bna", 49),
    ("esp", 50),
    ("ah", 51),
    ("i-nlsp", 52),
    ("swipe", 53),
    ("narp", 54),
    ("mobile", 55),
    ("tlsp", 56),
    ("skip", 57),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("cftp", 62),
    ("sat-expak", 64),
    ("kryptolan", 65),
    ("rvd", 66),
    ("ippc", 67),
    ("sat-mon", 69),
    ("visa", 70),
    ("ipcv", 71),
    ("cpnx", 72),
    ("cphb", 73),
    ("wsn", 74),
    ("pvp", 75),
    ("br-sat-mon", 76),
    ("sun-nd", 77),
    ("wb-mon", 78),
    ("wb-expak", 79),
    ("iso-ip", 80),
    ("vmtp", 81),
    ("secure-vmtp", 82),
    ("vines", 83),
    ("ttp", 84),
    ("nsfnet-igp", 85),
    ("dgp", 86),
    ("tcf", 87),
    ("eigrp", 88),
    ("ospf", 89),
    ("sprite-rpc", 90),
    ("larp", 91),
    ("mtp", 92),
    ("ax.25", 93),
    ("ipip", 94),
    ("micp", 95),
    ("scc-sp", 96),
    ("etherip", 97),
    ("encap", 98),
    ("gmtp", 100),
    ("ifmp", 101),
    ("pnni", 102),
    ("pim", 103),
    ("aris", 104),
    ("scps", 105),
    ("qnx", 106),
    ("a/n", 107),
    ("ipcomp", 108),
    ("snp", 109),
    ("compaq-peer", 110),
    ("ipx-in-ip", 111),
    ("carp", 112),
    ("pgm", 113),
    ("l2tp", 115),
    ("ddx", 116),
    ("iatp", 117),
    ("stp", 118),
    ("srp", 119),
    ("uti", 120),
    ("smp", 121),
    ("sm", 122),
    ("ptp", 123),
    ("isis", 124),
    ("fire", 125),
    ("crtp", 126),
    ("crudp", 127),
    ("sscopmce", 128),
    ("iplt", 129),
    ("sps", 130),
    ("pipe", 131),
    ("sctp", 132),
    ("fc", 133),
    ("rsvp-e2e-ignore", 134),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("shim6", 139),
    ("wesp", 140),
    ("rohc", 141),
    ("pfsync", 240),
];

/// Other names that protocols(5) has for a protocol.
const PROTOCOL_ALIASES: &[(&str, u8)] =
    &[("icmp6", 58), ("ipv6-icmp", 58), ("ip-encap", 4), ("ospfigp", 89), ("vrrp", 112)];

/// The number of a protocol, by its name in protocols(5) in any of the three ways that it is written there.
pub(super) fn protocol_number(name: &str) -> Option<u8> {
    let upper = |known: &str| known.to_ascii_uppercase() == name;
    let all = || PROTOCOLS.iter().chain(PROTOCOL_ALIASES);
    let exact = all().find(|known| known.0 == name);
    exact.or_else(|| all().find(|known| upper(known.0))).map(|known| known.1)
}

/// The name of a protocol.
pub(super) fn protocol_name(number: u8) -> Option<&'static str> {
    PROTOCOLS.iter().find(|known| known.1 == number).map(|known| known.0)
}

const USERS: &[(&str, u32)] = &[
    ("root", 0),
    ("toor", 0),
    ("daemon", 1),
    ("operator", 2),
    ("bin", 3),
    ("tty", 4),
    ("kmem", 5),
    ("games", 7),
    ("news", 8),
    ("man", 9),
    ("sshd", 22),
    ("smmsp", 25),
    ("mailnull", 26),
    ("bind", 53),
    ("unbound", 59),
    ("proxy", 62),
    ("_pflogd", 64),
    ("_dhcp", 65),
    ("uucp", 66),
    ("pop", 68),
    ("auditdistd", 78),
    ("www", 80),
    ("ntpd", 123),
    ("_ypldap", 160),
    ("hast", 845),
    ("tests", 977),
    ("nobody", 65534),
];

const GROUPS: &[(&str, u32)] = &[
    ("wheel", 0),
    ("daemon", 1),
    ("kmem", 2),
    ("sys", 3),
    ("tty", 4),
    ("operator", 5),
    ("mail", 6),
    ("bin", 7),
    ("news", 8),
    ("man", 9),
    ("games", 13),
    ("ftp", 14),
    ("staff", 20),
    ("sshd", 22),
    ("smmsp", 25),
    ("mailnull", 26),
    ("guest", 31),
    ("video", 44),
    ("realtime", 47),
    ("idletime", 48),
    ("bind", 53),
    ("unbound", 59),
    ("proxy", 62),
    ("authpf", 63),
    ("_pflogd", 64),
    ("_dhcp", 65),
    ("uucp", 66),
    ("dialer", 68),
    ("network", 69),
    ("audit", 77),
    ("www", 80),
    ("u2f", 116),
    ("ntpd", 123),
    ("_ypldap", 160),
    ("hast", 845),
    ("tests", 977),
    ("nogroup", 65533),
    ("nobody", 65534),
];

/// The id of a user of FreeBSD's own passwd(5).
pub(super) fn user_id(name: &[u8]) -> Option<u32> {
    USERS.iter().find(|known| known.0.as_bytes() == name).map(|known| known.1)
}

/// The id of a group of FreeBSD's own group(5).
pub(super) fn group_id(name: &[u8]) -> Option<u32> {
    GROUPS.iter().find(|known| known.0.as_bytes() == name).map(|known| known.1)
}
