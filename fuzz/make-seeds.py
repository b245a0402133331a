#!/usr/bin/env python3
"""Writes seeds/ from the vectors in ../tests/vectors/data, from the documents of real issuers in
../tests/field/vectors and from a few selected strings. The result is committed. Run it again if the vectors or a target's input change. It writes the same files
every time."""
import base64
import hashlib
import json
import pathlib
import shutil

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent / "tests/vectors/data"
FIELD = HERE.parent / "tests/field/vectors"
ORGANIZATIONS, PLACES = 7, 6


def seed(target, content, limit=4096):
    content = content.encode() if isinstance(content, str) else content
    if len(content) <= limit:
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(content).hexdigest()[:16]).write_bytes(content)


def decoded(segment):
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def tokens():
    for name in ["json_web_signature", "json_web_key", "json_web_crypto"]:
        seen = set()
        for group in json.loads((DATA / f"wycheproof/{name}_test.json").read_text())["testGroups"]:
            for case in group["tests"]:
                token = case.get("jws", case.get("jwe"))
                # One of each kind: to a parser, hundreds of modified signatures are the same.
                if isinstance(token, str) and case["comment"] not in seen and "ModifiedPadding" not in case["flags"]:
                    seen.add(case["comment"])
                    yield token
    for vector in json.loads((DATA / "rfc/rfc7515_appendix_a.json").read_text())["vectors"]:
        yield vector["token"]


def without_secret(jwk):
    """Keeps the private members, which a parser looks at, and replaces the secrets."""
    return {name: "AQAB" if name in ("d", "p", "q", "dp", "dq", "qi") else value for name, value in jwk.items()}


def key_sets():
    for name in ["json_web_signature", "json_web_key"]:
        seen = set()
        for group in json.loads((DATA / f"wycheproof/{name}_test.json").read_text())["testGroups"]:
            jwk = group.get("public", group["private"])
            if group["comment"] not in seen:
                seen.add(group["comment"])
                yield {"keys": [without_secret(key) for key in jwk.get("keys", [jwk])]}
    for file in sorted((DATA / "ietf-cookbook/jwk").glob("*.json")):
        yield {"keys": [without_secret(json.loads(file.read_text()))]}


def compact(document):
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def field():
    """What real issuers publish and send. A document that could not be copied is rebuilt."""
    for row in json.loads((FIELD / "key_sets.json").read_text()):
        seed("key_set", compact(json.loads((FIELD / "key_sets" / row["file"]).read_text())), 16384)
    for row in json.loads((FIELD / "metadata.json").read_text()):
        document = (FIELD / "metadata" / row["file"]).read_text()
        seed("discovery", row["issuer"] + "\n" + compact(json.loads(document)), 8192)
    for row in json.loads((FIELD / "tokens.json").read_text()):
        seed("claims", compact(row["claims"]))
        seed("token", compact({"alg": "RS256", "kid": "k"} | row["header"]))


def main():
    shutil.rmtree(HERE / "seeds", ignore_errors=True)
    field()
    for token in tokens():
        seed("token", token)
        try:
            seed("token", decoded(token.split(".")[0]))
            seed("claims", decoded(token.split(".")[1]))
        except Exception:
            pass
    for keys in key_sets():
        seed("key_set", json.dumps(keys), 8192)
    key = {"kty": "OKP", "crv": "Ed25519", "kid": "k", "use": "sig", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    for change in [{}, {"alg": "EdDSA"}, {"alg": "Ed25519"}, {"use": "enc"}, {"key_ops": ["verify"]}, {"x": "A" * 43}]:
        seed("key_set", json.dumps({"keys": [key | change, key | {"kid": "l"}]}))
    for header in ["Bearer abc.def.ghi", "bearer  a==", "BEARER aZ09-._~+/=", "Bearer", "Bearer ", "Bearer\tabc", "Basic eA==",
                   "Basic eA==, Bearer abc", "Bearer abc, Bearer def", "Bearer abc\nBearer abc", "DPoP abc", "Bearer a=b",
                   "Bearer " + "a" * 64, "Bearer " + "a" * 65, "Bearerabc"]:
        seed("authorization", header)
    kinde = {"aud": ["https://api.example.com"], "azp": "c", "exp": 1750000000, "gty": ["client_credentials"],
             "iat": 1749990000, "iss": "https://acme.kinde.com", "jti": "1", "org_code": "org_a", "scope": "read write",
             "scp": [], "v": "2", "application_properties": {"region": {"v": "eu"}}}
    for text in [json.dumps(kinde), "{}", "[]", '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"a":{"b":[{"c":1,"c":2}]}}',
                 '{"a":' * 8 + "1" + "}" * 8, '{"a":' * 9 + "1" + "}" * 9, '{"exp":1e999}', '{"exp":18446744073709551615}',
                 '{"exp":-0.0,"iat":1.5}', '{"a":"\\ud800"}', '\ufeff{}', '{"a~/b":{"~":1}}',
                 '{"exp":{"$serde_json::private::Number":"17"}}']:
        seed("claims", text)
    for issuer, document in [
        ("https://a.example", {"issuer": "https://a.example", "jwks_uri": "https://a.example/jwks"}),
        ("https://a.example", {"issuer": "https://a.example/", "jwks_uri": "https://a.example/jwks"}),
        ("https://a.example", {"issuer": "https://a.example", "jwks_uri": "http://127.0.0.1/jwks"}),
        ("http://127.0.0.1:4000", {"issuer": "http://127.0.0.1:4000", "jwks_uri": "http://[::1]:4000/jwks"}),
    ]:
        seed("discovery", issuer + "\n" + json.dumps(document))
        seed("discovery", issuer + "\n\ufeff" + json.dumps(document))
    for uri in ["https://keys.example/jwks", "http://localhost:1/", "https://u@h/", "HTTPS://h/", "https://h#f", "http://127.1/",
                "https://h\\@e/", "file:///etc/passwd", "//h/x", "https://[::1]/"]:
        seed("discovery", "https://a.example\n" + uri)
        seed("discovery", "http://localhost\n" + uri)
    for text in ["read:invoices write:invoices\nread:invoices", "read\nread:all", "a  b\na b", " a\n", "READ\nread", "a\"b\n",
                 "org_ba4a2311eb1", "org_a\u200b", "Zürich", "\u00ad", "a" * 128, "a" * 129]:
        seed("identifiers", text)
    paths = ["/orgs/org_a/invoices", "/orgs/org%5Fa/invoices", "/orgs/org%255Fa/invoices", "/orgs//invoices", "/orgs/../invoices",
             "/orgs/org_a%2F..%2Forg_b/invoices", "/orgs/org_a;x/invoices", "/ORGS/org_a/invoices", "/orgs/org_a/invoices/",
             "/org_a", "/org%5fa", "/a/org_a/b/c", "/orgs/org_a/7/x", "/orgs/%C3%BC/invoices", "/orgs/%ff/invoices", "/%6Frgs/org_b/invoices"]
    for place in range(4):
        for path in paths:
            seed("route", bytes([place * ORGANIZATIONS]) + path.encode())
    for value in ["org_a", "org_a\norg_b", "", "org_a ", "ORG_A"]:
        seed("route", bytes([4 * ORGANIZATIONS]) + value.encode())
    for value in ["api.example", "org_a.api.example", "org_a.api.example:8443", "x.org_a.api.example", "evilapi.example"]:
        seed("route", bytes([5 * ORGANIZATIONS]) + value.encode())
    header = '{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}'
    claims = '{"jti":"1","htm":"GET","htu":"https://api.example/v1/a","iat":1750000000,"ath":"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"}'
    for text in ["", header, "\n" + claims, header + "\n" + claims, "\n\nhttps://API.example:443/v1/%61", "\n\nhttps://api.example/v1/./b/../a",
                 "\n\nhttps://api.example/v1/a?x", "\n\nhttps://api.example@evil.example/v1/a", "\n\n\n/%7euser/x", "\n\n\n/../a", "\n\n\n/a\nPOST",
                 header.replace("dpop+jwt", "JWT"), header.replace("EdDSA", "none"), header.replace('"x"', '"d":"AA","x"')]:
        seed("dpop_proof", text)
    cert = ":MAP7//4+Pw==:"
    for text in ["\n\n" + cert, "\n\n:MAP7//4+Pw:", "\n\n" + cert[1:-1], "\n\n::", "\n\n:AQID:", "\n", "\n\n" + cert + "\n" + cert,
                 "\n\n" + cert + "," + cert, "\n\n" + cert + ";a", "\n\n-----BEGIN%20CERTIFICATE-----", "\n::ffff:10.0.0.1\n" + cert,
                 "fd00::/8\nfd00::1\n" + cert, "::ffff:10.0.0.0/104\n10.0.0.1\n" + cert, "10.0.0.1/8", "0.0.0.0/0\n::1\n" + cert,
                 "10.0.0.0/08", "::/0\n10.0.0.1\n" + cert]:
        seed("client_cert", text)
    active = {"active": True, "client_id": "svc", "scope": "read write", "token_type": "Bearer", "aud": ["https://api.example.com"],
              "exp": 1750000000, "iss": "https://issuer.example", "sub": "svc", "org_code": "org_a"}
    for change in [{}, {"active": False}, {"active": "true"}, {"active": 1}, {"active": None}, {"token_use": "refresh_token"}, {"cnf": {"jkt": "x"}},
                   {"act": {"sub": "x"}}, {"aud": None}]:
        seed("introspection_response", json.dumps(active | change))
    for text in ["{}", "[]", '{"active":true,"active":false}', '{"active":true,"\\u0061ctive":true}', '{"active":true}{}', '\ufeff{"active":true}',
                 '{"errors":[{"code":"API_KEY_NOT_FOUND","message":"x"}]}', '{"errors":[]}', '{"errors":[{"code":7}]}', "<html>"]:
        seed("introspection_response", text)
    key = {"code": "API_KEY_VERIFIED", "message": "API key verified", "is_valid": True, "key_id": "k", "status": "active", "scopes": ["read:users"],
           "org_code": "org_a", "user_id": None, "last_verified_on": "2024-11-18T13:32:03+11", "verification_count": 42}
    description = {"id": "k", "name": "x", "type": "organization", "status": "active", "key_prefix": "k_live", "key_suffix": "abcd", "created_by": "kp_1",
                   "created_on": "2024-11-18T13:32:03+11", "api_ids": ["api_1"], "scopes": ["read:users"], "organization_id": "org_a", "user_id": None}
    for verified, described in [
        ({}, {}), ({"user_id": "kp_1"}, {"user_id": "kp_1"}), ({"user_id": "kp_1"}, {"user_id": "kp_1", "type": "user"}),
        ({"org_code": None, "user_id": "kp_1"}, {"organization_id": None, "user_id": "kp_1", "type": "user"}),
        ({"org_code": None}, {"organization_id": None, "type": "environment"}), ({"org_code": None}, {"organization_id": None, "type": "team"}),
        ({}, {"id": "other"}), ({}, {"organization_id": "org_b"}), ({}, {"api_ids": ["api_2"]}), ({}, {"api_ids": "api_1"}), ({}, {"status": "revoked"}),
        ({"is_valid": False, "status": "revoked"}, {}), ({"is_valid": "true"}, {}), ({"status": None}, {}), ({"org_code": 7}, {}), ({"key_id": "a/b"}, {"id": "a/b"}),
    ]:
        first = json.dumps(key | verified)
        seed("kinde_key_response", first + "\n" + json.dumps({"code": "OK", "message": "Success", "api_key": description | described}))
    seed("kinde_key_response", json.dumps({name: value for name, value in key.items() if name != "user_id"}))
    seed("kinde_key_response", json.dumps(key))
    seed("kinde_key_response", json.dumps(key) + '\n{"api_key":{"id":"k","api_ids":["api_1"]},"api_key":null}')
    issuer, caep, risc = "https://acme.kinde.com", "https://schemas.openid.net/secevent/caep/event-type/", "https://schemas.openid.net/secevent/risc/event-type/"
    ssf = "https://schemas.openid.net/secevent/ssf/event-type/"
    user = {"format": "iss_sub", "iss": issuer, "sub": "user_1"}
    claims = {"iss": issuer, "aud": "https://api.example", "iat": 1750000000, "jti": "1", "sub_id": user, "events": {caep + "session-revoked": {"event_timestamp": 1750000000}}}
    tenant, complex_subject = {"format": "opaque", "id": "org_a"}, {"format": "complex", "user": user}
    for change in [{}, {"aud": ["x", "https://api.example"]}, {"exp": 1}, {"sub": "x"}, {"toe": 1749999000}, {"iat": 1750000000.5}, {"jti": ""},
                   {"sub_id": {"format": "jwt_id", "iss": issuer, "jti": "t"}}, {"sub_id": {"format": "complex", "tenant": tenant}},
                   {"sub_id": complex_subject | {"tenant": tenant, "session": tenant}}, {"sub_id": complex_subject | {"device": tenant}},
                   {"sub_id": {"subject_type": "iss-sub", "iss": issuer, "sub": "user_1"}}, {"sub_id": user | {"iss": "https://other.example"}},
                   {"events": {risc + "account-disabled": {"subject": user}}}, {"events": {risc + "account-enabled": {}}}, {"events": {risc + "account-purged": {}}},
                   {"events": {caep + "credential-change": {"change_type": "revoke"}}}, {"events": {caep + "credential-change": {"change_type": "create"}}},
                   {"events": {ssf + "verification": {"state": "x"}}}, {"events": {ssf + "verification": {}}}, {"events": {ssf + "stream-updated": {"status": "paused"}}},
                   {"events": {"https://example.com/x": {}}}, {"events": {}}, {"events": {"a": {}, "b": {}}}]:
        seed("security_event", "\xff".encode("latin-1") + json.dumps(claims | change).encode())
    at = "2025-06-15T15:06:40.000Z"
    webhook = {"type": "user.updated", "event_id": "e", "event_timestamp": at, "timestamp": at, "source": "admin", "data": {"user": {"id": "kp_1", "is_suspended": True}}}
    for change in [{}, {"type": "user.deleted"}, {"type": "organization.deleted", "data": {"organization": {"code": "org_a"}}}, {"type": "x"}, {"data": None},
                   {"timestamp": "2025-06-16T02:06:40+11"}, {"timestamp": "2025-06-13T15:06:40Z"}, {"timestamp": 1}, {"exp": None}, {"iss": issuer}, {"event_id": ""}]:
        seed("security_event", b"\x00" + json.dumps(webhook | change).encode())
    # These targets read their bytes as choices, so any bytes are a valid seed.
    for target in ["challenge", "verify"]:
        for number in range(24):
            noise = b"".join(hashlib.sha256(bytes([number, part])).digest() for part in range(8))
            seed(target, noise[: 16 + number * 10])


main()
