#include "textflag.h"

// PSHUFB with the 16 bytes at forward+n moves byte n to the front and fills with zeros.
DATA forward<>+0(SB)/8, $0x0706050403020100
DATA forward<>+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA forward<>+16(SB)/8, $0x8080808080808080
DATA forward<>+24(SB)/8, $0x8080808080808080
GLOBL forward<>(SB), RODATA|NOPTR, $32

// FILL copies word to both halves of X.
#define FILL(word, X) \
	MOVQ       word, R10; \
	MOVQ       R10, X; \
	PUNPCKLQDQ X, X

// JUDGE sets the bit of R8 for each byte of X0 that is ASCII and no control character.
#define JUDGE \
	MOVOU    X0, X1; \
	PCMPGTB  X6, X1; \
	MOVOU    X0, X2; \
	PCMPEQB  X7, X2; \
	PANDN    X1, X2; \
	PMOVMSKB X2, R8

// QUOTES sets the bit of R8 for each byte of X0 that is a quotation mark or a backslash.
#define QUOTES \
	MOVOU    X0, X3; \
	PCMPEQB  X8, X3; \
	MOVOU    X0, X4; \
	PCMPEQB  X9, X4; \
	POR      X4, X3; \
	PMOVMSKB X3, R8

// SPREAD shuffles X, eight bytes and eight backslashes, by the row of shuffles that the
// low byte of R8 selects, and writes the result to DI.
#define SPREAD(X) \
	MOVBLZX R8, R9; \
	MOVQ    R9, R10; \
	SHLQ    $4, R10; \
	MOVOU   (R11)(R10*1), X2; \
	PSHUFB  X2, X; \
	MOVOU   X, (DI); \
	POPCNTL R9, R9; \
	LEAQ    8(DI)(R9*1), DI

// SPREADBOTH writes X0 with a backslash before each byte whose bit of R8 is set.
#define SPREADBOTH \
	MOVOU      X0, X1; \
	PUNPCKLQDQ X9, X1; \
	SPREAD(X1); \
	SHRL       $8, R8; \
	PUNPCKHQDQ X9, X0; \
	SPREAD(X0)

// func spreadVectors(out, s []byte, shuffles *[256][16]byte) (read, written int)
TEXT ·spreadVectors(SB), NOSPLIT, $0-72
	MOVQ  out_base+0(FP), DI
	MOVQ  s_base+24(FP), SI
	MOVQ  s_len+32(FP), CX
	MOVQ  DI, BX
	XORQ  AX, AX
	MOVQ  shuffles+48(FP), R11
	FILL($0x1f1f1f1f1f1f1f1f, X6) // below the printable ones
	FILL($0x7f7f7f7f7f7f7f7f, X7) // DEL
	FILL($0x2222222222222222, X8) // quotation marks
	FILL($0x5c5c5c5c5c5c5c5c, X9) // backslashes, to look for and to take from

next:
	LEAQ  16(AX), DX
	CMPQ  DX, CX
	JGT   tail
	MOVOU (SI)(AX*1), X0
	JUDGE
	CMPL  R8, $0xffff
	JNE   done
	QUOTES
	TESTL R8, R8
	JNE   quoted
	MOVOU X0, (DI)
	ADDQ  $16, DI
	MOVQ  DX, AX
	JMP   next

quoted:
	SPREADBOTH
	MOVQ DX, AX
	JMP  next

tail: // fewer than 16 bytes are left, the last of a vector that begins before them
	CMPQ CX, AX
	JEQ  done
	CMPQ CX, $16
	JLT  done
	SUBQ CX, DX                // so many bytes are not ours
	MOVOU  -16(SI)(CX*1), X0
	LEAQ   forward<>(SB), R12
	MOVOU  (R12)(DX*1), X2
	PSHUFB X2, X0
	JUDGE
	MOVL   $0xffff, R13
	MOVQ   CX, R9
	MOVQ   DX, CX
	SHRL   CX, R13             // the bits of those that are
	MOVQ   R9, CX
	ANDL   R13, R8
	CMPL   R8, R13
	JNE    done
	QUOTES
	SPREADBOTH
	SUBQ DX, DI
	MOVQ CX, AX

done:
	SUBQ BX, DI
	MOVQ AX, read+56(FP)
	MOVQ DI, written+64(FP)
	RET
