//! Access tokens: JSON Web Tokens (RFC 7519) signed with ES256, and a cache of those that were verified.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::accounts::Kind;
use crate::keyring::Keyring;
use crate::keys::SigningKey;
use crate::moment::Moment;

/// Who the tokens are for: this server.
pub(crate) const AUDIENCE: &str = "sidep";

/// Tokens whose outcome is remembered: some 200 bytes each. A verification costs 50 µs, a look-up 0.3 µs.
const CACHED: usize = 65_536;

/// How far ahead another clock may be, in seconds.
pub(crate) const LEEWAY: i64 = 30;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Enter results, and the portal around it.
    Write,
    /// Read one's own results.
    Read,
    /// Read the statistics.
    Statistics,
}

impl Scope {
    pub(crate) const ALL: [Scope; 3] = [Scope::Write, Scope::Read, Scope::Statistics];

    /// What accounts of this kind may have.
    pub(crate) const fn of(kind: Kind) -> &'static [Scope] {
        match kind {
            Kind::Person | Kind::Software | Kind::Lab => &[Scope::Write, Scope::Read],
            Kind::Statistics => &[Scope::Statistics],
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Scope::Write => "result:write",
            Scope::Read => "result:read",
            Scope::Statistics => "statistics:read",
        }
    }
}

/// Who a verified token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The account.
    pub(crate) client: Arc<str>,
    /// What kind of account it is.
    pub(crate) kind: Kind,
    /// Names of scopes, separated by spaces.
    scope: String,
    /// When the token ends.
    expires: Moment,
}

impl Identity {
    /// The account of something that was accepted when its token was good; this one is good for nothing more.
    pub(crate) fn accepted(client: &str) -> Option<Identity> {
        let (kind, scope) = (Kind::of(client)?, String::new());
        Some(Identity { client: client.into(), kind, scope, expires: Moment::from_millis(0) })
    }

    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scope.split(' ').any(|name| name == scope.name())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    /// Extensions that must be understood; none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    scope: String,
    jti: String,
}

/// Makes a token for an account. `id` names it.
pub(crate) fn issue(
    key: &SigningKey,
    issuer: &str,
    client: &str,
    scope: &str,
    id: String,
    now: Moment,
    expires: Moment,
) -> Option<String> {
    let header = Header {
        alg: "ES256".to_owned(),
        kid: key.id().to_owned(),
        typ: Some("at+jwt".to_owned()),
        crit: None,
    };
    let claims = Claims {
        iss: issuer.to_owned(),
        sub: client.to_owned(),
        aud: AUDIENCE.to_owned(),
        iat: now.seconds(),
        nbf: now.seconds(),
        exp: expires.seconds(),
        scope: scope.to_owned(),
        jti: id,
    };
    compact(key, &header, &claims)
}

/// A JSON Web Signature in its compact form (RFC 7515).
pub(crate) fn compact(key: &SigningKey, header: &impl Serialize, payload: &impl Serialize) -> Option<String> {
    let part = |json: serde_json::Result<Vec<u8>>| json.ok().map(|json| URL_SAFE_NO_PAD.encode(json));
    let mut text = format!("{}.{}", part(serde_json::to_vec(header))?, part(serde_json::to_vec(payload))?);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes())?);
    text.push('.');
    text.push_str(&signature);
    Some(text)
}

/// Verifies tokens and remembers the outcome.
#[derive(Debug)]
pub(crate) struct Verifier {
    issuer: String,
    /// By the SHA-256 of the whole token; `None`: it is bad for good.
    seen: Cache<[u8; 32], Option<Arc<Identity>>>,
}

impl Verifier {
    pub(crate) fn new(issuer: String) -> Verifier {
        Verifier { issuer, seen: Cache::new(CACHED) }
    }

    /// Who the token belongs to; `None`: it is not good (now).
    pub(crate) fn verify(&self, keys: &Keyring, token: &str, now: Moment) -> Option<Arc<Identity>> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let identity = match self.seen.get(&digest) {
            Some(outcome) => outcome?,
            None => {
                let identity = match self.judge(keys, token, now) {
                    Judgement::Good(identity) => Some(Arc::new(identity)),
                    Judgement::Bad => None,
                    Judgement::Undecided => return None,
                };
                self.seen.insert(digest, identity.clone());
                identity?
            }
        };
        (identity.expires > now).then_some(identity)
    }

    fn judge(&self, keys: &Keyring, token: &str, now: Moment) -> Judgement {
        let Some(signed) = Signed::read(token) else { return Judgement::Bad };
        // A key that is not known may be one that another instance has just made.
        let Some(key) = keys.verifying(&signed.key, now) else { return Judgement::Undecided };
        let Some(claims) = signed.claims(&key) else { return Judgement::Bad };
        let Some(kind) = Kind::of(&claims.sub) else { return Judgement::Bad };
        let expires = Moment::from_millis(claims.exp.saturating_mul(1_000));
        if claims.iss != self.issuer || claims.aud != AUDIENCE || expires <= now {
            return Judgement::Bad;
        }
        if claims.nbf > now.seconds() + LEEWAY {
            return Judgement::Undecided;
        }
        Judgement::Good(Identity { client: claims.sub.into(), kind, scope: claims.scope, expires })
    }
}

enum Judgement {
    Good(Identity),
    Bad,
    /// Not good now; what it is later, only later can tell.
    Undecided,
}

/// A token in its parts, of the one algorithm that is allowed.
struct Signed<'t> {
    /// The name of the key that is said to have signed it.
    key: String,
    message: &'t str,
    payload: &'t str,
    signature: Vec<u8>,
}

impl<'t> Signed<'t> {
    fn read(token: &'t str) -> Option<Signed<'t>> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if header.alg != "ES256" || header.crit.is_some() {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Signed { key: header.kid, message, payload, signature })
    }

    /// The claims, if this key signed them.
    fn claims(&self, key: &SigningKey) -> Option<Claims> {
        if !key.verifies(self.message.as_bytes(), &self.signature) {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(self.payload).ok()?).ok()
    }
}

#[cfg(test)]
mod tests;
