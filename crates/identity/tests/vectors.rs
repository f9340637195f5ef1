//! Published test vectors of JWS and JWK: Wycheproof's (which hold RFC 7520's figures), RFC 7515's and RFC 8037's.

use mainstay_identity::RootSecret;
use mainstay_identity::jose::{Algorithm, Jwk, Token, VerifyingKey};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    source: String,
    comment: String,
    key: Value,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: u32,
    comment: String,
    jws: String,
    result: String,
}

/// What is decided otherwise here, and why.
const EXCEPTIONS: &[(&str, u32, &str)] = &[
    (
        "jwk",
        7,
        "a key of a generator that was broken until 2017 (ROCA): an issuer's key set is trusted to have none",
    ),
    ("jws", 346, "the header says PS384, which is not used here, for a key that says PS256"),
    ("jws", 350, "the header says PS384, which is not used here, for a key that says PS256"),
    ("jws", 367, "its text is that of 357, which is valid"),
    ("jws", 370, "its text is that of 357, which is valid"),
    ("jws", 372, "a character outside of base64url is ignored: RFC 7515 section 2 knows none such"),
    ("jws", 373, "a character outside of base64url is ignored: RFC 7515 section 2 knows none such"),
];

fn key(jwk: &Value) -> Option<VerifyingKey> {
    let parsed: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    if parsed.kty != "oct" {
        return parsed.verifying();
    }
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(jwk["k"].as_str()?).ok()?;
    Some(VerifyingKey::shared(&RootSecret::new(bytes).ok()?))
}

fn accepts(jwk: &Value, text: &str) -> bool {
    let (Some(key), Ok(token)) = (key(jwk), Token::parse(text)) else { return false };
    Algorithm::named(&token.header.alg) == Some(key.algorithm)
        && key.holds(token.signed, &token.signature)
        && token.payload().is_ok()
}

#[test]
fn wycheproof() {
    let file: File = serde_json::from_str(include_str!("vectors/wycheproof_jws.json")).expect("JSON");
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for group in &file.groups {
        for case in &group.tests {
            let found = accepts(&group.key, &case.jws);
            let excepted = EXCEPTIONS.iter().any(|(source, id, _)| *source == group.source && *id == case.id);
            if (found == (case.result == "valid")) == excepted {
                wrong.push(format!("{} {} {}: {}", group.comment, case.id, case.comment, case.result));
            }
            *(if found { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(accepted > 20 && refused > 130, "{accepted} {refused}");
}

#[test]
fn rfc_7515_and_8037() {
    let hs256 = json!({"kty": "oct",
        "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"});
    let es256 = json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
    let eddsa = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let joe =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    // RFC 7515 appendices A.1 and A.3, RFC 8037 appendix A.4.
    for (key, token) in [
        (&hs256, format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{joe}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
        (&es256, format!("eyJhbGciOiJFUzI1NiJ9.{joe}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")),
        (&eddsa, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg".to_owned()),
    ] {
        assert!(accepts(key, &token), "{token}");
        for other in [&hs256, &es256, &eddsa] {
            assert_eq!(accepts(other, &token), other == key);
        }
    }
    // RFC 7515 appendix A.5: not secured; appendix E: an extension that is not known.
    assert!(!accepts(&hs256, &format!("eyJhbGciOiJub25lIn0.{joe}.")));
    assert!(!accepts(
        &hs256,
        "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA."
    ));
}

#[test]
fn a_thumbprint_is_rfc_7638s() {
    // RFC 8037 appendix A.3 has the form for another type; this is P-256's, of RFC 7515's key, computed apart.
    let jwk: Jwk = serde_json::from_value(json!({"kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}))
    .expect("a key");
    assert_eq!(jwk.thumbprint(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}
