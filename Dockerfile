# A host in a container: the stock binary, or that of a crate of your own.
#
#     docker build -t segno .
#     docker run -p 7878:7878 -p 7879:7879 -v segno:/data segno
#
# For your own host, copy this file into your crate and say which program it builds:
#
#     docker build --build-arg PACKAGE=hello --build-arg PROGRAM=hello -t hello .

FROM rust:1.95-slim-bookworm AS build
ARG PACKAGE=segno-host
ARG PROGRAM=segno
WORKDIR /source
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --release --package "$PACKAGE" --bin "$PROGRAM" \
    && install -D "target/release/$PROGRAM" /out/host \
    && install -d -m 0700 /out/data

# No shell, no package manager; certificates and time zones are there.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/host /usr/local/bin/segno
COPY --from=build --chown=nonroot:nonroot /out/data /data
VOLUME /data
EXPOSE 7878 7879
ENV SEGNO_DATA=/data
# A host that is asked to stop gives its steps 10 s: `docker run --stop-timeout 30`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/usr/local/bin/segno", "health", "--live"]
ENTRYPOINT ["/usr/local/bin/segno"]
CMD ["serve", "--listen", "0.0.0.0:7878", "--webhook-listen", "0.0.0.0:7879", "--log-format", "json"]
