//! How often somebody may try, and that nobody learns from an answer whether an account exists.

mod support;

use mainstay_base::{Problem, Retry};
use mainstay_identity::admin::events::Page;
use mainstay_identity::flows::otp::OtpRequest;
use mainstay_identity::flows::pkce::Challenge;
use mainstay_identity::flows::signup::{SignUp, SignedUp};
use mainstay_identity::flows::update::UserUpdate;
use mainstay_identity::flows::verify::Verification;
use mainstay_identity::{Bearer, Caller};
use serde_json::Value;
use std::sync::atomic::Ordering;
use support::{House, caller, secret};

const EMAIL: &str = "ada@example.com";
const NOBODY: &str = "nobody@example.com";

async fn with_account(change: impl FnOnce(&mut mainstay_identity::IdentitySettings)) -> House {
    let house = House::with(change).await;
    sign_up(&house, EMAIL).await;
    let (code, _) = house.code(EMAIL);
    let confirm = Verification {
        what: "signup".into(),
        token: secret(&code),
        email: EMAIL.into(),
        ..Verification::default()
    };
    house.identity.verify(confirm, &caller()).await.expect("confirms");
    house
}

async fn sign_up(house: &House, email: &str) -> Value {
    let request =
        SignUp { email: Some(email.into()), password: Some(secret("correct horse")), ..SignUp::default() };
    match house.identity.sign_up(request, "", &caller()).await.expect("is taken") {
        SignedUp::Waiting(answer) => answer,
        SignedUp::Session(_) => panic!("addresses are confirmed here"),
    }
}

async fn sign_in(house: &House, email: &str, password: &str, from: &Caller) -> Option<Problem> {
    house.identity.sign_in_with_password(email, "", secret(password), from).await.err()
}

fn from(address: &str) -> Caller {
    Caller { address: address.into(), ..caller() }
}

#[tokio::test]
async fn attempts_on_an_account_are_few_until_one_is_right() {
    let house = with_account(|settings| settings.attempts_per_account_max = 5).await;
    // A minute later what was spent on signing up is back.
    house.clock.fetch_add(300, Ordering::Relaxed);
    for round in 0..4 {
        let refused = sign_in(&house, EMAIL, "wrong horse", &from(&format!("192.0.2.{round}"))).await;
        assert_eq!(refused.expect("refused").code(), "invalid_credentials");
    }
    assert_eq!(sign_in(&house, EMAIL, "correct horse", &caller()).await, None);
    for round in 0..5 {
        let refused = sign_in(&house, EMAIL, "wrong horse", &from(&format!("192.0.2.{round}"))).await;
        assert_eq!(refused.expect("refused").code(), "invalid_credentials");
    }
    // From wherever, and with the right password too: whoever guesses shall not learn that it was.
    let limited = sign_in(&house, EMAIL, "correct horse", &from("198.51.100.7")).await.expect("limited");
    assert_eq!((limited.code(), limited.http_status(true)), ("over_request_rate_limit", 429));
    assert_eq!(limited.retry(), Retry::AfterSeconds(60));
    assert_eq!(
        sign_in(&house, NOBODY, "wrong horse", &caller()).await.expect("refused").code(),
        "invalid_credentials"
    );
    house.clock.fetch_add(61, Ordering::Relaxed);
    assert_eq!(sign_in(&house, EMAIL, "correct horse", &caller()).await, None);
}

#[tokio::test]
async fn attempts_from_an_address_are_few_whatever_they_are() {
    let house = House::with(|settings| settings.attempts_per_address_max = 6).await;
    let one = from("203.0.113.9");
    let token = || Verification {
        what: "email".into(),
        token: secret("123456"),
        email: EMAIL.into(),
        ..Verification::default()
    };
    assert_eq!(
        sign_in(&house, NOBODY, "wrong horse", &one).await.expect("refused").code(),
        "invalid_credentials"
    );
    assert_eq!(house.identity.verify(token(), &one).await.err().expect("refused").code(), "otp_expired");
    assert_eq!(
        house.identity.follow("signup", "rubbish", &one).await.err().expect("refused").code(),
        "otp_expired"
    );
    house.identity.recover("a@example.com", &Challenge::default(), "", &one).await.expect("is taken");
    let otp = OtpRequest { email: Some("b@example.com".into()), ..OtpRequest::default() };
    house.identity.send_otp(otp, "", &one).await.expect("is taken");
    house.identity.resend("signup", "c@example.com", "", "", &one).await.expect("is taken");
    let limited = house.identity.verify(token(), &one).await.err().expect("limited");
    assert_eq!((limited.code(), limited.retry()), ("over_request_rate_limit", Retry::AfterSeconds(50)));
    assert_eq!(
        house.identity.verify(token(), &from("203.0.113.10")).await.err().expect("refused").code(),
        "otp_expired"
    );
}

#[tokio::test]
async fn a_phone_that_nothing_can_reach_gets_no_account() {
    let house = House::with(|settings| settings.phone_enabled = true).await;
    let request = SignUp {
        phone: Some("+49170123456".into()),
        password: Some(secret("correct horse")),
        ..SignUp::default()
    };
    let refused = house.identity.sign_up(request, "", &caller()).await.err().expect("refused");
    assert_eq!((refused.code(), refused.http_status(true)), ("phone_provider_disabled", 400));
    let otp = OtpRequest { phone: Some("+49170123456".into()), ..OtpRequest::default() };
    let refused = house.identity.send_otp(otp, "", &caller()).await.expect_err("refused");
    assert_eq!(refused.code(), "phone_provider_disabled");
    let page = Page { number: 1, size: 10 };
    assert_eq!(house.identity.list_users(page).await.expect("lists").1, 0);
}

#[tokio::test]
async fn guesses_at_the_present_password_are_attempts_too() {
    let house = with_account(|settings| settings.attempts_per_account_max = 5).await;
    house.clock.fetch_add(300, Ordering::Relaxed);
    let tokens = house.identity.sign_in_with_password(EMAIL, "", secret("correct horse"), &caller()).await;
    let bearer = Bearer { user: tokens.expect("signs in").user.id, session: None };
    let change = |password: &str| UserUpdate { password: Some(secret(password)), ..UserUpdate::default() };
    for _ in 0..5 {
        let refused = house.identity.update_user(bearer, change("correct horse"), "", &caller()).await;
        assert_eq!(refused.expect_err("the same").code(), "same_password");
    }
    let limited = house.identity.update_user(bearer, change("correct horse"), "", &caller()).await;
    assert_eq!(limited.expect_err("too many").code(), "over_request_rate_limit");
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_of_browsers() {
    let house = with_account(|_| ()).await;
    let tokens = house.identity.sign_in_with_password(EMAIL, "", secret("correct horse"), &caller()).await;
    let user = tokens.expect("signs in").user.id;
    let browser = format!(
        "insert into auth.browser_sessions (hash, user_id, auth_time, amr, created_at, expires_at)
         values ('\\x01', '{user}', now(), '[]', now(), now() + interval '1 day')"
    );
    house.sql(&browser).await;
    assert_eq!(house.sql("select 1 from auth.browser_sessions").await, 1);
    let update = UserUpdate { password: Some(secret("another horse")), ..UserUpdate::default() };
    let bearer = Bearer { user, session: None };
    house.identity.update_user(bearer, update, "", &caller()).await.expect("changes");
    assert_eq!(house.sql("select 1 from auth.browser_sessions").await, 0);
}

/// The kinds of things in a value, without the things.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), shape(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(shape).collect()),
        Value::String(_) => "text".into(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn an_answer_and_its_work_do_not_tell_whether_an_account_exists() {
    let house = with_account(|_| ()).await;
    let taken = sign_up(&house, EMAIL).await;
    let again = sign_up(&house, EMAIL).await;
    let fresh = sign_up(&house, "grace@example.com").await;
    let waiting = sign_up(&house, "grace@example.com").await;
    assert_eq!(shape(&taken), shape(&fresh));
    assert_eq!(shape(&taken), shape(&waiting));
    assert_eq!((taken["id"].clone(), fresh["id"].clone()), (again["id"].clone(), waiting["id"].clone()));

    let mut wrong = Vec::new();
    for email in [EMAIL, NOBODY] {
        wrong.push(sign_in(&house, email, "wrong horse", &caller()).await.expect("refused"));
    }
    assert_eq!(wrong[0], wrong[1]);

    // Each writes one entry into the audit log and so waits for one commit, whoever it is about.
    for (ask, kind) in [("recover", 0), ("otp", 1), ("resend", 2)] {
        for email in [EMAIL, NOBODY] {
            let before = entries(&house).await;
            let asked = match kind {
                0 => house.identity.recover(email, &Challenge::default(), "", &caller()).await,
                1 => {
                    let create_user = Some(false);
                    let otp = OtpRequest { email: Some(email.into()), create_user, ..OtpRequest::default() };
                    house.identity.send_otp(otp, "", &caller()).await
                }
                _ => house.identity.resend("signup", email, "", "", &caller()).await,
            };
            asked.unwrap_or_else(|problem| panic!("{ask}: {problem}"));
            assert_eq!(entries(&house).await, before + 1, "{ask} {email}");
        }
    }
}

async fn entries(house: &House) -> i64 {
    house.identity.audit_log(Page { number: 1, size: 1 }).await.expect("reads the log").1
}
