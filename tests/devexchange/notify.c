#include "notify.h"

void event_item(struct mailbox *mb, enum event_type type, const struct item *item,
	const struct folder *from, uint64_t old_id)
{
	(void)mb;
	(void)type;
	(void)item;
	(void)from;
	(void)old_id;
}

void event_folder(struct mailbox *mb, enum event_type type, const struct folder *folder,
	const struct folder *old_parent)
{
	(void)mb;
	(void)type;
	(void)folder;
	(void)old_parent;
}
