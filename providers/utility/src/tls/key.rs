//! Private keys, and the forms that they and their public keys are written in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use pilotis_sdk::{Error, ErrorKind};
use pkcs8::der::{Decode as _, Encode as _, SecretDocument};
use pkcs8::{AlgorithmIdentifierRef, LineEnding, ObjectIdentifier, PrivateKeyInfo};
use rcgen::{KeyPair, PublicKeyData as _, RsaKeySize};
use sha2::Digest as _;
use ssh_encoding::Decode as _;
use ssh_key::private::{EcdsaKeypair, Ed25519Keypair, KeypairData, RsaKeypair, RsaPrivateKey};
use ssh_key::public::{KeyData, RsaPublicKey};
use ssh_key::{HashAlg, Mpint};

use crate::kept::invalid;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// A private key.
pub(super) struct Key {
    /// PKCS #8, wiped when dropped.
    pkcs8: SecretDocument,
    /// What signs with it.
    pub(super) pair: KeyPair,
}

/// A public key in the forms of the established provider.
pub(super) struct Public {
    pub(super) pem: String,
    pub(super) openssh: String,
    pub(super) fingerprint_md5: String,
    pub(super) fingerprint_sha256: String,
    pub(super) id: String,
}

fn failed(what: &str, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("{what} failed")).detail(why.to_string())
}

impl Key {
    /// A new key. Sizes and curves are those that the library takes.
    pub(super) fn generate(algorithm: &str, rsa_bits: i64, curve: &str) -> Result<Key, Error> {
        let signing = match (algorithm, curve) {
            ("RSA", _) => {
                let size = match rsa_bits {
                    2048 => RsaKeySize::_2048,
                    3072 => RsaKeySize::_3072,
                    4096 => RsaKeySize::_4096,
                    _ => {
                        let e = invalid("rsa_bits", "rsa_bits must be 2048, 3072 or 4096");
                        return Err(e.detail(format!("It is {rsa_bits}.")));
                    }
                };
                let pair = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
                return Key::of(pair.map_err(|e| failed("Making the key", e))?);
            }
            ("ED25519", _) => &rcgen::PKCS_ED25519,
            (_, "P256") => &rcgen::PKCS_ECDSA_P256_SHA256,
            (_, "P384") => &rcgen::PKCS_ECDSA_P384_SHA384,
            (_, "P521") => &rcgen::PKCS_ECDSA_P521_SHA512,
            _ => {
                let e = invalid("ecdsa_curve", format!("No key can be made on the curve {curve}"));
                return Err(e.help("Set ecdsa_curve to P256, P384 or P521."));
            }
        };
        Key::of(KeyPair::generate_for(signing).map_err(|e| failed("Making the key", e))?)
    }

    fn of(pair: KeyPair) -> Result<Key, Error> {
        let made = |e| failed("Making the key", e);
        let mut info = PrivateKeyInfo::from_der(pair.serialized_der()).map_err(made)?;
        // The first version of PKCS #8, which every reader knows, has no place for the public key.
        info.public_key = None;
        let pkcs8 = SecretDocument::encode_msg(&info).map_err(made)?;
        Ok(Key { pkcs8, pair })
    }

    /// Reads a key in PEM: PKCS #8, PKCS #1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`).
    pub(super) fn from_pem(attribute: &str, pem: &str) -> Result<Key, Error> {
        let wrong = || {
            invalid(attribute, format!("{attribute} is not a private key that can be read"))
                .detail("It must be in PEM, not encrypted: RSA, ECDSA on P256, P384 or P521, or Ed25519.")
        };
        let (label, document) = SecretDocument::from_pem(pem.trim()).map_err(|_| wrong())?;
        let pkcs8 = match label {
            "PRIVATE KEY" => document,
            "RSA PRIVATE KEY" => {
                let info = PrivateKeyInfo::new(pkcs1::ALGORITHM_ID, document.as_bytes());
                SecretDocument::encode_msg(&info).map_err(|_| wrong())?
            }
            "EC PRIVATE KEY" => {
                let key = sec1::EcPrivateKey::from_der(document.as_bytes()).map_err(|_| wrong())?;
                let curve = key.parameters.and_then(|p| p.named_curve()).ok_or_else(wrong)?;
                let algorithm = AlgorithmIdentifierRef { oid: EC, parameters: Some((&curve).into()) };
                let info = PrivateKeyInfo::new(algorithm, document.as_bytes());
                SecretDocument::encode_msg(&info).map_err(|_| wrong())?
            }
            _ => return Err(wrong()),
        };
        let der = rustls_pki_types::PrivatePkcs8KeyDer::from(pkcs8.as_bytes());
        let pair = KeyPair::try_from(&der).map_err(|_| wrong())?;
        Ok(Key { pkcs8, pair })
    }

    fn info(&self) -> Result<PrivateKeyInfo<'_>, Error> {
        PrivateKeyInfo::from_der(self.pkcs8.as_bytes()).map_err(|e| failed("Reading the key", e))
    }

    /// `RSA`, `ECDSA` or `ED25519`.
    pub(super) fn algorithm(&self) -> Result<&'static str, Error> {
        let oid = self.info()?.algorithm.oid;
        Ok(match oid {
            ED25519 => "ED25519",
            EC => "ECDSA",
            _ => "RSA",
        })
    }

    /// In PEM of PKCS #8.
    pub(super) fn pkcs8_pem(&self) -> Result<String, Error> {
        pem(&self.pkcs8, "PRIVATE KEY")
    }

    /// In PEM of the algorithm's own form: PKCS #1, SEC 1; Ed25519 has PKCS #8 alone.
    pub(super) fn pem(&self) -> Result<String, Error> {
        let info = self.info()?;
        let (document, label) = match self.algorithm()? {
            "RSA" => (SecretDocument::try_from(info.private_key), "RSA PRIVATE KEY"),
            "ECDSA" => {
                let mut key = sec1(&info)?;
                key.parameters = Some(sec1::EcParameters::NamedCurve(curve(&info)?));
                (SecretDocument::encode_msg(&key), "EC PRIVATE KEY")
            }
            _ => return self.pkcs8_pem(),
        };
        pem(&document.map_err(|e| failed("Writing the key", e))?, label)
    }

    /// In OpenSSH's form.
    pub(super) fn openssh(&self) -> Result<String, Error> {
        let key = ssh_key::PrivateKey::new(self.ssh()?, "").map_err(|e| failed("Writing the key", e))?;
        let text = key.to_openssh(LineEnding::LF).map_err(|e| failed("Writing the key", e))?;
        Ok(text.as_str().to_owned())
    }

    fn ssh(&self) -> Result<KeypairData, Error> {
        let info = self.info()?;
        let wrong = |e: ssh_key::Error| failed("Writing the key", e);
        match self.algorithm()? {
            "RSA" => {
                let key = pkcs1::RsaPrivateKey::from_der(info.private_key)
                    .map_err(|e| failed("Reading the key", e))?;
                let number = |n: pkcs1::UintRef<'_>| Mpint::from_positive_bytes(n.as_bytes()).map_err(wrong);
                Ok(KeypairData::Rsa(RsaKeypair {
                    public: RsaPublicKey { e: number(key.public_exponent)?, n: number(key.modulus)? },
                    private: RsaPrivateKey {
                        d: number(key.private_exponent)?,
                        iqmp: number(key.coefficient)?,
                        p: number(key.prime1)?,
                        q: number(key.prime2)?,
                    },
                }))
            }
            "ECDSA" => self.ecdsa(&info).map(KeypairData::Ecdsa),
            _ => {
                // The seed stands in an OCTET STRING of its own.
                let seed = info.private_key.get(2..34).and_then(|s| <&[u8; 32]>::try_from(s).ok());
                let seed = seed.ok_or_else(|| failed("Reading the key", "its seed is not of 32 bytes"))?;
                let public = <[u8; 32]>::try_from(self.pair.der_bytes());
                let public =
                    public.map_err(|_| failed("Reading the key", "its public key is not of 32 bytes"))?;
                Ok(KeypairData::Ed25519(Ed25519Keypair {
                    public: ssh_key::public::Ed25519PublicKey(public),
                    private: ssh_key::private::Ed25519PrivateKey::from_bytes(seed),
                }))
            }
        }
    }

    fn ecdsa(&self, info: &PrivateKeyInfo<'_>) -> Result<EcdsaKeypair, Error> {
        let key = sec1(info)?;
        let point = self.pair.der_bytes();
        let wrong = |_| failed("Reading the key", "its point is not on the curve");
        // OpenSSH's own encoding of the number is the only way into its type.
        let mut number = u32::try_from(key.private_key.len()).unwrap_or_default().to_be_bytes().to_vec();
        number.extend_from_slice(key.private_key);
        let mut number = number.as_slice();
        let unread = |e: ssh_key::Error| failed("Reading the key", e);
        Ok(match curve(info)? {
            P256 => EcdsaKeypair::NistP256 {
                public: sec1::EncodedPoint::<sec1::consts::U32>::from_bytes(point).map_err(wrong)?,
                private: ssh_key::private::EcdsaPrivateKey::decode(&mut number).map_err(unread)?,
            },
            P384 => EcdsaKeypair::NistP384 {
                public: sec1::EncodedPoint::<sec1::consts::U48>::from_bytes(point).map_err(wrong)?,
                private: ssh_key::private::EcdsaPrivateKey::decode(&mut number).map_err(unread)?,
            },
            P521 => EcdsaKeypair::NistP521 {
                public: sec1::EncodedPoint::<sec1::consts::U66>::from_bytes(point).map_err(wrong)?,
                private: ssh_key::private::EcdsaPrivateKey::decode(&mut number).map_err(unread)?,
            },
            other => return Err(failed("Reading the key", format!("OpenSSH has no curve {other}"))),
        })
    }

    /// Its public key.
    pub(super) fn public(&self) -> Result<Public, Error> {
        let ssh = KeyData::try_from(&self.ssh()?).map_err(|e| failed("Reading the key", e))?;
        Public::of(&self.pair.subject_public_key_info(), ssh)
    }
}

impl Public {
    fn of(der: &[u8], ssh: KeyData) -> Result<Public, Error> {
        let wrong = |e: ssh_key::Error| failed("Writing the public key", e);
        let document =
            pkcs8::der::Document::try_from(der).map_err(|e| failed("Reading the public key", e))?;
        let pem = document.to_pem("PUBLIC KEY", LineEnding::LF);
        let public = ssh_key::PublicKey::new(ssh, "");
        let wire = public.to_bytes().map_err(wrong)?;
        let md5: Vec<_> = md5::Md5::digest(&wire).iter().map(|b| format!("{b:02x}")).collect();
        let sha256 = public.fingerprint(HashAlg::Sha256);
        Ok(Public {
            pem: pem.map_err(|e| failed("Writing the public key", e))?,
            openssh: format!("{}\n", public.to_openssh().map_err(wrong)?),
            fingerprint_md5: md5.join(":"),
            fingerprint_sha256: format!("SHA256:{}", STANDARD_NO_PAD.encode(sha256.as_bytes())),
            id: crate::hex(&sha1::Sha1::digest(der)),
        })
    }

    /// That of a private key in OpenSSH's form, which says it before the private part.
    pub(super) fn of_openssh(attribute: &str, text: &str) -> Result<(&'static str, Public), Error> {
        let wrong = |why: String| {
            invalid(attribute, format!("{attribute} is not a private key in OpenSSH's form")).detail(why)
        };
        let key = ssh_key::PrivateKey::from_openssh(text.trim()).map_err(|e| wrong(e.to_string()))?;
        let ssh = key.public_key().key_data().clone();
        let (algorithm, der) = match &ssh {
            KeyData::Rsa(rsa) => {
                let positive = |n: &Mpint| n.as_positive_bytes().map(<[u8]>::to_vec);
                let (Some(n), Some(e)) = (positive(&rsa.n), positive(&rsa.e)) else {
                    return Err(wrong("Its numbers are negative.".to_owned()));
                };
                ("RSA", spki_of_rsa(&n, &e).map_err(|e| wrong(e.to_string()))?)
            }
            KeyData::Ecdsa(ec) => {
                let curve = match ec.curve() {
                    ssh_key::EcdsaCurve::NistP256 => P256,
                    ssh_key::EcdsaCurve::NistP384 => P384,
                    ssh_key::EcdsaCurve::NistP521 => P521,
                };
                let algorithm = AlgorithmIdentifierRef { oid: EC, parameters: Some((&curve).into()) };
                ("ECDSA", spki(algorithm, ec.as_sec1_bytes()).map_err(|e| wrong(e.to_string()))?)
            }
            KeyData::Ed25519(key) => {
                let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
                ("ED25519", spki(algorithm, &key.0).map_err(|e| wrong(e.to_string()))?)
            }
            _ => return Err(wrong("Only RSA, ECDSA and Ed25519 are known.".to_owned())),
        };
        Ok((algorithm, Public::of(&der, ssh)?))
    }
}

fn spki(algorithm: AlgorithmIdentifierRef<'_>, bits: &[u8]) -> pkcs8::der::Result<Vec<u8>> {
    let subject_public_key = pkcs8::der::asn1::BitStringRef::from_bytes(bits)?;
    pkcs8::SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der()
}

fn spki_of_rsa(n: &[u8], e: &[u8]) -> pkcs8::der::Result<Vec<u8>> {
    let key =
        pkcs1::RsaPublicKey { modulus: pkcs1::UintRef::new(n)?, public_exponent: pkcs1::UintRef::new(e)? };
    spki(pkcs1::ALGORITHM_ID, &key.to_der()?)
}

fn sec1<'a>(info: &PrivateKeyInfo<'a>) -> Result<sec1::EcPrivateKey<'a>, Error> {
    sec1::EcPrivateKey::from_der(info.private_key).map_err(|e| failed("Reading the key", e))
}

fn curve(info: &PrivateKeyInfo<'_>) -> Result<ObjectIdentifier, Error> {
    info.algorithm.parameters_oid().map_err(|e| failed("Reading the key", e))
}

fn pem(document: &SecretDocument, label: &'static str) -> Result<String, Error> {
    let text = document.to_pem(label, LineEnding::LF).map_err(|e| failed("Writing the key", e))?;
    Ok(text.as_str().to_owned())
}
