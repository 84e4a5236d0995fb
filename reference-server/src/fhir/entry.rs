//! One report of a bundle read as an entry, or everything that is wrong with it.

use std::borrow::Cow;

use super::bundle::{Bundle, Found, problem};
use super::resource::{
    CodeableConcept, Identifier, Observation, Patient, Reference, Report, Resource, Specimen,
};
use crate::codes;
use crate::entry::Entry;
use crate::intake::{RawEntry, RawPatient, RawTest, Rejected, Text};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::validate::{self, Place, WRONG_TYPE};

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
/// Antigen tests of the European Commission's Joint Research Centre.
const DEVICES: &str = "https://covid-19-diagnostics.jrc.ec.europa.eu/devices";

/// What became of a report's reading.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) entry: Result<Entry, Rejected>,
    /// The entries of the bundle that say what the result is, its own among them.
    pub(crate) made_of: Vec<usize>,
}

/// Reads the report in entry `index`.
pub(crate) fn read(bundle: &Bundle<'_>, index: usize, report: &Report<'_>, now: Moment) -> Outcome {
    let at = format!("Bundle.entry[{index}].resource");
    let mut reading = Reading { bundle, index, made_of: vec![index], problems: Vec::new() };
    reading.status(report.status.as_ref(), &at, &["final", "amended", "corrected", "appended"]);
    let reference = reading.reference(report, &at);
    let observation = reading.observation(report, &at);
    let patient = reading.patient(report, observation.as_ref(), &at);
    let specimen = reading.specimen(report, observation.as_ref(), &at);
    let mut paths = Paths { report: at, ..Paths::default() };
    let raw = RawEntry {
        sample: specimen.and_then(sample).or_else(|| reference.as_deref().map(borrowed)),
        reference: reference.as_deref().map(borrowed),
        patient: patient.map(|(patient, path)| {
            paths.patient = Some(path);
            reading.raw_patient(patient, paths.patient.as_deref().unwrap_or_default())
        }),
        test: observation.map(|(observation, path)| {
            paths.observation = Some(path);
            reading.raw_test(observation, report, specimen, &mut paths)
        }),
    };
    let Reading { made_of, mut problems, .. } = reading;
    problems.extend(made_of.iter().flat_map(|entry| bundle.items[*entry].problems.iter().cloned()));
    let seen = problems.len();
    let entry = validate::entry(raw, Place { entry: None }, problems, now).map_err(|mut problems| {
        problems[seen..].iter_mut().for_each(|problem| paths.relocate(problem));
        forget_what_follows(&mut problems);
        Rejected { reference, problems }
    });
    Outcome { entry, made_of }
}

/// What has a wrong type or leads nowhere was taken out: that it is missing follows from that.
fn forget_what_follows(problems: &mut Vec<Problem>) {
    let missing = |problem: &Problem| problem.problem.ends_with("is missing");
    let roots: Vec<_> = problems.iter().filter(|it| !missing(it)).map(|it| it.path.clone()).collect();
    problems.retain(|it| !missing(it) || !roots.iter().any(|root| it.path.starts_with(root)));
}

struct Reading<'b, 'a> {
    bundle: &'b Bundle<'a>,
    index: usize,
    made_of: Vec<usize>,
    problems: Vec<Problem>,
}

impl<'b, 'a> Reading<'b, 'a> {
    fn wrong(&mut self, path: String, what: &str, hint: &str) {
        self.problems.push(problem(&path, what, hint));
    }

    fn status(&mut self, status: Option<&Text<'_>>, at: &str, taken: &[&str]) {
        let path = format!("{at}.status");
        match status {
            None => self.wrong(path, "is missing", ""),
            Some(status) if taken.contains(&&*status.0) || status.0 == WRONG_TYPE => {}
            Some(_) => {
                let hint = format!("only finished results are taken: {}", taken.join(", "));
                self.wrong(path, "is not a status that is taken here", &hint);
            }
        }
    }

    /// The sender's reference: the identifier under whose condition the report is to be made, or else its first.
    fn reference(&mut self, report: &Report<'_>, at: &str) -> Option<String> {
        let value = |identifier: &Identifier<'_>| identifier.value.as_ref().map(|value| value.0.to_string());
        let Some(condition) = &self.bundle.items[self.index].condition else {
            return report.identifier.iter().find_map(value);
        };
        let asked = serde_urlencoded::from_str::<Vec<(String, String)>>(&condition.0).unwrap_or_default();
        if let [(name, asked)] = &asked[..]
            && name == "identifier"
        {
            let (system, id) =
                asked.split_once('|').map_or((None, &**asked), |(system, id)| (Some(system), id));
            let same = |identifier: &&Identifier<'_>| {
                let its_system = identifier.system.as_ref().map_or("", |system| &system.0);
                system.is_none_or(|system| system == its_system)
                    && identifier.value.as_ref().is_some_and(|value| value.0 == id)
            };
            if let Some(identifier) = report.identifier.iter().find(same) {
                return value(identifier);
            }
        }
        let path = format!("{}.request.ifNoneExist", at.trim_end_matches(".resource"));
        self.wrong(
            path,
            "is not about this report",
            "write identifier=SYSTEM|VALUE with an identifier of it",
        );
        report.identifier.iter().find_map(value)
    }

    /// What a reference means, which must be there.
    fn find(&mut self, reference: &Reference<'_>, path: &str, kind: &str) -> Option<Found<'b, 'a>> {
        let found = self.bundle.find(self.index, reference);
        if let Some(found) = &found {
            if !self.made_of.contains(&found.entry) {
                self.made_of.push(found.entry);
            }
        } else {
            let hint = format!("refer to the fullUrl of {kind} in this bundle, or to one that is contained");
            self.wrong(path.to_owned(), "refers to nothing in this bundle", &hint);
        }
        found
    }

    /// The observation that says the result of a test; without one of a known code the first, so that its code is what is
    /// complained about.
    fn observation(&mut self, report: &Report<'_>, at: &str) -> Option<(&'b Observation<'a>, String)> {
        let mut all = Vec::new();
        for (number, reference) in report.result.iter().enumerate() {
            let path = format!("{at}.result[{number}]");
            match self.find(reference, &path, "an Observation") {
                Some(Found { resource: Resource::Observation(observation), path, .. }) => {
                    all.push((&**observation, path));
                }
                Some(_) => self.wrong(path, "is no Observation", "refer to the result of the test"),
                None => {}
            }
        }
        let about_a_test = |(observation, _): &(&Observation<'_>, String)| {
            code(observation.code.as_ref(), LOINC).is_some_and(|code| codes::kind(code).is_some())
        };
        let tests = all.iter().filter(|it| about_a_test(it)).count();
        if tests > 1 {
            self.wrong(format!("{at}.result"), "has more than one test", "one result a report");
        }
        let first = all.iter().position(about_a_test).unwrap_or(0);
        all.into_iter().nth(first)
    }

    fn patient(
        &mut self,
        report: &Report<'_>,
        observation: Option<&(&'b Observation<'a>, String)>,
        at: &str,
    ) -> Option<(&'b Patient<'a>, String)> {
        let of_report = report.subject.as_ref().map(|subject| (subject, format!("{at}.subject")));
        let of_observation = observation
            .and_then(|(observation, at)| Some((observation.subject.as_ref()?, format!("{at}.subject"))));
        let mut found = Vec::new();
        for (reference, path) in [of_report, of_observation].into_iter().flatten() {
            if let Some(who) = self.find(reference, &path, "a Patient") {
                found.push((who, path));
            }
        }
        if let [(one, _), (other, path)] = &found[..]
            && one.path != other.path
        {
            self.wrong(path.clone(), "is somebody else than the report is about", "refer to one Patient");
        }
        let (Found { resource, path, .. }, from) = found.into_iter().next()?;
        match resource {
            Resource::Patient(patient) => Some((patient, path)),
            _ => {
                self.wrong(from, "is no Patient", "refer to who was tested");
                None
            }
        }
    }

    fn specimen(
        &mut self,
        report: &Report<'_>,
        observation: Option<&(&'b Observation<'a>, String)>,
        at: &str,
    ) -> Option<&'b Specimen<'a>> {
        let of_report = report.specimen.first().map(|specimen| (specimen, format!("{at}.specimen[0]")));
        let of_observation = || {
            let (observation, at) = observation?;
            Some((observation.specimen.as_ref()?, format!("{at}.specimen")))
        };
        let (reference, path) = of_report.or_else(of_observation)?;
        match self.find(reference, &path, "a Specimen")?.resource {
            Resource::Specimen(specimen) => Some(specimen),
            _ => {
                self.wrong(path, "is no Specimen", "refer to the sample, or to nothing");
                None
            }
        }
    }

    fn raw_patient<'p>(&mut self, patient: &'p Patient<'_>, at: &str) -> RawPatient<'p> {
        let identity = format!("urn:oid:{}", codes::TEST_IDENTITIES);
        let of_test = patient.identifier.iter().find(|it| is(it.system.as_ref(), &identity));
        let mut identifier = of_test.and_then(|it| text(it.value.as_ref()));
        if of_test.is_none() && !patient.identifier.is_empty() {
            let hint = format!("only INS-NIR-TEST is taken, with the system {identity}");
            self.wrong(format!("{at}.identifier"), "has no test identity", &hint);
            identifier = Some(borrowed(WRONG_TYPE));
        }
        let official = patient.name.iter().find(|name| is(name.usage.as_ref(), "official"));
        let name = official.or(patient.name.first());
        let given = name.map(|name| name.given.iter().map(|given| &*given.0).collect::<Vec<_>>());
        let phone = |usage: Option<&str>| {
            let is_it = |it: &&super::resource::ContactPoint<'_>| {
                is(it.system.as_ref(), "phone") && usage.is_none_or(|usage| is(it.usage.as_ref(), usage))
            };
            patient.telecom.iter().find(is_it)
        };
        RawPatient {
            family_name: name.and_then(|name| text(name.family.as_ref())),
            given_name: given.filter(|given| !given.is_empty()).map(|given| {
                Text(match given[..] {
                    [given] => Cow::Borrowed(given),
                    _ => Cow::Owned(given.join(" ")),
                })
            }),
            birth_date: text(patient.birth_date.as_ref()),
            sex: patient.gender.as_ref().map(|gender| {
                Text(Cow::Borrowed(match &*gender.0 {
                    "male" => "M",
                    "female" => "F",
                    "other" | "unknown" => "U",
                    WRONG_TYPE => WRONG_TYPE,
                    _ => "",
                }))
            }),
            mobile: phone(Some("mobile")).or_else(|| phone(None)).and_then(|it| text(it.value.as_ref())),
            identifier,
        }
    }

    fn raw_test<'t>(
        &mut self,
        observation: &'t Observation<'_>,
        report: &'t Report<'_>,
        specimen: Option<&'t Specimen<'_>>,
        paths: &mut Paths,
    ) -> RawTest<'t> {
        let at = paths.observation.clone().unwrap_or_default();
        self.status(observation.status.as_ref(), &at, &["final", "amended", "corrected"]);
        let loinc = self.coded(observation.code.as_ref(), LOINC, format!("{at}.code"));
        let result = self.coded(observation.value_codeable_concept.as_ref(), SNOMED, format!("{at}.value"));
        let collected = specimen.and_then(|it| it.collection.as_ref()?.collected_date_time.as_ref());
        let sampled = observation.effective_date_time.as_ref().or_else(|| {
            paths.sampled_by_report = report.effective_date_time.is_some();
            report.effective_date_time.as_ref().or(collected)
        });
        let analysed = observation.issued.as_ref().or_else(|| {
            paths.analysed_by_report = report.issued.is_some();
            report.issued.as_ref()
        });
        let device = observation.device.as_ref().and_then(|device| device.identifier.as_ref());
        RawTest {
            // Of an unknown code only the code is wrong.
            kind: Some(borrowed(loinc.and_then(codes::kind).unwrap_or(WRONG_TYPE))),
            loinc: loinc.map(borrowed),
            device: device
                .filter(|it| is(it.system.as_ref(), DEVICES))
                .and_then(|it| text(it.value.as_ref())),
            sampled_at: text(sampled),
            analysed_at: text(analysed),
            result: result.map(|code| {
                borrowed(if code == WRONG_TYPE { code } else { codes::result(code).unwrap_or_default() })
            }),
        }
    }

    /// The code of a concept in this system, which must be there if the concept is.
    fn coded<'t>(
        &mut self,
        concept: Option<&'t CodeableConcept<'_>>,
        system: &str,
        path: String,
    ) -> Option<&'t str> {
        concept?;
        let code = code(concept, system);
        if code.is_none() {
            self.wrong(path, &format!("has no code of {system}"), "write it with its system");
        }
        Some(code.unwrap_or(WRONG_TYPE))
    }
}

/// Where things of an entry stand in the bundle.
#[derive(Debug, Default)]
struct Paths {
    report: String,
    patient: Option<String>,
    observation: Option<String>,
    sampled_by_report: bool,
    analysed_by_report: bool,
}

impl Paths {
    /// Says a problem of the entry in the words of FHIR: which element it comes from, and what to write there.
    fn relocate(&self, problem: &mut Problem) {
        let report = &self.report;
        let patient = self.patient.as_deref().unwrap_or_default();
        let observation = self.observation.as_deref().unwrap_or_default();
        let timed = |by_report: bool| if by_report { report } else { observation };
        let (path, hint) = match problem.path.as_str() {
            "ref" => (format!("{report}.identifier"), None),
            // Without a number of its own the sample goes by that of the report.
            "sample" => (format!("{report}.identifier"), None),
            "patient" => (format!("{report}.subject"), None),
            "patient/identifier" => (format!("{patient}.identifier"), None),
            "patient/family_name" => (format!("{patient}.name.family"), None),
            "patient/given_name" => (format!("{patient}.name.given"), None),
            "patient/birth_date" => (format!("{patient}.birthDate"), None),
            "patient/sex" => (format!("{patient}.gender"), Some("write female, male, other or unknown")),
            "patient/mobile" => (format!("{patient}.telecom"), None),
            "test" => (format!("{report}.result"), None),
            "test/kind" | "test/loinc" => (format!("{observation}.code"), None),
            "test/device" => (format!("{observation}.device.identifier"), None),
            "test/sampled_at" => (format!("{}.effective", timed(self.sampled_by_report)), None),
            "test/analysed_at" => (format!("{}.issued", timed(self.analysed_by_report)), None),
            "test/result" => (format!("{observation}.value"), Some(codes::RESULT_HINT)),
            _ => return,
        };
        problem.path = path;
        if let Some(hint) = hint {
            problem.hint = hint.to_owned();
        }
    }
}

/// The number of a sample, as its sender has it.
fn sample<'s>(specimen: &'s Specimen<'_>) -> Option<Text<'s>> {
    let numbers = specimen.accession_identifier.iter().chain(&specimen.identifier);
    numbers.filter_map(|number| text(number.value.as_ref())).next()
}

/// The code of a concept in this system.
fn code<'t>(concept: Option<&'t CodeableConcept<'_>>, system: &str) -> Option<&'t str> {
    let coding = concept?.coding.iter().find(|coding| is(coding.system.as_ref(), system))?;
    coding.code.as_ref().map(|code| &*code.0)
}

fn is(text: Option<&Text<'_>>, expected: &str) -> bool {
    text.is_some_and(|text| text.0 == expected)
}

fn text<'t>(text: Option<&'t Text<'_>>) -> Option<Text<'t>> {
    text.map(|text| borrowed(&text.0))
}

fn borrowed(text: &str) -> Text<'_> {
    Text(Cow::Borrowed(text))
}
