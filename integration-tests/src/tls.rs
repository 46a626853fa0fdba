//! Keys for brokers that speak TLS, made by the `keytool` that comes with Java.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::target;

/// A broker's key, and the certificate by which a client knows it; gone when dropped.
pub struct Certificate {
    folder: PathBuf,
}

/// Of a key that is good for a test.
const PASSWORD: &str = "for-a-test";

// === impl Certificate ===

impl Certificate {
    /// Signed by itself, for 127.0.0.1.
    pub fn make(name: &str) -> Result<Self> {
        let folder = target().join("kafka-data").join(format!("{}-{name}-tls", std::process::id()));
        fs::create_dir_all(&folder)?;
        let made = Self { folder };
        let (store, file) = (made.store(), made.file());
        let key = ["-genkeypair", "-alias", "broker", "-keyalg", "RSA", "-validity", "30", "-storetype", "PKCS12"];
        let key = key.into_iter().chain(["-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1"]).map(OsStr::new);
        keytool(&store, key)?;
        keytool(
            &store,
            ["-exportcert", "-rfc", "-alias", "broker", "-file"].map(OsStr::new).into_iter().chain([file.as_os_str()]),
        )?;
        Ok(made)
    }

    /// What a client is to trust, as PEM.
    pub fn file(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    fn store(&self) -> PathBuf {
        self.folder.join("key.p12")
    }

    /// Makes the listener for clients, which is the one of the brokers among themselves, too, one of TLS.
    pub(crate) fn properties(&self) -> String {
        let store = self.store();
        let store = store.display();
        format!(
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:SSL
ssl.keystore.type=PKCS12
ssl.keystore.location={store}
ssl.keystore.password={PASSWORD}
ssl.truststore.type=PKCS12
ssl.truststore.location={store}
ssl.truststore.password={PASSWORD}
"
        )
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // What is left lies in the build folder and harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn keytool<'a>(store: &Path, arguments: impl Iterator<Item = &'a OsStr>) -> Result<()> {
    let mut command = Command::new("keytool");
    command.args(arguments).arg("-keystore").arg(store).args(["-storepass", PASSWORD]);
    let output = command.output().context("keytool, which comes with Java, cannot be started")?;
    if !output.status.success() {
        bail!("keytool: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
