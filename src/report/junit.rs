//! `junit.xml`: the promises as test cases, for CI servers.
//!
//! A configuration is a suite. Its first cases are whether the numbers may be believed and whether it came as expected;
//! then each SLO. The SLOs of a configuration that is expected to fall are not failures: what fails there is that it held.

use std::fmt::Write as _;

use super::svg::escape;
use super::words;
use crate::stats::{Expectation, ServerSummary, Summary, ValidityState, Verdict};

/// The summary as a JUnit report.
pub(super) fn xml(summary: &Summary) -> String {
    let suites: Vec<Suite> = summary.servers.iter().map(|server| suite(&summary.scenario, server)).collect();
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" \
         skipped=\"{}\">\n",
        escape(&summary.scenario),
        sum(|s| s.cases.len()),
        sum(|s| s.count("failure")),
        sum(|s| s.count("error")),
        sum(|s| s.count("skipped"))
    );
    for suite in &suites {
        suite.write(&mut xml);
    }
    xml.push_str("</testsuites>\n");
    xml
}

struct Suite {
    name: String,
    seconds: f64,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    /// Name of the element and its message, where the case did not simply pass.
    ended: Option<(&'static str, String)>,
    /// What was seen.
    detail: String,
}

fn suite(scenario: &str, server: &ServerSummary) -> Suite {
    let reasons: Vec<String> =
        server.validity.reasons.iter().map(|r| format!("{}: {}", r.code, r.detail)).collect();
    let invalid = server.validity.state == ValidityState::Invalid;
    let mut cases = vec![
        Case {
            name: "the numbers may be believed".to_owned(),
            ended: invalid.then(|| ("error", "the run is not valid".to_owned())),
            detail: reasons.join("\n"),
        },
        Case {
            name: match server.expect {
                Expectation::Hold => "holds its SLOs, as expected".to_owned(),
                Expectation::Fail => "breaks an SLO, as expected".to_owned(),
            },
            ended: match server.as_expected {
                Some(true) => None,
                Some(false) => Some(("failure", words::outcome(server))),
                None => Some(("skipped", words::outcome(server))),
            },
            detail: words::outcome(server),
        },
    ];
    cases.extend(server.slos.iter().map(|slo| Case {
        name: slo.expression.clone(),
        ended: match slo.verdict {
            Verdict::Fail if server.expect == Expectation::Hold => Some(("failure", slo.detail.clone())),
            Verdict::Undecided => Some(("skipped", slo.detail.clone())),
            Verdict::Pass | Verdict::Fail => None,
        },
        detail: format!("{}: {}", words::judgement(slo.verdict), slo.detail),
    }));
    Suite { name: format!("{scenario}.{}", server.name), seconds: server.duration_s, cases }
}

impl Suite {
    fn count(&self, element: &str) -> usize {
        self.cases.iter().filter(|case| case.ended.as_ref().is_some_and(|(name, _)| *name == element)).count()
    }

    fn write(&self, xml: &mut String) {
        let name = escape(&self.name);
        let _ = writeln!(
            xml,
            "<testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\">",
            self.cases.len(),
            self.count("failure"),
            self.count("error"),
            self.count("skipped"),
            self.seconds
        );
        for case in &self.cases {
            let _ = writeln!(xml, "<testcase classname=\"{name}\" name=\"{}\">", escape(&case.name));
            if let Some((element, message)) = &case.ended {
                let _ = writeln!(xml, "<{element} message=\"{}\"/>", escape(message));
            }
            if !case.detail.is_empty() {
                let _ = writeln!(xml, "<system-out>{}</system-out>", escape(&case.detail));
            }
            xml.push_str("</testcase>\n");
        }
        xml.push_str("</testsuite>\n");
    }
}
