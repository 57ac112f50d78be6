//! `set`

use super::{Parsed, Parser, Stage, Token};
use crate::pf::timeouts::timeout;
use crate::source::printable;

const LIMITS: &[&str] = &["states", "src-nodes", "frags", "table-entries", "anchors", "eth-anchors"];
const OPTIMIZATIONS: &[&str] = &["normal", "default", "satellite", "high-latency", "conservative", "aggressive"];

impl Parser<'_> {
    pub(super) fn option(&mut self) -> Parsed<()> {
        self.next();
        if self.lexer.token != Token::Keyword {
            return Err(self.syntax());
        }
        let keyword = std::mem::take(&mut self.lexer.text);
        self.next();
        match keyword.as_slice() {
            b"optimization" => {
                self.enter(Stage::Options)?;
                self.one_of("optimization", OPTIMIZATIONS, "unknown optimization")
            }
            b"ruleset-optimization" => {
                let word = self.words()?;
                if ![&b"none"[..], b"basic", b"profile"].contains(&word.as_slice()) {
                    return Err(self.fail(format!("unknown ruleset-optimization {}", printable(&word))));
                }
                Ok(())
            }
            b"timeout" => self.settings(Self::set_timeout),
            b"limit" => self.settings(Self::set_limit),
            b"loginterface" => {
                self.enter(Stage::Options)?;
                let name = if self.accept("all") { b"all".to_vec() } else { self.word()? };
                self.say(&[b"set loginterface ", &name]);
                Ok(())
            }
            b"hostid" => {
                let number = self.number()?;
                if number == 0 || number > i64::from(u32::MAX) {
                    return Err(self.fail("hostid must be non-zero"));
                }
                self.say(&[format!("set hostid 0x{:08x}", number as u32).as_bytes()]);
                Ok(())
            }
            b"block-policy" => {
                self.block_return = self.drop_or_return("block-policy")?;
                Ok(())
            }
            b"fail-policy" => self.drop_or_return("fail-policy").map(|_| ()),
            b"require-order" => {
                self.require_order = self.yes_or_no()?;
                self.say(&[b"set require-order ", if self.require_order { b"yes" } else { b"no" }]);
                Ok(())
            }
            b"fingerprints" => {
                let file = self.word()?;
                self.say(&[b"set fingerprints \"", &file, b"\""]);
                self.enter(Stage::Options)
            }
            b"state-policy" => {
                self.if_bound = self.accept("if-bound");
                if !self.if_bound {
                    self.expect_keyword("floating")?;
                }
                self.say(&[b"set state-policy ", if self.if_bound { &b"if-bound"[..] } else { b"floating" }]);
                Ok(())
            }
            b"debug" => {
                self.enter(Stage::Options)?;
                self.one_of("debug", &["none", "urgent", "misc", "loud"], "error setting debuglevel")
            }
            b"skip" => self.skip_on(),
            b"state-defaults" => {
                if self.state_defaults.is_some() {
                    return Err(self.fail("cannot redefine state-defaults"));
                }
                self.state_defaults = Some(self.state_choices()?);
                Ok(())
            }
            b"keepcounters" => Ok(()),
            b"syncookies" => self.syncookies(),
            b"reassemble" => {
                self.enter(Stage::Options)?;
                let on = self.yes_or_no()?;
                let no_df = self.accept("no-df");
                self.say(&[
                    b"set reassemble ",
                    if on { b"yes " } else { &b"no "[..] },
                    if no_df { b"no-df" } else { b"" },
                ]);
                Ok(())
            }
            _ => Err(self.syntax()),
        }
    }

    /// A line of what pfctl prints as it reads.
    pub(super) fn say(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.set.prelude.extend_from_slice(part);
        }
        self.set.prelude.push(b'\n');
    }

    fn one_of(&mut self, option: &str, known: &[&str], message: &str) -> Parsed<()> {
        let origin = self.lexer.origin;
        let word = self.word()?;
        if !known.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(&word)) {
            return Err(self.fail_at(origin, format!("{message} {}", printable(&word))));
        }
        self.say(&[b"set ", option.as_bytes(), b" ", &word]);
        Ok(())
    }

    fn yes_or_no(&mut self) -> Parsed<bool> {
        if self.accept("no") {
            return Ok(false);
        }
        let origin = self.lexer.origin;
        let word = self.word()?;
        if word != b"yes" {
            let message = format!("invalid value '{}', expected 'yes' or 'no'", printable(&word));
            return Err(self.fail_at(origin, message));
        }
        Ok(true)
    }

    fn drop_or_return(&mut self, option: &str) -> Parsed<bool> {
        let back = self.accept("return");
        if !back {
            self.expect_keyword("drop")?;
        }
        self.say(&[b"set ", option.as_bytes(), if back { b" return" } else { b" drop" }]);
        self.enter(Stage::Options)?;
        Ok(back)
    }

    fn settings(&mut self, one: impl Fn(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.one_or_list(one).map(|_| ())
    }

    fn set_timeout(&mut self) -> Parsed<()> {
        self.enter(Stage::Options)?;
        let origin = self.lexer.origin;
        let name = if self.accept("interval") { b"interval".to_vec() } else { self.word()? };
        let seconds = self.bounded(i64::from(u32::MAX), "only positive values permitted")?;
        if timeout(&name.to_ascii_lowercase()).is_none() {
            return Err(self.fail_at(origin, format!("unknown timeout {}", printable(&name))));
        }
        self.say(&[b"set timeout ", &name, format!(" {}", seconds as i32).as_bytes()]);
        Ok(())
    }

    fn set_limit(&mut self) -> Parsed<()> {
        self.enter(Stage::Options)?;
        let origin = self.lexer.origin;
        let name = self.word()?;
        let limit = self.bounded(i64::from(u32::MAX), "only positive values permitted")?;
        if !LIMITS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(&name)) {
            return Err(self.fail_at(origin, format!("unable to set limit {} {limit}", printable(&name))));
        }
        self.say(&[b"set limit ", &name, format!(" {}", limit as i32).as_bytes()]);
        Ok(())
    }

    fn skip_on(&mut self) -> Parsed<()> {
        let origin = self.lexer.origin;
        let interfaces = self.interfaces()?;
        let none = self.set.names.find(b"none");
        if interfaces.is_empty() || matches!(interfaces[..], [(name, false)] if Some(name) == none) {
            self.say(&[b"set skip on none"]);
            return Ok(());
        }
        let mut line = b"set skip on {".to_vec();
        for &(name, negated) in &interfaces {
            line.push(b' ');
            line.extend_from_slice(self.set.names.get(name));
            if negated {
                return Err(self.fail_at(origin, "skip on ! <interface> is not supported"));
            }
            self.set.skip.push(name);
        }
        self.say(&[&line, b" }"]);
        Ok(())
    }

    fn syncookies(&mut self) -> Parsed<()> {
        let origin = self.lexer.origin;
        let mode = self.word()?;
        if ![&b"never"[..], b"adaptive", b"always"].contains(&mode.as_slice()) {
            return Err(self.fail_at(origin, "illegal value for syncookies"));
        }
        let mut water = None;
        if self.sign(b'(') {
            let (mut high, mut low) = (0, 0);
            loop {
                let origin = self.lexer.origin;
                let name = self.word()?;
                let value = self.word()?;
                let value =
                    std::str::from_utf8(&value).ok().and_then(|text| text.strip_suffix('%')?.parse::<f64>().ok());
                let Some(value) = value.filter(|value| *value > 0.0 && *value <= 100.0) else {
                    return Err(self.fail_at(origin, "illegal percentage value"));
                };
                match name.as_slice() {
                    b"start" => high = value as u32,
                    b"end" => low = value as u32,
                    _ => return Err(self.fail_at(origin, "illegal syncookie option")),
                }
                if self.sign(b')') {
                    break;
                }
                self.comma();
            }
            water = Some((high, low));
        }
        if let Some((mut high, mut low)) = water {
            if mode != b"adaptive" {
                return Err(self.fail_at(origin, "syncookies start/end only apply to adaptive"));
            }
            if high == 0 {
                high = 25;
            }
            if low == 0 {
                low = high / 2;
            }
            if low >= high {
                return Err(self.fail_at(origin, "start must be higher than end"));
            }
            self.water = Some((high, low));
        }
        let line = match self.water {
            Some((high, low)) if mode == b"adaptive" => {
                format!("set syncookies adaptive (start {high}%, end {low}%)")
            }
            _ => format!("set syncookies {}", printable(&mode)),
        };
        self.say(&[line.as_bytes()]);
        Ok(())
    }
}
