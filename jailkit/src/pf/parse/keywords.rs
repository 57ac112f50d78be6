//! The words of pf.conf(5) that name nothing: an interface or a queue cannot be called by one of them without quotes.

/// Sorted, for the search.
const KEYWORDS: &[&str] = &[
    "af-to",
    "all",
    "allow-opts",
    "allow-related",
    "altq",
    "anchor",
    "antispoof",
    "any",
    "bandwidth",
    "binat",
    "binat-anchor",
    "binat-to",
    "bitmask",
    "block",
    "block-policy",
    "bridge-to",
    "buckets",
    "cbq",
    "code",
    "codelq",
    "debug",
    "divert-reply",
    "divert-to",
    "dnpipe",
    "dnqueue",
    "drop",
    "dup-to",
    "endpoint-independent",
    "ether",
    "fail-policy",
    "fairq",
    "fastroute",
    "file",
    "fingerprints",
    "flags",
    "floating",
    "flush",
    "for",
    "fragment",
    "from",
    "global",
    "group",
    "hfsc",
    "hogs",
    "hostid",
    "icmp-type",
    "icmp6-type",
    "if-bound",
    "in",
    "include",
    "inet",
    "inet6",
    "interval",
    "keep",
    "keepcounters",
    "l3",
    "label",
    "limit",
    "linkshare",
    "load",
    "log",
    "loginterface",
    "map-e-portset",
    "match",
    "matches",
    "max",
    "max-mss",
    "max-pkt-rate",
    "max-pkt-size",
    "max-src-conn",
    "max-src-conn-rate",
    "max-src-nodes",
    "max-src-states",
    "min-ttl",
    "modulate",
    "nat",
    "nat-anchor",
    "nat-to",
    "no",
    "no-df",
    "no-route",
    "no-sync",
    "on",
    "once",
    "optimization",
    "os",
    "out",
    "overload",
    "pass",
    "pflow",
    "port",
    "prefer-ipv6-nexthop",
    "prio",
    "priority",
    "priq",
    "probability",
    "proto",
    "qlimit",
    "queue",
    "quick",
    "random",
    "random-id",
    "rdr",
    "rdr-anchor",
    "rdr-to",
    "realtime",
    "reassemble",
    "received-on",
    "reply-to",
    "require-order",
    "return",
    "return-icmp",
    "return-icmp6",
    "return-rst",
    "ridentifier",
    "round-robin",
    "route",
    "route-to",
    "rtable",
    "rule",
    "ruleset-optimization",
    "scrub",
    "set",
    "set-tos",
    "skip",
    "sloppy",
    "source-hash",
    "source-track",
    "state",
    "state-defaults",
    "state-policy",
    "static-port",
    "sticky-address",
    "syncookies",
    "synproxy",
    "table",
    "tag",
    "tagged",
    "target",
    "tbrsize",
    "timeout",
    "to",
    "tos",
    "ttl",
    "upperlimit",
    "urpf-failed",
    "user",
];

/// For each letter, where the keywords that begin with it begin; and at last, how many there are.
const BY_LETTER: [u8; 27] = {
    let mut starts = [0; 27];
    let mut at = 0;
    while at < KEYWORDS.len() {
        let mut letter = (KEYWORDS[at].as_bytes()[0] - b'a') as usize + 1;
        while letter < starts.len() {
            starts[letter] += 1;
            letter += 1;
        }
        at += 1;
    }
    starts
};

pub(super) fn is_keyword(word: &[u8]) -> bool {
    let Some(letter) = word.first().filter(|first| first.is_ascii_lowercase()).map(|first| usize::from(first - b'a'))
    else {
        return false;
    };
    let known = usize::from(BY_LETTER[letter])..usize::from(BY_LETTER[letter + 1]);
    KEYWORDS[known].iter().any(|known| known.as_bytes() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn each_is_found() {
        assert!(KEYWORDS.iter().all(|known| is_keyword(known.as_bytes())));
        for word in ["", "a", "zz", "passs", "Pass", "user2", "~"] {
            assert!(!is_keyword(word.as_bytes()), "{word}");
        }
    }
}
