//! The reference server from outside.

mod store_contract;
