//! What the upstream is told about the caller, and what it must not hear from the caller.

use countersign_lines::AnswerHeaders as _;
use countersign_lines::Lines;
use countersign_model::Headers;
use countersign_verify::{Accept, Caller, Requirement, Scheme};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use crate::digits;
use crate::field::{Field, is_alike};
use crate::inbound::add_name;
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

/// Names of headers.
pub type Names = SmallVec<[HeaderName; 2]>;

/// Removes whatever a client sent under the names of identity headers, ours and those of other gateways, in any spelling.
pub fn remove_forged(headers: &mut HeaderMap) {
    for name in forged(headers) {
        headers.remove(name);
    }
}

/// The names of identity headers under which a client sent something, ours and those of other gateways, in any spelling.
pub fn forged(headers: &HeaderMap) -> Names {
    headers.keys().filter(|name| Field::of(name.as_str().as_bytes()) == Field::Identity).cloned().collect()
}

/// The headers in which secrets stand that a route's schemes check.
#[derive(Clone, Debug, Default)]
pub struct Secrets<'a> {
    names: SmallVec<[&'a HeaderName; 6]>,
    /// A bit for each length that a name has, the last for all that are longer: most headers are none of these by their length alone.
    lengths: u64,
}

impl<'a> Secrets<'a> {
    /// Those of a route with this requirement. A signature inside the body is none: the body passes unchanged.
    pub fn of(
        requirement: &'a Requirement,
        api_key_header: &'a HeaderName,
        credentials: &Credentials,
    ) -> Self {
        let mut secrets = Self::default();
        match (credentials, requirement.accept()) {
            (Credentials::DangerKeep { .. }, _) | (_, Accept::Nothing) => return secrets,
            (Credentials::Remove, Accept::Any(_) | Accept::All(_)) => {}
        }
        // An API key goes no further even from a route that asks for something else: unchecked, it must not look checked.
        secrets.add(api_key_header);
        for scheme in requirement.accept().schemes() {
            match scheme {
                Scheme::ApiKey => {}
                Scheme::Wallet => secrets.add(&AUTHORIZATION),
                Scheme::Signature(recipe) => {
                    recipe.credential_headers().iter().for_each(|name| secrets.add(name));
                }
            }
        }
        secrets
    }

    fn add(&mut self, name: &'a HeaderName) {
        self.lengths |= of_length(name.as_str().len());
        self.names.push(name);
    }

    /// Whether a header of this name, in lower case, is one of them, in any spelling.
    pub fn hold(&self, name: &[u8]) -> bool {
        self.lengths & of_length(name.len()) != 0
            && self.names.iter().any(|secret| is_alike(secret.as_str().as_bytes(), name))
    }

    /// Those of them that are there, in every spelling.
    pub fn among(&self, headers: Headers<'_>) -> Names {
        let mut names = Names::new();
        for header in headers.iter().filter(|header| self.hold(header.name)) {
            add_name(&mut names, header.name);
        }
        names
    }

    /// Removes them.
    pub fn remove(&self, headers: &mut HeaderMap) {
        let names: Names =
            headers.keys().filter(|name| self.hold(name.as_str().as_bytes())).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }
}

fn of_length(bytes: usize) -> u64 {
    1 << bytes.min(63)
}

/// Sets our identity headers, every one of them, empty where there is nothing to say.
pub fn set(headers: &mut HeaderMap, caller: &Caller) {
    tell(caller, |name, value| headers.set(&name, value.as_bytes()));
}

/// The lines of [`put`] where nobody is known.
const NOBODY: &[u8] = b"x-consumer-id: \r\nx-consumer-username: \r\nx-credential-identifier: \r\n\
    x-authenticated-scope: \r\nx-authenticated-userid: \r\n";

/// Adds our identity headers, every one of them, as [`tell`] says them. They stand in every request that goes on.
pub fn put(lines: &mut Lines, caller: &Caller) {
    let (app, user) = (caller.app(), caller.user());
    if app.is_none() && user.is_none() {
        return lines.put_all(|out| out.extend_from_slice(NOBODY));
    }
    // The types of the model hold only what can stand in a line.
    lines.put_all(|out| {
        out.extend_from_slice(b"x-consumer-id: ");
        if let Some(app) = app {
            out.extend_from_slice(&digits::uuid(app.id().0.into_bytes()));
        }
        out.extend_from_slice(b"\r\nx-consumer-username: ");
        out.extend_from_slice(app.map_or("", |app| app.name().as_str()).as_bytes());
        out.extend_from_slice(b"\r\nx-credential-identifier: ");
        out.extend_from_slice(app.map_or("", |app| app.key_id().as_str()).as_bytes());
        out.extend_from_slice(b"\r\nx-authenticated-scope: ");
        for (place, scope) in caller.scopes().iter().enumerate() {
            let gap: &[u8] = if place == 0 { b"" } else { b"," };
            out.extend_from_slice(gap);
            out.extend_from_slice(scope.as_str().as_bytes());
        }
        out.extend_from_slice(b"\r\nx-authenticated-userid: ");
        if let Some(user) = user {
            out.extend_from_slice(user.to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    });
}

/// Says who is calling: each of our identity headers, with what stands in it.
pub fn tell(caller: &Caller, mut says: impl FnMut(HeaderName, &str)) {
    let app = caller.app();
    let id = app.map(|app| digits::uuid(app.id().0.into_bytes()));
    says(CONSUMER_ID, id.as_ref().and_then(|id| str::from_utf8(id).ok()).unwrap_or_default());
    says(CONSUMER_USERNAME, app.map_or("", |app| app.name().as_str()));
    says(CREDENTIAL_IDENTIFIER, app.map_or("", |app| app.key_id().as_str()));
    let scopes = caller.scopes();
    // Made anew for each request: a list of scopes kept with every credential would cost more memory than the rest of it.
    says(AUTHENTICATED_SCOPE, &if scopes.is_empty() { String::new() } else { scopes.to_list() });
    says(AUTHENTICATED_USERID, &caller.user().map_or_else(String::new, |user| user.to_string()));
}

#[cfg(test)]
mod tests {
    use countersign_model::Scopes;
    use countersign_verify::{SignatureUse, UnsignedQuery};
    use http::HeaderValue;

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
        Secrets::of(&requirement, &api_key, &Credentials::Remove).remove(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-api-keys"]);
    }
}
