// A stock OAuth2 client library against the token service: it finds the endpoints by itself.
import * as client from 'openid-client';

const [base, id, secret] = process.argv.slice(2);
const Exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const AccessToken = 'urn:ietf:params:oauth:token-type:access_token';

const config = await client.discovery(new URL(base), id, secret, client.ClientSecretBasic(secret), { algorithm: 'oauth2', execute: [client.allowInsecureRequests] });
const granted = await client.clientCredentialsGrant(config, { scope: 'GetDevice network:1' });
const exchanged = await client.genericGrantRequest(config, Exchange, { subject_token: granted.access_token, subject_token_type: AccessToken, scope: 'GetDevice' });
const before = await client.tokenIntrospection(config, exchanged.access_token);
await client.tokenRevocation(config, exchanged.access_token);
const after = await client.tokenIntrospection(config, exchanged.access_token);
let refused = '';
try {
  await client.clientCredentialsGrant(config, { scope: 'GetDevice network:2' });
} catch (error) {
  refused = error.error;
}

console.log(JSON.stringify({ scope: granted.scope, type: exchanged.issued_token_type, before: before.active, client: before.client_id, after: after.active, refused }));
