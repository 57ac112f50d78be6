//! `scrub`

use super::expand::Expansion;
use super::{Origin, Parsed, Parser, Stage};
use crate::pf::rule::{Action, Name, ScrubOptions, Spec};
use crate::source::printable;

/// What else a scrub rule may say.
#[derive(Default)]
pub(super) struct ScrubMatch {
    rtable: Option<u32>,
    tagged: Option<(Name, bool)>,
}

impl Parser<'_> {
    pub(super) fn scrub(&mut self, origin: Origin, no: bool) -> Parsed<()> {
        self.next();
        let action = if no { Action::NoScrub } else { Action::Scrub };
        let mut spec = Spec::new(action, origin);
        spec.direction = self.direction();
        let at = self.lexer.origin;
        (spec.log, spec.quick) = self.log_and_quick()?;
        let interfaces = self.on()?;
        let family = self.family();
        let protocols = self.protocols()?;
        let from_to = self.source_and_target()?;
        let (options, matches) = self.scrub_options()?;
        self.enter(Stage::Scrub)?;
        if spec.quick {
            return Err(self.fail_at(at, "scrub rules do not support 'quick'"));
        }
        if options.reassemble_tcp && spec.direction.is_some() {
            return Err(self.fail_at(at, "reassemble tcp rules can not specify direction"));
        }
        spec.scrub = options;
        spec.rtable = matches.rtable;
        spec.tagged = matches.tagged;
        self.expand(spec, Expansion { interfaces, family, protocols, ..Expansion::of(from_to) })
    }

    pub(super) fn scrub_options(&mut self) -> Parsed<(ScrubOptions, ScrubMatch)> {
        let mut options = ScrubOptions::default();
        let mut matches = ScrubMatch::default();
        let (mut ttl, mut mss, mut fragment) = (false, false, false);
        loop {
            if self.is("no-df") {
                self.once(options.no_df, "no-df cannot be respecified")?;
                self.next();
                options.no_df = true;
            } else if self.is("min-ttl") {
                self.once(std::mem::replace(&mut ttl, true), "min-ttl cannot be respecified")?;
                self.next();
                options.min_ttl = self.bounded(255, "illegal min-ttl value")? as u8;
            } else if self.is("max-mss") {
                self.once(std::mem::replace(&mut mss, true), "max-mss cannot be respecified")?;
                self.next();
                options.max_mss = self.bounded(65535, "illegal max-mss value")? as u16;
            } else if self.is("set-tos") {
                self.once(options.set_tos.is_some(), "set-tos cannot be respecified")?;
                self.next();
                options.set_tos = Some(self.tos()?);
            } else if self.is("fragment") {
                self.once(std::mem::replace(&mut fragment, true), "fragcache cannot be respecified")?;
                self.next();
                options.no_reassemble = self.accept("no");
                self.expect_keyword("reassemble")?;
            } else if self.is("reassemble") {
                self.once(options.reassemble_tcp, "reassemble tcp cannot be respecified")?;
                self.next();
                let origin = self.lexer.origin;
                let what = self.word()?;
                if !what.eq_ignore_ascii_case(b"tcp") {
                    let message = format!("scrub reassemble supports only tcp, not '{}'", printable(&what));
                    return Err(self.fail_at(origin, message));
                }
                options.reassemble_tcp = true;
            } else if self.is("random-id") {
                self.once(options.random_id, "random-id cannot be respecified")?;
                self.next();
                options.random_id = true;
            } else if self.is("rtable") {
                matches.rtable = Some(self.rtable()?);
            } else if self.is("tagged") || self.is_sign(b'!') {
                let negated = self.not();
                self.expect_keyword("tagged")?;
                matches.tagged = Some((self.tag_name()?, negated));
            } else {
                return Ok((options, matches));
            }
            self.comma();
        }
    }
}
