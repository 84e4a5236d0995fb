//! A journey under way and an account, with what they remember and the connections that are theirs.

use super::keep::Keep;
use super::vars::Vars;
use crate::journey::{Account, Journey};

/// A journey under way.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) journey: Journey,
    pub(super) account: Option<u32>,
    pub(super) vars: Vars,
    /// Its own connection, where its population opens one for each journey.
    pub(super) connection: Keep,
    /// Something in it was not ok.
    pub(super) marred: bool,
}

impl Live {
    pub(super) fn new(journey: Journey, account: Option<u32>, vars: Vars) -> Self {
        Self { journey, account, vars, connection: Keep::default(), marred: false }
    }
}

/// An account, and what it keeps over journeys.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    pub(super) account: Account,
    pub(super) vars: Vars,
    /// Its idle connections. There is more than one when requests of several of its journeys overlapped.
    pub(super) connections: Keep,
}
