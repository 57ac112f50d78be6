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

/// Lines of `name number alias…`, as protocols(5) has them.
const PROTOCOLS: &str = include_str!("protocols.txt");

struct Protocols {
    numbers: HashMap<&'static str, u8>,
    names: [&'static str; 256],
}

fn protocols() -> &'static Protocols {
    static TABLE: OnceLock<Protocols> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Protocols { numbers: HashMap::new(), names: [""; 256] };
        for line in PROTOCOLS.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(name), Some(number)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u8>() else { continue };
            table.names[usize::from(number)] = name;
            for alias in std::iter::once(name).chain(words) {
                table.numbers.entry(alias).or_insert(number);
            }
        }
        table
    })
}

/// The number of a protocol, by its name in protocols(5) or another that is written there.
pub(super) fn protocol_number(name: &str) -> Option<u8> {
    protocols().numbers.get(name).copied()
}

/// The name of a protocol.
pub(super) fn protocol_name(number: u8) -> Option<&'static str> {
    Some(protocols().names[usize::from(number)]).filter(|name| !name.is_empty())
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
