//! Lists the files of the checkout.

use std::path::Path;
use std::process::Command;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files that Git tracks, and new ones that it does not ignore, if they still exist.
pub(crate) fn tracked() -> Vec<String> {
    let mut git = Command::new("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let output = git.current_dir(root()).output().unwrap();
    assert!(
        output.status.success(),
        "the tests of the repository need a Git checkout"
    );
    let list = String::from_utf8(output.stdout).unwrap();
    let files = list.split_terminator('\0').map(str::to_owned);
    files.filter(|file| root().join(file).is_file()).collect()
}
