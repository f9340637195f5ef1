//! One request on one connection, with the bytes that the case asks for: a client library would mend them.

use super::cases::Case;
use super::server::PREFIX;
use crate::process::Result;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The values of a header, joined; a `Location` without the path under which REST is served.
    pub fn header(&self, name: &str) -> String {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| match value.strip_prefix(PREFIX) {
                Some(path) if name.eq_ignore_ascii_case("location") => path,
                _ => value.as_str(),
            })
            .collect();
        values.join(", ")
    }
}

impl Answer {
    /// Whether one of several headers of the name has just this value.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.headers.iter().any(|(key, found)| key.eq_ignore_ascii_case(name) && found == value)
    }
}

pub fn send(address: SocketAddr, case: &Case) -> Result<Answer> {
    let mut head = format!(
        "{} {PREFIX}{} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n",
        case.method,
        encode(&case.path)
    );
    for (name, value) in &case.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if let Some(body) = &case.body {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    let failed = |error: std::io::Error| format!("no answer: {error}");
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).map_err(failed)?;
    stream.write_all(head.as_bytes()).map_err(failed)?;
    stream.write_all(case.body.as_deref().unwrap_or_default().as_bytes()).map_err(failed)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(failed)?;
    parse(&bytes).ok_or_else(|| format!("not an HTTP answer: {}", String::from_utf8_lossy(&bytes)))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: String::new() };
    let body = &bytes[end + 4..];
    let body = if answer.header("transfer-encoding") == "chunked" { unchunk(body)? } else { body.to_vec() };
    answer.body = String::from_utf8_lossy(&body).into_owned();
    Some(answer)
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    // An answer to HEAD says that it would be chunked and has no chunks.
    while !bytes.is_empty() {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?, 16).ok()?;
        let chunk = bytes.get(end + 2..end + 2 + size)?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(chunk);
        bytes = bytes.get(end + 4 + size..)?;
    }
    Some(body)
}

/// Percent-encodes what may not stand in a request line; what is encoded already stays.
fn encode(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/?=&:,.()*!@$';+-_~%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_locations_shortened() {
        let bytes = b"HTTP/1.1 201 Created\r\nLocation: /rest/v1/items?id=eq.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n";
        let answer = parse(bytes).expect("parses");
        assert_eq!((answer.status, answer.body.as_str()), (201, "[1,2]"));
        assert_eq!(answer.header("location"), "/items?id=eq.1");
    }

    #[test]
    fn a_path_keeps_its_escapes() {
        assert_eq!(encode("/a?b=eq.\"x y\"&c=%20ü"), "/a?b=eq.%22x%20y%22&c=%20%C3%BC");
    }
}
