"""For schemathesis: what the document of the interface cannot say. An identity number ends with a key that is computed; a sample
is analysed after it was taken; and nothing is in the future."""

import datetime
import re

import schemathesis
from hypothesis import strategies as st

FIRST, LAST = datetime.date(2010, 1, 1), datetime.date(2025, 12, 31)
MIDNIGHT = datetime.time()


def with_key(number):
    """The number with its key, 97 - (number mod 97); 2A counts as 19 and 2B as 18."""
    digits = number[:5] + {"2A": "19", "2B": "18"}.get(number[5:7], number[5:7]) + number[7:]
    return f"{number}{97 - int(digits) % 97:02d}"


def times(first, last):
    return st.datetimes(datetime.datetime.combine(first, MIDNIGHT), datetime.datetime.combine(last, MIDNIGHT))


schemathesis.openapi.format("ins", st.from_regex(r"[0-9]{13}", fullmatch=True).map(with_key))
schemathesis.openapi.format("past-time", times(FIRST, LAST).map(lambda time: time.isoformat() + "Z"))
schemathesis.openapi.format("past-date", st.dates(datetime.date(1900, 1, 1), LAST).map(str))


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
