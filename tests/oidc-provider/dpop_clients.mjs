// Clients of DPoP (RFC 9449) that know nothing of this project: npm `oauth4webapi` and npm `dpop`.
//
// Reads a JSON list of {issuer, client_id, client_secret, api} from standard input. For each it gets a token that is bound to a
// new key, and calls the API with both libraries. A client that the server asks for a nonce repeats its request once, as the
// libraries' documentation says. Prints a list of the responses.
import * as client from 'openid-client';
import * as oauth from 'oauth4webapi';
import * as dpop from 'dpop';
import { text } from 'node:stream/consumers';

const insecure = { [oauth.allowInsecureRequests]: true };

function said(response, body) {
  const nonce = response.headers.get('dpop-nonce');
  return { status: response.status, body, challenge: response.headers.get('www-authenticate'), nonce: nonce !== null };
}

async function withOauth4webapi(token, url, keys) {
  const DPoP = oauth.DPoP({ client_id: 'any' }, keys);
  const call = () => oauth.protectedResourceRequest(token, 'GET', url, undefined, undefined, { DPoP, ...insecure });
  const attempts = [];
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const response = await call();
      attempts.push(said(response, await response.text()));
      return attempts;
    } catch (error) {
      attempts.push({ challenges: error.cause?.map(({ scheme, parameters }) => ({ scheme, error: parameters.error })) ?? String(error) });
      if (!oauth.isDPoPNonceError(error)) return attempts;
    }
  }
  return attempts;
}

async function withDpop(token, url, keys) {
  const attempts = [];
  // This library writes the URL as it is, so the query is removed here.
  const htu = url.origin + url.pathname;
  let nonce;
  const send = async (proof) => {
    const response = await fetch(url, { headers: { authorization: `DPoP ${token}`, dpop: proof } });
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    attempts.push(said(response, await response.text()));
    return response.status;
  };
  let proof = await dpop.generateProof(keys, htu, 'GET', nonce, token);
  if ((await send(proof)) === 401 && nonce) {
    proof = await dpop.generateProof(keys, htu, 'GET', nonce, token);
    await send(proof);
  }
  // The same proof again, and one for another method.
  await send(proof);
  await send(await dpop.generateProof(keys, htu, 'DELETE', nonce, token));
  return attempts;
}

async function fulfil(wish) {
  const options = { execute: [client.allowInsecureRequests] };
  const config = await client.discovery(new URL(wish.issuer), wish.client_id, undefined, client.ClientSecretBasic(wish.client_secret), options);
  const keys = await client.randomDPoPKeyPair('ES256');
  const DPoP = client.getDPoPHandle(config, keys);
  const tokens = await client.clientCredentialsGrant(config, wish.parameters ?? {}, { DPoP });
  const url = new URL(wish.api);
  return {
    token_type: tokens.token_type,
    oauth4webapi: await withOauth4webapi(tokens.access_token, url, keys),
    dpop: await withDpop(tokens.access_token, url, keys),
  };
}

const wishes = JSON.parse(await text(process.stdin));
const answers = [];
for (const wish of wishes) answers.push(await fulfil(wish));
console.log(JSON.stringify(answers));
