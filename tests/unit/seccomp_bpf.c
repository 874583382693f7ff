/* SPDX-License-Identifier: Apache-2.0 */
#include "seccomp_bpf.h"

#include <stdbool.h>
#include <string.h>

static bool compare(uint16_t code, uint32_t a, uint32_t k, bool *ret_known)
{
	*ret_known = true;
	switch (code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return a == k;
	case BPF_JMP | BPF_JGE | BPF_K:
		return a >= k;
	case BPF_JMP | BPF_JGT | BPF_K:
		return a > k;
	case BPF_JMP | BPF_JSET | BPF_K:
		return a & k;
	default:
		*ret_known = false;
		return false;
	}
}

uint32_t bpf_run(
	const struct sock_filter *code, size_t len, const struct seccomp_data *data, uint8_t *seen)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < len; pc++) {
		const struct sock_filter *at = &code[pc];
		bool known;
		bool yes;

		if (seen)
			seen[pc] |= BPF_RAN;
		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (at->k % 4 != 0 || at->k > sizeof(*data) - 4)
				return BPF_BROKEN;
			memcpy(&a, (const char *)data + at->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= at->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += at->k;
			continue;
		case BPF_RET | BPF_K:
			return at->k;
		}
		yes = compare(at->code, a, at->k, &known);
		if (!known)
			return BPF_BROKEN;
		if (seen)
			seen[pc] |= yes ? BPF_JUMPED : BPF_JUMPED_NOT;
		pc += yes ? at->jt : at->jf;
	}
	return BPF_BROKEN;
}

unsigned bpf_all_of(const struct sock_filter *instruction)
{
	unsigned code = instruction->code;

	if (BPF_CLASS(code) == BPF_JMP && BPF_OP(code) != BPF_JA)
		return BPF_RAN | BPF_JUMPED | BPF_JUMPED_NOT;
	return BPF_RAN;
}
