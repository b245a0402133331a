// An authorization server on loopback, built on the certified npm package `oidc-provider`.
//
// usage: node issuer.mjs ISSUER_URL
//
// It listens on a free port and prints one line of JSON with it. ISSUER_URL is what it calls itself, for a test that puts
// a door of its own in front. Commands come over standard input, so that nothing but the test can give any:
//   rotate   makes new keys and signs with them; those before stay published
//   retire   publishes the newest keys only
// Each of these is answered by a line with the published `kid`s.
//   refresh-token   issues an opaque refresh token of a user and prints it
// The end of standard input ends the process.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider, errors } from 'oidc-provider';

// Standard output is for the lines of this program alone.
console.info = console.error;
const issuer = process.argv[2];

// resource indicator (RFC 8707) -> how its access tokens look
const resources = {
  'https://api.example.test': { alg: 'RS256', scope: 'orders:read orders:write' },
  'https://es.example.test': { alg: 'ES256', scope: 'orders:read' },
  'https://ed.example.test': { alg: 'Ed25519', scope: 'orders:read' },
  'https://opaque.example.test': { opaque: true, scope: 'orders:read' },
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
// The API itself, in the two ways in which it may authenticate for introspection (RFC 7662 §2.1).
for (const [client_id, token_endpoint_auth_method] of [['api', 'client_secret_basic'], ['api-post', 'client_secret_post']]) {
  const client_secret = 'secret of the api: 100% & +';
  clients.push({ client_id, client_secret, token_endpoint_auth_method, grant_types: [], redirect_uris: [], response_types: [] });
}

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
      introspection: { enabled: true, allowedPolicy: (_context, client) => client.clientId.startsWith('api') },
      revocation: { enabled: true },
      dPoP: { enabled: true, nonceSecret, requireNonce: () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://api.example.test',
        getResourceServerInfo(_context, indicator) {
          const resource = resources[indicator];
          if (!resource) throw new errors.InvalidTarget();
          const common = { scope: resource.scope, audience: indicator, accessTokenTTL: 300 };
          if (resource.opaque) return { ...common, accessTokenFormat: 'opaque' };
          return { ...common, accessTokenFormat: 'jwt', jwt: { sign: { alg: resource.alg } } };
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
  return provider;
}

let keys = makeKeys();
let provider = serve(keys);
let answer = provider.callback();
const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));

createInterface({ input: process.stdin })
  .on('line', async (command) => {
    if (command === 'refresh-token') {
      const client = await provider.Client.find('svc-acme');
      const token = new provider.RefreshToken({ accountId: 'user-1', client, scope: 'orders:read', gty: 'authorization_code' });
      return say({ refresh_token: await token.save() });
    }
    if (command === 'rotate') keys = [...makeKeys(), ...keys];
    else if (command === 'retire') keys = keys.slice(0, 3);
    else throw new Error('no such command');
    provider = serve(keys);
    answer = provider.callback();
    say({ kids: keys.map((key) => key.kid) });
  })
  .on('close', () => process.exit(0));

function say(line) {
  console.log(JSON.stringify(line));
}
