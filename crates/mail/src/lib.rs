//! Sends mail over SMTP.
//!
//! Hidden here: the protocol, the connection, trying again.
//! Not here: what a message says (`identity`).
//! Invariant: whoever hands a message over waits for nobody, and no message is printed.
//! Start reading at [`Smtp::start`].

use lettre::message::{Mailbox, MultiPart};
use lettre::{Message, SmtpTransport, Transport};
use mainstay_base::{Problem, Result};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Pauses before trying again, after a failure that may pass.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];
const TIMEOUT: Duration = Duration::from_secs(20);

/// Settings of [`Smtp`].
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtps://user:password@host:465`, or `smtp://…:587`, which asks for STARTTLS.
    pub url: String,
    /// `Shop <no-reply@example.com>`.
    pub from: String,
    /// Messages that may wait.
    pub queue_length_max: usize,
}

/// A message to send.
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A thread that sends what it is handed, one message after the other.
#[derive(Debug)]
pub struct Smtp {
    waiting: SyncSender<Letter>,
}

impl Smtp {
    /// Checks the settings and starts the thread. Nothing is sent yet.
    pub fn start(settings: &SmtpSettings) -> Result<Smtp> {
        let wrong = |what: String| {
            Problem::new("MS021", what).with_hint(
                "`[mail] smtp_url` is like \"smtps://user:password@mail.example.com:465\", `[mail] from` like \"Shop <no-reply@example.com>\"",
            )
        };
        // The words of the parser may hold the password: they are not shown.
        let transport = SmtpTransport::from_url(&guarded(&settings.url))
            .map_err(|_| wrong("`[mail] smtp_url` is no address of a mail server".into()))?
            .timeout(Some(TIMEOUT))
            .build();
        let from: Mailbox =
            settings.from.parse().map_err(|error| wrong(format!("`[mail] from` is no address: {error}")))?;
        let (waiting, arriving) = sync_channel(settings.queue_length_max.max(1));
        std::thread::Builder::new()
            .name("mail".into())
            .spawn(move || send_all(&transport, &from, &arriving))
            .map_err(|error| {
                Problem::internal(format!("cannot start the thread that sends mail: {error}"))
            })?;
        Ok(Smtp { waiting })
    }

    /// Hands a message over. Fails when too many wait already.
    pub fn send(&self, letter: Letter) -> Result<()> {
        self.waiting.try_send(letter).map_err(|error| match error {
            TrySendError::Full(_) => Problem::new("53400", "too many mails are waiting to be sent"),
            TrySendError::Disconnected(_) => Problem::internal("nothing sends mail any more"),
        })
    }
}

/// A password never leaves in the clear: `smtp://` means STARTTLS, except to this machine.
fn guarded(url: &str) -> String {
    let host = url.strip_prefix("smtp://").and_then(|rest| rest.rsplit('@').next());
    let ends = |rest: &str| rest.is_empty() || rest.starts_with([':', '/', '?']);
    let local = |host: &str| {
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| host.strip_prefix(own).is_some_and(ends))
    };
    let guard = host.is_some_and(|host| !host.contains("tls=") && !local(host));
    match guard {
        false => url.to_owned(),
        true if url.contains('?') => format!("{url}&tls=required"),
        true => format!("{url}?tls=required"),
    }
}

fn send_all(transport: &SmtpTransport, from: &Mailbox, arriving: &Receiver<Letter>) {
    while let Ok(letter) = arriving.recv() {
        if let Err(why) = send(transport, from, letter) {
            tracing::error!(why, "a mail was not sent");
        }
    }
}

/// Why a message was given up, in words without it.
fn send(transport: &SmtpTransport, from: &Mailbox, letter: Letter) -> Result<(), String> {
    let to: Mailbox = letter.to.parse().map_err(|_| "its address is no address".to_owned())?;
    let message = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(letter.subject)
        .multipart(MultiPart::alternative_plain_html(letter.text, letter.html))
        .map_err(|error| error.to_string())?;
    let mut pauses = PAUSES.iter();
    loop {
        match transport.send(&message) {
            Ok(_) => return Ok(()),
            Err(error) if error.is_permanent() => return Err(error.to_string()),
            Err(error) => match pauses.next() {
                Some(pause) => std::thread::sleep(*pause),
                None => return Err(error.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};

    /// A mail server that takes one message and gives its text.
    fn take_one(listener: &TcpListener) -> String {
        let (stream, _) = listener.accept().expect("a connection");
        let mut writer: TcpStream = stream.try_clone().expect("a second handle");
        let mut say = |words: &str| writer.write_all(format!("{words}\r\n").as_bytes()).expect("writes");
        say("220 test");
        let mut lines = BufReader::new(stream).lines();
        let (mut text, mut data) = (String::new(), false);
        while let Some(Ok(line)) = lines.next() {
            match line.as_str() {
                "." if data => {
                    say("250 taken");
                    return text;
                }
                line if data => text.push_str(&format!("{line}\n")),
                line if line.starts_with("DATA") => {
                    data = true;
                    say("354 go on");
                }
                line if line.starts_with("EHLO") => say("250 test"),
                _ => say("250 ok"),
            }
        }
        text
    }

    #[test]
    fn a_message_reaches_its_server() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let from = "Shop <no-reply@example.com>".to_owned();
        let smtp = Smtp::start(&SmtpSettings { url, from, queue_length_max: 4 }).expect("starts");
        let letter = |to: &str| Letter {
            to: to.into(),
            subject: "Für dich".into(),
            text: "Code: 123456".into(),
            html: "<p>123456</p>".into(),
        };
        smtp.send(letter("ada@example.com")).expect("is taken");
        let text = take_one(&listener);
        for words in [
            "From: \"Shop\" <no-reply@example.com>",
            "To: ada@example.com",
            "Code: 123456",
            "<p>123456</p>",
            "multipart/alternative",
        ] {
            assert!(
                text.contains(words) || text.contains(&words.replace('"', "")),
                "{words} is missing in {text}"
            );
        }
    }

    #[test]
    fn a_wrong_address_is_told_without_its_password() {
        let settings =
            |url: &str, from: &str| SmtpSettings { url: url.into(), from: from.into(), queue_length_max: 1 };
        let problem = Smtp::start(&settings("http://user:hunter2@host", "a@b.test")).expect_err("no SMTP");
        assert!(!format!("{problem:?}").contains("hunter2"));
        assert!(Smtp::start(&settings("smtp://localhost", "nobody")).is_err());
    }

    #[test]
    fn passwords_do_not_leave_in_the_clear() {
        assert_eq!(guarded("smtp://u:p@mail.test:587"), "smtp://u:p@mail.test:587?tls=required");
        assert_eq!(guarded("smtp://localhost.mail.test"), "smtp://localhost.mail.test?tls=required");
        for same in ["smtp://127.0.0.1:1025", "smtps://u:p@mail.test", "smtp://mail.test?tls=opportunistic"] {
            assert_eq!(guarded(same), same);
        }
    }
}
