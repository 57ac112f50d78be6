//! The jails that run, as jls(8) shows them.

use std::collections::HashMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use bstr::{BStr, BString, ByteSlice};

use super::modules;
use crate::host::Host;
use crate::jailparam::{self, Change, no_form, plain_form};
use crate::kernel::{self, GetFlags, JailKey, Jid, KernelError, ParamKind, ParamType, Value};
use crate::source::printable;

/// Which jails are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// This one only, by name or number (`jls -j`).
    pub jail: Option<BString>,
    /// Dying ones too (`jls -d`).
    pub dying: bool,
}

/// How they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// A line with the parameters' names first (`jls -h`).
    pub header: bool,
    /// `name=value` (`jls -n`).
    pub name_value: bool,
    /// Values with blanks or quotes in quotes (`jls -q`).
    pub quoted: bool,
    /// Only what jail(8) would take, as it would take it (`jls -s`).
    pub settable: bool,
    /// Several lines a jail (`jls -v`).
    pub verbose: bool,
    /// Names instead of numbers in the table (`jls -N`).
    pub names: bool,
    /// The parameters to show; `all` for all. None for the table.
    pub params: Vec<String>,
}

/// Jails cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A parameter that the kernel does not know.
    #[error("unknown parameter: {0}; 'jailkit ls -h' shows those there are")]
    Unknown(String),
    /// No jail of that name or number.
    #[error("jail {} not found", named(.0))]
    NoJail(BString),
    /// A jail of that name or number that is dying.
    #[error("jail {} is dying; -d shows it", named(.0))]
    Dying(BString),
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// What the kernel calls a jail that it was asked for: a number as it is, a name in quotes.
fn named(jail: &[u8]) -> String {
    match jail.to_str().ok().and_then(|text| text.parse::<i32>().ok()) {
        Some(number) if number != 0 => number.to_string(),
        _ => format!("\"{}\"", printable(jail)),
    }
}

/// Whether a parameter tells and cannot be set (no `CTLFLAG_WR` or `CTLFLAG_TUN` in `security.jail.param`).
fn is_read_only(name: &str) -> bool {
    jailparam::find(name.as_bytes()).is_some_and(|found| found.def.change == Change::Never)
}

/// What the tables and the JSON document are made of.
const SUMMARY: &[&str] =
    &["jid", "name", "host.hostname", "path", "dying", "cpuset.id", "ip4.addr", "ip6.addr", "parent", "children.cur"];

/// A parameter to be shown.
#[derive(Clone, Debug)]
struct Column {
    name: String,
    kind: ParamKind,
    /// It is the `no` form of a boolean.
    is_no: bool,
    /// Where among the columns the parameter stands that decides whether this one means anything: `ip4` of `ip4.addr`.
    parent: Option<usize>,
    is_shown: bool,
}

/// The jails that run, with what is shown of them.
#[derive(Clone, Debug)]
pub struct List {
    columns: Vec<Column>,
    format: Format,
    rows: Vec<Vec<Value>>,
}

impl List {
    /// Prepares a list; it is empty until [`List::read`].
    ///
    /// # Errors
    /// [`ListError::Unknown`] for a parameter that the kernel does not know.
    pub fn new(host: &dyn Host, format: Format) -> Result<Self, ListError> {
        let mut known = host.kernel().jail_params()?;
        for name in &format.params {
            if known.iter().all(|param| param.name != *name) && modules::load_for(host.kernel(), name) {
                known = host.kernel().jail_params()?;
            }
        }
        let mut columns = Columns::new(&known);
        let is_table = format.params.is_empty() && !format.header && !format.name_value && !format.settable;
        if is_table {
            SUMMARY.iter().for_each(|name| columns.add_known(name, true));
        } else if format.params.is_empty() {
            columns.add_all();
        } else {
            for name in &format.params {
                if name == "all" { columns.add_all() } else { columns.add(name)? }
            }
        }
        if format.settable {
            columns.add_parents();
        }
        Ok(Self { columns: columns.list, format, rows: Vec::new() })
    }

    /// Reads the jails.
    ///
    /// # Errors
    /// [`ListError::NoJail`] where the one selected is not there.
    pub fn read(&mut self, host: &dyn Host, selection: &Selection) -> Result<(), ListError> {
        let wanted: Vec<_> =
            self.columns.iter().map(|column| ParamType::new(column.name.as_str(), column.kind)).collect();
        let flags = GetFlags { dying: selection.dying };
        self.rows.clear();
        if let Some(jail) = &selection.jail {
            let key = JailKey::new(jail).map_err(|_| ListError::NoJail(jail.clone()))?;
            let found = match kernel::find_jail(host.kernel(), &key, flags)? {
                Some(jid) => kernel::read_jail(host.kernel(), jid, &wanted, flags)?,
                None => None,
            };
            if found.is_none() && kernel::find_jail(host.kernel(), &key, GetFlags { dying: true })?.is_some() {
                return Err(ListError::Dying(jail.clone()));
            }
            self.rows.push(found.ok_or_else(|| ListError::NoJail(jail.clone()))?);
            return Ok(());
        }
        let mut last = Jid::HOST;
        while let Some((jid, values)) = kernel::next_jail(host.kernel(), last, &wanted, flags)? {
            self.rows.push(values);
            last = jid;
        }
        Ok(())
    }

    fn is_table(&self) -> bool {
        let format = &self.format;
        format.params.is_empty() && !format.header && !format.name_value && !format.settable
    }

    /// The lines above the jails, each with its newline.
    pub fn header(&self) -> String {
        match &self.format {
            format if format.verbose && self.is_table() => concat!(
                "   JID  Hostname                      Path\n",
                "        Name                          State\n",
                "        CPUSetID\n",
                "        IP Address(es)\n"
            )
            .to_owned(),
            format if self.is_table() && format.names => {
                " JID             IP Address      Hostname                      Path\n".to_owned()
            }
            _ if self.is_table() => "   JID  IP Address      Hostname                      Path\n".to_owned(),
            format if format.header => {
                let names: Vec<_> = self.shown().map(|(_, column)| column.name.as_str()).collect();
                names.join(" ") + "\n"
            }
            _ => String::new(),
        }
    }

    /// The jails, each with its newline.
    pub fn body(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            match (self.is_table(), self.format.verbose) {
                (true, true) => self.verbose_lines(row, &mut text),
                (true, false) => self.table_line(row, &mut text),
                _ => self.param_line(row, &mut text),
            }
        }
        text
    }

    /// The jails for programs that take bytes: the parameters that were asked for, as libjail writes them, of each.
    pub fn rows(&self) -> impl Iterator<Item = Vec<BString>> {
        let cell = |row: &Vec<Value>, (at, column): (usize, &Column)| match &row[at] {
            Value::String(text) => text.clone().into(),
            value => exported(value, column.kind).into(),
        };
        self.rows.iter().map(move |row| self.shown().map(|shown| cell(row, shown)).collect())
    }

    /// The jails for programs: an object each, with the parameters under their names.
    pub fn json(&self) -> serde_json::Value {
        let object = |row: &Vec<Value>| {
            let members = self.shown().map(|(at, column)| (column.name.clone(), json_value(&row[at], column.kind)));
            serde_json::Value::Object(members.collect())
        };
        self.rows.iter().map(object).collect()
    }

    fn shown(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_shown)
    }

    fn text(&self, row: &[Value], name: &str) -> String {
        let at = self.columns.iter().position(|column| column.name == name);
        at.map_or_else(String::new, |at| exported(&row[at], self.columns[at].kind))
    }

    fn table_line(&self, row: &[Value], text: &mut String) {
        let first = self.text(row, "ip4.addr");
        let first = first.split(',').next().unwrap_or_default();
        let (hostname, path) = (self.text(row, "host.hostname"), self.text(row, "path"));
        let written = if self.format.names {
            write!(text, " {:<15} ", self.text(row, "name"))
        } else {
            write!(text, "{:>6}  ", self.text(row, "jid"))
        };
        // Writing to a string cannot fail.
        written.and_then(|()| writeln!(text, "{first:<15.15} {hostname:<29.29} {path:.74}")).unwrap_or_default();
    }

    fn verbose_lines(&self, row: &[Value], text: &mut String) {
        let get = |name| self.text(row, name);
        let state = if get("dying") == "true" { "DYING" } else { "ACTIVE" };
        let mut lines = vec![
            format!("{:>6}  {:<29.29} {:.74}", get("jid"), get("host.hostname"), get("path")),
            format!("        {:<29.29} {state}", get("name")),
            format!("        {}", get("cpuset.id")),
        ];
        for list in [get("ip4.addr"), get("ip6.addr")] {
            lines.extend(
                list.split(',').filter(|address| !address.is_empty()).map(|address| format!("        {address}")),
            );
        }
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
    }

    fn param_line(&self, row: &[Value], text: &mut String) {
        let mut words = Vec::new();
        for (at, column) in self.shown() {
            let is_new = |parent: usize| row[parent] == Value::Int(1);
            let is_settable = !is_read_only(&column.name) && column.parent.is_none_or(is_new);
            if self.format.settable && !is_settable {
                continue;
            }
            words.push(self.word(column, &row[at]));
        }
        text.push_str(&words.join(" "));
        text.push('\n');
    }

    fn word(&self, column: &Column, value: &Value) -> String {
        let (quoted, name_value) =
            (self.format.quoted || self.format.settable, self.format.name_value || self.format.settable);
        if name_value && column.kind == ParamKind::Bool {
            return match (*value == Value::Int(0), column.is_no) {
                (false, _) => column.name.clone(),
                (true, false) => no_form(&column.name),
                (true, true) => plain_form(&column.name).unwrap_or_else(|| column.name.clone()),
            };
        }
        let exported = exported(value, column.kind);
        let is_list = matches!(column.kind, ParamKind::Ipv4 | ParamKind::Ipv6 | ParamKind::Raw(_));
        let shown = match exported.is_empty() {
            true if is_list && !quoted => {
                if name_value {
                    String::new()
                } else {
                    "-".to_owned()
                }
            }
            true => "\"\"".to_owned(),
            false if quoted => in_quotes(&exported),
            false => exported,
        };
        if name_value { format!("{}={shown}", column.name) } else { shown }
    }
}

/// The columns while they are put together.
struct Columns<'a> {
    known: &'a [ParamType],
    kinds: HashMap<&'a str, ParamKind>,
    list: Vec<Column>,
}

impl<'a> Columns<'a> {
    fn new(known: &'a [ParamType]) -> Self {
        let kinds = known.iter().map(|param| (param.name.as_str(), param.kind)).collect();
        Self { known, kinds, list: Vec::new() }
    }

    /// Every parameter, those of the top level first.
    fn add_all(&mut self) {
        let mut names: Vec<&str> = self.known.iter().map(|param| param.name.as_str()).collect();
        names.sort_by_key(|name| (name.contains('.'), *name));
        names.into_iter().for_each(|name| self.add_known(name, true));
    }

    fn add_known(&mut self, name: &str, is_shown: bool) {
        if let Some(&kind) = self.kinds.get(name) {
            self.push(Column { name: name.to_owned(), kind, is_no: false, parent: None, is_shown });
        }
    }

    fn add(&mut self, name: &str) -> Result<(), ListError> {
        if self.kinds.contains_key(name) {
            self.add_known(name, true);
            return Ok(());
        }
        if plain_form(name).and_then(|plain| self.kinds.get(plain.as_str())) != Some(&ParamKind::Bool) {
            return Err(ListError::Unknown(printable(name.as_bytes())));
        }
        self.push(Column { name: name.to_owned(), kind: ParamKind::Bool, is_no: true, parent: None, is_shown: true });
        Ok(())
    }

    /// Where the column of a name is; it is added where there is none.
    fn push(&mut self, column: Column) -> usize {
        match self.list.iter().position(|known| known.name == column.name) {
            Some(at) => {
                self.list[at].is_shown |= column.is_shown;
                at
            }
            None => {
                self.list.push(column);
                self.list.len() - 1
            }
        }
    }

    fn add_parents(&mut self) {
        for at in 0..self.list.len() {
            let Some((parent, _)) = self.list[at].name.split_once('.') else { continue };
            let parent = parent.to_owned();
            if let Some(&kind) = self.kinds.get(parent.as_str()) {
                let column = Column { name: parent, kind, is_no: false, parent: None, is_shown: false };
                self.list[at].parent = Some(self.push(column));
            }
        }
    }
}

/// An address as FreeBSD's inet_ntop(3) writes it: one with zeroes only before its last 32 bits ends as an IPv4 address
/// does, save for `::` and `::1`.
fn in6_text(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => {
            format!("::{}", Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address.to_string(),
    }
}

/// A value as libjail writes it, made safe for a terminal: a jail's hostname is whatever its root has made it.
fn exported(value: &Value, kind: ParamKind) -> String {
    fn joined<T: ToString>(list: &[T]) -> String {
        list.iter().map(T::to_string).collect::<Vec<_>>().join(",")
    }
    match (value, kind) {
        (Value::Flag, _) => "true".to_owned(),
        (Value::Int(number), ParamKind::Bool) => (*number != 0).to_string(),
        (Value::Int(number), ParamKind::JailSys) => match number {
            0 => "disable".to_owned(),
            1 => "new".to_owned(),
            2 => "inherit".to_owned(),
            other => other.to_string(),
        },
        (Value::Int(number), _) => number.to_string(),
        (Value::ULong(number), _) => number.to_string(),
        (Value::String(text), _) => printable(text),
        (Value::Ipv4(list), _) => joined(list),
        (Value::Ipv6(list), _) => joined(&list.iter().map(|address| in6_text(*address)).collect::<Vec<_>>()),
        (Value::Raw(bytes), _) => bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
    }
}

fn json_value(value: &Value, kind: ParamKind) -> serde_json::Value {
    match (value, kind) {
        (Value::Int(number), ParamKind::Bool) => (*number != 0).into(),
        (Value::Int(number), ParamKind::Int) => (*number).into(),
        (Value::ULong(number), _) => (*number).into(),
        (Value::String(text), _) => BStr::new(text).to_string().into(),
        (Value::Ipv4(list), _) => list.iter().map(ToString::to_string).collect(),
        (Value::Ipv6(list), _) => list.iter().map(|address| in6_text(*address)).collect(),
        (value, kind) => exported(value, kind).into(),
    }
}

/// A value with blanks or quotes in it, in quotes.
fn in_quotes(text: &str) -> String {
    let quote = if text.contains('\'') {
        '"'
    } else if text.contains('"') {
        '\''
    } else if text.contains([' ', '\t']) {
        '"'
    } else {
        return text.to_owned();
    };
    format!("{quote}{text}{quote}")
}
