# Three targets: web (the portal), worker (jobs, hosts, consoles), and demo (portal, PostgreSQL and simulated hosts in one
# container, for a look: docker build --target demo -t volary-demo . && docker run --rm -p 8080:8080 volary-demo; that
# uploads are checked there takes the options named at the worker's image).

FROM golang:1.26-bookworm AS source
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .

FROM source AS build-web
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -o /out/ ./cmd/web ./cmd/volary

FROM source AS build-worker
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libvirt-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -tags libvirt -o /out/ ./cmd/worker

FROM source AS build-demo
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -o /out/ ./cmd/web ./cmd/worker ./cmd/volary ./cmd/dev

# The image that checks of hosts boot, made of Debian packages.
FROM debian:bookworm-slim AS build-probe
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates e2fsprogs qemu-utils \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-web /out/volary /usr/local/bin/
RUN mkdir /out && volary sample build /out/probe.qcow2

FROM debian:bookworm-slim AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/volary --create-home volary
ENV VOLARY_BLOB_DIR=/var/lib/volary/blob
VOLUME /var/lib/volary

# The process that faces the internet: no libvirt, no image tools. Before it starts, "volary migrate" of the same image brings
# the database up to date, as the database's owner.
FROM base AS web
COPY --from=build-web /out/ /usr/local/bin/
USER volary
ENV VOLARY_LISTEN=0.0.0.0:8080
EXPOSE 8080
CMD ["web"]

# The only process that reaches hosts. Its listener serves consoles to web alone: do not publish it. To open images it makes namespaces, which
# containers' default profiles forbid: --security-opt seccomp=.readme/worker-seccomp.json --security-opt apparmor=unconfined; it needs no capability.
FROM base AS worker
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libvirt0 qemu-utils xz-utils openssh-client \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-worker /out/ /usr/local/bin/
COPY --from=build-probe /out/probe.qcow2 /usr/local/share/volary/probe.qcow2
USER volary
ENV VOLARY_LISTEN=0.0.0.0:8081 VOLARY_PROBE_IMAGE=/usr/local/share/volary/probe.qcow2
EXPOSE 8081
CMD ["worker"]

FROM base AS demo
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-15 qemu-utils xz-utils \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15/main
COPY --from=build-demo /out/ /usr/local/lib/volary/
USER volary
WORKDIR /var/lib/volary
EXPOSE 8080
CMD ["/usr/local/lib/volary/dev", "up", "--hosts=memory", "--programs=/usr/local/lib/volary", "--state=/var/lib/volary/demo", "--listen=0.0.0.0"]
