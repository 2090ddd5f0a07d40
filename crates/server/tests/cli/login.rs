//! `countersign login`, against a server that checks what it is sent.

use countersign_model::Address;
use countersign_wallet::{WalletSignature, signed_by};
use serde_json::{Value, json};

use crate::server::{Seen, Server};
use crate::support::Folder;

// The example key of EIP-155.
const KEY: &str = "0x4646464646464646464646464646464646464646464646464646464646464646\n";
const ADDRESS: &str = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F";

fn nonce(_: &Seen) -> (&'static str, String) {
    ("200 OK", json!({ "nonce": "6b1e3c0a-7b0e-4b4e-8f0e-0123456789ab" }).to_string())
}

fn tokens(seen: &Seen) -> (&'static str, String) {
    let login: Value = serde_json::from_slice(&seen.body).unwrap();
    let text = format!("{} 6b1e3c0a-7b0e-4b4e-8f0e-0123456789ab", login["address"].as_str().unwrap());
    let signature = WalletSignature::parse(login["signature"].as_str().unwrap()).unwrap();
    assert!(signed_by(Address::parse(ADDRESS).unwrap(), text.as_bytes(), &signature).is_ok());
    ("200 OK", json!({ "token": "a.b.c", "refresh_token": "d.e.f" }).to_string())
}

fn refused(_: &Seen) -> (&'static str, String) {
    (
        "401 Unauthorized",
        json!({ "code": "AUTHORIZATION_ERROR", "detail": "the login was refused" }).to_string(),
    )
}

#[test]
fn a_login_asks_for_a_nonce_signs_it_and_prints_the_pair() {
    let folder = Folder::new();
    folder.write("wallet.key", KEY);
    let server = Server::start(vec![nonce, tokens]);
    let url = format!("http://{}/", server.address);
    let arguments = ["login", "--url", &url, "--private-key-file", "wallet.key", "--network", "eth"];
    let pair = folder.json(&arguments);
    assert_eq!(pair, json!({ "address": ADDRESS, "token": "a.b.c", "refresh_token": "d.e.f" }));
    let seen = server.seen();
    assert_eq!(seen[0].target, format!("/api/v1/auth/nonce?address={ADDRESS}&network=eth"));
    assert_eq!((seen[1].method.as_str(), seen[1].target.as_str()), ("POST", "/api/v1/auth/login"));
    assert_eq!(seen[1].header("host"), Some(url.trim_start_matches("http://").trim_end_matches('/')));
}

#[test]
fn a_refused_login_tells_what_the_server_said() {
    let folder = Folder::new();
    folder.write("wallet.key", KEY);
    let server = Server::start(vec![nonce, refused]);
    let url = format!("http://{}", server.address);
    let ran = folder.run(&["login", "--url", &url, "--private-key-file", "wallet.key"]);
    let said = "error: the server answered 401 Unauthorized: the login was refused\n";
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (1, "", said));
    server.seen();
}

#[test]
fn what_cannot_log_in_is_refused_without_repeating_the_private_key() {
    let folder = Folder::new();
    folder.write("wallet.key", "hunter2");
    let login = |url: &str, file: &str| folder.refusal(&["login", "--url", url, "--private-key-file", file]);
    assert_eq!(login("http://127.0.0.1:1", "none"), "FILE_NOT_READ");
    assert_eq!(login("http://127.0.0.1:1", "wallet.key"), "WRONG_PRIVATE_KEY");
    let ran = folder.run(&["login", "--url", "http://127.0.0.1:1", "--private-key-file", "wallet.key"]);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    folder.write("wallet.key", KEY);
    assert_eq!(login("http://127.0.0.1:1", "wallet.key"), "NO_ANSWER");
    assert_eq!(login("https://127.0.0.1:1", "wallet.key"), "NO_ANSWER");
    assert_eq!(login("no url", "wallet.key"), "WRONG_URL");
}
