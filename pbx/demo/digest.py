"""Answers a server's digest challenge (RFC 7616 for SIP): MD5 and SHA-256, with and without `qop=auth`.

Pure: the client's nonce comes from outside.
"""

import hashlib
import re

_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


def fields(challenge: str) -> dict[str, str]:
    """The parameters of a challenge or of an answer."""
    return {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(challenge)}


def authorization(challenge: str, *, user: str, secret: str, method: str, uri: str, cnonce: str) -> str | None:
    """The value of the Authorization header; nothing when the challenge uses an algorithm that we do not know."""
    asked = fields(challenge)
    algorithm = asked.get("algorithm", "MD5")
    kind = _HASHES.get(algorithm.upper())
    if kind is None or "nonce" not in asked:
        return None

    def digest(text: str) -> str:
        return hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()

    whose = digest(f"{user}:{asked.get('realm', '')}:{secret}")
    what = digest(f"{method}:{uri}")
    answer = {"username": user, "realm": asked.get("realm", ""), "nonce": asked["nonce"], "uri": uri}
    quality = "auth" in asked.get("qop", "").split(",")
    fresh = f":00000001:{cnonce}:auth:" if quality else ":"
    answer["response"] = digest(f"{whose}:{asked['nonce']}{fresh}{what}")
    if quality:
        answer["cnonce"] = cnonce
    if "opaque" in asked:
        answer["opaque"] = asked["opaque"]
    quoted = [f'{k}="{v}"' for k, v in answer.items()]
    bare = [f"algorithm={algorithm}", *(["qop=auth", "nc=00000001"] if quality else [])]
    return "Digest " + ", ".join([*quoted, *bare])
