# The program as an image: `docker build -t pulsecart .`, then
# `docker run -p 8080:8080 -v pulsecart:/data -e PULSECART_OPERATOR_TOKEN=… pulsecart` (docs/operating/deploy.md).

FROM node:22.14.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund --loglevel=error
COPY bin bin
COPY bench bench
COPY src src
RUN npm run --silent build

# The executable needs the C library and nothing else of a system: what is not there has no holes.
FROM debian:12.11-slim AS base
COPY --from=build /build/dist/pulsecart /rootfs/usr/local/bin/pulsecart
RUN ldd /rootfs/usr/local/bin/pulsecart | grep -o '/lib[^ ]*' | xargs cp -L --parents --target-directory=/rootfs \
 && mkdir -p /rootfs/etc /rootfs/data \
 && mkdir -m 1777 /rootfs/tmp \
 && echo 'pulsecart:x:10001:10001::/data:/sbin/nologin' > /rootfs/etc/passwd \
 && echo 'pulsecart:x:10001:' > /rootfs/etc/group \
 && chown 10001:10001 /rootfs/data

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="PulseCart" \
      org.opencontainers.image.description="A flash-sale backend: 100,000 buyers, 1,000 units, and every answer true." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT"
COPY --from=base /rootfs /
# The embedded backends keep their books in /data. With the distributed ones nothing is written there but the file of a log.
ENV HOST=0.0.0.0 PULSECART_DATA=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# The start may have to wait for backends; a server that is not ready for a quarter of a minute is unhealthy.
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["/usr/local/bin/pulsecart", "health"]
ENTRYPOINT ["/usr/local/bin/pulsecart"]
CMD ["serve"]
