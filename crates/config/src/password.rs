//! Passwords and keys: in plain text, or hashed with scrypt as dnsdist's `hashPassword()` writes them.

use std::fmt;

use scrypt::Params;
use subtle::ConstantTimeEq;

use crate::base64;

/// What a hashed password begins with.
const SCHEME: &str = "$scrypt$";

/// Bytes of a hash.
const HASH_LEN: usize = 32;

/// The N that `hashPassword()` of dnsdist chooses unless told.
pub const DEFAULT_WORK_FACTOR: u64 = 1024;

/// The most memory that checking one password may take, in bytes; the default takes one mebibyte.
const MAX_MEMORY: u64 = 64 * 1024 * 1024;

/// Hashes a password, with random bits as salt. `None` when `work_factor` is not a power of two above one, or takes
/// too much memory.
pub fn hash_password(password: &[u8], work_factor: u64, salt: [u8; 16]) -> Option<String> {
    if work_factor < 2 || !work_factor.is_power_of_two() {
        return None;
    }
    let log_n = u8::try_from(work_factor.ilog2()).ok()?;
    let work = Work { log_n, p: 1, r: 8 }.bounded()?;
    let hash = work.hash(password, &salt)?;
    let (salt, hash) = (base64::encode(&salt), base64::encode(&hash));
    Some(format!("{SCHEME}{work}${salt}${hash}"))
}

/// Whether `text` is to be a hash, and one that can be checked.
pub(crate) fn check(text: &str) -> Result<(), &'static str> {
    let Some(hashed) = text.strip_prefix(SCHEME) else {
        return Ok(());
    };
    Hashed::parse(hashed)
        .map(drop)
        .ok_or("not a hash that hashPassword() has made, or one of too much work")
}

/// Whether `given` is the password that the configuration has, as it is or hashed. Takes the same time for all
/// wrong passwords of the right length.
pub fn matches(configured: &str, given: &str) -> bool {
    match configured.strip_prefix(SCHEME) {
        None => configured.as_bytes().ct_eq(given.as_bytes()).into(),
        // A hash that cannot be read is no password at all.
        Some(hashed) => matches_hash(hashed, given).unwrap_or(false),
    }
}

fn matches_hash(hashed: &str, given: &str) -> Option<bool> {
    let Hashed { work, salt, hash } = Hashed::parse(hashed)?;
    let given = work.hash(given.as_bytes(), &salt)?;
    Some(given.as_slice().ct_eq(&hash).into())
}

/// What follows [`SCHEME`]: `ln=10,p=1,r=8$salt$hash`.
struct Hashed {
    work: Work,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Hashed {
    fn parse(text: &str) -> Option<Self> {
        let (work, rest) = text.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        Some(Self {
            work: Work::parse(work)?,
            salt: base64::decode(salt)?,
            hash: base64::decode(hash).filter(|hash| hash.len() == HASH_LEN)?,
        })
    }
}

/// scrypt's cost parameters (RFC 7914 §2).
#[derive(Clone, Copy)]
struct Work {
    log_n: u8,
    p: u32,
    r: u32,
}

impl Work {
    fn parse(text: &str) -> Option<Self> {
        let mut values = ["ln=", "p=", "r="].into_iter().zip(text.split(','));
        let mut next = || {
            values
                .next()
                .and_then(|(name, value)| value.strip_prefix(name)?.parse::<u32>().ok())
        };
        let (log_n, p, r) = (next()?, next()?, next()?);
        let work = Self {
            log_n: u8::try_from(log_n).ok()?,
            p,
            r,
        };
        work.bounded()
    }

    fn bounded(self) -> Option<Self> {
        (self.memory()? <= MAX_MEMORY).then_some(self)
    }

    /// Bytes that hashing takes, with the p blocks.
    fn memory(self) -> Option<u64> {
        let blocks = 1u64.checked_shl(self.log_n.into())?.checked_add(self.p.into())?;
        blocks.checked_mul(u64::from(self.r) * 128)
    }

    fn hash(self, password: &[u8], salt: &[u8]) -> Option<[u8; HASH_LEN]> {
        let params = Params::new(self.log_n, self.r, self.p, HASH_LEN).ok()?;
        let mut hash = [0; HASH_LEN];
        scrypt::scrypt(password, salt, &params, &mut hash).ok()?;
        Some(hash)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log_n, p, r } = self;
        write!(f, "ln={log_n},p={p},r={r}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by dnsdist 1.7.3: `hashPassword("pw")`.
    const DNSDISTS: &str =
        "$scrypt$ln=10,p=1,r=8$9YC3dnoVtldYgivBfQF7EQ==$MCzLh265bCpzmktPihFtVkgXn6xuuCnchlaDWNkTe4U=";

    #[test]
    fn plain_passwords_match_themselves() {
        assert!(matches("secret", "secret"));
        for wrong in ["", "secre", "secret1", "Secret"] {
            assert!(!matches("secret", wrong), "{wrong}");
        }
    }

    #[test]
    fn hashes_of_dnsdist_are_understood() {
        assert!(matches(DNSDISTS, "pw"));
        assert!(!matches(DNSDISTS, "pw2"));
        assert!(!matches(DNSDISTS, DNSDISTS));
    }

    #[test]
    fn our_hashes_are_written_as_dnsdists() {
        let salt = base64::decode("9YC3dnoVtldYgivBfQF7EQ==").expect("base64");
        let salt = salt.try_into().expect("16 bytes");
        let hash = |work| hash_password(b"pw", work, salt);
        assert_eq!(hash(DEFAULT_WORK_FACTOR).as_deref(), Some(DNSDISTS));
        assert!(hash(2048).is_some_and(|hash| hash.starts_with("$scrypt$ln=11,") && matches(&hash, "pw")));
        for refused in [0, 1, 1000, 1 << 16, 1 << 63] {
            assert_eq!(hash(refused), None, "{refused}");
        }
    }

    #[test]
    fn what_is_to_be_a_hash_has_to_be_one() {
        for good in ["", "secret", "$ecret", DNSDISTS] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let short = DNSDISTS.replace("MCzL", "");
        for bad in ["$scrypt$", "$scrypt$ln=16,p=1,r=8$AAAA$AAAA", &short] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn broken_or_enormous_hashes_match_nothing() {
        let (work, rest) = (
            "ln=10,p=1,r=8",
            "$9YC3dnoVtldYgivBfQF7EQ==$MCzLh265bCpzmktPihFtVkgXn6xuuCnchlaDWNkTe4U=",
        );
        assert!(matches(&format!("$scrypt${work}{rest}"), "pw"));
        for work in [
            "ln=10,p=1",
            "ln=,p=1,r=8",
            "p=1,r=8,ln=10",
            "ln=63,p=1,r=8",
            "ln=10,p=1,r=4294967295",
            "ln=300,p=1,r=8",
        ] {
            assert!(!matches(&format!("$scrypt${work}{rest}"), "pw"), "{work}");
        }
        for broken in [
            "$scrypt$",
            "$scrypt$ln=10,p=1,r=8",
            "$scrypt$ln=10,p=1,r=8$!$!",
            "$scrypt$ln=10,p=1,r=8$$",
        ] {
            assert!(!matches(broken, "pw"), "{broken}");
            assert!(!matches(broken, broken), "{broken}");
        }
    }

    #[test]
    fn work_is_bounded_before_it_is_done() {
        let accepted = |work| Work::parse(work).is_some();
        assert!(accepted("ln=10,p=1,r=8") && accepted("ln=15,p=1,r=8"));
        for enormous in ["ln=16,p=1,r=8", "ln=10,p=1,r=1000", "ln=10,p=1000000,r=8"] {
            assert!(!accepted(enormous), "{enormous}");
        }
    }
}
