//! What an image holds, run as an engine would run it: in a root of its own that cannot be written to, not as root, with
//! the names of hosts that the engine puts there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::launcher::mortal;
use crate::workspace;

/// The image's files, with what is laid over them for one test; gone when dropped.
pub struct Root(PathBuf);

/// By number, as in the Dockerfile.
const USER: &str = "65532";

/// The folder made by `dist/root`, unless `STAMPMILL_IMAGE_ROOT` names another.
fn files() -> PathBuf {
    let made = || workspace().join("target/dist").join(format!("root-{}", std::env::consts::ARCH));
    std::env::var_os("STAMPMILL_IMAGE_ROOT").map_or_else(made, PathBuf::from)
}

/// Why none can be run here.
pub fn unavailable() -> Option<String> {
    let program = files().join("usr/local/bin/stampmill");
    // Only root may mount, change the root and become somebody else.
    if fs::metadata("/proc/self").map_or(true, |process| process.uid() != 0) {
        return Some("needs to be root".into());
    }
    (!program.is_file()).then(|| format!("needs {}, which `dist/build` and `dist/root` make", program.display()))
}

// === impl Root ===

impl Root {
    /// A copy, with an `etc/hosts` and an `etc/resolv.conf` such as an engine writes.
    pub fn copy(to: &Path, hosts: &str, resolver: &str) -> Result<Self> {
        let copied = Command::new("cp").arg("-a").arg(files()).arg(to).status()?;
        if !copied.success() {
            bail!("cp of {} failed", files().display());
        }
        for folder in ["proc", "dev"] {
            fs::create_dir_all(to.join(folder))?;
        }
        fs::write(to.join("etc/hosts"), hosts)?;
        fs::write(to.join("etc/resolv.conf"), resolver)?;
        Ok(Self(to.to_owned()))
    }

    /// Adds to the authorities that are trusted where no other are named.
    pub fn trust(&self, certificate: &Path) -> Result<()> {
        let bundle = self.0.join("etc/ssl/certs/ca-certificates.crt");
        let both = fs::read_to_string(&bundle)? + &fs::read_to_string(certificate)?;
        fs::write(&bundle, both).with_context(|| format!("{} cannot be written", bundle.display()))
    }

    /// The image's own entry point. All else is read-only, and nothing of the environment is handed on. What it becomes
    /// outlives tests that are killed: with another user a process loses the signal for the death of its parent.
    pub fn command<A: AsRef<OsStr>>(
        &self,
        environment: &[(&str, &str)],
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let script = r#"mount --bind "$0" "$0"
mount -o remount,bind,ro "$0"
mount --rbind /proc "$0/proc"
mount --rbind /dev "$0/dev"
user=$1
shift
exec chroot --userspec="$user:$user" --groups= "$0" /usr/local/bin/stampmill "$@""#;
        let mut command = mortal("unshare");
        command.args(["--mount", "sh", "-e", "-c", script]).arg(&self.0).arg(USER).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs(environment.iter().copied());
        command.current_dir("/");
        command
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // What is left lies in the build folder and harms nobody. Its mounts have ended with their processes.
        let _ = fs::remove_dir_all(&self.0);
    }
}
