use super::*;
use mainstay_testkit::world::still;
use std::sync::Arc;

const CHEAP: Cost = Cost { memory_kib: 64, iterations: 1, lanes: 1 };

fn hasher(threads: usize, queue_length_max: usize) -> Hasher {
    let settings = HasherSettings { cost: CHEAP, threads, queue_length_max };
    Hasher::new(&settings, still(0).0).expect("starts")
}

async fn check(password: &str, stored: &str) -> Verified {
    hasher(1, 10).verify(&password.into(), Some(stored)).await.expect("checks")
}

const RIGHT: Verified = Verified { ok: true, upgrade: false };
const RIGHT_BUT_OLD: Verified = Verified { ok: true, upgrade: true };
const WRONG: Verified = Verified { ok: false, upgrade: false };

#[tokio::test]
async fn a_hash_is_of_its_password_and_salted() {
    let hasher = hasher(1, 10);
    let (one, two) = (hasher.hash(&"öffne dich".into()).await, hasher.hash(&"öffne dich".into()).await);
    let (one, two) = (one.expect("hashes"), two.expect("hashes"));
    assert_ne!(one, two);
    assert!(one.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{one}");
    assert_eq!(hasher.verify(&"öffne dich".into(), Some(&one)).await.ok(), Some(RIGHT));
    assert_eq!(hasher.verify(&"öffne mich".into(), Some(&one)).await.ok(), Some(WRONG));
}

#[tokio::test]
async fn nobody_has_a_password() {
    let hasher = hasher(1, 10);
    for stored in [None, Some(""), Some("$2a$10$short"), Some("plain text")] {
        assert_eq!(hasher.verify(&"secret".into(), stored).await.ok(), Some(WRONG), "{stored:?}");
        assert_eq!(hasher.verify(&"".into(), stored).await.ok(), Some(WRONG), "{stored:?}");
    }
}

#[tokio::test]
async fn hashes_of_other_systems_are_right_and_old() {
    // argon2's own command line, OpenBSD's bcrypt, RFC 7914 section 12 in PHC's form, Supabase Auth's tests.
    let firebase = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==";
    for (password, stored) in [
        ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
        ("password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"),
        ("password", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"),
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        (
            "pleaseletmein",
            "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
        ),
        ("mytestpassword", firebase),
    ] {
        assert_eq!(check(password, stored).await, RIGHT_BUT_OLD, "{stored}");
        assert_eq!(check("another", stored).await, WRONG, "{stored}");
        assert!(check_importable(stored).is_ok());
    }
}

#[test]
fn a_hash_that_would_stop_the_server_is_not_taken() {
    for stored in [
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=65536,t=4000000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=64,t=1,p=4000$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$scrypt$ln=40,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046w",
        "$fbscrypt$v=1,n=63,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bpw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsag==",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "",
        "$$$$",
    ] {
        assert_eq!(
            check_importable(stored).err().map(|problem| problem.code().to_owned()).as_deref(),
            Some("22023")
        );
    }
}

#[tokio::test]
async fn a_flood_is_refused_when_the_queue_is_full() {
    let hasher = Arc::new(hasher(1, 2));
    // The one thread waits until the queue is full: then there is no more room.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = std::sync::mpsc::channel();
    let running = hasher.clone();
    let holding = tokio::spawn(async move {
        running
            .pool
            .run(move |_| {
                let _ = begun.send(());
                let _ = held.recv();
                Ok(())
            })
            .await
    });
    tokio::task::yield_now().await;
    begins.recv().expect("it has begun");
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.hash(&"a password".into()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let refused = hasher.hash(&"a password".into()).await.expect_err("full");
    assert_eq!((refused.code(), refused.http_status(false)), ("53400", 429));
    assert!(matches!(refused.retry(), mainstay_base::Retry::AfterSeconds(_)));
    release.send(()).expect("it waits");
    assert!(holding.await.is_ok_and(|outcome| outcome.is_ok()));
    for one in waiting {
        assert!(one.await.is_ok_and(|outcome| outcome.is_ok()));
    }
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let hasher = hasher(1, 2);
    let gone: Result<()> = hasher.pool.run(|_| panic!("as if a hash were broken")).await;
    assert!(gone.is_err());
    assert!(hasher.hash(&"a password".into()).await.is_ok());
}

#[test]
fn lengths_count_characters_and_common_ones_are_refused() {
    let check = |text: &str| check_choice(&text.into(), 8);
    assert_eq!(check("äöüäöüä"), Err(Weakness::Short { least: 8 }));
    assert_eq!(check("äöüäöüäö"), Ok(()));
    assert_eq!(check("all lower case letters"), Ok(()));
    assert_eq!(check(&"x".repeat(128)), Ok(()));
    assert_eq!(check(&"x".repeat(129)), Err(Weakness::Long));
    assert_eq!(check("Password1"), Err(Weakness::Common));
    assert_eq!(check_choice(&"twelve chars".into(), 14), Err(Weakness::Short { least: 14 }));
}
