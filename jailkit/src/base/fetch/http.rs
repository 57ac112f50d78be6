//! Downloads over HTTP, continued where they break off.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::part::Part;
use super::{ARCHIVE_LEN, FetchError, FetchEvent, FetchProgress, Patience, told};
use crate::base::manifest::Sha256;

const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often the server may send something else than MANIFEST says before that is believed.
const WRONG: u32 = 2;

pub(super) struct Http {
    agent: Agent,
    patience: Patience,
}

/// Why one request was not enough.
enum Setback {
    /// Trying again may help.
    Again(String),
    /// The part is as long as the file, or longer.
    NothingLeft,
    /// Nothing helps.
    Final(FetchError),
}

impl<E: Into<FetchError>> From<E> for Setback {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

impl Http {
    pub(super) fn new(patience: Patience) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("jailkit/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(patience.stall))
            .timeout_connect(Some(patience.stall))
            .timeout_recv_response(Some(patience.stall))
            .timeout_per_read(Some(patience.stall))
            .build();
        Self { agent: config.into(), patience }
    }

    /// A small file as a whole.
    pub(super) fn small(&self, url: &str, most: u64, progress: &mut FetchProgress<'_>) -> Result<Vec<u8>, FetchError> {
        let mut failures = Failures::new(self.patience);
        loop {
            match self.small_once(url, most) {
                Ok(bytes) => return Ok(bytes),
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::NothingLeft) => return Err(status(url, StatusCode::RANGE_NOT_SATISFIABLE)),
                Err(Setback::Again(reason)) => failures.pause(url, reason, progress)?,
            }
        }
    }

    fn small_once(&self, url: &str, most: u64) -> Result<Vec<u8>, Setback> {
        let mut response = self.ask(url, None)?;
        if response.status() != StatusCode::OK {
            return Err(Setback::Final(status(url, response.status())));
        }
        let mut bytes = Vec::new();
        let read = response.body_mut().as_reader().take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| Setback::Again(error.to_string()))?;
        if bytes.len() as u64 > most {
            return Err(Setback::Final(FetchError::TooLarge { url: url.to_owned(), limit: most }));
        }
        Ok(bytes)
    }

    /// An archive, into its part; it has its digest when this returns.
    pub(super) fn large(
        &self,
        url: &str,
        expected: Sha256,
        part: &mut Part,
        progress: &mut FetchProgress<'_>,
    ) -> Result<(), FetchError> {
        let mut failures = Failures::new(self.patience);
        let mut wrong = 0;
        let mut longest = part.len();
        // What tells that the file on the server is still the one that was begun.
        let mut version = None;
        loop {
            match self.go_on(url, part, &mut version, progress) {
                Ok(()) | Err(Setback::NothingLeft) => {
                    let found = part.digest();
                    if found == expected {
                        return Ok(());
                    }
                    part.clear()?;
                    (version, longest) = (None, 0);
                    wrong += 1;
                    if wrong >= WRONG {
                        return Err(FetchError::Digest { url: url.to_owned(), expected, found });
                    }
                }
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::Again(reason)) => {
                    if part.len() > longest {
                        longest = part.len();
                        failures.forget();
                    }
                    failures.pause(url, reason, progress)?;
                }
            }
            told(progress, FetchEvent::Bytes { have: part.len(), len: None })?;
        }
    }

    /// One request for what is missing.
    fn go_on(
        &self,
        url: &str,
        part: &mut Part,
        version: &mut Option<String>,
        progress: &mut FetchProgress<'_>,
    ) -> Result<(), Setback> {
        let range = (part.len() > 0).then(|| (part.len(), version.as_deref()));
        let mut response = self.ask(url, range)?;
        let rest = match response.status() {
            StatusCode::OK => {
                // The whole file: it has changed, or the server knows no ranges.
                part.clear()?;
                version.clone_from(&version_of(&response));
                response.body().content_length()
            }
            StatusCode::PARTIAL_CONTENT if starts_at(&response) == Some(part.len()) => {
                if let (Some(before), Some(now)) = (version.as_deref(), version_of(&response))
                    && before != now
                {
                    part.clear()?;
                    *version = None;
                    return Err(Setback::Again("the file on the server has changed meanwhile".to_owned()));
                }
                response.body().content_length()
            }
            StatusCode::PARTIAL_CONTENT => {
                part.clear()?;
                return Err(Setback::Again("the server sends another part than it was asked for".to_owned()));
            }
            StatusCode::RANGE_NOT_SATISFIABLE if part.len() > 0 => return Err(Setback::NothingLeft),
            other => return Err(Setback::Final(status(url, other))),
        };
        let len = rest.and_then(|rest| rest.checked_add(part.len()));
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => part.append(&buffer[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Setback::Again(error.to_string())),
            }
            if part.len() > ARCHIVE_LEN {
                part.clear()?;
                return Err(Setback::Final(FetchError::TooLarge { url: url.to_owned(), limit: ARCHIVE_LEN }));
            }
            told(progress, FetchEvent::Bytes { have: part.len(), len })?;
        }
        match len {
            Some(len) if part.len() < len => Err(Setback::Again("the connection was closed too early".to_owned())),
            _ => Ok(()),
        }
    }

    /// Sends a request, for a range where one is given; a server that is only busy is a setback.
    fn ask(&self, url: &str, range: Option<(u64, Option<&str>)>) -> Result<Response<Body>, Setback> {
        let mut request = self.agent.get(url);
        if let Some((from, version)) = range {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(version) = version {
                request = request.header(header::IF_RANGE, version);
            }
        }
        let response = request.call().map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Setback::Final(FetchError::Mirror(url.to_owned())),
            other => Setback::Again(other.to_string()),
        })?;
        let found = response.status();
        let busy = matches!(found, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY);
        if found.is_server_error() || busy {
            return Err(Setback::Again(format!("the server answers {}", found.as_u16())));
        }
        Ok(response)
    }
}

fn status(url: &str, status: StatusCode) -> FetchError {
    FetchError::Status { url: url.to_owned(), status: status.as_u16() }
}

/// What names the version of the file: a strong ETag, or the time of its last change (RFC 9110, 13.1.5).
fn version_of(response: &Response<Body>) -> Option<String> {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    text(header::ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(header::LAST_MODIFIED))
}

/// Where a partial response starts: `Content-Range: bytes 100-199/200`.
fn starts_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

/// Failures in a row, and the pauses after them.
struct Failures {
    patience: Patience,
    count: u32,
}

impl Failures {
    fn new(patience: Patience) -> Self {
        Self { patience, count: 0 }
    }

    fn forget(&mut self) {
        self.count = 0;
    }

    fn pause(&mut self, url: &str, reason: String, progress: &mut FetchProgress<'_>) -> Result<(), FetchError> {
        self.count += 1;
        if self.count >= self.patience.attempts {
            return Err(FetchError::Network { url: url.to_owned(), attempts: self.count, reason });
        }
        let pause = self.patience.pause.saturating_mul(1 << (self.count - 1).min(16)).min(LONGEST_PAUSE);
        told(progress, FetchEvent::Retry { reason, pause })?;
        thread::sleep(pause);
        Ok(())
    }
}
