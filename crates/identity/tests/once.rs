//! What may be used once is used once, also by many at the same time.

mod support;

use mainstay_identity::flows::otp::OtpRequest;
use mainstay_identity::flows::pkce::Challenge;
use mainstay_identity::flows::signup::SignUp;
use mainstay_identity::flows::verify::{Verification, Verified};
use mainstay_identity::{Secret, Tokens};
use support::{House, caller, secret};

const EMAIL: &str = "ada@example.com";
const MANY: usize = 8;
/// The pair of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn signed_up(house: &House) {
    let request =
        SignUp { email: Some(EMAIL.into()), password: Some(secret("correct horse")), ..SignUp::default() };
    house.identity.sign_up(request, "https://shop.example.com", &caller()).await.expect("signs up");
}

/// Runs the same at the same time, and says how many of them it was granted.
async fn at_once<F, T>(run: impl Fn() -> F) -> Vec<mainstay_base::Result<T>>
where
    F: Future<Output = mainstay_base::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let tasks: Vec<_> = (0..MANY).map(|_| tokio::spawn(run())).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("does not panic"));
    }
    results
}

async fn sessions(house: &House) -> i64 {
    let (entries, _) = house.identity.audit_log(page()).await.expect("reads the log");
    entries.iter().filter(|entry| entry.payload["action"] == "user_signedup").count() as i64
}

fn page() -> mainstay_identity::admin::events::Page {
    mainstay_identity::admin::events::Page { number: 1, size: 100 }
}

#[tokio::test]
async fn a_code_is_used_by_one_of_many() {
    let house = House::with(|_| ()).await;
    signed_up(&house).await;
    let (code, _) = house.code(EMAIL);
    let results = at_once(|| {
        let (identity, token) = (house.identity.clone(), Secret::new(code.clone()));
        async move {
            let request =
                Verification { what: "signup".into(), token, email: EMAIL.into(), ..Verification::default() };
            identity.verify(request, &caller()).await
        }
    })
    .await;
    let (granted, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((granted.len(), refused.len()), (1, MANY - 1));
    for problem in refused.into_iter().filter_map(Result::err) {
        assert_eq!((problem.code(), problem.http_status(true)), ("otp_expired", 403));
    }
    assert_eq!(sessions(&house).await, 1);
}

#[tokio::test]
async fn a_link_and_the_code_of_its_flow_are_used_by_one_of_many() {
    let house = House::with(|settings| settings.confirm_email = true).await;
    let request = OtpRequest {
        email: Some(EMAIL.into()),
        code_challenge: Some(CHALLENGE.into()),
        code_challenge_method: Some("s256".into()),
        ..OtpRequest::default()
    };
    signed_up(&house).await;
    let (code, _) = house.code(EMAIL);
    let confirm = Verification {
        what: "signup".into(),
        token: secret(&code),
        email: EMAIL.into(),
        ..Verification::default()
    };
    house.identity.verify(confirm, &caller()).await.expect("confirms");
    house.identity.send_otp(request, "https://shop.example.com", &caller()).await.expect("sends");
    let (_, token) = house.code(EMAIL);
    assert!(token.starts_with("pkce_"), "{token}");
    let stripped = token.trim_start_matches("pkce_");
    let bypassed = house.identity.follow("magiclink", stripped, &caller()).await;
    assert_eq!(bypassed.err().map(|problem| problem.code().to_owned()).as_deref(), Some("otp_expired"));
    let results = at_once(|| {
        let (identity, token) = (house.identity.clone(), token.clone());
        async move { identity.follow("magiclink", &token, &caller()).await }
    })
    .await;
    let mut codes: Vec<String> = results
        .into_iter()
        .filter_map(Result::ok)
        .map(|verified| match verified {
            Verified::Code(code) => code,
            _ => panic!("a link of this flow gives a code"),
        })
        .collect();
    assert_eq!(codes.len(), 1);
    let code = codes.remove(0);
    let wrong = house.identity.exchange_code(&code, &"x".repeat(43), &caller()).await;
    assert_eq!(wrong.err().map(|problem| problem.code().to_owned()).as_deref(), Some("bad_code_verifier"));
    let results = at_once(|| {
        let (identity, code) = (house.identity.clone(), code.clone());
        async move { identity.exchange_code(&code, VERIFIER, &caller()).await }
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

#[tokio::test]
async fn parallel_refreshes_get_one_successor_and_a_thief_ends_the_session() {
    let house = House::with(|settings| settings.confirm_email = false).await;
    let request =
        SignUp { email: Some(EMAIL.into()), password: Some(secret("correct horse")), ..SignUp::default() };
    let first = match house.identity.sign_up(request, "", &caller()).await.expect("signs up") {
        mainstay_identity::flows::signup::SignedUp::Session(tokens) => {
            tokens.refresh_token.expose().to_owned()
        }
        mainstay_identity::flows::signup::SignedUp::Waiting(_) => panic!("nothing has to be confirmed"),
    };
    let refresh = |token: &str| {
        let (identity, token) = (house.identity.clone(), token.to_owned());
        async move { identity.refresh(&token, &caller()).await }
    };
    let results = at_once(|| refresh(&first)).await;
    let mut successors: Vec<String> = results
        .into_iter()
        .map(|result| result.map(|tokens: Tokens| tokens.refresh_token.expose().to_owned()).expect("granted"))
        .collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    let second = successors.remove(0);
    house.clock.fetch_add(31, std::sync::atomic::Ordering::Relaxed);
    let reused = refresh(&first).await.err().expect("refused");
    assert_eq!(reused.code(), "refresh_token_already_used");
    assert_eq!(refresh(&second).await.err().expect("over").code(), "refresh_token_not_found");
}

#[tokio::test]
async fn codes_and_flows_expire() {
    let house = House::with(|_| ()).await;
    signed_up(&house).await;
    let (code, _) = house.code(EMAIL);
    house.clock.fetch_add(3_601, std::sync::atomic::Ordering::Relaxed);
    let late = Verification {
        what: "signup".into(),
        token: secret(&code),
        email: EMAIL.into(),
        ..Verification::default()
    };
    assert_eq!(house.identity.verify(late, &caller()).await.err().expect("late").code(), "otp_expired");
}

#[tokio::test]
async fn one_message_in_a_while_whether_or_not_anybody_is_there() {
    let house = House::with(|settings| settings.message_interval_seconds = 60).await;
    signed_up(&house).await;
    let sent = house.sent();
    for email in [EMAIL, "nobody@example.com"] {
        let ask = || async { house.identity.recover(email, &Challenge::default(), "", &caller()).await };
        house.clock.fetch_add(61, std::sync::atomic::Ordering::Relaxed);
        ask().await.expect("the first is taken");
        let early = ask().await.expect_err("too early");
        assert_eq!((early.code(), early.http_status(true)), ("over_email_send_rate_limit", 429));
        assert_eq!(early.retry(), mainstay_base::Retry::AfterSeconds(61));
    }
    assert_eq!(house.sent(), sent + 1);
}
