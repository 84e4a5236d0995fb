//! CPU time of a certificate, by its form: rounds of all forms in turn on one core, median and spread.
//!
//! `cargo bench -p reference-server --bench certificates`; every certificate is signed anew, as the first request for it
//! finds it. The rows "text known" are what the server does for every further request.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::hint::black_box;
use std::time::Duration;

use reference_server::entry::Record;
use reference_server::moment::Moment;
use reference_server::{Form, Maker};

const ROUNDS: usize = 15;

/// How long one form is made in one round.
const TURN: Duration = Duration::from_millis(60);

const RECORD: &str = r#"{
    "patient": { "family_name": "Exemple-Été", "given_name": "Zoé", "birth_date": "1984-05-15", "sex": "F",
                 "mobile": "+33639980001", "identifier": "284059900000179" },
    "test": { "kind": "antigen", "loinc": "94558-4", "device": "1304", "sampled_at": "2022-01-05T18:00:00+01:00",
              "analysed_at": "2022-01-05T18:20:00+01:00", "result": "negative" } }"#;

/// What this thread has had of a processor: whoever shares the machine takes none of it.
fn cpu_time() -> Result<Duration, std::num::TryFromIntError> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Ok(Duration::new(time.tv_sec.try_into()?, time.tv_nsec.try_into()?))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let maker = Maker::open(folder.path())?;
    let record: Record = serde_json::from_str(RECORD)?;
    let text = |id| maker.text(id, "89900000001", &record, Moment::now()).expect("a certificate");
    let form = |form, id, text: &str| maker.form(form, id, &record, text).expect("a form");
    let known = text(0);
    let rows: [(&str, &dyn Fn(i64) -> usize); 5] = [
        ("text", &|id| text(id).len()),
        ("png", &|id| form(Form::Picture, id, &text(id)).len()),
        ("pdf", &|id| form(Form::Document, id, &text(id)).len()),
        ("png, text known", &|id| form(Form::Picture, id, &known).len()),
        ("pdf, text known", &|id| form(Form::Document, id, &known).len()),
    ];
    let mut seen = rows.map(|_| Vec::with_capacity(ROUNDS));
    let mut id = 0;
    for _ in 0..ROUNDS {
        for ((_, make), seen) in rows.iter().zip(&mut seen) {
            let (begin, first) = (cpu_time()?, id);
            while cpu_time()? - begin < TURN {
                id += 1;
                black_box(make(id));
            }
            let made = f64::from(u32::try_from(id - first)?);
            seen.push((cpu_time()? - begin).as_secs_f64() / made * 1e6);
        }
    }
    println!("{:<16} {:>8} {:>16} {:>10} {:>8}", "form", "µs", "[least-most]", "a second", "bytes");
    for ((name, make), seen) in rows.iter().zip(&mut seen) {
        seen.sort_by(f64::total_cmp);
        let (least, median, most) = (seen[0], seen[ROUNDS / 2], seen[ROUNDS - 1]);
        let range = format!("[{least:.1}-{most:.1}]");
        println!("{name:<16} {median:>8.1} {range:>16} {:>10.0} {:>8}", 1e6 / median, make(id));
    }
    Ok(())
}
