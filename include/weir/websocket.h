/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/websocket.h - messages of a WebSocket (RFC 6455), at any split.
 *
 * Feed bytes as they come; take whole messages out. Fragments are joined and
 * masks taken off, so what comes out is the same however the sender cut it;
 * control frames come out between the fragments they stood between. Frames
 * to send are a head, and a payload that is masked in place. Extensions are
 * not known: a reserved bit is a fault, so none may be negotiated.
 *
 * Threads: one owner. Memory: the caller's struct, and a struct weir_buf that
 * grows to one message of the size given; weir_ws_fini() frees it.
 */
#ifndef WEIR_WEBSOCKET_H
#define WEIR_WEBSOCKET_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_ws_opcode {
    WEIR_WS_CONTINUATION = 0,
    WEIR_WS_TEXT = 1,
    WEIR_WS_BINARY = 2,
    WEIR_WS_CLOSE = 8,
    WEIR_WS_PING = 9,
    WEIR_WS_PONG = 10,
};

/* Codes of a close frame (RFC 6455, 7.4.1). */
#define WEIR_WS_NORMAL      1000
#define WEIR_WS_AWAY        1001
#define WEIR_WS_PROTOCOL    1002
#define WEIR_WS_NO_CODE     1005 /* never on the wire */
#define WEIR_WS_NOT_TEXT    1007
#define WEIR_WS_POLICY      1008
#define WEIR_WS_TOO_BIG     1009
#define WEIR_WS_INTERNAL    1011
#define WEIR_WS_RESTART     1012
#define WEIR_WS_AGAIN       1013

#define WEIR_WS_CONTROL_MAX 125 /* bytes of a control frame's payload */
#define WEIR_WS_HEAD_MAX    14
/* A close frame with its longest reason. */
#define WEIR_WS_CLOSE_MAX (WEIR_WS_HEAD_MAX + WEIR_WS_CONTROL_MAX)

struct weir_ws_reader {
    struct weir_buf held; /* the message's payload so far */
    size_t message_max;
    uint64_t left; /* of the frame's payload */
    size_t head_len;
    size_t control_len;
    uint8_t head[WEIR_WS_HEAD_MAX];
    uint8_t control[WEIR_WS_CONTROL_MAX];
    uint8_t mask[4];
    uint8_t mask_at;
    uint8_t opcode;  /* of the frame */
    uint8_t message; /* opcode of the message begun; 0: none */
    bool is_masked;  /* frames must be: a client sends them */
    bool is_final;
    bool is_in_frame; /* the head is read */
    bool is_given;    /* `held` was given out: drop it first */
    bool is_closed;   /* a close frame came: nothing counts behind it */
    uint16_t fault;   /* code to close with; 0: none */
    const char *why;  /* one clause; of `fault` */
};

struct weir_ws_message {
    enum weir_ws_opcode opcode; /* never CONTINUATION */
    weir_span payload;          /* valid until the next call */
    uint16_t code;              /* CLOSE: its code, or WEIR_WS_NO_CODE */
};

/* `message_max`: bytes of one message, its fragments together. */
void weir_ws_init(struct weir_ws_reader *reader, size_t message_max,
                  bool is_masked);
void weir_ws_fini(struct weir_ws_reader *reader);

/*
 * Takes the next message out of `*input`, which advances. False: all input is
 * used, or `reader->fault` is set: what the peer sent is no WebSocket, is too
 * big, or is text that is not UTF-8. It stays so then.
 */
bool weir_ws_next(struct weir_ws_reader *reader, weir_span *input,
                  struct weir_ws_message *message_out);

/* The head of a whole frame; its length. `mask` NULL: a server's. */
size_t weir_ws_put_head(uint8_t out[WEIR_WS_HEAD_MAX],
                        enum weir_ws_opcode opcode, uint64_t len,
                        const uint8_t mask[4]);
/* Puts a mask on, or takes it off; `bytes` are a payload from `at` on. */
void weir_ws_mask(void *bytes, size_t len, const uint8_t mask[4], size_t at);
/* A whole close frame; its length. A reason too long is cut between
 * characters. */
size_t weir_ws_put_close(uint8_t out[WEIR_WS_CLOSE_MAX], uint16_t code,
                         weir_span reason, const uint8_t mask[4]);

#ifdef __cplusplus
}
#endif
#endif
