// An OAuth client that knows nothing of this project: npm `openid-client`.
//
// Reads a JSON list of {issuer, client_id, client_secret, method, discovery, parameters, dpop, api} from standard input.
// For each it discovers the issuer, asks for a token by client credentials and, where an API is named, calls it. Prints a
// list of what came of it.
import * as oauth from 'openid-client';
import { text } from 'node:stream/consumers';

const authentication = { basic: oauth.ClientSecretBasic, post: oauth.ClientSecretPost };

async function fulfil(wish) {
  const method = authentication[wish.method ?? 'basic'](wish.client_secret);
  const options = { algorithm: wish.discovery ?? 'oidc', execute: [oauth.allowInsecureRequests] };
  const said = {};
  try {
    const config = await oauth.discovery(new URL(wish.issuer), wish.client_id, undefined, method, options);
    const DPoP = wish.dpop ? oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair('ES256')) : undefined;
    const tokens = await oauth.clientCredentialsGrant(config, wish.parameters ?? {}, { DPoP });
    Object.assign(said, tokens, { expires_in: tokens.expiresIn() });
    if (wish.api) {
      const answer = await oauth.fetchProtectedResource(config, tokens.access_token, new URL(wish.api), 'GET');
      said.api = { status: answer.status, body: await answer.text() };
    }
  } catch (error) {
    // What the library made of the server's answer: an OAuth error, or the challenges of a server.
    const challenges = Array.isArray(error.cause) ? error.cause : undefined;
    said.failed = { code: error.code ?? String(error), status: error.status, error: error.error, challenges };
  }
  return said;
}

const wishes = JSON.parse(await text(process.stdin));
const said = [];
for (const wish of wishes) said.push(await fulfil(wish));
console.log(JSON.stringify(said));
