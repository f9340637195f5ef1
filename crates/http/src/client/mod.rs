//! Requests to others: to another Mainstay process, for commands that ask the one which serves, and to servers anywhere
//! ([`HttpsFetch`]).

mod fetch;
mod public;

pub use fetch::{FetchSettings, HttpsFetch};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// An answer whose body has not been read yet.
pub struct Answer(Response<Incoming>);

impl Answer {
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// Bytes of the body, where the answer says so.
    pub fn length(&self) -> Option<u64> {
        self.0.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// The next bytes of the body; `None` at its end. An error says in words why there is no more.
    pub async fn piece(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            match self.0.body_mut().frame().await? {
                Err(error) => return Some(Err(error.to_string())),
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
            }
        }
    }
}

/// `GET` of a path at `host:port`, with a bearer token. An error says in words why there is no answer.
pub async fn get(authority: &str, path: &str, token: &str) -> Result<Answer, String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let has_port = authority.rsplit_once(']').map_or(authority, |(_, port)| port).contains(':');
    let address = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let stream = TcpStream::connect(address).await.map_err(|error| words(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| words(&error))?;
    // What goes wrong with the connection, the answer tells.
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(HOST, authority)
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Empty::<Bytes>::new())
        .map_err(|error| words(&error))?;
    sender.send_request(request).await.map(Answer).map_err(|error| words(&error))
}
