// An authorization server on loopback, built on the certified npm package `oidc-provider`.
//
// usage: node issuer.mjs ISSUER_URL
//
// It listens on a free port and prints one line of JSON with it. ISSUER_URL is what it calls itself, for a test that puts
// a door of its own in front. Commands come over standard input, so that nothing but the test can give any:
//   rotate   makes new keys and signs with them; those before stay published
//   retire   publishes the newest keys only
// Each is answered by a line with the published `kid`s. The end of standard input ends the process.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider, errors } from 'oidc-provider';

const issuer = process.argv[2];

// resource indicator (RFC 8707) -> how its access tokens look
const resources = {
  'https://api.example.test': { alg: 'RS256', scope: 'orders:read orders:write' },
  'https://es.example.test': { alg: 'ES256', scope: 'orders:read' },
  'https://ed.example.test': { alg: 'Ed25519', scope: 'orders:read' },
};
const organizations = { 'svc-acme': 'org_acme', 'svc-globex': 'org_globex' };
const clients = [...Object.keys(organizations), 'svc-global', 'svc-dpop'].map((client_id) => ({
  client_id,
  client_secret: `secret-of-${client_id}`,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'client_secret_basic',
  dpop_bound_access_tokens: client_id === 'svc-dpop',
}));

// No two runs share a `kid`, as no two runs share a key.
function makeKeys() {
  const generation = randomBytes(4).toString('hex');
  const make = (type, options, alg) => {
    const { privateKey } = generateKeyPairSync(type, options);
    return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: `${alg}-${generation}` };
  };
  return [make('rsa', { modulusLength: 2048 }, 'RS256'), make('ec', { namedCurve: 'P-256' }, 'ES256'), make('ed25519', {}, 'Ed25519')];
}

const nonceSecret = randomBytes(32);
function serve(keys) {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients,
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: ['orders:read', 'orders:write'],
    enabledJWA: { dPoPSigningAlgValues: ['ES256'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true, nonceSecret, requireNonce: () => false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://api.example.test',
        getResourceServerInfo(_context, indicator) {
          const resource = resources[indicator];
          if (!resource) throw new errors.InvalidTarget();
          const jwt = { sign: { alg: resource.alg } };
          return { scope: resource.scope, audience: indicator, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt };
        },
      },
    },
    // The claim that Kinde calls `org_code`.
    extraTokenClaims: (_context, token) => {
      const org_code = organizations[token.clientId];
      return org_code ? { org_code } : undefined;
    },
    ttl: { ClientCredentials: 300 },
  });
  return provider.callback();
}

let keys = makeKeys();
let answer = serve(keys);
const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));

createInterface({ input: process.stdin })
  .on('line', (command) => {
    if (command === 'rotate') keys = [...makeKeys(), ...keys];
    else if (command === 'retire') keys = keys.slice(0, 3);
    else throw new Error('no such command');
    answer = serve(keys);
    say({ kids: keys.map((key) => key.kid) });
  })
  .on('close', () => process.exit(0));

function say(line) {
  console.log(JSON.stringify(line));
}
