"""Stock OAuth2 clients of Python against the token service: PyJWT, authlib and requests-oauthlib."""
import json
import os
import sys
import warnings

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the tests' broker listens on loopback without TLS
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
warnings.simplefilter("ignore", DeprecationWarning)

import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.jose import JsonWebKey, jwt as authlib_jwt
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

base, client_id, secret, username, password, algorithm = sys.argv[1:]
scope = "GetDevice network:1"
said = {}

# Discovery, judged by authlib.
metadata = requests.get(base + "/.well-known/oauth-authorization-server").json()
AuthorizationServerMetadata(metadata).validate()
endpoint = metadata["token_endpoint"]

# requests-oauthlib: any other scope than the one that was asked for is an exception ("Scope has changed").
# It sends the scope of its client, and compares with that of its session.
backend = OAuth2Session(client=BackendApplicationClient(client_id=client_id, scope=scope.split()), scope=scope.split())
by_client = backend.fetch_token(endpoint, client_id=client_id, client_secret=secret)
legacy = OAuth2Session(client=LegacyApplicationClient(client_id=client_id, scope=scope.split()), scope=scope.split())
by_password = legacy.fetch_token(endpoint, username=username, password=password, client_id=client_id, client_secret=secret)
refreshed = legacy.refresh_token(endpoint, auth=HTTPBasicAuth(client_id, secret))
plain = OAuth2Session(client=BackendApplicationClient(client_id=client_id))
unasked = plain.fetch_token(endpoint, client_id=client_id, client_secret=secret)
said["scopes"] = [" ".join(token["scope"]) for token in (by_client, by_password, refreshed)]
said["sameRefreshToken"] = refreshed["refresh_token"] == by_password["refresh_token"]

# authlib: the same, with introspection, revocation and token exchange.
session = AuthlibSession(client_id, secret, scope=scope)
theirs = session.fetch_token(endpoint, grant_type="client_credentials")
login = session.fetch_token(endpoint, username=username, password=password)
again = session.refresh_token(endpoint)
exchanged = AuthlibSession(client_id, secret, scope=scope).fetch_token(
    endpoint, grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token=again["access_token"], subject_token_type="urn:ietf:params:oauth:token-type:access_token")
said["authlib"] = [theirs["scope"], login["scope"], again["scope"], exchanged["scope"]]


def is_active(token):
    return session.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json()["active"]


# PyJWT and authlib verify each access token with nothing but the metadata.
required = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]
keys = jwt.PyJWKClient(metadata["jwks_uri"])
key_set = JsonWebKey.import_key_set(requests.get(metadata["jwks_uri"]).json())
said["clients"] = []
for token in (by_client, by_password, refreshed, unasked, theirs, login, again, exchanged):
    text = token["access_token"]
    claims = jwt.decode(
        text, keys.get_signing_key_from_jwt(text).key, algorithms=[algorithm], audience="broker", issuer=metadata["issuer"],
        options={"require": required})
    read = authlib_jwt.decode(text, key_set, claims_options={
        "iss": {"essential": True, "value": metadata["issuer"]}, "aud": {"essential": True, "value": "broker"}})
    read.validate()
    assert read.header["typ"] == "at+jwt" and all(name in read for name in required), read
    said["clients"].append(claims["client_id"] + " " + claims["sub"])

said["before"] = is_active(exchanged)
said["status"] = session.revoke_token(metadata["revocation_endpoint"], token=exchanged["access_token"]).status_code
said["after"] = is_active(exchanged)
print(json.dumps(said, separators=(",", ":")))
