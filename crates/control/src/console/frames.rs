//! The console's protocol as bytes, without a connection.
//!
//! ```text
//! both, at once:   "WEIR"  version 1  mode (0 plain, 1 sealed)  salt (8 bytes)
//! client → server: frame with a command     (the first is empty: it proves the key)
//! server → client: frame with an answer     status (0 done, 1 failed) and text
//! frame:           length of the rest (4 bytes, big-endian), content
//! ```
//!
//! With a key (`setKey`) each content is sealed with XSalsa20-Poly1305, libsodium's secretbox. A nonce is both
//! salts and a number that counts the frames of one direction: a frame cannot be played again, left out, reordered
//! or sent back, and two connections share no nonce as long as one side's salt is fresh. Both sides must agree on
//! the mode; neither falls back to plain text.

use std::fmt;

use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use data_encoding::BASE64;

/// The longest content of a frame, in bytes, before it is sealed; dnsdist's limit.
pub const MAX_CONTENT: usize = 10 * 1024 * 1024;

/// What sealing adds to a content.
const TAG_LEN: usize = 16;

/// The length of a frame's length.
pub(super) const PREFIX_LEN: usize = 4;

const MAGIC: &[u8; 5] = b"WEIR\x01";

/// The key that console clients and the server share.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// A fresh key from random bits (`makeKey()`).
    pub const fn from_random(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads what `setKey` takes: 32 bytes in base64.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn from_base64(text: &str) -> Result<Self, BadKey> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| BadKey)?;
        bytes.try_into().map(Self).map_err(|_| BadKey)
    }

    /// The key as `setKey` takes it.
    pub fn to_base64(&self) -> String {
        BASE64.encode(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The text is not 32 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a console key: 32 bytes in base64, as makeKey() prints them")
    }
}

impl std::error::Error for BadKey {}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The peer speaks another protocol.
    NotConsole,
    /// We have a key, the peer has none.
    PeerHasNoKey,
    /// The peer has a key, we have none.
    PeerHasKey,
    /// A frame is announced longer than allowed.
    TooLong,
    /// A frame was not sealed with our key, or not for this place in the conversation.
    NotSealed,
    /// An answer without status.
    NoStatus,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConsole => "the peer does not speak the console's protocol",
            Self::PeerHasNoKey => "there is a key here (setKey), but the peer has none",
            Self::PeerHasKey => "the peer has a key (setKey), but there is none here",
            Self::TooLong => "the peer announced a message that is too long",
            Self::NotSealed => "a message was not encrypted with the key that is set here",
            Self::NoStatus => "the peer sent an answer without status",
        })
    }
}

impl std::error::Error for FrameError {}

/// What both sides say first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    is_sealed: bool,
    salt: [u8; 8],
}

impl Hello {
    pub(super) const LEN: usize = MAGIC.len() + 1 + 8;

    pub(super) fn new(key: Option<&Key>, salt: [u8; 8]) -> Self {
        let is_sealed = key.is_some();
        Self { is_sealed, salt }
    }

    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (magic, rest) = bytes.split_at_mut(MAGIC.len());
        magic.copy_from_slice(MAGIC);
        let (mode, salt) = rest.split_at_mut(1);
        mode.copy_from_slice(&[u8::from(self.is_sealed)]);
        salt.copy_from_slice(&self.salt);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, FrameError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(FrameError::NotConsole)?;
        let (mode, salt) = rest.split_first().ok_or(FrameError::NotConsole)?;
        let is_sealed = match mode {
            0 => false,
            1 => true,
            _ => return Err(FrameError::NotConsole),
        };
        let salt = salt.try_into().map_err(|_| FrameError::NotConsole)?;
        Ok(Self { is_sealed, salt })
    }
}

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// One end of a conversation after both hellos: turns contents into frames and back.
pub(super) struct Channel(Option<Sealed>);

struct Sealed {
    cipher: XSalsa20Poly1305,
    sending: Nonce,
    receiving: Nonce,
}

impl Channel {
    pub(super) fn new(side: Side, key: Option<&Key>, mine: Hello, peers: Hello) -> Result<Self, FrameError> {
        let Some(key) = key else {
            return if peers.is_sealed {
                Err(FrameError::PeerHasKey)
            } else {
                Ok(Self(None))
            };
        };
        if !peers.is_sealed {
            return Err(FrameError::PeerHasNoKey);
        }
        let (client, server) = match side {
            Side::Client => (mine.salt, peers.salt),
            Side::Server => (peers.salt, mine.salt),
        };
        let of = |sender| Nonce {
            client,
            server,
            sender,
            count: 0,
        };
        let (sending, receiving) = match side {
            Side::Client => (of(Side::Client), of(Side::Server)),
            Side::Server => (of(Side::Server), of(Side::Client)),
        };
        let cipher = XSalsa20Poly1305::new(&key.0.into());
        Ok(Self(Some(Sealed {
            cipher,
            sending,
            receiving,
        })))
    }

    /// The whole frame, length included, for a content of at most [`MAX_CONTENT`].
    pub(super) fn frame(&mut self, content: &[u8]) -> Result<Vec<u8>, FrameError> {
        if content.len() > MAX_CONTENT {
            return Err(FrameError::TooLong);
        }
        let sealed = match &mut self.0 {
            None => None,
            // Encryption fails on lengths alone, which is checked above.
            Some(Sealed { cipher, sending, .. }) => Some(
                cipher
                    .encrypt(&sending.next().into(), content)
                    .map_err(|_| FrameError::TooLong)?,
            ),
        };
        let content = sealed.as_deref().unwrap_or(content);
        let length = u32::try_from(content.len()).map_err(|_| FrameError::TooLong)?;
        Ok([&length.to_be_bytes(), content].concat())
    }

    /// How many bytes follow a frame's prefix.
    pub(super) fn body_len(&self, prefix: [u8; PREFIX_LEN]) -> Result<usize, FrameError> {
        let allowed = MAX_CONTENT + if self.0.is_some() { TAG_LEN } else { 0 };
        let length = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
        if length > allowed {
            Err(FrameError::TooLong)
        } else {
            Ok(length)
        }
    }

    /// The content of the next frame that came in.
    pub(super) fn content(&mut self, body: Vec<u8>) -> Result<Vec<u8>, FrameError> {
        match &mut self.0 {
            None => Ok(body),
            Some(Sealed {
                cipher, receiving, ..
            }) => {
                let content = cipher.decrypt(&receiving.next().into(), body.as_slice());
                content.map_err(|_| FrameError::NotSealed)
            }
        }
    }
}

/// The nonces of one direction.
struct Nonce {
    client: [u8; 8],
    server: [u8; 8],
    sender: Side,
    count: u64,
}

impl Nonce {
    fn next(&mut self) -> [u8; 24] {
        let sender = match self.sender {
            Side::Client => 0,
            Side::Server => 1 << 63,
        };
        let number = (self.count | sender).to_be_bytes();
        self.count += 1;
        let mut nonce = [0; 24];
        for (place, part) in nonce
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip([self.client, self.server, number])
        {
            *place = part;
        }
        nonce
    }
}

/// What evaluating a command gave: the text to show, or what was wrong with the command.
pub type Answer = Result<String, String>;

/// An answer as content. One that is too long becomes a failure that says so.
pub(super) fn encode_answer(answer: &Answer) -> Vec<u8> {
    let (status, text) = match answer {
        Ok(text) => (0, text),
        Err(text) => (1, text),
    };
    if text.len() >= MAX_CONTENT {
        let length = text.len();
        return encode_answer(&Err(format!(
            "the answer has {length} bytes, more than {MAX_CONTENT}"
        )));
    }
    [&[status], text.as_bytes()].concat()
}

pub(super) fn decode_answer(content: &[u8]) -> Result<Answer, FrameError> {
    let (status, text) = content.split_first().ok_or(FrameError::NoStatus)?;
    let text = String::from_utf8_lossy(text).into_owned();
    Ok(if *status == 0 { Ok(text) } else { Err(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::from_random([7; 32]);

    #[test]
    fn keys_are_base64_as_dnsdist_writes_them() {
        let text = "MXNeLFWHUe4363BBKrY06cAsH8NWNb+Se2eXU5+Bb74=";
        assert_eq!(Key::from_base64(text).unwrap().to_base64(), text);
        for bad in [
            "",
            "MXNeLFWHUe4=",
            "MXNeLFWHUe4363BBKrY06cAsH8NWNb+Se2eXU5+Bb7",
            "!",
            &text[1..],
        ] {
            assert_eq!(Key::from_base64(bad), Err(BadKey), "{bad}");
        }
        assert_eq!(format!("{KEY:?}"), "Key(..)");
    }

    #[test]
    fn secretbox_is_libsodiums() {
        // The test vector of NaCl's documentation ("Cryptography in NaCl", section 10, first bytes).
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let key = hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
        let nonce: [u8; 24] = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
            .try_into()
            .unwrap();
        let cipher = XSalsa20Poly1305::new_from_slice(&key).unwrap();
        let message = hex("be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc");
        let boxed = cipher.encrypt(&nonce.into(), message.as_slice()).unwrap();
        assert_eq!(
            boxed[16..],
            hex("8e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a")
        );
    }

    #[test]
    fn hellos_survive_the_wire_and_nothing_else_is_one() {
        for key in [None, Some(&KEY)] {
            let hello = Hello::new(key, [9; 8]);
            assert_eq!(Hello::from_bytes(&hello.to_bytes()), Ok(hello));
        }
        let mut bytes = Hello::new(None, [9; 8]).to_bytes();
        bytes[5] = 2;
        assert_eq!(Hello::from_bytes(&bytes), Err(FrameError::NotConsole));
        assert_eq!(Hello::from_bytes(b"GET / HTTP/1.1"), Err(FrameError::NotConsole));
    }

    #[test]
    fn frames_arrive_as_they_were_sent() {
        for key in [None, Some(&KEY)] {
            let (mut client, mut server) = pair(key);
            for content in [&b""[..], b"showServers()", &[0; 70_000]] {
                assert_eq!(deliver(&mut client, &mut server, content), Ok(content.to_vec()));
                assert_eq!(deliver(&mut server, &mut client, content), Ok(content.to_vec()));
            }
        }
    }

    #[test]
    fn sealed_frames_cannot_be_replayed_reordered_reflected_or_changed() {
        let body = |frame: Vec<u8>| frame[PREFIX_LEN..].to_vec();
        let (mut client, mut server) = pair(Some(&KEY));
        let first = body(client.frame(b"one").unwrap());
        assert_ne!(&first[TAG_LEN..], b"one");
        assert_eq!(server.content(first.clone()), Ok(b"one".to_vec()));
        assert_eq!(server.content(first), Err(FrameError::NotSealed));

        let (mut client, mut server) = pair(Some(&KEY));
        let _skipped = client.frame(b"one").unwrap();
        let second = body(client.frame(b"two").unwrap());
        assert_eq!(server.content(second), Err(FrameError::NotSealed));

        let (mut client, _) = pair(Some(&KEY));
        let own = body(client.frame(b"one").unwrap());
        assert_eq!(client.content(own), Err(FrameError::NotSealed));

        let (mut client, mut server) = pair(Some(&KEY));
        let mut changed = body(client.frame(b"one").unwrap());
        changed[TAG_LEN] ^= 1;
        assert_eq!(server.content(changed), Err(FrameError::NotSealed));
        assert_eq!(server.content(Vec::new()), Err(FrameError::NotSealed));
    }

    #[test]
    fn both_sides_need_the_same_key() {
        let (with, without) = (Hello::new(Some(&KEY), [1; 8]), Hello::new(None, [2; 8]));
        let error = |key, mine, peers| Channel::new(Side::Client, key, mine, peers).err();
        assert_eq!(error(Some(&KEY), with, without), Some(FrameError::PeerHasNoKey));
        assert_eq!(error(None, without, with), Some(FrameError::PeerHasKey));
        let other = Key::from_random([8; 32]);
        let (mut client, _) = pair(Some(&other));
        let (_, mut server) = pair(Some(&KEY));
        assert_eq!(deliver(&mut client, &mut server, b""), Err(FrameError::NotSealed));
    }

    #[test]
    fn lengths_are_checked_before_anything_is_read() {
        let (client, _) = pair(None);
        assert_eq!(client.body_len([0, 0xa0, 0, 0]), Ok(MAX_CONTENT));
        assert_eq!(client.body_len([0, 0xa0, 0, 1]), Err(FrameError::TooLong));
        assert_eq!(client.body_len([0xff; 4]), Err(FrameError::TooLong));
        let (sealed, _) = pair(Some(&KEY));
        assert_eq!(sealed.body_len([0, 0xa0, 0, 16]), Ok(MAX_CONTENT + TAG_LEN));
        assert_eq!(sealed.body_len([0, 0xa0, 0, 17]), Err(FrameError::TooLong));
    }

    #[test]
    fn answers_carry_their_status() {
        for answer in [
            Ok("fine".to_owned()),
            Err("not fine".to_owned()),
            Ok(String::new()),
        ] {
            assert_eq!(decode_answer(&encode_answer(&answer)), Ok(answer));
        }
        assert_eq!(decode_answer(b""), Err(FrameError::NoStatus));
        let long = decode_answer(&encode_answer(&Ok("x".repeat(MAX_CONTENT)))).unwrap();
        assert!(long.unwrap_err().contains("10485760"));
    }

    fn pair(key: Option<&Key>) -> (Channel, Channel) {
        let (client, server) = (Hello::new(key, [1; 8]), Hello::new(key, [2; 8]));
        let channel = |side, mine, peers| Channel::new(side, key, mine, peers).unwrap();
        (
            channel(Side::Client, client, server),
            channel(Side::Server, server, client),
        )
    }

    fn deliver(from: &mut Channel, to: &mut Channel, content: &[u8]) -> Result<Vec<u8>, FrameError> {
        let frame = from.frame(content)?;
        let (prefix, body) = frame.split_first_chunk().unwrap();
        assert_eq!(to.body_len(*prefix), Ok(body.len()));
        to.content(body.to_vec())
    }
}
