//! The tour: a client of each system, step by step.

use bytes::Bytes;
use countersign_model::{Clock, Secret};
use countersign_wallet::{PrivateKey, eip55};
use http::Request;
use serde_json::{Value, json};

use super::client::{Answer, call, pitchprint_signature, realm_signature};
use super::narrator::Narrator;
use crate::commands::http::NoAnswer;

/// The listing that the realm client makes.
pub(super) const LISTING: &str = r#"{"item":"sword","price":100}"#;
/// The same with one byte changed.
const TAMPERED: &str = r#"{"item":"sword","price":900}"#;
const LISTINGS_PATH: &str = "/v1/marketplace/listings";

/// What the clients were given.
pub(super) struct Given {
    pub(super) base: String,
    pub(super) realm_key: Secret<String>,
    pub(super) realm_secret: Secret<String>,
    pub(super) pitchprint_key: Secret<String>,
    pub(super) pitchprint_secret: Secret<String>,
    pub(super) wallet: PrivateKey,
    pub(super) wallet_text: Secret<String>,
}

impl Given {
    fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request<Bytes> {
        let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
        // Everything here is made above out of plain ASCII; what were not would show as a step that fails.
        *request.method_mut() = method.parse().unwrap_or_default();
        *request.uri_mut() = format!("{}{target}", self.base).parse().unwrap_or_default();
        for (name, value) in headers {
            let name: Result<http::HeaderName, _> = name.parse();
            if let (Ok(name), Ok(value)) = (name, value.parse()) {
                request.headers_mut().insert(name, value);
            }
        }
        request
    }
}

/// The clients, and who tells of them.
pub(super) struct Tour<'a> {
    pub(super) given: &'a Given,
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) narrator: Narrator,
    pub(super) clock: &'a dyn Clock,
}

/// Why the tour stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// The gateway did not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// A step came out otherwise than it should: a fault of this program.
    #[error("step \"{step}\" was to be answered {expected}, and was answered {got}")]
    Unexpected {
        /// Which.
        step: &'static str,
        /// The status that was to come.
        expected: u16,
        /// The status that came.
        got: u16,
    },
    /// An answer lacks a member that it must have.
    #[error("an answer has no `{0}`")]
    Lacks(&'static str),
}

impl Tour<'_> {
    /// Runs every step; stops at the first that does not come out as it should.
    pub(super) fn run(&mut self) -> Result<(), Stopped> {
        self.realm()?;
        self.pitchprint()?;
        self.redreamer()
    }

    fn realm(&mut self) -> Result<(), Stopped> {
        self.narrator.chapter("Realm AI: an API key, and a signature where it matters");
        let given = self.given;
        let (key, secret) = (given.realm_key.expose(), given.realm_secret.expose());

        let profile = |key: &str| given.request("GET", "/v1/user/profile", &[("X-API-Key", key)], "");
        let (good, garbled) = (profile(key), profile(&garbled(key)));
        self.step("A key is accepted", good, 200)?;
        self.step("A key with one character changed is refused", garbled, 401)?;

        let timestamp = self.now();
        let signature = realm_signature(secret, "POST", LISTINGS_PATH, timestamp, LISTING.as_bytes());
        let listing = |body: &str| {
            let timestamp = timestamp.to_string();
            let headers = [
                ("X-API-Key", key.as_str()),
                ("X-Timestamp", timestamp.as_str()),
                ("X-Signature", signature.as_str()),
                ("Content-Type", "application/json"),
            ];
            given.request("POST", LISTINGS_PATH, &headers, body)
        };
        let (good, tampered) = (listing(LISTING), listing(TAMPERED));
        self.step("A signed listing is accepted", good, 200)?;
        self.step("The same with one byte changed is refused", tampered, 403)?;
        let unsigned = given.request("POST", LISTINGS_PATH, &[("X-API-Key", key)], LISTING);
        self.step("The key alone is not enough there", unsigned, 403)?;
        Ok(())
    }

    fn pitchprint(&mut self) -> Result<(), Stopped> {
        self.narrator.chapter("PitchPrint: an MD5 signature in the JSON body");
        let given = self.given;
        let (key, secret) = (given.pitchprint_key.expose(), given.pitchprint_secret.expose());
        let call = |timestamp: i64| {
            let signature = pitchprint_signature(key, secret, timestamp);
            let body = json!({
                "apiKey": key, "timestamp": timestamp, "signature": signature, "projectId": "p-1",
            });
            // As PHP's curl sends it: the content type is wrong, and the body is JSON all the same.
            let headers = [("Content-Type", "application/x-www-form-urlencoded")];
            given.request("POST", "/runtime/fetch-project", &headers, &body.to_string())
        };
        let (fresh, old) = (call(self.now()), call(self.now() - 7200));
        self.step("A signed call is accepted", fresh, 200)?;
        self.step("A signature that is two hours old is refused", old, 401)?;
        let alone = given.request("GET", "/v1/user/profile", &[("X-API-Key", key)], "");
        self.step("The key, which stands in web pages, opens nothing alone", alone, 401)?;
        Ok(())
    }

    fn redreamer(&mut self) -> Result<(), Stopped> {
        self.narrator.chapter("RE:DREAMER: a wallet logs in");
        let given = self.given;
        let address = eip55(&given.wallet.address());
        let ask = given.request("GET", &format!("/api/v1/auth/nonce?address={address}&network=eth"), &[], "");
        let nonce = member(&self.step("The wallet asks for a nonce", ask, 200)?, "nonce")?;

        let text = format!("{address} {nonce}");
        self.narrator.aside(&format!("the wallet signs the text \"{text}\" (personal_sign, EIP-191)"));
        let signature = given.wallet.sign_personal(text.as_bytes());
        let body = json!({ "address": address, "signature": signature }).to_string();
        let log_in = || given.request("POST", "/api/v1/auth/login", &[("Content-Type", "text/plain")], &body);
        let (first, replay) = (log_in(), log_in());
        let pair = self.step("It logs in", first, 200)?;
        let (token, refresh_token) = (member(&pair, "token")?, member(&pair, "refresh_token")?);

        let call = |token: &str| {
            let bearer = format!("Bearer {token}");
            given.request("GET", "/api/v1/redeemcenter/items", &[("Authorization", bearer.as_str())], "")
        };
        let with_token = call(&token);
        self.step("It calls the API with its token", with_token, 200)?;
        self.step("The same login again is refused: a nonce serves once", replay, 401)?;

        let refresh = |token: &str| {
            let body = json!({ "refresh_token": token }).to_string();
            given.request("POST", "/api/v1/auth/refresh", &[("Content-Type", "application/json")], &body)
        };
        let (once, again) = (refresh(&refresh_token), refresh(&refresh_token));
        let second = self.step("It refreshes", once, 200)?;
        let next = refresh(&member(&second, "refresh_token")?);
        let third = self.step("It refreshes again, with the new refresh token", next, 200)?;
        self.step("The first refresh token again ends the session: somebody else has it", again, 401)?;
        let with_newest = call(&member(&third, "token")?);
        self.step("With the session, its newest token has ended too", with_newest, 401)?;
        Ok(())
    }

    /// Sends a request and tells of it; the body of the answer, if its status is the one that must come.
    fn step(
        &mut self,
        title: &'static str,
        request: Request<Bytes>,
        expected: u16,
    ) -> Result<Value, Stopped> {
        self.narrator.step(title);
        self.narrator.sent(&request);
        let Answer { status, request_id, body } = self.runtime.block_on(call(request))?;
        self.narrator.answered(title, status, &body, &request_id);
        if status.as_u16() == expected {
            Ok(body)
        } else {
            Err(Stopped::Unexpected { step: title, expected, got: status.as_u16() })
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().secs()
    }
}

fn member(body: &Value, name: &'static str) -> Result<String, Stopped> {
    body.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(Stopped::Lacks(name))
}

/// A key with its last character changed.
fn garbled(key: &str) -> String {
    let mut key = key.to_owned();
    let other = if key.pop() == Some('0') { '1' } else { '0' };
    key.push(other);
    key
}
