/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of members that lie inside of the things they link: joining and leaving takes no memory
 * and no search. A member that is in no list points at itself. */
#ifndef KS_EGRESS_LIST_H
#define KS_EGRESS_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *before;
};

/* What holds the member: container_of(link, struct flow, link). */
#define container_of(member_, type_, name_) \
	((type_ *)(void *)((char *)(member_)-offsetof(type_, name_)))

static inline void list_init(struct list *list)
{
	list->next = list->before = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_remove(struct list *member)
{
	member->next->before = member->before;
	member->before->next = member->next;
	list_init(member);
}

static inline void list_append(struct list *list, struct list *member)
{
	member->before = list->before;
	member->next = list;
	list->before->next = member;
	list->before = member;
}

/* Everything of one list becomes the other, which has to be uninitialised or empty. */
static inline void list_move_all(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->before = to;
	to->before->next = to;
	list_init(from);
}

#endif
