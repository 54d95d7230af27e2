# Build: the same scripts as on any machine.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY scripts/lib.sh scripts/setup.sh scripts/setup-onnxruntime.sh scripts/
COPY go.mod go.sum ./
ENV VALENCE_CACHE=/cache
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Python's pip brings the ONNX Runtime library; it stays in this stage.
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends python3-pip=23.* \
 && scripts/setup.sh \
 && go mod download \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make build \
 && cp "$(scripts/setup-onnxruntime.sh)" bin/libonnxruntime.so

# Run: the program, FFmpeg's libraries and libopus, nothing else; not as root.
FROM debian:12-slim
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends \
      ca-certificates=20* libavformat59=7:5.1.* libavcodec59=7:5.1.* libswscale6=7:5.1.* libswresample4=7:5.1.* libopus0=1.3.* \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 valence
COPY --from=build /src/bin/ /opt/valence/
USER 10001
ENTRYPOINT ["/opt/valence/valence"]
CMD ["--help"]
