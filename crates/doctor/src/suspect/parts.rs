//! Methods, schemes and hosts in other forms, and one part of the request in another's place.

use countersign_dialect::Whole;

use super::Suspicion;
use crate::finding::Kind;
use crate::shown::quoted;
use crate::view::{Change, Scene};

pub(super) fn suspicions(scene: &Scene<'_>) -> Vec<Suspicion> {
    let mut all = Vec::new();
    methods(scene.request.method, &mut all);
    hosts(scene.request.host, scene.request.scheme, &mut all);
    sources(&mut all);
    all
}

fn methods(sent: &str, all: &mut Vec<Suspicion>) {
    let title =
        sent.get(..1).unwrap_or_default().to_uppercase() + &sent.get(1..).unwrap_or_default().to_lowercase();
    for other in [sent.to_lowercase(), sent.to_uppercase(), title] {
        if other != sent {
            all.push(Suspicion::new(
                Kind::MethodCase,
                20,
                Change::Method(other.clone()),
                format!("The client signed the method as `{other}`, and sent `{sent}`."),
                format!("Sign the method as it is sent: `{sent}`."),
            ));
        }
    }
    for other in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
        if other != sent {
            all.push(Suspicion::new(
                Kind::MethodDiffers,
                90,
                Change::Method(other.to_owned()),
                format!("The client signed the method `{other}`, and sent `{sent}`."),
                format!("Sign the method that is sent: `{sent}`."),
            ));
        }
    }
}

fn hosts(sent: &str, scheme: &str, all: &mut Vec<Suspicion>) {
    let mut push = |kind, rank, host: String, said: String| {
        if host != sent && !host.is_empty() {
            let remedy = format!("Sign the host as it is sent in `Host`: {}.", quoted(sent.as_bytes()));
            all.push(Suspicion::new(kind, rank, Change::Host(host), said, remedy));
        }
    };
    let told = |host: &str| {
        format!(
            "The client signed the host as {}, and sent {}.",
            quoted(host.as_bytes()),
            quoted(sent.as_bytes())
        )
    };
    if let Some((name, port)) =
        sent.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    {
        let said = format!(
            "The client signed the host without its port ({}), and sent `{sent}`.",
            quoted(name.as_bytes())
        );
        push(Kind::HostPort, 30, name.to_owned(), said);
        for other in ["80", "443"] {
            if other != port {
                let host = format!("{name}:{other}");
                push(Kind::HostPort, 130, host.clone(), told(&host));
            }
        }
    } else {
        for port in if scheme == "http" { ["80", "443"] } else { ["443", "80"] } {
            let host = format!("{sent}:{port}");
            let said = format!("The client signed the host with a port (`{host}`), and sent it without.");
            push(Kind::HostPort, 30, host, said);
        }
    }
    push(Kind::HostForm, 31, sent.to_lowercase(), told(&sent.to_lowercase()));
    if let Some(bare) = sent.strip_prefix("www.") {
        push(Kind::HostForm, 131, bare.to_owned(), told(bare));
    }
    for other in ["http", "https"] {
        if other != scheme {
            all.push(Suspicion::new(
                Kind::Scheme,
                32,
                Change::Scheme(other),
                format!("The client signed the URL with `{other}://`, and it was sent with `{scheme}://`."),
                format!("Sign the URL that is called: `{scheme}://`."),
            ));
        }
    }
}

/// One part of the request where another should stand.
fn sources(all: &mut Vec<Suspicion>) {
    use Kind::{BodyEmpty, QueryAdded, QueryLeftOut, UrlParts};
    let parts = [
        (Whole::Path, Whole::Target, QueryAdded, 15, "the path with the query", "the path without the query"),
        (
            Whole::Target,
            Whole::Path,
            QueryLeftOut,
            15,
            "the path without the query",
            "the path with the query",
        ),
        (Whole::Url, Whole::Target, UrlParts, 40, "path and query", "the whole URL, with scheme and host"),
        (
            Whole::Url,
            Whole::Path,
            UrlParts,
            41,
            "the path alone",
            "the whole URL, with scheme, host and query",
        ),
        (Whole::Target, Whole::Url, UrlParts, 42, "the whole URL", "path and query, without scheme and host"),
        (Whole::Path, Whole::Url, UrlParts, 43, "the whole URL", "the path alone"),
        (Whole::Body, Whole::Query, BodyEmpty, 45, "the query in place of the body", "the body"),
        (Whole::Query, Whole::Body, QueryLeftOut, 46, "the body in place of the query", "the query"),
        (
            Whole::KeyId,
            Whole::Secret,
            Kind::SecretField,
            110,
            "the secret in place of the key id",
            "the key id",
        ),
        (
            Whole::Nonce,
            Whole::Timestamp,
            Kind::NonceDiffers,
            111,
            "the time in place of the nonce",
            "the nonce",
        ),
        (
            Whole::Timestamp,
            Whole::Nonce,
            Kind::TimeDiffers,
            112,
            "the nonce in place of the time",
            "the time",
        ),
    ];
    for (part, instead, kind, rank, said, should) in parts {
        all.push(Suspicion::new(
            kind,
            rank,
            Change::Source(part, instead),
            format!("The client signed {said}; this dialect signs {should}."),
            format!("Sign {should}."),
        ));
    }
}
