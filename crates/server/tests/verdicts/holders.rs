//! Who has what, and the requests that they send. Signatures are made with other code than the one that checks them.

use std::collections::{BTreeMap, HashMap};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use crate::table::{Case, Dialect, Expect, Sign};

/// The headers of an identity.
pub(crate) const IDENTITY: [&str; 5] = [
    "x-consumer-id",
    "x-consumer-username",
    "x-credential-identifier",
    "x-authenticated-scope",
    "x-authenticated-userid",
];

/// What an upstream is told of a caller: header and value.
pub(crate) type Identity = BTreeMap<String, String>;

pub(crate) struct Credential {
    pub(crate) consumer: String,
    pub(crate) consumer_id: String,
    pub(crate) key_id: String,
    pub(crate) api_key: String,
    pub(crate) secret: String,
    pub(crate) scopes: String,
}

pub(crate) struct Wallet {
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

#[derive(Default)]
pub(crate) struct Holders {
    pub(crate) credentials: HashMap<String, Credential>,
    pub(crate) wallets: HashMap<String, Wallet>,
}

/// A request, ready to go out.
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    /// What an upstream must not see in a header.
    pub(crate) secrets: Vec<String>,
}

impl Holders {
    /// What the upstream is to be told of who passed.
    pub(crate) fn identity(&self, expect: &Expect) -> Identity {
        let Expect::Passes { credential, wallet, scopes } = expect else { panic!("nobody passed") };
        let holder = self.credentials.get(credential);
        assert!(holder.is_some() || credential.is_empty(), "no credential {credential}");
        let of = |value: fn(&Credential) -> &String| holder.map(value).cloned().unwrap_or_default();
        let address = wallet.as_ref().map(|wallet| self.wallets[wallet].address.clone());
        let scopes = scopes.clone().unwrap_or_else(|| of(|holder| &holder.scopes));
        let values = [
            of(|holder| &holder.consumer_id),
            of(|holder| &holder.consumer),
            of(|holder| &holder.key_id),
            scopes,
            address.unwrap_or_default(),
        ];
        IDENTITY.iter().map(ToString::to_string).zip(values).collect()
    }

    /// The request of a case, as of now.
    #[allow(clippy::disallowed_methods, reason = "the server that it goes to has the system's clock")]
    pub(crate) fn prepare(&self, case: &Case) -> Sent {
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let mut texts = self.texts(now);
        let mut headers = Vec::new();
        if let Some(sign) = &case.sign {
            let signed = self.sign(sign, case, now);
            if let Dialect::Realm = sign.dialect {
                headers.push(("X-API-Key".to_owned(), self.credentials[&sign.with].api_key.clone()));
                headers.push(("X-Timestamp".to_owned(), signed.timestamp.clone()));
                headers.push(("X-Signature".to_owned(), signed.signature.clone()));
            }
            texts.insert("timestamp".to_owned(), signed.timestamp);
            texts.insert("signature".to_owned(), signed.signature);
        }
        headers.retain(|(name, _)| !case.without.contains(name));
        headers.extend(case.headers.iter().map(|(name, value)| (name.clone(), filled(value, &texts))));
        Sent {
            method: case.method.clone(),
            target: filled(&case.target, &texts),
            headers,
            body: case.body.as_ref().map(|body| filled(body, &texts).into_bytes()),
            secrets: texts
                .into_iter()
                .filter(|(name, _)| !name.starts_with("now") && name != "timestamp" && name != "pitchprint")
                .map(|(_, text)| text)
                .filter(|text| text.len() > 12)
                .collect(),
        }
    }

    /// What may stand in braces.
    fn texts(&self, now: i64) -> HashMap<String, String> {
        let mut texts = HashMap::new();
        for (name, credential) in &self.credentials {
            texts.insert(name.clone(), credential.api_key.clone());
            texts.insert(format!("{name}.secret"), credential.secret.clone());
        }
        for (name, wallet) in &self.wallets {
            texts.insert(name.clone(), wallet.token.clone());
            texts.insert(format!("{name}.refresh"), wallet.refresh.clone());
        }
        texts.insert("now".to_owned(), now.to_string());
        texts.insert("now+1".to_owned(), (now + 1).to_string());
        texts
    }

    fn sign(&self, sign: &Sign, case: &Case, now: i64) -> Signed {
        let Credential { api_key, secret, .. } = &self.credentials[&sign.with];
        let timestamp = (now + sign.at).to_string();
        let signature = match sign.dialect {
            Dialect::Realm => {
                let method = sign.method.as_ref().unwrap_or(&case.method);
                let path = sign.path.as_deref().unwrap_or(case.target.split('?').next().unwrap());
                let body = sign.body.as_ref().or(case.body.as_ref()).map_or("", String::as_str);
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                let text = format!("{method}\n{path}\n{timestamp}\n{body}");
                STANDARD.encode(hmac::sign(&key, text.as_bytes()))
            }
            Dialect::Pitchprint => hex::encode(Md5::digest(format!("{api_key}{secret}{timestamp}"))),
        };
        Signed { timestamp, signature }
    }
}

struct Signed {
    timestamp: String,
    signature: String,
}

/// `text` with every `{NAME}` that is known in place of its name.
fn filled(text: &str, texts: &HashMap<String, String>) -> String {
    texts.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}
