"""Reads results in the formats of health care with Python packages that share no code with Peakday: `hl7apy` for HL7 v2.5.1
(strictly) and `fhir.resources` for FHIR R4B. Arguments: files, .hl7 or .json. Prints a JSON line for each result."""
import json
import re
import sys

from fhir.resources.R4B.bundle import Bundle
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

SEX = {"female": "F", "male": "M", "unknown": "U"}
RESULT = {"260373001": "positive", "260415000": "negative"}


def instant(text):
    year, month, day, hour, minute, second, zone = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\+(\d{4})", text).groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}+{zone[:2]}:{zone[2:]}"


def hl7(text):
    """The messages of a text, each checked against the standard's structure; the envelope, if there is one, by its counts."""
    segments = text.rstrip("\r").split("\r")
    starts = [at for at, segment in enumerate(segments) if segment.startswith("MSH")]
    if segments[0].startswith("FHS"):
        assert [segment[:3] for segment in segments[:2] + segments[-2:]] == ["FHS", "BHS", "BTS", "FTS"]
        assert segments[-2:] == [f"BTS|{len(starts)}", "FTS|1"]
    for start in starts:
        end = next((at for at in range(start + 1, len(segments)) if segments[at][:3] in ("MSH", "BTS")), len(segments))
        message = parse_message("\r".join(segments[start:end]) + "\r", validation_level=VALIDATION_LEVEL.STRICT)
        assert message.validate() and message.msh.msh_9.to_er7() == "ORU^R01^ORU_R01"
        patient = message.oru_r01_patient_result.oru_r01_patient.pid
        order = message.oru_r01_patient_result.oru_r01_order_observation
        seen = order.oru_r01_observation.obx
        born = patient.pid_7.to_er7()
        test = {
            "loinc": seen.obx_3.obx_3_1.to_er7(),
            "sampled_at": instant(seen.obx_14.to_er7()),
            "analysed_at": instant(seen.obx_19.to_er7()),
            "result": RESULT[seen.obx_5.obx_5_1.to_er7()],
        }
        if seen.obx_17.to_er7():
            test["device"] = seen.obx_17.obx_17_1.to_er7()
        yield {
            "ref": message.msh.msh_10.to_er7(),
            "sample": order.obr.obr_3.to_er7(),
            "patient": {
                "family_name": patient.pid_5.pid_5_1.to_er7(),
                "given_name": patient.pid_5.pid_5_2.to_er7(),
                "birth_date": f"{born[:4]}-{born[4:6]}-{born[6:]}",
                "sex": patient.pid_8.to_er7(),
                "mobile": patient.pid_13.to_er7().split("^")[11],
                "identifier": patient.pid_3.pid_3_1.to_er7(),
            },
            "test": test,
        }


def fhir(text):
    """The reports of a bundle, with what they refer to."""
    bundle = Bundle.model_validate_json(text)
    assert bundle.type == "transaction"
    named = {entry.fullUrl: entry.resource for entry in bundle.entry}
    assert len(named) == len(bundle.entry)
    for entry in bundle.entry:
        report = entry.resource
        assert entry.request.method == "POST" and entry.request.url == report.get_resource_type()
        if report.get_resource_type() != "DiagnosticReport":
            continue
        identifier = report.identifier[0]
        assert entry.request.ifNoneExist == f"identifier={identifier.system}|{identifier.value}"
        seen, patient = named[report.result[0].reference], named[report.subject.reference]
        sample = named[report.specimen[0].reference]
        assert seen.subject.reference == sample.subject.reference == report.subject.reference
        raw = json.loads(seen.model_dump_json())
        test = {
            "loinc": seen.code.coding[0].code,
            "sampled_at": raw["effectiveDateTime"],
            "analysed_at": raw["issued"],
            "result": RESULT[seen.valueCodeableConcept.coding[0].code],
        }
        if seen.device:
            test["device"] = seen.device.identifier.value
        yield {
            "ref": identifier.value,
            "sample": sample.accessionIdentifier.value,
            "patient": {
                "family_name": patient.name[0].family,
                "given_name": " ".join(patient.name[0].given),
                "birth_date": patient.birthDate.isoformat(),
                "sex": SEX[patient.gender],
                "mobile": patient.telecom[0].value,
                "identifier": patient.identifier[0].value,
            },
            "test": test,
        }


for path in sys.argv[1:]:
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    for result in fhir(text) if path.endswith(".json") else hl7(text):
        print(json.dumps(result))
