//! From the TOML file to a [`Stack`].

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use toml_edit::{Document, Item, Value};

use super::check;
use super::keys::{Findings, Keys, Spanned, span_of};
use super::places::{JailPlaces, MountPlaces, Places, SharedMountPlaces, SharedPlaces};
use super::{
    Access, Base, BaseExpectation, Host, Jail, JailParam, Loopback, Mount, Owner, Proto, Publish, Ready, ReadyWhen,
    Shared, SharedMount, Stack,
};
use crate::base::Sha256;
use crate::jailparam::no_form;
use crate::source::{Diagnostic, Diagnostics, Source, Span};

/// Reads a stack file; relative paths in it start at the folder that [`Source::name`] is in.
///
/// Returns the stack and the warnings that stand beside it.
///
/// # Errors
/// All findings at once: TOML that cannot be read, keys that are unknown, missing or of a wrong type, and what no host
/// could run: an address outside the network or given twice, a port published twice, a mount point outside its jail.
pub fn read(source: &Source) -> Result<(Stack, Vec<Diagnostic>), Diagnostics> {
    let Ok(text) = std::str::from_utf8(source.text()) else {
        let at = source.text().utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        return Err(Diagnostic::error(source, Span::at(at), "a stack file is UTF-8 text, and this byte is not").into());
    };
    let document = Document::parse(text)
        .map_err(|error| Diagnostic::error(source, span_of(error.span()), error.message().replace('\n', "; ")))?;
    let findings = Findings::new(source);
    let reader = Reader { findings: &findings, dir: source.name().parent().unwrap_or(Path::new("")) };
    let read = reader.file(Keys::of_file(&findings, document.as_table()));
    if let Some(stack) = &read {
        check::stack(stack, &stack.places, &findings);
    }
    let warnings = Diagnostics::check(findings.into_vec())?;
    let stack = read.ok_or_else(|| Diagnostic::error(source, Span::at(0), "not a whole stack file"))?;
    Ok((stack, warnings))
}

/// Reads what a stack file says; `None` where a part that nothing can stand in for is missing, which has been said.
struct Reader<'a> {
    findings: &'a Findings,
    dir: &'a Path,
}

impl Reader<'_> {
    fn file(&self, keys: Keys<'_>) -> Option<Stack> {
        let name = keys.string("name").map(|name| name.value.to_owned());
        let mut places = Places { source: Some(self.findings.source.clone()), ..Places::default() };
        let host = self.host(&keys, &mut places);
        let base = self.base(&keys, &mut places);
        let defaults = keys.table("defaults").map_or_else(Vec::new, |table| self.params(&table));
        let mut jails = Vec::new();
        for (name, table) in keys.named_tables("jails") {
            let (jail, place) = self.jail(name, table);
            jails.push(jail);
            places.jails.push(place);
        }
        if jails.is_empty() {
            keys.missing("jails", "a table [jails.NAME] for each jail");
        }
        let mut shared = Vec::new();
        for table in keys.tables("shared") {
            let (directory, place) = self.shared(table);
            shared.extend(directory);
            places.shared.push(place);
        }
        keys.finish();
        let (host, base) = (host?, base?);
        let jails = assign_addresses(jails, &places, host.loopback.network, self.findings);
        let name = name.unwrap_or_else(|| self.folder_name());
        Some(Stack { name, host, base, defaults: with_standard(defaults), jails, shared, places })
    }

    fn folder_name(&self) -> String {
        let dir = std::path::absolute(self.dir).unwrap_or_default();
        dir.file_name().map_or_else(|| "stack".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    fn host(&self, file: &Keys<'_>, places: &mut Places) -> Option<Host> {
        let Some(keys) = file.table("host") else {
            file.missing("host", "a table [host]");
            return None;
        };
        places.jail_root = keys.span_of("jail_root");
        places.log_root = keys.span_of("log_root");
        places.interface = keys.span_of("interface");
        places.ports = keys.span_of("ports");
        let interface = self.interface(&keys, "interface");
        if interface.is_none() {
            keys.missing("interface", "\"igb0\"");
        }
        let address = keys.parsed("address", "an IPv4 address such as \"203.0.113.10\"").map(|found| found.value);
        if address.is_none() {
            keys.missing("address", "\"203.0.113.10\"");
        }
        let path = |key, default: &str| self.host_path(&keys, key).unwrap_or_else(|| default.into());
        let jail_root = path("jail_root", "/srv/jail");
        let log_root = path("log_root", "/var/log/jail");
        let ports = match keys.value("ports").map(|found| found.value.as_bool()) {
            Some(Some(false)) => None,
            Some(Some(true)) | None => Some(PathBuf::from("/usr/ports")),
            Some(None) => self.host_path(&keys, "ports"),
        };
        let loopback = self.loopback(&keys);
        keys.finish();
        Some(Host { interface: interface?, address: address?, jail_root, log_root, loopback: loopback?, ports })
    }

    fn loopback(&self, host: &Keys<'_>) -> Option<Loopback> {
        let Some(keys) = host.table("loopback") else {
            host.missing("loopback", "{ interface = \"lo1\", network = \"10.0.0.0/24\" }");
            return None;
        };
        let interface = self.interface(&keys, "interface").unwrap_or_else(|| "lo1".to_owned());
        let network: Option<Spanned<Ipv4Net>> = keys.parsed("network", "an IPv4 network such as \"10.0.0.0/24\"");
        match &network {
            None => keys.missing("network", "\"10.0.0.0/24\""),
            Some(found) if found.value != found.value.trunc() => {
                let message = format!("'{}' has host bits set; the network is {}", found.value, found.value.trunc());
                self.findings.error(found.span, message);
            }
            Some(_) => {}
        }
        let isolate = keys.bool("isolate").unwrap_or(true);
        keys.finish();
        Some(Loopback { interface, network: network?.value, isolate })
    }

    /// A name ifconfig(8) takes: letters, then a number, at most 15 characters.
    fn interface(&self, keys: &Keys<'_>, key: &'static str) -> Option<String> {
        let Spanned { value, span } = keys.string(key)?;
        let word = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !word || value.len() > 15 || !value.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.findings.error(span, format!("'{value}' is no name of an interface"));
        }
        Some(value.to_owned())
    }

    /// An absolute path of the host without `..`.
    fn host_path(&self, keys: &Keys<'_>, key: &'static str) -> Option<PathBuf> {
        let found = keys.string(key)?;
        check::absolute(found.value, found.span, "a path of the host", self.findings);
        Some(found.value.into())
    }

    fn base(&self, file: &Keys<'_>, places: &mut Places) -> Option<Base> {
        let Some(keys) = file.table("base") else {
            file.missing("base", "a table [base]");
            return None;
        };
        places.archive = keys.span_of("archive");
        let beside = |found: Spanned<&str>| self.dir.join(found.value);
        let archive = keys.string("archive").map(beside);
        if archive.is_none() {
            keys.missing("archive", "\"base.txz\"");
        }
        let manifest = keys.string("manifest").map(beside);
        let sha256: Option<Spanned<Sha256>> = keys.parsed("sha256", "64 hexadecimal digits");
        places.voucher = keys.span_of(if manifest.is_some() { "manifest" } else { "sha256" });
        let expect = match (manifest, sha256) {
            (Some(manifest), None) => Some(BaseExpectation::Manifest(manifest)),
            (None, Some(sha256)) => Some(BaseExpectation::Sha256(sha256.value)),
            (Some(_), Some(sha256)) => {
                self.findings.error(sha256.span, "'base.sha256' and 'base.manifest' say the same thing: leave one out");
                None
            }
            (None, None) => {
                keys.missing("manifest", "\"MANIFEST\", or sha256 = \"...\"");
                None
            }
        };
        keys.finish();
        Some(Base { archive: archive?, expect: expect? })
    }

    fn jail(&self, name: Spanned<String>, keys: Keys<'_>) -> (DeclaredJail, JailPlaces) {
        let address: Option<Spanned<Ipv4Addr>> = keys.parsed("address", "an IPv4 address");
        let hostname = keys.string("hostname").map_or_else(|| name.value.clone(), |found| found.value.to_owned());
        let depends = keys.strings("depends");
        let mut places = JailPlaces {
            name: name.span,
            address: address.as_ref().map_or(name.span, |found| found.span),
            depends: depends.iter().map(|found| found.span).collect(),
            ..JailPlaces::default()
        };
        let ready = keys.table("ready").and_then(|table| self.ready(table));
        let mut publish = Vec::new();
        for table in keys.tables("publish") {
            let (entry, ports) = self.publish(table);
            publish.push(entry);
            places.publish.push(ports);
        }
        let mut mounts = Vec::new();
        for table in keys.tables("mounts") {
            if let Some((mount, place)) = self.mount(table) {
                mounts.push(mount);
                places.mounts.push(place);
            }
        }
        let params = keys.table("params").map_or_else(Vec::new, |table| self.params(&table));
        keys.finish();
        let depends = depends.into_iter().map(|found| found.value.to_owned()).collect();
        let address = address.map(|found| found.value);
        (DeclaredJail { name: name.value, address, hostname, depends, ready, publish, mounts, params }, places)
    }

    /// One of `socket`, `tcp` and `command`, and how long that may take.
    fn ready(&self, keys: Keys<'_>) -> Option<Ready> {
        let span = keys.span();
        let socket = keys.string("socket");
        if let Some(socket) = socket {
            check::absolute(socket.value, socket.span, "a path of the jail", self.findings);
        }
        let tcp = keys.port("tcp");
        let command = keys.string("command");
        let has = ["socket", "tcp", "command"].into_iter().filter(|key| keys.has(key)).count();
        if has != 1 {
            let found = Diagnostic::error(&self.findings.source, span, "'ready' names one thing to wait for");
            self.findings.push(found.with_help("socket = \"/path\", tcp = PORT, or command = \"...\""));
        }
        let patience = keys.seconds("timeout").unwrap_or(Ready::PATIENCE);
        keys.finish();
        let when = match (socket, tcp, command) {
            (Some(socket), ..) => ReadyWhen::Socket(socket.value.into()),
            (_, Some(port), _) => ReadyWhen::Tcp(port.value),
            (.., Some(command)) => ReadyWhen::Command(command.value.to_owned()),
            _ => return None,
        };
        Some(Ready { when, patience })
    }

    fn publish(&self, keys: Keys<'_>) -> (Publish, Vec<Span>) {
        let proto = match keys.string("proto") {
            None => Proto::Tcp,
            Some(found) if found.value == "tcp" => Proto::Tcp,
            Some(found) if found.value == "udp" => Proto::Udp,
            Some(found) => {
                self.findings.error(found.span, format!("'proto' is 'tcp' or 'udp', not '{}'", found.value));
                Proto::Tcp
            }
        };
        let mut ports = keys.ports("ports");
        ports.extend(keys.port("port"));
        if ports.is_empty() && !keys.has("ports") && !keys.has("port") {
            keys.missing("ports", "[80, 443]");
        } else if ports.is_empty() {
            self.findings.error(keys.span_of("ports"), "at least one port is published");
        }
        let to = keys.port("to");
        if let Some(to) = to
            && ports.len() > 1
        {
            self.findings.error(to.span, "'to' goes with a single port; publish the ports one by one");
        }
        let from = keys.string("from").filter(|from| from.value != "any").and_then(|from| self.network(from));
        let name = keys.string("name").map(|found| {
            if !found.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                self.findings.error(found.span, "'name' becomes a pf macro: letters, digits and '_' only");
            }
            found.value.to_owned()
        });
        keys.finish();
        let places = ports.iter().map(|port| port.span).collect();
        let ports = ports.into_iter().map(|port| port.value).collect();
        (Publish { proto, ports, to: to.map(|to| to.value), from, name }, places)
    }

    /// An address as a network of one, or a network.
    fn network(&self, found: Spanned<&str>) -> Option<Ipv4Net> {
        let address = found.value.parse::<Ipv4Addr>().map(Ipv4Net::from).or_else(|_| found.value.parse());
        if address.is_err() {
            self.findings.error(found.span, "'from' must be an IPv4 address or network, or \"any\"");
        }
        address.ok()
    }

    fn mount(&self, keys: Keys<'_>) -> Option<(Mount, MountPlaces)> {
        let source_at = keys.span_of("source");
        let source = keys.string("source").map(|found| found.value.to_owned());
        let at = keys.string("at");
        let fstype = keys.string("type").map_or("nullfs", |found| found.value).to_owned();
        let access = self.access(&keys).unwrap_or(Access::Ro);
        let options = keys.strings("options").into_iter().map(|found| found.value.to_owned()).collect();
        if source.is_none() {
            keys.missing("source", "\"/usr/local/www\"");
        }
        if at.is_none() {
            keys.missing("at", "\"/usr/local/www\"");
        }
        keys.finish();
        let at = at?;
        Some((
            Mount { source: source?, at: at.value.into(), fstype, access, options },
            MountPlaces { source: source_at, at: at.span },
        ))
    }

    fn access(&self, keys: &Keys<'_>) -> Option<Access> {
        let found = keys.string("access")?;
        match found.value {
            "ro" => return Some(Access::Ro),
            "rw" => return Some(Access::Rw),
            other => self.findings.error(found.span, format!("'access' is 'ro' or 'rw', not '{other}'")),
        }
        None
    }

    fn shared(&self, keys: Keys<'_>) -> (Option<Shared>, SharedPlaces) {
        let path = self.host_path(&keys, "path");
        if path.is_none() {
            keys.missing("path", "\"/srv/share/mysql\"");
        }
        let owner = keys.parsed("owner", "a numeric \"uid:gid\"").map_or(Owner::ROOT, |found| found.value);
        let mut places = SharedPlaces { path: keys.span_of("path"), ..SharedPlaces::default() };
        let mut mounts = Vec::new();
        for (jail, table) in keys.named_tables("mounts") {
            let at = table.string("at");
            let access = self.access(&table);
            if at.is_none() {
                table.missing("at", "\"/var/run/mysql\"");
            }
            if access.is_none() {
                table.missing("access", "\"ro\"");
            }
            table.finish();
            if let (Some(at), Some(access)) = (at, access) {
                places.mounts.push(SharedMountPlaces { jail: jail.span, at: at.span });
                mounts.push(SharedMount { jail: jail.value, at: at.value.into(), access });
            }
        }
        keys.finish();
        (path.map(|path| Shared { path, owner, mounts }), places)
    }

    fn params(&self, table: &Keys<'_>) -> Vec<JailParam> {
        let read = |(key, item): (Spanned<&str>, &Item)| self.param(key, item);
        table.entries().into_iter().filter_map(read).collect()
    }

    fn param(&self, key: Spanned<&str>, item: &Item) -> Option<JailParam> {
        if let Some((_, own)) = OWN_PARAMS.iter().find(|(param, _)| *param == key.value) {
            self.findings.error(key.span, format!("'{}' cannot be set by hand: say it with {own}", key.value));
        }
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.value().clone()),
            Value::Integer(number) => Some(number.value().to_string()),
            _ => None,
        };
        let name = key.value.to_owned();
        let param = match item.as_value() {
            Some(Value::Boolean(set)) if *set.value() => Some(JailParam { name, values: Vec::new() }),
            Some(Value::Boolean(_)) => Some(JailParam { name: no_form(&name), values: Vec::new() }),
            Some(Value::Array(list)) => {
                list.iter().map(text).collect::<Option<_>>().map(|values| JailParam { name, values })
            }
            Some(value) => text(value).map(|value| JailParam { name, values: vec![value] }),
            None => None,
        };
        if param.is_none() {
            let message = format!("'{}' must be a string, a number, true or false, or an array of those", key.value);
            let help = format!("write a name with dots in quotes: \"{}.start\" = ...", key.value);
            self.findings.push(Diagnostic::error(&self.findings.source, key.span, message).with_help(help));
        }
        param
    }
}

/// Parameters that the stack sets itself, and what says them.
const OWN_PARAMS: [(&str, &str); 9] = [
    ("path", "'host.jail_root'"),
    ("mount.fstab", "'mounts'"),
    ("mount", "'mounts'"),
    ("ip4.addr", "'address'"),
    ("host.hostname", "'hostname'"),
    ("depend", "'depends'"),
    ("name", "the jail's own name"),
    ("jid", "nothing: the kernel numbers jails"),
    ("vnet", "nothing: a stack's jails have their addresses on the host's loopback interface"),
];

/// A jail whose address may still be open.
struct DeclaredJail {
    name: String,
    address: Option<Ipv4Addr>,
    hostname: String,
    depends: Vec<String>,
    ready: Option<Ready>,
    publish: Vec<Publish>,
    mounts: Vec<Mount>,
    params: Vec<JailParam>,
}

/// Gives each jail without an address the first of the network that no jail declares, in the file's order.
fn assign_addresses(declared: Vec<DeclaredJail>, places: &Places, network: Ipv4Net, findings: &Findings) -> Vec<Jail> {
    let taken: HashSet<_> = declared.iter().filter_map(|jail| jail.address).collect();
    let mut free = network.hosts().filter(|address| !taken.contains(address));
    let assign = |(jail, place): (DeclaredJail, &JailPlaces)| {
        let DeclaredJail { name, address, hostname, depends, ready, publish, mounts, params } = jail;
        let Some(address) = address.or_else(|| free.next()) else {
            findings.error(place.name, format!("no address of {network} is left for jail '{name}'"));
            return None;
        };
        Some(Jail { name, address, hostname, depends, ready, publish, mounts, params })
    };
    declared.into_iter().zip(&places.jails).filter_map(assign).collect()
}

/// The declared defaults, behind the standard ones that they do not replace.
fn with_standard(declared: Vec<JailParam>) -> Vec<JailParam> {
    let is_declared = |name: &str| declared.iter().any(|param| param.name == name || param.name == no_form(name));
    let standard = Stack::STANDARD_DEFAULTS.iter().filter(|(name, _)| !is_declared(name));
    let standard = standard.map(|&(name, value)| JailParam {
        name: name.to_owned(),
        values: value.into_iter().map(str::to_owned).collect(),
    });
    standard.chain(declared.iter().cloned()).collect()
}
