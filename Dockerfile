# scripts/release first; then: docker build -t wsdump . && docker run --rm -i wsdump - < capture.pcap
FROM scratch
ARG TARGETARCH=amd64
COPY dist/wsdump-linux-${TARGETARCH} /wsdump
ENTRYPOINT ["/wsdump"]
