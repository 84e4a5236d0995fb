"""Reads a health certificate with Python packages that share no code with Peakday: base45, zlib, `cwt`, and `zxingcpp`
for QR codes. Arguments: the signer's certificate (PEM), and files: a text (.txt), an image (.png) or a document (.pdf).
Prints a JSON line for each file: its text, the claims of the token, and, for a code, its version and error correction."""
import json
import sys
import zlib

import base45
import zxingcpp
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate
from cwt import COSE, COSEKey
from cbor2 import loads
from PIL import Image


def code_in(image):
    found = zxingcpp.read_barcodes(image)
    assert len(found) == 1, f"{len(found)} codes"
    return found[0].text, {"level": found[0].ec_level}


def text_of(path):
    if path.endswith(".png"):
        return code_in(Image.open(path))
    if path.endswith(".pdf"):
        import pypdfium2
        page = pypdfium2.PdfDocument(path)[0]
        text, seen = code_in(page.render(scale=3).to_pil())
        return text, seen | {"words": page.get_textpage().get_text_bounded()}
    return open(path).read().rstrip("\n"), {}


with open(sys.argv[1], "rb") as file:
    pem = file.read()
certificate = load_pem_x509_certificate(pem)
key = COSEKey.from_pem(pem.decode(), kid=certificate.fingerprint(SHA256())[:8])
for path in sys.argv[2:]:
    text, seen = text_of(path)
    assert text.startswith("HC1:")
    message = zlib.decompress(base45.b45decode(text[4:]))
    claims = loads(COSE.new().decode(message, key))
    changed = bytearray(message)
    changed[-1] ^= 1
    try:
        COSE.new().decode(bytes(changed), key)
        raise SystemExit("a changed signature was accepted")
    except Exception as error:
        assert "verify" in str(error).lower(), error
    claims = {str(name): value for name, value in claims.items() if name != -260} | {"-260": claims[-260][1]}
    print(json.dumps({"text": text, "claims": claims} | seen))
