# The broker in a container: no SDK in the last stage, not root, and nothing is written to its file system.
#   docker build -t broker .                                    (with a feed of your own: --build-arg NUGET_SOURCE=https://...)
#   docker run --rm --read-only --cap-drop ALL broker demo --once
#   docker run --rm --read-only --cap-drop ALL -p 8080:8080 -v "$PWD/conf:/config:ro" broker serve --config /config/broker.json
# The base image's ASPNETCORE_HTTP_PORTS is not read: where the broker listens is said in the config alone, and a published port
# reaches only what listens off loopback. The shipped config takes it from BROKER_URL and BROKER_MANAGEMENT_URL, your own may do so too
# ("Url": "${BROKER_URL:-http://127.0.0.1:8080}"): with a certificate  -e BROKER_URL=https://*:8443  and Certificate in the endpoint; with
# TLS ended before the container  -e BROKER_URL=http://*:8080  and "AllowInsecure": true in Broker, which says that you meant it.
FROM --platform=${BUILDPLATFORM:-linux/amd64} mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
ARG NUGET_SOURCE=
# amd64 or arm64: BuildKit says for which processor the image is. The SDK runs on the building machine's own, and compiles for both.
ARG TARGETARCH=

# What restore reads, first: an edit of the code does not restore anew.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY src/Policies/Policies.csproj src/Policies/
COPY src/Simulators/Simulators.csproj src/Simulators/
COPY src/Broker/Broker.csproj src/Broker/
RUN dotnet restore src/Broker --arch "${TARGETARCH:-$(dpkg --print-architecture)}" -p:PublishReadyToRun=true ${NUGET_SOURCE:+--source "$NUGET_SOURCE"}

COPY .editorconfig ./
COPY config/ config/
COPY src/ src/
# Compiled ahead, the process answers sooner after its start; what runs often is compiled anew while it runs.
RUN dotnet publish src/Broker --no-restore --configuration Release --arch "${TARGETARCH:-$(dpkg --print-architecture)}" --no-self-contained \
    -p:PublishReadyToRun=true --output /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app ./

# No diagnostics port: whoever reaches it reads the process's memory, and tokens with it. It would want to write to /tmp, too.
ENV DOTNET_EnableDiagnostics=0
EXPOSE 8080
USER $APP_UID
ENTRYPOINT ["dotnet", "broker.dll"]
