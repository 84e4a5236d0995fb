//! Buckets in paused time: how much passes, whose they are, and what is forgotten.

use proptest::prelude::*;
use tokio::time::advance;

use super::*;
use crate::config::Config;

fn buckets(config: &str) -> Buckets {
    Buckets::new(&Config::parse(config).unwrap().bucket)
}

fn account(client: &str) -> Identity {
    Identity::accepted(client).unwrap()
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[tokio::test(start_paused = true)]
async fn a_burst_passes_then_the_rate_and_the_refused_are_told_when() {
    let buckets = buckets("[bucket.account]\nrate = \"3/min\"\nburst = 10");
    let person = account("89900000001");
    let take = || buckets.take(Class::Validate, HERE, Some(&person));
    for _ in 0..10 {
        assert_eq!(take(), Ok(()));
    }
    assert_eq!(take(), Err(Duration::from_secs(20)));
    advance(Duration::from_secs(15)).await;
    assert_eq!(take(), Err(Duration::from_secs(5)), "a refusal takes no token");
    advance(Duration::from_secs(5)).await;
    assert_eq!(take(), Ok(()));
    assert_eq!(take(), Err(Duration::from_secs(20)));
    // Whoever stays away long enough has the whole burst again, and no more.
    advance(Duration::from_secs(3_600)).await;
    assert_eq!((0..20).filter(|_| take().is_ok()).count(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_goes_by_identity_and_class() {
    let buckets = buckets(
        "[bucket.account]\nrate = \"1/h\"\nburst = 1\nclasses = [\"validate\"]\n\
         [bucket.software]\nrate = \"1/h\"\nburst = 3\n[bucket.address]\nrate = \"1/h\"\nburst = 6\nclasses = [\"landing\"]",
    );
    let (one, other) = (account("89900000001"), account("89900000002"));
    assert_eq!(buckets.take(Class::Validate, HERE, Some(&one)), Ok(()));
    assert!(buckets.take(Class::Validate, HERE, Some(&one)).is_err(), "whatever the address");
    assert_eq!(buckets.take(Class::Form, HERE, Some(&one)), Ok(()), "other classes take no token");
    assert_eq!(buckets.take(Class::Validate, HERE, Some(&other)), Ok(()));
    // The accounts of a software share one.
    for client in ["sw-fast-1", "sw-fast-2", "sw-fast-3"] {
        assert_eq!(buckets.take(Class::Software, HERE, Some(&account(client))), Ok(()));
    }
    assert!(buckets.take(Class::Software, HERE, Some(&account("sw-fast-4"))).is_err());
    assert_eq!(buckets.take(Class::Software, HERE, Some(&account("sw-slow-1"))), Ok(()));
    assert_eq!(buckets.take(Class::Lab, HERE, Some(&account("lab-1"))), Ok(()));
    // An IPv6 customer has a network of his own.
    for host in 0..6_u128 {
        let address = IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | host));
        assert_eq!(buckets.take(Class::Landing, address, None), Ok(()));
    }
    let same = IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | 77));
    assert!(buckets.take(Class::Landing, same, None).is_err());
    assert_eq!(buckets.take(Class::Landing, HERE, None), Ok(()));
    assert_eq!(buckets.keys(), [("account", Some(2)), ("software", Some(2)), ("address", Some(2))]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_takes_no_token_from_the_others_buckets() {
    let buckets =
        buckets("[bucket.account]\nrate = \"1/h\"\nburst = 1\n[bucket.software]\nrate = \"1/h\"\nburst = 2");
    let robot = account("sw-fast-1");
    assert_eq!(buckets.take(Class::Software, HERE, Some(&robot)), Ok(()));
    for _ in 0..100 {
        assert!(buckets.take(Class::Software, HERE, Some(&robot)).is_err());
    }
    assert_eq!(buckets.take(Class::Software, HERE, Some(&account("sw-fast-2"))), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn keys_are_forgotten_when_their_bucket_is_full_again() {
    let buckets = buckets("[bucket.account]\nrate = \"1/s\"\nburst = 5");
    for number in 0..100_000_u32 {
        let client = account(&format!("sw-{number}"));
        assert_eq!(buckets.take(Class::Software, HERE, Some(&client)), Ok(()));
        if number % 100 == 99 {
            advance(Duration::from_millis(100)).await;
        }
    }
    // 1,000 come in a second, and each is full again after one.
    let kept = buckets.keys()[0].1.unwrap();
    assert!(kept <= 2 * 1_100, "{kept} keys are kept");
}

proptest! {
    /// In any interval no more pass than the burst and what flows in meanwhile, and whoever waits as told gets in.
    #[test]
    fn no_more_pass_than_tokens_come(gaps in prop::collection::vec(0..3_000_u64, 1..200), burst in 1..20_u32) {
        let mut bucket = Keyed::new(&config::Bucket {
            rate: config::Rate::parse("1/s").unwrap(), burst, classes: [].into(),
        });
        let begin = Instant::now();
        let (mut now, mut passed) = (begin, Vec::new());
        for gap in gaps {
            now += Duration::from_millis(gap);
            let wait = bucket.wait(Class::Form, &1, now);
            prop_assert_eq!(bucket.wait(Class::Form, &1, now + wait), Duration::ZERO);
            if wait.is_zero() {
                bucket.take(Class::Form, 1, now);
                passed.push(now);
            }
        }
        for (index, from) in passed.iter().enumerate() {
            for (more, to) in passed[index..].iter().enumerate() {
                let flowed = to.duration_since(*from).as_secs_f64();
                prop_assert!((more + 1) as f64 <= f64::from(burst) + flowed + 1e-9);
            }
        }
    }
}
