// Stock OAuth2 clients of Node against the token service: jose, oauth4webapi and simple-oauth2.
// Each finds or is told the endpoints, and does all that it can do.
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import simple from 'simple-oauth2';

const [base, id, secret, username, password] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true };
const scope = 'GetDevice network:1';
const said = {};

// oauth4webapi: discovery, grants, introspection, revocation.
const issuer = new URL(base);
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }));
const client = { client_id: id };
const auth = oauth.ClientSecretBasic(secret);
const grant = async (type, parameters) => oauth.processGenericTokenEndpointResponse(
  server, client, await oauth.genericTokenEndpointRequest(server, client, auth, type, parameters, insecure));
const byClient = await oauth.processClientCredentialsResponse(
  server, client, await oauth.clientCredentialsGrantRequest(server, client, auth, { scope }, insecure));
const byPassword = await grant('password', { username, password, scope });
const refreshed = await oauth.processRefreshTokenResponse(
  server, client, await oauth.refreshTokenGrantRequest(server, client, auth, byPassword.refresh_token, insecure));
const exchanged = await grant('urn:ietf:params:oauth:grant-type:token-exchange',
  { subject_token: refreshed.access_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', scope });
const tokens = { byClient, byPassword, refreshed, exchanged };
said.scopes = Object.values(tokens).map(token => token.scope);
said.sameRefreshToken = refreshed.refresh_token === byPassword.refresh_token;

// jose, and oauth4webapi's own check of RFC 9068, with nothing but the metadata.
const keys = jose.createRemoteJWKSet(new URL(server.jwks_uri));
said.clients = [];
for (const token of Object.values(tokens)) {
  const { payload } = await jose.jwtVerify(token.access_token, keys, {
    issuer: server.issuer, audience: 'broker', typ: 'at+jwt', requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
  });
  const request = new Request(base + '/any', { headers: { authorization: 'Bearer ' + token.access_token } });
  const claims = await oauth.validateJwtAccessToken(server, request, 'broker', insecure);
  said.clients.push(`${payload.client_id} ${claims.sub}`);
}

const isActive = async token => (await oauth.processIntrospectionResponse(
  server, client, await oauth.introspectionRequest(server, client, auth, token, insecure))).active;
said.before = await isActive(exchanged.access_token);
await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, auth, exchanged.access_token, insecure));
said.after = await isActive(exchanged.access_token);

// simple-oauth2: refreshes twice, which needs the refresh token in each answer, and revokes.
const config = { client: { id, secret }, auth: { tokenHost: base, tokenPath: '/oauth/token', revokePath: '/oauth/revoke' } };
const first = await new simple.ClientCredentials(config).getToken({ scope });
const login = await new simple.ResourceOwnerPassword(config).getToken({ username, password, scope });
const twice = await (await login.refresh()).refresh();
said.simple = [first.token.scope, login.token.scope, twice.token.scope, await isActive(twice.token.access_token)];
await first.revoke('access_token');
await twice.revokeAll();
said.revoked = [await isActive(first.token.access_token), await isActive(twice.token.access_token)];

console.log(JSON.stringify(said));
