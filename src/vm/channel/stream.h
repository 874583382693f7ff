/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a stream of DATA, the same in the guest and outside: a source is read and sent, a
 * sink gets what was received. Neither ever waits. */
#ifndef KS_VM_CHANNEL_STREAM_H
#define KS_VM_CHANNEL_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/channel/endpoint.h"
#include "vm/channel/flow.h"
#include "vm/channel/outbox.h"
#include "vm/channel/ring.h"

struct source {
	uint16_t stream;
	struct endpoint from;
	struct flow_out flow;
	bool ended; /* EOF is sent, or need not be */
};

/* Whether bytes of it could be sent now. */
bool source_wants(const struct source *source, const struct outbox *outbox);
/* Sends one piece, or EOF. True: a piece was sent, and more may be there. */
bool source_pump(struct source *source, struct outbox *outbox);
/* Sends EOF, once. */
void source_end(struct source *source, struct outbox *outbox);
/* Nobody takes its bytes any more: whoever writes them is to notice. */
void source_reset(struct source *source);

struct sink {
	uint16_t stream;
	struct endpoint to;
	struct ring ring; /* as large as the window */
	struct flow_in flow;
	bool waits; /* it has no end yet: what comes is kept for it */
	bool ending; /* nothing more comes: closed once all is passed on */
	bool reset_due; /* whoever took its bytes is gone, which is to be told */
};

/* False: more than the window. */
bool sink_take(struct sink *sink, const uint8_t *bytes, uint32_t len);
void sink_end(struct sink *sink);
/* Passes on what is held, as far as it is taken. */
void sink_flush(struct sink *sink);
/* The events of poll() on it: what is to be waited for, and what came of it. Whoever takes its
 * bytes can leave while there are none. */
short sink_events(const struct sink *sink);
void sink_polled(struct sink *sink, short revents);
/* Says what is due: WINDOW, RESET. */
void sink_speak(struct sink *sink, struct outbox *outbox);

/* The end of one that waited. */
void sink_open(struct sink *sink, struct endpoint to);

/* Ended, and nothing is left of it. */
static inline bool sink_is_done(const struct sink *sink)
{
	return sink->ending && ring_len(&sink->ring) == 0;
}

#endif
