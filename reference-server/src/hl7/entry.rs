//! One message `ORU^R01` read as an entry, or everything that is wrong with it.

use std::borrow::Cow;

use super::split::{Segment, Separators};
use super::time;
use crate::codes;
use crate::entry::Entry;
use crate::intake::{RawEntry, RawPatient, RawTest, Rejected, Text};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::validate::{self, Place, WRONG_TYPE};

/// Lines that are not segments, reported in one message at most.
const MOST_BAD_LINES: usize = 20;

/// Reads a message; `text` starts with its MSH.
pub(crate) fn read(text: &[u8], now: Moment) -> Result<Entry, Rejected> {
    let mut problems = Vec::new();
    let lossy = String::from_utf8_lossy(text);
    if let Cow::Owned(_) = lossy {
        problems.push(problem("MSH-18", "the message is not UTF-8", "send UNICODE UTF-8"));
    }
    let Some(separators) = Separators::of(&lossy) else {
        problems.push(problem("MSH-2", "does not declare the separators", "write MSH|^~\\&|"));
        return Err(Rejected { reference: None, problems });
    };
    let message = Message::split(&lossy, separators, &mut problems);
    message.header(&mut problems);
    let raw = message.raw(&mut problems);
    let reference = raw.reference.as_ref().map(|text| text.0.to_string());
    let seen = problems.len();
    validate::entry(raw, Place { entry: None }, problems, now).map_err(|mut problems| {
        problems[seen..].iter_mut().for_each(relocate);
        Rejected { reference, problems }
    })
}

/// The segments of a message that are read here.
#[derive(Default)]
struct Message<'a> {
    msh: Option<Segment<'a>>,
    pid: Vec<Segment<'a>>,
    orc: Option<Segment<'a>>,
    obr: Vec<Segment<'a>>,
    obx: Vec<Segment<'a>>,
    spm: Option<Segment<'a>>,
}

impl<'a> Message<'a> {
    fn split(text: &'a str, separators: Separators, problems: &mut Vec<Problem>) -> Message<'a> {
        let mut message = Message::default();
        let mut bad = 0;
        for (index, line) in
            text.split(['\r', '\n', '\u{b}', '\u{1c}']).filter(|line| !line.is_empty()).enumerate()
        {
            let Some(segment) = Segment::read(line, separators) else {
                bad += 1;
                if bad <= MOST_BAD_LINES {
                    let what = format!("line {} of the message is not a segment", index + 1);
                    problems.push(problem("", &what, "three letters, then fields separated as MSH-1 says"));
                }
                continue;
            };
            match segment.name() {
                "MSH" => message.msh = message.msh.or(Some(segment)),
                "PID" => message.pid.push(segment),
                "ORC" => message.orc = message.orc.or(Some(segment)),
                "OBR" => message.obr.push(segment),
                "OBX" => message.obx.push(segment),
                "SPM" => message.spm = message.spm.or(Some(segment)),
                // SFT, NTE, PV1 and whatever else a sender adds says nothing about the result.
                _ => {}
            }
        }
        message
    }

    fn header(&self, problems: &mut Vec<Problem>) {
        let Some(msh) = self.msh else { return };
        let kind = msh.field(9);
        if !(kind.component(1).is("ORU") && kind.component(2).is("R01")) {
            problems.push(problem("MSH-9", "is not a message that is taken here", "write ORU^R01^ORU_R01"));
        }
        if !msh.field(11).component(1).is("T") {
            problems.push(problem(
                "MSH-11",
                "is not T",
                "only training messages are taken: synthetic data only",
            ));
        }
        if !msh.field(12).component(1).is("2.5.1") {
            problems.push(problem("MSH-12", "is not a version that is read here", "write 2.5.1"));
        }
        let encoding = msh.field(18).component(1);
        if !(encoding.text().is_none() || encoding.is("UNICODE UTF-8") || encoding.is("ASCII")) {
            problems.push(problem("MSH-18", "is not an encoding that is read here", "write UNICODE UTF-8"));
        }
    }

    fn raw(&self, problems: &mut Vec<Problem>) -> RawEntry<'a> {
        for (segments, name) in [(&self.pid, "PID"), (&self.obr, "OBR")] {
            if segments.len() > 1 {
                problems.push(problem(name, "is there more than once", "one result a message"));
            }
        }
        let order = |segment: Option<Segment<'a>>| {
            segment.and_then(|segment| given(segment.field(3).component(1).text()))
        };
        RawEntry {
            reference: self.msh.and_then(|msh| given(msh.field(10).text())),
            sample: order(self.obr.first().copied()).or_else(|| order(self.orc)),
            patient: self.pid.first().map(|pid| patient(*pid, problems)),
            test: self.test(problems),
        }
    }

    fn test(&self, problems: &mut Vec<Problem>) -> Option<RawTest<'a>> {
        let about_a_test = |obx: &&Segment<'a>| {
            obx.field(3).component(1).text().is_some_and(|code| codes::kind(&code).is_some())
        };
        let mut results = self.obx.iter().filter(about_a_test);
        // Without one of a known code the first is taken, so that its code is what is complained about.
        let obx = *results.next().or(self.obx.first())?;
        if results.next().is_some() {
            problems.push(problem("OBX", "has more than one test result", "one result a message"));
        }
        let mut expect = |field: usize, component: usize, allowed: &[&str], hint: &str| {
            let part = obx.field(field).component(component);
            if !allowed.iter().any(|allowed| part.is(allowed)) {
                problems.push(problem(&format!("OBX-{field}"), "is not as it must be", hint));
            }
        };
        expect(2, 1, &["CWE", "CE"], "a coded result: CWE");
        expect(3, 3, &["LN"], "the code of the test comes from LOINC: …^…^LN");
        expect(5, 3, &["SCT"], "the code of the result comes from SNOMED CT: …^…^SCT");
        expect(11, 1, &["F", "C"], "only final (F) or corrected (C) results are taken");
        let code = |field: usize| obx.field(field).component(1).text();
        let at = |segment: Option<Segment<'a>>, field: usize| {
            segment.and_then(|it| it.field(field).component(1).text())
        };
        let sampled =
            at(Some(obx), 14).or_else(|| at(self.obr.first().copied(), 7)).or_else(|| at(self.spm, 17));
        let loinc = code(3);
        Some(RawTest {
            // Of an unknown code only the code is wrong.
            kind: Some(Text(Cow::Borrowed(loinc.as_deref().and_then(codes::kind).unwrap_or(WRONG_TYPE)))),
            loinc: given(loinc),
            device: given(code(17)),
            sampled_at: sampled.map(|text| Text(Cow::Owned(time::time(&text)))),
            analysed_at: code(19).map(|text| Text(Cow::Owned(time::time(&text)))),
            result: code(5).map(|text| Text(Cow::Borrowed(codes::result(&text).unwrap_or_default()))),
        })
    }
}

fn patient<'a>(pid: Segment<'a>, problems: &mut Vec<Problem>) -> RawPatient<'a> {
    let of_test =
        pid.field(3).repetitions().find(|id| id.component(4).subcomponent(2).is(codes::TEST_IDENTITIES));
    let mut identifier = of_test.and_then(|id| given(id.component(1).text()));
    if of_test.is_none() && pid.field(3).text().is_some() {
        let hint =
            format!("only INS-NIR-TEST is taken: …^^^ASIP-SANTE-INS-NIR&{}&ISO^INS", codes::TEST_IDENTITIES);
        problems.push(problem("PID-3", "has no test identity", &hint));
        identifier = Some(Text(Cow::Borrowed(WRONG_TYPE)));
    }
    // XTN: the number is its component 12; the older component 1 is read too.
    let number = |component: usize| {
        pid.field(13)
            .repetitions()
            .map(move |telecom| telecom.component(component))
            .find_map(|part| part.text())
    };
    RawPatient {
        family_name: given(pid.field(5).component(1).subcomponent(1).text()),
        given_name: given(pid.field(5).component(2).text()),
        birth_date: pid.field(7).text().map(|text| Text(Cow::Owned(time::date(&text)))),
        sex: given(pid.field(8).text()),
        mobile: given(number(12).or_else(|| number(1))),
        identifier,
    }
}

fn given(text: Option<Cow<'_, str>>) -> Option<Text<'_>> {
    text.map(Text)
}

/// Says a problem of the entry in the words of HL7: which field it comes from, and what to write there.
fn relocate(problem: &mut Problem) {
    let (field, hint) = match problem.path.as_str() {
        "ref" => ("MSH-10", None),
        "sample" => ("OBR-3", None),
        "patient" => ("PID", None),
        "patient/identifier" => ("PID-3", None),
        "patient/family_name" | "patient/given_name" => ("PID-5", None),
        "patient/birth_date" => ("PID-7", Some("write YYYYMMDD, from 1900 to today")),
        "patient/sex" => ("PID-8", None),
        "patient/mobile" => ("PID-13", None),
        "test" => ("OBX", None),
        "test/kind" | "test/loinc" => ("OBX-3", None),
        "test/result" => ("OBX-5", Some(codes::RESULT_HINT)),
        "test/sampled_at" => ("OBX-14", Some("write it with its offset: 20220105181200+0100")),
        "test/device" => ("OBX-17", None),
        "test/analysed_at" => {
            ("OBX-19", Some("write it with its offset, not before the sample: 20220105182700+0100"))
        }
        _ => return,
    };
    // Two fields of an entry share PID-5.
    if problem.path.ends_with("given_name") {
        problem.problem.insert_str(0, "given name ");
    }
    problem.path = field.to_owned();
    if let Some(hint) = hint {
        problem.hint = hint.to_owned();
    }
}

/// One thing wrong, in the words of HL7.
pub(crate) fn problem(path: &str, problem: &str, hint: &str) -> Problem {
    Problem { path: path.to_owned(), problem: problem.to_owned(), hint: hint.to_owned() }
}
