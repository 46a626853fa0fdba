//! Which case files there are.

use std::path::{Path, PathBuf};

/// Where nobody names any: beside the first file of the configuration.
pub(super) const FOLDER: &str = "tests";

#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    #[error(
        "no case files: none was named, and there is no folder `{}` beside the configuration; make it, or name files and folders",
        .looked.display()
    )]
    NoFolder { looked: PathBuf },
    #[error("`{}` cannot be read: {source}; name a case file, or a folder of them", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{}` holds no file that ends in `.yaml` or `.yml`; name a folder with case files in it", .folder.display())]
    Empty { folder: PathBuf },
}

/// The files that are named, folders replaced by the YAML files in them and in the folders below, in the order of their
/// names. Without a name those of the folder `tests` in `beside`.
///
/// # Errors
/// All that is named and not there, and folders without any.
pub(super) fn find(named: &[PathBuf], beside: &Path) -> Result<Vec<PathBuf>, Vec<FindError>> {
    let default = beside.join(FOLDER);
    if named.is_empty() && !default.is_dir() {
        return Err(vec![FindError::NoFolder { looked: default }]);
    }
    let default = [default];
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for path in if named.is_empty() { default.as_slice() } else { named } {
        match in_path(path) {
            Ok(found) => files.extend(found),
            Err(error) => errors.push(error),
        }
    }
    // A file that is named and lies in a folder that is, too, runs once.
    let mut once = Vec::with_capacity(files.len());
    files.into_iter().for_each(|file| {
        if !once.contains(&file) {
            once.push(file)
        }
    });
    if errors.is_empty() { Ok(once) } else { Err(errors) }
}

fn in_path(path: &Path) -> Result<Vec<PathBuf>, FindError> {
    if !path.is_dir() {
        // That it cannot be read is said when it is.
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    walk(path, &mut files)?;
    files.sort();
    if files.is_empty() { Err(FindError::Empty { folder: path.to_owned() }) } else { Ok(files) }
}

/// What begins with a dot is left out: a folder that Kubernetes mounts holds every file twice, once below such a name.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FindError> {
    let unreadable = |source| FindError::Unreadable { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // A link to a folder is not followed, for it may lead round in a circle.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    Ok(())
}
