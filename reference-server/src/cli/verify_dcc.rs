//! `sidep-server verify-dcc`: whether the text of a certificate is valid.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, FixedOffset};
use clap::Args;

use super::fail;
use crate::dcc::Verifier;
use crate::moment::Moment;

/// Exit code for a text that is not a valid certificate.
const NOT_VALID: u8 = 4;

/// Longest standard input that is read, in bytes.
const LONGEST_INPUT: u64 = 1 << 20;

/// Checks the text of a certificate (HC1:…) against its signer's certificate.
///
/// Prints the payload as JSON and exits with 0 if it is valid; says why it is not and exits with 4 if it is not.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The text, or - to read it from standard input
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    text: String,
    /// The signer's certificate: PEM, or base64 of DER
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// The moment at which it has to be valid [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = DateTime::parse_from_rfc3339)]
    at: Option<DateTime<FixedOffset>>,
}

#[expect(clippy::print_stderr, reason = "the answer of the command")]
pub(super) fn run(arguments: VerifyArgs) -> ExitCode {
    let VerifyArgs { text, certificate, at } = arguments;
    let file = certificate.display();
    let verifier = match std::fs::read(&certificate) {
        Ok(bytes) => Verifier::new(&bytes),
        Err(error) => return fail(&format!("cannot read the signer certificate {file}: {error}")),
    };
    let verifier = match verifier {
        Ok(verifier) => verifier,
        Err(reason) => return fail(&format!("{file} cannot be used as a signer certificate: {reason}")),
    };
    let text = match text_of(text) {
        Ok(text) => text,
        Err(error) => return fail(&format!("cannot read the text from standard input: {error}")),
    };
    let at = at.map_or_else(Moment::now, |at| Moment::from_millis(at.timestamp_millis()));
    match verifier.verify(&text, at) {
        Ok(payload) => match writeln!(io::stdout(), "{payload}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("cannot write to standard output: {error}")),
        },
        Err(reason) => {
            eprintln!("sidep-server: not a valid certificate: {reason}");
            ExitCode::from(NOT_VALID)
        }
    }
}

fn text_of(argument: String) -> io::Result<String> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(LONGEST_INPUT).read_to_end(&mut bytes)?;
    // What is not text is not a certificate either: the verifier says so.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
