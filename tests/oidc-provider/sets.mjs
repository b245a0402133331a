// Security Event Tokens and webhooks that npm `jose` writes.
//
// Reads a JSON list of {header, claims} from standard input. Prints a list with one object: {jwks, tokens}. Every token is
// signed with one new RS256 key of 2048 bits.
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { text } from 'node:stream/consumers';

const cases = JSON.parse(await text(process.stdin));
const { publicKey, privateKey } = await generateKeyPair('RS256', { modulusLength: 2048 });
const jwk = { ...(await exportJWK(publicKey)), kid: 'jose-1', alg: 'RS256', use: 'sig' };
const sign = ({ header, claims }) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: jwk.kid, ...header }).sign(privateKey);
console.log(JSON.stringify([{ jwks: { keys: [jwk] }, tokens: await Promise.all(cases.map(sign)) }]));
