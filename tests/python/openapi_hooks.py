"""For schemathesis: what no schema can say of good requests. An identity number ends with a key that is computed; a sample is
analysed after it was taken, nothing is in the future; HL7 and FHIR have standards of their own."""

import datetime
import pathlib
import re

import schemathesis
from hypothesis import strategies as st

FIRST = datetime.date(1900, 1, 1)
# The clocks of the server and of this program may differ.
LAST = datetime.date.today() - datetime.timedelta(days=2)
MIDNIGHT = datetime.time()
SAMPLES = pathlib.Path(__file__).parents[2] / "reference-server/tests/data"


def with_key(number):
    """The number with its key, 97 - (number mod 97); 2A counts as 19 and 2B as 18."""
    digits = number[:5] + {"2A": "19", "2B": "18"}.get(number[5:7], number[5:7]) + number[7:]
    return f"{number}{97 - int(digits) % 97:02d}"


def times(first, last):
    return st.datetimes(datetime.datetime.combine(first, MIDNIGHT), datetime.datetime.combine(last, MIDNIGHT))


def sample(name, *numbers):
    """A message of the tests whose own numbers are drawn."""
    text = (SAMPLES / name).read_bytes().decode()
    assert all(number in text for number in numbers), numbers

    def renumbered(drawn):
        message = text
        for number in numbers:
            message = message.replace(number, f"{number}-{drawn}")
        return message.encode()

    return st.integers(0, 10**12).map(renumbered)


NUMBER = st.from_regex(re.compile(r"[0-9]{5}([0-9]{2}|2[AB])[0-9]{6}", re.ASCII), fullmatch=True)
schemathesis.openapi.format("ins", NUMBER.map(with_key))
schemathesis.openapi.format("past-time", times(FIRST, LAST).map(lambda time: time.isoformat() + "Z"))
schemathesis.openapi.format("past-date", st.dates(FIRST, LAST).map(str))
schemathesis.openapi.media_type("application/hl7-v2", sample("oru_r01.hl7", "PHARM-000007-000001", "FILLER-7"))
schemathesis.openapi.media_type("application/fhir+json", sample("fhir_bundle.json", "REPORT-7", "SAMPLE-7"))


def mend(value):
    """Makes the identity numbers and the times below a value good ones, where they have the right form."""
    if isinstance(value, list):
        for item in value:
            mend(item)
    if not isinstance(value, dict):
        return
    for item in value.values():
        mend(item)
    number = value.get("identifier")
    if isinstance(number, str) and re.fullmatch(r"[0-9]{5}([0-9]{2}|2[AB])[0-9]{8}", number, re.ASCII):
        value["identifier"] = with_key(number[:13])
    if all(isinstance(value.get(key), str) for key in ("sampled_at", "analysed_at")):
        value["sampled_at"] = value["analysed_at"] = min(value["sampled_at"], value["analysed_at"])


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode.is_positive:
        mend(case.body)
