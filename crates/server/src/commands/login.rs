//! `countersign login`: the login of a wallet, from a terminal.

use bytes::Bytes;
use countersign_wallet::{PrivateKey, eip55};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::context::runtime;
use super::table::fields;
use super::{Answer, Refusal, http as client};
use crate::cli::LoginArgs;

/// Asks for a nonce, signs it as a wallet does, and gives the tokens.
pub(crate) fn login(wanted: &LoginArgs) -> Result<Answer, Refusal> {
    let path = &wanted.private_key_file;
    let text = std::fs::read_to_string(path).map_err(|error| {
        Refusal::new("FILE_NOT_READ", format!("{} cannot be read: {error}", path.display()))
    })?;
    let key = PrivateKey::parse(&text).map_err(|error| Refusal::of("WRONG_PRIVATE_KEY", &error))?;
    runtime()?.block_on(exchange(wanted, &key))
}

async fn exchange(wanted: &LoginArgs, key: &PrivateKey) -> Result<Answer, Refusal> {
    let base = wanted.url.trim_end_matches('/');
    let address = eip55(&key.address());
    let network = wanted.network.as_ref().map(|network| format!("&network={network}")).unwrap_or_default();
    let nonce =
        ask(Method::GET, format!("{base}/api/v1/auth/nonce?address={address}{network}"), None).await?;
    let nonce = member(&nonce, "nonce")?;
    let signature = key.sign_personal(format!("{address} {nonce}").as_bytes());
    let login = json!({ "address": address, "signature": signature });
    let pair = ask(Method::POST, format!("{base}/api/v1/auth/login"), Some(&login)).await?;
    let (token, refresh_token) = (member(&pair, "token")?, member(&pair, "refresh_token")?);
    let text = fields(&[
        ("address", address.clone()),
        ("token", token.to_owned()),
        ("refresh token", refresh_token.to_owned()),
    ]);
    let text = format!(
        "{text}\n\nWhoever has these acts as the wallet: send the token as `Authorization: Bearer TOKEN`."
    );
    Ok(Answer::done(json!({ "address": address, "token": token, "refresh_token": refresh_token }), text))
}

/// Sends a request and gives the JSON of the answer; a refusal, where the answer is one.
async fn ask(method: Method, url: String, body: Option<&Value>) -> Result<Value, Refusal> {
    let request = Request::builder().method(method).uri(&url).header(ACCEPT, "application/json");
    let body = body.map(Value::to_string);
    let request = match &body {
        Some(_) => request.header(CONTENT_TYPE, "application/json"),
        None => request,
    };
    let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())));
    let request = request.map_err(|error| Refusal::of("WRONG_URL", &error))?;
    let answer = client::send(request).await.map_err(|error| Refusal::of("NO_ANSWER", &error))?;
    let (status, body) = (answer.status(), answer.into_body());
    let json: Option<Value> = serde_json::from_slice(&body).ok();
    if !status.is_success() {
        // RFC 9457 section 3.1: `detail` is what people should read.
        let said = json.as_ref().and_then(|json| json.get("detail")).and_then(Value::as_str);
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        return Err(Refusal::new("LOGIN_REFUSED", format!("the server answered {status}{said}")));
    }
    json.ok_or_else(|| Refusal::new("NO_ANSWER", format!("the answer of {url} is no JSON")))
}

fn member<'a>(json: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    let found = json.get(name).and_then(Value::as_str);
    found.ok_or_else(|| {
        Refusal::new("NO_ANSWER", format!("the answer has no `{name}`: is this a Countersign?"))
    })
}
