//! Ports, users, groups and the operators they are compared with.

use super::{Parsed, Parser, Token};
use crate::pf::netdb;
use crate::pf::rule::{Compare, Operator, UNKNOWN_ID};
use crate::source::printable;

/// `a`, `a:b` or `a:*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PortRange {
    pub(super) first: u16,
    pub(super) second: u16,
    /// Whether there is a second part.
    pub(super) ranged: bool,
}

/// A number as strtoul(3) reads it: decimal, octal behind `0`, hexadecimal behind `0x`.
pub(super) fn unsigned(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return if hex.starts_with('+') { None } else { u64::from_str_radix(hex, 16).ok() };
    }
    if text.len() > 1 && text.starts_with('0') {
        return u64::from_str_radix(&text[1..], 8).ok();
    }
    if text.starts_with('+') { None } else { text.parse().ok() }
}

impl Parser<'_> {
    pub(super) fn port_range(&mut self, star: bool) -> Parsed<PortRange> {
        let origin = self.lexer.origin;
        let text = self.number_string()?;
        let Some(colon) = memchr::memchr(b':', &text) else {
            let first = self.service(&text, origin)?;
            return Ok(PortRange { first, second: 0, ranged: false });
        };
        let (first, second) = (&text[..colon], &text[colon + 1..]);
        let first = self.service(first, origin)?;
        if star && second == b"*" {
            return Ok(PortRange { first, second: 0, ranged: true });
        }
        let second = self.service(second, origin)?;
        if first == second {
            return Ok(PortRange { first, second: 0, ranged: false });
        }
        Ok(PortRange { first, second, ranged: true })
    }

    fn service(&mut self, text: &[u8], origin: super::Origin) -> Parsed<u16> {
        if let Some(number) = unsigned(text) {
            return u16::try_from(number).map_err(|_| self.fail_at(origin, format!("illegal port value {number}")));
        }
        std::str::from_utf8(text)
            .ok()
            .and_then(netdb::service_port)
            .ok_or_else(|| self.fail_at(origin, format!("unknown port {}", printable(text))))
    }

    /// A port without a range: `divert-to`.
    pub(super) fn plain_port(&mut self) -> Parsed<u16> {
        let origin = self.lexer.origin;
        let text = self.number_string()?;
        if text.contains(&b':') {
            return Err(self.fail_at(origin, "syntax error"));
        }
        self.service(&text, origin)
    }

    /// What follows `port`.
    pub(super) fn ports(&mut self) -> Parsed<Vec<Compare<u16>>> {
        self.one_or_list(|parser| {
            let origin = parser.lexer.origin;
            let unary = parser.unary();
            let first = parser.port_range(false)?;
            let mixed = "':' cannot be used with an other port operator";
            if let Some(operator) = unary {
                if first.ranged {
                    return Err(parser.fail_at(origin, mixed));
                }
                return Ok(Compare { operator, first: first.first, second: first.second });
            }
            if let Some(operator) = parser.binary() {
                let second = parser.port_range(false)?;
                if first.ranged || second.ranged {
                    return Err(parser.fail_at(origin, mixed));
                }
                // Between a port and one that is not above it there is none; outside of a range turned round, all.
                let wrong = match operator {
                    Operator::Inside => first.first >= second.first,
                    _ => first.first > second.first,
                };
                if wrong {
                    return Err(parser.fail_at(origin, "invalid port range"));
                }
                return Ok(Compare { operator, first: first.first, second: second.first });
            }
            let operator = if first.ranged { Operator::Range } else { Operator::Equal };
            if first.ranged && first.first > first.second {
                return Err(parser.fail_at(origin, "invalid port range"));
            }
            Ok(Compare { operator, first: first.first, second: first.second })
        })
    }

    fn unary(&mut self) -> Option<Operator> {
        let plain = match self.lexer.token {
            Token::Sign(b'=') => Operator::Equal,
            Token::Sign(b'!') => Operator::NotEqual,
            Token::Sign(b'<') => Operator::Less,
            Token::Sign(b'>') => Operator::Greater,
            _ => return None,
        };
        self.next();
        if plain == Operator::Equal {
            return Some(plain);
        }
        let or_equal = self.sign(b'=');
        Some(match plain {
            Operator::Less if or_equal => Operator::LessEqual,
            Operator::Greater if or_equal => Operator::GreaterEqual,
            plain => plain,
        })
    }

    fn binary(&mut self) -> Option<Operator> {
        let operator = match self.lexer.token {
            Token::Inside => Operator::Inside,
            Token::Outside => Operator::Outside,
            _ => return None,
        };
        self.next();
        Some(operator)
    }

    /// What follows `user` or `group`.
    pub(super) fn ids(&mut self, kind: &'static str) -> Parsed<Vec<Compare<u32>>> {
        self.one_or_list(|parser| {
            let unary = parser.unary();
            let first = parser.id(kind)?;
            let unknown = format!("{kind} unknown requires operator = or !=");
            if let Some(operator) = unary {
                if first == UNKNOWN_ID && !matches!(operator, Operator::Equal | Operator::NotEqual) {
                    return Err(parser.fail(unknown));
                }
                return Ok(Compare { operator, first, second: first });
            }
            if let Some(operator) = parser.binary() {
                let second = parser.id(kind)?;
                if first == UNKNOWN_ID || second == UNKNOWN_ID {
                    return Err(parser.fail(unknown));
                }
                return Ok(Compare { operator, first, second });
            }
            Ok(Compare { operator: Operator::Equal, first, second: first })
        })
    }

    fn id(&mut self, kind: &str) -> Parsed<u32> {
        if let Token::Number(number) = self.lexer.token {
            let Some(id) = u32::try_from(number).ok().filter(|id| *id != UNKNOWN_ID) else {
                return Err(self.fail(format!("illegal {}id value {number}", &kind[..1])));
            };
            self.next();
            return Ok(id);
        }
        let origin = self.lexer.origin;
        let name = self.word()?;
        if name == b"unknown" {
            return Ok(UNKNOWN_ID);
        }
        let id = if kind == "user" { netdb::user_id(&name) } else { netdb::group_id(&name) };
        id.ok_or_else(|| self.fail_at(origin, format!("unknown {kind} {}", printable(&name))))
    }
}
