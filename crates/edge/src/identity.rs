//! What the upstream is told about the caller, and what it must not hear from the caller.

use std::borrow::Cow;

use countersign_verify::{Accept, Caller, Requirement, Scheme};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::routes::Credentials;

/// The consumer's identity, a UUID.
pub const CONSUMER_ID: HeaderName = HeaderName::from_static("x-consumer-id");
/// The consumer's name.
pub const CONSUMER_USERNAME: HeaderName = HeaderName::from_static("x-consumer-username");
/// The key id of the credential that was used.
pub const CREDENTIAL_IDENTIFIER: HeaderName = HeaderName::from_static("x-credential-identifier");
/// The scopes held, comma separated.
pub const AUTHENTICATED_SCOPE: HeaderName = HeaderName::from_static("x-authenticated-scope");
/// The wallet's address, lower case.
pub const AUTHENTICATED_USERID: HeaderName = HeaderName::from_static("x-authenticated-userid");

/// The headers that say who is calling. Only we set them.
pub const HEADERS: [HeaderName; 5] =
    [CONSUMER_ID, CONSUMER_USERNAME, CREDENTIAL_IDENTIFIER, AUTHENTICATED_SCOPE, AUTHENTICATED_USERID];

/// How many more a gateway sets after these: room is made for all of them at once.
const PROVENANCE_HEADERS: usize = 7;

/// How the names of headers begin that gateways set to say who is calling: ours, and those of others whose upstreams
/// believe them (`X-Consumer-Custom-ID`, `X-Consumer-Groups`, `X-Credential-Username`, `X-Anonymous-Consumer`).
const FORGEABLE: [&str; 4] = ["x-consumer-", "x-credential-", "x-authenticated-", "x-anonymous-"];

/// Names of headers.
pub type Names = SmallVec<[HeaderName; 2]>;

/// Removes whatever a client sent under the names of identity headers, ours and those of other gateways, in any
/// [spelling].
pub fn remove_forged(headers: &mut HeaderMap) {
    for name in forged(headers) {
        headers.remove(name);
    }
}

/// The names of identity headers under which a client sent something, ours and those of other gateways, in any
/// [spelling].
pub fn forged(headers: &HeaderMap) -> Names {
    let forgeable = |name: &HeaderName| {
        let name = spelling(name);
        FORGEABLE.iter().any(|start| name.starts_with(start))
    };
    headers.keys().filter(|name| name.as_str().starts_with('x') && forgeable(name)).cloned().collect()
}

/// The headers by which a client names another path than that of its request, for servers that believe them, in any
/// [spelling].
pub fn rerouting(headers: &HeaderMap) -> Names {
    let reroutes = |name: &HeaderName| {
        let name = spelling(name);
        name.starts_with("x-original-") || name == "x-rewrite-url"
    };
    headers.keys().filter(|name| name.as_str().starts_with('x') && reroutes(name)).cloned().collect()
}

/// The name that servers may read a header's name as.
///
/// Servers behind gateways fold names together: CGI (RFC 3875 section 4.1.18) and its heirs make `HTTP_X_CONSUMER_ID`
/// of `X-Consumer-ID` and `X_Consumer_ID` alike. So every character that is neither letter nor digit counts as `-`.
pub fn spelling(name: &HeaderName) -> Cow<'_, str> {
    let odd = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'-';
    let name = name.as_str();
    if name.bytes().any(odd) {
        Cow::Owned(name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Adds the names of a header in every [spelling] that is there.
fn add_spellings(names: &mut Names, headers: &HeaderMap, name: &HeaderName) {
    let plain = spelling(name);
    let alike = |other: &&HeaderName| other.as_str().len() == plain.len() && spelling(other) == plain;
    names.extend(headers.keys().filter(alike).cloned());
}

/// Removes the secrets that the route's schemes checked. A signature inside the body stays: the body passes unchanged.
pub fn remove_credentials(
    headers: &mut HeaderMap,
    requirement: &Requirement,
    api_key_header: &HeaderName,
    credentials: &Credentials,
) {
    for name in self::credentials(headers, requirement, api_key_header, credentials) {
        headers.remove(name);
    }
}

/// The names of the headers in which secrets stand that the route's schemes checked, in every [spelling] that is there.
pub fn credentials(
    headers: &HeaderMap,
    requirement: &Requirement,
    api_key_header: &HeaderName,
    credentials: &Credentials,
) -> Names {
    let mut names = Names::new();
    match (credentials, requirement.accept()) {
        (Credentials::DangerKeep { .. }, _) | (_, Accept::Nothing) => return names,
        (Credentials::Remove, Accept::Any(_) | Accept::All(_)) => {}
    }
    // An API key goes no further even from a route that asks for something else: unchecked, it must not look checked.
    add_spellings(&mut names, headers, api_key_header);
    for scheme in requirement.accept().schemes() {
        match scheme {
            Scheme::ApiKey => {}
            Scheme::Wallet => add_spellings(&mut names, headers, &AUTHORIZATION),
            Scheme::Signature(recipe) => {
                for name in recipe.credential_headers() {
                    add_spellings(&mut names, headers, name);
                }
            }
        }
    }
    names
}

/// Sets our identity headers, every one of them, empty where there is nothing to say.
pub fn set(headers: &mut HeaderMap, caller: &Caller) {
    headers.reserve(HEADERS.len() + PROVENANCE_HEADERS);
    let app = caller.app();
    let mut id = uuid::Uuid::encode_buffer();
    headers.insert(CONSUMER_ID, value(app.map(|app| &*app.id().0.as_hyphenated().encode_lower(&mut id))));
    headers.insert(CONSUMER_USERNAME, value(app.map(|app| app.name().as_str())));
    headers.insert(CREDENTIAL_IDENTIFIER, value(app.map(|app| app.key_id().as_str())));
    let scopes: Cow<'_, _> = caller.scopes();
    headers.insert(AUTHENTICATED_SCOPE, value((!scopes.is_empty()).then(|| scopes.to_list()).as_deref()));
    let user = caller.user().map(|address| address.to_string());
    headers.insert(AUTHENTICATED_USERID, value(user.as_deref()));
}

/// The types of the model hold only what can stand in a header; an empty value is what is left if one ever did not.
fn value(text: Option<&str>) -> HeaderValue {
    let empty = HeaderValue::from_static("");
    text.map_or(empty.clone(), |text| HeaderValue::from_str(text).unwrap_or(empty))
}

#[cfg(test)]
mod tests {
    use countersign_model::Scopes;
    use countersign_verify::{SignatureUse, UnsignedQuery};

    use super::*;

    #[test]
    fn a_forged_identity_is_gone_in_any_spelling() {
        let mut headers = HeaderMap::new();
        for name in [
            "X-Consumer-ID",
            "x_consumer_id",
            "X-Consumer_Username",
            "x.authenticated.userid",
            "X-Consumer-Custom-ID",
            "X_Consumer_Groups",
            "X-Credential-Username",
            "X-Anonymous-Consumer",
            "x-other_one",
            "x-consumer",
        ] {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("evil"));
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("twice"));
        }
        remove_forged(&mut headers);
        headers.remove("x-other_one").unwrap();
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-consumer"]);
    }

    #[test]
    fn a_credential_is_gone_in_any_spelling() {
        let mut headers = HeaderMap::new();
        for name in ["X-API-Key", "x_api_key", "X.API-Key", "authorization", "x-api-keys"] {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("csk"));
        }
        let accept = Accept::Any(vec![Scheme::ApiKey, Scheme::Wallet]);
        let requirement =
            Requirement::new(accept, Scopes::default(), UnsignedQuery::Allow, SignatureUse::AsDialect)
                .unwrap();
        let api_key = HeaderName::from_static("x-api-key");
        remove_credentials(&mut headers, &requirement, &api_key, &Credentials::Remove);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-api-keys"]);
    }
}
