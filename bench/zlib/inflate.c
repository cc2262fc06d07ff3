/* Inflates the messages of the kind "deflate" with zlib, one context a stream:
 * the yardstick for wsdump's inflater. Its input is what
 * go run ./internal/trafficgen/write -deflated writes. Prints the bytes that came out. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define STREAMS 65536

static uint32_t word(const unsigned char *b) { return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24; }

int main(int argc, char **argv) {
	static z_stream *streams[STREAMS];
	static unsigned char out[1 << 20], in[1 << 20];
	unsigned long long total = 0;
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	if (!f) {
		fprintf(stderr, "usage: inflate FILE\n");
		return 2;
	}
	setvbuf(f, NULL, _IOFBF, 1 << 18);
	while (fread(in, 1, 8, f) == 8) {
		uint32_t stream = word(in), length = word(in + 4);
		if (stream >= STREAMS || length > sizeof in - 4 || fread(in, 1, length, f) != length) {
			fprintf(stderr, "the file is damaged\n");
			return 1;
		}
		memcpy(in + length, "\0\0\xff\xff", 4);
		if (!streams[stream]) {
			streams[stream] = calloc(1, sizeof(z_stream));
			if (!streams[stream] || inflateInit2(streams[stream], -15) != Z_OK)
				return 1;
		}
		z_stream *z = streams[stream];
		z->next_in = in;
		z->avail_in = length + 4;
		do {
			z->next_out = out;
			z->avail_out = sizeof out;
			int code = inflate(z, Z_SYNC_FLUSH);
			if (code != Z_OK && code != Z_BUF_ERROR) {
				fprintf(stderr, "a message does not inflate: %d\n", code);
				return 1;
			}
			total += sizeof out - z->avail_out;
		} while (z->avail_out == 0);
	}
	printf("%llu\n", total);
	return 0;
}
