//! A token issuer for one machine: an OpenID discovery document, an RSA key made at start, and tokens on demand.
//!
//! It stands for the platform's identity provider. API Gateway's JWT authorizer reads the discovery document and the
//! key set and accepts RSA signatures only (API Gateway developer guide, "Control access to HTTP APIs with JWT
//! authorizers"), so RS256 it is.

use crate::error::{Error, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The audience of every token, unless a request says otherwise.
pub const AUDIENCE: &str = "dialgate";

/// What a web app's own token may do.
pub const DEFAULT_SCOPE: &str = "purchases:read purchases:write";

/// How long a token is valid, in seconds, unless a request says otherwise.
const DEFAULT_LIFE_S: i64 = 3600;

/// The only key's identifier; API Gateway requires one.
const KEY_ID: &str = "local-1";

/// What a token shall say. Everything left out is as for an honest caller.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The sub-accounts that the caller acts for: one becomes a string, several a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_accounts: Vec<String>,
    /// The agency that the caller acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<String>,
    /// Space-separated scopes; [`DEFAULT_SCOPE`] if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The audience; [`AUDIENCE`] if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The issuer that the token names; the real one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Seconds until it expires; negative makes one that has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<i64>,
}

/// The answer to a [`TokenRequest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// The signed token, for an `Authorization: Bearer` header.
    pub access_token: String,
}

struct Issuer {
    url: String,
    key: KeyPair,
    public: PublicNumbers,
}

/// An RSA public key as a key set holds it: two big-endian numbers without leading zeros.
struct PublicNumbers {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// Serves the issuer until `shutdown` resolves. `POST /token` takes a [`TokenRequest`] and gives a [`Token`].
///
/// # Errors
/// If the key cannot be made or the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let address = listener.local_addr().map_err(Error::io("read the issuer's address"))?;
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_unspecified| no_key())?;
    let public = public_numbers(key.public_key().as_ref()).ok_or_else(no_key)?;
    let issuer = Arc::new(Issuer { url: format!("http://{address}"), key, public });
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/.well-known/jwks.json", get(key_set))
        .route("/token", post(token))
        .with_state(issuer);
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await.map_err(Error::io("serve the token issuer"))
}

/// Asks a running issuer for a token.
///
/// # Errors
/// [`Error::Http`] if it does not answer.
pub async fn request_token(issuer_url: &str, request: &TokenRequest) -> Result<String> {
    let answer = reqwest::Client::new().post(format!("{issuer_url}/token")).json(request).send().await?;
    let token: Token = answer.error_for_status()?.json().await?;
    Ok(token.access_token)
}

fn no_key() -> Error {
    Error::UnexpectedAnswer { from: "the cryptography library", what: "it made no RSA key".to_owned() }
}

async fn discovery(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let url = &issuer.url;
    Json(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/.well-known/jwks.json"),
        "token_endpoint": format!("{url}/token"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
    }))
}

async fn key_set(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    Json(json!({ "keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
        "n": URL_SAFE_NO_PAD.encode(&issuer.public.modulus),
        "e": URL_SAFE_NO_PAD.encode(&issuer.public.exponent),
    }] }))
}

async fn token(
    State(issuer): State<Arc<Issuer>>,
    Json(request): Json<TokenRequest>,
) -> std::result::Result<Json<Token>, StatusCode> {
    let now_s =
        SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_before_1970| StatusCode::INTERNAL_SERVER_ERROR)?;
    let issued_s = i64::try_from(now_s.as_secs()).map_err(|_far_future| StatusCode::INTERNAL_SERVER_ERROR)?;
    let claims = claims(&issuer.url, &request, issued_s);
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; issuer.key.public_modulus_len()];
    issuer
        .key
        .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_unspecified| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(Token { access_token: format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)) }))
}

fn claims(url: &str, request: &TokenRequest, issued_s: i64) -> Value {
    let caller = request.sub_accounts.first().or(request.agency.as_ref()).map_or("nobody", String::as_str);
    let mut claims = json!({
        "iss": request.issuer.as_deref().unwrap_or(url),
        "aud": request.audience.as_deref().unwrap_or(AUDIENCE),
        "sub": format!("user-of-{caller}"),
        "iat": issued_s,
        "exp": issued_s.saturating_add(request.expires_in_s.unwrap_or(DEFAULT_LIFE_S)),
        "scope": request.scope.as_deref().unwrap_or(DEFAULT_SCOPE),
    });
    match request.sub_accounts.as_slice() {
        [] => {}
        [one] => claims["sub_account"] = json!(one),
        several => claims["sub_account"] = json!(several),
    }
    if let Some(agency) = &request.agency {
        claims["agency"] = json!(agency);
    }
    claims
}

/// Reads `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017, appendix A.1.1) in DER.
fn public_numbers(der: &[u8]) -> Option<PublicNumbers> {
    let (sequence, after) = der_value(der, 0x30)?;
    let (modulus, rest) = der_value(sequence, 0x02)?;
    let (exponent, rest) = der_value(rest, 0x02)?;
    let unsigned = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect();
    (after.is_empty() && rest.is_empty())
        .then(|| PublicNumbers { modulus: unsigned(modulus), exponent: unsigned(exponent) })
}

/// The content of a DER value with this tag, and what follows it.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, der) = der.split_first()?;
    let (&length, der) = der.split_first()?;
    let (length, der) = if length < 0x80 {
        (usize::from(length), der)
    } else {
        // The long form: the low bits say how many bytes of length follow.
        let (bytes, der) = der.split_at_checked(usize::from(length & 0x7f))?;
        (bytes.iter().try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?, der)
    };
    (first == tag).then(|| der.split_at_checked(length))?
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_SCOPE, TokenRequest, claims, der_value, request_token, serve};
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    async fn issuer() -> String {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        tokio::spawn(serve(listener, std::future::pending()));
        url
    }

    async fn json_at(url: &str) -> Value {
        reqwest::get(url).await.expect("an answer").json().await.expect("JSON")
    }

    fn decoded(part: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(part).expect("base64url")
    }

    #[tokio::test]
    async fn a_token_verifies_against_the_published_key() {
        let url = issuer().await;
        let discovery = json_at(&format!("{url}/.well-known/openid-configuration")).await;
        assert_eq!(discovery["issuer"], json!(url));
        let keys = json_at(discovery["jwks_uri"].as_str().expect("an address")).await;
        let number = |name: &str| decoded(keys["keys"][0][name].as_str().expect("a number"));
        assert_eq!(number("n").len(), 256, "2048 bits without a leading zero");
        assert_eq!(number("e"), [1, 0, 1]);

        let request = TokenRequest { sub_accounts: vec!["LocA".to_owned()], ..TokenRequest::default() };
        let token = request_token(&url, &request).await.expect("a token");
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else { panic!("three parts: {token}") };
        let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
        let signed = format!("{header}.{payload}");
        key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decoded(signature)).expect("a valid signature");
        let header: Value = serde_json::from_slice(&decoded(header)).expect("JSON");
        assert_eq!(header["kid"], keys["keys"][0]["kid"]);
        let payload: Value = serde_json::from_slice(&decoded(payload)).expect("JSON");
        assert_eq!(payload["sub_account"], "LocA");
        assert_eq!(payload["scope"], DEFAULT_SCOPE);
    }

    #[test]
    fn several_sub_accounts_are_a_list_and_none_leaves_the_claim_out() {
        let several = TokenRequest { sub_accounts: vec!["a".to_owned(), "b".to_owned()], ..TokenRequest::default() };
        assert_eq!(claims("http://issuer", &several, 0)["sub_account"], json!(["a", "b"]));
        let agency = TokenRequest { agency: Some("g".to_owned()), ..TokenRequest::default() };
        let claims = claims("http://issuer", &agency, 0);
        assert_eq!(claims.get("sub_account"), None);
        assert_eq!(claims["agency"], "g");
    }

    #[test]
    fn an_expiry_may_lie_in_the_past() {
        let expired = TokenRequest { expires_in_s: Some(-1), ..TokenRequest::default() };
        assert_eq!(claims("http://issuer", &expired, 100)["exp"], 99);
    }

    #[test]
    fn a_der_value_that_is_cut_short_is_none() {
        assert_eq!(der_value(&[0x02, 0x02, 0x01], 0x02), None);
        assert_eq!(der_value(&[0x02, 0x82, 0x01], 0x02), None);
        assert_eq!(der_value(&[0x02, 0x01, 0x07, 0x09], 0x02), Some((&[0x07][..], &[0x09][..])));
    }
}
