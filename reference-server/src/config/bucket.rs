//! Token buckets (`[bucket.account]`, `[bucket.software]`, `[bucket.address]`).

use std::collections::BTreeSet;

use serde::Serialize;

use super::Rate;
use super::read::Reader;
use crate::class::Class;

/// Bounds on the rate of requests of one sender; what comes faster is answered 429 with `Retry-After`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Buckets {
    /// One for each account, whatever address it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Bucket>,
    /// One for each entry software: the accounts `sw-NAME-…` share that of `sw-NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<Bucket>,
    /// One for each client address (of IPv6 the network, /64). Behind one address there may be a whole hospital.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Bucket>,
}

/// A token bucket, full at the beginning: every request takes a token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bucket {
    /// Tokens that come.
    pub rate: Rate,
    /// Most tokens, at least 1.
    pub burst: u32,
    /// The classes of requests that take a token; empty: all. Only addresses are known before sign-in.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub classes: BTreeSet<Class>,
}

impl Buckets {
    pub(super) fn is_empty(&self) -> bool {
        *self == Buckets::default()
    }
}

pub(super) fn buckets(read: Reader<'_>) -> Buckets {
    let bucket = |key| read.section(key).and_then(bucket);
    let buckets =
        Buckets { account: bucket("account"), software: bucket("software"), address: bucket("address") };
    read.finish();
    buckets
}

fn bucket(read: Reader<'_>) -> Option<Bucket> {
    read.required("rate", "tokens that come, as in \"3/min\"");
    read.required("burst", "the most tokens, as in 10");
    let (rate, burst) = (read.rate("rate"), read.whole("burst", 1..=u64::from(u32::MAX)));
    let classes = read.classes("classes").unwrap_or_default();
    read.finish();
    Some(Bucket { rate: rate?, burst: u32::try_from(burst?).ok()?, classes })
}
