//! A small authority: it issues the certificates of brokers, of clients and of servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef};

use crate::target;

/// Its certificate and all that it has issued lie in one folder, which is gone when the last of them is dropped.
pub struct Authority {
    folder: Arc<Folder>,
    key: PKey<Private>,
    certificate: X509,
}

/// A key, and what the authority says of it.
pub struct Certificate {
    folder: Arc<Folder>,
    name: String,
}

/// What is asked of the authority.
pub struct Wanted<'a> {
    /// The common name: of a client, who it is.
    pub name: &'a str,
    /// The address or host under which it is found.
    pub host: Host<'a>,
    /// In days from now.
    pub from: i64,
    pub to: i64,
}

#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// A client's.
    None,
    Address(&'a str),
    Name(&'a str),
}

struct Folder(PathBuf);

static NEXT: AtomicU32 = AtomicU32::new(0);
/// Of each key and PKCS#12 file that has one.
pub const PASSWORD: &str = "for-a-test";
const DAY: i64 = 24 * 3600;
const VALID: i64 = 30;

// === impl Authority ===

impl Authority {
    pub fn make(name: &str) -> Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = target().join("kafka-data").join(format!("{}-{name}-{number}-tls", std::process::id()));
        fs::create_dir_all(&folder)?;
        let key = new_key()?;
        let subject = common_name(&format!("Authority {name}"))?;
        let mut builder = builder(&key, &subject, &subject, (-1, VALID))?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        fs::write(trusted(&folder), certificate.to_pem()?)?;
        Ok(Self { folder: Arc::new(Folder(folder)), key, certificate })
    }

    /// What is to be trusted by who trusts its certificates, as PEM.
    pub fn file(&self) -> PathBuf {
        trusted(&self.folder.0)
    }

    pub fn issue(&self, wanted: &Wanted<'_>) -> Result<Certificate> {
        let (key, subject) = (new_key()?, common_name(wanted.name)?);
        let mut builder = builder(&key, &subject, self.certificate.subject_name(), (wanted.from, wanted.to))?;
        let host = {
            let context = builder.x509v3_context(Some(&self.certificate), None);
            match wanted.host {
                Host::None => None,
                Host::Address(ip) => Some(SubjectAlternativeName::new().ip(ip).build(&context)?),
                Host::Name(name) => Some(SubjectAlternativeName::new().dns(name).build(&context)?),
            }
        };
        host.map_or(Ok(()), |host| builder.append_extension(host))?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        let issued = builder.build();

        let number = issued.serial_number().to_bn()?.to_hex_str()?.to_string();
        let certificate = Certificate { folder: Arc::clone(&self.folder), name: format!("{}-{number}", wanted.name) };
        let (open, locked) = (
            key.private_key_to_pem_pkcs8()?,
            key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), PASSWORD.as_bytes())?,
        );
        fs::write(certificate.file(), issued.to_pem()?)?;
        fs::write(certificate.key(), &open)?;
        fs::write(certificate.locked_key(), locked)?;
        fs::write(certificate.both(), [open, issued.to_pem()?].concat())?;
        let store = Pkcs12::builder().name(wanted.name).pkey(&key).cert(&issued).build2(PASSWORD)?;
        fs::write(certificate.store(), store.to_der()?)?;
        Ok(certificate)
    }

    /// For a server on the loopback interface.
    pub fn server(&self) -> Result<Certificate> {
        self.issue(&Wanted { name: "server", host: Host::Address("127.0.0.1"), from: -1, to: VALID })
    }

    pub fn client(&self, name: &str) -> Result<Certificate> {
        self.issue(&Wanted { name, host: Host::None, from: -1, to: VALID })
    }
}

// === impl Certificate ===

impl Certificate {
    pub fn file(&self) -> PathBuf {
        self.path("certificate.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.path("key.pem")
    }

    /// The key under [`PASSWORD`].
    pub fn locked_key(&self) -> PathBuf {
        self.path("locked-key.pem")
    }

    /// Key and certificate in one file, as Kafka takes them.
    pub fn both(&self) -> PathBuf {
        self.path("both.pem")
    }

    /// PKCS#12 with key and certificate, under [`PASSWORD`].
    pub fn store(&self) -> PathBuf {
        self.path("store.p12")
    }

    /// What is to be trusted by who trusts it.
    pub fn trust(&self) -> PathBuf {
        trusted(&self.folder.0)
    }

    fn path(&self, what: &str) -> PathBuf {
        self.folder.0.join(format!("{}-{what}", self.name))
    }

    /// Makes the listener for clients, which is the one of the brokers among themselves, too, one of TLS.
    pub(crate) fn whole(&self) -> String {
        let protocol = "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:SSL\n";
        protocol.to_owned() + &self.properties("", &self.trust())
    }

    /// What a broker's listener has, that shows it and trusts `trust`. The prefix is that of the listener's properties.
    pub(crate) fn properties(&self, prefix: &str, trust: &Path) -> String {
        let both = self.both();
        format!(
            "{prefix}ssl.keystore.type=PEM
{prefix}ssl.keystore.location={}
{prefix}ssl.truststore.type=PEM
{prefix}ssl.truststore.location={}
",
            both.display(),
            trust.display()
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies in the build folder and harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn trusted(folder: &Path) -> PathBuf {
    folder.join("authority.pem")
}

fn new_key() -> Result<PKey<Private>> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    Ok(PKey::from_ec_key(EcKey::generate(&group)?)?)
}

fn common_name(name: &str) -> Result<X509Name> {
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, name)?;
    Ok(builder.build())
}

fn builder(key: &PKey<Private>, subject: &X509Name, issuer: &X509NameRef, days: (i64, i64)) -> Result<X509Builder> {
    let mut serial = BigNum::new()?;
    serial.rand(64, MsbOption::MAYBE_ZERO, false)?;
    let serial = serial.to_asn1_integer()?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?; // counted from 0
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    let [from, to] = [in_days(days.0)?, in_days(days.1)?];
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    Ok(builder)
}

fn in_days(days: i64) -> Result<Asn1Time> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock")?.as_secs();
    Ok(Asn1Time::from_unix(i64::try_from(now)? + days * DAY)?)
}
