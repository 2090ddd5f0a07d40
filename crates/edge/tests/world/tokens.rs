//! Tokens of wallets, and how they end.

use std::time::Duration;

use countersign_model::{Address, Generation, Scopes, Session, SessionEnd, SessionId};
use countersign_store::{Sessions, TokenKey, TokenKeys};
use countersign_token::jwt::{AccessClaims, KeyRing, RefreshClaims};

use super::{World, master, noon, token_key};

impl World {
    /// An access token whose session was ended.
    pub(crate) fn ended_token(&self) -> String {
        let claims = access(2, "");
        self.end(&claims);
        ring().mint_access(&claims).unwrap()
    }

    /// Ends the session of [`access_token`].
    pub(crate) fn end_session(&self) {
        self.end(&access(1, ""));
    }

    fn end(&self, claims: &AccessClaims) {
        let session = Session {
            id: claims.session,
            address: claims.address,
            counter: 0,
            refreshed_at: noon(),
            scopes: Scopes::default(),
            expires_at: noon().plus(Duration::from_hours(24)),
            ended: None,
        };
        self.runtime.block_on(async {
            self.store.begin_session(Generation(0), &session).await.unwrap();
            self.store.end_session(session.id, SessionEnd::Reuse { at: noon() }).await.unwrap();
        });
    }

    /// Has another token key sign, and removes the one that signed [`access_token`].
    pub(crate) fn replace_token_key(&self) {
        let newer = TokenKey { id: countersign_model::TokenKeyId("k2".into()), made_at: noon() };
        self.runtime.block_on(async {
            self.store.add_token_key(&newer, Some(&token_key())).await.unwrap();
            self.store.remove_token_key(&token_key()).await.unwrap();
        });
    }
}

fn access(session: u8, scopes: &str) -> AccessClaims {
    AccessClaims {
        address: Address::from_bytes([session; 20]),
        session: SessionId(uuid::Uuid::from_bytes([session; 16])),
        id: uuid::Uuid::from_bytes([9; 16]),
        scopes: Scopes::parse_list(scopes).unwrap(),
        issued_at: noon(),
        expires_at: noon().plus(Duration::from_hours(1)),
    }
}

fn ring() -> KeyRing {
    KeyRing::new(&master(), "redreamer", &[token_key()]).unwrap()
}

pub(crate) fn access_token(scopes: &str) -> String {
    ring().mint_access(&access(1, scopes)).unwrap()
}

pub(crate) fn refresh_token() -> String {
    let access = access(1, "");
    let refresh = RefreshClaims {
        address: access.address,
        session: access.session,
        id: access.id,
        scopes: access.scopes,
        issued_at: access.issued_at,
        expires_at: access.expires_at,
        counter: 0,
    };
    ring().mint_refresh(&refresh).unwrap()
}
