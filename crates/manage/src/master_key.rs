//! Whether the master key is the one of this storage.

use countersign_model::{Credential, CredentialKind, KeyCheck, KeyId};
use countersign_store::{Store, StoreError};
use countersign_token::{Binding, MasterKey, Sealer};

/// Why storage cannot be used with a master key.
#[derive(Debug, thiserror::Error)]
pub enum WrongMasterKey {
    /// It was used with another one before.
    #[error(
        "the database belongs to the master key that is told by {wanted}; the one given is told by {found}"
    )]
    Another {
        /// What the right one is told by.
        wanted: KeyCheck,
        /// What the one that was given is told by.
        found: KeyCheck,
    },
    /// It holds a secret that does not open. What the right key is told by was not kept yet.
    #[error("the signing secret of `{key_id}` does not open under the master key that is given")]
    DoesNotOpen {
        /// Whose secret.
        key_id: KeyId,
    },
    /// Storage failed.
    #[error("whether the master key is the right one cannot be seen")]
    Store(#[source] StoreError),
}

/// Compares the master key with the one that storage was used with. The first that is seen is kept, unless there is a secret already that it
/// does not open.
pub async fn recognise_master_key(store: &dyn Store, master: &MasterKey) -> Result<(), WrongMasterKey> {
    let found = master.check();
    let kept = if let Some(kept) = store.key_check().await.map_err(WrongMasterKey::Store)? {
        kept
    } else {
        opens(store, master).await?;
        store.keep_key_check(found).await.map_err(WrongMasterKey::Store)?
    };
    if kept == found { Ok(()) } else { Err(WrongMasterKey::Another { wanted: kept, found }) }
}

/// Fails where a secret that is there does not open.
async fn opens(store: &dyn Store, master: &MasterKey) -> Result<(), WrongMasterKey> {
    let Some(held) = store.any_sealed().await.map_err(WrongMasterKey::Store)? else { return Ok(()) };
    let Credential { key_id, kind, .. } = held.credential;
    match kind {
        CredentialKind::ApiKey => Ok(()),
        CredentialKind::Signature { dialect, secret } => {
            let binding = Binding { key_id: &key_id, dialect: &dialect };
            match Sealer::new(master).open(&secret, binding) {
                Ok(_) => Ok(()),
                Err(_) => Err(WrongMasterKey::DoesNotOpen { key_id }),
            }
        }
    }
}
