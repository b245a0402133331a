// A second opinion on tokens: npm `jose`, told to check what this project checks as far as it can be told.
//
// Reads a JSON list of {jwks, issuer, audience, algorithms, typ, tokens} from standard input. Prints a list as long: for
// each token "accepted", or the code that it was refused with.
import { createLocalJWKSet, jwtVerify } from 'jose';
import { text } from 'node:stream/consumers';

async function verify({ jwks, tokens, ...settings }) {
  const keys = createLocalJWKSet(jwks);
  const options = { ...settings, clockTolerance: 30, requiredClaims: ['exp', 'iss', 'aud'] };
  const verdict = (token) => jwtVerify(token, keys, options).then(() => 'accepted', (error) => error.code ?? error.name);
  return Promise.all(tokens.map(verdict));
}

const cases = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(await Promise.all(cases.map(verify))));
