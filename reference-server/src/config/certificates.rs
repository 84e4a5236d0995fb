//! When certificates are issued (`[certificates]`).

use serde::Serialize;

use super::read::Reader;

/// Certificates (`[certificates]`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Certificates {
    /// When they are issued. Default: on demand.
    pub when: When,
}

/// When a certificate is issued: once, either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// When it is first asked for.
    #[default]
    OnDemand,
    /// After its result was stored, by one worker beside the requests; on demand for whoever comes before it.
    Background,
}

pub(super) fn certificates(read: Reader<'_>) -> Certificates {
    let when = match read.text("when").as_deref() {
        None | Some("on-demand") => When::OnDemand,
        Some("background") => When::Background,
        Some(other) => read
            .reject("when", format!("is '{other}'"), "write \"on-demand\" or \"background\"")
            .unwrap_or_default(),
    };
    read.finish();
    Certificates { when }
}
