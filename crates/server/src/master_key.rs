//! The master key on disk: read, and made on first use.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use countersign_model::{Entropy, Secret};
use countersign_token::{MasterKey, NotAMasterKey};

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MasterKeyError {
    /// Its file cannot be read.
    #[error("the master key {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Its file cannot be made.
    #[error("the master key {} cannot be made", path.display())]
    NotMade {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Others than the owner of its file may read or change it.
    #[error(
        "the master key {path} can be read by others (its mode is {mode:04o}): run `chmod 600 {path}`, and if \
         somebody may have read it, treat every secret in the database as known",
        path = path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What its file holds is none.
    #[error("{} holds no master key", path.display())]
    WrongFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NotAMasterKey,
    },
    /// What the environment or a secret's file holds is none.
    #[error("the master key that is given holds no master key")]
    WrongText(#[source] NotAMasterKey),
}

/// More than a master key is as text, so that a wrong file is not read to its end.
const READ_LIMIT: u64 = 4096;
const OWNER_ONLY: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// The master key that a text is.
pub(crate) fn parse(text: &Secret<String>) -> Result<MasterKey, MasterKeyError> {
    MasterKey::parse(text.expose()).map_err(MasterKeyError::WrongText)
}

/// The master key in the file at `path`; nothing where there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    let unreadable = |source| MasterKeyError::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    // Asked of the open file: what is looked at is what is read.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(MasterKeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::with_capacity(MasterKey::TEXT_LEN + 1);
    file.take(READ_LIMIT).read_to_string(&mut text).map_err(unreadable)?;
    let text = Secret::new(text);
    let wrong = |source| MasterKeyError::WrongFile { path: path.to_owned(), source };
    MasterKey::parse(text.expose()).map(Some).map_err(wrong)
}

/// Makes a master key in a new file at `path` that only its owner can read. Where another process was first, gives that
/// one's: the file appears whole or not at all, and is never replaced.
pub(crate) fn make(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, MasterKeyError> {
    let not_made = |source| MasterKeyError::NotMade { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("/"),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(not_made)?;
    let draft = draft_path(path, entropy);
    let made = write_new(&draft, &MasterKey::generate(entropy));
    // A link, unlike a rename, fails where the name is taken.
    let linked = made.and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // What is left over after a crash here is a draft that no process reads.
    let removed = std::fs::remove_file(&draft);
    linked.and(removed).and_then(|()| File::open(folder)?.sync_all()).map_err(not_made)?;
    read(path)?.ok_or_else(|| not_made(ErrorKind::NotFound.into()))
}

fn write_new(path: &Path, key: &MasterKey) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    file.write_all(key.to_text().expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn draft_path(path: &Path, entropy: &dyn Entropy) -> PathBuf {
    let mut random = [0; 8];
    entropy.fill(&mut random);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", u64::from_be_bytes(random)));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::world::OsEntropy;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_read_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/master.key");
        assert!(read(&path).unwrap().is_none());
        let made = make(&path, &OsEntropy).unwrap();
        let found = read(&path).unwrap().unwrap();
        let again = make(&path, &OsEntropy).unwrap();
        assert_eq!(found.to_text().expose(), made.to_text().expose());
        assert_eq!(again.to_text().expose(), made.to_text().expose());
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "no draft is left");
    }

    #[test]
    fn processes_that_start_together_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let barrier = Barrier::new(8);
        let keys: Vec<String> = std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                make(&path, &OsEntropy).unwrap().to_text().expose().clone()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        make(&path, &OsEntropy).unwrap();
        for exposed in [0o644, 0o640, 0o620, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(exposed)).unwrap();
            let refusal = read(&path).unwrap_err().to_string();
            assert!(refusal.contains(&format!("chmod 600 {}", path.display())), "{refusal}");
        }
    }

    #[test]
    fn a_file_that_holds_something_else_is_refused_without_repeating_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        for wrong in ["hunter2", "", &"0".repeat(64), &"h".repeat(1 << 16)] {
            std::fs::write(&path, wrong).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let refusal = format!("{:?}", read(&path).unwrap_err());
            assert!(refusal.contains("WrongFile") && !refusal.contains("hunter2"), "{refusal}");
        }
    }
}
