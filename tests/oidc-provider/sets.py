"""Security Event Tokens and webhooks that PyPI `joserfc` writes.

Reads a JSON list of {header, claims} from standard input. Prints a list with one object: {jwks, tokens}. Every token is
signed with one new RS256 key of 2048 bits.
"""

import json
import sys

from joserfc import jwt
from joserfc.jwk import RSAKey

cases = json.load(sys.stdin)
key = RSAKey.generate_key(2048, {"kid": "joserfc-1", "alg": "RS256", "use": "sig"})
tokens = [
    jwt.encode({"alg": "RS256", "kid": "joserfc-1", **case["header"]}, case["claims"], key)
    for case in cases
]
print(json.dumps([{"jwks": {"keys": [key.as_dict(private=False)]}, "tokens": tokens}]))
