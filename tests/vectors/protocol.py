"""Makes docs/protocol-vectors.json with Python's cryptography, so that neither side of the protocol checks itself.

    python3 tests/vectors/protocol.py > docs/protocol-vectors.json

Every input is fixed and every signature deterministic (RFC 6979): the output is the same each time.
Binary values are base64url without padding; DER in standard base64.
"""

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64(data):
    return base64.b64encode(data).decode()


def fixed(label, length):
    return hashlib.shake_128(b"remint " + label.encode()).digest(length)


def key(label):
    return ec.derive_private_key(int.from_bytes(fixed(label, 32)) % (2**255), ec.SECP256R1())


def spki(private):
    return private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def point(private):
    return private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def pkcs8(private):
    return private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + body


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    body = bytes([first * 40 + second])
    for arc in rest:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(digits))
    return tlv(0x06, body)


SEQUENCE, SET, OCTETS, BITS = 0x30, 0x31, 0x04, 0x03


def invitation_vector():
    root = key("root")
    pin = hashlib.sha256(spki(root)).digest()
    invitation, secret = fixed("invitation", 16), fixed("secret", 16)
    uri = f"msc1:?h=cards.example.org:8443&i={b64u(invitation)}&c={b64u(secret)}&p={b64u(pin)}&x=1795755129"
    return {
        "uri": uri,
        "host_and_port": "cards.example.org:8443",
        "invitation": b64u(invitation),
        "secret": b64u(secret),
        "root_spki": b64(spki(root)),
        "pin": b64u(pin),
        "expires_at_s": 1795755129,
    }


def proof_vector(code):
    invitation, secret = fixed("invitation", 16), fixed("secret", 16)
    exporter, nonce, session_key = fixed("exporter", 32), fixed("nonce", 16), key("session key")
    proof_key = HKDF(hashes.SHA256(), 32, salt=invitation, info=b"").derive(secret + (code or "").encode())
    covered = exporter + invitation + spki(session_key) + nonce
    return {
        "secret": b64u(secret),
        "code": code,
        "invitation": b64u(invitation),
        "proof_key": b64u(proof_key),
        "exporter": b64u(exporter),
        "session_key_spki": b64(spki(session_key)),
        "nonce": b64u(nonce),
        "proof_c2s": b64u(hmac.digest(proof_key, b"msc1 c2s" + covered, "sha256")),
        "proof_s2c": b64u(hmac.digest(proof_key, b"msc1 s2c" + covered, "sha256")),
    }


def transport_request_vector():
    transport = key("transport")
    identifier = hashlib.sha1(point(transport)).digest()
    attribute = tlv(SEQUENCE, oid("1.2.840.113549.1.9.16.2.54"), tlv(SET, tlv(OCTETS, identifier)))
    info = tlv(SEQUENCE, tlv(0x02, b"\0"), tlv(SEQUENCE), spki(transport), tlv(0xA0, attribute))
    algorithm = tlv(SEQUENCE, oid("1.2.840.10045.4.3.2"))
    request = tlv(SEQUENCE, info, algorithm, tlv(BITS, b"\0", transport.sign(info, ECDSA)))
    return {
        "transport_key_pkcs8": b64(pkcs8(transport)),
        "subject_key_identifier": b64u(identifier),
        "attribute_der": b64(attribute),
        "request_der": b64(request),
    }


def delivery_vector():
    transport, ephemeral = key("transport"), key("ephemeral")
    content_key, iv = fixed("content key", 32), fixed("iv", 16)
    content = tlv(SEQUENCE, oid("1.2.840.113549.1.7.2"))  # stands for the SignedData: this vector is about its envelope
    wrap = tlv(SEQUENCE, oid("2.16.840.1.101.3.4.1.45"))
    shared_info = tlv(SEQUENCE, wrap, tlv(0xA2, tlv(OCTETS, (256).to_bytes(4))))
    secret = ephemeral.exchange(ec.ECDH(), transport.public_key())
    kek = X963KDF(hashes.SHA256(), 32, shared_info).derive(secret)
    wrapped = aes_key_wrap(kek, content_key)
    padder = padding.PKCS7(128).padder()
    cbc = Cipher(algorithms.AES(content_key), modes.CBC(iv)).encryptor()
    encrypted = cbc.update(padder.update(content) + padder.finalize()) + cbc.finalize()
    originator = tlv(0xA0, tlv(0xA1, tlv(SEQUENCE, oid("1.2.840.10045.2.1")), tlv(BITS, b"\0", point(ephemeral))))
    agreement = tlv(SEQUENCE, oid("1.3.132.1.11.1"), wrap)
    recipient = tlv(SEQUENCE, tlv(0xA0, tlv(OCTETS, hashlib.sha1(point(transport)).digest())), tlv(OCTETS, wrapped))
    kari = tlv(0xA1, tlv(0x02, b"\3"), originator, agreement, tlv(SEQUENCE, recipient))
    inner = tlv(
        SEQUENCE,
        oid("1.2.840.113549.1.7.2"),
        tlv(SEQUENCE, oid("2.16.840.1.101.3.4.1.42"), tlv(OCTETS, iv)),
        tlv(0x80, encrypted),
    )
    enveloped = tlv(SEQUENCE, tlv(0x02, b"\2"), tlv(SET, kari), inner)
    return {
        "transport_key_pkcs8": b64(pkcs8(transport)),
        "ephemeral_key_pkcs8": b64(pkcs8(ephemeral)),
        "ecdh_secret": b64u(secret),
        "shared_info_der": b64(shared_info),
        "key_encryption_key": b64u(kek),
        "content_key": b64u(content_key),
        "wrapped_content_key": b64u(wrapped),
        "iv": b64u(iv),
        "content": b64(content),
        "encrypted_content": b64(encrypted),
        "enveloped_der": b64(tlv(SEQUENCE, oid("1.2.840.113549.1.7.3"), tlv(0xA0, enveloped))),
    }


def confirm_vector():
    challenge, auth = fixed("challenge", 32), key("auth")
    message = b"msc1 confirm" + challenge
    return {
        "challenge": b64u(challenge),
        "key_pkcs8": b64(pkcs8(auth)),
        "key_spki": b64(spki(auth)),
        "message": b64u(message),
        "signature": b64u(auth.sign(message, ECDSA)),
        "signature_of_the_bare_challenge": b64u(auth.sign(challenge, ECDSA)),
    }


def receipt_vector():
    signer = key("delivery signer")
    claims = {"session": "01a20be5-a40a-7d25-b340-fc9d565f8700", "slots": [{"slot": "auth", "serial": "4D" * 20}], "history": []}
    compact = dict(separators=(",", ":"))
    signed = ".".join(b64u(json.dumps(part, **compact).encode()) for part in [{"alg": "ES256"}, claims])
    r, s = decode_dss_signature(signer.sign(signed.encode(), ECDSA))
    raw = r.to_bytes(32) + s.to_bytes(32)
    return {"signer_spki": b64(spki(signer)), "claims": claims, "jws": f"{signed}.{b64u(raw)}"}


print(json.dumps({
    "about": "Test vectors of docs/protocol.md, version 1. Values are base64url without padding; those named _der, _spki, _pkcs8, content and encrypted_content are standard base64. The private keys are for tests alone.",
    "made_by": "tests/vectors/protocol.py, with Python's cryptography",
    "invitation": invitation_vector(),
    "proof": [proof_vector(None), proof_vector("12345678")],
    "transport_request": transport_request_vector(),
    "delivery": delivery_vector(),
    "confirm": confirm_vector(),
    "receipt": receipt_vector(),
}, indent=2))
