// A small resource server with `jose`, as a team without this crate writes it. It is careful, unless
// it is started with defects:
//
//   ISSUER=http://127.0.0.1:4000 AUDIENCE=https://api.example.com node resource_server.mjs [DEFECT,…]
//
// It prints its URL. `m2m attack` must find each defect, and nothing in the careful server.
import { createHmac, createPublicKey, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { createRemoteJWKSet, decodeJwt, errors, importJWK, jwtVerify } from "jose";

const DEFECTS = [
  "careful",
  "algorithm-confusion",
  "no-audience-check",
  "no-organization-check",
  "fixed-key",
  "accepts-expired",
  "outage-is-401",
  "organization-from-header",
  "preflight-reaches-handler",
  "token-in-query",
  "repeats-token",
  "server-error",
  "no-scope-check",
  "scope-as-substring",
  "scope-in-any-letters",
  "requested-scopes",
  "global-everywhere",
];
const seeded = (process.argv[2] ?? "careful").split(",");
if (!seeded.every((name) => DEFECTS.includes(name))) {
  console.error(`the defects, separated by commas, are ${DEFECTS.join(", ")}`);
  process.exit(2);
}
const has = (defect) => seeded.includes(defect);
const issuer = process.env.ISSUER;
const audience = process.env.AUDIENCE;
const jwksUrl = new URL(`${issuer}/.well-known/jwks`);
// Short times, so that the tests need not wait. The timeout is for a busy machine.
const keys = createRemoteJWKSet(jwksUrl, { cooldownDuration: 1_000, cacheMaxAge: 2_000, timeoutDuration: 10_000 });

const INVOICES = { org_a: ["inv-a-1001", "inv-a-1002"], org_b: ["inv-b-2001"] };

class Rejection extends Error {
  constructor(status, error) {
    super(error ?? "no credentials");
    this.status = status;
    this.error = error;
  }
}
const invalid = () => new Rejection(401, "invalid_token");

// ── the token ───────────────────────────────────────────────────────────────────────────────────

/** Returns the token of the only `Authorization` header (RFC 6750 §2.1). */
function bearer(request, query) {
  if (has("token-in-query") && query.get("access_token")) return query.get("access_token");
  const values = request.headersDistinct.authorization ?? [];
  if (values.length === 0) throw new Rejection(401);
  if (values.length > 1) throw new Rejection(400, "invalid_request");
  const [, scheme, rest] = /^([^ ]*) *(.*)$/.exec(values[0]);
  if (scheme.toLowerCase() !== "bearer") throw new Rejection(401);
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(rest)) throw new Rejection(400, "invalid_request");
  return rest;
}

/** Decodes a segment strictly: canonical base64url, UTF-8, one JSON object without duplicates. */
function decodeSegment(segment) {
  const bytes = Buffer.from(segment, "base64url");
  if (bytes.toString("base64url") !== segment) throw invalid();
  let text;
  let value;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw invalid();
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw invalid();
  rejectDuplicatesAndDepth(text);
  return value;
}

/** `JSON.parse` keeps the last of two members with one name. Another parser may keep the first. */
function rejectDuplicatesAndDepth(text) {
  const names = [];
  for (const [piece, , string] of text.matchAll(/("(?:[^"\\]|\\.)*")(?=\s*(:))|("(?:[^"\\]|\\.)*")|[{}[\]]/g)) {
    if (piece === "{" || piece === "[") names.push(new Set());
    else if (piece === "}" || piece === "]") names.pop();
    else if (string === ":") {
      const name = JSON.parse(piece);
      if (names.at(-1).has(name)) throw invalid();
      names.at(-1).add(name);
    }
    if (names.length > 32) throw invalid();
  }
}

let firstKey;
async function fixedKey() {
  firstKey ??= (await (await fetch(jwksUrl)).json()).keys[0];
  return firstKey;
}

async function verifySignature(token, header, options) {
  if (has("algorithm-confusion") && header.alg?.startsWith?.("HS")) {
    const pem = createPublicKey({ key: await fixedKey(), format: "jwk" }).export({ type: "spki", format: "pem" });
    const [signed, signature] = [token.slice(0, token.lastIndexOf(".")), token.slice(token.lastIndexOf(".") + 1)];
    const mac = createHmac(`sha${header.alg.slice(2)}`, pem).update(signed).digest();
    const found = Buffer.from(signature, "base64url");
    if (mac.length !== found.length || !timingSafeEqual(mac, found)) throw invalid();
    return decodeJwt(token);
  }
  const key = has("fixed-key") ? await importJWK(await fixedKey(), "RS256") : keys;
  return (await jwtVerify(token, key, options)).payload;
}

/** Returns the claims of a machine token for this API. */
async function verify(token) {
  const segments = token.split(".");
  if (segments.length !== 3) throw invalid();
  const header = decodeSegment(segments[0]);
  const claims = decodeSegment(segments[1]);
  if (Buffer.from(segments[2], "base64url").toString("base64url") !== segments[2]) throw invalid();
  const types = ["jwt", "at+jwt", "application/at+jwt"];
  if (header.typ !== undefined && !(typeof header.typ === "string" && types.includes(header.typ.toLowerCase()))) {
    throw invalid();
  }
  if (has("server-error") && header.kid !== undefined && typeof header.kid !== "string") throw new TypeError("kid");
  const options = { issuer, audience, algorithms: ["RS256"], requiredClaims: ["exp", "iat"], clockTolerance: 5 };
  if (has("no-audience-check")) delete options.audience;
  if (has("accepts-expired") && claims.exp > 1) {
    options.currentDate = new Date(Math.min(Date.now(), (claims.exp - 1) * 1_000));
  }
  const payload = await verifySignature(token, header, options);
  const now = Date.now() / 1_000;
  const isOfMachine = payload.gty === undefined
    ? header.typ?.toLowerCase() !== "jwt"
    : JSON.stringify(payload.gty) === '["client_credentials"]';
  const audiences = [payload.aud].flat();
  const isSound =
    Number.isSafeInteger(payload.exp) &&
    payload.iat <= now + 5 &&
    (has("no-audience-check") || audiences.every((entry) => typeof entry === "string")) &&
    typeof payload.scope === "string" &&
    (payload.org_code === undefined ||
      (typeof payload.org_code === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(payload.org_code))) &&
    !("cnf" in payload) &&
    isOfMachine;
  if (!isSound) throw invalid();
  return payload;
}

/** An issuer that is down is no reason to say that the token is invalid. */
function isOutage(error) {
  if (has("outage-is-401")) return false;
  if (!(error instanceof errors.JOSEError)) return true;
  return error.code === "ERR_JWKS_TIMEOUT" || error.code === "ERR_JOSE_GENERIC";
}

async function authenticate(request, query) {
  const token = bearer(request, query);
  try {
    return await verify(token);
  } catch (error) {
    if (has("repeats-token")) error.repeated = token;
    if (has("server-error") && (error.message === "kid" || error.code === "ERR_JWKS_NO_MATCHING_KEY")) throw error;
    if (error instanceof Rejection) throw error;
    throw isOutage(error) ? new Rejection(503) : Object.assign(invalid(), { repeated: error.repeated });
  }
}

// ── the API ─────────────────────────────────────────────────────────────────────────────────────

function send(response, status, body, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

/** Compares whole scopes of `scope`, in their exact letters (RFC 6749 §3.3). */
function hasScope(claims, required) {
  if (has("no-scope-check")) return true;
  if (has("scope-as-substring")) return claims.scope.includes(required);
  let scopes = claims.scope.split(" ");
  if (has("scope-in-any-letters")) scopes = scopes.map((scope) => scope.toLowerCase());
  if (has("requested-scopes")) scopes = scopes.concat(claims.scp ?? []);
  return scopes.includes(required);
}

async function handle(request, response) {
  const [path, search] = request.url.split("?", 2);
  const query = new URLSearchParams(search ?? "");
  const route = /^\/orgs\/([A-Za-z0-9_-]+)\/invoices$/.exec(path);
  if (!route) return send(response, 404, { error: "not found" });
  if (request.method === "OPTIONS" && !has("preflight-reaches-handler")) {
    return send(response, 204, undefined, { "access-control-allow-methods": "GET" });
  }
  let org = route[1];
  if (request.method !== "OPTIONS") {
    const claims = await authenticate(request, query);
    const isGlobal = has("global-everywhere") && claims.org_code === undefined;
    if (!has("no-organization-check") && !isGlobal && claims.org_code !== org) throw new Rejection(403);
    if (!hasScope(claims, "read:invoices")) throw new Rejection(403, "insufficient_scope");
  }
  if (has("organization-from-header")) org = request.headers["x-org-id"] ?? org;
  if (!["GET", "OPTIONS"].includes(request.method)) return send(response, 405, { error: "method not allowed" });
  return send(response, 200, { org_code: org, invoices: INVOICES[org] ?? [] });
}

const server = createServer(async (request, response) => {
  try {
    await handle(request, response);
  } catch (error) {
    if (!(error instanceof Rejection)) return send(response, 500, { error: "internal error" });
    const headers = {};
    if (error.status === 503) headers["retry-after"] = "1";
    if (error.status === 400 || error.status === 401 || error.error) {
      headers["www-authenticate"] = 'Bearer realm="invoices"' + (error.error ? `, error="${error.error}"` : "");
    }
    send(response, error.status, { error: error.error ?? "rejected", token: error.repeated }, headers);
  }
});
const [host, port] = (process.env.LISTEN ?? "127.0.0.1:3000").split(":");
server.listen(Number(port), host, () => console.log(`listening on http://${host}:${server.address().port}`));
