//! Reads a pf.conf into its expanded ruleset, as pfctl's parser does: statement by statement, each expanded on the
//! spot. What cannot be read is told of, and the reading goes on with the next line.

mod address;
mod anchor;
mod curve;
mod ether;
mod expand;
mod filter;
mod filter_opts;
mod keywords;
mod lex;
mod md5;
mod options;
pub(super) mod outline;
mod ports;
mod queue;
mod scheduler;
mod scrub;
mod state;
mod table;
mod translation;

use std::collections::HashSet;
use std::path::Path;

use self::lex::{Fault, Lexer, Token};
use super::interfaces::Interfaces;
use super::rule::{Action, Family, Modifiers, Name, Origin, Rule, Rules, Ruleset, Spec, SpecId};
use crate::source::{Diagnostic, Diagnostics, Source, printable};

pub(super) use self::address::Host;

/// Where the files come from that a pf.conf names: `include`, `load anchor`, a table's `file`.
pub trait Files {
    /// The bytes of a file. `path` is as it is written, `from` the file that names it.
    ///
    /// # Errors
    /// What reading it failed with.
    fn read(&self, path: &Path, from: &Path) -> std::io::Result<Vec<u8>>;
}

/// No files at all: every one is said not to exist.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// Files of this host: as the path says, from the working directory as pfctl takes it, else from beside the file that
/// names it.
pub struct HostFiles;

impl Files for HostFiles {
    fn read(&self, path: &Path, from: &Path) -> std::io::Result<Vec<u8>> {
        match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_relative() => {
                let beside = from.parent().unwrap_or(Path::new("")).join(path);
                std::fs::read(beside).map_err(|_| error)
            }
            read => read,
        }
    }
}

/// What a ruleset is read with besides its text.
pub struct Environment<'a> {
    /// The interfaces.
    pub interfaces: &'a Interfaces,
    /// The files.
    pub files: &'a dyn Files,
    /// How many rules a file may expand to; more is an error.
    pub max_rules: usize,
}

/// The rules a file may expand to, where nothing else is said.
pub const MAX_RULES: usize = 1_000_000;

/// How deep files may include each other, and how many anchors may be loaded.
const MAX_FILES: usize = 64;
/// How deep inline anchors may stand in each other, as in pf.
const MAX_ANCHORS: usize = 64;
/// How deep lists may stand in each other.
const MAX_NESTING: usize = 64;
/// After so many errors the rest is not worth telling.
const MAX_FOUND: usize = 200;

/// Something was found wrong, and has been told of: go on with the next line.
pub(super) struct Stop;

type Parsed<T> = Result<T, Stop>;

/// The sections, in the order they must come in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    None,
    Options,
    Ether,
    Scrub,
    Queue,
    Translation,
    Filter,
}

pub(super) struct Parser<'a> {
    env: &'a Environment<'a>,
    lexer: Lexer,
    set: Ruleset,
    found: Vec<Diagnostic>,
    stage: Stage,
    require_order: bool,
    block_return: bool,
    if_bound: bool,
    state_defaults: Option<Vec<state::Choice>>,
    water: Option<(u32, u32)>,
    /// The anchors that are open, the main ruleset first.
    open: Vec<Open>,
    /// The `load anchor` statements: the anchor, the file.
    loads: Vec<(Name, Vec<u8>, Origin)>,
    queues: queue::Queues,
    rules: usize,
    /// How deep lists of hosts stand in each other here.
    nesting: usize,
    overflow: bool,
}

/// The rules of an anchor while it is read.
#[derive(Default)]
struct Open {
    rules: Rules,
    number: u32,
    ether_number: u32,
    /// The inline anchors that have rules.
    inline: HashSet<Name>,
}

impl Ruleset {
    /// Reads a file as pfctl(8) does.
    ///
    /// # Errors
    /// Everything that pfctl refuses in it, at its place.
    ///
    /// # Example
    /// ```
    /// use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, Ruleset};
    /// use jailkit::source::Source;
    ///
    /// let interfaces = Interfaces::default();
    /// let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: MAX_RULES };
    /// let set = Ruleset::read(&Source::new("pf.conf", "pass in proto { tcp, udp } to port 53\n"), &env)?;
    /// assert_eq!(set.main.filter.len(), 2);
    /// assert_eq!(
    ///     String::from_utf8_lossy(&set.print()),
    ///     "pass in proto tcp from any to any port = domain flags S/SA keep state\n\
    ///      pass in proto udp from any to any port = domain keep state\n"
    /// );
    /// # Ok::<(), jailkit::source::Diagnostics>(())
    /// ```
    pub fn read(source: &Source, env: &Environment<'_>) -> Result<Self, Diagnostics> {
        let mut loads = 0;
        read(source, env, &mut loads)
    }
}

fn read(source: &Source, env: &Environment<'_>, loads: &mut usize) -> Result<Ruleset, Diagnostics> {
    let mut parser = Parser::new(source, env);
    parser.run();
    let Parser { mut set, mut found, open, loads: anchors, queues, .. } = parser;
    if found.is_empty() {
        queues.check(&set, &mut found);
    }
    set.main = open.into_iter().next().unwrap_or_default().rules;
    check_labels(&set, &mut found);
    for (name, path, origin) in anchors {
        let at = set.sources[origin.source as usize].clone();
        let wrong = |message: String| Diagnostic::error(&at, origin.span, message);
        *loads += 1;
        if *loads > MAX_FILES {
            found.push(wrong(format!("more than {MAX_FILES} anchors are loaded from files")));
            break;
        }
        let path = path_of(&path);
        match env.files.read(&path, at.name()) {
            Err(error) => found.push(wrong(format!("cannot load anchor from {}: {error}", path.display()))),
            Ok(text) => match read(&Source::new(&path, text), env, loads) {
                Ok(loaded) => set.loaded.push((name, loaded)),
                Err(errors) => found.extend(errors),
            },
        }
    }
    Diagnostics::check(found)?;
    Ok(set)
}

/// A label with `$` parts must fit when they are filled in: told once a statement.
fn check_labels(set: &Ruleset, found: &mut Vec<Diagnostic>) {
    let grows = |spec: &Spec| {
        let words = spec.labels.iter().copied().chain(spec.tag).chain(spec.tagged.map(|(tag, _)| tag));
        words.into_iter().any(|word| set.name(word).contains(&b'$'))
    };
    let growing: HashSet<usize> =
        set.specs.iter().enumerate().filter(|(_, spec)| grows(spec)).map(|(at, _)| at).collect();
    if growing.is_empty() {
        return;
    }
    let mut told = HashSet::new();
    for Rules { scrub, nat, rdr, binat, filter, .. } in std::iter::once(&set.main).chain(&set.bodies) {
        for rule in [scrub, nat, rdr, binat, filter].into_iter().flatten() {
            let at = rule.spec.0 as usize;
            if growing.contains(&at) && !told.contains(&at) && super::print::outgrows(set, rule) {
                told.insert(at);
                let Origin { source, span } = set.specs[at].origin;
                found.push(Diagnostic::error(&set.sources[source as usize], span, "expand_label: label too long"));
            }
        }
    }
}

fn path_of(bytes: &[u8]) -> std::path::PathBuf {
    std::path::PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

impl<'a> Parser<'a> {
    fn new(source: &Source, env: &'a Environment<'a>) -> Self {
        let set = Ruleset { sources: vec![source.clone()], ..Ruleset::default() };
        Self {
            env,
            lexer: Lexer::new(source.clone()),
            set,
            found: Vec::new(),
            stage: Stage::None,
            require_order: true,
            block_return: false,
            if_bound: false,
            state_defaults: None,
            water: None,
            open: vec![Open::default()],
            loads: Vec::new(),
            queues: queue::Queues::default(),
            rules: 0,
            nesting: 0,
            overflow: false,
        }
    }

    fn run(&mut self) {
        loop {
            self.lexer.advance();
            match self.lexer.token {
                Token::End => return,
                Token::Newline => continue,
                _ => {}
            }
            if self.statement().is_err() {
                self.recover();
            }
            if self.lexer.token == Token::End || self.overflow || self.found.len() > MAX_FOUND {
                return;
            }
        }
    }

    fn recover(&mut self) {
        self.nesting = 0;
        if !matches!(self.lexer.token, Token::Newline | Token::End) {
            self.lexer.skip_line();
        }
    }

    /// One statement with the end of its line.
    fn statement(&mut self) -> Parsed<()> {
        let start = self.lexer.origin;
        if self.lexer.token == Token::Keyword {
            match self.lexer.text.as_slice() {
                b"include" => self.include()?,
                b"set" => self.option()?,
                b"ether" => self.ether(start)?,
                b"scrub" => self.scrub(start, false)?,
                b"nat" | b"rdr" => self.nat_or_rdr(start, false)?,
                b"binat" => self.binat(start, false)?,
                b"no" => {
                    self.next();
                    match self.lexer.text.as_slice() {
                        b"scrub" => self.scrub(start, true)?,
                        b"nat" | b"rdr" => self.nat_or_rdr(start, true)?,
                        b"binat" => self.binat(start, true)?,
                        _ => return Err(self.syntax()),
                    }
                }
                b"pass" | b"block" | b"match" => self.filter(start)?,
                b"anchor" => self.anchor(start)?,
                b"nat-anchor" | b"rdr-anchor" | b"binat-anchor" => self.translation_anchor(start)?,
                b"load" => self.load_anchor(start)?,
                b"altq" => self.altq()?,
                b"queue" => self.queue()?,
                b"antispoof" => self.antispoof(start)?,
                b"table" => self.table(start)?,
                _ => return Err(self.syntax()),
            }
        } else if self.lexer.token == Token::Word {
            self.set_macro()?;
        } else {
            return Err(self.syntax());
        }
        self.end_of_line()
    }

    fn end_of_line(&mut self) -> Parsed<()> {
        match self.lexer.token {
            Token::Newline | Token::End => Ok(()),
            _ => Err(self.syntax()),
        }
    }

    fn set_macro(&mut self) -> Parsed<()> {
        let name = self.word()?;
        self.expect(b'=')?;
        let mut value = self.number_string()?;
        while matches!(self.lexer.token, Token::Word | Token::Number(_)) {
            value.push(b' ');
            value.extend(self.number_string()?);
        }
        if name.iter().skip(1).any(u8::is_ascii_whitespace) {
            return Err(self.fail("macro name cannot contain whitespace"));
        }
        self.set.prelude.extend([&name[..], b" = \"", &value, b"\"\n"].concat());
        self.lexer.define(name, value);
        Ok(())
    }

    fn include(&mut self) -> Parsed<()> {
        let origin = self.lexer.origin;
        self.lexer.advance();
        if self.lexer.token != Token::Word {
            return Err(self.syntax());
        }
        let path = path_of(&self.lexer.text);
        let from = self.set.sources[origin.source as usize].name().to_owned();
        let text = match self.env.files.read(&path, &from) {
            Ok(text) => text,
            Err(error) => return Err(self.fail(format!("failed to include file {}: {error}", path.display()))),
        };
        let source = Source::new(&path, text);
        if self.lexer.is_open(&source) || self.lexer.depth() >= MAX_FILES {
            return Err(self.fail(format!("{} includes itself, by way of other files or none", path.display())));
        }
        if self.set.sources.len() > 4096 {
            return Err(self.fail("more than 4096 files are included"));
        }
        let index = self.set.sources.len() as u32;
        self.set.sources.push(source.clone());
        self.lexer.include(source, index);
        self.lexer.advance();
        Ok(())
    }

    /// Checks that the section is not behind one that comes later.
    fn enter(&mut self, stage: Stage) -> Parsed<()> {
        if self.require_order && self.stage > stage {
            return Err(
                self.fail("Rules must be in order: options, ethernet, normalization, queueing, translation, filtering")
            );
        }
        self.stage = stage;
        Ok(())
    }

    // What tokens come next.

    fn next(&mut self) {
        self.lexer.advance();
    }

    fn is(&self, keyword: &str) -> bool {
        self.lexer.token == Token::Keyword && self.lexer.text == keyword.as_bytes()
    }

    fn accept(&mut self, keyword: &str) -> bool {
        let is = self.is(keyword);
        if is {
            self.next();
        }
        is
    }

    fn expect_keyword(&mut self, keyword: &str) -> Parsed<()> {
        if self.accept(keyword) { Ok(()) } else { Err(self.syntax()) }
    }

    fn is_sign(&self, sign: u8) -> bool {
        self.lexer.token == Token::Sign(sign)
    }

    fn sign(&mut self, sign: u8) -> bool {
        let is = self.is_sign(sign);
        if is {
            self.next();
        }
        is
    }

    fn expect(&mut self, sign: u8) -> Parsed<()> {
        if self.sign(sign) { Ok(()) } else { Err(self.syntax()) }
    }

    fn comma(&mut self) {
        self.sign(b',');
    }

    fn newlines(&mut self) {
        while self.lexer.token == Token::Newline {
            self.next();
        }
    }

    /// A word or a quoted string.
    fn word(&mut self) -> Parsed<Vec<u8>> {
        if self.lexer.token != Token::Word {
            return Err(self.syntax());
        }
        let word = std::mem::take(&mut self.lexer.text);
        self.next();
        Ok(word)
    }

    /// Words up to the next of the language, joined by blanks.
    fn words(&mut self) -> Parsed<Vec<u8>> {
        let mut words = self.word()?;
        while self.lexer.token == Token::Word {
            words.push(b' ');
            words.extend(self.word()?);
        }
        Ok(words)
    }

    fn name(&mut self) -> Parsed<Name> {
        let word = self.word()?;
        Ok(self.set.names.intern(&word))
    }

    /// A plain number.
    fn integer(&mut self) -> Parsed<i64> {
        let Token::Number(number) = self.lexer.token else { return Err(self.syntax()) };
        self.next();
        Ok(number)
    }

    fn bounded(&mut self, max: i64, message: &str) -> Parsed<i64> {
        let Token::Number(number) = self.lexer.token else { return Err(self.syntax()) };
        if !(0..=max).contains(&number) {
            return Err(self.fail(message));
        }
        self.next();
        Ok(number)
    }

    /// A number, be it one with `0x` before it.
    fn number(&mut self) -> Parsed<i64> {
        if self.lexer.token == Token::Word {
            return match ports::unsigned(&self.lexer.text) {
                Some(number) => {
                    self.next();
                    Ok(number as i64)
                }
                None => Err(self.fail(format!("{} is not a number", printable(&self.lexer.text)))),
            };
        }
        self.integer()
    }

    fn number_string(&mut self) -> Parsed<Vec<u8>> {
        if let Token::Number(number) = self.lexer.token {
            self.next();
            return Ok(number.to_string().into_bytes());
        }
        self.word()
    }

    /// One item, or a list of them in braces.
    fn one_or_list<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        if !self.is_sign(b'{') {
            return Ok(vec![item(self)?]);
        }
        self.braced(item)
    }

    fn braced<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect(b'{')?;
        self.newlines();
        let mut items = vec![item(self)?];
        self.newlines();
        while !self.sign(b'}') {
            self.comma();
            items.push(item(self)?);
            self.newlines();
        }
        Ok(items)
    }

    fn not(&mut self) -> bool {
        self.sign(b'!')
    }

    fn family(&mut self) -> Option<Family> {
        if self.accept("inet") {
            Some(Family::Inet)
        } else if self.accept("inet6") {
            Some(Family::Inet6)
        } else {
            None
        }
    }

    // What is told of.

    fn fail(&mut self, message: impl Into<String>) -> Stop {
        let origin = self.lexer.origin;
        self.fail_at(origin, message)
    }

    fn fail_at(&mut self, origin: Origin, message: impl Into<String>) -> Stop {
        let source = &self.set.sources[origin.source as usize];
        self.found.push(Diagnostic::error(source, origin.span, message));
        Stop
    }

    fn syntax(&mut self) -> Stop {
        match self.lexer.fault.clone() {
            Some(Fault::UnknownMacro(name)) => self.fail(format!("macro '{}' not defined", printable(&name))),
            Some(Fault::OpenString) => self.fail("reached end of file while parsing quoted string"),
            Some(Fault::BigNumber) => self.fail("invalid number: too large or too small"),
            Some(Fault::LongString) => self.fail("string too long"),
            Some(Fault::LongMacros) => self.fail("macros: they make more than 16 MiB of text"),
            None if self.is_sign(b'\r') => {
                self.fail("syntax error: lines end in a carriage return; pfctl(8) knows none")
            }
            None | Some(Fault::Nul) => self.fail("syntax error"),
        }
    }

    // What is added.

    fn add_spec(&mut self, spec: Spec) -> SpecId {
        self.set.specs.push(spec);
        SpecId(self.set.specs.len() as u32 - 1)
    }

    fn add_rule(&mut self, action: Action, mut rule: Rule) -> Parsed<()> {
        self.count_rule()?;
        if let Some(open) = self.open.last_mut() {
            if !matches!(action, Action::Binat | Action::NoBinat) {
                rule.number = open.number;
                open.number += 1;
            }
            open.rules.list_mut(action).push(rule);
        }
        Ok(())
    }

    fn count_rule(&mut self) -> Parsed<()> {
        self.rules += 1;
        if self.rules > self.env.max_rules {
            self.overflow = true;
            return Err(self.fail(format!("the file expands to more than {} rules", self.env.max_rules)));
        }
        Ok(())
    }

    fn modifiers(&mut self, word: &[u8]) -> Result<(Vec<u8>, Modifiers), ()> {
        let mut modifiers = Modifiers::default();
        let mut name = word;
        while let Some(at) = memchr::memrchr(b':', name) {
            modifiers = modifiers.with(Modifiers::from_word(&name[at + 1..]).ok_or(())?);
            name = &name[..at];
        }
        Ok((name.to_vec(), modifiers))
    }
}
