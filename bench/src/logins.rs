//! The login of a wallet, beside the bare recovery of a public key.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Address, Network};
use countersign_session::{LoginRequest, Settings, Wallets};
use countersign_store::Store;
use countersign_store::testing::MemoryStore;
use countersign_wallet::{PrivateKey, WalletSignature, personal_hash, signed_by};
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

use crate::cases::Case;
use crate::meter::{Operation, operation};
use crate::world::{Counting, NOON, master, ready, ring};

/// A login as it is sent.
struct Login {
    address: String,
    text: String,
    signature: String,
}

pub(crate) fn login() -> Case {
    let Login { address, text, signature } = sign(&wallets(), 1);
    let (bare, message) = (compact(&signature), Message::from_digest(personal_hash(text.as_bytes())));
    Case {
        system: "wallet login",
        body: 0,
        crypto: "secp256k1 recovery",
        bare: operation(move || black_box(bare).recover(message).unwrap()),
        alone: operation(move || {
            let address = Address::parse(black_box(&address)).unwrap();
            let signature = WalletSignature::parse(black_box(&signature)).unwrap();
            signed_by(address, text.as_bytes(), &signature).unwrap()
        }),
        whole: Some(whole()),
    }
}

/// The whole login: nonces, signature, session, tokens. A nonce serves once, so each round has wallets and nonces of
/// its own, made beforehand.
fn whole() -> Operation {
    let (ring, entropy) = (ring(), Counting::default());
    Box::new(move |meter, count| {
        let wallets = wallets();
        let logins: Vec<Login> = (1..=count).map(|number| sign(&wallets, number)).collect();
        meter.sample(count, || {
            for Login { address, signature, .. } in &logins {
                let request = LoginRequest { address, signature };
                black_box(ready(wallets.login(black_box(request), &ring, NOON, &entropy)).unwrap());
            }
        })
    })
}

fn wallets() -> Wallets {
    let settings = Settings {
        networks: vec![Network::parse("eth").unwrap()],
        access_lifetime: Duration::from_hours(1),
        refresh_lifetime: Duration::from_hours(24),
    };
    Wallets::new(Arc::new(MemoryStore::new()) as Arc<dyn Store>, &master(), settings).unwrap()
}

fn sign(wallets: &Wallets, number: u32) -> Login {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    let key = PrivateKey::from_bytes(&bytes).unwrap();
    let address = key.address().to_string();
    let nonce = ready(wallets.nonce(&address, None, NOON)).unwrap();
    let text = format!("{address} {nonce}");
    let signature = key.sign_personal(text.as_bytes());
    Login { address, text, signature }
}

fn compact(signature: &str) -> RecoverableSignature {
    let byte = |at: usize| u8::from_str_radix(&signature[at..at + 2], 16).unwrap();
    let compact: Vec<u8> = (0..64).map(|index| byte(2 + 2 * index)).collect();
    let parity = if signature.ends_with("1b") { RecoveryId::Zero } else { RecoveryId::One };
    RecoverableSignature::from_compact(&compact, parity).unwrap()
}
