//! Writes the list of the dialects that come with the crate: every file below `dialects/`, by name.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("../../dialects")
        .canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut found: Vec<(String, String, PathBuf)> = Vec::new();
    for folder in folders(&root)? {
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                println!("cargo::rerun-if-changed={}", path.display());
                let (folder, stem) = (name_of(folder.file_name()), name_of(path.file_stem()));
                let name = if stem == "dialect" { folder.clone() } else { stem };
                found.push((name, folder, path));
            }
        }
    }
    found.sort();
    let mut list = format!("static BUILTIN: [Builtin; {}] = [\n", found.len());
    for (name, folder, path) in found {
        let origin =
            path.strip_prefix(root.join("..").canonicalize()?).unwrap_or(&path).display().to_string();
        let path = path.display().to_string();
        let _ = writeln!(
            list,
            "    Builtin {{ name: {name:?}, folder: {folder:?}, origin: {origin:?}, text: include_str!({path:?}) }},"
        );
    }
    list.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("builtin.rs"), list)
}

fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let all = fs::read_dir(root)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(all.into_iter().filter(|path| path.is_dir()).collect())
}

fn name_of(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}
