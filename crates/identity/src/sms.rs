//! Text messages: the port through which they leave, and the webhook that is asked to send them.

use crate::fetch::{Fetch, FetchRequest};
use crate::secret::Secret;
use crate::uuid::Uuid;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mainstay_base::{Env, Problem, Result};
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A text message that is ready to leave. It carries a code, so it does not print itself.
#[derive(Clone)]
pub struct Sms {
    pub user: Uuid,
    /// In E.164 without its plus sign.
    pub phone: String,
    pub otp: String,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sms(…)")
    }
}

/// Takes text messages and sends them later, as [`crate::mail::Mailer`] does.
pub trait Texter: Send + Sync + 'static {
    fn send(&self, sms: Sms) -> Result<()>;
}

/// Pauses before trying again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// Messages on their way at once.
const WAITING_MAX: usize = 1_000;

/// Asks a server of the application to send messages, in the form of Supabase's hook for SMS: signed as Standard Webhooks
/// has it.
pub struct SmsWebhook(Arc<Hook>);

struct Hook {
    url: String,
    key: hmac::Key,
    fetch: Arc<dyn Fetch>,
    env: Env,
    pauses: &'static [Duration],
    waiting: AtomicUsize,
}

impl SmsWebhook {
    /// `secret`: `v1,whsec_` and base64, as Supabase writes it, or the base64 alone.
    pub fn new(url: &str, secret: &Secret, fetch: Arc<dyn Fetch>, env: Env) -> Result<Self> {
        Self::pausing(url, secret, fetch, env, &PAUSES)
    }

    fn pausing(
        url: &str,
        secret: &Secret,
        fetch: Arc<dyn Fetch>,
        env: Env,
        pauses: &'static [Duration],
    ) -> Result<Self> {
        let text = secret.expose().trim_start_matches("v1,").trim_start_matches("whsec_");
        let key = STANDARD.decode(text).ok().filter(|key| key.len() >= 16).ok_or_else(|| {
            Problem::new("MS021", "`[auth] sms_webhook_secret` is not base64 of at least 16 bytes")
                .with_hint("`openssl rand -base64 32` makes one; `v1,whsec_` may stand before it")
        })?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Ok(SmsWebhook(Arc::new(Hook {
            url: url.to_owned(),
            key,
            fetch,
            env,
            pauses,
            waiting: AtomicUsize::new(0),
        })))
    }
}

impl Texter for SmsWebhook {
    fn send(&self, sms: Sms) -> Result<()> {
        let hook = Arc::clone(&self.0);
        if hook.waiting.fetch_add(1, Ordering::AcqRel) >= WAITING_MAX {
            hook.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(Problem::new("53400", "too many text messages are waiting to be sent"));
        }
        tokio::spawn(async move {
            if let Err(why) = hook.deliver(&sms).await {
                tracing::error!(why, "a text message was not sent");
            }
            hook.waiting.fetch_sub(1, Ordering::AcqRel);
        });
        Ok(())
    }
}

impl Hook {
    async fn deliver(&self, sms: &Sms) -> std::result::Result<(), String> {
        let id = Uuid::random(&self.env).to_string();
        let mut pauses = self.pauses.iter();
        loop {
            let why = match self.fetch.fetch(self.request(&id, sms)).await {
                Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
                // What it does not want now it will not want later.
                Ok(answer) if (400..500).contains(&answer.status) && answer.status != 429 => {
                    return Err(format!("the webhook answered {}", answer.status));
                }
                Ok(answer) => format!("the webhook answered {}", answer.status),
                Err(problem) => problem.message().to_owned(),
            };
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(why),
            }
        }
    }

    fn request(&self, id: &str, sms: &Sms) -> FetchRequest {
        let body = json!({
            "user": {"id": sms.user, "phone": sms.phone},
            "sms": {"otp": sms.otp, "phone": sms.phone},
        });
        let (body, at) = (body.to_string(), self.env.unix_micros() / 1_000_000);
        let signature = hmac::sign(&self.key, format!("{id}.{at}.{body}").as_bytes());
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", format!("v1,{}", STANDARD.encode(signature))),
        ];
        FetchRequest {
            method: "POST",
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: body.into_bytes(),
            answer_bytes_max: 16 * 1024,
            ..FetchRequest::get(self.url.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Fetched;
    use mainstay_engine::BoxFuture;
    use std::sync::Mutex;

    /// Answers with what it is told, in order, and keeps what it was asked.
    struct Wire(Mutex<Vec<u16>>, Mutex<Vec<FetchRequest>>);

    impl Fetch for Wire {
        fn fetch(&self, request: FetchRequest) -> BoxFuture<'_, Result<Fetched>> {
            self.1.lock().expect("not poisoned").push(request);
            let status = self.0.lock().expect("not poisoned").remove(0);
            Box::pin(async move { Ok(Fetched { status, ..Fetched::default() }) })
        }
    }

    fn hook(answers: &[u16]) -> (SmsWebhook, Arc<Wire>) {
        let wire = Arc::new(Wire(Mutex::new(answers.to_vec()), Mutex::default()));
        let secret = Secret::new("v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let env = mainstay_testkit::world::still(1_614_265_330).0;
        let hook =
            SmsWebhook::pausing("https://hooks.test/sms", &secret, wire.clone(), env, &[Duration::ZERO])
                .expect("a hook");
        (hook, wire)
    }

    fn sms() -> Sms {
        Sms { user: Uuid([1; 16]), phone: "49170123456".into(), otp: "123456".into() }
    }

    #[tokio::test]
    async fn a_message_is_signed_as_standard_webhooks_are() {
        let (hook, wire) = hook(&[204]);
        hook.0.deliver(&sms()).await.expect("is sent");
        let asked = wire.1.lock().expect("not poisoned").remove(0);
        let header =
            |name: &str| asked.headers.iter().find(|(own, _)| own == name).expect("a header").1.clone();
        let signed = format!(
            "{}.{}.{}",
            header("webhook-id"),
            header("webhook-timestamp"),
            String::from_utf8(asked.body.clone()).expect("text")
        );
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let signature = STANDARD.decode(&header("webhook-signature")[3..]).expect("base64");
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &signature)
            .expect("is right");
        assert!(signed.contains("\"otp\":\"123456\"") && signed.contains("1614265330"), "{signed}");
    }

    #[tokio::test]
    async fn a_failure_that_may_pass_is_tried_again_and_another_is_not() {
        let (hook, wire) = hook(&[503, 200]);
        hook.0.deliver(&sms()).await.expect("is sent");
        assert_eq!(wire.1.lock().expect("not poisoned").len(), 2);
        let (hook, wire) = self::hook(&[401, 200]);
        assert_eq!(hook.0.deliver(&sms()).await, Err("the webhook answered 401".into()));
        assert_eq!(wire.1.lock().expect("not poisoned").len(), 1);
    }
}
