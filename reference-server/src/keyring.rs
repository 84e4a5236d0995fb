//! The issuer's keys, which change: files in a folder that all instances of a server share.
//!
//! A key's file is named after the moment it was made, and all else follows from that, so that instances agree without
//! talking to one another. A key is published before it signs, so that whoever keeps a copy of the published keys has it
//! in time; and one that no longer signs verifies until the last token that it signed has expired.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::config::Issuer;
use crate::keys::{self, KeyError, SigningKey};
use crate::moment::Moment;
use crate::token::LEEWAY;

/// How long before it signs a key is published; less where keys change more often than every two minutes.
pub(crate) const AHEAD: Duration = Duration::from_secs(30);

/// When keys change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// Time from one key to the next.
    rotate: Duration,
    ahead: Duration,
    token_lifetime: Duration,
}

impl Schedule {
    pub(crate) fn of(issuer: &Issuer) -> Schedule {
        let (rotate, token_lifetime) = (issuer.rotate_keys, issuer.token_lifetime);
        Schedule { rotate, ahead: AHEAD.min(rotate / 4), token_lifetime }
    }

    /// How long before it signs a key is published.
    pub(crate) fn ahead(self) -> Duration {
        self.ahead
    }

    /// How often to look after the keys: often enough to have a key before it signs.
    pub(crate) fn look(self) -> Duration {
        (self.ahead / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}

/// The keys of an issuer.
#[derive(Debug)]
pub(crate) struct Keyring {
    folder: PathBuf,
    schedule: Schedule,
    keys: RwLock<Arc<Ring>>,
}

impl Keyring {
    /// Reads the keys in `folder`; makes the first.
    pub(crate) fn open(folder: &Path, now: Moment) -> Result<Keyring, KeyError> {
        let mut ring = Ring::read(folder)?;
        if ring.0.is_empty() {
            make(folder, now)?;
            ring = Ring::read(folder)?;
        }
        let schedule = Schedule::of(&Issuer::default());
        Ok(Keyring { folder: folder.to_owned(), schedule, keys: RwLock::new(Arc::new(ring)) })
    }

    /// Changes keys by another schedule.
    pub(crate) fn follow(&mut self, schedule: Schedule) {
        self.schedule = schedule;
    }

    /// The key that signs now; `None`: its file was taken away.
    pub(crate) fn signing(&self, now: Moment) -> Option<Arc<SigningKey>> {
        let ring = self.ring();
        ring.signing(self.schedule, now).map(|at| Arc::clone(&ring.0[at].key))
    }

    /// The key of this name, if what it signed may still be good.
    pub(crate) fn verifying(&self, id: &str, now: Moment) -> Option<Arc<SigningKey>> {
        let ring = self.ring();
        let at = ring.0.iter().position(|it| it.key.id() == id)?;
        ring.verifies(at, self.schedule, now).then(|| Arc::clone(&ring.0[at].key))
    }

    /// The public halves of all that sign, will sign or have signed something that may be good.
    pub(crate) fn published(&self, now: Moment) -> Vec<serde_json::Value> {
        let ring = self.ring();
        let good = (0..ring.0.len()).filter(|at| ring.verifies(*at, self.schedule, now));
        good.map(|at| ring.0[at].key.jwk()).collect()
    }

    /// Makes a new key when it is time, takes up those that others have made, and deletes those that are over.
    pub(crate) fn look_after(&self, now: Moment) -> Result<(), KeyError> {
        let mut ring = Ring::read(&self.folder)?;
        if let Some(due) = ring.due(self.schedule, now) {
            make(&self.folder, due)?;
            ring = Ring::read(&self.folder)?;
        }
        let over = |at: &usize| !ring.verifies(*at, self.schedule, now);
        for at in (0..ring.0.len()).filter(over) {
            // Another instance may have been quicker; and a file that stays is never used again.
            let _ = std::fs::remove_file(path(&self.folder, ring.0[at].made));
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes a key on demand: running servers publish it within a second, and sign with it once it was published for
/// [`AHEAD`].
///
/// # Errors
/// When it cannot be written.
pub(crate) fn make(folder: &Path, made: Moment) -> Result<String, KeyError> {
    let path = path(folder, made);
    let bytes = keys::read_or_make(&path, keys::new_key)?;
    let key = SigningKey::parse(&bytes).ok_or_else(|| keys::refused(&path, keys::NOT_A_KEY))?;
    Ok(key.id().to_owned())
}

/// The file of a key.
fn path(folder: &Path, made: Moment) -> PathBuf {
    folder.join(format!("issuer-{:013}.p8", made.millis()))
}

/// When the key in a file of this name was made.
fn made(name: &str) -> Option<Moment> {
    let digits = name.strip_prefix("issuer-")?.strip_suffix(".p8")?;
    digits.parse().ok().map(Moment::from_millis)
}

/// Keys in the order in which they were made.
#[derive(Debug, Default)]
struct Ring(Vec<Dated>);

#[derive(Debug)]
struct Dated {
    made: Moment,
    key: Arc<SigningKey>,
}

impl Ring {
    fn read(folder: &Path) -> Result<Ring, KeyError> {
        let unreadable = |error: std::io::Error| keys::refused(folder, error);
        let mut ring = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let Some(made) = name.to_str().and_then(made) else { continue };
            let path = folder.join(&name);
            let bytes = match std::fs::read(&path) {
                // Another instance has deleted it meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                read => read.map_err(|error| keys::refused(&path, error))?,
            };
            let key = SigningKey::parse(&bytes).ok_or_else(|| keys::refused(&path, keys::NOT_A_KEY))?;
            ring.push(Dated { made, key: Arc::new(key) });
        }
        ring.sort_by_key(|it| it.made);
        Ok(Ring(ring))
    }

    /// From when on the key signs: the first at once, the others when they have been published for a while.
    fn signs_from(&self, at: usize, schedule: Schedule) -> Moment {
        let made = self.0[at].made;
        if at == 0 { made } else { made.after(schedule.ahead) }
    }

    /// The last key that may sign already.
    fn signing(&self, schedule: Schedule, now: Moment) -> Option<usize> {
        let may_sign = |at: &usize| self.signs_from(*at, schedule) <= now;
        (0..self.0.len()).rev().find(may_sign).or((!self.0.is_empty()).then_some(0))
    }

    /// Whether something that the key signed may still be good: until the tokens of the time before the next one's have
    /// expired.
    fn verifies(&self, at: usize, schedule: Schedule, now: Moment) -> bool {
        let leeway = Duration::from_secs(LEEWAY.unsigned_abs());
        let end = |next| self.signs_from(next, schedule).after(schedule.token_lifetime).after(leeway);
        at + 1 == self.0.len() || now < end(at + 1)
    }

    /// When the key was due that should have been made by now; every instance comes to the same moment.
    fn due(&self, schedule: Schedule, now: Moment) -> Option<Moment> {
        let last = self.0.last().map_or(now, |last| last.made);
        let turns = now.since(last).as_millis() / schedule.rotate.as_millis().max(1);
        let since = schedule.rotate.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX));
        (turns > 0 || self.0.is_empty()).then(|| last.after(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// Keys that change every ten hours, with tokens of one.
    fn keyring(folder: &Path, now: Moment) -> Keyring {
        let mut keyring = Keyring::open(folder, now).unwrap();
        keyring.follow(Schedule { rotate: 10 * HOUR, ahead: AHEAD, token_lifetime: HOUR });
        keyring
    }

    fn id(keyring: &Keyring, now: Moment) -> String {
        keyring.signing(now).unwrap().id().to_owned()
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_verifies_until_its_tokens_have_expired() {
        let folder = tempfile::tempdir().unwrap();
        let start = Moment::from_millis(1_000_000);
        let keyring = keyring(folder.path(), start);
        let first = id(&keyring, start);
        let change = start.after(10 * HOUR);
        keyring.look_after(change).unwrap();
        assert_eq!((keyring.published(change).len(), id(&keyring, change)), (2, first.clone()));
        let signs = change.after(AHEAD);
        let second = id(&keyring, signs);
        assert_ne!(second, first);
        let end = signs.after(HOUR).after(Duration::from_secs(30));
        let before = end.after(Duration::ZERO).millis() - 1;
        assert!(keyring.verifying(&first, Moment::from_millis(before)).is_some());
        assert!(keyring.verifying(&first, end).is_none() && keyring.verifying(&second, end).is_some());
        assert_eq!(keyring.published(end).len(), 1);
        // What is over is deleted, and only that.
        keyring.look_after(end).unwrap();
        assert_eq!((id(&keyring, end), std::fs::read_dir(folder.path()).unwrap().count()), (second, 1));
    }

    #[test]
    fn instances_that_share_a_folder_have_the_same_keys_whoever_makes_them() {
        let folder = tempfile::tempdir().unwrap();
        let start = Moment::from_millis(1_000_000);
        let instances = [0, 1, 2].map(|_| keyring(folder.path(), start));
        let later = start.after(10 * HOUR);
        std::thread::scope(|scope| {
            for (instance, late) in instances.iter().zip([0, 7, 900]) {
                let now = later.after(Duration::from_millis(late));
                scope.spawn(move || instance.look_after(now).unwrap());
            }
        });
        instances[0].look_after(later).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "one for all");
        let now = later.after(HOUR);
        for instance in &instances {
            instance.look_after(later).unwrap();
            assert_eq!(id(instance, now), id(&instances[0], now));
        }
        // After a restart too.
        assert_eq!(id(&keyring(folder.path(), now), now), id(&instances[0], now));
    }

    #[test]
    fn a_key_made_on_demand_is_taken_up_like_one_whose_time_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let start = Moment::from_millis(1_000_000);
        let keyring = keyring(folder.path(), start);
        let first = id(&keyring, start);
        let asked = start.after(HOUR);
        let second = make(folder.path(), asked).unwrap();
        keyring.look_after(asked).unwrap();
        assert_eq!((id(&keyring, asked), keyring.published(asked).len()), (first, 2));
        assert_eq!(id(&keyring, asked.after(AHEAD)), second);
        // The next one is due ten hours after that.
        keyring.look_after(start.after(10 * HOUR)).unwrap();
        assert_eq!(id(&keyring, start.after(10 * HOUR).after(AHEAD)), second);
        keyring.look_after(asked.after(10 * HOUR)).unwrap();
        assert_ne!(id(&keyring, asked.after(10 * HOUR).after(AHEAD)), second);
    }

    #[test]
    fn keys_that_change_all_the_time_are_published_before_they_sign_too() {
        let issuer = Issuer { rotate_keys: Duration::from_secs(2), ..Issuer::default() };
        let schedule = Schedule::of(&issuer);
        assert!(schedule.ahead < issuer.rotate_keys && schedule.look() < schedule.ahead);
        assert_eq!(Schedule::of(&Issuer::default()).ahead, AHEAD);
    }

    #[test]
    fn other_files_are_left_alone_and_a_spoilt_key_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["issuer-x.p8", "issuer-1.p8.new", "document.p8"] {
            std::fs::write(folder.path().join(name), b"something").unwrap();
        }
        let keyring = Keyring::open(folder.path(), Moment::from_millis(5)).unwrap();
        assert!(keyring.signing(Moment::from_millis(5)).is_some());
        std::fs::write(folder.path().join("issuer-0000000000007.p8"), b"not a key").unwrap();
        let error = keyring.look_after(Moment::from_millis(9)).unwrap_err().to_string();
        assert!(error.contains("issuer-0000000000007.p8"), "{error}");
        assert!(keyring.signing(Moment::from_millis(9)).is_some(), "those that it has stay");
    }
}
