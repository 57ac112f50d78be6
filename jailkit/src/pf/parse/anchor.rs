//! `anchor`, `nat-anchor` and its like, `load anchor`.

use super::expand::Expansion;
use super::{MAX_ANCHORS, Open, Origin, Parsed, Parser, Stage, Stop, Token};
use crate::pf::rule::{Action, AnchorCall, BodyId, Name, Operator, Spec};
use crate::source::printable;

const RESERVED: &str = "anchor names beginning with '_' are reserved for internal use";

impl Parser<'_> {
    pub(super) fn anchor_name(&mut self) -> Parsed<Option<Name>> {
        if self.lexer.token != Token::Word {
            return Ok(None);
        }
        let origin = self.lexer.origin;
        let name = self.word()?;
        if name.is_empty() {
            return Err(self.fail_at(origin, "anchor name must not be empty"));
        }
        if name.starts_with(b"_") || memchr::memmem::find(&name, b"/_").is_some() {
            return Err(self.fail_at(origin, RESERVED));
        }
        if name.len() >= 1024 {
            return Err(self.fail_at(origin, "anchor name too long"));
        }
        Ok(Some(self.set.names.intern(&name)))
    }

    pub(super) fn anchor(&mut self, origin: Origin) -> Parsed<()> {
        self.next();
        let at = self.lexer.origin;
        let name = self.anchor_name()?;
        let mut spec = Spec::new(Action::Pass, origin);
        spec.direction = self.direction();
        spec.quick = self.accept("quick");
        let interfaces = self.on()?;
        let family = self.family();
        let protocols = self.protocols()?;
        let from_to = self.source_and_target()?;
        let mut options = self.filter_options()?;
        let body = if self.is_sign(b'{') { Some(self.body(Self::anchored)?) } else { None };
        self.enter(Stage::Filter)?;
        self.check_anchor(name, body, at)?;
        spec.anchor = Some(AnchorCall { name, body });
        if options.keep.is_some_and(|keep| keep.0 != crate::pf::rule::KeepState::No) {
            return Err(self.fail_at(at, "cannot specify state handling on anchors"));
        }
        options.keep = None;
        let mut expansion = Expansion { interfaces, family, protocols, ..Expansion::of(from_to) };
        self.take_options(&mut spec, &mut options, &mut expansion)?;
        expansion.decide_family();
        self.expand(spec, expansion)
    }

    pub(super) fn check_anchor(&mut self, name: Option<Name>, body: Option<BodyId>, at: Origin) -> Parsed<()> {
        match (name, body) {
            (None, None) => Err(self.fail_at(at, "anchors without explicit rules must specify a name")),
            (Some(name), Some(_)) if self.set.names.get(name).contains(&b'/') => {
                Err(self.fail_at(at, "anchor paths containing '/' cannot be used for inline anchors."))
            }
            (Some(name), Some(body)) if !self.set.body(body).is_empty() => {
                let new = self.open.last_mut().is_none_or(|open| open.inline.insert(name));
                let text = printable(self.set.names.get(name));
                if new { Ok(()) } else { Err(self.fail_at(at, format!("inline anchor '{text}' already exists"))) }
            }
            _ => Ok(()),
        }
    }

    /// The rules between braces, each on its own line.
    pub(super) fn body(&mut self, statement: fn(&mut Self, Origin) -> Parsed<()>) -> Parsed<BodyId> {
        let brace = self.lexer.origin;
        self.expect(b'{')?;
        if self.open.len() > MAX_ANCHORS {
            return Err(self.fail_at(brace, format!("anchors stand more than {MAX_ANCHORS} deep in each other")));
        }
        if self.lexer.token != Token::Newline {
            return Err(self.syntax());
        }
        self.open.push(Open::default());
        let read = self.body_lines(statement, brace);
        let rules = self.open.pop().unwrap_or_default().rules;
        read?;
        self.set.bodies.push(rules);
        Ok(BodyId(self.set.bodies.len() as u32 - 1))
    }

    fn body_lines(&mut self, statement: fn(&mut Self, Origin) -> Parsed<()>, brace: Origin) -> Parsed<()> {
        loop {
            if self.overflow {
                return Err(Stop);
            }
            match self.lexer.token {
                Token::Newline => self.next(),
                Token::End => return Err(self.fail_at(brace, "this { is never closed")),
                Token::Sign(b'}') => {
                    self.next();
                    return Ok(());
                }
                _ => {
                    let origin = self.lexer.origin;
                    if statement(self, origin).and_then(|()| self.end_of_line()).is_err() {
                        self.recover();
                    }
                }
            }
        }
    }

    fn anchored(&mut self, origin: Origin) -> Parsed<()> {
        if self.lexer.token == Token::Keyword {
            match self.lexer.text.as_slice() {
                b"pass" | b"block" | b"match" => return self.filter(origin),
                b"anchor" => return self.anchor(origin),
                b"nat-anchor" | b"rdr-anchor" | b"binat-anchor" => return self.translation_anchor(origin),
                b"table" => return self.table(origin),
                b"include" => return self.include(),
                _ => {}
            }
        }
        Err(self.syntax())
    }

    pub(super) fn translation_anchor(&mut self, origin: Origin) -> Parsed<()> {
        let action = match self.lexer.text.as_slice() {
            b"nat-anchor" => Action::Nat,
            b"rdr-anchor" => Action::Rdr,
            _ => Action::Binat,
        };
        self.next();
        let name = self.words()?;
        let mut spec = Spec::new(action, origin);
        spec.anchor = Some(AnchorCall { name: Some(self.set.names.intern(&name)), body: None });
        let interfaces = self.on()?;
        let family = self.family();
        let protocols = self.protocols()?;
        let from_to = self.source_and_target()?;
        if self.is("rtable") {
            spec.rtable = Some(self.rtable()?);
        }
        self.enter(Stage::Translation)?;
        let mut expansion = Expansion { interfaces, family, protocols, ..Expansion::of(from_to) };
        if action == Action::Rdr {
            self.once(!expansion.source_ports.is_empty(), "source port parameter not supported in rdr-anchor")?;
            self.once(
                expansion.destination_ports.len() > 1,
                "destination port list expansion not supported in rdr-anchor",
            )?;
            let operator = expansion.destination_ports.first().map_or(Operator::Equal, |port| port.operator);
            self.once(operator != Operator::Equal, "destination port operators not supported in rdr-anchor")?;
        }
        if action == Action::Binat {
            self.once(expansion.protocols.len() > 1, "proto list expansion not supported in binat-anchor")?;
            let from_to = [&expansion.sources, &expansion.destinations].iter().any(|hosts| !hosts.is_empty())
                || !expansion.source_ports.is_empty()
                || !expansion.destination_ports.is_empty();
            self.once(from_to, "fromto parameter not supported in binat-anchor")?;
            // pfctl reads the interface and forgets it.
            expansion.interfaces.clear();
        }
        expansion.decide_family();
        self.expand(spec, expansion)
    }

    pub(super) fn load_anchor(&mut self, origin: Origin) -> Parsed<()> {
        self.next();
        self.expect_keyword("anchor")?;
        let Some(name) = self.anchor_name()? else {
            return Err(self.fail("anchor name is missing"));
        };
        self.expect_keyword("from")?;
        let file = self.words()?;
        self.loads.push((name, file, origin));
        Ok(())
    }
}
